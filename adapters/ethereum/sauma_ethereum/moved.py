"""What the ledger's events say that moved, by account number; pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from .ledger import (
    BATCH_SETTLED,
    CLAIMED,
    CLAIMS_CLOSED,
    DEPOSITED,
    LOCKED_MOVED,
    SIGNED_SETTLED,
    WITHDRAWN,
    LedgerEvent,
)
from .operations import Asset, Kind, Movement, NetLine, movements_of, read, read_line

_FILL_BYTES: Final = 28
_NET_BYTES: Final = 20


def credited_by(event: LedgerEvent, reference: bytes) -> Iterator[NetLine]:
    """Yield whom the escrow gave something under a reference: nobody, where an event is another."""
    if event.signature == LOCKED_MOVED and event.indexed == reference:
        yield from _lines(event.fields[3], _NET_BYTES)


def movements_in(event: LedgerEvent) -> list[Movement]:
    """Return what an event of the contract says that moved, by account number."""
    return [each for each in _all_movements(event) if each.delta_units]


def _all_movements(event: LedgerEvent) -> Iterator[Movement]:
    fields = event.fields
    if event.signature == BATCH_SETTLED:
        yield from movements_of(read(fields[3]))
    elif event.signature == SIGNED_SETTLED:
        for line in (*_lines(fields[2], _FILL_BYTES), *_lines(fields[3], _NET_BYTES)):
            yield from _both(line.account, line.energy_wh, line.money_units)
    elif event.signature == DEPOSITED:
        yield from _both(event.account, 0, fields[0])
    elif event.signature == WITHDRAWN:
        yield from _both(event.account, 0, -fields[1])
    elif event.signature == CLAIMED:
        yield from _both(fields[1], fields[2], fields[3])
    elif event.signature == CLAIMS_CLOSED:
        yield from _both(fields[0], fields[1], fields[2])


def _lines(data: bytes, line_bytes: int) -> Iterator[NetLine]:
    """Yield the net lines that begin each of the fixed-width lines of an event."""
    for start in range(0, len(data), line_bytes):
        line = read_line(Kind.NET, data[start : start + _NET_BYTES])
        if isinstance(line, NetLine):
            yield line


def _both(account: int, energy_wh: int, money_units: int) -> tuple[Movement, Movement]:
    return (
        Movement(account=account, asset=Asset.ENERGY, delta_units=energy_wh),
        Movement(account=account, asset=Asset.MONEY, delta_units=money_units),
    )
