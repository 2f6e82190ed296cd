"""The words of plays that are this exchange's own: a mistake in them is told before a browser starts."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from harness.errors import SetupError
from harness.play import verbs
from harness.play.verbs import Verb
from scenarios.exchange.markets import ASSETS, CHAINS
from scenarios.exchange.policy import PolicyError, load_policy

API_KEY, WHITELIST = "API key", "withdraw to the whitelist only"
NETWORKS = {"dex-wallet": "/dex", "pay": "/pay"}
"""Other networks than the exchange, and their pages."""


def words_of_policy(policy_name: str) -> Mapping[tuple[type[Verb], str], Collection[str]]:
    try:
        policy = load_policy(policy_name)
    except PolicyError as error:
        raise SetupError(str(error)) from None
    passkeys = policy.passkeys
    return {
        (verbs.Withdraw, "asset"): tuple(ASSETS),
        (verbs.Withdraw, "network"): tuple(CHAINS),
        (verbs.Deposit, "asset"): tuple(ASSETS),
        (verbs.Trade, "asset"): tuple(ASSETS),
        (verbs.AddPasskey, "network"): passkeys.networks,
        (verbs.UseNetwork, "network"): tuple(each for each in NETWORKS if each in passkeys.networks),
        (verbs.ChooseScenarios, "scenarios"): tuple(
            use.value for use in passkeys.uses if passkeys.uses_configurable
        ),
        (verbs.ChangeSetting, "setting"): (WHITELIST, API_KEY),
    }
