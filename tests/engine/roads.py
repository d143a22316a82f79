"""A car and a charger whose sessions an engine carries on the reference chain."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import attrs

from sauma.chain import Batch, BatchKind, Issue
from sauma.engine import Engine
from sauma.identifiers import AccountId, content_id
from sauma.intervals import to_unix
from sauma.memory import MemoryChain, MemoryCodec, NamedSigner, escrow_account
from sauma.replay import ReplayReport, replay
from sauma.session import (
    Authorisation,
    Close,
    Receipt,
    SessionReading,
    SessionTerms,
    Signed,
    Statement,
)
from sauma.settlement import ESCROW
from sauma.testing import ManualClock
from sauma.venue import Venue

from .faulty import FaultyChain
from .town import STORE, empty_store

NAMES = ("car", "charger", "operator", "arbiter")
MONEY = 10_000
CAP = 5_000
REGISTER = 1_000_000


class Roads:
    """An engine, its chain, and what the parties sign."""

    def __init__(self, folder: Path, money: int = MONEY, **changes: Any) -> None:
        self.folder = folder
        (folder / STORE).write_bytes(empty_store())
        self.chain = MemoryChain("main")
        self.node = FaultyChain(self.chain)
        self.money = self.chain.asset("eur")
        self.accounts = {name: self.chain.account(name) for name in (*NAMES, "meter")}
        self.salts = 0
        self.clock = ManualClock(self.chain.head().newest.time)
        self.venue = Venue(
            chain=self.node,
            codec=MemoryCodec(),
            energy_asset=self.chain.asset("wh"),
            settings={},
            roles={ESCROW: escrow_account(self.chain.chain_id)},
            session_domain=self.chain.session_domain,
        )
        self.engine = self.open()
        self.engine.register_all([(name, self.accounts[name]) for name in NAMES])
        if money:
            self.fund(self.accounts["car"], money)
        self.terms = self.agree(**changes)

    def open(self) -> Engine:
        """Open the store, as another process would."""
        return Engine.open(self.folder / STORE, self.venue, clock=self.clock, draw_salt=self._salt)

    def _salt(self) -> bytes:
        self.salts += 1
        return content_id("salt", self.salts)

    def fund(self, account: AccountId, units: int) -> None:
        issue = Issue(
            instruction_id=content_id("fund", str(account)),
            authority=self.chain.account("bank"),
            evidence=b"",
            recipient=account,
            asset=self.money,
            units=units,
        )
        batch = Batch(
            batch_id=content_id("fund-batch", str(account)),
            kind=BatchKind.SETTLEMENT,
            instructions=(issue,),
        )
        for transaction in self.chain.prepare([batch], outstanding=()):
            self.chain.broadcast(transaction)
        self.chain.mine()

    def agree(self, **changes: Any) -> SessionTerms:
        newest = self.chain.head().newest.time
        terms = SessionTerms(
            domain=self.chain.session_domain,
            payer=self.accounts["car"],
            payee=self.accounts["charger"],
            operator=self.accounts["operator"],
            arbiter=self.accounts["arbiter"],
            meter=self.accounts["meter"],
            asset=self.money,
            price=250_000,
            price_decimals=6,
            fixed_fee_units=100,
            no_show_fee_units=300,
            fee_bps=500,
            energy_wh_max=50_000,
            starts_before=newest + timedelta(hours=1),
            ends_before=newest + timedelta(hours=4),
            contest_window_s=3_600,
            silence_limit_s=3_600,
            arbiter_window_s=3_600,
            bond_units=50,
            key="1",
        )
        return attrs.evolve(terms, **changes)

    # --- what is signed -----------------------------------------------------------------------------

    def sign(self, statement: Statement, *names: str, terms: SessionTerms | None = None) -> Any:
        payload = MemoryCodec().statement_payload(terms or self.terms, statement)
        signed = tuple(
            Signed(
                statement=statement,
                signer=self.accounts[name],
                signature=NamedSigner(account=self.accounts[name]).sign(payload),
            )
            for name in names
        )
        return signed[0] if len(signed) == 1 else signed

    def authorisation(self, units: int = CAP, terms: SessionTerms | None = None) -> Signed:
        terms = terms or self.terms
        return self.sign(
            Authorisation(
                session_id=terms.session_id,
                held_units=units,
                valid_until=to_unix(terms.starts_before),
            ),
            "car",
            terms=terms,
        )

    def reading(self, sequence: int, wh: int) -> Signed:
        return self.sign(
            SessionReading(
                session_id=self.terms.session_id,
                sequence=sequence,
                register_wh=REGISTER + wh,
                time=to_unix(self.clock.now()),
            ),
            "meter",
        )

    def receipt(self, sequence: int, wh: int, units: int) -> Signed:
        return self.sign(
            Receipt(
                session_id=self.terms.session_id,
                sequence=sequence,
                register_wh=REGISTER + wh,
                amount_units=units,
            ),
            "car",
        )

    def close(self, sequence: int, units: int) -> tuple[Signed, ...]:
        return self.sign(
            Close(session_id=self.terms.session_id, sequence=sequence, amount_units=units),
            "car",
            "charger",
        )

    # --- what happens -------------------------------------------------------------------------------

    def step(self, blocks: int = 1) -> None:
        for _ in range(blocks):
            self.engine.step()
            self.chain.mine()
            ahead = self.chain.head().newest.time - self.clock.now()
            self.clock.advance(seconds=int(ahead.total_seconds()))
        self.engine.step()

    def wait(self, seconds: int) -> None:
        self.chain.advance(seconds)
        self.step()

    def begun(self) -> None:
        """Prepaid and charging, both on the chain."""
        self.engine.sessions.authorise(self.terms, self.authorisation())
        self.step()
        self.engine.sessions.start(self.terms, self.reading(0, 0))
        self.step()

    def units(self) -> dict[str, int]:
        holders = {**{name: self.accounts[name] for name in NAMES[:3]}}
        holders["escrow"] = self.venue.roles[ESCROW]
        return {
            name: self.chain.balance(account, self.money).units for name, account in holders.items()
        }

    def replayed(self) -> ReplayReport:
        return replay(self.engine.store, codec=MemoryCodec(), chain=self.chain)
