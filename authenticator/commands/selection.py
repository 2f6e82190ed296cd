"""authenticatorSelection (CTAP 2.3 §6.9): the person touches the key they mean, and nothing else happens."""

from __future__ import annotations

from typing import TYPE_CHECKING

from authenticator.operation import Steps
from authenticator.parameters import Parameters
from authenticator.person import Purpose
from authenticator.user import require_presence

if TYPE_CHECKING:
    from authenticator.authenticator import Authenticator


def selection(auth: Authenticator, parameters: Parameters, channel: int) -> Steps:
    yield from require_presence(Purpose.SELECT_KEY)
    return b""
