"""What must hold of every profile: contradictions no device can have, and what each version and standard demands."""

from __future__ import annotations

import re
from collections.abc import Callable, Container, Iterator
from dataclasses import dataclass

from authenticator.cose import Algorithm
from authenticator.profiles.profile import (
    AttestationPolicy,
    CounterPolicy,
    Features,
    Kind,
    Limits,
    Profile,
    Quirk,
    UvMethod,
)
from authenticator.versions import missing_for


@dataclass(frozen=True, slots=True)
class Invariant:
    holds: Callable[[Profile], bool]
    message: str
    keys: tuple[str, ...]
    """Which keys of the file to blame, the likeliest first."""


def broken_invariant(
    profile: Profile, stated: Container[str] = frozenset()
) -> tuple[str, tuple[str, ...], str | None] | None:
    """The first rule broken: a message, the keys to blame, and the word to blame in a list; None if all hold.

    `stated` are the keys its own file states, of which none may be without effect.
    """
    for invariant in INVARIANTS:
        if not invariant.holds(profile):
            return invariant.message, invariant.keys, None
    for version in profile.versions:
        missing = missing_for(version, profile)
        if missing:
            words = re.findall(r"\w+", " ".join(missing))
            keys = ("versions", *(f"features.{word}" for word in words), "extensions")
            return f"{version} demands {' and '.join(missing)}", keys, version
    for invariant in EFFECTIVE:
        key = invariant.keys[0]
        if key in stated and not invariant.holds(profile):
            return invariant.message, invariant.keys, None
    return None


def _features(test: Callable[[Features], bool]) -> Callable[[Profile], bool]:
    return lambda profile: test(profile.features)


def _limits(test: Callable[[Limits], bool]) -> Callable[[Profile], bool]:
    return lambda profile: test(profile.limits)


def _attestation(test: Callable[[AttestationPolicy], bool]) -> Callable[[Profile], bool]:
    return lambda profile: test(profile.attestation)


def _needs(extension: str, *others: str) -> Callable[[Profile], bool]:
    return lambda profile: extension not in profile.extensions or profile.extensions.issuperset(others)


def _verifies(features: Features) -> bool:
    return features.client_pin or features.user_verification is not None


def _is_key(profile: Profile) -> bool:
    return profile.kind is Kind.SECURITY_KEY


_COLOUR = re.compile(r"#[0-9a-fA-F]{6}")
_OF_KEYS = {"usb", "nfc", "ble", "smart-card"}
_OF_PLATFORMS = {"internal", "hybrid"}
_FORCED_TO_U2F = ((0x10C4, 0x8ACF), (0x20A0, 0x4287))
"""Chromium speaks U2F only to these vendor and product ids, as the keys that have them mishandle CTAP2."""
_PLATFORM_FORMATS = {"android-key", "apple", "tpm"}


def _general() -> Iterator[Invariant]:
    yield Invariant(
        lambda p: _is_key(p) or not (p.features.u2f or p.features.yubikey_management or p.usb.otp_keyboard),
        "u2f, yubikey_management and otp_keyboard are of security keys only",
        ("features.u2f", "features.yubikey_management", "usb.otp_keyboard", "kind"),
    )
    yield Invariant(
        lambda p: p.features.ctap2 or p.features.u2f,
        "a device speaks ctap2, u2f or both",
        ("features.ctap2",),
    )
    yield Invariant(lambda p: bool(p.versions), "versions is empty", ("versions",))
    yield Invariant(lambda p: bool(p.algorithms), "algorithms is empty", ("algorithms",))
    yield Invariant(
        lambda p: not p.features.u2f or Algorithm.ES256 in p.algorithms,
        "u2f knows ES256 only, which algorithms lacks",
        ("algorithms", "features.u2f"),
    )
    yield Invariant(
        lambda p: not p.features.u2f or "U2F_V2" in p.versions,
        "u2f is on, so versions must name U2F_V2",
        ("versions", "features.u2f"),
    )
    yield Invariant(
        lambda p: not p.features.ctap2 or any(version.startswith("FIDO_") for version in p.versions),
        "ctap2 is on, so versions must name a FIDO_ version",
        ("versions", "features.ctap2"),
    )
    yield Invariant(
        lambda p: p.features.ctap2 or not (p.extensions or p.pin_protocols),
        "extensions and pin_protocols belong to CTAP2, which is off",
        ("extensions", "pin_protocols", "features.ctap2"),
    )
    yield Invariant(
        lambda p: p.features.ctap2 or not (p.features.resident_keys or _verifies(p.features)),
        "resident_keys, client_pin and user_verification belong to CTAP2, which is off",
        ("features.resident_keys", "features.client_pin", "features.user_verification", "features.ctap2"),
    )
    yield Invariant(
        lambda p: p.firmware_version is None or p.firmware_version >= 0,
        "firmware_version is not negative",
        ("firmware_version",),
    )
    yield Invariant(
        lambda p: (
            all(level >= 1 for level in p.certifications.values()) and p.certifications.get("FIDO", 1) <= 6
        ),
        "a certification's level is at least 1, FIDO's (L1, L1+, … L3+) at most 6",
        ("certifications",),
    )
    yield Invariant(
        lambda p: (
            bool(_COLOUR.fullmatch(p.look.colour))
            and (p.look.led is None or bool(_COLOUR.fullmatch(p.look.led)))
        ),
        'a colour is written as "#1a2b3c"',
        ("look.colour", "look.led"),
    )


def _identity() -> Iterator[Invariant]:
    yield Invariant(
        lambda p: not (p.features.ctap2 and p.attestation.certified) or any(p.aaguid),
        "a CTAP2 device with certified attestation has an AAGUID other than zero",
        ("aaguid", "attestation.certified"),
    )
    yield Invariant(
        lambda p: p.features.ctap2 or not any(p.aaguid), "a key of U2F alone has no AAGUID", ("aaguid",)
    )
    yield Invariant(
        lambda p: all(0 <= each <= 0xFFFF for each in (p.usb.vendor_id, p.usb.product_id)),
        "vendor_id and product_id are 0 to 0xFFFF",
        ("usb.vendor_id", "usb.product_id"),
    )
    yield Invariant(
        lambda p: not p.features.ctap2 or (p.usb.vendor_id, p.usb.product_id) not in _FORCED_TO_U2F,
        "Chromium forces this vendor and product id to U2F",
        ("usb.product_id", "usb.vendor_id"),
    )
    yield Invariant(
        lambda p: all(1 <= len(each) <= 126 for each in (p.usb.manufacturer, p.usb.product)),
        "manufacturer and product are 1 to 126 characters, as USB's string descriptors are",
        ("usb.product", "usb.manufacturer"),
    )
    yield Invariant(
        lambda p: all(0 <= each <= 0xFF for each in p.usb.device_version),
        "device_version is three numbers from 0 to 255",
        ("usb.device_version",),
    )
    yield Invariant(lambda p: bool(p.transports), "transports is empty", ("transports",))
    yield Invariant(
        lambda p: not _is_key(p) or _OF_PLATFORMS.isdisjoint(p.transports),
        "a security key is not reached by internal or hybrid",
        ("transports", "kind"),
    )
    yield Invariant(
        lambda p: _is_key(p) or _OF_KEYS.isdisjoint(p.transports),
        "platforms and providers are reached by internal or hybrid, not as keys are",
        ("transports", "kind"),
    )
    yield Invariant(
        lambda p: p.features.platform_device != _is_key(p),
        "platform_device is true of platforms and providers, and of nothing else",
        ("features.platform_device", "kind"),
    )
    yield Invariant(
        lambda p: p.backup_eligible == (p.kind is Kind.PROVIDER),
        "backup_eligible is true of providers, whose passkeys sync, and of nothing else",
        ("backup_eligible", "kind"),
    )
    yield Invariant(
        lambda p: not p.backup_eligible or p.counter is CounterPolicy.ZERO,
        "synced passkeys have no counter: it cannot be kept in step on all devices",
        ("counter", "backup_eligible"),
    )


def _limit_ranges() -> Iterator[Invariant]:
    yield Invariant(
        _limits(lambda each: 1024 <= each.max_message_size <= 7609),
        "max_message_size is 1024 (CTAP's least) to 7609 (the most CTAPHID carries)",
        ("limits.max_message_size",),
    )
    yield Invariant(
        _limits(lambda each: 4 <= each.min_pin_length <= 63),
        "min_pin_length is 4 to 63",
        ("limits.min_pin_length",),
    )
    yield Invariant(
        _limits(lambda each: each.min_pin_length <= each.max_pin_length <= 63),
        "max_pin_length is min_pin_length to 63",
        ("limits.max_pin_length", "limits.min_pin_length"),
    )
    yield Invariant(
        _limits(lambda each: 1 <= each.pin_retries <= 8), "pin_retries is 1 to 8", ("limits.pin_retries",)
    )
    yield Invariant(
        _limits(lambda each: 1 <= each.uv_retries <= 25), "uv_retries is 1 to 25", ("limits.uv_retries",)
    )
    yield Invariant(
        _limits(lambda each: each.max_credentials_in_list is None or each.max_credentials_in_list >= 1),
        "max_credentials_in_list is at least 1",
        ("limits.max_credentials_in_list",),
    )
    yield Invariant(
        lambda p: (
            p.limits.max_credential_id_length is None
            or p.limits.max_credential_id_length >= (32 if p.has(Quirk.ALWAYS_DISCOVERABLE) else 64)
        ),
        "max_credential_id_length is at least 64, the length of an id that holds its key sealed",
        ("limits.max_credential_id_length",),
    )
    yield Invariant(
        lambda p: not p.features.resident_keys or p.limits.resident_credentials >= 1,
        "resident_credentials is at least 1 where there are resident_keys",
        ("limits.resident_credentials", "features.resident_keys"),
    )
    yield Invariant(
        lambda p: not p.features.large_blobs or p.limits.large_blob_array >= 1024,
        "large_blob_array is at least 1024 (CTAP 2.3 §6.4, maxSerializedLargeBlobArray)",
        ("limits.large_blob_array",),
    )
    yield Invariant(
        lambda p: "credBlob" not in p.extensions or p.limits.cred_blob >= 32,
        "cred_blob is at least 32 (CTAP 2.3 §6.4, maxCredBlobLength)",
        ("limits.cred_blob",),
    )
    yield Invariant(
        _limits(lambda each: min(each.fingers, each.finger_samples) >= 1),
        "fingers and finger_samples are at least 1",
        ("limits.fingers", "limits.finger_samples"),
    )
    yield Invariant(
        _limits(lambda each: each.max_min_pin_rp_ids >= 0),
        "max_min_pin_rp_ids is not negative",
        ("limits.max_min_pin_rp_ids",),
    )


def _user_verification() -> Iterator[Invariant]:
    yield Invariant(
        _features(
            lambda f: (
                not (f.bio_enrollment or f.bio_enrollment_preview)
                or f.user_verification is UvMethod.FINGERPRINT
            )
        ),
        'bio_enrollment needs a sensor: user_verification = "fingerprint"',
        ("features.bio_enrollment", "features.bio_enrollment_preview", "features.user_verification"),
    )
    yield Invariant(
        _features(lambda f: not f.uv_bio_enroll or (f.bio_enrollment and f.pin_uv_auth_token)),
        "uv_bio_enroll needs bio_enrollment and pin_uv_auth_token",
        ("features.uv_bio_enroll", "features.bio_enrollment", "features.pin_uv_auth_token"),
    )
    yield Invariant(
        _features(lambda f: not f.uv_config or (f.config and f.user_verification is not None)),
        "uv_config needs config and user_verification",
        ("features.uv_config", "features.config", "features.user_verification"),
    )
    yield Invariant(
        _features(lambda f: not (f.always_uv or f.always_uv_by_default) or _verifies(f)),
        "always_uv needs client_pin or user_verification: nothing here can verify the user",
        ("features.always_uv", "features.always_uv_by_default", "features.client_pin"),
    )
    yield Invariant(
        _features(lambda f: not f.always_uv_by_default or f.always_uv),
        "always_uv_by_default needs always_uv",
        ("features.always_uv_by_default", "features.always_uv"),
    )
    yield Invariant(
        _features(lambda f: not f.pin_uv_auth_token or _verifies(f)),
        "pin_uv_auth_token needs client_pin or user_verification",
        ("features.pin_uv_auth_token", "features.client_pin"),
    )
    yield Invariant(
        _features(
            lambda f: (
                not f.no_mc_ga_permissions_with_client_pin
                or (f.client_pin and f.pin_uv_auth_token and f.user_verification is not None)
            )
        ),
        "no_mc_ga_permissions_with_client_pin needs client_pin, pin_uv_auth_token and user_verification",
        ("features.no_mc_ga_permissions_with_client_pin",),
    )
    yield Invariant(lambda p: set(p.pin_protocols) <= {1, 2}, "pin_protocols are 1 and 2", ("pin_protocols",))
    yield Invariant(
        lambda p: bool(p.pin_protocols) or not (p.features.client_pin or p.features.pin_uv_auth_token),
        "client_pin and pin_uv_auth_token need pin_protocols",
        ("pin_protocols", "features.client_pin", "features.pin_uv_auth_token"),
    )
    yield Invariant(
        lambda p: bool(p.pin_protocols) or "hmac-secret" not in p.extensions,
        "hmac-secret needs pin_protocols, whose key agreement it uses",
        ("pin_protocols", "extensions"),
    )
    yield Invariant(
        lambda p: (
            not p.pin_protocols
            or p.features.client_pin
            or p.features.pin_uv_auth_token
            or "hmac-secret" in p.extensions
        ),
        "pin_protocols have no use without client_pin, pin_uv_auth_token or hmac-secret",
        ("pin_protocols", "features.client_pin"),
    )


def _commands() -> Iterator[Invariant]:
    yield Invariant(
        _features(
            lambda f: f.resident_keys or not (f.credential_management or f.credential_management_preview)
        ),
        "credential_management manages resident_keys, which are off",
        (
            "features.credential_management",
            "features.credential_management_preview",
            "features.resident_keys",
        ),
    )
    yield Invariant(
        _features(lambda f: _verifies(f) or not (f.credential_management or f.credential_management_preview)),
        "credential_management needs client_pin or user_verification",
        ("features.credential_management", "features.credential_management_preview", "features.client_pin"),
    )
    yield Invariant(
        _features(
            lambda f: (
                not f.read_only_credential_management or (f.credential_management and f.pin_uv_auth_token)
            )
        ),
        "read_only_credential_management needs credential_management and pin_uv_auth_token",
        ("features.read_only_credential_management", "features.credential_management"),
    )
    yield Invariant(
        _features(lambda f: not f.config or f.pin_uv_auth_token),
        "config needs pin_uv_auth_token",
        ("features.config", "features.pin_uv_auth_token"),
    )
    yield Invariant(
        _features(lambda f: not f.set_min_pin_length or (f.config and f.client_pin)),
        "set_min_pin_length needs config and client_pin",
        ("features.set_min_pin_length", "features.config", "features.client_pin"),
    )
    yield Invariant(
        _features(lambda f: not f.long_touch_for_reset or (f.config and f.reset)),
        "long_touch_for_reset needs config and reset",
        ("features.long_touch_for_reset", "features.config", "features.reset"),
    )
    yield Invariant(
        lambda p: (
            not p.features.transports_for_reset
            or (p.features.reset and set(p.features.transports_for_reset) <= set(p.transports))
        ),
        "transports_for_reset are some of transports, and need reset",
        ("features.transports_for_reset", "transports", "features.reset"),
    )
    yield Invariant(
        _features(lambda f: not f.vendor_config_commands or f.config),
        "vendor_config_commands need config",
        ("features.vendor_config_commands", "features.config"),
    )
    yield Invariant(
        _features(lambda f: not f.vendor_facilitated_enterprise_rp_ids or f.enterprise_attestation),
        "vendor_facilitated_enterprise_rp_ids need enterprise_attestation",
        ("features.vendor_facilitated_enterprise_rp_ids", "features.enterprise_attestation"),
    )
    yield Invariant(
        lambda p: not p.features.enterprise_attestation or p.attestation.certified,
        "enterprise_attestation needs certified attestation",
        ("features.enterprise_attestation", "attestation.certified"),
    )


def _extensions() -> Iterator[Invariant]:
    yield Invariant(
        _needs("hmac-secret-mc", "hmac-secret"), "hmac-secret-mc needs hmac-secret", ("extensions",)
    )
    yield Invariant(
        lambda p: ("largeBlobKey" in p.extensions) == p.features.large_blobs,
        "largeBlobKey and large_blobs come together",
        ("features.large_blobs", "extensions"),
    )
    yield Invariant(
        lambda p: not p.extensions >= {"largeBlobKey", "largeBlob"},
        "largeBlobKey and largeBlob are two ways to the same end: a device has one (CTAP 2.3 §12.4)",
        ("extensions",),
    )
    yield Invariant(
        lambda p: not p.extensions & {"largeBlobKey", "largeBlob", "credBlob"} or p.features.resident_keys,
        "largeBlobKey, largeBlob and credBlob are kept with resident_keys, which are off",
        ("features.resident_keys", "extensions"),
    )
    yield Invariant(
        lambda p: "minPinLength" not in p.extensions or p.features.set_min_pin_length,
        "the extension minPinLength needs set_min_pin_length",
        ("extensions", "features.set_min_pin_length"),
    )
    yield Invariant(
        lambda p: "pinComplexityPolicy" not in p.extensions or p.features.client_pin,
        "the extension pinComplexityPolicy needs client_pin",
        ("extensions", "features.client_pin"),
    )
    yield Invariant(
        lambda p: p.features.pin_complexity_policy_url is None or "pinComplexityPolicy" in p.extensions,
        "pin_complexity_policy_url needs the extension pinComplexityPolicy",
        ("features.pin_complexity_policy_url", "extensions"),
    )
    yield Invariant(
        lambda p: not p.extensions & {"credProtect", "uvm"} or _verifies(p.features),
        "credProtect and uvm need client_pin or user_verification",
        ("extensions", "features.client_pin"),
    )


def _attestation_formats() -> Iterator[Invariant]:
    yield Invariant(_attestation(lambda a: bool(a.formats)), "formats is empty", ("attestation.formats",))
    yield Invariant(
        lambda p: p.kind is Kind.PLATFORM or _PLATFORM_FORMATS.isdisjoint(p.attestation.formats),
        "android-key, apple and tpm are the formats of platforms",
        ("attestation.formats", "kind"),
    )
    yield Invariant(
        lambda p: "fido-u2f" not in p.attestation.formats or (_is_key(p) and Algorithm.ES256 in p.algorithms),
        "fido-u2f is the format of security keys with ES256",
        ("attestation.formats", "kind", "algorithms"),
    )
    yield Invariant(
        _attestation(lambda a: a.certified or set(a.formats) <= {"none", "packed"}),
        "only none and packed go without certificates",
        ("attestation.certified", "attestation.formats"),
    )
    yield Invariant(
        lambda p: p.kind is not Kind.PROVIDER or not p.attestation.certified,
        "a provider's passkeys are of no one device, so their attestation is not certified",
        ("attestation.certified", "kind"),
    )
    yield Invariant(
        _attestation(lambda a: 1 <= len(a.batch_common_name) <= 64),
        "batch_common_name is 1 to 64 characters, as X.509 has it",
        ("attestation.batch_common_name",),
    )
    yield Invariant(
        _attestation(lambda a: bool(a.organization) and bool(re.fullmatch("[A-Z]{2}", a.country))),
        "organization is not empty, and country two capital letters (ISO 3166)",
        ("attestation.country", "attestation.organization"),
    )
    yield Invariant(
        _attestation(lambda a: a.aik_algorithm in (Algorithm.RS256, Algorithm.ES256)),
        "aik_algorithm is RS256 or ES256",
        ("attestation.aik_algorithm",),
    )
    yield Invariant(
        _attestation(lambda a: bool(re.fullmatch("id:[0-9A-F]{8}", a.tpm_manufacturer))),
        'tpm_manufacturer is written as "id:4D534654", as the TCG registers it',
        ("attestation.tpm_manufacturer",),
    )


def _quirks() -> Iterator[Invariant]:
    yield Invariant(
        lambda p: not p.has(Quirk.SELECT_ACCOUNT_ON_DEVICE) or p.look.display,
        "select-account-on-device needs a display",
        ("quirks", "look.display"),
    )
    yield Invariant(
        lambda p: not (p.has(Quirk.NO_TOUCH_FOR_RESET) or p.has(Quirk.RESET_ANY_TIME)) or p.features.reset,
        "the quirks of reset need reset",
        ("quirks", "features.reset"),
    )
    yield Invariant(
        lambda p: not p.has(Quirk.ZERO_AAGUID) or not _is_key(p),
        "zero-aaguid is what platforms and providers do, not keys",
        ("quirks", "kind"),
    )
    yield Invariant(
        lambda p: not p.has(Quirk.ALWAYS_DISCOVERABLE) or p.features.resident_keys,
        "always-discoverable needs resident_keys",
        ("quirks", "features.resident_keys"),
    )


INVARIANTS: tuple[Invariant, ...] = (
    *_general(),
    *_identity(),
    *_limit_ranges(),
    *_user_verification(),
    *_commands(),
    *_extensions(),
    *_attestation_formats(),
    *_quirks(),
)


def _effective() -> Iterator[Invariant]:
    def of(key: str, needed: str, holds: Callable[[Profile], bool]) -> Invariant:
        return Invariant(holds, f"{key.rpartition('.')[2]} has no effect without {needed}", (key,))

    def _has_pin(p: Profile) -> bool:
        return p.features.client_pin or p.features.user_verification is UvMethod.PIN_PAD

    def _has_uv(p: Profile) -> bool:
        return p.features.user_verification is not None

    def _has_sensor(p: Profile) -> bool:
        return _has_uv(p) and p.features.user_verification is not UvMethod.PIN_PAD

    def _enrolls(p: Profile) -> bool:
        return p.features.bio_enrollment or p.features.bio_enrollment_preview

    yield of("limits.cred_blob", "the extension credBlob", lambda p: "credBlob" in p.extensions)
    yield of("limits.large_blob_array", "large_blobs", _features(lambda f: f.large_blobs))
    yield of("limits.resident_credentials", "resident_keys", _features(lambda f: f.resident_keys))
    for key in ("min_pin_length", "max_pin_length", "pin_retries"):
        yield of(f"limits.{key}", "client_pin or a pin-pad", _has_pin)
    yield of("limits.uv_retries", "a sensor: the retries of a pin-pad are pin_retries", _has_sensor)
    yield of("limits.preferred_platform_uv_attempts", "user_verification", _has_uv)
    for key in ("fingers", "finger_samples"):
        yield of(f"limits.{key}", "bio_enrollment", _enrolls)
    yield of("limits.max_min_pin_rp_ids", "set_min_pin_length", _features(lambda f: f.set_min_pin_length))


EFFECTIVE: tuple[Invariant, ...] = tuple(_effective())
"""Keys that say nothing where something else is missing: a file that states them was meant otherwise."""
