from __future__ import annotations

from enum import Enum


class Ceremony(str, Enum):
    REGISTRATION = "registration"
    AUTHENTICATION = "authentication"
