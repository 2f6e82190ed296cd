"""The adapter for our exchange: its pages in a real browser, under any of its policies."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

from harness.errors import SetupError
from harness.play import verbs
from harness.play.play import AccountSpec
from harness.play.verbs import Verb
from harness.relying_parties.exchange import log_in, money, passkeys
from harness.relying_parties.exchange.account import Codes, User, open_account
from harness.relying_parties.exchange.context import Context
from harness.relying_parties.outcome import Outcome
from harness.relying_parties.protocol import Visit
from scenarios.exchange.errors import ConfigurationError
from scenarios.exchange.policy import PolicyError, load_policy
from scenarios.exchange.server import Exchange

HOW: Mapping[type[Verb], Callable[[Context, Visit, Any], Outcome]] = {
    verbs.SignUp: log_in.sign_up,
    verbs.LogIn: log_in.log_in,
    verbs.LogOut: log_in.log_out,
    verbs.OpenApp: log_in.open_app,
    verbs.RecoverAccount: log_in.recover_account,
    verbs.EnablePasskeys: passkeys.enable_passkeys,
    verbs.AddPasskey: passkeys.add_passkey,
    verbs.RenamePasskey: passkeys.rename_passkey,
    verbs.RemovePasskey: passkeys.remove_passkey,
    verbs.ListPasskeys: passkeys.list_passkeys,
    verbs.ChooseScenarios: passkeys.choose_scenarios,
    verbs.Withdraw: money.withdraw,
    verbs.Deposit: money.deposit,
    verbs.Trade: money.trade,
    verbs.UseNetwork: money.use_network,
    verbs.ChangeSetting: money.change_setting,
    verbs.Bind: money.bind,
    verbs.Look: money.look_at,
    verbs.VisitLookAlike: money.visit_look_alike,
}


class ExchangeSite:
    """An exchange of its own for each play: a fresh database, a fresh user, a clock that plays can move."""

    def __init__(self, policy: str) -> None:
        try:
            loaded = load_policy(policy)
        except PolicyError as error:
            raise SetupError(str(error)) from None
        # How hard a stolen database is to guess passwords from is nothing that a play shows.
        self._policy = replace(loaded, limits=replace(loaded.limits, password_work=8))
        self.name = self._policy.name
        self._exchange: Exchange | None = None
        self._context: Context | None = None

    @property
    def url(self) -> str:
        assert self._exchange is not None
        return self._exchange.url

    @property
    def verbs(self) -> Mapping[type[Verb], Callable[[Visit, Any], Outcome]]:
        return {verb: self._bound(how) for verb, how in HOW.items()}

    def _bound(self, how: Callable[[Context, Visit, Any], Outcome]) -> Callable[[Visit, Any], Outcome]:
        def act(visit: Visit, verb: Any) -> Outcome:
            assert self._context is not None
            return how(self._context, visit, verb)

        return act

    def open(self, account: AccountSpec, seed: str) -> None:
        # Browsers resolve *.localhost to the loopback by themselves, and passkeys need no TLS there.
        try:
            self._exchange = Exchange(self._policy, name=f"{self.name}.localhost", test_clock=True)
        except ConfigurationError as error:
            raise SetupError(str(error)) from None
        self._exchange.start()
        user = User()
        self._context = Context(exchange=self._exchange, user=user, codes=Codes(self._exchange, user))
        open_account(self._exchange, user, account, self._context.codes)

    def advance(self, time: timedelta) -> None:
        assert self._exchange is not None
        self._exchange.clock.advance(time.total_seconds())

    def close(self) -> None:
        if self._exchange is not None:
            self._exchange.stop()
            self._exchange = None
