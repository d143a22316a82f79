"""What the staff sees: how the neighbourhood stands, whose bills there are, and everything as files."""

from __future__ import annotations

import csv
import io
import os
import tempfile
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import attrs
import msgspec
import sqlalchemy as sa

from sauma.agreement import Agreement, check_agreement
from sauma.errors import Disagreement, InvalidInput
from sauma.store import projections as p
from sauma.store import queries
from sauma.store.folding import JournalProjector
from sauma_portal import household
from sauma_portal.accounts import Person, claims, people, trail
from sauma_portal.accounts.claims import Claim
from sauma_portal.accounts.trail import TrailEntry
from sauma_portal.market import bills, checking
from sauma_portal.market.bills import BillDocument
from sauma_portal.market.verdicts import Verdict
from sauma_portal.messages import NotFound
from sauma_portal.portal import Portal
from sauma_portal.references import BillNumber

TRAIL_COLUMNS: Final = ("entry_id", "time", "actor", "action", "subject", "reason")


@attrs.frozen(kw_only=True)
class Household:
    """Somebody as the staff sees them, with the number of their newest bill."""

    person: Person
    bill: BillNumber | None


@attrs.frozen(kw_only=True)
class Overview:
    """How a neighbourhood stands.

    `agreement` is None when chain, journal and bills disagree, and while something is planned and not
    billed yet; then `disagreement` is empty.
    """

    households: tuple[Household, ...]
    waiting: tuple[tuple[Claim, Person | None], ...]
    agreement: Agreement | None
    disagreement: str
    entries: int
    block_height: int
    final_height: int
    chain_id: str
    unsettled: int


def read_overview(portal: Portal) -> Overview:
    """Return how everything stands."""
    engine = portal.engine
    with portal.accounts.reading() as connection:
        everybody = people.everybody(connection)
        waiting = claims.waiting(connection)
    by_id = {one.person_id: one for one in everybody}
    agreement, disagreement = None, ""
    with engine.store.reading() as connection:
        if _all_billed(connection):
            try:
                agreement = check_agreement(connection)
            except Disagreement as error:
                disagreement = str(error)
        state = queries.chain_state(connection, engine.venue.chain_id)
        unsettled = len(queries.unsettled(connection))
        zone = engine.rulebook.zone
        households = tuple(
            Household(person=one, bill=_newest_bill(connection, one, zone))
            for one in everybody
            if not one.is_staff
        )
    return Overview(
        households=households,
        waiting=tuple((claim, by_id.get(claim.person_id)) for claim in waiting),
        agreement=agreement,
        disagreement=disagreement,
        entries=engine.store.head_sequence(),
        block_height=state.scanned_height,
        final_height=state.final_height,
        chain_id=engine.venue.chain_id,
        unsettled=unsettled,
    )


def _all_billed(connection: sa.Connection) -> bool:
    """Tell whether every settlement that owes something has its bills already."""
    return not any(
        row.obligation_count and not row.least_status
        for row in connection.execute(
            sa.select(p.settlements.c.obligation_count, p.settlements.c.least_status)
        )
    )


def _newest_bill(connection: sa.Connection, person: Person, zone: str) -> BillNumber | None:
    months = bills.billed_months(connection, person.participant, person.area, zone)
    if not months:
        return None
    return BillNumber(month=months[0], customer_number=person.customer_number)


def any_bill(portal: Portal, number: str) -> tuple[Person, BillDocument]:
    """Return whose bill it is and the bill; raises `NotFound`."""
    try:
        wanted = BillNumber.parse(number)
    except InvalidInput as error:
        raise NotFound(str(error)) from error
    with portal.accounts.reading() as connection:
        owner = people.by_customer_number(connection, wanted.customer_number)
    if owner is None:
        raise NotFound(f"there is no bill {number}")
    return owner, household.own_bill(portal, owner, number)


def check_any_bill(portal: Portal, number: str) -> Verdict:
    """Check anybody's bill from meter to chain; raises `NotFound`."""
    return checking.check_bill(portal.engine, any_bill(portal, number)[1])


def read_trail(portal: Portal) -> list[TrailEntry]:
    """Return the newest actions of the staff."""
    with portal.accounts.reading() as connection:
        return trail.newest(connection)


def staff_names(portal: Portal) -> Mapping[str, str]:
    """Return what the staff and households are called, by pseudonym."""
    with portal.accounts.reading() as connection:
        return {one.participant: one.display_name for one in people.everybody(connection)}


def export(portal: Portal) -> Path:
    """Write everything that the journal says, and the trail, into an archive of CSV files.

    Names and e-mail addresses are not part of it: participants are pseudonyms there as in the journal.
    """
    handle, name = tempfile.mkstemp(prefix="sauma-export-", suffix=".zip")
    os.close(handle)
    with zipfile.ZipFile(name, "w", zipfile.ZIP_DEFLATED) as archive:
        with portal.engine.store.reading() as connection:
            for table in JournalProjector.tables:
                columns = [column.name for column in table.columns]
                rows = connection.execute(sa.select(table)).all()
                archive.writestr(f"{table.name}.csv", _csv(columns, rows))
        with portal.accounts.reading() as connection:
            entries = trail.newest(connection, limit=1_000_000)
        noted = [[getattr(entry, column) for column in TRAIL_COLUMNS] for entry in entries]
        archive.writestr("trail.csv", _csv(TRAIL_COLUMNS, noted))
        archive.writestr("manifest.json", msgspec.json.encode(_manifest(portal)))
    return Path(name)


def _manifest(portal: Portal) -> dict[str, Any]:
    return {
        "format": "sauma export 1",
        "journal_entries": portal.engine.store.head_sequence(),
        "journal_head": portal.engine.store.head_hash().hex(),
        "chain": portal.engine.venue.chain_id,
        "rulebook": portal.engine.rulebook.to_facts(),
        "written_at": portal.now,
    }


def _csv(columns: Sequence[str], rows: Sequence[Any]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([_cell(value) for value in row] for row in rows)
    return text.getvalue()


def _cell(value: Any) -> Any:
    if isinstance(value, bytes | memoryview):
        return bytes(value).hex()
    # A spreadsheet would compute what begins like a formula.
    if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t"):
        return "'" + value
    return value
