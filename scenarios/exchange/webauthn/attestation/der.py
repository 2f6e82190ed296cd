"""Just enough DER to read what attestation extensions hold."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from scenarios.exchange.webauthn.attestation.subject import STEP
from scenarios.exchange.webauthn.refusal import Refused

SEQUENCE, SET, INTEGER, OCTET_STRING, ENUMERATED = 0x30, 0x31, 0x02, 0x04, 0x0A


@dataclass(frozen=True, slots=True)
class Element:
    tag: int
    """The identifier octets as one number: of [600] EXPLICIT it is 0xBF8458."""
    content: bytes

    def integer(self) -> int:
        return int.from_bytes(self.content, "big", signed=True)

    def __iter__(self) -> Iterator[Element]:
        return elements(self.content)


def elements(data: bytes) -> Iterator[Element]:
    while data:
        element, data = _first(data)
        yield element


def single(data: bytes, tag: int) -> Element:
    element, rest = _first(data)
    if rest or element.tag != tag:
        raise Refused(STEP, "an extension of the attestation certificate is malformed")
    return element


def context(number: int) -> int:
    """The identifier of a constructed, context-specific element."""
    if number < 31:
        return 0xA0 | number
    digits = [number & 0x7F]
    while number := number >> 7:
        digits.insert(0, 0x80 | (number & 0x7F))
    return int.from_bytes(bytes([0xBF, *digits]), "big")


def _first(data: bytes) -> tuple[Element, bytes]:
    try:
        end = 1
        if data[0] & 0x1F == 0x1F:
            while data[end] & 0x80:
                end += 1
            end += 1
        tag = int.from_bytes(data[:end], "big")
        length = data[end]
        end += 1
        if length & 0x80:
            count = length & 0x7F
            if not 1 <= count <= 4:
                raise IndexError
            length = int.from_bytes(data[end : end + count], "big")
            end += count
    except IndexError:
        raise Refused(STEP, "an extension of the attestation certificate is malformed") from None
    if len(data) < end + length:
        raise Refused(STEP, "an extension of the attestation certificate is cut off")
    return Element(tag, data[end : end + length]), data[end + length :]
