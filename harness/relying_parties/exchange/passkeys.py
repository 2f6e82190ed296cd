"""The exchange's page of passkeys."""

from __future__ import annotations

from contextlib import AbstractContextManager
from datetime import UTC, datetime

from harness.browsers.browser import NotShown
from harness.play.verbs import (
    AddPasskey,
    ChooseScenarios,
    EnablePasskeys,
    ListPasskeys,
    RemovePasskey,
    RenamePasskey,
)
from harness.relying_parties.exchange.context import Context
from harness.relying_parties.exchange.hooks import ERROR, MESSAGE, test
from harness.relying_parties.exchange.verification import Answers
from harness.relying_parties.outcome import Outcome, PasskeyRow
from harness.relying_parties.protocol import Visit

PAGE = '[data-page="/security/passkeys"]'
VERIFY = "#verify[open]"
METHOD = "#method[open]"
FAILED = '#retry[data-state="failed"]'
SCENES = {
    "known": "clear",
    "unknown": "someone-else",
    "in the dark": "too-dark",
    "in glaring light": "too-bright",
}
ROWS = """() => [...document.querySelectorAll('[data-test="passkey"]')].map((row) => {
    const text = (name) => row.querySelector(`[data-test="passkey-${name}"]`)?.textContent.trim() ?? "";
    return { id: row.dataset.id, name: text("name"), device: text("device"), created: text("created"),
             used: text("used"), sync: text("sync"), network: text("network") };
})"""


def go_to_passkeys(context: Context, visit: Visit) -> None:
    visit.window.goto(context.at("/security/passkeys"))
    if visit.window.wait_for(PAGE, test("identifier")) != PAGE:
        raise NotShown("the site asks to log in before it shows passkeys")


def enable_passkeys(context: Context, visit: Visit, verb: EnablePasskeys) -> Outcome:
    go_to_passkeys(context, visit)
    return _enable(context, visit, Answers(proof=context.proof(visit, verb.verify_with)))


def _enable(context: Context, visit: Visit, answers: Answers) -> Outcome:
    window = visit.window
    window.click(test("enable-passkeys"))
    seen = window.wait_for(VERIFY, MESSAGE, ERROR)
    if seen != VERIFY:
        return context.outcome(visit, [], seen)
    return context.verified(visit, [], answers, MESSAGE, ERROR)


def add_passkey(context: Context, visit: Visit, verb: AddPasskey) -> Outcome:
    outcome = Outcome()
    for number in range(verb.times):
        if number:
            visit.change_account(verb.on)
        if not number and not verb.again:
            go_to_passkeys(context, visit)
        outcome = _again(context, visit, verb) if verb.again else _add(context, visit, verb)
        if outcome.refused is not None or outcome.gave_up is not None:
            break
    return outcome


def _add(context: Context, visit: Visit, verb: AddPasskey) -> Outcome:
    window = visit.window
    answers = Answers(proof=context.proof(visit, verb.verify_with), scene=SCENES[verb.face])
    asks: list[str] = []
    if window.has(test("enable-passkeys")):
        # whoever adds a passkey where they are not enabled yet enables them first; that proof does for both
        enabled = _enable(context, visit, answers)
        if enabled.refused is not None or enabled.gave_up is not None:
            return enabled
        asks = list(enabled.asks)
    before = _ids(visit)
    window.click(test("add-passkey"))
    if window.wait_for(METHOD, ERROR) == ERROR:
        return context.outcome(visit, asks, ERROR)
    if verb.network is not None:
        window.choose(test("new-network"), verb.network)
    button = test(f"method-{_method(visit, verb.on)}")
    if not window.has(button):
        return _refused(visit, "the site offers no such way")
    if window.attribute(button, "disabled") is not None:
        return _refused(visit, window.text("#method-error") or window.text(f"{button} small"))
    with visit.hand(verb.on):
        window.click(button)
        seen = window.wait_for(VERIFY, MESSAGE, ERROR, FAILED)
        if seen == FAILED:
            return _made(
                context,
                visit,
                verb.on,
                before,
                _told_failure(visit, context.outcome(visit, asks, seen, FAILED)),
            )
        if seen != VERIFY:
            return _made(context, visit, verb.on, before, context.outcome(visit, asks, seen))
        verified = context.verified(visit, asks, answers, MESSAGE, FAILED)
    return _made(context, visit, verb.on, before, _told_failure(visit, verified))


def _again(context: Context, visit: Visit, verb: AddPasskey) -> Outcome:
    """From the dialog that told of the failure, without new codes."""
    window = visit.window
    before = _ids(visit)
    with visit.hand(verb.on):
        window.click(test("create-again"))
        seen = window.wait_for(MESSAGE, FAILED)
    return _made(
        context, visit, verb.on, before, _told_failure(visit, context.outcome(visit, [], seen, FAILED))
    )


def _told_failure(visit: Visit, outcome: Outcome) -> Outcome:
    if outcome.refused is None or not visit.window.has(FAILED):
        return outcome
    return Outcome(refused=visit.window.text("#create-error"), asks=outcome.asks, text=outcome.text)


def _refused(visit: Visit, why: str) -> Outcome:
    return Outcome(refused=why, text=visit.window.text())


def _made(context: Context, visit: Visit, device: str, before: list[str], outcome: Outcome) -> Outcome:
    new = [each for each in _ids(visit) if each not in before]
    context.passkeys.setdefault(device, []).extend(new)
    return outcome


def _method(visit: Visit, device: str) -> str:
    if visit.is_security_key(device):
        return "security-key"
    return "this-device" if visit.is_here(device) else "another-device"


def _ids(visit: Visit) -> list[str]:
    return [row["id"] for row in visit.window.evaluate(ROWS)]


def _id(context: Context, device: str) -> str:
    made = context.passkeys.get(device)
    if not made:
        raise NotShown(f"{device} has made no passkey here")
    return made[-1]


def list_passkeys(context: Context, visit: Visit, verb: ListPasskeys) -> Outcome:
    go_to_passkeys(context, visit)
    rows = tuple(_row(context, row) for row in visit.window.evaluate(ROWS))
    return Outcome(text=visit.window.text(), passkeys=rows)


def _row(context: Context, row: dict[str, str]) -> PasskeyRow:
    today = datetime.fromtimestamp(context.exchange.clock.now(), UTC).strftime("%Y-%m-%d")
    return PasskeyRow(
        name=row["name"],
        device=row["device"],
        kind="synced" if row["sync"] == "Synced" else "device-bound" if row["sync"] else "",
        network=row["network"],
        created=row["created"],
        created_today=row["created"].startswith(today),
        last_used=None if row["used"] == "–" else row["used"],
    )


def rename_passkey(context: Context, visit: Visit, verb: RenamePasskey) -> Outcome:
    window = visit.window
    go_to_passkeys(context, visit)
    window.click(f'[data-rename="{_id(context, verb.of)}"]')
    window.fill(test("new-name"), verb.to)
    window.click(test("rename-save"))
    error = "#rename-error:not(:empty)"
    return context.outcome(visit, [], window.wait_for(MESSAGE, error), error)


def remove_passkey(context: Context, visit: Visit, verb: RemovePasskey) -> Outcome:
    window = visit.window
    go_to_passkeys(context, visit)
    with _hands(visit, verb.verify_with, verb.on):
        window.click(f'[data-remove="{_id(context, verb.of)}"]')
        window.wait_for("#remove[open]")
        asks = ["confirmation"]
        if not verb.confirm:
            window.click(test("remove-cancel"))
            return Outcome(gave_up="they did not confirm it", asks=tuple(asks), text=window.text())
        window.click(test("remove-confirm"))
        seen = window.wait_for(VERIFY, MESSAGE, ERROR)
        outcome = context.outcome(visit, asks, seen)
        if seen == VERIFY:
            answers = Answers(proof=context.proof(visit, verb.verify_with))
            outcome = context.verified(visit, asks, answers, MESSAGE, ERROR)
    if outcome.refused is None and outcome.gave_up is None:
        context.passkeys[verb.of].pop()
    return outcome


def _hands(visit: Visit, proof: str, on: str | None) -> AbstractContextManager[None]:
    return visit.hand(on) if proof == "passkey" else visit.hands_off()


def choose_scenarios(context: Context, visit: Visit, verb: ChooseScenarios) -> Outcome:
    window = visit.window
    go_to_passkeys(context, visit)
    window.click(test("open-uses"))
    for use in window.evaluate(
        "() => [...document.querySelectorAll('[name=uses]')].map((each) => each.value)"
    ):
        window.check(test(f"use-{use}"), use in verb.scenarios)
    window.click(test("uses-save"))
    error = "#uses-error:not(:empty)"
    seen = window.wait_for(VERIFY, MESSAGE, error)
    if seen != VERIFY:
        return context.outcome(visit, [], seen, error)
    return context.verified(visit, [], Answers(proof=context.proof(visit, verb.verify_with)), MESSAGE, ERROR)
