# ruff: noqa: S101 - a wrong answer of a chain is a failed test
"""The street on which every case of the chain suite plays: Anna has units, Bert and Cleo have none."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Final

import attrs

from sauma.chain import (
    Anchor,
    Attest,
    Batch,
    BatchKind,
    Capture,
    ChainEvent,
    Fate,
    Hold,
    Instruction,
    Issue,
    Leg,
    Net,
    Part,
    Release,
    Retire,
    SignedTransaction,
    Transfer,
)
from sauma.identifiers import AccountId, content_id
from sauma.session import StandingAction, StandingStep, StandingTerms
from sauma.testing.harness import Harness
from sauma.testing.reading import Reading

START_UNITS: Final = 1_000
"""What Anna has at the start."""
LANDING_BLOCKS_MAX: Final = 10
"""Within so many blocks, what was broadcast is included on a test chain that nobody else uses."""


@attrs.frozen(kw_only=True)
class Snapshot:
    """Everything that a refused call must leave as it is."""

    units: tuple[tuple[str, str, int], ...]
    events: tuple[bytes, ...]


class World:
    """A harness with names for its accounts, and the words that cases are written in."""

    def __init__(self, harness: Harness) -> None:
        """Give Anna her units; the chain is otherwise as the harness made it."""
        self.harness = harness
        self.chain = harness.chain
        self.codec = harness.codec
        self.asset = harness.asset
        self.capabilities = harness.chain.capabilities
        self.accounts: Mapping[str, AccountId] = {
            **dict(zip(("anna", "bert", "cleo"), harness.holders, strict=True)),
            "stranger": harness.stranger,
        }
        self._made = 0
        harness.fund(harness.holders[0], START_UNITS)

    # --- what can be asked of a chain ------------------------------------------------------------

    def issue(self, recipient: str, units: int, on_behalf_of: str | None = None) -> Issue:
        """Bring units to somebody."""
        return Issue(
            instruction_id=self._new_id("instruction"),
            authority=self._authority(Issue, recipient),
            evidence=b"",
            recipient=self.accounts[recipient],
            asset=self.asset,
            units=units,
            on_behalf_of=None if on_behalf_of is None else self.accounts[on_behalf_of],
        )

    def transfer(self, sender: str, recipient: str, units: int) -> Transfer:
        """Move units from somebody to somebody."""
        return Transfer(
            instruction_id=self._new_id("instruction"),
            authority=self._authority(Transfer, sender),
            evidence=b"",
            sender=self.accounts[sender],
            recipient=self.accounts[recipient],
            asset=self.asset,
            units=units,
        )

    def retire(self, account: str, units: int) -> Retire:
        """Take somebody's units out of circulation."""
        return Retire(
            instruction_id=self._new_id("instruction"),
            authority=self._authority(Retire, account),
            evidence=b"",
            account=self.accounts[account],
            asset=self.asset,
            units=units,
        )

    def net(self, **deltas: int) -> Net:
        """Move what is left after netting, by name."""
        legs = (
            Leg(account=self.accounts[name], asset=self.asset, delta_units=delta)
            for name, delta in deltas.items()
        )
        return Net(
            instruction_id=self._new_id("instruction"),
            authority=self._authority(Net, next(iter(deltas))),
            evidence=b"",
            legs=tuple(legs),
        )

    def anchor(self, root: bytes) -> Anchor:
        """Put a root on the chain."""
        return Anchor(
            instruction_id=self._new_id("instruction"),
            authority=self.harness.authority(Anchor, self.harness.issuer),
            evidence=b"",
            root=root,
        )

    def hold(self, payer: str, units: int, session_id: bytes) -> Hold:
        """Set somebody's units aside for a session of one day."""
        return Hold(
            instruction_id=self._new_id("instruction"),
            authority=self._authority(Hold, payer),
            evidence=b"",
            session_id=session_id,
            payer=self.accounts[payer],
            asset=self.asset,
            units=units,
            expires_at=self.chain.head().newest.time + timedelta(days=1),
        )

    def attest(self, account: str, session_id: bytes) -> Attest:
        """Put a signed statement of a session on record."""
        return Attest(
            instruction_id=self._new_id("instruction"),
            authority=self._authority(Attest, account),
            evidence=b"",
            session_id=session_id,
            step=1,
            statement=b"suite: 5 units delivered",
        )

    def stand(self, payer: str) -> Hold:
        """Hold what somebody allows in a standing authorisation."""
        account, harness = self.accounts[payer], self.harness
        newest = self.chain.head().newest.time.replace(microsecond=0)
        terms = StandingTerms(
            domain=harness.session_domain,
            payer=account,
            operator=next(each for each in harness.holders if each != account),
            asset=harness.standing_asset,
            cap_units=2,
            session_units_max=1,
            valid_from=newest - timedelta(hours=1),
            valid_until=newest + timedelta(hours=1),
            key="suite",
        )
        return Hold(
            instruction_id=self._new_id("instruction"),
            authority=self._authority(Hold, payer),
            evidence=StandingStep(
                action=StandingAction.AUTHORISE, terms=terms, caller=account
            ).to_bytes(),
            session_id=terms.standing_id,
            payer=account,
            asset=terms.asset,
            units=terms.cap_units,
            expires_at=terms.valid_until,
        )

    def capture(self, payer: str, session_id: bytes, **parts: int) -> Capture:
        """Pay from what a session of somebody holds."""
        return Capture(
            instruction_id=self._new_id("instruction"),
            authority=self._authority(Capture, payer),
            evidence=b"",
            session_id=session_id,
            asset=self.asset,
            parts=tuple(
                Part(payee=self.accounts[name], units=units) for name, units in parts.items()
            ),
        )

    def release(self, payer: str, session_id: bytes, units: int) -> Release:
        """Give back what a session holds and does not need."""
        return Release(
            instruction_id=self._new_id("instruction"),
            authority=self._authority(Release, payer),
            evidence=b"",
            session_id=session_id,
            payer=self.accounts[payer],
            asset=self.asset,
            units=units,
        )

    def movement(self, units: int, recipient: str = "bert") -> Instruction:
        """Bring units to somebody by whatever the chain declares: from Anna if it can be."""
        if self.capabilities.transfer:
            return self.transfer("anna", recipient, units)
        if self.capabilities.net:
            return self.net(**{"anna": -units, recipient: units})
        if self.capabilities.issue:
            return self.issue(recipient, units)
        raise AssertionError(
            "the chain declares neither transfer nor net nor issue: it moves nothing"
        )

    def batch(
        self,
        *instructions: Instruction,
        kind: BatchKind = BatchKind.SETTLEMENT,
        atomic: bool = False,
    ) -> Batch:
        """Return a batch with an id of its own."""
        return Batch(
            batch_id=self._new_id("batch"), kind=kind, instructions=instructions, atomic=atomic
        )

    def moving(self, units: int, recipient: str = "bert") -> Batch:
        """Return a batch of one movement."""
        return self.batch(self.movement(units, recipient))

    # --- sending ---------------------------------------------------------------------------------

    def prepare(
        self, *batches: Batch, outstanding: Sequence[SignedTransaction] = ()
    ) -> tuple[SignedTransaction, ...]:
        """Sign all of the batches, for which there must be room."""
        prepared = self.chain.prepare(batches, outstanding=outstanding)
        wanted = [each.batch_id for each in batches]
        found = list(dict.fromkeys(each for signed in prepared for each in signed.batch_ids))
        assert found == wanted, "prepare signs all the batches for which there is room, in order"
        return prepared

    def send(
        self, *batches: Batch, outstanding: Sequence[SignedTransaction] = ()
    ) -> tuple[SignedTransaction, ...]:
        """Prepare and broadcast."""
        prepared = self.prepare(*batches, outstanding=outstanding)
        for transaction in prepared:
            self.chain.broadcast(transaction)
        return prepared

    def include(self, transactions: Sequence[SignedTransaction]) -> None:
        """Make blocks until all of what was broadcast is included, and has succeeded."""
        for _ in range(LANDING_BLOCKS_MAX):
            statuses = [self.chain.status(each) for each in transactions]
            if all(each.fate is Fate.INCLUDED for each in statuses):
                assert all(each.succeeded for each in statuses), "what is included has succeeded"
                return
            self.mine()
        fates = [self.chain.status(each).fate.value for each in transactions]
        raise AssertionError(f"not all included after {LANDING_BLOCKS_MAX} blocks: {fates}")

    def land(self, *batches: Batch) -> tuple[SignedTransaction, ...]:
        """Prepare, broadcast and include."""
        transactions = self.send(*batches)
        self.include(transactions)
        return transactions

    def mine(self, blocks: int = 1) -> None:
        """Make blocks."""
        self.harness.mine(blocks)

    def finalise(self) -> None:
        """Make blocks until what is the newest block now is final."""
        height = self.chain.head().newest.height
        for _ in range(4 * self.capabilities.finality_blocks + 4):
            if self.chain.head().final_height >= height:
                return
            self.mine()
        raise AssertionError(f"block {height} is not final after four times the declared depth")

    def undo(self, transaction: SignedTransaction) -> int:
        """Roll back the block that includes a transaction; return the height that is left."""
        block = self.chain.status(transaction).block
        assert block is not None, "what is included has a block"
        self.harness.roll_back(self.chain.head().newest.height - block.height + 1)
        return block.height - 1

    # --- looking ---------------------------------------------------------------------------------

    def balances(self) -> dict[str, int]:
        """Return what everybody has of the asset, by name."""
        return {name: self.units(name) for name in self.accounts}

    def units(self, name: str) -> int:
        """Return what somebody has of the asset."""
        return self.chain.balance(self.accounts[name], self.asset).units

    def read(self) -> Reading:
        """Return everything that happened since the first block."""
        reading = Reading(self.chain)
        reading.catch_up()
        return reading

    def named(self, totals: Mapping[AccountId, int]) -> dict[str, int]:
        """Return units by name, zero where there are none."""
        return {name: totals.get(account, 0) for name, account in self.accounts.items()}

    def deltas_of(self, transactions: Sequence[SignedTransaction]) -> dict[str, int]:
        """Return what transactions say they move of the asset, by name."""
        totals: Counter[AccountId] = Counter()
        for transaction in transactions:
            for effect in transaction.effects:
                if effect.asset == self.asset:
                    totals[effect.account] += effect.delta_units
        return self.named(totals)

    def snapshot(self) -> Snapshot:
        """Return everything that can be seen of the accounts, fees included."""
        assets = {self.asset, self.capabilities.fee_asset or self.asset}
        accounts = {**self.accounts, "issuer": self.harness.issuer}
        return Snapshot(
            units=tuple(
                (name, str(asset), self.harness.holding(account, asset))
                for name, account in sorted(accounts.items())
                for asset in sorted(assets)
            ),
            events=tuple(each.transaction_id for each in self.read().events),
        )

    def check_nothing_moved(self, before: Snapshot, why: str) -> None:
        """Fail unless everything is as before, also in the next block."""
        self.mine()
        assert self.snapshot() == before, f"nothing moves, neither now nor a block later: {why}"

    # --- inside ----------------------------------------------------------------------------------

    def _authority(self, kind: type[Instruction], name: str) -> AccountId:
        return self.harness.authority(kind, self.accounts[name])

    def _new_id(self, kind: str) -> bytes:
        self._made += 1
        return content_id(f"suite-{kind}", self._made)


def moved(**deltas: int) -> dict[str, int]:
    """Return what everybody gains or loses, by name; nothing where nothing is said."""
    return {"anna": 0, "bert": 0, "cleo": 0, "stranger": 0, **deltas}


def differences(before: Mapping[str, int], after: Mapping[str, int]) -> dict[str, int]:
    """Return what everybody gained or lost, by name."""
    return {name: after[name] - before[name] for name in before}


def events_of(
    events: Sequence[ChainEvent], transactions: Sequence[SignedTransaction]
) -> list[ChainEvent]:
    """Return the events of some transactions."""
    ids = {each.transaction_id for each in transactions}
    return [each for each in events if each.transaction_id in ids]


def state_hash(units: Mapping[str, int]) -> bytes:
    """Return a hash of who has how much, by name, that is the same on every chain."""
    text = ",".join(f"{name}:{count}" for name, count in sorted(units.items()))
    return hashlib.sha256(b"sauma:holdings:" + text.encode()).digest()
