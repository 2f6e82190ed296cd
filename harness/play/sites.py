"""Which site a play is about: our exchange under a policy, or an adapter of the user's own."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from harness.play.play import Play
from harness.play.verbs import Verb

if TYPE_CHECKING:
    from harness.relying_parties.protocol import RelyingParty

Words = Mapping[tuple[type[Verb], str], Collection[str]]


def site_of(play: Play) -> Callable[[], RelyingParty]:
    """What makes it."""
    if play.header.exchange is not None:
        from harness.relying_parties.exchange import ExchangeSite

        policy = _policy(play, play.header.exchange)
        return lambda: ExchangeSite(policy)
    assert play.header.relying_party is not None
    from harness.relying_parties.loading import load_adapter

    return load_adapter(play.header.relying_party, play.path)


def words_of(play: Play) -> Words:
    """The words that are the site's own. SetupError if there is no such site."""
    if play.header.exchange is not None:
        from harness.relying_parties.exchange.words import words_of_policy

        return words_of_policy(_policy(play, play.header.exchange))
    assert play.header.relying_party is not None
    from harness.relying_parties.loading import load_adapter

    return getattr(load_adapter(play.header.relying_party, play.path), "words", {})


def _policy(play: Play, policy: str) -> str:
    """By name, or the path of one's own, which may lie beside the play."""
    own = play.path.parent / policy
    return str(own) if Path(policy).suffix == ".toml" and own.is_file() else policy
