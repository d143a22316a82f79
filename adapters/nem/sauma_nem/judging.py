"""Why a cosigner does not sign: what is asked of a multisig account against what is justified."""

from __future__ import annotations

import enum
from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from typing import Final, Protocol

import attrs

from sauma.chain import BatchKind
from sauma.claims import Claim, Claims
from sauma.errors import Refused
from sauma.identifiers import AccountId

from .caip import account_of
from .codec import fee_micro_of, moved_units, reference_of
from .fees import rental_fee_micro
from .instructions import draft_of
from .network import unix_seconds_from_seconds
from .settings import NemSettings
from .setup_steps import namespace_names
from .transactions import XEM, Multisig, NamespaceProvision, Transaction, Transfer

FEE_MICRO_MAX: Final = 2_000_000
"""Two XEM: more than a wrapped transfer costs with a raised fee, little enough to lose."""
PLANNED_TOLERANCE_S: Final = 3_600
"""The journal's clock may be ahead of the chain's by so much."""


class Objection(enum.Enum):
    """Why something is not signed."""

    NOT_ASKED_FOR = "not_asked_for"
    """A kind of transaction that nothing justifies."""
    NO_REFERENCE = "no_reference"
    UNKNOWN_BATCH = "unknown_batch"
    WRONG_RULEBOOK = "wrong_rulebook"
    ALREADY_SETTLED = "already_settled"
    SIGNED_BEFORE = "signed_before"
    """Another transaction for the same purpose was signed, and is not proved dead."""
    OTHER_SENDER = "other_sender"
    OTHER_RECIPIENT = "other_recipient"
    OTHER_ASSET = "other_asset"
    OTHER_AMOUNT = "other_amount"
    OTHER_CONTENTS = "other_contents"
    FEE_TOO_HIGH = "fee_too_high"
    NOT_NEEDED = "not_needed"
    FORGED = "forged"
    """The wrapper's own signature does not hold."""
    JOURNAL_DIFFERS = "journal_differs"
    """The journal contradicts itself, so that it justifies nothing."""


@attrs.frozen(kw_only=True)
class Pending:
    """What waits for a cosigner."""

    wrapper_id: bytes
    inner_hash: bytes
    wrapper: Multisig

    @property
    def inner(self) -> Transaction:
        """What the multisig account would do."""
        return self.wrapper.inner


@attrs.frozen(kw_only=True)
class Opinion:
    """What a judge thinks of something pending."""

    purpose: bytes
    """What only one transaction may ever do."""
    reference: bytes | None = None
    objection: Objection | None = None
    reason: str = ""
    not_before: datetime | None = None
    """When the purpose came into being: nothing on the chain fulfils it that is older."""


class Judge(Protocol):
    """Says what is justified."""

    def begin(self) -> None:
        """Take in what is new; raises `Disagreement` when nothing can be believed."""
        ...

    def opinion(self, pending: Pending) -> Opinion:
        """Return what speaks against signing, if anything does."""
        ...


class JournalJudge:
    """Lets pass what a journal derives, by rulebooks that this cosigner agreed to, and renewals."""

    def __init__(
        self,
        claims: Claims,
        settings: NemSettings,
        *,
        rulebooks: Collection[bytes],
        fee_micro_max: int = FEE_MICRO_MAX,
    ) -> None:
        """Judge by the claims of a journal and the hashes of the rulebooks agreed to."""
        self._claims, self._settings = claims, settings
        self._rulebooks = frozenset(rulebooks)
        self._fee_micro_max = fee_micro_max

    def begin(self) -> None:
        """Read the journal anew."""
        self._claims.refresh()

    def opinion(self, pending: Pending) -> Opinion:
        """Return the first thing that the journal does not justify."""
        inner = pending.inner
        fee_micro = fee_micro_of(pending.wrapper)
        if isinstance(inner, NamespaceProvision):
            return self._on_renewal(inner, fee_micro)
        reference = reference_of(inner) if isinstance(inner, Transfer) else None
        if not isinstance(inner, Transfer):
            return _against(Objection.NOT_ASKED_FOR, f"a transaction of type {inner.TYPE}")
        if reference is None:
            return _against(Objection.NO_REFERENCE, "a transfer that names no batch")
        claim = self._claims.claim(reference)
        if claim is None:
            return _against(
                Objection.UNKNOWN_BATCH,
                f"the journal planned no batch with reference {reference.hex()}",
                reference,
            )
        found = self._compare(inner, claim, fee_micro)
        objection, reason = found or (None, "")
        return Opinion(
            purpose=reference,
            reference=reference,
            objection=objection,
            reason=reason,
            not_before=claim.planned_at,
        )

    def _compare(
        self, transfer: Transfer, claim: Claim, fee_micro: int
    ) -> tuple[Objection, str] | None:
        needs_none = claim.batch.kind in (BatchKind.ANCHOR, BatchKind.SESSION)
        if claim.rulebook_hash not in self._rulebooks and not (
            needs_none and claim.rulebook_hash is None
        ):
            shown = claim.rulebook_hash.hex() if claim.rulebook_hash else "none"
            return Objection.WRONG_RULEBOOK, f"planned by rulebook {shown}, which was not agreed to"
        if claim.is_shown:
            return Objection.ALREADY_SETTLED, "the journal shows the batch on the chain"
        try:
            draft = draft_of(claim.batch, self._settings)
        except (Refused, ValueError) as error:
            return Objection.OTHER_CONTENTS, f"the planned batch cannot be written: {error}"
        wanted = draft.to_transfer(self._settings.nem_network.byte, public_key=transfer.signer)
        sender = account_of(transfer.signer, self._settings.nem_network)
        issuing = self._settings.issuing_accounts
        is_lane = draft.sender in issuing and sender in issuing
        wanted_sender = sender if is_lane else draft.sender
        return _difference(transfer, wanted, sender, wanted_sender) or self._on_fee(fee_micro)

    def _on_fee(self, fee_micro: int) -> tuple[Objection, str] | None:
        if fee_micro > self._fee_micro_max:
            return (
                Objection.FEE_TOO_HIGH,
                f"{fee_micro} micro XEM of fees, {self._fee_micro_max} at most",
            )
        return None

    def _on_renewal(self, renewal: NamespaceProvision, fee_micro: int) -> Opinion:
        """Let the rent of the energy mosaic's own namespace be paid, and no more than the rent."""
        name = renewal.fully_qualified_name
        sink = self._settings.nem_network.namespace_sink
        if name not in namespace_names(self._settings) or (
            renewal.rental_fee_sink,
            renewal.rental_fee_micro,
        ) != (sink, rental_fee_micro(renewal.parent)):
            return _against(Objection.NOT_ASKED_FOR, f"renting namespace {name}, or for more")
        objection, reason = self._on_fee(fee_micro) or (None, "")
        purpose = f"rent {name} until {renewal.deadline_seconds // 86_400}".encode()
        return Opinion(purpose=purpose, objection=objection, reason=reason)


class TopUpJudge:
    """Lets a treasury fill up the accounts that it knows: one sum, an hour, to one that is low."""

    def __init__(
        self,
        *,
        floats: Sequence[AccountId],
        floor_micro: int,
        amount_micro: int,
        period_s: int,
        balance_micro: Callable[[str], int],
        fee_micro_max: int = FEE_MICRO_MAX,
    ) -> None:
        """Judge by the treasury's own terms; `balance_micro` asks the chain what an address has."""
        self._addresses = {account.address for account in floats}
        self._floor_micro, self._amount_micro = floor_micro, amount_micro
        self._period_s, self._balance_micro = period_s, balance_micro
        self._fee_micro_max = fee_micro_max

    def begin(self) -> None:
        """Do nothing: the terms are fixed."""

    def opinion(self, pending: Pending) -> Opinion:
        """Return the first thing that the terms do not allow."""
        inner = pending.inner
        if not isinstance(inner, Transfer):
            return _against(Objection.NOT_ASKED_FOR, f"a transaction of type {inner.TYPE}")
        hour = inner.timestamp_seconds // self._period_s
        found = self._compare(inner, fee_micro_of(pending.wrapper))
        objection, reason = found or (None, "")
        return Opinion(
            purpose=f"{inner.recipient} {hour}".encode(), objection=objection, reason=reason
        )

    def _compare(self, transfer: Transfer, fee_micro: int) -> tuple[Objection, str] | None:
        moved = dict(moved_units(transfer))
        if transfer.recipient not in self._addresses:
            return Objection.OTHER_RECIPIENT, f"{transfer.recipient} is no float of this treasury"
        if set(moved) != {XEM}:
            return Objection.OTHER_ASSET, "a treasury moves XEM only"
        if moved[XEM] != self._amount_micro or transfer.message is not None:
            return (
                Objection.OTHER_AMOUNT,
                f"{moved[XEM]} micro XEM instead of {self._amount_micro} without a message",
            )
        if transfer.timestamp_seconds % self._period_s:
            return Objection.OTHER_CONTENTS, "a top-up bears the time of its hour's beginning"
        if fee_micro > self._fee_micro_max:
            return Objection.FEE_TOO_HIGH, f"{fee_micro} micro XEM of fees"
        balance_micro = self._balance_micro(transfer.recipient)
        if balance_micro >= self._floor_micro:
            return Objection.NOT_NEEDED, f"{transfer.recipient} has {balance_micro} micro XEM"
        return None


def is_older(transaction: Transaction, moment: datetime) -> bool:
    """Tell whether a transaction was made before a moment, with some tolerance."""
    made_at = unix_seconds_from_seconds(transaction.timestamp_seconds)
    return made_at < moment.timestamp() - PLANNED_TOLERANCE_S


def _difference(
    found: Transfer, wanted: Transfer, sender: AccountId, wanted_sender: AccountId
) -> tuple[Objection, str] | None:
    """Return the first thing in which a transfer is not what was planned, but for time and fee."""
    there, planned = dict(moved_units(found)), dict(moved_units(wanted))
    for objection, shown, expected in (
        (Objection.OTHER_SENDER, sender, wanted_sender),
        (Objection.OTHER_RECIPIENT, found.recipient, wanted.recipient),
        (Objection.OTHER_ASSET, sorted(map(str, there)), sorted(map(str, planned))),
        (Objection.OTHER_AMOUNT, sorted(there.values()), sorted(planned.values())),
        (Objection.OTHER_CONTENTS, found.message, wanted.message),
        (Objection.OTHER_CONTENTS, found.mosaics, wanted.mosaics),
    ):
        if shown != expected:
            return objection, f"{shown} instead of {expected}"
    return None


def _against(objection: Objection, reason: str, reference: bytes | None = None) -> Opinion:
    return Opinion(purpose=b"", reference=reference, objection=objection, reason=reason)
