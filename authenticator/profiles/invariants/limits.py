"""The ranges that limits lie in."""

from __future__ import annotations

from collections.abc import Iterator

from authenticator.profiles.invariants.invariant import Invariant, limits
from authenticator.profiles.profile import Quirk


def limit_ranges() -> Iterator[Invariant]:
    yield Invariant(
        limits(lambda each: 1024 <= each.max_message_size <= 7609),
        "max_message_size is 1024 (CTAP's least) to 7609 (the most CTAPHID carries)",
        ("limits.max_message_size",),
    )
    yield Invariant(
        limits(lambda each: 4 <= each.min_pin_length <= 63),
        "min_pin_length is 4 to 63",
        ("limits.min_pin_length",),
    )
    yield Invariant(
        limits(lambda each: each.min_pin_length <= each.max_pin_length <= 63),
        "max_pin_length is min_pin_length to 63",
        ("limits.max_pin_length", "limits.min_pin_length"),
    )
    yield Invariant(
        limits(lambda each: 1 <= each.pin_retries <= 8), "pin_retries is 1 to 8", ("limits.pin_retries",)
    )
    yield Invariant(
        limits(lambda each: 1 <= each.uv_retries <= 25), "uv_retries is 1 to 25", ("limits.uv_retries",)
    )
    yield Invariant(
        limits(lambda each: each.max_credentials_in_list is None or each.max_credentials_in_list >= 1),
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
        limits(lambda each: min(each.fingers, each.finger_samples) >= 1),
        "fingers and finger_samples are at least 1",
        ("limits.fingers", "limits.finger_samples"),
    )
    yield Invariant(
        limits(lambda each: each.max_min_pin_rp_ids >= 0),
        "max_min_pin_rp_ids is not negative",
        ("limits.max_min_pin_rp_ids",),
    )
