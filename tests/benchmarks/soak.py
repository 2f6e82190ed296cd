"""`make soak`: what takes minutes. Mutated packets, mutated requests, kills of a key's memory."""

from __future__ import annotations

import sys
import time

from tests.benchmarks.soak_authenticator import soak_authenticator
from tests.benchmarks.soak_ctaphid import soak_ctaphid
from tests.benchmarks.soak_hybrid import soak_hybrid
from tests.benchmarks.soak_store import soak_store


def main() -> int:
    for name, soak in (
        ("a million mutated packets", soak_ctaphid),
        ("a million mutated requests", soak_authenticator),
        ("mutated hybrid peers", soak_hybrid),
        ("kills and restarts of the store", lambda: soak_store(2000)),
    ):
        print(f"· {name} …", flush=True)
        began = time.monotonic()
        print(f"  {soak()}  ({time.monotonic() - began:.0f} s)", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
