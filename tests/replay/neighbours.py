"""A small neighbourhood that settles on the reference chain: what the replays of these tests read."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from sauma.engine import Engine
from sauma.identifiers import complete_gsrn
from sauma.intervals import Interval
from sauma.memory import MemoryChain, MemoryCodec
from sauma.offers import MeteringPoint, Offer, Reading, Side
from sauma.replay import ReplayReport, replay
from sauma.rulebook import Delivery, Netting, NettingPeriod, Rulebook, Supplier
from sauma.testing import ManualClock
from sauma.venue import Venue

AREA = "kortteli-1"
NAMES = ("alder", "birch", "cedar")
SUPPLIER = Supplier(name="supplier", sells_at_micro=160_000, buys_at_micro=40_000)
CODEC = MemoryCodec()
FLOWS = {"alder": (0, 15_000), "birch": (9_000, 0), "cedar": (8_000, 0)}
"""Imported and exported Wh of each, in the first interval."""


def rulebook_of(**facts) -> Rulebook:
    """Return a rulebook; what is given replaces what is usual here."""
    return Rulebook(**{"name": "seed", "version": 1, "supplier": SUPPLIER, **facts})


def every_rulebook() -> list[Rulebook]:
    """Return a rulebook of each mechanism, delivery and netting."""
    return [
        rulebook_of(mechanism=mechanism, delivery=delivery, netting=netting)
        for mechanism in ("equal_shares", "uniform_price")
        for delivery in Delivery
        for netting in Netting
    ]


@dataclass
class Neighbours:
    """An engine with three homes, each with a metering point and a price, and their chain."""

    path: Path
    chain: MemoryChain = field(default_factory=lambda: MemoryChain("main"))
    rulebook: Rulebook = field(default_factory=rulebook_of)
    without_account: Sequence[str] = ()
    draw_salt: Callable[[], bytes] | None = None

    def __post_init__(self) -> None:
        self.clock = ManualClock()
        self.salts = 0
        self.start = self.clock.now()
        self.engine = Engine.open(
            self.path,
            self.venue,
            rulebook=self.rulebook,
            clock=self.clock,
            draw_salt=self._salt,
        )
        self.engine.register_all(
            [
                (name, None if name in self.without_account else self.chain.account(name))
                for name in NAMES
            ]
        )
        self.engine.bind("@issuer", self.chain.account("issuer"))
        self.engine.bind("@clearing", self.chain.account("clearing"))
        self.points = {
            name: MeteringPoint(
                gsrn=complete_gsrn(f"6430000000000{number:04d}"), participant=name, area=AREA
            )
            for number, name in enumerate(NAMES)
        }
        self.engine.add_metering_points(self.points.values())
        for name, side, price in (
            ("alder", Side.ASK, 80_000),
            ("birch", Side.BID, 120_000),
            ("cedar", Side.BID, 100_000),
        ):
            self.engine.set_price(name, AREA, side, price, self.start)

    @property
    def venue(self) -> Venue:
        """The reference chain with its energy asset."""
        return Venue(
            chain=self.chain, codec=CODEC, energy_asset=self.chain.asset("wh"), settings={}
        )

    def _salt(self) -> bytes:
        self.salts += 1
        return self.salts.to_bytes(32, "big")

    def interval(self, number: int) -> Interval:
        """Return the interval of that number since the start."""
        return Interval(start=self.start + timedelta(minutes=15 * number))

    def read(self, number: int, *, version: int = 1, flows=None, more_wh: int = 0) -> None:
        """Take the readings of an interval."""
        self.engine.accept(
            [
                Reading(
                    metering_point=self.points[name].gsrn,
                    interval=self.interval(number),
                    imported_wh=imported_wh + (100 * number + more_wh if imported_wh else 0),
                    exported_wh=exported_wh,
                    version=version,
                    key="meter",
                )
                for name, (imported_wh, exported_wh) in (flows or FLOWS).items()
            ]
        )

    def post(self, number: int, participant: str, side: Side, energy_wh: int, limit: int) -> None:
        """Take an offer for an interval."""
        offer = Offer(
            side=side,
            area=AREA,
            interval=self.interval(number),
            participant=participant,
            key="extra",
            energy_wh=energy_wh,
            limit_micro=limit,
        )
        self.engine.post([offer])

    def close(self, intervals: int = 1) -> None:
        """Let so many intervals pass, clear and plan what is over."""
        self.clock.advance(seconds=intervals * 900)
        self.engine.clear_due()
        self.engine.settle_due()

    def finish(self, rounds: int = 40) -> None:
        """Step and mine until everything is final and billed."""
        for _ in range(rounds):
            self.engine.step()
            if self.engine.finished:
                return
            self.chain.mine()
        raise AssertionError("the settlements do not come to an end")

    def live(self, intervals: Iterable[int] = (0,)) -> Neighbours:
        """Read, clear, settle and finish some intervals, one after the other."""
        for number in intervals:
            self.read(number)
            self.close()
            self.finish()
        return self

    def replay(self, *, offline: bool = False) -> ReplayReport:
        """Replay the journal, against the chain unless offline."""
        return replay(self.engine.store, codec=CODEC, chain=None if offline else self.chain)


def day_rulebook() -> Rulebook:
    """Return a rulebook that nets a whole day multilaterally."""
    return rulebook_of(netting=Netting.MULTILATERAL, netting_period=NettingPeriod.DAY)
