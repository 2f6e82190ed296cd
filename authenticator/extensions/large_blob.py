"""largeBlob (CTAP 2.3 §12.4): blobs that the authenticator itself keeps, as phones do.

The alternative to largeBlobKey and authenticatorLargeBlobs; no authenticator has both.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from authenticator.credential import Credential
from authenticator.extensions.extension import Assertion, Creation, Extension, require_type
from authenticator.parameters import member
from authenticator.status import CtapError, Status

if TYPE_CHECKING:
    from authenticator.authenticator import Authenticator
    from authenticator.commands.get_assertion import Request as AssertionRequest
    from authenticator.commands.make_credential import Request as CreationRequest


@dataclass(frozen=True, slots=True, kw_only=True)
class _Write:
    blob: bytes
    original_size: int


_READ = "read"


class LargeBlobExtension(Extension):
    name = "largeBlob"

    def read_creation_input(self, auth: Authenticator, request: CreationRequest, value: Any) -> str:
        support = member(require_type(value, dict), "support", str)
        if support not in ("preferred", "required"):
            raise CtapError(Status.INVALID_OPTION)
        return support

    def created(self, creation: Creation, credential: Credential, value: str) -> None:
        if credential.discoverable:
            creation.unsigned_outputs[self.name] = {"supported": True}

    def read_assertion_input(
        self, auth: Authenticator, request: AssertionRequest, value: Any
    ) -> str | _Write | None:
        inputs = require_type(value, dict)
        reads = require_type(inputs.get("read", False), bool)
        if "write" not in inputs:
            return _READ if reads else None
        # A write is for one credential, which the platform has chosen.
        if reads or len(request.allow) != 1:
            raise CtapError(Status.INVALID_OPTION)
        size = member(inputs, "originalSize", int)
        if size < 0:
            raise CtapError(Status.CBOR_UNEXPECTED_TYPE)
        return _Write(blob=member(inputs, "write", bytes), original_size=size)

    def get(self, assertion: Assertion, value: str | _Write) -> None:
        credential, store = assertion.credential, assertion.auth.store
        if isinstance(value, _Write):
            fits = len(value.blob) <= assertion.auth.profile.limits.large_blob_array
            written = credential.discoverable and fits
            if written:
                store.put(replace(credential, large_blob=value.blob, large_blob_size=value.original_size))
            assertion.unsigned_outputs[self.name] = {"written": written}
        elif credential.large_blob is not None:
            assertion.unsigned_outputs[self.name] = {
                "blob": credential.large_blob,
                "originalSize": credential.large_blob_size,
            }
