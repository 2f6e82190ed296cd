"""U2F (FIDO U2F Raw Message Formats 1.2), as CTAPHID_MSG carries it; CTAP 2.3 §10 for what it shares with CTAP2.

A U2F host polls: it repeats its request until somebody has touched the key. Here a request waits for the touch
like any other, and whoever carries it decides how long; when it is cancelled or expires, the host is told to
come back (SW_CONDITIONS_NOT_SATISFIED).
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING

from authenticator.attestation import u2f_attestation
from authenticator.commands.ceremony import find_listed
from authenticator.cose import Algorithm, CoseKeyParameter, generate_private_key
from authenticator.credential import Credential, CredProtect
from authenticator.operation import Steps
from authenticator.person import Answer, Ask, Purpose
from authenticator.status import CtapError, Status
from authenticator.user import require_presence

if TYPE_CHECKING:
    from authenticator.authenticator import Authenticator


class StatusWord(IntEnum):
    NO_ERROR = 0x9000
    WRONG_LENGTH = 0x6700
    CONDITIONS_NOT_SATISFIED = 0x6985
    COMMAND_NOT_ALLOWED = 0x6986
    WRONG_DATA = 0x6A80
    INCORRECT_P1_P2 = 0x6A86
    INS_NOT_SUPPORTED = 0x6D00
    CLA_NOT_SUPPORTED = 0x6E00
    NO_PRECISE_DIAGNOSIS = 0x6F00


class Instruction(IntEnum):
    REGISTER = 0x01
    AUTHENTICATE = 0x02
    VERSION = 0x03


class Control(IntEnum):
    """AUTHENTICATE's P1."""

    ENFORCE_USER_PRESENCE_AND_SIGN = 0x03
    CHECK_ONLY = 0x07
    DONT_ENFORCE_USER_PRESENCE_AND_SIGN = 0x08


class _Refused(Exception):
    def __init__(self, word: StatusWord) -> None:
        super().__init__(word.name)
        self.word = word


@dataclass(frozen=True, slots=True, kw_only=True)
class Apdu:
    """A command APDU (ISO 7816-4 §5.1), of short or extended length. Le is of no consequence here."""

    cla: int
    ins: int
    p1: int
    p2: int
    data: bytes

    @classmethod
    def parse(cls, raw: bytes) -> Apdu:
        if len(raw) < 4:
            raise _Refused(StatusWord.WRONG_LENGTH)
        return cls(cla=raw[0], ins=raw[1], p1=raw[2], p2=raw[3], data=_body(raw[4:]))


def _body(rest: bytes) -> bytes:
    if len(rest) <= 1:  # nothing, or a short Le
        return b""
    if rest[0]:
        length, start, le = rest[0], 1, (0, 1)
    elif len(rest) < 3:
        raise _Refused(StatusWord.WRONG_LENGTH)
    elif len(rest) == 3:  # an extended Le
        return b""
    else:
        length, start, le = int.from_bytes(rest[1:3], "big"), 3, (0, 2)
    if len(rest) - start - length not in le:
        raise _Refused(StatusWord.WRONG_LENGTH)
    return rest[start : start + length]


_NOBODY_THERE = frozenset({Status.KEEPALIVE_CANCEL, Status.USER_ACTION_TIMEOUT, Status.OPERATION_DENIED})


def u2f(auth: Authenticator, request: bytes, channel: int) -> Steps:
    try:
        data, word = (yield from _run(auth, request)), StatusWord.NO_ERROR
    except _Refused as refused:
        data, word = b"", refused.word
    except CtapError as error:
        waiting = error.status in _NOBODY_THERE
        data = b""
        word = StatusWord.CONDITIONS_NOT_SATISFIED if waiting else StatusWord.NO_PRECISE_DIAGNOSIS
    return data + word.to_bytes(2, "big")


def _run(auth: Authenticator, request: bytes) -> Generator[Ask, Answer, bytes]:
    if not auth.profile.features.u2f:
        raise _Refused(StatusWord.INS_NOT_SUPPORTED)
    # CTAP 2.3 §7.2.4: U2F verifies nobody, so alwaysUv disables it
    if auth.state.always_uv:
        raise _Refused(StatusWord.COMMAND_NOT_ALLOWED)
    apdu = Apdu.parse(request)
    if apdu.cla:
        raise _Refused(StatusWord.CLA_NOT_SUPPORTED)
    match apdu.ins:
        case Instruction.REGISTER:
            return (yield from _register(auth, apdu))
        case Instruction.AUTHENTICATE:
            return (yield from _authenticate(auth, apdu))
        case Instruction.VERSION:
            if apdu.data:
                raise _Refused(StatusWord.WRONG_LENGTH)
            return b"U2F_V2"
    raise _Refused(StatusWord.INS_NOT_SUPPORTED)


def _register(auth: Authenticator, apdu: Apdu) -> Generator[Ask, Answer, bytes]:
    """§4.1 and §4.3. P1 is of no consequence: hosts differ in it."""
    if len(apdu.data) != 64:
        raise _Refused(StatusWord.WRONG_LENGTH)
    challenge, application = apdu.data[:32], apdu.data[32:]
    yield from require_presence(Purpose.U2F_REGISTER)
    environment = auth.environment
    key = generate_private_key(Algorithm.ES256, environment.random)
    credential = auth.seal.seal(
        key=key,
        rp_id="",  # only its hash is known
        rp_id_hash=application,
        protection=CredProtect.UV_OPTIONAL,
        hmac_secret=False,
        third_party_payment=False,
        u2f=True,
        random=environment.random,
    )
    cose, handle = key.public_cose_key(), credential.id
    public_key: bytes = b"\x04" + cose[CoseKeyParameter.X] + cose[CoseKeyParameter.Y]
    certificate, sign = u2f_attestation(auth.profile)
    message = b"\x00" + application + challenge + handle + public_key
    signature = environment.tamper.signature(sign(environment.tamper.message_to_sign(message)))
    return b"\x05" + public_key + bytes((len(handle),)) + handle + certificate + signature


def _authenticate(auth: Authenticator, apdu: Apdu) -> Generator[Ask, Answer, bytes]:
    """§5.1 to §5.4."""
    data = apdu.data
    if len(data) < 65 or len(data) != 65 + data[64]:
        raise _Refused(StatusWord.WRONG_LENGTH)
    if apdu.p1 not in tuple(Control):
        raise _Refused(StatusWord.INCORRECT_P1_P2)
    challenge, application, handle = data[:32], data[32:64], data[65:]
    credential = next(
        (each for each in find_listed(auth, [handle], "", application) if _is_usable(each)), None
    )
    if credential is None:
        raise _Refused(StatusWord.WRONG_DATA)
    if apdu.p1 == Control.CHECK_ONLY:
        raise _Refused(StatusWord.CONDITIONS_NOT_SATISFIED)
    presence = b"\x00"
    if apdu.p1 == Control.ENFORCE_USER_PRESENCE_AND_SIGN:
        yield from require_presence(Purpose.U2F_LOG_IN)
        presence = b"\x01"
    counter = auth.next_counter(credential).to_bytes(4, "big")
    tamper = auth.environment.tamper
    message = tamper.message_to_sign(application + presence + counter + challenge)
    return presence + counter + tamper.signature(credential.key.sign(message))


def _is_usable(credential: Credential) -> bool:
    """CTAP 2.3 §10.3: a credential made by CTAP2 too, if U2F could have made its key and it wants no verification."""
    return (
        credential.key.algorithm in (Algorithm.ES256, Algorithm.ESP256)
        and credential.protection is not CredProtect.UV_REQUIRED
        and len(credential.id) <= 255
    )
