"""The charging demo: a car that pays at red lights and at a charger, the same on every chain."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final

from sauma.billing import BillStatus
from sauma.chain import Support
from sauma.charging import SessionReceipt
from sauma.clock import SystemClock
from sauma.engine import Engine
from sauma.errors import Disagreement, Unsupported
from sauma.intervals import to_unix
from sauma.replay import replay
from sauma.session import (
    Authorisation,
    Receipt,
    SessionReading,
    SessionTerms,
    gross_units,
)
from sauma.units import MICRO_PER_UNIT
from sauma_cli.ev_places import NAMES, Place, open_place
from sauma_cli.ev_story import EvStory
from sauma_cli.folder import Folder
from sauma_cli.options import ChainName
from sauma_cli.screen import Screen

PRICE_MICRO_PER_WH: Final = 250
"""0.25 coins a kWh."""
FEE_BPS: Final = 500
LIGHTS_WH: Final = (275, 190, 412, 333, 240)
"""What flowed at each red light: half a minute to a minute at 22 kW."""
CHARGED_WH: Final = 18_400
REGISTERS_WH: Final = {"street": 4_200_000, "charger": 910_000}
HELD_MICRO: Final = {"street": 1 * MICRO_PER_UNIT, "charger": 8 * MICRO_PER_UNIT}
BLOCKS_MAX: Final = 40
FINAL_BLOCKS_MAX: Final = 400


def charge(kind: ChainName, folder: Folder, screen: Screen) -> dict[str, Any]:
    """Tell the story on a chain of its own; return the facts of it.

    The folder then has journal and chain, as a settlement's has, and is not sealed yet.
    """
    with open_place(kind, folder) as place:
        capabilities = place.venue.chain.capabilities
        if not capabilities.hold or not capabilities.contest:
            raise Unsupported(
                f"{place.venue.chain_id} declares no hold: choose --chain memory or --chain nem"
            )
        story = EvStory(screen, place)
        story.begin(folder.path)
        clock = SystemClock()
        with Engine.open(folder.store, place.venue, clock=clock) as engine:
            engine.register_all([(name, place.account(name)) for name in NAMES])
            drive = _Drive(engine, place, story)
            drive.red_lights()
            drive.charger()
            drive.end()
            receipts = engine.sessions.receipts()
            _check(receipts)
            story.table(receipts)
            report = replay(engine.store, codec=place.venue.codec, chain=place.venue.chain)
            if report.findings:
                found = report.findings[0]
                raise Disagreement(f"replay finds at {found.place}: {found.explanation}")
            story.end(receipts, report, folder.path)
            return {
                "chain": place.venue.chain_id,
                "folder": str(folder.path),
                "enforced": capabilities.hold is Support.NATIVE,
                "sessions": [
                    _facts(name, one) for name, one in zip(REGISTERS_WH, receipts, strict=True)
                ],
                "replayed_entries": report.entries,
                "blocks_compared": report.blocks_compared,
            }


class _Drive:
    """A car on its way, and what is signed on it."""

    def __init__(self, engine: Engine, place: Place, story: EvStory) -> None:
        self._engine = engine
        self._place = place
        self._story = story

    def red_lights(self) -> None:
        """Prepay once, charge at five red lights, pay once: nothing on the chain in between."""
        terms = self._begin("street")
        receipt = None
        total_wh = 0
        for number, wh in enumerate(LIGHTS_WH, start=1):
            total_wh += wh
            receipt = self._receipt("street", terms, number, total_wh)
            self._story.light(number, wh, receipt.amount_units)
        if receipt is None:
            return
        self._engine.sessions.close(terms, self._place.sign("car", terms, receipt))
        self._carry()
        self._story.closed("street", self._engine.sessions.receipt(terms.session_id))

    def charger(self) -> None:
        """Prepay at a charger, charge, pay what the meter says, get the rest back."""
        terms = self._begin("charger")
        receipt = self._receipt("charger", terms, 1, CHARGED_WH)
        self._story.charged(CHARGED_WH, receipt.amount_units)
        self._engine.sessions.close(terms, self._place.sign("car", terms, receipt))
        self._carry()
        self._story.closed("charger", self._engine.sessions.receipt(terms.session_id))

    def end(self) -> None:
        """Make blocks until everything is final."""
        for _ in range(FINAL_BLOCKS_MAX):
            if all(one.status is BillStatus.FINAL for one in self._engine.sessions.receipts()):
                return
            self._place.mine(10)
            self._engine.step()
        raise Disagreement("the sessions are not final: tell the developers of sauma")

    def _begin(self, payee: str) -> SessionTerms:
        terms = self._agree(payee)
        held = Authorisation(
            session_id=terms.session_id,
            held_units=HELD_MICRO[payee],
            valid_until=to_unix(terms.starts_before),
        )
        self._engine.sessions.authorise(terms, self._place.sign("car", terms, held))
        first = SessionReading(
            session_id=terms.session_id,
            sequence=0,
            register_wh=REGISTERS_WH[payee],
            time=to_unix(self._now()),
        )
        self._engine.sessions.start(terms, self._place.sign(f"{payee}-meter", terms, first))
        self._carry()
        self._story.begun(payee, terms, HELD_MICRO[payee])
        return terms

    def _agree(self, payee: str) -> SessionTerms:
        now = self._now()
        account = self._place.account
        return SessionTerms(
            domain=self._place.venue.session_domain,
            payer=account("car"),
            payee=account(payee),
            operator=account("operator"),
            meter=account(f"{payee}-meter"),
            asset=self._place.asset,
            price=PRICE_MICRO_PER_WH,
            price_decimals=0,
            fee_bps=FEE_BPS,
            energy_wh_max=60_000,
            starts_before=now + timedelta(hours=2),
            ends_before=now + timedelta(hours=12),
            contest_window_s=3_600,
            silence_limit_s=1_800,
            key=f"demo {payee}",
        )

    def _receipt(self, payee: str, terms: SessionTerms, sequence: int, wh: int) -> Receipt:
        """Return what the car countersigns: the register, and what it comes to by the terms."""
        start = REGISTERS_WH[payee]
        return Receipt(
            session_id=terms.session_id,
            sequence=sequence,
            register_wh=start + wh,
            amount_units=gross_units(terms, HELD_MICRO[payee], start, start + wh),
        )

    def _now(self) -> Any:
        return self._place.venue.chain.head().newest.time.replace(microsecond=0)

    def _carry(self) -> None:
        """Step and make blocks until all that was asked for is included."""
        for _ in range(BLOCKS_MAX):
            progress = self._engine.step()
            receipts = self._engine.sessions.receipts()
            if progress.held:
                raise Disagreement(progress.held[0].reason)
            if all(one.status is not BillStatus.OPEN for one in receipts):
                return
            self._place.mine()
        raise Disagreement(f"not carried within {BLOCKS_MAX} blocks: tell the developers of sauma")


def _check(receipts: tuple[SessionReceipt, ...]) -> None:
    """Raise unless the chain paid what the meters say, to the unit."""
    due = [sum(LIGHTS_WH) * PRICE_MICRO_PER_WH, CHARGED_WH * PRICE_MICRO_PER_WH]
    for one, gross in zip(receipts, due, strict=True):
        if (one.gross_units, one.locked_units) != (gross, 0):
            raise Disagreement(
                f"session {one.session_id.hex()} comes to {gross} by the meter, the chain paid "
                f"{one.gross_units} and holds {one.locked_units}"
            )


def _facts(name: str, one: SessionReceipt) -> dict[str, Any]:
    return {
        "session_id": one.session_id.hex(),
        "payee": name,
        "state": one.state.name.lower(),
        "status": one.status.name.lower(),
        "energy_wh": one.energy_wh,
        "held_units": one.held_units,
        "gross_units": one.gross_units,
        "fee_units": one.fee_units,
        "refunded_units": one.refunded_units,
    }
