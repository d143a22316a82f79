"""Chains on which a charge is settled: each with a car, an owner, an operator, a meter, and money."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from sauma.chain import Batch, BatchKind, Chain, Issue, Signer
from sauma.engine import Engine
from sauma.identifiers import AccountId, AssetId, content_id
from sauma.memory import MemoryChain, MemoryCodec, NamedSigner, escrow_account
from sauma.replay import ReplayReport, replay
from sauma.session import Verifier
from sauma.settlement import ESCROW
from sauma.venue import Venue
from sauma_metering.charging import Party

HOLDERS = ("car", "charger", "operator")


class ChargingWorld(ABC):
    """A chain with parties on it; `money` is what charging is paid with."""

    engine: Engine
    chain: Chain
    venue: Venue
    money: AssetId
    accounts: dict[str, AccountId]

    def now(self) -> datetime:
        """The chain's own time, which deadlines count by."""
        return self.chain.head().newest.time

    @abstractmethod
    def signer(self, name: str) -> Signer:
        """Who signs for a party or the meter."""

    @abstractmethod
    def mine(self) -> None:
        """Make a block."""

    def party(self, name: str) -> Party:
        """A party with its way of signing evidence on this chain."""
        codec, signer = self.venue.codec, self.signer(name)
        assert isinstance(codec, Verifier)
        return Party(
            account=self.accounts[name],
            sign=lambda terms, statement: signer.sign(codec.statement_payload(terms, statement)),
        )

    def run(self, blocks: int) -> None:
        """Let the engine carry what it has, block by block."""
        for _ in range(blocks):
            self.engine.step()
            self.mine()
        self.engine.step()

    def units(self, name: str) -> int:
        """What a party has."""
        return self.chain.balance(self.accounts[name], self.money).units

    def replayed(self) -> ReplayReport:
        """Do it all again, and compare with the chain."""
        return replay(self.engine.store, codec=self.venue.codec, chain=self.chain)


class MemoryWorld(ChargingWorld):
    """The reference chain, which enforces sessions itself."""

    def __init__(self, folder: Path, money_units: int) -> None:
        self.chain = MemoryChain("main")
        self.money = self.chain.asset("eur")
        self.accounts = {name: self.chain.account(name) for name in (*HOLDERS, "meter")}
        self.venue = Venue(
            chain=self.chain,
            codec=MemoryCodec(),
            energy_asset=self.chain.asset("wh"),
            settings={},
            roles={ESCROW: escrow_account(self.chain.chain_id)},
            session_domain=self.chain.session_domain,
        )
        self.engine = Engine.open(folder / "store.sqlite", self.venue)
        self.engine.register_all([(name, self.accounts[name]) for name in HOLDERS])
        self._fund(money_units)

    def signer(self, name: str) -> Signer:
        return NamedSigner(account=self.accounts[name])

    def mine(self) -> None:
        self.chain.mine()

    def _fund(self, units: int) -> None:
        issue = Issue(
            instruction_id=content_id("fund"),
            authority=self.chain.account("bank"),
            evidence=b"",
            recipient=self.accounts["car"],
            asset=self.money,
            units=units,
        )
        batch = Batch(
            batch_id=content_id("fund-batch"), kind=BatchKind.SETTLEMENT, instructions=(issue,)
        )
        for transaction in self.chain.prepare([batch], outstanding=()):
            self.chain.broadcast(transaction)
        self.chain.mine()


@contextmanager
def memory_world(folder: Path, money_units: int) -> Iterator[ChargingWorld]:
    """Open the reference chain and an engine on it."""
    world = MemoryWorld(folder, money_units)
    try:
        yield world
    finally:
        world.engine.close()
