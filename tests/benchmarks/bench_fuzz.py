"""How many lies a second are told to libraries in this process, controls and second looks included; and how long a
whole campaign against the exchange over HTTP takes.

Counted in CPU time, so that what else the machine does is left out: two cores do twice as many.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

from harness.fuzz.campaign import Plan, run
from scenarios.exchange.server import Exchange

TARGETS = ("webauthn", "fido2", "exchange")
WANTED = 250
"""For each core."""
SITE = Path(__file__).parents[2] / "scenarios" / "exchange.fuzz.yaml"
CORES = 2
LONGEST = 180.0
"""Seconds for a whole campaign over HTTP, on two cores."""


def main() -> int:
    met = True
    run(Plan(targets=TARGETS, only=("F*",)), lambda event: None)  # certificates and RSA keys are made once
    for target in TARGETS:
        start = time.process_time()
        ended = run(Plan(targets=(target,)), lambda event: None)
        rate = ended.cases / (time.process_time() - start)
        print(f"{target + ':':<12}{ended.cases} cases, {rate:,.0f} a second and core   target: {WANTED}")
        met = met and rate >= WANTED
    return not (over_http() and met)


def over_http() -> bool:
    """The site is served by this process; the workers are processes of their own."""
    before = os.times()
    with Exchange(str(SITE.with_suffix(".toml"))) as exchange:
        target = f"{SITE}@{exchange.url}"
        ended = run(Plan(targets=(target,), workers=CORES), lambda event: None)
    after = os.times()
    site = after.user + after.system - before.user - before.system
    workers = after.children_user + after.children_system - before.children_user - before.children_system
    # The site's work is one thread's: it cannot take less than that, however many cores there are.
    seconds = max(site, (site + workers) / CORES)
    print(
        f"over HTTP:  {ended.cases} cases, {site:.0f} s of the site's and {workers:.0f} s of the workers' CPU time, "
    )
    print(f"            {seconds:.0f} s on {CORES} cores   target: {LONGEST:.0f}")
    return seconds <= LONGEST and not ended.findings


if __name__ == "__main__":
    sys.exit(main())
