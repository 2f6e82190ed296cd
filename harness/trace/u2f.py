"""U2F messages (FIDO U2F Raw Message Formats 1.2) taken apart for people: whatever of them can be read."""

from __future__ import annotations

from typing import Any

from authenticator.commands.u2f import Control, Instruction, StatusWord


def request_parts(apdu: bytes) -> dict[str, Any] | None:
    """An APDU with extended length, as CTAPHID_MSG carries it: CLA INS P1 P2, 0 and the length in two bytes, data."""
    if len(apdu) < 7:
        return {"unread": apdu} if len(apdu) > 4 else None
    data = apdu[7 : 7 + int.from_bytes(apdu[5:7], "big")]
    if apdu[1] == Instruction.REGISTER and len(data) == 64:
        return {"challengeParameter": data[:32], "applicationParameter": data[32:]}
    if apdu[1] == Instruction.AUTHENTICATE and len(data) > 65:
        return {
            "control": _word(Control, apdu[2]),
            "challengeParameter": data[:32],
            "applicationParameter": data[32:64],
            "keyHandle": data[65 : 65 + data[64]],
        }
    return {"unread": data} if data else None


def response_parts(response: bytes) -> dict[str, Any] | None:
    data = response[:-2]
    if not data:
        return None
    if data[0] == 0x05 and len(data) > 67:  # registration (§4.3)
        handle_end = 67 + data[66]
        certificate_end = handle_end + _der_size(data[handle_end:])
        return {
            "userPublicKey": data[1:66],
            "keyHandle": data[67:handle_end],
            "attestationCertificate": data[handle_end:certificate_end],
            "signature": data[certificate_end:],
        }
    if data.isascii() and data.startswith(b"U2F_"):
        return {"version": data.decode()}
    if len(data) > 5:  # authentication (§5.4)
        return {
            "userPresence": data[0],
            "counter": int.from_bytes(data[1:5], "big"),
            "signature": data[5:],
        }
    return {"unread": data}


def status_word(response: bytes) -> str:
    """`NO_ERROR`, or the number of a word that U2F does not name."""
    return _word(StatusWord, int.from_bytes(response[-2:], "big"), 4)


def _word(words: Any, value: int, digits: int = 2) -> str:
    try:
        return str(words(value).name)
    except ValueError:
        return f"0x{value:0{digits}x}"


def _der_size(data: bytes) -> int:
    """How long the DER sequence at the beginning is."""
    if len(data) < 4 or data[0] != 0x30:
        return len(data)
    if data[1] < 0x80:
        return 2 + data[1]
    count = data[1] & 0x7F
    return 2 + count + int.from_bytes(data[2 : 2 + count], "big")
