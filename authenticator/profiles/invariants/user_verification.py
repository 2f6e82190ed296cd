"""How the user is verified: PINs, sensors, and the tokens they give."""

from __future__ import annotations

from collections.abc import Iterator

from authenticator.profiles.invariants.invariant import Invariant, features, verifies
from authenticator.profiles.profile import UvMethod


def user_verification() -> Iterator[Invariant]:
    yield Invariant(
        features(
            lambda f: (
                not (f.bio_enrollment or f.bio_enrollment_preview)
                or f.user_verification is UvMethod.FINGERPRINT
            )
        ),
        'bio_enrollment needs a sensor: user_verification = "fingerprint"',
        ("features.bio_enrollment", "features.bio_enrollment_preview", "features.user_verification"),
    )
    yield Invariant(
        features(lambda f: not f.uv_bio_enroll or (f.bio_enrollment and f.pin_uv_auth_token)),
        "uv_bio_enroll needs bio_enrollment and pin_uv_auth_token",
        ("features.uv_bio_enroll", "features.bio_enrollment", "features.pin_uv_auth_token"),
    )
    yield Invariant(
        features(lambda f: not f.uv_config or (f.config and f.user_verification is not None)),
        "uv_config needs config and user_verification",
        ("features.uv_config", "features.config", "features.user_verification"),
    )
    yield Invariant(
        features(lambda f: not (f.always_uv or f.always_uv_by_default) or verifies(f)),
        "always_uv needs client_pin or user_verification: nothing here can verify the user",
        ("features.always_uv", "features.always_uv_by_default", "features.client_pin"),
    )
    yield Invariant(
        features(lambda f: not f.always_uv_by_default or f.always_uv),
        "always_uv_by_default needs always_uv",
        ("features.always_uv_by_default", "features.always_uv"),
    )
    yield Invariant(
        features(lambda f: not f.pin_uv_auth_token or verifies(f)),
        "pin_uv_auth_token needs client_pin or user_verification",
        ("features.pin_uv_auth_token", "features.client_pin"),
    )
    yield Invariant(
        features(
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
