"""Browsers that all tests of a worker share, keys of their own for each test, and one page to meet at."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from harness import VirtualKey
from harness.browsers import Browser, open_browser

PAGE = b"""<!doctype html><meta charset="utf-8"><title>Tests</title><link rel="icon" href="data:,">
<h1>A page</h1><input id="name"><button onclick="said.textContent = 'hello ' + this.previousElementSibling.value">
Greet</button><p id="said"></p>"""


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(PAGE)))
        self.end_headers()
        self.wfile.write(PAGE)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="session")
def site() -> Iterator[str]:
    """Its address: localhost is a secure context without TLS."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://localhost:{server.server_address[1]}/"
        server.shutdown()
        thread.join()


@pytest.fixture(scope="session")
def shared_chromium() -> Iterator[Browser]:
    with open_browser("chromium", headless=False) as browser:
        yield browser


@pytest.fixture(scope="session")
def shared_firefox() -> Iterator[Browser]:
    with open_browser("firefox") as browser:
        yield browser


def at(browser: Browser, site: str) -> Iterator[Browser]:
    browser.page.goto(site)
    yield browser
    browser.page.goto("about:blank")  # ends what is under way
    browser.unplug_all()
    problems = getattr(browser, "dialogs", browser).problems
    assert not problems
    problems.clear()


@pytest.fixture
def chromium(shared_chromium: Browser, site: str) -> Iterator[Browser]:
    yield from at(shared_chromium, site)


@pytest.fixture
def firefox(shared_firefox: Browser, site: str) -> Iterator[Browser]:
    yield from at(shared_firefox, site)


@pytest.fixture(params=["chromium", "firefox"])
def browser(request: pytest.FixtureRequest) -> Browser:
    browser: Browser = request.getfixturevalue(request.param)
    return browser


@pytest.fixture
def new_key() -> Iterator[Callable[..., VirtualKey]]:
    """Keys that are looked at for bugs afterwards: a host only sees 0x7F."""
    keys: list[VirtualKey] = []

    def make(*arguments: Any, **options: Any) -> VirtualKey:
        keys.append(VirtualKey(*(arguments or ("yubikey-5-nfc",)), **options))
        return keys[-1]

    yield make
    for key in keys:
        key.close()
        key.raise_bugs()
