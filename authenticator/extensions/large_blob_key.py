"""largeBlobKey (CTAP 2.3 §12.3): the key under which the platform stores a credential's large blob."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from authenticator.extensions.extension import Assertion, Creation, Extension
from authenticator.status import CtapError, Status

if TYPE_CHECKING:
    from authenticator.authenticator import Authenticator
    from authenticator.commands.get_assertion import Request as AssertionRequest
    from authenticator.commands.make_credential import Request as CreationRequest

_KEY_SIZE = 32


class LargeBlobKeyExtension(Extension):
    name = "largeBlobKey"

    def read_creation_input(self, auth: Authenticator, request: CreationRequest, value: Any) -> bool:
        if value is not True or not request.resident:
            raise CtapError(Status.INVALID_OPTION)
        return True

    def create(self, creation: Creation, value: bool) -> None:
        creation.large_blob_key = creation.auth.environment.random.bytes(_KEY_SIZE)

    def read_assertion_input(self, auth: Authenticator, request: AssertionRequest, value: Any) -> bool:
        if value is not True:
            raise CtapError(Status.INVALID_OPTION)
        return True

    def get(self, assertion: Assertion, value: bool) -> None:
        assertion.large_blob_key = assertion.credential.large_blob_key
