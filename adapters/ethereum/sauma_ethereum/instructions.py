"""From the engine's instructions to what the contract is asked; pure.

One batch is one transaction: a call of `settle`, a step of a session (a call of the escrow), or a
payment in ether that carries the reference.
The contract decides by the caller: its issuer issues and retires, its settler transfers and nets.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final, TypeAlias

import attrs

from sauma.chain import Anchor, Batch, Instruction, Issue, Leg, Net, Retire, Transfer
from sauma.errors import InvalidInput, Refused, Unsupported, WrongNetwork
from sauma.identifiers import AccountId, AssetId
from sauma.session import asks_standing
from sauma.units import check_integer

from .caip import address_on
from .ledger import NEVER, Settle
from .many import ManyCall
from .many_asked import has_several_steps, many_call
from .operations import (
    AnchorLine,
    Asset,
    IssueLine,
    Kind,
    Line,
    NetLine,
    RetireLine,
    Section,
    TransferLine,
    write,
)
from .sessions import SessionCall, is_session_batch, session_call
from .settings import BATCH_INSTRUCTIONS_MAX, UNITS_MAX, EthereumSettings
from .standing import ChargeCall, StandCall
from .standing_asked import standing_call

ROOT_BYTES: Final = 32
REFERENCE_WORD_BYTES: Final = 32


Row: TypeAlias = tuple[Any, ...]
"""A line of a section as it is asked for: the addresses that it names, then what it says of them."""
_OWNERS: Final = {Kind.TRANSFER: 2, Kind.ISSUE: 1, Kind.RETIRE: 1, Kind.NET: 1, Kind.ANCHOR: 0}
"""With how many addresses the rows of a kind begin."""


EscrowCall: TypeAlias = SessionCall | ManyCall | StandCall | ChargeCall
"""What is asked of the escrow: a step of a session, of many, or something about standing authorisations."""


@attrs.frozen(kw_only=True)
class Payment:
    """Ether for one account, with the batch's reference as data."""

    recipient: bytes
    wei: int


@attrs.frozen(kw_only=True)
class Draft:
    """A batch that was found to be possible: who sends it, and whose accounts it names."""

    batch: Batch
    sender: AccountId
    owners: tuple[bytes, ...]
    """The addresses whose accounts in the contract it names, each once."""
    rows: tuple[tuple[Kind, tuple[Row, ...]], ...] = ()
    """What a settlement asks, by addresses; neighbours of one kind, nets aside, are together."""
    payment: Payment | None = None
    session: EscrowCall | None = None

    @property
    def settles(self) -> bool:
        """Tell whether it is a settlement of the ledger, which remembers its reference."""
        return self.payment is None and self.session is None

    @property
    def reference_word(self) -> bytes:
        """The reference as the contract keeps it: 32 bytes."""
        return reference_word(self.batch.reference)

    def sections(self, number_of: Mapping[bytes, int]) -> list[Section]:
        """Return what the contract is asked; `number_of` gives its number of each owner's account."""
        return [Section(lines=tuple(_LINES[kind](rows, number_of))) for kind, rows in self.rows]

    def settle(
        self,
        sections: Sequence[Section],
        settings: EthereumSettings,
        number_of: Mapping[bytes, int],
    ) -> Settle:
        """Return the call of the contract that asks for sections."""
        by_number = sorted((number_of[owner], owner) for owner in self.owners)
        return Settle(
            area=settings.area,
            reference=self.reference_word,
            valid_until=NEVER,
            operations=write(sections),
            owners=tuple(owner for _, owner in by_number),
        )


def reference_word(reference: bytes) -> bytes:
    """Return a reference padded to the contract's 32 bytes."""
    return reference.ljust(REFERENCE_WORD_BYTES, b"\0")


def draft_of(batch: Batch, settings: EthereumSettings) -> Draft:
    """Return what a batch asks of the chain.

    Raises `Unsupported` for what the contract does not do (who may ask it is for `check_roles`),
    `WrongNetwork` for an account or asset of another chain, and `InvalidInput` for contents that
    contradict themselves.
    """
    if len(batch.instructions) > BATCH_INSTRUCTIONS_MAX:
        raise Unsupported(
            f"batch {batch.batch_id.hex()} has {len(batch.instructions)} instructions, "
            f"{settings.chain} takes {BATCH_INSTRUCTIONS_MAX}: make several batches"
        )
    senders = {instruction.authority for instruction in batch.instructions}
    if len(senders) > 1:
        raise Unsupported(
            f"batch {batch.batch_id.hex()} has {len(senders)} authorities: one account signs a "
            "transaction, so make a batch for each"
        )
    sender = batch.instructions[0].authority
    address_on(sender, settings.chain)
    if is_session_batch(batch):
        return _session(batch, settings)
    payments = [each for each in batch.instructions if _is_payment(each, settings)]
    if payments:
        return _payment(batch, payments, settings)
    rows = _rows(batch, settings)
    owners = dict.fromkeys(
        owner for kind, some in rows for row in some for owner in row[: _OWNERS[kind]]
    )
    return Draft(batch=batch, sender=sender, owners=tuple(owners), rows=rows)


def check_roles(draft: Draft, settings: EthereumSettings) -> None:
    """Raise `Unsupported` unless the contract lets the sender do all that a draft asks."""
    if not draft.settles:
        return
    for instruction in {type(each): each for each in reversed(draft.batch.instructions)}.values():
        allowed = _allowed(instruction, settings)
        if draft.sender not in allowed:
            raise Unsupported(
                f"{draft.sender} may not {type(instruction).__name__.lower()} in area "
                f"{settings.area}: the contract lets {' or '.join(map(str, allowed))}, so make that "
                "the authority"
            )


def _allowed(instruction: Instruction, settings: EthereumSettings) -> tuple[AccountId, ...]:
    """Return who may ask the contract for an instruction."""
    if isinstance(instruction, Issue | Retire):
        return (settings.issuer,)
    if isinstance(instruction, Anchor):
        return (settings.settler, settings.issuer)
    return (settings.settler,)


def _session(batch: Batch, settings: EthereumSettings) -> Draft:
    reference = reference_word(batch.reference)
    call: EscrowCall
    if asks_standing(batch):
        call = standing_call(batch, reference, settings)
    elif has_several_steps(batch):
        call = many_call(batch, reference, settings)
    else:
        call = session_call(batch, reference, settings)
    sender = batch.instructions[0].authority
    return Draft(batch=batch, sender=sender, owners=call.owners(), session=call)


def _is_payment(instruction: Instruction, settings: EthereumSettings) -> bool:
    return isinstance(instruction, Transfer) and instruction.asset == settings.fee_asset


def _payment(batch: Batch, payments: list[Instruction], settings: EthereumSettings) -> Draft:
    payment = payments[0]
    if len(batch.instructions) > 1 or not isinstance(payment, Transfer):
        raise Unsupported(
            f"batch {batch.batch_id.hex()} pays ether beside other instructions: a payment in "
            "ether is a transaction of its own, so make it a batch of its own"
        )
    if payment.authority != payment.sender:
        raise Unsupported(
            f"{payment.authority} cannot move ether of {payment.sender}: the owner signs, so make "
            "it the authority"
        )
    wei = check_integer(payment.units, "units")
    if not 0 < wei < 2**128:
        raise InvalidInput(f"units {wei} of {payment.asset} must be above zero and under 2^128")
    return Draft(
        batch=batch,
        sender=payment.sender,
        owners=(),
        payment=Payment(recipient=address_on(payment.recipient, settings.chain), wei=wei),
    )


def _rows(batch: Batch, settings: EthereumSettings) -> tuple[tuple[Kind, tuple[Row, ...]], ...]:
    """Return what a batch asks, each instruction checked; refuse what the contract would for ever."""
    runs: list[tuple[Kind, list[Row]]] = []
    addresses = _Addresses(settings)
    for instruction in batch.instructions:
        kind, rows = _checked(instruction, settings, addresses)
        if runs and runs[-1][0] is kind and kind is not Kind.NET:
            runs[-1][1].extend(rows)
        else:
            runs.append((kind, rows))
    return tuple((kind, tuple(rows)) for kind, rows in runs)


class _Addresses(dict[AccountId, bytes]):
    """The addresses of the accounts of one batch, each looked up once."""

    def __init__(self, settings: EthereumSettings) -> None:
        self._chain = settings.chain

    def __missing__(self, account: AccountId) -> bytes:
        address = self[account] = address_on(account, self._chain)
        return address


def _checked(
    instruction: Instruction, settings: EthereumSettings, addresses: _Addresses
) -> tuple[Kind, list[Row]]:
    match instruction:
        case Transfer(sender=sender, recipient=recipient, asset=asset, units=units):
            moved = _asset(asset, settings)
            _check_units(asset, units)
            row = (addresses[sender], addresses[recipient], moved, units)
            return Kind.TRANSFER, [row]
        case Issue(recipient=recipient, asset=asset, units=units, on_behalf_of=producer):
            _check_energy(asset, settings)
            _check_units(asset, units)
            if producer is not None:
                addresses[producer]
            return Kind.ISSUE, [(addresses[recipient], units)]
        case Retire(account=account, asset=asset, units=units):
            _check_energy(asset, settings)
            _check_units(asset, units)
            return Kind.RETIRE, [(addresses[account], units)]
        case Net(legs=legs):
            return Kind.NET, [
                (address, units.get(Asset.ENERGY, 0), units.get(Asset.MONEY, 0))
                for address, units in _positions(legs, settings)
            ]
        case Anchor(root=root):
            if len(root) != ROOT_BYTES:
                raise InvalidInput(f"root {root.hex()} must have {ROOT_BYTES} bytes")
            return Kind.ANCHOR, [(root,)]
        case _:
            raise Refused(
                f"{type(instruction).__name__.lower()} is no part of a settlement: make it a batch "
                "of its session"
            )


def _positions(
    legs: tuple[Leg, ...], settings: EthereumSettings
) -> list[tuple[bytes, dict[Asset, int]]]:
    """Return what legs come to for each account; accounts whose legs cancel out are left out."""
    if not legs:
        raise InvalidInput("a net without legs moves nothing: leave it out")
    totals: dict[AssetId, int] = defaultdict(int)
    positions: dict[bytes, dict[Asset, int]] = {}
    for leg in legs:
        asset = _asset(leg.asset, settings)
        delta_units = check_integer(leg.delta_units, "delta_units")
        if not 0 < abs(delta_units) <= UNITS_MAX:
            raise InvalidInput(
                f"the leg of {leg.account} moves {delta_units}: between 1 and {UNITS_MAX} units "
                "either way can"
            )
        totals[leg.asset] += delta_units
        units = positions.setdefault(address_on(leg.account, settings.chain), {})
        units[asset] = units.get(asset, 0) + delta_units
        if abs(units[asset]) > UNITS_MAX:
            raise InvalidInput(
                f"the legs of {leg.account} come to {units[asset]}: that is too much"
            )
    for asset_id, total in totals.items():
        if total != 0:
            raise InvalidInput(f"the legs of {asset_id} sum to {total} instead of zero")
    moving = [(address, units) for address, units in positions.items() if any(units.values())]
    if not moving:
        raise InvalidInput("the legs of a net cancel out for everybody: leave it out")
    return moving


def _transfers(rows: Sequence[Row], number_of: Mapping[bytes, int]) -> Iterator[Line]:
    for sender, recipient, asset, units in rows:
        yield TransferLine(
            sender=number_of[sender], recipient=number_of[recipient], asset=asset, units=units
        )


def _issues(rows: Sequence[Row], number_of: Mapping[bytes, int]) -> Iterator[Line]:
    for account, units in rows:
        yield IssueLine(account=number_of[account], energy_wh=units)


def _retirements(rows: Sequence[Row], number_of: Mapping[bytes, int]) -> Iterator[Line]:
    for account, units in rows:
        yield RetireLine(account=number_of[account], energy_wh=units)


def _net_lines(rows: Sequence[Row], number_of: Mapping[bytes, int]) -> Iterator[Line]:
    """In the order of the contract's numbers, which it asks for."""
    for number, energy_wh, money_units in sorted((number_of[each[0]], *each[1:]) for each in rows):
        yield NetLine(account=number, energy_wh=energy_wh, money_units=money_units)


def _anchors(rows: Sequence[Row], _: Mapping[bytes, int]) -> Iterator[Line]:
    for (root,) in rows:
        yield AnchorLine(root=root)


_LINES: Final[Mapping[Kind, Callable[[Sequence[Row], Mapping[bytes, int]], Iterator[Line]]]] = {
    Kind.TRANSFER: _transfers,
    Kind.ISSUE: _issues,
    Kind.RETIRE: _retirements,
    Kind.NET: _net_lines,
    Kind.ANCHOR: _anchors,
}


def _asset(asset: AssetId, settings: EthereumSettings) -> Asset:
    if asset == settings.energy_asset:
        return Asset.ENERGY
    if asset == settings.money_asset:
        return Asset.MONEY
    if asset.chain_id != settings.chain:
        raise WrongNetwork(f"asset {asset} is not on {settings.chain}: name one that is")
    raise Unsupported(
        f"asset {asset} is not settled here: use {settings.energy_asset} or {settings.money_asset}"
    )


def _check_energy(asset: AssetId, settings: EthereumSettings) -> None:
    if _asset(asset, settings) is not Asset.ENERGY:
        raise Unsupported(
            f"asset {asset} is not issued here: only {settings.energy_asset} can be issued and "
            "retired, money comes and goes by deposit and withdrawal"
        )


def _check_units(asset: AssetId, units: int) -> None:
    if not 0 < check_integer(units, "units") <= UNITS_MAX:
        raise InvalidInput(f"units {units} of {asset} must be between 1 and {UNITS_MAX}")
