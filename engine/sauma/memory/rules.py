"""What the reference chain does with an instruction: which it takes, and what each one moves.

Pure: the adapter asks before it signs, the codec when it reads signed bytes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final, TypeAlias

from sauma.chain import (
    Anchor,
    Batch,
    Capabilities,
    Capture,
    Effect,
    ExpiryUnit,
    FeeModel,
    Finality,
    Hold,
    Instruction,
    Issue,
    Leg,
    Net,
    Release,
    Retire,
    Support,
    Transfer,
)
from sauma.errors import InvalidInput, Unsupported, WrongNetwork
from sauma.identifiers import AccountId, AssetId, ChainId
from sauma.memory.sessions import SESSION_INSTRUCTIONS, check_steps, escrow_account
from sauma.units import INT64_MAX, check_integer

ASSET_KIND: Final = "unit"
ROOT_BYTES: Final = 32

MEMORY_CAPABILITIES: Final = Capabilities(
    issue=Support.NATIVE,
    transfer=Support.NATIVE,
    net=Support.NATIVE,
    retire=Support.NATIVE,
    hold=Support.NATIVE,
    contest=Support.NATIVE,
    standing=Support.NATIVE,
    anchor=Support.NATIVE,
    atomic_batch=Support.NATIVE,
    idempotency=Support.NATIVE,
    replacement=Support.NATIVE,
    batch_instructions_max=100,
    batch_lots_max=100,
    outstanding_max=1_000,
    units_max=INT64_MAX,
    finality=Finality.DEPTH,
    finality_blocks=6,
    block_seconds=60,
    expiry_unit=ExpiryUnit.UNIX_SECONDS,
    fee_model=FeeModel.NONE,
    fee_asset=None,
    history_blocks=None,
    activation_units=0,
)
"""What the reference chain promises when it is built without settings."""

Holding: TypeAlias = tuple[AccountId, AssetId]

WITHOUT_SESSIONS: Final = (Issue, Transfer, Net, Retire, Anchor)
SUPPORTED: Final = (*WITHOUT_SESSIONS, *SESSION_INSTRUCTIONS)


def check_batch(
    batch: Batch, chain_id: ChainId, instructions_max: int, *, holds: bool = True
) -> None:
    """Refuse a batch that this chain cannot do.

    Raises `Unsupported`, `WrongNetwork` or `InvalidInput`, by the first instruction that is wrong.
    """
    if len(batch.instructions) > instructions_max:
        raise Unsupported(
            f"batch {batch.batch_id.hex()} has {len(batch.instructions)} instructions, "
            f"this chain takes {instructions_max}: make several batches"
        )
    supported = SUPPORTED if holds else WITHOUT_SESSIONS
    for instruction in batch.instructions:
        if not isinstance(instruction, supported):
            raise Unsupported(
                f"{chain_id} cannot {type(instruction).__name__.lower()}: "
                "use a chain whose capabilities declare it"
            )
        check_instruction(instruction, chain_id)
    check_steps(batch)


def check_instruction(instruction: Instruction, chain_id: ChainId) -> None:
    """Refuse an instruction whose contents this chain cannot take."""
    for account in _accounts(instruction):
        check_account(account, chain_id)
        if account == escrow_account(chain_id):
            raise InvalidInput(
                f"{account} keeps what sessions hold and is no party to anything else: "
                "name another account"
            )
    match instruction:
        case Issue(asset=asset, units=units) | Transfer(asset=asset, units=units):
            _check_units(asset, units, chain_id)
        case Retire(asset=asset, units=units) | Hold(asset=asset, units=units):
            _check_units(asset, units, chain_id)
        case Release(asset=asset, units=units):
            _check_units(asset, units, chain_id)
        case Capture(asset=asset, parts=parts):
            for part in parts:
                _check_units(asset, part.units, chain_id)
        case Net(legs=legs):
            _check_legs(legs, chain_id)
        case Anchor(root=root) if len(root) != ROOT_BYTES:
            raise InvalidInput(f"root {root.hex()} must have {ROOT_BYTES} bytes")


def check_account(account: AccountId, chain_id: ChainId) -> None:
    """Refuse an account of another chain."""
    if account.chain_id != chain_id:
        raise WrongNetwork(f"account {account} is not on {chain_id}: name one that is")


def check_asset(asset: AssetId, chain_id: ChainId) -> None:
    """Refuse an asset of another chain, or of a kind that this one does not have."""
    if asset.chain_id != chain_id:
        raise WrongNetwork(f"asset {asset} is not on {chain_id}: name one that is")
    if asset.kind != ASSET_KIND:
        raise InvalidInput(f"asset {asset} must be written {chain_id}/{ASSET_KIND}:<name>")


def effects_of(batch: Batch) -> tuple[Effect, ...]:
    """Return what a checked batch moves, in the order in which it is applied.

    Within an instruction every debit comes before every credit, so nobody spends what the same
    instruction brings.
    """
    return tuple(effect for instruction in batch.instructions for effect in _effects(instruction))


def needed_units(effects: Sequence[Effect]) -> dict[Holding, int]:
    """Return what each account must have beforehand for effects to be applied in their order.

    This one function decides what can be afforded, when preparing and when including.
    """
    running: dict[Holding, int] = {}
    needed: dict[Holding, int] = {}
    for effect in effects:
        holding = (effect.account, effect.asset)
        running[holding] = running.get(holding, 0) + effect.delta_units
        if -running[holding] > needed.get(holding, 0):
            needed[holding] = -running[holding]
    return needed


def _effects(instruction: Instruction) -> Iterator[Effect]:
    match instruction:
        case Issue(recipient=recipient, asset=asset, units=units):
            yield Effect(account=recipient, asset=asset, delta_units=units)
        case Transfer(sender=sender, recipient=recipient, asset=asset, units=units):
            yield Effect(account=sender, asset=asset, delta_units=-units)
            yield Effect(account=recipient, asset=asset, delta_units=units)
        case Net(legs=legs):
            for leg in sorted(legs, key=lambda leg: leg.delta_units > 0):
                yield Effect(account=leg.account, asset=leg.asset, delta_units=leg.delta_units)
        case Retire(account=account, asset=asset, units=units):
            yield Effect(account=account, asset=asset, delta_units=-units)
        case Hold() | Capture() | Release():
            yield from _escrow_effects(instruction)


def _escrow_effects(instruction: Hold | Capture | Release) -> Iterator[Effect]:
    """Move between a party and the escrow, which is told apart by the session that it is for."""
    session_id, asset = instruction.session_id, instruction.asset
    escrow = escrow_account(instruction.authority.chain_id)
    match instruction:
        case Hold(payer=payer, units=units):
            yield Effect(account=payer, asset=asset, delta_units=-units)
            yield Effect(account=escrow, asset=asset, delta_units=units, session_id=session_id)
            return
        case Capture(parts=parts):
            credits = [(part.payee, part.units) for part in parts]
        case Release(payer=payer, units=units):
            credits = [(payer, units)]
    total = sum(units for _, units in credits)
    yield Effect(account=escrow, asset=asset, delta_units=-total, session_id=session_id)
    for account, units in credits:
        yield Effect(account=account, asset=asset, delta_units=units)


def _accounts(instruction: Instruction) -> Iterator[AccountId]:
    yield instruction.authority
    match instruction:
        case Issue(recipient=recipient, on_behalf_of=on_behalf_of):
            yield recipient
            if on_behalf_of is not None:
                yield on_behalf_of
        case Transfer(sender=sender, recipient=recipient):
            yield sender
            yield recipient
        case Net(legs=legs):
            yield from (leg.account for leg in legs)
        case Retire(account=account):
            yield account
        case Hold(payer=payer) | Release(payer=payer):
            yield payer
        case Capture(parts=parts):
            yield from (part.payee for part in parts)


def _check_units(asset: AssetId, units: int, chain_id: ChainId) -> None:
    check_asset(asset, chain_id)
    if check_integer(units, "units") <= 0:
        raise InvalidInput(f"units {units} of {asset} must be above zero")


def _check_legs(legs: tuple[Leg, ...], chain_id: ChainId) -> None:
    if not legs:
        raise InvalidInput("a net without legs moves nothing: leave it out")
    totals: dict[AssetId, int] = {}
    for leg in legs:
        check_asset(leg.asset, chain_id)
        if check_integer(leg.delta_units, "delta_units") == 0:
            raise InvalidInput(f"the leg of {leg.account} is zero: leave it out")
        totals[leg.asset] = totals.get(leg.asset, 0) + leg.delta_units
    for asset, total in totals.items():
        if total != 0:
            raise InvalidInput(f"the legs of {asset} sum to {total} instead of zero")
