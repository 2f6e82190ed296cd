"""A look-alike of the exchange at an origin of its own: it relays the real site's request, as phishers do."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

_PAGE = """<!doctype html>
<title>Log in</title>
<h1>Welcome back</h1>
<p id="said" role="status"></p>
<button id="log-in">Log in with your passkey</button>
<script>
  const relayed = %s;
  const bytes = (text) => Uint8Array.from(
    atob(text.replaceAll("-", "+").replaceAll("_", "/")), (each) => each.charCodeAt(0));
  const tries = [["the real site's own request", relayed.rpId], ["a request for this site", location.hostname]];
  document.querySelector("#log-in").addEventListener("click", async () => {
    const said = [];
    for (const [what, rpId] of tries) {
      const publicKey = {
        challenge: bytes(relayed.challenge), rpId, userVerification: relayed.userVerification,
        allowCredentials: relayed.allowCredentials.map((each) => ({ ...each, id: bytes(each.id) })),
      };
      try {
        const got = await navigator.credentials.get({ publicKey });
        said.push(`${what} got ${got.id}`);
      } catch (error) {
        said.push(`${what} got nothing: ${error.name}`);
      }
    }
    document.querySelector("#said").textContent = said.join("; ");
  });
</script>
"""


@contextmanager
def look_alike(options: dict[str, Any]) -> Iterator[int]:
    """Serve it on a free port of this machine, with the options that the real site gave the phisher."""
    # `<` in JSON could end the script element.
    page = (_PAGE % json.dumps(options).replace("<", "\\u003c")).encode()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Length", str(len(page)))
            self.end_headers()
            self.wfile.write(page)

        def log_message(self, format: str, *args: object) -> None:
            """Nobody reads it."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, name="look-alike", daemon=True)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
