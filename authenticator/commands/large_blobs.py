"""authenticatorLargeBlobs (CTAP 2.3 §6.10): one array of bytes, read and written in fragments."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING

from authenticator import cbor
from authenticator.operation import Steps
from authenticator.parameters import Parameters, optional, unsigned
from authenticator.pin.permissions import Permission
from authenticator.status import CtapError, Status
from authenticator.user import is_protected

if TYPE_CHECKING:
    from authenticator.authenticator import Authenticator

COMMAND = 0x0C

INITIAL_ARRAY = bytes.fromhex("8076be8b528d0075f7aae98d6fa57a6d3c")
"""§6.10: the empty CBOR array, and LEFT(SHA-256 of it, 16)."""

_CHECKSUM = 16
_MINIMUM_CAPACITY = 1024


class Key(IntEnum):
    GET = 0x01
    SET = 0x02
    OFFSET = 0x03
    LENGTH = 0x04
    PIN_UV_AUTH_PARAM = 0x05
    PIN_UV_AUTH_PROTOCOL = 0x06


class ResponseKey(IntEnum):
    CONFIG = 0x01


@dataclass(slots=True, kw_only=True)
class _Write:
    """in spec: expectedLength, and (the size of `received`) expectedNextOffset."""

    expected_length: int
    received: bytes = b""


def serialized_large_blob_array(auth: Authenticator) -> bytes:
    stored = auth.state.large_blob_array
    return INITIAL_ARRAY if stored is None else stored


def large_blobs(auth: Authenticator, parameters: Parameters, channel: int) -> Steps:
    offset = unsigned(parameters, Key.OFFSET)
    count, fragment = unsigned(parameters, Key.GET), optional(parameters, Key.SET, bytes)
    # §6.10.1 steps 1 to 3
    if offset is None or (count is None) == (fragment is None):
        raise CtapError(Status.INVALID_PARAMETER)
    max_fragment_length = auth.profile.limits.max_message_size - 64
    if count is not None:
        return _get(auth, parameters, offset, count, max_fragment_length)
    assert fragment is not None
    if len(fragment) > max_fragment_length:
        raise CtapError(Status.INVALID_LENGTH)
    return _set(auth, parameters, channel, offset, fragment)
    yield


def _get(
    auth: Authenticator, parameters: Parameters, offset: int, count: int, max_fragment_length: int
) -> bytes:
    """Step 4."""
    if any(key in parameters for key in (Key.LENGTH, Key.PIN_UV_AUTH_PARAM, Key.PIN_UV_AUTH_PROTOCOL)):
        raise CtapError(Status.INVALID_PARAMETER)
    if count > max_fragment_length:
        raise CtapError(Status.INVALID_LENGTH)
    array = serialized_large_blob_array(auth)
    if offset > len(array):
        raise CtapError(Status.INVALID_PARAMETER)
    return cbor.encode({ResponseKey.CONFIG: array[offset : offset + count]})


def _set(auth: Authenticator, parameters: Parameters, channel: int, offset: int, fragment: bytes) -> bytes:
    """Step 5."""
    write = _begun_write(auth, parameters, offset)
    _require_authorised(auth, parameters, offset, fragment)
    if offset + len(fragment) > write.expected_length:
        raise CtapError(Status.INVALID_PARAMETER)
    received = write.received + fragment
    if len(received) < write.expected_length:
        auth.keep(
            "large blob write", channel, _Write(expected_length=write.expected_length, received=received)
        )
        return b""
    auth.continuation = None
    if hashlib.sha256(received[:-_CHECKSUM]).digest()[:_CHECKSUM] != received[-_CHECKSUM:]:
        raise CtapError(Status.INTEGRITY_FAILURE)
    auth.change_state(large_blob_array=received)
    return b""


def _begun_write(auth: Authenticator, parameters: Parameters, offset: int) -> _Write:
    length = unsigned(parameters, Key.LENGTH)
    if offset == 0:
        if length is None:
            raise CtapError(Status.INVALID_PARAMETER)
        if length > _MINIMUM_CAPACITY and length > auth.profile.limits.large_blob_array:
            raise CtapError(Status.LARGE_BLOB_STORAGE_FULL)
        if length <= _CHECKSUM:
            raise CtapError(Status.INVALID_PARAMETER)
        return _Write(expected_length=length)
    if length is not None:
        raise CtapError(Status.INVALID_PARAMETER)
    write: _Write | None = auth.kept("large blob write")
    if write is None or offset != len(write.received):
        raise CtapError(Status.INVALID_SEQ)
    return write


def _require_authorised(auth: Authenticator, parameters: Parameters, offset: int, fragment: bytes) -> None:
    if is_protected(auth) or auth.state.always_uv:
        auth.tokens.require_authorised(
            unsigned(parameters, Key.PIN_UV_AUTH_PROTOCOL),
            optional(parameters, Key.PIN_UV_AUTH_PARAM, bytes),
            b"\xff" * 32
            + bytes((COMMAND, 0))
            + offset.to_bytes(8, "little")[:4]
            + hashlib.sha256(fragment).digest(),
            Permission.LARGE_BLOB_WRITE,
        )
