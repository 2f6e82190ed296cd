"""An adapter of the user's own, by the name that a play gives it."""

from __future__ import annotations

import difflib
import importlib
import sys
from collections.abc import Callable
from pathlib import Path
from typing import cast

from harness.errors import SetupError
from harness.relying_parties.protocol import RelyingParty


def load_adapter(name: str, play: Path) -> Callable[[], RelyingParty]:
    """The class `package.module:Class`, looked for beside the play's file as well."""
    module_name, _, class_name = name.partition(":")
    if not module_name or not class_name:
        raise SetupError(f"{name!r}: write module:Class")
    folder = str(play.parent.resolve())
    if folder not in sys.path:
        sys.path.append(folder)
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        beside = " in PYTHONPATH or beside the play" if module_name.startswith(error.name or "") else ""
        raise SetupError(f"{name!r}: there is no module {error.name!r}{beside}") from None
    except Exception as error:  # whatever a module of the user's own runs into, it is theirs to mend
        raise SetupError(f"{name!r} cannot be imported: {type(error).__name__}: {error}") from None
    adapter = getattr(module, class_name, None)
    if adapter is None:
        classes = [each for each, value in vars(module).items() if isinstance(value, type)]
        near = difflib.get_close_matches(class_name, classes, 1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise SetupError(f"{name!r}: {module.__file__} has no {class_name}{hint}")
    if not isinstance(adapter, type):
        raise SetupError(f"{name!r}: {class_name} is no class")
    if not callable(getattr(adapter, "open", None)):
        raise SetupError(f"{name!r}: {class_name} is no adapter: it has no `open`")
    return cast(Callable[[], RelyingParty], adapter)
