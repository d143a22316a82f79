"""Bringing the contract into being on somebody's node, so that a kill at any moment loses nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Final

import attrs

from sauma.errors import InsufficientBalance, Refused, Unavailable
from sauma.settlement import CLEARING, ISSUER
from sauma_cli.ethereum_contract import write_contract
from sauma_cli.ethereum_keys import EthereumKeys
from sauma_cli.folder import Folder
from sauma_ethereum.caip import address_on, chain_id_of, checksummed
from sauma_ethereum.deployment import Deployment, create_contract, deploy
from sauma_ethereum.fees import suggested
from sauma_ethereum.node import NodeClient
from sauma_ethereum.settings import FEE_CEILING_WEI, EthereumSettings, FinalityRule
from sauma_ethereum.signing import EthereumSigner
from sauma_ethereum.transactions import FeeTransaction
from sauma_ethereum.transport import Call, ErrorReply, Transport

BLOCKS_MAX: Final = 60
"""How many blocks one step may take before the node is given up."""
PAYMENT_GAS: Final = 21_000
OPERATOR_WEI: Final = 5 * 10**16
"""What issuer and settler are supplied with at least, to pay for gas: 0.05 ether each."""
TEST_MONEY: Final = "TestMoney"


@attrs.frozen(kw_only=True)
class Deploying:
    """A node, how its blocks come, and who pays."""

    node: NodeClient
    owner: EthereumSigner
    pass_block: Callable[[], None]
    tell: Callable[[str], None]

    @classmethod
    def by(
        cls,
        node: NodeClient,
        private_key: bytes,
        pass_block: Callable[[], None],
        tell: Callable[[str], None],
    ) -> Deploying:
        """Let a key's account on the node's chain pay."""
        owner = EthereumSigner(private_key, chain_id_of(node.chain_number()))
        return cls(node=node, owner=owner, pass_block=pass_block, tell=tell)

    def supply(self, keys: EthereumKeys) -> None:
        """Give issuer and settler what they lack for gas; what an earlier run left waiting lands first."""
        self._until(self._nothing_waits)
        for role in (ISSUER, CLEARING):
            address = address_on(keys.account(role), keys.chain_id)
            missing_wei = OPERATOR_WEI - self.node.ether_wei(address)
            if missing_wei > 0:
                self._pay(address, missing_wei)
                self.tell(f"ether for {role}, {checksummed(address)}")
                self._until(partial(self._is_supplied, address))

    def test_money(self) -> str:
        """Return the address of a new token that anybody may mint: for test chains."""
        address, _ = create_contract(self.node, self.owner, TEST_MONEY)
        self.tell(f"test money at {checksummed(address)}")
        self._until(lambda: bool(self.node.code(address)))
        return checksummed(address)

    def sign(self, folder: Folder, keys: EthereumKeys, money: str) -> Deployment:
        """Sign the whole deployment and write it down, before anything of it is sent."""
        deployment = deploy(
            NodeClient(_Withholding(self.node.transport)),
            owner=self.owner,
            issuer=keys.signer(ISSUER),
            settler=keys.signer(CLEARING),
            money=money,
        )
        write_contract(folder.contract, deployment, None)
        return deployment

    def finish(
        self,
        folder: Folder,
        deployment: Deployment,
        finality: FinalityRule,
        finality_blocks: int,
    ) -> EthereumSettings:
        """Send what is not included yet until all is, and write the contract's settings down."""
        told: set[str] = set()
        for _ in range(BLOCKS_MAX):
            left = deployment.push(self.node)
            done = {step.name for step in deployment.steps} - set(left)
            for name in [step.name for step in deployment.steps if step.name in done - told]:
                self.tell(f"{name} included")
            told |= done
            if not left:
                settings = deployment.settings(
                    self.node, finality=finality, finality_blocks=finality_blocks
                )
                write_contract(folder.contract, deployment, settings)
                return settings
            self.pass_block()
        raise self._silent("included the deployment")

    def _nothing_waits(self) -> bool:
        taken, pending = self.node.nonces(
            address_on(self.owner.account, self.owner.account.chain_id)
        )
        return taken == pending

    def _is_supplied(self, address: bytes) -> bool:
        return self.node.ether_wei(address) >= OPERATOR_WEI

    def _pay(self, to: bytes, wei: int) -> None:
        fees = suggested(self.node, FEE_CEILING_WEI)
        if fees is None:
            raise Refused(f"gas costs more than {FEE_CEILING_WEI} wei: wait, and run it again")
        sender = address_on(self.owner.account, chain_id_of(self.node.chain_number()))
        unsigned = FeeTransaction(
            chain_number=self.node.chain_number(),
            nonce=self.node.nonces(sender)[1],
            priority_fee_wei=fees.priority_fee_wei,
            fee_wei_max=fees.fee_wei_max,
            gas_max=PAYMENT_GAS,
            to=to,
            value_wei=wei,
            data=b"",
        )
        has_wei = self.node.ether_wei(sender)
        if has_wei < unsigned.cost_wei_max:
            raise InsufficientBalance(
                f"{self.owner.account} has {has_wei} wei and needs {unsigned.cost_wei_max} to supply "
                "the operator's accounts: give it ether"
            )
        signed = attrs.evolve(unsigned, signature=self.owner.sign(unsigned.payload()))
        reply = self.node.send_raw(signed.raw())
        if isinstance(reply, ErrorReply):
            raise Refused(f"node {self.node.name} refuses a payment: {reply}")

    def _until(self, is_there: Callable[[], bool]) -> None:
        for _ in range(BLOCKS_MAX):
            if is_there():
                return
            self.pass_block()
        raise self._silent("included a transaction")

    def _silent(self, what: str) -> Unavailable:
        return Unavailable(
            f"node {self.node.name} has not {what} within {BLOCKS_MAX} blocks: run the same command "
            "again, it goes on from here"
        )


class _Withholding:
    """Asks as the node does, and sends nothing: what is signed is written down first."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self.name = transport.name

    def ask(self, calls: Sequence[Call]) -> list[Any]:
        return self._transport.ask(calls)

    def send(self, calls: Sequence[Call]) -> list[Any]:
        return [ErrorReply(code=0, message="not sent yet") for _ in calls]

    def close(self) -> None:
        """Leave the connection to its owner."""
