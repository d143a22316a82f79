"""The reference chain with holds and statements, emulated: what the suite asks of them can be done."""

from __future__ import annotations

from collections.abc import Sequence

import attrs

from sauma.chain import (
    Anchor,
    Attest,
    Batch,
    Capabilities,
    Capture,
    Chain,
    Hold,
    Instruction,
    Leg,
    Net,
    Quote,
    Release,
    SignedTransaction,
    Support,
    Transfer,
)
from sauma.identifiers import AccountId, AssetId, content_id
from sauma.testing import Delegating, MemoryHarness


class EscrowChain(Delegating):
    """Keeps what each session holds on an account of its own."""

    def __init__(self, inner: Chain, asset: AssetId) -> None:
        super().__init__(inner)
        self.asset = asset

    @property
    def capabilities(self) -> Capabilities:
        return attrs.evolve(
            self.inner.capabilities, hold=Support.EMULATED, contest=Support.EMULATED
        )

    def quote(self, batches: Sequence[Batch]) -> Quote:
        return self.inner.quote([self.plain(each) for each in batches])

    def prepare(
        self,
        batches: Sequence[Batch],
        *,
        outstanding: Sequence[SignedTransaction],
        replaces: SignedTransaction | None = None,
    ) -> tuple[SignedTransaction, ...]:
        plain = [self.plain(each) for each in batches]
        return self.inner.prepare(plain, outstanding=outstanding, replaces=replaces)

    def plain(self, batch: Batch) -> Batch:
        return attrs.evolve(
            batch, instructions=tuple(self.instead(each) for each in batch.instructions)
        )

    def instead(self, each: Instruction) -> Instruction:
        """What is asked of the chain below."""
        match each:
            case Hold(payer=payer, units=units):
                return self.move(each, payer, self.escrow(each.session_id), units)
            case Capture(parts=parts):
                credits = [
                    Leg(account=part.payee, asset=self.asset, delta_units=part.units)
                    for part in parts
                ]
                debit = Leg(
                    account=self.escrow(each.session_id),
                    asset=self.asset,
                    delta_units=-sum(part.units for part in parts),
                )
                return Net(
                    instruction_id=each.instruction_id,
                    authority=each.authority,
                    evidence=b"",
                    legs=(debit, *credits),
                )
            case Release():
                escrow = self.escrow(each.session_id)
                return self.move(each, escrow, each.authority, self.released_units(escrow))
            case Attest(statement=statement):
                return Anchor(
                    instruction_id=each.instruction_id,
                    authority=each.authority,
                    evidence=b"",
                    root=content_id("statement", statement),
                )
            case _:
                return each

    def escrow(self, session_id: bytes) -> AccountId:
        return AccountId.on(self.chain_id, f"session-{session_id.hex()[:32]}")

    def released_units(self, escrow: AccountId) -> int:
        return self.inner.balance(escrow, self.asset).units

    def move(
        self, asked: Hold | Release, sender: AccountId, recipient: AccountId, units: int
    ) -> Transfer:
        return Transfer(
            instruction_id=asked.instruction_id,
            authority=asked.authority,
            evidence=b"",
            sender=sender,
            recipient=recipient,
            asset=self.asset,
            units=units,
        )


class KeepsARefund(EscrowChain):
    """Gives back one unit less than is left."""

    caught_by = "CS-220"

    def released_units(self, escrow: AccountId) -> int:
        return super().released_units(escrow) - 1


class HoldsNothing(EscrowChain):
    """Leaves with the payer what it says it holds."""

    caught_by = "CS-222"

    def escrow(self, session_id: bytes) -> AccountId:
        return AccountId.on(self.chain_id, "anna")


class EscrowHarness(MemoryHarness):
    """A chain with holds, sound or not."""

    def __init__(self, kind: type[EscrowChain] = EscrowChain) -> None:
        super().__init__()
        self.kind = kind
        self.chain = kind(self.link, self.asset)

    def watcher(self, page_blocks: int) -> Chain:
        return self.kind(super().watcher(page_blocks), self.asset)
