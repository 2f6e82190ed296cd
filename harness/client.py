"""The client side for relying parties without a browser: WebAuthn JSON options in, response JSON out.

key = VirtualKey()
client = Client(key, "https://example.com")
response = client.create(options)
"""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Collection, Mapping
from typing import Any, TypeVar

from fido2.ctap import CtapDevice
from fido2.hid import CAPABILITY

from authenticator.profiles.profile import Kind, Quirk
from harness.errors import SetupError
from harness.people import Person
from harness.platform import Account, Device
from harness.signals import Signals
from harness.virtual_key import VirtualKey
from harness.webauthn import assertion as assertions
from harness.webauthn import registration as registrations
from harness.webauthn import u2f
from harness.webauthn.ceremony import Assertion, Registration
from harness.webauthn.client_data import client_data_fields, serialise
from harness.webauthn.ctap import (
    U2F_ONLY,
    Connection,
    Ctap,
    DeviceConnection,
    DirectConnection,
    Info,
    Permission,
    WireConnection,
)
from harness.webauthn.errors import ClientError, CtapFailure, not_allowed, raise_for, type_error
from harness.webauthn.lies import TRUTH, Lies
from harness.webauthn.options import (
    CreationOptions,
    RequestOptions,
    creation_options,
    load,
    request_options,
    signal_bytes,
)
from harness.webauthn.origins import RelatedOrigins, effective_domain, require_rp_id
from harness.webauthn.responses import authentication_response, registration_response
from harness.webauthn.verification import Verifier

Options = TypeVar("Options", str, Mapping[str, Any])


class Client:
    """A browser's part of WebAuthn, for one origin and one key.

    key      a `VirtualKey`, a device of an `Account`, or any `CtapDevice` of python-fido2 (a real key, say)
    origin   the page's: what goes into client data, and what RP ids are judged by
    wire     whether packets are made of it: False is faster, True crosses CTAPHID's full framing
    person   who answers for a `CtapDevice`; virtual keys have theirs
    checks_origin       False lets any origin use any RP id
    related_origins     RP id → the JSON at its /.well-known/webauthn
    enterprise_rp_ids   the RP ids for which this client's administrator allows enterprise attestation
    cancelled           once it is set, a virtual key's request is cancelled (not with `wire`)
    connection          how the key is reached, where that is neither of these: a phone through a tunnel, say
    """

    def __init__(
        self,
        key: VirtualKey | CtapDevice,
        origin: str = "https://example.com",
        *,
        wire: bool = False,
        person: Person | None = None,
        platform: bool | None = None,
        cross_origin: bool = False,
        top_origin: str | None = None,
        checks_origin: bool = True,
        related_origins: RelatedOrigins | None = None,
        enterprise_rp_ids: Collection[str] = (),
        lies: Lies = TRUTH,
        cancelled: threading.Event | None = None,
        connection: Connection | None = None,
    ) -> None:
        self.origin = origin.rstrip("/")
        self.lies = lies
        self._connection = connection or _connection(key, person, wire=wire, cancelled=cancelled)
        profile = key.profile if isinstance(key, VirtualKey) else None
        kind = profile.kind if profile is not None else Kind.SECURITY_KEY
        self._always_resident = profile is not None and profile.has(Quirk.ALWAYS_DISCOVERABLE)
        self._platform = kind is not Kind.SECURITY_KEY if platform is None else platform
        # Phones and platforms keep theirs where a site wants no attestation, by QR code too: so does Chromium.
        self._keeps_aaguid = kind is not Kind.SECURITY_KEY
        self._attachment = "platform" if self._platform else "cross-platform"
        self._signals = key.signals if isinstance(key, Device) else None
        self._cross_origin = cross_origin
        self._top_origin = top_origin
        self._checks_origin = checks_origin
        self._related_origins = related_origins
        self._enterprise_rp_ids = enterprise_rp_ids

    def create(self, options: Options) -> Options:
        """PublicKeyCredentialCreationOptionsJSON to RegistrationResponseJSON: text for text, a dictionary for one."""
        response = self._create(creation_options(load(options)))
        return _as_given(self.lies.registration(response), options)

    def get(self, options: Options, *, mediation: str | None = None) -> Options:
        """PublicKeyCredentialRequestOptionsJSON to AuthenticationResponseJSON.

        With mediation="conditional" the person picks the passkey from the autofill list, even where there is one only.
        """
        if mediation not in (None, "optional", "required", "conditional"):
            raise ClientError("NotSupportedError", f"mediation {mediation!r} is not for public keys")
        response = self._get(request_options(load(options)), conditional=mediation == "conditional")
        return _as_given(self.lies.authentication(response), options)

    # The Signal API (WebAuthn level 3 §5.1.10)

    def signal_unknown_credential(self, options: Mapping[str, Any]) -> None:
        """PublicKeyCredential.signalUnknownCredential({rpId, credentialId})."""
        rp_id, signals = self._signalled(options)
        credential_id = signal_bytes(options, "credentialId")
        if signals is not None:
            signals.unknown_credential(rp_id, credential_id)

    def signal_all_accepted_credentials(self, options: Mapping[str, Any]) -> None:
        """PublicKeyCredential.signalAllAcceptedCredentials({rpId, userId, allAcceptedCredentialIds})."""
        rp_id, signals = self._signalled(options)
        user_id, ids = signal_bytes(options, "userId"), options.get("allAcceptedCredentialIds")
        if not isinstance(ids, list):
            raise type_error("allAcceptedCredentialIds: must be a list")
        accepted = [
            signal_bytes({"allAcceptedCredentialIds": each}, "allAcceptedCredentialIds") for each in ids
        ]
        if signals is not None:
            signals.all_accepted_credentials(rp_id, user_id, accepted)

    def signal_current_user_details(self, options: Mapping[str, Any]) -> None:
        """PublicKeyCredential.signalCurrentUserDetails({rpId, userId, name, displayName})."""
        rp_id, signals = self._signalled(options)
        user_id, names = signal_bytes(options, "userId"), (options.get("name"), options.get("displayName"))
        if not all(isinstance(each, str) for each in names):
            raise type_error("name and displayName: must be text")
        if signals is not None:
            signals.current_user_details(rp_id, user_id, str(names[0]), str(names[1]))

    def _signalled(self, options: Mapping[str, Any]) -> tuple[str, Signals | None]:
        rp_id = options.get("rpId")
        if not isinstance(rp_id, str):
            raise type_error("rpId: is missing")
        # Providers heed signals; what is on a security key its owner alone removes.
        return self._rp_id(rp_id), self._signals

    # Registration

    def _create(self, options: CreationOptions) -> dict[str, Any]:
        rp_id = self._rp_id(options.rp_id)
        attachment = "platform" if self._platform else "cross-platform"
        if options.attachment not in (None, attachment):
            raise not_allowed(
                f"there is only a {attachment} authenticator, {options.attachment} is asked for"
            )
        client_data, digest = self._client_data("webauthn.create", options.challenge)
        ctap, info = self._begin(options.timeout)
        registration = Registration(
            ctap=ctap,
            info=info,
            verifier=Verifier(ctap, info, rp_id),
            rp_id=rp_id,
            origin=self.origin,
            client_data_hash=digest,
            platform=self._platform,
            permissions=Permission.MAKE_CREDENTIAL,
            options=options,
            always_resident=self._always_resident,
        )
        try:
            if info is U2F_ONLY:
                attested = u2f.register(registration)
            else:
                enterprise = None
                if options.attestation == "enterprise":
                    enterprise = 2 if rp_id in self._enterprise_rp_ids else 1
                attested = registrations.register(registration, enterprise=enterprise)
        except CtapFailure as failure:
            raise_for(failure)
        except OSError:
            raise not_allowed("the key was unplugged") from None
        conveyance = options.attestation
        if conveyance == "enterprise" and not attested.enterprise:
            conveyance = "none"  # Chromium: what was asked for by name is not replaced by something less
        attested = attested.conveyed(conveyance, keeps_aaguid=self._keeps_aaguid)
        return registration_response(
            client_data,
            self.lies.attestation_object(attested.object()),
            attested.data,
            transports=info.transports or (("internal",) if self._platform else ("usb",)),
            attachment=self._attachment,
            results=registration.results,
        )

    # Log-in

    def _get(self, options: RequestOptions, *, conditional: bool) -> dict[str, Any]:
        rp_id = self._rp_id(options.rp_id)
        if conditional and options.allow:
            raise ClientError("NotSupportedError", "conditional mediation goes without allowCredentials")
        client_data, digest = self._client_data("webauthn.get", options.challenge)
        ctap, info = self._begin(options.timeout)
        assertion = Assertion(
            ctap=ctap,
            info=info,
            verifier=Verifier(ctap, info, rp_id),
            rp_id=rp_id,
            origin=self.origin,
            client_data_hash=digest,
            platform=self._platform,
            permissions=Permission.GET_ASSERTION,
            options=options,
            allow=[each.id for each in options.allow],
        )
        try:
            if info is U2F_ONLY:
                signed = u2f.log_in(assertion)
            else:
                signed = assertions.log_in(assertion, choose_always=conditional)
        except CtapFailure as failure:
            raise_for(failure)
        except OSError:
            raise not_allowed("the key was unplugged") from None
        return authentication_response(
            client_data, signed, attachment=self._attachment, results=assertion.results
        )

    # Both

    def _rp_id(self, rp_id: str | None) -> str:
        if not self._checks_origin:
            return self.lies.rp_id(rp_id or effective_domain(self.origin))
        domain = effective_domain(self.origin)
        if rp_id is None:
            rp_id = domain
        elif rp_id != domain:
            require_rp_id(rp_id, self.origin, self._related_origins)
        return self.lies.rp_id(rp_id)

    def _client_data(self, kind: str, challenge: bytes) -> tuple[bytes, bytes]:
        fields = client_data_fields(
            kind, challenge, self.origin, cross_origin=self._cross_origin, top_origin=self._top_origin
        )
        text = self.lies.client_data_json(serialise(self.lies.client_data(fields)))
        return text, self.lies.client_data_hash(hashlib.sha256(text).digest())

    def _begin(self, timeout: float) -> tuple[Ctap, Info]:
        connection = self._connection
        ctap = Ctap(connection, connection.clock.monotonic() + timeout)
        try:
            if not connection.device.capabilities & CAPABILITY.CBOR:
                return ctap, U2F_ONLY
            info = ctap.info()
        except CtapFailure as failure:
            raise_for(failure)
        except OSError:
            raise not_allowed("no key is plugged in") from None
        return ctap, info if info.speaks_ctap2 else U2F_ONLY


def _connection(
    key: VirtualKey | CtapDevice, person: Person | None, *, wire: bool, cancelled: threading.Event | None
) -> Connection:
    if isinstance(key, VirtualKey):
        if person is not None:
            raise SetupError("Client: a virtual key has its own person: set key.person instead of person=")
        if wire:
            return WireConnection(key.engine, key.ctap_device())
        return DirectConnection(key.engine, cancelled)
    if isinstance(key, CtapDevice):
        return DeviceConnection(key, person if person is not None else Person())
    hint = ": take one of its devices, account.sign_in(name)" if isinstance(key, Account) else ""
    raise SetupError(
        f"Client: {type(key).__name__} is neither a VirtualKey nor a CtapDevice of python-fido2{hint}"
    )


def _as_given(response: dict[str, Any], options: Options) -> Options:
    return json.dumps(response) if isinstance(options, str | bytes) else response
