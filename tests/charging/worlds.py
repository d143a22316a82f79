"""Chains on which a charge is settled: the places of the charging demo, with an engine."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from sauma.chain import Cursor
from sauma.engine import Engine
from sauma.identifiers import AccountId
from sauma.replay import ReplayReport, replay
from sauma_cli.ev_places import NAMES, Place, open_place
from sauma_cli.folder import Folder
from sauma_cli.options import ChainName
from sauma_metering.charging import Party


class ChargingWorld:
    """A chain with parties on it, who pay with its coin, and the engine that carries their sessions."""

    def __init__(self, place: Place, engine: Engine) -> None:
        self.place, self.engine = place, engine
        self.chain = place.venue.chain
        self.engine.register_all([(name, place.account(name)) for name in NAMES])
        self._before = self._moved()

    def now(self) -> datetime:
        """The chain's own time, which deadlines count by."""
        return self.chain.head().newest.time

    def party(self, name: str) -> Party:
        """A party with its way of signing evidence on this chain."""
        return Party(
            account=self.place.account(name),
            sign=lambda terms, statement: self.place.sign(name, terms, statement).signature,
        )

    def run(self, blocks: int) -> None:
        """Let the engine carry what it has, block by block; nothing may be held back."""
        for _ in range(blocks):
            assert self.engine.step().held == ()
            self.place.mine()
        self.engine.step()

    def run_to_the_end(self) -> None:
        """Let everything become final."""
        self.run(6)
        self.place.mine(self.chain.capabilities.finality_blocks)
        self.run(1)

    def gained(self, name: str) -> int:
        """What a party got of the coin since we began, by the chain's events; fees are not counted."""
        account = self.place.account(name)
        return self._moved()[account] - self._before[account]

    def replayed(self) -> ReplayReport:
        """Do it all again, and compare with the chain."""
        return replay(self.engine.store, codec=self.place.venue.codec, chain=self.chain)

    def _moved(self) -> Counter[AccountId]:
        moved: Counter[AccountId] = Counter()
        cursor, more = Cursor(), True
        while more:
            page = self.chain.events(cursor)
            cursor, more = page.cursor, page.more
            for event in page.events:
                for effect in event.effects:
                    if effect.asset == self.place.asset:
                        moved[effect.account] += effect.delta_units
        return moved


@contextmanager
def charging_world(kind: ChainName, folder: Path) -> Iterator[ChargingWorld]:
    """Open a chain of that kind, and an engine on it."""
    kept = Folder(folder)
    with open_place(kind, kept) as place, Engine.open(kept.store, place.venue) as engine:
        yield ChargingWorld(place, engine)
