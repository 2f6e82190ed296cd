"""Fixtures for tests of the key alone."""

from __future__ import annotations

import pytest
from bench import MakeBench, make_bench
from fido2.ctap2.pin import PinProtocol, PinProtocolV1, PinProtocolV2


@pytest.fixture
def authenticator() -> MakeBench:
    """A factory of keys: of the reference profile, or another, with overrides."""
    return make_bench


@pytest.fixture(params=[PinProtocolV1, PinProtocolV2], ids=["protocol 1", "protocol 2"])
def pin_protocol(request: pytest.FixtureRequest) -> PinProtocol:
    protocol: PinProtocol = request.param()
    return protocol
