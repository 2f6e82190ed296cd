"""Registration and log-in through `harness.client`, beside PyPI's soft-webauthn doing the same, round by round.

soft-webauthn needs older libraries than we do, so it runs in an environment of its own (`tools/setup foreign`).
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from pathlib import Path

from harness import VirtualKey
from harness.client import Client

ROUNDS, CEREMONIES = 15, 100
WORKER = Path(__file__).with_name("soft_webauthn_worker.py")
PYTHON = Path(".setup/soft-webauthn/bin/python")
CHALLENGE = "A" * 43
CREATE = {
    "rp": {"id": "example.com", "name": "Example"},
    "user": {"id": "dXNlcg", "name": "ann", "displayName": "Ann"},
    "challenge": CHALLENGE,
    "pubKeyCredParams": [{"type": "public-key", "alg": -7}],
    "authenticatorSelection": {"userVerification": "discouraged"},
    "attestation": "none",
}


def ceremonies(*, wire: bool) -> None:
    client = Client(VirtualKey(), "https://example.com", wire=wire)
    response = client.create(CREATE)
    client.get(
        {
            "rpId": "example.com",
            "challenge": CHALLENGE,
            "allowCredentials": [{"type": "public-key", "id": response["id"]}],
            "userVerification": "discouraged",
        }
    )


def timed(*, wire: bool) -> float:
    began = time.perf_counter()
    for _ in range(CEREMONIES):
        ceremonies(wire=wire)
    return (time.perf_counter() - began) / CEREMONIES


def main() -> int:
    if not PYTHON.exists():
        print("soft-webauthn is not there: tools/setup foreign", file=sys.stderr)
        return 2
    direct: list[float] = []
    wired: list[float] = []
    other: list[float] = []
    with subprocess.Popen(
        [PYTHON, WORKER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as worker:
        assert worker.stdin is not None
        assert worker.stdout is not None
        for _ in range(ROUNDS):
            direct.append(timed(wire=False))
            worker.stdin.write(f"{CEREMONIES}\n")
            worker.stdin.flush()
            other.append(float(worker.stdout.readline()))
            wired.append(timed(wire=True))
        worker.stdin.close()
    ours, theirs, framed = (statistics.median(each) for each in (direct, other, wired))
    print("a new key, a registration and a log-in:")
    print(f"  client.py                   {ours * 1e6:8.0f} µs   {ours / theirs:5.2f} × soft-webauthn")
    print(f"  client.py over CTAPHID      {framed * 1e6:8.0f} µs   {framed / theirs:5.2f} × soft-webauthn")
    print(f"  soft-webauthn               {theirs * 1e6:8.0f} µs")
    return 0


if __name__ == "__main__":
    sys.exit(main())
