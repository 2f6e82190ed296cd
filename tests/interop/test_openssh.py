"""OpenSSH: keys made on the security key, and log-ins to a real sshd with them."""

from __future__ import annotations

import getpass
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from harness import deny
from tests.interop.bench import PIN, Bench
from tests.interop.terminal import Ended

NewBench = Callable[..., Bench]
Find = Callable[[str], str]
KINDS = ("ecdsa-sk", "ed25519-sk")
ASKED_PIN = ("Enter PIN for authenticator: ", PIN)


class Server:
    """An sshd that lets in who has a key in `authorized_keys`. Each log-in starts one of its own, behind a pipe."""

    def __init__(self, program: str, bench: Bench) -> None:
        folder = bench.folder
        if os.geteuid() == 0:
            Path("/run/sshd").mkdir(exist_ok=True)  # made by its service otherwise
        bench.says("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", "host")
        bench.write(
            "sshd_config",
            f"HostKey {folder}/host",
            f"AuthorizedKeysFile {folder}/authorized_keys",
            "StrictModes no",
            "UsePAM no",
            "PidFile none",
            "KbdInteractiveAuthentication no",
            "PasswordAuthentication no",
        )
        # The server sees no key, as it would not on a machine of its own.
        self._command = f"env -u LD_PRELOAD -u UMOCKDEV_DIR {program} -i -f {folder}/sshd_config"
        self._bench = bench

    def allow(self, public_key: str) -> None:
        self._bench.write("authorized_keys", (self._bench.folder / public_key).read_text().strip())

    def log_in(self, identity: str, *answers: tuple[str, str]) -> Ended:
        return self._bench.asks(
            answers,
            "ssh",
            *(
                "-F",
                "none",
                "-o",
                f"ProxyCommand={self._command}",
                "-o",
                f"UserKnownHostsFile={self._bench.folder}/known",
            ),
            *("-o", "StrictHostKeyChecking=accept-new", "-o", "IdentitiesOnly=yes", "-i", identity),
            f"{getpass.getuser()}@server",
            "echo $((6 * 7)) is the answer",
        )


@pytest.fixture
def sshd(foreign: Find) -> str:
    return foreign("sshd")


@pytest.mark.parametrize("kind", KINDS)
def test_key_and_log_in(bench: NewBench, sshd: str, kind: str) -> None:
    table = bench()
    table.says("ssh-keygen", "-q", "-t", kind, "-N", "", "-C", "bench", "-f", "id")
    server = Server(sshd, table)
    server.allow("id.pub")
    assert "42 is the answer" in server.log_in("id").ok()

    table.key.person.will(deny())
    # Refused, OpenSSH tries with a PIN: any, as the key has none.
    refused = server.log_in("id", (f"Enter PIN for {kind.upper()} key id: ", "0000")).failed()
    assert "Permission denied (publickey)" in refused

    table.says("ssh-keygen", "-q", "-t", kind, "-N", "", "-C", "other", "-f", "other")
    assert "Permission denied (publickey)" in server.log_in("other").failed()


@pytest.mark.parametrize("kind", KINDS)
def test_resident_keys(bench: NewBench, sshd: str, kind: str) -> None:
    """Made on one machine, loaded from the key on the next, and used with PIN and touch."""
    table = bench(pin=PIN)
    options = ("-O", "resident", "-O", "verify-required", "-O", "application=ssh:work", "-O", "user=alice")
    table.asks([ASKED_PIN], "ssh-keygen", "-q", "-t", kind, *options, "-N", "", "-f", "id").ok()
    assert [(each.rp_id, each.user.id) for each in table.key.credentials] == [
        ("ssh:work", b"alice".ljust(32, b"\0"))
    ]

    elsewhere = table.folder / "elsewhere"
    elsewhere.mkdir()
    table.folder = elsewhere
    table.asks([ASKED_PIN], "ssh-keygen", "-q", "-K", "-N", "").ok()
    (public,) = elsewhere.glob("id_*.pub")
    assert public.read_text().split()[:2] == (elsewhere.parent / "id.pub").read_text().split()[:2]

    server = Server(sshd, table)
    server.allow(public.name)
    asked = f"Enter PIN for {kind.upper()} key .*: "
    assert "42 is the answer" in server.log_in(public.stem, (asked, PIN)).ok()
    assert "Permission denied" in server.log_in(public.stem, (asked, "0000")).failed()


def test_attestation(bench: NewBench) -> None:
    """What a company's certificate authority would check: the key's own signature over the challenge."""
    table = bench()
    (table.folder / "challenge").write_bytes(os.urandom(32))
    table.says(
        *("ssh-keygen", "-q", "-t", "ecdsa-sk", "-N", "", "-f", "id"),
        *("-O", "challenge=challenge", "-O", "write-attestation=attestation"),
    )
    attestation = (table.folder / "attestation").read_bytes()
    length = int.from_bytes(attestation[:4])
    assert attestation[4 : 4 + length] == b"ssh-sk-attest-v01"
    rest = attestation[4 + length :]
    certificate = rest[4 : 4 + int.from_bytes(rest[:4])]
    parsed = subprocess.run(
        ["openssl", "x509", "-inform", "DER", "-noout", "-subject"], input=certificate, capture_output=True
    )
    assert b"stand-in" in parsed.stdout


@pytest.mark.parametrize("kind", KINDS)
def test_signed_files(bench: NewBench, kind: str) -> None:
    """ssh-keygen -Y, as git signs commits with."""
    table = bench()
    table.says("ssh-keygen", "-q", "-t", kind, "-N", "", "-f", "id")
    table.write("commit", "tree 4b825dc642cb6eb9a060e54bf8d69288fbee4904")
    table.says("ssh-keygen", "-Y", "sign", "-f", "id", "-n", "git", "commit")
    table.write("allowed", f"alice@example.com {(table.folder / 'id.pub').read_text().strip()}")
    verify = (
        "ssh-keygen",
        "-Y",
        "verify",
        "-f",
        "allowed",
        "-I",
        "alice@example.com",
        "-n",
        "git",
        "-s",
        "commit.sig",
    )
    assert "Good" in table.pipe(*verify, given=(table.folder / "commit").read_text())
    with pytest.raises(AssertionError, match="ended with 255"):
        table.pipe(*verify, given="tree 0000000000000000000000000000000000000000\n")
