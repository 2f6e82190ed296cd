"""Keys that say nothing where something else is missing: a file that states them was meant otherwise."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from authenticator.profiles.invariants.invariant import Invariant, features
from authenticator.profiles.profile import Profile, UvMethod


def effective() -> Iterator[Invariant]:
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
    yield of("limits.large_blob_array", "large_blobs", features(lambda f: f.large_blobs))
    yield of("limits.resident_credentials", "resident_keys", features(lambda f: f.resident_keys))
    for key in ("min_pin_length", "max_pin_length", "pin_retries"):
        yield of(f"limits.{key}", "client_pin or a pin-pad", _has_pin)
    yield of("limits.uv_retries", "a sensor: the retries of a pin-pad are pin_retries", _has_sensor)
    yield of("limits.preferred_platform_uv_attempts", "user_verification", _has_uv)
    for key in ("fingers", "finger_samples"):
        yield of(f"limits.{key}", "bio_enrollment", _enrolls)
    yield of("limits.max_min_pin_rp_ids", "set_min_pin_length", features(lambda f: f.set_min_pin_length))
