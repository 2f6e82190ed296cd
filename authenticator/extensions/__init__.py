"""Extensions (CTAP 2.3 §12): one per module, behind one small base class."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from authenticator.extensions.cred_blob import CredBlobExtension
from authenticator.extensions.cred_protect import CredProtectExtension
from authenticator.extensions.extension import Assertion as Assertion
from authenticator.extensions.extension import Creation as Creation
from authenticator.extensions.extension import Extension
from authenticator.extensions.hmac_secret import HmacSecretExtension, HmacSecretMcExtension
from authenticator.extensions.large_blob import LargeBlobExtension
from authenticator.extensions.large_blob_key import LargeBlobKeyExtension
from authenticator.extensions.pin_policy import MinPinLengthExtension, PinComplexityPolicyExtension
from authenticator.extensions.prf import PrfExtension
from authenticator.extensions.third_party_payment import ThirdPartyPaymentExtension
from authenticator.extensions.uvm import UvmExtension

if TYPE_CHECKING:
    from authenticator.authenticator import Authenticator
    from authenticator.commands.get_assertion import Request as AssertionRequest
    from authenticator.commands.make_credential import Request as CreationRequest

_TABLE: tuple[Extension, ...] = (
    CredProtectExtension(),
    CredBlobExtension(),
    LargeBlobKeyExtension(),
    LargeBlobExtension(),
    HmacSecretExtension(),
    HmacSecretMcExtension(),
    PrfExtension(),
    MinPinLengthExtension(),
    PinComplexityPolicyExtension(),
    ThirdPartyPaymentExtension(),
    UvmExtension(),
)
EXTENSIONS: dict[str, Extension] = {extension.name: extension for extension in _TABLE}

Inputs: TypeAlias = "list[tuple[Extension, Any]]"
"""The extensions of a request that this key has, each with its checked input, in the order of the table."""


def creation_inputs(auth: Authenticator, request: CreationRequest) -> Inputs:
    read = (
        (extension, extension.read_creation_input(auth, request, value))
        for extension, value in _offered(auth, request.extensions)
    )
    return [(extension, value) for extension, value in read if value is not None]


def assertion_inputs(auth: Authenticator, request: AssertionRequest) -> Inputs:
    read = (
        (extension, extension.read_assertion_input(auth, request, value))
        for extension, value in _offered(auth, request.extensions)
    )
    return [(extension, value) for extension, value in read if value is not None]


def _offered(auth: Authenticator, inputs: dict[str, Any]) -> Inputs:
    """What the key does not have is ignored (§12)."""
    offered = auth.profile.extensions
    return [
        (extension, inputs[name])
        for name, extension in EXTENSIONS.items()
        if name in inputs and name in offered
    ]
