"""The command table: one CTAP command per module (CTAP 2.3 §6)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from authenticator.commands import (
    bio_enrollment,
    client_pin,
    config,
    credential_management,
    get_assertion,
    get_info,
    large_blobs,
    make_credential,
    reset,
    selection,
)
from authenticator.operation import Steps
from authenticator.parameters import Parameters

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
    Command(code=0x01, name="makeCredential", run=make_credential.make_credential),
    Command(code=0x02, name="getAssertion", run=get_assertion.get_assertion),
    Command(code=0x04, name="getInfo", run=get_info.get_info, takes_parameters=False),
    Command(code=0x06, name="clientPIN", run=client_pin.client_pin, offered=client_pin.offers_client_pin),
    Command(
        code=0x07,
        name="reset",
        run=reset.reset,
        takes_parameters=False,
        offered=lambda profile: profile.features.reset,
    ),
    Command(code=0x08, name="getNextAssertion", run=get_assertion.get_next_assertion, takes_parameters=False),
    Command(
        code=0x09,
        name="bioEnrollment",
        run=bio_enrollment.bio_enrollment,
        offered=lambda profile: profile.features.bio_enrollment,
    ),
    Command(
        code=0x0A,
        name="credentialManagement",
        run=credential_management.credential_management,
        offered=lambda profile: profile.features.credential_management,
    ),
    Command(
        code=0x0B,
        name="selection",
        run=selection.selection,
        takes_parameters=False,
        offered=lambda profile: profile.features.selection,
    ),
    Command(
        code=0x0C,
        name="largeBlobs",
        run=large_blobs.large_blobs,
        offered=lambda profile: profile.features.large_blobs,
    ),
    Command(code=0x0D, name="config", run=config.config, offered=lambda profile: profile.features.config),
    Command(
        code=0x40,
        name="bioEnrollmentPreview",
        run=bio_enrollment.bio_enrollment,
        offered=lambda profile: profile.features.bio_enrollment_preview,
    ),
    Command(
        code=0x41,
        name="credentialManagementPreview",
        run=credential_management.credential_management_preview,
        offered=lambda profile: profile.features.credential_management_preview,
    ),
)

COMMANDS: dict[int, Command] = {command.code: command for command in _TABLE}
