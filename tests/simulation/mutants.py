"""Dispatch with one guard less: what each guard is for is what the simulation finds without it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs
import pytest

from sauma.chain import Fate, Word
from sauma.dispatch import Dispatch, attempts, outbox
from sauma.errors import ChainError
from sauma.intervals import to_unix
from sauma.store import Transaction
from sauma.store.lanes import Lane

Mutate = Callable[[pytest.MonkeyPatch], None]


def final_in_the_newest_block(patch: pytest.MonkeyPatch) -> None:
    """What is in a block is final."""
    real = Dispatch._commit_page

    def commit_page(self: Dispatch, state: Any, page: Any, holders: Any) -> bool:
        return real(self, state, attrs.evolve(page, final_height=page.cursor.height), holders)

    patch.setattr(Dispatch, "_commit_page", commit_page)


def sent_only_once(patch: pytest.MonkeyPatch) -> None:
    """What was sent is not sent again."""

    def follow(self: Dispatch) -> Any:
        patched = pytest.MonkeyPatch()
        with patched.context() as inner:
            inner.setattr(self, "_send", lambda *_: 0)
            return real(self)

    real = Dispatch.follow
    patch.setattr(Dispatch, "follow", follow)


def refused_is_failed(patch: pytest.MonkeyPatch) -> None:
    """What a node refuses is given up, and signed anew."""

    def send(self: Dispatch, transaction: Any, _: int) -> int:
        try:
            if self._venue.chain.broadcast(transaction).word is Word.REJECTED:
                self._bury(transaction, "refused")
        except ChainError:
            return 0
        return 1

    patch.setattr(Dispatch, "_send", send)


def cursor_begins_at_the_head(patch: pytest.MonkeyPatch) -> None:
    """A new process reads from the newest block on: what was in the others it has not seen."""
    real = Dispatch._commit_page
    begun: set[int] = set()

    def commit_page(self: Dispatch, state: Any, page: Any, holders: Any) -> bool:
        if id(self) not in begun:
            begun.add(id(self))
            page = attrs.evolve(page, events=())
        return real(self, state, page, holders)

    patch.setattr(Dispatch, "_commit_page", commit_page)


def sent_before_it_is_committed(patch: pytest.MonkeyPatch) -> None:
    """Bytes are stored when they have left."""
    real = Dispatch._commit

    def commit(self: Dispatch, lane: Any, sender: Any, prepared: Any, *rest: Any) -> Any:
        self._broadcast(prepared)
        return real(self, lane, sender, prepared, *rest)

    patch.setattr(Dispatch, "_commit", commit)


def nonce_taken_before_its_bytes(patch: pytest.MonkeyPatch) -> None:
    """A nonce is used up in a transaction of its own, before the one that keeps its bytes."""
    real = Dispatch._prepare
    taken: list[Any] = []

    def prepare(self: Dispatch, batches: Any, outstanding: Any) -> Any:
        chain = self._venue.chain
        inner = chain.prepare

        def with_taken(wanted: Any, *, outstanding: Any) -> Any:
            sender = wanted[0].instructions[0].authority
            ids = {each.transaction_id for each in outstanding}
            lost = [
                attrs.evolve(each, batch_ids=())
                for each in taken
                if each.sender == sender and each.transaction_id not in ids
            ]
            prepared = inner(wanted, outstanding=[*outstanding, *lost])
            taken.extend(prepared)
            return prepared

        with pytest.MonkeyPatch().context() as patched:
            patched.setattr(chain, "prepare", with_taken)
            return real(self, batches, outstanding)

    patch.setattr(Dispatch, "_prepare", prepare)


def signed_anew_at_the_deadline(patch: pytest.MonkeyPatch) -> None:
    """What the node does not show when its time is over is taken for dead, without a final block."""
    real = Dispatch.follow

    def follow(self: Dispatch) -> Any:
        chain = self._venue.chain
        status_of = chain.status

        def status(transaction: Any) -> Any:
            found = status_of(transaction)
            is_over = transaction.valid_until is not None and transaction.valid_until < to_unix(
                self._now()
            )
            if is_over and found.fate in (Fate.UNSEEN, Fate.PENDING):
                return attrs.evolve(found, fate=Fate.DEAD, reason="its time is over")
            return found

        with pytest.MonkeyPatch().context() as patched:
            patched.setattr(chain, "status", status)
            return real(self)

    patch.setattr(Dispatch, "follow", follow)


def retractions_are_ignored(patch: pytest.MonkeyPatch) -> None:
    """What a reorganisation took back still counts."""
    real = Dispatch._commit_page

    def commit_page(self: Dispatch, state: Any, page: Any, holders: Any) -> bool:
        return real(self, state, attrs.evolve(page, rolled_back_to=None), holders)

    patch.setattr(Dispatch, "_commit_page", commit_page)


def nobody_holds_a_lane(patch: pytest.MonkeyPatch) -> None:
    """Two processes may sign for one sender at a time, and a stale one may commit what is carried."""

    def lane(self: Transaction, chain: Any, sender: Any, holder: str, now: Any, _: int) -> Lane:
        return Lane(chain=str(chain), sender=str(sender), holder=holder, fence=1, lease_until=now)

    patch.setattr(Transaction, "acquire_lane", lane)
    patch.setattr(Transaction, "release_lane", lambda *_: True)
    patch.setattr(Transaction, "renew_lane", lambda self, lane, *_: lane)
    patch.setattr(Transaction, "check_fence", lambda *_: None)
    patch.setattr(outbox, "_refuse_carried", lambda *_: None)


def suspended_after_one_death(patch: pytest.MonkeyPatch) -> None:
    """Whatever a process was trying when it died is suspended at once, and somebody is called."""
    patch.setattr(attempts, "DEATHS_MAX", 1)


MUTANTS: tuple[Mutate, ...] = (
    final_in_the_newest_block,
    sent_only_once,
    refused_is_failed,
    cursor_begins_at_the_head,
    sent_before_it_is_committed,
    signed_anew_at_the_deadline,
    retractions_are_ignored,
    nobody_holds_a_lane,
    nonce_taken_before_its_bytes,
    suspended_after_one_death,
)
