"""A chain of one's own with the contract on it, for demos and tests: in this process, or as anvil."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Protocol, Self

import attrs

from sauma.chain import Signer
from sauma.errors import Refused
from sauma.identifiers import AccountId, ChainId

from .anvil import AnvilProcess, find_anvil, install_anvil
from .caip import address_on, chain_id_of, checksummed
from .chain import EthereumChain
from .deployment import create_contract, deploy
from .ledger import encode, selector
from .node import NodeClient
from .reading import LedgerReader
from .settings import EthereumSettings, FinalityRule
from .signing import EthereumSigner
from .transactions import FeeTransaction
from .transport import ErrorReply

ETHER_WEI: Final = 10**18
START_ETHER: Final = 10
ANVIL_KEY: Final = bytes.fromhex("ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80")
"""The first of the accounts that every anvil gives ether to; its key is public."""
FINALITY_BLOCKS: Final = 6
STEPS_MAX: Final = 8
_GAS: Final = 60_000


class _Machine(Protocol):
    """What makes blocks."""

    def mine(self, blocks: int = 1) -> None: ...

    def rollback(self, blocks: int) -> None: ...

    def pass_time(self, seconds: int) -> None: ...

    def snapshot(self) -> Any: ...

    def revert(self, snapshot: Any) -> Any: ...

    def drop(self, transaction_id: bytes) -> None: ...

    def close(self) -> None: ...


class LocalEthereum:
    """A chain that nobody else uses; blocks come only when they are asked for.

    `in_process` needs nothing but Python; `anvil` starts Foundry's node beside this process.
    """

    def __init__(self, machine: _Machine, node: NodeClient, rich_key: bytes) -> None:
        """Prefer `in_process` or `anvil`; this only holds what they started."""
        self._machine = machine
        self.node = node
        self.chain_id: ChainId = chain_id_of(node.chain_number())
        self._rich = EthereumSigner(rich_key, self.chain_id)

    @classmethod
    def in_process(cls) -> LocalEthereum:
        """Return a chain inside this process, by eth-tester."""
        from .tester import TesterNode

        machine = TesterNode()
        return cls(machine, NodeClient(machine), machine.rich_keys[0])

    @classmethod
    def anvil(
        cls, binary: Path | None = None, *, folder: Path | None = None, **options: Any
    ) -> Self:
        """Return a chain in an anvil of our own, which ends with it.

        The binary is found, or installed by npm into `folder` (see `install_anvil`); `options` are
        those of `AnvilProcess`.
        """
        found = binary or find_anvil(*(() if folder is None else (folder,)))
        if found is None:
            found = install_anvil(folder or Path.home() / ".cache" / "sauma")
        machine = AnvilProcess(found, **options)
        try:
            return cls(machine, machine.node, ANVIL_KEY)
        except BaseException:
            machine.close()
            raise

    @property
    def machine(self) -> Any:
        """What makes the blocks: a `TesterNode` or an `AnvilProcess`."""
        return self._machine

    def mine(self, blocks: int = 1) -> None:
        """Make blocks, the first with all of the pool that it can take."""
        self._machine.mine(blocks)

    def rollback(self, blocks: int = 1) -> None:
        """Undo the newest blocks; what they had is forgotten, and must be sent again."""
        self._machine.rollback(blocks)

    def pass_time(self, seconds: int) -> None:
        """Make the next block come so much later."""
        self._machine.pass_time(seconds)

    def snapshot(self) -> Any:
        """Return a token for the chain as it is now, to `revert` to."""
        return self._machine.snapshot()

    def revert(self, snapshot: Any) -> Any:
        """Return to a snapshot with an empty pool; returns the token to revert to once more."""
        return self._machine.revert(snapshot)

    def drop(self, transaction_id: bytes) -> None:
        """Forget a waiting transaction, as a full pool does."""
        self._machine.drop(transaction_id)

    def close(self) -> None:
        """End the chain; may be repeated."""
        self._machine.close()

    def __enter__(self) -> Self:
        """Return the chain itself; leaving ends it."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """End the chain."""
        self.close()

    def signer(self, name: str) -> EthereumSigner:
        """Return the signer of a name's account: the same for the same name, and known to all."""
        return named_signer(name, self.chain_id)

    def fund(self, accounts: Sequence[AccountId], ether: int = START_ETHER) -> None:
        """Give accounts ether, included."""
        nonce = self.node.nonces(address_on(self._rich.account, self.chain_id))[1]
        for place, account in enumerate(accounts):
            self._call(nonce + place, address_on(account, self.chain_id), b"", ether * ETHER_WEI)
        self.mine()

    def deploy(
        self,
        issuer: Signer,
        settler: Signer,
        *,
        finality: FinalityRule = FinalityRule.DEPTH,
        finality_blocks: int = FINALITY_BLOCKS,
        **options: Any,
    ) -> EthereumSettings:
        """Return the settings of a new contract with a test token; issuer and settler get ether.

        `options` are further fields of the settings.
        """
        self.fund(list(dict.fromkeys((issuer.account, settler.account))), 1_000)
        money, _ = create_contract(self.node, self._rich, "TestMoney")
        self.mine()
        deployment = deploy(
            self.node,
            owner=self._rich,
            issuer=issuer,
            settler=settler,
            money=checksummed(money),
        )
        for _ in range(STEPS_MAX):
            self.mine()
            if not deployment.push(self.node):
                return deployment.settings(
                    self.node, finality=finality, finality_blocks=finality_blocks, **options
                )
        raise Refused(f"the contract was not deployed within {STEPS_MAX} blocks")

    def chain(
        self,
        settings: EthereumSettings,
        signers: Mapping[AccountId, Signer] | None = None,
        **options: Any,
    ) -> EthereumChain:
        """Return the adapter for a contract on this chain."""
        return EthereumChain(settings, self.node, signers, **options)

    def register(self, chain: EthereumChain, accounts: Sequence[AccountId]) -> None:
        """Have numbers given to accounts that have none, included."""
        for transaction in chain.prepare_registration(accounts):
            chain.broadcast(transaction)
        self.mine()

    def mint_money(self, money: bytes, account: AccountId, units: int) -> None:
        """Give an account units of the test token, included."""
        nonce = self.node.nonces(address_on(self._rich.account, self.chain_id))[1]
        data = selector("mint(address,uint256)") + encode(
            ("address", "uint256"), address_on(account, self.chain_id), units
        )
        self._call(nonce, money, data, 0, gas=120_000)
        self.mine()

    def deposit_money(self, settings: EthereumSettings, account: AccountId, units: int) -> None:
        """Pay units of the test token into a registered account of the ledger, included."""
        ledger = settings.ledger_address
        reply = self.node.call(ledger, selector("MONEY()"))
        if not isinstance(reply, bytes):
            raise Refused(f"{settings.ledger} names no money: {reply}")
        money = reply[12:]
        self.mint_money(money, self._rich.account, units)
        address = address_on(account, self.chain_id)
        numbers = LedgerReader(settings).numbers_of(self.node, [address], self.node.height())
        nonce = self.node.nonces(address_on(self._rich.account, self.chain_id))[1]
        approve = selector("approve(address,uint256)") + encode(
            ("address", "uint256"), ledger, units
        )
        deposit = selector("deposit(uint32,uint32,uint64)") + encode(
            ("uint32", "uint32", "uint64"), settings.area, numbers[address], units
        )
        self._call(nonce, money, approve, 0, gas=300_000)
        self._call(nonce + 1, ledger, deposit, 0, gas=300_000)
        self.mine()

    def _call(self, nonce: int, to: bytes, data: bytes, wei: int, gas: int = _GAS) -> None:
        unsigned = FeeTransaction(
            chain_number=int(self.chain_id.reference),
            nonce=nonce,
            priority_fee_wei=10**9,
            fee_wei_max=10**10,
            gas_max=gas,
            to=to,
            value_wei=wei,
            data=data,
        )
        signature = self._rich.sign(unsigned.payload())
        reply = self.node.send_raw(attrs.evolve(unsigned, signature=signature).raw())
        if isinstance(reply, ErrorReply):
            raise Refused(f"the rich account of {self.node.name} cannot pay: {reply}")


def named_signer(name: str, chain_id: ChainId) -> EthereumSigner:
    """Return the signer of a name's account on a chain of one's own; its key is known to all."""
    return EthereumSigner(hashlib.sha256(b"sauma-local:" + name.encode()).digest(), chain_id)
