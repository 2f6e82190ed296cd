"""A peer that sends nonsense: mutated QR texts, adverts, handshake messages, frames and messages."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from authenticator import cbor
from harness.hybrid import advert, keys, noise, qr
from harness.hybrid.errors import HybridError
from harness.hybrid.frames import Frames, MessageType, parse_typed, typed
from harness.hybrid.messages import ClientPayload, Greeting, LinkingInfo

KINDS = ("qr", "advert", "first message", "second message", "frame", "greeting", "update", "payload")


def mutate(rng: random.Random, data: bytes) -> bytes:
    """One to four changes: bits, bytes, runs, lengths."""
    made = bytearray(data)
    for _ in range(rng.randint(1, 4)):
        place = rng.randrange(len(made) + 1)
        change = rng.randrange(6)
        if change == 0 and made:
            made[place % len(made)] ^= 1 << rng.randrange(8)
        elif change == 1 and made:
            made[place % len(made)] = rng.choice((0, 1, 0x7F, 0x80, 0xFF, rng.randrange(256)))
        elif change == 2:
            del made[place : place + rng.randint(1, 8)]
        elif change == 3:
            made[place:place] = rng.randbytes(rng.randint(1, 8))
        elif change == 4:
            made[place:place] = made[: rng.randint(0, 64)]
        else:
            made[:] = rng.randbytes(rng.randint(0, 120))
    return bytes(made)


@dataclass(kw_only=True)
class Peer:
    """Genuine material of one session, and what each side does with a changed piece of it."""

    rng: random.Random

    def __post_init__(self) -> None:
        rng = self.rng
        self.psk, self.secret = rng.randbytes(32), rng.randbytes(16)
        self.identity, self.phone_identity = noise.new_key(), noise.new_key()
        self.point = keys.uncompressed(self.identity.public_key())
        self.phone_point = keys.uncompressed(self.phone_identity.public_key())
        self.code = qr.QrCode.of_client(self.identity, self.secret, time=1_700_000_000, operation="mc")
        self.eid_key = keys.eid_key(self.secret)
        self.advert = advert.Eid(nonce=rng.randbytes(10), routing_id=rng.randbytes(3), domain=0).seal(
            self.eid_key
        )
        self.first = noise.Initiator(self.psk, identity=self.identity).first_message()
        initiator = noise.Initiator(self.psk, identity=self.identity)
        self.second, session = noise.respond(self.psk, initiator.first_message(), client_identity=self.point)
        self.handshake_hash = session.handshake_hash
        self.write_key, self.read_key = session.initiator_to_responder, session.responder_to_initiator
        self.frame = Frames(write_key=self.write_key, read_key=self.read_key).seal(
            typed(MessageType.CTAP, b"\x04")
        )
        self.greeting = Greeting(get_info=cbor.encode({1: ["FIDO_2_0"], 3: bytes(16)})).to_bytes()
        self.update = LinkingInfo.make(
            contact_id=rng.randbytes(16),
            link_id=rng.randbytes(8),
            link_secret=rng.randbytes(32),
            identity=self.phone_identity,
            point=self.phone_point,
            name="phone",
            client_identity=self.point,
            handshake_hash=self.handshake_hash,
        ).to_update()
        self.payload = ClientPayload(link_id=bytes(8), client_nonce=bytes(16), operation="ga").to_hex()

    def genuine(self, kind: str) -> bytes:
        return {
            "qr": self.code.encode().encode(),
            "advert": self.advert,
            "first message": self.first,
            "second message": self.second,
            "frame": self.frame,
            "greeting": self.greeting,
            "update": self.update,
            "payload": self.payload.encode(),
        }[kind]

    def receive(self, kind: str, data: bytes) -> bool:
        """Whether the other side takes it; anything but HybridError that comes out of here is a bug."""
        receivers: dict[str, Callable[[], object]] = {
            "qr": lambda: qr.QrCode.decode(data.decode("latin-1")),
            "advert": lambda: advert.trial_decrypt(data, self.eid_key) or _refuse(),
            "first message": lambda: noise.respond(self.psk, data, client_identity=self.point),
            "second message": lambda: noise.Initiator(self.psk, identity=self.identity).finish(data),
            "frame": lambda: parse_typed(Frames(write_key=self.read_key, read_key=self.write_key).open(data)),
            "greeting": lambda: Greeting.from_bytes(data),
            "update": lambda: LinkingInfo.from_update(
                data, identity=self.identity, handshake_hash=self.handshake_hash
            ),
            "payload": lambda: ClientPayload.from_hex(data.decode("latin-1")),
        }
        try:
            receivers[kind]()
        except HybridError:
            return False
        return True


def _refuse() -> None:
    raise HybridError("not meant for us")


def inputs(seed: int, count: int) -> Iterator[tuple[Peer, str, bytes]]:
    """So many mutated pieces, with the peer they are for; a new session now and then."""
    rng = random.Random(seed)
    peer = Peer(rng=rng)
    for number in range(count):
        if number % 500 == 499:
            peer = Peer(rng=rng)
        kind = rng.choice(KINDS)
        yield peer, kind, mutate(rng, peer.genuine(kind))
