"""navigator.credentials.create(), once its options are read: what goes to the key and what comes back."""

from __future__ import annotations

from collections.abc import Iterator
from enum import IntEnum
from typing import Any

import cbor2

from authenticator.status import Status
from harness.webauthn.authenticator_data import AuthenticatorData
from harness.webauthn.ceremony import Ceremony, Registration
from harness.webauthn.ctap import Command, Permission, canonical, descriptor
from harness.webauthn.errors import ClientError, CtapFailure, raise_for
from harness.webauthn.extensions import asked_for, default_protection
from harness.webauthn.verification import UNVERIFIED


class Key(IntEnum):
    CLIENT_DATA_HASH = 0x01
    RP = 0x02
    USER = 0x03
    PUB_KEY_CRED_PARAMS = 0x04
    EXCLUDE_LIST = 0x05
    EXTENSIONS = 0x06
    OPTIONS = 0x07
    PIN_UV_AUTH_PARAM = 0x08
    PIN_UV_AUTH_PROTOCOL = 0x09
    ENTERPRISE_ATTESTATION = 0x0A
    ATTESTATION_FORMATS_PREFERENCE = 0x0B


class Attested:
    """A new credential, as the key gave it."""

    __slots__ = ("data", "enterprise", "fmt", "statement")

    def __init__(
        self, fmt: str, statement: Any, data: AuthenticatorData, *, enterprise: bool = False
    ) -> None:
        self.fmt = fmt
        self.statement = statement
        self.data = data
        self.enterprise = enterprise

    def conveyed(self, preference: str, *, keeps_aaguid: bool) -> Attested:
        """§5.1.3's attestation conveyance. Chromium blanks a security key's AAGUID where none is wanted, no other's."""
        if preference != "none":
            return self
        data = self.data if keeps_aaguid else AuthenticatorData.parse(self.data.without_aaguid())
        return Attested("none", {}, data)

    def object(self) -> bytes:
        return cbor2.dumps({"fmt": self.fmt, "attStmt": self.statement, "authData": self.data.raw})


def register(registration: Registration, *, enterprise: int | None) -> Attested:
    """Verify the user, and have the credential made."""
    options, verifier = registration.options, registration.verifier
    _decide_residence(registration)
    extensions = asked_for(options.extensions)
    default_protection(registration)
    for extension, value in extensions:
        extension.prepare_registration(registration, value)
    if options.exclude:
        registration.permissions |= Permission.GET_ASSERTION

    verify = _must_verify(registration)
    while True:
        if verify:
            registration.authorisation = verifier.authorise(registration.permissions)
        for extension, value in extensions:
            extension.ready_registration(registration, value)
        exclude = _narrowed_exclude_list(registration)
        try:
            response = registration.ctap.command(
                Command.MAKE_CREDENTIAL, _parameters(registration, exclude, enterprise)
            )
            break
        except CtapFailure as failure:
            if failure.status == Status.PUAT_REQUIRED and not verify and verifier.can_verify:
                verify = True  # the key insists although the relying party does not
            elif not (
                failure.status in (Status.UV_BLOCKED, Status.PUAT_REQUIRED) and verifier.give_up_built_in()
            ):
                raise_for(failure)
    data = AuthenticatorData.parse(_bytes(response.get(2)))
    if data.credential_id is None:
        raise ClientError("UnknownError", "the key's answer holds no credential")
    registration.outputs = data.extensions
    registration.unsigned = response.get(6) or {}
    registration.large_blob_key = response.get(5)
    for extension, value in extensions:
        extension.registered(registration, value)
    return Attested(str(response.get(1)), response.get(3), data, enterprise=response.get(4) is True)


def _bytes(value: Any) -> bytes:
    if not isinstance(value, bytes):
        raise ClientError("UnknownError", "the key's answer holds no authenticator data")
    return value


def _decide_residence(registration: Registration) -> None:
    wanted, possible = registration.options.resident_key, registration.info.offers("rk")
    if wanted == "required" and not possible:
        raise ClientError("ConstraintError", "the key cannot store passkeys, which residentKey requires")
    registration.resident = possible and wanted != "discouraged"


def _must_verify(registration: Registration) -> bool:
    """Whether the user is to be verified before the key is asked; ConstraintError where it cannot but must."""
    info, wanted = registration.info, registration.options.user_verification
    if wanted == "required" or info.offers("alwaysUv"):
        return True
    if not registration.verifier.can_verify:
        return False
    if wanted == "preferred":
        return True
    # CTAP 2.0 keys, and discoverable credentials on all, demand it once it is configured (§6.1.2 step 10).
    return registration.resident or not info.offers("makeCredUvNotRqd")


def _parameters(registration: Registration, exclude: list[bytes], enterprise: int | None) -> dict[int, Any]:
    options, authorisation = registration.options, registration.authorisation
    parameters: dict[int, Any] = {
        Key.CLIENT_DATA_HASH: registration.client_data_hash,
        Key.RP: {"id": registration.rp_id, "name": options.rp_name},
        Key.USER: {
            "id": options.user_id,
            "name": options.user_name,
            "displayName": options.user_display_name,
        },
        Key.PUB_KEY_CRED_PARAMS: [{"alg": each, "type": "public-key"} for each in options.algorithms],
    }
    if exclude:
        parameters[Key.EXCLUDE_LIST] = [descriptor(each) for each in exclude]
    if registration.inputs:
        parameters[Key.EXTENSIONS] = canonical(registration.inputs)
    key_options = {}
    if registration.resident:
        key_options["rk"] = True
    if authorisation.built_in:
        key_options["uv"] = True
    if key_options:
        parameters[Key.OPTIONS] = key_options
    authorisation.add_to(
        parameters, registration.client_data_hash, Key.PIN_UV_AUTH_PARAM, Key.PIN_UV_AUTH_PROTOCOL
    )
    if enterprise is not None and registration.info.offers("ep"):
        parameters[Key.ENTERPRISE_ATTESTATION] = enterprise
    if options.attestation_formats and registration.info.attestation_formats:
        parameters[Key.ATTESTATION_FORMATS_PREFERENCE] = list(options.attestation_formats)
    return {int(key): value for key, value in parameters.items()}


# Lists longer than a key takes are tried silently, a part at a time (CTAP 2.3 §7.9, "pre-flighting")


def _narrowed_exclude_list(registration: Registration) -> list[bytes]:
    """What to exclude: the whole list, or the credential of it that the key turned out to have."""
    options, info = registration.options, registration.info
    ids = [each.id for each in options.exclude]
    listed, app_id = usable(registration, ids), options.extensions.get("appidExclude")
    if len(listed) > info.max_credentials or (app_id and listed):
        found = first_known(registration, registration.rp_id, listed)
        if found is None and app_id and first_known(registration, app_id, listed) is not None:
            collect_touch(registration)
            raise ClientError("InvalidStateError", "the key is registered already, by U2F")
        listed = [found] if found is not None else []
    return listed


def collect_touch(ceremony: Ceremony) -> None:
    """A touch for its own sake, so that a page learns nothing in silence (§6.9, or what was done before it)."""
    if ceremony.platform:
        return
    ctap, info = ceremony.ctap, ceremony.info
    try:
        if info.has_selection:
            ctap.command(Command.SELECTION)
        else:
            dummy: dict[int, Any] = {
                Key.CLIENT_DATA_HASH: bytes(32),
                Key.RP: {"id": ".dummy", "name": ".dummy"},
                Key.USER: {"id": b"\1", "name": "dummy", "displayName": "dummy"},
                Key.PUB_KEY_CRED_PARAMS: [{"alg": -7, "type": "public-key"}],
            }
            if info.pin_protocols:
                dummy |= {Key.PIN_UV_AUTH_PARAM: b"", Key.PIN_UV_AUTH_PROTOCOL: info.pin_protocols[0]}
            ctap.command(Command.MAKE_CREDENTIAL, {int(key): value for key, value in dummy.items()})
    except CtapFailure as failure:
        # The empty pinUvAuthParam is answered so after the touch (§6.1.2 step 1).
        if failure.status not in (Status.PIN_INVALID, Status.PIN_NOT_SET, Status.PIN_AUTH_INVALID):
            raise_for(failure)


def usable(ceremony: Ceremony, ids: list[bytes]) -> list[bytes]:
    longest = ceremony.info.max_credential_id_length
    return ids if longest is None else [each for each in ids if len(each) <= longest]


def first_known(ceremony: Ceremony, rp_id: str, ids: list[bytes]) -> bytes | None:
    """The first of these that the key has, learnt without a touch."""
    for part in _parts(usable(ceremony, ids), ceremony.info.max_credentials):
        parameters: dict[int, Any] = {
            1: rp_id,
            2: ceremony.client_data_hash,
            3: [descriptor(each) for each in part],
            5: {"up": False},
        }
        if rp_id == ceremony.rp_id and ceremony.authorisation is not UNVERIFIED:
            ceremony.authorisation.add_to(parameters, ceremony.client_data_hash, 6, 7)
        try:
            answer = ceremony.ctap.command(Command.GET_ASSERTION, parameters)
        except CtapFailure as failure:
            if failure.status == Status.NO_CREDENTIALS:
                continue
            raise_for(failure)
        known = answer.get(1, {}).get("id", part[0] if len(part) == 1 else None)
        return known if isinstance(known, bytes) else None
    return None


def _parts(ids: list[bytes], size: int) -> Iterator[list[bytes]]:
    for start in range(0, len(ids), size):
        yield ids[start : start + size]
