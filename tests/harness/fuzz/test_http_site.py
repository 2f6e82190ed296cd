"""Sites that are dead, slow, throttling or lying get a clear verdict, and nobody waits for them for long."""

from __future__ import annotations

import base64
import json
import re
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from click.testing import CliRunner

from harness.cli import main
from harness.errors import SetupError
from harness.fuzz.campaign import Plan, run
from harness.fuzz.events import CaseEnded, Event, TargetLost
from harness.fuzz.site.loader import load_site, parse_site
from harness.fuzz.targets.known import host_of, require_permission
from harness.fuzz.verdicts import Conduct, Judgement, Result

SITE = """\
name: a site
url: http://127.0.0.1:1
patience: 1
sign_up:
  - send: POST /sign-up
    json: {user: "{user}"}
registration:
  begin: [{send: POST /begin}]
  finish: [{send: POST /finish, body: "{credential}"}]
authentication:
  begin: [{send: POST /log-in}]
  finish: [{send: POST /log-in/finish, body: "{credential}"}]
"""
LINES = SITE.splitlines()

Serve = Callable[[socket.socket], None]


@contextmanager
def server(serve: Serve) -> Iterator[str]:
    listener = socket.create_server(("127.0.0.1", 0))
    open_: list[socket.socket] = []

    def one(connection: socket.socket) -> None:
        try:
            serve(connection)
        except OSError:
            pass
        finally:
            connection.close()

    def accept() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            open_.append(connection)
            threading.Thread(target=one, args=(connection,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        for each in open_:
            try:
                each.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue


def read_request(connection: socket.socket) -> tuple[bytes, bytes]:
    """Its first line, and its body."""
    with connection.makefile("rb") as stream:
        line, length = stream.readline(), 0
        while header := stream.readline().strip():
            name, _, value = header.partition(b":")
            if name.lower() == b"content-length":
                length = int(value)
        return line, stream.read(length)


def answer(status: str, body: str = "{}", *headers: str) -> Serve:
    def serve(connection: socket.socket) -> None:
        connection.recv(1 << 20)
        lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "Connection: close", *headers]
        connection.sendall("\r\n".join([*lines, "", body]).encode())

    return serve


def silent(connection: socket.socket) -> None:
    while connection.recv(1 << 16):
        continue


def dripping(connection: socket.socket) -> None:
    """A byte now and then, for ever: no single read ever takes too long."""
    connection.recv(1 << 20)
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
    pause = threading.Event()
    while True:
        connection.sendall(b" ")
        pause.wait(0.05)


def cut_off(connection: socket.socket) -> None:
    connection.recv(1 << 20)


def no_http(connection: socket.socket) -> None:
    connection.recv(1 << 20)
    connection.sendall(b"\x16\x03\x01 this is something else\r\n\r\n")


def endless(connection: socket.socket) -> None:
    connection.recv(1 << 20)
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n")
    while True:
        connection.sendall(b" " * 65536)


OPTIONS = (
    '{"publicKey": {"challenge": "AAAAAAAAAAAAAAAAAAAAAA", "user": {"id": "AAAA"}, '
    '"pubKeyCredParams": [{"type": "public-key", "alg": -7}]}}'
)


def campaign(tmp_path: Path, url: str, only: str, site: str = SITE) -> tuple[list[Result], list[TargetLost]]:
    path = tmp_path / "site.yaml"
    path.write_text(site)
    results: list[Result] = []
    lost: list[TargetLost] = []

    def handle(event: Event) -> None:
        if isinstance(event, CaseEnded):
            results.append(event.result)
        elif isinstance(event, TargetLost):
            lost.append(event)

    run(Plan(targets=(f"{path}@{url}",), only=(only,)), handle)
    return results, lost


@pytest.mark.parametrize(
    ("serve", "conduct", "words"),
    [
        (silent, Conduct.HUNG, "no answer within"),
        (dripping, Conduct.HUNG, "no answer within"),
        (cut_off, Conduct.CRASHED, "cut off"),
        (no_http, Conduct.CRASHED, "cut off"),
        (endless, Conduct.INCONCLUSIVE, "more than"),
        (answer("500 Internal Server Error", "oops"), Conduct.CRASHED, "oops"),
        (answer("429 Too Many Requests", "{}", "Retry-After: 3600"), Conduct.THROTTLED, "wait for 3600 s"),
        (answer("429 Too Many Requests", "{}", "Retry-After: 0"), Conduct.THROTTLED, "too many requests"),
        (answer("503 Unavailable", "{}", "Retry-After: Tomorrow"), Conduct.THROTTLED, "too many requests"),
        (answer("403 Forbidden", '{"message": "closed"}'), Conduct.INCONCLUSIVE, "closed"),
        (answer("302 Found", "", "Location: http://evil.example/"), Conduct.INCONCLUSIVE, ""),
        (answer("200 OK", "<html>not JSON</html>"), Conduct.INCONCLUSIVE, "no options"),
    ],
    ids=lambda value: value if isinstance(value, str) else getattr(value, "__name__", str(value)),
)
def test_hostile_site(tmp_path: Path, serve: Serve, conduct: Conduct, words: str) -> None:
    with server(serve) as url:
        results, _ = campaign(tmp_path, url, "B12/registration/other")
    assert [each.conduct for each in results] == [conduct], results
    assert words in results[0].reason


def test_dead_site_is_given_up(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
    results, lost = campaign(tmp_path, url, "B1*")
    assert {each.judgement for each in results} == {Judgement.UNDECIDED}
    assert all("does not answer" in each.reason for each in results)
    assert len(lost) == 1
    assert len(results) < 10


def test_site_that_says_yes_to_everything(tmp_path: Path) -> None:
    """It passes every control, and every lie is a finding; in the end it is told what that means."""
    path = tmp_path / "site.yaml"
    path.write_text(SITE)
    with server(answer("200 OK", OPTIONS)) as url:
        result = CliRunner().invoke(
            main, ["fuzz", "run", f"{path}@{url}", "--only", "B12/*", "--only", "G01/*", "--workers", "0"]
        )
    assert result.exit_code == 1
    assert re.search(r"site\.yaml@\S+ refused nothing at all: it verifies nothing", result.output)


def test_site_that_believes_one_lie_is_not_called_credulous() -> None:
    result = CliRunner().invoke(main, ["fuzz", "run", "webauthn", "--only", "B*", "--workers", "0"])
    assert result.exit_code == 1
    assert "refused nothing" not in result.output


def test_site_that_says_no_to_everything(tmp_path: Path) -> None:
    """A lie that is refused shows nothing, if the truth is refused as well."""

    def serve(connection: socket.socket) -> None:
        line = connection.recv(1 << 20).partition(b"\r\n")[0]
        refuses = b"/finish" in line
        sent = "{}" if refuses else OPTIONS
        status = "400 No" if refuses else "200 OK"
        connection.sendall(
            f"HTTP/1.1 {status}\r\nContent-Length: {len(sent)}\r\nConnection: close\r\n\r\n{sent}".encode()
        )

    with server(serve) as url:
        results, _ = campaign(tmp_path, url, "G01")
    assert results
    assert not {each.judgement for each in results} & {Judgement.HELD, Judgement.FINDING}


def test_no_in_a_value_is_a_rejection_and_is_noted(tmp_path: Path) -> None:
    """200 and `{"verified": false}`: by a site that looks at challenges and at nothing else."""

    def serve(connection: socket.socket) -> None:
        line, body = read_request(connection)
        sent = OPTIONS
        if b"/finish" in line:
            data = json.loads(body)["response"]["clientDataJSON"]
            told = json.loads(base64.urlsafe_b64decode(data + "=" * (-len(data) % 4)))["challenge"]
            sent = json.dumps({"verified": told == "A" * 22})
        connection.sendall(
            f"HTTP/1.1 200 OK\r\nContent-Length: {len(sent)}\r\nConnection: close\r\n\r\n{sent}".encode()
        )

    verdict = SITE.replace("  finish:", "  accepted: {pointer: /verified}\n  finish:")
    verdict = verdict.replace("patience: 1", "patience: 30")
    with server(serve) as url:
        refused, _ = campaign(tmp_path, url, "B12", verdict)
        believed, _ = campaign(tmp_path, url, "G01", verdict)
    assert {each.judgement for each in believed} == {Judgement.FINDING}
    assert refused
    for each in refused:
        assert each.judgement is Judgement.HELD, each
        assert each.conduct.rejected
        assert each.notes == ("HTTP 200 and /verified False: a caller could overlook that it is a no",)


@pytest.mark.parametrize(
    ("old", "new", "line", "words"),
    [
        ("registration:", "registraton:", LINES.index("registration:") + 1, "did you mean registration?"),
        ("    json:", "    jsn:", 6, "did you mean json?"),
        ("POST /sign-up", "PUSH /sign-up", 5, "a method"),
        ("patience: 1", "patience: soon", 3, "number"),
        ("url: http://127.0.0.1:1", "url: here", 2, "is no URL"),
        ("name: a site\n", "", 1, "name: is missing"),
        ("{send: POST /begin}", "{send: POST /begin, keep: {a: {pointer: x}}}", 8, "JSON pointer"),
    ],
)
def test_mistakes_are_told_with_their_lines(old: str, new: str, line: int, words: str) -> None:
    with pytest.raises(SetupError, match=words) as told:
        parse_site(SITE.replace(old, new, 1), "site.yaml")
    assert str(told.value).startswith(f"site.yaml:{line}: ")


def test_other_hosts_need_permission(tmp_path: Path) -> None:
    path = tmp_path / "site.yaml"
    path.write_text(SITE.replace("127.0.0.1:1", "rp.example"))
    assert host_of(str(path)) == "rp.example"
    with pytest.raises(SetupError, match=r"--i-may-test rp\.example"):
        require_permission(str(path), ())
    require_permission(str(path), ("rp.example",))
    require_permission(f"{path}@http://localhost:8800", ())


def test_missing_file_is_told(tmp_path: Path) -> None:
    (tmp_path / "site.yaml").write_text(SITE)
    with pytest.raises(SetupError, match=r"did you mean .*site\.yaml"):
        load_site(tmp_path / "sight.yaml")
