"""An Ethereum chain as the engine sees it: two constants and seven calls."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from types import TracebackType
from typing import Any, Self

from sauma.chain import (
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
)
from sauma.errors import InvalidInput, NoSigner, Refused, WrongNetwork
from sauma.identifiers import AccountId, AssetId, ChainId
from sauma.units import check_integer
from sauma_nodes import Endpoints

from .building import Builder, Built, in_registrations
from .caip import account_of, address_on, parse_address
from .codec import EthereumCodec
from .directory import AccountDirectory
from .endpoints import word_of
from .fees import Fees, suggested
from .instructions import Draft, check_roles, draft_of
from .node import NodeClient
from .operations import Asset
from .packing import Packing, Slot, find
from .possible import check_possible
from .quoting import quote_of
from .reading import LedgerReader, at_one_block, head_of
from .scanning import PAGE_BLOCKS, read_page
from .settings import EthereumSettings, capabilities_of
from .signing import address_of, keccak
from .tracking import status_of
from .transport import Transport


class EthereumChain:
    """Energy and money in the settlement contract of one Ethereum chain, through one node or several.

    Without signers it only reads.  Remembered between calls are only facts that cannot change, and
    how the nodes did; calls may come from several threads.
    """

    def __init__(
        self,
        settings: EthereumSettings,
        nodes: NodeClient | Sequence[NodeClient],
        signers: Mapping[AccountId, Signer] | None = None,
        *,
        page_blocks: int = PAGE_BLOCKS,
    ) -> None:
        """Use nodes in the order of preference; none is asked anything before the first call.

        Raises `WrongNetwork` for a signer of another chain, `InvalidInput` for one whose key is not
        its account's.
        """
        if check_integer(page_blocks, "page_blocks") < 1:
            raise InvalidInput(f"page_blocks {page_blocks} must be at least 1")
        self._settings = settings
        self._page_blocks = page_blocks
        self._signers = dict(signers or {})
        self._codec = EthereumCodec(settings)
        self._builder = Builder(settings)
        self._capabilities = capabilities_of(settings)
        self._directory = AccountDirectory(settings)
        self._views = LedgerReader(settings)
        self._endpoints = Endpoints(
            [nodes] if isinstance(nodes, NodeClient) else nodes, check=self._check_node
        )
        for account, signer in self._signers.items():
            _check_signer(account, signer, settings)

    @classmethod
    def from_settings(
        cls,
        facts: Mapping[str, Any],
        *,
        urls: Sequence[str | Transport],
        signers: Mapping[AccountId, Signer] | None = None,
        **options: Any,
    ) -> EthereumChain:
        """Return the chain for settings as plain facts; `options` are those of `NodeClient`."""
        nodes = [NodeClient(url, **options) for url in urls]
        return cls(EthereumSettings.from_facts(facts), nodes, signers)

    @property
    def chain_id(self) -> ChainId:
        """`eip155:` and the number."""
        return self._settings.chain

    @property
    def capabilities(self) -> Capabilities:
        """What the contracts promise: everything, by themselves."""
        return self._capabilities

    @property
    def settings(self) -> EthereumSettings:
        """What this chain was built from."""
        return self._settings

    @property
    def codec(self) -> EthereumCodec:
        """The offline half, for the same settings."""
        return self._codec

    @property
    def nodes(self) -> tuple[NodeClient, ...]:
        """The nodes, in the order of preference."""
        return self._endpoints.nodes

    def account(self, address: str) -> AccountId:
        """Return the account of an address with checksum."""
        return account_of(parse_address(address), self._settings.chain)

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
        """Return the newest block and the newest final height, by tag or by depth."""
        return self._endpoints.ask(lambda node: head_of(node, self._settings))

    def quote(self, batches: Sequence[Batch]) -> Quote:
        """Return what the batches would take at most, at what gas costs now; balances are not looked at.

        A transaction a batch, and before them the registration of every account that has none.
        """
        drafts = [draft_of(batch, self._settings) for batch in batches]
        for draft in drafts:
            check_roles(draft, self._settings)
        return self._endpoints.ask(
            lambda node: quote_of(node, self._settings, self._directory, self._builder, drafts)
        )

    def prepare(
        self,
        batches: Sequence[Batch],
        *,
        outstanding: Sequence[SignedTransaction],
        replaces: SignedTransaction | None = None,
    ) -> tuple[SignedTransaction, ...]:
        """Price and sign a prefix of the batches, one transaction each; raises when the first is refused.

        Nothing is signed while gas costs more than the ceiling.  The nonce is the lowest that is
        neither taken nor outstanding, so a gap is filled first.  With `replaces` the first batch
        takes its nonce and offers an eighth more per gas.
        """
        if replaces is not None and not batches:
            raise InvalidInput("nothing to replace the transaction with: give a batch")
        wanted = self._drafts(batches)
        if not wanted:
            return ()
        return self._endpoints.ask(lambda node: self._prepare(node, wanted, outstanding, replaces))

    def broadcast(self, transaction: SignedTransaction) -> Answer:
        """Give the stored bytes to every node; a node's word is a hint, never a verdict."""
        self._codec.read(transaction.raw)
        transaction_id = keccak(transaction.raw)
        return self._endpoints.tell(lambda node: word_of(node, transaction.raw, transaction_id))

    def status(self, transaction: SignedTransaction) -> Status:
        """Return what can be proved of a transaction now."""
        return self._endpoints.ask(lambda node: status_of(node, self._codec, transaction))

    def events(self, since: Cursor) -> EventPage:
        """Return what moved in our area or carried a reference since the cursor, at most one page."""
        return self._endpoints.ask(
            lambda node: read_page(node, self._settings, since, self._page_blocks)
        )

    def balance(self, account: AccountId, asset: AssetId) -> Balance:
        """Return what an account has of energy, money or ether; without a number it has nothing.

        What sessions and allowances hold is the escrow's.
        """
        owner = address_on(account, self._settings.chain)
        kind = self._asset(asset)

        def ask(node: NodeClient, head: Head) -> Balance:
            height = head.newest.height
            if kind is None:
                return Balance(units=node.ether_wei(owner, height), block=head.newest)
            if owner == self._settings.escrow_address:
                return Balance(units=self._views.held(node, kind, height), block=head.newest)
            number = self._directory.numbers_of(node, [owner], head).get(owner)
            if number is None:
                return Balance(units=0, block=head.newest)
            units = self._views.balances(node, [number], height)[number, kind]
            return Balance(units=units, block=head.newest)

        return self._endpoints.ask(
            lambda node: at_one_block(node, self._settings, lambda head: ask(node, head))
        )

    def unregistered(self, accounts: Sequence[AccountId]) -> tuple[AccountId, ...]:
        """Return which accounts the contract has given no number yet."""
        owners = {address_on(each, self._settings.chain): each for each in accounts}

        def ask(node: NodeClient) -> tuple[AccountId, ...]:
            head = head_of(node, self._settings)
            numbers = self._directory.numbers_of(node, list(owners), head)
            return tuple(each for owner, each in owners.items() if owner not in numbers)

        return self._endpoints.ask(ask)

    def prepare_registration(
        self, accounts: Sequence[AccountId], *, outstanding: Sequence[SignedTransaction] = ()
    ) -> tuple[SignedTransaction, ...]:
        """Sign what gives numbers to those accounts that have none, in the settler's lane.

        An account needs a number before anything can be moved to it.  A registration carries no
        batch and may be repeated: the contract passes over who is registered.  Nothing is signed
        while gas costs more than the ceiling.
        """
        missing = self.unregistered(accounts)
        settler = self._settings.settler
        signer = self._signer(settler)
        if not missing:
            return ()

        def ask(node: NodeClient) -> tuple[SignedTransaction, ...]:
            fees = suggested(node, self._settings.fee_ceiling_wei)
            if fees is None:
                return ()
            packing = self._packing(node, (), (settler,), outstanding, None)
            prepared: list[SignedTransaction] = []
            owners = [address_on(each, self._settings.chain) for each in missing]
            for lot in in_registrations(owners):
                slot = packing.free_slot(settler)
                if slot is None:
                    break
                built = self._builder.registration(lot, slot[1], fees)
                prepared.append(self._take(packing, slot, built, signer))
            return tuple(prepared)

        return self._endpoints.ask(ask)

    def prepare_cancellation(
        self, sender: AccountId, nonce: int, *, outstanding: Sequence[SignedTransaction] = ()
    ) -> SignedTransaction:
        """Sign what uses up a nonce and does nothing, so that what waits behind a gap can land.

        `prepare` fills gaps with batches; this is for when there is none to send.  Raises `Refused`
        for a nonce that is taken, and while gas costs more than the ceiling.
        """
        signer = self._signer(sender)

        def ask(node: NodeClient) -> SignedTransaction:
            fees = suggested(node, self._settings.fee_ceiling_wei)
            if fees is None:
                raise Refused(
                    f"gas costs more than {self._settings.fee_ceiling_wei} wei: wait, or raise "
                    "fee_ceiling_wei"
                )
            packing = self._packing(node, (), (sender,), outstanding, None)
            slot = packing.open_slot(sender, nonce)
            built = self._builder.cancellation(
                address_on(sender, self._settings.chain), nonce, packing.fees_for(slot, fees)
            )
            return self._take(packing, slot, built, signer)

        return self._endpoints.ask(ask)

    def _prepare(
        self,
        node: NodeClient,
        wanted: Sequence[tuple[Draft, Signer]],
        outstanding: Sequence[SignedTransaction],
        replaces: SignedTransaction | None,
    ) -> tuple[SignedTransaction, ...]:
        fees = suggested(node, self._settings.fee_ceiling_wei)
        if fees is None:
            return ()
        drafts = [draft for draft, _ in wanted]
        senders = dict.fromkeys(draft.sender for draft in drafts)
        if replaces is not None:
            senders[replaces.sender] = None
        packing = self._packing(node, drafts, senders, outstanding, replaces)
        prepared: list[SignedTransaction] = []
        for draft, signer in wanted:
            try:
                signed = self._prepare_one(node, draft, signer, fees, packing)
            except (Refused, InvalidInput):
                if not prepared:
                    raise
                break
            if signed is None:
                break
            prepared.append(signed)
        return tuple(prepared)

    def _prepare_one(
        self, node: NodeClient, draft: Draft, signer: Signer, fees: Fees, packing: Packing
    ) -> SignedTransaction | None:
        slot = packing.slot_for(draft)
        if slot is None:
            return None
        check_possible(node, self._settings, draft, packing.found)
        offered = packing.fees_for(slot, fees)
        found = packing.found
        built = self._builder.of_draft(draft, slot[1], offered, found.numbers, found.places)
        return self._take(packing, slot, built, signer, draft.batch.batch_id)

    def _packing(
        self,
        node: NodeClient,
        drafts: Sequence[Draft],
        senders: Iterable[AccountId],
        outstanding: Sequence[SignedTransaction],
        replaces: SignedTransaction | None,
    ) -> Packing:
        found = find(node, self._settings, self._directory, drafts, senders)
        return Packing(found, self._codec, outstanding=outstanding, replaces=replaces)

    def _take(
        self,
        packing: Packing,
        slot: Slot,
        built: Built,
        signer: Signer,
        *batch_ids: bytes,
    ) -> SignedTransaction:
        """Sign what can be afforded, and use up what it takes."""
        signed = self._builder.signed(
            built,
            signer,
            batch_ids=batch_ids,
            # what is final now cannot have it; everything later may, after a reorganisation
            prepared_at=packing.found.final_height + 1,
        )
        packing.take(slot, built.transaction, built.effects, *batch_ids)
        return signed

    def _drafts(self, batches: Sequence[Batch]) -> list[tuple[Draft, Signer]]:
        """Return the first batches that can be written and signed; raises for the very first."""
        wanted: list[tuple[Draft, Signer]] = []
        for batch in batches:
            try:
                draft = draft_of(batch, self._settings)
                signer = self._signer(draft.sender)
                check_roles(draft, self._settings)
            except (Refused, InvalidInput):
                if not wanted:
                    raise
                break
            wanted.append((draft, signer))
        return wanted

    def _signer(self, account: AccountId) -> Signer:
        signer = self._signers.get(account)
        if signer is None:
            raise NoSigner(f"nobody can sign for {account}: give its signer to the chain")
        return signer

    def _asset(self, asset: AssetId) -> Asset | None:
        """Return which of the contract's assets is meant; None for ether."""
        known = {
            self._settings.energy_asset: Asset.ENERGY,
            self._settings.money_asset: Asset.MONEY,
            self._settings.fee_asset: None,
        }
        if asset in known:
            return known[asset]
        if asset.chain_id != self._settings.chain:
            raise WrongNetwork(f"asset {asset} is not on {self.chain_id}: name one that is")
        raise InvalidInput(f"asset {asset} is not kept here: ask for {', '.join(map(str, known))}")

    def _check_node(self, node: NodeClient) -> None:
        for address, code_hash in (
            (self._settings.ledger_address, self._settings.code_hash),
            (self._settings.escrow_address, self._settings.escrow_hash),
        ):
            node.check(self._settings.chain_number, address, bytes.fromhex(code_hash))


def _check_signer(account: AccountId, signer: Signer, settings: EthereumSettings) -> None:
    address_on(account, settings.chain)
    if signer.account != account:
        address_on(signer.account, settings.chain)
        raise InvalidInput(f"the signer given for {account} signs for {signer.account}: correct it")
    own = account_of(address_of(signer.public_key), settings.chain)
    if own != account:
        raise InvalidInput(
            f"the signer of {account} has the key of {own}: give the account's own key"
        )
