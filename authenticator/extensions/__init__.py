"""Extensions (CTAP 2.3 §12): one per module, behind one small protocol."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from authenticator.credential import Credential, CredProtect

if TYPE_CHECKING:
    from authenticator.authenticator import Authenticator
    from authenticator.commands import get_assertion, make_credential


@dataclass(slots=True, kw_only=True)
class Creation:
    """A credential being made, as extensions see and shape it."""

    auth: Authenticator
    request: make_credential.Request
    verified: bool
    protection: CredProtect = CredProtect.UV_OPTIONAL
    hmac_secret: bool = False
    cred_blob: bytes | None = None
    large_blob_key: bytes | None = None
    third_party_payment: bool = False
    credential: Credential | None = None
    outputs: dict[str, Any] = field(default_factory=dict)
    unsigned_outputs: dict[str, Any] = field(default_factory=dict)


@dataclass(slots=True, kw_only=True)
class Assertion:
    """An assertion being made. While it is checked, before the touch, `credential` is not known yet."""

    auth: Authenticator
    request: get_assertion.Request
    verified: bool
    credential: Credential | None = None
    large_blob_key: bytes | None = None
    outputs: dict[str, Any] = field(default_factory=dict)
    unsigned_outputs: dict[str, Any] = field(default_factory=dict)


class Extension(Protocol):
    """The base: an extension that does nothing at each of its moments. Inputs are unchecked CBOR values."""

    name: str

    def check_creation(self, creation: Creation, value: Any) -> None:
        """Refuse a bad input before the person is asked."""

    def create(self, creation: Creation, value: Any) -> None:
        """Shape the credential, after the touch, before its key is made."""

    def created(self, creation: Creation, value: Any) -> None:
        """Give outputs; the credential is there."""

    def check_assertion(self, assertion: Assertion, value: Any) -> None:
        """Refuse a bad input before the person is asked."""

    def get(self, assertion: Assertion, value: Any) -> None:
        """Give outputs for `assertion.credential`."""


_TABLE: tuple[Extension, ...] = ()
EXTENSIONS: dict[str, Extension] = {extension.name: extension for extension in _TABLE}


def make_credential_extensions(creation: Creation) -> list[tuple[Extension, Any]]:
    """The extensions of a request that this key has, in the order of the table."""
    return _asked_for(creation.request.extensions, creation.auth)


def get_assertion_extensions(assertion: Assertion) -> list[tuple[Extension, Any]]:
    return _asked_for(assertion.request.extensions, assertion.auth)


def _asked_for(inputs: dict[str, Any], auth: Authenticator) -> list[tuple[Extension, Any]]:
    if not inputs:
        return []
    offered = auth.profile.extensions
    return [(extension, inputs[name]) for name, extension in EXTENSIONS.items() if name in inputs and name in offered]
