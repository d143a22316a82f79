"""Sessions that are paid: in batches, step by step in a dispute, and micro-sessions at red lights."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Final

import attrs

from contracts.local_allowances import Standing
from contracts.local_escrow import (
    CLAIM,
    CONTEST,
    DISPUTE,
    HOUR_S,
    RULE,
    SETTLE,
    Charging,
    Terms,
    authorise_line,
    close_line,
    digest,
)
from contracts.local_ledger import AREA, FOREVER, LocalLedger, key_of, sign
from gas_measured.row import Row

STATIONS: Final = 20
LIGHT_UNITS: Final = (20_000, 130_000)
"""What half a minute to a minute at a red light costs, in millionths."""
LIMIT_UNITS: Final = 10**6


def sessions(local: LocalLedger, count: int, *, goal: int | None = None) -> list[Row]:
    """Sessions of as many cars at one station: authorised and started, then closed by receipt."""
    here = Charging(local, cars=count)
    shared = here.terms()
    terms = [
        attrs.evolve(shared, payer=car, key=number.to_bytes(32, "big"))
        for number, car in enumerate(here.cars, 1 << 240)
    ]
    opened, closed = _open(here, shared, terms), _close(here, shared, terms)
    facts = {"trust": "session", "trades": count, "accounts": count + 2, "warm": True}
    return [
        Row(what="authorise and start, batched", gas=opened, **facts),
        Row(what="close by receipt, batched", gas=closed, **facts),
        Row(what="open + settle, together", gas=opened + closed, goal=goal, **facts),
    ]


def _open(here: Charging, shared: Terms, terms: Sequence[Terms]) -> int:
    until, now = here.now + HOUR_S, here.now
    lines, signatures = b"", b""
    for each in terms:
        lines += authorise_line(each, 500, until, 1_000, now)
        for key, message in (
            (here.key_of(each.payer), digest(each, "Authorisation", 500, until)),
            (here.meter_key, digest(each, "Reading", 0, 1_000, now, 0)),
        ):
            signatures += sign(key, message, compact=True)
    batch = (AREA, here.local.reference(), FOREVER, [shared.words], lines, signatures, True)
    return here.escrow.send("authoriseMany", *batch, sender=here.payee).gas


def _close(here: Charging, shared: Terms, terms: Sequence[Terms]) -> int:
    lines, signatures = b"", b""
    for each in terms:
        lines += close_line(each, 500, 4, 11_000, 260)
        message = digest(each, "Receipt", 4, 11_000, 260)
        signatures += sign(here.key_of(each.payer), message, compact=True)
    batch = (AREA, here.local.reference(), FOREVER, [shared.words], lines, signatures)
    return here.escrow.send("closeMany", *batch, sender=here.payee).gas


def contested(local: LocalLedger) -> list[Row]:
    """One session that its parties do not agree on, step by step."""
    here = Charging(local)
    settled, ruled = here.active(here.terms()), here.active(here.terms())
    paid = (0, 247, 13, 240)
    both = {"caller": here.payee}
    steps = [
        (
            "claim by the meter",
            here.step(CLAIM, settled, here.reading(settled, 5, 9_000), **both),
        ),
        ("contest", here.step(CONTEST, settled, here.reading(settled, 6, 11_000), **both)),
    ]
    here.local.pass_time(7 * HOUR_S)
    steps.append(("settle by anybody", here.step(SETTLE, settled, outcome=paid)))
    here.step(CLAIM, ruled, here.reading(ruled, 5, 11_000), **both)
    disputed = here.step_as_payer(DISPUTE, ruled, outcome=(5, 0, 0, 240))
    ruling = here.say(ruled, "Ruling", here.arbiter, 100)
    steps += [
        ("dispute", disputed),
        ("rule", here.step(RULE, ruled, ruling, outcome=(0, 95, 5, 165))),
    ]
    facts = {"trust": "session", "trades": 1, "accounts": 3, "warm": True}
    rows = [Row(what=what, gas=receipt.gas, **facts) for what, receipt in steps]
    whole = sum(row.gas for row in rows[:3])
    return [*rows, Row(what="claim, contest, settle: together", gas=whole, **facts)]


def micro(local: LocalLedger, cars: int, count: int, *, goal: int | None = None) -> list[Row]:
    """Red lights: so many micro-sessions of cars with a standing authorisation of one plan, in one call.

    The call is what the adapter sends: with the table of the addresses that it may pay behind it.
    """
    here = Charging(local, cars=cars, funds=10**9)
    stations = [
        key_of(number).public_key.to_checksum_address() for number in range(1, STATIONS + 1)
    ]
    local.register(*stations)
    standing = Standing(here, payees=stations)
    for number in standing.numbers.values():
        local.fund(number, money_units=1)
    allowed = (
        standing.allowance(car, cap_units=10**8, session_units_max=LIMIT_UNITS) for car in here.cars
    )
    opened = sum(standing.allow(each).gas for each in allowed)
    drawn = random.Random(20261122)  # noqa: S311 - what was charged, not keys
    gas = 0
    for _ in range(2):  # the second time nothing is written first
        charges = [
            (car, [drawn.randrange(*LIGHT_UNITS) for _ in range(count // cars)])
            for car in range(cars)
        ]
        total = sum(sum(units) for _, units in charges)
        share, accounts = total // (STATIONS + 1), list(standing.numbers.values())
        credited = [(account, share) for account in accounts[:-1]]
        credited.append((accounts[-1], total - share * STATIONS))
        sent = standing.charge(charges, credited, limit=LIMIT_UNITS, behind=standing.table)
        gas = sent.gas
    facts = {"trust": "allowance", "accounts": cars + STATIONS + 1}
    return [
        Row(what="allow, once", trades=cars, gas=opened, warm=False, **facts),
        Row(
            what=f"micro-sessions of {cars} cars, charged",
            trades=count,
            gas=gas,
            warm=True,
            goal=goal,
            **facts,
        ),
    ]
