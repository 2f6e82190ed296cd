"""Typing through the kernel into a headed Chromium, on an Xorg whose keyboards are the kernel's."""

from __future__ import annotations

import functools
import http.server
import os
import re
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, sync_playwright
from yubiotp.otp import decode_otp

from ctaphid.uinput_keyboard import UinputKeyboard
from harness import VirtualKey, static_password, yubico_otp
from harness.browsers.hands import UinputHands

HERE = Path(__file__).parent
MINUTES = 60.0
PACE = 0.06
"""An emulated machine may not look at its keyboards for half a second."""
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--password-store=basic",
    "--window-position=0,0",
    "--window-size=1200,760",
    "--enable-logging",
    "--vmodule=device_event_log*=2,*fido*=2",
]
PAGE = """<!doctype html><title>form</title>
<form onsubmit="submitted = new FormData(this).get('first'); return false">
<input name=first id=first><input name=second id=second><button>Go</button></form>
<script>
submitted = null; escaped = 0;
addEventListener('keydown', event => { if (event.key === 'Escape') escaped++; });
</script>"""
CREATE = """() => { made = navigator.credentials.create({publicKey: {
    rp: {name: 'form'}, user: {id: new Uint8Array(8), name: 'alice', displayName: 'Alice'},
    challenge: new Uint8Array(32), pubKeyCredParams: [{type: 'public-key', alg: -7}],
    authenticatorSelection: {authenticatorAttachment: 'cross-platform', userVerification: 'required'}}})
    .then(made => (new Uint8Array(made.response.getAuthenticatorData()))[32], error => String(error)); }"""
USER_PRESENT_AND_VERIFIED = 0x05

PUBLIC_ID = "vvccccccbdef"
PRIVATE_ID = bytes.fromhex("8792ebfe26cc")
AES_KEY = bytes.fromhex("ecde18dbe76fbd0c33330f1c354871db")


def until(true: Callable[[], object], what: str) -> None:
    deadline = time.monotonic() + 4 * MINUTES
    while not true():
        assert time.monotonic() < deadline, what
        time.sleep(0.2)


@pytest.fixture(scope="module")
def screen() -> Iterator[str]:
    reading, writing = os.pipe()
    command = ["Xorg", "-displayfd", str(writing), "-config", str(HERE / "xorg.conf")]
    # Without auto-repeat (-r): a server that is not scheduled for a while takes any key for one that is held.
    command += ["-logfile", "/tmp/xorg.log", "-r", "-noreset", "-sharevts", "-novtswitch", "-nolisten", "tcp"]
    with subprocess.Popen(command, pass_fds=[writing], stderr=subprocess.DEVNULL) as server:
        os.close(writing)
        with open(reading) as line:
            number = line.readline().strip()
        assert number, Path("/tmp/xorg.log").read_text()
        yield f":{number}"
        server.terminate()


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("chromium") / "log"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("site")
    (folder / "index.html").write_text(PAGE)
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://localhost:{server.server_port}/"
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def tab(screen: str, log: Path, site: str) -> Iterator[Page]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path="/usr/bin/chromium",
            headless=False,
            args=[*FLAGS, f"--log-file={log}"],
            env={**os.environ, "DISPLAY": screen},
            timeout=8 * MINUTES * 1000,
        )
        form = browser.new_page(no_viewport=True)
        form.set_default_timeout(4 * MINUTES * 1000)
        yield form
        browser.close()


@pytest.fixture
def form(tab: Page, site: str) -> Page:
    tab.goto(site)
    tab.click("#first")
    until(lambda: tab.evaluate("document.hasFocus()"), "the window has no focus")
    return tab


@pytest.fixture
def otp_key() -> Iterator[VirtualKey]:
    with VirtualKey("yubikey-5-nfc") as key:
        key.otp.configure(1, yubico_otp(public_id=PUBLIC_ID, private_id=PRIVATE_ID, aes_key=AES_KEY))
        key.otp.configure(2, static_password("Tr0ub4dor&3", append_enter=True))
        yield key


def submitted(form: Page) -> str:
    form.wait_for_function("submitted !== null")
    text = form.evaluate("() => { const text = submitted; submitted = null; return text; }")
    form.fill("#first", "")
    assert isinstance(text, str)
    return text


def test_a_touch_types_passwords_that_a_validator_accepts(form: Page, otp_key: VirtualKey) -> None:
    accepted = []
    with otp_key.otp.plugged_in(pace=PACE, ready=MINUTES):
        for _ in range(2):
            assert otp_key.touch()
            public_id, otp = decode_otp(submitted(form).encode(), AES_KEY)
            assert (public_id, otp.uid) == (PUBLIC_ID.encode(), PRIVATE_ID)
            accepted.append((otp.session, otp.counter))
        assert otp_key.touch(hold=3)
        assert submitted(form) == "Tr0ub4dor&3"
    otp_key.power_cycle()
    with otp_key.otp.plugged_in(pace=PACE, ready=MINUTES):
        assert otp_key.touch()
        _, otp = decode_otp(submitted(form).encode(), AES_KEY)
    assert [*accepted, (otp.session, otp.counter)] == [(1, 0), (1, 1), (2, 0)]


def test_the_kernel_takes_it_for_the_keyboard_of_that_key(screen: str, otp_key: VirtualKey) -> None:
    with otp_key.otp.plugged_in(ready=MINUTES) as keyboard:
        assert isinstance(keyboard, UinputKeyboard)
        about = Path("/sys/class/input", Path(keyboard.path).name, "device/uevent").read_text()
        assert "PRODUCT=3/1050/407/" in about
        assert 'NAME="Yubico YubiKey OTP+FIDO+CCID"' in about
    assert not os.path.exists(keyboard.path)


def test_hands_type_what_is_on_a_keyboard(form: Page) -> None:
    text = "Quick brown fox, 1234567890! ~@#$%^&*()_+{}|:\"<>?`-=[]\\;'./"
    with UinputHands(pace=PACE, ready=MINUTES) as hands:
        hands.type(text)
        hands.press("Tab")
        hands.type("second")
        hands.press("Left", "Left", "BackSpace", "shift+Tab", "Escape")
        form.wait_for_function("escaped === 1")
        assert form.input_value("#first") == text
        assert form.input_value("#second") == "secnd"
        assert form.evaluate("document.activeElement.id") == "first"
        hands.press("Return")
        assert submitted(form) == text


def test_hands_type_the_pin_into_the_browsers_own_dialog(form: Page, log: Path) -> None:
    def steps() -> list[str]:
        return re.findall(r"UI step: (k\w+)", log.read_text(errors="replace"))

    def type_the_pin() -> bool:
        """A dialog takes keys some time after its step is logged, and nothing tells when."""
        hands.press("ctrl+a")
        hands.type("135246")
        hands.press("Return")
        deadline = time.monotonic() + 5
        while steps()[-1] == "kClientPinEntry" and time.monotonic() < deadline:
            time.sleep(0.2)
        return steps()[-1] != "kClientPinEntry"

    key = VirtualKey("yubikey-5-nfc", pin="135246")
    with key.plugged_in("uhid"), UinputHands(pace=PACE, ready=MINUTES) as hands:
        form.evaluate(CREATE)
        until(lambda: steps()[-1:] == ["kClientPinEntry"], f"Chromium asks for no PIN: {steps()}")
        until(type_the_pin, "the dialog takes no keys")
        assert form.evaluate("made") & USER_PRESENT_AND_VERIFIED == USER_PRESENT_AND_VERIFIED
    assert key.engine.authenticator.state.pin_retries == 8
