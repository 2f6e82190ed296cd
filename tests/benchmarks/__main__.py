"""`make bench`: every benchmark, each of which prints ratios measured side by side; fails if one misses its target."""

from __future__ import annotations

import importlib
import sys

BENCHMARKS = ("bench_authenticator", "bench_client", "bench_browsers", "bench_fuzz", "bench_demo")


def main() -> int:
    failed = []
    for name in BENCHMARKS:
        print(f"\n{name.removeprefix('bench_')}", flush=True)
        if importlib.import_module(f"tests.benchmarks.{name}").main():
            failed.append(name)
    if failed:
        print(f"\nmissed: {', '.join(failed)}", file=sys.stderr)
    return bool(failed)


if __name__ == "__main__":
    sys.exit(main())
