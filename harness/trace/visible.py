"""Text of strangers, for a terminal: a site names its users as it likes, and a name may hold a terminal's commands."""

from __future__ import annotations

import unicodedata

_NOT_SHOWN = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
"""Unicode's categories of what acts and is not seen: control characters (with ESC), what turns the direction of
writing, lone surrogates, ends of lines and paragraphs."""
_JOINERS = frozenset({"\N{ZERO WIDTH NON-JOINER}", "\N{ZERO WIDTH JOINER}"})
"""Words of some languages and many emoji need them."""


def visible(text: str) -> str:
    """What acts on a terminal, as its code: `\\u001b`."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(_code(each) if acts(each) else each for each in text)


def acts(character: str) -> bool:
    return unicodedata.category(character) in _NOT_SHOWN and character not in _JOINERS


def _code(character: str) -> str:
    units = character.encode("utf-16-be", "surrogatepass").hex()
    return "".join(f"\\u{units[place : place + 4]}" for place in range(0, len(units), 4))
