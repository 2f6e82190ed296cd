"""The FIDO Metadata Service's BLOB (MDS 3.1 §3.1.7): a JWS whose chain leads to a root, and what it says of models."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa, utils
from cryptography.hazmat.primitives.serialization import Encoding

from scenarios.exchange.errors import ConfigurationError

BAD_STATUS = frozenset(
    {
        "REVOKED",
        "USER_VERIFICATION_BYPASS",
        "ATTESTATION_KEY_COMPROMISE",
        "USER_KEY_REMOTE_COMPROMISE",
        "USER_KEY_PHYSICAL_COMPROMISE",
    }
)
"""§3.1.4: a model with one of these in its reports is not trusted any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Metadata:
    roots: dict[bytes, tuple[x509.Certificate, ...]]
    revoked: frozenset[bytes]

    def roots_for(self, aaguid: bytes) -> Iterable[x509.Certificate]:
        return self.roots.get(aaguid, ())

    def is_revoked(self, aaguid: bytes) -> bool:
        return aaguid in self.revoked


def read_blob(blob: bytes, root: x509.Certificate, now: datetime) -> Metadata:
    """§3.1.8: its chain is valid now and leads to the root, its signature is that of the chain, it is not outdated."""
    try:
        header, payload, signature = blob.strip().split(b".")
        members = json.loads(_decoded(header))
        chain = [x509.load_der_x509_certificate(base64.b64decode(each)) for each in members["x5c"]]
        _require_chain(chain, root, now)
        _require_signature(chain[0], members["alg"], _decoded(signature), header + b"." + payload)
        told = json.loads(_decoded(payload))
        next_update = date.fromisoformat(told["nextUpdate"])
        if next_update < now.date():
            raise ConfigurationError(
                f"the metadata is out of date since {next_update}: fetch the present one"
            )
        return _read_entries(told)
    except ConfigurationError:
        raise
    except (ValueError, KeyError, TypeError, IndexError, AttributeError, binascii.Error):
        raise ConfigurationError("the metadata is no MDS3 BLOB") from None
    except InvalidSignature:
        raise ConfigurationError("the metadata's signature does not lead to the given root") from None


def _decoded(part: bytes) -> bytes:
    return base64.urlsafe_b64decode(part + b"=" * (-len(part) % 4))


def _require_chain(chain: list[x509.Certificate], root: x509.Certificate, now: datetime) -> None:
    for each in (*chain, root):
        if not each.not_valid_before_utc <= now <= each.not_valid_after_utc:
            raise ConfigurationError(
                "a certificate that the metadata is signed under is expired or not valid yet"
            )
    for child, parent in zip(chain, [*chain[1:], root], strict=True):
        if child.public_bytes(Encoding.DER) == root.public_bytes(Encoding.DER):
            return
        try:
            child.verify_directly_issued_by(parent)
            is_authority = parent.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
        except (ValueError, TypeError, x509.ExtensionNotFound):
            raise InvalidSignature from None
        if not is_authority:
            raise InvalidSignature


def _require_signature(signer: x509.Certificate, algorithm: str, signature: bytes, message: bytes) -> None:
    key = signer.public_key()
    if algorithm == "RS256" and isinstance(key, rsa.RSAPublicKey):
        key.verify(signature, message, padding.PKCS1v15(), hashes.SHA256())
    elif algorithm == "ES256" and isinstance(key, ec.EllipticCurvePublicKey) and len(signature) == 64:
        r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
        key.verify(utils.encode_dss_signature(r, s), message, ec.ECDSA(hashes.SHA256()))
    else:
        raise InvalidSignature


def _read_entries(blob: dict[str, Any]) -> Metadata:
    roots, revoked = {}, set()
    for entry in blob["entries"]:
        if "aaguid" not in entry:
            continue
        aaguid = UUID(entry["aaguid"]).bytes
        certificates = entry.get("metadataStatement", {}).get("attestationRootCertificates", [])
        roots[aaguid] = tuple(x509.load_der_x509_certificate(base64.b64decode(each)) for each in certificates)
        if any(report.get("status") in BAD_STATUS for report in entry.get("statusReports", [])):
            revoked.add(aaguid)
    return Metadata(roots=roots, revoked=frozenset(revoked))
