"""What the exchange is run with: one object that every request is handed."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit
from uuid import UUID

from cryptography import x509
from sqlalchemy.exc import IntegrityError

from scenarios.exchange.clock import Clock
from scenarios.exchange.database import Database
from scenarios.exchange.errors import ConfigurationError
from scenarios.exchange.flaws import left_out, loose_origins, require_known
from scenarios.exchange.metadata import read_blob
from scenarios.exchange.origins import related_origins, require_origin
from scenarios.exchange.policy import Attestation, Policy, load_policy
from scenarios.exchange.tables import Passkey, ServerSecret
from scenarios.exchange.webauthn import attestation
from scenarios.exchange.webauthn.client_data import Origins


@dataclass(frozen=True, slots=True, kw_only=True)
class Configuration:
    policy: Policy | str = "okx-web"
    origins: tuple[str, ...] = ("http://localhost",)
    """The first is the one the exchange calls its own; the others may run ceremonies, too."""
    rp_id: str | None = None
    """The first origin's host, where it is not given."""
    database: str | None = None
    outbox: bool = True
    test_clock: bool = False
    flaws: frozenset[str] = frozenset()
    """Checks to leave out, by name: a broken relying party to try test tools on."""


@dataclass(slots=True)
class Service:
    policy: Policy
    origins: tuple[str, ...]
    rp_id: str
    database: Database
    clock: Clock
    outbox: bool
    test_clock: bool
    related: tuple[str, ...]
    """Origins outside the RP ID's domain that may use its passkeys (WebAuthn §5.11)."""
    flaws: frozenset[str]
    attestation: attestation.Policy
    key: bytes = field(repr=False)
    deleted: dict[bytes, Passkey] = field(default_factory=dict)
    """A cache that forgets nothing: see the flaw `deleted-passkey`."""

    @property
    def origin(self) -> str:
        return self.origins[0]

    @property
    def is_secure(self) -> bool:
        return self.origin.startswith("https:")

    @property
    def webauthn_origins(self) -> Origins:
        return Origins(allowed=frozenset(self.origins), loosely=loose_origins(self.flaws, self.origins))

    @property
    def leave_out(self) -> frozenset[str]:
        """What verification leaves out: nothing, of an exchange that is not broken on purpose."""
        return left_out(self.flaws)

    def has_flaw(self, name: str) -> bool:
        require_known((name,))
        return name in self.flaws

    def mac(self, purpose: str, data: bytes) -> bytes:
        """What only this exchange can compute, and computes the same every time."""
        return hmac.digest(self.key, purpose.encode() + b"\0" + data, "sha256")


def make_service(configuration: Configuration) -> Service:
    require_known(configuration.flaws)
    policy = configuration.policy
    policy = load_policy(policy) if isinstance(policy, str) else policy
    if not configuration.origins:
        raise ConfigurationError("an exchange has an origin, such as https://exchange.test")
    for origin in configuration.origins:
        require_origin(origin)
    rp_id = configuration.rp_id or urlsplit(configuration.origins[0]).hostname or ""
    related = related_origins(rp_id, configuration.origins)
    clock = Clock()
    accepted = _attestation_policy(policy.attestation, clock)
    database = Database(configuration.database)
    return Service(
        policy=policy,
        origins=configuration.origins,
        rp_id=rp_id,
        database=database,
        clock=clock,
        outbox=configuration.outbox,
        test_clock=configuration.test_clock,
        related=related,
        flaws=configuration.flaws,
        attestation=accepted,
        key=_server_key(database),
    )


def _server_key(database: Database) -> bytes:
    try:
        with database.begin.begin() as db:
            kept = db.get(ServerSecret, "key")
            if kept is None:
                kept = ServerSecret(name="key", value=secrets.token_bytes(32))
                db.add(kept)
            return kept.value
    except IntegrityError:  # two start at once on one database
        return _server_key(database)


def _attestation_policy(wanted: Attestation, clock: Clock) -> attestation.Policy:
    anchors = None
    if wanted.metadata:
        if not wanted.metadata_root:
            raise ConfigurationError(
                "attestation.metadata needs attestation.metadata_root, the certificate it is signed under"
            )

        def now() -> datetime:
            return datetime.fromtimestamp(clock.now(), UTC)

        metadata = read_blob(_file(wanted.metadata), _certificate(wanted.metadata_root), now())

        anchors = attestation.TrustAnchors(
            roots_for=metadata.roots_for, now=now, is_revoked=metadata.is_revoked
        )
    elif wanted.required:
        raise ConfigurationError("attestation.required needs attestation.metadata: whom should be trusted?")
    try:
        aaguids = frozenset(UUID(each).bytes for each in wanted.aaguids) if wanted.aaguids else None
    except ValueError:
        raise ConfigurationError("attestation.aaguids holds something that is no UUID") from None
    return attestation.Policy(required=wanted.required, anchors=anchors, aaguids=aaguids)


def _file(path: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise ConfigurationError(f"{path}: {error.strerror}") from None


def _certificate(path: str) -> x509.Certificate:
    data = _file(path)
    try:
        if data.startswith(b"-----BEGIN"):
            return x509.load_pem_x509_certificate(data)
        return x509.load_der_x509_certificate(data)
    except ValueError:
        raise ConfigurationError(f"{path}: is no certificate") from None


def sha256(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()
