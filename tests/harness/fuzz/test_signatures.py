"""Signatures that are made here, by numbers, are what a library that is not ours takes for right."""

from __future__ import annotations

from random import Random

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding

from authenticator.attestation.pki import derived_key
from authenticator.cose import Algorithm
from harness.fuzz import signatures


def test_pss_by_numbers_verifies() -> None:
    key = derived_key("test of PSS", Algorithm.RS256)
    scheme = padding.PSS(padding.MGF1(hashes.SHA256()), 32)
    signature = signatures.pss(key, b"a message", Random(1))
    assert signature == signatures.pss(key, b"a message", Random(1))
    public = key.handle.public_key()
    public.verify(signature, b"a message", scheme, hashes.SHA256())
    with pytest.raises(InvalidSignature):
        public.verify(signature, b"another", scheme, hashes.SHA256())
