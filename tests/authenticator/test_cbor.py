"""Strict CBOR: the vectors, and against python-fido2's encoder."""

from __future__ import annotations

import json
from enum import IntEnum
from pathlib import Path
from typing import Any

import fido2.cbor
import pytest
from hypothesis import given
from hypothesis import strategies as st

from authenticator import cbor

VECTORS = json.loads((Path(__file__).parent.parent / "vectors" / "cbor_strict.json").read_text())


def cases(kind: str) -> list[Any]:
    return [
        pytest.param(bytes.fromhex(h), id=f"{why}: {h[:16]}")
        for why, all_ in VECTORS[kind].items()
        for h in all_
    ]


@pytest.mark.parametrize("data", cases("accepted"))
def test_canonical_cbor_is_read_and_written_back(data: bytes) -> None:
    assert cbor.encode(cbor.decode(data)) == data


@pytest.mark.parametrize("data", cases("refused"))
def test_everything_else_is_refused(data: bytes) -> None:
    with pytest.raises(cbor.CborError):
        cbor.decode(data)


def test_a_bool_as_key_is_refused_where_a_map_of_the_same_shape_was_read_before() -> None:
    assert cbor.decode(bytes.fromhex("a10100")) == {1: 0}
    with pytest.raises(cbor.CborError):
        cbor.decode(bytes.fromhex("a1f500"))


def test_depth_is_allowed_where_it_is_asked_for() -> None:
    five = bytes.fromhex("8181818180")
    assert cbor.decode(five, max_depth=5) == [[[[[]]]]]


class _Key(IntEnum):
    A = 3
    B = 1


def test_members_of_enums_are_written_as_numbers() -> None:
    assert cbor.encode({_Key.A: _Key.B, _Key.B: (1, _Key.A)}) == bytes.fromhex("a201820103 0301")


def test_numbers_beyond_64_bits_cannot_be_written() -> None:
    for number in (1 << 64, -(1 << 64) - 1):
        with pytest.raises(cbor.CborError):
            cbor.encode(number)


_integers = st.integers(min_value=-(1 << 64), max_value=(1 << 64) - 1)
_keys = st.one_of(_integers, st.binary(max_size=300), st.text(max_size=40))
_scalars = st.one_of(_integers, st.booleans(), st.none(), st.binary(max_size=300), st.text(max_size=300))


def _trees(depth: int) -> st.SearchStrategy[Any]:
    if depth == 0:
        return _scalars
    inner = _trees(depth - 1)
    return st.one_of(_scalars, st.lists(inner, max_size=4), st.dictionaries(_keys, inner, max_size=6))


@given(_trees(4))
def test_what_is_written_is_read_again(value: Any) -> None:
    assert cbor.decode(cbor.encode(value)) == value


# python-fido2's encoder takes text keys before bytes for granted and numbers of 32 bits
_fido2_keys = st.one_of(st.integers(-(1 << 32), (1 << 32) - 1), st.text(max_size=40))


@given(st.dictionaries(_fido2_keys, _scalars.filter(lambda each: each is not None), max_size=8))
def test_python_fido2_writes_the_same(value: Any) -> None:
    assert cbor.encode(value) == fido2.cbor.encode(value)


@given(st.binary(max_size=200))
def test_noise_is_read_only_if_it_is_canonical(data: bytes) -> None:
    try:
        value = cbor.decode(data)
    except cbor.CborError:
        return
    assert cbor.encode(value) == data


@given(_trees(3), st.data())
def test_one_changed_byte_never_gives_a_second_form_of_the_same_value(
    value: Any, data: st.DataObject
) -> None:
    encoded = bytearray(cbor.encode(value))
    at = data.draw(st.integers(0, len(encoded) - 1))
    encoded[at] ^= data.draw(st.integers(1, 255))
    try:
        other = cbor.decode(bytes(encoded))
    except cbor.CborError:
        return
    assert cbor.encode(other) == bytes(encoded)
