"""SQLite, embedded and by file, or PostgreSQL by URL."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, create_engine, event
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, OperationalError
from sqlalchemy.orm import Session as DatabaseSession
from sqlalchemy.orm import sessionmaker

from scenarios.exchange.errors import ConfigurationError
from scenarios.exchange.tables import Base


class Database:
    """Without a URL: a temporary file that is gone with the exchange."""

    def __init__(self, url: str | None = None) -> None:
        self._directory: tempfile.TemporaryDirectory[str] | None = None
        if url is None:
            self._directory = tempfile.TemporaryDirectory(prefix="stuntkey-exchange-")
            url = f"sqlite:///{Path(self._directory.name) / 'exchange.db'}"
        try:
            self.engine = _engine(url, durable=self._directory is None)
            Base.metadata.create_all(self.engine)
        except (ArgumentError, NoSuchModuleError):
            raise ConfigurationError(
                f"{url!r} is no database URL: write sqlite:///FILE or postgresql+psycopg://USER@HOST/NAME"
            ) from None
        except ModuleNotFoundError as error:
            if not url.startswith(("sqlite", "postgresql+psycopg:")):
                raise ConfigurationError(
                    f"{url!r} is no database for this: write sqlite:///FILE or postgresql+psycopg://USER@HOST/NAME"
                ) from None
            raise ConfigurationError(
                f"the database needs the Python package {error.name!r}: pip install 'stuntkey[exchange]'"
            ) from None
        except OperationalError as error:
            reason = str(error.orig).strip().splitlines()[0]
            raise ConfigurationError(f"the database cannot be opened: {reason}") from None
        self.begin = sessionmaker(self.engine, expire_on_commit=False, class_=DatabaseSession)

    def close(self) -> None:
        self.engine.dispose()
        if self._directory is not None:
            self._directory.cleanup()


def _engine(url: str, *, durable: bool) -> Engine:
    if not url.startswith("sqlite"):
        return create_engine(url, pool_size=20, max_overflow=20, pool_pre_ping=True)
    engine = create_engine(
        url, pool_size=20, max_overflow=20, connect_args={"timeout": 60, "check_same_thread": False}
    )

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, _: object) -> None:
        connection.isolation_level = None  # transactions begin below, not where the driver thinks
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA foreign_keys = ON")
        if not durable:
            connection.execute("PRAGMA synchronous = OFF")

    @event.listens_for(engine, "begin")
    def begin(connection: Any) -> None:
        # What is read here is what is written upon: a transaction that had to become a writing one half-way could fail.
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    return engine
