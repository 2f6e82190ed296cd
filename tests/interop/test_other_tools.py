"""pam-u2f, ykman and python-fido2, each as a program of its own."""

from __future__ import annotations

import base64
import os
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

from tests.interop.bench import PIN, Bench

NewBench = Callable[..., Bench]
Find = Callable[[str], str]


def test_pamu2fcfg(bench: NewBench, foreign: Find) -> None:
    """Its line for /etc/u2f_mappings: user:credential,public key,type,options."""
    table = bench()
    said = table.pipe(foreign("pamu2fcfg"), "-u", "alice", "-o", "pam://bench")
    user, _, mapping = said.strip().partition(":")
    credential, public_key, kind, options = mapping.split(",")
    assert (user, kind, options) == ("alice", "es256", "+presence")
    assert len(base64.b64decode(public_key)) == 64
    table.write("parameters", base64.b64encode(bytes(32)).decode(), "pam://bench", credential)
    table.says("fido2-assert", "-G", "-i", "parameters", "-o", "got", table.path)
    assert table.key.credentials == ()


def test_pamu2fcfg_with_a_resident_key(bench: NewBench, foreign: Find) -> None:
    table = bench(pin=PIN)
    said = table.asks(
        [(r"Enter PIN for /dev/hidraw0: ", PIN)],
        foreign("pamu2fcfg"),
        "-r",
        "-N",
        "-u",
        "alice",
        "-o",
        "pam://bench",
    ).ok()
    assert "alice:" in said
    assert said.strip().endswith(",es256,+presence+pin")
    assert [each.rp_id for each in table.key.credentials] == ["pam://bench"]


def test_ykman(bench: NewBench, foreign: Find) -> None:
    table = bench(pin=PIN)
    ykman = foreign("ykman")
    serial = str(table.key.engine.authenticator.state.serial_number)
    assert f"YubiKey 5 NFC (5.7.1) [OTP+FIDO+CCID] Serial: {serial}" in table.pipe(ykman, "list")
    information = table.pipe(ykman, "info")
    assert "Device type: YubiKey 5 NFC\n" in information
    assert f"Serial number: {serial}\n" in information
    fido = table.pipe(ykman, "fido", "info")
    assert "a25342c0-3cdc-4414-8e46-f4807fca511c" in fido
    assert "8 attempt(s) remaining" in fido


def test_ykman_and_pins(bench: NewBench, foreign: Find) -> None:
    table = bench()
    ykman = foreign("ykman")
    table.pipe(ykman, "fido", "access", "change-pin", "--new-pin", "246810")
    assert table.key.engine.authenticator.state.pin_hash is not None
    said = table.asks([], ykman, "fido", "access", "verify-pin", "--pin", "wrong1").failed()
    assert "PIN verification failed" in said
    assert table.key.engine.authenticator.state.pin_retries == 7
    table.pipe(ykman, "fido", "access", "verify-pin", "--pin", "246810")
    assert table.key.engine.authenticator.state.pin_retries == 8


def test_ykman_and_credentials(bench: NewBench, foreign: Find) -> None:
    table = bench(pin=PIN)
    ykman = foreign("ykman")
    user = base64.b64encode(b"7").decode()
    table.write("parameters", base64.b64encode(bytes(32)).decode(), "example.com", "alice", user)
    table.asks(
        [("Enter PIN for /dev/hidraw0: ", PIN)],
        "fido2-cred",
        "-M",
        "-r",
        "-i",
        "parameters",
        "-o",
        "made",
        table.path,
    ).ok()
    listed = table.pipe(ykman, "fido", "credentials", "list", "--pin", PIN)
    assert "example.com" in listed
    assert "alice" in listed
    (credential,) = table.key.credentials
    table.pipe(ykman, "fido", "credentials", "delete", "--pin", PIN, "--force", credential.id.hex()[:16])
    assert table.key.credentials == ()


def test_ykman_reset(bench: NewBench, foreign: Find) -> None:
    """It has the key pulled out and plugged in again, and waits for that."""
    table = bench(pin=PIN)
    ykman = foreign("ykman")
    with subprocess.Popen(
        [ykman, "fido", "reset", "--force"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=table.environment,
    ) as process:
        assert process.stdout is not None
        said = ""
        for line in process.stdout:
            said += line
            if "Remove and re-insert" in line:
                table.key.unplug()
                table.key.plug_in()
        assert process.wait(60) == 0, said
    assert table.key.engine.authenticator.state.pin_hash is None


def test_python_fido2(bench: NewBench) -> None:
    """CtapHidDevice.list_devices and the client, in a process that knows nothing of ours."""
    table = bench()
    script = """
        import os
        from fido2.client import DefaultClientDataCollector, Fido2Client, UserInteraction
        from fido2.hid import CtapHidDevice
        from fido2.server import Fido2Server
        from fido2.webauthn import AttestationConveyancePreference

        (device,) = CtapHidDevice.list_devices()
        assert device.ping(b"x" * 7609) == b"x" * 7609
        server = Fido2Server(dict(id="example.com", name="Example"), attestation="direct")
        collector = DefaultClientDataCollector("https://example.com")
        client = Fido2Client(device, collector, user_interaction=UserInteraction())
        options, state = server.register_begin(dict(id=b"7", name="alice"), user_verification="discouraged")
        credential = server.register_complete(state, client.make_credential(options["publicKey"])).credential_data
        options, state = server.authenticate_begin([credential], user_verification="discouraged")
        answer = client.get_assertion(options["publicKey"]).get_response(0)
        server.authenticate_complete(state, [credential], answer)
        print(device.product_name, credential.aaguid)
    """
    assert table.pipe(sys.executable, "-I", "-c", textwrap.dedent(script)) == (
        "Yubico YubiKey OTP+FIDO+CCID a25342c0-3cdc-4414-8e46-f4807fca511c\n"
    )


def test_without_any_privilege(tmp_path: Path) -> None:
    """In a process that is root by name at most: no capability, and no way to get one."""
    script = """
        import subprocess, sys
        from pathlib import Path
        from harness import VirtualKey
        from harness.wrap import run_with_keys

        status = Path("/proc/self/status").read_text().splitlines()
        assert [int(line.split()[1], 16) for line in status if line.startswith("CapEff")] == [0]
        sys.exit(run_with_keys([VirtualKey("yubikey-5-nfc"), VirtualKey("solo2")], ["fido2-token", "-L"]))
    """
    powerless = ["setpriv", "--no-new-privs"]
    if os.geteuid() == 0:
        powerless += ["--bounding-set=-all", "--inh-caps=-all"]
    done = subprocess.run(
        [*powerless, sys.executable, "-c", textwrap.dedent(script)],
        capture_output=True,
        text=True,
        timeout=60,
        cwd=Path(__file__).parents[2],
    )
    assert done.returncode == 0, done.stderr
    assert [line.partition(":")[0] for line in sorted(done.stdout.splitlines())] == [
        "/dev/hidraw0",
        "/dev/hidraw1",
    ]
