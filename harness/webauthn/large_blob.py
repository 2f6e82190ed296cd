"""largeBlob (WebAuthn level 3 §10.1.5): in the key's blob array, or kept by a platform itself."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from typing import Any

from fido2.ctap import CtapError
from fido2.ctap2.base import Ctap2
from fido2.ctap2.blob import LargeBlobs

from harness.webauthn.ceremony import Assertion, Registration
from harness.webauthn.ctap import Permission, canonical
from harness.webauthn.errors import ClientError, not_allowed, type_error
from harness.webauthn.extension import Extension
from harness.webauthn.options import from_base64url, to_base64url

KEY = "largeBlobKey"


class LargeBlob(Extension):
    name = "largeBlob"

    def prepare_registration(self, registration: Registration, value: Any) -> None:
        _require_object(value)
        if value.get("read") or value.get("write") is not None:
            raise ClientError("NotSupportedError", "largeBlob: read and write are for log-ins")
        support = value.get("support")
        if support not in (None, "preferred", "required"):
            raise type_error("largeBlob.support: must be preferred or required")
        info = registration.info
        if registration.resident and self.name in info.extensions:
            registration.inputs[self.name] = {"support": support or "preferred"}
        elif registration.resident and KEY in info.extensions and info.offers("largeBlobs"):
            registration.inputs[KEY] = True
        elif support == "required":
            raise not_allowed("the key has no large blobs, or the credential is not to be discoverable")

    def registered(self, registration: Registration, value: Any) -> None:
        native = registration.unsigned.get(self.name)
        supported = registration.large_blob_key is not None
        if isinstance(native, Mapping):
            supported = native.get("supported") is True
        registration.results[self.name] = {"supported": supported}

    def prepare_assertion(self, assertion: Assertion, value: Any) -> None:
        _require_object(value)
        if value.get("support") is not None:
            raise ClientError("NotSupportedError", "largeBlob.support: is for registrations")
        if value.get("read") and value.get("write") is not None:
            raise ClientError("NotSupportedError", "largeBlob: read and write do not go together")
        if value.get("write") is not None:
            from_base64url(value["write"], "largeBlob.write")
            if len(assertion.options.allow) != 1:
                raise ClientError(
                    "NotSupportedError", "largeBlob.write: needs exactly one of allowCredentials"
                )
        elif not value.get("read"):
            return
        info = assertion.info
        if self.name in info.extensions:
            assertion.inputs[self.name] = self._native_input(value)
        elif KEY in info.extensions and info.offers("largeBlobs"):
            assertion.inputs[KEY] = True
            if value.get("write") is not None:
                assertion.permissions |= Permission.LARGE_BLOB_WRITE

    def _native_input(self, value: Mapping[str, Any]) -> dict[str, Any]:
        if value.get("write") is None:
            return {"read": True}
        blob = from_base64url(value["write"], "largeBlob.write")
        return canonical({"write": _deflate(blob), "originalSize": len(blob)})

    def asserted(self, assertion: Assertion, value: Any) -> None:
        native = assertion.unsigned.get(self.name)
        result: dict[str, Any] = {}
        if isinstance(native, Mapping):
            if "written" in native:
                result["written"] = native["written"] is True
            elif isinstance(native.get("blob"), bytes):
                result["blob"] = to_base64url(zlib.decompress(native["blob"], wbits=-zlib.MAX_WBITS))
        elif value.get("write") is not None:
            result["written"] = self._write(assertion, from_base64url(value["write"], "largeBlob.write"))
        elif value.get("read") and assertion.large_blob_key is not None:
            blob = self._blobs(assertion).get_blob(assertion.large_blob_key)
            if blob is not None:
                result["blob"] = to_base64url(blob)
        assertion.results[self.name] = result

    def _write(self, assertion: Assertion, blob: bytes) -> bool:
        if assertion.large_blob_key is None:
            return False
        try:
            self._blobs(assertion).put_blob(assertion.large_blob_key, blob)
        except CtapError:
            return False
        return True

    def _blobs(self, assertion: Assertion) -> LargeBlobs:
        authorisation = assertion.authorisation
        ctap2 = Ctap2(assertion.ctap.connection.device)
        return LargeBlobs(ctap2, authorisation.protocol, authorisation.token)


def _require_object(value: Any) -> None:
    if not isinstance(value, Mapping):
        raise type_error("largeBlob: must be an object")


def _deflate(data: bytes) -> bytes:
    compressor = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return compressor.compress(data) + compressor.flush()
