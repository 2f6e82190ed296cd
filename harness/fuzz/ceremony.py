from __future__ import annotations

from enum import Enum


class Ceremony(Enum):
    REGISTRATION = "registration"
    AUTHENTICATION = "authentication"
