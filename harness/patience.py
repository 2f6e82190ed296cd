"""How much longer than usual everything may take here: $STUNTKEY_PATIENCE.

`stuntkey vm run` sets it in its machine, where processors are emulated. What does not work still fails, only later.
"""

from __future__ import annotations

import os

from harness.errors import SetupError

VARIABLE = "STUNTKEY_PATIENCE"


def factor() -> float:
    text = os.environ.get(VARIABLE, "1")
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value <= 1000:
        raise SetupError(f"${VARIABLE}={text}: must be a number above 0, such as 10 for ten times as patient")
    return value


def patient(seconds: float) -> float:
    return seconds * factor()
