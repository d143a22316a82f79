"""Charts as numbers: what a template needs to draw a day in SVG, without a script and without a server."""

from __future__ import annotations

from typing import Final

import attrs

from sauma.intervals import find_zone, from_unix
from sauma_portal.household import Today
from sauma_portal.market.spans import day_span

WIDTH: Final = 960
HALF: Final = 110
"""Pixels for what goes out, above the line, and for what comes in, below it."""


@attrs.frozen(kw_only=True)
class Bar:
    """One interval: `traded` is the part that neighbours exchanged."""

    x: float
    width: float
    out: float
    out_traded: float
    into: float
    into_traded: float


@attrs.frozen(kw_only=True)
class DayChart:
    """A day: bars, hour marks, and the energy that the full height stands for."""

    bars: tuple[Bar, ...]
    hours: tuple[tuple[float, str], ...]
    full_wh: int
    width: int = WIDTH
    half: int = HALF


def day_chart(today: Today, zone: str) -> DayChart:
    """Return the chart of a day."""
    span = day_span(today.day, zone)
    length = span.end - span.start
    slots = today.figures.slots
    full = max([250, *(max(slot.imported_wh, slot.exported_wh) for slot in slots)])
    full = -(-full // 250) * 250
    step = WIDTH * today.interval_minutes * 60 / length

    def high(energy_wh: int) -> float:
        return round(energy_wh * HALF / full, 1)

    bars = tuple(
        Bar(
            x=round((slot.start - span.start) * WIDTH / length, 1),
            width=round(step * 0.8, 2),
            out=high(slot.exported_wh),
            out_traded=high(min(slot.sold_wh, slot.exported_wh)),
            into=high(slot.imported_wh),
            into_traded=high(min(slot.bought_wh, slot.imported_wh)),
        )
        for slot in slots
    )
    marks = range(span.start, span.end, 3 * 3600)
    hours = tuple(
        (
            round((mark - span.start) * WIDTH / length, 1),
            f"{from_unix(mark).astimezone(find_zone(zone)):%H}",
        )
        for mark in marks
    )
    return DayChart(bars=bars, hours=hours, full_wh=full)
