"""A peer that holds the keys and sends nonsense: changed before it is sealed, signed or encoded.

Changes to sealed bytes end at the seal; these reach what is behind it.
"""

from __future__ import annotations

import hmac
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from authenticator import cbor
from harness.hybrid import advert, keys, noise, qr
from harness.hybrid.errors import HybridError
from harness.hybrid.frames import Frames, parse_typed
from harness.hybrid.messages import ClientPayload, Greeting, LinkingInfo
from harness.hybrid.tunnel_server import Call
from tests.harness.hybrid.mutated import mutate

ODD: tuple[Any, ...] = (
    *(None, True, False, 0, 1, -1, 23, 255, 65536, 2**32, 2**63, 2**64 - 1, -(2**63), 0.5),
    *(
        b"",
        b"\0",
        bytes(16),
        bytes(33),
        bytes(65),
        "",
        "mc",
        "\0",
        "é" * 9,
        [],
        [[]],
        {},
        {0: 0},
        [1, "ctap", b""],
    ),
)


def change(rng: random.Random, value: Any) -> Any:
    """Somewhere in this CBOR value something is gone, new, or of another kind or size."""
    if isinstance(value, dict) and value and rng.randrange(4):
        made = dict(value)
        key = rng.choice(list(made))
        act = rng.randrange(6)
        if act == 0:
            del made[key]
        elif act == 1:
            made[rng.choice((0, 7, -1, 255, "x", b"x"))] = rng.choice(ODD)
        elif act == 2:
            made[key] = made[rng.choice(list(made))]
        else:
            made[key] = change(rng, made[key])
        return made
    if isinstance(value, list) and value and rng.randrange(4):
        listed = list(value)
        listed[rng.randrange(len(listed))] = change(rng, rng.choice(listed))
        return listed
    if isinstance(value, bytes) and rng.randrange(3):
        return mutate(rng, value)
    if isinstance(value, str) and rng.randrange(3):
        return mutate(rng, value.encode()).decode("latin-1")
    return rng.choice(ODD)


@dataclass(kw_only=True)
class Insider:
    """One session's secrets, in the wrong hands."""

    rng: random.Random

    def __post_init__(self) -> None:
        rng = self.rng
        self.psk, self.secret = rng.randbytes(32), rng.randbytes(16)
        self.client, self.phone = noise.new_key(rng.randbytes), noise.new_key(rng.randbytes)
        self.client_point = keys.uncompressed(self.client.public_key())
        self.phone_point = keys.uncompressed(self.phone.public_key())
        self.eid_key = keys.eid_key(self.secret)
        self.frame_key, self.handshake_hash = rng.randbytes(32), rng.randbytes(32)
        self.code = cbor.decode(
            qr.from_digits(
                qr.QrCode.of_client(self.client, self.secret, time=1_700_000_000).encode()[len(qr.PREFIX) :]
            )
        )
        self.greeting = {1: cbor.encode({1: ["FIDO_2_0"], 3: bytes(16), 4: {"uv": True}}), 3: ["ctap", "dc"]}
        self.linking = {1: rng.randbytes(16), 2: bytes(8), 3: bytes(32), 4: self.phone_point, 5: "phone"}
        self.payload = {1: bytes(8), 2: bytes(16), 3: "ga"}
        self.call = {1: "00" * 16, 2: "00" * 3, 3: cbor.encode(self.payload).hex()}

    # Each makes one input and gives it to whoever receives it

    def qr_code(self) -> object:
        data = self._encoded(self.code)
        return qr.QrCode.decode(qr.PREFIX + qr.to_digits(data))

    def eid(self) -> object:
        plaintext = mutate(self.rng, bytes(14) + b"\0\0").ljust(16, b"\0")[:16]
        encryptor = Cipher(algorithms.AES(self.eid_key[:32]), modes.ECB()).encryptor()
        sealed = encryptor.update(plaintext) + encryptor.finalize()
        tag = hmac.digest(self.eid_key[32:], sealed, "sha256")[:4]
        found = advert.trial_decrypt(sealed + tag, self.eid_key)
        if found is None:
            raise HybridError("not meant for us")
        return found

    def first_message_of_qr(self) -> object:
        state = noise._begin(self.psk, client_identity=self.client_point, phone_identity=None)
        point = self._point()
        state.mix_hash(point)
        state.mix_key(point)
        return noise.respond(self.psk, point + state.seal(), client_identity=self.client_point)

    def first_message_of_link(self) -> object:
        state = noise._begin(self.psk, client_identity=None, phone_identity=self.phone_point)
        point = self._point()
        state.mix_hash(point)
        state.mix_key(point)
        shared = self.rng.randbytes(32)
        try:
            shared = self.phone.exchange(ec.ECDH(), keys.public_key(point))
        except HybridError:
            pass
        state.mix_key(shared)
        return noise.respond(self.psk, point + state.seal(), identity=self.phone)

    def second_message(self) -> object:
        linked = self.rng.random() < 0.5
        ends = {"phone_identity": self.phone_point} if linked else {"identity": self.client}
        client = noise.Initiator(self.psk, **ends)  # type: ignore[arg-type]
        client.first_message()
        return client.finish(self._point() + self.rng.randbytes(16))

    def frame(self) -> object:
        """Sealed with the right key: any padding, any type byte."""
        rng = self.rng
        plaintext = rng.randbytes(rng.randint(0, 70)) + bytes(
            (rng.choice((0, 1, 31, 32, 255, rng.randrange(256))),)
        )
        plaintext = b"" if rng.randrange(50) == 0 else bytes((rng.randrange(6),)) + plaintext
        sealed = AESGCM(self.frame_key).encrypt(bytes(12), plaintext, None)
        return parse_typed(Frames(write_key=self.frame_key, read_key=self.frame_key).open(sealed))

    def phones_greeting(self) -> object:
        greeting = dict(self.greeting)
        if self.rng.randrange(2):
            greeting[1] = self._encoded(cbor.decode(self.greeting[1]))  # type: ignore[arg-type]
        return Greeting.from_bytes(self._encoded(greeting))

    def update(self) -> object:
        """A half of them are signed over what they say."""
        linking = change(self.rng, self.linking)
        if isinstance(linking, dict) and self.rng.randrange(2):
            shared = self.client.exchange(ec.ECDH(), self.phone.public_key())
            linking = {**linking, 6: hmac.digest(shared, self.handshake_hash, "sha256")}
        data = (
            mutate(self.rng, cbor.encode({1: linking}))
            if self.rng.randrange(8) == 0
            else cbor.encode({1: linking})
        )
        return LinkingInfo.from_update(data, identity=self.client, handshake_hash=self.handshake_hash)

    def clients_payload(self) -> object:
        return ClientPayload.from_hex(self._encoded(self.payload).hex())

    def call_of_phone(self) -> object:
        call = Call.from_bytes(self._encoded(self.call))
        return ClientPayload.from_hex(call.client_payload)

    def _encoded(self, value: Any) -> bytes:
        """Changed as a value, and now and then as bytes."""
        rng = self.rng
        for _ in range(rng.randint(1, 3)):
            value = change(rng, value)
        data = cbor.encode(value)
        return mutate(rng, data) if rng.randrange(8) == 0 else data

    def _point(self) -> bytes:
        """Sixty-five bytes: the wrong form, off the curve, or on it."""
        rng = self.rng
        kind = rng.randrange(4)
        if kind == 0:
            return rng.choice((self.client_point, self.phone_point))
        made = bytearray(self.phone_point)
        if kind == 1:
            made[rng.randrange(65)] ^= 1 << rng.randrange(8)
        elif kind == 2:
            made[1:] = rng.choice((bytes(64), b"\xff" * 64, rng.randbytes(64)))
        else:
            made[0] = rng.randrange(256)
        return bytes(made)


_RARE = (Insider.first_message_of_qr, Insider.first_message_of_link, Insider.second_message)
_OFTEN = (
    *(Insider.qr_code, Insider.eid, Insider.frame, Insider.phones_greeting, Insider.update),
    *(Insider.clients_payload, Insider.call_of_phone),
)
"""What costs no elliptic curve."""
KINDS: tuple[Callable[[Insider], object], ...] = (*_RARE, *_OFTEN)


@dataclass(kw_only=True)
class Tally:
    taken: int = 0
    refused: int = 0

    @property
    def total(self) -> int:
        return self.taken + self.refused


def attack(seed: int, count: int) -> dict[str, Tally]:
    """So many inputs, and what became of them. Anything but one clear error that comes out of here is a bug."""
    rng = random.Random(seed)
    tallies = {kind.__name__: Tally() for kind in KINDS}
    insider = Insider(rng=rng)
    for number in range(count):
        if number % 5000 == 4999:
            insider = Insider(rng=rng)
        kind = rng.choice(_RARE) if rng.randrange(40) == 0 else rng.choice(_OFTEN)
        tally = tallies[kind.__name__]
        try:
            kind(insider)
        except HybridError as error:
            told = str(error)
            assert told.isprintable(), told
            assert 0 < len(told) < 200, told
            tally.refused += 1
        else:
            tally.taken += 1
    return tallies
