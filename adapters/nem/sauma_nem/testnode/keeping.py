"""Keeping a node's changes in its file, and what it is told when it opens one."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable

from sauma.errors import Conflict, StoreError
from sauma_nem.binary import serialise_block_verifiable, serialise_verifiable
from sauma_nem.transactions import Transaction

from .chain import ConfirmedBlock
from .pool import PoolEntry
from .settings import NodeSettings
from .storage import Change, SqliteStorage, Storage, StoredBlock, StoredEntry


class Keeper:
    """Writes what changed since the last time, one commit a call."""

    def __init__(self, storage: Storage) -> None:
        """Write into `storage`."""
        self._storage = storage
        self._waiting: dict[bytes, Transaction] = {}
        self._failure: str | None = None

    def already_kept(self, entries: Iterable[PoolEntry]) -> None:
        """What the storage holds as waiting, in the same order."""
        self._waiting = {entry.transaction_hash: entry.transaction for entry in entries}

    def keep_announced(self, entry: PoolEntry) -> None:
        """Keep a new or cosigned waiting transaction."""
        self._waiting[entry.transaction_hash] = entry.transaction
        self._commit(Change(put=(_stored(entry),)))

    def keep_time(self, network_time_ms: int, pool: Iterable[PoolEntry]) -> None:
        """Keep a clock that was set by hand, and forget what expired by it."""
        removed, put = self._difference(tuple(pool), starts_anew=False)
        self._commit(Change(removed=removed, put=put, network_time_ms=network_time_ms))

    def keep_blocks(
        self,
        blocks: Iterable[ConfirmedBlock],
        pool: Iterable[PoolEntry],
        *,
        network_time_ms: int,
        next_transaction_id: int,
        kept_height: int | None = None,
    ) -> None:
        """Keep new blocks and the pool they left; blocks above `kept_height` are gone."""
        removed, put = self._difference(tuple(pool), starts_anew=kept_height is not None)
        self._commit(
            Change(
                kept_height=kept_height,
                blocks=tuple(
                    StoredBlock(
                        height=confirmed.block.height,
                        first_transaction_id=confirmed.first_transaction_id,
                        data=serialise_block_verifiable(confirmed.block),
                    )
                    for confirmed in blocks
                ),
                removed=removed,
                put=put,
                network_time_ms=network_time_ms,
                next_transaction_id=next_transaction_id,
            )
        )

    def _difference(
        self, pool: tuple[PoolEntry, ...], *, starts_anew: bool
    ) -> tuple[tuple[bytes, ...], tuple[StoredEntry, ...]]:
        """After a rollback the order has changed, so everything is written again."""
        before = self._waiting
        self.already_kept(pool)
        if starts_anew:
            return tuple(before), tuple(map(_stored, pool))
        removed = tuple(key for key in before if key not in self._waiting)
        changed = (
            entry for entry in pool if before.get(entry.transaction_hash) != entry.transaction
        )
        return removed, tuple(map(_stored, changed))

    def _commit(self, change: Change) -> None:
        if self._failure is not None:
            raise StoreError(f"the node stopped keeping its chain: {self._failure}; open it again")
        try:
            self._storage.commit(change)
        except sqlite3.Error as error:
            # Memory is ahead of the file now; answering on would promise what may be lost.
            self._failure = str(error)
            raise StoreError(f"the node's file could not be written: {error}") from error

    def close(self) -> None:
        """Let go of the storage; nothing can be kept afterwards."""
        self._failure = "it was closed"
        self._storage.close()


def _stored(entry: PoolEntry) -> StoredEntry:
    return StoredEntry(
        entry_hash=entry.transaction_hash, data=serialise_verifiable(entry.transaction)
    )


def settle(
    settings: NodeSettings | None, stored: SqliteStorage | None, *, file_wins: bool
) -> NodeSettings:
    """The settings a node goes by: its file's, which those given must not contradict.

    With `file_wins` those given count only for a new file.
    """
    if stored is None:
        return settings or NodeSettings()
    document = stored.setting("settings")
    if document is None:
        chosen = settings or NodeSettings()
        stored.put_setting("settings", chosen.to_json())
        return chosen
    kept = NodeSettings.from_json(document)
    if not file_wins and settings is not None and settings.to_json() != kept.to_json():
        differing = sorted(
            name for name, value in settings.to_json().items() if kept.to_json()[name] != value
        )
        raise Conflict(
            f"{stored.path} holds another test network (its {', '.join(differing)} differ); "
            "open it without settings or take another path"
        )
    return kept
