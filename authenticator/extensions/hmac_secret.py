"""hmac-secret and hmac-secret-mc (CTAP 2.3 §12.7, §12.8): secrets derived from a credential and salts."""

from __future__ import annotations

import hmac
from dataclasses import dataclass, field
from enum import IntEnum
from typing import TYPE_CHECKING, Any

from authenticator.credential import Credential
from authenticator.extensions.extension import Assertion, Creation, Extension, require_type, true_or_nothing
from authenticator.parameters import require, unsigned
from authenticator.pin.protocols import SharedSecret
from authenticator.status import CtapError, Status

if TYPE_CHECKING:
    from authenticator.authenticator import Authenticator
    from authenticator.commands.get_assertion import Request as AssertionRequest
    from authenticator.commands.make_credential import Request as CreationRequest

_SALT = 32


class Key(IntEnum):
    KEY_AGREEMENT = 0x01
    SALT_ENC = 0x02
    SALT_AUTH = 0x03
    PIN_UV_AUTH_PROTOCOL = 0x04


@dataclass(frozen=True, slots=True, kw_only=True)
class Salts:
    """One salt or two, and the secret under which the platform wants the answer."""

    salts: bytes = field(repr=False)
    secret: SharedSecret = field(repr=False)

    def answer(self, credential: Credential, *, verified: bool) -> bytes:
        return self.secret.encrypt(derive(credential, self.salts, verified=verified))


def derive(credential: Credential, salts: bytes, *, verified: bool) -> bytes:
    """output1 [‖ output2]: HMAC-SHA-256(CredRandom, salt), CredRandom being another one without verification."""
    cred_random = credential.hmac_secrets[:32] if verified else credential.hmac_secrets[32:]
    return b"".join(
        hmac.digest(cred_random, salts[at : at + _SALT], "sha256") for at in range(0, len(salts), _SALT)
    )


def _read_salts(auth: Authenticator, value: Any) -> Salts:
    inputs = require_type(value, dict)
    peer = require(inputs, Key.KEY_AGREEMENT, dict)
    salt_enc, salt_auth = require(inputs, Key.SALT_ENC, bytes), require(inputs, Key.SALT_AUTH, bytes)
    # §12.7: a platform that names no protocol means the first
    number = unsigned(inputs, Key.PIN_UV_AUTH_PROTOCOL) or 1
    secret = auth.tokens.require_protocol(number).decapsulate(peer)
    if not secret.verify(salt_enc, salt_auth):
        raise CtapError(Status.PIN_AUTH_INVALID)
    salts = secret.decrypt(salt_enc)
    if len(salts) not in (_SALT, 2 * _SALT):
        raise CtapError(Status.INVALID_PARAMETER)
    return Salts(salts=salts, secret=secret)


class HmacSecretExtension(Extension):
    name = "hmac-secret"

    def read_creation_input(self, auth: Authenticator, request: CreationRequest, value: Any) -> bool | None:
        return true_or_nothing(value)

    def create(self, creation: Creation, value: bool) -> None:
        creation.hmac_secret = True

    def created(self, creation: Creation, credential: Credential, value: bool) -> None:
        creation.outputs[self.name] = True

    def read_assertion_input(self, auth: Authenticator, request: AssertionRequest, value: Any) -> Salts:
        # §12.7: a secret is never given without a touch
        if not request.presence:
            raise CtapError(Status.UNSUPPORTED_OPTION)
        return _read_salts(auth, value)

    def get(self, assertion: Assertion, value: Salts) -> None:
        if assertion.credential.hmac_secrets:
            assertion.outputs[self.name] = value.answer(assertion.credential, verified=assertion.verified)


class HmacSecretMcExtension(Extension):
    name = "hmac-secret-mc"

    def read_creation_input(self, auth: Authenticator, request: CreationRequest, value: Any) -> Salts | None:
        salts = _read_salts(auth, value)
        # §12.8: it goes with hmac-secret, without which there is nothing to derive from
        return salts if request.extensions.get("hmac-secret") is True else None

    def created(self, creation: Creation, credential: Credential, value: Salts) -> None:
        creation.outputs[self.name] = value.answer(credential, verified=creation.verified)
