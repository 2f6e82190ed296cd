"""python-fido2's client over the udp port: 64-byte datagrams as packets."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import closing, contextmanager

from fido2.cose import CoseKey
from fido2.ctap2 import Ctap2
from fido2.hid import CtapHidDevice
from fido2.hid.base import CtapHidConnection, HidDescriptor


class UdpConnection(CtapHidConnection):  # type: ignore[misc]  # python-fido2 marks this class as untyped
    def __init__(self, address: str) -> None:
        host, _, port = address.rpartition(":")
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.settimeout(20)
        self._socket.connect((host, int(port)))

    def write_packet(self, data: bytes) -> None:
        self._socket.send(data)

    def read_packet(self) -> bytes:
        return self._socket.recv(64)

    def close(self) -> None:
        self._socket.close()


@contextmanager
def open_ctap2(address: str) -> Iterator[Ctap2]:
    with closing(UdpConnection(address)) as connection:
        descriptor = HidDescriptor(address, 0x1209, 0xF1D0, 64, 64, "udp", None)
        yield Ctap2(CtapHidDevice(descriptor, connection))


def register(ctap: Ctap2, user: str = "alice") -> CoseKey:
    made = ctap.make_credential(
        bytes(32),
        {"id": "example.com", "name": "Example"},
        {"id": user.encode(), "name": user},
        [{"type": "public-key", "alg": -7}],
        options={"rk": True},
    )
    public_key: CoseKey = made.auth_data.credential_data.public_key
    return public_key


def log_in(ctap: Ctap2, public_key: CoseKey) -> int:
    assertion = ctap.get_assertion("example.com", bytes(32))
    assertion.verify(bytes(32), public_key)
    counter: int = assertion.auth_data.counter
    return counter
