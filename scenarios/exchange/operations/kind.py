"""A kind of operation: what its details are, what it takes, and how it is done."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from scenarios.exchange.call import Call
from scenarios.exchange.ceremonies import EXCHANGE
from scenarios.exchange.tables import Operation, User


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What an operation takes."""

    codes: tuple[str, ...] = ()
    """The way without a passkey; empty: see `free`."""
    passkey: bool = False
    """Whether a passkey will do instead."""
    besides: tuple[str, ...] = ()
    """What is wanted besides the passkey."""
    always: tuple[str, ...] = ()
    """What is wanted in either case: the code sent to a new address."""
    except_passkey: str = ""
    """The one passkey that will not do: the one to be removed."""
    free: bool = False
    why_no_passkey: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """What a kind makes of the details it was sent."""

    details: dict[str, Any]
    secret: dict[str, Any] = field(default_factory=dict)
    """What the performing needs and nobody is shown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    details: type
    """The dataclass that its details are read as."""
    prepare: Callable[[Call, User, Any], Prepared]
    """Checks the details and completes them; Denied where they will not do."""
    plan: Callable[[Call, User, Operation], Plan]
    perform: Callable[[Call, User, Operation], dict[str, Any]]
    about: str
    confirmations: Callable[[Call], int] = lambda call: 0
    network: str = EXCHANGE
    finishes: bool = True
    """False: verified, it waits for the passkey to be made."""
