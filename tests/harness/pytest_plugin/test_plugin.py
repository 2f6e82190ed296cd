"""The pytest plugin, as a stranger's test suite has it: in a process of its own."""

from __future__ import annotations

import json
import re
import shutil
from importlib.metadata import entry_points
from pathlib import Path

import pytest

from harness.play import WAYS
from harness.pytest_plugin import BROWSERS, PORTS

pytest_plugins = ["pytester"]
EXAMPLES = Path(__file__).parents[3] / "examples"
HEAVY = ("fido2", "cryptography", "playwright", "pydantic", "yaml", "rich", "starlette")


def run(pytester: pytest.Pytester, *arguments: str) -> pytest.RunResult:
    """Only the plugins that a test names are there."""
    pytester.makeini("[pytest]\nfilterwarnings = error\n")
    installed = bool(entry_points(group="pytest11", name="stuntkey"))
    return pytester.runpytest_subprocess(*(() if installed else ("-p", "harness.pytest_plugin")), *arguments)


@pytest.fixture
def adapter(pytester: pytest.Pytester) -> None:
    """A site of the user's own, and what its pages are to plays."""
    shutil.copy(EXAMPLES / "my_site.py", pytester.path)
    pytester.makepyfile(
        my_adapter="""
        from my_site import MySite
        from harness.play.verbs import AddPasskey, LogIn
        from harness.relying_parties.protocol import Outcome

        class Adapter:
            name = "my site"

            def __init__(self):
                self._site = MySite()
                self.verbs = {AddPasskey: self.add_passkey, LogIn: self.log_in}

            @property
            def url(self):
                return self._site.url

            def open(self, account, seed):
                self._site.__enter__()

            def close(self):
                self._site.__exit__()

            def add_passkey(self, visit, verb):
                visit.window.goto(self.url)
                visit.window.fill("#name", "ann")
                with visit.hand(verb.on):
                    return self._press(visit, "#make")

            def log_in(self, visit, verb):
                with visit.hand(verb.on):
                    return self._press(visit, "#log-in")

            def _press(self, visit, button):
                visit.window.click(button)
                told = visit.window.wait_until("() => document.querySelector('#told').textContent", not_="...")
                refused = told if told.startswith("Not done") else None
                return Outcome(refused=refused, asks=("passkey",), text=told)
        """
    )


PLAY = """\
scenario: A passkey is made and logs in
relying party: my_adapter:Adapter
devices: {phone: icloud-keychain}
steps:
  - add passkey: phone
    expect: {shows: Passkey added for ann}
  - log in: {with: passkey}
    expect: {shows: "Welcome, ann"}
"""


def test_nothing_heavy_is_imported_until_a_fixture_is_used(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        f"""
        import sys

        def test_of_something_else():
            assert "harness.pytest_plugin" in sys.modules
            assert [name for name in {HEAVY!r} if name in sys.modules] == []
            assert [name for name in sys.modules if name.startswith(("authenticator", "ctaphid"))] == []
        """
    )
    run(pytester, "-p", "no:playwright").assert_outcomes(passed=1)


def test_keys_are_the_same_in_every_run_and_others_in_every_test(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import json, pathlib
        import pytest
        from fido2.ctap2 import Ctap2

        @pytest.mark.parametrize("which", ["one", "other"])
        def test_register(virtual_key, which, request):
            ids = []
            for _ in range(2):
                key = virtual_key("solo2")
                ctap = Ctap2(key.ctap_device())
                ctap.make_credential(bytes(32), {"id": "a.example", "name": "A"}, {"id": b"1", "name": "ann"},
                                     [{"type": "public-key", "alg": -7}], options={"rk": True})
                ids.append(key.credentials[0].id.hex())
            with pathlib.Path("ids.ndjson").open("a") as file:
                file.write(json.dumps(ids) + "\\n")
        """
    )
    for arguments in ((), (), ("--stuntkey-seed", "another")):
        run(pytester, *arguments).assert_outcomes(passed=2)
    one, other, one_again, other_again, *seeded = map(json.loads, Path("ids.ndjson").read_text().splitlines())
    assert (one, other) == (one_again, other_again)
    assert len({*one, *other, *seeded[0], *seeded[1]}) == 8


FAILING = """
import pytest
from fido2.ctap2 import Ctap2
from harness import deny

@pytest.mark.parametrize("number", range(4))
def test_log_in(virtual_key, number):
    key = virtual_key("yubikey-5-nfc", pin="2468 is secret")
    key.person.will(deny())
    Ctap2(key.ctap_device()).selection()

def test_of_something_else():
    assert False
"""


@pytest.mark.parametrize("workers", [(), ("-n", "2")], ids=["alone", "xdist"])
def test_what_a_failed_test_leaves(pytester: pytest.Pytester, workers: tuple[str, ...]) -> None:
    pytester.makepyfile(FAILING)
    result = run(pytester, "--stuntkey-artefacts", "kept", *workers)
    result.assert_outcomes(failed=5)
    result.stdout.fnmatch_lines(["*stuntkey*", "*→ getInfo*", "*? select this key: touch", "*! declined*"])
    result.stdout.fnmatch_lines(["*← OPERATION_DENIED*", "trace: *trace.ndjson  (stuntkey trace show)"])
    folders = sorted((pytester.path / "kept").iterdir())
    assert [re.sub(r"^test_\w+\.py-", "", each.name) for each in folders] == [
        f"test_log_in-{number}" for number in range(4)
    ]
    for folder in folders:
        text = (folder / "trace.ndjson").read_text()
        assert '"command": "selection"' in text
        assert "2468 is secret" not in text


def test_a_bug_inside_a_key_fails_the_test(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import pytest
        from fido2.ctap import CtapError
        from fido2.ctap2 import Ctap2
        from harness import Tamper

        class Faulty(Tamper):
            def response(self, command, response):
                if command == 0x0B:
                    raise ZeroDivisionError("a bug inside")
                return response

        def test_select(virtual_key):
            with pytest.raises(CtapError, match="OTHER"):
                Ctap2(virtual_key(tamper=Faulty()).ctap_device()).selection()
        """
    )
    result = run(pytester)
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(["*ZeroDivisionError: a bug inside"])


def test_a_phone_syncs(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        from harness import Client

        def test_synced(phone):
            laptop = phone.account.sign_in("laptop")
            options = {"challenge": "AAAA", "rp": {"name": "A"}, "user": {"id": "AQ", "name": "ann", "displayName": ""},
                       "pubKeyCredParams": [{"type": "public-key", "alg": -7}]}
            Client(phone, "https://a.example").create(options)
            Client(laptop, "https://a.example").get({"challenge": "AAAA"})
        """
    )
    run(pytester).assert_outcomes(passed=1)


def test_fixtures_can_be_overridden(pytester: pytest.Pytester) -> None:
    pytester.makeconftest(
        """
        import pytest

        @pytest.fixture
        def virtual_key(virtual_key):
            return lambda *args, **options: virtual_key(*(args or ("titan",)), **options)

        @pytest.fixture
        def stuntkey_seed():
            return "ours"

        @pytest.fixture
        def relying_party():
            return "https://shop.example"
        """
    )
    pytester.makepyfile(
        """
        def test_ours(virtual_key, relying_party):
            assert virtual_key().profile.name == "titan"
            assert virtual_key("solo2").profile.name == "solo2"
            assert relying_party == "https://shop.example"
        """
    )
    run(pytester, "--strict-markers").assert_outcomes(passed=1)


def test_the_exchange_is_there_to_be_tried(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import urllib.request
        import pytest

        @pytest.mark.stuntkey(policy="kucoin")
        def test_open(relying_party):
            address = relying_party.url.replace("localhost", "127.0.0.1")
            with urllib.request.urlopen(address) as page:
                assert "<html" in page.read().decode()
        """
    )
    run(pytester, "--strict-markers").assert_outcomes(passed=1)


@pytest.mark.parametrize(
    ("option", "wrong", "right"),
    [
        ("browser", "netscape", BROWSERS),
        ("port", "usb", PORTS),
        ("via", "telepathy", WAYS),
    ],
)
def test_options_that_are_none(
    pytester: pytest.Pytester, option: str, wrong: str, right: tuple[str, ...]
) -> None:
    result = run(pytester, f"--stuntkey-{option}", wrong)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    (told,) = [line for line in result.errlines if "invalid choice" in line]
    assert f"--stuntkey-{option}: invalid choice: {wrong!r}" in told
    # Python 3.12 and later put no quotation marks around them
    assert told.replace("'", "").endswith(f"(choose from {', '.join(right)})")


def test_options_reach_the_fixtures(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        def test_given(stuntkey_options):
            assert (stuntkey_options.port, stuntkey_options.headed) == ("uhid", True)
            assert stuntkey_options.via == ("hybrid", "linked")
        """
    )
    both = ("--stuntkey-via", "hybrid", "--stuntkey-via", "linked")
    run(pytester, "--stuntkey-port", "uhid", "--stuntkey-headed", *both).assert_outcomes(passed=1)


@pytest.mark.parametrize("given", [(), ("--stuntkey-headed",)], ids=["unseen", "headed"])
def test_only_a_browser_that_is_watched_needs_a_screen(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, given: tuple[str, ...]
) -> None:
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    pytester.makepyfile("def test_open(passkey_browser): passkey_browser.page.goto('about:blank')")
    result = run(pytester, "--stuntkey-browser", "page", *given)
    if not given:
        result.assert_outcomes(passed=1)
    else:
        result.assert_outcomes(errors=1)
        result.stdout.fnmatch_lines(
            ["*SetupError: a browser to watch needs a screen, and DISPLAY is not set*"]
        )


# Plays


@pytest.mark.usefixtures("adapter")
def test_plays_are_tests(pytester: pytest.Pytester) -> None:
    pytester.path.joinpath("stories.yaml").write_text(
        f"{PLAY}---\n{PLAY.replace('A passkey', 'Again a passkey')}"
    )
    pytester.path.joinpath("config.yaml").write_text("not: a play\n")
    result = run(pytester, "-v", "--strict-markers", "-m", "play", "--stuntkey-report", "out")
    result.assert_outcomes(passed=2)
    result.stdout.fnmatch_lines(
        ["stories.yaml::*stories/a-passkey* PASSED*", "stories.yaml::*stories/again-a-passkey* PASSED*"]
    )
    assert "All 2 plays passed" in (pytester.path / "out" / "report.html").read_text()
    assert 'tests="2"' in (pytester.path / "out" / "junit.xml").read_text()


@pytest.mark.usefixtures("adapter")
def test_phones_of_plays_are_put_there_by_an_option(pytester: pytest.Pytester) -> None:
    at_a_laptop = PLAY.replace("{phone:", "{laptop: computer, phone:").replace("with: passkey", "on: phone")
    pytester.path.joinpath("story.yaml").write_text(at_a_laptop)
    run(pytester, "--stuntkey-via", "hybrid", "--stuntkey-report", "out").assert_outcomes(passed=1)
    events = map(json.loads, (pytester.path / "out" / "events.ndjson").read_text().splitlines())
    (ended,) = [each for each in events if each["event"] == "play ended"]
    assert ended["ways"] == {"phone": "hybrid"}


@pytest.mark.usefixtures("adapter")
def test_a_play_that_fails_tells_what_to_act_on(pytester: pytest.Pytester) -> None:
    text = PLAY.replace("Welcome, ann", "Welcome back") + "  - log in\n"
    pytester.path.joinpath("story.yaml").write_text(text)
    result = run(pytester, "--stuntkey-artefacts", "kept")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        ["  ✓ add passkey*", "  ✗ log in*", "  · log in*", "*story.yaml:7: log in*Welcome back*"]
    )
    result.stdout.fnmatch_lines(["*seen:*", "*address:*http://localhost*", "  screenshot: *page.png"])
    result.stdout.no_fnmatch_line("*Traceback*")
    (folder,) = (pytester.path / "kept").iterdir()
    assert (folder / "page.png").read_bytes().startswith(b"\x89PNG")
    assert "Welcome, ann" in (folder / "page.txt").read_text()


def test_a_mistake_in_a_play_is_told_with_its_line(pytester: pytest.Pytester) -> None:
    pytester.path.joinpath("story.yaml").write_text(PLAY.replace("log in:", "log inn:"))
    result = run(pytester)
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*story.yaml:7: unknown verb 'log inn'; did you mean 'log in'?"])
    result.stdout.no_fnmatch_line("*Traceback*")


@pytest.mark.usefixtures("adapter")
def test_plays_beside_pytest_playwright_under_xdist(pytester: pytest.Pytester) -> None:
    """Both have Playwright's synchronous API at work in one process."""
    again = PLAY.replace("A passkey", "Again a passkey")
    pytester.path.joinpath("stories.yaml").write_text(f"{PLAY}---\n{again}")
    pytester.makeconftest(
        """
        import os, shutil
        import pytest

        @pytest.fixture(scope="session")
        def browser_type_launch_args():
            return {"executable_path": shutil.which("chromium"), "args": ["--no-sandbox"] if os.geteuid() == 0 else []}
        """
    )
    pytester.makepyfile(
        """
        import pytest

        @pytest.mark.parametrize("number", range(2))
        def test_theirs(page, number, virtual_key):
            virtual_key("titan")
            page.set_content("<h1>theirs</h1>")
            assert page.inner_text("h1") == "theirs"
        """
    )
    # pytest-base-url, which pytest-playwright needs, has a fixture that pytest 9 warns of.
    theirs = "ignore:Session-scoped fixtures defined as instance methods"
    run(pytester, "-n", "1", "-W", theirs).assert_outcomes(passed=4)


# A real browser


@pytest.mark.parametrize("name", ["test_my_site.py", "test_my_phone.py"])
def test_the_examples_of_the_readme(pytester: pytest.Pytester, name: str) -> None:
    """A stock Chromium, its own dialog for the PIN, or a QR code on its screen; and a site that python-fido2 checks."""
    shutil.copy(EXAMPLES / "my_site.py", pytester.path)
    example = (EXAMPLES / name).read_text()
    assert len(example.splitlines()) < 25
    pytester.path.joinpath(name).write_text(example)
    pytester.makeconftest(
        """
        import os
        from my_site import MySite

        site = MySite()
        os.environ["MY_SITE"] = site.url

        def pytest_sessionstart():
            site.__enter__()
        """
    )
    run(pytester).assert_outcomes(passed=1)


def test_the_readme_shows_the_example_that_is_tested() -> None:
    readme = (EXAMPLES.parent / "README.md").read_text()
    section = readme.split("### In real browsers, with pytest")[1].split("\n### ")[0]
    (shown,) = re.findall(r"^```python\n(.*?)^```$", section, re.DOTALL | re.MULTILINE)
    docstring, _, code = (EXAMPLES / "test_my_site.py").read_text().partition('"""\n\n')
    assert docstring.startswith('"""')
    assert shown == code
    assert len(shown.splitlines()) < 25


def test_a_phone_says_why_it_scans_nothing(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import pytest
        from harness import SetupError

        def test_scan(phone):
            with pytest.raises(SetupError, match="only stock Chromium shows QR codes"):
                phone.scan()
        """
    )
    run(pytester, "--stuntkey-browser", "firefox").assert_outcomes(passed=1)


def test_a_page_that_fails_is_kept(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        def test_title(virtual_key, passkey_browser):
            passkey_browser.plug_in(virtual_key("titan"))
            passkey_browser.page.goto("data:text/html,<h1>Nothing here")
            assert passkey_browser.page.text() == "A passkey"

        def test_the_next_one_finds_nothing_of_it(passkey_browser):
            assert passkey_browser.keys == ()
            assert passkey_browser.page.url == "about:blank"
        """
    )
    result = run(pytester)
    result.assert_outcomes(failed=1, passed=1)
    result.stdout.fnmatch_lines(["page: data:text/html*", "screenshot: *page.png"])
    (folder,) = (pytester.path / "stuntkey-artefacts").iterdir()
    assert (folder / "page.txt").read_text() == "Nothing here"
    assert (folder / "page.png").read_bytes().startswith(b"\x89PNG")
