"""The pytest plugin: virtual keys, phones and browsers as fixtures, plays as tests.

    def test_log_in(virtual_key, passkey_browser):
        key = virtual_key("yubikey-5-nfc", pin="1234")
        passkey_browser.plug_in(key)
        passkey_browser.page.goto("https://example.com/login")

Every fixture can be overridden in a conftest.py. Nothing heavy is imported until a fixture is used. When a test fails,
the traces of its keys, and what its browser shows, are kept below --stuntkey-artefacts.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from harness.play import WAYS

if TYPE_CHECKING:
    from harness.browsers.browser import Browser
    from harness.hybrid.stage import HybridStage
    from harness.pytest_phone import PhoneAtHand
    from harness.virtual_key import VirtualKey
    from scenarios.exchange.server import Exchange

BROWSERS = ("chromium", "firefox", "page", "cdp")
PORTS = ("mock", "uhid")


@dataclass(frozen=True, slots=True, kw_only=True)
class StuntkeyOptions:
    """The command line's."""

    port: str
    browser: str
    headed: bool
    seed: str
    artefacts: Path
    via: tuple[str, ...] = ()
    """How the devices of plays reach the browser, as `stuntkey run --via` has it."""
    report: Path | None = None


@dataclass(slots=True)
class Props:
    """What a test has used, for whoever wants to know why it failed."""

    keys: list[VirtualKey]
    browser: Browser | None = None


PROPS = pytest.StashKey[Props]()


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("stuntkey", "virtual security keys (stuntkey)")
    group.addoption(
        "--stuntkey-port",
        choices=PORTS,
        default="mock",
        help="how browsers find keys: without the kernel (mock, the default) or with it (uhid)",
    )
    group.addoption(
        "--stuntkey-browser",
        choices=BROWSERS,
        default="chromium",
        help="chromium (the default) and firefox find keys by themselves; page answers navigator.credentials in any "
        "page, cdp is Chromium's own virtual authenticator",
    )
    group.addoption(
        "--stuntkey-headed", action="store_true", help="show the browser, on the screen in $DISPLAY"
    )
    group.addoption(
        "--stuntkey-seed",
        default="stuntkey",
        metavar="TEXT",
        help="the same seed gives keys the same ids (with the name of the test; default: stuntkey)",
    )
    group.addoption(
        "--stuntkey-artefacts",
        default="stuntkey-artefacts",
        metavar="DIR",
        help="where traces and screenshots of failed tests go (default: stuntkey-artefacts)",
    )

    group.addoption(
        "--stuntkey-via",
        action="append",
        choices=WAYS,
        default=[],
        help="how the devices of plays reach the browser, as with `stuntkey run --via`: hybrid puts phones there by QR "
        "code; may be given several times",
    )
    group.addoption(
        "--stuntkey-report",
        metavar="DIR",
        help="write what `stuntkey run --report` writes of the plays: report.html, junit.xml and events.ndjson",
    )


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers", "stuntkey(policy='okx-web'): which policy the exchange of `relying_party` has"
    )
    config.addinivalue_line("markers", "play: a passkey story in YAML")


# Options and seeds


@pytest.fixture(scope="session")
def stuntkey_options(pytestconfig: pytest.Config) -> StuntkeyOptions:
    """The options of the command line. Override it to set them for a folder of tests."""
    return options_of(pytestconfig)


def options_of(config: pytest.Config) -> StuntkeyOptions:
    report = config.getoption("--stuntkey-report")
    return StuntkeyOptions(
        port=config.getoption("--stuntkey-port"),
        browser=config.getoption("--stuntkey-browser"),
        headed=config.getoption("--stuntkey-headed"),
        seed=config.getoption("--stuntkey-seed"),
        artefacts=config.invocation_params.dir / config.getoption("--stuntkey-artefacts"),
        via=tuple(config.getoption("--stuntkey-via")),
        report=config.invocation_params.dir / report if report is not None else None,
    )


@pytest.fixture
def stuntkey_seed(request: pytest.FixtureRequest, stuntkey_options: StuntkeyOptions) -> str:
    """What the keys of this test are seeded with: the same in every run, another in every test."""
    return f"{stuntkey_options.seed} {request.node.nodeid}"


@pytest.fixture
def stuntkey_props(request: pytest.FixtureRequest) -> Props:
    """The keys and the browser of this test, for the artefacts: add your own keys to `keys`."""
    stash: pytest.Stash = request.node.stash
    return stash.setdefault(PROPS, Props([]))


# Keys


@pytest.fixture
def virtual_key(stuntkey_seed: str, stuntkey_props: Props) -> Iterator[Callable[..., VirtualKey]]:
    """A factory of keys: `virtual_key("yubikey-5-nfc", pin="1234")`, with the options of `VirtualKey`.

    They are closed after the test. A bug inside a key, which its host takes for an error 0x7F, fails the test.
    """
    from harness.virtual_key import VirtualKey

    with ExitStack() as stack:

        def make(*args: Any, **options: Any) -> VirtualKey:
            options.setdefault("seed", f"{stuntkey_seed} {len(stuntkey_props.keys)}")
            key = stack.enter_context(VirtualKey(*args, **options))
            stuntkey_props.keys.append(key)
            return key

        yield make


@pytest.fixture
def phone(
    request: pytest.FixtureRequest,
    stuntkey_options: StuntkeyOptions,
    stuntkey_seed: str,
    stuntkey_props: Props,
) -> Iterator[PhoneAtHand]:
    """A phone with an account that syncs passkeys; `phone.account.sign_in("laptop")` has them too.

    `phone.scan()` reads the QR code that `passkey_browser` shows, and answers the page from there.
    """
    from harness.platform import Account
    from harness.pytest_phone import PhoneAtHand, require_codes

    def stage() -> HybridStage:
        require_codes(stuntkey_options.browser)
        opened: HybridStage = request.getfixturevalue("stuntkey_stage")
        return opened

    account = Account("icloud-keychain")
    seed = f"{stuntkey_seed} phone"
    device = account.welcome(PhoneAtHand("phone", account.profile, account=account, seed=seed, stage=stage))
    with device:
        stuntkey_props.keys.append(device)
        yield device


# Browsers


@pytest.fixture(scope="session")
def stuntkey_browser(stuntkey_options: StuntkeyOptions) -> Iterator[Browser]:
    """The browser, one for all tests of a worker. Override it for one with other flags."""
    import shutil

    from harness.browsers import open_browser

    options = stuntkey_options
    # Where a key asks for more than a touch, stock browsers have dialogs of their own, and those need a screen.
    has_dialogs = options.browser in ("chromium", "firefox")
    headless = not (options.headed or (has_dialogs and shutil.which("Xvfb") is not None))
    watched: dict[str, Any] = {"on_screen": True} if options.headed else {}
    with open_browser(options.browser, headless=headless, port=options.port, **watched) as browser:
        yield browser


@pytest.fixture(scope="session")
def stuntkey_stage(stuntkey_options: StuntkeyOptions) -> Iterator[HybridStage]:
    """Stock Chromium with a mock of Bluetooth and a tunnel server: where phones are used by QR code."""
    from harness.hybrid.stage import HybridStage

    with HybridStage(port=stuntkey_options.port) as stage:
        yield stage


@pytest.fixture
def passkey_browser(
    request: pytest.FixtureRequest, stuntkey_options: StuntkeyOptions, stuntkey_props: Props
) -> Iterator[Browser]:
    """A browser without keys or cookies of other tests: `plug_in(key)`, then use its `page`.

    With the fixture `phone` it is one that shows QR codes, where there can be one. What the browser asks and shows goes
    into the traces of the keys that are plugged in.
    """
    browser: Browser
    if "phone" in request.fixturenames and _shows_codes(stuntkey_options):
        browser = request.getfixturevalue("stuntkey_stage").browser
    else:
        browser = request.getfixturevalue("stuntkey_browser")
    stuntkey_props.browser = browser
    try:
        yield browser
    finally:
        browser.unplug_all()
        browser.page.clear_cookies()
        browser.page.goto("about:blank")


def _shows_codes(options: StuntkeyOptions) -> bool:
    from harness.pytest_phone import why_not

    return not options.headed and not why_not(options.browser)


# A site


@pytest.fixture
def relying_party(request: pytest.FixtureRequest) -> Iterator[Exchange]:
    """A site to try passkeys at: stuntkey's exchange, on a port of its own (`.url`, `.outbox`, `.clock`).

    Override it in a conftest.py to return your own site, and all tests that use it are about yours.
    """
    from scenarios.exchange.server import Exchange

    marker = request.node.get_closest_marker("stuntkey")
    policy = marker.kwargs.get("policy", "okx-web") if marker is not None else "okx-web"
    with Exchange(policy) as exchange:
        yield exchange


# Plays


def pytest_collect_file(parent: pytest.Collector, file_path: Path) -> pytest.Collector | None:
    """YAML files that begin like a play are plays."""
    if file_path.suffix not in (".yaml", ".yml"):
        return None
    with file_path.open("rb") as file:
        if re.search(rb"^scenario:", file.read(4096), re.MULTILINE) is None:
            return None
    from harness.pytest_plays import PlayFile

    collector: pytest.Collector = PlayFile.from_parent(parent, path=file_path)
    return collector


def pytest_unconfigure(config: pytest.Config) -> None:
    import sys

    plays = sys.modules.get("harness.pytest_plays")
    if plays is not None:
        plays.close_theatre(config)


# Artefacts


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Generator[None, Any, Any]:
    report = yield
    props = item.stash.get(PROPS, None)
    if report.failed and report.when in ("setup", "call") and props is not None:
        from harness.pytest_artefacts import keep

        report.sections.append(("stuntkey", keep(props.keys, props.browser, folder_of(item))))
    return report


def folder_of(item: pytest.Item) -> Path:
    """Where the artefacts of this test go: a name that any file system takes."""
    name = re.sub(r"[^\w.=-]+", "-", item.nodeid).strip("-")[-150:]
    return options_of(item.config).artefacts / name
