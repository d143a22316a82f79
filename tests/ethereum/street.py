"""A street on a local Ethereum chain: issuer, settler, and three neighbours with numbers."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import attrs
import pytest

from sauma.chain import (
    Batch,
    BatchKind,
    ChainEvent,
    Cursor,
    Instruction,
    Issue,
    Leg,
    Net,
    SignedTransaction,
    Transfer,
)
from sauma.identifiers import AccountId, content_id
from sauma_ethereum import EthereumChain, LocalEthereum
from sauma_ethereum.anvil import Missing
from sauma_ethereum.caip import address_on
from sauma_ethereum.ledger import call, selector
from sauma_ethereum.reading import LedgerReader
from sauma_ethereum.transactions import FeeTransaction

CONTRACTS = Path(__file__).parents[2] / "contracts"
"""Where npm puts anvil."""
NAMES = ("anna", "bert", "cleo")


def start_anvil(**options: Any) -> LocalEthereum:
    """Return a chain on anvil; where it cannot be had, what needs it is reported as not run, by name."""
    try:
        return LocalEthereum.anvil(folder=CONTRACTS, **options)
    except Missing as error:
        pytest.skip(f"not run: {error}")


class Street:
    """A contract on a local chain, its operators, and words for what is asked of it."""

    def __init__(self, local: LocalEthereum, **options: Any) -> None:
        self.local = local
        self.issuer, self.settler = local.signer("issuer"), local.signer("settler")
        self.signers = {each.account: each for each in (self.issuer, self.settler)}
        self.settings = local.deploy(self.issuer, self.settler, **options)
        self.anna, self.bert, self.cleo = (local.signer(name).account for name in NAMES)
        self.chain = self.adapter()
        local.register(self.chain, [self.anna, self.bert, self.cleo])
        self._made = 0
        self.base = local.snapshot()

    def adapter(self, **options: Any) -> EthereumChain:
        return self.local.chain(self.settings, self.signers, **options)

    def restore(self) -> Street:
        self.base = self.local.revert(self.base)
        self.chain = self.adapter()
        return self

    def _id(self, kind: str) -> bytes:
        self._made += 1
        return content_id(f"street-{kind}", self._made)

    def batch(self, *instructions: Instruction, atomic: bool = False) -> Batch:
        return Batch(
            batch_id=self._id("batch"),
            kind=BatchKind.SETTLEMENT,
            instructions=instructions,
            atomic=atomic,
        )

    def issue(self, recipient: AccountId, units: int) -> Issue:
        return Issue(
            instruction_id=self._id("issue"),
            authority=self.issuer.account,
            evidence=b"",
            recipient=recipient,
            asset=self.settings.energy_asset,
            units=units,
        )

    def transfer(self, sender: AccountId, recipient: AccountId, units: int) -> Transfer:
        return Transfer(
            instruction_id=self._id("transfer"),
            authority=self.settler.account,
            evidence=b"",
            sender=sender,
            recipient=recipient,
            asset=self.settings.energy_asset,
            units=units,
        )

    def pay(self, sender: AccountId, recipient: AccountId, wei: int) -> Transfer:
        return Transfer(
            instruction_id=self._id("pay"),
            authority=sender,
            evidence=b"",
            sender=sender,
            recipient=recipient,
            asset=self.settings.fee_asset,
            units=wei,
        )

    def net(self, **deltas: int) -> Net:
        return Net(
            instruction_id=self._id("net"),
            authority=self.settler.account,
            evidence=b"",
            legs=tuple(
                Leg(
                    account=getattr(self, name),
                    asset=self.settings.energy_asset,
                    delta_units=delta,
                )
                for name, delta in deltas.items()
            ),
        )

    def send(
        self, *batches: Batch, outstanding: Sequence[SignedTransaction] = ()
    ) -> tuple[SignedTransaction, ...]:
        prepared = self.chain.prepare(batches, outstanding=outstanding)
        for each in prepared:
            self.chain.broadcast(each)
        return prepared

    def land(self, *batches: Batch) -> tuple[SignedTransaction, ...]:
        sent = self.send(*batches)
        self.local.mine()
        return sent

    def units(self, account: AccountId) -> int:
        return self.chain.balance(account, self.settings.energy_asset).units

    def events(self, chain: EthereumChain | None = None) -> list[ChainEvent]:
        found: list[ChainEvent] = []
        cursor = Cursor()
        while True:
            page = (chain or self.chain).events(cursor)
            found += page.events
            cursor = page.cursor
            if not page.more:
                return found

    def deposit_money(self, account: AccountId, units: int) -> None:
        """Let the issuer pay test money into an account, as anybody may."""
        node, chain = self.local.node, self.settings.chain
        ledger = self.settings.ledger_address
        reply = node.call(ledger, selector("MONEY()"))
        assert isinstance(reply, bytes)
        money = reply[12:]
        self.local.mint_money(money, self.issuer.account, units)
        number = LedgerReader(self.settings).numbers_of(
            node, [address_on(account, chain)], node.height()
        )[address_on(account, chain)]
        calls = [
            (money, call("approve(address,uint256)", ledger, units)),
            (ledger, call("deposit(uint32,uint32,uint64)", self.settings.area, number, units)),
        ]
        nonce = node.nonces(address_on(self.issuer.account, chain))[1]
        for place, (to, data) in enumerate(calls):
            unsigned = FeeTransaction(
                chain_number=self.settings.chain_number,
                nonce=nonce + place,
                priority_fee_wei=10**9,
                fee_wei_max=10**10,
                gas_max=300_000,
                to=to,
                value_wei=0,
                data=data,
            )
            signature = self.issuer.sign(unsigned.payload())
            node.send_raw(attrs.evolve(unsigned, signature=signature).raw())
        self.local.mine()
