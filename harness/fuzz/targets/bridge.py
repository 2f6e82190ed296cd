"""Libraries in other languages, through the bridge of docs/fuzz-bridge.md."""

from __future__ import annotations

import json
import select
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from authenticator.attestation.pki import root
from harness.errors import SetupError
from harness.fuzz.base import Attestation
from harness.fuzz.forge import base64url, from_base64url
from harness.fuzz.targets import Stored
from harness.fuzz.targets.site import Asked, Hung, Registered

_PATIENCE = 10.0
GOODBYE = 5.0
"""Seconds to end in, once its output is closed."""
_ROOT = Path(__file__).resolve().parents[3]


class BridgeRefusal(Exception):
    """The library's no."""

    def __init__(self, reason: str, *notes: str) -> None:
        super().__init__(reason)
        self.notes = notes


class BridgeCrash(Exception):
    """An error that the library did not mean to give."""

    def __init__(self, kind: str, reason: str) -> None:
        super().__init__(reason)
        self.kind = kind


class Bridge:
    refusals: tuple[type[Exception], ...] = (BridgeRefusal,)

    def __init__(self, name: str, command: Sequence[str]) -> None:
        self.name = name
        self._command = tuple(command)
        self._count = 0
        self._process: subprocess.Popen[bytes] | None = None
        greeting = self._start()
        try:
            self.algorithms = tuple(int(each) for each in greeting["algorithms"])
            self.version = str(greeting.get("version", ""))
        except (KeyError, TypeError, ValueError):
            self.close()
            raise SetupError(f"the bridge {' '.join(command)} does not greet with its algorithms") from None

    def register(self, body: str, asked: Asked) -> Registered:
        answer = self._ask({"do": "register", "body": body, "expected": _expected(asked)})
        credential = answer["credential"]
        return Registered(
            stored=Stored(
                credential_id=from_base64url(credential["id"]),
                public_key=from_base64url(credential["publicKey"]),
                sign_count=credential["counter"],
            ),
            native=credential,
        )

    def authenticate(self, body: str, asked: Asked, registered: Registered) -> int:
        credential = {**registered.native, "counter": registered.stored.sign_count}
        request = {"do": "authenticate", "body": body, "expected": _expected(asked), "credential": credential}
        return int(self._ask(request)["counter"])

    def close(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        for stream in (process.stdin, process.stdout):
            if stream is not None:
                stream.close()
        process.kill()
        process.wait()

    def _start(self) -> dict[str, Any]:
        try:
            self._process = subprocess.Popen(
                self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0
            )
        except OSError as error:
            raise SetupError(f"cannot start the bridge {self._command[0]}: {error.strerror}") from None
        try:
            greeting = self._read()
        except (BridgeCrash, Hung):
            self.close()
            raise SetupError(f"the bridge {' '.join(self._command)} does not greet") from None
        except ValueError:
            self.close()
            raise SetupError(f"the bridge {' '.join(self._command)} greets with what is no JSON") from None
        except BaseException:
            self.close()
            raise
        return greeting

    def _ask(self, request: dict[str, Any]) -> dict[str, Any]:
        if self._process is None:
            self._start()
        assert self._process is not None
        assert self._process.stdin is not None
        self._count += 1
        # Not in ASCII alone: lone surrogates, which no UTF-8 has, stay escaped.
        line = json.dumps({"id": self._count, **request}).encode() + b"\n"
        try:
            view = memoryview(line)
            while view:
                view = view[self._process.stdin.write(view) or 0 :]
            answer = self._read()
        except OSError as error:
            self.close()
            raise BridgeCrash("exit", f"the bridge ended: {error.strerror}") from None
        except (BridgeCrash, Hung, ValueError):
            self.close()
            raise
        match answer.get("outcome"):
            case "accepted":
                return answer
            case "unverified":
                raise BridgeRefusal("verified: false", "says verified: false, which a caller could overlook")
            case "refused":
                raise BridgeRefusal(str(answer.get("reason", "")))
            case _:
                raise BridgeCrash(str(answer.get("kind", "crash")), str(answer.get("reason", "")))

    def _read(self) -> dict[str, Any]:
        assert self._process is not None
        assert self._process.stdout is not None
        data = b""
        while not data.endswith(b"\n"):
            ready, _, _ = select.select([self._process.stdout], [], [], _PATIENCE)
            if not ready:
                raise Hung
            more = self._process.stdout.read(65536)
            if not more:
                raise BridgeCrash("exit", self._last_words(self._process))
            data += more
        answer: dict[str, Any] = json.loads(data)
        return answer

    @staticmethod
    def _last_words(process: subprocess.Popen[bytes]) -> str:
        try:
            return f"the bridge ended with {process.wait(GOODBYE)}"
        except subprocess.TimeoutExpired:
            return "the bridge closed its output, and did not end"


def _expected(asked: Asked) -> dict[str, Any]:
    trusted = asked.demands.attestation is Attestation.TRUSTED
    return {
        "challenge": base64url(asked.challenge),
        "origin": asked.origin,
        "rpId": asked.rp_id,
        "userVerification": asked.demands.user_verification,
        "roots": [base64url(root().certificate)] if trusted else [],
    }


def simplewebauthn() -> Bridge:
    """npm's @simplewebauthn/server, from where `tools/setup foreign` puts it, or from this directory's node_modules."""
    for folder in (_ROOT / ".setup" / "simplewebauthn", Path.cwd()):
        modules = folder / "node_modules"
        if (modules / "@simplewebauthn" / "server").is_dir():
            # Beside the library where the machine's own is too old for it
            beside = next(iter(modules.glob("node-linux-*/bin/node")), None)
            node = str(beside) if beside is not None else shutil.which("node")
            if node is None:
                raise SetupError("the target simplewebauthn needs Node.js 20 or newer: tools/setup foreign")
            script = Path(__file__).resolve().parents[1] / "bridge" / "simplewebauthn.mjs"
            return Bridge("simplewebauthn", (node, str(script), str(folder)))
    raise SetupError(
        "the target simplewebauthn needs npm's @simplewebauthn/server: tools/setup foreign, "
        "or npm install @simplewebauthn/server in this directory"
    )
