"""What the exchange remembers. Times are seconds since 1970; amounts are whole units of 10⁻⁸."""

from __future__ import annotations

from typing import Any

from sqlalchemy import JSON, BigInteger, Float, ForeignKey, LargeBinary, String, UniqueConstraint
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class Base(DeclarativeBase):
    type_annotation_map = {
        float: Float(53),
        bytes: LargeBinary,
        dict[str, Any]: JSON,
        list[str]: JSON,
    }


class User(Base):
    __tablename__ = "users"
    id: Mapped[int] = mapped_column(primary_key=True)
    handle: Mapped[bytes] = mapped_column(unique=True)
    email: Mapped[str | None] = mapped_column(String(254), unique=True)
    phone: Mapped[str | None] = mapped_column(String(16), unique=True)
    password_hash: Mapped[str] = mapped_column(String(200))
    totp_secret: Mapped[str | None] = mapped_column(String(64))
    totp_step: Mapped[int] = mapped_column(BigInteger, default=0)
    """The time step of the last code that was taken: it and those before it serve no more."""
    region: Mapped[str] = mapped_column(String(2), default="")
    created: Mapped[float]
    passkeys_enabled: Mapped[bool] = mapped_column(default=False)
    uses: Mapped[list[str] | None]
    """What passkeys serve for; None: the policy's."""
    held_until: Mapped[float] = mapped_column(default=0.0)
    held_because: Mapped[str] = mapped_column(String(200), default="")
    whitelist_only: Mapped[bool] = mapped_column(default=False)


class Session(Base):
    __tablename__ = "sessions"
    # what was begun in a session is told by its id: SQLite must not give that to another one
    __table_args__ = {"sqlite_autoincrement": True}
    id: Mapped[int] = mapped_column(primary_key=True)
    token_hash: Mapped[bytes] = mapped_column(unique=True)
    user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"), index=True)
    created: Mapped[float]
    expires: Mapped[float]
    device: Mapped[str] = mapped_column(String(200), default="")
    signed_in_with: Mapped[str] = mapped_column(String(40), default="")
    network: Mapped[str] = mapped_column(String(40), default="")
    passkey_id: Mapped[str | None] = mapped_column(String(64))
    """Of the passkey that logged in, whose removal ends the session."""
    identifier: Mapped[str] = mapped_column(String(254), default="")
    """Whom the log-in under way is for."""
    slider_target: Mapped[int | None]
    slider_passed: Mapped[bool] = mapped_column(default=False)


class Passkey(Base):
    __tablename__ = "passkeys"
    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"), index=True)
    credential_id: Mapped[bytes] = mapped_column(unique=True)
    public_key: Mapped[bytes]
    algorithm: Mapped[int]
    sign_count: Mapped[int] = mapped_column(BigInteger)
    uv_initialized: Mapped[bool]
    backup_eligible: Mapped[bool]
    backed_up: Mapped[bool]
    transports: Mapped[list[str]]
    aaguid: Mapped[bytes]
    attestation_format: Mapped[str] = mapped_column(String(40))
    attested: Mapped[bool]
    name: Mapped[str] = mapped_column(String(64))
    device: Mapped[str] = mapped_column(String(64))
    network: Mapped[str] = mapped_column(String(40))
    created: Mapped[float]
    last_used: Mapped[float | None]


class Ceremony(Base):
    """A challenge, and all that its answer must fit."""

    __tablename__ = "ceremonies"
    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    session_id: Mapped[int] = mapped_column(index=True)
    user_id: Mapped[int | None]
    purpose: Mapped[str] = mapped_column(String(80))
    digest: Mapped[str] = mapped_column(String(64), default="")
    challenge: Mapped[bytes]
    allowed: Mapped[list[str] | None]
    network: Mapped[str] = mapped_column(String(40))
    expires: Mapped[float]
    used: Mapped[bool] = mapped_column(default=False)


class Operation(Base):
    """Something that wants to be verified before it is done."""

    __tablename__ = "operations"
    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    kind: Mapped[str] = mapped_column(String(40))
    session_id: Mapped[int] = mapped_column(index=True)
    user_id: Mapped[int | None] = mapped_column(index=True)
    network: Mapped[str] = mapped_column(String(40))
    details: Mapped[dict[str, Any]]
    secret: Mapped[dict[str, Any]]
    digest: Mapped[str] = mapped_column(String(64))
    state: Mapped[str] = mapped_column(String(20))
    confirmations: Mapped[int]
    proofs: Mapped[list[str]]
    wrong_codes: Mapped[int] = mapped_column(default=0)
    result: Mapped[dict[str, Any]]
    created: Mapped[float]
    expires: Mapped[float]


class OneTimeCode(Base):
    __tablename__ = "codes"
    id: Mapped[int] = mapped_column(primary_key=True)
    operation_id: Mapped[str] = mapped_column(String(64), index=True)
    factor: Mapped[str] = mapped_column(String(20))
    code: Mapped[str] = mapped_column(String(6))
    expires: Mapped[float]
    used: Mapped[bool] = mapped_column(default=False)


class Message(Base):
    """An e-mail or SMS that the exchange has sent."""

    __tablename__ = "messages"
    id: Mapped[int] = mapped_column(primary_key=True)
    channel: Mapped[str] = mapped_column(String(10))
    to: Mapped[str] = mapped_column(String(254), index=True)
    text: Mapped[str] = mapped_column(String(1000))
    code: Mapped[str | None] = mapped_column(String(6))
    at: Mapped[float]


class Balance(Base):
    __tablename__ = "balances"
    __table_args__ = (UniqueConstraint("user_id", "asset"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"), index=True)
    asset: Mapped[str] = mapped_column(String(10))
    units: Mapped[int] = mapped_column(BigInteger)


class Record(Base):
    """What an account has done or set: withdrawals, orders, payments, addresses, API keys, and what happened to it."""

    __tablename__ = "records"
    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"), index=True)
    kind: Mapped[str] = mapped_column(String(40))
    details: Mapped[dict[str, Any]]
    verified_with: Mapped[str] = mapped_column(String(40), default="")
    at: Mapped[float]


class Counter(Base):
    """How often something was tried."""

    __tablename__ = "counters"
    key: Mapped[str] = mapped_column(String(300), primary_key=True)
    count: Mapped[int]
    resets: Mapped[float]


class Recovery(Base):
    """An account whose owner has shown who they are, and waits."""

    __tablename__ = "recoveries"
    token_hash: Mapped[bytes] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    ready: Mapped[float]
    used: Mapped[bool] = mapped_column(default=False)


class ServerSecret(Base):
    """What the exchange keeps to itself from start to start: the key for decoys and CSRF tokens."""

    __tablename__ = "server_secrets"
    name: Mapped[str] = mapped_column(String(40), primary_key=True)
    value: Mapped[bytes]
