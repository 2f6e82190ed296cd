"""The three kinds of harness errors: the machine lacks something, a finding, and (everything else) a bug."""

from __future__ import annotations


class StuntkeyError(Exception):
    """Told to the user in one line, without a traceback."""


class SetupError(StuntkeyError):
    """The machine, a file or an argument is not as it must be: says what, where, and what to do."""


class Failure(StuntkeyError):
    """A finding: what was played did not turn out as expected."""
