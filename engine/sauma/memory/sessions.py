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
    Statement,
    Verifier,
    decide,
    instructions_for,
    session_domain,
    signing_payload,
)

SESSION_INSTRUCTIONS = (Hold, Attest, Capture, Release)

Asked: TypeAlias = tuple[SessionStep, tuple[Instruction, ...]]


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


VERIFIER = NamedVerifier()


def escrow_account(chain_id: ChainId) -> AccountId:
    """Return the account that keeps what sessions hold; only the chain moves what it has."""
    return AccountId.on(chain_id, "escrow")


def escrow_domain(chain_id: ChainId) -> bytes:
    """Return the domain of that escrow."""
    return session_domain(str(escrow_account(chain_id)))


def asked_steps(batch: Batch) -> Iterator[Asked]:
    """Yield the session steps of a batch with their instructions: those with one evidence belong together.

    Raises `InvalidInput` for evidence that is no step, or that is of another session or caller.
    """
    session_instructions = (
        each for each in batch.instructions if isinstance(each, SESSION_INSTRUCTIONS)
    )
    for evidence, group in itertools.groupby(session_instructions, lambda each: each.evidence):
        step = SessionStep.from_bytes(evidence)
        instructions = tuple(group)
        for each in instructions:
            if each.session_id != step.terms.session_id:
                raise InvalidInput(
                    f"an instruction about session {each.session_id.hex()} carries the evidence of "
                    f"{step.terms.session_id.hex()}: give it its own"
                )
            if each.authority != step.caller:
                raise InvalidInput(
                    f"{each.authority} cannot do what {step.caller} asks for: the caller is the "
                    "authority of its step"
                )
        yield step, instructions


def check_steps(batch: Batch) -> None:
    """Refuse what can be seen to be no step without looking at a chain."""
    for _ in asked_steps(batch):
        pass


class SessionRules:
    """What the chain asks of a step: its escrow, its signatures, the machine's answer, exact movements."""

    verifier: Verifier = VERIFIER

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

    def check_domain(self, terms: SessionTerms, domain: bytes) -> None:
        """Refuse terms that are for another escrow."""
        if terms.domain != domain:
            raise WrongNetwork(
                f"session {terms.session_id.hex()} is for another escrow than this chain's: agree "
                "on terms with its domain"
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

    def after(
        self, sessions: Mapping[bytes, Session], batch: Batch, now: int
    ) -> dict[bytes, Session]:
        """Return the sessions that a batch changes, as they are after it at a moment of chain time.

        P15: all of its steps or none; raises `Refused` for the first that cannot be.
        """
        changed: dict[bytes, Session] = {}
        for step, instructions in asked_steps(batch):
            self.check_domain(step.terms, escrow_domain(step.caller.chain_id))
            known = {**sessions, **changed} if changed else sessions
            session_id = step.terms.session_id
            answer = self.decide(
                known.get(session_id),
                step.command(self.verifier),
                now,
                terms=step.terms,
                corrected=known.get(step.terms.corrects),
            )
            if isinstance(answer, Refusal):
                raise Refused(f"{answer.reason.value}: {answer.message}")
            self.check_movements(step, answer, instructions)
            changed[session_id] = answer.session
        return changed


def has_steps(batch: Batch) -> bool:
    """Tell whether a batch is about sessions at all."""
    return any(isinstance(each, SESSION_INSTRUCTIONS) for each in batch.instructions)


SESSION_RULES: Final = SessionRules()
"""The rules of a chain that is built without others."""
