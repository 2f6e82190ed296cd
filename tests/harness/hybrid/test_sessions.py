"""Both roles, through a real tunnel server with TLS and a radio in memory: what goes through, and what is refused."""

from __future__ import annotations

import asyncio
from random import Random
from typing import Any

import pytest
from fido2.ctap2 import AssertionResponse, AttestationResponse
from fido2.webauthn import AuthenticatorData

from authenticator import cbor
from authenticator.environment import HandTurnedClock
from harness import VirtualKey, ignore
from harness.hybrid import keys
from harness.hybrid.errors import HybridError
from harness.hybrid.initiator import Initiator
from harness.hybrid.phone import Phone, Stage
from tests.harness.hybrid.scenery import CREATE, GET, Scenery, play

PHONES = ["icloud-keychain", "google-password-manager", "android-device-bound"]


@pytest.mark.parametrize("profile", PHONES)
def test_registration_and_login_by_qr_code(profile: str) -> None:
    async def scene(at: Scenery) -> None:
        for request in (CREATE, GET):
            code = at.client.qr_code("mc" if request is CREATE else "ga")
            scanning = asyncio.create_task(at.phone.scan(code.encode()))
            async with at.client.session(code) as session:
                info = cbor.decode(session.greeting.get_info)
                assert "FIDO_2_0" in info[1]
                assert "plat" not in info[4], "a phone over there is no part of the client"
                response = await session.call(request)
                assert response[0] == 0
                await session.shut_down()
            await scanning
            if request is CREATE:
                attestation = AttestationResponse.from_dict(cbor.decode(response[1:], max_depth=8))
                assert attestation.auth_data.is_user_verified()
                key = attestation.auth_data.credential_data.public_key
            else:
                assertion = AssertionResponse.from_dict(cbor.decode(response[1:]))
                assert isinstance(assertion.auth_data, AuthenticatorData)
                assertion.verify(bytes(32), key)
        stages = [event.stage for event in at.phone.events]
        assert stages.count(Stage.SHUT_DOWN) == 2
        assert stages.index(Stage.ON_AIR) < stages.index(Stage.JOINED) < stages.index(Stage.SECURE)

    play(scene, profile=profile)


SALTS = {"first": bytes(range(32)), "second": bytes(32)}


def with_prf(request: bytes, inputs: dict[str, object]) -> bytes:
    """A request that carries prf in plain, its inputs hashed by the client already."""
    extensions = 6 if request[0] == 1 else 4
    return request[:1] + cbor.encode({**cbor.decode(request[1:]), extensions: {"prf": inputs}})


async def ask(at: Scenery, *requests: bytes) -> list[dict[int, Any]]:
    """Each in a session of its own, as browsers do; what came back in plain."""
    answers = []
    for request in requests:
        code = at.client.qr_code()
        scanning = asyncio.create_task(at.phone.scan(code.encode()))
        async with at.client.session(code) as session:
            response = await session.call(request)
            assert response[0] == 0
            answers.append(cbor.decode(response[1:], max_depth=8))
            await session.shut_down()
        await scanning
    return answers


@pytest.mark.parametrize("profile", ["icloud-keychain", "google-password-manager"])
def test_prf_in_its_hybrid_form(profile: str) -> None:
    """Unsigned outputs: 6 of a registration, 8 of a log-in. The same secrets for the same inputs, whenever."""

    async def scene(at: Scenery) -> None:
        made, plain, both = await ask(
            at,
            with_prf(CREATE, {"eval": SALTS}),
            GET,
            with_prf(GET, {"eval": SALTS}),
        )
        credential = AuthenticatorData(made[2]).credential_data
        assert credential is not None
        own = {"eval": SALTS, "evalByCredential": {credential.credential_id: {"first": SALTS["second"]}}}
        (by_credential,) = await ask(at, with_prf(GET, own))
        results = made[6]["prf"]["results"]
        assert made[6]["prf"]["enabled"] is True
        assert {name: len(secret) for name, secret in results.items()} == {"first": 32, "second": 32}
        assert results["first"] != results["second"]
        assert 8 not in plain
        assert both[8]["prf"]["results"] == results
        assert by_credential[8]["prf"]["results"] == {"first": results["second"]}

    play(scene, profile=profile)


def test_a_device_bound_phone_has_no_prf() -> None:
    async def scene(at: Scenery) -> None:
        (made,) = await ask(at, with_prf(CREATE, {"eval": SALTS}))
        assert 6 not in made

    play(scene, profile="android-device-bound")


def test_the_same_randomness_gives_the_same_session() -> None:
    """What is said on air and in the handshake comes from the seed, and nothing else."""
    heard: list[tuple[str, bytes]] = []

    async def scene(at: Scenery) -> None:
        at.client = Initiator(
            adverts=at.air.listen,
            tunnels=at.phone.tunnels,
            random=Random("client").randbytes,
            clock=HandTurnedClock(),
        )
        code = at.client.qr_code()
        scanning = asyncio.create_task(at.phone.scan(code.encode()))
        async with at.client.session(code) as session:
            heard.append((code.encode(), keys.uncompressed(at.phone.identity.public_key())))
            await session.shut_down()
        await scanning

    for _ in range(2):
        play(scene, random=Random("phone").randbytes, clock=HandTurnedClock())
    assert heard[0] == heard[1]


def test_a_linked_phone_is_called_without_a_qr_code() -> None:
    async def scene(at: Scenery) -> None:
        code = at.client.qr_code()
        scanning = asyncio.create_task(at.phone.scan(code.encode()))
        async with at.client.session(code) as session:
            assert (await session.call(CREATE))[0] == 0
            link = await session.await_linking() if session.linking is None else session.linking
            await session.shut_down()
        await scanning
        listening = asyncio.create_task(at.phone.listen())
        while not at.server.hears(at.phone.contact):
            await asyncio.sleep(0.01)
        async with at.client.call_phone(link) as session:
            assert (await session.call(GET))[0] == 0
            await session.shut_down()
        # A link that the phone does not know any more gets nowhere
        at.phone.links.clear()
        with pytest.raises(HybridError, match="does not answer"):
            async with Initiator(adverts=at.air.listen, tunnels=at.phone.tunnels, hear_within=0.3).call_phone(
                link
            ):
                pass
        assert "not linked" in at.phone.events[-1].detail
        listening.cancel()

    play(scene)


def test_of_two_phones_in_range_the_one_that_scanned_answers() -> None:
    async def scene(at: Scenery) -> None:
        other_client = Initiator(adverts=at.air.listen, tunnels=at.phone.tunnels)
        other_phone = Phone(VirtualKey("icloud-keychain"), radio=at.air, tunnels=at.phone.tunnels)
        code, other_code = at.client.qr_code(), other_client.qr_code()
        tasks = [
            asyncio.create_task(at.phone.scan(code.encode())),
            asyncio.create_task(other_phone.scan(other_code.encode())),
        ]
        async with at.client.session(code) as session, other_client.session(other_code) as other:
            assert (await session.call(CREATE))[0] == 0
            assert (await other.call(GET))[0] == 0x2E
            await session.shut_down()
            await other.shut_down()
        await asyncio.gather(*tasks)
        assert len(at.phone.key.credentials) == 1
        assert not other_phone.key.credentials

    play(scene)


def test_the_client_hangs_up_while_the_person_is_asked() -> None:
    async def scene(at: Scenery) -> None:
        at.phone.key.person.will(ignore())
        code = at.client.qr_code()
        scanning = asyncio.create_task(at.phone.scan(code.encode()))
        async with at.client.session(code) as session:
            waiting = asyncio.create_task(session.call(CREATE))
            while Stage.REQUEST not in [event.stage for event in at.phone.events]:
                await asyncio.sleep(0.01)
            await session.shut_down()
            with pytest.raises(HybridError):
                await waiting
        await scanning
        assert not at.phone.key.credentials
        # The phone is free again at once
        code = at.client.qr_code()
        scanning = asyncio.create_task(at.phone.scan(code.encode()))
        async with at.client.session(code) as session:
            assert (await session.call(CREATE))[0] == 0
            await session.shut_down()
        await scanning

    play(scene)


def test_digital_credentials_pass_through() -> None:
    async def scene(at: Scenery) -> None:
        async def wallet(request: bytes) -> bytes:
            return b'{"answer":' + request + b"}"

        phone = Phone(at.phone.key, radio=at.air, tunnels=at.phone.tunnels, on_json=wallet)
        code = at.client.qr_code("dcp")
        scanning = asyncio.create_task(phone.scan(code.encode()))
        async with at.client.session(code) as session:
            assert session.greeting.features == ("ctap", "dc")
            assert await session.call_json(b'{"q":1}') == b'{"answer":{"q":1}}'
            await session.shut_down()
        await scanning

    play(scene)
