"""The key: bytes of a request in, an operation out."""

from __future__ import annotations

import hashlib
import hmac
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

from authenticator import cbor
from authenticator.commands import COMMANDS, Command
from authenticator.commands.u2f import u2f
from authenticator.credential import Credential, CredProtect
from authenticator.environment import Environment
from authenticator.operation import Operation, Steps
from authenticator.otp import OtpApplication
from authenticator.parameters import Parameters
from authenticator.pin.token import PinUvAuthTokens
from authenticator.profiles.profile import CounterPolicy, Quirk
from authenticator.sealing import Seal
from authenticator.status import CtapError, Status
from authenticator.store import DeviceState

log = logging.getLogger(__name__)

_UV_OPTIONAL = CredProtect.UV_OPTIONAL

MAX_SAVED_STATE_AGE = 30.0
"""A getNextAssertion, an enumeration or a largeBlob write must go on within this time (CTAP 2.3 §6)."""


@dataclass(slots=True, kw_only=True)
class Continuation:
    """State that spans messages: it belongs to one channel, has a deadline, and other commands drop it."""

    kind: str
    channel: int
    deadline: float
    data: Any


class Authenticator:
    """A FIDO2 key. Pure: what it needs from outside is in `environment`, whom it asks is the caller's affair."""

    def __init__(self, environment: Environment) -> None:
        self.environment = environment
        self.profile = environment.profile
        self.store = environment.store
        state = self.store.device()
        if state is None:
            serial_number = int.from_bytes(environment.random.bytes(4), "big") % 90_000_000 + 10_000_000
            state = self.factory_state(serial_number)
            self.store.reset(state)
        self._state = state
        self._seal = Seal(state.master_secret)
        # evalByCredential of the plain prf, which is no CTAP extension, is a level deeper than CTAP allows.
        self._max_depth = cbor.MAX_DEPTH + ("prf" in self.profile.extensions)
        self._operation: Operation | None = None
        self.encoded_info: tuple[DeviceState, int, bytes] | None = None
        """getInfo's last answer, for the state and the number of stored credentials it was given in."""
        self.otp = OtpApplication(self)
        self.power_cycle()

    # Power and state

    def power_cycle(self) -> None:
        """Unplugged and plugged in again: everything volatile is gone."""
        self.powered_at = self.environment.clock.monotonic()
        self._operation = None
        self.otp.power_cycle()
        self._forget()

    def _forget(self) -> None:
        environment = self.environment
        self.tokens = PinUvAuthTokens(self.profile.pin_protocols, environment.clock, environment.random)
        self.wrong_pins_in_a_row = 0
        self.continuation: Continuation | None = None
        self._credential_store_state: bytes | None = None
        self._unguarded: tuple[Sequence[Credential], Sequence[Credential]] = ((), ())

    def factory_state(self, serial_number: int) -> DeviceState:
        limits, features = self.profile.limits, self.profile.features
        return DeviceState(
            master_secret=self.environment.random.bytes(32),
            pin_retries=limits.pin_retries,
            uv_retries=limits.uv_retries,
            min_pin_length=limits.min_pin_length,
            always_uv=features.always_uv_by_default,
            serial_number=serial_number,
        )

    @property
    def state(self) -> DeviceState:
        return self._state

    def change_state(self, **changes: Any) -> None:
        """Change what the key remembers; it is in the store when this returns."""
        state = replace(self._state, **changes)
        self.store.save_device(state)
        self._state = state

    def factory_reset(self) -> None:
        """authenticatorReset's effect (CTAP 2.3 §6.6)."""
        state = self.factory_state(self._state.serial_number)
        # A YubiKey's configuration and its other applications are no part of FIDO, and outlive its reset.
        kept = self._state
        state = replace(state, management_config=kept.management_config, otp_slots=kept.otp_slots)
        self.store.reset(state)
        self._state = state
        self._seal = Seal(state.master_secret)
        self._forget()

    @property
    def seal(self) -> Seal:
        return self._seal

    def derived_secret(self, label: str) -> bytes:
        """A secret of this key that a reset changes."""
        return hmac.digest(self._state.master_secret, label.encode(), "sha256")

    def credential_store_state(self) -> bytes:
        """What encCredStoreState tells: other bytes after every change of a discoverable credential (§6.4)."""
        if self._credential_store_state is None:
            digest = hashlib.sha256(self.derived_secret("credential store state"))
            for credential in self.store.credentials():
                digest.update(repr((credential.id, credential.user)).encode())
            self._credential_store_state = digest.digest()
        return self._credential_store_state

    def credentials_changed(self) -> None:
        """To be called by every command that stores, changes or removes a discoverable credential."""
        self._credential_store_state = None

    def unguarded(self, credentials: Sequence[Credential]) -> Sequence[Credential]:
        """Those that may be listed without verification. A store gives the same list until it changes."""
        if self._unguarded[0] is not credentials:
            kept = [each for each in credentials if each.protection is _UV_OPTIONAL]
            self._unguarded = credentials, credentials if len(kept) == len(credentials) else kept
        return self._unguarded[1]

    def next_counter(self, credential: Credential) -> int:
        """The signature counter for one more signature (WebAuthn level 3 §6.1.1)."""
        policy = self.profile.counter
        if policy is CounterPolicy.ZERO:
            return 0
        return self.store.advance_counter(credential.id if policy is CounterPolicy.PER_CREDENTIAL else None)

    # Commands

    def begin(self, request: bytes, channel: int = 0) -> Operation:
        """A CTAP2 request: the command byte and its CBOR parameters."""
        operation = Operation(self._steps(request, channel))
        if self._operation is not None and not self._operation.done:
            raise RuntimeError("another operation is under way: cancel it or let it end first")
        self._operation = operation
        return operation.start()

    def begin_u2f(self, apdu: bytes, channel: int = 0) -> Operation:
        """A U2F request: a raw message as CTAPHID_MSG carries it. The response ends with its status word."""
        operation = Operation(u2f(self, apdu, channel))
        if self._operation is not None and not self._operation.done:
            raise RuntimeError("another operation is under way: cancel it or let it end first")
        self.continuation = None
        self._operation = operation
        return operation.start()

    def _steps(self, request: bytes, channel: int) -> Steps:
        if not request:
            raise CtapError(Status.INVALID_LENGTH)
        code = request[0]
        command = COMMANDS.get(code)
        if command is None or not self._offers(command):
            self.continuation = None
            raise CtapError(
                Status.OTHER if self.profile.has(Quirk.UNKNOWN_COMMAND_IS_OTHER) else Status.INVALID_COMMAND
            )
        if len(request) > self.profile.limits.max_message_size:
            raise CtapError(Status.REQUEST_TOO_LARGE)
        continuation = self.continuation
        if continuation is not None and (
            continuation.channel != channel or code not in command_codes(continuation.kind)
        ):
            self.continuation = continuation = None
        parameters: Parameters = {}
        if len(request) > 1:
            try:
                parameters = cbor.decode(
                    request[1:], max_depth=self._max_depth, any_order=self.profile.has(Quirk.UNSORTED_MAPS)
                )
            except cbor.CborError as error:
                log.debug("refused request %02x: %s", code, error)
                raise CtapError(Status.INVALID_CBOR) from None
            if type(parameters) is not dict:
                raise CtapError(Status.CBOR_UNEXPECTED_TYPE)
        elif command.takes_parameters:
            raise CtapError(Status.MISSING_PARAMETER)
        payload = yield from command.run(self, parameters, channel)
        return self.environment.tamper.response(code, b"\x00" + payload)

    def _offers(self, command: Command) -> bool:
        return self.profile.features.ctap2 and command.offered(self.profile)

    # State that spans messages

    def keep(self, kind: str, channel: int, data: Any) -> None:
        """Remember where a conversation stands, for the next command of its kind on the same channel."""
        deadline = self.environment.clock.monotonic() + MAX_SAVED_STATE_AGE
        self.continuation = Continuation(kind=kind, channel=channel, deadline=deadline, data=data)

    def kept(self, kind: str) -> Any:
        """What `keep` remembered; None if nothing is there or its time has run out."""
        continuation = self.continuation
        if continuation is None or continuation.kind != kind:
            return None
        if self.environment.clock.monotonic() >= continuation.deadline:
            self.continuation = None
            return None
        return continuation.data


_Kinds: TypeAlias = Callable[[str], frozenset[int]]


def command_codes(kind: str) -> frozenset[int]:
    """The commands that may go on with a conversation of this kind."""
    return _CONTINUED_BY.get(kind, frozenset())


_CONTINUED_BY: dict[str, frozenset[int]] = {
    "assertions": frozenset({0x08}),
    "rps": frozenset({0x0A, 0x41}),
    "credentials": frozenset({0x0A, 0x41}),
    "large blob write": frozenset({0x0C}),
    "enrolment": frozenset({0x09, 0x40}),
}
