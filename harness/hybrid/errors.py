from __future__ import annotations


class HybridError(ValueError):
    """What the other side sent is not what the protocol allows here."""
