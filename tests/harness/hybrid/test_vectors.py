"""A session of an iPhone and a desktop client, recomputed stage by stage from tests/vectors/hybrid_session.json."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from authenticator import cbor
from harness.hybrid import advert, domains, keys, noise, qr
from harness.hybrid.errors import HybridError
from harness.hybrid.frames import Frames

VECTOR = {
    name: bytes.fromhex(value)
    if set(value) <= set("0123456789abcdef") and not name.endswith("digits")
    else value
    for name, value in json.loads(
        (Path(__file__).parents[2] / "vectors" / "hybrid_session.json").read_text()
    ).items()
}


def private(number: bytes) -> ec.EllipticCurvePrivateKey:
    return ec.derive_private_key(int.from_bytes(number, "big"), ec.SECP256R1())


def test_the_qr_code() -> None:
    assert qr.to_digits(VECTOR["qr_cbor"]) == VECTOR["qr_digits"]
    code = qr.QrCode.decode("fido:/" + VECTOR["qr_digits"])
    assert code.secret == VECTOR["secret"]
    assert code.operation == "ga"
    assert code.data_channels[-1:] == (0,)
    assert keys.compressed(private(VECTOR["client_identity"]).public_key()) == code.public_key


def test_the_key_schedule_and_the_advert() -> None:
    eid = advert.trial_decrypt(VECTOR["advert"], keys.eid_key(VECTOR["secret"]))
    assert eid is not None
    assert eid.to_bytes() == VECTOR["eid"]
    assert eid.seal(keys.eid_key(VECTOR["secret"])) == VECTOR["advert"]
    assert keys.tunnel_id(VECTOR["secret"]) == VECTOR["tunnel_id"]
    assert keys.psk(VECTOR["secret"], VECTOR["eid"]) == VECTOR["psk"]


def test_the_handshake_and_the_first_frame() -> None:
    initiator = noise.Initiator(
        VECTOR["psk"],
        identity=private(VECTOR["client_identity"]),
        new_key=lambda: private(VECTOR["client_ephemeral"]),
    )
    assert initiator.first_message()[65:] == VECTOR["message_1_tag"]
    session = initiator.finish(VECTOR["message_2"])
    assert session.handshake_hash == VECTOR["handshake_hash"]
    assert session.initiator_to_responder == VECTOR["client_write_key"]
    assert session.responder_to_initiator == VECTOR["client_read_key"]
    message = cbor.decode(Frames.of_client(session).open(VECTOR["post_handshake_frame"]))
    assert "FIDO_2_0" in cbor.decode(message[1])[1]


@pytest.mark.parametrize(
    ("number", "domain"),
    [
        (0, "cable.ua5v.com"),
        (1, "cable.auth.com"),
        (256, "cable.qz2ekwmnd332c.info"),
        (266, "cable.wufkweyy3uaxb.com"),
        (0xF980, "cable.my4kstlhndi4c.net"),
    ],
)
def test_tunnel_domains(number: int, domain: str) -> None:
    assert domains.tunnel_domain(number) == domain


@pytest.mark.parametrize("number", [2, 255, -1, 0x10000])
def test_an_unassigned_domain_is_refused(number: int) -> None:
    with pytest.raises(HybridError, match=str(number)):
        domains.tunnel_domain(number)
