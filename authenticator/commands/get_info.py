"""authenticatorGetInfo (CTAP 2.3 §6.4)."""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING, Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from authenticator import cbor
from authenticator.commands.config import SubCommand, has_pin_complexity_policy, offered_sub_commands
from authenticator.extensions.uvm import USER_VERIFY
from authenticator.operation import Steps
from authenticator.parameters import Parameters
from authenticator.person import Purpose
from authenticator.profiles.profile import INFO_MEMBERS, Quirk
from authenticator.user import can_verify_user, has_client_pin, require_presence

if TYPE_CHECKING:
    from authenticator.authenticator import Authenticator


class ResponseKey(IntEnum):
    VERSIONS = 0x01
    EXTENSIONS = 0x02
    AAGUID = 0x03
    OPTIONS = 0x04
    MAX_MSG_SIZE = 0x05
    PIN_UV_AUTH_PROTOCOLS = 0x06
    MAX_CREDENTIAL_COUNT_IN_LIST = 0x07
    MAX_CREDENTIAL_ID_LENGTH = 0x08
    TRANSPORTS = 0x09
    ALGORITHMS = 0x0A
    MAX_SERIALIZED_LARGE_BLOB_ARRAY = 0x0B
    FORCE_PIN_CHANGE = 0x0C
    MIN_PIN_LENGTH = 0x0D
    FIRMWARE_VERSION = 0x0E
    MAX_CRED_BLOB_LENGTH = 0x0F
    MAX_RPIDS_FOR_SET_MIN_PIN_LENGTH = 0x10
    PREFERRED_PLATFORM_UV_ATTEMPTS = 0x11
    UV_MODALITY = 0x12
    CERTIFICATIONS = 0x13
    REMAINING_DISCOVERABLE_CREDENTIALS = 0x14
    VENDOR_PROTOTYPE_CONFIG_COMMANDS = 0x15
    ATTESTATION_FORMATS = 0x16
    UV_COUNT_SINCE_LAST_PIN_ENTRY = 0x17
    LONG_TOUCH_FOR_RESET = 0x18
    ENC_IDENTIFIER = 0x19
    TRANSPORTS_FOR_RESET = 0x1A
    PIN_COMPLEXITY_POLICY = 0x1B
    PIN_COMPLEXITY_POLICY_URL = 0x1C
    MAX_PIN_LENGTH = 0x1D
    ENC_CRED_STORE_STATE = 0x1E
    AUTHENTICATOR_CONFIG_COMMANDS = 0x1F


def get_info(auth: Authenticator, parameters: Parameters, channel: int) -> Steps:
    if auth.profile.has(Quirk.TOUCH_FOR_GET_INFO):
        yield from require_presence(Purpose.SELECT_KEY)
    # Every ceremony begins with getInfo, and the answer changes with the state only: it is encoded once for each.
    state, stored = auth.state, len(auth.store)
    if auth.encoded_info is not None and auth.encoded_info[:2] == (state, stored):
        return auth.encoded_info[2]
    members = info(auth)
    encoded = cbor.encode(members)
    if ResponseKey.ENC_IDENTIFIER not in members:  # encrypted anew each time
        auth.encoded_info = (state, stored, encoded)
    return encoded


def info(auth: Authenticator) -> dict[int, Any]:
    """The members this profile has, in this state."""
    members = {**_identity(auth), **_limits(auth), **_pin(auth), **_encrypted(auth)}
    chosen = auth.profile.get_info_members
    if chosen is not None:
        kept = {ResponseKey.VERSIONS, ResponseKey.AAGUID, *(INFO_MEMBERS[name] for name in chosen)}
        members = {key: value for key, value in members.items() if key in kept}
    return members


def versions(auth: Authenticator) -> list[str]:
    # §7.2.4: while users must be verified, U2F is off, as it verifies nobody.
    return [each for each in auth.profile.versions if not (each == "U2F_V2" and auth.state.always_uv)]


def options(auth: Authenticator) -> dict[str, bool]:
    """Absent: not supported. False: supported, but off or not configured. True: ready."""
    features, state = auth.profile.features, auth.state
    values = {"rk": features.resident_keys, "up": True}
    if features.platform_device:
        values["plat"] = True
    if features.user_verification is not None:
        values["uv"] = can_verify_user(auth)
    if features.always_uv:
        values["alwaysUv"] = state.always_uv
    if features.client_pin:
        values["clientPin"] = has_client_pin(auth)
        if features.no_mc_ga_permissions_with_client_pin:
            values["noMcGaPermissionsWithClientPin"] = True
    if features.enterprise_attestation:
        values["ep"] = state.enterprise_attestation
    if features.bio_enrollment:
        values["bioEnroll"] = bool(state.fingerprints)
    if features.bio_enrollment_preview:
        values["userVerificationMgmtPreview"] = bool(state.fingerprints)
    if features.make_cred_uv_not_required:
        # §7.2.3: false while alwaysUv is on
        values["makeCredUvNotRqd"] = not state.always_uv
    present = {
        "pinUvAuthToken": features.pin_uv_auth_token,
        "credMgmt": features.credential_management,
        "credentialMgmtPreview": features.credential_management_preview,
        "perCredMgmtRO": features.read_only_credential_management,
        "largeBlobs": features.large_blobs,
        "authnrCfg": features.config,
        "uvAcfg": features.uv_config,
        "uvBioEnroll": features.uv_bio_enroll,
        "setMinPINLength": features.set_min_pin_length,
    }
    return values | {name: True for name, has_it in present.items() if has_it}


def _identity(auth: Authenticator) -> dict[int, Any]:
    profile, features = auth.profile, auth.profile.features
    members: dict[int, Any] = {
        ResponseKey.VERSIONS: versions(auth),
        ResponseKey.AAGUID: profile.aaguid,
        ResponseKey.OPTIONS: options(auth),
        ResponseKey.MAX_MSG_SIZE: profile.limits.max_message_size,
        ResponseKey.ALGORITHMS: [{"type": "public-key", "alg": int(each)} for each in profile.algorithms],
    }
    if profile.extensions:
        members[ResponseKey.EXTENSIONS] = sorted(profile.extensions)
    if profile.transports:
        members[ResponseKey.TRANSPORTS] = list(profile.transports)
    if profile.firmware_version is not None:
        members[ResponseKey.FIRMWARE_VERSION] = profile.firmware_version
    if features.user_verification is not None:
        members[ResponseKey.UV_MODALITY] = int(USER_VERIFY[features.user_verification])
    if profile.certifications:
        members[ResponseKey.CERTIFICATIONS] = dict(profile.certifications)
    # "none" is implied and left out
    formats = [fmt for fmt in profile.attestation.formats if fmt != "none"]
    if formats:
        members[ResponseKey.ATTESTATION_FORMATS] = formats
    if features.reset and features.transports_for_reset:
        members[ResponseKey.TRANSPORTS_FOR_RESET] = list(features.transports_for_reset)
    if features.config:
        commands = offered_sub_commands(profile)
        members[ResponseKey.AUTHENTICATOR_CONFIG_COMMANDS] = commands
        if SubCommand.VENDOR_PROTOTYPE in commands:
            members[ResponseKey.VENDOR_PROTOTYPE_CONFIG_COMMANDS] = list(features.vendor_config_commands)
    if features.long_touch_for_reset:
        members[ResponseKey.LONG_TOUCH_FOR_RESET] = auth.state.long_touch_for_reset
    return members


def _limits(auth: Authenticator) -> dict[int, Any]:
    profile, features, limits = auth.profile, auth.profile.features, auth.profile.limits
    members: dict[int, Any] = {}
    if limits.max_credentials_in_list is not None:
        members[ResponseKey.MAX_CREDENTIAL_COUNT_IN_LIST] = limits.max_credentials_in_list
    if limits.max_credential_id_length is not None:
        members[ResponseKey.MAX_CREDENTIAL_ID_LENGTH] = limits.max_credential_id_length
    if features.large_blobs:
        members[ResponseKey.MAX_SERIALIZED_LARGE_BLOB_ARRAY] = limits.large_blob_array
    if "credBlob" in profile.extensions:
        members[ResponseKey.MAX_CRED_BLOB_LENGTH] = limits.cred_blob
    if features.resident_keys:
        remaining = max(0, limits.resident_credentials - len(auth.store))
        members[ResponseKey.REMAINING_DISCOVERABLE_CREDENTIALS] = remaining
    if features.user_verification is not None and limits.preferred_platform_uv_attempts is not None:
        members[ResponseKey.PREFERRED_PLATFORM_UV_ATTEMPTS] = limits.preferred_platform_uv_attempts
    return members


def _pin(auth: Authenticator) -> dict[int, Any]:
    profile, features, state = auth.profile, auth.profile.features, auth.state
    members: dict[int, Any] = {}
    if profile.pin_protocols:  # also where only hmac-secret uses them
        members[ResponseKey.PIN_UV_AUTH_PROTOCOLS] = list(profile.pin_protocols)
    if features.set_min_pin_length:
        members[ResponseKey.MAX_RPIDS_FOR_SET_MIN_PIN_LENGTH] = profile.limits.max_min_pin_rp_ids
    if not features.client_pin:
        return members
    members[ResponseKey.MIN_PIN_LENGTH] = state.min_pin_length
    members[ResponseKey.MAX_PIN_LENGTH] = profile.limits.max_pin_length
    if features.pin_uv_auth_token:
        members[ResponseKey.FORCE_PIN_CHANGE] = state.force_pin_change
    if has_pin_complexity_policy(profile):
        members[ResponseKey.PIN_COMPLEXITY_POLICY] = state.pin_complexity_policy
        if features.pin_complexity_policy_url is not None:
            members[ResponseKey.PIN_COMPLEXITY_POLICY_URL] = features.pin_complexity_policy_url.encode()
    if features.user_verification is not None:
        members[ResponseKey.UV_COUNT_SINCE_LAST_PIN_ENTRY] = state.uv_count_since_pin
    return members


# encIdentifier and encCredStoreState: who holds the persistent token recognises the key, nobody else does.


def _encrypted(auth: Authenticator) -> dict[int, Any]:
    token = auth.state.persistent_pin_uv_auth_token
    if token is None or not auth.profile.features.read_only_credential_management:
        return {}
    return {
        ResponseKey.ENC_IDENTIFIER: _encrypt(auth, token, "encIdentifier", auth.derived_secret("identifier")),
        ResponseKey.ENC_CRED_STORE_STATE: _encrypt(
            auth, token, "encCredStoreState", auth.credential_store_state()
        ),
    }


def _encrypt(auth: Authenticator, token: bytes, name: str, value: bytes) -> bytes:
    """iv ‖ AES-128-CBC(HKDF-SHA-256(token, salt = 32 zero bytes, info = the member's name), 16 bytes)."""
    key = HKDF(hashes.SHA256(), 16, bytes(32), name.encode()).derive(token)
    iv = auth.environment.random.bytes(16)
    encryptor = Cipher(algorithms.AES(key), modes.CBC(iv)).encryptor()
    return iv + encryptor.update(value[:16]) + encryptor.finalize()
