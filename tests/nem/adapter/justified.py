"""A street whose issuer needs two: the operator proposes, an auditor signs what the journal derives."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import attrs

from sauma.engine import Engine
from sauma.intervals import Interval
from sauma.journal_claims import JournalClaims
from sauma.offers import MeteringPoint, Reading, Side
from sauma.rulebook import Delivery, Rulebook, Supplier
from sauma.settlement import CLEARING, ISSUER
from sauma.testing import ManualClock
from sauma.venue import Venue
from sauma_nem import NemChain
from sauma_nem.cosigning import Cosigner
from sauma_nem.judging import JournalJudge
from sauma_nem.network import unix_seconds_from_seconds
from sauma_nem.signed_record import SignedRecord

from .authority import AUDITOR, OPERATOR, delegate_of, entrust
from .street import BUYER, PRODUCER, STRANGER, Street, a_street, settings_of
from .street import ISSUER as ISSUING

SETTINGS = settings_of(cosignatures=1, finality_blocks=4, deadline_s=600)
POINTS = {"anna": "643000000000000016", "ben": "643000000000000023"}
RULES = Rulebook(
    name="street",
    version=1,
    supplier=Supplier(name="supplier", sells_at_micro=160_000, buys_at_micro=40_000),
    delivery=Delivery.ISSUER_DIRECT,
)


@attrs.define(kw_only=True)
class Justified:
    """The street, the operator's engine, and the auditor's cosigner that reads the engine's store."""

    street: Street
    engine: Engine
    venue: Venue
    clock: ManualClock
    folder: Path
    closing: ExitStack

    def cosigner(self, *, rulebooks: tuple[bytes, ...] = (RULES.rulebook_hash,)) -> Cosigner:
        """A cosigner as a new process would be: its record is all that it remembers."""
        chain = NemChain(SETTINGS, self.street.client)
        venue = attrs.evolve(self.venue, chain=chain)
        claims = self.closing.enter_context(JournalClaims(self.folder / "store.sqlite", venue))
        return Cosigner(
            self.street.client,
            SETTINGS,
            account=ISSUING.account,
            signer=AUDITOR,
            judge=JournalJudge(claims, SETTINGS, rulebooks=rulebooks),
            record=SignedRecord(self.folder / "signed.jsonl"),
        )

    def sell(self, sold_wh: int, bought_wh: int) -> None:
        """Take a quarter-hour in, and plan what follows from it."""
        start = self.clock.now() - timedelta(minutes=30)
        interval = Interval.containing(start)
        self.engine.accept(
            [
                Reading(
                    metering_point=POINTS[name],
                    interval=interval,
                    key="1",
                    imported_wh=imported_wh,
                    exported_wh=exported_wh,
                )
                for name, imported_wh, exported_wh in (
                    ("anna", 0, sold_wh),
                    ("ben", bought_wh, 0),
                )
            ]
        )
        self.engine.clear_due()
        self.engine.settle_due()

    def mine(self, blocks: int = 1) -> None:
        """Let blocks pass, and the engine's clock with them."""
        self.street.node.mine(blocks)
        self.clock.advance(seconds=60 * blocks)


@contextmanager
def a_justified_street(folder: Path) -> Iterator[Justified]:
    """The issuer has become an account of two, operator and auditor."""
    with ExitStack() as stack:
        street = stack.enter_context(
            a_street(SETTINGS, more_balances={BUYER.account.address: 100_000_000})
        )
        entrust(street.node, street.client, ISSUING, OPERATOR, AUDITOR, needed=2)
        chain = NemChain(SETTINGS, street.client, {ISSUING.account: delegate_of(ISSUING, OPERATOR)})
        venue = Venue(
            chain=chain,
            codec=chain.codec,
            energy_asset=SETTINGS.energy_asset,
            settings=SETTINGS.to_facts(),
            roles={ISSUER: ISSUING.account, CLEARING: STRANGER.account},
        )
        now = unix_seconds_from_seconds(street.node.now_seconds())
        clock = ManualClock(datetime.fromtimestamp(now, UTC))
        engine = stack.enter_context(
            Engine.open(folder / "store.sqlite", venue, rulebook=RULES, clock=clock)
        )
        since = Interval.containing(clock.now() - timedelta(days=1)).start
        for name, signer in (("anna", PRODUCER), ("ben", BUYER)):
            engine.register(name, signer.account)
            engine.add_metering_points(
                [MeteringPoint(gsrn=POINTS[name], participant=name, area="street")]
            )
        engine.set_price("anna", "street", Side.ASK, 80_000, since)
        engine.set_price("ben", "street", Side.BID, 120_000, since)
        yield Justified(
            street=street, engine=engine, venue=venue, clock=clock, folder=folder, closing=stack
        )
