"""A certificate for tunnel domains, made for one run, and how a stock Chromium is told to accept it."""

from __future__ import annotations

import base64
import hashlib
import ssl
from collections.abc import Sequence
from pathlib import Path

import trustme
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from harness.errors import SetupError


class TunnelCertificate:
    """A throwaway authority and one certificate under it, for all the domains a client may call."""

    def __init__(self, domains: Sequence[str]) -> None:
        self._authority = trustme.CA(organization_name="stuntkey tunnel, for tests")
        self._leaf = self._authority.issue_cert(*domains)

    def server_context(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._leaf.configure_cert(context)
        return context

    def client_context(self) -> ssl.SSLContext:
        context = ssl.create_default_context()
        self._authority.configure_trust(context)
        return context

    def write_authority(self, path: Path) -> None:
        """The authority's certificate, for phones in other processes."""
        try:
            path.write_bytes(self._authority.cert_pem.bytes())
        except OSError as error:
            raise SetupError(f"{path}: cannot be written: {error.strerror}") from None

    @property
    def spki_hash(self) -> str:
        """For Chromium's --ignore-certificate-errors-spki-list."""
        certificate = x509.load_pem_x509_certificate(self._leaf.cert_chain_pems[0].bytes())
        spki = certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        return base64.b64encode(hashlib.sha256(spki).digest()).decode()
