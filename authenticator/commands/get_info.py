"""authenticatorGetInfo (CTAP 2.3 §6.4)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from authenticator import cbor
from authenticator.commands.parameters import Parameters
from authenticator.operation import Steps

if TYPE_CHECKING:
    from authenticator.authenticator import Authenticator


def get_info(auth: Authenticator, parameters: Parameters, channel: int) -> Steps:
    profile = auth.profile
    info: dict[int, Any] = {1: list(profile.versions), 3: profile.aaguid, 4: {"rk": profile.features.resident_keys, "up": True}}
    return cbor.encode(info)
    yield
