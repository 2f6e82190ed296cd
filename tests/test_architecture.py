"""Dependencies point one way: harness → ctaphid, authenticator; those two know neither each other nor the harness."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
OURS = {"authenticator", "ctaphid", "harness", "scenarios"}
MAY_IMPORT = {
    "authenticator": {"authenticator"},
    "ctaphid": {"ctaphid"},
    "harness": {"authenticator", "ctaphid", "harness", "scenarios"},
    "scenarios": {"scenarios"},
}
"""The exchange is a relying party like any other: it must not know the key it is tested with."""

IMPURE = {"time", "random", "secrets", "threading", "asyncio", "socket", "subprocess", "select", "signal"}
"""What brings a clock, randomness, threads or I/O. environment.py and the SQLite store are where these enter."""
IMPURITY_ENTERS_BY = {"environment.py", "sqlite_store.py"}


def imports(path: Path) -> Iterator[tuple[int, str]]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name.split(".")[0]
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            yield node.lineno, node.module.split(".")[0]


@pytest.mark.parametrize("package", sorted(MAY_IMPORT))
def test_dependencies_point_one_way(package: str) -> None:
    files = list((ROOT / package).rglob("*.py"))
    assert files
    wrong = [
        f"{path.relative_to(ROOT)}:{line} imports {name}"
        for path in files
        for line, name in imports(path)
        if name in OURS and name not in MAY_IMPORT[package]
    ]
    assert not wrong


def test_the_authenticator_is_pure() -> None:
    wrong = [
        f"{path.relative_to(ROOT)}:{line} imports {name}"
        for path in (ROOT / "authenticator").rglob("*.py")
        if path.name not in IMPURITY_ENTERS_BY
        for line, name in imports(path)
        if name in IMPURE
    ]
    assert not wrong


STAGES = ("qr", "keys", "advert", "noise", "frames", "messages", "domains")
"""Of hybrid: what they do to bytes. Phone, initiator, tunnels and radios carry them."""


@pytest.mark.parametrize("name", STAGES)
def test_a_stage_of_hybrid_is_pure(name: str) -> None:
    carriers = {"websockets", "dbus_fast", "ssl", "pathlib"}
    path = ROOT / "harness" / "hybrid" / f"{name}.py"
    wrong = [f"{name}.py:{line} imports {each}" for line, each in imports(path) if each in IMPURE | carriers]
    assert not wrong


def test_uinput_is_imported_in_one_file_only() -> None:
    """python-uinput is GPL and built from source: an optional extra, kept behind one door."""
    users = {
        path.relative_to(ROOT).as_posix()
        for package in MAY_IMPORT
        for path in (ROOT / package).rglob("*.py")
        for _, name in imports(path)
        if name == "uinput"
    }
    assert users == {"ctaphid/uinput_keyboard.py"}
