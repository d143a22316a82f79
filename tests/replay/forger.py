"""A forger: rewrites a journal, row by row, and seals it anew, so that every hash fits."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import sqlalchemy as sa

from sauma.errors import SaumaError
from sauma.intervals import to_unix
from sauma.journal import Header, SealedEntry, Table, TableClass, TableSchema
from sauma.settlement import ChainTerms
from sauma.steps import clear_interval, issue_bills, plan_settlement
from sauma.store import Store, queries
from sauma.store.folding import PROJECTORS
from sauma.store.tables import vault


@dataclass
class Forged:
    """An entry to be: change what you like."""

    header: Header
    kind: str
    schemas: dict[str, TableSchema]
    rows: dict[str, list[dict[str, Any]]]
    changes: dict[str, Any]
    """Other values of the header's area, interval, rulebook_hash or time."""

    @classmethod
    def of(cls, entry: SealedEntry) -> Forged:
        return cls(
            header=entry.header,
            kind=entry.kind,
            schemas={table.name: table.schema for table in entry.tables},
            rows={table.name: list(table.table.dicts()) for table in entry.tables},
            changes={},
        )

    def row(self, table: str, number: int = 0) -> dict[str, Any]:
        return self.rows[table][number]

    def tables(self) -> list[Table]:
        return [
            Table.from_rows(schema, self.rows[name])
            for name, schema in sorted(self.schemas.items())
        ]


class Forger:
    """Holds a journal as rows; `write` seals it as it stands, with projections to match."""

    def __init__(self, store: Store) -> None:
        self.entries = [Forged.of(entry) for entry in store.entries()]
        self.vault = [dict(row._mapping) for row in store.query(sa.select(vault))]

    def of_kind(self, kind: str) -> list[Forged]:
        """Return the entries of a kind."""
        return [entry for entry in self.entries if entry.kind == kind]

    def with_rows(self, table: str) -> list[Forged]:
        """Return the entries that have rows of a table."""
        return [entry for entry in self.entries if entry.rows.get(table)]

    def write(self, path: Path, *, recompute: bool = False) -> Store:
        """Seal the journal in a new store; with `recompute` all that is derived follows the changes.

        Where no projections can be made of such a journal, the store has none.
        """
        try:
            return self._write(path, recompute, PROJECTORS)
        except (SaumaError, sa.exc.SQLAlchemyError):
            path.unlink()
            return self._write(path, recompute, ())

    def _write(self, path: Path, recompute: bool, projectors) -> Store:
        path.write_bytes(_empty_store())
        store = Store.open(path, projectors=projectors)
        with store.transaction() as transaction:
            if self.vault:
                transaction.execute(sa.insert(vault), self.vault)
            for entry in self.entries:
                facts = {
                    "area": entry.header.area,
                    "interval": entry.header.interval,
                    "rulebook_hash": entry.header.rulebook_hash,
                    "time": entry.header.time,
                    **entry.changes,
                }
                tables = entry.tables()
                if recompute:
                    tables = _recomputed(transaction, entry, tables)
                if not tables:
                    continue
                transaction.append(kind=entry.kind, tables=tables, **facts)
        return store


@cache
def _empty_store() -> bytes:
    """Return the file of a store without entries, made once."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "empty.sqlite"
        Store.open(path).close()
        return path.read_bytes()


def _recomputed(transaction, entry: Forged, tables: list[Table]) -> list[Table]:
    connection, header = transaction.connection, entry.header
    if not any(table.schema.table_class is TableClass.DERIVED for table in tables):
        return tables
    rulebook = queries.rulebook(connection, header.rulebook_hash)
    if entry.kind == "interval_cleared":
        return clear_interval(connection, rulebook, header.area, header.interval)
    if entry.kind == "settlement_planned":
        start, end = (to_unix(moment) for moment in rulebook.settlement_period(header.interval))
        fees = [(row["holder"], row["units"]) for row in entry.rows["fee_quotes"]]
        terms = ChainTerms(**entry.row("chain_terms"))
        return plan_settlement(connection, rulebook, header.area, (start, end), terms, fees)
    settlement = queries.settlement(connection, entry.row("bills")["settlement_id"])
    again = issue_bills(connection, rulebook, settlement, transaction.head_sequence + 1)
    return again if len(again[0]) else []


def mutated(value: Any) -> Any:
    """Return another value of the same kind."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return value + 1
    if isinstance(value, bytes):
        return bytes((value[0] ^ 1,)) + value[1:] if value else b"\1"
    if isinstance(value, str):
        return value[:-1] + ("x" if value[-1:] != "x" else "y")
    return None
