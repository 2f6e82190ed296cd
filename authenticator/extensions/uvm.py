"""uvm (WebAuthn level 2 §10.3): by which method the user was verified, in the numbers of FIDO's registry."""

from __future__ import annotations

from enum import IntFlag
from typing import TYPE_CHECKING, Any

from authenticator.credential import Credential
from authenticator.extensions.extension import Assertion, Creation, Extension, true_or_nothing
from authenticator.profiles.profile import UvMethod
from authenticator.user import can_verify_user

if TYPE_CHECKING:
    from authenticator.authenticator import Authenticator
    from authenticator.commands.get_assertion import Request as AssertionRequest
    from authenticator.commands.make_credential import Request as CreationRequest


class UserVerify(IntFlag):
    """FIDO Registry of Predefined Values §3.1."""

    PRESENCE_INTERNAL = 0x00000001
    FINGERPRINT_INTERNAL = 0x00000002
    PASSCODE_INTERNAL = 0x00000004
    FACEPRINT_INTERNAL = 0x00000010
    PATTERN_INTERNAL = 0x00000080
    PASSCODE_EXTERNAL = 0x00000800


USER_VERIFY = {
    UvMethod.FINGERPRINT: UserVerify.FINGERPRINT_INTERNAL,
    UvMethod.FACE: UserVerify.FACEPRINT_INTERNAL,
    UvMethod.SCREEN_LOCK: UserVerify.PASSCODE_INTERNAL,
    UvMethod.PIN_PAD: UserVerify.PASSCODE_INTERNAL,
}

_KEY_PROTECTION = 0x0002 | 0x0008
"""§3.2: hardware, secure element: what is played, not what is there."""
_MATCHER_PROTECTION = 0x0004
"""§3.3: on chip."""


def _uvm(auth: Authenticator, *, verified: bool) -> list[list[int]]:
    method = UserVerify.PRESENCE_INTERNAL
    if verified:
        built_in = auth.profile.features.user_verification
        if built_in is not None and can_verify_user(auth):
            method = USER_VERIFY[built_in]
        else:
            method = UserVerify.PASSCODE_EXTERNAL
    return [[int(method), _KEY_PROTECTION, _MATCHER_PROTECTION]]


class UvmExtension(Extension):
    name = "uvm"

    def read_creation_input(self, auth: Authenticator, request: CreationRequest, value: Any) -> bool | None:
        return true_or_nothing(value)

    def created(self, creation: Creation, credential: Credential, value: bool) -> None:
        creation.outputs[self.name] = _uvm(creation.auth, verified=creation.verified)

    def read_assertion_input(self, auth: Authenticator, request: AssertionRequest, value: Any) -> bool | None:
        return true_or_nothing(value)

    def get(self, assertion: Assertion, value: bool) -> None:
        assertion.outputs[self.name] = _uvm(assertion.auth, verified=assertion.verified)
