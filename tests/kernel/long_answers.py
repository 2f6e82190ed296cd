"""A key with much to say: it answers the number n with n bytes."""

from __future__ import annotations

from tests.ctaphid.backend import EchoBackend, EchoTransaction


class LongAnswers(EchoBackend):
    def begin_cbor(self, channel: int, request: bytes, now: float) -> EchoTransaction:
        size = int.from_bytes(request)
        return EchoTransaction(request=request, response=bytes(byte % 251 for byte in range(size)))
