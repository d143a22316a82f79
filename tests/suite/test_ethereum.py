"""The chain suite on Ethereum: in process by eth-tester, final by depth, and on anvil, final by tag."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from sauma.chain import Chain, Instruction
from sauma.errors import OutcomeUnknown
from sauma.identifiers import AccountId, AssetId
from sauma.testing import ChainSuite, Harness
from sauma_ethereum import EthereumChain, FinalityRule, LocalEthereum, NodeClient
from sauma_ethereum.anvil import Missing
from sauma_ethereum.evidence import domain_of

FINALITY_BLOCKS = 4
EPOCH_SLOTS = 4
OUTSTANDING_MAX = 5
CONTRACTS = Path(__file__).parents[2] / "contracts"
"""Where npm puts anvil."""


class Line:
    """Stands between the adapter and a node, and loses what is sent when it is told to."""

    name = "line"

    def __init__(self, transport: Any) -> None:
        self.transport = transport
        self.loses_requests = False
        self.loses_answers = False

    def ask(self, calls: Sequence[Any]) -> list[Any]:
        return self.transport.ask(calls)

    def send(self, calls: Sequence[Any]) -> list[Any]:
        replies = [] if self.loses_requests else self.transport.send(calls)
        if self.loses_requests or self.loses_answers:
            raise OutcomeUnknown("the line is dead")
        return replies

    def close(self) -> None:
        self.transport.close()


class Ground:
    """A chain with the contract on it, operated by one account, to which each case returns."""

    def __init__(self, local: LocalEthereum, rule: FinalityRule, finality_blocks: int) -> None:
        self.local = local
        self.operator = local.signer("operator")
        self.holders = tuple(local.signer(name) for name in ("anna", "bert", "cleo"))
        self.stranger = local.signer("stranger").account
        self.meter = local.signer("meter")
        self.settings = local.deploy(
            self.operator,
            self.operator,
            finality=rule,
            finality_blocks=finality_blocks,
            outstanding_max=OUTSTANDING_MAX,
            first_height=1,
        )
        accounts = [*(each.account for each in self.holders), self.stranger]
        local.fund(accounts)
        local.register(local.chain(self.settings, {self.operator.account: self.operator}), accounts)
        self.snapshot = local.snapshot()

    def restored(self) -> EthereumHarness:
        self.snapshot = self.local.revert(self.snapshot)
        return EthereumHarness(self)


class EthereumHarness(Harness):
    """The ground as it was, with an adapter that knows nothing yet."""

    histories = 4

    def __init__(self, ground: Ground) -> None:
        self.local, self.settings = ground.local, ground.settings
        self.line = Line(ground.local.node.transport)
        self.signers = {
            each.account: each for each in (ground.operator, *ground.holders, ground.meter)
        }
        self.chain = EthereumChain(self.settings, NodeClient(self.line), self.signers)
        self.codec = self.chain.codec
        self.asset = self.settings.energy_asset
        self.issuer = ground.operator.account
        self.holders = tuple(each.account for each in ground.holders)
        self.stranger = ground.stranger
        self._meter = ground.meter.account

    @property
    def meter(self) -> AccountId:
        """A key that signs readings and has no account in the ledger."""
        return self._meter

    @property
    def standing_asset(self) -> AssetId:
        """The ledger's money: allowances hold nothing else."""
        return self.settings.money_asset

    def fund_standing(self, account: AccountId, units: int) -> None:
        self.local.deposit_money(self.settings, account, units)

    @property
    def session_domain(self) -> bytes:
        """The escrow's EIP-712 separator for the area."""
        return domain_of(self.settings)

    def mine(self, blocks: int = 1) -> None:
        self.local.mine(blocks)

    def roll_back(self, blocks: int) -> None:
        self.local.rollback(blocks)

    def pass_time(self, seconds: int) -> None:
        self.local.pass_time(seconds)

    @contextmanager
    def losing_requests(self) -> Iterator[None]:
        self.line.loses_requests = True
        yield
        self.line.loses_requests = False

    @contextmanager
    def losing_answers(self) -> Iterator[None]:
        self.line.loses_answers = True
        yield
        self.line.loses_answers = False

    def watcher(self, page_blocks: int) -> Chain:
        return EthereumChain(self.settings, self.local.node, page_blocks=page_blocks)

    def authority(self, kind: type[Instruction], owner: AccountId) -> AccountId:
        """The operator settles for everybody: that is what the ledger lets it do."""
        return self.issuer


@pytest.fixture(scope="module")
def in_process() -> Iterator[Ground]:
    """A chain in this process."""
    with LocalEthereum.in_process() as local:
        yield Ground(local, FinalityRule.DEPTH, FINALITY_BLOCKS)


@pytest.fixture(scope="module")
def anvil() -> Iterator[Ground]:
    """A chain in a node of our own."""
    try:
        started = LocalEthereum.anvil(folder=CONTRACTS, slots_in_epoch=EPOCH_SLOTS)
    except Missing as error:
        pytest.skip(f"not run: {error}")
    with started as local:
        yield Ground(local, FinalityRule.FINALIZED, 2 * EPOCH_SLOTS + 1)


class TestEthereum(ChainSuite):
    """Every case, on eth-tester."""

    @pytest.fixture
    def harness(self, in_process: Ground) -> Harness:
        """The chain as it was before any case."""
        return in_process.restored()


class TestAnvil(ChainSuite):
    """Every case, on anvil."""

    @pytest.fixture
    def harness(self, anvil: Ground) -> Harness:
        """The chain as it was before any case."""
        return anvil.restored()
