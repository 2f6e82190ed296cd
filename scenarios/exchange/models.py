"""Names for passkeys: what an AAGUID or a transport says of the device."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

MODELS = {
    "fbfc3007-154e-4ecc-8c0b-6e020557d7bd": "iCloud Keychain",
    "dd4ec289-e01d-41c9-bb89-70fa845d4bf2": "iCloud Keychain (managed)",
    "ea9b8d66-4d01-1d21-3ce4-b6b48cb575d4": "Google Password Manager",
    "adce0002-35bc-c60a-648b-0b25f1f05503": "Chrome on Mac",
    "08987058-cadc-4b81-b6e1-30de50dcbe96": "Windows Hello",
    "9ddd1817-af5a-4672-a2b9-3e3dd95000a9": "Windows Hello",
    "6028b017-b1d4-4c02-b4b3-afcdafc96bb2": "Windows Hello",
    "d548826e-79b4-db40-a3d8-11116f7e8349": "Bitwarden",
    "bada5566-a7aa-401f-bd96-45619a55120d": "1Password",
    "531126d6-e717-415c-9320-3d9aa6981239": "Dashlane",
    "53414d53-554e-4700-0000-000000000000": "Samsung Pass",
    "b93fd961-f2e6-462f-b122-82002247de78": "Android device",
    "2fc0579f-8113-47ea-b116-bb5a8db9202a": "YubiKey 5 NFC",
    "fa2b99dc-9e39-4257-8f92-4a30d23c4118": "YubiKey 5 NFC",
    "d8522d9f-575b-4866-88a9-ba99fa02f35b": "YubiKey Bio",
    "149a2021-8ef6-4133-96b8-81f8d5b7f1f5": "Security Key NFC",
    "a4e9fc6d-4cbe-4758-b8ba-37598bb5bbaa": "Security Key NFC",
    "42b4fb4a-2866-43b2-9bf7-6c6669c2e5d3": "Titan Security Key",
    "2cd2f727-f6ca-44da-8f48-5c2e5da000a2": "Nitrokey 3",
}
"""From the public lists of passkey providers and MDS."""


def model_name(aaguid: bytes, transports: Sequence[str]) -> str:
    if name := MODELS.get(str(UUID(bytes=aaguid))):
        return name
    if "usb" in transports or "nfc" in transports:
        return "Security key"
    if "internal" in transports:
        return "This device" if "hybrid" not in transports else "Phone or tablet"
    if "hybrid" in transports:
        return "Phone or tablet"
    return "Passkey"
