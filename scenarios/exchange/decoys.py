"""What is shown in the place of passkeys that an account does not have, so that nobody learns who has an account.

An address gets the same decoys every time. Any number of descriptors may be that of an account and that of nobody:
how many a stranger's address gets is drawn with a long tail, and real passkeys are filled up to that number.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from scenarios.exchange.call import Call
from scenarios.exchange.tables import Passkey
from scenarios.exchange.webauthn.encoding import to_base64url

_SIZES = (16, 20, 32, 32)
_TRANSPORTS = (["hybrid", "internal"], ["internal"], ["usb"], ["nfc", "usb"])


def decoys(call: Call, identifier: str, network: str, kept: Sequence[Passkey]) -> list[dict[str, Any]]:
    seed = call.service.mac("decoy", f"{network}:{identifier}".encode())
    made = []
    for number in range(len(kept), _how_many(seed)):
        one = call.service.mac("decoy id", seed + number.to_bytes(2, "big"))
        # beside real passkeys they look like those: a browser that offers a phone's QR code should do so for a reason
        transports = kept[0].transports if kept else _TRANSPORTS[one[0] & 3]
        credential_id = to_base64url(call.service.mac("decoy bytes", one)[: _SIZES[one[1] & 3]])
        descriptor = {"type": "public-key", "id": credential_id}
        made.append({**descriptor, "transports": transports} if transports else descriptor)
    return made


def _how_many(seed: bytes) -> int:
    """One for half of all addresses, two for a quarter of them, and so on."""
    bits = int.from_bytes(seed[:8], "big")
    return (bits & -bits).bit_length() or 1
