"""What makes one test network differ from another."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import attrs

from sauma.errors import InvalidInput
from sauma_nem.network import (
    BLOCK_TARGET_SECONDS,
    BLOCK_TRANSACTIONS_MAX,
    HASH_RETENTION_SECONDS,
    MICRO_PER_XEM,
    NETWORKS,
    TESTNET,
    XEM_SUPPLY_WHOLE,
    Network,
    address_of,
    check_address,
)

GENESIS_TIME_SECONDS = 339_638_015
"""2026-01-01 00:00:00 UTC, in NEM seconds: when a chain starts unless told otherwise."""


SERVER_VERSION = "0.6.102"
"""The version of NIS whose rules these are."""

_DAY_SECONDS = 86_400


def _key(label: str) -> bytes:
    return hashlib.sha256(f"sauma test node: {label}".encode()).digest()


@attrs.frozen(kw_only=True)
class NodeSettings:
    """The constants of one test network; the same settings give the same genesis block.

    `accounts` maps addresses or public keys (hex) to micro XEM that they hold from the start.
    `hash_retention_seconds` of None keeps hashes for ever.  The keys are those of the account that
    signs the genesis and of the one that makes all later blocks; they are known to everybody.
    `node_name`, `platform` and `version` are only told; so is `unlocked_max`, how many accounts may be
    unlocked for harvesting, the node's own among them.
    A longer `block_target_seconds` makes a year shorter in blocks, so leases can be seen to end.
    """

    accounts: Mapping[str, int] = attrs.field(factory=dict)
    network: Network = TESTNET
    genesis_time_seconds: int = GENESIS_TIME_SECONDS
    block_target_seconds: int = BLOCK_TARGET_SECONDS
    block_transactions_max: int = BLOCK_TRANSACTIONS_MAX
    hash_retention_seconds: int | None = HASH_RETENTION_SECONDS
    fees_required: bool = True
    importances: Mapping[str, float] = attrs.field(factory=dict)
    node_name: str = "sauma test node"
    platform: str = "sauma test node"
    version: str = SERVER_VERSION
    unlocked_max: int = 1
    nemesis_private_key: bytes = _key("nemesis")
    harvester_private_key: bytes = _key("harvester")

    def __attrs_post_init__(self) -> None:
        """Refuse what no network can be."""
        total_micro = sum(self.accounts.values())
        if min(self.accounts.values(), default=0) < 0:
            raise InvalidInput("an account cannot start with less than 0 micro XEM")
        if total_micro > XEM_SUPPLY_WHOLE * MICRO_PER_XEM:
            raise InvalidInput(
                f"the accounts start with {total_micro} micro XEM together; "
                f"there are only {XEM_SUPPLY_WHOLE} XEM"
            )
        if not 1 <= self.block_transactions_max <= 10_000:
            raise InvalidInput(
                f"a block holds 1 to 10,000 transactions, not {self.block_transactions_max}"
            )
        if not 1 <= self.block_target_seconds <= _DAY_SECONDS:
            raise InvalidInput(
                f"a block takes 1 to {_DAY_SECONDS} s, not {self.block_target_seconds}"
            )

    @property
    def year_blocks(self) -> int:
        """For how many blocks a namespace is leased."""
        return 365 * (_DAY_SECONDS // self.block_target_seconds)

    @property
    def month_blocks(self) -> int:
        """How long before the end of a lease it can be renewed, and how long after by others."""
        return 30 * (_DAY_SECONDS // self.block_target_seconds)

    def of_peer(self, number: int) -> NodeSettings:
        """The settings of another node of this network: the same genesis, its own name and blocks."""
        return attrs.evolve(
            self,
            node_name=f"{self.node_name} {number}",
            harvester_private_key=_key(f"harvester {number}"),
        )

    def balances_micro(self) -> dict[str, int]:
        """The starting balances by address, in the order given."""
        balances: dict[str, int] = {}
        for account, balance_micro in self.accounts.items():
            address = _address(account, self.network)
            balances[address] = balances.get(address, 0) + balance_micro
        return balances

    def to_json(self) -> dict[str, Any]:
        """As it is stored beside the chain."""
        return {
            "accounts": self.balances_micro(),
            "network": self.network.name,
            "genesis_time_seconds": self.genesis_time_seconds,
            "block_target_seconds": self.block_target_seconds,
            "block_transactions_max": self.block_transactions_max,
            "hash_retention_seconds": self.hash_retention_seconds,
            "fees_required": self.fees_required,
            "importances": dict(self.importances),
            "node_name": self.node_name,
            "platform": self.platform,
            "version": self.version,
            "unlocked_max": self.unlocked_max,
            "nemesis_private_key": self.nemesis_private_key.hex(),
            "harvester_private_key": self.harvester_private_key.hex(),
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> NodeSettings:
        """From the stored form."""
        members = dict(document)
        members["network"] = network_named(members["network"])
        for name in ("nemesis_private_key", "harvester_private_key"):
            members[name] = bytes.fromhex(members[name])
        return cls(**members)


def network_named(name: str) -> Network:
    """The network of this name: mainnet, testnet or mijin."""
    for network in NETWORKS:
        if network.name == name:
            return network
    known = ", ".join(network.name for network in NETWORKS)
    raise InvalidInput(f"there is no NEM network {name!r}; take one of {known}")


def _address(account: str, network: Network) -> str:
    if len(account) == 64:
        try:
            return address_of(bytes.fromhex(account), network.byte)
        except ValueError as error:
            raise InvalidInput(f"{account!r} is neither an address nor a public key") from error
    return check_address(account, network)
