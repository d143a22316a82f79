"""A step of a session as a call of the escrow, both ways, and what it moves; pure.

The call states its outcome, which the contract checks to the unit: so signed bytes say what moves to
somebody who has no node.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from typing import Any, Final

import attrs

from sauma.chain import Attest, Batch, Capture, Effect, Hold, Instruction, Release
from sauma.errors import InvalidInput, Unsupported, WrongNetwork
from sauma.identifiers import AccountId, AssetId
from sauma.session import SessionStep, SessionTerms, Transition

from .caip import account_of, address_on
from .evidence import contract_form, domain_of
from .ledger import answer, encode, selector
from .settings import EthereumSettings

SESSION_INSTRUCTIONS: Final = (Hold, Attest, Capture, Release)
TERMS_WORDS: Final = (
    "bytes32",
    *("address",) * 5,
    "bytes32",
    *("uint64",) * 12,
    *("bytes32",) * 3,
)
TERMS_TYPE: Final = f"({','.join(TERMS_WORDS)})"
STEP_TYPES: Final = (
    "uint32",
    "bytes32",
    "uint8",
    TERMS_TYPE,
    "(uint8,address,uint256[4],bytes)[]",
    "uint256",
)
STEP: Final = f"step({','.join(STEP_TYPES)})"
SEQUENCE_MAX: Final = 2**32 - 1
REGISTER_WH_MAX: Final = 2**40 - 1
STATEMENTS_MAX: Final = 4
_NUMBERS: Final = 4
_WORD_BYTES: Final = 32
_SELECTOR_BYTES: Final = 4
_UNITS_MASK: Final = 2**64 - 1


@attrs.frozen(kw_only=True)
class Moved:
    """What a step moves: from the payer into the escrow, and out of it."""

    locked_units: int = 0
    payee_units: int = 0
    operator_units: int = 0
    payer_units: int = 0

    @property
    def word(self) -> int:
        """As the contract has it: four times 64 bits."""
        return (
            self.locked_units << 192
            | self.payee_units << 128
            | self.operator_units << 64
            | self.payer_units
        )

    @classmethod
    def of_word(cls, word: int) -> Moved:
        """Return what a word of the contract says."""
        locked, payee, operator, payer = (
            word >> shift & _UNITS_MASK for shift in (192, 128, 64, 0)
        )
        return cls(
            locked_units=locked, payee_units=payee, operator_units=operator, payer_units=payer
        )


@attrs.frozen(kw_only=True)
class SessionCall:
    """A call of `step`: the terms as words, the statements as the contract takes them, the outcome."""

    area: int
    reference: bytes
    """32 bytes: the port's reference, and zeros."""
    transition: int
    terms: tuple[Any, ...]
    statements: tuple[tuple[int, str, tuple[int, ...], bytes], ...]
    moved: Moved

    def calldata(self) -> bytes:
        """Return the bytes of the call."""
        return selector(STEP) + encode(
            STEP_TYPES,
            self.area,
            self.reference,
            self.transition,
            self.terms,
            [(kind, signer, list(n), signed) for kind, signer, n, signed in self.statements],
            self.moved.word,
        )

    def parties(self) -> tuple[bytes, bytes, bytes]:
        """Return the addresses of payer, payee and operator."""
        return parties_of(self.terms)

    def owners(self) -> tuple[bytes, ...]:
        """Return whose accounts it needs."""
        return tuple(dict.fromkeys(self.parties()))

    def effects(self, settings: EthereumSettings) -> tuple[Effect, ...]:
        """Return what it moves, in the order of the port's instructions."""
        return effects_by_terms(self.terms, self.moved, settings)

    def session_id(self) -> bytes:
        """Return the id: SHA-256 of the terms' words."""
        return session_id_of(self.terms)


def parties_of(terms: tuple[Any, ...]) -> tuple[bytes, bytes, bytes]:
    """Return the addresses of payer, payee and operator that terms, as words, name."""
    payer, payee, operator = (bytes.fromhex(each[2:]) for each in terms[1:4])
    return payer, payee, operator


def session_id_of(terms: tuple[Any, ...]) -> bytes:
    """Return the id of terms as words: their SHA-256."""
    return hashlib.sha256(encode((TERMS_TYPE,), terms)).digest()


def effects_by_terms(
    terms: tuple[Any, ...], moved: Moved, settings: EthereumSettings
) -> tuple[Effect, ...]:
    """Return what a session with these terms, as words, moves."""
    payer, payee, operator = (account_of(each, settings.chain) for each in parties_of(terms))
    return moved_effects(
        moved,
        session_id=session_id_of(terms),
        asset=asset_of_word(terms[6], settings),
        payer=payer,
        payee=payee,
        operator=operator,
        escrow=settings.escrow_account,
    )


def parse_step(calldata: bytes) -> SessionCall:
    """Return the call of `step` that bytes are, in canonical form only; raises `InvalidInput`."""
    if calldata[:_SELECTOR_BYTES] != selector(STEP):
        raise InvalidInput(f"calldata {calldata[:4].hex() or 'nothing'}… is no call of step")
    area, reference, transition, terms, statements, word = answer(
        STEP_TYPES, calldata[_SELECTOR_BYTES:]
    )
    if transition not in set(Transition):
        raise InvalidInput(f"{transition} is no transition of a session")
    parsed = SessionCall(
        area=area,
        reference=reference,
        transition=transition,
        terms=tuple(terms),
        statements=tuple(
            (kind, signer, tuple(numbers), signature)
            for kind, signer, numbers, signature in statements
        ),
        moved=Moved.of_word(word),
    )
    if parsed.calldata() != calldata:
        raise InvalidInput("a call of step must be canonical")
    return parsed


def is_session_batch(batch: Batch) -> bool:
    """Tell whether a batch is about sessions at all."""
    return any(isinstance(each, SESSION_INSTRUCTIONS) for each in batch.instructions)


def session_call(batch: Batch, reference: bytes, settings: EthereumSettings) -> SessionCall:
    """Return the call for the one step that all instructions of a batch are about.

    Raises `Unsupported` for a batch of more than that, `WrongNetwork` for terms of another escrow,
    and `InvalidInput` for instructions that are not those of their step.
    """
    step = _step_of(batch)
    terms = step.terms
    check_domain(terms, settings)
    for instruction in batch.instructions:
        check_instruction(instruction, step)
    if terms.asset not in (settings.energy_asset, settings.money_asset):
        raise Unsupported(
            f"asset {terms.asset} is not held here: use {settings.energy_asset} or "
            f"{settings.money_asset}"
        )
    if len(step.evidence) > STATEMENTS_MAX:
        raise InvalidInput(
            f"a step takes {STATEMENTS_MAX} statements at most, not {len(step.evidence)}"
        )
    return SessionCall(
        area=settings.area,
        reference=reference,
        transition=int(step.transition),
        terms=terms_words(terms, settings),
        statements=tuple(
            (
                int(signed.statement.kind),
                _address_text(signed.signer, settings),
                _numbers(signed.statement.numbers()),
                contract_form(signed.signature),
            )
            for signed in step.evidence
        ),
        moved=moved_by(batch.instructions, terms),
    )


def moved_effects(
    moved: Moved,
    *,
    session_id: bytes,
    asset: AssetId,
    payer: AccountId,
    payee: AccountId,
    operator: AccountId,
    escrow: AccountId,
) -> tuple[Effect, ...]:
    """Return what a step moves between a session's parties and the escrow."""

    def effects() -> Iterator[Effect]:
        paid = [
            (account, units)
            for account, units in (
                (payee, moved.payee_units),
                (operator, moved.operator_units),
            )
            if units
        ]
        if moved.locked_units:
            yield Effect(account=payer, asset=asset, delta_units=-moved.locked_units)
            yield held(moved.locked_units)
        if paid:
            yield held(-sum(units for _, units in paid))
        for account, units in paid:
            yield Effect(account=account, asset=asset, delta_units=units)
        if moved.payer_units:
            yield held(-moved.payer_units)
            yield Effect(account=payer, asset=asset, delta_units=moved.payer_units)

    def held(delta_units: int) -> Effect:
        return Effect(account=escrow, asset=asset, delta_units=delta_units, session_id=session_id)

    return tuple(effects())


def _step_of(batch: Batch) -> SessionStep:
    others = [each for each in batch.instructions if not isinstance(each, SESSION_INSTRUCTIONS)]
    evidence = {each.evidence for each in batch.instructions}
    if others or len(evidence) > 1:
        raise Unsupported(
            f"batch {batch.batch_id.hex()} has more than one step of a session: a step is a "
            "transaction of its own here, so make it a batch of its own"
        )
    return SessionStep.from_bytes(evidence.pop())


def check_domain(terms: SessionTerms, settings: EthereumSettings) -> None:
    """Refuse terms that are for another escrow, or another area of it."""
    if terms.domain != domain_of(settings):
        raise WrongNetwork(
            f"session {terms.session_id.hex()} is for another escrow than {settings.escrow}, area "
            f"{settings.area}: agree on terms with its domain"
        )


def check_instruction(instruction: Instruction, step: SessionStep) -> None:
    """Refuse an instruction that is not one of its step's."""
    terms = step.terms
    wanted: dict[str, object] = {"session_id": terms.session_id, "authority": step.caller}
    if isinstance(instruction, Hold | Release):
        wanted |= {"payer": terms.payer, "asset": terms.asset}
    elif isinstance(instruction, Capture):
        wanted["asset"] = terms.asset
        for part in instruction.parts:
            if part.payee not in (terms.payee, terms.operator):
                raise InvalidInput(
                    f"session {terms.session_id.hex()} pays {terms.payee} and {terms.operator}, "
                    f"not {part.payee}"
                )
    elif isinstance(instruction, Attest):
        wanted["statement"] = step.statement
    for name, value in wanted.items():
        found = getattr(instruction, name)
        if found != value:
            raise InvalidInput(
                f"{name} of an instruction is {found}, its step of session "
                f"{terms.session_id.hex()} has {value}: take those of instructions_for"
            )


def moved_by(instructions: Sequence[Instruction], terms: SessionTerms) -> Moved:
    """Return what instructions come to; the payee's part is all where payee and operator are one."""
    locked = payer = 0
    paid = {terms.payee: 0, terms.operator: 0}
    for each in instructions:
        match each:
            case Hold(units=units):
                locked += units
            case Release(units=units):
                payer += units
            case Capture(parts=parts):
                for part in parts:
                    paid[part.payee] += part.units
    operator = 0 if terms.operator == terms.payee else paid[terms.operator]
    for units in (locked, payer, *paid.values()):
        if not 0 <= units <= _UNITS_MASK:
            raise InvalidInput(f"a step that moves {units} units moves what no account can hold")
    return Moved(
        locked_units=locked,
        payee_units=paid[terms.payee],
        operator_units=operator,
        payer_units=payer,
    )


def terms_words(terms: SessionTerms, settings: EthereumSettings) -> tuple[Any, ...]:
    """Return the terms as the contract has them; raises for an account of another chain."""
    for account in (terms.payer, terms.payee, terms.operator, terms.meter, terms.arbiter):
        if account is not None:
            address_on(account, settings.chain)
    (found,) = answer((TERMS_TYPE,), terms.to_bytes())
    return tuple(found)


def _numbers(numbers: dict[str, int]) -> tuple[int, ...]:
    for name, most in (("sequence", SEQUENCE_MAX), ("register_wh", REGISTER_WH_MAX)):
        if numbers.get(name, 0) > most:
            raise InvalidInput(f"{name} {numbers[name]} is above {most}, the most that fits here")
    given = [int(number) for number in numbers.values()]
    return (*given, *(0,) * (_NUMBERS - len(given)))


def _address_text(account: AccountId, settings: EthereumSettings) -> str:
    return "0x" + address_on(account, settings.chain).hex()


def asset_of_word(word: bytes, settings: EthereumSettings) -> AssetId:
    """Return the asset that a word of the terms is."""
    for asset in (settings.energy_asset, settings.money_asset):
        if hashlib.sha256(str(asset).encode()).digest() == word:
            return asset
    raise InvalidInput(f"{word.hex()} is neither energy nor money of {settings.ledger}")
