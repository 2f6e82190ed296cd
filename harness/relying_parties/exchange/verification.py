"""The exchange's dialog that verifies who the person is: a passkey, codes, a face."""

from __future__ import annotations

import json
from dataclasses import dataclass, field

from harness.relying_parties.exchange.account import Codes, User
from harness.relying_parties.exchange.hooks import test
from harness.relying_parties.outcome import ASKS
from harness.relying_parties.protocol import Visit

ASKED = {
    "email": "email code",
    "phone": "sms code",
    "totp": "authenticator code",
    "new-email": "email code",
    "new-phone": "sms code",
    "new-totp": "authenticator code",
    "password": "password",
}
ERROR = "#verify-error:not(:empty)"
LOOK = """() => {
    const dialog = document.querySelector("#verify");
    if (!dialog || !dialog.open) return '{"state": "closed"}';
    // The page is busy all the while; a button of the dialog's own is disabled while what it does is under way.
    if (dialog.querySelector("button:disabled") || !document.querySelector("#verify-waiting").hidden) return "busy";
    return JSON.stringify({
        state: dialog.dataset.state,
        error: document.querySelector("#verify-error").textContent,
        fields: [...dialog.querySelectorAll("#verify-codes input")].map((each) => each.id.slice("code-".length)),
        face: !document.querySelector("#verify-face").hidden,
    });
}"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """The dialog as it is when nothing moves: read at once, as a page may go on any moment."""

    state: str
    error: str = ""
    fields: tuple[str, ...] = ()
    face: bool = False


@dataclass(slots=True, kw_only=True)
class Verified:
    """What the dialog came to."""

    asks: list[str] = field(default_factory=list)
    refused: str | None = None
    gave_up: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """What the person gives."""

    proof: str
    """passkey, codes, wrong codes or nothing."""
    more: str = "codes"
    """What is given where a passkey is not enough."""
    on: str | None = None
    """The device that has the passkey."""
    instead: str | None = None
    """What is given once the passkey was cancelled."""
    scene: str = "clear"
    """What the camera of the site's face check sees."""
    prefer_phone: bool = False


class Verification:
    """Goes through the dialog as a person does, and notes what it asked for."""

    def __init__(self, visit: Visit, user: User, codes: Codes, answers: Answers) -> None:
        self._visit = visit
        self._window = visit.window
        self._user = user
        self._codes = codes
        self._answers = answers
        self._seen = Verified()
        self._proof = answers.proof
        self._has_given: tuple[tuple[str, ...], bool] | None = None

    def go(self) -> Verified:
        """The dialog is open, or about to be. Returns when it is closed, or when the person gives up."""
        while (sight := self._look()).state != "closed":
            goes_on = self._passkey(sight) if sight.state == "passkey" else self._code_fields(sight)
            if not goes_on:
                self._window.click(test("verify-cancel"))
                break
        return self._seen

    def _look(self) -> Sight:
        seen = json.loads(self._window.wait_until(LOOK, not_="busy"))
        return Sight(**{**seen, "fields": tuple(seen.get("fields", ()))})

    def _passkey(self, sight: Sight) -> bool:
        """The browser was asked already when the dialog opened."""
        self._ask("passkey")
        if self._proof == "nothing":
            return self._give_up("they gave nothing")
        if self._proof == "passkey" and not self._answers.instead:
            return self._refuse(sight.error)
        self._proof = self._answers.instead or self._proof
        self._window.click(test("verify-other"))
        return True

    def _code_fields(self, sight: Sight) -> bool:
        window, fields = self._window, list(sight.fields)
        if sight.error and self._has_given == (sight.fields, sight.face):
            return self._refuse(sight.error)
        if self._answers.prefer_phone and fields[:1] == ["email"] and window.has(test("other-channel")):
            window.click(test("other-channel"))
            fields[0] = "phone"
        for name in fields:
            self._ask(ASKED[name])
        if sight.face:
            self._ask("face")
        proof = self._answers.more if self._proof == "passkey" else self._proof
        if not fields and not sight.face:
            return self._refuse(sight.error)
        if proof in ("nothing", "passkey"):
            return self._refuse(sight.error) if sight.error else self._give_up("they have no codes to give")
        self._has_given = (tuple(fields), sight.face)
        if fields:
            for name in fields:
                self._fill(name, wrong=proof == "wrong codes")
            window.click(test("verify-submit"))
        else:
            window.choose(test("face-scene"), self._answers.scene)
            window.click(test("face-check"))
        return True

    def _fill(self, name: str, *, wrong: bool) -> None:
        window = self._window
        if window.has(test(f"send-{name}")):
            window.click(test(f"send-{name}"))
            window.wait_for(f"{test(f'sent-{name}')}[data-state=sent]", ERROR)
        window.fill(test(f"code-{name}"), self._wrong(name) if wrong else self._right(name))

    def _right(self, name: str) -> str:
        user = self._user
        match name:
            case "totp" | "new-totp":
                return self._codes.authenticator()
            case "password":
                return user.password
            case "email" | "new-email":
                address = user.email
            case _:
                address = user.phone
        code = self._codes.sent_to(address)
        self._visit.note(f"code sent to {address}")
        return code

    def _wrong(self, name: str) -> str:
        if name == "password":
            return user_says_wrong(self._user.password)
        right = self._right(name)
        return f"{(int(right) + 500_000) % 1_000_000:06d}"

    def _ask(self, what: str) -> None:
        if what not in self._seen.asks:
            self._seen.asks.append(what)
            self._visit.note(f"{ASKS} {what}")

    def _refuse(self, why: str) -> bool:
        self._seen.refused = why
        return False

    def _give_up(self, why: str) -> bool:
        self._seen.gave_up = why
        return False


def user_says_wrong(password: str) -> str:
    """Not the password, though nearly."""
    return password[:-1] + ("x" if password[-1] != "x" else "y")
