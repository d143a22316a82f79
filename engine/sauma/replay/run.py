"""The run over a journal: verify, check, recompute, live it again, and compare with store and chain."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator
from itertools import chain as chained
from itertools import islice
from pathlib import Path
from typing import Final

import sqlalchemy as sa

from sauma.chain import Chain, Codec
from sauma.errors import ChainError, InvalidInput, SaumaError, StoreBusy
from sauma.intervals import to_unix
from sauma.journal import GENESIS_HASH, SealedEntry, TableClass
from sauma.replay.compared import ChainComparison, chain_findings, finality_findings
from sauma.replay.derived import derived_findings
from sauma.replay.finished import note_unanchored, note_uncorrected, unbilled_findings
from sauma.replay.given import given_findings
from sauma.replay.observed import buried_findings, observed_findings
from sauma.replay.past import Past
from sauma.replay.report import Finding, ReplayReport, found_in
from sauma.replay.sessions import session_findings
from sauma.replay.shapes import shape_findings
from sauma.replay.standings import standing_findings
from sauma.replay.stored import damaged_item, stored_findings, unused_items
from sauma.replay.suspended import suspension_findings
from sauma.replay.witnessed import signed_findings
from sauma.store import Store, Transaction
from sauma.store.tables import vault

COMMIT_ENTRIES: Final = 256
"""How many entries the scratch store commits at a time."""
FINDINGS_MAX: Final = 100
"""How many differences from the chain are reported; another chain differs in everything."""
UNREADABLE: Final = (
    SaumaError,
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
    ArithmeticError,
    sa.exc.SQLAlchemyError,
)
"""What values that nobody would write raise when they are read or folded: findings, and no crash."""
_PLACE: Final = re.compile(r"(entry \d+(?: (?:table|row|column) \w+)*):? ")


def replay(store: Store, *, codec: Codec, chain: Chain | None = None) -> ReplayReport:
    """Re-execute the journal of a store that nobody writes to, and compare.

    Stops at the first finding within the journal, since everything behind it rests on it; without one
    every stored table is compared with what the journal makes, and then the chain, when there is one.
    Raises `ChainError` when the chain cannot be asked, since silence must not pass as agreement.
    """
    with tempfile.TemporaryDirectory(prefix="sauma-replay-") as folder:
        scratch = Store.open(Path(folder) / "scratch.sqlite")
        try:
            return _Replay(store, scratch, codec, chain).run()
        finally:
            scratch.close()


class _Replay:
    """One replay: a store to read, and a scratch store in which the journal is lived again."""

    def __init__(self, store: Store, scratch: Store, codec: Codec, chain: Chain | None) -> None:
        self._store = store
        self._scratch = scratch
        self._codec = codec
        self._chain = chain
        self._past = Past(codec=codec)
        self._compared = ChainComparison()
        self._entries = self._rows = self._recomputed = 0
        self._head_hash = GENESIS_HASH

    def run(self) -> ReplayReport:
        first = self._copy_vault() or self._live_again()
        findings = [first] if first is not None else [*self._store_findings()]
        chain_compared = not findings and self._chain is not None
        if chain_compared:
            findings = [*islice(self._chain_findings(), FINDINGS_MAX)]
        return ReplayReport(
            findings=tuple(findings),
            notes=tuple(self._past.notes),
            entries=self._entries,
            rows=self._rows,
            tables_recomputed=self._recomputed,
            transactions_decoded=len(self._past.sent),
            chain_id=self._past.chain_id,
            chain_compared=chain_compared,
            blocks_compared=self._compared.blocks,
            chain_events_compared=self._compared.events,
            head_hash=self._head_hash,
        )

    def _copy_vault(self) -> Finding | None:
        """Take over what lies beside the journal, each item checked against its digest."""
        columns = [
            sa.type_coerce(column, sa.types.NullType()).label(column.name)
            for column in vault.columns
        ]
        with self._store.reading() as connection:
            rows = connection.execute(sa.select(*columns)).all()
        for row in sorted(rows, key=lambda row: (str(row.kind), str(row.key))):
            finding = damaged_item(row)
            if finding is not None:
                return finding
        if rows:
            with self._scratch.transaction() as transaction:
                transaction.execute(sa.insert(vault), [dict(row._mapping) for row in rows])
        return None

    def _live_again(self) -> Finding | None:
        """Verify, check, recompute and append every entry, in order; end at the first finding."""
        entries = self._store.entries()
        while True:
            with self._scratch.transaction() as transaction:
                for _ in range(COMMIT_ENTRIES):
                    try:
                        entry = next(entries, None)
                        if entry is None:
                            return None
                        finding = self._live(transaction, entry)
                    except (StoreBusy, ChainError):
                        raise
                    except UNREADABLE as error:
                        finding = self._unreadable(error)
                    if finding is not None:
                        return finding

    def _live(self, transaction: Transaction, entry: SealedEntry) -> Finding | None:
        connection, past, header = transaction.connection, self._past, entry.header
        finding = next(
            chained(
                shape_findings(entry, past.rulebook),
                given_findings(connection, entry, past),
                derived_findings(connection, entry, past),
                signed_findings(connection, entry, past, self._codec),
                observed_findings(entry, past),
                buried_findings(entry, past),
                suspension_findings(entry, past),
            ),
            None,
        )
        if finding is not None:
            return finding
        self._note(entry)
        again = transaction.append(
            kind=header.kind,
            time=header.time,
            tables=entry.tables,
            area=header.area,
            interval=header.interval,
            rulebook_hash=header.rulebook_hash,
        )
        if again.entry_hash != entry.entry_hash:
            raise InvalidInput(f"appended again it has the hash {again.entry_hash.hex()}")
        past.fold(connection, entry)
        self._count(entry)
        return None

    def _unreadable(self, error: Exception) -> Finding:
        """Return what could not be read as a finding, at the place that the error names if it names one."""
        if not isinstance(error, SaumaError):
            text = f"cannot be read: {type(error).__name__}: {error}"
            return Finding(place=f"entry {self._entries + 1}", explanation=text)
        text = str(error)
        named = _PLACE.match(text)
        if named is None:
            return Finding(place=f"entry {self._entries + 1}", explanation=text)
        return Finding(place=named[1], explanation=text[named.end() :])

    def _note(self, entry: SealedEntry) -> None:
        """Note times that run backwards: clocks do, and entries are in the order of their sequence."""
        time_unix, past = to_unix(entry.header.time), self._past
        if past.time_unix is not None and time_unix < past.time_unix:
            late_s = past.time_unix - time_unix
            past.notes.append(found_in(entry, f"is {late_s} s older than the entry before it"))
        past.time_unix = time_unix
        if entry.kind == "chain_observed":
            final_height = entry.table("observations").value("final_height", 0)
            if final_height < past.final_height:
                past.notes.append(
                    found_in(
                        entry,
                        f"final was block {past.final_height}, now it is {final_height}",
                        table="observations",
                        row=0,
                    )
                )

    def _count(self, entry: SealedEntry) -> None:
        self._entries, self._head_hash = entry.sequence, entry.entry_hash
        for table in entry.tables:
            self._rows += table.row_count
            self._recomputed += table.schema.table_class is TableClass.DERIVED

    def _store_findings(self) -> Iterator[Finding]:
        yield from stored_findings(self._store, self._scratch)
        yield from unused_items(self._scratch)
        yield from finality_findings(self._past, self._chain)
        with self._scratch.reading() as connection:
            yield from unbilled_findings(connection, self._past)
            yield from session_findings(connection, self._past)
            yield from standing_findings(connection, self._past)
            note_unanchored(connection, self._past)
            note_uncorrected(connection, self._past)

    def _chain_findings(self) -> Iterator[Finding]:
        if self._chain is None:
            return
        with self._scratch.reading() as connection:
            yield from chain_findings(
                connection, self._past, self._codec, self._chain, self._compared
            )
