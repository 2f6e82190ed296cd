"""A play: who has which devices, and what happens step by step."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from pydantic import BeforeValidator, Field

from authenticator.profiles.loader import load_profile
from authenticator.profiles.profile import Kind
from harness.play.devices import COMPUTER, DeviceSpec, device_spec
from harness.play.events import PlayInfo
from harness.play.expectation import Expect
from harness.play.language import Switch, Words
from harness.play.verbs import Verb


class AccountSpec(Words):
    """What is bound to the user's account at the site from the start."""

    email: Switch = True
    phone: Switch = True
    authenticator_app: Switch = True


class Header(Words):
    """All of a play but its steps."""

    scenario: str = Field(min_length=1, description="The story in one sentence.")
    covers: tuple[str, ...] = Field(default=(), description="Which requirements it shows.")
    exchange: str | None = Field(default=None, description="A policy of the exchange.")
    relying_party: str | None = Field(
        default=None, description="Or module:Class of an adapter for another site."
    )
    note: str = Field(default="", description="What stands for what in it.")
    account: AccountSpec = AccountSpec()
    devices: Mapping[str, Annotated[DeviceSpec, BeforeValidator(device_spec)]] = Field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    verb: Verb
    expect: Expect
    person: tuple[str, ...]
    """What the person does when a device asks them; willing after that."""
    line: int

    @property
    def sentence(self) -> str:
        said = self.verb.sentence()
        return f"{said} ({', '.join(self.person)})" if self.person else said


@dataclass(frozen=True, slots=True, kw_only=True)
class Play:
    name: str
    path: Path
    line: int
    header: Header
    steps: tuple[Step, ...]

    @property
    def system(self) -> str:
        return self.header.exchange or self.header.relying_party or ""

    def where(self, line: int | None = None) -> str:
        return f"{self.path}:{line or self.line}"

    @property
    def seat(self) -> str | None:
        """The device at which the play begins: the first that has a browser."""
        return next((name for name, spec in self.header.devices.items() if has_browser(spec)), None)

    def info(self) -> PlayInfo:
        return PlayInfo(
            name=self.name,
            title=self.header.scenario,
            file=str(self.path),
            line=self.line,
            covers=self.header.covers,
            system=self.system,
            devices={name: spec.profile for name, spec in self.header.devices.items()},
            steps=tuple(step.sentence for step in self.steps),
            note=self.header.note,
        )


def has_browser(spec: DeviceSpec) -> bool:
    """A security key is the one thing in a play that nobody can sit at."""
    return spec.profile == COMPUTER or load_profile(spec.profile).kind is not Kind.SECURITY_KEY
