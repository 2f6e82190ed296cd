"""Every refusal, by QR code (Noise KN) and to a linked phone (Noise NK): what client and phone say of it, each."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from dataclasses import dataclass, replace

import pytest

from authenticator.environment import HandTurnedClock
from harness import Account, deny, ignore
from harness.hybrid.errors import HybridError
from harness.hybrid.initiator import Bluetooth, Initiator
from harness.hybrid.messages import LinkingInfo
from harness.hybrid.phone import QR_LIFETIME, Phone, Stage
from harness.hybrid.qr import QrCode
from harness.hybrid.radio import Air
from harness.hybrid.tunnel import LinkForgotten
from tests.harness.hybrid.scenery import GET, Scenery, play

NOBODY_NEAR = "no phone nearby answered the QR code"
NO_ANSWER = "the linked phone was called, and does not answer"
SILENCE = "nothing came through the tunnel"


def computer_without(bluetooth: Bluetooth) -> Callable[[Scenery], None]:
    def arrange(at: Scenery) -> None:
        at.client.bluetooth = bluetooth

    return arrange


def phone_without_bluetooth(at: Scenery) -> None:
    at.phone.bluetooth = False


def phone_elsewhere(at: Scenery) -> None:
    at.phone.radio = Air()


def phone_locked(at: Scenery) -> None:
    at.phone.lock()


def no_screen_lock(at: Scenery) -> None:
    at.device().screen_lock = False


def person_declines(at: Scenery) -> None:
    at.phone.key.person.will(deny())


def wrong_account(at: Scenery) -> None:
    at.phone.key = Account("google-password-manager").sign_in("somebody else's")


def person_away(at: Scenery) -> None:
    at.phone.key.person.will(ignore())


def break_tunnel(at: Scenery) -> None:
    at.phone.break_tunnel()


def switch_phone_off(at: Scenery) -> None:
    at.phone.key.unplug()


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    arrange: Callable[[Scenery], None]
    qr: tuple[str, str]
    """What the client says, and what the phone says."""
    link: tuple[str, str]
    silent: float | None = None
    """Nothing comes: seconds that each side waits."""
    while_asked: Callable[[Scenery], None] | None = None


REFUSALS = {
    "the computer's Bluetooth is off": Refusal(
        arrange=computer_without(Bluetooth.OFF),
        qr=("Bluetooth is off: switch it on", ""),
        link=("Bluetooth is off: switch it on", ""),
    ),
    "the computer has no adapter": Refusal(
        arrange=computer_without(Bluetooth.ABSENT),
        qr=("no Bluetooth adapter: use a security key", ""),
        link=("no Bluetooth adapter: use a security key", ""),
    ),
    "the phone's Bluetooth is off": Refusal(
        arrange=phone_without_bluetooth,
        qr=(NOBODY_NEAR, "Bluetooth is off: it cannot prove that it is near"),
        link=(NO_ANSWER, "Bluetooth is off: it cannot prove that it is near"),
        silent=0.3,
    ),
    "the phone is elsewhere": Refusal(
        arrange=phone_elsewhere,
        qr=(NOBODY_NEAR, SILENCE),
        link=("the linked phone was called, and is not nearby", SILENCE),
        silent=1.0,
    ),
    "the phone is locked": Refusal(
        arrange=phone_locked,
        qr=(NOBODY_NEAR, "the phone is locked, and nobody unlocks it"),
        link=(NO_ANSWER, "the phone is locked, and nobody unlocks it"),
        silent=0.3,
    ),
    "the phone has no screen lock": Refusal(
        arrange=no_screen_lock, qr=("status 27", "status 27"), link=("status 27", "status 27")
    ),
    "the person declines": Refusal(
        arrange=person_declines, qr=("status 27", "status 27"), link=("status 27", "status 27")
    ),
    "it is a wrong phone": Refusal(
        arrange=wrong_account, qr=("status 2E", "status 2E"), link=("status 2E", "status 2E")
    ),
    "the tunnel breaks": Refusal(
        arrange=person_away,
        while_asked=break_tunnel,
        qr=("the tunnel is closed", "the tunnel is closed"),
        link=("the tunnel is closed", "the tunnel is closed"),
    ),
    "the phone is switched off": Refusal(
        arrange=person_away,
        while_asked=switch_phone_off,
        qr=("the tunnel is closed", "the phone was switched off"),
        link=("the tunnel is closed", "the phone was switched off"),
    ),
}


async def ask(at: Scenery, refusal: Refusal, code: QrCode | None, link: LinkingInfo) -> str:
    """What the client is told."""
    try:
        opened = at.client.session(code) if code is not None else at.client.call_phone(link)
        async with opened as session:
            asking = asyncio.create_task(session.call(GET))
            if refusal.while_asked is not None:
                await at.until(Stage.REQUEST)
                refusal.while_asked(at)
            response = await asking
            await session.shut_down()
            return f"status {response[0]:02X}"
    except HybridError as error:
        return str(error)


def said(at: Scenery, raised: str) -> str:
    """What the phone said last, of itself or as an answer."""
    told = [each.detail for each in at.phone.events if each.stage in (Stage.RESPONSE, Stage.BROKEN)]
    return raised or (told[-1] if told else "")


@pytest.mark.heavy
@pytest.mark.parametrize("name", REFUSALS)
@pytest.mark.parametrize("flow", ["qr", "link"])
def test_both_sides_say_why(flow: str, name: str) -> None:
    refusal = REFUSALS[name]
    client_says, phone_says = refusal.qr if flow == "qr" else refusal.link

    async def scene(at: Scenery) -> None:
        link = await at.link()
        at.phone.events.clear()
        if refusal.silent is not None:
            at.client = Initiator(adverts=at.air.listen, tunnels=at.phone.tunnels, hear_within=refusal.silent)
        join_within = refusal.silent or 30.0
        refusal.arrange(at)
        heard = ""
        if at.client.bluetooth is not Bluetooth.ON:
            if flow == "link":
                assert client_says in await ask(at, refusal, None, link)
            else:
                with pytest.raises(HybridError, match=client_says):
                    at.client.qr_code()
            return
        code = at.client.qr_code() if flow == "qr" else None
        if code is not None:
            phone = asyncio.create_task(at.phone.scan(code.encode(), join_within=join_within))
        else:
            phone = asyncio.create_task(at.phone.listen(join_within=join_within))
            await at.until_it_listens()
        told = await ask(at, refusal, code, link)
        if code is None:
            while not said(at, ""):
                await asyncio.sleep(0.01)
            phone.cancel()
        (ended,) = await asyncio.gather(phone, return_exceptions=True)
        if isinstance(ended, HybridError):
            heard = str(ended)
        assert client_says in told
        assert phone_says in said(at, heard)

    play(scene)


@pytest.mark.parametrize("flow", ["qr", "link"])
def test_bluetooth_off_then_on(flow: str) -> None:
    async def start(at: Scenery, link: LinkingInfo) -> None:
        if flow == "qr":
            at.client.qr_code()
        else:
            async with at.client.call_phone(link):
                pass

    async def scene(at: Scenery) -> None:
        link = await at.link()
        at.client.bluetooth = Bluetooth.OFF
        with pytest.raises(HybridError, match="Bluetooth is off: switch it on"):
            await start(at, link)
        at.client.bluetooth = Bluetooth.ON
        if flow == "qr":
            code = at.client.qr_code()
            phone = asyncio.create_task(at.phone.scan(code.encode()))
            opened = at.client.session(code)
        else:
            phone = asyncio.create_task(at.phone.listen())
            await at.until_it_listens()
            opened = at.client.call_phone(link)
        async with opened as session:
            assert (await session.call(GET))[0] == 0
            await session.shut_down()
        phone.cancel()
        await asyncio.gather(phone, return_exceptions=True)

    play(scene)


@pytest.mark.parametrize(
    ("seconds", "told"), [(QR_LIFETIME + 2, "has expired"), (-QR_LIFETIME - 2, "from the future")]
)
def test_an_old_or_early_qr_code(seconds: float, told: str) -> None:
    clock = HandTurnedClock()

    async def scene(at: Scenery) -> None:
        made = Initiator(adverts=at.air.listen, tunnels=at.phone.tunnels, clock=clock, hear_within=0.2)
        code = made.qr_code()
        clock.advance(seconds)
        with pytest.raises(HybridError, match=told):
            await at.phone.scan(code.encode())
        with pytest.raises(HybridError, match=NOBODY_NEAR):
            async with made.session(code):
                pass
        assert len(at.server) == 0

    play(scene, clock=clock)


def test_a_qr_code_that_is_nearly_old_is_taken() -> None:
    clock = HandTurnedClock()

    async def scene(at: Scenery) -> None:
        code = Initiator(adverts=at.air.listen, tunnels=at.phone.tunnels, clock=clock).qr_code()
        clock.advance(QR_LIFETIME - 1)
        with pytest.raises(HybridError, match=SILENCE):
            await at.phone.scan(code.encode(), join_within=0.05)

    play(scene, clock=clock)


def test_two_phones_scan_one_code() -> None:
    """The second one is told that the tunnel is open; the first one is asked."""

    async def scene(at: Scenery) -> None:
        other = Phone(at.phone.key, radio=at.air, tunnels=at.phone.tunnels, name="another")
        code = at.client.qr_code()
        first = asyncio.create_task(at.phone.scan(code.encode()))
        await at.until(Stage.ON_AIR)
        with pytest.raises(HybridError, match="409: this tunnel is open already"):
            await other.scan(code.encode())
        async with at.client.session(code) as session:
            assert (await session.call(GET))[0] == 0x2E
            await session.shut_down()
        await first

    play(scene)


def test_of_two_linked_phones_the_one_that_is_called_answers() -> None:
    async def scene(at: Scenery) -> None:
        link = await at.link()
        key = Account("icloud-keychain").sign_in("another")
        other = Phone(key, radio=at.air, tunnels=at.phone.tunnels, name="another", links=True)
        listening = [asyncio.create_task(each.listen()) for each in (at.phone, other)]
        await at.until_it_listens()
        async with at.client.call_phone(link) as session:
            assert (await session.call(GET))[0] == 0
            await session.shut_down()
        assert not other.events
        for each in listening:
            each.cancel()

    play(scene)


def test_another_phone_cannot_answer_a_call() -> None:
    """Whoever stole the link's secret but not the phone's identity fails in the handshake."""

    async def scene(at: Scenery) -> None:
        link = await at.link()
        forged = replace(link, phone_identity=await identity_of_another(at))
        listening = asyncio.create_task(at.phone.listen())
        await at.until_it_listens()
        with pytest.raises(HybridError, match="the tunnel is closed"):
            async with at.client.call_phone(forged):
                pass
        await at.until(Stage.BROKEN)
        assert "other keys" in at.phone.events[-1].detail
        listening.cancel()

    async def identity_of_another(at: Scenery) -> bytes:
        other = Scenery(
            server=at.server,
            air=at.air,
            phone=Phone(at.phone.key, radio=at.air, tunnels=at.phone.tunnels, links=True),
            client=Initiator(adverts=at.air.listen, tunnels=at.phone.tunnels),
        )
        return (await other.link()).phone_identity

    play(scene)


def test_a_locked_phone_goes_on_once_it_is_unlocked() -> None:
    async def scene(at: Scenery) -> None:
        assert at.phone.is_locked
        code = at.client.qr_code()
        scanning = asyncio.create_task(at.phone.scan(code.encode()))
        await asyncio.sleep(0)
        assert [each.stage for each in at.phone.events] == [Stage.LOCKED]
        at.phone.unlock()
        async with at.client.session(code) as session:
            assert (await session.call(GET))[0] == 0x2E
            await session.shut_down()
        await scanning
        assert [each.stage for each in at.phone.events][:3] == [Stage.LOCKED, Stage.UNLOCKED, Stage.SCANNED]

    play(scene, locked=True)


def test_a_phone_that_unlinked_is_forgotten_by_its_clients() -> None:
    async def scene(at: Scenery) -> None:
        link = await at.link()
        assert at.client.phones == {link.contact_id: link}
        await at.phone.unlink()
        assert not at.phone.links
        with pytest.raises(LinkForgotten, match="no longer linked"):
            async with at.client.call_phone(link):
                pass
        assert not at.client.phones
        # Whoever is linked now is told of another contact
        assert (await at.link()).contact_id != link.contact_id

    play(scene)


def test_a_phone_that_forgot_one_client_answers_its_call_with_silence() -> None:
    async def scene(at: Scenery) -> None:
        link = await at.link()
        listening = asyncio.create_task(at.phone.listen())
        await at.until_it_listens()
        assert at.phone.link_store.remove(link.link_id)
        at.client = Initiator(adverts=at.air.listen, tunnels=at.phone.tunnels, hear_within=0.3)
        with pytest.raises(HybridError, match=re.escape(NO_ANSWER)):
            async with at.client.call_phone(link):
                pass
        assert "not linked to this phone" in at.phone.events[-1].detail
        listening.cancel()

    play(scene)
