"""A small site with passkeys, to try tests on: `python examples/my_site.py [PORT]`. Not for production.

python-fido2's server does the checking. One page: a name, and buttons to make a passkey and to log in with it.
"""

from __future__ import annotations

import json
import secrets
import sys
import threading
from http.cookies import SimpleCookie
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from fido2.server import Fido2Server
from fido2.webauthn import (
    AttestedCredentialData,
    PublicKeyCredentialRpEntity,
    PublicKeyCredentialUserEntity,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

PAGE = b"""<!doctype html><html lang="en"><meta charset="utf-8"><title>My site</title>
<h1>My site</h1>
<p><label>Name <input id="name" autocomplete="username webauthn"></label></p>
<p><button id="make">Make a passkey</button> <button id="log-in">Log in with a passkey</button></p>
<p id="told" role="status"></p>
<script>
const told = document.querySelector("#told");
const post = async (path, body) => {
  const answer = await fetch(path, {method: "POST", body: JSON.stringify(body)});
  const json = await answer.json();
  if (!answer.ok) throw new Error(json.error);
  return json;
};
const act = (work) => async () => {
  told.textContent = "...";
  try { told.textContent = await work(); }
  catch (error) { told.textContent = `Not done: ${error.name}: ${error.message}`; }
};
document.querySelector("#make").onclick = act(async () => {
  const name = document.querySelector("#name").value;
  const {publicKey} = await post("/make/begin", {name});
  const options = PublicKeyCredential.parseCreationOptionsFromJSON(publicKey);
  const credential = await navigator.credentials.create({publicKey: options});
  await post("/make/finish", credential.toJSON());
  return `Passkey added for ${name}`;
});
document.querySelector("#log-in").onclick = act(async () => {
  const {publicKey} = await post("/log-in/begin", {});
  const options = PublicKeyCredential.parseRequestOptionsFromJSON(publicKey);
  const credential = await navigator.credentials.get({publicKey: options});
  const {name} = await post("/log-in/finish", credential.toJSON());
  return `Welcome, ${name}`;
});
</script></html>"""


class MySite:
    """The site on http://localhost:PORT, from `with` to the end of the block."""

    def __init__(self, port: int = 0) -> None:
        site = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.answer(200, "text/html", PAGE)

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                cookie = SimpleCookie(self.headers.get("Cookie", "")).get("session")
                session = cookie.value if cookie is not None else secrets.token_hex(16)
                try:
                    status, answer = 200, site.act(self.path, body, session)
                except (KeyError, ValueError) as error:
                    status, answer = 400, {"error": f"{self.path}: {error}"}
                self.answer(status, "application/json", json.dumps(answer).encode(), session)

            def answer(self, status: int, kind: str, body: bytes, session: str = "") -> None:
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                if session:
                    self.send_header("Set-Cookie", f"session={session}; HttpOnly; SameSite=Lax")
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self.url = f"http://localhost:{self._server.server_port}"
        self._fido = Fido2Server(
            PublicKeyCredentialRpEntity(id="localhost", name="My site"),
            verify_origin=lambda origin: origin == self.url,
        )
        self._states: dict[str, Any] = {}
        self.users: dict[bytes, str] = {}
        self.passkeys: dict[bytes, tuple[AttestedCredentialData, bytes]] = {}
        """Credential id -> the credential, and whose it is."""

    def act(self, path: str, body: Any, session: str) -> dict[str, Any]:
        if path == "/make/begin":
            name = body["name"] or "somebody"
            user = PublicKeyCredentialUserEntity(id=secrets.token_bytes(16), name=name, display_name=name)
            options, state = self._fido.register_begin(
                user,
                [credential for credential, _ in self.passkeys.values()],
                resident_key_requirement=ResidentKeyRequirement.REQUIRED,
                user_verification=UserVerificationRequirement.DISCOURAGED,
            )
            self._states[session] = (state, user)
            return dict(options)
        if path == "/make/finish":
            state, user = self._states.pop(session)
            made = self._fido.register_complete(state, body).credential_data
            assert made is not None
            self.users[user.id] = user.name or ""
            self.passkeys[made.credential_id] = (made, user.id)
            return {}
        if path == "/log-in/begin":
            request, state = self._fido.authenticate_begin(
                user_verification=UserVerificationRequirement.DISCOURAGED
            )
            self._states[session] = (state, None)
            return dict(request)
        if path == "/log-in/finish":
            state, _ = self._states.pop(session)
            credentials = [credential for credential, _ in self.passkeys.values()]
            used = self._fido.authenticate_complete(state, credentials, body)
            return {"name": self.users[self.passkeys[used.credential_id][1]]}
        raise ValueError("no such page")

    def __enter__(self) -> MySite:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: Any) -> None:
        self._server.shutdown()
        self._server.server_close()


if __name__ == "__main__":
    with MySite(int(sys.argv[1]) if len(sys.argv) > 1 else 8000) as site:
        print(site.url, flush=True)
        threading.Event().wait()
