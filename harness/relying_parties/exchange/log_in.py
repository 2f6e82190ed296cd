"""The exchange's pages for people who are not logged in."""

from __future__ import annotations

from harness.play.verbs import LogIn, LogOut, OpenApp, RecoverAccount, SignUp
from harness.relying_parties.exchange.context import Context
from harness.relying_parties.exchange.hooks import ERROR, MESSAGE, test
from harness.relying_parties.exchange.verification import Answers, user_says_wrong
from harness.relying_parties.outcome import Outcome
from harness.relying_parties.protocol import Visit

HOME = '[data-page="/dashboard"]'
VERIFY = "#verify[open]"
STEPS = tuple(f'main[data-state="{name}"]' for name in ("slider", "passkey", "password"))
HAS_AUTOFILL = """async () =>
    document.querySelector("#identifier-step").dataset.autofill === "yes" &&
    await PublicKeyCredential.isConditionalMediationAvailable()"""


def log_in(context: Context, visit: Visit, verb: LogIn) -> Outcome:
    window = visit.window
    window.goto(context.at("/log-in"))
    # The page asks for autofill as it loads, and would break off a request that comes before.
    offers_autofill = window.evaluate(HAS_AUTOFILL)
    if offers_autofill:
        window.wait_for('[data-offered="yes"]', ERROR)
    if verb.with_ == "autofill":
        with visit.hand(verb.on):
            visit.pick_autofill()
            return context.outcome(visit, ["passkey"], window.wait_for(HOME, ERROR))
    if verb.with_ == "passkey":
        with visit.hand(verb.on):
            return _LogIn(context, visit, verb).go()
    with visit.hands_off():
        return _LogIn(context, visit, verb).go()


class _LogIn:
    """Step by step, as the page leads."""

    def __init__(self, context: Context, visit: Visit, verb: LogIn) -> None:
        self._context = context
        self._visit = visit
        self._window = visit.window
        self._verb = verb
        self._asks: list[str] = []
        self._wants_password = verb.with_ == "password"

    def go(self) -> Outcome:
        user, window = self._context.user, self._window
        window.fill(test("identifier"), user.email if self._verb.by == "email" else user.phone)
        window.click(test("next"))
        seen = window.wait_for(*STEPS, HOME, ERROR)
        if seen == STEPS[0]:
            seen = self._slide()
        if seen == STEPS[1]:
            seen = self._passkey()
        if seen == STEPS[2] and not self._wants_password:
            self._asks.append("password")  # the site prefers it; the person asks for the passkey
            window.click(test("passkey-instead"))
            window.wait_for(STEPS[1])
            seen = self._passkey()
        if seen == STEPS[2]:
            return self._password()
        return self._context.outcome(self._visit, self._asks, seen)

    def _slide(self) -> str:
        self._asks.append("slider")
        window = self._window
        gap = int(window.attribute(test("slider"), "data-gap") or 0)
        right = self._verb.slider == "right"
        window.fill(test("slider-handle"), str(gap if right else gap // 2))
        window.click(test("slider-done"))
        return window.wait_for(ERROR, HOME, *(STEPS[1:] if right else ()))

    def _passkey(self) -> str:
        """The browser was asked as the step was shown."""
        self._asks.append("passkey")
        window = self._window
        seen = window.wait_for(HOME, ERROR)
        if seen == ERROR and (self._wants_password or self._verb.instead == "password"):
            window.click(test("use-password"))
            self._wants_password = True
            return window.wait_for(STEPS[2])
        return seen

    def _password(self) -> Outcome:
        self._asks.append("password")
        window, verb, context = self._window, self._verb, self._context
        password = context.user.password
        window.fill(test("password"), password if verb.password == "right" else user_says_wrong(password))
        # The second step may ask for the passkey as soon as it is shown.
        with self._visit.hand(verb.on) if verb.second == "passkey" else self._visit.hands_off():
            window.click(test("log-in"))
            seen = window.wait_for(HOME, VERIFY, ERROR)
            if seen != VERIFY:
                return context.outcome(self._visit, self._asks, seen)
            answers = Answers(proof=context.proof(self._visit, verb.second), prefer_phone=verb.by == "phone")
            return context.verified(self._visit, self._asks, answers, HOME, ERROR)


def log_out(context: Context, visit: Visit, verb: LogOut) -> Outcome:
    window = visit.window
    if not window.has(test("log-out")):
        window.goto(context.at("/dashboard"))
    window.click(test("log-out"))
    window.wait_for('body:not([class~="member"])')
    return Outcome(text=window.text())


def open_app(context: Context, visit: Visit, verb: OpenApp) -> Outcome:
    """As one opens an app: it shows the account, or asks to log in."""
    window = visit.window
    window.goto("about:blank")
    window.goto(context.at("/dashboard"))
    seen = window.wait_for(HOME, test("identifier"))
    return Outcome(asks=() if seen == HOME else ("log in",), text=window.text())


def sign_up(context: Context, visit: Visit, verb: SignUp) -> Outcome:
    """Another account than the one the play was given: only its e-mail address is bound."""
    window, user = visit.window, context.user
    user.email, user.phone, user.totp_secret, user.has_phone = "bea@example.com", "+15550111", None, False
    window.goto(context.at("/sign-up"))
    window.fill(test("email"), user.email)
    window.fill(test("password"), user.password)
    window.click(test("submit"))
    seen = window.wait_for(VERIFY, ERROR)
    if seen == ERROR:
        return context.outcome(visit, ["password"], seen)
    return context.verified(visit, ["password"], Answers(proof="codes"), HOME, ERROR)


def recover_account(context: Context, visit: Visit, verb: RecoverAccount) -> Outcome:
    window = visit.window
    if verb.part == "cancel":
        window.goto(context.at("/security"))
        window.click(test("cancel-recovery"))
        window.wait_for('[data-page="/security"]:not(:has([data-test="recovery"]))')
        return Outcome(text=window.text())
    window.goto(context.at("/recovery"))
    if verb.part == "finish":
        window.fill(test("token"), context.recovery)
        window.fill(test("password"), context.user.password)
        window.click(test("complete"))
        return context.outcome(visit, [], window.wait_for('[data-page="/security/passkeys"]', ERROR))
    window.fill(test("identifier"), context.user.email)
    window.click(test("submit"))
    if window.wait_for(VERIFY, ERROR) == ERROR:
        return context.outcome(visit, [], ERROR)
    answers = Answers(proof=context.proof(visit, verb.verify_with))
    outcome = context.verified(visit, [], answers, MESSAGE, ERROR)
    if outcome.refused is None and outcome.gave_up is None:
        context.recovery = str(window.evaluate("() => document.querySelector('#token').value"))
    return outcome
