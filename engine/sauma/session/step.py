"""A transition on its way to a chain: who asks, with which evidence, and the instructions that it becomes.

Every instruction of a step carries the whole step as its `evidence`, in canonical JSON, so that a
chain, and an auditor who sees one instruction, need nothing else.  `Attest.statement` is what goes on
record: the number of the transition, then the bytes of its first statement, or the session's id.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final, Protocol, runtime_checkable

import attrs

from sauma.chain import (
    Attest,
    Batch,
    BatchKind,
    Capture,
    Hold,
    Instruction,
    Part,
    Release,
)
from sauma.errors import InvalidInput, Refused
from sauma.identifiers import AccountId, Fact, canonical_json, content_id
from sauma.session.evidence import Signed, Statement, read_statement
from sauma.session.record import Command, Outcome
from sauma.session.terms import SessionTerms
from sauma.session.words import Transition

RECORDED: Final = frozenset(
    (
        Transition.READY,
        Transition.START,
        Transition.COUNTERSIGN,
        Transition.CLAIM,
        Transition.CLAIM_SILENT,
        Transition.CONTEST,
        Transition.DISPUTE,
    )
)
"""Transitions that put a statement on record; the others show in what moves."""


@runtime_checkable
class Verifier(Protocol):
    """Who knows how accounts of a chain sign evidence; pure, so that an auditor can load it."""

    def statement_payload(self, terms: SessionTerms, statement: Statement) -> bytes:
        """Return the bytes that a `Signer` of that chain signs for a statement."""
        ...

    def verify_statement(
        self, terms: SessionTerms, statement: Statement, signer: AccountId, signature: bytes
    ) -> bool:
        """Tell whether an account signed a statement."""
        ...


@attrs.frozen(kw_only=True)
class SessionStep:
    """What is asked for a session, with everything needed to judge it."""

    transition: Transition
    terms: SessionTerms
    caller: AccountId
    evidence: tuple[Signed, ...] = ()

    def to_bytes(self) -> bytes:
        """Return the step as canonical JSON."""
        return canonical_json(
            {
                "transition": int(self.transition),
                "terms": self.terms.facts(),
                "caller": str(self.caller),
                "evidence": [signed_facts(signed) for signed in self.evidence],
            }
        )

    @classmethod
    def from_bytes(cls, raw: bytes) -> SessionStep:
        """Read what `to_bytes` wrote; raises `InvalidInput` for anything else."""
        try:
            facts: Mapping[str, Any] = json.loads(raw)
            step = cls(
                transition=Transition(facts["transition"]),
                terms=SessionTerms.from_facts(facts["terms"]),
                caller=AccountId(facts["caller"]),
                evidence=tuple(map(read_signed, facts["evidence"])),
            )
            is_canonical = step.to_bytes() == raw
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
            raise InvalidInput(f"bytes are no step of a session: {error}") from error
        if not is_canonical:
            raise InvalidInput("bytes are no step of a session: not in canonical form")
        return step

    @property
    def statement(self) -> bytes:
        """What an `Attest` of this step puts on record."""
        body = self.evidence[0].statement.to_bytes() if self.evidence else self.terms.session_id
        return bytes((self.transition,)) + body

    def command(self, verifier: Verifier) -> Command:
        """Return the command of this step; raises `Refused` for a signature that does not fit (P5).

        An empty signature is the caller's own: the transaction that carries the step is signed.
        """
        for signed in self.evidence:
            if signed.signature:
                fits = verifier.verify_statement(
                    self.terms, signed.statement, signed.signer, signed.signature
                )
            else:
                fits = signed.signer == self.caller
            if not fits:
                raise Refused(
                    f"the {signed.statement.kind.name.lower()} of session "
                    f"{signed.statement.session_id.hex()} is not signed by {signed.signer}: "
                    "ask for a signature of these very bytes"
                )
        return Command(
            transition=self.transition,
            session_id=self.terms.session_id,
            caller=self.caller,
            evidence=self.evidence,
        )


def signed_facts(signed: Signed) -> dict[str, Fact]:
    """Return a signed statement as plain values."""
    return {
        "statement": signed.statement.to_bytes(),
        "signer": str(signed.signer),
        "signature": signed.signature,
    }


def read_signed(facts: Mapping[str, str]) -> Signed:
    """Read what `signed_facts` wrote, bytes as hexadecimal text."""
    return Signed(
        statement=read_statement(bytes.fromhex(facts["statement"])),
        signer=AccountId(facts["signer"]),
        signature=bytes.fromhex(facts["signature"]),
    )


def instructions_for(
    step: SessionStep, outcome: Outcome, *, escrow: AccountId | None = None
) -> tuple[Instruction, ...]:
    """Return what a step asks of a chain: attest, hold, capture, release, each where there is something.

    The caller is the authority.  Where an escrow account keeps what is held, because no contract does,
    that account is the authority of what leaves it, and each part of a capture is one of its own.
    """
    session_id, number = outcome.session.session_id, outcome.session.steps
    evidence, terms = step.to_bytes(), step.terms
    made: list[Instruction] = []

    def shared(payer: AccountId) -> dict[str, Any]:
        return {
            "instruction_id": content_id("session-instruction", session_id, number, len(made)),
            "authority": payer,
            "evidence": evidence,
            "session_id": session_id,
        }

    if step.transition in RECORDED:
        made.append(Attest(**shared(step.caller), step=number, statement=step.statement))
    if outcome.locked_units:
        made.append(
            Hold(
                **shared(step.caller),
                payer=terms.payer,
                asset=terms.asset,
                units=outcome.locked_units,
                expires_at=terms.ends_before,
            )
        )
    parts = _parts(terms, outcome)
    for together in [(part,) for part in parts] if escrow else [parts] if parts else []:
        made.append(Capture(**shared(escrow or step.caller), asset=terms.asset, parts=together))
    if outcome.payer_units:
        made.append(
            Release(
                **shared(escrow or step.caller),
                payer=terms.payer,
                asset=terms.asset,
                units=outcome.payer_units,
            )
        )
    return tuple(made)


def step_batch_id(session_id: bytes, number: int, part: int = 0) -> bytes:
    """Return the id of a batch: of the session, the number of the step and, behind the first, the part."""
    facts: list[Fact] = [session_id, number, *([part] if part else [])]
    return content_id("session-batch", *facts)


def batches_for(
    instructions: Sequence[Instruction], outcome: Outcome, *, one_by_one: bool = False
) -> tuple[Batch, ...]:
    """Return the batches of one step, in order: one that is whole or not at all, or one an instruction."""
    session_id, number = outcome.session.session_id, outcome.session.steps
    whole = tuple(instructions)
    parts = [(each,) for each in whole] if one_by_one else [whole]
    return tuple(
        Batch(
            batch_id=step_batch_id(session_id, number, part),
            kind=BatchKind.SESSION,
            instructions=made,
            atomic=len(made) > 1,
        )
        for part, made in enumerate(parts)
    )


def _parts(terms: SessionTerms, outcome: Outcome) -> tuple[Part, ...]:
    """Return who is paid, each account once, nobody with nothing."""
    units: dict[AccountId, int] = {}
    for account, part in (
        (terms.payee, outcome.payee_units),
        (terms.operator, outcome.operator_units),
    ):
        if part:
            units[account] = units.get(account, 0) + part
    return tuple(Part(payee=account, units=part) for account, part in units.items())
