"""What makeCredential and getAssertion share: who must verify the user how, and which listed credentials are ours."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from authenticator.credential import Credential
from authenticator.person import Answer, Ask, Purpose
from authenticator.pin.token import Permission
from authenticator.status import CtapError, Status
from authenticator.user import can_verify_user, is_protected, require_presence, verify_user_in_ceremony

if TYPE_CHECKING:
    from authenticator.authenticator import Authenticator


@dataclass(slots=True, kw_only=True)
class Ceremony:
    """The part of a request by which its user is verified."""

    purpose: Purpose
    permission: Permission
    rp_id: str
    client_data_hash: bytes
    user_verification: bool
    pin_uv_auth_param: bytes | None
    pin_uv_auth_protocol: int | None
    touched: bool = False
    """Built-in verification collected a touch along the way."""


def authorise(auth: Authenticator, ceremony: Ceremony, *, uv_not_required: bool, presence: bool = True) -> Generator[Ask, Answer, bool]:
    """Verify the user as the request, the key's state and alwaysUv demand; whether UV is to be set.

    §6.1.2 steps 1, 2, 5 to 8, 10, 11 and §6.2.2 steps 1, 2, 4 to 6. `uv_not_required` says that this request may
    go without verification although the key is protected; `presence` that a touch is wanted at all.
    """
    param, features = ceremony.pin_uv_auth_param, auth.profile.features
    if param is not None:
        # Step 1: a zero-length parameter asks which key the person means
        if not param:
            yield from require_presence(Purpose.SELECT_KEY, ceremony.rp_id)
            raise CtapError(Status.PIN_INVALID if is_protected(auth) else Status.PIN_NOT_SET)
        # Step 2
        if ceremony.pin_uv_auth_protocol is None:
            raise CtapError(Status.MISSING_PARAMETER)
        auth.tokens.require_protocol(ceremony.pin_uv_auth_protocol)
    wants_uv = ceremony.user_verification and param is None
    # Step 5: the uv option needs built-in verification that is ready
    if wants_uv and not can_verify_user(auth):
        raise CtapError(Status.INVALID_OPTION)
    protected = is_protected(auth)
    # Step 6
    if auth.state.always_uv and presence:
        if not protected:
            raise CtapError(Status.PUAT_REQUIRED if features.client_pin else Status.OPERATION_DENIED)
        if param is None and not wants_uv:
            if can_verify_user(auth):
                wants_uv = True
            else:
                raise CtapError(Status.PUAT_REQUIRED)
    # Steps 7, 8 and 10
    if not protected:
        if param is not None:
            raise CtapError(Status.PIN_NOT_SET if features.client_pin else Status.PIN_AUTH_INVALID)
        return False
    if param is not None:
        assert ceremony.pin_uv_auth_protocol is not None
        auth.tokens.require_valid(ceremony.pin_uv_auth_protocol, ceremony.client_data_hash, param)
        auth.tokens.require_permission(ceremony.permission)
        auth.tokens.require_valid_for_rp(ceremony.rp_id)
        if not auth.tokens.user_verified:
            raise CtapError(Status.PIN_AUTH_INVALID)
        return True
    if wants_uv:
        yield from verify_user_in_ceremony(auth, ceremony.purpose, ceremony.rp_id)
        ceremony.touched = True
        return True
    if not uv_not_required:
        raise CtapError(Status.PUAT_REQUIRED if auth.state.pin_hash is not None else Status.OPERATION_DENIED)
    return False


def find_listed(auth: Authenticator, ids: list[bytes], rp_id: str, hash_of_rp_id: bytes) -> Iterator[Credential]:
    """The credentials of an allowList or excludeList that are this key's, for this relying party."""
    for credential_id in ids:
        credential = auth.store.get(credential_id)
        if credential is None:
            credential = auth.seal.open(credential_id, rp_id, hash_of_rp_id)
        if credential is not None and credential.rp_id_hash == hash_of_rp_id:
            yield credential
