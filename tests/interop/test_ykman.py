"""ykman's library (yubikit) reads and writes the key's configuration, over CTAPHID and memory.

ykman has an environment of its own (`tools/setup foreign`), as it needs a compiled smart card library. The part
that is used here is plain Python, and is borrowed from there; it runs on the fido2 that everything else runs on.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from fido2.ctap import CtapError
from fido2.ctap2 import Ctap2
from fido2.hid import CtapHidDevice

from harness import VirtualKey

ROOT = Path(__file__).parent.parent.parent
path = list(sys.path)
sys.path.extend(map(str, (ROOT / ".setup" / "ykman").glob("lib/python*/site-packages")))
management = importlib.import_module("yubikit.management")  # not there: tools/setup foreign
core = importlib.import_module("yubikit.core")
support = importlib.import_module("yubikit.support")
sys.path[:] = path

CAPABILITY, TRANSPORT = management.CAPABILITY, core.TRANSPORT
USB, NFC = TRANSPORT.USB, TRANSPORT.NFC


@pytest.fixture
def key() -> VirtualKey:
    return VirtualKey("yubikey-5-nfc", seed=1)


@pytest.fixture
def device(key: VirtualKey) -> Iterator[CtapHidDevice]:
    device = key.ctap_device()
    yield device
    device.close()


@pytest.mark.parametrize(
    ("profile", "name", "pid"),
    [
        ("yubikey-5-nfc", "YubiKey 5 NFC", "YK4_OTP_FIDO_CCID"),
        ("yubikey-5-nfc-5.4", "YubiKey 5 NFC", "YK4_OTP_FIDO_CCID"),
        ("yubikey-bio", "YubiKey Bio - FIDO Edition", "YK4_FIDO"),
    ],
)
def test_ykman_knows_the_key(profile: str, name: str, pid: str) -> None:
    key = VirtualKey(profile, seed=1)
    device = key.ctap_device()
    pid = core.PID[pid]
    assert pid == key.profile.usb.product_id
    info = support.read_info(device, pid)
    assert support.get_name(info, pid.yubikey_type) == name
    assert info.version == core.Version(*key.profile.usb.device_version)
    assert info.serial == key.engine.authenticator.state.serial_number
    assert not info.is_locked
    assert not info.is_fips
    assert not info.is_sky
    device.close()


def test_applications_are_switched_off_and_on(key: VirtualKey, device: CtapHidDevice) -> None:
    session = management.ManagementSession(device)
    supported = session.read_device_info().supported_capabilities
    everything = supported[USB]
    assert CAPABILITY.FIDO2 | CAPABILITY.U2F | CAPABILITY.OTP in everything
    assert Ctap2(device).get_info().versions
    config = management.DeviceConfig({USB: everything & ~CAPABILITY.FIDO2, NFC: CAPABILITY.U2F})
    session.write_device_config(config, reboot=True)
    enabled = session.read_device_info().config.enabled_capabilities
    assert enabled == {USB: everything & ~CAPABILITY.FIDO2, NFC: CAPABILITY.U2F}

    after = key.ctap_device()
    assert not after.capabilities & 0x04
    with pytest.raises(ValueError, match="does not support CTAP2"):
        Ctap2(after)
    with pytest.raises(CtapError) as refusal:
        after.call(0x10, b"\x04")
    assert refusal.value.code == CtapError.ERR.INVALID_COMMAND

    management.ManagementSession(after).write_device_config(management.DeviceConfig({USB: everything}))
    after.close()
    again = key.ctap_device()
    assert Ctap2(again).get_info().versions
    again.close()


def test_settings_outlive_power_snapshot_and_fido_reset(key: VirtualKey, device: CtapHidDevice) -> None:
    config = management.DeviceConfig(auto_eject_timeout=300, challenge_response_timeout=8)
    management.ManagementSession(device).write_device_config(config)
    serial = management.ManagementSession(device).read_device_info().serial
    key.power_cycle()
    key.engine.authenticator.factory_reset()
    for survivor in (key, VirtualKey.restore(key.snapshot())):
        again = survivor.ctap_device()
        info = management.ManagementSession(again).read_device_info()
        assert (info.config.auto_eject_timeout, info.config.challenge_response_timeout) == (300, 8)
        assert info.serial == serial
        again.close()


def test_a_locked_configuration(device: CtapHidDevice) -> None:
    session = management.ManagementSession(device)
    code, wrong = bytes(range(16)), bytes(range(1, 17))
    session.write_device_config(new_lock_code=code)
    assert session.read_device_info().is_locked
    config = management.DeviceConfig(challenge_response_timeout=8)
    for current in (None, wrong):
        with pytest.raises(CtapError):
            session.write_device_config(config, cur_lock_code=current)
    session.write_device_config(config, cur_lock_code=code)
    session.write_device_config(cur_lock_code=code, new_lock_code=bytes(16))
    info = session.read_device_info()
    assert not info.is_locked
    assert info.config.challenge_response_timeout == 8


def test_other_keys_know_nothing_of_it() -> None:
    device = VirtualKey("solo2", seed=1).ctap_device()
    with pytest.raises(CtapError) as refusal:
        device.call(0x42, b"\0")
    assert refusal.value.code == CtapError.ERR.INVALID_COMMAND
    device.close()
