"""What a key says of itself on the wire, and how ykman reads and changes it."""

from __future__ import annotations

import logging

from authenticator.authenticator import Authenticator
from authenticator.management import (
    READ_CONFIG,
    WRITE_CONFIG,
    Application,
    InvalidConfiguration,
    read_config,
    usb_enabled,
    write_config,
)
from authenticator.profiles.profile import Profile
from authenticator.store import DeviceState
from ctaphid.device import Capability, Identity
from ctaphid.packets import ErrorCode

log = logging.getLogger(__name__)


def identify(profile: Profile, state: DeviceState) -> Identity:
    """CTAPHID_INIT's answer: the profile's, less what was switched off with ykman."""
    features, usb = profile.features, profile.usb
    ctap2, u2f = features.ctap2, features.u2f
    if features.yubikey_management:
        enabled = usb_enabled(profile, state)
        ctap2, u2f = Application.FIDO2 in enabled, Application.U2F in enabled
    capabilities = Capability.WINK if usb.wink else Capability(0)
    capabilities |= Capability.CBOR if ctap2 else Capability(0)
    capabilities |= Capability(0) if u2f else Capability.NMSG
    return Identity(version=usb.device_version, capabilities=capabilities)


def manage(authenticator: Authenticator, command: int, request: bytes) -> bytes | ErrorCode:
    """A vendor command, as a YubiKey answers it."""
    profile, state = authenticator.profile, authenticator.state
    if not profile.features.yubikey_management:
        return ErrorCode.INVALID_CMD
    try:
        if command == READ_CONFIG:
            return read_config(profile, state, request)
        if command == WRITE_CONFIG:
            authenticator.change_state(management_config=write_config(profile, state, request))
            return b""
        return ErrorCode.INVALID_CMD
    except InvalidConfiguration as refusal:
        log.debug("refused vendor command %#04x: %s", command, refusal)
        return ErrorCode.INVALID_PAR
