"""Challenges: made for one session, one purpose and one set of details, answered once and in time."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import CursorResult, delete, select, update

from scenarios.exchange import flaws
from scenarios.exchange.call import Call
from scenarios.exchange.errors import Denied
from scenarios.exchange.models import model_name
from scenarios.exchange.policy import Action, Method
from scenarios.exchange.tables import Ceremony, Passkey, User
from scenarios.exchange.webauthn import Authentication, Refused, Registration, authenticate, register
from scenarios.exchange.webauthn.authentication import CredentialRecord
from scenarios.exchange.webauthn.client_data import Origins
from scenarios.exchange.webauthn.encoding import base64url, to_base64url
from scenarios.exchange.webauthn.registration import RegisteredCredential

ALGORITHMS = (-8, -7, -257, -35, -36)
HINTS = {
    Method.THIS_DEVICE: ("platform", "client-device"),
    Method.ANOTHER_DEVICE: ("cross-platform", "hybrid"),
    Method.SECURITY_KEY: ("cross-platform", "security-key"),
}
EXCHANGE = "exchange"
NETWORK_NAMES = {EXCHANGE: "Exchange", "dex-wallet": "DEX wallet", "pay": "Pay"}


def user_handle(call: Call, user: User, network: str) -> bytes:
    """One per network: authenticators keep one discoverable credential per user handle, and networks must not mix."""
    if network == EXCHANGE:
        return user.handle
    return call.service.mac("user handle", user.handle + network.encode())


def passkeys_of(call: Call, user: User, network: str | None = None) -> Sequence[Passkey]:
    query = select(Passkey).where(Passkey.user_id == user.id).order_by(Passkey.created, Passkey.id)
    return call.db.scalars(query if network is None else query.where(Passkey.network == network)).all()


def uses_of(call: Call, user: User) -> tuple[Action, ...]:
    if user.uses is None:
        return call.policy.passkeys.uses
    return tuple(use for use in call.policy.passkeys.uses if use.value in user.uses)


def account_name(user: User) -> str:
    return user.email or user.phone or ""


# Registration


def creation_options(
    call: Call, user: User, *, method: Method, network: str, purpose: str
) -> tuple[Ceremony, dict[str, Any]]:
    ceremony = _begin(call, purpose=purpose, user=user, digest="", allowed=None, network=network)
    attachment, hint = HINTS[method]
    label = "" if network == EXCHANGE else f" ({NETWORK_NAMES.get(network, network)})"
    return ceremony, {
        "rp": {"id": call.service.rp_id, "name": call.policy.look.brand},
        "user": {
            "id": to_base64url(user_handle(call, user, network)),
            "name": account_name(user) + label,
            "displayName": account_name(user) + label,
        },
        "challenge": to_base64url(ceremony.challenge),
        "pubKeyCredParams": [{"type": "public-key", "alg": each} for each in ALGORITHMS],
        "timeout": call.policy.limits.challenge_seconds * 1000,
        "excludeCredentials": []
        if call.service.has_flaw("nothing-excluded")
        else _descriptors(passkeys_of(call, user, network)),
        "authenticatorSelection": {
            "authenticatorAttachment": attachment,
            "residentKey": "required",
            "requireResidentKey": True,
            "userVerification": "required",
        },
        "hints": [hint],
        "attestation": call.policy.attestation.conveyance,
        "extensions": {"credProps": True},
    }


def finish_registration(
    call: Call, user: User, *, ceremony_id: str, purpose: str, credential: object, name: str | None
) -> Passkey:
    ceremony = _take(call, ceremony_id, purpose, user, digest="")
    service = call.service
    if service.has_flaw("malformed-crashes"):
        flaws.read_carelessly(credential)
    if service.has_flaw("body-names-user"):
        user = _named(call, credential) or user
    try:
        made = register(
            credential,
            Registration(
                challenge=_challenge(call, ceremony, credential),
                origins=_origins(call),
                rp_id=service.rp_id,
                algorithms=ALGORITHMS,
                user_verification=True,
                is_taken=lambda raw: (
                    not service.has_flaw("credential-overwritten") and _find(call, raw) is not None
                ),
                leave_out=service.leave_out,
                attestation=call.service.attestation,
            ),
        )
    except Refused as refused:
        raise refusal(refused) from None
    if service.has_flaw("credential-overwritten"):
        call.db.execute(delete(Passkey).where(Passkey.credential_id == made.id))
    return _keep(call, user, made, name=name, network=ceremony.network)


def _keep(call: Call, user: User, made: RegisteredCredential, *, name: str | None, network: str) -> Passkey:
    device = model_name(made.aaguid, made.transports)
    passkey = Passkey(
        id=secrets.token_urlsafe(12),
        user_id=user.id,
        credential_id=made.id,
        public_key=made.public_key,
        algorithm=made.algorithm,
        sign_count=made.sign_count,
        uv_initialized=made.uv_initialized,
        backup_eligible=made.backup_eligible,
        backed_up=made.backed_up,
        transports=list(made.transports),
        aaguid=made.aaguid,
        attestation_format=made.attestation_format,
        attested=made.attested,
        name=name or device,
        device=device,
        network=network,
        created=call.now,
        last_used=None,
    )
    call.db.add(passkey)
    call.db.flush()
    return passkey


# Authentication


def request_options(
    call: Call,
    *,
    purpose: str,
    user: User | None,
    network: str,
    passkeys: Iterable[Passkey] | None,
    digest: str = "",
    decoys: Sequence[dict[str, Any]] = (),
) -> tuple[Ceremony, dict[str, Any]]:
    """`passkeys` None: whichever the person picks. `decoys`: what to show besides, in no telling order."""
    descriptors = [] if passkeys is None else _descriptors(passkeys)
    if decoys:
        descriptors = sorted([*descriptors, *decoys], key=lambda each: str(each["id"]))
    allowed = [each["id"] for each in descriptors] if descriptors or passkeys is not None else None
    ceremony = _begin(call, purpose=purpose, user=user, digest=digest, allowed=allowed, network=network)
    options: dict[str, Any] = {
        "challenge": to_base64url(ceremony.challenge),
        "rpId": call.service.rp_id,
        "timeout": call.policy.limits.challenge_seconds * 1000,
        "userVerification": "required",
        "allowCredentials": descriptors,
        "hints": [],
    }
    return ceremony, options


def finish_authentication(
    call: Call, *, ceremony_id: str, purpose: str, user: User | None, credential: object, digest: str = ""
) -> Passkey:
    """The passkey that was shown. With `user` None its account is told by the user handle."""
    ceremony = _take(call, ceremony_id, purpose, user, digest=digest)
    service = call.service
    found: list[Passkey] = []

    def find(raw: bytes) -> CredentialRecord | None:
        passkey = _find(call, raw)
        if passkey is None:
            return None
        owner = call.db.get_one(User, passkey.user_id)
        found.append(passkey)
        return CredentialRecord(
            id=passkey.credential_id,
            public_key=passkey.public_key,
            sign_count=passkey.sign_count,
            uv_initialized=passkey.uv_initialized,
            backup_eligible=passkey.backup_eligible,
            user_handle=user_handle(call, owner, passkey.network),
        )

    allowed = (
        None
        if ceremony.allowed is None
        else {base64url(each, "allowed", "7.2.5") for each in ceremony.allowed}
    )
    try:
        shown = authenticate(
            credential,
            Authentication(
                challenge=_challenge(call, ceremony, credential),
                origins=_origins(call),
                rp_id=service.rp_id,
                user_verification=True,
                leave_out=flaws.left_out(service.flaws, purpose, credential),
                find=find,
                allowed=allowed,
                user_handle=None if user is None else user_handle(call, user, ceremony.network),
            ),
        )
    except Refused as refused:
        if found and service.has_flaw("failure-counts"):
            found[0].sign_count = flaws.counter_of(credential)
        raise refusal(refused) from None
    passkey = found[0]
    if service.has_flaw("deleted-passkey") and passkey.credential_id in service.deleted:
        return passkey
    if passkey.network != ceremony.network:
        here, there = (NETWORK_NAMES.get(each, each) for each in (ceremony.network, passkey.network))
        raise Denied(
            403, "wrong-network", f"This passkey was registered for {there}. It does not serve {here}."
        )
    _note_use(call, passkey, shown.sign_count, shown.backed_up)
    return passkey


def _note_use(call: Call, passkey: Passkey, sign_count: int, backed_up: bool) -> None:
    """§7.2 step 24. Of two uses of one counter at once, one loses."""
    if call.service.has_flaw("counter-not-kept"):
        sign_count = passkey.sign_count
    changed = call.db.execute(
        update(Passkey)
        .where(Passkey.id == passkey.id, Passkey.sign_count == passkey.sign_count)
        .values(sign_count=sign_count, backed_up=backed_up, last_used=call.now)
    )
    if rows_changed(changed) != 1:
        raise Denied(409, "conflict", "This passkey is being used by another request. Try again.")


def refusal(refused: Refused) -> Denied:
    return Denied(
        403, "passkey-refused", f"The passkey was not accepted: {refused.reason}.", step=refused.step
    )


# Both


def _begin(
    call: Call, *, purpose: str, user: User | None, digest: str, allowed: list[str] | None, network: str
) -> Ceremony:
    ceremony = Ceremony(
        id=secrets.token_urlsafe(16),
        session_id=call.session.id,
        user_id=None if user is None else user.id,
        purpose=purpose,
        digest=digest,
        challenge=_new_challenge(call),
        allowed=allowed,
        network=network,
        expires=call.now + call.policy.limits.challenge_seconds,
    )
    call.db.add(ceremony)
    call.db.flush()
    return ceremony


def _new_challenge(call: Call) -> bytes:
    if call.service.has_flaw("short-challenge"):
        return secrets.token_bytes(8)
    if call.service.has_flaw("constant-challenge"):
        return call.service.mac("challenge", b"")
    return secrets.token_bytes(32)


def _origins(call: Call) -> Origins:
    ours = call.service.webauthn_origins
    if call.service.has_flaw("origin-mirrored"):
        return Origins(allowed=ours.allowed | {call.headers.get("origin", "")})
    return ours


def _challenge(call: Call, ceremony: Ceremony, credential: object) -> bytes:
    """The ceremony's; of exchanges that are broken so, any that was issued to anybody, or in this session."""
    anyones, sessions = (
        call.service.has_flaw(each) for each in ("challenge-of-anyone", "challenge-of-session")
    )
    if not (anyones or sessions):
        return ceremony.challenge
    query = select(Ceremony.challenge).where(Ceremony.challenge == flaws.challenge_of(credential))
    if sessions:
        query = query.where(Ceremony.session_id == call.session.id)
    return call.db.scalars(query).first() or ceremony.challenge


def _named(call: Call, credential: object) -> User | None:
    name = credential.get("username") if isinstance(credential, dict) else None
    return call.db.scalars(select(User).where(User.email.startswith(f"{name}@"))).first() if name else None


def _take(call: Call, ceremony_id: str, purpose: str, user: User | None, *, digest: str) -> Ceremony:
    """The ceremony, used up by this very attempt, whatever comes of it: one statement decides who has it."""
    service = call.service
    if service.has_flaw("challenge-reused"):
        kept = call.db.get(Ceremony, ceremony_id)
        if kept is not None:
            return kept
    if service.has_flaw("finish-as-other") or service.has_flaw("finish-as-nobody"):
        kept = call.db.get(Ceremony, ceremony_id)
        if kept is not None and not kept.used and kept.purpose == purpose:
            kept.used = True
            return kept
    taken = call.db.execute(
        update(Ceremony)
        .where(
            Ceremony.id == ceremony_id,
            Ceremony.session_id == call.session.id,
            Ceremony.purpose == purpose,
            Ceremony.used.is_(False),
            Ceremony.expires > call.now,
        )
        .values(used=True)
    )
    ceremony = (
        call.db.get(Ceremony, ceremony_id, populate_existing=True) if rows_changed(taken) == 1 else None
    )
    if ceremony is None or ceremony.user_id != (None if user is None else user.id):
        raise Denied(409, "challenge-unknown", "This request has expired or was answered already. Try again.")
    if ceremony.digest != digest:
        raise Denied(403, "details-changed", "What is confirmed is not what was shown. Start again.")
    return ceremony


def rows_changed(result: object) -> int:
    assert isinstance(result, CursorResult)
    return result.rowcount


def _find(call: Call, raw_id: bytes) -> Passkey | None:
    found = call.db.scalars(select(Passkey).where(Passkey.credential_id == raw_id)).one_or_none()
    if found is None and call.service.has_flaw("prefix-look-up"):
        stored = call.db.scalars(select(Passkey)).all()
        return next((each for each in stored if each.credential_id.startswith(raw_id)), None)
    if found is None and call.service.has_flaw("deleted-passkey"):
        return call.service.deleted.get(raw_id)
    return found


def _descriptors(passkeys: Iterable[Passkey]) -> list[dict[str, Any]]:
    return [
        {
            "type": "public-key",
            "id": to_base64url(each.credential_id),
            **({"transports": each.transports} if each.transports else {}),
        }
        for each in passkeys
    ]
