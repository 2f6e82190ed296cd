"""Stock browsers, and keys that come and go while they run."""

from __future__ import annotations

import functools
import http.server
import os
import socket
import subprocess
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import sync_playwright

from ctaphid.ports.mock import MockBus
from harness import VirtualKey, unplug
from harness.wrap import mock_bus

PATIENCE = 120.0
PAGE = """<!doctype html><title>page</title><script>
    let outcome = null;
    function start() {
        outcome = null;
        navigator.credentials.create({publicKey: {
            rp: {name: 'page'}, user: {id: new Uint8Array(8), name: 'alice', displayName: 'Alice'},
            challenge: new Uint8Array(32), pubKeyCredParams: [{type: 'public-key', alg: -7}],
            authenticatorSelection: {authenticatorAttachment: 'cross-platform', userVerification: 'discouraged'},
        }}).then(made => { outcome = made.type }, error => { outcome = error.name });
    }
</script>"""

Evaluate = Callable[[str], Any]


@pytest.fixture
def page(tmp_path: Path) -> Iterator[str]:
    (tmp_path / "index.html").write_text(PAGE)
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(tmp_path))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://localhost:{server.server_port}/"
        server.shutdown()
        thread.join()


@contextmanager
def chromium(bus: MockBus, page: str, folder: Path) -> Iterator[Evaluate]:
    flags = [
        "--no-sandbox",
        "--disable-gpu",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-sync",
    ]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path="/usr/bin/chromium",
            args=flags,
            env={**os.environ, **bus.environment()},
            timeout=PATIENCE * 1000,
        )
        tab = browser.new_page()
        tab.set_default_timeout(PATIENCE * 1000)
        tab.goto(page)
        yield tab.evaluate
        assert browser.is_connected()
        browser.close()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


def listens(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


def until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@contextmanager
def firefox(bus: MockBus, page: str, folder: Path) -> Iterator[Evaluate]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of a package it imports
        from marionette_driver.marionette import Marionette  # type: ignore[import-untyped,unused-ignore]
    port = free_port()
    profile = folder / "profile"
    profile.mkdir()
    (profile / "user.js").write_text(f'user_pref("marionette.port", {port});\n')
    process = subprocess.Popen(
        [
            "firefox-esr",
            "-headless",
            "-no-remote",
            "-profile",
            profile,
            "-marionette",
            "-remote-allow-system-access",
        ],
        env={**os.environ, **bus.environment(), "HOME": str(folder)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        until(lambda: listens(port))
        browser = Marionette("127.0.0.1", port=port)
        browser.start_session()
        browser.navigate(page)
        yield lambda script: browser.execute_script(f"return window.eval({script!r})", sandbox=None)
        assert process.poll() is None
        browser.delete_session()
    finally:
        process.terminate()
        process.wait()


BROWSERS = {"chromium": chromium, "firefox": firefox}


def outcome(evaluate: Evaluate) -> str:
    until(lambda: evaluate("outcome") is not None)
    return str(evaluate("outcome"))


@pytest.mark.parametrize("kind", BROWSERS)
def test_keys_come_and_go(kind: str, page: str, tmp_path: Path) -> None:
    """Plugged in while the page waits already; pulled out while it is to be touched; another one afterwards."""
    with mock_bus() as bus, BROWSERS[kind](bus, page, tmp_path) as evaluate:
        evaluate("start()")
        assert evaluate("outcome") is None
        with VirtualKey("yubikey-5-nfc") as late, late.plugged_in("mock", bus=bus):
            assert outcome(evaluate) == "public-key"

        with VirtualKey("solo2") as pulled, pulled.plugged_in("mock", bus=bus):
            pulled.person.will(unplug(after=0.1))
            evaluate("start()")
            until(lambda: not pulled.is_plugged_in)
            if kind == "firefox":  # gives up; Chromium waits for another key
                assert outcome(evaluate) == "NotAllowedError"
                evaluate("start()")
            with VirtualKey("yubikey-5-nfc") as other, other.plugged_in("mock", bus=bus):
                assert outcome(evaluate) == "public-key"


@pytest.mark.parametrize("kind", BROWSERS)
def test_fifty_keys_and_the_one_that_is_touched(kind: str, page: str, tmp_path: Path) -> None:
    keys = [VirtualKey("yubikey-5-nfc", seed=number) for number in range(50)]
    for key in keys:
        key.person.habit = "ignoring"
    keys[37].person.habit = "willing"
    with ExitStack() as stack:
        bus = stack.enter_context(mock_bus())
        for key in keys:
            stack.enter_context(key.plugged_in("mock", bus=bus))
        evaluate = stack.enter_context(BROWSERS[kind](bus, page, tmp_path))
        evaluate("start()")
        assert outcome(evaluate) == "public-key"
    for key in keys:
        key.raise_bugs()
    assert [number for number, key in enumerate(keys) if key.store.counter(None)] == [37]
