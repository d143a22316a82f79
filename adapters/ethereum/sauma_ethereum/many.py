"""Many sessions in one call of the escrow, both ways, and what it moves; pure.

Sessions that are authorised together, authorised and started together, or closed together, and whose
terms differ in payer, meter, deadlines and key only, share what is the same: a line has the rest.  The
line of a close says what is held, so that its bytes say what moves to somebody who has no node.
"""

from __future__ import annotations

import enum
from collections.abc import Sequence
from typing import Any, Final

import attrs

from sauma.chain import Effect
from sauma.errors import InvalidInput

from .ledger import NEVER, answer, encode, selector
from .sessions import TERMS_TYPE, Moved, effects_by_terms, parties_of
from .settings import EthereumSettings

_MANY_TYPES: Final = ("uint32", "bytes32", "uint64", f"{TERMS_TYPE}[]", "bytes", "bytes")
_OPEN_TYPES: Final = (*_MANY_TYPES, "bool")
AUTHORISE_MANY: Final = f"authoriseMany({','.join(_OPEN_TYPES)})"
CLOSE_MANY: Final = f"closeMany({','.join(_MANY_TYPES)})"
SIGNATURE_BYTES: Final = 64
SHARED_MAX: Final = 256
"""How many different terms, apart from what a line has of its own, a call shares."""
_SELECTOR_BYTES: Final = 4
_PAYER, _METER, _FEE_BPS = 1, 5, 11
_STARTS, _ENDS, _KEY = 13, 14, 21
_OWN: Final = (_PAYER, _METER, _STARTS, _ENDS, _KEY)
_OWN_BYTES: Final = 83
_BASIS_POINTS: Final = 10_000


class Many(enum.Enum):
    """What is done with many sessions: the widths of a line's own numbers, and signatures a line."""

    AUTHORISE = ((8, 5, 5, 5), 1)
    START = ((8, 5, 5, 5), 2)
    RECEIPT = ((8, 4, 5, 8), 1)
    CLOSE = ((8, 4, 5, 8), 2)

    @property
    def widths(self) -> tuple[int, ...]:
        """How many bytes each number of a line has."""
        return self.value[0]

    @property
    def signatures(self) -> int:
        """How many signatures a line has."""
        return self.value[1]

    @property
    def opens(self) -> bool:
        """Whether it authorises."""
        return self in (Many.AUTHORISE, Many.START)


@attrs.frozen(kw_only=True)
class ManyLine:
    """One session: its terms as words, its numbers in the order of the line, its signatures."""

    terms: tuple[Any, ...]
    numbers: tuple[int, ...]
    """Held units, then valid until, register and time; or sequence, register and amount."""
    signatures: tuple[bytes, ...]

    def moved(self, many: Many) -> Moved:
        """Return what the session moves."""
        held = self.numbers[0]
        if many.opens:
            return Moved(locked_units=held)
        amount = self.numbers[3]
        fee = amount * self.terms[_FEE_BPS] // _BASIS_POINTS
        return Moved(payee_units=amount - fee, operator_units=fee, payer_units=held - amount)


@attrs.frozen(kw_only=True)
class ManyCall:
    """A call of `authoriseMany` or `closeMany`."""

    area: int
    reference: bytes
    many: Many
    lines: tuple[ManyLine, ...]

    def calldata(self) -> bytes:
        """Return the bytes of the call."""
        shared: dict[tuple[Any, ...], int] = {}
        lines = b"".join(
            bytes((shared.setdefault(_shared(line.terms), len(shared)),)) + self._own(line)
            for line in self.lines
        )
        given = [
            self.area,
            self.reference,
            NEVER,
            [_filled(each) for each in shared],
            lines,
            b"".join(signature for line in self.lines for signature in line.signatures),
        ]
        if self.many.opens:
            starts = self.many is Many.START
            return selector(AUTHORISE_MANY) + encode(_OPEN_TYPES, *given, starts)
        return selector(CLOSE_MANY) + encode(_MANY_TYPES, *given)

    def owners(self) -> tuple[bytes, ...]:
        """Return whose accounts it needs."""
        return tuple(dict.fromkeys(each for line in self.lines for each in parties_of(line.terms)))

    def effects(self, settings: EthereumSettings) -> tuple[Effect, ...]:
        """Return what it moves, session by session."""
        return tuple(
            effect
            for line in self.lines
            for effect in effects_by_terms(line.terms, line.moved(self.many), settings)
        )

    def _own(self, line: ManyLine) -> bytes:
        terms = line.terms
        numbers = zip(line.numbers, self.many.widths, strict=True)
        return b"".join(
            (
                *(bytes.fromhex(terms[place][2:]) for place in (_PAYER, _METER)),
                *(terms[place].to_bytes(5, "big") for place in (_STARTS, _ENDS)),
                terms[_KEY],
                *(number.to_bytes(width, "big") for number, width in numbers),
            )
        )


def shared_terms(lines: Sequence[ManyLine]) -> int:
    """Return how many different terms lines have, apart from what each has of its own."""
    return len({_shared(line.terms) for line in lines})


def parse_many(calldata: bytes) -> ManyCall:
    """Return the call that bytes are, in canonical form only; raises `InvalidInput`."""
    opens = calldata[:_SELECTOR_BYTES] == selector(AUTHORISE_MANY)
    types = _OPEN_TYPES if opens else _MANY_TYPES
    area, reference, _, shared, lines, signatures, *starts = answer(
        types, calldata[_SELECTOR_BYTES:]
    )
    line_bytes = _OWN_BYTES + sum((Many.AUTHORISE if opens else Many.CLOSE).widths)
    count = len(lines) // line_bytes
    each = len(signatures) // SIGNATURE_BYTES // count if count else 0
    if opens:
        many = Many.START if starts[0] else Many.AUTHORISE
    else:
        many = Many.RECEIPT if each == 1 else Many.CLOSE
    parsed = ManyCall(
        area=area,
        reference=reference,
        many=many,
        lines=tuple(
            _line(
                many,
                shared,
                lines[place * line_bytes : (place + 1) * line_bytes],
                signatures[place * each * SIGNATURE_BYTES :],
            )
            for place in range(count)
        ),
    )
    if not count or parsed.calldata() != calldata:
        raise InvalidInput("a call about many sessions must be canonical")
    return parsed


def _line(
    many: Many, shared: Sequence[tuple[Any, ...]], line: bytes, signatures: bytes
) -> ManyLine:
    if line[0] >= len(shared):
        raise InvalidInput("a line names terms that the call does not have")
    words = list(shared[line[0]])
    words[_PAYER], words[_METER] = ("0x" + line[start : start + 20].hex() for start in (1, 21))
    words[_STARTS], words[_ENDS] = (
        int.from_bytes(line[start : start + 5], "big") for start in (41, 46)
    )
    words[_KEY] = line[51:83]
    numbers, place = [], _OWN_BYTES
    for width in many.widths:
        numbers.append(int.from_bytes(line[place : place + width], "big"))
        place += width
    return ManyLine(
        terms=tuple(words),
        numbers=tuple(numbers),
        signatures=tuple(
            signatures[start * SIGNATURE_BYTES : (start + 1) * SIGNATURE_BYTES]
            for start in range(many.signatures)
        ),
    )


def _shared(terms: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return terms without what a line has of its own."""
    return tuple(None if place in _OWN else word for place, word in enumerate(terms))


def _filled(shared: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return shared terms as the contract takes them: with zeros where each line has its own."""
    zero = {_PAYER: _NOBODY, _METER: _NOBODY, _STARTS: 0, _ENDS: 0, _KEY: bytes(32)}
    return tuple(zero.get(place, word) for place, word in enumerate(shared))


_NOBODY: Final = "0x" + "00" * 20
