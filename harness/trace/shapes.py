"""What the numbers in CTAP2 messages are called (CTAP 2.3 §6): read off the commands' own tables."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any

from authenticator.commands import (
    bio_enrollment,
    client_pin,
    config,
    credential_management,
    get_assertion,
    get_info,
    large_blobs,
    make_credential,
)
from authenticator.cose import Algorithm
from authenticator.pin.permissions import Permission
from harness.trace.authenticator_data import opened


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """How one value of a message is told."""

    names: Mapping[Any, str] = field(default_factory=dict)
    """Of a map's keys."""
    shapes: Mapping[Any, Shape] = field(default_factory=dict)
    """Of a map's values."""
    items: Shape | None = None
    """Of a list's values."""
    word: Callable[[Any], str | None] = lambda value: None
    """What a plain value means."""
    opened: Callable[[bytes], Any] | None = None
    """What bytes hold; None: nothing that can be read."""
    inside: Shape | None = None
    """The shape of what `opened` gives."""
    by: Callable[[Any], Shape] | None = None
    """Another shape, by what is in the map."""

    def of(self, value: Any) -> Shape:
        return self.by(value) if self.by is not None else self


PLAIN = Shape()

_IRREGULAR = {
    "MAX_RPIDS_FOR_SET_MIN_PIN_LENGTH": "maxRPIDsForSetMinPINLength",
    "FORCE_PIN_CHANGE": "forcePINChange",
    "MIN_PIN_LENGTH": "minPINLength",
    "MAX_PIN_LENGTH": "maxPINLength",
    "PIN_COMPLEXITY_POLICY_URL": "pinComplexityPolicyURL",
    "RP_ID_HASH": "rpIDHash",
    "TOTAL_RPS": "totalRPs",
    "CREDENTIAL_ID": "credentialID",
    "NEW_MIN_PIN_LENGTH": "newMinPINLength",
    "MIN_PIN_LENGTH_RP_IDS": "minPinLengthRPIDs",
    "FORCE_CHANGE_PIN": "forceChangePin",
}
"""Where the standard writes abbreviations in capitals."""


def standard_name(name: str) -> str:
    """PIN_UV_AUTH_PARAM → pinUvAuthParam."""
    first, *rest = name.lower().split("_")
    return _IRREGULAR.get(name) or first + "".join(map(str.capitalize, rest))


def _names(keys: type) -> dict[int, str]:
    """Of an enumeration, or of a class of plain numbers (they are read faster)."""
    members = {key.name: key.value for key in keys} if issubclass(keys, IntEnum) else vars(keys)
    return {value: standard_name(name) for name, value in members.items() if name.isupper()}


def _word_of(words: type[IntEnum]) -> Shape:
    known = {int(word): standard_name(word.name) for word in words}
    return Shape(word=lambda value: known.get(value) if type(value) is int else None)


def _algorithm(value: Any) -> str | None:
    if value == -25:  # of key agreement, where no signature's algorithm has its place (§6.5.6)
        return "ECDH-ES+HKDF-256"
    try:
        return Algorithm(value).name.replace("_", "-") if type(value) is int else None
    except ValueError:
        return None


def _permissions(value: Any) -> str | None:
    if type(value) is not int or value < 0:
        return None
    return " ".join(_PERMISSIONS[each] for each in Permission if value & each) or None


_PERMISSIONS = {
    Permission.MAKE_CREDENTIAL: "mc", Permission.GET_ASSERTION: "ga", Permission.CREDENTIAL_MANAGEMENT: "cm",
    Permission.BIO_ENROLLMENT: "be", Permission.LARGE_BLOB_WRITE: "lbw",
    Permission.AUTHENTICATOR_CONFIGURATION: "acfg",
    Permission.PERSISTENT_CREDENTIAL_MANAGEMENT_READ_ONLY: "pcmr",
}  # fmt: skip


def _aaguid(value: Any) -> str | None:
    return str(uuid.UUID(bytes=value)) if isinstance(value, bytes) and len(value) == 16 else None


ALGORITHM = Shape(word=_algorithm)
ALGORITHMS = Shape(items=Shape(shapes={"alg": ALGORITHM}))
AAGUID = Shape(word=_aaguid)

_KEY_COMMON = {1: "kty", 2: "kid", 3: "alg"}
_KEY_TYPES = {
    1: {-1: "crv", -2: "x"}, 2: {-1: "crv", -2: "x", -3: "y"}, 3: {-1: "n", -2: "e"}, 7: {-1: "pub"},
}  # fmt: skip
"""COSE key types (RFC 9053 §7, RFC 8230 §4; 7 is AKP, of ML-DSA)."""


def _key_by_type(value: Any) -> Shape:
    kind = value.get(1) if isinstance(value, dict) else None
    members = _KEY_TYPES.get(kind, {}) if type(kind) is int else {}
    return Shape(names={**_KEY_COMMON, **members}, shapes={3: ALGORITHM})


COSE_KEY = Shape(by=_key_by_type)
_HMAC_SECRET = Shape(
    names={1: "keyAgreement", 2: "saltEnc", 3: "saltAuth", 4: "pinUvAuthProtocol"}, shapes={1: COSE_KEY}
)
EXTENSIONS = Shape(shapes={"hmac-secret": _HMAC_SECRET, "hmac-secret-mc": _HMAC_SECRET})
AUTH_DATA = Shape(
    opened=opened,
    inside=Shape(shapes={"aaguid": AAGUID, "credentialPublicKey": COSE_KEY, "extensions": EXTENSIONS}),
)


def _config_params(value: Any) -> Shape:
    key = config.Key
    sub_command = value.get(key.SUB_COMMAND) if isinstance(value, dict) else None
    params: type = (
        config.MinPinLengthKey if sub_command == config.SubCommand.SET_MIN_PIN_LENGTH else config.VendorKey
    )
    return Shape(
        names=_names(key),
        shapes={
            key.SUB_COMMAND: _word_of(config.SubCommand),
            key.SUB_COMMAND_PARAMS: Shape(names=_names(params)),
        },
    )


_mc, _ga, _pin, _cm, _bio = make_credential, get_assertion, client_pin, credential_management, bio_enrollment

_CREDENTIAL_MANAGEMENT = Shape(
    names=_names(_cm.Key),
    shapes={
        _cm.Key.SUB_COMMAND: _word_of(_cm.SubCommand),
        _cm.Key.SUB_COMMAND_PARAMS: Shape(names=_names(_cm.Param)),
    },
)
_BIO_ENROLLMENT = Shape(
    names=_names(_bio.Key),
    shapes={
        _bio.Key.SUB_COMMAND: _word_of(_bio.SubCommand),
        _bio.Key.SUB_COMMAND_PARAMS: Shape(names=_names(_bio.ParamKey)),
    },
)
REQUESTS: dict[int, Shape] = {
    0x01: Shape(
        names=_names(_mc.Key),
        shapes={_mc.Key.PUB_KEY_CRED_PARAMS: ALGORITHMS, _mc.Key.EXTENSIONS: EXTENSIONS},
    ),
    0x02: Shape(names=_names(_ga.Key), shapes={_ga.Key.EXTENSIONS: EXTENSIONS}),
    0x06: Shape(
        names=_names(_pin.Key),
        shapes={
            _pin.Key.SUB_COMMAND: _word_of(_pin.SubCommand),
            _pin.Key.KEY_AGREEMENT: COSE_KEY,
            _pin.Key.PERMISSIONS: Shape(word=_permissions),
        },
    ),
    0x09: _BIO_ENROLLMENT,
    0x0A: _CREDENTIAL_MANAGEMENT,
    0x0C: Shape(names=_names(large_blobs.Key)),
    0x0D: Shape(by=_config_params),
    0x40: _BIO_ENROLLMENT,
    0x41: _CREDENTIAL_MANAGEMENT,
}

_ASSERTION = Shape(names=_names(_ga.ResponseKey), shapes={_ga.ResponseKey.AUTH_DATA: AUTH_DATA})
_MANAGED = Shape(names=_names(_cm.ResponseKey), shapes={_cm.ResponseKey.PUBLIC_KEY: COSE_KEY})
_TEMPLATES = Shape(items=Shape(names=_names(_bio.ParamKey)))
_ENROLLED = Shape(
    names=_names(_bio.ResponseKey),
    shapes={
        _bio.ResponseKey.TEMPLATE_INFOS: _TEMPLATES,
        _bio.ResponseKey.LAST_ENROLL_SAMPLE_STATUS: _word_of(_bio.SampleStatus),
    },
)
RESPONSES: dict[int, Shape] = {
    0x01: Shape(
        names=_names(_mc.ResponseKey),
        shapes={
            _mc.ResponseKey.AUTH_DATA: AUTH_DATA,
            _mc.ResponseKey.ATT_STMT: Shape(shapes={"alg": ALGORITHM}),
        },
    ),
    0x02: _ASSERTION,
    0x04: Shape(
        names=_names(get_info.ResponseKey),
        shapes={get_info.ResponseKey.AAGUID: AAGUID, get_info.ResponseKey.ALGORITHMS: ALGORITHMS},
    ),
    0x06: Shape(names=_names(_pin.ResponseKey), shapes={_pin.ResponseKey.KEY_AGREEMENT: COSE_KEY}),
    0x08: _ASSERTION,
    0x09: _ENROLLED,
    0x0A: _MANAGED,
    0x0C: Shape(names=_names(large_blobs.ResponseKey)),
    0x40: _ENROLLED,
    0x41: _MANAGED,
}
