"""The site of the example adapter: one that does not start, or does not end, holds nobody up."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import psutil  # type: ignore[import-untyped,unused-ignore]
import pytest

from harness.errors import SetupError
from harness.play.play import AccountSpec
from harness.relying_parties import allauth


@pytest.fixture
def pid(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the site's process leaves its number; it sleeps from then on."""
    monkeypatch.setattr(allauth, "GOODBYE", 0.1)
    return tmp_path / "pid"


def site_that(does: str, pid: Path, monkeypatch: pytest.MonkeyPatch) -> allauth.Allauth:
    program = pid.with_name("python")
    program.write_text(f"#!/bin/sh\necho $$ > {pid}\n{does}\nexec sleep 20\n")
    program.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(program))
    return allauth.Allauth()


def test_a_site_that_says_nothing(pid: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(allauth, "STARTUP", 0.5)
    site = site_that("echo 'waiting for a lock' >&2", pid, monkeypatch)
    with pytest.raises(SetupError, match=r"does not start in 0.5 s: waiting for a lock"):
        site.open(AccountSpec(), "seed")
    site.close()
    assert not psutil.pid_exists(int(pid.read_text()))


def test_a_site_that_does_not_end(pid: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    site = site_that("echo http://localhost:1", pid, monkeypatch)
    site.open(AccountSpec(), "seed")
    assert site.url == "http://localhost:1"
    began = time.monotonic()
    site.close()
    assert time.monotonic() - began < 10
    assert not psutil.pid_exists(int(pid.read_text()))
