"""authenticatorMakeCredential (CTAP 2.3 §6.1)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from authenticator import cbor
from authenticator.attestation import AttestationSubject, attested_aaguid, choose_format
from authenticator.authenticator_data import attested_credential_data, authenticator_data, flags_of
from authenticator.commands.ceremony import Ceremony, find_listed
from authenticator.cose import generate_private_key
from authenticator.credential import Credential, CredProtect, User, rp_id_hash
from authenticator.extensions import Creation, creation_inputs
from authenticator.operation import Steps
from authenticator.parameters import (
    Parameters,
    descriptors,
    member,
    option,
    optional,
    optional_member,
    require,
    unsigned,
)
from authenticator.person import Purpose
from authenticator.pin.permissions import Permission
from authenticator.profiles.profile import Profile, Quirk
from authenticator.status import CtapError, Status
from authenticator.truncation import truncated_name
from authenticator.user import require_presence

if TYPE_CHECKING:
    from authenticator.authenticator import Authenticator


# Bound once, for the reason that is given at `Key`.
_REGISTER, _MAKE_CREDENTIAL = Purpose.REGISTER, Permission.MAKE_CREDENTIAL
_UV_REQUIRED = CredProtect.UV_REQUIRED
_ALWAYS_DISCOVERABLE = Quirk.ALWAYS_DISCOVERABLE

MAX_USER_ID = 64
"""WebAuthn level 3 §5.4.3."""


class Key:
    """Plain numbers: in Python 3.11 reading an enum's member takes longer than reading the parameter itself."""

    CLIENT_DATA_HASH = 0x01
    RP = 0x02
    USER = 0x03
    PUB_KEY_CRED_PARAMS = 0x04
    EXCLUDE_LIST = 0x05
    EXTENSIONS = 0x06
    OPTIONS = 0x07
    PIN_UV_AUTH_PARAM = 0x08
    PIN_UV_AUTH_PROTOCOL = 0x09
    ENTERPRISE_ATTESTATION = 0x0A
    ATTESTATION_FORMATS_PREFERENCE = 0x0B


class ResponseKey:
    FMT = 0x01
    AUTH_DATA = 0x02
    ATT_STMT = 0x03
    EP_ATT = 0x04
    LARGE_BLOB_KEY = 0x05
    UNSIGNED_EXTENSION_OUTPUTS = 0x06


@dataclass(slots=True, kw_only=True)
class Request:
    client_data_hash: bytes
    rp_id: str
    rp_name: str | None
    user: User
    algorithms: list[int]
    exclude: list[bytes]
    extensions: dict[str, Any]
    resident: bool
    ceremony: Ceremony
    enterprise_attestation: int | None
    formats: list[str]

    @classmethod
    def parse(cls, parameters: Parameters, profile: Profile) -> Request:
        client_data_hash = require(parameters, Key.CLIENT_DATA_HASH, bytes)
        rp, user = require(parameters, Key.RP, dict), require(parameters, Key.USER, dict)
        algorithms = []
        for entry in require(parameters, Key.PUB_KEY_CRED_PARAMS, list):
            if type(entry) is not dict:
                raise CtapError(Status.CBOR_UNEXPECTED_TYPE)
            kind, algorithm = member(entry, "type", str), member(entry, "alg", int)
            if kind == "public-key":
                algorithms.append(algorithm)
        formats = optional(parameters, Key.ATTESTATION_FORMATS_PREFERENCE, list) or []
        for fmt in formats:
            if type(fmt) is not str:
                raise CtapError(Status.CBOR_UNEXPECTED_TYPE)
        rp_id, user_id = member(rp, "id", str), member(user, "id", bytes)
        if len(user_id) > MAX_USER_ID:
            raise CtapError(Status.INVALID_LENGTH)
        resident = user_verification = False
        options = optional(parameters, Key.OPTIONS, dict)
        if options:
            # Step 5.3: presence cannot be waived when a credential is made.
            if option(options, "up") is False:
                raise CtapError(Status.INVALID_OPTION)
            resident, user_verification = option(options, "rk") is True, option(options, "uv") is True
        return cls(
            client_data_hash=client_data_hash,
            rp_id=rp_id,
            rp_name=optional_member(rp, "name", str),
            user=User(
                id=user_id,
                name=optional_member(user, "name", str),
                display_name=optional_member(user, "displayName", str),
            ),
            algorithms=algorithms,
            exclude=descriptors(parameters, Key.EXCLUDE_LIST, profile.limits.max_credentials_in_list),
            extensions=optional(parameters, Key.EXTENSIONS, dict) or {},
            resident=resident,
            ceremony=Ceremony(
                purpose=_REGISTER,
                permission=_MAKE_CREDENTIAL,
                rp_id=rp_id,
                client_data_hash=client_data_hash,
                user_verification=user_verification,
                pin_uv_auth_param=optional(parameters, Key.PIN_UV_AUTH_PARAM, bytes),
                pin_uv_auth_protocol=unsigned(parameters, Key.PIN_UV_AUTH_PROTOCOL),
            ),
            enterprise_attestation=unsigned(parameters, Key.ENTERPRISE_ATTESTATION),
            formats=formats,
        )


def make_credential(auth: Authenticator, parameters: Parameters, channel: int) -> Steps:
    profile = auth.profile
    request = Request.parse(parameters, profile)
    ceremony = request.ceremony
    # Steps 1 and 2
    if ceremony.pin_uv_auth_param is not None:
        yield from ceremony.select(auth)
    # Step 3: the first algorithm in the relying party's order that the key has
    for algorithm in request.algorithms:
        if algorithm in profile.algorithms:
            break
    else:
        raise CtapError(Status.UNSUPPORTED_ALGORITHM)
    # Step 5.2
    if request.resident and not profile.features.resident_keys:
        raise CtapError(Status.UNSUPPORTED_OPTION)
    # Steps 5.1, 6 to 8 and 10
    ceremony.require_verification(
        auth, not_required=profile.features.make_cred_uv_not_required and not request.resident
    )
    # Step 9
    enterprise = _enterprise_attestation(auth, request)
    # Step 11
    verified = yield from ceremony.verify(auth)
    # Step 12
    hash_of_rp_id = rp_id_hash(request.rp_id)
    for credential in find_listed(auth, request.exclude, request.rp_id, hash_of_rp_id):
        if credential.protection is _UV_REQUIRED and not verified:
            continue
        # Whether the person touches, declines or lets the time run out, the answer is the same.
        if not ceremony.has_presence(auth):
            try:
                yield from require_presence(Purpose.EXCLUDED, request.rp_id)
            except CtapError as error:
                if error.status is Status.KEEPALIVE_CANCEL:
                    raise
        raise CtapError(Status.CREDENTIAL_EXCLUDED)
    # Step 16 begins here: a bad input is refused before the person is asked, not after.
    extensions = creation_inputs(auth, request) if request.extensions else []
    # Step 14
    if not ceremony.has_presence(auth):
        yield from require_presence(_REGISTER, request.rp_id, request.user.name)
    auth.tokens.spend_presence()

    creation = Creation(
        auth=auth,
        request=request,
        verified=verified,
        discoverable=request.resident or profile.has(_ALWAYS_DISCOVERABLE),
    )
    for extension, value in extensions:
        extension.create(creation, value)
    credential = _create(creation, algorithm, hash_of_rp_id)
    for extension, value in extensions:
        extension.created(creation, credential, value)
    return _respond(creation, credential, enterprise=enterprise)


def _enterprise_attestation(auth: Authenticator, request: Request) -> bool:
    """Step 9: whether the statement is to identify this very device."""
    kind = request.enterprise_attestation
    if kind is None:
        return False
    features = auth.profile.features
    if not features.enterprise_attestation or not auth.state.enterprise_attestation:
        raise CtapError(Status.INVALID_PARAMETER)
    if kind == 1:  # vendor-facilitated: the RP ids are burnt in
        return request.rp_id in features.vendor_facilitated_enterprise_rp_ids
    if kind == 2:  # platform-managed: the platform has judged the RP
        return True
    raise CtapError(Status.INVALID_OPTION)


def _create(creation: Creation, algorithm: int, hash_of_rp_id: bytes) -> Credential:
    """Steps 17 and 18."""
    auth, request = creation.auth, creation.request
    profile, environment = auth.profile, auth.environment
    random = environment.random
    key = generate_private_key(algorithm, random)
    if not creation.discoverable:
        return auth.seal.seal(
            key=key,
            rp_id=request.rp_id,
            rp_id_hash=hash_of_rp_id,
            protection=creation.protection,
            hmac_secret=creation.hmac_secret,
            third_party_payment=creation.third_party_payment,
            u2f=False,
            random=random,
        )
    # Step 17.1: a credential of the same RP and user is overwritten, so it needs no more room.
    if len(auth.store) >= profile.limits.resident_credentials and not any(
        each.user.id == request.user.id for each in auth.store.for_rp(hash_of_rp_id)
    ):
        raise CtapError(Status.KEY_STORE_FULL)
    auth.credentials_changed()
    return auth.store.put(
        Credential(
            id=random.bytes(32),
            rp_id=request.rp_id,
            rp_name=request.rp_name,
            rp_id_hash=hash_of_rp_id,
            user=_stored(request.user, profile),
            key=key,
            discoverable=True,
            order=auth.store.next_order(),
            created=environment.clock.time(),
            protection=creation.protection,
            hmac_secrets=random.bytes(64) if creation.hmac_secret else b"",
            cred_blob=creation.cred_blob,
            large_blob_key=creation.large_blob_key,
            third_party_payment=creation.third_party_payment,
            backup_eligible=profile.backup_eligible,
            backed_up=profile.backup_eligible,
        )
    )


def _stored(user: User, profile: Profile) -> User:
    size = profile.limits.stored_user_names
    if size is None:
        return user
    return User(
        id=user.id,
        name=truncated_name(user.name, size),
        display_name=truncated_name(user.display_name, size),
    )


def _respond(creation: Creation, credential: Credential, *, enterprise: bool) -> bytes:
    """Step 19."""
    auth, request = creation.auth, creation.request
    profile, tamper, key = auth.profile, auth.environment.tamper, credential.key
    attestation = choose_format(profile, key.algorithm, request.formats, enterprise=enterprise)
    data = tamper.authenticator_data(
        authenticator_data(
            rp_id_hash=credential.rp_id_hash,
            flags=flags_of(credential, present=True, verified=creation.verified),
            counter=auth.next_counter(credential),
            attested=attested_credential_data(
                aaguid=attested_aaguid(profile, attestation),
                credential_id=credential.id,
                public_key=cbor.encode(tamper.credential_public_key(key.public_cose_key())),
            ),
            extensions=cbor.encode(creation.outputs) if creation.outputs else b"",
        )
    )
    statement = attestation.statement(
        AttestationSubject(
            profile=profile,
            clock=auth.environment.clock,
            key=key,
            credential_id=credential.id,
            rp_id=request.rp_id,
            rp_id_hash=credential.rp_id_hash,
            authenticator_data=data,
            client_data_hash=request.client_data_hash,
            enterprise=enterprise,
            repeatable=auth.environment.random.seeded,
            serial_number=auth.state.serial_number,
        )
    )
    fmt, statement = tamper.attestation(attestation.fmt, statement)
    response: dict[int, Any] = {
        ResponseKey.FMT: fmt,
        ResponseKey.AUTH_DATA: data,
        ResponseKey.ATT_STMT: statement,
    }
    if enterprise:
        response[ResponseKey.EP_ATT] = True
    if creation.large_blob_key is not None:
        response[ResponseKey.LARGE_BLOB_KEY] = creation.large_blob_key
    if creation.unsigned_outputs:
        response[ResponseKey.UNSIGNED_EXTENSION_OUTPUTS] = creation.unsigned_outputs
    return cbor.encode(response)
