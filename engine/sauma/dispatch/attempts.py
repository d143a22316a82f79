"""Trying things so that a death at one of them is noticed, traced to it, and ends in its suspension.

What is tried together is noted before.  If the process dies, its next life finds the note and suspects
everything in it: the rest goes first, and the suspects follow one at a time, so that the next death has
one name.  What goes well is suspected no more.  Nothing is written for that as long as nobody dies, but
the note, which shares the commits that take a lane and that keep what was signed before it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from itertools import islice

from sauma.dispatch.suspending import DEATHS_MAX, Suspended, suspend
from sauma.errors import SaumaError
from sauma.store import Lane, Store, Transaction
from sauma.store.attempts import (
    count_deaths,
    erase_note,
    forget_deaths,
    read_deaths,
    read_note,
    take_back_deaths,
    write_note,
)


class Attempts:
    """What one worker tries: the lane of a sender, or who follows what was sent."""

    def __init__(
        self,
        store: Store,
        chain_id: str,
        worker: str,
        *,
        now: Callable[[], datetime],
        are_transactions: bool,
        together_max: int,
    ) -> None:
        """Nothing is read before `take_over` or `next_of`."""
        self._store, self._chain_id, self._worker = store, chain_id, worker
        self._now, self._are_transactions = now, are_transactions
        self._together_max = together_max
        self._noted: frozenset[bytes] | None = None
        """What the note names, as far as is known: nothing after one that could not be kept."""
        self._lane: Lane | None = None
        self._deaths: dict[bytes, int] = {}
        self.suspended: list[Suspended] = []
        """What was suspended just now, and is not tried with the rest."""
        self._is_trying = False

    def take_over(
        self, transaction: Transaction, items: Collection[bytes], lane: Lane | None = None
    ) -> None:
        """Count the deaths of the life before, suspend what it took too many, and note what is next.

        Who works in a lane writes no note once it is lost: then the note is another's.
        """
        self._lane = lane
        connection = transaction.connection
        died_at = read_note(connection, self._chain_id, self._worker) & set(items)
        if died_at:
            count_deaths(connection, self._chain_id, died_at)
        self._deaths = read_deaths(connection, self._chain_id)
        fatal = {one for one in died_at if self._deaths[one] >= DEATHS_MAX}
        if fatal:
            forget_deaths(connection, self._chain_id, fatal)
            self.suspended += suspend(
                transaction,
                fatal,
                is_transaction=self._are_transactions,
                deaths=DEATHS_MAX,
                time=self._now(),
            )
        self._note(transaction, self._together(items))

    def next_of(self, items: Collection[bytes]) -> tuple[bytes, ...]:
        """Return what is to be tried next, noted on the disk; nothing when all that is left is suspended."""
        if self._noted is None:
            with self._writing() as transaction:
                self.take_over(transaction, items)
        group = self._together(items)
        if group and not self._is_noted(group):
            with self._writing() as transaction:
                self._note(transaction, group)
        return group

    @contextmanager
    def _writing(self) -> Iterator[Transaction]:
        """Give a transaction; a note that it could not keep is written again, and is no death."""
        before, known = self._noted, self._noted
        try:
            with self._store.transaction() as transaction:
                if self._lane is not None:
                    transaction.check_fence(self._lane)
                known = None if before is None else frozenset()
                yield transaction
        except BaseException:
            self._noted = known
            raise

    def note_next(
        self, transaction: Transaction, items: Collection[bytes], done: Collection[bytes]
    ) -> None:
        """Note in a commit that is made anyway what is tried after it: of these, without what is done.

        Whoever dies between the commit and the trying of these is traced to them, and that ends as soon
        as they go well; a commit of its own for each note would cost more than all the rest.
        """
        group = self._together(items, done)
        if group and not self._is_noted(group):
            self._note(transaction, group)

    def went_well(self, items: Collection[bytes]) -> None:
        """Suspect no more what was tried, and nothing happened."""
        cleared = [one for one in items if one in self._deaths]
        if not cleared:
            return
        with self._store.transaction() as transaction:
            forget_deaths(transaction.connection, self._chain_id, cleared)
        for one in cleared:
            del self._deaths[one]

    @contextmanager
    def trying(self) -> Iterator[None]:
        """Whatever ends this but an error with a name, or somebody at the keyboard, is a death."""
        self._is_trying = True
        try:
            yield
        except (SaumaError, KeyboardInterrupt):
            self._is_trying = False
            raise
        self._is_trying = False

    def end(self, transaction: Transaction) -> None:
        """Take the note away, unless what is noted ended in a way that nobody foresaw."""
        if not self._is_trying:
            erase_note(transaction.connection, self._chain_id, self._worker)
            self._noted = None

    def outlive(self, transaction: Transaction) -> None:
        """Take back the death that whoever took the lane over counted at the note, as nobody died."""
        if not self._is_trying and self._noted:
            take_back_deaths(transaction.connection, self._chain_id, self._noted)

    def close(self) -> None:
        """Take the note away at the end of a process, if there is one."""
        if self._noted:
            with self._store.transaction() as transaction:
                self.end(transaction)

    def _together(
        self, items: Collection[bytes], done: Collection[bytes] = ()
    ) -> tuple[bytes, ...]:
        """Return those that nobody died of, else the one that fewest died of; no suspended ones."""
        without = {*done, *(one.item_id for one in self.suspended)}
        innocent = (one for one in items if one not in self._deaths and one not in without)
        group = tuple(islice(innocent, self._together_max))
        suspects = () if group else [one for one in items if one not in without]
        return group or tuple(sorted(suspects, key=lambda one: self._deaths[one])[:1])

    def _is_noted(self, group: Sequence[bytes]) -> bool:
        """Tell whether the note names these; of a suspect it must name nothing else."""
        wanted, noted = frozenset(group), self._noted or frozenset()
        return noted == wanted if wanted & self._deaths.keys() else wanted <= noted

    def _note(self, transaction: Transaction, group: Sequence[bytes]) -> None:
        write_note(transaction.connection, self._chain_id, self._worker, group)
        self._noted = frozenset(group)
