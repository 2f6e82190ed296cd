"""The exchange running: in a thread of a test, or as a server of its own.

with Exchange("okx-web", test_clock=True) as exchange:
    exchange.url                       # http://localhost:PORT
    exchange.outbox.code("ann@example.com")
    exchange.clock.advance(24 * 3600)
"""

from __future__ import annotations

import asyncio
import errno
import socket
import ssl
import threading
from types import TracebackType
from typing import Any

import uvicorn

from scenarios.exchange.app import make_app
from scenarios.exchange.clock import Clock
from scenarios.exchange.errors import ConfigurationError
from scenarios.exchange.policy import Policy
from scenarios.exchange.service import Configuration, Service, make_service
from scenarios.exchange.test_hooks import messages


class Outbox:
    """The e-mails and SMS that the exchange has sent."""

    def __init__(self, service: Service) -> None:
        self._service = service

    def messages(self, to: str | None = None) -> list[dict[str, Any]]:
        """Latest first."""
        return messages(self._service, to)

    def code(self, to: str) -> str:
        """The last code that this address was sent."""
        for message in self.messages(to):
            if message["code"]:
                return str(message["code"])
        raise LookupError(f"no code was sent to {to}")


class Exchange:
    """An exchange on a port of its own, from `with` to the end of the block (or start() to stop())."""

    def __init__(
        self,
        policy: Policy | str = "okx-web",
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        name: str = "localhost",
        origins: tuple[str, ...] = (),
        rp_id: str | None = None,
        database: str | None = None,
        outbox: bool = True,
        test_clock: bool = True,
        certificate: str | None = None,
        key: str | None = None,
        flaws: frozenset[str] = frozenset(),
    ) -> None:
        """`name` is the host that its URL has; `origins` (the first is its own) instead of that URL's."""
        self._tls = _tls(certificate, key)
        self._socket = _listen(host, port)
        self.port: int = self._socket.getsockname()[1]
        self.url = f"{'https' if self._tls else 'http'}://{name}:{self.port}"
        try:
            self.service = make_service(
                Configuration(
                    policy=policy,
                    origins=origins or (self.url,),
                    rp_id=rp_id,
                    database=database,
                    outbox=outbox,
                    test_clock=test_clock,
                    flaws=flaws,
                )
            )
        except BaseException:
            self._socket.close()
            raise
        self.outbox = Outbox(self.service)
        self._server: _Server | None = None
        self._thread: threading.Thread | None = None

    @property
    def clock(self) -> Clock:
        return self.service.clock

    @property
    def origin(self) -> str:
        return self.service.origin

    def _make_server(self) -> _Server:
        config = uvicorn.Config(
            make_app(self.service),
            log_level="error",
            access_log=False,
            lifespan="off",
            server_header=False,
            timeout_graceful_shutdown=2,
            ws="none",
        )
        if self._tls is not None:
            config.load()
            config.ssl = self._tls
        return _Server(config)

    def start(self) -> Exchange:
        self._server = self._make_server()
        self._thread = threading.Thread(target=self._run, name="exchange", daemon=True)
        self._thread.start()
        self._server.ready.wait()
        return self

    def _run(self) -> None:
        assert self._server is not None
        try:
            asyncio.run(self._server.serve(sockets=[self._socket]))
        finally:
            self._server.ready.set()

    def stop(self) -> None:
        if self._server is not None and self._thread is not None:
            self._server.should_exit = True
            self._thread.join()
        self._socket.close()
        self.service.database.close()

    def serve(self) -> None:
        """In this thread, until Ctrl-C."""
        server = self._make_server()
        try:
            asyncio.run(server.serve(sockets=[self._socket]))
        except KeyboardInterrupt:
            pass
        finally:
            self._socket.close()
            self.service.database.close()

    def __enter__(self) -> Exchange:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = threading.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.ready.set()


def _listen(host: str, port: int) -> socket.socket:
    try:
        listener = socket.create_server((host, port), backlog=512)
        # asyncio leaves Nagle's algorithm on where a socket's protocol is 0, as here: 40 ms for each answer
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return listener
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise ConfigurationError(
                f"port {port} is in use: choose another with --port, or 0 for a free one"
            ) from None
        raise ConfigurationError(f"cannot listen at {host}:{port}: {error.strerror}") from None


def _tls(certificate: str | None, key: str | None) -> ssl.SSLContext | None:
    if certificate is None:
        if key is not None:
            raise ConfigurationError("--tls-key needs --tls-cert, too")
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        context.load_cert_chain(certificate, key)
    except (OSError, ssl.SSLError) as error:
        raise ConfigurationError(f"{certificate}: {error.strerror or error}") from None
    return context


__all__ = ["Exchange", "Outbox"]
