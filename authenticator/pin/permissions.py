"""The permissions of a pinUvAuthToken, and which of them a key gives for what (CTAP 2.3 §6.5.5.7)."""

from __future__ import annotations

from collections.abc import Callable
from enum import IntFlag
from typing import TypeAlias

from authenticator.profiles.profile import Profile
from authenticator.status import CtapError, Status


class Permission(IntFlag):
    MAKE_CREDENTIAL = 0x01
    GET_ASSERTION = 0x02
    CREDENTIAL_MANAGEMENT = 0x04
    BIO_ENROLLMENT = 0x08
    LARGE_BLOB_WRITE = 0x10
    AUTHENTICATOR_CONFIGURATION = 0x20
    PERSISTENT_CREDENTIAL_MANAGEMENT_READ_ONLY = 0x40


DEFAULT_PERMISSIONS = Permission.MAKE_CREDENTIAL | Permission.GET_ASSERTION
"""Of a token got by the superseded getPinToken."""
_PCMR = Permission.PERSISTENT_CREDENTIAL_MANAGEMENT_READ_ONLY
_ALL_BUT_PCMR = 0x3F

_Unauthorised: TypeAlias = dict[Permission, Callable[[Profile], bool]]

_UNAUTHORISED: _Unauthorised = {
    Permission.CREDENTIAL_MANAGEMENT: lambda profile: not profile.features.credential_management,
    Permission.LARGE_BLOB_WRITE: lambda profile: not profile.features.large_blobs,
    _PCMR: lambda profile: not profile.features.read_only_credential_management,
}
"""When a permission is not to be had."""

_WITH_PIN: _Unauthorised = {
    **_UNAUTHORISED,
    Permission.BIO_ENROLLMENT: lambda profile: not profile.features.bio_enrollment,
    Permission.AUTHENTICATOR_CONFIGURATION: lambda profile: not profile.features.config,
    Permission.MAKE_CREDENTIAL: lambda profile: profile.features.no_mc_ga_permissions_with_client_pin,
    Permission.GET_ASSERTION: lambda profile: profile.features.no_mc_ga_permissions_with_client_pin,
}
_WITH_UV: _Unauthorised = {
    **_UNAUTHORISED,
    Permission.BIO_ENROLLMENT: lambda profile: not profile.features.uv_bio_enroll,
    Permission.AUTHENTICATOR_CONFIGURATION: lambda profile: not profile.features.uv_config,
}


def require_permissible(profile: Profile, permissions: int, rp_id: str | None, *, built_in_uv: bool) -> None:
    """§6.5.5.7.2 and §6.5.5.7.3 steps 3 and 4."""
    if permissions == 0:
        raise CtapError(Status.INVALID_PARAMETER)
    # §6.5.5.7: "RP ID: Required" is what its table says of these two
    if permissions & DEFAULT_PERMISSIONS.value and rp_id is None:
        raise CtapError(Status.MISSING_PARAMETER)
    for permission, is_unauthorised in (_WITH_UV if built_in_uv else _WITH_PIN).items():
        if permissions & permission.value and is_unauthorised(profile):
            raise CtapError(Status.UNAUTHORIZED_PERMISSION)
    # pcmr is given to a token of its own, with nothing beside it
    if permissions & _PCMR.value and permissions & _ALL_BUT_PCMR:
        raise CtapError(Status.UNAUTHORIZED_PERMISSION)
