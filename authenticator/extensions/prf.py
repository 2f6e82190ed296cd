"""prf as phones and platforms have it: WebAuthn's extension in plain, its inputs hashed by the client.

No CTAP extension: it is what Chromium speaks over hybrid, where the transport encrypts already. Outputs go into
unsignedExtensionOutputs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from authenticator.credential import Credential
from authenticator.extensions.extension import Assertion, Creation, Extension, require_type
from authenticator.extensions.hmac_secret import derive
from authenticator.parameters import member, optional_member
from authenticator.status import CtapError, Status

if TYPE_CHECKING:
    from authenticator.authenticator import Authenticator
    from authenticator.commands.get_assertion import Request as AssertionRequest
    from authenticator.commands.make_credential import Request as CreationRequest

_SALT = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class _Inputs:
    salts: bytes | None = field(default=None, repr=False)
    by_credential: Mapping[bytes, bytes] = field(default_factory=dict, repr=False)


def _read_salts(value: Any) -> bytes:
    values = require_type(value, dict)
    salts = [member(values, "first", bytes)]
    second = optional_member(values, "second", bytes)
    if second is not None:
        salts.append(second)
    if any(len(salt) != _SALT for salt in salts):
        raise CtapError(Status.INVALID_PARAMETER)
    return b"".join(salts)


def _read_inputs(value: Any) -> _Inputs:
    inputs = require_type(value, dict)
    by_credential = {}
    for credential_id, values in (optional_member(inputs, "evalByCredential", dict) or {}).items():
        by_credential[require_type(credential_id, bytes)] = _read_salts(values)
    salts = _read_salts(inputs["eval"]) if "eval" in inputs else None
    return _Inputs(salts=salts, by_credential=by_credential)


def _results(credential: Credential, salts: bytes, *, verified: bool) -> dict[str, bytes]:
    secrets = derive(credential, salts, verified=verified)
    results = {"first": secrets[:_SALT]}
    if len(secrets) > _SALT:
        results["second"] = secrets[_SALT:]
    return results


class PrfExtension(Extension):
    name = "prf"

    def read_creation_input(self, auth: Authenticator, request: CreationRequest, value: Any) -> _Inputs:
        return _read_inputs(value)

    def create(self, creation: Creation, value: _Inputs) -> None:
        creation.hmac_secret = True

    def created(self, creation: Creation, credential: Credential, value: _Inputs) -> None:
        output: dict[str, Any] = {"enabled": True}
        if value.salts is not None:
            output["results"] = _results(credential, value.salts, verified=creation.verified)
        creation.unsigned_outputs[self.name] = output

    def read_assertion_input(self, auth: Authenticator, request: AssertionRequest, value: Any) -> _Inputs:
        if not request.presence:
            raise CtapError(Status.UNSUPPORTED_OPTION)
        return _read_inputs(value)

    def get(self, assertion: Assertion, value: _Inputs) -> None:
        credential = assertion.credential
        salts = value.by_credential.get(credential.id, value.salts)
        if credential.hmac_secrets and salts is not None:
            assertion.unsigned_outputs[self.name] = {
                "results": _results(credential, salts, verified=assertion.verified)
            }
