"""A cosigner: looks at what waits for a multisig account, and signs what its judge finds justified.

It signs each purpose once: what it signs is written down before the signature leaves, and another
transaction for the same purpose is signed only when the first is proved dead.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Final

import attrs

from sauma.chain import Fate, SignedTransaction, Signer
from sauma.errors import ChainError, Disagreement, Refused
from sauma.identifiers import AccountId
from sauma.logs import get_logger

from .binary import inner_hash, serialise_verifiable, transaction_hash
from .caip import address_on
from .codec import NemCodec, is_signed, reference_of, transfer_in, valid_until_of
from .delegation import check_signer, signed_by
from .fees import minimum_fee_micro
from .judging import Judge, Objection, Opinion, Pending, is_older
from .multisig import announce
from .network import unix_seconds_from_seconds
from .node import NodeClient
from .settings import NemSettings
from .signed_record import Signed, SignedRecord
from .snapshot import final_height_at
from .tracking import status_of
from .transactions import Cosignature, Multisig

POLL_S: Final = 10.0
DEADLINE_SECONDS: Final = 3_600
PAGES_MAX: Final = 50
"""So many pages of the account's transactions are read to see whether a batch is settled."""

log = get_logger(__name__)


@attrs.frozen(kw_only=True)
class Verdict:
    """What a cosigner did about something pending."""

    wrapper_id: bytes
    inner_hash: bytes
    reference: bytes | None
    objection: Objection | None
    """Why it was not signed; None when it was."""
    reason: str = ""

    @property
    def is_signed(self) -> bool:
        """Tell whether it was signed."""
        return self.objection is None


class Cosigner:
    """One cosigner of one multisig account, at one node."""

    def __init__(
        self,
        node: NodeClient,
        settings: NemSettings,
        *,
        account: AccountId,
        signer: Signer,
        judge: Judge,
        record: SignedRecord,
    ) -> None:
        """Sign for `account` as the signer's account, what the judge lets pass."""
        address_on(account, settings.nem_network)
        check_signer(signer.account, signer, settings.nem_network)
        self._node, self._settings = node, settings
        self._account, self._signer = account, signer
        self._judge, self._record = judge, record
        self._codec = NemCodec(settings)

    def step(self) -> tuple[Verdict, ...]:
        """Judge everything that waits now, once; raises `ChainError` when the node cannot be asked."""
        self._node.check(self._settings.nem_network)
        pending = list(self._pending())
        if not pending:
            return ()
        try:
            self._judge.begin()
        except Disagreement as error:
            return tuple(
                self._refuse(each, None, Objection.JOURNAL_DIFFERS, str(error)) for each in pending
            )
        return tuple(self._decide(each) for each in pending)

    def run(self, stop: threading.Event, *, poll_s: float = POLL_S) -> None:
        """Go on until told to stop; what the node cannot answer now it may answer later."""
        while not stop.is_set():
            try:
                self.step()
            except ChainError as error:
                log.warning("cosigner_waits", error=str(error))
            stop.wait(poll_s)

    def _pending(self) -> Iterator[Pending]:
        """Yield what waits for this cosigner's signature."""
        now_unix = unix_seconds_from_seconds(self._node.network_time_ms() // 1_000)
        own = self._signer.public_key
        for each in self._node.unconfirmed(self._account.address):
            wrapper = each.transaction
            if (
                not isinstance(wrapper, Multisig)
                or wrapper.inner.signer_address != self._account.address
                or own == wrapper.signer
                or any(own == cosignature.signer for cosignature in wrapper.cosignatures)
                or valid_until_of(wrapper) < now_unix
            ):
                continue
            yield Pending(
                wrapper_id=each.transaction_id,
                inner_hash=inner_hash(wrapper) or b"",
                wrapper=wrapper,
            )

    def _decide(self, pending: Pending) -> Verdict:
        if not is_signed(pending.wrapper):
            return self._refuse(pending, None, Objection.FORGED, "the wrapper's signature is wrong")
        opinion = self._judge.opinion(pending)
        if opinion.objection is not None:
            return self._refuse(pending, opinion.reference, opinion.objection, opinion.reason)
        found = self._signed_before(pending, opinion) or self._settled_before(opinion)
        if found is not None:
            return self._refuse(pending, opinion.reference, *found)
        return self._sign(pending, opinion)

    def _signed_before(self, pending: Pending, opinion: Opinion) -> tuple[Objection, str] | None:
        earlier = self._record.newest(opinion.purpose)
        if earlier is None or earlier.inner_hash == pending.inner_hash:
            return None
        wrapper = self._codec.read(earlier.raw)
        earlier_id = transaction_hash(wrapper)
        status = status_of(
            self._node,
            self._codec,
            SignedTransaction(
                transaction_id=earlier_id,
                raw=earlier.raw,
                sender=self._account,
                batch_ids=(),
                effects=(),
                fee_payer=self._account,
                fee_units_max=0,
                valid_until=valid_until_of(wrapper),
                consumes=(),
                prepared_at=earlier.prepared_at,
            ),
        )
        if status.fate is Fate.DEAD:
            return None
        if status.fate is Fate.INCLUDED:
            return Objection.ALREADY_SETTLED, f"transaction {earlier_id.hex()} did it"
        return (
            Objection.SIGNED_BEFORE,
            f"transaction {earlier_id.hex()} was signed for it and is not proved dead",
        )

    def _settled_before(self, opinion: Opinion) -> tuple[Objection, str] | None:
        """Look on the chain itself for a transaction of the account with the same reference."""
        if opinion.reference is None or opinion.not_before is None:
            return None
        below_id: int | None = None
        for _ in range(PAGES_MAX):
            page = self._node.outgoing(self._account.address, below_id=below_id)
            for each in page:
                transfer = transfer_in(each.transaction)
                if transfer is not None and reference_of(transfer) == opinion.reference:
                    return (
                        Objection.ALREADY_SETTLED,
                        f"transaction {each.transaction_id.hex()} in block {each.height} did it",
                    )
            if not page or is_older(page[-1].transaction, opinion.not_before):
                return None
            below_id = page[-1].listed_id
        return (
            Objection.ALREADY_SETTLED,
            f"it may be, in more than {PAGES_MAX} pages of transactions since it was planned",
        )

    def _sign(self, pending: Pending, opinion: Opinion) -> Verdict:
        bare = attrs.evolve(pending.wrapper, cosignatures=())
        final_height = final_height_at(self._node.height(), self._settings.finality_blocks)
        self._record.write(
            Signed(
                purpose=opinion.purpose,
                inner_hash=pending.inner_hash,
                raw=serialise_verifiable(bare),
                prepared_at=final_height + 1,
            )
        )
        try:
            announce(self._node, signed_by(self._cosignature(pending), self._signer))
        except Refused as error:
            log.warning("cosignature_not_taken", error=str(error))
        log.info("cosigned", inner_hash=pending.inner_hash.hex(), purpose=opinion.purpose.hex())
        return Verdict(
            wrapper_id=pending.wrapper_id,
            inner_hash=pending.inner_hash,
            reference=opinion.reference,
            objection=None,
        )

    def _cosignature(self, pending: Pending) -> Cosignature:
        now_seconds = self._node.network_time_ms() // 1_000
        unpriced = Cosignature(
            network_byte=self._settings.nem_network.byte,
            version=1,
            timestamp_seconds=now_seconds,
            signer=self._signer.public_key,
            fee_micro=0,
            deadline_seconds=now_seconds + DEADLINE_SECONDS,
            inner_hash=pending.inner_hash,
            multisig_address=self._account.address,
        )
        return attrs.evolve(unpriced, fee_micro=minimum_fee_micro(unpriced, lambda _: None))

    def _refuse(
        self, pending: Pending, reference: bytes | None, objection: Objection, reason: str
    ) -> Verdict:
        log.warning(
            "cosignature_refused",
            objection=objection.value,
            reason=reason,
            wrapper_id=pending.wrapper_id.hex(),
            inner_hash=pending.inner_hash.hex(),
        )
        return Verdict(
            wrapper_id=pending.wrapper_id,
            inner_hash=pending.inner_hash,
            reference=reference,
            objection=objection,
            reason=reason,
        )
