"""A message on its way in, packet by packet."""

from __future__ import annotations

from ctaphid.packets import CONTINUATION_DATA_SIZE, ContinuationPacket, InitPacket

PACKET_TIMEOUT = 0.5
"""A host that pauses longer than this within a message has lost it (CTAP 2.3 §11.2.5.2 leaves the time to the key)."""


class OutOfSequence(Exception):
    """A continuation packet with another number than the next."""


class Assembly:
    """One message of one channel. It is begun by an initialization packet and then takes what follows."""

    __slots__ = ("_data", "_sequence", "channel", "command", "deadline", "length")

    def __init__(self, first: InitPacket, now: float) -> None:
        self.channel = first.channel
        self.command = first.command
        self.length = first.length
        self.deadline = now + PACKET_TIMEOUT
        self._data = bytearray(first.data)
        self._sequence = 0

    @property
    def message(self) -> bytes | None:
        """The whole message, once it is there."""
        return bytes(self._data) if len(self._data) == self.length else None

    def add(self, packet: ContinuationPacket, now: float) -> None:
        if packet.sequence != self._sequence:
            raise OutOfSequence
        missing = self.length - len(self._data)
        self._data += packet.data[: min(missing, CONTINUATION_DATA_SIZE)]
        self._sequence += 1
        self.deadline = now + PACKET_TIMEOUT
