"""Documents on a phone: what a client asks for over hybrid as JSON (digital credentials), and what it is answered.

A request is {"origin": …, "requestType": "credential.get", "request": {"digital": {…}}}, as the site gave it to
`navigator.credentials.get`. Documents themselves are none of ours: a program or a function makes the answer.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence
from enum import Enum
from typing import Any

Wallet = Callable[[bytes], Awaitable[bytes]]
"""What `Phone(on_json=…)` takes: a request's bytes in, the answer's bytes out."""


class Refusal(Enum):
    """What a wallet says instead of a document; a page has NotAllowedError of each."""

    CANCELED = "USER_CANCELED"
    ABORTED = "DEVICE_ABORTED"
    NO_CREDENTIAL = "NO_CREDENTIAL"


def presented(protocol: str, data: Any) -> bytes:
    """A document: `data` is what the page has as `credential.data`."""
    return _encoded({"data": {"protocol": protocol, "data": data}})


def refused(refusal: Refusal) -> bytes:
    return _encoded({"error": refusal.value})


def wallet_program(command: Sequence[str]) -> Wallet:
    """A program of the user's own: the request on its standard input, the answer on its standard output.

    One that fails, or cannot be started, is a phone that gives up.
    """

    async def answer(request: bytes) -> bytes:
        try:
            process = await asyncio.create_subprocess_exec(
                *command, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
            )
        except OSError:
            return refused(Refusal.ABORTED)
        try:
            output, _ = await process.communicate(request)
        finally:
            if process.returncode is None:  # the client hung up while the wallet was at work
                process.kill()
                await process.wait()
        return output if process.returncode == 0 else refused(Refusal.ABORTED)

    return answer


def _encoded(digital: dict[str, Any]) -> bytes:
    return json.dumps({"response": {"digital": digital}}).encode()
