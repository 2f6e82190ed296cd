"""Attestation statements (WebAuthn level 3 §8): one format per module, and the test root they chain to.

android-safetynet (§8.5) is left out: Google retired the service behind it, and no device makes such statements now.
"""

from __future__ import annotations

from collections.abc import Sequence

from authenticator.attestation.android_key import AndroidKey
from authenticator.attestation.apple import Apple
from authenticator.attestation.certificates import u2f_attestation
from authenticator.attestation.compound import Compound
from authenticator.attestation.fido_u2f import FidoU2f
from authenticator.attestation.format import AttestationFormat, AttestationSubject, Statement
from authenticator.attestation.none import NoneAttestation
from authenticator.attestation.packed import Packed
from authenticator.attestation.tpm import Tpm
from authenticator.profiles.profile import Profile, Quirk

__all__ = (
    "FORMATS",
    "AttestationFormat",
    "AttestationSubject",
    "Statement",
    "attested_aaguid",
    "choose_format",
    "u2f_attestation",
)

_NONE, _PACKED = NoneAttestation(), Packed()
_TABLE: tuple[AttestationFormat, ...] = (_NONE, _PACKED, FidoU2f(), Tpm(), Apple(), AndroidKey())
FORMATS: dict[str, AttestationFormat] = {each.fmt: each for each in _TABLE}
FORMATS["compound"] = Compound(FORMATS)


def choose_format(
    profile: Profile, algorithm: int, preference: Sequence[str], *, enterprise: bool = False
) -> AttestationFormat:
    """CTAP 2.3 §6.1.2 step 19: by attestationFormatsPreference, among those the device has for this algorithm."""
    # Only packed has a way to name the device (WebAuthn level 3 §8.2.2).
    if enterprise:
        return _PACKED
    own = profile.attestation.formats
    # A device with one format does not know the parameter.
    if preference and len(own) > 1:
        if tuple(preference) == ("none",):
            return _NONE
        for fmt in preference:
            if fmt in own and FORMATS[fmt].can_attest(profile, algorithm):
                return FORMATS[fmt]
    for fmt in own:
        if FORMATS[fmt].can_attest(profile, algorithm):
            return FORMATS[fmt]
    return _NONE


def attested_aaguid(profile: Profile, chosen: AttestationFormat) -> bytes:
    """The AAGUID to put into authenticator data that `chosen` attests."""
    # CTAP 2.3 §7.1.4: what looks like U2F has no AAGUID.
    if chosen.fmt == "fido-u2f":
        return bytes(16)
    if profile.has(Quirk.ZERO_AAGUID) and chosen.fmt == "none":
        return bytes(16)
    return profile.aaguid
