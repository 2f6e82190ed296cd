"""Messages in diagnostic notation: the standard's names are comments, and what is not a comment is the message."""

from __future__ import annotations

import re
from typing import Any

import cbor2
import pytest
from traced import story

from authenticator import cbor
from authenticator.commands import COMMANDS
from harness.trace import RequestEvent, ResponseEvent
from harness.trace.notation import content, message_of, notation
from harness.trace.shapes import REQUESTS, RESPONSES
from harness.trace.words import told


def parsed(text: str) -> Any:
    """Diagnostic notation read back, by what it means in Python."""
    text = re.sub(r'("(?:[^"\\]|\\.)*")|/ [^/]* /', lambda match: match[1] or "", text)
    text = re.sub(r"h'([0-9a-f]*)'", r"bytes.fromhex('\1')", text)
    return eval(text, {"true": True, "false": False, "null": None})


def test_without_its_comments_it_is_the_message() -> None:
    messages = [event for event in story().key.trace if isinstance(event, RequestEvent | ResponseEvent)]
    compared = 0
    for event in messages:
        if not event.data[1:] or (isinstance(event, RequestEvent) and event.u2f):
            continue
        if isinstance(event, ResponseEvent) and event.command is None:
            continue
        before = cbor2.loads(event.data[1:])
        after = parsed(message_of(event))
        assert list(after) == list(before)
        for member, value in before.items():
            if after[member] != b"":  # blanked
                assert after[member] == value
                compared += 1
    assert compared > 40


def test_a_registration_reads_like_the_standard() -> None:
    requests = [message_of(event) for event in story().key.trace if isinstance(event, RequestEvent)]
    registration = next(each for each in requests if "/ rp /" in each)
    assert '/ rp / 2: {"id": "example.com", "name": "Example"}' in registration
    assert '/ pubKeyCredParams / 4: [{"alg": -7 / ES256 /, "type": "public-key"}]' in registration
    pins = [each for each in requests if "subCommand" in each]
    assert "/ subCommand / 2: 3 / setPin /" in pins[1]
    assert "/ newPinEnc / 5: h'' / redacted /" in pins[1]
    assert "/ permissions / 9: 1 / mc /" in pins[-1]
    responses = [message_of(event) for event in story().key.trace if isinstance(event, ResponseEvent)]
    assert any('"flags": "UP UV AT"' in each and '"signCount": 1' in each for each in responses)
    assert any("/ pinUvAuthToken / 2: h'' / redacted /" in each for each in responses)
    assert any('"userPublicKey": h\'04' in each for each in responses)


@pytest.mark.parametrize("code", sorted(COMMANDS))
def test_every_command_is_told_with_names(code: int) -> None:
    command = COMMANDS[code]
    assert (code in REQUESTS) == command.takes_parameters
    shape = REQUESTS.get(code)
    if shape is not None:
        names = shape.of({}).names
        assert all(isinstance(member, int) and name[0].islower() for member, name in names.items())
        assert len(names) >= 4


@pytest.mark.parametrize(
    ("request_", "told_"),
    [
        ({1: 3, 2: {1: 6, 3: True}}, "/ subCommandParams / 2: {/ newMinPINLength / 1: 6, / forceChangePin / 3: true}"),
        ({1: 255, 2: {1: 9}}, "/ subCommandParams / 2: {/ vendorCommandId / 1: 9}"),
        ({1: 2}, "{/ subCommand / 1: 2 / toggleAlwaysUv /}"),
        ({1: 77}, "{/ subCommand / 1: 77}"),
        ({99: -1}, "{99: -1}"),
    ],
)  # fmt: skip
def test_config_by_its_subcommand(request_: dict[int, Any], told_: str) -> None:
    event = RequestEvent(at=0, channel=1, data=b"\x0d" + cbor.encode(request_))
    assert told_ in message_of(event)


@pytest.mark.parametrize(
    "data", [b"", b"\x01", b"\x01\xff", b"\x06\xa1", b"\x99\xa0", b"\x01" + b"\x81" * 40, b"\x01\x05"]
)
def test_no_request_is_too_strange_to_be_told(data: bytes) -> None:
    told(RequestEvent(at=0, channel=1, data=data))
    told(RequestEvent(at=0, channel=1, u2f=True, data=data))
    told(ResponseEvent(at=0, channel=1, command=1, data=data))
    told(ResponseEvent(at=0, channel=1, command=None, data=data))


def test_authenticator_data_that_is_cut_off_is_told_as_far_as_it_goes() -> None:
    shape = RESPONSES[0x01].shapes[2]
    event = next(e for e in story().key.trace if isinstance(e, ResponseEvent) and e.command == 1)
    value, _ = content(event)
    whole = value[2]
    for length in range(len(whole)):
        notation(whole[:length], shape)
    assert '"unread"' in notation(whole[:100] + b"\xff\xff", shape)
    assert "unread" not in notation(whole, shape)
