"""The site's own face check: a camera that tests direct, and the limit on attempts that real ones have."""

from __future__ import annotations

from scenarios.exchange.call import Call
from scenarios.exchange.errors import Denied

SCENES = ("clear", "too-dark", "too-bright", "someone-else")
"""What the camera may see. There is no camera: the scene is told instead of filmed."""


def face_check(call: Call, subject: str, scene: str) -> None:
    """`subject`: whose face it should be, be it of an account or of somebody who has none."""
    limits, key = call.policy.face, f"face:{subject}"
    unavailable = Denied(
        403,
        "face-unavailable",
        "Face verification is temporarily unavailable. Try again later, or contact customer support.",
    )
    if call.is_over(key, limits.attempts):
        raise unavailable
    if scene == "clear":
        call.forget(key)
        return
    call.count(key, limits.attempts, limits.pause_hours * 3600)
    left = limits.attempts - call.counted(key)
    if left <= 0:
        raise unavailable
    raise Denied(
        403,
        "face-not-verified",
        "Unable to verify face. Make sure that your surroundings are neither too bright nor too dark, and try again.",
        attempts_left=left,
    )
