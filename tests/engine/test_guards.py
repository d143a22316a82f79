"""The guards of dispatch, each with the mutant that lacks it: the scenario notices, so it is a test."""

from __future__ import annotations

from collections.abc import Callable

import attrs
import pytest

from sauma.chain import Word
from sauma.dispatch import Dispatch
from sauma.dispatch.rows import RAW
from sauma.errors import SaumaError
from sauma.steps import standing

from .faulty import Fault
from .town import Town


def committed_before_sent(town: Town) -> None:
    """Whatever a node is given is on the disk already, as another process can see."""
    town.sunny()
    town.plan()
    other = town.open(holder="other")
    real = town.node.broadcast

    def watched(transaction):
        kept = other.store.vault_get(RAW, transaction.transaction_id.hex())
        assert kept is not None, "sent before it was committed"
        assert kept.content == transaction.raw
        return real(transaction)

    town.node.broadcast = watched
    try:
        town.run()
    finally:
        other.close()


def same_bytes_after_a_refusal(town: Town) -> None:
    """A refusal proves nothing: no other bytes are made for the batch."""
    town.sunny()
    town.plan()
    town.node.always = Fault.REFUSE
    for _ in range(4):
        town.step()
        town.chain.mine()
    town.node.always = None
    town.run()

    assert len(town.node.prepared) == 3


def events_come_with_the_cursor(town: Town) -> None:
    """What the cursor passed is in the journal: the payments are found, and the bills are final."""
    town.sunny()
    town.plan()
    town.run(blocks_max=15)


def final_only_at_finality(town: Town) -> None:
    """In a block is not final."""
    town.sunny()
    town.plan()
    town.step()
    town.chain.mine()
    town.step()
    town.chain.mine()
    town.step()

    assert set(town.statuses().values()) == {"PROVISIONAL"}
    town.run()


def rolled_back_is_open(town: Town) -> None:
    """What a reorganisation took back is not delivered."""
    town.sunny()
    town.plan()
    for _ in range(3):
        town.step()
        town.chain.mine()
    town.chain.rollback(3)
    town.step()

    assert set(town.statuses().values()) == {"OPEN"}
    town.run()


def _send_then_commit(monkeypatch: pytest.MonkeyPatch) -> None:
    real = Dispatch._commit

    def commit(self, lane, sender, prepared, *rest):
        self._broadcast(prepared)
        return real(self, lane, sender, prepared, *rest)

    monkeypatch.setattr(Dispatch, "_commit", commit)


def _bury_what_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def send(self, transaction, _height):
        if self._venue.chain.broadcast(transaction).word is Word.REJECTED:
            self._bury(transaction, "refused")
        return 1

    monkeypatch.setattr(Dispatch, "_send", send)


def _lose_events(monkeypatch: pytest.MonkeyPatch) -> None:
    real = Dispatch._commit_page

    def commit_page(self, state, page, holders):
        return real(self, state, attrs.evolve(page, events=()), holders)

    monkeypatch.setattr(Dispatch, "_commit_page", commit_page)


def _believe_every_block(monkeypatch: pytest.MonkeyPatch) -> None:
    real = standing._seen_batches

    def seen_batches(*arguments, **options):
        seen = real(*arguments, **options)
        return {batch: (True, effects) for batch, (_, effects) in seen.items()}

    monkeypatch.setattr(standing, "_seen_batches", seen_batches)


def _forget_retractions(monkeypatch: pytest.MonkeyPatch) -> None:
    real = Dispatch._commit_page

    def commit_page(self, state, page, holders):
        return real(self, state, attrs.evolve(page, rolled_back_to=None), holders)

    monkeypatch.setattr(Dispatch, "_commit_page", commit_page)


GUARDS: list[tuple[Callable[[Town], None], Callable[[pytest.MonkeyPatch], None]]] = [
    (committed_before_sent, _send_then_commit),
    (same_bytes_after_a_refusal, _bury_what_is_refused),
    (events_come_with_the_cursor, _lose_events),
    (final_only_at_finality, _believe_every_block),
    (rolled_back_is_open, _forget_retractions),
]


@pytest.mark.parametrize("scenario", [scenario for scenario, _ in GUARDS])
def test_the_guard_holds(town, scenario):
    """As the engine is, the scenario ends well."""
    scenario(town)


@pytest.mark.parametrize(("scenario", "mutate"), GUARDS)
def test_without_the_guard_it_is_noticed(town, scenario, mutate, monkeypatch):
    """Without its guard the same scenario fails: it would notice if the guard were lost."""
    mutate(monkeypatch)

    with pytest.raises((AssertionError, SaumaError)):
        scenario(town)
