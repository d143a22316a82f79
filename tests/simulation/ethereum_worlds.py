"""The worlds of the Ethereum adapter: eth-tester in this process, and anvil beside it.

Setting up a contract takes long, so a process does it once for each; every world returns to that state.
"""

from __future__ import annotations

import atexit
from collections.abc import Collection, Sequence
from functools import cache
from pathlib import Path
from typing import Any, ClassVar

from signers import as_it_is

from sauma.identifiers import AccountId
from sauma.rulebook import Netting
from sauma.testing.simulation import Line, SimulatedWorld
from sauma.venue import Venue
from sauma_ethereum import EthereumChain, EthereumSigner, FinalityRule, LocalEthereum, NodeClient
from sauma_ethereum.tester import TesterNode
from sauma_ethereum.transactions import parse_raw
from sauma_ethereum.transport import Call, ErrorReply

FINALITY_BLOCKS = 4
NAMES = ("anna", "bert", "cleo", "dora")
ROLES = ("@issuer", "@clearing")
CONTRACTS = Path(__file__).parents[2] / "contracts"
"""Where npm puts anvil."""
REFUSED = ErrorReply(code=-32000, message="txpool is full")
LATEST_TAGS = ("latest", "pending")
FINAL_TAGS = ("finalized", "safe")


class Ground:
    """A chain with the contract on it and everybody registered, to which each world returns."""

    def __init__(self, local: LocalEthereum) -> None:
        atexit.register(local.close)
        self.local = local
        self.signers: dict[str, EthereumSigner] = {
            name: local.signer(name.removeprefix("@")) for name in (*ROLES, *NAMES)
        }
        self.settings = local.deploy(
            self.signers["@issuer"],
            self.signers["@clearing"],
            finality=FinalityRule.DEPTH,
            finality_blocks=FINALITY_BLOCKS,
            first_height=1,
        )
        chain = local.chain(self.settings, self.by_account)
        local.register(chain, [each.account for each in self.signers.values()])
        self.snapshot = local.snapshot()

    def begin(self) -> None:
        """Return to the beginning; on eth-tester every world then has the same blocks."""
        if isinstance(self.local.machine, TesterNode):
            self.local.machine.replay_from(self.snapshot)
        else:
            self.snapshot = self.local.revert(self.snapshot)

    @property
    def by_account(self) -> dict[AccountId, EthereumSigner]:
        return {each.account: each for each in self.signers.values()}


@cache
def eth_tester_ground() -> Ground:
    return Ground(LocalEthereum.in_process())


@cache
def anvil_ground() -> Ground:
    return Ground(LocalEthereum.anvil(folder=CONTRACTS))


class _EthereumWorld(SimulatedWorld):
    """A chain whose contract nets by itself: an issue and a net for each quarter-hour."""

    netting: ClassVar[Netting] = Netting.MULTILATERAL
    settlements: ClassVar[int] = 2
    block_seconds: ClassVar[int] = 12
    sign_with = staticmethod(as_it_is)
    """What stands between the adapter and its signers."""

    def __init__(self, ground: Ground) -> None:
        ground.begin()
        self.ground, self.local = ground, ground.local
        # so that no reorganisation reaches below the snapshot, which would then be lost
        self.local.mine(FINALITY_BLOCKS)
        self.old_height = 0

    def venue(self, line: Line) -> Venue:
        node = NodeClient(_NodeOnLine(self, line))
        found = {account: self.sign_with(each) for account, each in self.ground.by_account.items()}
        signers = {account: each for account, each in found.items() if each is not None}
        chain = EthereumChain(self.ground.settings, node, signers)
        return Venue(
            chain=chain,
            codec=chain.codec,
            energy_asset=self.ground.settings.energy_asset,
            settings=self.ground.settings.to_facts(),
            roles={role: self.account(role) for role in ROLES},
        )

    def account(self, name: str) -> AccountId:
        return self.ground.signers[name].account

    def mine(self, blocks: int = 1) -> None:
        self.local.mine(blocks)

    def roll_back(self, blocks: int) -> None:
        self.local.rollback(blocks)

    def evict(self, transaction_ids: Collection[bytes]) -> None:
        for each in transaction_ids:
            self.local.drop(each)

    def pass_time(self, seconds: int) -> None:
        self.local.pass_time(seconds)

    def remember_state(self) -> None:
        self.old_height = self.local.node.height()

    def close(self) -> None:
        """The ground stays for the next world."""


class EthTesterWorld(_EthereumWorld):
    """An EVM in this process."""

    def __init__(self) -> None:
        super().__init__(eth_tester_ground())


class AnvilWorld(_EthereumWorld):
    """Foundry's node in a process of its own, over HTTP."""

    def __init__(self) -> None:
        super().__init__(anvil_ground())


class _NodeOnLine:
    """The node's JSON-RPC behind a line; a line that lags sees no block above the old height."""

    name = "simulated"

    def __init__(self, world: _EthereumWorld, line: Line) -> None:
        self._world, self._line = world, line
        self._transport = world.local.node.transport

    def ask(self, calls: Sequence[Call]) -> list[Any]:
        if not self._line.lags:
            return self._line.ask(lambda: self._transport.ask(calls))
        return self._line.ask(lambda: self._ask_the_old_node(calls))

    def send(self, calls: Sequence[Call]) -> list[Any]:
        (call,) = calls
        raw = bytes.fromhex(call.params[0][2:])
        return self._line.send(
            raw, lambda: self._transport.send(calls), said=lambda taken: _said(taken, raw)
        )

    def close(self) -> None:
        """The ground's connection stays open."""

    def _ask_the_old_node(self, calls: Sequence[Call]) -> list[Any]:
        (number,) = self._transport.ask([Call("eth_blockNumber")])
        height = min(self._world.old_height, int(number, 16))
        replies = self._transport.ask([_as_of(call, height) for call in calls])
        return [_seen_at(height, call, reply) for call, reply in zip(calls, replies, strict=True)]


def _as_of(call: Call, height: int) -> Call:
    """Return a call that asks for nothing newer than a height, where the height is a parameter."""

    def old(parameter: Any) -> Any:
        if parameter in LATEST_TAGS:
            return hex(height)
        if parameter in FINAL_TAGS:
            return hex(max(0, height - FINALITY_BLOCKS))
        return parameter

    return Call(call.method, tuple(old(p) if isinstance(p, str) else p for p in call.params))


def _seen_at(height: int, call: Call, reply: Any) -> Any:
    """Return a reply as a node gives it that has no block above a height."""
    match call.method:
        case "eth_blockNumber":
            return hex(height)
        case "eth_getLogs" if isinstance(reply, list):
            return [each for each in reply if int(each["blockNumber"], 16) <= height]
        case "eth_getBlockByNumber" | "eth_getBlockByHash" if isinstance(reply, dict):
            return reply if int(reply["number"], 16) <= height else None
        case "eth_getTransactionReceipt" | "eth_getTransactionByHash" if isinstance(reply, dict):
            number = reply.get("blockNumber")
            return reply if number is None or int(number, 16) <= height else None
    return reply


def _said(taken: bool, raw: bytes) -> list[Any]:
    return ["0x" + parse_raw(raw).transaction_id().hex() if taken else REFUSED]
