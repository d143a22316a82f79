"""Sessions on the reference chain: it runs the machine itself, and takes no step that is not its outcome."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from typing import Final, TypeAlias

from sauma.chain import Attest, Batch, Capture, Hold, Instruction, Release
from sauma.errors import InvalidInput, Refused, WrongNetwork
from sauma.identifiers import AccountId, ChainId
from sauma.memory.signing import verify_named
from sauma.session import (
    Answer,
    Command,
    Outcome,
    Refusal,
    Session,
    SessionStep,
    SessionTerms,
    Standing,
    StandingStep,
    StandingTerms,
    StandingVerifier,
    Statement,
    decide,
    instructions_for,
    read_evidence,
    session_domain,
    signing_payload,
    standing_instruction,
    standing_payload,
)

SESSION_INSTRUCTIONS = (Hold, Attest, Capture, Release)

Asked: TypeAlias = tuple[SessionStep | StandingStep, tuple[Instruction, ...]]
Kept: TypeAlias = Session | Standing


class NamedVerifier:
    """Payloads and signatures of evidence where names stand for keys."""

    def statement_payload(self, terms: SessionTerms, statement: Statement) -> bytes:  # noqa: ARG002
        """Return the prefix and the statement."""
        return signing_payload(statement)

    def verify_statement(
        self, terms: SessionTerms, statement: Statement, signer: AccountId, signature: bytes
    ) -> bool:
        """Tell whether the signature is the named one."""
        return verify_named(signer, self.statement_payload(terms, statement), signature)

    def standing_payload(self, terms: StandingTerms) -> bytes:
        """Return the prefix and what a payer signs."""
        return standing_payload(terms)

    def verify_standing(self, terms: StandingTerms, signature: bytes) -> bool:
        """Tell whether the signature is the payer's named one."""
        return verify_named(terms.payer, standing_payload(terms), signature)


VERIFIER = NamedVerifier()


def escrow_account(chain_id: ChainId) -> AccountId:
    """Return the account that keeps what sessions hold; only the chain moves what it has."""
    return AccountId.on(chain_id, "escrow")


def escrow_domain(chain_id: ChainId) -> bytes:
    """Return the domain of that escrow."""
    return session_domain(str(escrow_account(chain_id)))


def asked_steps(batch: Batch) -> Iterator[Asked]:
    """Yield the steps of a batch with their instructions: those with one evidence belong together.

    Raises `InvalidInput` for evidence that is no step, or that is of another session or caller.
    """
    session_instructions = (
        each for each in batch.instructions if isinstance(each, SESSION_INSTRUCTIONS)
    )
    for evidence, group in itertools.groupby(session_instructions, lambda each: each.evidence):
        step = read_evidence(evidence)
        own_id = asked_id(step)
        instructions = tuple(group)
        for each in instructions:
            if each.session_id != own_id:
                raise InvalidInput(
                    f"an instruction about session {each.session_id.hex()} carries the evidence of "
                    f"{own_id.hex()}: give it its own"
                )
            if each.authority != step.caller:
                raise InvalidInput(
                    f"{each.authority} cannot do what {step.caller} asks for: the caller is the "
                    "authority of its step"
                )
        yield step, instructions


def asked_id(step: SessionStep | StandingStep) -> bytes:
    """Return which session or standing authorisation a step is about."""
    return step.terms.session_id if isinstance(step, SessionStep) else step.terms.standing_id


def check_steps(batch: Batch) -> None:
    """Refuse what can be seen to be no step without looking at a chain."""
    for _ in asked_steps(batch):
        pass


class SessionRules:
    """What the chain asks of a step: its escrow, its signatures, the machine's answer, exact movements."""

    verifier: StandingVerifier = VERIFIER

    def decide(
        self,
        session: Session | None,
        command: Command,
        now: int,
        *,
        terms: SessionTerms,
        corrected: Session | None,
    ) -> Answer:
        """Return what the machine answers."""
        return decide(session, command, now, terms=terms, corrected=corrected)

    def check_domain(self, terms: SessionTerms | StandingTerms, domain: bytes) -> None:
        """Refuse terms that are for another escrow."""
        if terms.domain != domain:
            raise WrongNetwork(
                f"{terms.payer} agreed to terms for another escrow than this chain's: agree on terms "
                "with its domain"
            )

    def check_movements(
        self, step: SessionStep, outcome: Outcome, instructions: tuple[Instruction, ...]
    ) -> None:
        """Refuse instructions that are not exactly those of the outcome."""
        if instructions != instructions_for(step, outcome):
            raise Refused(
                f"step {outcome.session.steps} of session {step.terms.session_id.hex()} asks for "
                "other movements than are due: take those of instructions_for"
            )

    def after(self, sessions: Mapping[bytes, Kept], batch: Batch, now: int) -> dict[bytes, Kept]:
        """Return what a batch changes, as it is after it at a moment of chain time.

        P15: all of its steps or none; raises `Refused` for the first that cannot be.
        """
        changed: dict[bytes, Kept] = {}
        for step, instructions in asked_steps(batch):
            self.check_domain(step.terms, escrow_domain(step.caller.chain_id))
            known = {**sessions, **changed} if changed else sessions
            if isinstance(step, StandingStep):
                kept: Kept = self._standing_after(known, step, instructions, now)
            else:
                kept = self._session_after(known, step, instructions, now)
            changed[asked_id(step)] = kept
        return changed

    def _session_after(
        self,
        known: Mapping[bytes, Kept],
        step: SessionStep,
        instructions: tuple[Instruction, ...],
        now: int,
    ) -> Session:
        session, corrected = known.get(step.terms.session_id), known.get(step.terms.corrects)
        answer = self.decide(
            session if isinstance(session, Session) else None,
            step.command(self.verifier),
            now,
            terms=step.terms,
            corrected=corrected if isinstance(corrected, Session) else None,
        )
        if isinstance(answer, Refusal):
            raise Refused(f"{answer.reason.value}: {answer.message}")
        self.check_movements(step, answer, instructions)
        return answer.session

    def _standing_after(
        self,
        known: Mapping[bytes, Kept],
        step: StandingStep,
        instructions: tuple[Instruction, ...],
        now: int,
    ) -> Standing:
        step.verify(self.verifier)
        standing = known.get(step.terms.standing_id)
        answer = step.decide(standing if isinstance(standing, Standing) else None, now)
        if isinstance(answer, Refusal):
            raise Refused(f"{answer.reason.value}: {answer.message}")
        if instructions != (standing_instruction(step, answer),):
            raise Refused(
                f"standing authorisation {step.terms.standing_id.hex()} is asked for other movements "
                "than are due: take that of standing_instruction"
            )
        return answer.standing


def has_steps(batch: Batch) -> bool:
    """Tell whether a batch is about sessions at all."""
    return any(isinstance(each, SESSION_INSTRUCTIONS) for each in batch.instructions)


SESSION_RULES: Final = SessionRules()
"""The rules of a chain that is built without others."""
