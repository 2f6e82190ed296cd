"""A bridge to a library that verifies nothing: it believes what it is told, as docs/fuzz-bridge.md has the messages.

Called with `challenge`, it looks at that alone, and says no in a value: `verified: false`.
"""

from __future__ import annotations

import base64
import json
import sys
from typing import Any


def main() -> None:
    say({"bridge": 1, "library": "nobody's", "version": "1", "algorithms": [-7, -257]})
    for line in sys.stdin:
        request = json.loads(line)
        body = json.loads(request["body"])
        if "challenge" in sys.argv[1:] and challenge_of(body) != request["expected"]["challenge"]:
            say({"id": request["id"], "outcome": "unverified"})
        elif request["do"] == "register":
            credential = {"id": body["rawId"], "publicKey": key_of(body), "counter": 1}
            say({"id": request["id"], "outcome": "accepted", "credential": credential})
        else:
            say({"id": request["id"], "outcome": "accepted", "counter": request["credential"]["counter"] + 1})


def key_of(body: dict[str, Any]) -> str:
    """Whatever is at the end of the attestation object."""
    raw = decoded(body["response"]["attestationObject"])
    return base64.urlsafe_b64encode(raw[-77:]).rstrip(b"=").decode()


def challenge_of(body: dict[str, Any]) -> Any:
    return json.loads(decoded(body["response"]["clientDataJSON"]))["challenge"]


def decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def say(message: dict[str, Any]) -> None:
    print(json.dumps(message), flush=True)


if __name__ == "__main__":
    main()
