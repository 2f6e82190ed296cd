"""A document from a phone by QR code, in stock Chromium: navigator.credentials.get({digital}), without a flag."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from harness import Account, Failure, VirtualKey
from harness.browsers.hands import XdotoolHands
from harness.hybrid.phone import Stage
from harness.hybrid.qr import QrCode
from harness.hybrid.stage import HybridStage
from harness.hybrid.wallet import Refusal, presented, refused

PROTOCOL = "openid4vp-v1-unsigned"
ASK = """() => {
    document.body.insertAdjacentHTML('beforeend', '<button id=ask>Show a document</button><p id=told></p>');
    const [ask, told] = [document.getElementById('ask'), document.getElementById('told')];
    ask.onclick = async () => {
        ask.disabled = true;  // the Return key is for the browser's own question
        const requests = [{protocol: 'openid4vp-v1-unsigned', data: {nonce: 'n'}}];
        try {
            const shown = await navigator.credentials.get({digital: {requests}});
            told.textContent = 'shown: ' + JSON.stringify({protocol: shown.protocol, data: shown.data});
        } catch (error) {
            told.textContent = 'error: ' + error.name;
        }
    };
}"""
ATTEMPTS = 6


@pytest.fixture(scope="module")
def shared_stage() -> Iterator[HybridStage]:
    with HybridStage() as stage:
        yield stage


@pytest.fixture
def stage(shared_stage: HybridStage, site: str) -> Iterator[HybridStage]:
    shared_stage.browser.page.goto(site)
    yield shared_stage
    shared_stage.browser.page.goto("about:blank")


@pytest.fixture
def key() -> Iterator[VirtualKey]:
    with Account("google-password-manager").sign_in("phone") as device:
        yield device


def asked_for_a_document(stage: HybridStage) -> str:
    """The code on the screen, once the person has agreed that this site may ask ("Do you trust this site …?")."""
    stage.browser.page.evaluate(ASK)
    stage.browser.page.click("#ask")
    assert stage.browser.display is not None
    hands = XdotoolHands(stage.browser.display.environment)
    # The question is in no log: press until the code is there
    for _ in range(ATTEMPTS):
        hands.press("Return")
        try:
            return stage.read_code(5)
        except Failure:
            continue
    raise Failure("no QR code was shown for a document")


def test_a_document_is_shown(stage: HybridStage, key: VirtualKey, site: str) -> None:
    asked: list[bytes] = []

    async def wallet(request: bytes) -> bytes:
        asked.append(request)
        return presented(PROTOCOL, {"vp_token": "a token"})

    code = asked_for_a_document(stage)
    assert QrCode.decode(code).operation == "dcp"
    phone = stage.phone(key, on_json=wallet)
    session = stage.scan(phone, code)
    stage.browser.page.wait_for(text="shown: ")
    session.result(30)
    told = stage.browser.page.text("#told").removeprefix("shown: ")
    assert json.loads(told) == {"protocol": PROTOCOL, "data": {"vp_token": "a token"}}
    request = json.loads(asked[0])
    assert request["origin"] == site.rstrip("/")
    assert request["requestType"] == "credential.get"
    assert request["request"]["digital"]["requests"] == [{"protocol": PROTOCOL, "data": {"nonce": "n"}}]
    stages = [event.stage for event in phone.events]
    assert Stage.JSON in stages
    assert stages[-1] is Stage.SHUT_DOWN
    assert Stage.REQUEST not in stages


def test_a_document_is_refused(stage: HybridStage, key: VirtualKey) -> None:
    async def wallet(request: bytes) -> bytes:
        return refused(Refusal.CANCELED)

    code = asked_for_a_document(stage)
    session = stage.scan(stage.phone(key, on_json=wallet), code)
    stage.browser.page.wait_for(text="error: ")
    session.result(30)
    assert stage.browser.page.text("#told") == "error: NotAllowedError"
