"""Where keys are kept: files by path, or by name in one folder."""

from __future__ import annotations

import difflib
import os
from pathlib import Path

from authenticator.sqlite_store import SqliteStore
from authenticator.store import StoreError
from harness.errors import SetupError
from harness.key_file import KeyFile

SUFFIX = ".key"


def keys_folder() -> Path:
    """$XDG_DATA_HOME/stuntkey/keys (XDG base directory specification: a path that is not absolute is ignored)."""
    home = os.environ.get("XDG_DATA_HOME", "")
    base = Path(home) if os.path.isabs(home) else Path.home() / ".local" / "share"
    return base / "stuntkey" / "keys"


def key_names() -> list[str]:
    """The keys in the folder."""
    try:
        return sorted(path.stem for path in keys_folder().glob(f"*{SUFFIX}") if path.is_file())
    except OSError as error:
        raise SetupError(f"{keys_folder()}: {error.strerror}") from None


def key_path(name: str) -> Path:
    """`work` is a name; what has a slash or a suffix is a path."""
    if not name or "\0" in name:
        raise SetupError(f"{name!r} is no name of a key")
    if os.sep in name or name.endswith(SUFFIX):
        return Path(name)
    if name.startswith("."):
        raise SetupError(f"{name!r} is no name of a key: a path has a slash in it, as ./{name}")
    return keys_folder() / (name + SUFFIX)


def open_key(name: str, *, profile: str = "", create: bool = False) -> SqliteStore:
    """The key of this name or path. SetupError says why not, and what may have been meant."""
    path = key_path(name)
    if create:
        _make_folder_of(path, name)
    elif not os.path.lexists(path):
        raise SetupError(f"there is no key {name!r}{_meant(name)} ({path} does not exist)")
    try:
        return SqliteStore(path, profile=profile, create=create)
    except StoreError as error:
        raise SetupError(str(error)) from None


def import_key(name: str, key_file: KeyFile, *, force: bool = False) -> Path:
    """Keep what an export holds under this name or path, all of it or nothing."""
    path = key_path(name)
    _make_folder_of(path, name)
    if os.path.lexists(path) and not force:
        raise SetupError(f"{path} exists already: give another name, or --force to replace that key for good")
    try:
        SqliteStore.write(path, profile=key_file.profile, contents=key_file.contents, replace=force)
    except StoreError as error:
        raise SetupError(str(error)) from None
    return path


def export_key(name: str) -> KeyFile:
    store = open_key(name)
    try:
        return KeyFile(profile=store.profile, contents=store.contents())
    finally:
        store.close()


def write_secret(path: Path, data: bytes, *, force: bool = False) -> None:
    """A file only its owner may read, whole or not at all."""
    if os.path.lexists(path) and not force:
        raise SetupError(f"{path} exists already: give another name, or --force to write over it")
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            with open(descriptor, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            os.replace(aside, path)
        except BaseException:
            os.unlink(aside)
            raise
    except OSError as error:
        raise SetupError(f"{path}: {error.strerror}") from None


def read_file(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise SetupError(f"{path}: {error.strerror}") from None


def _make_folder_of(path: Path, name: str) -> None:
    if path.parent == keys_folder():
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise SetupError(f"{path.parent}: {error.strerror}") from None
    elif not path.parent.is_dir():
        raise SetupError(f"{name}: the folder {path.parent} does not exist")


def _meant(name: str) -> str:
    close = difflib.get_close_matches(name, key_names(), n=1)
    return f": did you mean {close[0]!r}?" if close else ""
