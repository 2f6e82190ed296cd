"""The exchange's dialog that verifies who the person is: a passkey, codes, a face."""

from __future__ import annotations

from dataclasses import dataclass, field

from harness.relying_parties.exchange.account import Codes, User
from harness.relying_parties.exchange.hooks import test
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
DIALOG = test("verify")
ERROR = "#verify-error:not(:empty)"
SETTLED = """() => {
    const dialog = document.querySelector("#verify");
    if (!dialog || !dialog.open) return "closed";
    const busy = document.body.hasAttribute("aria-busy") || !document.querySelector("#verify-waiting").hidden;
    return busy ? "busy" : dialog.dataset.state;
}"""


@dataclass(slots=True, kw_only=True)
class Verified:
    """What the dialog came to."""

    asks: list[str] = field(default_factory=list)
    refused: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """What the person gives."""

    proof: str
    """passkey, codes, wrong codes or nothing."""
    more: str = "codes"
    """What is given where a passkey is not enough."""
    on: str | None = None
    """The device that has the passkey."""
    instead: bool = False
    """Cancel the passkey at first, then give codes."""
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

    def go(self) -> Verified:
        """The dialog is open, or about to be. Returns when it is closed, or when the person gives up."""
        while (state := self._state()) != "closed":
            goes_on = self._passkey() if state == "passkey" else self._code_fields()
            if not goes_on:
                self._give_up()
                break
        return self._seen

    def _state(self) -> str:
        return self._window.wait_until(SETTLED, not_="busy")

    def _passkey(self) -> bool:
        """The browser was asked already when the dialog opened."""
        self._ask("passkey")
        if self._proof == "passkey":
            if self._window.has(ERROR):
                self._refuse()
                return False
            return True
        if self._proof == "nothing":
            self._seen.refused = "the person gave nothing"
            return False
        self._window.click(test("verify-other"))
        return True

    def _code_fields(self) -> bool:
        window = self._window
        names = window.evaluate(
            "() => [...document.querySelectorAll('#verify-codes input')].map((each) => each.id.slice(5))"
        )
        if self._answers.prefer_phone and names and names[0] == "email" and window.has(test("other-channel")):
            window.click(test("other-channel"))
            names[0] = "phone"
        for name in names:
            self._ask(ASKED[name])
        wants_face = window.has("#verify-face:not([hidden])")
        if wants_face:
            self._ask("face")
        proof = self._answers.more if self._proof == "passkey" else self._proof
        if not names and not wants_face:
            self._refuse()
            return False
        if proof in ("nothing", "passkey"):
            self._seen.refused = window.text("#verify-error") or "the site asked for codes"
            return False
        if names:
            for name in names:
                self._fill(name, wrong=proof == "wrong codes")
            window.click(test("verify-submit"))
        else:
            window.choose(test("face-scene"), self._answers.scene)
            window.click(test("face-check"))
        self._state()
        if window.has(ERROR):
            self._refuse()
            return False
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

    def _refuse(self) -> None:
        self._seen.refused = self._window.text("#verify-error")

    def _give_up(self) -> None:
        if self._window.has(test("verify-cancel")):
            self._window.click(test("verify-cancel"))


def user_says_wrong(password: str) -> str:
    """Not the password, though nearly."""
    return password[:-1] + ("x" if password[-1] != "x" else "y")
