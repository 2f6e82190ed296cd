"""Stock browsers, headless, with a key that their machine's kernel knows of."""

from __future__ import annotations

import functools
import http.server
import os
import threading
from base64 import urlsafe_b64encode
from collections.abc import Iterator

import pytest

from harness import VirtualKey
from harness.browsers import open_browser


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("site")
    (folder / "index.html").write_text("<!doctype html><title>page</title><link rel=icon href='data:,'>")
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://localhost:{server.server_port}/"
        server.shutdown()
        thread.join()


def some(size: int) -> str:
    return urlsafe_b64encode(os.urandom(size)).decode().rstrip("=")


@pytest.mark.parametrize("kind", ["chromium", "firefox"])
def test_registration_and_log_in(kind: str, site: str) -> None:
    with VirtualKey("yubikey-5-nfc") as key, open_browser(kind, keys=[key], port="uhid") as browser:
        page = browser.page
        page.goto(site)
        made = page.create(
            {
                "rp": {"id": "localhost", "name": "page"},
                "user": {"id": some(8), "name": "alice", "displayName": "Alice"},
                "challenge": some(32),
                "pubKeyCredParams": [{"type": "public-key", "alg": -7}],
                "authenticatorSelection": {
                    "authenticatorAttachment": "cross-platform",
                    "userVerification": "discouraged",
                },
            }
        ).result()
        assert "usb" in made["response"]["transports"]
        allowed = [{"type": "public-key", "id": made["id"]}]
        got = page.get(
            {"challenge": some(32), "userVerification": "discouraged", "allowCredentials": allowed}
        ).result()
        assert got["id"] == made["id"]
