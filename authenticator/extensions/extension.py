"""What all extensions share: the ceremony as they see it, and their moments in it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from authenticator.credential import Credential, CredProtect
from authenticator.status import CtapError, Status

if TYPE_CHECKING:
    from authenticator.authenticator import Authenticator
    from authenticator.commands.get_assertion import Request as AssertionRequest
    from authenticator.commands.make_credential import Request as CreationRequest

T = TypeVar("T")


@dataclass(slots=True, kw_only=True)
class Creation:
    """A credential being made, as extensions see and shape it."""

    auth: Authenticator
    request: CreationRequest
    verified: bool
    discoverable: bool
    protection: CredProtect = CredProtect.UV_OPTIONAL
    hmac_secret: bool = False
    cred_blob: bytes | None = None
    large_blob_key: bytes | None = None
    third_party_payment: bool = False
    outputs: dict[str, Any] = field(default_factory=dict)
    unsigned_outputs: dict[str, Any] = field(default_factory=dict)


@dataclass(slots=True, kw_only=True)
class Assertion:
    """An assertion being made, with one credential."""

    auth: Authenticator
    request: AssertionRequest
    verified: bool
    credential: Credential
    large_blob_key: bytes | None = None
    outputs: dict[str, Any] = field(default_factory=dict)
    unsigned_outputs: dict[str, Any] = field(default_factory=dict)


class Extension:
    """One that does nothing at each of its moments. What `read_…` gives is what the later moments are handed."""

    name: ClassVar[str]

    def read_creation_input(self, auth: Authenticator, request: CreationRequest, value: Any) -> Any:
        """The checked input; None where it asks for nothing."""
        return None

    def create(self, creation: Creation, value: Any) -> None:
        """Shape the credential, before its key is made."""

    def created(self, creation: Creation, credential: Credential, value: Any) -> None:
        """Give outputs; the credential is there."""

    def read_assertion_input(self, auth: Authenticator, request: AssertionRequest, value: Any) -> Any:
        """The checked input; None where it asks for nothing."""
        return None

    def get(self, assertion: Assertion, value: Any) -> None:
        """Give outputs for `assertion.credential`."""


def require_type(value: Any, kind: type[T]) -> T:
    if type(value) is not kind:
        raise CtapError(Status.CBOR_UNEXPECTED_TYPE)
    return value


def true_or_nothing(value: Any) -> bool | None:
    """The input of extensions that are asked for by `true`; `false` is as good as absent."""
    return require_type(value, bool) or None
