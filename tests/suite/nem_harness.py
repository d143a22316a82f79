"""The harness of NEM: a node over loopback HTTP, with small limits so that they can be reached."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager

from sauma.chain import Chain
from sauma.identifiers import AccountId, AssetId
from sauma.session import SessionTerms, Statement
from sauma.testing import Harness
from sauma_nem import NemChain, NemSettings, NemSigner, NodeClient, provision, sign_evidence
from sauma_nem.caip import address_on, mosaic_of
from sauma_nem.network import TESTNET
from sauma_nem.testnode import NodeServer, Reply, Request, TestNode
from sauma_nem.transport import HttpTransport

XEM_MICRO = 1_000_000
FINALITY_BLOCKS = 4
POOL_LIMIT = 5
ANNOUNCE = "/transaction/announce"


def signer_of(name: str) -> NemSigner:
    return NemSigner.from_private_key(hashlib.sha256(name.encode()).digest(), TESTNET)


ISSUER, ANNA, BERT, CLEO, STRANGER, ESCROW, METER = map(
    signer_of, ("issuer", "anna", "bert", "cleo", "stranger", "escrow", "meter")
)
SETTINGS = NemSettings(
    network="testnet",
    mosaic="grid:wh",
    issuer=ISSUER.account,
    finality_blocks=FINALITY_BLOCKS,
    pool_limit=POOL_LIMIT,
    escrow=signer_of("escrow").account,
)


class Line:
    """Stands between HTTP and the node, and loses announcements when it is told to."""

    def __init__(self) -> None:
        self.loses_requests = False
        self.loses_answers = False

    def __call__(self, request: Request, answer: object) -> Reply | None:
        if request.path != ANNOUNCE:
            return answer(request)
        reply = None if self.loses_requests else answer(request)
        return None if self.loses_answers else reply


class NemHarness(Harness):
    """A test node whose energy mosaic exists."""

    def __init__(self, node: TestNode, client: NodeClient, line: Line) -> None:
        self.node, self.client, self.line = node, client, line
        signers = {each.account: each for each in (ISSUER, ANNA, BERT, CLEO, ESCROW)}
        self.signers = {each.account: each for each in (ISSUER, ANNA, BERT, CLEO, METER)}
        self.chain = NemChain(SETTINGS, client, signers)
        self.codec = self.chain.codec
        self.asset = SETTINGS.energy_asset
        self.issuer = ISSUER.account
        self.holders = (ANNA.account, BERT.account, CLEO.account)
        self.stranger = STRANGER.account

    @property
    def meter(self) -> AccountId:
        return METER.account

    @property
    def session_domain(self) -> bytes:
        return SETTINGS.session_domain

    @property
    def session_escrow(self) -> AccountId:
        return ESCROW.account

    def sign_evidence(self, terms: SessionTerms, statement: Statement, signer: AccountId) -> bytes:
        return sign_evidence(self.signers[signer], statement).signature

    def holding(self, account: AccountId, asset: AssetId) -> int:
        ledger = self.node.chain.ledger
        entry = ledger.mosaic(mosaic_of(asset, TESTNET))
        return 0 if entry is None else ledger.units_of(address_on(account, TESTNET), entry)

    def mine(self, blocks: int = 1) -> None:
        self.node.mine(blocks)

    def roll_back(self, blocks: int) -> None:
        self.node.rollback(blocks)

    def pass_time(self, seconds: int) -> None:
        self.node.advance(seconds)

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
        return NemChain(SETTINGS, self.client, page_blocks=page_blocks)


@contextmanager
def a_harness(
    kind: type[NemHarness] = NemHarness,
    transport: type[HttpTransport] = HttpTransport,
) -> Iterator[NemHarness]:
    """A new node on which the energy mosaic exists, asked through this transport."""
    accounts = {
        each.account.address: 1_000 * XEM_MICRO
        for each in (ISSUER, ANNA, BERT, CLEO, STRANGER, ESCROW)
    }
    line = Line()
    with (
        TestNode.create(accounts) as node,
        NodeServer(node, middleware=line) as server,
        NodeClient(
            server.url, transport=transport(server.url, connect_timeout_s=2, read_timeout_s=5)
        ) as client,
    ):
        while not provision(client, SETTINGS, ISSUER).is_ready:
            node.mine()
        yield kind(node, client, line)
