"""An issuer, a producer and two buyers on a test node, spoken to over loopback HTTP."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import attrs

from sauma.chain import (
    Anchor,
    Batch,
    BatchKind,
    ChainEvent,
    Cursor,
    Instruction,
    Issue,
    Retire,
    SignedTransaction,
    Transfer,
)
from sauma.identifiers import AccountId, AssetId
from sauma_nem import NemChain, NemSettings, NemSigner, NodeClient, provision
from sauma_nem.network import TESTNET, Network
from sauma_nem.testnode import NodeServer, Reply, Request, TestNode

XEM_MICRO = 1_000_000
FEE_MICRO = 100_000  # one unit for the mosaic, one for the reference
Answerer = Callable[[Request], Reply]
Fault = Callable[[Request, Answerer], Reply | None]


def key_of(label: str) -> bytes:
    """The private key of a label."""
    return hashlib.sha256(f"sauma street: {label}".encode()).digest()


def signer_of(label: str, network: Network = TESTNET) -> NemSigner:
    """The signer of a label."""
    return NemSigner.from_private_key(key_of(label), network)


ISSUER = signer_of("issuer")
PRODUCER = signer_of("producer")
BUYER = signer_of("buyer")
POOR = signer_of("poor")
STRANGER = signer_of("stranger")


def settings_of(**changes: Any) -> NemSettings:
    """The street's settings."""
    facts: dict[str, Any] = {"network": "testnet", "mosaic": "grid:wh", "issuer": ISSUER.account}
    return NemSettings(**{**facts, **changes})


SETTINGS = settings_of()
ENERGY: AssetId = SETTINGS.energy_asset
XEM: AssetId = SETTINGS.fee_asset


def batch_of(*instructions: Instruction, label: str = "1", atomic: bool = False) -> Batch:
    """A batch whose id depends on its label."""
    return Batch(
        batch_id=hashlib.sha256(label.encode()).digest(),
        kind=BatchKind.SETTLEMENT,
        instructions=instructions,
        atomic=atomic,
    )


def issue(units: int, recipient: AccountId = PRODUCER.account, asset: AssetId = ENERGY) -> Issue:
    """Bring energy into circulation."""
    return Issue(
        instruction_id=bytes(32),
        authority=ISSUER.account,
        evidence=b"",
        recipient=recipient,
        asset=asset,
        units=units,
    )


def transfer(
    units: int,
    sender: AccountId = PRODUCER.account,
    recipient: AccountId = BUYER.account,
    asset: AssetId = ENERGY,
) -> Transfer:
    """Move energy or XEM."""
    return Transfer(
        instruction_id=bytes(32),
        authority=sender,
        evidence=b"",
        sender=sender,
        recipient=recipient,
        asset=asset,
        units=units,
    )


def retire(units: int, account: AccountId = PRODUCER.account, asset: AssetId = ENERGY) -> Retire:
    """Take energy out of circulation."""
    return Retire(
        instruction_id=bytes(32),
        authority=account,
        evidence=b"",
        account=account,
        asset=asset,
        units=units,
    )


def anchor(root: bytes = b"\x07" * 32, authority: AccountId = ISSUER.account) -> Anchor:
    """Put a root on the chain."""
    return Anchor(instruction_id=bytes(32), authority=authority, evidence=b"", root=root)


class Faults:
    """Stands between HTTP and the node; `now` says what to do instead of answering."""

    def __init__(self) -> None:
        self.now: Fault | None = None
        self.asked: list[str] = []

    def __call__(self, request: Request, answer: Answerer) -> Reply | None:
        self.asked.append(request.path)
        return answer(request) if self.now is None else self.now(request, answer)


@attrs.frozen(kw_only=True)
class Street:
    """The node, its faults, and a chain that reads and signs through it."""

    node: TestNode
    client: NodeClient
    chain: NemChain
    faults: Faults

    def send(
        self, *batches: Batch, outstanding: tuple[SignedTransaction, ...] = ()
    ) -> tuple[SignedTransaction, ...]:
        """Prepare and broadcast."""
        prepared = self.chain.prepare(batches, outstanding=outstanding)
        for each in prepared:
            self.chain.broadcast(each)
        return prepared

    def issued(self, units: int, *, label: str = "issued") -> SignedTransaction:
        """Issue to the producer and confirm it."""
        (signed,) = self.send(batch_of(issue(units), label=label))
        self.node.mine()
        return signed


@contextmanager
def a_street(
    settings: NemSettings = SETTINGS,
    *,
    more_balances: Mapping[str, int] | None = None,
    **node_settings: Any,
) -> Iterator[Street]:
    """A street whose mosaic exists, at height 3."""
    balances = {
        ISSUER.account.address: 1_000 * XEM_MICRO,
        PRODUCER.account.address: 100 * XEM_MICRO,
        BUYER.account.address: 100 * XEM_MICRO,
        STRANGER.account.address: 1_000 * XEM_MICRO,
        **(more_balances or {}),
    }
    signers = {each.account: each for each in (ISSUER, PRODUCER, BUYER, POOR)}
    faults = Faults()
    with (
        TestNode.create(balances, **node_settings) as node,
        NodeServer(node, middleware=faults) as server,
        NodeClient(server.url, connect_timeout_s=2, read_timeout_s=2) as client,
    ):
        while not provision(client, settings, ISSUER).is_ready:
            node.mine()
        yield Street(
            node=node,
            client=client,
            chain=NemChain(settings, client, signers),
            faults=faults,
        )


def units(street: Street, signer: NemSigner, asset: AssetId = ENERGY) -> int:
    """What an account has, by the chain."""
    return street.chain.balance(signer.account, asset).units


def everything(street: Street, since: Cursor | None = None) -> tuple[list[ChainEvent], Cursor]:
    """All pages from a cursor on: events and the last cursor."""
    page = street.chain.events(Cursor() if since is None else since)
    events = [*page.events]
    while page.more:
        page = street.chain.events(page.cursor)
        events.extend(page.events)
    return events, page.cursor
