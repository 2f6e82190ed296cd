"""thirdPartyPayment (CTAP 2.3 §12.9): a credential that others than its relying party may ask for, to pay."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from authenticator.extensions.extension import Assertion, Creation, Extension, true_or_nothing

if TYPE_CHECKING:
    from authenticator.authenticator import Authenticator
    from authenticator.commands.get_assertion import Request as AssertionRequest
    from authenticator.commands.make_credential import Request as CreationRequest


class ThirdPartyPaymentExtension(Extension):
    name = "thirdPartyPayment"

    def read_creation_input(self, auth: Authenticator, request: CreationRequest, value: Any) -> bool | None:
        return true_or_nothing(value)

    def create(self, creation: Creation, value: bool) -> None:
        creation.third_party_payment = True

    def read_assertion_input(self, auth: Authenticator, request: AssertionRequest, value: Any) -> bool | None:
        return true_or_nothing(value)

    def get(self, assertion: Assertion, value: bool) -> None:
        assertion.outputs[self.name] = assertion.credential.third_party_payment
