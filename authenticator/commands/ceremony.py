"""What makeCredential and getAssertion share: who must verify the user how, and which listed credentials are ours."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from authenticator.credential import Credential
from authenticator.person import Answer, Ask, Purpose
from authenticator.pin.permissions import Permission
from authenticator.profiles.profile import Kind, Quirk
from authenticator.status import CtapError, Status
from authenticator.user import (
    can_verify_user,
    has_client_pin,
    is_protected,
    require_presence,
    verify_user_in_ceremony,
)

if TYPE_CHECKING:
    from authenticator.authenticator import Authenticator

_SECURITY_KEY = Kind.SECURITY_KEY


@dataclass(slots=True, kw_only=True)
class Ceremony:
    """The part of a request by which its user is verified. Three steps, in this order: select, require, verify."""

    purpose: Purpose
    permission: Permission
    rp_id: str
    client_data_hash: bytes
    user_verification: bool
    pin_uv_auth_param: bytes | None
    pin_uv_auth_protocol: int | None
    touched: bool = False
    """Built-in verification collected a touch along the way."""

    def select(self, auth: Authenticator) -> Generator[Ask, Answer, None]:
        """§6.1.2 and §6.2.2 steps 1 and 2."""
        param = self.pin_uv_auth_param
        if param is None:
            return
        # Step 1: a zero-length parameter asks which key the person means, of keys that know of PINs or tokens
        features = auth.profile.features
        if not param and (features.client_pin or features.pin_uv_auth_token):
            if auth.profile.has(Quirk.SELECTION_NEEDS_PROTOCOL) and self.pin_uv_auth_protocol is None:
                raise CtapError(Status.MISSING_PARAMETER)
            yield from require_presence(Purpose.SELECT_KEY, self.rp_id)
            raise CtapError(Status.PIN_INVALID if has_client_pin(auth) else Status.PIN_NOT_SET)
        # Step 2
        if self.pin_uv_auth_protocol is None:
            raise CtapError(Status.MISSING_PARAMETER)
        auth.tokens.require_protocol(self.pin_uv_auth_protocol)

    def require_verification(self, auth: Authenticator, *, not_required: bool, presence: bool = True) -> None:
        """§6.1.2 steps 5 to 8, §6.2.2 steps 4 and 5: whether the request brings what the key's state demands.

        `not_required` says that this request may go without verification although the key is protected;
        `presence` that a touch is wanted at all.
        """
        param = self.pin_uv_auth_param
        # A pinUvAuthParam takes precedence over the uv option.
        if param is not None:
            self.user_verification = False
        elif self.user_verification and not can_verify_user(auth):
            raise CtapError(Status.INVALID_OPTION)
        # Platforms and providers verify whoever is there, asked to or not: a sheet is shown anyway.
        if (
            param is None
            and presence
            and not self.user_verification
            and auth.profile.kind is not _SECURITY_KEY
        ):
            self.user_verification = can_verify_user(auth)
        # §6.1.2 step 6, §6.2.2 step 5: under alwaysUv the key verifies by itself what came without a token
        if auth.state.always_uv and presence:
            if param is None and not self.user_verification:
                self.user_verification = can_verify_user(auth)
            if not is_protected(auth) or (param is None and not self.user_verification):
                # A PIN that is not set yet is a remedy too: the host has it set first.
                raise CtapError(_remedy(auth, auth.profile.features.client_pin))
        # §6.1.2 steps 7, 8 and 10
        elif not not_required and param is None and not self.user_verification and is_protected(auth):
            raise CtapError(_remedy(auth, has_client_pin(auth)))

    def verify(self, auth: Authenticator) -> Generator[Ask, Answer, bool]:
        """§6.1.2 step 11, §6.2.2 step 6: whether UV is to be set."""
        param = self.pin_uv_auth_param
        if param is not None:
            if not is_protected(auth):
                # CTAP 2.0 §5.1 has this status; later versions leave the case open.
                raise CtapError(
                    Status.PIN_NOT_SET if auth.profile.features.client_pin else Status.PIN_AUTH_INVALID
                )
            assert self.pin_uv_auth_protocol is not None
            auth.tokens.require_valid(self.pin_uv_auth_protocol, self.client_data_hash, param)
            auth.tokens.require_permission(self.permission)
            auth.tokens.require_valid_for_rp(self.rp_id)
            if not auth.tokens.user_verified:
                raise CtapError(Status.PIN_AUTH_INVALID)
            return True
        if self.user_verification:
            yield from verify_user_in_ceremony(auth, self.purpose, self.rp_id)
            self.touched = True
            return True
        return False

    def has_presence(self, auth: Authenticator) -> bool:
        """in spec: userPresentFlagValue: a touch was collected on the way here and counts for this request."""
        return self.touched or (self.pin_uv_auth_param is not None and auth.tokens.user_present)


def _remedy(auth: Authenticator, client_pin: bool) -> Status:
    """What a host is told that must verify the user first: fetch a token for a PIN, or that there is no way."""
    allowed = not auth.profile.features.no_mc_ga_permissions_with_client_pin
    return Status.PUAT_REQUIRED if client_pin and allowed else Status.OPERATION_DENIED


def find_listed(
    auth: Authenticator, ids: list[bytes], rp_id: str, hash_of_rp_id: bytes
) -> Iterator[Credential]:
    """The credentials of an allowList or excludeList that are this key's, for this relying party."""
    for credential_id in ids:
        credential = auth.store.get(credential_id)
        if credential is None:
            credential = auth.seal.open(credential_id, rp_id, hash_of_rp_id)
        if credential is not None and credential.rp_id_hash == hash_of_rp_id:
            yield credential
