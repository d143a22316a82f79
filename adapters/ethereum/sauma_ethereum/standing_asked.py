"""From a batch about standing authorisations to the call that it becomes; pure.

What the escrow cannot see is checked here: that each micro-session's readings are signed by its meter,
and that what is asked for is what they come to.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from sauma.chain import Attest, Batch, Capture, Hold, Instruction, Release
from sauma.errors import InvalidInput, Refused, Unsupported, WrongNetwork
from sauma.identifiers import AccountId
from sauma.intervals import to_unix
from sauma.session import (
    Refusal,
    SessionTerms,
    Standing,
    StandingAction,
    StandingStep,
    StandingTerms,
    Statement,
    is_standing,
    micro_units,
)

from .caip import address_on
from .evidence import (
    contract_form,
    domain_of,
    is_allowed_by,
    is_signed_by,
    standing_payload,
    statement_payload,
)
from .ledger import answer
from .settings import EthereumSettings
from .standing import ALLOWANCE_TYPE, ChargeCall, StandCall

CAP_UNITS_MAX: Final = 2**63 - 1
SESSION_UNITS_MAX: Final = 2**32 - 1
CHARGED_MAX: Final = 255
"""How many micro-sessions of one authorisation a call charges."""


def standing_call(
    batch: Batch, reference: bytes, settings: EthereumSettings
) -> StandCall | ChargeCall:
    """Return the call for a batch about standing authorisations.

    Raises `Unsupported` for more than one that are not charged by one plan, `WrongNetwork` for terms
    of another escrow, `Refused` for a reading that its meter has not signed, and `InvalidInput` for
    instructions that are not those of their evidence.
    """
    if not all(is_standing(each.evidence) for each in batch.instructions):
        raise Unsupported(
            f"batch {batch.batch_id.hex()} has other instructions beside a standing authorisation: "
            "make it a batch of its own"
        )
    asked = [(StandingStep.from_bytes(each.evidence), each) for each in batch.instructions]
    verifier = _Verifier(settings)
    for step, instruction in asked:
        _check(step, instruction, settings)
        step.verify(verifier)
    if all(step.action is StandingAction.CHARGE for step, _ in asked):
        return _charge_call(asked, reference, settings)
    if len(asked) > 1:
        raise Unsupported(
            f"batch {batch.batch_id.hex()} is about {len(asked)} standing authorisations: only charges "
            "share a batch, so make a batch of each"
        )
    step, instruction = asked[0]
    return StandCall(
        area=settings.area,
        reference=reference,
        action=step.action,
        words=_words(step.terms, settings),
        payees=(
            tuple("0x" + address_on(each, settings.chain).hex() for each in step.terms.payees)
            if step.action is StandingAction.AUTHORISE
            else ()
        ),
        signature=contract_form(step.signature),
        units=_units(instruction),
    )


def _charge_call(
    asked: Sequence[tuple[StandingStep, Instruction]], reference: bytes, settings: EthereumSettings
) -> ChargeCall:
    terms = asked[0][0].terms
    plan = _plan(terms)
    if any(_plan(step.terms) != plan for step, _ in asked):
        raise Unsupported(
            "these standing authorisations are of several plans (payees, limit, end): charge those of "
            "each plan in a batch of their own"
        )
    order = (*terms.payees, terms.operator) if terms.payees else ()
    owed: dict[AccountId, int] = dict.fromkeys(order, 0)
    charges: dict[bytes, tuple[int, ...]] = {}
    for step, instruction in asked:
        units = _charged(step, instruction)
        if step.terms.standing_id in charges:
            raise InvalidInput(
                "a batch charges a standing authorisation once: give all its lines there"
            )
        charges[step.terms.standing_id] = units
        for part in instruction.parts if isinstance(instruction, Capture) else ():
            owed[part.payee] = owed.get(part.payee, 0) + part.units
    return ChargeCall(
        area=settings.area,
        reference=reference,
        session_units_max=terms.session_units_max,
        until=to_unix(terms.valid_until),
        listed=tuple(address_on(each, settings.chain) for each in order),
        charges=tuple(charges.items()),
        credits=tuple(
            (address_on(account, settings.chain), units) for account, units in owed.items() if units
        ),
    )


def _charged(step: StandingStep, instruction: Instruction) -> tuple[int, ...]:
    """Return what each micro-session comes to, in all what the instruction pays and to whom."""
    outcome = step.decide(_fresh(step.terms), 0)
    if isinstance(outcome, Refusal):
        raise Refused(f"{outcome.reason.value}: {outcome.message}")
    if not isinstance(instruction, Capture) or instruction.parts != outcome.parts:
        raise InvalidInput(
            f"standing authorisation {step.terms.standing_id.hex()} is charged for other movements than "
            "its micro-sessions come to: take that of standing_instruction"
        )
    units = tuple(
        gross for line in step.lines if isinstance(gross := micro_units(step.terms, line), int)
    )
    if len(units) > CHARGED_MAX:
        raise Unsupported(
            f"{len(units)} micro-sessions of one authorisation: a batch charges {CHARGED_MAX} at most"
        )
    return units


def _plan(terms: StandingTerms) -> tuple[object, ...]:
    return (terms.operator, terms.session_units_max, terms.valid_until, terms.payees)


def _fresh(terms: StandingTerms) -> Standing:
    """Return an authorisation of which everything is left: what is, the escrow knows."""
    return Standing(
        terms=terms,
        standing_id=terms.standing_id,
        steps=0,
        left_units=terms.cap_units,
        ends_at=to_unix(terms.valid_until),
    )


def _words(terms: StandingTerms, settings: EthereumSettings) -> tuple[Any, ...]:
    """Return the terms as the contract has them; raises for what does not fit it."""
    for account in (terms.payer, terms.operator, *terms.payees):
        address_on(account, settings.chain)
    if terms.domain != domain_of(settings):
        raise WrongNetwork(
            f"standing authorisation {terms.standing_id.hex()} is for another escrow than "
            f"{settings.escrow}, area {settings.area}: agree on terms with its domain"
        )
    if terms.asset != settings.money_asset:
        raise Unsupported(
            f"asset {terms.asset} is not held for standing authorisations here: use "
            f"{settings.money_asset}"
        )
    for name, most in (("cap_units", CAP_UNITS_MAX), ("session_units_max", SESSION_UNITS_MAX)):
        if getattr(terms, name) > most:
            raise InvalidInput(f"{name} {getattr(terms, name)} is above {most}, the most that fits")
    (found,) = answer((ALLOWANCE_TYPE,), terms.to_bytes())
    return tuple(found)


def _check(step: StandingStep, instruction: Instruction, settings: EthereumSettings) -> None:
    """Refuse an instruction that is not its step's."""
    terms = step.terms
    _words(terms, settings)
    wanted: dict[str, object] = {"session_id": terms.standing_id, "authority": step.caller}
    if isinstance(instruction, Hold | Release):
        wanted |= {"payer": terms.payer, "asset": terms.asset}
    elif isinstance(instruction, Capture):
        wanted["asset"] = terms.asset
    kinds = {
        StandingAction.AUTHORISE: Hold,
        StandingAction.CHARGE: Capture,
        StandingAction.REVOKE: Attest,
        StandingAction.RETURN: Release,
    }
    if not isinstance(instruction, kinds[step.action]):
        raise InvalidInput(
            f"{type(instruction).__name__.lower()} is not what {step.action.name.lower()} asks of a chain: "
            "take that of standing_instruction"
        )
    for name, value in wanted.items():
        found = getattr(instruction, name)
        if found != value:
            raise InvalidInput(
                f"{name} of an instruction is {found}, that of its standing authorisation is {value}: "
                "take that of standing_instruction"
            )


def _units(instruction: Instruction) -> int:
    return instruction.units if isinstance(instruction, Hold | Release) else 0


class _Verifier:
    """Verifies by the settings alone."""

    def __init__(self, settings: EthereumSettings) -> None:
        self._settings = settings

    def statement_payload(self, terms: SessionTerms, statement: Statement) -> bytes:
        return statement_payload(terms, statement)

    def verify_statement(
        self, terms: SessionTerms, statement: Statement, signer: AccountId, signature: bytes
    ) -> bool:
        return is_signed_by(self._settings, terms, statement, signer, signature)

    def standing_payload(self, terms: StandingTerms) -> bytes:
        return standing_payload(terms)

    def verify_standing(self, terms: StandingTerms, signature: bytes) -> bool:
        return is_allowed_by(self._settings, terms, signature)
