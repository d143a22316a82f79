"""Evidence of sessions on NEM: who signs it how, and what a transfer's message puts on record.

A party signs the prefix and the bytes of a statement with its account's key, Ed25519 with Keccak as
for transactions; the signature begins with the public key, of which the address is a hash.  The prefix
is nothing with which a transaction can begin.

A step's transfer has in its message, behind the reference of 30 bytes, the number of the transition
(1 byte) and its first statement, or the session's id (32 bytes) where there is none; then, 96 bytes
each, the signatures of that statement.  So who reads the chain needs nothing else to judge a step.
"""

from __future__ import annotations

from typing import Final

import attrs

from sauma.chain import Signer
from sauma.errors import InvalidInput
from sauma.identifiers import AccountId
from sauma.session import (
    SessionStep,
    SessionTerms,
    Signed,
    Statement,
    Transition,
    read_statement,
    signing_payload,
    statement_bytes,
)

from .caip import account_of
from .network import PUBLIC_KEY_BYTES, SIGNATURE_BYTES, Network
from .signing import verify

SESSION_ID_BYTES: Final = 32
PROOF_BYTES: Final = PUBLIC_KEY_BYTES + SIGNATURE_BYTES
PROOFS_MAX: Final = 2
"""At most two sign the same statement: payer and payee a `Close`."""


class NemVerifier:
    """Payloads and signatures of evidence by NEM accounts of one network."""

    def __init__(self, network: Network) -> None:
        """Verify for the addresses of a network."""
        self._network = network

    def account_of_key(self, public_key: bytes) -> AccountId:
        """Return the account of a public key."""
        return account_of(public_key, self._network)

    def statement_payload(self, terms: SessionTerms, statement: Statement) -> bytes:  # noqa: ARG002
        """Return the prefix and the statement."""
        return signing_payload(statement)

    def verify_statement(
        self, terms: SessionTerms, statement: Statement, signer: AccountId, signature: bytes
    ) -> bool:
        """Tell whether public key and signature are the signer's, over that statement."""
        if len(signature) != PROOF_BYTES:
            return False
        public_key, proof = signature[:PUBLIC_KEY_BYTES], signature[PUBLIC_KEY_BYTES:]
        if account_of(public_key, self._network) != signer:
            return False
        return verify(public_key, self.statement_payload(terms, statement), proof)


def sign_evidence(signer: Signer, statement: Statement) -> Signed:
    """Return a statement signed by a NEM account: its public key, then the signature."""
    signature = signer.public_key + signer.sign(signing_payload(statement))
    return Signed(statement=statement, signer=signer.account, signature=signature)


def recorded_bytes(step: SessionStep) -> bytes:
    """Return what a step's transfer says behind the reference."""
    signatures = [
        signed.signature
        for signed in step.evidence
        if signed.statement == step.evidence[0].statement
    ]
    return step.statement + b"".join(signatures)


@attrs.frozen(kw_only=True)
class Recorded:
    """What a step's message says."""

    transition: Transition
    session_id: bytes
    statement: Statement | None
    signatures: tuple[bytes, ...] = ()

    @classmethod
    def from_bytes(cls, raw: bytes) -> Recorded | None:
        """Read what lies behind the reference; None for anything but a step."""
        try:
            transition = Transition(raw[0])
            if len(raw) == 1 + SESSION_ID_BYTES:
                return cls(transition=transition, session_id=raw[1:], statement=None)
            count = 1 + statement_bytes(raw[1])
            statement = read_statement(raw[1:count])
        except (IndexError, ValueError, InvalidInput):
            return None
        rest = raw[count:]
        if len(rest) % PROOF_BYTES or len(rest) > PROOFS_MAX * PROOF_BYTES:
            return None
        return cls(
            transition=transition,
            session_id=statement.session_id,
            statement=statement,
            signatures=tuple(
                rest[at : at + PROOF_BYTES] for at in range(0, len(rest), PROOF_BYTES)
            ),
        )

    def signed(self, sender: AccountId, verifier: NemVerifier, terms: SessionTerms) -> list[Signed]:
        """Return the statement as signed by whose signatures hold, or by the sender if there is none."""
        if self.statement is None:
            return []
        if not self.signatures:
            return [Signed(statement=self.statement, signer=sender)]
        signers = [
            (verifier.account_of_key(each[:PUBLIC_KEY_BYTES]), each) for each in self.signatures
        ]
        return [
            Signed(statement=self.statement, signer=signer, signature=signature)
            for signer, signature in signers
            if verifier.verify_statement(terms, self.statement, signer, signature)
        ]
