"""An adapter of the user's own, by the name that a play gives it."""

from __future__ import annotations

import importlib
import sys
from typing import cast

from harness.errors import SetupError
from harness.play.play import Play
from harness.relying_parties.protocol import RelyingParty


def load_adapter(name: str, play: Play) -> RelyingParty:
    """`package.module:Class`, looked for beside the play as well."""
    module_name, _, class_name = name.partition(":")
    where = f"{play.where()}: relying party {name!r}"
    if not module_name or not class_name:
        raise SetupError(f"{where}: write module:Class")
    folder = str(play.path.parent.resolve())
    if folder not in sys.path:
        sys.path.append(folder)
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        raise SetupError(
            f"{where}: there is no module {error.name!r} in PYTHONPATH or beside the play"
        ) from None
    adapter = getattr(module, class_name, None)
    if adapter is None:
        raise SetupError(f"{where}: {module.__file__} has no {class_name}")
    return cast(RelyingParty, adapter())
