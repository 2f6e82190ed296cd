"""The command table: one CTAP command per module (CTAP 2.3 §6)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from authenticator.commands.get_assertion import get_assertion, get_next_assertion
from authenticator.commands.get_info import get_info
from authenticator.commands.make_credential import make_credential
from authenticator.commands.parameters import Parameters
from authenticator.operation import Steps

if TYPE_CHECKING:
    from authenticator.authenticator import Authenticator
    from authenticator.profiles.profile import Profile

Run: TypeAlias = "Callable[[Authenticator, Parameters, int], Steps]"


def _always(profile: Profile) -> bool:
    return True


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    code: int
    name: str
    run: Run
    takes_parameters: bool = True
    offered: Callable[[Profile], bool] = _always


_TABLE = (
    Command(code=0x01, name="makeCredential", run=make_credential),
    Command(code=0x02, name="getAssertion", run=get_assertion),
    Command(code=0x04, name="getInfo", run=get_info, takes_parameters=False),
    Command(code=0x08, name="getNextAssertion", run=get_next_assertion, takes_parameters=False),
)

COMMANDS: dict[int, Command] = {command.code: command for command in _TABLE}
