"""A key and all that surrounds it, in a test's hand; and what tests of it have in common."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import pytest
from direct_device import CANCELS, NOTHING, DirectDevice, ScriptedPerson
from fido2.ctap import CtapError
from fido2.ctap2 import ClientPin, Ctap2
from fido2.ctap2.pin import PinProtocol

from authenticator.authenticator import Authenticator
from authenticator.environment import Environment, HandTurnedClock, SeededRandomness
from authenticator.person import DECLINED
from authenticator.pin.permissions import Permission
from authenticator.profiles.loader import load_profile
from authenticator.profiles.profile import Profile
from authenticator.status import CtapError as Refusal
from authenticator.store import DeviceState, Fingerprint, MemoryStore, Store

PIN = "1234"
ERR = CtapError.ERR

when_nobody_agrees = pytest.mark.parametrize(
    ("does", "code"),
    [
        (NOTHING, ERR.USER_ACTION_TIMEOUT),
        (DECLINED, ERR.OPERATION_DENIED),
        (CANCELS, ERR.KEEPALIVE_CANCEL),
    ],
    ids=["nothing", "declines", "cancels"],
)


@dataclass(slots=True, kw_only=True)
class Bench:
    """A key and all that surrounds it."""

    authenticator: Authenticator
    clock: HandTurnedClock
    person: ScriptedPerson
    device: DirectDevice

    @property
    def state(self) -> DeviceState:
        return self.authenticator.state

    @property
    def ctap(self) -> Ctap2:
        """A fresh client: what getInfo says, it has read just now."""
        return Ctap2(self.device)

    def client_pin(self, protocol: PinProtocol | None = None) -> ClientPin:
        return ClientPin(self.ctap, protocol)

    def send(self, request: bytes, channel: int = 1) -> bytes:
        """A raw request; the person answers what is asked."""
        return self.device.finish(self.authenticator.begin(request, channel))


def with_overrides(profile: Profile, overrides: dict[str, Any]) -> Profile:
    """`features=dict(u2f=False)` changes one feature, `algorithms=(…)` replaces the field."""
    changes = {
        name: replace(getattr(profile, name), **value)
        if isinstance(value, dict) and name in ("features", "limits", "usb", "attestation")
        else value
        for name, value in overrides.items()
    }
    return replace(profile, **changes)


MakeBench: TypeAlias = Callable[..., Bench]


def make_bench(
    profile: str | Profile = "reference", *, store: Store | None = None, **overrides: Any
) -> Bench:
    chosen = load_profile(profile) if isinstance(profile, str) else profile
    clock = HandTurnedClock()
    key = Authenticator(
        Environment(
            profile=with_overrides(chosen, overrides),
            store=store or MemoryStore(),
            clock=clock,
            random=SeededRandomness(1),
        )
    )
    person = ScriptedPerson()
    return Bench(authenticator=key, clock=clock, person=person, device=DirectDevice(key, clock, person))


def refused(code: int) -> Any:
    """The key answers with this status."""
    return pytest.raises(CtapError, match=f"0x{code:02X}")


def with_finger(bench: Bench, *fingers: int) -> Bench:
    """These fingers, or the first, are enrolled."""
    bench.authenticator.change_state(
        fingerprints=tuple(Fingerprint(template_id=bytes((n,)), finger=n) for n in fingers or (0,))
    )
    return bench


def is_token(bench: Bench, protocol: PinProtocol, token: bytes, permission: int) -> bool:
    """Whether the key takes what this token signs, for this permission."""
    tokens = bench.authenticator.tokens
    try:
        tokens.require_valid(protocol.VERSION, b"message", protocol.authenticate(token, b"message"))
        tokens.require_permission(Permission(permission))
    except Refusal:
        return False
    return True
