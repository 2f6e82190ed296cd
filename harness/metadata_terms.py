"""The words a metadata statement is made of (FIDO Registry of Predefined Values 2.2), found for a profile."""

from __future__ import annotations

import base64
import struct
import zlib
from typing import Any, Final

from authenticator.cose import Algorithm
from authenticator.profiles.profile import Kind, Look, Profile, UvMethod

ALGORITHMS: Final[dict[Algorithm, str]] = {
    Algorithm.ES256: "secp256r1_ecdsa_sha256_raw",
    Algorithm.ESP256: "secp256r1_ecdsa_sha256_raw",
    Algorithm.ES384: "secp384r1_ecdsa_sha384_raw",
    Algorithm.ES512: "secp512r1_ecdsa_sha256_raw",  # so written in the registry; P-521 and SHA-512 are meant
    Algorithm.ES256K: "secp256k1_ecdsa_sha256_raw",
    Algorithm.EDDSA: "ed25519_eddsa_sha512_raw",
    Algorithm.ED25519: "ed25519_eddsa_sha512_raw",
    Algorithm.RS256: "rsassa_pkcsv15_sha256_raw",
    Algorithm.PS256: "rsassa_pss_sha256_raw",
}
"""§3.6.1. ML-DSA has no name there yet: verifiers learn of it from authenticatorGetInfo alone."""

_UPV: Final = {"FIDO_2_0": (1, 0), "FIDO_2_1": (1, 1), "FIDO_2_2": (1, 2), "FIDO_2_3": (1, 3)}
_HINTS: Final = {
    "usb": ("wired",),
    "nfc": ("wireless", "nfc"),
    "ble": ("wireless", "bluetooth"),
    "smart-card": ("wired",),
    "hybrid": ("wireless",),
}


def protocol_versions(profile: Profile) -> list[dict[str, int]]:
    versions = (_UPV[each] for each in profile.versions if each in _UPV)
    return [{"major": major, "minor": minor} for major, minor in versions] or [{"major": 1, "minor": 1}]


def attestation_types(profile: Profile) -> list[str]:
    """§3.6.3; what its own format is of comes first."""
    basic = "basic_full" if profile.attestation.certified else "basic_surrogate"
    names = {
        "packed": basic,
        "fido-u2f": basic,
        "android-key": "basic_full",
        "tpm": "attca",
        "apple": "anonca",
        "none": "none",
    }
    types = dict.fromkeys(names[fmt] for fmt in profile.attestation.formats if fmt in names)
    # A device that can attest leaves it out on request; that is no type of its own.
    return [each for each in types if each != "none"] or ["none"]


def user_verification_details(profile: Profile) -> list[list[dict[str, Any]]]:
    """Each inner list is one way to use the device, all of its methods together."""
    features, limits = profile.features, profile.limits
    presence = {"userVerificationMethod": "presence_internal"}
    base64_pin = {
        "base": 64,
        "minLength": limits.min_pin_length,
        "maxRetries": limits.pin_retries,
        "blockSlowdown": 0,
    }
    ways: list[list[dict[str, Any]]] = []
    if profile.kind is Kind.SECURITY_KEY:
        ways += [[{"userVerificationMethod": "none"}], [presence]]
    if features.client_pin:
        ways.append([{"userVerificationMethod": "passcode_external", "caDesc": base64_pin}, presence])
    biometrics = {"maxTemplates": limits.fingers, "maxRetries": limits.uv_retries, "blockSlowdown": 0}
    fingerprint = {"userVerificationMethod": "fingerprint_internal", "baDesc": biometrics}
    face = {"userVerificationMethod": "faceprint_internal", "baDesc": biometrics | {"maxTemplates": 1}}
    passcode = {"userVerificationMethod": "passcode_internal", "caDesc": base64_pin | {"base": 10}}
    methods: dict[UvMethod, list[dict[str, Any]]] = {
        UvMethod.FINGERPRINT: [fingerprint],
        UvMethod.FACE: [face],
        UvMethod.SCREEN_LOCK: [fingerprint, face, passcode],
        UvMethod.PIN_PAD: [passcode],
    }
    if features.user_verification is not None:
        ways += [[method, presence] for method in methods[features.user_verification]]
    return ways or [[presence]]


def key_protection(profile: Profile) -> list[str]:
    kinds = {
        Kind.SECURITY_KEY: ["hardware", "secure_element"],
        Kind.PLATFORM: ["hardware", "tee"],
        Kind.PROVIDER: ["software"],
    }
    return kinds[profile.kind]


def matcher_protection(profile: Profile) -> list[str]:
    return {Kind.SECURITY_KEY: ["on_chip"], Kind.PLATFORM: ["tee"], Kind.PROVIDER: ["software"]}[profile.kind]


def attachment_hint(profile: Profile) -> list[str]:
    """§3.4; a platform authenticator is internal, by whatever else a phone can be reached."""
    if profile.kind is not Kind.SECURITY_KEY and "internal" in profile.transports:
        return ["internal"]
    hints = {hint for each in profile.transports for hint in _HINTS.get(each, ())}
    return ["external", *(hint for hint in ("wired", "wireless", "nfc", "bluetooth") if hint in hints)]


def icon(look: Look) -> str:
    """A picture of the device, 32 pixels square, as a data URL: its colour, and its light in the middle."""
    body, light = _rgb(look.colour), _rgb(look.led or look.colour)
    rows = b"".join(
        b"\x00"
        + b"".join(
            light if (x - 15.5) ** 2 + (y - 15.5) ** 2 < 30 else body if 8 <= x < 24 else b"\xff\xff\xff"
            for x in range(32)
        )
        for y in range(32)
    )
    png = b"\x89PNG\r\n\x1a\n" + b"".join(
        (
            _chunk(b"IHDR", struct.pack(">IIBBBBB", 32, 32, 8, 2, 0, 0, 0)),
            _chunk(b"IDAT", zlib.compress(rows, 9)),
            _chunk(b"IEND", b""),
        )
    )
    return "data:image/png;base64," + base64.b64encode(png).decode()


def _rgb(colour: str) -> bytes:
    return bytes.fromhex(colour.removeprefix("#"))


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
