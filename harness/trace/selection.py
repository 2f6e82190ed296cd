"""Which command each record of a trace belongs to, so that a reader may look at some of them only."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ctaphid.packets import Command, InitPacket, parse
from harness.trace.events import PacketEvent, RequestEvent, ResponseEvent
from harness.trace.records import Record


def owners(records: Sequence[Record]) -> list[int | None]:
    """For each record, the place of the request it belongs to. A request's packets come before it."""
    owner: list[int | None] = [None] * len(records)
    current: dict[tuple[int | None, int], int] = {}
    arriving: dict[tuple[int | None, int], list[int]] = {}
    under_way: dict[int | None, int] = {}
    for place, record in enumerate(records):
        event = record.event
        if isinstance(event, PacketEvent):
            packet = parse(event.data)
            channel = record.key, packet.channel
            carries = isinstance(packet, InitPacket) and packet.command in (Command.CBOR, Command.MSG)
            if event.to_key and (carries or channel in arriving):
                arriving.setdefault(channel, []).append(place)
            else:
                owner[place] = current.get(channel)
        elif isinstance(event, RequestEvent):
            channel = record.key, event.channel
            for each in (*arriving.pop(channel, ()), place):
                owner[each] = place
            current[channel] = under_way[record.key] = place
        elif isinstance(event, ResponseEvent):
            owner[place] = current.get((record.key, event.channel))
            under_way.pop(record.key, None)
        else:
            owner[place] = under_way.get(record.key)
    return owner


def commands(records: Iterable[Record]) -> list[str]:
    """Their names, in the order in which they first come."""
    return list(
        dict.fromkeys(record.event.command for record in records if isinstance(record.event, RequestEvent))
    )


def of_commands(records: Sequence[Record], names: Iterable[str]) -> list[Record]:
    wanted = {name.casefold() for name in names}
    chosen = []
    for record, place in zip(records, owners(records), strict=True):
        request = records[place].event if place is not None else None
        if isinstance(request, RequestEvent) and request.command.casefold() in wanted:
            chosen.append(record)
    return chosen
