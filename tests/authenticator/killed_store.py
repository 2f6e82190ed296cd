"""A key is killed with SIGKILL at random moments, again and again, and its file asked what it remembers.

Run as a script it is the nursery: it forks one key after the other (importing is what takes time), each of which
says on standard output what it is about to do, and what it has acknowledged. `Killer` is the other side.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NoReturn

from authenticator import cbor
from authenticator.authenticator import Authenticator
from authenticator.environment import Environment
from authenticator.person import TOUCHED
from authenticator.profiles.loader import load_profile
from authenticator.profiles.profile import Profile
from authenticator.sqlite_store import SqliteStore

RP_ID = "example.com"


# The key


def profile() -> Profile:
    reference = load_profile("reference")
    return replace(reference, limits=replace(reference.limits, resident_credentials=1_000_000))


def live(path: str, seed: int) -> NoReturn:
    """Serve requests of all kinds until killed."""
    choice = random.Random(seed)
    store = SqliteStore(path, profile="reference")
    auth = Authenticator(Environment(profile=profile(), store=store))
    say("open")
    while True:
        known = [credential.id for credential in store.credentials()]
        match choice.choices(("make", "sign", "remove", "retries", "reset"), (10, 10, 3, 3, 0.3))[0]:
            case "sign" if known:
                credential_id = choice.choice(known)
                say("will sign")
                say(f"signed {sign(auth, credential_id)}")
            case "remove" if known:
                credential_id = choice.choice(known)
                say(f"will remove {credential_id.hex()}")
                store.remove(credential_id)
                say(f"removed {credential_id.hex()}")
            case "retries":
                retries = choice.randrange(1000)
                say(f"will retries {retries}")
                auth.change_state(pin_retries=retries)
                say(f"retries {retries}")
            case "reset":
                say("will reset")
                auth.factory_reset()
                say(f"reset {auth.state.pin_retries}")
            case _:
                say("will make")
                credential_id, counter = make(auth, choice.randbytes(8))
                say(f"made {credential_id.hex()} {counter}")


def make(auth: Authenticator, user_id: bytes) -> tuple[bytes, int]:
    parameters = {
        1: bytes(32),
        2: {"id": RP_ID},
        3: {"id": user_id, "name": "someone"},
        4: [{"alg": -7, "type": "public-key"}],
        7: {"rk": True},
    }
    data = served(auth, b"\x01" + cbor.encode(parameters))[2]
    length = int.from_bytes(data[53:55], "big")
    return data[55 : 55 + length], int.from_bytes(data[33:37], "big")


def sign(auth: Authenticator, credential_id: bytes) -> int:
    parameters = {1: RP_ID, 2: bytes(32), 3: [{"id": credential_id, "type": "public-key"}]}
    return int.from_bytes(served(auth, b"\x02" + cbor.encode(parameters))[2][33:37], "big")


def served(auth: Authenticator, request: bytes) -> dict[int, bytes]:
    operation = auth.begin(request)
    while operation.ask is not None:
        operation.resume(TOUCHED)
    assert operation.response is not None
    assert operation.response[0] == 0, operation.bug or operation.response
    response: dict[int, bytes] = cbor.decode(operation.response[1:])
    return response


def say(line: str) -> None:
    os.write(1, line.encode() + b"\n")


def nursery() -> None:
    load_profile("reference")
    for line in sys.stdin:
        path, seed = line.split()
        pid = os.fork()
        if pid == 0:
            try:
                live(path, int(seed))
            except BaseException as error:
                say(f"failed {error!r}")
                os._exit(1)
        say(f"pid {pid}")
        os.waitpid(pid, 0)
        say("dead")


# Whoever kills it


@dataclass(slots=True)
class Remembered:
    """What the key has acknowledged, and what it was at when it died."""

    ids: set[str] = field(default_factory=set)
    counter: int = 0
    retries: int | None = None
    doing: list[str] = field(default_factory=list)
    acknowledged: int = 0

    def hear(self, line: str) -> None:
        word, *values = line.split()
        match word:
            case "will":
                self.doing = values
                return
            case "made":
                assert int(values[1]) > self.counter, "a counter went back"
                self.ids.add(values[0])
                self.counter = int(values[1])
            case "signed":
                assert int(values[0]) > self.counter, "a counter went back"
                self.counter = int(values[0])
            case "removed":
                self.ids.remove(values[0])
            case "retries":
                self.retries = int(values[0])
            case "reset":
                self.ids, self.counter, self.retries = set(), 0, int(values[0])
            case _:
                raise AssertionError(line)
        self.acknowledged += 1
        self.doing = []

    def compare(self, store: SqliteStore) -> None:
        """All that was acknowledged is there; what was under way may be, too. Then go on from what is there."""
        ids = {credential.id.hex() for credential in store.credentials()}
        device = store.device()
        retries = None if device is None else device.pin_retries
        counter = store.counter(None)
        was_reset = self.doing == ["reset"] and not ids and counter == 0
        if not was_reset:
            lost, found = self.ids - ids, ids - self.ids
            assert not lost or self.doing == ["remove", *lost], f"lost {lost} while it was to {self.doing}"
            assert len(found) <= (self.doing == ["make"]), f"found {found} while it was to {self.doing}"
            assert 0 <= counter - self.counter <= (self.doing in (["make"], ["sign"])), (counter, self)
            if self.retries is not None and self.doing != ["retries", str(retries)]:
                assert retries == self.retries
        for credential in store.credentials():
            assert credential.key.handle is not None
        self.ids, self.counter, self.retries, self.doing = ids, counter, retries, []


class Killer:
    def __init__(self, path: Path, seed: int) -> None:
        self.path = path
        self.random = random.Random(seed)
        self.remembered = Remembered()
        self._nursery = subprocess.Popen(
            [sys.executable, __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
        )

    def __enter__(self) -> Killer:
        return self

    def __exit__(self, *_: object) -> None:
        assert self._nursery.stdin is not None
        assert self._nursery.stdout is not None
        self._nursery.stdin.close()
        self._nursery.wait()
        self._nursery.stdout.close()

    def round(self) -> None:
        """One life of the key, and what its file says after it."""
        nursery, choice = self._nursery, self.random
        assert nursery.stdin is not None
        assert nursery.stdout is not None
        print(self.path, choice.randrange(1 << 30), file=nursery.stdin, flush=True)
        pid, lines_to_live, is_killed = 0, choice.randrange(60), False
        moment = choice.uniform(0, 0.002)
        for line in nursery.stdout:
            word, _, rest = line.strip().partition(" ")
            if word == "dead":
                break
            if word == "pid":
                pid = int(rest)
            elif word != "open":
                self.remembered.hear(line)
            lines_to_live -= 1
            if pid and lines_to_live <= 0 and not is_killed:
                until = time.perf_counter() + moment
                while time.perf_counter() < until:
                    pass
                os.kill(pid, signal.SIGKILL)
                is_killed = True
        if self.path.exists():  # killed before it had made its file
            with closing(SqliteStore(self.path, create=False)) as store:
                self.remembered.compare(store)


if __name__ == "__main__":
    nursery()
