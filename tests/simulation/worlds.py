"""The worlds of the adapters: NEM by a test node in this process, Ethereum by eth-tester and anvil."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Collection, Mapping
from random import Random
from typing import ClassVar

from signers import PlainSigner, as_it_is

from sauma.chain import Signer
from sauma.errors import ChainError, OutcomeUnknown, Unavailable
from sauma.identifiers import AccountId
from sauma.memory import MemoryChain
from sauma.testing.simulation import Line, MemoryWorld, SimulatedWorld
from sauma.venue import Venue
from sauma_nem import NemChain, NemSettings, NemSigner, NodeClient, provision
from sauma_nem.binary import serialise_verifiable
from sauma_nem.network import TESTNET
from sauma_nem.parsing import parse_announced
from sauma_nem.testnode import Reply, Request, TestNode
from sauma_nem.testnode.faults import (
    CutShort,
    Drop,
    Duplicate,
    HalfPage,
    Loading,
    NotBooted,
    Reset,
    ServerError,
    StaleHeight,
    TimeSkew,
    WrongHash,
)
from sauma_nem.testnode.faults import Fault as NodeFault
from sauma_nem.testnode.faulty import answer_faultily
from sauma_nem.testnode.rest import respond
from sauma_nem.transport import ErrorReply, JsonObject

NAMES = ("@issuer", "@clearing", "anna", "bert", "cleo", "dora")
FINALITY_BLOCKS = 4
ISSUER_MICRO = 1_000_000_000
SUCCESS, SERVER_ERROR, NOT_READY = 200, 500, (429, 503)
NODE_FAULTS: tuple[NodeFault, ...] = (
    Drop(lost="request"),
    Drop(lost="answer"),
    Reset(lost="request"),
    Reset(lost="answer"),
    Duplicate(),
    CutShort(),
    ServerError(lost="request"),
    ServerError(lost="answer"),
    ServerError(status=429, message=None),
    NotBooted(),
    Loading(),
    WrongHash(),
    StaleHeight(blocks=1),
    StaleHeight(blocks=3),
    HalfPage(),
    TimeSkew(seconds=-5_000),
    TimeSkew(seconds=700),
)
"""What a node does wrong in a storm; all its switches but the delay, which only takes time."""
HIDING = (StaleHeight, HalfPage)
"""Of these, those that keep back what is in blocks, or waits."""
QUESTION_PERMILLE, ANNOUNCE_PERMILLE = 10, 70
"""How often each strikes: announces are few, and matter more."""
ANNOUNCE = "/transaction/announce"
REFUSED_BY_NEM = {"innerTransactionHash": {}, "code": 6, "type": 1, "message": "FAILURE_UNKNOWN"}


def _nem_signer(name: str) -> NemSigner:
    return NemSigner.from_private_key(hashlib.sha256(name.encode()).digest(), TESTNET)


NEM_SIGNERS = {name: _nem_signer(name) for name in NAMES}


class NemWorld(SimulatedWorld):
    """A test node, asked without sockets through the real client and adapter."""

    sign_with = staticmethod(as_it_is)
    """What stands between the adapter and its signers."""
    own_micro: Mapping[str, int] = {}
    """What participants have for fees beside what the plan gives them."""
    struck: ClassVar[Counter[str]] = Counter()
    """How often each of the node's own faults struck, in all worlds of this process."""

    def __init__(self) -> None:
        """Make a node on which the energy mosaic exists."""
        self.settings = NemSettings(
            network="testnet",
            mosaic="grid:wh",
            issuer=self.account("@issuer"),
            finality_blocks=FINALITY_BLOCKS,
            deadline_s=self.validity_seconds,
        )
        owned = {"@issuer": ISSUER_MICRO, **self.own_micro}
        self.node = TestNode.create({self.account(name).address: n for name, n in owned.items()})
        client = NodeClient("http://simulated", transport=NodeOnLine(self, Line()))
        while not provision(client, self.settings, NEM_SIGNERS["@issuer"]).is_ready:
            self.node.mine()
        self.node.mine(FINALITY_BLOCKS)
        self.old = self.node
        self._hides = True

    def trouble(self, line: Line) -> None:
        """Have the node go wrong while anything does: with about half of its faults, by the seed's."""
        if not line.faults.rates:
            self._calm_down()
        elif not self.node.faults.active():
            kinds = ",".join(sorted(fault.name for fault in line.faults.rates))
            draw = Random(kinds)
            self.node.faults.reseed(draw.randrange(1_000_000))
            for fault in NODE_FAULTS:
                if draw.random() < 1 / 2 and (self._hides or not isinstance(fault, HIDING)):
                    self.node.faults.on(fault, permille=QUESTION_PERMILLE)
                    self.node.faults.on(fault, permille=ANNOUNCE_PERMILLE, routes=(ANNOUNCE,))

    def show_everything(self) -> None:
        self._hides = False
        self._calm_down()

    def _calm_down(self) -> None:
        for switch in self.node.faults.active():
            self.struck[switch.fault.name] += switch.struck
        self.node.faults.clear()

    def venue(self, line: Line) -> Venue:
        client = NodeClient("http://simulated", transport=NodeOnLine(self, line))
        return self.venue_of(NemChain(self.settings, client, self.signers(), page_blocks=4))

    def signers(self) -> dict[AccountId, Signer]:
        found = {each.account: self.sign_with(each) for each in NEM_SIGNERS.values()}
        return {account: signer for account, signer in found.items() if signer is not None}

    def venue_of(self, chain: NemChain) -> Venue:
        return Venue(
            chain=chain,
            codec=chain.codec,
            energy_asset=self.settings.energy_asset,
            settings=self.settings.to_facts(),
            roles={role: self.account(role) for role in ("@issuer", "@clearing")},
        )

    def account(self, name: str) -> AccountId:
        return NEM_SIGNERS[name].account

    def mine(self, blocks: int = 1) -> None:
        self.node.mine(blocks)

    def roll_back(self, blocks: int) -> None:
        self.node.rollback(blocks)

    def evict(self, transaction_ids: Collection[bytes]) -> None:
        for each in transaction_ids:
            self.node.drop(each)

    def pass_time(self, seconds: int) -> None:
        self.node.advance(seconds)

    def remember_state(self) -> None:
        self.old = TestNode(self.node.settings)
        self.old.set_time(self.node.now_seconds())
        self.old.follow(1, [self.node.block(each) for each in range(2, self.node.height + 1)])

    def close(self) -> None:
        self._calm_down()
        self.node.close()


class PatientNemWorld(NemWorld):
    """The same with deadlines of a day, the longest that NEM allows: nothing heals by expiring."""

    validity_seconds = 86_400


class LastingMemoryWorld(MemoryWorld):
    """The reference chain without expiry, where only a nonce taken by another kills a transaction."""

    expires = False


class SignedMemoryWorld(MemoryWorld):
    """The reference chain with signers, whose signatures it carries."""

    sign_with = staticmethod(as_it_is)

    def _new_chain(self) -> MemoryChain:
        chain = super()._new_chain()
        chain._signers = _Signers(self, chain)
        return chain


class _Signers:
    """Who signs for an account, as the world has it at the moment."""

    def __init__(self, world: SignedMemoryWorld, chain: MemoryChain) -> None:
        self._world = world
        self._plain = {
            account: PlainSigner(account)
            for account in (chain.account(name.removeprefix("@")) for name in NAMES)
        }

    def get(self, account: AccountId) -> Signer | None:
        signer = self._plain.get(account)
        return None if signer is None else self._world.sign_with(signer)


class NodeOnLine:
    """What `HttpTransport` is, but for the sockets: the node's REST interface behind a line."""

    url = "http://simulated"

    def __init__(self, world: NemWorld, line: Line) -> None:
        self._world, self._line = world, line

    def close(self) -> None:
        """Nothing is open."""

    def ask(
        self, path: str, *, params: Mapping[str, str] | None = None, body: JsonObject | None = None
    ) -> JsonObject | ErrorReply:
        self._world.trouble(self._line)
        node = self._world.old if self._line.lags else self._world.node
        request = Request.of("GET" if body is None else "POST", path, params=params, body=body)
        return self._line.ask(lambda: self._answer(node, request, lost=Unavailable))

    def send(self, path: str, body: str) -> JsonObject | ErrorReply:
        self._world.trouble(self._line)
        request = Request.of("POST", path, body=body)
        return self._line.send(
            raw_of(json.loads(body)),
            lambda: self._answer(self._world.node, request, lost=OutcomeUnknown),
            said=said_by_nem,
        )

    def _answer(
        self, node: TestNode, request: Request, *, lost: type[ChainError]
    ) -> JsonObject | ErrorReply:
        """Read what came back as `HttpTransport` does, whose sockets are not here."""
        outcome = answer_faultily(self._world.node, request, lambda each: respond(node, each))
        if not isinstance(outcome, Reply):
            raise lost("the connection ended without an answer")
        if outcome.status == SUCCESS:
            return outcome.body
        if outcome.status in NOT_READY:
            raise Unavailable(f"the node is not ready: {outcome.status}")
        if outcome.status >= SERVER_ERROR and lost is OutcomeUnknown:
            raise OutcomeUnknown(f"the node failed with {outcome.status}")
        return ErrorReply(status=outcome.status, message=str(outcome.body.get("message")))


def raw_of(document: dict[str, str]) -> bytes:
    """Return what is announced as it lies in a block, and in the store."""
    data, signature = bytes.fromhex(document["data"]), bytes.fromhex(document["signature"])
    return serialise_verifiable(parse_announced(data, signature=signature, network=TESTNET))


def said_by_nem(taken: bool) -> JsonObject:
    if taken:
        return {**REFUSED_BY_NEM, "code": 1, "message": "SUCCESS"}
    return REFUSED_BY_NEM
