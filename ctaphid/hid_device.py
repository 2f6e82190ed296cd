"""CTAPHID, the key's side: packets of any number of channels in, packets out (CTAP 2.3 §11.2).

One transaction at a time: the channel whose initialization packet finds the device idle owns it until the answer
is out, and every other one is told CHANNEL_BUSY. INIT alone is answered at any time.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass

from ctaphid.assembly import Assembly, OutOfSequence
from ctaphid.channels import MAX_LOCK_SECONDS, Channels
from ctaphid.device import Backend, Capability, KeepaliveStatus, Transaction
from ctaphid.packets import (
    BROADCAST_CHANNEL,
    MAX_MESSAGE_SIZE,
    PACKET_SIZE,
    RESERVED_CHANNEL,
    VENDOR_COMMANDS,
    Command,
    ContinuationPacket,
    ErrorCode,
    InitPacket,
    parse,
    split,
)

log = logging.getLogger(__name__)

PROTOCOL_VERSION = 2
NONCE_SIZE = 8
KEEPALIVE_INTERVAL = 0.1
"""§11.2.9.1.7: "at least every 100 ms and whenever the status changes"."""


@dataclass(slots=True, kw_only=True)
class _Pending:
    """A message behind the channels that waits for the person."""

    channel: int
    command: Command
    transaction: Transaction
    status: KeepaliveStatus | None = None
    keepalive_at: float = 0.0


class HidDevice:
    """A `Device` over a `Backend`. Channel ids come out of `random_bytes`, so that a seeded run repeats."""

    def __init__(
        self, backend: Backend, *, random_bytes: Callable[[int], bytes], max_channels: int = 256
    ) -> None:
        self._backend = backend
        self._channels = Channels(random_bytes, max_channels)
        self._outgoing: list[bytes] = []
        self._assembly: Assembly | None = None
        self._pending: _Pending | None = None
        self._power_cycles = 0

    # As a port sees it

    def receive(self, packet: bytes, now: float) -> None:
        self.wake(now)
        if len(packet) != PACKET_SIZE:
            log.debug("ignored a report of %d bytes", len(packet))
            return
        match parse(packet):
            case ContinuationPacket() as continuation:
                self._continue(continuation, now)
            case InitPacket() as first:
                self._begin(first, now)

    def wake(self, now: float) -> None:
        if self._assembly is not None and now >= self._assembly.deadline:
            channel = self._assembly.channel
            self._assembly = None
            self._error(channel, ErrorCode.MSG_TIMEOUT)
        pending = self._pending
        if pending is not None:
            due = pending.transaction.next_wake()
            if due is not None and now >= due:
                self._guarded(pending.channel, lambda: pending.transaction.wake(now))
            self._report(now)

    def next_wake(self) -> float | None:
        if self._assembly is not None:
            return self._assembly.deadline
        if self._pending is None:
            return None
        due = self._pending.transaction.next_wake()
        return self._pending.keepalive_at if due is None else min(due, self._pending.keepalive_at)

    def outgoing(self) -> list[bytes]:
        packets, self._outgoing = self._outgoing, []
        return packets

    def power_cycle(self, now: float) -> None:
        self._power_cycles += 1
        self._abort(now)
        self._channels.forget()
        self._outgoing.clear()

    # Packets

    def _continue(self, packet: ContinuationPacket, now: float) -> None:
        assembly = self._assembly
        if assembly is None or assembly.channel != packet.channel:
            return  # §11.2.5.4: spurious continuation packets are ignored
        try:
            assembly.add(packet, now)
        except OutOfSequence:
            self._assembly = None
            self._error(packet.channel, ErrorCode.INVALID_SEQ)
            return
        self._dispatch_if_whole(assembly, now)

    def _begin(self, packet: InitPacket, now: float) -> None:
        channel = packet.channel
        if packet.command == Command.CANCEL:
            self._cancel(channel, now)
        elif packet.command == Command.INIT:
            self._init(packet, now)
        elif channel not in self._channels:
            # §11.2.4: 0 is reserved, the broadcast channel is for INIT alone.
            self._error(channel, ErrorCode.INVALID_CHANNEL)
        elif self._channels.lock_holder(now) not in (None, channel):
            self._error(channel, ErrorCode.CHANNEL_BUSY)
        elif self._assembly is not None and self._assembly.channel == channel:
            # §11.2.5.4: a continuation packet had to come; the transaction is lost.
            self._assembly = None
            self._error(channel, ErrorCode.INVALID_SEQ)
        elif self._busy_channel is not None:
            self._error(channel, ErrorCode.CHANNEL_BUSY)
        elif (refusal := self._refusal(packet)) is not None:
            self._error(channel, refusal)
        else:
            self._channels.use(channel)
            self._assembly = Assembly(packet, now)
            self._dispatch_if_whole(self._assembly, now)

    def _refusal(self, packet: InitPacket) -> ErrorCode | None:
        """What is wrong with a message by its first packet alone."""
        command, length, capabilities = packet.command, packet.length, self._backend.identity.capabilities
        match command:
            case Command.PING:
                wrong_length = False
            case Command.MSG if Capability.NMSG not in capabilities:
                wrong_length = length == 0
            case Command.CBOR if Capability.CBOR in capabilities:
                wrong_length = length == 0
            case Command.WINK if Capability.WINK in capabilities:
                wrong_length = length != 0
            case Command.LOCK:
                wrong_length = length != 1
            case _ if command in VENDOR_COMMANDS:
                wrong_length = False
            case _:
                return ErrorCode.INVALID_CMD
        return ErrorCode.INVALID_LEN if wrong_length or length > MAX_MESSAGE_SIZE else None

    # Commands of the wire itself

    def _init(self, packet: InitPacket, now: float) -> None:
        """§11.2.9.1.3. Never waits for another channel's transaction."""
        channel = packet.channel
        if channel == RESERVED_CHANNEL or (channel != BROADCAST_CHANNEL and channel not in self._channels):
            self._error(channel, ErrorCode.INVALID_CHANNEL)
            return
        if packet.length != NONCE_SIZE:
            self._error(channel, ErrorCode.INVALID_LEN)
            return
        if channel == BROADCAST_CHANNEL:
            allocated = self._channels.allocate(now, self._busy_channel)
            if allocated is None:
                self._error(channel, ErrorCode.CHANNEL_BUSY)
                return
        else:
            allocated = channel
            self._channels.use(channel)
            if self._busy_channel == channel:
                self._abort(now)
        identity = self._backend.identity
        answer = packet.data + allocated.to_bytes(4, "big")
        answer += bytes((PROTOCOL_VERSION, *identity.version, identity.capabilities))
        self._send(channel, Command.INIT, answer)

    def _cancel(self, channel: int, now: float) -> None:
        """§11.2.9.1.5: has no answer of its own, and means nothing but to the request under way on its channel."""
        pending = self._pending
        if pending is None or pending.channel != channel or pending.command is not Command.CBOR:
            return
        self._guarded(channel, lambda: pending.transaction.cancel(now))
        self._report(now)

    def _lock(self, channel: int, seconds: int, now: float) -> None:
        if seconds > MAX_LOCK_SECONDS:
            self._error(channel, ErrorCode.INVALID_PAR)
            return
        self._channels.lock(channel, seconds, now)
        self._send(channel, Command.LOCK, b"")

    # Whole messages

    def _dispatch_if_whole(self, assembly: Assembly, now: float) -> None:
        message = assembly.message
        if message is not None:
            self._assembly = None
            power_cycles = self._power_cycles
            self._guarded(assembly.channel, lambda: self._dispatch(assembly, message, now))
            if power_cycles != self._power_cycles:
                # The person pulled the key out as soon as it asked them something.
                self._pending = None
                self._outgoing.clear()
            self._report(now)

    def _dispatch(self, assembly: Assembly, message: bytes, now: float) -> None:
        channel, command = assembly.channel, assembly.command
        match command:
            case Command.PING:
                self._send(channel, Command.PING, message)
            case Command.CBOR:
                transaction = self._backend.begin_cbor(channel, message, now)
                self._pending = _Pending(channel=channel, command=Command.CBOR, transaction=transaction)
            case Command.MSG:
                transaction = self._backend.begin_msg(channel, message, now)
                self._pending = _Pending(channel=channel, command=Command.MSG, transaction=transaction)
            case Command.WINK:
                self._backend.wink(channel, now)
                self._send(channel, Command.WINK, b"")
            case Command.LOCK:
                self._lock(channel, message[0], now)
            case _:
                answer = self._backend.vendor(channel, command, message, now)
                if isinstance(answer, ErrorCode):
                    self._error(channel, answer)
                else:
                    self._send(channel, command, answer)

    def _report(self, now: float) -> None:
        """What the pending transaction has to say: its response, or that it is still alive."""
        pending = self._pending
        if pending is None:
            return
        response = pending.transaction.response
        if response is not None:
            self._pending = None
            self._guarded(pending.channel, lambda: self._send(pending.channel, pending.command, response))
            return
        status = pending.transaction.status
        if status is not pending.status or now >= pending.keepalive_at:
            pending.status = status
            pending.keepalive_at = now + KEEPALIVE_INTERVAL
            self._send(pending.channel, Command.KEEPALIVE, bytes((status,)))

    @property
    def _busy_channel(self) -> int | None:
        if self._assembly is not None:
            return self._assembly.channel
        return None if self._pending is None else self._pending.channel

    def _abort(self, now: float) -> None:
        """§11.2.5.3: what is under way is dropped, and its response never sent."""
        self._assembly = None
        pending, self._pending = self._pending, None
        if pending is not None:
            self._guarded(None, lambda: pending.transaction.cancel(now))

    def _guarded(self, channel: int | None, step: Callable[[], None]) -> None:
        """A bug behind the channels ends one transaction, not the device."""
        try:
            step()
        except Exception as bug:
            log.error("a bug behind the channels: the host is told 0x7F", exc_info=bug)
            self._pending = None
            if channel is not None:
                self._error(channel, ErrorCode.OTHER)

    def _error(self, channel: int, code: ErrorCode) -> None:
        self._send(channel, Command.ERROR, bytes((code,)))

    def _send(self, channel: int, command: int, message: bytes) -> None:
        self._outgoing += split(channel, command, message)
