"""The key itself: CTAP 2.0 to 2.3 and U2F. Pure: no I/O, no clock, no randomness of its own, no threads."""
