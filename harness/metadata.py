"""What the FIDO Metadata Service (MDS3) would tell of the profiles, signed under the test root.

A relying party that asks the real service for its BLOB can be given this one instead, and then knows every virtual
key: `build_blob(profiles)` is the file, `root_certificate()` the certificate to trust for it.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import Enum
from typing import Any, Final
from uuid import UUID

from authenticator import cbor
from authenticator.attestation import der
from authenticator.attestation.certificates import batch_attester, u2f_attester, u2f_template
from authenticator.attestation.pki import (
    COMMON_NAME,
    NOT_BEFORE,
    SUBJECT_ALTERNATIVE_NAME,
    Extension,
    Template,
    authority_key_identifier,
    basic_constraints,
    derived_key,
    derived_serial,
    intermediate,
    issue,
    key_identifier,
    key_usage,
    name,
    root,
    subject_public_key_info,
)
from authenticator.authenticator import Authenticator
from authenticator.cose import Algorithm
from authenticator.environment import Environment, SeededRandomness
from authenticator.person import TOUCHED
from authenticator.profiles.profile import INFO_MEMBERS, Kind, Profile
from authenticator.store import MemoryStore
from harness.errors import SetupError
from harness.metadata_terms import (
    ALGORITHMS,
    attachment_hint,
    attestation_types,
    icon,
    key_protection,
    matcher_protection,
    protocol_versions,
    user_verification_details,
)

LEGAL_HEADER: Final = "https://fidoalliance.org/metadata/metadata-statement-legal-header/"
"""MDS3 asks for this very text. What is said here is of test devices, not the FIDO Alliance's word."""
_GET_INFO: Final = b"\x04"
_PER_DEVICE: Final = frozenset({"encIdentifier", "encCredStoreState"})
"""getInfo's members that differ from device to device and from answer to answer: no matter of a model's."""
_MDS_NAME: Final = "mds.stuntkey.test"


class Status(Enum):
    """AuthenticatorStatus (MDS 3 §3.1.4), as far as it is bad news or none; good news follows from the profile."""

    NOT_FIDO_CERTIFIED = "NOT_FIDO_CERTIFIED"
    USER_VERIFICATION_BYPASS = "USER_VERIFICATION_BYPASS"
    ATTESTATION_KEY_COMPROMISE = "ATTESTATION_KEY_COMPROMISE"
    USER_KEY_REMOTE_COMPROMISE = "USER_KEY_REMOTE_COMPROMISE"
    USER_KEY_PHYSICAL_COMPROMISE = "USER_KEY_PHYSICAL_COMPROMISE"
    UPDATE_AVAILABLE = "UPDATE_AVAILABLE"
    RETIRED = "RETIRED"
    REVOKED = "REVOKED"


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusReport:
    status: Status
    effective: date | None = None
    """None: since the batch's certificates began."""
    certificate: bytes | None = None
    """The attestation certificate concerned, for ATTESTATION_KEY_COMPROMISE; None: the batch's own."""
    url: str | None = None


_CERTIFIED: Final = ("L1", "L1plus", "L2", "L2plus", "L3", "L3plus")
"""getInfo's certification levels 1 to 6 of "FIDO" (CTAP 2.3 §7.3)."""


def root_certificate() -> bytes:
    """The test root, in DER. It signs BLOB and attestation alike; never trust it outside tests."""
    return root().certificate


def is_listed(profile: Profile) -> bool:
    """Whether MDS3 could have an entry: for a CTAP2 device by its AAGUID, for a U2F-only one by its certificate."""
    return any(profile.aaguid) if profile.features.ctap2 else True


def metadata_statement(profile: Profile) -> dict[str, Any]:
    """MDS 3's metadata statement of one model, as JSON."""
    if not is_listed(profile):
        raise SetupError(
            f"profile {profile.name}: has no AAGUID (zeros), so no metadata statement can speak of it"
        )
    u2f_only = not profile.features.ctap2
    types = attestation_types(profile)
    certified = [each for each in types if each not in ("basic_surrogate", "none")]
    algorithms = dict.fromkeys(ALGORITHMS[each] for each in profile.algorithms if each in ALGORITHMS)
    statement: dict[str, Any] = {
        "legalHeader": LEGAL_HEADER,
        **_identity(profile),
        "description": profile.title,
        "authenticatorVersion": profile.firmware_version or 1,
        "protocolFamily": "u2f" if u2f_only else "fido2",
        "schema": 3,
        "upv": protocol_versions(profile),
        "authenticationAlgorithms": [ALGORITHMS[Algorithm.ES256]] if u2f_only else list(algorithms),
        "publicKeyAlgAndEncodings": ["ecc_x962_raw"] if u2f_only else ["cose"],
        "attestationTypes": types,
        "userVerificationDetails": user_verification_details(profile),
        "keyProtection": key_protection(profile),
        "isKeyRestricted": profile.kind is not Kind.PROVIDER,
        "isFreshUserVerificationRequired": True,
        "matcherProtection": matcher_protection(profile),
        "cryptoStrength": 128,
        "attachmentHint": attachment_hint(profile),
        "tcDisplay": [],
        "attestationRootCertificates": [_base64(root_certificate())] if certified else [],
        "icon": icon(profile.look),
    }
    if profile.backup_eligible:
        statement["multiDeviceCredentialSupport"] = "implicit"
    if not u2f_only:
        statement["authenticatorGetInfo"] = authenticator_get_info(profile)
    return statement


def authenticator_get_info(profile: Profile) -> dict[str, Any]:
    """What a key of this profile, fresh from the factory, answers to getInfo; in MDS 3's JSON."""
    store, random = MemoryStore(), SeededRandomness("metadata")
    operation = Authenticator(Environment(profile=profile, store=store, random=random)).begin(_GET_INFO)
    while operation.ask is not None:
        operation.resume(TOUCHED)
    response = operation.response
    if response is None or response[0] != 0:
        raise RuntimeError(f"profile {profile.name}: getInfo failed") from operation.bug
    answered = cbor.decode(response[1:])
    names = {number: member for member, number in INFO_MEMBERS.items()} | {0x01: "versions", 0x03: "aaguid"}
    info = {names[number]: value for number, value in answered.items()}
    info["aaguid"] = info["aaguid"].hex()
    return {member: _json(value) for member, value in info.items() if member not in _PER_DEVICE}


def _json(value: Any) -> Any:
    """Bytes become base64url text, as in WebAuthn's JSON; getInfo has none but those that name a URL."""
    if isinstance(value, bytes):
        return value.decode() if value.isascii() else base64.urlsafe_b64encode(value).rstrip(b"=").decode()
    return value


def build_blob(
    profiles: Iterable[Profile],
    *,
    number: int = 1,
    next_update: date | None = None,
    statuses: Mapping[str, Sequence[StatusReport]] | None = None,
) -> bytes:
    """The BLOB, a signed JWT, with an entry for each of the profiles that can have one.

    `number` is its serial number, which grows with each BLOB; `next_update` is in a month if nothing else is said.
    `statuses` are reports on single profiles, by name, after the one on their certification. Where profiles share an
    AAGUID, the first of them has the entry.
    """
    statuses = statuses or {}
    listed = {str(_identity(profile)): profile for profile in reversed([*profiles]) if is_listed(profile)}
    chosen = [*reversed(listed.values())]
    unknown = sorted(statuses.keys() - {profile.name for profile in chosen})
    if unknown:
        raise SetupError(f"a status for {unknown[0]}: this profile has no entry in the BLOB")
    if not chosen:
        raise SetupError("a BLOB needs at least one profile with an AAGUID")
    return sign_blob(
        {
            "legalHeader": LEGAL_HEADER,
            "no": number,
            "nextUpdate": (next_update or date.today() + timedelta(days=30)).isoformat(),
            "entries": [_entry(profile, statuses.get(profile.name, ())) for profile in chosen],
        }
    )


def sign_blob(payload: Mapping[str, Any]) -> bytes:
    """Any payload as a BLOB, a wrong one too, well signed.

    By RS256, as the real service does: python-fido2 2.2 takes ES256 signatures in DER only, which is not JWS.
    """
    authority = intermediate("stuntkey TEST metadata CA")
    key = derived_key("metadata signer", Algorithm.RS256)
    public_key = subject_public_key_info(key)
    names = der.sequence(der.context(2, _MDS_NAME.encode(), constructed=False))
    template = Template(
        issuer=authority.subject,
        subject=name((COMMON_NAME, _MDS_NAME)),
        public_key=public_key,
        serial=derived_serial("metadata signer"),
        extensions=(
            basic_constraints(ca=False),
            key_usage(0),
            Extension(oid=SUBJECT_ALTERNATIVE_NAME, value=names),
            authority_key_identifier(authority),
        ),
    )
    x5c = [_base64(each) for each in (issue(template, authority.key), *authority.chain)]
    header = {"alg": "RS256", "typ": "JWT", "x5c": x5c}
    message = b".".join(
        _base64url(json.dumps(part, ensure_ascii=False).encode()) for part in (header, payload)
    )
    return message + b"." + _base64url(key.sign(message))


def _identity(profile: Profile) -> dict[str, Any]:
    if profile.features.ctap2:
        return {"aaguid": str(UUID(bytes=profile.aaguid))}
    identifier = key_identifier(u2f_template(profile).public_key)
    return {"attestationCertificateKeyIdentifiers": [identifier.hex()]}


def _entry(profile: Profile, reports: Sequence[StatusReport]) -> dict[str, Any]:
    all_reports = [_certification(profile), *(_report(profile, each) for each in reports)]
    return {
        **_identity(profile),
        "metadataStatement": metadata_statement(profile),
        "statusReports": all_reports,
        "timeOfLastStatusChange": max(each["effectiveDate"] for each in all_reports),
    }


def _certification(profile: Profile) -> dict[str, Any]:
    level = profile.certifications.get("FIDO", 0)
    since = NOT_BEFORE.date().isoformat()
    if not 1 <= level <= len(_CERTIFIED):
        return {"status": Status.NOT_FIDO_CERTIFIED.value, "effectiveDate": since}
    return {
        "status": f"FIDO_CERTIFIED_{_CERTIFIED[level - 1]}",
        "effectiveDate": since,
        "certificationDescriptor": f"{profile.title} (a test device: the certification is part of the act)",
        "certificateNumber": "FIDO00000000000000",
        "certificationPolicyVersion": "1.4.0",
        "certificationRequirementsVersion": "1.4.0",
    }


def _report(profile: Profile, report: StatusReport) -> dict[str, Any]:
    effective = report.effective or NOT_BEFORE.date()
    told: dict[str, Any] = {"status": report.status.value, "effectiveDate": effective.isoformat()}
    certificate = report.certificate
    if certificate is None and report.status is Status.ATTESTATION_KEY_COMPROMISE:
        attester = batch_attester(profile) if profile.features.ctap2 else u2f_attester(profile)
        certificate = attester.x5c[0]
    if certificate is not None:
        told["certificate"] = _base64(certificate)
    if report.url is not None:
        told["url"] = report.url
    return told


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _base64url(data: bytes) -> bytes:
    return base64.urlsafe_b64encode(data).rstrip(b"=")
