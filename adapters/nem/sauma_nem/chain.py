"""The NEM chain as the engine sees it: two constants and seven calls."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Any, Final, Self

from sauma.chain import (
    Answer,
    Balance,
    Batch,
    BlockRef,
    Capabilities,
    Cursor,
    EventPage,
    Head,
    Quote,
    SignedTransaction,
    Signer,
    Status,
    Word,
)
from sauma.errors import BadAnswer, InvalidInput, Unsupported
from sauma.identifiers import AccountId, AssetId, ChainId
from sauma.units import check_integer
from sauma_nodes import EndpointHealth, Endpoints

from .caip import account_of, address_on, mosaic_of
from .codec import NemCodec
from .delegation import check_signer
from .instructions import Draft, draft_of
from .node import NodeClient
from .preparing import Preparer, wanted_of
from .pricing import PoolWatch
from .remembering import Remembered
from .scanning import PAGE_BLOCKS, read_page
from .settings import NemSettings, capabilities_of
from .signing import AnnounceRequest
from .snapshot import at_one_block, final_height_at
from .tracking import status_of
from .transactions import XEM
from .transport import ErrorReply

NEUTRAL: Final = 0
SUCCESS: Final = 1
POOL_TOO_FULL: Final = 19


class NemChain:
    """Energy as a mosaic on NEM, through one node or several.

    Without signers it only reads.  Remembered between calls is only how the nodes did, what they said
    of their pools, and of their newest block while it is that; calls may come from several threads.
    """

    def __init__(
        self,
        settings: NemSettings,
        nodes: NodeClient | Sequence[NodeClient],
        signers: Mapping[AccountId, Signer] | None = None,
        *,
        page_blocks: int = PAGE_BLOCKS,
        agreement: int = 1,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Use nodes in the order of preference; none is asked anything before the first call.

        `agreement` is how many nodes must have the same block before it is believed to be final.
        Give a `Delegate` as the signer of a multisig account.  Raises `WrongNetwork` for a signer of
        another network, `InvalidInput` for one whose key is not its account's.
        """
        if check_integer(page_blocks, "page_blocks") < 1:
            raise InvalidInput(f"page_blocks {page_blocks} must be at least 1")
        self._settings = settings
        self._signers = dict(signers or {})
        self._page_blocks = page_blocks
        self._codec = NemCodec(settings)
        self._capabilities = capabilities_of(settings)
        self._watch = PoolWatch(monotonic)
        self._remembered = Remembered()
        self._endpoints = Endpoints(
            [nodes] if isinstance(nodes, NodeClient) else nodes,
            check=self._check_node,
            agreement=agreement,
            monotonic=monotonic,
        )
        for account, signer in self._signers.items():
            check_signer(account, signer, settings.nem_network)

    @classmethod
    def from_settings(
        cls,
        facts: Mapping[str, Any],
        *,
        urls: Sequence[str],
        signers: Mapping[AccountId, Signer] | None = None,
        agreement: int = 1,
        **options: Any,
    ) -> NemChain:
        """Return the chain for settings as plain facts; `options` are those of `NodeClient`."""
        nodes = [NodeClient(url, **options) for url in urls]
        return cls(NemSettings.from_facts(facts), nodes, signers, agreement=agreement)

    def add_signer(self, signer: Signer) -> None:
        """Sign for one more account from now on, as when somebody joins; the same again is a no-op."""
        check_signer(signer.account, signer, self._settings.nem_network)
        self._signers[signer.account] = signer

    @property
    def chain_id(self) -> ChainId:
        """`nem:mainnet`, `nem:testnet` or `nem:mijin`."""
        return self._settings.chain_id

    @property
    def capabilities(self) -> Capabilities:
        """What NEM promises: plain transfers, one instruction each, final by depth."""
        return self._capabilities

    @property
    def settings(self) -> NemSettings:
        """What this chain was built from."""
        return self._settings

    @property
    def codec(self) -> NemCodec:
        """The offline half, for the same settings."""
        return self._codec

    @property
    def nodes(self) -> tuple[NodeClient, ...]:
        """The nodes, in the order of preference."""
        return self._endpoints.nodes

    def health(self) -> tuple[EndpointHealth, ...]:
        """Return what was seen of each node so far."""
        return self._endpoints.health()

    def account(self, address: str) -> AccountId:
        """Return the account of an address on this network; raises `InvalidInput` for another."""
        return account_of(address, self._settings.nem_network)

    def close(self) -> None:
        """Close the connections to the nodes."""
        self._endpoints.close()

    def __enter__(self) -> Self:
        """Return the chain itself; leaving closes it."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close the connections to the nodes."""
        self.close()

    def head(self) -> Head:
        """Return the newest block and the newest height that 360 undone blocks cannot reach."""

        def read(node: NodeClient) -> Head:
            newest = node.last_block().ref
            final_height = final_height_at(newest.height, self._settings.finality_blocks)
            self._believe_height(node, final_height)
            return Head(newest=newest, final_height=final_height)

        return self._endpoints.ask(read)

    def quote(self, batches: Sequence[Batch]) -> Quote:
        """Return what the batches would take, by the current supply; balances are not looked at.

        A block takes 120 transactions of everybody, and of one sender what its pool room holds.  While
        the pool is full the fees are raised ones, as `prepare` would choose them now.
        """
        drafts = [draft_of(batch, self._settings) for batch in batches]
        return self._endpoints.ask(
            lambda node: self._preparer(node, drafts).quote(drafts, self._signers)
        )

    def prepare(
        self,
        batches: Sequence[Batch],
        *,
        outstanding: Sequence[SignedTransaction],
        replaces: SignedTransaction | None = None,
    ) -> tuple[SignedTransaction, ...]:
        """Price and sign a prefix of the batches, one transfer each; raises when the first is refused.

        Signing is deterministic, but time is part of a transfer: the same batch prepared again at
        another second is another transaction, and both could land.  So commit the bytes before they
        are sent, and hand them back in `outstanding`.  Raises `NamespaceExpiring` when the mosaic could
        not move until the deadline.
        """
        if replaces is not None:
            raise Unsupported(
                f"{self.chain_id} cannot replace transaction {replaces.transaction_id.hex()}: wait "
                "until its deadline has passed for good, then prepare its batch again"
            )
        wanted = wanted_of(batches, self._settings, self._signers)
        if not wanted:
            return ()

        def sign(node: NodeClient) -> tuple[SignedTransaction, ...]:
            drafts = [each.draft for each in wanted]
            return self._preparer(node, drafts).prepare(wanted, outstanding)

        return self._endpoints.ask(sign)

    def _preparer(self, node: NodeClient, drafts: Sequence[Draft]) -> Preparer:
        return Preparer(node, self._codec, drafts, watch=self._watch, remembered=self._remembered)

    def broadcast(self, transaction: SignedTransaction) -> Answer:
        """Announce the stored bytes to every node; a node's word is a hint, never a verdict.

        A node repeats its first word on the same bytes for ten minutes, also a refusal.  Raises
        `BadAnswer` when the only node that answers computed another hash than ours.
        """
        ours = self._codec.read(transaction.raw)
        request = self._codec.announce_request(transaction.raw)
        answer = self._endpoints.tell(
            lambda node: _word_of(node, request, transaction.transaction_id)
        )
        if answer.code == str(POOL_TOO_FULL):
            self._watch.refused(ours.fee_micro)
        elif answer.word is Word.ACCEPTED:
            self._watch.accepted(ours.fee_micro)
        return answer

    def status(self, transaction: SignedTransaction) -> Status:
        """Return what can be proved of a transaction now; final words only as far as nodes agree."""
        return self._endpoints.ask(
            lambda node: status_of(node, self._codec, transaction, self._believe)
        )

    def events(self, since: Cursor) -> EventPage:
        """Return what moved energy or carried a reference since the cursor, at most one page.

        With an agreement of several nodes each page waits until so many have its final block.
        """

        def read(node: NodeClient) -> EventPage:
            page = read_page(node, self._settings, since, self._page_blocks)
            self._believe_height(node, page.final_height)
            return page

        return self._endpoints.ask(read)

    def balance(self, account: AccountId, asset: AssetId) -> Balance:
        """Return what an account has as confirmed; the issuing account's share is not in circulation."""
        address = address_on(account, self._settings.nem_network)
        mosaic_id = mosaic_of(asset, self._settings.nem_network)

        def read(node: NodeClient) -> Balance:
            def ask(_: BlockRef) -> int:
                if mosaic_id == XEM:
                    return node.account(address).balance_micro
                return node.owned_mosaics(address).get(mosaic_id, 0)

            block, units = at_one_block(node, ask)
            return Balance(units=units, block=block)

        return self._endpoints.ask(read)

    def _check_node(self, node: NodeClient) -> None:
        node.check(self._settings.nem_network)

    def _believe(self, block: BlockRef) -> None:
        """Raise unless as many nodes have a block as must agree on it."""

        def shown(node: NodeClient) -> bytes | None:
            found = node.block_at(block.height)
            return None if found is None else found.ref.block_hash

        self._endpoints.agree(shown, block.block_hash, on=f"block {block.height}")

    def _believe_height(self, node: NodeClient, height: int) -> None:
        """Raise unless enough nodes have the block that this one has at a height."""
        if self._endpoints.agreement == 1 or height < 1:
            return
        block = node.block_at(height)
        if block is None:
            raise BadAnswer(
                f"node {node.url} has no block {height}, though its chain was longer: ask another "
                "node"
            )
        self._believe(block.ref)


def _word_of(node: NodeClient, request: AnnounceRequest, transaction_id: bytes) -> Answer:
    reply = node.announce(request)
    if isinstance(reply, ErrorReply):
        return Answer(word=Word.REJECTED, code=f"HTTP {reply.status}", message=reply.message)
    if reply.transaction_hash not in (None, transaction_id):
        raise BadAnswer(
            f"node {node.url} read transaction {transaction_id.hex()} as "
            f"{reply.transaction_hash.hex()}: ask status() of it, and another node"
        )
    word = {SUCCESS: Word.ACCEPTED, NEUTRAL: Word.KNOWN}.get(reply.code, Word.REJECTED)
    return Answer(word=word, code=str(reply.code), message=reply.name)
