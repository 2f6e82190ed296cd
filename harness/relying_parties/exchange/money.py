"""The exchange's pages that move money, and those that guard it."""

from __future__ import annotations

from contextlib import AbstractContextManager

from harness.browsers.browser import NotShown
from harness.play.verbs import Bind, ChangeSetting, Deposit, Look, Trade, UseNetwork, VisitLookAlike, Withdraw
from harness.relying_parties.exchange import words
from harness.relying_parties.exchange.account import read_options
from harness.relying_parties.exchange.context import Context
from harness.relying_parties.exchange.hooks import ERROR, MESSAGE, test
from harness.relying_parties.exchange.look_alike import look_alike
from harness.relying_parties.exchange.verification import Answers, Verification
from harness.relying_parties.outcome import Outcome
from harness.relying_parties.protocol import Visit

VERIFY = "#verify[open]"
PROMPT = "#add-passkey[open]"
RECEIPT = test("receipt")
ADDRESSES = {
    "TRC20": "TJRabPrwbZy45sbavfcjinPJC18kjpRTv8",
    "ERC20": "0x52908400098527886E0F7030069857D2E4169EE7",
    "BTC": "bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq",
    "SOL": "7EcDhSYGxXyscszYEp35KHN8vvw3svAuLKTzXwCFLtV",
}
CHAINS = {"USDT": "TRC20", "BTC": "BTC", "ETH": "ERC20", "SOL": "SOL"}


def withdraw(context: Context, visit: Visit, verb: Withdraw) -> Outcome:
    window = visit.window
    _open(context, visit, "/withdraw")
    chain = verb.network or CHAINS.get(verb.asset, "TRC20")
    window.choose(test("asset"), verb.asset)
    window.choose(test("chain"), chain)
    window.fill(test("address"), verb.address or ADDRESSES[chain])
    window.fill(test("amount"), verb.amount)
    window.click(test("confirm"))
    if window.wait_for("#review[open]", ERROR) == ERROR:
        return context.outcome(visit, [], ERROR)
    with _hands(visit, "passkey" if verb.with_ == "add passkey" else verb.with_, verb.on):
        return _confirm(context, visit, verb)


def _confirm(context: Context, visit: Visit, verb: Withdraw) -> Outcome:
    window = visit.window
    asks = ["confirmation"]
    window.click(test("confirm-withdrawal"))
    seen = window.wait_for(PROMPT, VERIFY, RECEIPT, ERROR)
    if verb.with_ == "add passkey" and seen != PROMPT:
        return Outcome(refused="the site did not lead to a passkey", asks=tuple(asks), text=window.text())
    if seen == PROMPT:
        if verb.with_ == "add passkey":
            window.click(test("prompt-add-passkey"))
            window.wait_for(VERIFY, "#prompt-error:not(:empty)")
            proven = Verification(visit, context.user, context.codes, Answers(proof="codes")).go()
            asks += proven.asks
            if proven.refused is not None or proven.gave_up is not None:
                return Outcome(
                    refused=proven.refused, gave_up=proven.gave_up, asks=tuple(asks), text=window.text()
                )
            seen = window.wait_for(VERIFY, "#prompt-error:not(:empty)")
            if seen != VERIFY:
                return context.outcome(visit, asks, seen, seen)
        else:
            visit.note("the site leads to a passkey", "not now")
            window.click(test("not-now"))
            seen = window.wait_for(VERIFY, RECEIPT, ERROR)
    if seen != VERIFY:
        return context.outcome(visit, asks, seen)
    proof = "passkey" if verb.with_ == "add passkey" else context.proof(visit, verb.with_)
    answers = Answers(proof=proof, more="nothing", instead=verb.instead)
    return context.verified(visit, asks, answers, RECEIPT, ERROR)


def deposit(context: Context, visit: Visit, verb: Deposit) -> Outcome:
    window = visit.window
    _open(context, visit, "/deposit")
    window.choose(test("asset"), verb.asset)
    return _submit(context, visit, test("submit"), verb.with_, verb.on, test("deposit-address"))


def trade(context: Context, visit: Visit, verb: Trade) -> Outcome:
    window = visit.window
    _open(context, visit, "/c2c")
    window.choose(test("side"), "buy")
    window.choose(test("asset"), verb.asset)
    window.fill(test("amount"), verb.amount)
    return _submit(context, visit, test("submit"), verb.with_, verb.on)


def use_network(context: Context, visit: Visit, verb: UseNetwork) -> Outcome:
    window = visit.window
    _open(context, visit, words.NETWORKS[verb.network])
    window.choose(test("asset"), "USDT")
    window.fill(test("to"), "bob@example.com")
    window.fill(test("amount"), "5")
    return _submit(context, visit, test("submit"), verb.with_, verb.on)


def change_setting(context: Context, visit: Visit, verb: ChangeSetting) -> Outcome:
    window = visit.window
    _open(context, visit, "/settings")
    match verb.setting:
        case words.WHITELIST:
            window.check(test("whitelist-only"), True)
            button, done = test("whitelist-only-save"), MESSAGE
        case words.API_KEY:
            window.fill(test("label"), "bot")
            button, done = test("api-key-save"), f"{test('new-key')}:not(:empty)"
        case setting:
            raise NotShown(f"there is no setting {setting!r}")
    return _submit(context, visit, button, verb.with_, verb.on, done, more=verb.more)


def bind(context: Context, visit: Visit, verb: Bind) -> Outcome:
    window, user = visit.window, context.user
    _open(context, visit, "/security")
    if verb.factor == "authenticator app":
        window.click(test("bind-totp"))
        window.wait_for("#totp[open]")
        secret = window.text(test("totp-secret"))
        user.totp_secret, user.last_step = secret, -1
        window.click(test("totp-next"))
    else:
        name = verb.factor
        window.click(test(f"open-bind-{name}"))
        window.fill(test(f"bind-{name}-field"), user.email if name == "email" else user.phone)
        window.click(test(f"bind-{name}-submit"))
    window.wait_for(VERIFY, ERROR)
    return context.verified(visit, [], Answers(proof="codes"), MESSAGE, ERROR)


def look_at(context: Context, visit: Visit, verb: Look) -> Outcome:
    window = visit.window
    window.goto(context.at(f"/{verb.page.strip('/')}"))
    window.wait_for("main[data-state]")
    problem = test("problem")
    return context.outcome(visit, [], problem if window.has(problem) else "", problem)


def visit_look_alike(context: Context, visit: Visit, verb: VisitLookAlike) -> Outcome:
    """The phisher asks the real site for a request, and has the victim's browser answer it elsewhere."""
    window = visit.window
    options = read_options(context.exchange, context.user, window.evaluate("() => navigator.userAgent"))
    with look_alike(options) as port, visit.hand(verb.on):
        window.goto(f"http://{verb.host}.localhost:{port}/")
        window.click("#log-in")
        window.wait_for("#said:not(:empty)")
        said = window.text("#said")
        window.goto("about:blank")
    return Outcome(refused=said if "got nothing" in said else None, asks=("passkey",), text=said)


def _open(context: Context, visit: Visit, path: str) -> None:
    visit.window.goto(context.at(path))
    page = f'[data-page="{path}"]'
    if visit.window.wait_for(page, test("identifier")) != page:
        raise NotShown(f"the site asks to log in before it shows {path}")


def _submit(
    context: Context,
    visit: Visit,
    button: str,
    proof: str,
    on: str | None,
    done: str = MESSAGE,
    *,
    more: str = "nothing",
) -> Outcome:
    window = visit.window
    with _hands(visit, proof, on):
        window.click(button)
        seen = window.wait_for(VERIFY, done, ERROR)
        if seen != VERIFY:
            return context.outcome(visit, [], seen)
        answers = Answers(proof=context.proof(visit, proof), more=context.proof(visit, more))
        return context.verified(visit, [], answers, done, ERROR)


def _hands(visit: Visit, proof: str, on: str | None) -> AbstractContextManager[None]:
    return visit.hand(on) if proof == "passkey" else visit.hands_off()
