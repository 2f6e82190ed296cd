"""What a phone remembers of linking: who it is to its clients, and who may call it without a QR code."""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec

from harness.errors import SetupError
from harness.hybrid import noise
from harness.hybrid.errors import HybridError
from harness.hybrid.tunnel import LinkForgotten, Tunnels

_VERSION = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """A client that may call this phone without a QR code."""

    link_id: bytes
    secret: bytes = field(repr=False)


class LinkStore:
    """In memory, or in the file at `path`, so that a client can call a phone that was started anew."""

    def __init__(
        self, path: str | os.PathLike[str] | None = None, *, random: Callable[[int], bytes] = os.urandom
    ) -> None:
        self._path = Path(path) if path is not None else None
        self._random = random
        self.identity: ec.EllipticCurvePrivateKey = noise.new_key(random)
        self.contact_id = random(16)
        self.links: dict[bytes, Link] = {}
        if self._path is not None and self._path.exists():
            self._load(self._path)
        else:
            self._save()

    @property
    def contact(self) -> str:
        """The contact id as it stands in URLs."""
        return base64.urlsafe_b64encode(self.contact_id).rstrip(b"=").decode()

    def new(self) -> Link:
        """A link that the phone is about to offer."""
        link = Link(link_id=self._random(8), secret=self._random(32))
        self.links[link.link_id] = link
        self._save()
        return link

    def remove(self, link_id: bytes) -> bool:
        """Forget one client; False if it was not linked."""
        if self.links.pop(link_id, None) is None:
            return False
        self._save()
        return True

    def forget_all(self) -> None:
        """Whoever is linked later is told another contact id: the old one is gone for good."""
        self.links.clear()
        self.contact_id = self._random(16)
        self._save()

    async def unlink(self, tunnels: Tunnels) -> None:
        """Forget all, and have the phone's tunnel server tell callers so (410)."""
        contact = self.contact
        self.forget_all()
        try:
            tunnel = await tunnels.dial(f"/cable/unlink/{contact}", domain=tunnels.domain)
        except LinkForgotten:
            return  # which is what everybody is told from now on
        await tunnel.close()
        raise HybridError(
            "this tunnel server cannot unlink phones; their calls are refused here all the same"
        )

    def _load(self, path: Path) -> None:
        try:
            entries: Any = json.loads(path.read_text(encoding="utf-8"))
            if entries["version"] != _VERSION:
                raise ValueError("it is of another version of stuntkey")
            self.identity = ec.derive_private_key(int(entries["identity"], 16), ec.SECP256R1())
            self.contact_id = _bytes(entries["contact id"], 16)
            links = [
                Link(link_id=_bytes(each["link id"], 8), secret=_bytes(each["secret"], 32))
                for each in entries["links"]
            ]
        except OSError as error:
            raise SetupError(f"{path}: cannot be read: {error.strerror}") from None
        except (ValueError, KeyError, TypeError) as error:
            raise SetupError(f"{path}: this is no file of a phone's links: {error}") from None
        self.links = {link.link_id: link for link in links}

    def _save(self) -> None:
        if self._path is None:
            return
        entries = {
            "version": _VERSION,
            "identity": f"{self.identity.private_numbers().private_value:064x}",
            "contact id": self.contact_id.hex(),
            "links": [
                {"link id": link.link_id.hex(), "secret": link.secret.hex()} for link in self.links.values()
            ],
        }
        beside = self._path.with_name(f"{self._path.name}.new")
        try:
            beside.touch(mode=0o600)  # it holds secrets
            beside.write_text(json.dumps(entries, indent=1), encoding="utf-8")
            beside.replace(self._path)
        except OSError as error:
            raise SetupError(f"{self._path}: cannot be written: {error.strerror}") from None


def _bytes(text: str, size: int) -> bytes:
    data = bytes.fromhex(text)
    if len(data) != size:
        raise ValueError(f"{text[:20]!r} is not {size} bytes")
    return data
