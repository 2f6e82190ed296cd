"""PublicKeyCredentialCreationOptionsJSON and …RequestOptionsJSON, as a browser reads them (§5.1.8, §5.1.9)."""

from __future__ import annotations

import json
from binascii import a2b_base64, b2a_base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from harness.webauthn.errors import ClientError, type_error

_URLSAFE = str.maketrans("-_", "+/")
_STANDARD = bytes.maketrans(b"+/", b"-_")
DEFAULT_ALGORITHMS = (-7, -257)
"""§5.1.3 step 9: ES256 and RS256 where a relying party names none."""
DEFAULT_TIMEOUT = 300.0
"""The recommended default, in seconds."""


def to_base64url(data: bytes) -> str:
    return b2a_base64(data, newline=False).translate(_STANDARD).rstrip(b"=").decode()


def from_base64url(value: Any, where: str) -> bytes:
    if isinstance(value, bytes):
        return value
    if not isinstance(value, str):
        raise type_error(f"{where}: must be base64url text")
    try:
        return a2b_base64(value.translate(_URLSAFE) + "=" * (-len(value) % 4), strict_mode=True)
    except ValueError:
        raise ClientError("EncodingError", f"{where}: is not base64url") from None


@dataclass(frozen=True, slots=True, kw_only=True)
class Descriptor:
    id: bytes
    transports: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class CreationOptions:
    challenge: bytes
    rp_id: str | None
    rp_name: str
    user_id: bytes
    user_name: str
    user_display_name: str
    algorithms: tuple[int, ...]
    timeout: float = DEFAULT_TIMEOUT
    exclude: tuple[Descriptor, ...] = ()
    attachment: str | None = None
    resident_key: str = "discouraged"
    user_verification: str = "preferred"
    hints: tuple[str, ...] = ()
    attestation: str = "none"
    attestation_formats: tuple[str, ...] = ()
    extensions: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestOptions:
    challenge: bytes
    rp_id: str | None
    timeout: float = DEFAULT_TIMEOUT
    allow: tuple[Descriptor, ...] = ()
    user_verification: str = "preferred"
    hints: tuple[str, ...] = ()
    extensions: Mapping[str, Any] = field(default_factory=dict)


def load(options: str | bytes | Mapping[str, Any]) -> Mapping[str, Any]:
    """The dictionary itself: from JSON text, and out of the `publicKey` that servers like to wrap it in."""
    if isinstance(options, str | bytes):
        try:
            options = json.loads(options)
        except ValueError as error:
            raise type_error(f"options: not JSON: {error}") from None
    if not isinstance(options, Mapping):
        raise type_error("options: must be a JSON object")
    inner = options.get("publicKey")
    return inner if isinstance(inner, Mapping) else options


def creation_options(options: Mapping[str, Any]) -> CreationOptions:
    rp, user = _dictionary(options, "rp"), _dictionary(options, "user")
    selection = _dictionary(options, "authenticatorSelection", required=False)
    user_id = from_base64url(_required(user, "id", "user.id"), "user.id")
    if not 1 <= len(user_id) <= 64:  # §5.1.3 step 7
        raise type_error("user.id: must have 1 to 64 bytes")
    resident_key = selection.get("residentKey")
    if resident_key not in ("required", "preferred", "discouraged"):
        resident_key = "required" if selection.get("requireResidentKey") is True else "discouraged"
    return CreationOptions(
        challenge=from_base64url(_required(options, "challenge", "challenge"), "challenge"),
        rp_id=_text(rp, "id", "rp.id", required=False),
        rp_name=_text(rp, "name", "rp.name") or "",
        user_id=user_id,
        user_name=_text(user, "name", "user.name") or "",
        user_display_name=_text(user, "displayName", "user.displayName") or "",
        algorithms=_algorithms(options),
        timeout=_timeout(options),
        exclude=_descriptors(options, "excludeCredentials"),
        attachment=_one_of(selection, "authenticatorAttachment", ("platform", "cross-platform"), None),
        resident_key=resident_key,
        user_verification=_user_verification(selection),
        hints=_texts(options, "hints"),
        attestation=_one_of(options, "attestation", ("indirect", "direct", "enterprise"), "none") or "none",
        attestation_formats=_texts(options, "attestationFormats"),
        extensions=_dictionary(options, "extensions", required=False),
    )


def request_options(options: Mapping[str, Any]) -> RequestOptions:
    return RequestOptions(
        challenge=from_base64url(_required(options, "challenge", "challenge"), "challenge"),
        rp_id=_text(options, "rpId", "rpId", required=False),
        timeout=_timeout(options),
        allow=_descriptors(options, "allowCredentials"),
        user_verification=_user_verification(options),
        hints=_texts(options, "hints"),
        extensions=_dictionary(options, "extensions", required=False),
    )


def signal_bytes(options: Mapping[str, Any], name: str) -> bytes:
    """§5.1.10: ids of the Signal API; TypeError for what is not base64url."""
    try:
        return from_base64url(options.get(name), name)
    except ClientError as error:
        raise type_error(error.message) from None


def _required(options: Mapping[str, Any], name: str, where: str) -> Any:
    value = options.get(name)
    if value is None:
        raise type_error(f"{where}: is missing")
    return value


def _dictionary(options: Mapping[str, Any], name: str, *, required: bool = True) -> Mapping[str, Any]:
    value = options.get(name)
    if value is None and not required:
        return {}
    if not isinstance(value, Mapping):
        raise type_error(f"{name}: is missing" if value is None else f"{name}: must be an object")
    return value


def _text(options: Mapping[str, Any], name: str, where: str, *, required: bool = True) -> str | None:
    value = _required(options, name, where) if required else options.get(name)
    if value is not None and not isinstance(value, str):
        raise type_error(f"{where}: must be text")
    return value


def _texts(options: Mapping[str, Any], name: str) -> tuple[str, ...]:
    values = options.get(name) or ()
    if isinstance(values, str) or not all(isinstance(each, str) for each in values):
        raise type_error(f"{name}: must be a list of texts")
    return tuple(values)


def _one_of(
    options: Mapping[str, Any], name: str, known: tuple[str, ...], otherwise: str | None
) -> str | None:
    # §2.1.1: these are texts, not enumerations, so that a value a client does not know yet is no error.
    value = options.get(name)
    return value if value in known else otherwise


def _user_verification(options: Mapping[str, Any]) -> str:
    known = ("required", "preferred", "discouraged")
    return _one_of(options, "userVerification", known, "preferred") or "preferred"


def _timeout(options: Mapping[str, Any]) -> float:
    value = options.get("timeout")
    if value is None:
        return DEFAULT_TIMEOUT
    if not isinstance(value, int | float) or isinstance(value, bool) or value < 0:
        raise type_error("timeout: must be milliseconds")
    return value / 1000


def _algorithms(options: Mapping[str, Any]) -> tuple[int, ...]:
    parameters = _required(options, "pubKeyCredParams", "pubKeyCredParams")
    algorithms = []
    for place, each in enumerate(parameters):
        kind = _required(each, "type", f"pubKeyCredParams[{place}].type")
        algorithm = _required(each, "alg", f"pubKeyCredParams[{place}].alg")
        if not isinstance(algorithm, int):
            raise type_error(f"pubKeyCredParams[{place}].alg: must be a number")
        if kind == "public-key":
            algorithms.append(int(algorithm))
    if not algorithms and parameters:
        raise ClientError("NotSupportedError", "pubKeyCredParams: none of them is of the type public-key")
    return tuple(algorithms) or DEFAULT_ALGORITHMS


def _descriptors(options: Mapping[str, Any], name: str) -> tuple[Descriptor, ...]:
    listed = options.get(name)
    if not listed:
        return ()
    found = []
    for place, each in enumerate(listed):
        credential_id = from_base64url(_required(each, "id", f"{name}[{place}].id"), f"{name}[{place}].id")
        if _required(each, "type", f"{name}[{place}].type") == "public-key":
            found.append(Descriptor(id=credential_id, transports=_texts(each, "transports")))
    return tuple(found)
