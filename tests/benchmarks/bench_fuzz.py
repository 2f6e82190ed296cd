"""How many lies a second are told to libraries in this process, controls and second looks included.

Counted in CPU time, so that what else the machine does is left out: two cores do twice as many.
"""

from __future__ import annotations

import sys
import time

from harness.fuzz.campaign import Plan, run

TARGETS = ("webauthn", "fido2", "exchange")
WANTED = 250
"""For each core."""


def main() -> int:
    met = True
    run(Plan(targets=TARGETS, only=("F*",)), lambda event: None)  # certificates and RSA keys are made once
    for target in TARGETS:
        start = time.process_time()
        ended = run(Plan(targets=(target,)), lambda event: None)
        rate = ended.cases / (time.process_time() - start)
        print(f"{target + ':':<12}{ended.cases} cases, {rate:,.0f} a second and core   target: {WANTED}")
        met = met and rate >= WANTED
    return not met


if __name__ == "__main__":
    sys.exit(main())
