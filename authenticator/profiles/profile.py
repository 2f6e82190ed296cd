"""A profile: everything in which one device differs from another, as one documented object."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

from authenticator.cose import Algorithm

VERSIONS = ("U2F_V2", "FIDO_2_0", "FIDO_2_1_PRE", "FIDO_2_1", "FIDO_2_2", "FIDO_2_3")
"""getInfo's versions, oldest first (CTAP 2.3 §6.4)."""
EXTENSIONS = (
    "credProtect",
    "credBlob",
    "largeBlobKey",
    "largeBlob",
    "hmac-secret",
    "hmac-secret-mc",
    "minPinLength",
    "pinComplexityPolicy",
    "thirdPartyPayment",
    "uvm",
    "prf",
)
TRANSPORTS = ("usb", "nfc", "ble", "smart-card", "hybrid", "internal")
"""AuthenticatorTransport (WebAuthn level 3 §5.8.4)."""
ATTESTATION_FORMATS = ("none", "packed", "fido-u2f", "tpm", "apple", "android-key", "compound")
CERTIFICATIONS = ("FIPS-CMVP-2", "FIPS-CMVP-3", "FIPS-CMVP-2-PHY", "FIPS-CMVP-3-PHY", "CC-EAL", "FIDO")
"""getInfo's certifications (CTAP 2.3 §7.3)."""

INFO_MEMBERS = {
    "extensions": 0x02,
    "options": 0x04,
    "maxMsgSize": 0x05,
    "pinUvAuthProtocols": 0x06,
    "maxCredentialCountInList": 0x07,
    "maxCredentialIdLength": 0x08,
    "transports": 0x09,
    "algorithms": 0x0A,
    "maxSerializedLargeBlobArray": 0x0B,
    "forcePINChange": 0x0C,
    "minPINLength": 0x0D,
    "firmwareVersion": 0x0E,
    "maxCredBlobLength": 0x0F,
    "maxRPIDsForSetMinPINLength": 0x10,
    "preferredPlatformUvAttempts": 0x11,
    "uvModality": 0x12,
    "certifications": 0x13,
    "remainingDiscoverableCredentials": 0x14,
    "vendorPrototypeConfigCommands": 0x15,
    "attestationFormats": 0x16,
    "uvCountSinceLastPinEntry": 0x17,
    "longTouchForReset": 0x18,
    "encIdentifier": 0x19,
    "transportsForReset": 0x1A,
    "pinComplexityPolicy": 0x1B,
    "pinComplexityPolicyURL": 0x1C,
    "maxPINLength": 0x1D,
    "encCredStoreState": 0x1E,
    "authenticatorConfigCommands": 0x1F,
}
"""The optional members of getInfo's response (CTAP 2.3 §6.4)."""


class Kind(Enum):
    SECURITY_KEY = "security-key"
    PLATFORM = "platform"
    PROVIDER = "provider"
    """A passkey provider: its passkeys sync to all devices of one account."""


class CounterPolicy(Enum):
    GLOBAL = "global"
    PER_CREDENTIAL = "per-credential"
    ZERO = "zero"


class UvMethod(Enum):
    """How the device verifies its user by itself. A PIN typed at the host is not one of these."""

    FINGERPRINT = "fingerprint"
    FACE = "face"
    SCREEN_LOCK = "screen-lock"
    """A phone's or computer's own unlocking, whatever the person uses for it."""
    PIN_PAD = "pin-pad"
    """The PIN, entered on the key's own screen or buttons."""


class Quirk(Enum):
    """Where a real device departs from the standard, or does more than it asks."""

    TOUCH_FOR_GET_INFO = "touch-for-get-info"
    """Blinks for a touch on getInfo, which browsers send unasked."""
    UV_FAILURE_IS_OPERATION_DENIED = "uv-failure-is-operation-denied"
    """Answers a failed built-in verification with OPERATION_DENIED, so hosts do not fall back to the PIN."""
    UNKNOWN_COMMAND_IS_OTHER = "unknown-command-is-other"
    """Answers an unknown command byte with 0x7F instead of INVALID_COMMAND."""
    NO_TOUCH_FOR_RESET = "no-touch-for-reset"
    RESET_ANY_TIME = "reset-any-time"
    """Accepts a reset later than ten seconds after power-up."""
    SELECT_ACCOUNT_ON_DEVICE = "select-account-on-device"
    """Has a display: one of several accounts is chosen there, and getNextAssertion is never needed."""
    USER_NAME_ALWAYS = "user-name-always"
    """Returns the user's name without user verification."""
    ALWAYS_DISCOVERABLE = "always-discoverable"
    """Stores every credential, asked to or not (as platforms and providers do)."""
    SELECTION_NEEDS_PROTOCOL = "selection-needs-protocol"
    """Refuses a zero-length pinUvAuthParam, which asks for a touch, where no pinUvAuthProtocol is with it."""
    UNSORTED_MAPS = "unsorted-maps"
    """Takes requests whose maps are not sorted, which the standard would have it refuse (and Firefox sends some)."""
    ZERO_AAGUID = "zero-aaguid"
    """Replaces its AAGUID by zeros unless attestation was asked for (as platforms do, not keys)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Usb:
    """What the host's USB and HID layers see."""

    vendor_id: int = 0x1209
    product_id: int = 0xF1D0
    manufacturer: str = "stuntkey"
    product: str = "stuntkey reference"
    device_version: tuple[int, int, int] = (1, 0, 0)
    """Major, minor and build number in CTAPHID_INIT's answer."""
    wink: bool = True
    otp_keyboard: bool = False
    """Whether the key is a keyboard as well, which types one-time passwords."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Features:
    """What the device can do. getInfo's options follow from these and from the device's state."""

    ctap2: bool = True
    u2f: bool = True
    resident_keys: bool = True
    client_pin: bool = True
    pin_uv_auth_token: bool = True
    no_mc_ga_permissions_with_client_pin: bool = False
    user_verification: UvMethod | None = None
    bio_enrollment: bool = False
    bio_enrollment_preview: bool = False
    credential_management: bool = True
    credential_management_preview: bool = False
    read_only_credential_management: bool = False
    large_blobs: bool = False
    config: bool = False
    uv_config: bool = False
    """uvAcfg: built-in verification may give the acfg permission."""
    uv_bio_enroll: bool = False
    set_min_pin_length: bool = False
    always_uv: bool = False
    always_uv_by_default: bool = False
    make_cred_uv_not_required: bool = False
    enterprise_attestation: bool = False
    vendor_facilitated_enterprise_rp_ids: tuple[str, ...] = ()
    long_touch_for_reset: bool = False
    """Whether enableLongTouchForReset is offered."""
    transports_for_reset: tuple[str, ...] = ()
    """Where a reset is to be had on some transports only; empty: getInfo says nothing of it."""
    pin_complexity_policy_url: str | None = None
    """Where people may read what PINs the key takes."""
    vendor_config_commands: tuple[int, ...] = ()
    """The vendorCommandIds vendorPrototype takes (they change nothing here); empty: it is not offered."""
    selection: bool = True
    reset: bool = True
    platform_device: bool = False
    yubikey_management: bool = False
    """Answers the vendor commands 0xC2 and 0xC3, with which ykman reads and writes the configuration."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    max_message_size: int = 7609
    max_credentials_in_list: int | None = 16
    max_credential_id_length: int | None = 1024
    resident_credentials: int = 100
    large_blob_array: int = 4096
    cred_blob: int = 32
    stored_rp_id: int | None = None
    """Bytes of an RP id that credential management can tell; the standard wants 32 at least."""
    stored_user_names: int | None = None
    """Bytes kept of a user's name and display name; WebAuthn wants 64 at least."""
    min_pin_length: int = 4
    max_pin_length: int = 63
    max_min_pin_rp_ids: int = 8
    pin_retries: int = 8
    uv_retries: int = 3
    preferred_platform_uv_attempts: int | None = None
    fingers: int = 5
    finger_samples: int = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class AttestationPolicy:
    formats: tuple[str, ...] = ("packed",)
    """The first is what the device answers with by itself; the others where a relying party prefers them."""
    certified: bool = True
    """Whether statements carry certificates under the test root (else: self attestation)."""
    batch_common_name: str = "stuntkey reference"
    """Common name of the certificate all devices of a batch share."""
    organization: str = "stuntkey"
    """Who made the device, and the ISO 3166 code of where that is: O and C of its certificates' subject."""
    country: str = "SE"
    aik_algorithm: Algorithm = Algorithm.RS256
    """What a TPM's attestation identity key signs with: RS256 or ES256."""
    tpm_manufacturer: str = "id:4D534654"
    """The TCG's id of a TPM's maker, as certificates tell it; this is Microsoft's, of virtual TPMs."""


class Form(Enum):
    """What the device is to look at."""

    STICK = "stick"
    """A key with a plug, for a keyring."""
    NANO = "nano"
    """Hardly more than its plug."""
    FOB = "fob"
    WALLET = "wallet"
    """A hardware wallet: a small box with a display."""
    COMPUTER = "computer"
    PHONE = "phone"
    APP = "app"


class Button(Enum):
    """Where it is touched."""

    DISC = "disc"
    """A round sensor on the face."""
    SIDES = "sides"
    EDGE = "edge"
    SCREEN = "screen"
    KEYBOARD = "keyboard"
    """A sensor among the keys of a computer."""
    NONE = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """For a picture of the device."""

    form: Form = Form.STICK
    plug: str = "USB-A"
    """Empty where there is none."""
    colour: str = "#20242c"
    led: str | None = "#35d07f"
    button: Button = Button.DISC
    display: bool = False
    label: str = ""
    """Printed on it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    name: str
    title: str
    kind: Kind = Kind.SECURITY_KEY
    about: str = ""
    aaguid: bytes = bytes(16)
    versions: tuple[str, ...]
    firmware_version: int | None = None
    usb: Usb = field(default_factory=Usb)
    transports: tuple[str, ...] = ("usb",)
    features: Features = field(default_factory=Features)
    limits: Limits = field(default_factory=Limits)
    algorithms: tuple[Algorithm, ...] = (Algorithm.ES256,)
    extensions: frozenset[str] = frozenset()
    pin_protocols: tuple[int, ...] = (2, 1)
    attestation: AttestationPolicy = field(default_factory=AttestationPolicy)
    counter: CounterPolicy = CounterPolicy.GLOBAL
    backup_eligible: bool = False
    certifications: Mapping[str, int] = field(default_factory=dict)
    quirks: frozenset[Quirk] = frozenset()
    get_info_members: tuple[str, ...] | None = None
    """The optional members its getInfo has, where it leaves out some it could have (old firmware does)."""
    look: Look = field(default_factory=Look)
    sources: Mapping[str, str] = field(default_factory=dict)
    """Field or table of the TOML file → where the fact comes from."""

    def has(self, quirk: Quirk) -> bool:
        return quirk in self.quirks
