"""A small honest backend for tests of the wire: it echoes, and it can be slow about it."""

from __future__ import annotations

from dataclasses import dataclass, field

from ctaphid.device import Capability, Identity, KeepaliveStatus
from ctaphid.packets import ErrorCode

CANCELLED = b"\x2d"
"""CTAP2_ERR_KEEPALIVE_CANCEL."""
SLOW = 0x53
"""A request that begins with this byte waits for the person."""


@dataclass(slots=True, kw_only=True)
class EchoTransaction:
    """Answers `request` reversed, at once or when the person comes."""

    request: bytes
    due: float | None = None
    response: bytes | None = None
    status: KeepaliveStatus = KeepaliveStatus.USER_PRESENCE_NEEDED

    def wake(self, now: float) -> None:
        if self.due is not None and now >= self.due:
            self.answer()

    def answer(self) -> None:
        if self.response is None:
            self.response = self.request[::-1]

    def next_wake(self) -> float | None:
        return None if self.response is not None else self.due

    def cancel(self, now: float) -> None:
        if self.response is None:
            self.response = CANCELLED


@dataclass(slots=True, kw_only=True)
class EchoBackend:
    capabilities: Capability = Capability.WINK | Capability.CBOR
    version: tuple[int, int, int] = (5, 7, 4)
    answers_after: float | None = 2.0
    """How long the person takes over a slow request; None: until `EchoTransaction.answer` is called."""
    transactions: list[EchoTransaction] = field(default_factory=list)
    winks: list[int] = field(default_factory=list)

    @property
    def identity(self) -> Identity:
        return Identity(version=self.version, capabilities=self.capabilities)

    def begin_cbor(self, channel: int, request: bytes, now: float) -> EchoTransaction:
        return self._begin(request, now)

    def begin_msg(self, channel: int, request: bytes, now: float) -> EchoTransaction:
        return self._begin(request, now)

    def _begin(self, request: bytes, now: float) -> EchoTransaction:
        transaction = EchoTransaction(request=request)
        if request[0] != SLOW:
            transaction.answer()
        elif self.answers_after is not None:
            transaction.due = now + self.answers_after
        self.transactions[:] = [transaction]
        return transaction

    def wink(self, channel: int, now: float) -> None:
        self.winks.append(channel)

    def vendor(self, channel: int, command: int, request: bytes, now: float) -> bytes | ErrorCode:
        return request + bytes((command,)) if command == 0x42 else ErrorCode.INVALID_CMD
