"""Checking the corrections on a bill: each is computed again from readings, trades and rules."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa

from sauma.billing import bill_id
from sauma.engine import Engine
from sauma.errors import SaumaError
from sauma.steps import lines_again
from sauma.store import projections as p
from sauma_portal.market.bills import BillDocument
from sauma_portal.market.corrections import Adjustment, read_adjustments
from sauma_portal.market.verdicts import Step
from sauma_portal.messages import N_, say


def check_corrections(engine: Engine, bill: BillDocument) -> Step:
    """Compare each correction with what old and new readings give, and with the bill that it adjusts."""
    title = say(N_("Every correction can be computed again"))
    with engine.store.reading() as connection:
        every = read_adjustments(connection, bill.participant, bill.area, engine.rulebook.zone)
        wrong = sum(not _is_right(connection, bill, each, every) for each in bill.adjusted)
    if wrong:
        return Step(
            title=title,
            finding=say(
                N_("%(wrong)s corrections are not what the readings give. Please tell us at once."),
                wrong=wrong,
            ),
            ok=False,
        )
    return Step(
        title=title,
        finding=say(
            N_(
                "From the old and new readings and the rules of that day come the same %(count)s "
                "corrections."
            ),
            count=len(bill.adjusted),
        ),
        ok=True,
    )


def _is_right(
    connection: sa.Connection, bill: BillDocument, one: Adjustment, every: Sequence[Adjustment]
) -> bool:
    try:
        again = lines_again(connection, one.bill.correction_id).get(bill.participant, ())
    except SaumaError:
        return False
    first = connection.execute(
        sa.select(p.bills.c.bill_id, p.bills.c.owed_nano).where(
            p.bills.c.settlement_id == one.settlement_id,
            p.bills.c.participant == bill.participant,
            p.bills.c.version == 1,
        )
    ).first()
    earlier_nano = sum(
        each.bill.owed_nano
        for each in every
        if each.settlement_id == one.settlement_id and each.sequence < one.sequence
    )
    adjusted = None if first is None else bill_id(one.settlement_id, bill.participant)
    billed_nano = 0 if first is None else first.owed_nano
    return (
        again == one.lines
        and one.bill.adjusted_bill_id == adjusted
        and one.bill.old_nano == billed_nano + earlier_nano
    )
