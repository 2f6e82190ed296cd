"""Policies that cannot be used are told with their line and the nearest right word; so are starts that fail."""

from __future__ import annotations

import socket
from pathlib import Path

import httpx
import pytest
from click.testing import CliRunner
from conftest import MakeExchange

from harness.cli import main
from scenarios.exchange.errors import ConfigurationError
from scenarios.exchange.origins import related_origins
from scenarios.exchange.policy import PolicyError, load_policy, policy_names
from scenarios.exchange.server import Exchange

GOOD = 'name = "mine"\n\n[look]\nbrand = "Mine"\nletter = "M"\n'


def test_the_five_systems_are_there() -> None:
    assert policy_names() == ["kucoin", "mexc", "okx-app", "okx-web", "pionex"]
    for name in policy_names():
        assert load_policy(name).name == name


@pytest.mark.parametrize(
    ("more", "line", "words"),
    [
        ("\n[passkeys]\nlimits = 3\n", 8, "passkeys.limits is unknown; did you mean limit?"),
        ('\n[passkeys]\nmethods = ["this-devise"]\n', 8, "did you mean this-device?"),
        ('\n[passkeys]\nlimit = "3"\n', 8, "must be of type int, not str"),
        ("\n[passkeys]\nlimit = -1\n", 8, "must not be negative"),
        ("\n[passkey]\nlimit = 3\n", 7, "passkey is unknown; did you mean passkeys?"),
        ("\n[removal]\nhold_hours = 3\n", 8, "removal.needs has none"),
        ('\n[requirements]\nplatforms = { ios = "sixteen" }\n', 8, "is no version"),
        ("\n[attestation]\nrequired = true\n", 8, "takes away"),
        ("\n[passkeys]\nmethods = []\n", 8, "passkeys.methods is empty"),
        ("\n[passkeys]\nnetworks = []\n", 8, "passkeys.networks is empty"),
        ("\n[passkeys]\nlimit = 0\n", 8, "allows no passkey at all"),
        ('\n[passkeys]\nenable_needs = ["totp"]\n', 8, "counts with enable_step"),
        ("\n[limits]\ncode_attempts = 0\n", 8, "limits.code_attempts is zero"),
    ],
)
def test_mistakes_are_told_where_they_are(tmp_path: Path, more: str, line: int, words: str) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(GOOD + more)
    with pytest.raises(PolicyError) as error:
        load_policy(str(path))
    assert words in str(error.value)
    assert f"{path}:{line}: " in str(error.value)


@pytest.mark.parametrize("name", policy_names())
def test_a_policy_is_shown_whole_and_can_be_used_so(tmp_path: Path, name: str) -> None:
    result = CliRunner().invoke(main, ["exchange", "policy", "show", name])
    assert result.exit_code == 0
    path = tmp_path / "shown.toml"
    path.write_text(result.output)
    assert load_policy(str(path)) == load_policy(name)
    assert load_policy(name).limits.requests_per_minute <= 1200


def test_a_policy_that_is_not_there_is_not_shown() -> None:
    result = CliRunner().invoke(main, ["exchange", "policy", "show", "okx-wep"])
    assert result.exit_code == 2
    assert "did you mean okx-web?" in result.output


def test_ones_own_policy_is_served(make_exchange: MakeExchange, tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(GOOD)
    exchange = make_exchange(str(path))
    assert httpx.get(f"{exchange.url}/api/session").json()["brand"] == "Mine"


def serve(*arguments: str) -> str:
    result = CliRunner().invoke(main, ["exchange", "serve", *arguments])
    assert result.exit_code == 2
    assert "Traceback" not in result.output
    line = result.output.strip()
    assert "\n" not in line
    return line


def test_a_policy_that_is_misspelt() -> None:
    assert "there is no policy 'okx-wep'; did you mean okx-web?" in serve("--policy", "okx-wep")


def test_a_port_in_use() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert f"port {port} is in use" in serve("--port", str(port))


@pytest.mark.parametrize(
    ("option", "value", "words"),
    [
        ("--database", "nonsense", "is no database URL"),
        ("--database", "oracle9://x", "is no database URL"),
        ("--database", "sqlite:////nowhere/at/all/x.db", "the database cannot be opened"),
        ("--origin", "exchange.test", "is no origin"),
        ("--origin", "https://exchange.test/path", "is no origin"),
        ("--origin", "http://exchange.test", "browsers have them at https://"),
        ("--origin", "https://127.0.0.1", "passkeys need a name"),
        ("--rp-id", "evil.example", "is not 'localhost' or a domain above it"),
        ("--database", "mysql://me@localhost/x", "write sqlite:///FILE or postgresql"),
        ("--tls-cert", "/nowhere.pem", "/nowhere.pem"),
        ("--tls-key", "/nowhere.pem", "needs --tls-cert"),
    ],
)
def test_options_that_will_not_do(option: str, value: str, words: str) -> None:
    assert words in serve(option, value)


def test_an_rp_id_is_the_origins_domain_and_no_top_level_domain() -> None:
    assert related_origins("exchange.test", ("https://www.exchange.test", "https://exchange.test:8443")) == ()
    for rp_id in ("test", "change.test", "www.exchange.test", "evil.example"):
        with pytest.raises(ConfigurationError, match="the RP ID"):
            related_origins(rp_id, ("https://exchange.test",))
    with pytest.raises(ConfigurationError, match="use https://"):
        related_origins("exchange.test", ("https://exchange.test", "http://other.localhost"))


def test_related_origins_are_told_to_browsers(make_exchange: MakeExchange) -> None:
    origins = ("https://exchange.test", "https://www.exchange.test", "https://exchange.example")
    exchange = make_exchange("kucoin", origins=origins)
    answer = httpx.get(f"{exchange.url}/.well-known/webauthn")
    assert answer.json() == {"origins": ["https://exchange.example"]}
    assert answer.headers["content-type"] == "application/json"
    assert httpx.get(f"{make_exchange('kucoin').url}/.well-known/webauthn").status_code == 404


def test_what_is_in_a_file_is_there_after_a_restart(tmp_path: Path) -> None:
    from exchange_visitor import OPEN, Visitor

    url = f"sqlite:///{tmp_path / 'exchange.db'}"
    decoys = []
    for number in range(2):
        with Exchange("okx-web", database=url) as exchange:
            visitor = Visitor(exchange)
            if number == 0:
                visitor.sign_up()
                visitor.log_out()
            visitor.identify("nobody@example.com")
            decoys.append(visitor.post("/api/log-in/passkey/options")["options"]["allowCredentials"])
            visitor.identify("ann@example.com")
            assert "operation" in visitor.post("/api/log-in/password", {"password": "correct horse battery"})
            while OPEN:
                OPEN.pop().close()
    assert decoys[0] == decoys[1]
