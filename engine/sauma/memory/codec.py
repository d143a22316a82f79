"""The bytes of a transaction on the reference chain: a canonical JSON body and a 32-byte seal.

Pure and deterministic: the same facts give the same bytes, and only those bytes are read back.  The
seal is BLAKE2b over the body, keyed by the sender's name: it detects every changed byte, but anybody
can make it.  This chain has no keys; signatures of the caller's signers are carried for others to
verify, and are not verified here.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import attrs

from sauma.chain import (
    Anchor,
    Attest,
    Batch,
    BatchKind,
    Capture,
    Decoded,
    Effect,
    Hold,
    Instruction,
    Issue,
    Leg,
    Net,
    Part,
    Release,
    Retire,
    SignedTransaction,
    Transfer,
)
from sauma.errors import InvalidInput, Refused
from sauma.identifiers import AccountId, AssetId, ChainId, Fact, canonical_json
from sauma.intervals import from_unix, to_unix
from sauma.memory.rules import check_batch, effects_of
from sauma.memory.sessions import NamedVerifier

VERSION: Final = 1
SEAL_BYTES: Final = 32
RAW_BYTES_MAX: Final = 4 * 1024 * 1024
COUNT_MAX: Final = 2**63 - 1
"""The largest nonce, attempt and time."""

_PERSON: Final = b"sauma-memory-1"
_KINDS: Final[Mapping[str, type[Any]]] = {
    "anchor": Anchor,
    "attest": Attest,
    "capture": Capture,
    "hold": Hold,
    "issue": Issue,
    "net": Net,
    "release": Release,
    "retire": Retire,
    "transfer": Transfer,
}


@attrs.frozen(kw_only=True)
class Draft:
    """What a transaction says, before it is signed."""

    chain_id: ChainId
    nonce: int
    attempt: int
    """How often this nonce was used before; a pool keeps the highest."""
    valid_until: int | None
    batch: Batch

    @property
    def sender(self) -> AccountId:
        """The account whose lane this uses: the authority of the first instruction."""
        return self.batch.instructions[0].authority

    @property
    def slot(self) -> tuple[AccountId, int]:
        """The lane and the nonce in it."""
        return self.sender, self.nonce

    @property
    def authorities(self) -> tuple[AccountId, ...]:
        """Who must sign, sorted."""
        return tuple(sorted({instruction.authority for instruction in self.batch.instructions}))


@attrs.frozen(kw_only=True)
class MemoryTransaction:
    """A draft with its bytes, their id and their effects."""

    draft: Draft
    signatures: tuple[tuple[AccountId, bytes], ...]
    raw: bytes
    transaction_id: bytes
    effects: tuple[Effect, ...]
    seal_valid: bool

    def signed(self, prepared_at: int) -> SignedTransaction:
        """Return the port's record of this transaction."""
        sender, nonce = self.draft.slot
        return SignedTransaction(
            transaction_id=self.transaction_id,
            raw=self.raw,
            sender=sender,
            batch_ids=(self.draft.batch.batch_id,),
            effects=self.effects,
            fee_payer=sender,
            fee_units_max=0,
            valid_until=self.draft.valid_until,
            consumes=(f"nonce:{sender}:{nonce}".encode(),),
            prepared_at=prepared_at,
        )


class MemoryCodec(NamedVerifier):
    """Reads signed bytes of any reference chain, and verifies evidence of sessions, without one."""

    def decode(self, raw: bytes) -> Decoded:
        """Return what signed bytes say; raises `InvalidInput` for bytes that are no transaction.

        `signature_valid` says that the seal fits the body: nothing was changed since it was made.
        """
        transaction = read(raw)
        draft = transaction.draft
        return Decoded(
            transaction_id=transaction.transaction_id,
            sender=draft.sender,
            reference=draft.batch.reference,
            effects=transaction.effects,
            fee_payer=draft.sender,
            fee_units_max=0,
            valid_until=draft.valid_until,
            signature_valid=transaction.seal_valid,
            anchored_roots=tuple(
                each.root for each in draft.batch.instructions if isinstance(each, Anchor)
            ),
        )


def signing_payload(draft: Draft) -> bytes:
    """Return the bytes that each authority signs."""
    return canonical_json(_facts(draft))


def write(draft: Draft, signatures: Mapping[AccountId, bytes]) -> MemoryTransaction:
    """Return the sealed transaction of a checked draft; raises `InvalidInput` when it is too long."""
    ordered = tuple(sorted(signatures.items()))
    body = _body(draft, ordered)
    raw = body + _seal(body, draft.sender)
    if len(raw) > RAW_BYTES_MAX:
        raise InvalidInput(
            f"batch {draft.batch.batch_id.hex()} takes {len(raw)} bytes, at most {RAW_BYTES_MAX} "
            "are possible: make several batches"
        )
    return _transaction(draft, ordered, raw)


def read(raw: bytes) -> MemoryTransaction:
    """Return the transaction of raw bytes; raises `InvalidInput` unless `write` could have made them."""
    if not SEAL_BYTES < len(raw) <= RAW_BYTES_MAX:
        raise InvalidInput(f"{len(raw)} bytes are no transaction of a memory chain")
    body = raw[:-SEAL_BYTES]
    try:
        facts = json.loads(body)
        draft = _read_draft(facts)
        signatures = tuple(
            (AccountId(account), bytes.fromhex(signature))
            for account, signature in sorted(facts["signatures"].items())
        )
        check_batch(draft.batch, draft.chain_id, len(draft.batch.instructions))
        is_canonical = _body(draft, signatures) == body
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError, Refused) as error:
        raise InvalidInput(f"bytes are no transaction of a memory chain: {error}") from error
    if not is_canonical:
        raise InvalidInput("bytes are no transaction of a memory chain: not in canonical form")
    return _transaction(draft, signatures, raw)


def _transaction(
    draft: Draft, signatures: tuple[tuple[AccountId, bytes], ...], raw: bytes
) -> MemoryTransaction:
    expected_seal = _seal(raw[:-SEAL_BYTES], draft.sender)
    return MemoryTransaction(
        draft=draft,
        signatures=signatures,
        raw=raw,
        transaction_id=hashlib.sha256(b"sauma:memory-transaction:" + raw).digest(),
        effects=effects_of(draft.batch),
        seal_valid=hmac.compare_digest(expected_seal, raw[-SEAL_BYTES:]),
    )


def _seal(body: bytes, sender: AccountId) -> bytes:
    key = hashlib.sha256(str(sender).encode()).digest()
    return hashlib.blake2b(body, digest_size=SEAL_BYTES, key=key, person=_PERSON).digest()


def _body(draft: Draft, signatures: Sequence[tuple[AccountId, bytes]]) -> bytes:
    signed: dict[str, Fact] = {str(account): signature for account, signature in signatures}
    return canonical_json({**_facts(draft), "signatures": signed})


def _facts(draft: Draft) -> dict[str, Fact]:
    return {
        "version": VERSION,
        "chain": str(draft.chain_id),
        "nonce": draft.nonce,
        "attempt": draft.attempt,
        "valid_until": draft.valid_until,
        "batch": {
            "id": draft.batch.batch_id,
            "kind": int(draft.batch.kind),
            "atomic": draft.batch.atomic,
            "instructions": [_instruction_facts(each) for each in draft.batch.instructions],
        },
    }


def _instruction_facts(instruction: Instruction) -> dict[str, Fact]:
    return {"kind": type(instruction).__name__.lower(), **_fields(instruction)}


def _fields(value: Instruction | Leg | Part) -> dict[str, Fact]:
    return {field.name: _fact(getattr(value, field.name)) for field in attrs.fields(type(value))}


def _fact(value: Any) -> Fact:
    if isinstance(value, AccountId | AssetId):
        return str(value)
    if isinstance(value, datetime):
        return to_unix(value)
    if isinstance(value, tuple):
        return [_fields(each) for each in value]
    fact: Fact = value
    return fact


def _read_draft(facts: Mapping[str, Any]) -> Draft:
    if facts["version"] != VERSION:
        raise InvalidInput(f"version {facts['version']!r} is unknown, this one reads {VERSION}")
    batch = facts["batch"]
    if not isinstance(batch["atomic"], bool):
        raise InvalidInput(f"atomic must be true or false, got {batch['atomic']!r}")
    valid_until = facts["valid_until"]
    return Draft(
        chain_id=ChainId(facts["chain"]),
        nonce=_read_count(facts["nonce"]),
        attempt=_read_count(facts["attempt"]),
        valid_until=None if valid_until is None else _read_count(valid_until),
        batch=Batch(
            batch_id=bytes.fromhex(batch["id"]),
            kind=BatchKind(batch["kind"]),
            instructions=tuple(_read_instruction(each) for each in batch["instructions"]),
            atomic=batch["atomic"],
        ),
    )


def _read_instruction(facts: Mapping[str, Any]) -> Instruction:
    fields = {name: _READERS[name](value) for name, value in facts.items() if name != "kind"}
    instruction: Instruction = _KINDS[facts["kind"]](**fields)
    return instruction


def _read_count(value: Any) -> int:
    if type(value) is not int or not 0 <= value <= COUNT_MAX:
        raise InvalidInput(f"{value!r} is no count from 0 to {COUNT_MAX}")
    return value


def _read_legs(value: Any) -> tuple[Leg, ...]:
    return tuple(
        Leg(
            account=AccountId(leg["account"]),
            asset=AssetId(leg["asset"]),
            delta_units=leg["delta_units"],
        )
        for leg in value
    )


def _read_parts(value: Any) -> tuple[Part, ...]:
    return tuple(Part(payee=AccountId(part["payee"]), units=part["units"]) for part in value)


_READERS: Final[Mapping[str, Callable[[Any], Any]]] = {
    "instruction_id": bytes.fromhex,
    "authority": AccountId,
    "evidence": bytes.fromhex,
    "recipient": AccountId,
    "sender": AccountId,
    "account": AccountId,
    "on_behalf_of": lambda value: None if value is None else AccountId(value),
    "asset": AssetId,
    "units": lambda value: value,
    "legs": _read_legs,
    "root": bytes.fromhex,
    "session_id": bytes.fromhex,
    "payer": AccountId,
    "expires_at": lambda value: from_unix(_read_count(value)),
    "step": _read_count,
    "statement": bytes.fromhex,
    "parts": _read_parts,
}
"""How each field of an instruction is read back; the units are checked with the batch."""
