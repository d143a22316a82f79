"""What one `prepare` can still spend: confirmed holdings, less all that waits."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Final

import attrs

from sauma.chain import BlockRef, SignedTransaction, Signer
from sauma.errors import BadAnswer, InsufficientBalance, NoSigner, Refused, Unsupported
from sauma.identifiers import AccountId

from .binary import transaction_hash
from .codec import NemCodec, reference_of, spent_units, transfer_in
from .delegation import Delegate
from .network import MICRO_PER_XEM, unix_seconds_from_seconds
from .node import NodeClient
from .remembering import Answers
from .replies import AccountState
from .settings import NemSettings
from .snapshot import at_one_block
from .transactions import XEM, MosaicId, Transaction

ASKED_ONE_BY_ONE_MAX: Final = 3
"""More outstanding transactions of a sender than this are looked up in its list."""


@attrs.frozen(kw_only=True)
class _Found:
    """A node's answers about senders and what is outstanding, all at one block."""

    units: dict[AccountId, dict[MosaicId, int]]
    included: frozenset[bytes]
    states: dict[AccountId, AccountState]
    waiting: dict[bytes, bytes]
    """The transaction of each reference that waits in the node's pool, signed by one of the senders."""


class Packing:
    """The confirmed holdings of some senders, less what their waiting transactions take.

    What others send them is not counted until it is confirmed: it may come too late.  Which of the
    outstanding transactions are confirmed is asked of the chain at the same block as the balances,
    so each is subtracted exactly once.  One that expired goes on counting until the engine has it
    proved dead, because a reorganisation could still bring it back.
    """

    def __init__(
        self,
        node: NodeClient,
        codec: NemCodec,
        *,
        senders: Iterable[AccountId],
        outstanding: Sequence[SignedTransaction],
        now_seconds: int,
        answers: Answers,
    ) -> None:
        """Ask the node once for everything; `now_seconds` is its clock, in NEM seconds.

        `answers` are those that hold at its newest block.
        """
        self._settings: NemSettings = codec.settings
        lanes = tuple(dict.fromkeys(senders))
        ours = [each for each in outstanding if each.sender in lanes]
        self.answers = answers

        def ask(newest: BlockRef) -> _Found:
            if newest != self.answers.block:
                self.answers = Answers(newest)
            return _ask(node, lanes, ours, self.answers)

        self.block: BlockRef
        self.block, found = at_one_block(node, ask, newest=answers.block)
        self._units, self._states = found.units, found.states
        self._in_pool = found.waiting
        self._waiting: Counter[AccountId] = Counter()
        self._transaction_of = {
            batch_id: each.transaction_id for each in outstanding for batch_id in each.batch_ids
        }
        now_unix = unix_seconds_from_seconds(now_seconds)
        for each in ours:
            if each.transaction_id in found.included:
                continue
            self._subtract(each.sender, spent_units(codec.read(each.raw), self._settings))
            if each.valid_until is None or each.valid_until >= now_unix:
                self._waiting[each.sender] += 1  # an expired one has left the pool

    def has_room(self, sender: AccountId) -> bool:
        """Tell whether a sender may have one more transaction in the pool."""
        return self._waiting[sender] < self._settings.pool_limit

    def own_count(self, sender: AccountId) -> int:
        """Return how many transactions of a sender wait."""
        return self._waiting[sender]

    def check_authority(self, sender: AccountId, signer: Signer) -> None:
        """Refuse a signer who cannot sign for a sender as that is now: multisig or not, and by whom."""
        state = self._states[sender]
        if not isinstance(signer, Delegate):
            if state.is_multisig:
                raise Unsupported(
                    f"{sender} is a multisig account, which signs nothing itself: give a Delegate "
                    "with one of its cosigners as its signer, or pay from an account of its own, "
                    "filled by the multisig account"
                )
            return
        cosigner = signer.cosigner.account
        if cosigner.address not in state.cosignatories:
            raise NoSigner(
                f"{cosigner} is no cosigner of {sender}: let the account take it in, or give one of "
                f"{', '.join(sorted(state.cosignatories)) or 'none, it is no multisig account'}"
            )
        if state.cosignatures_needed - 1 > self._settings.cosignatures:
            raise Unsupported(
                f"{sender} needs {state.cosignatures_needed - 1} cosignatures beside the first "
                f"signature, the settings reckon with {self._settings.cosignatures}: the fee would be "
                "higher than was said; correct `cosignatures` in the settings"
            )

    def check_new(self, batch_id: bytes, reference: bytes) -> None:
        """Refuse a batch that a transaction carries already, on our record or in the node's pool.

        What waits there without a record was signed before the record was lost, as by restoring an
        old copy; the node shows only the newest 25 of an account.
        """
        transaction_id = self._transaction_of.get(batch_id)
        if transaction_id is not None:
            raise Refused(
                f"batch {batch_id.hex()} is outstanding in transaction {transaction_id.hex()}: "
                "ask status() of that one"
            )

        waiting_id = self._in_pool.get(reference)
        if waiting_id is not None:
            raise Refused(
                f"batch {batch_id.hex()} waits in the node's pool in transaction {waiting_id.hex()}, "
                "of which there is no record: wait until it is in a block, or its deadline has passed"
            )

    def check_payable(self, sender: AccountId, transaction: Transaction) -> dict[MosaicId, int]:
        """Return what a transaction takes, fees included; refuse when its sender lacks it."""
        units = self._units[sender]
        spent = spent_units(transaction, self._settings)
        for mosaic_id, needed in spent.items():
            spendable = max(0, units.get(mosaic_id, 0))
            if needed > spendable:
                raise InsufficientBalance(
                    f"{sender} needs {_shown(mosaic_id, needed)} and has "
                    f"{_shown(mosaic_id, spendable)} to spend: {_remedy(mosaic_id, sender)}, or wait "
                    "until what is outstanding has landed"
                )
        return spent

    def take(self, signed: SignedTransaction, spent: Mapping[MosaicId, int]) -> None:
        """Use what a transaction takes, its room in the pool, and its batch."""
        self._subtract(signed.sender, spent)
        self._waiting[signed.sender] += 1
        self._transaction_of |= dict.fromkeys(signed.batch_ids, signed.transaction_id)

    def _subtract(self, sender: AccountId, spent: Mapping[MosaicId, int]) -> None:
        units = self._units[sender]
        for mosaic_id, of_it in spent.items():
            units[mosaic_id] = units.get(mosaic_id, 0) - of_it


def _ask(
    node: NodeClient,
    lanes: Sequence[AccountId],
    outstanding: Sequence[SignedTransaction],
    answers: Answers,
) -> _Found:
    included = frozenset(
        transaction_id
        for sender in lanes
        for transaction_id in _included(
            node, sender, [each for each in outstanding if each.sender == sender], answers
        )
    )
    units, states = {}, {}
    waiting: dict[bytes, bytes] = {}
    for sender in lanes:
        state, owned = answers.get(sender, partial(_holdings, node, sender.address))
        states[sender] = state
        units[sender] = {**owned, XEM: state.balance_micro}
        waiting |= _references(node, sender)
    return _Found(units=units, included=included, states=states, waiting=waiting)


def _holdings(node: NodeClient, address: str) -> tuple[AccountState, dict[MosaicId, int]]:
    return node.account(address), node.owned_mosaics(address)


def _included(
    node: NodeClient,
    sender: AccountId,
    outstanding: Sequence[SignedTransaction],
    answers: Answers,
) -> set[bytes]:
    """Return which of a sender's transactions are in blocks: few are asked after, many looked up in its list.

    What is not final yet may be thousands, and the list shows a hundred at a time.
    """
    wanted = {each.transaction_id for each in outstanding}
    if len(wanted) <= ASKED_ONE_BY_ONE_MAX:
        return {each for each in wanted if node.transaction(each) is not None}
    first_height = min(each.prepared_at for each in outstanding)
    found: set[bytes] = set()
    below_id: int | None = None
    while found < wanted:
        page = answers.get(
            (sender, below_id), partial(node.outgoing, sender.address, below_id=below_id)
        )
        found |= wanted & {transaction_hash(each.transaction) for each in page}
        if not page or page[-1].height < first_height:
            break
        if below_id is not None and page[-1].listed_id >= below_id:
            raise BadAnswer(f"node {node.url} lists the same transactions again: ask another node")
        below_id = page[-1].listed_id
    return found


def _references(node: NodeClient, sender: AccountId) -> dict[bytes, bytes]:
    """Return the references that wait in the node's pool in transactions of a sender."""
    found: dict[bytes, bytes] = {}
    for each in node.unconfirmed(sender.address):
        transfer = transfer_in(each.transaction)
        if transfer is not None and transfer.signer_address == sender.address:
            reference = reference_of(transfer)
            if reference is not None:
                found[reference] = each.transaction_id
    return found


def _shown(mosaic_id: MosaicId, units: int) -> str:
    if mosaic_id == XEM:
        whole, micro = divmod(units, MICRO_PER_XEM)
        return f"{units} micro XEM ({whole}.{micro:06d} XEM)"
    return f"{units} {mosaic_id}"


def _remedy(mosaic_id: MosaicId, sender: AccountId) -> str:
    return f"send {'XEM' if mosaic_id == XEM else mosaic_id} to {sender.address}"
