"""The body of a settlement: sections of fixed-width lines, written and read; pure.

The layout is the contract's (`contracts/ISaumaLedger.sol`): each section is its kind, how many lines
it has, and the lines, big-endian, to the last byte.  Accounts are the contract's numbers here.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator, Sequence
from functools import lru_cache
from struct import Struct
from struct import error as StructError
from typing import Final, NamedTuple, TypeAlias

import attrs

from sauma.errors import InvalidInput

LINES_MAX: Final = 2**24 - 1
READ_MAX: Final = 16
"""How many settlements that were read are remembered: each is looked at several times in a row."""
HEADER_BYTES: Final = 4
UINT32_MAX: Final = 2**32 - 1
UINT64_MAX: Final = 2**64 - 1
MAGNITUDE_MAX: Final = 2**63 - 1
_SIGN: Final = 1 << 63


class Kind(enum.IntEnum):
    """What a section does; one byte."""

    ISSUE = 1
    TRANSFER = 2
    NET = 3
    RETIRE = 4
    ANCHOR = 5
    CLAIMS = 6


class Asset(enum.IntEnum):
    """What a movement moves; one byte."""

    ENERGY = 0
    MONEY = 1


@attrs.frozen(kw_only=True)
class IssueLine:
    """Energy that comes into being in an account."""

    account: int
    energy_wh: int


@attrs.frozen(kw_only=True)
class TransferLine:
    """Units that one account gives to another."""

    sender: int
    recipient: int
    asset: Asset
    units: int


@attrs.frozen(kw_only=True)
class NetLine:
    """What netting leaves to one account."""

    account: int
    energy_wh: int
    money_units: int


@attrs.frozen(kw_only=True)
class RetireLine:
    """Energy that goes out of being from an account."""

    account: int
    energy_wh: int


@attrs.frozen(kw_only=True)
class AnchorLine:
    """A Merkle root that is put on record."""

    root: bytes


@attrs.frozen(kw_only=True)
class ClaimsLine:
    """Energy and money that a payer sets aside for whoever proves a claim."""

    payer: int
    energy_wh: int
    money_units: int
    deadline: int
    root: bytes


Line: TypeAlias = IssueLine | TransferLine | NetLine | RetireLine | AnchorLine | ClaimsLine

_LINE_BYTES: Final = {
    Kind.ISSUE: 12,
    Kind.TRANSFER: 17,
    Kind.NET: 20,
    Kind.RETIRE: 12,
    Kind.ANCHOR: 32,
    Kind.CLAIMS: 60,
}
_TRANSFER: Final = Struct(">IIBQ")
_ASSETS: Final = {asset.value: asset for asset in Asset}
_KIND_OF: Final[dict[type, Kind]] = {
    IssueLine: Kind.ISSUE,
    TransferLine: Kind.TRANSFER,
    NetLine: Kind.NET,
    RetireLine: Kind.RETIRE,
    AnchorLine: Kind.ANCHOR,
    ClaimsLine: Kind.CLAIMS,
}


@attrs.frozen(kw_only=True)
class Section:
    """Lines of one kind."""

    lines: tuple[Line, ...]

    @property
    def kind(self) -> Kind:
        """What the section does."""
        return _KIND_OF[type(self.lines[0])]


class Movement(NamedTuple):
    """What a line does to one account, by the contract's number of it."""

    account: int
    asset: Asset
    delta_units: int


def write(sections: Sequence[Section]) -> bytes:
    """Return the bytes of sections; raises `InvalidInput` for numbers that do not fit."""
    return b"".join(_write_section(section) for section in sections)


@lru_cache(READ_MAX)
def read(data: bytes) -> tuple[Section, ...]:
    """Return the sections of bytes; raises `InvalidInput` where they are not laid out so."""
    sections: list[Section] = []
    position = 0
    while position < len(data):
        number = len(sections)
        header = data[position : position + HEADER_BYTES]
        kind = _kind(header[:1], number)
        count = int.from_bytes(header[1:], "big")
        size = _LINE_BYTES[kind]
        position += HEADER_BYTES
        end = position + count * size
        if len(header) < HEADER_BYTES or count == 0 or end > len(data):
            raise InvalidInput(f"section {number} of a settlement is cut off or empty")
        sections.append(
            Section(
                lines=tuple(
                    read_line(kind, data[start : start + size])
                    for start in range(position, end, size)
                )
            )
        )
        position = end
    return tuple(sections)


def read_line(kind: Kind, data: bytes) -> Line:
    """Return the line of a kind that exactly these bytes hold."""
    if kind is Kind.TRANSFER:
        return _read_transfer(data)
    account, units = int.from_bytes(data[:4], "big"), int.from_bytes(data[4:12], "big")
    match kind:
        case Kind.ISSUE:
            return IssueLine(account=account, energy_wh=units)
        case Kind.RETIRE:
            return RetireLine(account=account, energy_wh=units)
        case Kind.NET:
            return NetLine(
                account=account,
                energy_wh=read_signed(data[4:12]),
                money_units=read_signed(data[12:]),
            )
        case Kind.ANCHOR:
            return AnchorLine(root=data)
        case Kind.CLAIMS:
            return ClaimsLine(
                payer=account,
                energy_wh=units,
                money_units=int.from_bytes(data[12:20], "big"),
                deadline=int.from_bytes(data[20:28], "big"),
                root=data[28:],
            )


def _read_transfer(data: bytes) -> TransferLine:
    sender, recipient, number, units = _TRANSFER.unpack(data)
    asset = _ASSETS.get(number)
    if asset is None:
        raise InvalidInput(f"a transfer moves asset {number}, which is neither 0 nor 1")
    return TransferLine(sender=sender, recipient=recipient, asset=asset, units=units)


def read_signed(data: bytes) -> int:
    """Return a number written as sign (1 bit, 1 is minus) and magnitude (63 bits)."""
    number = int.from_bytes(data, "big")
    if number == _SIGN:
        raise InvalidInput("minus zero is no movement")
    return -(number ^ _SIGN) if number & _SIGN else number


def movements_of(sections: Sequence[Section]) -> Iterator[Movement]:
    """Yield what sections do to accounts, in order; a movement of nothing is left out."""
    for section in sections:
        for line in section.lines:
            if isinstance(line, TransferLine):  # nearly all of a city's are
                if line.units:
                    yield Movement(line.sender, line.asset, -line.units)
                    yield Movement(line.recipient, line.asset, line.units)
                continue
            for movement in _movements(line):
                if movement.delta_units:
                    yield movement


def accounts_of(sections: Sequence[Section]) -> list[int]:
    """Return the accounts that sections name, each once, in ascending order."""
    named: set[int] = set()
    for section in sections:
        for line in section.lines:
            match line:
                case IssueLine() | RetireLine() | NetLine():
                    named.add(line.account)
                case TransferLine():
                    named |= {line.sender, line.recipient}
                case ClaimsLine():
                    named.add(line.payer)
    return sorted(named)


def _movements(line: Line) -> tuple[Movement, ...]:
    match line:
        case IssueLine(account=account, energy_wh=units):
            return (Movement(account=account, asset=Asset.ENERGY, delta_units=units),)
        case RetireLine(account=account, energy_wh=units):
            return (Movement(account=account, asset=Asset.ENERGY, delta_units=-units),)
        case NetLine(account=account, energy_wh=energy_wh, money_units=money_units):
            return (
                Movement(account=account, asset=Asset.ENERGY, delta_units=energy_wh),
                Movement(account=account, asset=Asset.MONEY, delta_units=money_units),
            )
        case ClaimsLine(payer=payer, energy_wh=energy_wh, money_units=money_units):
            return (
                Movement(account=payer, asset=Asset.ENERGY, delta_units=-energy_wh),
                Movement(account=payer, asset=Asset.MONEY, delta_units=-money_units),
            )
        case TransferLine() | AnchorLine():
            return ()


def _write_section(section: Section) -> bytes:
    if not 1 <= len(section.lines) <= LINES_MAX:
        raise InvalidInput(f"a section has {len(section.lines)} lines: 1 to {LINES_MAX} fit")
    lines = b"".join(map(_write_line, section.lines))
    return bytes((section.kind,)) + len(section.lines).to_bytes(3, "big") + lines


def _write_line(line: Line) -> bytes:
    if isinstance(line, TransferLine):  # nearly all of a city's are
        return _transfer(line)
    match line:
        case IssueLine() | RetireLine():
            return _account(line.account) + _units(line.energy_wh)
        case NetLine():
            return _account(line.account) + _signed(line.energy_wh) + _signed(line.money_units)
        case AnchorLine():
            return _root(line.root)
        case ClaimsLine():
            return (
                _account(line.payer)
                + _units(line.energy_wh)
                + _units(line.money_units)
                + _units(line.deadline)
                + _root(line.root)
            )


def _transfer(line: TransferLine) -> bytes:
    if line.sender > 0 < line.recipient:
        try:
            return _TRANSFER.pack(line.sender, line.recipient, line.asset, line.units)
        except StructError:
            pass  # which number does not fit is said below
    parts = (_account(line.sender), _account(line.recipient), bytes((line.asset,)))
    return b"".join(parts) + _units(line.units)


def _account(number: int) -> bytes:
    if not 0 < number <= UINT32_MAX:
        raise InvalidInput(f"account number {number} must be between 1 and {UINT32_MAX}")
    return number.to_bytes(4, "big")


def _units(units: int) -> bytes:
    if not 0 <= units <= UINT64_MAX:
        raise InvalidInput(f"{units} units do not fit 64 bits")
    return units.to_bytes(8, "big")


def _signed(units: int) -> bytes:
    if abs(units) > MAGNITUDE_MAX:
        raise InvalidInput(f"{units} units do not fit 63 bits and a sign")
    return (abs(units) | (_SIGN if units < 0 else 0)).to_bytes(8, "big")


def _root(root: bytes) -> bytes:
    if len(root) != 32:
        raise InvalidInput(f"root {root.hex()} must have 32 bytes")
    return root


def _kind(data: bytes, number: int) -> Kind:
    try:
        return Kind(data[0])
    except (ValueError, IndexError):
        raise InvalidInput(f"section {number} of a settlement is of no known kind") from None
