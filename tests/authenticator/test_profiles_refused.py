"""Profiles that are refused: the file, the line, what is wrong, and what may have been meant."""

from __future__ import annotations

from pathlib import Path

import pytest

from authenticator.profiles.invariants import EFFECTIVE, INVARIANTS
from authenticator.profiles.loader import ProfileError, load_profile, parse_profile
from authenticator.profiles.toml_lines import key_lines


def refusal(text: str) -> str:
    with pytest.raises(ProfileError) as refused:
        parse_profile(text, "mine", shown="mine.toml")
    return str(refused.value)


REFUSED = [
    # Not TOML
    ("", 'title = "x"\nkind = security-key\n', 2, "not TOML: "),
    ("", "title = ", 1, "not TOML: "),
    ("", 'title = "x"\ntitle = "y"\n', 2, "not TOML: "),
    # Unknown keys
    ("reference", 'titel = "x"\n', 1, "unknown key 'titel'; did you mean 'title'?"),
    ("reference", "[feature]\nu2f = true\n", 1, "unknown key 'feature'; did you mean 'features'?"),
    ("reference", "\n[features]\nalways_uv_default = true\n",
     3, "unknown key 'always_uv_default' in [features]; did you mean 'always_uv_by_default'?"),
    ("reference", "features.residentkeys = true\n",
     1, "unknown key 'residentkeys' in [features]; did you mean 'resident_keys'?"),
    ("reference", "[usb]\n# the vendor\nvendor = 1\n",
     3, "unknown key 'vendor' in [usb]; did you mean 'vendor_id'?"),
    ("reference", "[look]\nqqqq = 1\n",
     2, "unknown key 'qqqq' in [look]; there are button, colour, display,"),
    # Unknown words
    ("reference", 'algorithms = [\n  "ES256",\n  "ES265",\n]\n',
     3, "unknown algorithm 'ES265'; did you mean 'ES256'?"),
    ("reference", 'algorithms = ["ed25519"]\n',
     1, "unknown algorithm 'ed25519'; did you mean 'Ed25519'?"),
    ("reference", "algorithms = [-7]\n", 1, "unknown algorithm -7; there are ES256, ES256K,"),
    ("reference", 'extensions = ["hmac_secret"]\n',
     1, "unknown extension 'hmac_secret'; did you mean 'hmac-secret'?"),
    ("reference", '\nquirks = ["zero-aagiud"]\n',
     2, "unknown quirk 'zero-aagiud'; did you mean 'zero-aaguid'?"),
    ("reference", 'versions = ["FIDO_2.1"]\n', 1, "unknown version 'FIDO_2.1'; did you mean 'FIDO_2_1'?"),
    ("reference", 'transports = ["USB"]\n', 1, "unknown transport 'USB'; did you mean 'usb'?"),
    ("reference", '[attestation]\nformats = ["fido_u2f"]\n',
     2, "unknown attestation format 'fido_u2f'; did you mean 'fido-u2f'?"),
    ("reference", "[certifications]\nFIPS = 2\n",
     2, "unknown certification 'FIPS'; did you mean 'FIPS-CMVP-3'?"),
    ("reference", 'counter = "globe"\n', 1, "unknown counter 'globe'; did you mean 'global'?"),
    ("reference", 'get_info_members = ["maxMsgsize"]\n',
     1, "unknown member of getInfo 'maxMsgsize'; did you mean 'maxMsgSize'?"),
    # Wrong types
    ("reference", '[features]\nu2f = "yes"\n', 2, "u2f is true or false, not 'yes'"),
    ("reference", "[features]\nu2f = 1\n", 2, "u2f is true or false, not 1"),
    ("reference", "[limits]\npin_retries = true\n", 2, "pin_retries is a whole number, not True"),
    ("reference", "title = 5\n", 1, "title is a text in quotes, not 5"),
    ("reference", 'extensions = "credBlob"\n', 1, "extensions is a list, in [ ], not 'credBlob'"),
    ("reference", "features = true\n", 1, "features is a table of keys"),
    ("reference", "certifications = 3\n", 1, "certifications is a table"),
    ("reference", "[usb]\ndevice_version = [5, 7]\n", 2, "device_version is a list of 3, not of 2"),
    ("reference", 'transports = ["usb", "nfc", "usb"]\n', 1, "'usb' stands twice in transports"),
    # AAGUIDs
    ("reference", 'aaguid = "2fc0579f811347eab116bb5a8db9202a"\n',
     1, "aaguid is 32 hex digits, as 12345678-90ab-"),
    ("reference", 'aaguid = "2fc0579f-8113-47ea-b116-bb5a8db9202"\n', 1, "aaguid is 32 hex digits"),
    ("reference", "aaguid = 7\n", 1, "aaguid is 32 hex digits"),
    ("reference", 'aaguid = "00000000-0000-0000-0000-000000000000"\n',
     1, "a CTAP2 device with certified attestation has an AAGUID other than zero"),
    # Versions
    ("reference", 'versions = ["U2F_V2", "FIDO_2_0", "FIDO_2_2"]\n', 1, "FIDO_2_2 demands another name"),
    ("reference", 'extensions = {remove = ["hmac-secret-mc", "hmac-secret"]}\n',
     1, "FIDO_2_1 demands the extension hmac-secret"),
    ("reference", "\n[features]\nselection = false\n", 3, "FIDO_2_1 demands selection"),
    ("reference", 'versions = ["FIDO_2_0"]\n', 1, "u2f is on, so versions must name U2F_V2"),
    ("reference", 'versions = ["U2F_V2"]\n', 1, "ctap2 is on, so versions must name a FIDO_ version"),
    ("reference", "versions = []\n", 1, "versions is empty"),
    # Verification of the user
    ("reference", '[features]\nuser_verification = "none"\n', 2, "bio_enrollment needs a sensor"),
    ("reference", '[features]\nuser_verification = "face"\n', 2, "bio_enrollment needs a sensor"),
    ("titan", "[features]\nbio_enrollment = true\n", 2, "bio_enrollment needs a sensor"),
    ("titan", "[features]\nclient_pin = false\nalways_uv = true\n", 3, "always_uv needs client_pin or"),
    ("titan", "[features]\nalways_uv_by_default = true\n", 2, "always_uv_by_default needs always_uv"),
    ("titan", "[features]\nuv_config = true\n", 2, "uv_config needs config and user_verification"),
    ("titan", "[features]\nuv_bio_enroll = true\n", 2, "uv_bio_enroll needs bio_enrollment and"),
    ("titan", "[features]\nno_mc_ga_permissions_with_client_pin = true\n",
     2, "no_mc_ga_permissions_with_client_pin needs client_pin"),
    ("titan", "extensions = []\n[features]\nclient_pin = false\n",
     3, "pin_protocols have no use without client_pin"),
    ("reference", "pin_protocols = [3]\n", 1, "pin_protocols are 1 and 2"),
    ("reference", "pin_protocols = []\n", 1, "client_pin and pin_uv_auth_token need pin_protocols"),
    ("trezor", "pin_protocols = []\n", 1, "hmac-secret needs pin_protocols"),
    ("u2f-key", "[features]\nctap2 = true\npin_uv_auth_token = true\n",
     2, "ctap2 is on, so versions must name"),
    ("trezor", '[features]\nuser_verification = "none"\npin_uv_auth_token = true\n',
     3, "pin_uv_auth_token needs client_pin or user_verification"),
    # Commands
    ("reference", "[features]\nresident_keys = false\n",
     2, "credential_management manages resident_keys"),
    ("trezor", '[features]\nuser_verification = "none"\ncredential_management = true\n',
     3, "credential_management needs client_pin or user_verification"),
    ("reference", "[features]\ncredential_management = false\n",
     2, "read_only_credential_management needs"),
    ("titan", "[features]\nconfig = true\n", 2, "config needs pin_uv_auth_token"),
    ("titan", "[features]\nset_min_pin_length = true\n", 2, "set_min_pin_length needs config"),
    ("titan", "[features]\nlong_touch_for_reset = true\n", 2, "long_touch_for_reset needs config"),
    ("titan", "[features]\nvendor_config_commands = [1]\n", 2, "vendor_config_commands need config"),
    ("titan", '[features]\nvendor_facilitated_enterprise_rp_ids = ["example.com"]\n',
     2, "vendor_facilitated_enterprise_rp_ids need enterprise_attestation"),
    ("reference", '[attestation]\nformats = ["packed"]\ncertified = false\n',
     3, "enterprise_attestation needs certified"),
    # Extensions
    ("reference", 'extensions = {remove = ["hmac-secret"]}\n', 1, "hmac-secret-mc needs hmac-secret"),
    ("titan", 'extensions = {add = ["largeBlobKey"]}\n', 1, "largeBlobKey and large_blobs come together"),
    ("reference", "[features]\nlarge_blobs = false\n", 2, "largeBlobKey and large_blobs come together"),
    ("reference", 'extensions = {add = ["largeBlob"]}\n', 1, "largeBlobKey and largeBlob are two ways"),
    ("titan", 'extensions = ["credBlob"]\n[features]\nresident_keys = false\n',
     3, "largeBlobKey, largeBlob and credBlob are kept with resident_keys"),
    ("titan", 'extensions = ["minPinLength"]\n',
     1, "the extension minPinLength needs set_min_pin_length"),
    ("trezor", 'extensions = {add = ["pinComplexityPolicy"]}\n',
     1, "the extension pinComplexityPolicy needs client_pin"),
    ("trezor", 'extensions = ["credProtect", "hmac-secret"]\n[features]\nuser_verification = "none"\n',
     1, "credProtect and uvm need client_pin or"),
    # U2F
    ("reference", 'algorithms = ["EdDSA"]\n', 1, "u2f knows ES256 only"),
    ("reference", "[features]\nctap2 = false\nu2f = false\n", 2, "a device speaks ctap2, u2f or both"),
    ("u2f-key", 'extensions = ["credBlob"]\n', 1, "extensions and pin_protocols belong to CTAP2"),
    ("u2f-key", "[features]\nresident_keys = true\n",
     2, "resident_keys, client_pin and user_verification"),
    ("u2f-key", 'aaguid = "42b4fb4a-2866-43b2-9bf7-6c6669c2e5d3"\n',
     1, "a key of U2F alone has no AAGUID"),
    ("icloud-keychain", "[features]\nu2f = true\n",
     2, "u2f, yubikey_management and otp_keyboard are of security keys"),
    ("icloud-keychain", "[usb]\notp_keyboard = true\n",
     2, "u2f, yubikey_management and otp_keyboard are of security keys"),
    # Attestation
    ("reference", '[attestation]\nformats = ["packed", "tpm"]\n',
     2, "android-key, apple and tpm are the formats of platforms"),
    ("reference", '[attestation]\nformats = ["apple"]\n',
     2, "android-key, apple and tpm are the formats of platforms"),
    ("windows-hello", '[attestation]\nformats = ["fido-u2f"]\n',
     2, "fido-u2f is the format of security keys"),
    ("reference", "[attestation]\nformats = []\n", 2, "formats is empty"),
    ("titan", "[attestation]\ncertified = false\n", 2, "only none and packed go without certificates"),
    ("icloud-keychain", "[attestation]\ncertified = true\n",
     2, "a provider's passkeys are of no one device"),
    ("reference", '[attestation]\nbatch_common_name = ""\n',
     2, "batch_common_name is 1 to 64 characters"),
    # Kinds
    ("reference", "backup_eligible = true\n", 1, "backup_eligible is true of providers"),
    ("icloud-keychain", "backup_eligible = false\n", 1, "backup_eligible is true of providers"),
    ("icloud-keychain", 'counter = "global"\n', 1, "synced passkeys have no counter"),
    ("reference", 'transports = ["usb", "hybrid"]\n',
     1, "a security key is not reached by internal or hybrid"),
    ("icloud-keychain", 'transports = ["usb"]\n',
     1, "platforms and providers are reached by internal or hybrid"),
    ("reference", "transports = []\n", 1, "transports is empty"),
    ("reference", "[features]\nplatform_device = true\n", 2, "platform_device is true of platforms"),
    # Limits
    ("reference", "[limits]\nmax_message_size = 1023\n", 2, "max_message_size is 1024"),
    ("reference", "[limits]\nmax_message_size = 7610\n", 2, "max_message_size is 1024"),
    ("reference", "[limits]\nmin_pin_length = 3\n", 2, "min_pin_length is 4 to 63"),
    ("reference", "[limits]\nmin_pin_length = 64\n", 2, "min_pin_length is 4 to 63"),
    ("reference", "[limits]\nmax_pin_length = 64\n", 2, "max_pin_length is min_pin_length to 63"),
    ("reference", "[limits]\nmin_pin_length = 8\nmax_pin_length = 7\n",
     3, "max_pin_length is min_pin_length to 63"),
    ("reference", "[limits]\npin_retries = 9\n", 2, "pin_retries is 1 to 8"),
    ("reference", "[limits]\nuv_retries = 0\n", 2, "uv_retries is 1 to 25"),
    ("reference", "[limits]\nmax_credentials_in_list = 0\n", 2, "max_credentials_in_list is at least 1"),
    ("reference", "[limits]\nmax_credential_id_length = 63\n",
     2, "max_credential_id_length is at least 64"),
    ("reference", "[limits]\nresident_credentials = 0\n", 2, "resident_credentials is at least 1"),
    ("reference", "[limits]\nlarge_blob_array = 1023\n", 2, "large_blob_array is at least 1024"),
    ("reference", "[limits]\ncred_blob = 31\n", 2, "cred_blob is at least 32"),
    ("reference", "[limits]\nfingers = 0\n", 2, "fingers and finger_samples are at least 1"),
    ("reference", "[limits]\nmax_min_pin_rp_ids = -1\n", 2, "max_min_pin_rp_ids is not negative"),
    # What is stated to no effect
    ("titan", "[limits]\ncred_blob = 32\n", 2, "cred_blob has no effect without the extension credBlob"),
    ("titan", "[limits]\nlarge_blob_array = 2048\n",
     2, "large_blob_array has no effect without large_blobs"),
    ("titan", "[limits]\nfingers = 3\n", 2, "fingers has no effect without bio_enrollment"),
    ("titan", "[limits]\nuv_retries = 3\n", 2, "uv_retries has no effect without a sensor"),
    ("titan", "[limits]\nmax_min_pin_rp_ids = 3\n", 2, "max_min_pin_rp_ids has no effect without"),
    ("u2f-key", "[limits]\npin_retries = 3\n", 2, "pin_retries has no effect without client_pin"),
    ("u2f-key", "[limits]\nresident_credentials = 3\n", 2, "resident_credentials has no effect without"),
    ("u2f-key", "[limits]\nmin_pin_length = 6\n", 2, "min_pin_length has no effect without client_pin"),
    ("u2f-key", "[limits]\nmax_pin_length = 60\n", 2, "max_pin_length has no effect without client_pin"),
    ("titan", "[limits]\npreferred_platform_uv_attempts = 3\n",
     2, "preferred_platform_uv_attempts has no effect without"),
    ("trezor", "[limits]\nuv_retries = 3\n", 2, "uv_retries has no effect without a sensor"),
    ("titan", "[limits]\nfinger_samples = 3\n", 2, "finger_samples has no effect without bio_enrollment"),
    # USB, looks, the rest
    ("reference", "[usb]\nvendor_id = 0x10C4\nproduct_id = 0x8ACF\n",
     3, "Chromium forces this vendor and product id to U2F"),
    ("reference", "[usb]\nvendor_id = 0x12345\n", 2, "vendor_id and product_id are 0 to 0xFFFF"),
    ("reference", '[usb]\nproduct = ""\n', 2, "manufacturer and product are 1 to 126 characters"),
    ("reference", "[usb]\ndevice_version = [1, 2, 256]\n",
     2, "device_version is three numbers from 0 to 255"),
    ("reference", "firmware_version = -1\n", 1, "firmware_version is not negative"),
    ("reference", "[certifications]\nFIDO = 7\n", 1, "a certification's level"),
    ("reference", '[look]\ncolour = "red"\n', 2, 'a colour is written as "#1a2b3c"'),
    ("reference", 'quirks = ["select-account-on-device"]\n',
     1, "select-account-on-device needs a display"),
    ("reference", 'quirks = ["zero-aaguid"]\n', 1, "zero-aaguid is what platforms and providers do"),
    ("titan", 'quirks = ["reset-any-time"]\n[features]\nreset = false\n',
     1, "the quirks of reset need reset"),
    ("u2f-key", 'quirks = ["always-discoverable"]\n', 1, "always-discoverable needs resident_keys"),
    ("reference", "algorithms = []\n[features]\nu2f = false\n", 1, "algorithms is empty"),
    ("reference", '[features]\ntransports_for_reset = ["nfc"]\n',
     2, "transports_for_reset are some of transports"),
    ("reference", '[features]\ntransports_for_reset = ["NFC"]\n',
     2, "unknown transport 'NFC'; did you mean 'nfc'?"),
    ("titan", '[features]\npin_complexity_policy_url = "https://example.com"\n',
     2, "pin_complexity_policy_url needs the extension"),
    ("titan", '[attestation]\ncountry = "Sweden"\n',
     2, "organization is not empty, and country two capital letters"),
    ("windows-hello", '[attestation]\naik_algorithm = "ES384"\n', 2, "aik_algorithm is RS256 or ES256"),
    ("windows-hello", '[attestation]\ntpm_manufacturer = "IFX"\n',
     2, 'tpm_manufacturer is written as "id:4D534654"'),
    # Extending
    ("", 'extends = "yubikey-5"\n', 1, "unknown profile 'yubikey-5'; did you mean 'yubikey-5-nfc'?"),
    ("", "extends = 5\n", 1, "extends is the name of a profile, in quotes"),
    ("reference", 'extensions = {remove = ["credBlob", "prf"]}\n',
     1, "extensions has no 'prf' to remove"),
    ("reference", 'extensions = {minus = ["credBlob"]}\n',
     1, "extensions is a list, or {add = [...], remove = [...]}"),
]  # fmt: skip


@pytest.mark.parametrize(("base", "body", "line", "message"), REFUSED)
def test_is_refused(base: str, body: str, line: int, message: str) -> None:
    """`line` counts within `body`, which extends `base`."""
    refused = refusal(f'extends = "{base}"\n{body}' if base else body)
    assert refused.startswith(f"mine.toml: line {line + bool(base)}: {message}")
    assert "\n" not in refused


def test_what_is_inherited_is_blamed_on_the_line_that_inherits_it() -> None:
    refused = refusal('title = "x"\nextends = "windows-hello"\nalgorithms = []\nkind = "security-key"\n')
    assert refused.startswith("mine.toml: line 3: algorithms is empty")
    refused = refusal(
        'title = "x"\nextends = "reference"\ncertifications = {FIDO = 1}\n[look]\nled = "blue"\n'
    )
    assert refused == 'mine.toml: line 5: a colour is written as "#1a2b3c"'


def test_a_mistake_in_the_file_extended_is_told_with_its_place(tmp_path: Path) -> None:
    (tmp_path / "ours.toml").write_text('extends = "titan"\n\ntitel = "x"\n')
    (tmp_path / "mine.toml").write_text('# Mine\nextends = "ours.toml"\n')
    with pytest.raises(ProfileError) as refused:
        load_profile(tmp_path / "mine.toml")
    assert str(refused.value) == (
        f"{tmp_path}/mine.toml: line 2: unknown key 'titel'; did you mean 'title'? "
        "(titel comes from ours.toml, line 3)"
    )


def test_a_file_that_extends_itself_is_refused(tmp_path: Path) -> None:
    (tmp_path / "one.toml").write_text('extends = "two.toml"\n')
    (tmp_path / "two.toml").write_text('extends = "one.toml"\n')
    with pytest.raises(ProfileError, match=r"line 1: extends leads back to itself"):
        load_profile(tmp_path / "one.toml")


def test_a_file_extended_that_is_not_there_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text('extends = "ours.toml"\n')
    with pytest.raises(ProfileError, match=r"line 1: there is no file 'ours.toml' beside it"):
        load_profile(tmp_path / "mine.toml")


def test_a_file_not_in_utf8_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_bytes('title = "Schlüssel"\n'.encode("latin-1"))
    with pytest.raises(ProfileError, match=r"mine.toml: not a text in UTF-8"):
        load_profile(tmp_path / "mine.toml")


def test_a_missing_key_is_told() -> None:
    assert refusal('title = "x"\n') == "mine.toml: line 1: the key 'versions' is missing"


def test_every_rule_is_broken_by_some_refused_profile() -> None:
    """The table above is whole: no rule is there that no test breaks."""
    told = [message for _, _, _, message in REFUSED]
    untested = [
        invariant.message
        for invariant in (*INVARIANTS, *EFFECTIVE)
        if not any(message in invariant.message for message in told)
    ]
    assert untested == []


def test_lines_of_keys_in_every_way_toml_writes_them() -> None:
    text = """\
# title = "not this"
title = "a # b"
about = '''
fake = 1
[not.a.table]
'''
list = [
  "x", # ]
  'y = 2',
]
a.b = 1
"quo ted".c = {d = 1,
 e = 2}

[usb] # fake = 1
vendor_id = 1
  product = \"\"\"[x]
y = 1\"\"\"
[ spaced . out ]
z = "\\""
last = 1"""
    lines = {".".join(path): line for path, line in key_lines(text).items()}
    assert lines == {
        "title": 2,
        "about": 3,
        "list": 7,
        "a": 11,
        "a.b": 11,
        "quo ted": 12,
        "quo ted.c": 12,
        "usb": 15,
        "usb.vendor_id": 16,
        "usb.product": 17,
        "spaced.out": 19,
        "spaced.out.z": 20,
        "spaced.out.last": 21,
    }
