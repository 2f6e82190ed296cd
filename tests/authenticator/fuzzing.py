"""Requests no platform sends: valid ones of every command, mutated as CBOR trees and as bytes.

Everything comes out of one seed, so that a finding is told by its seed and number.
"""

from __future__ import annotations

import hashlib
import hmac
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from authenticator import cbor
from authenticator.authenticator import Authenticator
from authenticator.commands import COMMANDS
from authenticator.cose import Algorithm
from authenticator.credential import rp_id_hash
from authenticator.environment import Environment, HandTurnedClock, SeededRandomness
from authenticator.operation import Operation
from authenticator.person import (
    DECLINED,
    TOUCHED,
    VERIFIED,
    Answer,
    Chosen,
    NotRecognised,
    Pin,
    Verified,
)
from authenticator.pin.stored import hash_of_pin
from authenticator.profiles.loader import load_profile
from authenticator.store import Fingerprint, MemoryStore

HASH = bytes(32)
RP_IDS = ("example.com", "other.example")
EXTENSIONS = (
    "credProtect",
    "credBlob",
    "largeBlobKey",
    "largeBlob",
    "hmac-secret",
    "hmac-secret-mc",
    "minPinLength",
    "pinComplexityPolicy",
    "thirdPartyPayment",
    "uvm",
    "prf",
)
INTERESTING: tuple[Any, ...] = (
    *(0, 1, 2, 3, 7, 23, 24, 255, 256, 0xFFFF, 0x10000, 0xFFFFFFFF, 0x100000000, (1 << 64) - 1),
    *(-1, -7, -8, -24, -25, -257, -(1 << 64)),
    *(
        True,
        False,
        None,
        b"",
        b"\x00",
        bytes(16),
        bytes(32),
        bytes(64),
        bytes(65),
        bytes(300),
        b"\xff" * 2000,
    ),
    *("", "public-key", "example.com", "\x00", "ü" * 40, "a" * 300),
    *([], {}, [0], {0: 0}, {"id": b""}, [[]], {1: {}}, [{"type": "public-key", "id": b"x"}]),
)
_FAST = tuple(each for each in Algorithm if each not in (Algorithm.RS256, Algorithm.PS256))
"""Making RSA keys from a seed takes as long as thousands of requests."""


U2F, UNKNOWN = -1, -2


class Finding(AssertionError):
    """The key did what it must never do."""


class Fuzzer:
    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.count = 0
        self.statuses: Counter[tuple[int, int]] = Counter()
        """By command and status."""
        self._random = random.Random(f"fuzz {seed}")
        self._clock = HandTurnedClock()
        profile = load_profile("reference")
        self.key = Authenticator(
            Environment(
                profile=replace(
                    profile, algorithms=_FAST, extensions=frozenset(EXTENSIONS), name=profile.name
                ),
                store=MemoryStore(),
                clock=self._clock,
                random=SeededRandomness(seed),
            )
        )
        self._ids: list[bytes] = [b"another's", bytes(63)]
        self._prepare()

    def step(self) -> None:
        """One request, and everything that must hold of its answer."""
        self.count += 1
        choose = self._random.random
        if choose() < 0.003:
            self._prepare()
        if choose() < 0.01:
            self._clock.advance(self._random.choice((0.5, 0.5, 11.0, 31.0, 700.0)))
        if choose() < 0.08:
            self._grant()
        if choose() < 0.05:
            request = self._apdu()
            operation = self.key.begin_u2f(request, self._channel())
            self._play(operation)
            self._judge(request, operation, at_least=2)
            return
        request = self._request()
        operation = self.key.begin(request, self._channel())
        self._play(operation)
        self._judge(request, operation, at_least=1)
        self._learn(request, operation)

    def require_service(self) -> None:
        """A sane request is still served."""
        for request in (b"\x04", b"\x0b"):
            operation = self.key.begin(request)
            while operation.ask is not None:
                operation.resume(TOUCHED)
            if operation.response is None or operation.response[0]:
                raise Finding(
                    f"{self._where()}: {request.hex()} is not served any more: {operation.response!r}"
                )

    # The key and the person

    def _prepare(self) -> None:
        """Power on, PIN and finger known, everything to be tried again."""
        self.key.power_cycle()
        self.key.change_state(
            pin_hash=hash_of_pin(b"1234"),
            pin_length=4,
            pin_retries=8,
            uv_retries=3,
            fingerprints=(Fingerprint(template_id=b"\x01", finger=0),),
            always_uv=False,
            force_pin_change=False,
            enterprise_attestation=True,
            min_pin_rp_ids=RP_IDS,
        )
        if len(self.key.store) > 60:
            for credential in list(self.key.store.credentials()):
                self.key.store.remove(credential.id)
        self._grant()

    def _grant(self) -> None:
        """A token with all permissions."""
        protocol = self.key.tokens.protocols[self._random.choice((1, 2))]
        rp_id = self._random.choice((None, None, None, *RP_IDS))
        self.key.tokens.begin_using(protocol, 0x3F, rp_id, user_present=self._random.random() < 0.5)
        self._protocol = protocol

    def _channel(self) -> int:
        return 1 if self._random.random() < 0.95 else 2

    def _play(self, operation: Operation) -> None:
        for _ in range(100):
            if operation.ask is None:
                return
            roll = self._random.random()
            if roll < 0.03:
                operation.expire()
            elif roll < 0.06:
                operation.cancel()
            else:
                operation.resume(self._answer(roll))
        raise Finding(f"{self._where()}: the person is asked without end")

    def _answer(self, roll: float) -> Answer:
        if roll < 0.8:
            return TOUCHED if roll < 0.3 else VERIFIED
        return self._random.choice(
            (
                DECLINED,
                NotRecognised(),
                NotRecognised(feedback=0),
                Verified(finger=3),
                Chosen(0),
                Chosen(-1),
                Pin(""),
            )
        )

    def _judge(self, request: bytes, operation: Operation, *, at_least: int) -> None:
        if operation.bug is not None:
            raise Finding(f"{self._where()}: {request.hex()} meets a bug") from operation.bug
        response = operation.response
        if response is None or len(response) < at_least:
            raise Finding(f"{self._where()}: {request.hex()} is answered {response!r}")
        if at_least == 2:
            self.statuses[(U2F, int.from_bytes(response[-2:], "big"))] += 1
            return
        command = request[0] if request and request[0] in COMMANDS else UNKNOWN
        self.statuses[(command, response[0])] += 1
        if response[0] == 0x7F or (response[0] and len(response) > 1):
            raise Finding(f"{self._where()}: {request.hex()} is answered {response.hex()}")
        if not response[0] and len(response) > 1:
            cbor.decode(response[1:], max_depth=8)

    def _learn(self, request: bytes, operation: Operation) -> None:
        """Credential ids that exist get further than those that are made up."""
        response = operation.response
        if response == b"\x00" and request[:1] == b"\x07":
            self._prepare()  # a reset has taken the PIN and the token
        if response and request[:1] == b"\x01" and not response[0]:
            data = cbor.decode(response[1:], max_depth=8)[2]
            self._ids.append(data[55 : 55 + int.from_bytes(data[53:55], "big")])
            del self._ids[2:-20]

    def _where(self) -> str:
        return f"seed {self.seed}, input {self.count}"

    # Requests

    def _request(self) -> bytes:
        chance = self._random
        if chance.random() < 0.02:
            return chance.randbytes(chance.choice((0, 1, 2, 10, 100)))
        code, parameters = self._next() or chance.choice(_COMMANDS)(self)
        for _ in range(chance.choice((0, 0, 1, 1, 2, 3))):
            parameters = self._mutated(parameters, 0.97)
        if parameters is None:
            return bytes((code,))
        try:
            request = bytes((code,)) + cbor.encode(parameters)
        except cbor.CborError:  # the mutation made a key that cannot be one
            request = bytes((code,)) + cbor.encode({1: 1})
        return self._mangled(request) if chance.random() < 0.2 else request

    def _next(self) -> tuple[int, Any] | None:
        """Mostly a conversation that has begun goes on."""
        continuation = self.key.continuation
        if continuation is None or self._random.random() < 0.4:
            return None
        return {
            "assertions": (0x08, None),
            "rps": (self.pick(0x0A, 0x41), {1: 3}),
            "credentials": (self.pick(0x0A, 0x41), {1: 5}),
            "large blob write": _large_blobs(self),
            "enrolment": _bio_enrollment(self),
        }.get(continuation.kind)

    def _mutated(self, value: Any, depth_first: float = 0.85) -> Any:
        """One change, somewhere in the tree."""
        chance = self._random
        if type(value) is dict and value and chance.random() < depth_first:
            changed = dict(value)
            key = chance.choice(list(changed))
            roll = chance.random()
            if roll < 0.15:
                del changed[key]
            elif roll < 0.25:
                changed[chance.choice((0, 5, 9, 11, 99, -1, "", "rk", "up", "uv", b""))] = chance.choice(
                    INTERESTING
                )
            elif roll < 0.3:
                changed = {chance.choice((0, "id", 1)): changed}
            else:
                changed[key] = self._mutated(changed[key])
            return changed
        if type(value) is list and value and chance.random() < 0.85:
            at = chance.randrange(len(value))
            roll = chance.random()
            if roll < 0.2:
                return value * chance.choice((2, 20))
            if roll < 0.4:
                return value[:at] + value[at + 1 :]
            return [*value[:at], self._mutated(value[at]), *value[at + 1 :]]
        if type(value) is bytes and value and chance.random() < 0.5:
            return self._mangled(value)
        if type(value) is int and chance.random() < 0.5:
            return value + chance.choice((-1, 1))
        return chance.choice(INTERESTING)

    def _mangled(self, data: bytes) -> bytes:
        chance = self._random
        at = chance.randrange(len(data))
        match chance.randrange(5):
            case 0:
                return data[:at]
            case 1:
                return data[:at] + chance.randbytes(chance.choice((1, 3))) + data[at:]
            case 2:
                return data + data[at:]
            case 3:
                return data[:at] + data[at + 1 :]
        return data[:at] + bytes((data[at] ^ (1 << chance.randrange(8)),)) + data[at + 1 :]

    def _apdu(self) -> bytes:
        chance = self._random
        handle = chance.choice(self._ids)[:255]
        ins, p1, data = chance.choice(
            (
                (1, 0, HASH + rp_id_hash("example.com")),
                (
                    2,
                    chance.choice((3, 7, 8)),
                    HASH + rp_id_hash("example.com") + bytes((len(handle),)) + handle,
                ),
                (3, 0, b""),
                (chance.randrange(256), chance.randrange(256), chance.randbytes(10)),
            )
        )
        if chance.random() < 0.5 and len(data) < 256:
            apdu = bytes((0, ins, p1, 0, len(data))) + data
        else:
            apdu = bytes((0, ins, p1, 0, 0)) + len(data).to_bytes(2, "big") + data + b"\x00\x00"
        return self._mangled(apdu) if chance.random() < 0.5 else apdu

    def signed(self, message: bytes) -> tuple[int, bytes]:
        """A protocol and a pinUvAuthParam that is right more often than not."""
        if self._random.random() < 0.1:
            return self._random.choice((1, 2, 3)), self._random.randbytes(self._random.choice((0, 16, 32)))
        return self._protocol.number, self._protocol.authenticate(message)

    def pick(self, *values: Any) -> Any:
        return self._random.choice(values)

    def some(self, **values: Callable[[], Any]) -> dict[str, Any]:
        """A few of these."""
        return {
            name.replace("_", "-"): make() for name, make in values.items() if self._random.random() < 0.3
        }

    def credential_ids(self) -> list[dict[str, Any]]:
        chosen = self._random.sample(self._ids, self._random.choice((1, 1, 2)))
        return [{"type": "public-key", "id": each} for each in chosen]

    def cose_key(self) -> dict[int, Any]:
        return dict(self._protocol.public_key())  # the key's own: a point on the curve as good as any

    def salts(self) -> dict[int, Any]:
        number = self._protocol.number
        secret = self._protocol.decapsulate(self.cose_key())
        encrypted = secret.encrypt(bytes(self._random.choice((32, 64, 48))))
        return {1: self.cose_key(), 2: encrypted, 3: self._mac(secret, encrypted), 4: number}

    def _mac(self, secret: Any, message: bytes) -> bytes:
        key = getattr(secret, "_hmac_key", None) or secret._key
        size = 16 if self._protocol.number == 1 else 32
        return hmac.digest(key, message, "sha256")[:size]


def _make_credential(fuzzer: Fuzzer) -> tuple[int, Any]:
    request: dict[int, Any] = {
        1: HASH,
        2: {"id": fuzzer.pick(*RP_IDS), "name": "Example"},
        3: {"id": fuzzer.pick(b"alice", b"bob", bytes(64)), "name": "alice", "displayName": "Alice"},
        4: [{"type": "public-key", "alg": int(fuzzer.pick(-7, *_FAST))}, {"type": "public-key", "alg": -7}],
    }
    if fuzzer.pick(True, False):
        request[5] = fuzzer.credential_ids()
    if fuzzer.pick(True, False):
        request[6] = fuzzer.some(
            credProtect=lambda: fuzzer.pick(1, 2, 3),
            credBlob=lambda: bytes(20),
            largeBlobKey=lambda: True,
            largeBlob=lambda: {"support": "preferred"},
            hmac_secret=lambda: True,
            hmac_secret_mc=fuzzer.salts,
            minPinLength=lambda: True,
            pinComplexityPolicy=lambda: True,
            thirdPartyPayment=lambda: True,
            uvm=lambda: True,
            prf=lambda: {"eval": {"first": bytes(32), "second": bytes(32)}},
        )
    if fuzzer.pick(True, False):
        request[7] = {"rk": fuzzer.pick(True, False), "uv": fuzzer.pick(True, False)}
    if fuzzer.pick(True, False):
        request[9], request[8] = fuzzer.signed(HASH)
    if fuzzer.pick(True, False, False):
        request[10] = fuzzer.pick(1, 2)
    if fuzzer.pick(True, False, False):
        request[11] = [fuzzer.pick("none", "packed", "fido-u2f", "compound", "tpm")]
    return 0x01, request


def _get_assertion(fuzzer: Fuzzer) -> tuple[int, Any]:
    request: dict[int, Any] = {1: fuzzer.pick(*RP_IDS), 2: HASH}
    if fuzzer.pick(True, False):
        request[3] = fuzzer.credential_ids()
    if fuzzer.pick(True, False):
        request[4] = fuzzer.some(
            credBlob=lambda: True,
            largeBlobKey=lambda: True,
            largeBlob=lambda: fuzzer.pick({"read": True}, {"write": b"x", "originalSize": 1}),
            hmac_secret=fuzzer.salts,
            thirdPartyPayment=lambda: True,
            uvm=lambda: True,
            prf=lambda: {"eval": {"first": bytes(32)}, "evalByCredential": {b"x": {"first": bytes(32)}}},
        )
    if fuzzer.pick(True, False):
        request[5] = fuzzer.pick({"up": True}, {"up": False}, {"uv": True})
    if fuzzer.pick(True, False):
        request[7], request[6] = fuzzer.signed(HASH)
    return 0x02, request


def _client_pin(fuzzer: Fuzzer) -> tuple[int, Any]:
    sub_command = fuzzer.pick(1, 2, 3, 4, 5, 6, 7, 9)
    number, param = fuzzer.signed(b"x")
    request: dict[int, Any] = {1: number, 2: sub_command}
    if sub_command not in (1, 2, 7):
        request |= {
            3: fuzzer.cose_key(),
            4: param,
            5: bytes(fuzzer.pick(64, 80)),
            6: bytes(fuzzer.pick(16, 32)),
        }
    if sub_command in (6, 9):
        request |= {9: fuzzer.pick(1, 2, 4, 8, 16, 32, 64, 3), 10: "example.com"}
    return 0x06, request


def _administrative(
    fuzzer: Fuzzer, prefix: bytes, sub_command: int, params: Any, first: int
) -> dict[int, Any]:
    """The shape bioEnrollment, credentialManagement and config share."""
    message = prefix + bytes((sub_command,)) + (cbor.encode(params) if params is not None else b"")
    number, param = fuzzer.signed(message)
    request = {first: sub_command, first + 2: number, first + 3: param}
    return request if params is None else request | {first + 1: params}


def _bio_enrollment(fuzzer: Fuzzer) -> tuple[int, Any]:
    code = fuzzer.pick(0x09, 0x40)
    if fuzzer.pick(True, False, False):
        return code, fuzzer.pick({6: True}, {1: 1, 2: 7}, {1: 1, 2: 3})
    sub_command = fuzzer.pick(1, 2, 3, 4, 5, 6)
    params = {
        2: {1: b"\x01", 3: 10_000},
        5: {1: b"\x01", 2: "finger"},
        6: {1: b"\x01"},
    }.get(sub_command)
    return code, {1: 1} | _administrative(fuzzer, b"\x01", sub_command, params, 2)


def _credential_management(fuzzer: Fuzzer) -> tuple[int, Any]:
    code, sub_command = fuzzer.pick(0x0A, 0x41), fuzzer.pick(1, 2, 3, 4, 5, 6, 7)
    (descriptor, *_) = fuzzer.credential_ids()
    params = {
        4: {1: rp_id_hash("example.com")},
        6: {2: descriptor},
        7: {2: descriptor, 3: {"id": b"alice", "name": "alicia"}},
    }.get(sub_command)
    if sub_command == 6 and fuzzer.pick(True, True, False):  # or nothing would be left for the others
        return code, {1: 3}
    return code, _administrative(fuzzer, b"", sub_command, params, 1)


def _large_blobs(fuzzer: Fuzzer) -> tuple[int, Any]:
    if fuzzer.pick(True, False):
        return 0x0C, {1: fuzzer.pick(0, 17, 4000), 3: fuzzer.pick(0, 5, 17, 40)}
    content = bytes(fuzzer.pick(1, 20))
    whole = content + hashlib.sha256(content).digest()[:16]
    offset = fuzzer.pick(0, 0, 20)
    part = fuzzer.pick(whole, whole[:20])[0 if offset == 0 else 20 :]
    digest = hashlib.sha256(part).digest()
    number, param = fuzzer.signed(b"\xff" * 32 + b"\x0c\x00" + offset.to_bytes(4, "little") + digest)
    request = {2: part, 3: offset, 5: param, 6: number}
    return 0x0C, request | {4: len(whole)} if offset == 0 else request


def _config(fuzzer: Fuzzer) -> tuple[int, Any]:
    sub_command = fuzzer.pick(1, 2, 3, 3, 4, 0xFF)
    params = {
        3: {1: fuzzer.pick(4, 4, 6), 2: ["example.com"], 3: fuzzer.pick(True, False), 4: True},
        0xFF: {1: 1},
    }.get(sub_command)
    return 0x0D, _administrative(fuzzer, b"\xff" * 32 + b"\x0d", sub_command, params, 1)


def _bare(code: int) -> Callable[[Fuzzer], tuple[int, Any]]:
    return lambda fuzzer: (code, fuzzer.pick(None, None, {}, {1: 1}))


_COMMANDS: tuple[Callable[[Fuzzer], tuple[int, Any]], ...] = (
    _make_credential, _make_credential, _make_credential, _get_assertion, _get_assertion, _get_assertion,
    _client_pin, _client_pin, _bio_enrollment, _credential_management, _credential_management, _large_blobs,
    _config, _bare(0x04), _bare(0x07), _bare(0x08), _bare(0x08), _bare(0x0B), _bare(0x05), _bare(0x42),
)  # fmt: skip
