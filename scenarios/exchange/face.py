"""The site's own face check: a camera that tests direct, and the limit on attempts that real ones have."""

from __future__ import annotations

from scenarios.exchange.call import Call
from scenarios.exchange.errors import Denied
from scenarios.exchange.tables import User

SCENES = ("clear", "too-dark", "too-bright", "someone-else")
"""What the camera may see. There is no camera: the scene is told instead of filmed."""


def face_check(call: Call, user: User | None, scene: str) -> None:
    limits = call.policy.face
    unavailable = Denied(
        403,
        "face-unavailable",
        "Face verification is temporarily unavailable. Try again later, or contact customer support.",
    )
    if user is not None and user.face_paused_until > call.now:
        raise unavailable
    if user is not None and scene == "clear":
        user.face_failures, user.face_paused_until = 0, 0.0
        return
    left = limits.attempts - 1
    if user is not None:
        if user.face_paused_until:
            user.face_failures, user.face_paused_until = 0, 0.0
        user.face_failures += 1
        left = limits.attempts - user.face_failures
        if left <= 0:
            user.face_paused_until = call.now + limits.pause_hours * 3600
            raise unavailable
    raise Denied(
        403,
        "face-not-verified",
        "Unable to verify face. Make sure that your surroundings are neither too bright nor too dark, and try again.",
        attempts_left=left,
    )
