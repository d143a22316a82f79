"""Corrections: what a reading changes that comes after its interval was settled.  Pure.

::

    late reading ─▶ position, new and old ─▶ what is left to the supplier, new and old ─▶ the difference,
    owed at the supplier's prices of that interval ─▶ an adjusting bill

Trades stand as they are, so a correction is between the participant whose reading changed and the
supplier of last resort, and nobody else's money or energy moves.  The supplier's energy moves on no
chain when an interval is settled, and so it does not when one is corrected.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Sequence

import attrs

from sauma.billing import BillLine, bill_id, bill_lines, check_bill_lines
from sauma.errors import Disagreement
from sauma.identifiers import content_id
from sauma.offers import Quality
from sauma.rulebook import Supplier
from sauma.settlement import Obligation, Residual, left_to_supplier
from sauma.units import round_to_cents


class ReadingOutcome(enum.IntEnum):
    """What became of a reading that came late."""

    COUNTED = 1
    """It counts now: the interval was corrected by it."""
    OVERTAKEN = 2
    """A higher version of the same reading counts already."""
    BEYOND_WINDOW = 3
    """It came after the rulebook's correction window: it is kept on record and changes nothing."""


@attrs.frozen(kw_only=True)
class Metered:
    """What one version of a reading says, in Wh."""

    reading_id: bytes
    imported_wh: int
    exported_wh: int
    quality: Quality


@attrs.frozen(kw_only=True)
class CorrectedReading:
    """A late reading with what counted before it; `old` is None where nothing did."""

    participant: str
    interval_start: int
    outcome: ReadingOutcome
    new: Metered
    old: Metered | None


@attrs.frozen(kw_only=True)
class Standing:
    """A participant's energy in an interval: metered, used by itself, and traded with neighbours."""

    imported_wh: int
    exported_wh: int
    own_use_wh: int
    traded_in_wh: int
    traded_out_wh: int

    @property
    def left_wh(self) -> tuple[int, int]:
        """What is bought from the supplier and sold to it."""
        return left_to_supplier(
            self.imported_wh - self.own_use_wh - self.traded_in_wh,
            self.exported_wh - self.own_use_wh - self.traded_out_wh,
        )


@attrs.frozen(kw_only=True)
class CorrectedPosition:
    """What a participant's energy in an interval is now, and what it was before a correction."""

    participant: str
    interval_start: int
    new: Standing
    old: Standing

    @property
    def difference(self) -> Residual:
        """What more, or less where below zero, is bought from the supplier and sold to it.

        Raises `Disagreement` unless it is just what the meters say more: energy in less energy out.
        """
        (bought_wh, sold_wh), (old_bought_wh, old_sold_wh) = self.new.left_wh, self.old.left_wh
        found = Residual(
            participant=self.participant,
            bought_wh=bought_wh - old_bought_wh,
            sold_wh=sold_wh - old_sold_wh,
        )
        metered_wh = (self.new.imported_wh - self.new.exported_wh) - (
            self.old.imported_wh - self.old.exported_wh
        )
        if metered_wh != found.bought_wh - found.sold_wh:
            raise Disagreement(
                f"the meters of {self.participant} say {metered_wh} Wh more, a correction would settle "
                f"{found.bought_wh - found.sold_wh} with the supplier"
            )
        return found


@attrs.frozen(kw_only=True)
class AdjustingBill:
    """One participant's bill for the difference that a correction of a settlement makes.

    `old_nano` is what was owed for the settlement, earlier corrections included.
    `owed_cents * 10**7 + carry_nano == owed_nano + carried_nano`; what is carried comes from the
    adjusting bill before it.
    """

    correction_id: bytes
    participant: str
    adjusted_bill_id: bytes | None
    """The bill that is adjusted; None where the participant had none for the settlement."""
    lines: tuple[BillLine, ...]
    """Differences: energy and amount are below zero where less is bought or sold than was billed."""
    old_nano: int
    owed_nano: int
    carried_nano: int
    owed_cents: int
    carry_nano: int

    @property
    def bill_id(self) -> bytes:
        """The id: the hash of correction and participant."""
        return bill_id(self.correction_id, self.participant)

    @property
    def new_nano(self) -> int:
        """What is owed for the settlement with this correction."""
        return self.old_nano + self.owed_nano


def correction_id(settlement_id: bytes, number: int) -> bytes:
    """Return the id of the correction of a settlement that is its first, second and so on."""
    return content_id("correction", settlement_id, number)


def correction_cause(correction: bytes, interval_start: int) -> bytes:
    """Return what the obligations of a corrected interval name as their cause."""
    return content_id("corrected interval", correction, interval_start)


def adjusting_lines(
    differences: Iterable[tuple[Residual, Supplier]], obligations: Sequence[Obligation]
) -> dict[str, tuple[BillLine, ...]]:
    """Return the lines of everybody's adjusting bill; what cancels out has no line.

    Raises `Disagreement` unless they say what the obligations say, to the nano-unit.
    """
    given = list(differences)
    lines = {
        participant: tuple(line for line in own if line.energy_wh or line.amount_nano)
        for participant, own in bill_lines((), given, ()).items()
    }
    check_bill_lines(lines, obligations, {supplier.name for _, supplier in given})
    return lines


def make_adjusting_bill(
    *,
    correction: bytes,
    participant: str,
    adjusted_bill_id: bytes | None,
    lines: Sequence[BillLine],
    old_nano: int,
    carried_nano: int,
) -> AdjustingBill:
    """Return the adjusting bill of these lines, rounded to cents once."""
    owed_nano = sum(line.amount_nano for line in lines)
    rounded = round_to_cents(owed_nano, carried_nano)
    return AdjustingBill(
        correction_id=correction,
        participant=participant,
        adjusted_bill_id=adjusted_bill_id,
        lines=tuple(lines),
        old_nano=old_nano,
        owed_nano=owed_nano,
        carried_nano=carried_nano,
        owed_cents=rounded.cents,
        carry_nano=rounded.carry_nano,
    )
