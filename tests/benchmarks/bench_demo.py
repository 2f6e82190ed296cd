"""How long `stuntkey run -n 2 --fewest` takes: every row of the five systems once, in a real Chromium.

In wall-clock time, as whoever waits for it has it: on a machine that does nothing else.

python -m tests.benchmarks.bench_demo
"""

from __future__ import annotations

import subprocess
import sys
import time

COMMAND = ("run", "-n", "2", "--fewest")
LONGEST = 180.0
"""Seconds, on two cores."""


def main() -> int:
    started = time.perf_counter()
    played = subprocess.run(
        [sys.executable, "-c", "from harness.cli import main; main()", *COMMAND],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    seconds = time.perf_counter() - started
    if played.returncode:
        print(played.stdout + played.stderr, file=sys.stderr)
    told = played.stdout.strip().splitlines() or ["nothing was played"]
    print(f"  stuntkey {' '.join(COMMAND)}: {told[-1]}")
    print(f"  every row of the five systems once: {seconds:.0f} s (target {LONGEST:.0f} s)")
    return int(played.returncode != 0 or seconds > LONGEST)


if __name__ == "__main__":
    sys.exit(main())
