"""`stuntkey key attach` as its users run it: a process of its own, with a client, a command or a terminal at it."""

from __future__ import annotations

import json
import os
import pty
import re
import select
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from fido2.ctap import CtapError
from udp_client import log_in, open_ctap2, register

from harness.cli import main

pytestmark = pytest.mark.heavy

STUNTKEY = [sys.executable, "-c", "from harness.cli import main; main(prog_name='stuntkey')"]
UDP = ["key", "attach", "--port", "udp", "--listen", "127.0.0.1:0"]


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    monkeypatch.setenv("COLUMNS", "80")
    return tmp_path


def run(*arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
    options.setdefault("stdin", subprocess.DEVNULL)
    return subprocess.run([*STUNTKEY, *arguments], capture_output=True, text=True, timeout=60, **options)


@contextmanager
def attached(*arguments: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A key on a UDP port of its own, and its address."""
    process = subprocess.Popen(
        [*STUNTKEY, *UDP, *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        try:
            assert process.stdout is not None
            first = process.stdout.readline()
            assert " on udp 127.0.0.1:" in first, process.communicate()
            yield process, first.split()[-1]
        finally:
            process.kill()


def test_a_client_registers_and_logs_in_over_udp() -> None:
    with attached("--auto-touch", "--profile", "yubikey-5-nfc") as (process, address):
        with open_ctap2(address) as ctap:
            assert str(ctap.info.aaguid) == "a25342c0-3cdc-4414-8e46-f4807fca511c"
            assert log_in(ctap, register(ctap)) == 2
        process.send_signal(signal.SIGINT)
        output, errors = process.communicate(timeout=30)
    assert (process.returncode, errors) == (0, "")
    lines = [re.sub(r"^\d\d:\d\d:\d\d  ", "", line) for line in output.splitlines()]
    assert lines == [
        "getInfo               ok",
        "makeCredential        ok  example.com as alice  touched",
        "getAssertion          ok  example.com  touched",
    ]


def test_a_kept_key_goes_on_where_it_was() -> None:
    with attached("--auto-touch", "--store", "work", "--profile", "solo2") as (process, address):
        with open_ctap2(address) as ctap:
            public_key = register(ctap)
        process.kill()  # as hard as it gets
    with attached("--auto-touch", "--store", "work") as (process, address):
        with open_ctap2(address) as ctap:
            assert log_in(ctap, public_key) == 2
        refused = run(*UDP, "--auto-touch", "--store", "work")
        listed = json.loads(run("key", "list", "--json").stdout)
    assert (refused.returncode, refused.stdout) == (2, "")
    assert re.fullmatch(
        rf"stuntkey: .*/work\.key is in use by process {process.pid}\. One key cannot be in two places\n",
        refused.stderr,
    )
    assert listed[0]["problem"] == f"in use by process {process.pid}"
    other = run(*UDP, "--auto-touch", "--store", "work", "--profile", "trezor")
    assert "work.key was made as solo2: leave out --profile, or keep the new key elsewhere" in other.stderr


def test_the_person_may_refuse() -> None:
    with (
        attached("--habit", "refusing") as (_, address),
        open_ctap2(address) as ctap,
        pytest.raises(CtapError, match="OPERATION_DENIED"),
    ):
        register(ctap)


def test_seeds_repeat_keys() -> None:
    keys = []
    for _ in range(2):
        with attached("--auto-touch", "--seed", "7") as (_, address), open_ctap2(address) as ctap:
            keys.append(register(ctap))
    assert keys[0] == keys[1]


CLIENT = """
import os, sys
sys.path.insert(0, sys.argv[1])
from udp_client import open_ctap2, register
with open_ctap2(os.environ["STUNTKEY_PATH"]) as ctap:
    register(ctap, "bob")
sys.exit(7)
"""


def test_a_key_is_there_for_as_long_as_its_command_runs() -> None:
    here = str(Path(__file__).parent)
    done = run(*UDP, "--store", "work", "-v", "--", sys.executable, "-c", CLIENT, here)
    assert done.returncode == 7, done.stderr
    assert done.stdout == ""
    assert "makeCredential        ok  example.com as bob  touched" in done.stderr
    [credential] = json.loads(run("key", "show", "work", "--json").stdout)["credentials"]
    assert credential["user_name"] == "bob"


def test_a_command_that_is_killed_and_one_that_ends_by_terminate() -> None:
    assert run(*UDP, "--", "sh", "-c", "kill -9 $$").returncode == 128 + 9
    process = subprocess.Popen(
        [*STUNTKEY, *UDP, "--", "sh", "-c", "echo up; exec sleep 60"], stdout=subprocess.PIPE, text=True
    )
    with process:
        assert process.stdout is not None
        assert process.stdout.readline() == "up\n"
        process.terminate()
        assert process.wait(timeout=30) == 128 + 15


MISTAKES = {
    ("--port", "upd"): "'upd' is none of mock, uhid, udp. Did you mean 'udp'?",
    ("--prt", "udp"): "--port",
    ("--port", "udp"): "nobody can be asked here, this is no terminal: pass --auto-touch, or --habit",
    ("--auto-touch", "--habit", "refusing"): "--auto-touch and --habit refusing contradict each other",
    ("--habit", "willign"): "Did you mean 'willing'?",
    ("--listen", "127.0.0.1:1", "--auto-touch"): "--listen and --allow-remote are for --port udp; the mock port has no",
    (*UDP[2:4], "--listen", "8111", "--auto-touch"): "--listen 8111: must be HOST:PORT, such as 127.0.0.1:8111",
    (*UDP[2:4], "--listen", "127.0.0.1:99999", "--auto-touch"): "99999 is no UDP port",
    (*UDP[2:4], "--listen", "8.8.8.8:1", "--auto-touch"): "8.8.8.8 can be reached from other machines",
    (*UDP[2:4], "--auto-touch", "--profile", "yubikey-5-nfd"): "did you mean 'yubikey-5-nfc'?",
    (*UDP[2:4], "--auto-touch", "--profile", "./nowhere.toml"): "./nowhere.toml: No such file or directory",
    (*UDP[2:4], "--auto-touch", "--pin", "1"): "pin: profile reference takes 4 to 63 characters",
    (*UDP[2:4], "--auto-touch", "--store", "no/where"): "no/where: the folder no does not exist",
    (*UDP[2:4], "--", "no-such-program"): "no-such-program: is not in $PATH",
    (*UDP[2:4], "--habit", "prompted", "--", "true"): "--habit prompted needs the terminal that the command has",
}  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "problem"), MISTAKES.items(), ids=[" ".join(each) for each in MISTAKES]
)
def test_a_mistake_is_told_without_a_traceback(
    arguments: tuple[str, ...], problem: str, own_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(own_folder)
    done = CliRunner().invoke(main, ["key", "attach", *arguments])
    assert (done.exit_code, done.stdout) == (2, "")
    assert problem in done.stderr
    assert isinstance(done.exception, SystemExit)


def test_a_taken_port_is_told(own_folder: Path) -> None:
    with attached("--auto-touch") as (_, address):
        done = run("key", "attach", "--port", "udp", "--listen", address, "--auto-touch")
    assert done.returncode == 2
    assert (
        f"UDP {address} is taken by another program: choose another port, or 0 for any free one"
        in done.stderr
    )


def test_a_key_of_ones_own_profile_is_found_again_from_anywhere(own_folder: Path) -> None:
    (own_folder / "ours.toml").write_text('extends = "solo2"\ntitle = "Our token"\n')
    made = run(*UDP, "--store", "ours", "--profile", "./ours.toml", "--", "true", cwd=own_folder)
    assert made.returncode == 0, made.stderr
    again = run(*UDP, "--store", "ours", "--", "true", cwd="/")
    assert again.returncode == 0, again.stderr
    assert json.loads(run("key", "show", "ours", "--json").stdout)["profile"] == str(own_folder / "ours.toml")


def test_a_refused_new_key_leaves_no_file_in_use(own_folder: Path) -> None:
    assert run(*UDP, "--auto-touch", "--store", "work", "--pin", "1").returncode == 2
    assert run("key", "show", "work").returncode == 0


# At a terminal


class Terminal:
    """A process at a terminal of its own; what it showed, without the control sequences."""

    def __init__(self, *arguments: str) -> None:
        self.shown = ""
        self._fd, slave = pty.openpty()
        self.process = subprocess.Popen(
            [*STUNTKEY, *arguments],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            env={**os.environ, "TERM": "xterm-256color"},
        )
        os.close(slave)

    def wait_for(self, text: str) -> None:
        """Whatever is shown before it is forgotten."""
        while text not in self.shown:
            readable, _, _ = select.select([self._fd], [], [], 30)
            assert readable, f"{text!r} never came: {self.shown[-2000:]}"
            data = os.read(self._fd, 65536).decode(errors="ignore")
            self.shown += re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", data)
        self.shown = self.shown.partition(text)[2]

    def type(self, text: str) -> None:
        os.write(self._fd, text.encode())

    def end(self) -> int:
        try:
            while os.read(self._fd, 65536):
                pass
        except OSError:  # the other side is closed
            pass
        os.close(self._fd)
        return self.process.wait(timeout=30)


def meanwhile(work: Callable[[], Any]) -> Callable[[], Any]:
    """Start work in a thread; the function gives its outcome."""
    outcome: list[Any] = []

    def do() -> None:
        try:
            outcome.append(work())
        except BaseException as error:
            outcome.append(error)

    thread = threading.Thread(target=do)
    thread.start()

    def finished() -> Any:
        thread.join(30)
        [result] = outcome
        return result

    return finished


def free_udp_address() -> str:
    import socket

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{probe.getsockname()[1]}"


@pytest.fixture
def bio() -> Iterator[tuple[Terminal, Any]]:
    """A key with a sensor at a terminal, and a client that is connected to it."""
    address = free_udp_address()
    arguments = (
        "--port",
        "udp",
        "--listen",
        address,
        "--profile",
        "reference",
        "--pin",
        "1234",
        "--finger",
        "thumb",
    )
    terminal = Terminal("key", "attach", *arguments)
    terminal.wait_for("ready, 0 passkeys")
    with open_ctap2(address) as ctap:
        yield terminal, ctap
    terminal.type("q")
    assert terminal.end() == 0


def test_a_person_at_the_terminal_touches_denies_and_unplugs(bio: tuple[Terminal, Any]) -> None:
    terminal, ctap = bio

    def select_key() -> None:
        ctap.selection()

    asked = meanwhile(select_key)
    terminal.wait_for("select this key: touch")
    terminal.type("x")
    terminal.wait_for("that key does nothing here")
    terminal.type("\r")
    assert asked() is None
    terminal.wait_for("ready")

    asked = meanwhile(select_key)
    terminal.wait_for("select this key: touch")
    terminal.type("d")
    assert asked().code == CtapError.ERR.OPERATION_DENIED

    terminal.wait_for("ready")
    terminal.type("\r")
    terminal.wait_for("nothing is asked at the moment")
    terminal.type("u")
    terminal.wait_for("pulled out")
    terminal.type("u")
    terminal.wait_for("ready")


def test_a_wrong_finger_and_then_the_right_one(bio: tuple[Terminal, Any]) -> None:
    terminal, ctap = bio

    def make() -> Any:
        return ctap.make_credential(
            bytes(32), {"id": "example.com", "name": "E"}, {"id": b"1", "name": "zoë"},
            [{"type": "public-key", "alg": -7}], options={"rk": True, "uv": True},
        )  # fmt: skip

    asked = meanwhile(make)
    terminal.wait_for("register at example.com: fingerprint, 3 tries left")
    terminal.type("w")
    terminal.wait_for("fingerprint, 2 tries left")
    terminal.type("\r")
    made = asked()
    assert made.auth_data.is_user_verified()
    terminal.wait_for("makeCredential        ok  example.com as zoë  not recognised, verified")


def test_ctrl_c_ends_it_cleanly() -> None:
    terminal = Terminal(*UDP)
    terminal.wait_for("ready, 0 passkeys")
    terminal.process.send_signal(signal.SIGINT)
    assert terminal.end() == 0


def test_a_trace_is_written_while_a_key_is_attached(tmp_path: Path) -> None:
    path = tmp_path / "run.ndjson"
    with attached("--auto-touch", "--trace", str(path)) as (process, address):
        with open_ctap2(address) as ctap:
            register(ctap)
        shown = run("trace", "show", "--brief", str(path))
        assert "→ makeCredential  example.com as alice" in shown.stdout
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=30) == 0
    assert "← SUCCESS" in run("trace", "show", str(path), "--command", "getInfo").stdout
