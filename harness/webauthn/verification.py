"""How the client has the user verified: by the key itself, or with a PIN it asks for (CTAP 2.3 §6.5)."""

from __future__ import annotations

import hashlib
import unicodedata
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any

from fido2.ctap2.pin import PinProtocol, PinProtocolV1, PinProtocolV2

from authenticator.person import Pin, PinEntry
from authenticator.status import Status
from harness.webauthn.ctap import Command, Ctap, Info, Permission
from harness.webauthn.errors import ClientError, CtapFailure, not_allowed, raise_for


class SubCommand(IntEnum):
    GET_PIN_RETRIES = 0x01
    GET_KEY_AGREEMENT = 0x02
    SET_PIN = 0x03
    CHANGE_PIN = 0x04
    GET_PIN_TOKEN = 0x05
    GET_TOKEN_USING_UV = 0x06
    GET_TOKEN_USING_PIN = 0x09


@dataclass(frozen=True, slots=True, kw_only=True)
class Authorisation:
    """What a request may carry to have its user verified."""

    protocol: PinProtocol | None = None
    token: bytes | None = field(default=None, repr=False)
    built_in: bool = False
    """The option uv: the key verifies the user within the command."""

    @property
    def verified(self) -> bool:
        return self.token is not None or self.built_in

    def add_to(self, parameters: dict[int, Any], client_data_hash: bytes, param: int, protocol: int) -> None:
        if self.token is not None and self.protocol is not None:
            parameters[param] = self.protocol.authenticate(self.token, client_data_hash)
            parameters[protocol] = self.protocol.VERSION


UNVERIFIED = Authorisation()


@dataclass(frozen=True, slots=True)
class Secret:
    """A secret shared with the key, for one use."""

    protocol: PinProtocol
    key_agreement: Any
    shared: bytes = field(repr=False)

    def encrypt(self, plaintext: bytes) -> bytes:
        return self.protocol.encrypt(self.shared, plaintext)

    def decrypt(self, ciphertext: bytes) -> bytes:
        return self.protocol.decrypt(self.shared, ciphertext)

    def authenticate(self, message: bytes) -> bytes:
        return self.protocol.authenticate(self.shared, message)


class Verifier:
    """Gets an `Authorisation` for one ceremony."""

    def __init__(self, ctap: Ctap, info: Info, rp_id: str) -> None:
        self._ctap = ctap
        self._info = info
        self._rp_id = rp_id
        self._without_built_in = False

    @property
    def _built_in(self) -> bool:
        return self._info.offers("uv") and not self._without_built_in

    @property
    def _pin_allowed(self) -> bool:
        # A key may keep PINs out of ceremonies altogether (§6.4: noMcGaPermissionsWithClientPin).
        return "clientPin" in self._info.options and not self._info.offers("noMcGaPermissionsWithClientPin")

    @property
    def can_verify(self) -> bool:
        """Something is configured by which the key can verify its user."""
        return self._info.offers("uv") or (self._pin_allowed and self._info.offers("clientPin"))

    def authorise(self, permissions: Permission) -> Authorisation:
        """Verify the user, by whatever the key has. NotAllowedError if that fails, ConstraintError without means."""
        while True:
            if self._built_in:
                try:
                    return self._by_the_key(permissions)
                except CtapFailure as failure:
                    if failure.status != Status.UV_BLOCKED or not self._info.offers("clientPin"):
                        raise_for(failure)
                    self._without_built_in = True
            elif self._pin_allowed:
                return self._by_pin(permissions)
            else:
                raise ClientError("ConstraintError", "the key cannot verify its user")

    def give_up_built_in(self) -> bool:
        """The key could not recognise anybody within a command: go on with the PIN, if there is one."""
        if self._without_built_in or not (self._pin_allowed and self._info.offers("clientPin")):
            return False
        self._without_built_in = True
        return True

    def secret(self) -> Secret | None:
        """A fresh shared secret, for extensions; None for a key without PIN/UV auth protocols."""
        protocol = self._protocol()
        if protocol is None:
            return None
        answer = self._client_pin({1: protocol.VERSION, 2: int(SubCommand.GET_KEY_AGREEMENT)})
        key_agreement, shared = protocol.encapsulate(answer[1])
        return Secret(protocol, dict(key_agreement), shared)

    # How

    def _protocol(self) -> PinProtocol | None:
        for number in self._info.pin_protocols:
            if number == 2:
                return PinProtocolV2()
            if number == 1:
                return PinProtocolV1()
        return None

    def _client_pin(self, parameters: dict[int, Any]) -> dict[int, Any]:
        return self._ctap.command(Command.CLIENT_PIN, parameters)

    def _by_the_key(self, permissions: Permission) -> Authorisation:
        if not self._info.offers("pinUvAuthToken"):
            return Authorisation(built_in=True)
        for attempt in range(self._info.uv_attempts, 0, -1):
            secret = self.secret()
            assert secret is not None
            try:
                answer = self._client_pin(
                    {
                        1: secret.protocol.VERSION,
                        2: int(SubCommand.GET_TOKEN_USING_UV),
                        3: secret.key_agreement,
                        9: int(permissions),
                        10: self._rp_id,
                    }
                )
            except CtapFailure as failure:
                if failure.status != Status.UV_INVALID or attempt == 1:
                    if failure.status == Status.UV_INVALID:
                        failure.status = int(Status.UV_BLOCKED)  # enough: it is the PIN's turn
                    raise
            else:
                return Authorisation(protocol=secret.protocol, token=secret.decrypt(answer[2]))
        raise AssertionError("a key offers at least one attempt")

    def _by_pin(self, permissions: Permission) -> Authorisation:
        if not self._info.offers("clientPin"):
            pin = self._new_pin(None)
        else:
            pin = ""
        wrong_before = False
        while True:
            if not pin:
                pin = self._ask_pin(wrong_before=wrong_before)
            try:
                if self._info.force_pin_change:
                    pin = self._new_pin(pin)
                return self._token(pin, permissions)
            except CtapFailure as failure:
                if failure.status != Status.PIN_INVALID:
                    raise_for(failure)
            pin, wrong_before = "", True

    def _token(self, pin: str, permissions: Permission) -> Authorisation:
        secret = self.secret()
        assert secret is not None
        parameters: dict[int, Any] = {
            1: secret.protocol.VERSION,
            2: int(SubCommand.GET_PIN_TOKEN),
            3: secret.key_agreement,
            6: secret.encrypt(_hash(pin)),
        }
        if self._info.offers("pinUvAuthToken"):
            parameters |= {2: int(SubCommand.GET_TOKEN_USING_PIN), 9: int(permissions), 10: self._rp_id}
        token = secret.decrypt(self._client_pin(parameters)[2])
        return Authorisation(protocol=secret.protocol, token=token)

    def _ask_pin(self, *, wrong_before: bool) -> str:
        protocol = self._protocol()
        assert protocol is not None
        retries = self._client_pin({1: protocol.VERSION, 2: int(SubCommand.GET_PIN_RETRIES)})
        outcome = self._ctap.connection.ask(
            PinEntry(
                retries=retries.get(3),
                rp_id=self._rp_id,
                min_length=self._info.min_pin_length,
                wrong_before=wrong_before,
            ),
            self._ctap.deadline,
        )
        if not isinstance(outcome, Pin):
            raise not_allowed("the person entered no PIN")
        return unicodedata.normalize("NFC", outcome.text)

    def _new_pin(self, old: str | None) -> str:
        """setPIN, or changePIN where the key forces one; the browser's dialog asks for it."""
        outcome = self._ctap.connection.ask(
            PinEntry(rp_id=self._rp_id, new=True, min_length=self._info.min_pin_length), self._ctap.deadline
        )
        if not isinstance(outcome, Pin):
            raise not_allowed("the person set no PIN")
        pin = unicodedata.normalize("NFC", outcome.text)
        encoded = pin.encode()
        if len(pin) < self._info.min_pin_length or len(encoded) > 63:
            raise not_allowed(f"the new PIN must have {self._info.min_pin_length} to 63 characters")
        secret = self.secret()
        assert secret is not None
        new = secret.encrypt(encoded.ljust(64, b"\0"))
        parameters: dict[int, Any] = {
            1: secret.protocol.VERSION,
            2: int(SubCommand.SET_PIN),
            3: secret.key_agreement,
            4: secret.authenticate(new),
            5: new,
        }
        if old is not None:
            old_hash = secret.encrypt(_hash(old))
            parameters |= {2: int(SubCommand.CHANGE_PIN), 4: secret.authenticate(new + old_hash), 6: old_hash}
        self._client_pin(parameters)
        self._info = self._ctap.info()
        return pin


def _hash(pin: str) -> bytes:
    return hashlib.sha256(pin.encode()).digest()[:16]
