"""A policy: everything in which one system's passkeys differ from another's, as one documented object."""

from __future__ import annotations

import difflib
import re
import tomllib
from dataclasses import dataclass, field, fields, is_dataclass
from enum import Enum
from functools import cache
from pathlib import Path
from types import UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

POLICIES = Path(__file__).parent / "policies"


class PolicyError(ValueError):
    """A policy file that cannot be used: which file and line, and what to write instead."""


class Factor(Enum):
    """What a person proves who they are with, besides a passkey."""

    PASSWORD = "password"
    EMAIL = "email"
    PHONE = "phone"
    EMAIL_OR_PHONE = "email-or-phone"
    TOTP = "totp"
    FACE = "face"


class Action(Enum):
    """What a passkey can serve for, in the words of the settings page."""

    LOG_IN = "log-in"
    WITHDRAW = "withdraw"
    DEPOSIT = "deposit"
    C2C = "c2c"


class Method(Enum):
    """Where a new passkey is to live."""

    THIS_DEVICE = "this-device"
    ANOTHER_DEVICE = "another-device"
    SECURITY_KEY = "security-key"


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    brand: str
    letter: str
    accent: str = "#2563eb"
    accent_dark: str = "#60a5fa"
    app: bool = False
    """Whether the pages are those of a phone app's web view: one narrow column, tabs below."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Requirements:
    """Which devices and browsers may create and use passkeys. Versions are the lowest that may."""

    platforms: dict[str, str] = field(default_factory=dict)
    """ios, android, windows, macos, chromeos → version. Elsewhere the device itself makes no passkeys."""
    browsers: dict[str, str] = field(default_factory=dict)
    """chrome, edge, safari, firefox → version."""
    other_platforms: bool = True
    """Whether platforms that are not listed, and older ones, may use a security key or a phone."""
    other_browsers: bool = True
    google_services_on_android: bool = False
    blocked_regions: tuple[str, ...] = ()
    screen_lock: bool = False
    """Whether a device without a screen lock is told so before it is asked to make a passkey."""
    bluetooth_for_phones: bool = False
    incognito_notice: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Passkeys:
    limit: int | None = None
    """How many an account may have."""
    methods: tuple[Method, ...] = (Method.THIS_DEVICE,)
    add_needs: tuple[Factor, ...] = ()
    """Codes and checks before one may be made."""
    uses: tuple[Action, ...] = (Action.LOG_IN,)
    uses_configurable: bool = False
    configure_needs: tuple[Factor, ...] = ()
    networks: tuple[str, ...] = ("exchange",)
    """What a passkey can be registered for. It carries the label, and serves there only."""
    rename: bool = True
    enable_step: bool = False
    """Whether passkeys are enabled as a feature before the first is made."""
    enable_needs: tuple[Factor, ...] = ()
    """Codes and checks before they are enabled. They do for the first passkey, too, where that is made at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LogIn:
    slider: bool = False
    """Whether a slider must be drawn to its place before a log-in goes on."""
    autofill: bool = True
    prefers_passkey: bool = False
    """Whether an account with passkeys is asked for one before a password."""
    password_needs: tuple[Factor, ...] = (Factor.EMAIL_OR_PHONE,)
    """The second step of a log-in by password."""
    second_factor: bool = False
    """Whether a passkey may be the second step of a log-in by password."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Withdrawals:
    needs: tuple[Factor, ...] = (Factor.EMAIL_OR_PHONE, Factor.TOTP)
    """Without a passkey."""
    confirmations: int = 2
    prompt_to_add: bool = False
    """Whether a person without a passkey is led to make one instead of entering codes."""
    passkey_needs_bound: tuple[Factor, ...] = ()
    """What must be bound to the account before a passkey may serve for withdrawals."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Removal:
    confirm: bool = True
    needs: tuple[Factor, ...] = ()
    """The other way than by a passkey; empty with `passkey` false: removing asks for nothing."""
    passkey: bool = True
    hold_hours: int = 0
    """For how long withdrawals and P2P are held after a removal that another passkey did not verify."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sensitive:
    """Settings so sensitive that a passkey alone is not enough."""

    needs_besides_passkey: tuple[Factor, ...] = ()
    needs: tuple[Factor, ...] = (Factor.EMAIL_OR_PHONE, Factor.TOTP)


@dataclass(frozen=True, slots=True, kw_only=True)
class Face:
    """The face check of the site itself (not the device's)."""

    attempts: int = 5
    pause_hours: int = 24


@dataclass(frozen=True, slots=True, kw_only=True)
class Recovery:
    needs: tuple[Factor, ...] = (Factor.EMAIL, Factor.PHONE)
    wait_hours: int = 24
    hold_hours: int = 24
    """For how long withdrawals and P2P are held after a recovery."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    code_minutes: int = 10
    code_attempts: int = 5
    codes_per_hour: int = 20
    """Sent to one address."""
    totp_attempts: int = 10
    """Wrong codes of an authenticator app, over all that an account wants verified, until it is locked."""
    password_attempts: int = 5
    lock_minutes: int = 15
    password_work: int = 14
    """scrypt's N, as a power of two. Less is for tests that sign thousands of people up."""
    challenge_seconds: int = 300
    step_up_seconds: int = 300
    session_hours: int = 12
    sign_ups_per_hour: int = 10_000
    requests_per_minute: int = 60_000
    """From one address."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attestation:
    conveyance: str = "none"
    """none, indirect, direct or enterprise: what is asked of authenticators."""
    required: bool = False
    """Whether only authenticators with a trusted attestation may register."""
    metadata: str = ""
    """Path of an MDS3 BLOB whose roots are trusted."""
    metadata_root: str = ""
    """Path of the certificate that the BLOB's signature chains to."""
    aaguids: tuple[str, ...] = ()
    """The models that may register; empty: any."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    name: str
    about: str = ""
    look: Look
    requirements: Requirements = field(default_factory=Requirements)
    passkeys: Passkeys = field(default_factory=Passkeys)
    log_in: LogIn = field(default_factory=LogIn)
    withdrawals: Withdrawals = field(default_factory=Withdrawals)
    removal: Removal = field(default_factory=Removal)
    sensitive: Sensitive = field(default_factory=Sensitive)
    face: Face = field(default_factory=Face)
    recovery: Recovery = field(default_factory=Recovery)
    limits: Limits = field(default_factory=Limits)
    attestation: Attestation = field(default_factory=Attestation)


def policy_names() -> list[str]:
    return sorted(path.stem for path in POLICIES.glob("*.toml"))


def load_policy(name_or_path: str) -> Policy:
    """A policy of the project by name, or one's own by the path of its TOML file."""
    if name_or_path in policy_names():
        return _load(POLICIES / f"{name_or_path}.toml")
    path = Path(name_or_path)
    if path.suffix == ".toml" or "/" in name_or_path:
        if not path.is_file():
            raise PolicyError(f"{path}: there is no such file")
        return _load(path)
    near = difflib.get_close_matches(name_or_path, policy_names(), 1)
    hint = f"; did you mean {near[0]}?" if near else ""
    raise PolicyError(f"there is no policy {name_or_path!r}{hint} (there are: {', '.join(policy_names())})")


@cache
def _load(path: Path) -> Policy:
    text = path.read_text(encoding="utf-8")
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise PolicyError(f"{path}: {error}") from None
    reader = _Reader(path, text)
    policy = reader.read(Policy, table, ())
    assert isinstance(policy, Policy)
    reader.check(policy)
    return policy


class _Reader:
    def __init__(self, path: Path, text: str) -> None:
        self._path = path
        self._lines = text.splitlines()

    def read(self, cls: type, table: Any, where: tuple[str, ...]) -> Any:
        if not isinstance(table, dict):
            raise self.error(where, "must be a table")
        hints = get_type_hints(cls)
        known = {each.name: each for each in fields(cls)}
        values: dict[str, Any] = {}
        for key, value in table.items():
            name = key.replace("-", "_")
            if name not in known:
                near = difflib.get_close_matches(name, known, 1)
                raise self.error((*where, key), "is unknown" + (f"; did you mean {near[0]}?" if near else ""))
            values[name] = self._value(hints[name], value, (*where, key))
        for name, each in known.items():
            missing = each.default is each.default_factory  # both MISSING
            if missing and name not in values:
                raise self.error(where, f"lacks {name}")
        return cls(**values)

    def _value(self, hint: Any, value: Any, where: tuple[str, ...]) -> Any:
        if is_dataclass(hint) and isinstance(hint, type):
            return self.read(hint, value, where)
        origin, args = get_origin(hint), get_args(hint)
        if origin in (Union, UnionType):
            return self._value(next(arg for arg in args if arg is not type(None)), value, where)
        if origin is tuple:
            if not isinstance(value, list):
                raise self.error(where, "must be a list")
            return tuple(self._value(args[0], each, where) for each in value)
        if origin is dict:
            if not isinstance(value, dict) or not all(isinstance(each, str) for each in value.values()):
                raise self.error(where, "must be a table of strings")
            return value
        if isinstance(hint, type) and issubclass(hint, Enum):
            words = [each.value for each in hint]
            if value not in words:
                near = difflib.get_close_matches(str(value), words, 1)
                suggestion = f"; did you mean {near[0]}?" if near else ""
                raise self.error(
                    where, f"has the unknown word {value!r}{suggestion} (there are: {', '.join(words)})"
                )
            return hint(value)
        if type(value) is not hint:
            raise self.error(where, f"must be of type {hint.__name__}, not {type(value).__name__}")
        if hint is int and value < 0:
            raise self.error(where, "must not be negative")
        return value

    def check(self, policy: Policy) -> None:
        """What contradicts itself."""
        for table, versions in (
            ("platforms", policy.requirements.platforms),
            ("browsers", policy.requirements.browsers),
        ):
            for name, version in versions.items():
                if not re.fullmatch(r"\d+(\.\d+)*", version):
                    raise self.error(("requirements", table, name), f"is no version: {version!r}")
        if policy.passkeys.uses_configurable and not policy.passkeys.configure_needs:
            raise self.error(("passkeys", "configure_needs"), "must say what saving the scenarios asks for")
        if policy.removal.hold_hours and not policy.removal.needs:
            raise self.error(
                ("removal", "hold_hours"), "holds after a removal by other means, but removal.needs has none"
            )
        for table, name in (("passkeys", "methods"), ("passkeys", "uses"), ("passkeys", "networks")):
            if not getattr(getattr(policy, table), name):
                raise self.error((table, name), "is empty: nothing could be done here")
        if policy.passkeys.limit == 0:
            raise self.error(("passkeys", "limit"), "allows no passkey at all; leave it out for no limit")
        if policy.passkeys.enable_needs and not policy.passkeys.enable_step:
            raise self.error(("passkeys", "enable_needs"), "counts with enable_step = true only")
        for each in fields(Limits):
            if getattr(policy.limits, each.name) == 0:
                raise self.error(("limits", each.name), "is zero: nobody could do anything")
        if policy.face.attempts == 0:
            raise self.error(("face", "attempts"), "is zero: no face could be shown")
        if not 4 <= policy.limits.password_work <= 20:
            raise self.error(("limits", "password_work"), "is between 4 and 20")
        if policy.attestation.required and policy.attestation.conveyance == "none":
            raise self.error(("attestation", "required"), "asks for what conveyance = 'none' takes away")
        if policy.attestation.conveyance not in ("none", "indirect", "direct", "enterprise"):
            raise self.error(("attestation", "conveyance"), "is one of none, indirect, direct, enterprise")
        for name in ("accent", "accent_dark"):
            if not re.fullmatch(r"#[0-9a-fA-F]{6}", getattr(policy.look, name)):
                raise self.error(("look", name), "is a colour such as #2563eb")

    def error(self, where: tuple[str, ...], what: str) -> PolicyError:
        line = self._line(where)
        place = f"{self._path}:{line}" if line else str(self._path)
        return PolicyError(f"{place}: {'.'.join(where) or 'the file'} {what}")

    def _line(self, where: tuple[str, ...]) -> int | None:
        """tomllib tells no lines, so the key is looked for in its table."""
        if not where:
            return None
        table: str = ""
        for number, line in enumerate(self._lines, 1):
            header = re.match(r"\s*\[([^\]]+)\]", line)
            if header:
                table = header[1].strip()
                if table == ".".join(where):
                    return number
            elif table == ".".join(where[:-1]) and re.match(rf"\s*{re.escape(where[-1])}\s*=", line):
                return number
        return self._line(where[:-1])
