"""Checking what was given: ids belong to contents, names are known, and nothing came too late.

Each table is built again from its values by the checks that it passed when it came in, and must be the
same bytes: an id that is not the hash of its contents, a reading for a cleared interval or a price
beyond the rulebook's cap cannot have been taken.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

import msgspec
import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray

from sauma import intake
from sauma.errors import Conflict, SaumaError, UnknownName
from sauma.identifiers import AccountId, AssetId, ChainId, canonical_json
from sauma.intervals import from_unix
from sauma.journal import SealedEntry, SealedTable, Table, first_difference
from sauma.journal import schemas as journal
from sauma.judging import judge_readings
from sauma.offers import MeteringPoint, Offer, Side, StandingPrice
from sauma.readings import ReadingColumns
from sauma.replay.past import Past
from sauma.replay.report import Finding, found_in
from sauma.replay.sessions import given_steps
from sauma.replay.standings import given_standing
from sauma.rulebook import Rulebook
from sauma.settlement import CLEARING, ESCROW, ISSUER, role_of
from sauma.steps import SESSION_STEP_TAKEN, STANDING_STEPS_TAKEN
from sauma.store import queries
from sauma.store.tables import vault

Check = Callable[[sa.Connection, SealedEntry, Past], Iterator[Finding]]


def given_findings(connection: sa.Connection, entry: SealedEntry, past: Past) -> Iterator[Finding]:
    """Yield in what the inputs of an entry cannot have been taken; `connection` sees what came before."""
    check = _CHECKS.get(entry.kind)
    if check is None:
        return
    try:
        yield from check(connection, entry, past)
    except SaumaError as error:
        yield found_in(entry, str(error), table=entry.tables[0].name)


def _chain(connection: sa.Connection, entry: SealedEntry, _: Past) -> Iterator[Finding]:
    (row,) = entry.table("chains").dicts()
    known = queries.chain_row(connection)
    if known is not None:
        yield found_in(
            entry, f"names another chain after {known[0]}: a journal settles on one", table="chains"
        )
    chain_id = ChainId(row["chain_id"])
    for name in ("energy_asset", "fee_asset"):
        if row[name] is not None and AssetId(row[name]).chain_id != chain_id:
            yield found_in(entry, f"{name} {row[name]} is not on {chain_id}", table="chains", row=0)
    settings = row["settings"]
    if canonical_json(msgspec.json.decode(settings, type=dict[str, Any])) != settings:
        yield found_in(entry, "the settings are not in canonical form", table="chains", row=0)


def _rulebooks(connection: sa.Connection, entry: SealedEntry, _: Past) -> Iterator[Finding]:
    (row,) = entry.table("rulebooks").dicts()
    rulebook = Rulebook.from_facts(msgspec.json.decode(row["body"]))
    if rulebook.to_bytes() != row["body"]:
        yield found_in(entry, "the body is not in canonical form", table="rulebooks", row=0)
    if rulebook.rulebook_hash != row["rulebook_hash"]:
        yield found_in(
            entry,
            f"rulebook_hash: stored {row['rulebook_hash'].hex()}, that of the body is "
            f"{rulebook.rulebook_hash.hex()}",
            table="rulebooks",
            row=0,
        )
    for known in queries.rulebooks(connection):
        same_version = (known.name, known.version) == (rulebook.name, rulebook.version)
        if same_version and known != rulebook:
            yield found_in(
                entry,
                f"publishes {known.name} version {known.version} with other contents",
                table="rulebooks",
                row=0,
            )


def _participants(connection: sa.Connection, entry: SealedEntry, past: Past) -> Iterator[Finding]:
    given = _rows(entry, "participants")
    tables = intake.participant_tables(connection, [row["participant"] for row in given])
    yield from _differences(entry, "participants", tables)
    known = {
        *queries.participants(connection),
        *(row["participant"] for row in given),
        ESCROW,
        ISSUER,
        CLEARING,
    }
    bound: list[tuple[str, AccountId]] = []
    for number, row in enumerate(_rows(entry, "bindings")):
        holder, chain_id = row["holder"], row["chain_id"]
        if (holder not in known and role_of(holder) != ISSUER) or chain_id != past.chain_id:
            yield found_in(
                entry,
                f"binds {holder} on {chain_id}; participants are registered first, and the journal "
                f"settles on {past.chain_id}",
                table="bindings",
                row=number,
            )
            return
        key = f"{holder} {chain_id}"
        content = _vaulted(connection, "account", key, row["account_digest"])
        bound.append((holder, AccountId(content)))
    if bound:
        new = intake.new_bindings(connection, ChainId(past.chain_id or ""), bound)
        if new != bound:
            yield found_in(entry, "binds a holder that has an account already", table="bindings")


def _points(connection: sa.Connection, entry: SealedEntry, _: Past) -> Iterator[Finding]:
    points = []
    for row in _rows(entry, "metering_points"):
        gsrn = _vaulted(connection, "gsrn", None, row["point_digest"])
        points.append(MeteringPoint(gsrn=gsrn, participant=row["participant"], area=row["area"]))
    if intake.new_metering_points(connection, points) != points:
        yield found_in(
            entry, "registers a metering point that is registered already", table="metering_points"
        )


def _prices(connection: sa.Connection, entry: SealedEntry, past: Past) -> Iterator[Finding]:
    prices = [
        StandingPrice(
            participant=row["participant"],
            area=row["area"],
            side=Side(row["side"]),
            price_micro=row["price_micro"],
            valid_from=from_unix(row["valid_from"]),
        )
        for row in _rows(entry, "prices")
    ]
    tables = intake.price_tables(connection, _in_force(past), prices)
    yield from _differences(entry, "prices", tables)


def _readings(connection: sa.Connection, entry: SealedEntry, past: Past) -> Iterator[Finding]:
    """Judge readings again: those settled with their interval, or those that came late."""
    (name,) = (table.name for table in entry.tables)
    gsrns = {digest: gsrn for gsrn, (digest, _) in queries.metering_points(connection).items()}
    table = entry.table(name)
    digests = table.values("point_digest")
    for number, digest in enumerate(digests):
        if digest not in gsrns:
            yield found_in(
                entry, "is of a metering point nobody registered", table=name, row=number
            )
            return
    columns = _reading_columns(table, [gsrns[digest] for digest in digests])
    judgement = judge_readings(connection, _in_force(past), past.points, columns)
    for row, fault in sorted(judgement.faults.items()):
        yield found_in(entry, fault.message, table=name, row=row)
        return
    yield from _differences(entry, name, judgement.tables(past.points))


def _reading_columns(table: Table, gsrns: list[str]) -> ReadingColumns:
    def integers(name: str) -> NDArray[np.int64]:
        return table[name].astype(np.int64)

    keys = [key.decode() if isinstance(key, bytes) else key for key in table.values("key")]
    return ReadingColumns(
        metering_point=gsrns,
        interval_start=integers("interval_start"),
        imported_wh=integers("imported_wh"),
        exported_wh=integers("exported_wh"),
        quality=integers("quality"),
        version=integers("version"),
        key=keys,
    )


def _offers(connection: sa.Connection, entry: SealedEntry, past: Past) -> Iterator[Finding]:
    area, interval = entry.header.area, entry.header.interval
    if interval is None:
        return
    offers = [
        Offer(
            side=Side(row["side"]),
            area=area,
            interval=interval,
            participant=row["participant"],
            key=row["key"],
            energy_wh=row["energy_wh"],
            limit_micro=row["limit_micro"],
        )
        for row in _rows(entry, "posted_offers")
    ]
    tables = intake.offer_table(connection, _in_force(past), area, interval, offers)
    yield from _differences(entry, "posted_offers", tables)


_CHECKS: Final[dict[str, Check]] = {
    "chain_configured": _chain,
    "rulebook_published": _rulebooks,
    "participants_registered": _participants,
    "metering_points_registered": _points,
    "prices_set": _prices,
    "readings_accepted": _readings,
    "readings_came_late": _readings,
    "offers_posted": _offers,
    SESSION_STEP_TAKEN: given_steps,
    STANDING_STEPS_TAKEN: given_standing,
}


def _rows(entry: SealedEntry, name: str) -> list[dict[str, Any]]:
    return list(entry.table(name).dicts()) if entry.has(name) else []


def _in_force(past: Past) -> Rulebook:
    if past.rulebook is None:
        raise UnknownName("comes before any rulebook was published")
    return past.rulebook


def _differences(entry: SealedEntry, name: str, again: Sequence[Table]) -> Iterator[Finding]:
    """Yield the first difference between a given table and the same as it would be taken now."""
    taken = [table.seal() for table in again if table.schema.name == name]
    stored = entry.sealed_table(name) if entry.has(name) else None
    difference = first_difference(_or_empty(stored, name), _or_empty(next(iter(taken), None), name))
    if difference is not None:
        text = str(difference).replace("recomputed", "as it would be taken")
        yield Finding(place=f"entry {entry.sequence}", explanation=text)


def _or_empty(sealed: SealedTable | None, name: str) -> SealedTable:
    return sealed if sealed is not None else Table.empty(journal.SCHEMAS.get(name)).seal()


def _vaulted(connection: sa.Connection, kind: str, key: str | None, digest: bytes) -> str:
    """Return what the vault keeps under kind and key; without a key the content is its own."""
    row = connection.execute(
        sa.select(vault.c.key, vault.c.content).where(
            vault.c.kind == kind, vault.c.digest == digest
        )
    ).first()
    if row is None:
        raise UnknownName(
            f"the vault has no {kind} of digest {digest.hex()}: it was erased or never kept"
        )
    content = bytes(row.content).decode()
    if row.key != (content if key is None else key):
        raise Conflict(f"the vault keeps the {kind} of digest {digest.hex()} under {row.key!r}")
    return content
