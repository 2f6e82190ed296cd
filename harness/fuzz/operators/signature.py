"""G: the signature of an assertion (§6.5.5, §7.2 steps 20 and 21)."""

from __future__ import annotations

from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding

from authenticator.attestation.der import tlv
from authenticator.cose import Algorithm
from harness.fuzz import signatures, stateful
from harness.fuzz.base import Base
from harness.fuzz.edit import Change, Stage
from harness.fuzz.forge import Forge
from harness.fuzz.operator import Concerns, Expected, Operator, Scope, Severity, Variant
from harness.fuzz.operators.lies import SELF, by, flip, told

_VERIFY = (
    "Verify the signature with the stored key, over authenticatorData and SHA-256(clientDataJSON), "
    "both as they were sent."
)
_RSA = Base(algorithm=Algorithm.RS256)
_EDWARDS = Base(algorithm=Algorithm.EDDSA)


def _signed_with(*scheme: Any) -> Change:
    return lambda signature, forge: forge.passkey.key.handle.sign(forge.reached[Stage.MESSAGE], *scheme)


def _random(signature: bytes, forge: Forge) -> bytes:
    return forge.random.randbytes(len(signature))


def _numbers(r: int, s: int) -> Change:
    return by(lambda signature: signatures.encode(r, s))


def _short(which: str) -> Change:
    return lambda signature, forge: signatures.short(
        forge.passkey.key, forge.reached[Stage.MESSAGE], forge.random, which=which
    )


def _with_raw_client_data(message: bytes, forge: Forge) -> bytes:
    return bytes(forge.reached[Stage.AUTHENTICATOR_DATA] + forge.reached[Stage.CLIENT_DATA_JSON])


_N = signatures.N

OPERATORS = (
    Operator(
        id="G01",
        concerns=Concerns.AUTHENTICATION,
        step="7.2.21",
        title="Signed by another key",
        expected=Expected.REJECT,
        severity=Severity.CRITICAL,
        scope=Scope.LIBRARY,
        why="The signature is all there is: who does not verify it lets everybody in.",
        fix=_VERIFY,
        cause=r"signature",
        reference="CVE-2026-126952 (Zipline); cedarjs #2545; enclavr #70",
        variants=told(Stage.SIGNER, {"attacker's": lambda key, forge: forge.attacker}),
    ),
    Operator(
        id="G02",
        concerns=Concerns.AUTHENTICATION,
        step="7.2.21",
        title="No signature, or one that is a bit off",
        expected=Expected.REJECT,
        severity=Severity.CRITICAL,
        scope=Scope.LIBRARY,
        why="What verifies then is not the signature.",
        fix=_VERIFY,
        cause=r"signature",
        reference="FIDO conformance Assertion Resp-1 F-20",
        variants=told(
            Stage.SIGNATURE,
            {
                "random bytes": _random,
                "one byte": by(lambda signature: b"\x00"),
                "cut off": by(lambda signature: signature[:-1]),
            }
            | {
                f"byte {position}": by(flip(position))
                for position in (0, 1, 2, 3, 4, 12, 20, 36, 37, 40, 50, 60, -1)
            },
        ),
    ),
    Operator(
        id="G03",
        concerns=Concerns.AUTHENTICATION,
        step="7.2.21",
        title="Numbers that no signature has",
        expected=Expected.REJECT,
        severity=Severity.CRITICAL,
        scope=Scope.LIBRARY,
        why="Java once verified r = s = 0 for every message and every key.",
        fix="Use an ECDSA implementation that checks 0 < r, s < n.",
        cause=r"signature",
        reference="CVE-2022-21449",
        variants=told(
            Stage.SIGNATURE,
            {
                "r = s = 0": _numbers(0, 0),
                "r = s = n": _numbers(_N, _N),
                "r = 0, s = 1": _numbers(0, 1),
                "r = 1, s = 0": _numbers(1, 0),
                "r = s = 1": _numbers(1, 1),
            },
        ),
    ),
    Operator(
        id="G04",
        concerns=Concerns.AUTHENTICATION,
        step="7.2.21",
        title="Signed over authenticator data alone",
        expected=Expected.REJECT,
        severity=Severity.CRITICAL,
        scope=Scope.LIBRARY,
        why="Then challenge and origin are signed by nobody.",
        fix=_VERIFY,
        cause=r"signature",
        variants=told(Stage.MESSAGE, {"authenticatorData": by(lambda message: message[:-32])}),
    ),
    Operator(
        id="G05",
        concerns=Concerns.AUTHENTICATION,
        step="7.2.21",
        title="Signed over the client data's hash alone",
        expected=Expected.REJECT,
        severity=Severity.CRITICAL,
        scope=Scope.LIBRARY,
        why="Then presence, verification and the RP ID are signed by nobody.",
        fix=_VERIFY,
        cause=r"signature",
        variants=told(Stage.MESSAGE, {"clientDataHash": by(lambda message: message[-32:])}),
    ),
    Operator(
        id="G06",
        concerns=Concerns.AUTHENTICATION,
        step="7.2.21",
        title="Signed over client data that were not hashed",
        expected=Expected.REJECT,
        severity=Severity.CRITICAL,
        scope=Scope.LIBRARY,
        why="Where data meets data without a hash, the border between them can be moved.",
        fix=_VERIFY,
        cause=r"signature",
        variants=told(Stage.MESSAGE, {"raw": _with_raw_client_data}),
    ),
    Operator(
        id="G07",
        concerns=Concerns.AUTHENTICATION,
        step="7.2.21/7.2.15/7.2.22",
        title="Authenticator data changed after signing",
        expected=Expected.REJECT,
        severity=Severity.CRITICAL,
        scope=Scope.LIBRARY,
        why="Then any flag can be had.",
        fix=_VERIFY,
        cause=r"signature|rp.?id|count",
        variants=told(
            Stage.SENT_AUTHENTICATOR_DATA,
            {
                "UV": by(flip(32, 0x04)),
                "counter": by(flip(34)),
                "RP ID": by(flip(0)),
                "reserved bit": by(flip(32, 0x02)),
            },
        ),
    ),
    Operator(
        id="G08",
        concerns=Concerns.AUTHENTICATION,
        step="7.2.21",
        title="Client data changed after signing",
        expected=Expected.REJECT,
        severity=Severity.CRITICAL,
        scope=Scope.LIBRARY,
        why="Then any challenge and origin can be had.",
        fix=_VERIFY,
        cause=r"signature",
        reference="FIDO conformance Assertion Resp-3 F-3",
        variants=told(
            Stage.SENT_CLIENT_DATA,
            {
                "white space": by(lambda data: data + b" "),
                "a member": by(lambda data: data[:-1] + b',"x":1}'),
                "an escape": by(lambda data: data.replace(b"webauthn", b"web\\u0061uthn", 1)),
            },
        ),
    ),
    Operator(
        id="G09",
        concerns=Concerns.AUTHENTICATION,
        step="6.5.5/7.2.21",
        title="r and s side by side, not in DER",
        expected=Expected.REJECT,
        severity=Severity.LOW,
        scope=Scope.LIBRARY,
        why="One signature should have one form.",
        fix="Accept DER for ECDSA (§6.5.5), nothing else.",
        cause=r"signature|der|asn",
        variants=told(Stage.SIGNATURE, {"P1363": by(signatures.raw)}),
    ),
    Operator(
        id="G10",
        concerns=Concerns.AUTHENTICATION,
        step="6.5.5/7.2.21",
        title="Nearly DER",
        expected=Expected.REJECT,
        severity=Severity.LOW,
        scope=Scope.LIBRARY,
        why="A signature with many forms slips through lists of those already seen.",
        fix="Parse signatures as strict DER.",
        cause=r"signature|der|asn",
        reference="probes A49, A50",
        variants=told(
            Stage.SIGNATURE,
            {
                "byte after it": by(lambda signature: signature + b"\x00"),
                "long form": by(signatures.long_form),
                "leading zero": by(signatures.leading_zero),
                "negative": by(signatures.negative),
                "third member": by(signatures.trailing_inside),
                "wrapped": by(lambda signature: tlv(0x30, signature)),
            },
        ),
    ),
    Operator(
        id="G11",
        concerns=Concerns.AUTHENTICATION,
        step="6.5.5/7.2.21",
        title="A right signature that is short",
        expected=Expected.ACCEPT,
        severity=Severity.MEDIUM,
        scope=Scope.LIBRARY,
        why="One in 128 is: who assumes a length locks people out now and then.",
        fix="Parse the DER; pad r and s where a library wants them at full length.",
        reference="passwordless-id, probe A03",
        variants=told(Stage.SIGNATURE, {"short r": _short("r"), "short s": _short("s")}),
    ),
    Operator(
        id="G12",
        concerns=Concerns.AUTHENTICATION,
        step="6.5.5/7.2.21",
        title="The other of the two signatures that are right",
        expected=Expected.ACCEPT,
        severity=Severity.LOW,
        scope=Scope.LIBRARY,
        why="Half of all keys' signatures have it; the rule against it is a currency's, not WebAuthn's.",
        fix="Do not ask for low s.",
        variants=told(Stage.SIGNATURE, {"n - s": by(signatures.other_s)}),
    ),
    Operator(
        id="G13",
        concerns=Concerns.AUTHENTICATION,
        step="7.2.21",
        title="The right key under another scheme",
        expected=Expected.REJECT,
        severity=Severity.HIGH,
        scope=Scope.LIBRARY,
        why="The stored key's algorithm says hash and padding; what tries several takes the weakest.",
        fix="Verify under the algorithm in the stored COSE key.",
        cause=r"signature",
        variants=(
            *told(
                Stage.SIGNATURE,
                {
                    "ES256 with SHA-384": _signed_with(ec.ECDSA(hashes.SHA384(), deterministic_signing=True)),
                    "ES256 with SHA-512": _signed_with(ec.ECDSA(hashes.SHA512(), deterministic_signing=True)),
                },
            ),
            *told(
                Stage.SIGNATURE,
                {
                    "RS256 with SHA-1": _signed_with(padding.PKCS1v15(), hashes.SHA1()),
                    "RS256 with SHA-512": _signed_with(padding.PKCS1v15(), hashes.SHA512()),
                    "PSS for PKCS #1": lambda signature, forge: signatures.pss(
                        forge.passkey.key, forge.reached[Stage.MESSAGE], forge.random
                    ),
                },
                base=_RSA,
            ),
        ),
    ),
    Operator(
        id="G14",
        concerns=Concerns.AUTHENTICATION,
        step="7.2.21/7.1.20",
        title="RSA with garbage after the hash, for e = 3",
        expected=Expected.REJECT,
        severity=Severity.HIGH,
        scope=Scope.LIBRARY,
        why="Verifiers that do not look at all of the padding accept signatures that nobody made.",
        fix="Compare the whole encoded message; refuse small exponents.",
        cause=r"signature|rsa|exponent",
        reference="Bleichenbacher 2006, RFC 8017 §8.2.2",
        variants=(Variant(name="cube root", lie=stateful.cube_root),),
    ),
    Operator(
        id="G15",
        concerns=Concerns.AUTHENTICATION,
        step="7.2.21",
        title="EdDSA signatures that are malleable",
        expected=Expected.REJECT,
        severity=Severity.MEDIUM,
        scope=Scope.LIBRARY,
        why="A second form of a signature slips through lists of those already seen.",
        fix="Check S < L (RFC 8032 §5.1.7).",
        cause=r"signature",
        variants=told(
            Stage.SIGNATURE,
            {
                "S + L": by(signatures.beyond_the_order),
                "R and S zero": by(lambda signature: bytes(64)),
                "R of small order": by(lambda signature: b"\x01" + bytes(31) + signature[32:]),
            },
            base=_EDWARDS,
        ),
    ),
    Operator(
        id="G16",
        concerns=Concerns.AUTHENTICATION,
        step="7.2.21",
        title="The attestation's signature once more",
        expected=Expected.REJECT,
        severity=Severity.HIGH,
        scope=Scope.LIBRARY,
        why="Self attestation is signed by the credential's key: it must not pass for an assertion.",
        fix=_VERIFY,
        cause=r"signature",
        variants=(Variant(name="self attestation", lie=stateful.attestation_signature, base=SELF),),
    ),
)
