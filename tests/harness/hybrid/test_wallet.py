"""Wallets: answers in the form that browsers take, and programs that make them."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from harness.cli import main
from harness.hybrid.phone import Phone
from harness.hybrid.wallet import Refusal, presented, refused, wallet_program
from tests.harness.hybrid.scenery import Scenery, play

REQUEST = (
    b'{"origin":"https://example.com","requestType":"credential.get","request":{"digital":{"requests":[]}}}'
)
ECHO = "import sys, json; print(json.dumps({'asked by': json.load(sys.stdin)['origin']}))"


def test_answers() -> None:
    shown = json.loads(presented("openid4vp-v1-unsigned", {"vp_token": "t"}))
    assert shown == {
        "response": {"digital": {"data": {"protocol": "openid4vp-v1-unsigned", "data": {"vp_token": "t"}}}}
    }
    assert json.loads(refused(Refusal.NO_CREDENTIAL)) == {"response": {"digital": {"error": "NO_CREDENTIAL"}}}


@pytest.mark.parametrize(
    ("command", "answer"),
    [
        ([sys.executable, "-c", ECHO], b'{"asked by": "https://example.com"}\n'),
        ([sys.executable, "-c", "import sys; sys.stdin.read(); sys.exit(3)"], refused(Refusal.ABORTED)),
        ([sys.executable, "-c", "import sys; sys.exit(3)"], refused(Refusal.ABORTED)),
        (["/nowhere/wallet"], refused(Refusal.ABORTED)),
    ],
)
def test_a_program_is_a_wallet(command: list[str], answer: bytes) -> None:
    async def scene(at: Scenery) -> None:
        wallet = wallet_program(command)
        phone = Phone(at.phone.key, radio=at.air, tunnels=at.phone.tunnels, on_json=wallet)
        code = at.client.qr_code("dcp")
        scanning = asyncio.create_task(phone.scan(code.encode()))
        async with at.client.session(code) as session:
            assert await session.call_json(REQUEST) == answer
            await session.shut_down()
        await scanning

    play(scene)


def test_a_client_that_hangs_up_ends_the_program(tmp_path: Path) -> None:
    started = tmp_path / "pid"
    program = (
        "import os, sys, time; print(os.getpid(), file=open(sys.argv[1], 'w'), flush=True); time.sleep(600)"
    )

    async def main() -> int:
        working = asyncio.ensure_future(
            wallet_program([sys.executable, "-c", program, str(started)])(REQUEST)
        )
        async with asyncio.timeout(60):
            while not (started.exists() and started.read_text().endswith("\n")):
                await asyncio.sleep(0.01)
            working.cancel()
            await asyncio.gather(working, return_exceptions=True)
        assert working.cancelled()
        return int(started.read_text())

    pid = asyncio.run(main())
    assert not Path(f"/proc/{pid}").exists()


@pytest.mark.parametrize(
    ("wallet", "told"), [("", "no such program"), ("'", "No closing"), ("/no/such", "no such program")]
)
def test_a_wallet_that_is_none(wallet: str, told: str) -> None:
    scan = ["phone", "scan", "--qr", "FIDO:/0", "--tunnel", "127.0.0.1:1", "--plain", "--adapter", "hci0"]
    done = CliRunner().invoke(main, [*scan, "--wallet", wallet])
    assert done.exit_code == 2, done.output
    assert told in done.output
    assert "Traceback" not in done.output
