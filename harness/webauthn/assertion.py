"""navigator.credentials.get(), once its options are read: what goes to the key and what comes back."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from authenticator.person import AccountChoice, Chosen
from authenticator.status import Status
from harness.webauthn.authenticator_data import AuthenticatorData
from harness.webauthn.ceremony import Assertion
from harness.webauthn.ctap import Command, canonical, descriptor
from harness.webauthn.errors import ClientError, CtapFailure, not_allowed, raise_for
from harness.webauthn.extensions import asked_for
from harness.webauthn.registration import collect_touch, first_known, usable

NOBODYS = b"\0"
"""A credential id no key has: the list must not become empty, which would ask for any passkey."""


class Key(IntEnum):
    RP_ID = 0x01
    CLIENT_DATA_HASH = 0x02
    ALLOW_LIST = 0x03
    EXTENSIONS = 0x04
    OPTIONS = 0x05
    PIN_UV_AUTH_PARAM = 0x06
    PIN_UV_AUTH_PROTOCOL = 0x07


@dataclass(frozen=True, slots=True, kw_only=True)
class Signed:
    """One assertion, as the key gave it."""

    credential_id: bytes
    authenticator_data: bytes
    signature: bytes
    user: dict[str, Any] | None = None
    large_blob_key: bytes | None = None
    unsigned: dict[str, Any] | None = None

    @property
    def account(self) -> str:
        """What an account chooser shows."""
        user = self.user or {}
        return str(user.get("name") or user.get("displayName") or self.credential_id.hex())


def log_in(assertion: Assertion, *, choose_always: bool) -> Signed:
    """Verify the user, have the assertion made, and let the person choose where there are several."""
    info, options, verifier = assertion.info, assertion.options, assertion.verifier
    if not options.allow and not info.offers("rk"):
        raise not_allowed("the key stores no passkeys, and allowCredentials names none")
    extensions = asked_for(options.extensions)
    for extension, value in extensions:
        extension.prepare_assertion(assertion, value)
    verify = _must_verify(assertion)
    while True:
        if verify:
            assertion.authorisation = verifier.authorise(assertion.permissions)
        _narrow_allow_list(assertion)
        for extension, value in extensions:
            extension.ready_assertion(assertion, value)
        try:
            first = assertion.ctap.command(Command.GET_ASSERTION, _parameters(assertion))
            break
        except CtapFailure as failure:
            if failure.status == Status.PUAT_REQUIRED and not verify and verifier.can_verify:
                verify = True
            elif failure.status == Status.NO_CREDENTIALS:
                collect_touch(assertion)
                raise_for(failure)
            elif not (
                failure.status in (Status.UV_BLOCKED, Status.PUAT_REQUIRED) and verifier.give_up_built_in()
            ):
                raise_for(failure)
    chosen = _chosen(assertion, first, choose_always=choose_always)
    assertion.outputs = AuthenticatorData.parse(chosen.authenticator_data).extensions
    assertion.unsigned = chosen.unsigned or {}
    assertion.large_blob_key = chosen.large_blob_key
    for extension, value in extensions:
        extension.asserted(assertion, value)
    return chosen


def _must_verify(assertion: Assertion) -> bool:
    wanted = assertion.options.user_verification
    if wanted == "required" or assertion.info.offers("alwaysUv"):
        return True
    return wanted == "preferred" and assertion.verifier.can_verify


def _narrow_allow_list(assertion: Assertion) -> None:
    """Find the one credential that counts, where the list is too long, or an extension depends on which it is."""
    listed = usable(assertion, assertion.allow)
    app_id = assertion.options.extensions.get("appid")
    prf = assertion.options.extensions.get("prf") or {}
    if not assertion.options.allow or not (
        len(listed) > assertion.info.max_credentials or app_id or prf.get("evalByCredential")
    ):
        assertion.allow = listed if listed or not assertion.options.allow else [NOBODYS]
        return
    found = first_known(assertion, assertion.rp_id, listed)
    if found is None and isinstance(app_id, str):
        found = first_known(assertion, app_id, listed)
        assertion.used_app_id = found is not None
    assertion.chosen = found
    assertion.allow = [found if found is not None else NOBODYS]


def _parameters(assertion: Assertion) -> dict[int, Any]:
    authorisation, options = assertion.authorisation, assertion.options
    rp_id = options.extensions["appid"] if assertion.used_app_id else assertion.rp_id
    parameters: dict[int, Any] = {Key.RP_ID: rp_id, Key.CLIENT_DATA_HASH: assertion.client_data_hash}
    if assertion.allow:
        parameters[Key.ALLOW_LIST] = [descriptor(each) for each in assertion.allow]
    if assertion.inputs:
        parameters[Key.EXTENSIONS] = canonical(assertion.inputs)
    if authorisation.built_in and not assertion.used_app_id:
        parameters[Key.OPTIONS] = {"uv": True}
    if not assertion.used_app_id:  # a token is bound to the RP id; U2F credentials know no verification
        authorisation.add_to(
            parameters, assertion.client_data_hash, Key.PIN_UV_AUTH_PARAM, Key.PIN_UV_AUTH_PROTOCOL
        )
    return {int(key): value for key, value in parameters.items()}


def _chosen(assertion: Assertion, first: dict[int, Any], *, choose_always: bool) -> Signed:
    signed = [_signed(assertion, first)]
    count = first.get(5, 1)
    try:
        while len(signed) < count:
            signed.append(_signed(assertion, assertion.ctap.command(Command.GET_NEXT_ASSERTION)))
    except CtapFailure as failure:
        raise_for(failure)
    if first.get(6) is True or (len(signed) == 1 and not choose_always):
        return signed[0]
    accounts = tuple(each.account for each in signed)
    ctap = assertion.ctap
    outcome = ctap.connection.ask(AccountChoice(rp_id=assertion.rp_id, accounts=accounts), ctap.deadline)
    if not isinstance(outcome, Chosen) or not 0 <= outcome.index < len(signed):
        raise not_allowed("the person chose no account")
    return signed[outcome.index]


def _signed(assertion: Assertion, response: dict[int, Any]) -> Signed:
    credential = response.get(1) or {}
    # §6.2.2: a key may leave the credential out where the list held one only.
    credential_id = credential.get("id", assertion.allow[0] if len(assertion.allow) == 1 else None)
    data, signature = response.get(2), response.get(3)
    if (
        not isinstance(credential_id, bytes)
        or not isinstance(data, bytes)
        or not isinstance(signature, bytes)
    ):
        raise ClientError("UnknownError", "the key's answer is no assertion")
    return Signed(
        credential_id=credential_id,
        authenticator_data=data,
        signature=signature,
        user=response.get(4),
        large_blob_key=response.get(7),
        unsigned=response.get(8),
    )
