"""WebAuthn's extensions, the client's part: JSON in, inputs for the key; outputs of the key, JSON out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar
from urllib.parse import urlsplit

from harness.webauthn.ceremony import Assertion, Ceremony, Registration
from harness.webauthn.errors import ClientError, not_allowed, type_error
from harness.webauthn.extension import Extension
from harness.webauthn.large_blob import LargeBlob
from harness.webauthn.options import from_base64url, to_base64url
from harness.webauthn.origins import registrable_domain
from harness.webauthn.prf import HmacGetSecret, HmacSecret, Prf

C = TypeVar("C", bound=Ceremony)


class CredProps(Extension):
    """§10.1.3."""

    name = "credProps"

    def registered(self, registration: Registration, value: Any) -> None:
        if value is True:
            registration.results[self.name] = {"rk": registration.resident or registration.always_resident}


class CredProtect(Extension):
    """CTAP 2.3 §12.1. Also what Chromium asks for where the relying party asks for nothing."""

    name = "credentialProtectionPolicy"
    LEVELS = {
        "userVerificationOptional": 1,
        "userVerificationOptionalWithCredentialIDList": 2,
        "userVerificationRequired": 3,
    }

    def prepare_registration(self, registration: Registration, value: Any) -> None:
        level = self.LEVELS.get(value)
        if level is None:
            raise type_error(f"{self.name}: {value!r} is none of {', '.join(self.LEVELS)}")
        options = registration.options
        enforced = options.extensions.get("enforceCredentialProtectionPolicy") is True
        if (enforced and level == 1) or (level == 3 and options.user_verification != "required"):
            raise ClientError(
                "NotSupportedError", "the requested protection policy does not go with the other options"
            )
        if "credProtect" in registration.info.extensions:
            registration.inputs["credProtect"] = level
        elif enforced and level > 1:
            raise not_allowed("the key does not know credProtect, which the relying party enforces")


def default_protection(registration: Registration) -> None:
    """Chromium's default for discoverable credentials: nobody who finds a key learns whose accounts are on it."""
    options = registration.options
    if (
        registration.resident
        and CredProtect.name not in options.extensions
        and "credProtect" in registration.info.extensions
    ):
        strict = options.resident_key == "required" and options.user_verification == "preferred"
        registration.inputs["credProtect"] = 3 if strict and registration.verifier.can_verify else 2


class CredBlob(Extension):
    """CTAP 2.3 §12.2, at registration."""

    name = "credBlob"

    def prepare_registration(self, registration: Registration, value: Any) -> None:
        blob = from_base64url(value, self.name)
        if self.name in registration.info.extensions and len(blob) <= registration.info.max_cred_blob:
            registration.inputs[self.name] = blob

    def registered(self, registration: Registration, value: Any) -> None:
        registration.results[self.name] = registration.outputs.get(self.name) is True


class GetCredBlob(Extension):
    name = "getCredBlob"

    def prepare_assertion(self, assertion: Assertion, value: Any) -> None:
        if value is True and "credBlob" in assertion.info.extensions:
            assertion.inputs["credBlob"] = True

    def asserted(self, assertion: Assertion, value: Any) -> None:
        blob = assertion.outputs.get("credBlob")
        if isinstance(blob, bytes):
            assertion.results[self.name] = to_base64url(blob)


class _PassedOn(Extension):
    """True goes to the key as it is, and what comes back is in authenticator data alone."""

    def __init__(self, name: str) -> None:
        self.name = name

    def prepare_registration(self, registration: Registration, value: Any) -> None:
        if value is True and self.name in registration.info.extensions:
            registration.inputs[self.name] = True


class Payment(Extension):
    """CTAP 2.3 §12.9: thirdPartyPayment."""

    name = "payment"

    def _prepare(self, ceremony: Ceremony, value: Any) -> None:
        wanted = isinstance(value, Mapping) and value.get("isPayment") is True
        if wanted and "thirdPartyPayment" in ceremony.info.extensions:
            ceremony.inputs["thirdPartyPayment"] = True

    def prepare_registration(self, registration: Registration, value: Any) -> None:
        self._prepare(registration, value)

    def prepare_assertion(self, assertion: Assertion, value: Any) -> None:
        self._prepare(assertion, value)


class Uvm(Extension):
    """WebAuthn level 2 §10.3."""

    name = "uvm"

    def _prepare(self, ceremony: Ceremony, value: Any) -> None:
        if value is True and self.name in ceremony.info.extensions:
            ceremony.inputs[self.name] = True

    def _take(self, ceremony: Ceremony) -> None:
        if self.name in ceremony.outputs:
            ceremony.results[self.name] = ceremony.outputs[self.name]

    def prepare_registration(self, registration: Registration, value: Any) -> None:
        self._prepare(registration, value)

    def registered(self, registration: Registration, value: Any) -> None:
        self._take(registration)

    def prepare_assertion(self, assertion: Assertion, value: Any) -> None:
        self._prepare(assertion, value)

    def asserted(self, assertion: Assertion, value: Any) -> None:
        self._take(assertion)


class AppId(Extension):
    """§10.1.1: log in with a U2F credential. The log-in itself looks at the list under this name too."""

    name = "appid"

    def prepare_assertion(self, assertion: Assertion, value: Any) -> None:
        require_app_id(value, assertion.origin, self.name)

    def asserted(self, assertion: Assertion, value: Any) -> None:
        assertion.results[self.name] = assertion.used_app_id


class AppIdExclude(Extension):
    """§10.1.2: do not register what is registered by U2F."""

    name = "appidExclude"

    def prepare_registration(self, registration: Registration, value: Any) -> None:
        require_app_id(value, registration.origin, self.name)

    def registered(self, registration: Registration, value: Any) -> None:
        registration.results[self.name] = True


def require_app_id(value: Any, origin: str, name: str) -> None:
    """The facet check of U2F, as browsers simplify it: the same registrable domain."""
    host = urlsplit(value).hostname if isinstance(value, str) and value.startswith("https://") else None
    own = urlsplit(origin).hostname or ""
    if (
        host is None
        or registrable_domain(host) is None
        or registrable_domain(host) != registrable_domain(own)
    ):
        raise ClientError(
            "SecurityError", f"{name}: {value!r} is not an https URL of the same site as {origin}"
        )


_TABLE: tuple[Extension, ...] = (
    CredProps(),
    CredProtect(),
    CredBlob(),
    GetCredBlob(),
    Prf(),
    HmacSecret(),
    HmacGetSecret(),
    LargeBlob(),
    _PassedOn("minPinLength"),
    _PassedOn("pinComplexityPolicy"),
    Payment(),
    Uvm(),
    AppId(),
    AppIdExclude(),
)
EXTENSIONS: dict[str, Extension] = {extension.name: extension for extension in _TABLE}


def asked_for(extensions: Mapping[str, Any]) -> list[tuple[Extension, Any]]:
    """Those a client knows, in the order of the table; null and false ask for nothing."""
    if not extensions:
        return []
    return [
        (extension, extensions[name])
        for name, extension in EXTENSIONS.items()
        if extensions.get(name) not in (None, False)
    ]
