"""minPinLength and pinComplexityPolicy (CTAP 2.3 §12.5, §12.6): the PIN policy, for relying parties that may know."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from authenticator.credential import Credential
from authenticator.extensions.extension import Creation, Extension, true_or_nothing

if TYPE_CHECKING:
    from authenticator.authenticator import Authenticator
    from authenticator.commands.make_credential import Request as CreationRequest


class _PinPolicyExtension(Extension):
    def read_creation_input(self, auth: Authenticator, request: CreationRequest, value: Any) -> bool | None:
        asked = true_or_nothing(value)
        # Others than the RP ids that setMinPINLength listed get no answer, as if the extension were not there.
        return asked if request.rp_id in auth.state.min_pin_rp_ids else None


class MinPinLengthExtension(_PinPolicyExtension):
    name = "minPinLength"

    def created(self, creation: Creation, credential: Credential, value: bool) -> None:
        creation.outputs[self.name] = creation.auth.state.min_pin_length


class PinComplexityPolicyExtension(_PinPolicyExtension):
    name = "pinComplexityPolicy"

    def created(self, creation: Creation, credential: Credential, value: bool) -> None:
        creation.outputs[self.name] = creation.auth.state.pin_complexity_policy
