"""What an entry of each kind may hold: its tables by name, their schemas, and what its header says.

Fixed by name, because a journal carries its own schemas: whoever rewrites one could call a derived
table an input, so that nobody computes it again, or hide rows in a table that nobody reads.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

import attrs

from sauma.journal import SealedEntry
from sauma.journal import schemas as journal
from sauma.replay.report import Finding, found_in
from sauma.rulebook import Rulebook


@attrs.frozen(kw_only=True)
class Shape:
    """What an entry of a kind has."""

    required: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()
    one_row: tuple[str, ...] = ()
    """Tables of exactly one row."""
    filled: tuple[str, ...] = ()
    """Tables of at least one row."""
    is_placed: bool = False
    """Whether the header names an area and an interval."""
    names_rulebook: bool = True
    """Whether the header names the rulebook in force; what only follows a chain names none."""


SHAPES: Final[Mapping[str, Shape]] = {
    "chain_configured": Shape(required=("chains",), one_row=("chains",)),
    "rulebook_published": Shape(required=("rulebooks",), one_row=("rulebooks",)),
    "participants_registered": Shape(
        optional=("bindings", "participants"), filled=("bindings", "participants")
    ),
    "metering_points_registered": Shape(required=("metering_points",), filled=("metering_points",)),
    "prices_set": Shape(required=("prices",), filled=("prices",)),
    "readings_accepted": Shape(required=("readings",), filled=("readings",)),
    "readings_came_late": Shape(required=("late_readings",), filled=("late_readings",)),
    "offers_posted": Shape(required=("posted_offers",), filled=("posted_offers",), is_placed=True),
    "interval_cleared": Shape(
        required=("obligations", "positions", "residuals", "trades"), is_placed=True
    ),
    "settlement_planned": Shape(
        required=(
            "chain_terms",
            "fee_quotes",
            "instruction_legs",
            "instruction_parents",
            "instructions",
            "settlements",
        ),
        one_row=("chain_terms", "settlements"),
        is_placed=True,
    ),
    "bills_issued": Shape(required=("bill_lines", "bills"), filled=("bills",), is_placed=True),
    "settlement_corrected": Shape(
        required=(
            "adjusting_bills",
            "adjusting_lines",
            "adjusting_obligations",
            "corrected_positions",
            "corrected_readings",
            "corrections",
        ),
        one_row=("corrections",),
        filled=("corrected_readings",),
        is_placed=True,
    ),
    "anchor_planned": Shape(
        required=("anchor_keys", "anchored_bills", "anchors"),
        one_row=("anchor_keys", "anchors"),
        filled=("anchored_bills",),
    ),
    "session_step_taken": Shape(
        required=("session_batches", "session_effects", "session_steps"),
        one_row=("session_steps",),
        filled=("session_batches",),
    ),
    "standing_steps_taken": Shape(
        required=("session_batches", "session_effects", "standing_steps"),
        filled=("session_batches", "standing_steps"),
    ),
    "transactions_signed": Shape(
        required=("transaction_batches", "transaction_effects", "transactions"),
        filled=("transaction_batches", "transactions"),
        names_rulebook=False,
    ),
    "chain_observed": Shape(
        required=("chain_effects", "chain_events", "observations"),
        one_row=("observations",),
        names_rulebook=False,
    ),
    "transactions_buried": Shape(required=("burials",), filled=("burials",), names_rulebook=False),
    "work_suspended": Shape(
        required=("suspensions",), filled=("suspensions",), names_rulebook=False
    ),
    "work_resumed": Shape(
        required=("resumptions",),
        filled=("resumptions",),
        one_row=("resumptions",),
        names_rulebook=False,
    ),
}
"""Every kind of entry that replay knows how to check."""

_KNOWN_SCHEMAS: Final = frozenset(journal.SCHEMAS)


def shape_findings(entry: SealedEntry, rulebook: Rulebook | None) -> Iterator[Finding]:
    """Yield in what an entry is not of its kind; `rulebook` is the one in force before it."""
    shape = SHAPES.get(entry.kind)
    if shape is None:
        yield found_in(
            entry,
            f"is of the kind {entry.kind!r}, which nothing here can check: replay it with the "
            "version that wrote it",
        )
        return
    yield from _table_findings(entry, shape)
    yield from _header_findings(entry, shape, rulebook)


def _table_findings(entry: SealedEntry, shape: Shape) -> Iterator[Finding]:
    names = {table.name for table in entry.tables}
    missing = sorted(set(shape.required) - names)
    if missing or not names:
        yield found_in(entry, f"is {entry.kind} and lacks the tables {missing}")
    for table in entry.tables:
        if table.name not in (*shape.required, *shape.optional):
            yield found_in(
                entry, f"has no place in an entry of the kind {entry.kind}", table=table.name
            )
        elif table.schema not in _KNOWN_SCHEMAS:
            yield found_in(
                entry,
                f"is {table.schema.table_class.name.lower()} of version {table.schema.version} with "
                f"the schema {table.schema.schema_hash.hex()}, which this version does not know",
                table=table.name,
            )
        elif table.name in shape.one_row and table.row_count != 1:
            yield found_in(entry, f"has {table.row_count} rows, not one", table=table.name)
        elif table.name in shape.filled and not table.row_count:
            yield found_in(entry, "has no rows", table=table.name)


def _header_findings(
    entry: SealedEntry, shape: Shape, rulebook: Rulebook | None
) -> Iterator[Finding]:
    header = entry.header
    if shape.is_placed != bool(header.area) or shape.is_placed != (header.interval is not None):
        yield found_in(
            entry,
            f"is {entry.kind} with area {header.area!r} and interval {header.interval}: "
            + ("both are needed" if shape.is_placed else "it is about no single one"),
        )
    in_force = rulebook.rulebook_hash if rulebook is not None and shape.names_rulebook else None
    if header.rulebook_hash != in_force:
        yield found_in(
            entry,
            f"names the rulebook {_shown(header.rulebook_hash)}, in force was {_shown(in_force)}",
        )
    if shape.is_placed and rulebook is None:
        yield found_in(entry, f"is {entry.kind} before any rulebook was published")
    elif header.interval is not None and rulebook is not None:
        minutes = header.interval.minutes
        if minutes != rulebook.interval_minutes:
            yield found_in(
                entry,
                f"is about {minutes} minutes, the rulebook's intervals have "
                f"{rulebook.interval_minutes}",
            )


def _shown(digest: bytes | None) -> str:
    return "none" if digest is None else digest.hex()
