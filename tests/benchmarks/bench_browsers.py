"""A ceremony through Chromium's own HID stack beside one with its built-in virtual authenticator, in the same page.

And by a phone: from the page's call to its answer, the QR code read off the screen.

python -m tests.benchmarks.bench_browsers
"""

from __future__ import annotations

import statistics
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from harness import Account, VirtualKey
from harness.browsers import Browser, open_browser
from harness.browsers.cdp import CdpBrowser
from harness.browsers.driver import playwright
from harness.hybrid.stage import HybridStage

CEREMONIES = 30
START_TO_REGISTERED = 3.0
BY_QR_CODE = 5.0
"""Seconds, on a machine that does nothing else."""
OPTIONS: dict[str, Any] = {
    "rp": {"id": "localhost", "name": "Bench"},
    "user": {"id": "AAEC", "name": "alice", "displayName": "Alice"},
    "challenge": "AAAAAAAAAAAAAAAAAAAAAA",
    "pubKeyCredParams": [{"type": "public-key", "alg": -7}],
    "authenticatorSelection": {"userVerification": "discouraged", "residentKey": "discouraged"},
}
TIMED = """async ([create, allow]) => {
  const started = performance.now();
  if (create) {
    await navigator.credentials.create({publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(create)});
  } else {
    const request = {rpId: "localhost", challenge: "AAAA", userVerification: "discouraged",
                     allowCredentials: [{type: "public-key", id: allow}]};
    await navigator.credentials.get({publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(request)});
  }
  return performance.now() - started;
}"""


class Page(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(b"<title>Bench</title>")

    def log_message(self, *_: object) -> None:
        pass


def measure(browser: Browser, site: str) -> tuple[float, float]:
    """Medians of registration and log-in, in milliseconds, as the page sees them."""
    page = browser.page
    page.goto(site)
    made = page.create(OPTIONS).result()["id"]
    creations, log_ins = [], []
    for _ in range(CEREMONIES):
        creations.append(page.evaluate(TIMED, [OPTIONS, None]))
        log_ins.append(page.evaluate(TIMED, [None, made]))
    return statistics.median(creations), statistics.median(log_ins)


def start_to_registered(site: str) -> float:
    started = time.perf_counter()
    with open_browser("chromium", keys=[VirtualKey()]) as browser:
        browser.page.goto(site)
        browser.page.create(OPTIONS).result()
        return time.perf_counter() - started


def by_qr_code(site: str) -> tuple[float, float]:
    """The best registration and log-in of three, in seconds."""
    creations, log_ins = [], []
    hybrid = {"hints": ["hybrid"]}
    selection = {"userVerification": "required", "residentKey": "required"}
    creation = {**OPTIONS, **hybrid, "authenticatorSelection": selection}
    request = {"rpId": "localhost", "challenge": "AAAA", "userVerification": "required", **hybrid}
    with HybridStage() as stage, Account("icloud-keychain").sign_in("phone") as key:
        page = stage.browser.page
        page.goto(site)
        for times, ask, options in [(creations, page.create, creation), (log_ins, page.get, request)] * 3:
            started = time.perf_counter()
            waiting = ask(options)
            session = stage.scan(stage.phone(key))
            waiting.result()
            times.append(time.perf_counter() - started)
            session.result(30)
    return min(creations), min(log_ins)


def main() -> int:
    with ThreadingHTTPServer(("127.0.0.1", 0), Page) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        site = f"http://localhost:{server.server_address[1]}/"
        playwright()  # its driver starts once for all browsers
        registered = min(start_to_registered(site) for _ in range(3))
        with open_browser("chromium", keys=[VirtualKey()]) as chromium, open_browser("cdp") as cdp:
            assert isinstance(cdp, CdpBrowser)
            cdp.add_authenticator()
            ours, theirs = measure(chromium, site), measure(cdp, site)
        phone = by_qr_code(site)
        server.shutdown()
    print(f"  start to registered   {registered:6.2f} s (target {START_TO_REGISTERED:g} s)")
    for name, mine, built_in in zip(("registration", "log-in"), ours, theirs, strict=True):
        print(
            f"  {name:<20} {mine:6.1f} ms on the mock port, {built_in:6.1f} ms built in: {mine / built_in:.2f}"
        )
    print(f"  by QR code           {phone[0]:6.2f} s and {phone[1]:.2f} s (target {BY_QR_CODE:g} s each)")
    return int(registered > START_TO_REGISTERED or max(phone) > BY_QR_CODE)


if __name__ == "__main__":
    sys.exit(main())
