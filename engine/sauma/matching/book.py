"""The book: all offers of one area and interval as NumPy columns, in canonical order."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import Any, Final, TypeAlias

import attrs
import numpy as np
from numpy.typing import ArrayLike, NDArray

from sauma.errors import Conflict, InvalidInput
from sauma.identifiers import ID_BYTES, canonical_json, check_name
from sauma.intervals import Interval
from sauma.offers import Offer, Side, each_once
from sauma.units import ENERGY_WH_MAX, PRICE_MICRO_MAX

BOOK_ROWS_MAX: Final = 2**31 - 1
BOOK_ENERGY_WH_MAX: Final = 2**62
"""The most energy that all offers of one side of a book may add up to: every sum fits 64 bits."""

Int64Column: TypeAlias = NDArray[np.int64]


@attrs.frozen(kw_only=True, eq=False)
class Book:
    """All offers of one area and interval as columns, one row an offer, in the order of their ids.

    ============== ===================== ==============================================
    `side`         int8 (n,)             0 bid, 1 ask (`Side`)
    `participant`  int32 (n,)            index into `participants`, which is sorted
    `energy_wh`    int64 (n,)            1 to `ENERGY_WH_MAX`
    `limit_micro`  int64 (n,)            micro-units per kWh, within ±`PRICE_MICRO_MAX`
    `offer_ids`    uint8 (n, 32)         ascending, each once
    ============== ===================== ==============================================

    Build it with `from_offers` or `from_columns`, which check, sort and freeze the columns: the
    same offers give the same book in whatever order they came.
    """

    area: str
    interval: Interval
    participants: tuple[str, ...]
    side: NDArray[np.int8]
    participant: NDArray[np.int32]
    energy_wh: Int64Column
    limit_micro: Int64Column
    offer_ids: NDArray[np.uint8]

    @classmethod
    def from_offers(cls, area: str, interval: Interval, offers: Iterable[Offer]) -> Book:
        """Build the book of these offers; the same offer twice counts once.

        Raises `InvalidInput` for an offer of another area or interval, `Conflict` for one key with
        two contents.
        """
        rows = each_once(offers, "offer_id")
        for offer in rows.values():
            if offer.area != area or offer.interval != interval:
                raise InvalidInput(
                    f"offer {offer.key!r} of {offer.participant} is for {offer.area} at "
                    f"{offer.interval}, not for {area} at {interval}: put it into its own book"
                )
        participants = sorted({offer.participant for offer in rows.values()})
        index = {name: position for position, name in enumerate(participants)}
        values = list(rows.values())
        return cls.from_columns(
            area,
            interval,
            participants,
            side=[offer.side for offer in values],
            participant=[index[offer.participant] for offer in values],
            energy_wh=[offer.energy_wh for offer in values],
            limit_micro=[offer.limit_micro for offer in values],
            offer_ids=np.frombuffer(b"".join(rows), dtype=np.uint8).reshape(-1, ID_BYTES),
        )

    @classmethod
    def from_columns(
        cls,
        area: str,
        interval: Interval,
        participants: Sequence[str],
        *,
        side: ArrayLike,
        participant: ArrayLike,
        energy_wh: ArrayLike,
        limit_micro: ArrayLike,
        offer_ids: ArrayLike,
    ) -> Book:
        """Build a book from columns in any order: they are copied, checked, sorted and frozen.

        A row that repeats an id with the same contents is left out; with other contents it is a
        `Conflict`.  Raises `InvalidInput` for values out of bounds, floats, columns of different
        lengths, and energies that add up beyond `BOOK_ENERGY_WH_MAX` on a side.
        """
        check_name(area, "area")
        columns = {
            "side": _whole_column(side, "side", Side.BID, Side.ASK),
            "participant": _whole_column(participant, "participant", 0, len(participants) - 1),
            "energy_wh": _whole_column(energy_wh, "energy_wh", 1, ENERGY_WH_MAX),
            "limit_micro": _whole_column(
                limit_micro, "limit_micro", -PRICE_MICRO_MAX, PRICE_MICRO_MAX
            ),
        }
        ids = _id_column(offer_ids)
        if {len(column) for column in columns.values()} != {len(ids)} or len(ids) > BOOK_ROWS_MAX:
            lengths = {name: len(column) for name, column in columns.items()}
            raise InvalidInput(f"columns differ in length: {lengths}, {len(ids)} offer ids")
        order = _order_of_ids(ids)
        ids = ids[order]
        columns = {name: column[order] for name, column in columns.items()}
        first = _first_of_each(ids, columns)
        if not first.all():
            ids = ids[first]
            columns = {name: column[first] for name, column in columns.items()}
        for one_side in Side:
            _check_sum(columns["energy_wh"][columns["side"] == one_side], one_side)
        names, numbers = _names_in_use(participants, columns["participant"])
        return cls(
            area=area,
            interval=interval,
            participants=names,
            side=_freeze(columns["side"].astype(np.int8)),
            participant=_freeze(numbers),
            energy_wh=_freeze(columns["energy_wh"]),
            limit_micro=_freeze(columns["limit_micro"]),
            offer_ids=_freeze(ids),
        )

    def __len__(self) -> int:
        """The number of offers."""
        return len(self.side)

    @cached_property
    def bid_rows(self) -> Int64Column:
        """The rows that buy."""
        return np.flatnonzero(self.side == Side.BID)

    @cached_property
    def ask_rows(self) -> Int64Column:
        """The rows that sell."""
        return np.flatnonzero(self.side == Side.ASK)

    def offer_id(self, row: int) -> bytes:
        """The id of the offer in a row."""
        return bytes(self.offer_ids[row])

    @cached_property
    def book_id(self) -> bytes:
        """The id of the whole book: a hash of area, interval, names and every column."""
        names: list[str] = list(self.participants)
        head = canonical_json(
            [self.area, self.interval.start_unix, self.interval.minutes, names, len(self)]
        )
        digest = hashlib.sha256(b"sauma:book:" + head)
        for column, kind in (
            (self.side, "<i1"),
            (self.participant, "<i4"),
            (self.energy_wh, "<i8"),
            (self.limit_micro, "<i8"),
            (self.offer_ids, "<u1"),
        ):
            digest.update(np.ascontiguousarray(column, dtype=kind).tobytes())
        return digest.digest()


def _whole_column(values: ArrayLike, name: str, lowest: int, highest: int) -> Int64Column:
    column = np.asarray(values)
    if column.size == 0:
        return np.zeros(0, dtype=np.int64)
    if column.ndim != 1 or column.dtype.kind not in "iu":
        raise InvalidInput(
            f"column {name} is {column.dtype} in {column.ndim} dimensions: give one row of integers"
        )
    bad = (column < lowest) | (column > highest)
    if bad.any():
        raise InvalidInput(
            f"{name} is {column[bad][0]} in row {np.flatnonzero(bad)[0]}: "
            f"it must be between {lowest} and {highest}"
        )
    return column.astype(np.int64)


def _id_column(offer_ids: ArrayLike) -> NDArray[np.uint8]:
    ids = np.asarray(offer_ids)
    if ids.size == 0:
        return np.zeros((0, ID_BYTES), dtype=np.uint8)
    if ids.dtype != np.uint8 or ids.size % ID_BYTES:
        raise InvalidInput(
            f"column offer_ids is {ids.dtype} of shape {ids.shape}: give uint8, {ID_BYTES} a row"
        )
    return np.ascontiguousarray(ids).reshape(-1, ID_BYTES)


def _order_of_ids(ids: NDArray[np.uint8]) -> NDArray[np.intp]:
    """Return the rows in ascending order of their ids as bytes."""
    words = ids.view(">u8").astype(np.uint64)
    order = np.argsort(words[:, 0], kind="stable")
    first_word = words[order, 0]
    if (first_word[1:] == first_word[:-1]).any():
        order = np.lexsort((words[:, 3], words[:, 2], words[:, 1], words[:, 0]))
    return order


def _first_of_each(ids: NDArray[np.uint8], columns: Mapping[str, Int64Column]) -> NDArray[np.bool_]:
    """Mark the rows that start a new id; rows that repeat one must repeat its contents too."""
    first = np.ones(len(ids), dtype=np.bool_)
    first[1:] = (ids[1:] != ids[:-1]).any(axis=1)
    for name, column in columns.items():
        differs = ~first[1:] & (column[1:] != column[:-1])
        if differs.any():
            row = int(np.flatnonzero(differs)[0])
            raise Conflict(
                f"offer {ids[row].tobytes().hex()} came with {name} {column[row]} and "
                f"{column[row + 1]}: give the second another key"
            )
    return first


def _check_sum(energy_wh: Int64Column, side: Side) -> None:
    # No row is above 1e9, so this many rows cannot reach the bound: skip the slow exact sum.
    if len(energy_wh) <= BOOK_ENERGY_WH_MAX // ENERGY_WH_MAX:
        return
    total_wh = sum(energy_wh.tolist())
    if total_wh > BOOK_ENERGY_WH_MAX:
        raise InvalidInput(
            f"the {side.name.lower()}s of the book add up to {total_wh} Wh, more than "
            f"{BOOK_ENERGY_WH_MAX}: split the area"
        )


def _names_in_use(
    participants: Sequence[str], numbers: Int64Column
) -> tuple[tuple[str, ...], NDArray[np.int32]]:
    """Return the names that the rows use, sorted, and the rows' numbers in that order."""
    is_used = np.zeros(len(participants), dtype=np.bool_)
    is_used[numbers] = True
    used = np.flatnonzero(is_used).tolist()
    names = sorted(check_name(participants[number]) for number in used)
    if len(set(names)) != len(names):
        raise InvalidInput("a participant is named twice: give each one number")
    position = {name: index for index, name in enumerate(names)}
    renumbered = np.zeros(len(participants), dtype=np.int32)
    for number in used:
        renumbered[number] = position[participants[number]]
    return tuple(names), renumbered[numbers]


def _freeze(column: NDArray[Any]) -> NDArray[Any]:
    column.flags.writeable = False
    return column
