"""Events as a run tells them: two plays that pass, one that fails, one that cannot be played, one broken off."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator

from harness.play.events import (
    Event,
    Moment,
    PlayEnded,
    PlayInfo,
    PlayStarted,
    Problem,
    RunEnded,
    RunId,
    RunStarted,
    StepEnded,
    StepStarted,
    Verdict,
)
from harness.play.features import Feature

NASTY = "</script><script>document.title = 'broken in'</script><b>&amp;\x07"


def png(shade: int) -> bytes:
    """A grey picture of 8 by 8."""
    rows = b"".join(b"\0" + bytes([shade]) * 8 for _ in range(8))

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", 8, 8, 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )


def feature(row: str, system: str = "shop") -> Feature:
    return Feature(id=row, title=f"What {row} asks for", system=system, system_title=f"The {system}")


FEATURES = [feature("S1"), feature("S2"), feature("S3"), feature("B1", "bank")]


def info(name: str, *covers: str, system: str = "shop") -> PlayInfo:
    return PlayInfo(
        name=f"{system}/{name}",
        title=f"The story of {name}",
        file=f"plays/{system}/{name}.yaml",
        line=3,
        covers=covers,
        system=system,
        devices={"phone": "icloud-keychain"},
        steps=("add passkey phone", "log in passkey"),
    )


GOOD, BAD, LACKING = info("good", "S1", "S2"), info("bad", "S2"), info("lacking", "B1", system="bank")
MOMENTS = (
    Moment(at=0.1, who="page", what="navigator.credentials.get"),
    Moment(at=0.2, who="phone", what="asks", detail="log in at shop.example: touch"),
    Moment(at=1.2, who="phone", what="the person: touched"),
    Moment(at=1.25, who="site", what="a code by e-mail", detail=NASTY),
)


def step(run: RunId, place: int, verdict: Verdict, seen: str = "confirmed") -> Iterator[Event]:
    sentence = GOOD.steps[place]
    yield StepStarted(run=run, step=place, sentence=sentence, line=7 + place)
    yield StepEnded(
        run=run, step=place, sentence=sentence, line=7 + place, verdict=verdict, expected="confirmed", seen=seen,
        seconds=0.25, address="http://localhost/", screenshot=png(100 + place), moments=MOMENTS,
    )  # fmt: skip


def ended(run: RunId, play: PlayInfo, verdict: Verdict, problem: Problem | None = None) -> PlayEnded:
    return PlayEnded(
        run=run, play=play, verdict=verdict, seconds=61.5, ways={"phone": "page (hybrid)"}, browser="Chromium 1",
        problem=problem,
    )  # fmt: skip


def a_run() -> Iterator[Event]:
    yield RunStarted(plays=(GOOD, BAD, LACKING), performances=5, seed="7", browser="chromium", workers=2)
    runs = [
        RunId(play=GOOD.name), RunId(play=BAD.name), RunId(play=LACKING.name), RunId(play=GOOD.name, repeat=2),
        RunId(play=BAD.name, variant="firefox"),
    ]  # fmt: skip
    good, bad, lacking, again, broken_off = runs
    for place, (run, play) in enumerate(zip(runs, (GOOD, BAD, LACKING, GOOD, BAD), strict=True)):
        yield PlayStarted(run=run, play=play, seed="7", began=1_700_000_000.0 + place)
    # They interleave, as with two workers.
    for place in (0, 1):
        yield from step(good, place, Verdict.PASSED)
        yield from step(again, place, Verdict.PASSED)
    yield from step(bad, 0, Verdict.FAILED, "refused: " + NASTY)
    yield ended(good, GOOD, Verdict.PASSED)
    yield ended(again, GOOD, Verdict.PASSED)
    yield ended(
        bad, BAD, Verdict.FAILED,
        Problem(step=0, where="plays/shop/bad.yaml:7", message=f"it was refused {NASTY}", expected="confirmed",
                seen="refused", address="http://localhost/x", page_text=NASTY, screenshot=png(7),
                trace=("0.1 s  page: hello",)),
    )  # fmt: skip
    yield ended(
        lacking, LACKING, Verdict.ERROR,
        Problem(step=None, where="plays/bank/lacking.yaml:3", message="there is no browser", traceback="Traceback: X"),
    )  # fmt: skip
    yield from step(broken_off, 0, Verdict.PASSED)
    yield RunEnded(seconds=130.0, passed=2, failed=1, errors=1)
