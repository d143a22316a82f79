"""Pricing and signing batches at one node: what `quote` reckons and `prepare` does."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import attrs

from sauma.chain import REFERENCE_BYTES, Batch, Quote, SignedTransaction, Signer
from sauma.errors import InsufficientBalance, InvalidInput, NoSigner, Refused
from sauma.identifiers import AccountId

from .binary import serialise
from .codec import NemCodec, fee_micro_max_of
from .delegation import signature_by, wrapped
from .escrow import check_step
from .fees import MosaicFeeInformation, transfer_fee_micro
from .instructions import NO_KEY, Draft, draft_of
from .namespace_life import NamespaceLife, check_life, namespace_life
from .network import BLOCK_TRANSACTIONS_MAX, SIGNATURE_BYTES
from .node import NodeClient
from .packing import Packing
from .pricing import PoolWatch
from .remembering import Remembered
from .settings import NemSettings
from .snapshot import final_height_at
from .transactions import XEM, Block, Message, MosaicId, Multisig, Transaction


@attrs.frozen(kw_only=True)
class Wanted:
    """A batch that can be written, and who signs for it."""

    batch: Batch
    draft: Draft
    signer: Signer


class Preparer:
    """Prices and signs at one node, with what it showed of supply, pool and namespace just now."""

    def __init__(
        self,
        node: NodeClient,
        codec: NemCodec,
        drafts: Sequence[Draft],
        *,
        watch: PoolWatch,
        remembered: Remembered,
    ) -> None:
        """Ask the node what prices depend on; raises `Refused` when the mosaic cannot move."""
        self._node, self._codec, self._watch = node, codec, watch
        self._remembered = remembered
        self._settings: NemSettings = codec.settings
        newest = node.last_block()
        self._newest: Block = newest.block
        self._answers = remembered.at(node, newest.ref)
        self._answers.get("network", lambda: node.check_network(self._settings.nem_network))
        node.check_ready()  # each time: whoever lost the others stays at its newest block
        self._life: NamespaceLife | None = None
        self._information = self._fee_information(drafts)

    def quote(self, drafts: Sequence[Draft], signers: Mapping[AccountId, Signer]) -> Quote:
        """Return what drafts would take in the present state of the pool."""
        fees: Counter[AccountId] = Counter()
        lanes: Counter[AccountId] = Counter()
        bytes_total = places = 0
        for draft in drafts:
            transaction = self._unsigned(draft, signers.get(draft.sender))
            own_count = lanes[draft.sender] % self._settings.pool_limit
            priced = self._priced(transaction, own_count=own_count)
            fees[draft.sender] += fee_micro_max_of(priced, self._settings)
            bytes_total += len(serialise(priced)) + 4 + SIGNATURE_BYTES
            lanes[draft.sender] += 1
            places += 1
            if isinstance(priced, Multisig):
                places += 1 + self._settings.cosignatures
        return Quote(
            transactions=len(drafts),
            bytes_total=bytes_total,
            blocks=max(
                -(-places // BLOCK_TRANSACTIONS_MAX),
                max(
                    (-(-count // self._settings.pool_limit) for count in lanes.values()), default=0
                ),
            ),
            fees=tuple(sorted(fees.items())),
            fee_asset=self._settings.fee_asset,
        )

    def prepare(
        self, wanted: Sequence[Wanted], outstanding: Sequence[SignedTransaction]
    ) -> tuple[SignedTransaction, ...]:
        """Sign a prefix of what is wanted; raises when the first is refused.

        A plan may be quoted while its namespace nears its end; what could not land in time is not signed.
        """
        if self._life is not None:
            check_life(self._life, self._settings)
        now_seconds = self._node.network_time_ms() // 1_000
        packing = Packing(
            self._node,
            self._codec,
            senders=[each.draft.sender for each in wanted],
            outstanding=outstanding,
            now_seconds=now_seconds,
            answers=self._answers,
        )
        self._remembered.keep(self._node, packing.answers)
        prepared: list[SignedTransaction] = []
        newest = self._answers.block
        for each in wanted:
            if not packing.has_room(each.draft.sender):
                break
            try:
                check_step(self._node, self._codec, each.batch, newest)
                signed = self._sign(each, packing, now_seconds)
            except (Refused, InvalidInput):
                if not prepared:
                    raise
                break
            prepared.append(signed)
        return tuple(prepared)

    def _fee_information(self, drafts: Sequence[Draft]) -> dict[MosaicId, MosaicFeeInformation]:
        """Ask for the current supplies, on which fees depend, and how long the energy mosaic lives."""
        if not any(draft.mosaics for draft in drafts):
            return {}
        mosaic_id = self._settings.mosaic_id
        supply_units = self._supply(mosaic_id)
        life = self._answers.get(
            "namespace",
            lambda: namespace_life(self._node, self._settings, self._answers.block.height),
        )
        if supply_units is None or life is None:
            raise Refused(
                f"there is no mosaic {mosaic_id} on {self._settings.chain_id}, or its namespace has "
                "ended: provision it first, or correct its name"
            )
        self._life = life
        energy = MosaicFeeInformation(supply_whole=supply_units, divisibility=0)
        others = {each.mosaic_id for draft in drafts for each in draft.mosaics} - {mosaic_id, XEM}
        return {mosaic_id: energy} | {other: self._other_information(other) for other in others}

    def _other_information(self, mosaic_id: MosaicId) -> MosaicFeeInformation:
        definition = self._answers.get(
            ("definition", mosaic_id), lambda: self._node.mosaic_definition(mosaic_id)
        )
        supply_whole = self._supply(mosaic_id)
        if definition is None or supply_whole is None:
            raise Refused(
                f"there is no mosaic {mosaic_id} on {self._settings.chain_id}, or its namespace has "
                "ended: define it first, or correct its name"
            )
        return MosaicFeeInformation(
            supply_whole=supply_whole, divisibility=definition.properties.divisibility
        )

    def _supply(self, mosaic_id: MosaicId) -> int | None:
        return self._answers.get(("supply", mosaic_id), lambda: self._node.mosaic_supply(mosaic_id))

    def _unsigned(self, draft: Draft, signer: Signer | None, now_seconds: int = 0) -> Transaction:
        """Return a draft as a transaction with the least fees, in a wrapper where that is needed."""
        transfer = draft.to_transfer(
            self._settings.nem_network.byte,
            public_key=NO_KEY if signer is None else signer.public_key,
            timestamp_seconds=now_seconds,
            deadline_seconds=now_seconds + self._settings.deadline_s,
            fee_micro=transfer_fee_micro(
                Message(payload=draft.message),
                draft.amount_micro,
                draft.mosaics,
                self._information.get,
            ),
        )
        return transfer if signer is None else wrapped(transfer, signer)

    def _priced(self, transaction: Transaction, *, own_count: int) -> Transaction:
        """Raise the fee to what gets past the pool, within the ceiling; never below the least."""
        wanted_micro = self._watch.wanted_fee_micro(
            self._newest, own_count=own_count, fee_micro_max=self._settings.fee_micro_max
        )
        if wanted_micro <= transaction.fee_micro:
            return transaction
        return attrs.evolve(transaction, fee_micro=wanted_micro)

    def _sign(self, wanted: Wanted, packing: Packing, now_seconds: int) -> SignedTransaction:
        draft, signer = wanted.draft, wanted.signer
        packing.check_new(draft.batch_id, draft.message[:REFERENCE_BYTES])
        packing.check_authority(draft.sender, signer)
        cheapest = self._unsigned(draft, signer, now_seconds)
        transaction = self._priced(cheapest, own_count=packing.own_count(draft.sender))
        try:
            spent = packing.check_payable(draft.sender, transaction)
        except InsufficientBalance:
            # a raise that the account cannot pay is no reason to hold what it can
            if transaction is cheapest:
                raise
            transaction = cheapest
            spent = packing.check_payable(draft.sender, transaction)
        data = serialise(transaction)
        signed = self._codec.signed(
            transaction,
            data,
            signature_by(signer, transaction.signer, data),
            batch_id=draft.batch_id,
            # what is final now cannot have it; everything later may, after a reorganisation
            prepared_at=final_height_at(packing.block.height, self._settings.finality_blocks) + 1,
        )
        packing.take(signed, spent)
        return signed


def wanted_of(
    batches: Sequence[Batch], settings: NemSettings, signers: Mapping[AccountId, Signer]
) -> list[Wanted]:
    """Return the first batches that can be written and signed; raises for the very first."""
    wanted: list[Wanted] = []
    for batch in batches:
        try:
            draft = draft_of(batch, settings)
            signer = signers.get(draft.sender)
            if signer is None:
                raise NoSigner(f"nobody can sign for {draft.sender}: give its signer to the chain")
        except (Refused, InvalidInput):
            if not wanted:
                raise
            break
        wanted.append(Wanted(batch=batch, draft=draft, signer=signer))
    return wanted
