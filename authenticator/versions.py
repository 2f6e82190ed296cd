"""What a version in getInfo promises (CTAP 2.3 §9), and what of it a profile lacks."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from authenticator.profiles.profile import Profile


def missing_for(version: str, profile: Profile) -> list[str]:
    """What the profile must have before it may claim `version`, one phrase each; empty where it may."""
    if version not in _REQUIREMENTS:
        return [f"a version of that name (there are {', '.join(_REQUIREMENTS)})"]
    return list(_REQUIREMENTS[version](profile))


def _u2f_v2(profile: Profile) -> Iterator[str]:
    if not profile.features.u2f:
        yield "u2f"


def _fido_2_0(profile: Profile) -> Iterator[str]:
    if not profile.features.ctap2:
        yield "ctap2"


def _fido_2_1_pre(profile: Profile) -> Iterator[str]:
    yield from _fido_2_0(profile)
    features = profile.features
    if not (features.bio_enrollment_preview or features.credential_management_preview):
        yield "bio_enrollment_preview or credential_management_preview"


def _fido_2_1(profile: Profile) -> Iterator[str]:
    yield from _fido_2_0(profile)
    features, extensions = profile.features, profile.extensions
    verifies_users = features.client_pin or features.user_verification is not None
    if "hmac-secret" not in extensions:
        yield "the extension hmac-secret"
    if features.resident_keys:
        if not verifies_users:
            yield "client_pin or user_verification (as it has resident_keys)"
        if not features.credential_management and not features.platform_device:
            # A device with a screen of its own may show its passkeys there instead (§9).
            yield "credential_management (as it has resident_keys)"
    if verifies_users:
        if "credProtect" not in extensions:
            yield "the extension credProtect (as it verifies users)"
        if not features.pin_uv_auth_token:
            yield "pin_uv_auth_token (as it verifies users)"
        elif 2 not in profile.pin_protocols:
            yield "PIN protocol 2 (as it has pin_uv_auth_token)"
    if not features.selection:
        yield "selection"
    if "minPinLength" in extensions and not features.set_min_pin_length:
        yield "set_min_pin_length (as it has the extension minPinLength)"


def _fido_2_2(profile: Profile) -> Iterator[str]:
    yield "another name: CTAP 2.3 §6.4 forbids FIDO_2_2, as CTAP 2.2 defined no version of its own"


def _fido_2_3(profile: Profile) -> Iterator[str]:
    yield from _fido_2_1(profile)
    features, extensions = profile.features, profile.extensions
    if features.enterprise_attestation and not features.config:
        yield "config (as it has enterprise_attestation)"
    if "pinComplexityPolicy" in extensions and not features.set_min_pin_length:
        yield "set_min_pin_length (as it has the extension pinComplexityPolicy)"


_REQUIREMENTS: dict[str, Callable[[Profile], Iterator[str]]] = {
    "U2F_V2": _u2f_v2,
    "FIDO_2_0": _fido_2_0,
    "FIDO_2_1_PRE": _fido_2_1_pre,
    "FIDO_2_1": _fido_2_1,
    "FIDO_2_2": _fido_2_2,
    "FIDO_2_3": _fido_2_3,
}
