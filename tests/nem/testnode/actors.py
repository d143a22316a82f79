"""Accounts with keys, and the transactions they send to a test node."""

from __future__ import annotations

import hashlib
from typing import Any

import attrs

from sauma_nem.binary import inner_hash
from sauma_nem.network import TESTNET
from sauma_nem.properties import MosaicProperties
from sauma_nem.signing import AnnounceRequest, KeyPair, sign
from sauma_nem.testnode import Answer, NodeSettings, Result, TestNode
from sauma_nem.transactions import (
    Cosignature,
    ImportanceTransfer,
    LevyKind,
    Message,
    Modification,
    ModificationKind,
    MosaicDefinition,
    MosaicDefinitionCreation,
    MosaicId,
    MosaicLevy,
    MosaicQuantity,
    MosaicSupplyChange,
    Multisig,
    MultisigModification,
    NamespaceProvision,
    SupplyKind,
    Transaction,
    Transfer,
)

XEM = 1_000_000
HOUR = 3_600
START_MICRO = 1_000_000 * XEM


def private_key_of(label: str) -> bytes:
    """A private key that depends on nothing but its label."""
    return hashlib.sha256(label.encode()).digest()


def key_of(label: str) -> KeyPair:
    """The key pair of a label."""
    return KeyPair(private_key_of(label))


@attrs.frozen
class Actor:
    """An account that signs."""

    label: str
    key: KeyPair = attrs.field(init=False)
    address: str = attrs.field(init=False)

    @key.default
    def _key(self) -> KeyPair:
        return key_of(self.label)

    @address.default
    def _address(self) -> str:
        return self.key.address(TESTNET)

    def header(self, node: TestNode, **members: Any) -> dict[str, Any]:
        """What all transactions have, at the node's time and with an hour to live."""
        now_seconds = node.now_seconds()
        return {
            "network_byte": TESTNET.byte,
            "version": 1,
            "timestamp_seconds": now_seconds,
            "signer": self.key.public_key,
            "fee_micro": 150_000,
            "deadline_seconds": now_seconds + HOUR,
        } | members

    def transfer(self, node: TestNode, to: Actor | str, amount_micro: int, **members: Any) -> Any:
        """A transfer; `mosaics` is a mapping of mosaic id to units, `message` bytes."""
        mosaics = members.pop("mosaics", {})
        message = members.pop("message", b"")
        header = self.header(node, **{"version": 2, "fee_micro": 50_000} | members)
        return Transfer(
            **header,
            recipient=to if isinstance(to, str) else to.address,
            amount_micro=amount_micro,
            message=Message(payload=message) if message else None,
            mosaics=tuple(
                MosaicQuantity(mosaic_id=MosaicId.parse(name), quantity_units=units)
                for name, units in mosaics.items()
            ),
        )

    def namespace(
        self, node: TestNode, part: str, parent: str | None = None, **members: Any
    ) -> NamespaceProvision:
        """A namespace provision with the rent it needs."""
        sink = members.pop("rental_fee_sink", TESTNET.namespace_sink)
        rent = members.pop("rental_fee_micro", 10 * XEM if parent else 100 * XEM)
        return NamespaceProvision(
            **self.header(node, **members),
            rental_fee_sink=sink,
            rental_fee_micro=rent,
            new_part=part,
            parent=parent,
        )

    def definition(
        self, node: TestNode, mosaic: str, supply_whole: int = 1_000, **members: Any
    ) -> MosaicDefinitionCreation:
        """A mosaic definition: mutable and transferable unless told otherwise."""
        levy = members.pop("levy", None)
        description = members.pop("description", "energy unit")
        sink = members.pop("creation_fee_sink", TESTNET.mosaic_sink)
        creation_fee = members.pop("creation_fee_micro", 10 * XEM)
        properties = MosaicProperties(
            divisibility=members.pop("divisibility", 0),
            initial_supply_whole=supply_whole,
            supply_mutable=members.pop("supply_mutable", True),
            transferable=members.pop("transferable", True),
        )
        return MosaicDefinitionCreation(
            **self.header(node, **members),
            definition=MosaicDefinition(
                creator=self.key.public_key,
                mosaic_id=MosaicId.parse(mosaic),
                description=description,
                properties=properties,
                levy=levy,
            ),
            creation_fee_sink=sink,
            creation_fee_micro=creation_fee,
        )

    def supply_change(
        self, node: TestNode, mosaic: str, delta_whole: int, **members: Any
    ) -> MosaicSupplyChange:
        """Create supply, or delete it for a negative change."""
        kind = SupplyKind.CREATE if delta_whole >= 0 else SupplyKind.DELETE
        return MosaicSupplyChange(
            **self.header(node, **members),
            mosaic_id=MosaicId.parse(mosaic),
            kind=kind,
            delta_whole=abs(delta_whole),
        )

    def modification(
        self,
        node: TestNode,
        add: tuple[Actor, ...] = (),
        delete: tuple[Actor, ...] = (),
        relative_change: int = 0,
        **members: Any,
    ) -> MultisigModification:
        """Add and delete cosignatories."""
        changes = [(ModificationKind.ADD, each) for each in add]
        changes += [(ModificationKind.DELETE, each) for each in delete]
        return MultisigModification(
            **self.header(node, **{"version": 2, "fee_micro": 500_000} | members),
            modifications=tuple(
                Modification(kind=kind, cosignatory=each.key.public_key) for kind, each in changes
            ),
            relative_change=relative_change,
        )

    def wrapper(self, node: TestNode, inner: Transaction, **members: Any) -> Multisig:
        """A multisig transaction around an inner one."""
        return Multisig(**self.header(node, **members), inner=inner)

    def cosignature(self, node: TestNode, wrapper: Multisig, **members: Any) -> Cosignature:
        """Consent to a wrapper's inner transaction."""
        hashed = inner_hash(wrapper)
        if hashed is None:
            raise ValueError("a wrapper has an inner hash")
        return Cosignature(
            **self.header(node, **members),
            inner_hash=hashed,
            multisig_address=wrapper.inner.signer_address,
        )

    def importance_transfer(
        self, node: TestNode, remote: Actor, mode: int, **members: Any
    ) -> ImportanceTransfer:
        """Lend importance to a remote account."""
        return ImportanceTransfer(
            **self.header(node, **members), mode=mode, remote_account=remote.key.public_key
        )

    def signed(self, transaction: Transaction) -> AnnounceRequest:
        """The bytes that go to a node."""
        return sign(transaction, self.key)

    def send(self, node: TestNode, transaction: Transaction) -> Answer:
        """Sign and announce."""
        request = self.signed(transaction)
        return node.announce(request.data, request.signature)

    def result(self, node: TestNode, transaction: Transaction) -> Result:
        """Sign, announce and look at the result only."""
        return self.send(node, transaction).result


ALICE, BOB, CAROL, DAVE = (Actor(name) for name in ("alice", "bob", "carol", "dave"))
ACTORS = (ALICE, BOB, CAROL, DAVE)


def percentile_levy(mosaic: str, recipient: Actor, fee_units: int) -> MosaicLevy:
    """So many ten-thousandths of what is sent."""
    return MosaicLevy(
        kind=LevyKind.PERCENTILE,
        recipient=recipient.address,
        mosaic_id=MosaicId.parse(mosaic),
        fee_units=fee_units,
    )


def new_node(**members: Any) -> TestNode:
    """A node on which all actors but Dave hold a million XEM."""
    accounts = {actor.address: START_MICRO for actor in (ALICE, BOB, CAROL)}
    path, clock = members.pop("path", None), members.pop("clock", None)
    auto_mine = members.pop("auto_mine", False)
    settings = NodeSettings(**{"accounts": accounts} | members)
    return TestNode(settings, path=path, clock=clock, auto_mine=auto_mine)


def confirm(node: TestNode, actor: Actor, *transactions: Transaction) -> None:
    """Announce transactions one after another, each confirmed before the next."""
    for transaction in transactions:
        result = actor.result(node, transaction)
        if result is not Result.SUCCESS:
            raise AssertionError(f"{transaction} was answered with {result.name}")
        node.mine()


def node_with_mosaic(mosaic: str = "grid:wh", supply_whole: int = 10_000, **members: Any) -> Any:
    """A node on which Alice has defined a mosaic."""
    node = new_node()
    confirm(node, ALICE, ALICE.namespace(node, mosaic.partition(":")[0]))
    confirm(node, ALICE, ALICE.definition(node, mosaic, supply_whole, **members))
    return node
