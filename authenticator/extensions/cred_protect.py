"""credProtect (CTAP 2.3 §12.1): how much verification a credential demands before it shows up."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from authenticator.credential import Credential, CredProtect
from authenticator.extensions.extension import Creation, Extension, require_type
from authenticator.status import CtapError, Status

if TYPE_CHECKING:
    from authenticator.authenticator import Authenticator
    from authenticator.commands.make_credential import Request as CreationRequest


class CredProtectExtension(Extension):
    name = "credProtect"

    def read_creation_input(self, auth: Authenticator, request: CreationRequest, value: Any) -> CredProtect:
        try:
            return CredProtect(require_type(value, int))
        except ValueError:
            raise CtapError(Status.INVALID_OPTION) from None

    def create(self, creation: Creation, value: CredProtect) -> None:
        creation.protection = value

    def created(self, creation: Creation, credential: Credential, value: CredProtect) -> None:
        creation.outputs[self.name] = int(credential.protection)
