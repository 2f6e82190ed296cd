"""Stock Chromium, headless, with a key that its machine's kernel knows of."""

from __future__ import annotations

import functools
import http.server
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import sync_playwright

from harness import VirtualKey

MINUTES = 60_000.0
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PAGE = """<!doctype html><title>page</title>"""
CREATE = """async () => {
    const rest = {user: {id: new Uint8Array(8), name: 'alice', displayName: 'Alice'}, challenge: new Uint8Array(32)};
    const made = await navigator.credentials.create({publicKey: {
        rp: {name: 'page'}, pubKeyCredParams: [{type: 'public-key', alg: -7}], ...rest,
        authenticatorSelection: {authenticatorAttachment: 'cross-platform', userVerification: 'discouraged'}}});
    const got = await navigator.credentials.get({publicKey: {
        challenge: new Uint8Array(32), userVerification: 'discouraged',
        allowCredentials: [{type: 'public-key', id: made.rawId}]}});
    return [made.type, made.id === got.id, made.response.getTransports().includes('usb')];
}"""


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


def test_registration_and_log_in(page: str) -> None:
    with VirtualKey("yubikey-5-nfc") as key, key.plugged_in("uhid"), sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path="/usr/bin/chromium", args=FLAGS, timeout=10 * MINUTES
        )
        tab = browser.new_page()
        tab.set_default_timeout(10 * MINUTES)
        tab.goto(page)
        assert tab.evaluate(CREATE) == ["public-key", True, True]
        browser.close()
