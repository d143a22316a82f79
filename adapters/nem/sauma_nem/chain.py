"""The NEM chain as the engine sees it: two constants and seven calls."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any, Final, Self, TypeAlias

import attrs

from sauma.chain import (
    REFERENCE_BYTES,
    Answer,
    Balance,
    Batch,
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
from sauma.errors import BadAnswer, InvalidInput, NoSigner, Refused, Unsupported
from sauma.identifiers import AccountId, AssetId, ChainId
from sauma.units import check_integer

from .binary import serialise
from .caip import account_of, address_on, mosaic_of
from .codec import NemCodec
from .fees import MosaicFeeInformation, minimum_fee_micro
from .instructions import Draft, draft_of
from .network import BLOCK_TRANSACTIONS_MAX, SIGNATURE_BYTES
from .node import NodeClient
from .packing import Packing
from .scanning import PAGE_BLOCKS, read_page
from .settings import NemSettings, capabilities_of
from .signing import verify
from .snapshot import at_one_block, final_height_at
from .tracking import status_of
from .transactions import XEM, MosaicId, Transfer
from .transport import ErrorReply

NEUTRAL: Final = 0
SUCCESS: Final = 1

_FeeInformation: TypeAlias = Mapping[MosaicId, MosaicFeeInformation]


class NemChain:
    """Energy as a mosaic on NEM, through one node.

    Without signers it only reads.  Nothing is remembered between calls but that the node was found
    to serve the right network; calls may come from several threads.
    """

    def __init__(
        self,
        settings: NemSettings,
        node: NodeClient,
        signers: Mapping[AccountId, Signer] | None = None,
        *,
        page_blocks: int = PAGE_BLOCKS,
    ) -> None:
        """Use a node; it is asked nothing before the first call.

        Raises `WrongNetwork` for a signer of another network, `InvalidInput` for one whose key is
        not its account's.
        """
        if check_integer(page_blocks, "page_blocks") < 1:
            raise InvalidInput(f"page_blocks {page_blocks} must be at least 1")
        self._settings = settings
        self._node = node
        self._signers = dict(signers or {})
        self._page_blocks = page_blocks
        self._codec = NemCodec(settings)
        self._capabilities = capabilities_of(settings)
        self._is_checked = False
        for account, signer in self._signers.items():
            _check_signer(account, signer, settings)

    @classmethod
    def from_settings(
        cls,
        facts: Mapping[str, Any],
        *,
        url: str,
        signers: Mapping[AccountId, Signer] | None = None,
        **options: Any,
    ) -> NemChain:
        """Return the chain for settings as plain facts; `options` are those of `NodeClient`."""
        return cls(NemSettings.from_facts(facts), NodeClient(url, **options), signers)

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
    def node(self) -> NodeClient:
        """The node that is asked."""
        return self._node

    def account(self, address: str) -> AccountId:
        """Return the account of an address on this network; raises `InvalidInput` for another."""
        return account_of(address, self._settings.nem_network)

    def close(self) -> None:
        """Close the connections to the node."""
        self._node.close()

    def __enter__(self) -> Self:
        """Return the chain itself; leaving closes it."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close the connections to the node."""
        self.close()

    def head(self) -> Head:
        """Return the newest block and the newest height that 360 undone blocks cannot reach."""
        self._check_node()
        newest = self._node.last_block().ref
        final_height = final_height_at(newest.height, self._settings.finality_blocks)
        return Head(newest=newest, final_height=final_height)

    def quote(self, batches: Sequence[Batch]) -> Quote:
        """Return what the batches would take, by the current supply; balances are not looked at.

        A block takes 120 transactions of everybody, and of one sender what its pool room holds.
        """
        drafts = [draft_of(batch, self._settings) for batch in batches]
        self._check_node()
        information = self._fee_information(drafts)
        network_byte = self._settings.nem_network.byte
        fees: Counter[AccountId] = Counter()
        bytes_total = 0
        for draft in drafts:
            transfer = draft.to_transfer(network_byte)
            fees[draft.sender] += self._fee_micro(transfer, information)
            bytes_total += len(serialise(transfer)) + 4 + SIGNATURE_BYTES
        lanes = Counter(draft.sender for draft in drafts)
        return Quote(
            transactions=len(drafts),
            bytes_total=bytes_total,
            blocks=max(
                -(-len(drafts) // BLOCK_TRANSACTIONS_MAX),
                max(
                    (-(-count // self._settings.pool_limit) for count in lanes.values()), default=0
                ),
            ),
            fees=tuple(sorted(fees.items())),
            fee_asset=self._settings.fee_asset,
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
        are sent, and hand them back in `outstanding`.
        """
        if replaces is not None:
            raise Unsupported(
                f"{self.chain_id} cannot replace transaction {replaces.transaction_id.hex()}: wait "
                "until its deadline has passed for good, then prepare its batch again"
            )
        wanted = self._drafts(batches)
        if not wanted:
            return ()
        self._check_node(again=True)
        information = self._fee_information([draft for draft, _ in wanted])
        now_seconds = self._node.network_time_ms() // 1_000
        packing = Packing(
            self._node,
            self._codec,
            senders=[draft.sender for draft, _ in wanted],
            outstanding=outstanding,
            now_seconds=now_seconds,
        )
        prepared: list[SignedTransaction] = []
        for draft, signer in wanted:
            if not packing.has_room(draft.sender):
                break
            try:
                signed = self._sign(draft, signer, packing, information, now_seconds)
            except (Refused, InvalidInput):
                if not prepared:
                    raise
                break
            prepared.append(signed)
        return tuple(prepared)

    def broadcast(self, transaction: SignedTransaction) -> Answer:
        """Announce the stored bytes; a node's word is a hint, never a verdict.

        A node repeats its first word on the same bytes for ten minutes, also a refusal.  Raises
        `BadAnswer` when the node computed another hash than ours.
        """
        request = self._codec.announce_request(transaction.raw)
        self._check_node()
        reply = self._node.announce(request)
        if isinstance(reply, ErrorReply):
            return Answer(word=Word.REJECTED, code=f"HTTP {reply.status}", message=reply.message)
        if reply.transaction_hash not in (None, transaction.transaction_id):
            raise BadAnswer(
                f"node {self._node.url} read transaction {transaction.transaction_id.hex()} as "
                f"{reply.transaction_hash.hex()}: ask status() of it, and another node"
            )
        word = {SUCCESS: Word.ACCEPTED, NEUTRAL: Word.KNOWN}.get(reply.code, Word.REJECTED)
        return Answer(word=word, code=str(reply.code), message=reply.name)

    def status(self, transaction: SignedTransaction) -> Status:
        """Return what can be proved of a transaction now."""
        self._check_node()
        return status_of(self._node, self._codec, transaction)

    def events(self, since: Cursor) -> EventPage:
        """Return what moved energy or carried a reference since the cursor, at most one page."""
        self._check_node()
        return read_page(self._node, self._settings, since, self._page_blocks)

    def balance(self, account: AccountId, asset: AssetId) -> Balance:
        """Return what an account has as confirmed; the issuing account's share is not in circulation."""
        address = address_on(account, self._settings.nem_network)
        mosaic_id = mosaic_of(asset, self._settings.nem_network)
        self._check_node()

        def ask() -> int:
            if mosaic_id == XEM:
                return self._node.account(address).balance_micro
            return self._node.owned_mosaics(address).get(mosaic_id, 0)

        block, units = at_one_block(self._node, ask)
        return Balance(units=units, block=block)

    def _check_node(self, *, again: bool = False) -> None:
        if again or not self._is_checked:
            self._node.check(self._settings.nem_network)
            self._is_checked = True

    def _drafts(self, batches: Sequence[Batch]) -> list[tuple[Draft, Signer]]:
        """Return the first batches that can be written and signed; raises for the very first."""
        wanted: list[tuple[Draft, Signer]] = []
        for batch in batches:
            try:
                draft = draft_of(batch, self._settings)
                signer = self._signers.get(draft.sender)
                if signer is None:
                    raise NoSigner(
                        f"nobody can sign for {draft.sender}: give its signer to the chain"
                    )
            except (Refused, InvalidInput):
                if not wanted:
                    raise
                break
            wanted.append((draft, signer))
        return wanted

    def _fee_information(self, drafts: Sequence[Draft]) -> _FeeInformation:
        """Ask for the current supply, on which the fee depends, where energy moves."""
        if not any(draft.mosaics for draft in drafts):
            return {}
        mosaic_id = self._settings.mosaic_id
        supply_units = self._node.mosaic_supply(mosaic_id)
        if supply_units is None:
            return {}
        return {mosaic_id: MosaicFeeInformation(supply_whole=supply_units, divisibility=0)}

    def _fee_micro(self, transfer: Transfer, information: _FeeInformation) -> int:
        if transfer.mosaics and self._settings.mosaic_id not in information:
            raise Refused(
                f"there is no mosaic {self._settings.mosaic_id} on {self.chain_id}: provision it "
                "first, or correct its name"
            )
        return minimum_fee_micro(transfer, information.get)

    def _sign(
        self,
        draft: Draft,
        signer: Signer,
        packing: Packing,
        information: _FeeInformation,
        now_seconds: int,
    ) -> SignedTransaction:
        packing.check_new(draft.batch_id, draft.message[:REFERENCE_BYTES])
        transfer = draft.to_transfer(
            self._settings.nem_network.byte,
            public_key=signer.public_key,
            timestamp_seconds=now_seconds,
            deadline_seconds=now_seconds + self._settings.deadline_s,
        )
        transfer = attrs.evolve(transfer, fee_micro=self._fee_micro(transfer, information))
        packing.check_payable(draft.sender, transfer)
        data = serialise(transfer)
        signature = signer.sign(data)
        if not verify(signer.public_key, data, signature):
            raise NoSigner(
                f"the signer of {draft.sender} gave a signature that does not hold: check its key"
            )
        height = packing.block.height
        signed = self._codec.signed(
            attrs.evolve(transfer, signature=signature),
            batch_id=draft.batch_id,
            # what is final now cannot have it; everything later may, after a reorganisation
            prepared_at=final_height_at(height, self._settings.finality_blocks) + 1,
        )
        packing.take(signed, transfer)
        return signed


def _check_signer(account: AccountId, signer: Signer, settings: NemSettings) -> None:
    address_on(account, settings.nem_network)
    if signer.account != account:
        address_on(signer.account, settings.nem_network)
        raise InvalidInput(f"the signer given for {account} signs for {signer.account}: correct it")
    own = account_of(signer.public_key, settings.nem_network)
    if own != account:
        raise InvalidInput(
            f"the signer of {account} has the key of {own}: give the account's own key"
        )
