"""`make demo`, the first act: a registration and a log-in against python-fido2's server, told as they happen."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from fido2.server import Fido2Server
from fido2.webauthn import AttestationConveyancePreference as Conveyance
from fido2.webauthn import (
    AuthenticationResponse,
    PublicKeyCredentialRpEntity,
    PublicKeyCredentialUserEntity,
    RegistrationResponse,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)
from rich.console import Console

from harness import VirtualKey, enter_pin, touch
from harness.client import Client
from harness.trace import AnswerEvent, AskEvent, Event, PacketEvent, RequestEvent, ResponseEvent

ORIGIN = "https://exchange.example"


class Story:
    """Tells what the key was asked and answered, as its trace has it."""

    def __init__(self, key: VirtualKey, console: Console) -> None:
        self._console = console
        self._key = key
        self._told = 0

    def act(self, title: str) -> None:
        self._console.print(f"\n[bold]{title}[/]")

    def say(self, text: str, mark: str = "[green]✓[/]") -> None:
        self._console.print(f"  {mark} {text}")

    def tell_trace(self) -> None:
        """The part of the trace that has not been told yet, a line an event."""
        events = list(self._key.trace)[self._told :]
        self._told += len(events)
        start = events[0].at
        for event in events:
            line = _line(event)
            if line:
                self._console.print(f"    [dim]{event.at - start:7.3f} s  {line}[/]")
        packets = sum(isinstance(event, PacketEvent) for event in events)
        self._console.print(f"    [dim]           {packets} packets of 64 bytes crossed CTAPHID[/]")


def _line(event: Event) -> str:
    if isinstance(event, RequestEvent):
        return f"→ {event.command}"
    if isinstance(event, ResponseEvent):
        return f"← {event.status}"
    if isinstance(event, AskEvent):
        details = event.details()
        why = f" to {details['purpose']}" if "purpose" in details else ""
        return f"    asks Ann: {details['ask']}{why} at {details.get('rp_id')}"
    if isinstance(event, AnswerEvent):
        return f"    Ann: {event.answer}"
    return ""


def main() -> None:
    console = Console(highlight=False, soft_wrap=True)
    key = VirtualKey("yubikey-5-nfc", pin="1234", seed=7)
    client = Client(key, ORIGIN, wire=True)
    server = Fido2Server(
        PublicKeyCredentialRpEntity(id="exchange.example", name="Exchange"), attestation=Conveyance.DIRECT
    )
    story = Story(key, console)
    console.print(
        f"[bold]A stunt double for security keys.[/] The key: {key.profile.title}, with a PIN. "
        "The relying party: python-fido2's server."
    )

    story.act("1. Ann registers a passkey. She mistypes her PIN once, and is slow to touch the key.")
    key.person.will(enter_pin("0000"), enter_pin("1234"), touch(after=0.5))
    options, state = server.register_begin(
        PublicKeyCredentialUserEntity(id=b"ann", name="ann", display_name="Ann"),
        resident_key_requirement=ResidentKeyRequirement.REQUIRED,
        user_verification=UserVerificationRequirement.REQUIRED,
    )
    response = client.create(_plain(options)["publicKey"])
    story.tell_trace()
    registered = server.register_complete(state, RegistrationResponse.from_dict(response))
    assert registered.credential_data is not None
    story.say(f"the server accepts the registration: model {registered.credential_data.aaguid}")

    story.act("2. She logs in without a user name.")
    request, state = server.authenticate_begin(user_verification=UserVerificationRequirement.REQUIRED)
    response = client.get(_plain(request)["publicKey"])
    story.tell_trace()
    server.authenticate_complete(
        state, [registered.credential_data], AuthenticationResponse.from_dict(response)
    )
    story.say("the server accepts the log-in")

    story.act(
        "3. Somebody clones the key. The clone signs with the clone's counter, which stands still behind hers."
    )
    clone = VirtualKey.restore(key.snapshot())
    clone.person.pin = "1234"
    counters = []
    for who, each in (("Ann", key), ("the clone", clone)):
        request, state = server.authenticate_begin()
        response = Client(each, ORIGIN).get(_plain(request)["publicKey"])
        parsed = AuthenticationResponse.from_dict(response)
        server.authenticate_complete(state, [registered.credential_data], parsed)
        counters.append(parsed.response.authenticator_data.counter)
        story.say(f"{who} logs in with counter {counters[-1]}", "·")
    story.say(
        "python-fido2's server leaves it to the site to compare counters; the exchange of this project does"
    )
    console.print(
        "\nThis was all real: a CTAP 2.1 key behind CTAPHID packets, and a verifier that is not ours."
    )


def _plain(options: Mapping[str, Any]) -> dict[str, Any]:
    """WebAuthn JSON of python-fido2's options."""
    plain: dict[str, Any] = json.loads(json.dumps(dict(options)))
    return plain


if __name__ == "__main__":
    main()
