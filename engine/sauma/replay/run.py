"""The run over a journal: verify, recompute, decode, project, and compare with the chain."""

from __future__ import annotations

import tempfile
from pathlib import Path

import attrs
import sqlalchemy as sa

from sauma.chain import Chain, Codec
from sauma.dispatch.outbox import CHAIN_OBSERVED, TRANSACTIONS_SIGNED
from sauma.errors import InvalidInput, SaumaError
from sauma.journal import SealedEntry, TableClass
from sauma.replay.derived import derived_finding
from sauma.replay.observed import compare_chain, moved_as_signed
from sauma.replay.projected import compare_projections
from sauma.replay.report import Finding, ReplayReport
from sauma.replay.witnessed import signed_finding
from sauma.store import Store
from sauma.store.tables import vault
from sauma.store.vault import put_item


def replay(store: Store, *, codec: Codec, chain: Chain | None = None) -> ReplayReport:
    """Re-execute the journal of a store that nobody writes to, and compare.

    Stops at the first finding within the journal, since everything behind it rests on it; without one
    the projections are compared, and then the chain, when there is one.  Raises `ChainError` when the
    chain cannot be asked, since silence must not pass as agreement.
    """
    with tempfile.TemporaryDirectory(prefix="sauma-replay-") as folder:
        scratch = Store.open(Path(folder) / "scratch.sqlite")
        try:
            return _Replay(store, scratch, codec).run(chain)
        finally:
            scratch.close()


@attrs.define(kw_only=True)
class _Counts:
    entries: int = 0
    rows: int = 0
    tables_recomputed: int = 0
    transactions_decoded: int = 0
    blocks_compared: int = 0
    chain_events_compared: int = 0
    head_hash: bytes = bytes(32)


class _Replay:
    """One replay: a store to read, and a scratch store in which the journal is lived again."""

    def __init__(self, store: Store, scratch: Store, codec: Codec) -> None:
        self._store = store
        self._scratch = scratch
        self._codec = codec
        self._counts = _Counts()

    def run(self, chain: Chain | None) -> ReplayReport:
        finding = self._copy_vault() or self._live_again()
        finding = finding or compare_projections(self._store, self._scratch)
        if finding is None and chain is not None:
            compared = compare_chain(self._scratch, chain)
            finding = compared.finding
            self._counts.blocks_compared = compared.blocks
            self._counts.chain_events_compared = compared.events
        findings = () if finding is None else (finding,)
        return ReplayReport(findings=findings, **attrs.asdict(self._counts))

    def _copy_vault(self) -> Finding | None:
        """Take over what lies beside the journal, each checked against its digest."""
        with self._store.reading() as connection:
            rows = connection.execute(sa.select(vault).order_by(vault.c.kind, vault.c.key)).all()
        with self._scratch.transaction() as transaction:
            for row in rows:
                digest = put_item(
                    transaction.connection,
                    row.kind,
                    row.key,
                    salt=bytes(row.salt),
                    content=bytes(row.content),
                )
                if digest != bytes(row.digest):
                    return Finding(
                        place=f"vault {row.kind} {row.key}",
                        explanation="salt, content or digest is not what was kept",
                    )
        return None

    def _live_again(self) -> Finding | None:
        """Verify, recompute and append every entry, in order."""
        try:
            for entry in self._store.entries():
                finding = self._entry_finding(entry)
                if finding is not None:
                    return finding
        except SaumaError as error:
            place = f"entry {self._counts.entries + 1}"
            text = str(error)
            return Finding(place=place, explanation=text.removeprefix(f"{place}: "))
        return None

    def _entry_finding(self, entry: SealedEntry) -> Finding | None:
        with self._scratch.transaction() as transaction:
            connection = transaction.connection
            finding = derived_finding(connection, entry)
            if finding is None and entry.kind == TRANSACTIONS_SIGNED:
                finding = signed_finding(connection, entry, self._codec)
            if finding is None and entry.kind == CHAIN_OBSERVED:
                finding = moved_as_signed(connection, entry)
            if finding is not None:
                return finding
            header = entry.header
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
        self._count(entry)
        return None

    def _count(self, entry: SealedEntry) -> None:
        counts = self._counts
        counts.entries = entry.sequence
        counts.head_hash = entry.entry_hash
        for table in entry.tables:
            counts.rows += table.row_count
            counts.tables_recomputed += table.schema.table_class is TableClass.DERIVED
            if table.name == "transactions":
                counts.transactions_decoded += table.row_count
