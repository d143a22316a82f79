"""An action on a standing authorisation on its way to a chain: its evidence, and what it asks for.

It is held, captured and released as a session is, under its own id; what differs is who may ask, and
what is checked, which is what the `evidence` of its instructions says.  Charges of several may share a
batch, which then is whole or not at all.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, Protocol, TypeAlias, runtime_checkable

import attrs

from sauma.chain import Attest, Batch, BatchKind, Capture, Hold, Instruction, Release
from sauma.errors import InvalidInput, Refused
from sauma.identifiers import AccountId, canonical_json, content_id
from sauma.session.standing import (
    MicroSession,
    Standing,
    StandingAnswer,
    StandingOutcome,
    StandingTerms,
    decide_standing,
)
from sauma.session.step import SessionStep, Verifier, read_signed, signed_facts
from sauma.session.terms import SessionTerms
from sauma.session.words import StandingAction

_BEGINS: Final = b'{"action":'
"""How the canonical JSON of an action begins, and that of no session's step."""


@runtime_checkable
class StandingVerifier(Verifier, Protocol):
    """Who knows how accounts of a chain sign standing authorisations, besides evidence; pure."""

    def standing_payload(self, terms: StandingTerms) -> bytes:
        """Return the bytes that a `Signer` of that chain signs for an authorisation."""
        ...

    def verify_standing(self, terms: StandingTerms, signature: bytes) -> bool:
        """Tell whether the payer signed it."""
        ...


@attrs.frozen(kw_only=True)
class StandingStep:
    """What is asked about a standing authorisation, with everything needed to judge it."""

    action: StandingAction
    terms: StandingTerms
    caller: AccountId
    signature: bytes = b""
    """The payer's, when it is authorised; none where the payer is the caller."""
    lines: tuple[MicroSession, ...] = ()
    """The micro-sessions that it is charged for."""

    def to_bytes(self) -> bytes:
        """Return the action as canonical JSON."""
        return canonical_json(
            {
                "action": int(self.action),
                "terms": self.terms.facts(),
                "caller": str(self.caller),
                "signature": self.signature,
                "lines": [
                    {
                        "terms": line.terms.facts(),
                        "first": signed_facts(line.first),
                        "last": signed_facts(line.last),
                    }
                    for line in self.lines
                ],
            }
        )

    @classmethod
    def from_bytes(cls, raw: bytes) -> StandingStep:
        """Read what `to_bytes` wrote; raises `InvalidInput` for anything else."""
        try:
            facts: Mapping[str, Any] = json.loads(raw)
            step = cls(
                action=StandingAction(facts["action"]),
                terms=StandingTerms.from_facts(facts["terms"]),
                caller=AccountId(facts["caller"]),
                signature=bytes.fromhex(facts["signature"]),
                lines=tuple(
                    MicroSession(
                        terms=SessionTerms.from_facts(each["terms"]),
                        first=read_signed(each["first"]),
                        last=read_signed(each["last"]),
                    )
                    for each in facts["lines"]
                ),
            )
            is_canonical = step.to_bytes() == raw
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
            raise InvalidInput(
                f"bytes are no action on a standing authorisation: {error}"
            ) from error
        if not is_canonical:
            raise InvalidInput(
                "bytes are no action on a standing authorisation: not in canonical form"
            )
        return step

    def verify(self, verifier: StandingVerifier) -> None:
        """Raise `Refused` for a signature that does not fit (P5)."""
        if self.signature and not verifier.verify_standing(self.terms, self.signature):
            raise Refused(
                f"standing authorisation {self.terms.standing_id.hex()} is not signed by "
                f"{self.terms.payer}: ask for a signature of these very terms"
            )
        for line in self.lines:
            for signed in (line.first, line.last):
                if not verifier.verify_statement(
                    line.terms, signed.statement, signed.signer, signed.signature
                ):
                    raise Refused(
                        f"a reading of micro-session {line.terms.session_id.hex()} is not signed by "
                        f"{signed.signer}: ask the meter for a signature of these very bytes"
                    )

    def decide(self, standing: Standing | None, now: int) -> StandingAnswer:
        """Return what comes of it; signatures are for `verify`."""
        return decide_standing(
            standing,
            self.terms,
            self.action,
            self.caller,
            now,
            lines=self.lines,
            is_signed=bool(self.signature),
        )


Asked: TypeAlias = tuple[StandingStep, StandingOutcome]


def is_standing(evidence: bytes) -> bool:
    """Tell whether the evidence of an instruction is an action on a standing authorisation."""
    return evidence.startswith(_BEGINS)


def asks_standing(batch: Batch) -> bool:
    """Tell whether a batch is about standing authorisations at all."""
    return any(is_standing(each.evidence) for each in batch.instructions)


def read_evidence(evidence: bytes) -> SessionStep | StandingStep:
    """Return the step or action that the evidence of an instruction is."""
    return (StandingStep if is_standing(evidence) else SessionStep).from_bytes(evidence)


def standing_instruction(step: StandingStep, outcome: StandingOutcome) -> Instruction:
    """Return the one instruction that an action is; the caller is the authority."""
    terms, standing_id = step.terms, outcome.standing.standing_id
    shared: dict[str, Any] = {
        "instruction_id": content_id("standing-instruction", standing_id, outcome.standing.steps),
        "authority": step.caller,
        "evidence": step.to_bytes(),
        "session_id": standing_id,
    }
    if step.action is StandingAction.AUTHORISE:
        return Hold(
            **shared,
            payer=terms.payer,
            asset=terms.asset,
            units=outcome.locked_units,
            expires_at=terms.valid_until,
        )
    if step.action is StandingAction.CHARGE:
        return Capture(**shared, asset=terms.asset, parts=outcome.parts)
    if step.action is StandingAction.RETURN:
        return Release(**shared, payer=terms.payer, asset=terms.asset, units=outcome.returned_units)
    statement = bytes((step.action,)) + standing_id
    return Attest(**shared, step=outcome.standing.steps, statement=statement)


def standing_batch(asked: Sequence[Asked]) -> Batch:
    """Return the batch of one action, or of charges of several authorisations."""
    instructions = tuple(standing_instruction(*each) for each in asked)
    return Batch(
        batch_id=content_id("standing-batch", *_names(asked)),
        kind=BatchKind.SESSION,
        instructions=instructions,
        atomic=len(instructions) > 1,
    )


def _names(asked: Sequence[Asked]) -> Iterator[bytes | int]:
    for _, outcome in asked:
        yield outcome.standing.standing_id
        yield outcome.standing.steps
