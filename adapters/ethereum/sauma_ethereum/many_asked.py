"""From a batch of steps of several sessions to the one call that it becomes; pure."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import TypeAlias, TypeVar

from sauma.chain import Batch, Instruction
from sauma.errors import InvalidInput, Unsupported
from sauma.identifiers import AccountId
from sauma.session import (
    Authorisation,
    Close,
    Receipt,
    RegisterStatus,
    SessionReading,
    SessionStep,
    Signed,
    Statement,
    Transition,
)

from .evidence import contract_form
from .many import SHARED_MAX, SIGNATURE_BYTES, Many, ManyCall, ManyLine, shared_terms
from .sessions import (
    SESSION_INSTRUCTIONS,
    check_domain,
    check_instruction,
    moved_by,
    terms_words,
)
from .settings import EthereumSettings

_Kind = TypeVar("_Kind", Authorisation, SessionReading, Receipt, Close)
_Step: TypeAlias = tuple[SessionStep, tuple[Instruction, ...]]


def has_several_steps(batch: Batch) -> bool:
    """Tell whether the instructions of a batch are about more than one step of sessions."""
    asked = [each for each in batch.instructions if isinstance(each, SESSION_INSTRUCTIONS)]
    return len(asked) == len(batch.instructions) and len({each.evidence for each in asked}) > 1


def many_call(batch: Batch, reference: bytes, settings: EthereumSettings) -> ManyCall:
    """Return the call for a batch of steps of several sessions, all of one kind.

    Raises `Unsupported` for other mixtures than the escrow has a call for, and for signatures that are
    not a key's; `InvalidInput` for instructions that are not those of their steps.
    """
    steps: list[_Step] = []
    for evidence, group in itertools.groupby(batch.instructions, lambda each: each.evidence):
        step = SessionStep.from_bytes(evidence)
        instructions = tuple(group)
        check_domain(step.terms, settings)
        for each in instructions:
            check_instruction(each, step)
        steps.append((step, instructions))
    many, grouped = _kind(batch, steps)
    lines = tuple(_line(many, each, settings) for each in grouped)
    if shared_terms(lines) > SHARED_MAX:
        raise Unsupported(
            f"more than {SHARED_MAX} different terms in a batch: make several batches"
        )
    return ManyCall(area=settings.area, reference=reference, many=many, lines=lines)


def _kind(batch: Batch, steps: Sequence[_Step]) -> tuple[Many, list[tuple[_Step, ...]]]:
    """Return what is done, and the steps of each session."""
    kinds = [step.transition for step, _ in steps]
    alone: list[tuple[_Step, ...]] = [(each,) for each in steps]
    if set(kinds) == {Transition.AUTHORISE}:
        return Many.AUTHORISE, alone
    if set(kinds) == {Transition.CLOSE}:
        by_receipt = all(_has(step, Receipt, step.terms.payer) for step, _ in steps)
        return (Many.RECEIPT if by_receipt else Many.CLOSE), alone
    pairs = list(zip(steps[::2], steps[1::2], strict=False))
    if kinds == [Transition.AUTHORISE, Transition.START] * len(pairs) and all(
        first[0].terms == second[0].terms for first, second in pairs
    ):
        return Many.START, list(pairs)
    raise Unsupported(
        f"batch {batch.batch_id.hex()} mixes steps of sessions: those that are authorised together, "
        "authorised and started together, or closed together share one; make batches of the others"
    )


def _line(many: Many, steps: tuple[_Step, ...], settings: EthereumSettings) -> ManyLine:
    step, _ = steps[0]
    terms = step.terms
    moved = moved_by([each for _, some in steps for each in some], terms)
    signed: list[Signed] = []
    numbers: tuple[int, ...]
    if many.opens:
        allowed, cap = _need(step, Authorisation, terms.payer)
        signed.append(allowed)
        register_wh = time = 0
        if many is Many.START:
            read, reading = _need(steps[1][0], SessionReading, terms.meter)
            signed.append(read)
            if (reading.sequence, reading.status) != (0, RegisterStatus.BEGIN):
                raise Unsupported(
                    "a session that starts in a batch does so with a reading 0 that begins"
                )
            register_wh, time = reading.register_wh, reading.time
        numbers = (cap.held_units, cap.valid_until, register_wh, time)
    elif many is Many.RECEIPT:
        given, receipt = _need(step, Receipt, terms.payer)
        signed.append(given)
        held = receipt.amount_units + moved.payer_units
        numbers = (held, receipt.sequence, receipt.register_wh, receipt.amount_units)
    else:
        by_payer, close = _need(step, Close, terms.payer)
        by_payee, _ = _need(step, Close, terms.payee)
        signed += [by_payer, by_payee]
        held = close.amount_units + moved.payer_units
        numbers = (held, close.sequence, 0, close.amount_units)
    line = ManyLine(
        terms=terms_words(terms, settings),
        numbers=numbers,
        signatures=tuple(_of_key(each) for each in signed),
    )
    stated = line.moved(many)
    if (stated.locked_units, stated.payer_units, stated.payee_units + stated.operator_units) != (
        moved.locked_units,
        moved.payer_units,
        moved.payee_units + moved.operator_units,
    ):
        raise InvalidInput(
            f"session {terms.session_id.hex()} asks for other movements than its evidence comes to: take "
            "those of instructions_for"
        )
    return line


def _has(step: SessionStep, kind: type[Statement], signer: AccountId) -> bool:
    return any(
        isinstance(signed.statement, kind) and signed.signer == signer for signed in step.evidence
    )


def _need(step: SessionStep, kind: type[_Kind], signer: AccountId) -> tuple[Signed, _Kind]:
    """Return somebody's statement of a kind, signed; a batch takes nothing for granted of its caller."""
    for signed in step.evidence:
        if isinstance(signed.statement, kind) and signed.signer == signer:
            return signed, signed.statement
    raise InvalidInput(
        f"{step.transition.name.lower()} of session {step.terms.session_id.hex()} in a batch needs the "
        f"{kind.kind.name.lower()} of {signer}: add it"
    )


def _of_key(signed: Signed) -> bytes:
    signature = contract_form(signed.signature)
    if len(signature) != SIGNATURE_BYTES:
        raise Unsupported(
            f"{signed.signer} has not signed with a key: in a batch every signature is a key's, so take "
            "the step by itself"
        )
    return signature
