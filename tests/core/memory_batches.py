"""Batches, and a chain with funds, for the tests of the reference chain."""

from __future__ import annotations

import attrs

from sauma.chain import (
    Anchor,
    Batch,
    BatchKind,
    Instruction,
    Issue,
    Leg,
    Net,
    Retire,
    SignedTransaction,
    Transfer,
    Word,
)
from sauma.identifiers import AccountId, AssetId, ChainId, content_id
from sauma.memory import MemoryChain

CHAIN = ChainId("memory:main")
GRID, ANNA, BERT, CLEO = (AccountId.on(CHAIN, name) for name in ("grid", "anna", "bert", "cleo"))
ENERGY, MONEY = (AssetId.on(CHAIN, "unit", name) for name in ("wh", "eur"))
FOREIGN = AccountId("memory:other:anna")

STAMP = {"instruction_id": bytes(32), "evidence": b""}


def issue(units: int = 10, recipient: AccountId = ANNA, **changes: object) -> Issue:
    made = Issue(authority=GRID, recipient=recipient, asset=ENERGY, units=units, **STAMP)
    return attrs.evolve(made, **changes)


def transfer(units: int = 10, **changes: object) -> Transfer:
    made = Transfer(authority=ANNA, sender=ANNA, recipient=BERT, asset=ENERGY, units=units, **STAMP)
    return attrs.evolve(made, **changes)


def retire(units: int = 10, account: AccountId = BERT) -> Retire:
    return Retire(authority=account, account=account, asset=ENERGY, units=units, **STAMP)


def net(*legs: tuple[AccountId, int]) -> Net:
    return Net(
        authority=GRID,
        legs=tuple(Leg(account=each, asset=ENERGY, delta_units=delta) for each, delta in legs),
        **STAMP,
    )


def anchor(root: bytes = bytes(32)) -> Anchor:
    return Anchor(authority=GRID, root=root, **STAMP)


def batch(key: str, *instructions: Instruction, atomic: bool = False) -> Batch:
    return Batch(
        batch_id=content_id("batch", key),
        kind=BatchKind.SETTLEMENT,
        instructions=instructions,
        atomic=atomic,
    )


def send(
    chain: MemoryChain,
    *batches: Batch,
    outstanding: tuple[SignedTransaction, ...] = (),
    replaces: SignedTransaction | None = None,
) -> tuple[SignedTransaction, ...]:
    prepared = chain.prepare(batches, outstanding=outstanding, replaces=replaces)
    assert len(prepared) == len(batches)
    for transaction in prepared:
        assert chain.broadcast(transaction).word is Word.ACCEPTED
    return prepared


def units_of(chain: MemoryChain, *accounts: AccountId) -> list[int]:
    return [chain.balance(account, ENERGY).units for account in accounts]


def funded(units: int = 10, **settings: object) -> MemoryChain:
    """A chain on which Anna holds units."""
    chain = MemoryChain(**settings)
    send(chain, batch("funding", issue(units)))
    chain.mine()
    return chain


@attrs.frozen(kw_only=True)
class EchoSigner:
    """A signer whose signature shows who signed what."""

    account: AccountId

    @property
    def public_key(self) -> bytes:
        return self.account.text.encode()

    def sign(self, payload: bytes) -> bytes:
        return content_id("echo", str(self.account), payload)
