"""python-fido2's `CtapDevice` straight onto the authenticator: everything but the wire."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from threading import Event

from fido2.ctap import STATUS, CtapDevice, CtapError
from fido2.hid import CAPABILITY, CTAPHID

from harness.engine import Engine


class DirectDevice(CtapDevice):
    """What `CtapHidDevice` is over a connection, without its 64-byte packets: for whoever tests something else."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._closed = False

    @property
    def capabilities(self) -> int:
        return int(self._engine.identity.capabilities)

    def call(
        self,
        cmd: int,
        data: bytes = b"",
        event: Event | None = None,
        on_keepalive: Callable[[STATUS], None] | None = None,
    ) -> bytes:
        if self._closed:
            raise OSError("this device is closed")
        if cmd == CTAPHID.MSG:
            return self._engine.call_u2f(data)
        if cmd != CTAPHID.CBOR or not self.capabilities & CAPABILITY.CBOR:
            raise CtapError(CtapError.ERR.INVALID_COMMAND)
        on_ask = None if on_keepalive is None else partial(on_keepalive, STATUS.UPNEEDED)
        return self._engine.call(data, cancelled=event, on_ask=on_ask)

    def close(self) -> None:
        self._closed = True

    @classmethod
    def list_devices(cls) -> Iterator[CtapDevice]:
        """Virtual keys are made, not found."""
        return iter(())
