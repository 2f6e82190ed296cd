"""credBlob (CTAP 2.3 §12.2): a few bytes kept with a discoverable credential."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from authenticator.credential import Credential
from authenticator.extensions.extension import Assertion, Creation, Extension, require_type, true_or_nothing

if TYPE_CHECKING:
    from authenticator.authenticator import Authenticator
    from authenticator.commands.get_assertion import Request as AssertionRequest
    from authenticator.commands.make_credential import Request as CreationRequest


class CredBlobExtension(Extension):
    name = "credBlob"

    def read_creation_input(self, auth: Authenticator, request: CreationRequest, value: Any) -> bytes:
        return require_type(value, bytes)

    def create(self, creation: Creation, value: bytes) -> None:
        if creation.discoverable and len(value) <= creation.auth.profile.limits.cred_blob:
            creation.cred_blob = value

    def created(self, creation: Creation, credential: Credential, value: bytes) -> None:
        # What cannot be stored is no error: the output says false.
        creation.outputs[self.name] = credential.cred_blob is not None

    def read_assertion_input(self, auth: Authenticator, request: AssertionRequest, value: Any) -> bool | None:
        return true_or_nothing(value)

    def get(self, assertion: Assertion, value: bool) -> None:
        assertion.outputs[self.name] = assertion.credential.cred_blob or b""
