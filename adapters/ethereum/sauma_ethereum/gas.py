"""How much gas a transaction may need at most, computed before anything is asked or signed; pure.

The bounds were measured on the compiled contract, for accounts whose slots were all empty and cold,
and rounded up; a test holds them against an EVM.  Gas that is not used costs nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from .operations import Kind, Line, NetLine, Section

INTRINSIC: Final = 21_000
CREATION: Final = 32_000
ZERO_BYTE: Final = 4
OTHER_BYTE: Final = 16
FLOOR_PER_TOKEN: Final = 10
"""EIP-7623: calldata alone costs so much for a zero byte, and four times as much for another."""

SETTLE: Final = 65_000
"""What every batch pays: roles, head, the new slot of its reference, and the event."""
EVENT_BYTE: Final = 10
"""Of operations, in the event and in memory."""
TABLE_BYTE: Final = 1
"""Of the owners' table: it is hashed."""
STEP: Final = 260_000
"""Of any step of a session: two slots of its own, four accounts, two calls of the ledger, three events."""
STATEMENT: Final = 30_000
"""Of a statement: a key's signature, and what a contract's word may cost besides."""
MANY: Final = 220_000
"""What every call about many sessions pays: the slot of its reference, payee and operator, two events."""
MANY_LINE: Final = 56_000
"""Of a session in it: a slot of its own, and its payer's."""
KEY_SIGNATURE: Final = 6_000
STAND: Final = 300_000
"""Of any action on a standing authorisation: five slots of its own, one account, a call of the ledger."""
LISTED: Final = 9_000
"""Of each whom one may pay, when it is authorised: its account is looked up, and listed."""
CHARGE: Final = 120_000
"""What every charge pays: roles, head, the new slot of its reference, two calls, and the events."""
CHARGED: Final = 6_000
"""Of an authorisation that is charged: a slot of which something is left."""
MICRO_SESSION: Final = 300
CREDITED: Final = 26_000
"""Of an account that is paid: an empty slot, at most."""
REGISTRATION: Final = 50_500
REGISTRATIONS: Final = 40_000
"""Of one account in `registerMany`: three slots and an event."""
DEBIT: Final = 8_000
"""Of a net line that only takes: what it takes from is no empty slot."""
OF_LINE: Final = {
    Kind.ISSUE: 24_500,
    Kind.TRANSFER: 30_500,
    Kind.NET: 24_500,
    Kind.RETIRE: 8_000,
    Kind.ANCHOR: 1_000,
    Kind.CLAIMS: 80_000,
}


def calldata_gas(data: bytes) -> int:
    """Return what calldata costs besides what is done with it."""
    zeros = data.count(0)
    return ZERO_BYTE * zeros + OTHER_BYTE * (len(data) - zeros)


def floor_gas(data: bytes) -> int:
    """Return the least that a transaction with this calldata costs (EIP-7623)."""
    zeros = data.count(0)
    return INTRINSIC + FLOOR_PER_TOKEN * (zeros + 4 * (len(data) - zeros))


def payment_gas(data: bytes) -> int:
    """Return what a payment in ether to an account without code costs."""
    return max(INTRINSIC + calldata_gas(data), floor_gas(data))


def settle_gas(calldata: bytes, sections: Sequence[Section], owners: int) -> int:
    """Return the most that a call of `settle` can cost."""
    lines = sum(_section_gas(section) for section in sections)
    bytes_gas = EVENT_BYTE * len(calldata) + TABLE_BYTE * 20 * owners
    needed = INTRINSIC + calldata_gas(calldata) + SETTLE + bytes_gas + lines
    return max(needed, floor_gas(calldata))


def step_gas(calldata: bytes, statements: int) -> int:
    """Return the most that a step of a session can cost."""
    needed = INTRINSIC + calldata_gas(calldata) + STEP + STATEMENT * statements
    return max(needed, floor_gas(calldata))


def _section_gas(section: Section) -> int:
    if section.kind is not Kind.NET:
        return OF_LINE[section.kind] * len(section.lines)
    return sum(DEBIT if _only_takes(line) else OF_LINE[Kind.NET] for line in section.lines)


def _only_takes(line: Line) -> bool:
    return isinstance(line, NetLine) and line.energy_wh <= 0 and line.money_units <= 0


def many_gas(calldata: bytes, sessions: int, signatures: int) -> int:
    """Return the most that a call about many sessions can cost, each with so many signatures."""
    each = MANY_LINE + KEY_SIGNATURE * signatures
    needed = INTRINSIC + calldata_gas(calldata) + MANY + each * sessions
    return max(needed, floor_gas(calldata))


def stand_gas(calldata: bytes, payees: int) -> int:
    """Return the most that an action on a standing authorisation can cost."""
    needed = INTRINSIC + calldata_gas(calldata) + STAND + STATEMENT + LISTED * payees
    return max(needed, floor_gas(calldata))


def charge_gas(calldata: bytes, charged: int, micro_sessions: int, credited: int) -> int:
    """Return the most that a charge of standing authorisations can cost."""
    each = CHARGED * charged + MICRO_SESSION * micro_sessions + CREDITED * credited
    needed = INTRINSIC + calldata_gas(calldata) + EVENT_BYTE * len(calldata) + CHARGE + each
    return max(needed, floor_gas(calldata))


def registration_gas(calldata: bytes, owners: int) -> int:
    """Return the most that a call of `registerMany` can cost."""
    needed = INTRINSIC + calldata_gas(calldata) + REGISTRATIONS + REGISTRATION * owners
    return max(needed, floor_gas(calldata))
