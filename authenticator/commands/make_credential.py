"""authenticatorMakeCredential (CTAP 2.3 §6.1)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING, Any

from authenticator import cbor
from authenticator.attestation import AttestationSubject, attested_aaguid, choose_format
from authenticator.authenticator_data import Flags, attested_credential_data, authenticator_data
from authenticator.commands.ceremony import Ceremony, authorise, find_listed
from authenticator.commands.parameters import (
    Parameters,
    descriptors,
    member,
    option,
    optional,
    optional_member,
    require,
    unsigned,
)
from authenticator.cose import generate_private_key
from authenticator.credential import Credential, CredProtect, User, rp_id_hash
from authenticator.extensions import Creation, make_credential_extensions
from authenticator.operation import Steps
from authenticator.person import Purpose
from authenticator.pin.token import Permission
from authenticator.profiles.profile import Profile
from authenticator.status import CtapError, Status
from authenticator.user import require_presence

if TYPE_CHECKING:
    from authenticator.authenticator import Authenticator


class Key(IntEnum):
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


class ResponseKey(IntEnum):
    FMT = 0x01
    AUTH_DATA = 0x02
    ATT_STMT = 0x03
    EP_ATT = 0x04
    LARGE_BLOB_KEY = 0x05
    UNSIGNED_EXTENSION_OUTPUTS = 0x06


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    client_data_hash: bytes
    rp_id: str
    rp_name: str | None
    user: User
    algorithms: list[int]
    exclude: list[bytes]
    extensions: dict[str, Any]
    resident: bool
    user_verification: bool
    ceremony: Ceremony
    enterprise_attestation: int | None
    formats: list[str]

    @classmethod
    def parse(cls, parameters: Parameters, profile: Profile) -> Request:
        client_data_hash = require(parameters, Key.CLIENT_DATA_HASH, bytes)
        rp = require(parameters, Key.RP, dict)
        user = require(parameters, Key.USER, dict)
        algorithms = []
        for entry in require(parameters, Key.PUB_KEY_CRED_PARAMS, list):
            if type(entry) is not dict:
                raise CtapError(Status.CBOR_UNEXPECTED_TYPE)
            kind, algorithm = member(entry, "type", str), member(entry, "alg", int)
            if kind == "public-key":
                algorithms.append(algorithm)
        formats = optional(parameters, Key.ATTESTATION_FORMATS_PREFERENCE, list) or []
        if any(type(fmt) is not str for fmt in formats):
            raise CtapError(Status.CBOR_UNEXPECTED_TYPE)
        user_id = member(user, "id", bytes)
        if len(user_id) > 64:
            raise CtapError(Status.INVALID_LENGTH)
        options = optional(parameters, Key.OPTIONS, dict) or {}
        # Step 5.3: presence cannot be waived when a credential is made.
        if option(options, "up") is False:
            raise CtapError(Status.INVALID_OPTION)
        extensions = optional(parameters, Key.EXTENSIONS, dict) or {}
        rp_id = member(rp, "id", str)
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
            extensions=extensions,
            resident=bool(option(options, "rk")) or profile.has(Quirk.ALWAYS_DISCOVERABLE),
            user_verification=bool(option(options, "uv")),
            ceremony=Ceremony(
                purpose=Purpose.REGISTER,
                permission=Permission.MAKE_CREDENTIAL,
                rp_id=rp_id,
                client_data_hash=client_data_hash,
                user_verification=bool(option(options, "uv")),
                pin_uv_auth_param=optional(parameters, Key.PIN_UV_AUTH_PARAM, bytes),
                pin_uv_auth_protocol=unsigned(parameters, Key.PIN_UV_AUTH_PROTOCOL),
            ),
            enterprise_attestation=unsigned(parameters, Key.ENTERPRISE_ATTESTATION),
            formats=formats,
        )


def make_credential(auth: Authenticator, parameters: Parameters, channel: int) -> Steps:
    profile, environment = auth.profile, auth.environment
    request = Request.parse(parameters, profile)
    ceremony = request.ceremony

    # Step 3: the first algorithm in the relying party's order that the key has
    algorithm = next((a for a in request.algorithms if a in profile.algorithms), None)
    if algorithm is None:
        raise CtapError(Status.UNSUPPORTED_ALGORITHM)
    # Step 5
    if request.resident and not profile.features.resident_keys:
        raise CtapError(Status.UNSUPPORTED_OPTION)
    # Step 9
    enterprise = _enterprise_attestation(auth, request)
    # Steps 1, 2, 6 to 8, 10 and 11
    uv_not_required = (
        profile.features.make_cred_uv_not_required and not auth.state.always_uv and not request.resident
    )
    verified = yield from authorise(auth, ceremony, uv_not_required=uv_not_required)

    hash_of_rp_id = rp_id_hash(request.rp_id)
    # Step 12
    for credential in find_listed(auth, request.exclude, request.rp_id, hash_of_rp_id):
        if credential.protection is CredProtect.UV_REQUIRED and not verified:
            continue
        if not auth.tokens.user_present or ceremony.pin_uv_auth_param is None:
            yield from require_presence(Purpose.EXCLUDED, request.rp_id)
        raise CtapError(Status.CREDENTIAL_EXCLUDED)
    creation = Creation(auth=auth, request=request, verified=verified)
    extensions = make_credential_extensions(creation)
    for extension, value in extensions:
        extension.check_creation(creation, value)

    # Step 13
    if not ceremony.touched and not (ceremony.pin_uv_auth_param is not None and auth.tokens.user_present):
        yield from require_presence(Purpose.REGISTER, request.rp_id, request.user.name)
    if ceremony.pin_uv_auth_param is not None:
        auth.tokens.spend_presence()

    # Steps 15 to 17
    for extension, value in extensions:
        extension.create(creation, value)
    key = generate_private_key(algorithm, environment.random)
    if request.resident:
        if len(auth.store) >= profile.limits.resident_credentials and not _replaces(auth, request, hash_of_rp_id):
            raise CtapError(Status.KEY_STORE_FULL)
        credential = auth.store.put(
            Credential(
                id=environment.random.bytes(32),
                rp_id=request.rp_id,
                rp_name=request.rp_name,
                rp_id_hash=hash_of_rp_id,
                user=request.user,
                key=key,
                discoverable=True,
                created=environment.clock.time(),
                protection=creation.protection,
                hmac_secrets=environment.random.bytes(64) if creation.hmac_secret else b"",
                cred_blob=creation.cred_blob,
                large_blob_key=creation.large_blob_key,
                third_party_payment=creation.third_party_payment,
                backup_eligible=profile.backup_eligible,
                backed_up=profile.backup_eligible,
            )
        )
    else:
        credential = auth.seal.seal(
            key=key,
            rp_id=request.rp_id,
            rp_id_hash=hash_of_rp_id,
            protection=creation.protection,
            hmac_secret=creation.hmac_secret,
            third_party_payment=creation.third_party_payment,
            u2f=False,
            random=environment.random,
        )
    creation.credential = credential
    for extension, value in extensions:
        extension.created(creation, value)

    # Step 18
    tamper = environment.tamper
    attestation = choose_format(profile, algorithm, request.formats, enterprise=enterprise)
    flags = Flags.UP | (Flags.UV * verified)
    if profile.backup_eligible:
        flags |= Flags.BE | Flags.BS
    data = tamper.authenticator_data(
        authenticator_data(
            rp_id_hash=hash_of_rp_id,
            flags=flags,
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
            clock=environment.clock,
            key=key,
            credential_id=credential.id,
            rp_id=request.rp_id,
            rp_id_hash=hash_of_rp_id,
            authenticator_data=data,
            client_data_hash=request.client_data_hash,
            enterprise=enterprise,
            serial_number=auth.state.serial_number,
        )
    )
    fmt, statement = tamper.attestation(attestation.fmt, statement)
    response: dict[int, Any] = {ResponseKey.FMT: fmt, ResponseKey.AUTH_DATA: data, ResponseKey.ATT_STMT: statement}
    if enterprise:
        response[ResponseKey.EP_ATT] = True
    if creation.large_blob_key is not None:
        response[ResponseKey.LARGE_BLOB_KEY] = creation.large_blob_key
    if creation.unsigned_outputs:
        response[ResponseKey.UNSIGNED_EXTENSION_OUTPUTS] = creation.unsigned_outputs
    return cbor.encode(response)


def _replaces(auth: Authenticator, request: Request, hash_of_rp_id: bytes) -> bool:
    """Step 17.1: a credential of the same RP and user is overwritten, so it needs no more room."""
    return any(each.user.id == request.user.id for each in auth.store.for_rp(hash_of_rp_id))


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
