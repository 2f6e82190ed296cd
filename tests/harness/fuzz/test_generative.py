"""The generative mode finds what is broken, and shrinks it to one change."""

from __future__ import annotations

import json

import broken_sites
import pytest
from click.testing import CliRunner
from hypothesis import given

from harness.cli import main
from harness.fuzz.generative import Disputed, Lie, explore, lies
from harness.fuzz.targets.exchange import Exchange
from harness.fuzz.targets.known import open_target
from harness.fuzz.targets.site import Asked, Registered, Site
from scenarios.exchange.webauthn import Refused


class _AcceptsStep(Exchange):
    """Does not look at one step of an authentication."""

    def __init__(self, step: str) -> None:
        super().__init__()
        self.step = step

    def authenticate(self, body: str, asked: Asked, registered: Registered) -> int:
        try:
            return super().authenticate(body, asked, registered)
        except Refused as refused:
            if refused.step == self.step:
                return registered.stored.sign_count
            raise


def search(site: Site, **options: int) -> list[Disputed]:
    return list(explore(site, **{"seed": 2, "examples": 150, "most": 1, **options}))


@pytest.mark.parametrize(
    ("step", "paths"),
    [
        ("7.2.11", {"clientData.challenge"}),
        ("7.2.12", {"clientData.origin"}),
        ("7.2.16", {"authenticatorData.up"}),
        ("7.2.18", {"authenticatorData.bs"}),
    ],
)
def test_a_step_that_is_left_out_is_found_and_shrunk_to_one_change(step: str, paths: set[str]) -> None:
    found = search(Site(verifier=_AcceptsStep(step)), examples=1500)
    assert {each.step for each in found} == {step}
    for each in found:
        assert len(each.lie.mutations) == 1
    assert any({change.path for change in each.differences} == paths for each in found)


def test_a_signature_that_nobody_verifies_is_found() -> None:
    found = search(Site(verifier=broken_sites.VerifiesNoSignature()))
    assert [each.step for each in found] == ["7.2.21"]
    assert len(found[0].lie.mutations) == 1


def test_nothing_is_disputed_between_the_strict_verifier_and_itself() -> None:
    assert search(Site(verifier=Exchange())) == []


def test_the_same_seed_finds_the_same() -> None:
    def told() -> list[object]:
        return [each.to_json() for each in search(open_site("webauthn"))]

    assert told() == told() != []


def open_site(name: str) -> Site:
    site = open_target(name)
    assert isinstance(site, Site)
    return site


def test_explore_tells_step_reason_and_change() -> None:
    result = CliRunner().invoke(
        main, ["fuzz", "explore", "fido2", "--examples", "150", "--most", "1", "--seed", "3", "--json"]
    )
    assert result.exit_code == 1
    told = json.loads(result.output)
    [disputed] = told["disputed"]
    assert disputed["step"].startswith("7.")
    assert disputed["differences"]
    command = disputed.pop("replay").split()[1:]
    again = CliRunner().invoke(main, [*command, "--json"])
    assert again.exit_code == 1
    assert json.loads(again.output)["found"] == disputed
    elsewhere = CliRunner().invoke(main, [part.replace("fido2:", "exchange:") for part in command])
    assert elsewhere.exit_code == 0
    assert "does not accept it" in elsewhere.output


@pytest.mark.parametrize("word", ["", "AA", "gwEC", "hGE", "x" * 40])
def test_a_find_that_is_none(word: str) -> None:
    result = CliRunner().invoke(main, ["fuzz", "replay", f"fido2:explore/{word}@0"])
    assert result.exit_code == 2
    assert "no find of `stuntkey fuzz explore`" in result.output


@given(lies())
def test_a_lie_in_one_word(lie: Lie) -> None:
    again = Lie.from_word(lie.to_word())
    assert again.to_word() == lie.to_word()
    assert (again.ceremony, again.base) == (lie.ceremony, lie.base)
    assert [str(each) for each in again.mutations] == [str(each) for each in lie.mutations]
