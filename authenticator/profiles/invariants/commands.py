"""What commands and extensions need."""

from __future__ import annotations

from collections.abc import Iterator

from authenticator.profiles.invariants.invariant import Invariant, features, needs, verifies


def commands() -> Iterator[Invariant]:
    yield Invariant(
        features(
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
        features(lambda f: verifies(f) or not (f.credential_management or f.credential_management_preview)),
        "credential_management needs client_pin or user_verification",
        ("features.credential_management", "features.credential_management_preview", "features.client_pin"),
    )
    yield Invariant(
        features(
            lambda f: (
                not f.read_only_credential_management or (f.credential_management and f.pin_uv_auth_token)
            )
        ),
        "read_only_credential_management needs credential_management and pin_uv_auth_token",
        ("features.read_only_credential_management", "features.credential_management"),
    )
    yield Invariant(
        features(lambda f: not f.config or f.pin_uv_auth_token),
        "config needs pin_uv_auth_token",
        ("features.config", "features.pin_uv_auth_token"),
    )
    yield Invariant(
        features(lambda f: not f.set_min_pin_length or (f.config and f.client_pin)),
        "set_min_pin_length needs config and client_pin",
        ("features.set_min_pin_length", "features.config", "features.client_pin"),
    )
    yield Invariant(
        features(lambda f: not f.long_touch_for_reset or (f.config and f.reset)),
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
        features(lambda f: not f.vendor_config_commands or f.config),
        "vendor_config_commands need config",
        ("features.vendor_config_commands", "features.config"),
    )
    yield Invariant(
        features(lambda f: not f.vendor_facilitated_enterprise_rp_ids or f.enterprise_attestation),
        "vendor_facilitated_enterprise_rp_ids need enterprise_attestation",
        ("features.vendor_facilitated_enterprise_rp_ids", "features.enterprise_attestation"),
    )
    yield Invariant(
        lambda p: not p.features.enterprise_attestation or p.attestation.certified,
        "enterprise_attestation needs certified attestation",
        ("features.enterprise_attestation", "attestation.certified"),
    )


def extensions() -> Iterator[Invariant]:
    yield Invariant(
        needs("hmac-secret-mc", "hmac-secret"), "hmac-secret-mc needs hmac-secret", ("extensions",)
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
        lambda p: not p.extensions & {"credProtect", "uvm"} or verifies(p.features),
        "credProtect and uvm need client_pin or user_verification",
        ("extensions", "features.client_pin"),
    )
