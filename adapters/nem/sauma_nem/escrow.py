"""Sessions as the chain shows them: the machine run again over what the escrow account's transfers say.

NEM has no contract, so the operator keeps the promise.  The adapter keeps it for the operator: before
it signs a step it reads the session's earlier ones from the chain, runs the machine, and refuses what
the machine refuses.  It remembers nothing, and whoever reads the chain can do the same.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import attrs

from sauma.chain import Attest, Batch, BatchKind, BlockRef, Capture, Hold, Release, batch_reference
from sauma.errors import Refused, WrongNetwork
from sauma.identifiers import AccountId
from sauma.intervals import to_unix
from sauma.session import (
    NO_WORD,
    Command,
    Outcome,
    Refusal,
    Session,
    SessionState,
    SessionStep,
    SessionTerms,
    Transition,
    batches_for,
    decide,
    instructions_for,
    step_batch_id,
)

from .caip import account_of
from .codec import NemCodec, moved_units, recorded_of, reference_of, transfer_in
from .evidence import Recorded
from .node import NodeClient
from .transactions import Transfer

PAGES_MAX: Final = 400
"""How many pages of the escrow account's transfers are read to find where a session began."""
ENDINGS: Final = (
    Transition.CLOSE,
    Transition.SETTLE,
    Transition.RULE,
    Transition.DEFAULT,
    Transition.CORRECT,
)
"""After which a session is settled."""


@attrs.frozen(kw_only=True)
class Shown:
    """One transfer of a session, as the chain has it."""

    height: int
    reference: bytes
    recorded: Recorded
    transfer: Transfer


def check_step(node: NodeClient, codec: NemCodec, batch: Batch, newest: BlockRef) -> None:
    """Refuse a batch of a session that the machine would not ask for now; other batches pass."""
    instruction = batch.instructions[0]
    escrow = codec.settings.escrow
    if not isinstance(instruction, Hold | Attest | Capture | Release) or escrow is None:
        return
    step = SessionStep.from_bytes(instruction.evidence)
    terms = step.terms
    if terms.domain != codec.settings.session_domain:
        raise WrongNetwork(
            f"session {terms.session_id.hex()} is for another escrow than {escrow}: agree on terms "
            "with its domain"
        )
    shown = list(transfers_of(node, escrow, terms.session_id))
    session, begun = _followed(node, codec, terms, shown, step)
    now = to_unix(newest.time.replace(microsecond=0))
    at = now if begun is None else _time_at(node, begun.height)
    corrected = None if terms.corrects == NO_WORD else _corrected(node, codec, escrow, terms)
    answer = decide(session, step.command(codec), at, terms=terms, corrected=corrected)
    if isinstance(answer, Refusal):
        raise Refused(f"{answer.reason.value}: {answer.message}")
    due = batches_for(instructions_for(step, answer, escrow=escrow), answer, one_by_one=True)
    if batch not in due:
        raise Refused(
            f"step {answer.session.steps} of session {terms.session_id.hex()} asks for other "
            "movements than are due: take those of instructions_for"
        )


def transfers_of(node: NodeClient, escrow: AccountId, session_id: bytes) -> Iterator[Shown]:
    """Yield the confirmed transfers of a session, the newest first, back to the one that began it."""
    below_id: int | None = None
    for _ in range(PAGES_MAX):
        page = node.transfers(escrow.address, below_id=below_id)
        for each in page:
            transfer = transfer_in(each.transaction)
            recorded = None if transfer is None else recorded_of(transfer)
            if transfer is None or recorded is None or recorded.session_id != session_id:
                continue
            yield Shown(
                height=each.height,
                reference=reference_of(transfer) or b"",
                recorded=recorded,
                transfer=transfer,
            )
            if recorded.transition is Transition.AUTHORISE:
                return
        if not page:
            return
        below_id = page[-1].listed_id


def _followed(
    node: NodeClient,
    codec: NemCodec,
    terms: SessionTerms,
    shown: list[Shown],
    asked: SessionStep,
) -> tuple[Session | None, Shown | None]:
    """Return the session before the step that is asked for, and that step's first part if it landed.

    Anybody can send the escrow a message; one counts when the machine takes it, with who sent it and
    the signatures that it has.
    """
    candidates: dict[bytes, list[Shown]] = {}
    for each in reversed(shown):
        candidates.setdefault(each.reference, []).append(each)
    session: Session | None = None
    number = 1
    while True:
        taken: tuple[Shown, Session] | None = None
        for each in candidates.get(_reference(terms, number), ()):
            outcome = _again(node, codec, terms, session, each)
            if outcome is not None:
                taken = each, outcome.session
                break
        if taken is None:
            return session, None
        first, after = taken
        if _is_same(first.recorded, asked) and _reference(terms, number + 1) not in candidates:
            return session, first
        session = after
        number += 1


def _reference(terms: SessionTerms, number: int) -> bytes:
    return batch_reference(step_batch_id(terms.session_id, number), BatchKind.SESSION)


def _is_same(recorded: Recorded, asked: SessionStep) -> bool:
    statement = asked.evidence[0].statement if asked.evidence else None
    return recorded.transition is asked.transition and recorded.statement == statement


def _again(
    node: NodeClient, codec: NemCodec, terms: SessionTerms, session: Session | None, shown: Shown
) -> Outcome | None:
    """Return what came of a step that the chain has; None for a message that was no step."""
    sender = account_of(shown.transfer.signer, codec.settings.nem_network)
    transition = shown.recorded.transition
    if sender == codec.settings.escrow:
        sender = terms.payer if transition is Transition.CANCEL else terms.payee
    command = Command(
        transition=transition,
        session_id=terms.session_id,
        caller=sender,
        evidence=tuple(shown.recorded.signed(sender, codec, terms)),
    )
    answer = decide(session, command, _time_at(node, shown.height), terms=terms)
    if isinstance(answer, Refusal):
        return None
    moved = sum(units for _, units in moved_units(shown.transfer))
    if transition in (Transition.AUTHORISE, Transition.TOP_UP) and (
        sender != terms.payer or moved != answer.locked_units
    ):
        return None
    return answer


def _corrected(
    node: NodeClient, codec: NemCodec, escrow: AccountId, terms: SessionTerms
) -> Session | None:
    """Return the session that terms compensate, as far as its transfers tell it."""
    shown = list(transfers_of(node, escrow, terms.corrects))
    network = codec.settings.nem_network
    ended = [
        each
        for each in shown
        if each.recorded.transition in ENDINGS
        and account_of(each.transfer.signer, network) == escrow
    ]
    if not ended or not shown:
        return None
    payer = account_of(shown[-1].transfer.signer, network)
    paid = {account_of(each.transfer.recipient, network) for each in ended}
    other = terms.payee if payer == terms.payer else terms.payer
    if payer not in (terms.payer, terms.payee) or other not in paid:
        return None
    held = sum(units for _, units in moved_units(shown[-1].transfer))
    return Session(
        terms=attrs.evolve(terms, payer=payer, payee=other, corrects=NO_WORD),
        session_id=terms.corrects,
        state=SessionState.SETTLED,
        steps=len(shown),
        held_units=held,
    )


def _time_at(node: NodeClient, height: int) -> int:
    block = node.block_at(height)
    if block is None:
        raise Refused(f"block {height} of a session is gone: ask again when the chain rests")
    return to_unix(block.ref.time.replace(microsecond=0))
