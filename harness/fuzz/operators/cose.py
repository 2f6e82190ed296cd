"""D: the credential public key and its algorithm (§5.8.5, §6.5.1, §7.1 step 20)."""

from __future__ import annotations

from typing import Any

from authenticator import cbor
from authenticator.attestation.pki import derived_key
from authenticator.cose import Algorithm
from harness.fuzz.base import Base
from harness.fuzz.edit import Change, Stage
from harness.fuzz.forge import Forge
from harness.fuzz.operator import Concerns, Expected, Operator, Scope, Severity
from harness.fuzz.operators.lies import drop, put, told

_EXACT = (
    "Accept complete, canonical keys of the algorithms you offered, and check that the point is on its curve."
)
_OFFERED = "Require the key's algorithm to be among the pubKeyCredParams of this very ceremony."
_RSA = Base(algorithm=Algorithm.RS256)
_EDWARDS = Base(algorithm=Algorithm.EDDSA)
_P = 2**256 - 2**224 + 2**192 + 2**96 - 1


def _key_of(algorithm: Algorithm) -> Change:
    """A whole, right key of an algorithm that was not offered; the honest key where it was."""

    def change(key: Any, forge: Forge) -> Any:
        if int(algorithm) in forge.begun.algorithms:
            return {**key, 3: -65535}
        return derived_key("another algorithm", algorithm).public_cose_key()

    return change


def _modulus(bits: int) -> bytes:
    """Odd, of that many bits, and nobody's."""
    return ((1 << (bits - 1)) | (0x5EED << (bits // 2)) | 1).to_bytes(bits // 8, "big")


def _small_order(point: str) -> Change:
    return put(-2, to=bytes.fromhex(point))


def _twice(key: bytes, forge: Forge) -> bytes:
    """alg a second time, another one."""
    return bytes((key[0] + 1,)) + key[1:] + b"\x03" + cbor.encode(-257)


OPERATORS = (
    Operator(
        id="D01",
        concerns=Concerns.REGISTRATION,
        step="7.1.20",
        title="An algorithm that was not offered",
        expected=Expected.REJECT,
        severity=Severity.MEDIUM,
        scope=Scope.LIBRARY,
        why="The list of algorithms is a policy: what is not on it was left out on purpose.",
        fix=_OFFERED,
        cause=r"alg",
        reference="CVE-2026-8830 (Keycloak)",
        variants=(
            *told(
                Stage.COSE_KEY,
                {"ES384": _key_of(Algorithm.ES384), "ES256K": _key_of(Algorithm.ES256K)},
                leaves=4,
            ),
            *told(Stage.COSE_KEY, {"RS1": put(3, to=-65535)}, base=_RSA),
        ),
    ),
    Operator(
        id="D02",
        concerns=Concerns.REGISTRATION,
        step="5.8.5/7.1.20",
        title="An algorithm of another kind of key",
        expected=Expected.REJECT,
        severity=Severity.MEDIUM,
        scope=Scope.LIBRARY,
        why="Later, verification fails for ever, or works with the wrong mathematics.",
        fix=_EXACT,
        cause=r"alg|key|kty|unsupported|missing",
        variants=(
            *told(
                Stage.COSE_KEY,
                {
                    "RS256 on a point": put(3, to=-257),
                    "EdDSA on a point": put(3, to=-8),
                    "RSA's kind on a point": put(1, to=3),
                },
            ),
            *told(Stage.COSE_KEY, {"ES256 on a modulus": put(3, to=-7)}, base=_RSA),
        ),
    ),
    Operator(
        id="D03",
        concerns=Concerns.REGISTRATION,
        step="5.8.5/7.1.20",
        title="An algorithm on another curve",
        expected=Expected.REJECT,
        severity=Severity.MEDIUM,
        scope=Scope.LIBRARY,
        why="ES256 is on P-256 and nowhere else, ES256K on secp256k1 (§5.8.5).",
        fix=_EXACT,
        cause=r"curve|crv|alg|key",
        variants=told(
            Stage.COSE_KEY,
            {
                "ES256 on P-384": lambda key, forge: {
                    **derived_key("another curve", Algorithm.ES384).public_cose_key(),
                    3: -7,
                },
                "ES256 on secp256k1": lambda key, forge: {
                    **derived_key("another curve", Algorithm.ES256K).public_cose_key(),
                    3: -7,
                },
                "ES256K on P-256": put(3, to=int(Algorithm.ES256K)),
                "unknown curve": put(-1, to=99),
            },
            leaves=3,
        ),
    ),
    Operator(
        id="D04",
        concerns=Concerns.REGISTRATION,
        step="6.5.1/7.1.20",
        title="A point that is not on its curve",
        expected=Expected.REJECT,
        severity=Severity.MEDIUM,
        scope=Scope.LIBRARY,
        why="Signatures by such keys may be had by anyone, and some libraries crash at the log-in.",
        fix=_EXACT,
        cause=r"curve|point|key|coordinate",
        variants=(
            *told(
                Stage.COSE_KEY,
                {
                    "off the curve": put(-3, to=lambda old: old[:-1] + bytes((old[-1] ^ 1,))),
                    "x not below p": put(-2, to=(_P + 5).to_bytes(32, "big")),
                },
            ),
            *told(
                Stage.COSE_KEY, {"(0, 0)": lambda key, forge: {**key, -2: bytes(32), -3: bytes(32)}}, leaves=2
            ),
        ),
    ),
    Operator(
        id="D05",
        concerns=Concerns.REGISTRATION,
        step="6.5.1/7.1.20",
        title="A compressed point",
        expected=Expected.REJECT,
        severity=Severity.MEDIUM,
        scope=Scope.LIBRARY,
        why="The standard forbids it; a boolean where bytes are expected breaks code.",
        fix=_EXACT,
        cause=r"point|key|coordinate|\by\b|compress",
        variants=told(Stage.COSE_KEY, {"y is the sign": put(-3, to=lambda old: bool(old[-1] & 1))}),
    ),
    Operator(
        id="D06",
        concerns=Concerns.REGISTRATION,
        step="6.5.1/7.1.20",
        title="A coordinate with a byte too few or too many",
        expected=Expected.REJECT,
        severity=Severity.MEDIUM,
        scope=Scope.LIBRARY,
        why="One key has several encodings, and comparisons of keys fail.",
        fix=_EXACT,
        cause=r"coordinate|key|point|length|curve",
        reference="§8.6 step 4",
        variants=told(
            Stage.COSE_KEY,
            {
                "zero in front": put(-2, to=lambda old: b"\x00" + old),
                "31 bytes": put(-3, to=lambda old: old[1:]),
                "33 bytes": put(-3, to=lambda old: old + b"\x00"),
                "empty": put(-2, to=b""),
            },
        ),
    ),
    Operator(
        id="D07",
        concerns=Concerns.REGISTRATION,
        step="6.5.1/7.1.20",
        title="A key without kind or algorithm",
        expected=Expected.REJECT,
        severity=Severity.MEDIUM,
        scope=Scope.LIBRARY,
        why="Guessing the algorithm lets the attacker choose it later.",
        fix=_EXACT,
        cause=r"alg|kty|key|missing|malformed",
        variants=told(
            Stage.COSE_KEY,
            {
                "no alg": drop(3),
                "no kty": drop(1),
                "no crv": drop(-1),
                "no x": drop(-2),
                "alg is text": put(3, to="ES256"),
                "kty is text": put(1, to="EC2"),
            },
        ),
    ),
    Operator(
        id="D08",
        concerns=Concerns.REGISTRATION,
        step="6.5.1/7.1.20",
        title="The private key beside the public one",
        expected=Expected.POLICY,
        severity=Severity.LOW,
        scope=Scope.LIBRARY,
        why="A key that tells its secret is none; what is stored may be read by others.",
        fix="Accept the public parameters only.",
        variants=told(Stage.COSE_KEY, {"d": lambda key, forge: {**key, -4: forge.passkey.key.to_bytes()}}),
    ),
    Operator(
        id="D09",
        concerns=Concerns.REGISTRATION,
        step="6.5.1/7.1.13",
        title="alg twice",
        expected=Expected.REJECT,
        severity=Severity.MEDIUM,
        scope=Scope.LIBRARY,
        why="One parser checks the first, another uses the last.",
        fix="Decode CBOR with duplicate keys refused.",
        cause=r"duplicate|cbor|malformed|alg",
        variants=told(Stage.COSE_KEY_BYTES, {"ES256 and RS256": _twice}),
    ),
    Operator(
        id="D10",
        concerns=Concerns.REGISTRATION,
        step="6.5.1/7.1.20",
        title="A symmetric key",
        expected=Expected.REJECT,
        severity=Severity.HIGH,
        scope=Scope.LIBRARY,
        why="Whoever can read the stored key can sign with it.",
        fix=_EXACT,
        cause=r"alg|kty|key",
        variants=told(
            Stage.COSE_KEY,
            {"HMAC": lambda key, forge: {1: 4, 3: 5, -1: bytes(32)}, "kind only": put(1, to=4)},
            leaves=5,
        ),
    ),
    Operator(
        id="D11",
        concerns=Concerns.REGISTRATION,
        step="7.1.20",
        title="An RSA key that is weak",
        expected=Expected.POLICY,
        severity=Severity.MEDIUM,
        scope=Scope.LIBRARY,
        why="Small moduli are factored, an exponent of 1 signs for everybody.",
        fix="Require 2048 to 4096 bits, an odd modulus, and the exponent 65537.",
        cause=r"rsa|modulus|exponent|key|bits",
        variants=(
            *told(
                Stage.COSE_KEY,
                {
                    "512 bits": put(-1, to=_modulus(512)),
                    "1024 bits": put(-1, to=_modulus(1024)),
                    "e = 3": put(-2, to=b"\x03"),
                },
                base=_RSA,
            ),
            *told(
                Stage.COSE_KEY,
                {
                    "e = 1": put(-2, to=b"\x01"),
                    "e even": put(-2, to=b"\x02"),
                    "n even": put(-1, to=lambda old: old[:-1] + bytes((old[-1] & 0xFE,))),
                },
                base=_RSA,
                expected=Expected.REJECT,
            ),
        ),
    ),
    Operator(
        id="D12",
        concerns=Concerns.REGISTRATION,
        step="7.1.20",
        title="An RSA key of 16384 bits",
        expected=Expected.POLICY,
        severity=Severity.MEDIUM,
        scope=Scope.LIBRARY,
        why="Each log-in with it costs the site a hundred times as much.",
        fix="Limit the modulus to 4096 bits.",
        cause=r"rsa|modulus|key|bits|long",
        variants=told(Stage.COSE_KEY, {"16384 bits": put(-1, to=_modulus(16384))}, base=_RSA),
    ),
    Operator(
        id="D13",
        concerns=Concerns.REGISTRATION,
        step="7.1.20",
        title="An Ed25519 point of small order, or not canonical",
        expected=Expected.POLICY,
        severity=Severity.MEDIUM,
        scope=Scope.LIBRARY,
        why="With such keys one signature fits many messages.",
        fix="Refuse points of small order and encodings that are not canonical.",
        cause=r"point|key|order|canonical",
        variants=told(
            Stage.COSE_KEY,
            {
                "identity": _small_order("01" + "00" * 31),
                "order 2": _small_order("ec" + "ff" * 30 + "7f"),
                "order 8": _small_order("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"),
                "not canonical": _small_order("ee" + "ff" * 30 + "7f"),
            },
            base=_EDWARDS,
        ),
    ),
    Operator(
        id="D14",
        concerns=Concerns.REGISTRATION,
        step="5.8.5/7.1.20",
        title="New names of algorithms that were not offered",
        expected=Expected.REJECT,
        severity=Severity.LOW,
        scope=Scope.LIBRARY,
        why="A library that learns new algorithms must not widen the site's policy.",
        fix=_OFFERED,
        cause=r"alg",
        variants=told(
            Stage.COSE_KEY,
            {
                "ESP256": lambda key, forge: (
                    {**key, 3: -9} if -9 not in forge.begun.algorithms else {**key, 3: -65535}
                ),
                "ML-DSA-44": _key_of(Algorithm.ML_DSA_44),
                "ML-DSA-65": _key_of(Algorithm.ML_DSA_65),
                "ML-DSA-87": _key_of(Algorithm.ML_DSA_87),
            },
            leaves=5,
        ),
    ),
)
