"""The certificates a device was given in the factory: its batch's, its own for enterprises, and U2F's.

They are made when first asked for, and kept for the process: the second statement costs one signature.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

from authenticator.attestation import der
from authenticator.attestation.pki import (
    COMMON_NAME,
    COUNTRY,
    ORGANIZATION,
    UNIT,
    Authority,
    Extension,
    Template,
    basic_constraints,
    derived_key,
    derived_serial,
    intermediate,
    issue,
    name,
    root,
    subject_public_key_info,
    with_extension,
)
from authenticator.cose import PrivateKey
from authenticator.profiles.profile import Profile

AAGUID: Final = "1.3.6.1.4.1.45724.1.1.4"
"""id-fido-gen-ce-aaguid (WebAuthn level 3 §8.2.1)."""
SERIAL_NUMBER: Final = "1.3.6.1.4.1.45724.1.1.2"
"""id-fido-gen-ce-sernum (WebAuthn level 3 §8.2.2)."""
U2F_TRANSPORTS: Final = "1.3.6.1.4.1.45724.2.1.1"

_MOST_NAME: Final = 64
"""RFC 5280's ub-common-name."""
_U2F_TRANSPORT_BITS: Final = {"ble": 1, "usb": 2, "nfc": 3, "internal": 4}
"""FIDO U2F Authenticator Transports Extension §3; bit 0 is classic Bluetooth."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attester:
    """A key that attests, and the certificates that speak for it."""

    key: PrivateKey = field(repr=False)
    x5c: tuple[bytes, ...] = field(repr=False)


@dataclass(frozen=True, slots=True)
class _Batch:
    """The part of a profile that its certificates tell. (Profiles themselves cannot be the key of a cache.)"""

    aaguid: bytes
    common_name: str
    organization: str
    country: str
    transports: tuple[str, ...]

    @classmethod
    def of(cls, profile: Profile) -> _Batch:
        policy = profile.attestation
        return cls(
            profile.aaguid, policy.batch_common_name, policy.organization, policy.country, profile.transports
        )

    @property
    def label(self) -> str:
        return f"{self.organization}, {self.common_name}, {self.aaguid.hex()}"


def vendor_authority(profile: Profile) -> Authority:
    """The intermediate that issues a vendor's batch certificates."""
    return _vendor_authority(profile.attestation.organization)


def _vendor_authority(organization: str) -> Authority:
    return intermediate(f"stuntkey TEST CA of {organization}"[:_MOST_NAME])


def batch_template(profile: Profile) -> Template:
    """WebAuthn level 3 §8.2.1, as the vendors do it."""
    return _batch_template(_Batch.of(profile))


def _batch_template(batch: _Batch) -> Template:
    return Template(
        issuer=_vendor_authority(batch.organization).subject,
        subject=_subject(batch),
        public_key=subject_public_key_info(derived_key(f"batch {batch.label}")),
        serial=derived_serial(f"batch {batch.label}"),
        extensions=(
            *_u2f_transports(batch),
            Extension(oid=AAGUID, value=der.octet_string(batch.aaguid)),
            basic_constraints(ca=False),
        ),
    )


def _subject(batch: _Batch, suffix: str = "") -> bytes:
    return name(
        (COUNTRY, batch.country),
        (ORGANIZATION, batch.organization),
        (UNIT, "Authenticator Attestation"),
        (COMMON_NAME, batch.common_name[: _MOST_NAME - len(suffix)] + suffix),
    )


def _u2f_transports(batch: _Batch) -> tuple[Extension, ...]:
    bits = [_U2F_TRANSPORT_BITS[each] for each in batch.transports if each in _U2F_TRANSPORT_BITS]
    return (Extension(oid=U2F_TRANSPORTS, value=der.named_bits(*bits)),) if bits else ()


def batch_attester(profile: Profile) -> Attester:
    # Found by identity: a batch takes longer to compare than the rest of a statement takes to make.
    known = _BATCH_ATTESTERS.get(id(profile))
    if known is None or known[0] is not profile:
        known = _BATCH_ATTESTERS[id(profile)] = profile, _batch_attester(_Batch.of(profile))
        if len(_BATCH_ATTESTERS) > 256:
            del _BATCH_ATTESTERS[next(iter(_BATCH_ATTESTERS))]
    return known[1]


_BATCH_ATTESTERS: dict[int, tuple[Profile, Attester]] = {}


@lru_cache(maxsize=256)
def _batch_attester(batch: _Batch) -> Attester:
    authority = _vendor_authority(batch.organization)
    certificate = issue(_batch_template(batch), authority.key)
    return Attester(key=derived_key(f"batch {batch.label}"), x5c=(certificate, *authority.chain))


def enterprise_template(profile: Profile, serial_number: int) -> Template:
    """WebAuthn level 3 §8.2.2: a certificate of this one device, which tells its serial number."""
    return _enterprise_template(_Batch.of(profile), serial_number)


def _enterprise_template(batch: _Batch, serial_number: int) -> Template:
    label = f"device {serial_number} of {batch.label}"
    template = Template(
        issuer=_vendor_authority(batch.organization).subject,
        subject=_subject(batch, f" Serial {serial_number}"),
        public_key=subject_public_key_info(derived_key(label)),
        serial=derived_serial(label),
        extensions=_batch_template(batch).extensions,
    )
    identity = der.octet_string(serial_number.to_bytes(8, "big"))
    return with_extension(template, Extension(oid=SERIAL_NUMBER, value=identity))


def enterprise_attester(profile: Profile, serial_number: int) -> Attester:
    return _enterprise_attester(_Batch.of(profile), serial_number)


@lru_cache(maxsize=256)
def _enterprise_attester(batch: _Batch, serial_number: int) -> Attester:
    authority = _vendor_authority(batch.organization)
    certificate = issue(_enterprise_template(batch, serial_number), authority.key)
    key = derived_key(f"device {serial_number} of {batch.label}")
    return Attester(key=key, x5c=(certificate, *authority.chain))


def u2f_template(profile: Profile) -> Template:
    """U2F has room for one certificate, so the root itself issues it."""
    return _u2f_template(_Batch.of(profile))


def _u2f_template(batch: _Batch) -> Template:
    label = f"U2F batch {batch.label}"
    return Template(
        issuer=root().subject,
        subject=_subject(batch, " U2F"),
        public_key=subject_public_key_info(derived_key(label)),
        serial=derived_serial(label),
        extensions=(*_u2f_transports(batch), basic_constraints(ca=False)),
    )


def u2f_attester(profile: Profile) -> Attester:
    return _u2f_attester(_Batch.of(profile))


@lru_cache(maxsize=256)
def _u2f_attester(batch: _Batch) -> Attester:
    certificate = issue(_u2f_template(batch), root().key)
    return Attester(key=derived_key(f"U2F batch {batch.label}"), x5c=(certificate,))


def u2f_attestation(profile: Profile) -> tuple[bytes, Callable[[bytes], bytes]]:
    """The attestation certificate in a U2F registration response, and what signs the response."""
    attester = u2f_attester(profile)
    return attester.x5c[0], attester.key.sign
