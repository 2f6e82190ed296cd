"""prf (WebAuthn level 3 §10.1.4) by way of hmac-secret, and hmac-secret's older names."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from harness.webauthn.ceremony import Assertion, Ceremony, Registration
from harness.webauthn.ctap import canonical
from harness.webauthn.errors import ClientError, type_error
from harness.webauthn.extension import Extension
from harness.webauthn.options import from_base64url, to_base64url

HMAC_SECRET = "hmac-secret"
HMAC_SECRET_MC = "hmac-secret-mc"
_SALT = 32


def _salt(value: Any, where: str) -> bytes:
    """§10.1.4: a context string keeps what the web evaluates apart from what others do."""
    return hashlib.sha256(b"WebAuthn PRF\0" + from_base64url(value, where)).digest()


def _salts(values: Any, where: str) -> list[bytes]:
    if not isinstance(values, Mapping) or values.get("first") is None:
        raise type_error(f"{where}.first: is missing")
    given = [name for name in ("first", "second") if values.get(name) is not None]
    return [_salt(values[name], f"{where}.{name}") for name in given]


class _Salted(Extension):
    """Salts go to the key encrypted for it, and what it makes of them comes back the same way."""

    def send(self, ceremony: Ceremony, name: str, salts: list[bytes]) -> None:
        secret = ceremony.verifier.secret()
        if secret is None:
            return
        encrypted = secret.encrypt(b"".join(salts))
        ceremony.inputs[name] = {
            1: secret.key_agreement,
            2: encrypted,
            3: secret.authenticate(encrypted),
            4: secret.protocol.VERSION,
        }
        ceremony.secret = secret

    def receive(self, ceremony: Ceremony, name: str) -> list[bytes]:
        encrypted, secret = ceremony.outputs.get(name), ceremony.secret
        if not isinstance(encrypted, bytes) or secret is None:
            return []
        decrypted = secret.decrypt(encrypted)
        return [decrypted[start : start + _SALT] for start in range(0, len(decrypted), _SALT)]


def _results(values: list[bytes]) -> dict[str, str]:
    return {name: to_base64url(value) for name, value in zip(("first", "second"), values, strict=False)}


class Prf(_Salted):
    name = "prf"

    def prepare_registration(self, registration: Registration, value: Any) -> None:
        if not isinstance(value, Mapping):
            raise type_error("prf: must be an object")
        if "evalByCredential" in value:
            raise ClientError(
                "NotSupportedError", "prf.evalByCredential: there is no credential yet to evaluate by"
            )
        salts = _salts(value["eval"], "prf.eval") if value.get("eval") is not None else []
        if self.name in registration.info.extensions:  # phones and platforms have it in plain
            registration.inputs[self.name] = {"eval": _plain(salts)} if salts else {}
        elif HMAC_SECRET in registration.info.extensions:
            registration.inputs[HMAC_SECRET] = True

    def ready_registration(self, registration: Registration, value: Any) -> None:
        if (
            value.get("eval") is not None
            and HMAC_SECRET in registration.inputs
            and HMAC_SECRET_MC in registration.info.extensions
        ):
            self.send(registration, HMAC_SECRET_MC, _salts(value["eval"], "prf.eval"))

    def registered(self, registration: Registration, value: Any) -> None:
        native = registration.unsigned.get(self.name)
        if isinstance(native, Mapping):
            result: dict[str, Any] = {"enabled": native.get("enabled") is True}
            if isinstance(native.get("results"), Mapping):
                result["results"] = {name: to_base64url(each) for name, each in native["results"].items()}
        else:
            result = {"enabled": registration.outputs.get(HMAC_SECRET) is True}
            values = self.receive(registration, HMAC_SECRET_MC)
            if values:
                result["results"] = _results(values)
        registration.results[self.name] = result

    def prepare_assertion(self, assertion: Assertion, value: Any) -> None:
        if not isinstance(value, Mapping):
            raise type_error("prf: must be an object")
        by_credential = value.get("evalByCredential") or {}
        if by_credential and not assertion.options.allow:
            raise ClientError("NotSupportedError", "prf.evalByCredential: needs allowCredentials")
        listed = {descriptor.id for descriptor in assertion.options.allow}
        for name, values in by_credential.items():
            try:
                known = bool(name) and from_base64url(name, "prf.evalByCredential") in listed
            except ClientError:
                known = False
            if not known:
                raise ClientError(
                    "SyntaxError", f"prf.evalByCredential: {name!r} is no id of allowCredentials"
                )
            _salts(values, f"prf.evalByCredential[{name}]")
        if value.get("eval") is not None:
            _salts(value["eval"], "prf.eval")

    def ready_assertion(self, assertion: Assertion, value: Any) -> None:
        if self.name in assertion.info.extensions:
            inputs: dict[str, Any] = {}
            if value.get("eval") is not None:
                inputs["eval"] = _plain(_salts(value["eval"], "prf.eval"))
            if value.get("evalByCredential"):
                by_id = {
                    from_base64url(name, "prf.evalByCredential"): _plain(
                        _salts(values, "prf.evalByCredential")
                    )
                    for name, values in value["evalByCredential"].items()
                }
                inputs["evalByCredential"] = {
                    key: by_id[key] for key in sorted(by_id, key=lambda k: (len(k), k))
                }
            assertion.inputs[self.name] = canonical(inputs)
            return
        values = _for_credential(value, assertion.chosen)
        if values is not None and HMAC_SECRET in assertion.info.extensions:
            self.send(assertion, HMAC_SECRET, _salts(values, "prf.eval"))

    def asserted(self, assertion: Assertion, value: Any) -> None:
        native = assertion.unsigned.get(self.name)
        if isinstance(native, Mapping) and isinstance(native.get("results"), Mapping):
            results = {name: to_base64url(each) for name, each in native["results"].items()}
        else:
            results = _results(self.receive(assertion, HMAC_SECRET))
        assertion.results[self.name] = {"results": results} if results else {}


def _plain(salts: list[bytes]) -> dict[str, bytes]:
    return dict(zip(("first", "second"), salts, strict=False))


def _for_credential(value: Mapping[str, Any], credential_id: bytes | None) -> Any:
    """§10.1.4: evalByCredential's entry for the credential, else eval."""
    if credential_id is not None:
        for name, values in (value.get("evalByCredential") or {}).items():
            if from_base64url(name, "prf.evalByCredential") == credential_id:
                return values
    return value.get("eval")


class HmacSecret(Extension):
    """hmacCreateSecret: what pages used before prf."""

    name = "hmacCreateSecret"

    def prepare_registration(self, registration: Registration, value: Any) -> None:
        if value is True and HMAC_SECRET in registration.info.extensions:
            registration.inputs[HMAC_SECRET] = True

    def registered(self, registration: Registration, value: Any) -> None:
        registration.results[self.name] = registration.outputs.get(HMAC_SECRET) is True


class HmacGetSecret(_Salted):
    """hmacGetSecret: salts and outputs without prf's context string. No browser gives it to pages."""

    name = "hmacGetSecret"

    def prepare_assertion(self, assertion: Assertion, value: Any) -> None:
        salts = self._given(value)
        if not salts or any(len(salt) != _SALT for salt in salts):
            raise type_error(f"hmacGetSecret: salt1, and maybe salt2, must have {_SALT} bytes")

    def ready_assertion(self, assertion: Assertion, value: Any) -> None:
        if HMAC_SECRET in assertion.info.extensions and HMAC_SECRET not in assertion.inputs:
            self.send(assertion, HMAC_SECRET, self._given(value))

    def asserted(self, assertion: Assertion, value: Any) -> None:
        values = self.receive(assertion, HMAC_SECRET)
        if values:
            assertion.results[self.name] = {
                name: to_base64url(each) for name, each in zip(("output1", "output2"), values, strict=False)
            }

    def _given(self, value: Any) -> list[bytes]:
        if not isinstance(value, Mapping):
            raise type_error("hmacGetSecret: must be an object")
        return [
            from_base64url(value[name], f"hmacGetSecret.{name}")
            for name in ("salt1", "salt2")
            if value.get(name) is not None
        ]
