"""A key to which something of everything has happened."""

from __future__ import annotations

from dataclasses import dataclass

from fido2.ctap1 import Ctap1
from fido2.ctap2 import ClientPin, Ctap2

from authenticator import cbor
from harness import HandTurnedClock, VirtualKey, touch
from harness.trace import RequestEvent, ResponseEvent

PIN = "correct horse 2468"
HASH = bytes(range(32))


@dataclass(frozen=True, slots=True, kw_only=True)
class Traced:
    key: VirtualKey
    secrets: tuple[bytes, ...]
    """What went over the wire and must not be found in a file."""


def story(key: VirtualKey | None = None) -> Traced:
    """A PIN is set and a token got for it; a key is registered, U2F too; somebody knows no such key."""
    key = key or VirtualKey(clock=HandTurnedClock(), seed=7)
    device = key.ctap_device()
    ctap = Ctap2(device)
    client_pin = ClientPin(ctap)
    client_pin.set_pin(PIN)
    token = client_pin.get_pin_token(PIN, ClientPin.PERMISSION.MAKE_CREDENTIAL, "example.com")
    key.trace.step("page", "navigator.credentials.create", "example.com")
    key.person.will(touch(after=1.5))
    response = ctap.make_credential(
        HASH,
        {"id": "example.com", "name": "Example"},
        {"id": b"\x01", "name": "alice"},
        [{"type": "public-key", "alg": -7}],
        extensions={"largeBlobKey": True},
        options={"rk": True},
        pin_uv_param=client_pin.protocol.authenticate(token, HASH),
        pin_uv_protocol=client_pin.protocol.VERSION,
    )
    assert response.large_blob_key is not None
    Ctap1(device).register(HASH, HASH[::-1])
    # What the wire carried of the PIN and the token: encrypted, and still nobody's business.
    of_pin = [
        event.data[1:]
        for event in key.trace
        if (isinstance(event, RequestEvent) and event.data[0] == 0x06)
        or (isinstance(event, ResponseEvent) and event.command == 0x06)
    ]
    hidden = [
        value
        for message in of_pin
        if message
        for member, value in cbor.decode(message).items()
        if member in (2, 5, 6) and isinstance(value, bytes)
    ]
    assert len(hidden) == 3, "newPinEnc, pinHashEnc, pinUvAuthToken"
    return Traced(key=key, secrets=(PIN.encode(), token, response.large_blob_key, *hidden))
