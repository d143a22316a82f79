"""What one `prepare` can still spend and number: the chain at one block, less all that waits."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import TypeAlias

import attrs

from sauma.chain import BlockRef, Effect, Head, SignedTransaction
from sauma.errors import InsufficientBalance, InvalidInput, Refused
from sauma.identifiers import AccountId

from .caip import account_of, address_on
from .codec import EthereumCodec, asset_of
from .directory import AccountDirectory
from .fees import Fees
from .instructions import Draft
from .node import NodeClient
from .reading import AreaState, LedgerReader, at_one_block
from .settings import EthereumSettings
from .standing import ChargeCall
from .transactions import FeeTransaction

Holding: TypeAlias = tuple[str, str]
"""Account and asset as text, which is hashed once and not at every look-up."""
Slot: TypeAlias = tuple[AccountId, int]


@attrs.frozen(kw_only=True)
class Found:
    """A node's answers for some drafts and their senders, all at one block."""

    block: BlockRef
    final_height: int
    area: AreaState
    nonces: Mapping[AccountId, int]
    numbers: Mapping[bytes, int]
    """The contract's number of each owner's account."""
    units: Mapping[Holding, int]
    settled: Mapping[bytes, int]
    """The sequence under which references were settled."""
    places: Mapping[bytes, int]
    """Where the escrow has each standing authorisation that is charged."""


def find(
    node: NodeClient,
    settings: EthereumSettings,
    directory: AccountDirectory,
    drafts: Sequence[Draft],
    senders: Iterable[AccountId],
) -> Found:
    """Ask a node for all that preparing some drafts needs."""
    views = LedgerReader(settings)
    owners = list(dict.fromkeys(owner for draft in drafts for owner in draft.owners))
    references = [draft.reference_word for draft in drafts if draft.settles]
    charged = [
        standing_id
        for draft in drafts
        if isinstance(draft.session, ChargeCall)
        for standing_id in draft.session.standing_ids()
    ]
    lanes = {sender: address_on(sender, settings.chain) for sender in senders}

    def ask(head: Head) -> Found:
        height = head.newest.height
        numbers = directory.numbers_of(node, owners, head)
        balances = views.balances(node, numbers.values(), height)
        owner_of = {number: owner for owner, number in numbers.items()}
        units = {
            (
                account_of(owner_of[number], settings.chain).text,
                asset_of(asset, settings).text,
            ): held
            for (number, asset), held in balances.items()
        }
        for sender, address in lanes.items():
            units[sender.text, settings.fee_asset.text] = node.ether_wei(address, at=height)
        return Found(
            block=head.newest,
            final_height=head.final_height,
            area=views.area_state(node, height),
            nonces={sender: node.nonce_at(address, height) for sender, address in lanes.items()},
            numbers=numbers,
            units=units,
            settled=views.settled(node, references, height),
            places=views.places(node, charged, height),
        )

    return at_one_block(node, settings, ask)


class Packing:
    """Free nonces of each lane and units not yet spent.

    What waiting transactions bring is not counted: it may come too late.  Of transactions that share
    a nonce only one can land, so the one that takes most counts.  One whose nonce is taken at the
    block that was asked has landed there or never will: the balances have it already.
    """

    def __init__(
        self,
        found: Found,
        codec: EthereumCodec,
        *,
        outstanding: Sequence[SignedTransaction],
        replaces: SignedTransaction | None,
    ) -> None:
        """Take what is outstanding into account; `replaces` gives its nonce to the first batch."""
        self.found = found
        self._settings = codec.settings
        self._needs: dict[Slot, dict[Holding, int]] = {}
        self._fees: dict[Slot, Fees] = {}
        self._spent: Counter[Holding] = Counter()
        self._waiting: Counter[AccountId] = Counter()
        self._slot_of_batch: dict[bytes, Slot] = {}
        self._replaces: Slot | None = None
        self._free_from: dict[AccountId, int] = {}
        for each in (*outstanding, *(() if replaces is None else (replaces,))):
            transaction = codec.read(each.raw)
            slot = (each.sender, transaction.nonce)
            for batch_id in each.batch_ids:
                self._slot_of_batch[batch_id] = slot
            if transaction.nonce >= found.nonces.get(each.sender, 0):
                self._use(slot, transaction, self._needed(slot, transaction, each.effects))
            if each is replaces:
                self._replaces = self._replaceable(slot)

    def slot_for(self, draft: Draft) -> Slot | None:
        """Return the nonce for a draft: that of what is replaced, the lowest free one, or None.

        The lowest free one, so that a gap is filled before anything is put behind it.  Raises
        `Refused` for a batch that the contract has settled, or that another transaction carries.
        """
        replaced, self._replaces = self._replaces, None
        self._check_new(draft, replaced)
        if replaced is not None:
            if replaced[0] != draft.sender:
                raise InvalidInput(
                    f"a transaction of {replaced[0]} cannot be replaced by one of {draft.sender}: "
                    "give a batch of the same lane first"
                )
            return replaced
        return self.free_slot(draft.sender)

    def free_slot(self, sender: AccountId) -> Slot | None:
        """Return the lowest nonce of a lane that is neither taken nor outstanding; None without room."""
        if self._waiting[sender] >= self._settings.outstanding_max:
            return None
        nonce = self._free_from.get(sender, self.found.nonces[sender])
        while (sender, nonce) in self._needs:
            nonce += 1
        self._free_from[sender] = nonce
        return sender, nonce

    def open_slot(self, sender: AccountId, nonce: int) -> Slot:
        """Return the slot of a nonce that is not taken yet; raises `Refused` for another."""
        return self._replaceable((sender, nonce))

    def fees_for(self, slot: Slot, suggested: Fees) -> Fees:
        """Return what to offer: an eighth more than what waits with this nonce, if anything does.

        Raises `Refused` when the ceiling forbids that.
        """
        waiting = self._fees.get(slot)
        if waiting is None:
            return suggested
        fees = suggested.at_least(waiting.raised())
        ceiling_wei = self._settings.fee_ceiling_wei
        if fees.fee_wei_max > ceiling_wei:
            raise Refused(
                f"replacing nonce {slot[1]} of {slot[0]} takes {fees.fee_wei_max} wei per gas, the "
                f"ceiling is {ceiling_wei}: raise fee_ceiling_wei, or wait"
            )
        return fees

    def take(
        self,
        slot: Slot,
        transaction: FeeTransaction,
        effects: Sequence[Effect],
        *batch_ids: bytes,
    ) -> None:
        """Use up a nonce, batches if there are any, and what a transaction takes.

        Raises `InsufficientBalance` when somebody lacks what it takes from them; then nothing is used.
        """
        needed = self._needed(slot, transaction, effects)
        own = self._needs.get(slot, {})
        for holding, units in needed.items():
            has = self.found.units.get(holding, 0)
            spendable = max(0, has - self._spent[holding] + own.get(holding, 0))
            if units > spendable:
                account, asset = holding
                raise InsufficientBalance(
                    f"{account} needs {units} of {asset} and has {spendable} to spend: supply it, "
                    "or wait until what is outstanding has landed"
                )
        self._use(slot, transaction, needed)
        self._slot_of_batch |= dict.fromkeys(batch_ids, slot)

    def _use(self, slot: Slot, transaction: FeeTransaction, needed: Mapping[Holding, int]) -> None:
        if slot not in self._needs:
            self._needs[slot] = {}
            self._waiting[slot[0]] += 1
        needs = self._needs[slot]
        for holding, units in needed.items():
            more = max(0, units - needs.get(holding, 0))
            needs[holding] = needs.get(holding, 0) + more
            self._spent[holding] += more
        fees = Fees(
            fee_wei_max=transaction.fee_wei_max, priority_fee_wei=transaction.priority_fee_wei
        )
        known = self._fees.get(slot)
        self._fees[slot] = fees if known is None else fees.at_least(known)

    def _needed(
        self, slot: Slot, transaction: FeeTransaction, effects: Sequence[Effect]
    ) -> dict[Holding, int]:
        """Return what each account must have beforehand, for the fee and effects in their order."""
        fee = (slot[0].text, self._settings.fee_asset.text)
        running: dict[Holding, int] = {fee: -transaction.fee_units_max}
        needed: dict[Holding, int] = {fee: transaction.fee_units_max}
        for effect in effects:
            if effect.session_id is not None:
                continue  # what sessions hold is the escrow's matter: it was asked
            holding = (effect.account.text, effect.asset.text)
            total = running.get(holding, 0) + effect.delta_units
            running[holding] = total
            if total < 0 and -total > needed.get(holding, 0):
                needed[holding] = -total
        return needed

    def _replaceable(self, slot: Slot) -> Slot:
        if slot[1] < self.found.nonces.get(slot[0], 0):
            raise Refused(
                f"nonce {slot[1]} of {slot[0]} is taken: what has it cannot be replaced, ask "
                "status() of it"
            )
        return slot

    def _check_new(self, draft: Draft, replaced: Slot | None) -> None:
        batch_id = draft.batch.batch_id
        sequence = self.found.settled.get(draft.reference_word)
        if sequence is not None:
            raise Refused(
                f"batch {batch_id.hex()} was settled as number {sequence} of area "
                f"{self._settings.area}: ask status() of the transaction that carried it"
            )
        waiting = self._slot_of_batch.get(batch_id)
        if waiting is not None and waiting != replaced:
            raise Refused(
                f"batch {batch_id.hex()} is outstanding with nonce {waiting[1]}: give that "
                "transaction as `replaces`"
            )
