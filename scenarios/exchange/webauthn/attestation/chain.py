"""Certificates (§8.2.1) and chains to a trusted root (§7.1 steps 23 and 24)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from scenarios.exchange.webauthn.attestation.subject import STEP
from scenarios.exchange.webauthn.refusal import Refused

AAGUID_EXTENSION = x509.ObjectIdentifier("1.3.6.1.4.1.45724.1.1.4")


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustAnchors:
    """Whom to trust for which model: what the metadata service says."""

    roots_for: Callable[[bytes], Iterable[x509.Certificate]]
    """The roots of a model, by its AAGUID."""
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    is_revoked: Callable[[bytes], bool] = lambda aaguid: False
    """Whether a model's status says it is compromised or revoked."""


def require_attestation_certificate(certificate: x509.Certificate, aaguid: bytes) -> None:
    """§8.2.1, for packed."""
    if certificate.version is not x509.Version.v3:
        raise Refused(STEP, "the attestation certificate is not of version 3")
    subject = certificate.subject
    for oid, name in (
        (NameOID.COUNTRY_NAME, "C"),
        (NameOID.ORGANIZATION_NAME, "O"),
        (NameOID.ORGANIZATIONAL_UNIT_NAME, "OU"),
        (NameOID.COMMON_NAME, "CN"),
    ):
        if len(subject.get_attributes_for_oid(oid)) != 1:
            raise Refused(STEP, f"the attestation certificate's subject has not one {name}")
    if (
        subject.get_attributes_for_oid(NameOID.ORGANIZATIONAL_UNIT_NAME)[0].value
        != "Authenticator Attestation"
    ):
        raise Refused(STEP, "the attestation certificate's subject has the wrong OU")
    require_end_entity(certificate)
    require_aaguid_extension(certificate, aaguid)


def require_end_entity(certificate: x509.Certificate) -> None:
    try:
        constraints = certificate.extensions.get_extension_for_class(x509.BasicConstraints).value
    except x509.ExtensionNotFound:
        raise Refused(STEP, "the attestation certificate has no basic constraints") from None
    if constraints.ca:
        raise Refused(STEP, "the attestation certificate is that of an authority")


def require_aaguid_extension(certificate: x509.Certificate, aaguid: bytes) -> None:
    """Where it is there, it wraps the AAGUID in two OCTET STRINGs and is not critical."""
    try:
        extension = certificate.extensions.get_extension_for_oid(AAGUID_EXTENSION)
    except x509.ExtensionNotFound:
        return
    assert isinstance(extension.value, x509.UnrecognizedExtension)
    if extension.critical:
        raise Refused(STEP, "the AAGUID extension is critical")
    if extension.value.value != b"\x04\x10" + aaguid:
        raise Refused(STEP, "the attestation certificate is another model's")


def trust_path(chain: list[x509.Certificate], anchors: TrustAnchors, aaguid: bytes) -> bool:
    """True if the chain leads to a root trusted for this model; Refused if it is broken, expired or leads elsewhere."""
    step = "7.1.24"
    if anchors.is_revoked(aaguid):
        raise Refused(step, "this model of authenticator is revoked or compromised")
    roots = list(anchors.roots_for(aaguid))
    if not roots:
        return False
    now = anchors.now()
    for certificate in chain:
        if not certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc:
            raise Refused(step, "a certificate of the attestation's chain is expired or not valid yet")
    for index, (child, parent) in enumerate(pairwise(chain)):
        _require_issued(child, parent, authorities_below=index, step=step)
    last = chain[-1]
    for root in roots:
        if last.public_bytes(Encoding.DER) == root.public_bytes(Encoding.DER):
            return True
        if last.issuer == root.subject:
            _require_issued(last, root, authorities_below=len(chain) - 1, step=step)
            return True
    raise Refused(step, "the attestation's chain does not end at a root trusted for this model")


def _require_issued(
    child: x509.Certificate, parent: x509.Certificate, *, authorities_below: int, step: str
) -> None:
    try:
        child.verify_directly_issued_by(parent)
    except (InvalidSignature, ValueError, TypeError):
        raise Refused(step, "a certificate of the attestation's chain was not issued by the next") from None
    try:
        constraints = parent.extensions.get_extension_for_class(x509.BasicConstraints).value
    except x509.ExtensionNotFound:
        raise Refused(step, "an issuer in the attestation's chain is no authority") from None
    if not constraints.ca or (
        constraints.path_length is not None and constraints.path_length < authorities_below
    ):
        raise Refused(step, "an issuer in the attestation's chain is no authority")
