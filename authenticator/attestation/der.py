"""The little of ASN.1's DER (X.690) that certificates need: written here, so that wrong ones can be made as well."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from functools import lru_cache

_CONSTRUCTED, _CONTEXT = 0x20, 0x80


def tlv(tag: int, content: bytes) -> bytes:
    return bytes((tag,)) + _length(len(content)) + content


def _length(length: int) -> bytes:
    if length < 0x80:
        return bytes((length,))
    octets = length.to_bytes((length.bit_length() + 7) // 8, "big")
    return bytes((0x80 | len(octets),)) + octets


def sequence(*parts: bytes) -> bytes:
    return tlv(0x30, b"".join(parts))


def set_of(*parts: bytes) -> bytes:
    """X.690 §11.6: in the order of their encodings."""
    return tlv(0x31, b"".join(sorted(parts)))


def integer(value: int, *, tag: int = 0x02) -> bytes:
    """Not a negative one: no certificate needs it."""
    return tlv(tag, value.to_bytes(value.bit_length() // 8 + 1, "big"))


def enumerated(value: int) -> bytes:
    return integer(value, tag=0x0A)


def boolean(value: bool) -> bytes:
    return tlv(0x01, b"\xff" if value else b"\x00")


def null() -> bytes:
    return b"\x05\x00"


def octet_string(value: bytes) -> bytes:
    return tlv(0x04, value)


def bit_string(value: bytes, *, unused: int = 0) -> bytes:
    return tlv(0x03, bytes((unused,)) + value)


def named_bits(*bits: int) -> bytes:
    """A BIT STRING whose bits have names: no trailing zeros (X.690 §11.2.2)."""
    size = max(bits) + 1
    value = sum(1 << (size - 1 - bit) for bit in bits)
    unused = -size % 8
    return bit_string((value << unused).to_bytes((size + 7) // 8, "big"), unused=unused)


def utf8(value: str) -> bytes:
    return tlv(0x0C, value.encode())


def printable(value: str) -> bytes:
    return tlv(0x13, value.encode("ascii"))


@lru_cache(maxsize=128)
def oid(dotted: str) -> bytes:
    first, second, *rest = (int(arc) for arc in dotted.split("."))
    return tlv(0x06, b"".join(_base128(arc) for arc in (first * 40 + second, *rest)))


def _base128(value: int) -> bytes:
    octets = [value & 0x7F]
    while value := value >> 7:
        octets.append(0x80 | (value & 0x7F))
    return bytes(reversed(octets))


def context(number: int, content: bytes, *, constructed: bool = True) -> bytes:
    """A context-specific tag around `content`; EXPLICIT where the content is a whole value."""
    lead = _CONTEXT | (_CONSTRUCTED if constructed else 0)
    if number < 31:
        return tlv(lead | number, content)
    return bytes((lead | 0x1F,)) + _base128(number) + _length(len(content)) + content


def time(moment: datetime) -> bytes:
    """RFC 5280 §4.1.2.5: UTCTime until 2049, GeneralizedTime from 2050."""
    if 1950 <= moment.year < 2050:
        return tlv(0x17, f"{moment:%y%m%d%H%M%S}Z".encode())
    return tlv(0x18, f"{moment.year:04}{moment:%m%d%H%M%S}Z".encode())


def children(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Tag and content of each value in `data`, which follow one another; low tag numbers only."""
    position = 0
    while position < len(data):
        tag, length, position = data[position], data[position + 1], position + 2
        if length & 0x80:
            octets = length & 0x7F
            length = int.from_bytes(data[position : position + octets], "big")
            position += octets
        yield tag, data[position : position + length]
        position += length
