"""`stuntkey trace show` and `export`, as their users run them."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner
from fido2.ctap1 import ApduError, Ctap1
from traced import story

from authenticator.authenticator import COMMANDS
from authenticator.commands.u2f import Instruction, StatusWord
from authenticator.status import Status
from ctaphid.packets import Command, ErrorCode
from harness import HandTurnedClock, VirtualKey
from harness.cli import main
from harness.trace import PacketEvent
from harness.trace.records import load, save

STUNTKEY = [sys.executable, "-c", "from harness.cli import main; main(prog_name='stuntkey')"]


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("trace") / "run.ndjson"
    story().key.trace.save(path)
    return path


def show(*arguments: object) -> list[str]:
    result = CliRunner().invoke(main, ["trace", "show", *map(str, arguments)])
    assert result.exit_code == 0, result.output
    return result.output.splitlines()


def test_show_tells_the_story(saved: Path) -> None:
    lines = show(saved)
    assert lines[0].startswith("reference  ")
    assert "7 requests" in lines[0]
    text = "\n".join(lines)
    place = text.index("→ makeCredential  example.com as alice")
    told = text[place:]
    for each in (
        "clientDataHash     h'0001020304050607…' 32 bytes",
        'pubKeyCredParams   [{"alg": -7 (ES256), "type": "public-key"}]',
        "? register at example.com as alice: touch",
        "! touched  after 1.50 s",
        "← SUCCESS  1.50 s",
        'flags                "UP UV AT"',
        "largeBlobKey  h'' / redacted /",
        "→ U2F register",
    ):
        assert each in told
        told = told[told.index(each) :]
    assert "◆ page  navigator.credentials.create  example.com" in text
    assert "▷" not in text


def test_packets_commands_and_length(saved: Path) -> None:
    assert any("▷ ffffffff INIT      nonce" in line for line in show(saved, "--packets"))
    only = show(saved, "--command", "MAKEcredential", "--packets", "--brief")
    assert sum("→" in line for line in only) == 1
    assert not any("INIT" in line or "clientPIN" in line for line in only)
    # The request's packets, its keepalives and its response's.
    assert sum("▷" in line for line in only) == 3
    assert any("KEEPALIVE user presence needed" in line for line in only)
    assert sum(bool(re.search("◁ .* (CBOR|…)", line)) for line in only) > 10
    long, short = show(saved, "--full"), show(saved)
    assert len("".join(long)) > len("".join(short))
    assert not any("…" in line for line in long)


def test_polls_of_u2f_are_counted(tmp_path: Path) -> None:
    clock = HandTurnedClock()
    key = VirtualKey(clock=clock)
    key.person.habit = "ignoring"
    device = Ctap1(key.ctap_device())
    for _ in range(12):
        with pytest.raises(ApduError):
            device.register(bytes(32), bytes(32))
    key.person.habit = "willing"
    clock.advance(10)
    device.register(b"\1" * 32, bytes(32))
    key.trace.save(tmp_path / "polls.ndjson")
    lines = show(tmp_path / "polls.ndjson", "--brief")
    assert sum("→ U2F register" in line for line in lines) == 2
    assert any("asked again 11 times" in line for line in lines)
    assert any("NO_ERROR" in line for line in lines)


def test_two_keys_are_told_apart(tmp_path: Path) -> None:
    keys = [VirtualKey("solo2"), VirtualKey("yubikey-5-nfc")]
    for key in keys:
        Ctap1(key.ctap_device()).get_version()
    save(tmp_path / "both.ndjson", [key.trace for key in keys])
    lines = show(tmp_path / "both.ndjson")
    assert any("solo2  → U2F version" in line for line in lines)
    assert any("yubikey-5-nfc  → U2F version" in line for line in lines)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["show", "{saved}", "--command", "makeCredentials"], "Did you mean 'makeCredential'?"),
        (["show", "{folder}/none"], "none: No such file or directory"),
        (["show", "{folder}/bad"], "bad, line 2: not JSON"),
        (["export", "{folder}/bad", "{folder}/out"], "bad, line 2: not JSON"),
        (["export", "{folder}/empty", "{folder}/out"], "there are no packets in this trace"),
        (["export", "{saved}", "{folder}/none/out"], "cannot be written"),
        (["export", "{saved}", "--to", "pcap", "{folder}/out"], "Did you mean 'pcapng'?"),
    ],
)
def test_mistakes_are_told_in_a_line(saved: Path, tmp_path: Path, arguments: list[str], told: str) -> None:
    header = '{"stuntkey trace": 1, "began": 0, "keys": []}\n'
    (tmp_path / "bad").write_text(header + "{")
    (tmp_path / "empty").write_text(header)
    filled = [each.format(saved=saved, folder=tmp_path) for each in arguments]
    result = CliRunner().invoke(main, ["trace", *filled])
    assert result.exit_code == 2
    assert told in result.output
    assert isinstance(result.exception, SystemExit)


def test_head_ends_it_quietly(saved: Path) -> None:
    shown = subprocess.run(
        ["/bin/sh", "-c", '"$@" | head -1', "sh", *STUNTKEY, "trace", "show", "--packets", "--full", str(saved)],
        capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert shown.stdout.startswith("reference")
    assert shown.stderr == ""


# pcapng, judged by tshark

TSHARK = shutil.which("tshark") or "tshark"


def tshark(capture: Path, *arguments: str) -> list[str]:
    done = subprocess.run(
        [TSHARK, "-r", str(capture), *arguments], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    assert "Lua" not in done.stderr, done.stderr
    return done.stdout.splitlines()


@pytest.fixture(scope="module")
def capture(saved: Path) -> Path:
    out = saved.with_suffix(".pcapng")
    done = CliRunner().invoke(main, ["trace", "export", str(saved), str(out)])
    assert done.exit_code == 0, done.output
    return out


@pytest.fixture(scope="module")
def with_dissector(saved: Path) -> str:
    lua = saved.with_name("ctaphid.lua")
    lua.write_text(CliRunner().invoke(main, ["trace", "dissector"]).output)
    return f"lua_script:{lua}"


def test_tshark_takes_it_for_usb_hid(saved: Path, capture: Path) -> None:
    fields = ["frame.protocols", "usb.endpoint_address", "usbhid.data", "usb.capdata"]
    rows = [
        row.split("\t")
        for row in tshark(
            capture, "-T", "fields", *(f"-e{name}" for name in fields), "-Y", "usb.transfer_type == 1"
        )
    ]
    packets = [r.event for r in load(saved).records if isinstance(r.event, PacketEvent)]
    assert len(rows) == len(packets)
    for (protocols, endpoint, *data), packet in zip(rows, packets, strict=True):
        assert protocols == "usb:usbhid"
        assert endpoint == ("0x04" if packet.to_key else "0x84")
        assert packet.data.hex() in data
    described = "\n".join(tshark(capture, "-V", "-Y", "usb.bDescriptorType || usbhid"))
    assert "bInterfaceClass: HID (0x03)" in described
    assert "Usage Page (FIDO Alliance)" in described or "FIDO" in described


def test_no_frame_is_malformed(capture: Path, with_dissector: str) -> None:
    assert tshark(capture, "-Y", "_ws.malformed || _ws.expert.severity >= 4194304") == []
    assert tshark(capture, "-X", with_dissector, "-Y", "_ws.malformed || _ws.lua.error") == []


def test_comments_tell_what_the_packets_mean(capture: Path) -> None:
    comments = "\n".join(tshark(capture, "-T", "fields", "-e", "frame.comment"))
    for each in (
        "makeCredential {/ clientDataHash / 1: h'000102",
        "the person is asked: register at example.com as alice: touch",
        "the person: touched",
        "page: navigator.credentials.create example.com",
    ):
        assert each in comments


def test_the_dissector_reads_ctap2(capture: Path, with_dissector: str) -> None:
    fields = ["ctaphid.ctap2.command", "ctaphid.ctap2.status", "ctaphid.u2f.ins", "ctaphid.u2f.sw"]
    rows = tshark(
        capture, "-X", with_dissector, "-T", "fields", *(f"-e{each}" for each in fields),
        "-Y", "ctaphid.ctap2.command || ctaphid.u2f.ins || ctaphid.u2f.sw",
    )  # fmt: skip
    exchanges = [row.split("\t") for row in rows]
    asked = [int(command, 16) for command, status, *_ in exchanges if command and not status]
    answered = [(int(command, 16), int(status, 16)) for command, status, *_ in exchanges if status]
    assert asked == [0x04, 0x06, 0x06, 0x06, 0x06, 0x01]
    assert answered == [(code, 0) for code in asked]
    assert [row[2:] for row in exchanges if row[2] or row[3]] == [["0x01", ""], ["", "0x9000"]]
    assert tshark(capture, "-X", with_dissector, "-Y", 'cbor.type.textstring == "example.com"')


@pytest.mark.parametrize(
    ("table", "names"),
    [
        ("COMMANDS", {each.value: each.name for each in Command}),
        ("ERRORS", {each.value: each.name for each in ErrorCode}),
        ("CTAP2", {each.code: each.name for each in COMMANDS.values()}),
        ("STATUS", {each.value: each.name for each in Status}),
        ("U2F", {each.value: each.name.lower() for each in Instruction}),
        ("WORDS", {each.value: each.name for each in StatusWord}),
    ],
)
def test_the_dissector_has_the_same_names(table: str, names: dict[int, str]) -> None:
    lua = CliRunner().invoke(main, ["trace", "dissector"]).output
    found = re.search(rf"^local {table} = {{(.*?)}}$", lua, re.DOTALL | re.MULTILINE)
    assert found is not None
    entries = re.findall(r'\[0x([0-9a-f]+)\] = "(\w+)"', found[1])
    assert {int(code, 16): name for code, name in entries} == names
