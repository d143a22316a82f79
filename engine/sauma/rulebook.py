"""The rulebook: the contract in force, as data with a hash.

Two engines with the same rulebook and the same inputs settle the same, to the unit.  A version, once
used, never changes: whoever replays in ten years uses the version that was in force.
"""

from __future__ import annotations

import enum
import re
import tomllib
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import attrs

from sauma.errors import InvalidInput, RulebookViolation
from sauma.identifiers import canonical_json, check_name, content_id
from sauma.intervals import Interval, check_minutes, find_zone
from sauma.units import BASIS_POINTS, check_integer, check_price, format_scaled, parse_decimal

DEADLINE_MINUTES_MAX: Final = 60 * 24 * 31
"""A month: readings that come later are corrections."""
CORRECTION_DAYS_MAX: Final = 3 * 366
"""Three years, the longest for which a market is known to correct what was metered."""


class Delivery(enum.Enum):
    """Whose wallet the energy leaves."""

    PRODUCER_WALLETS = "producer_wallets"
    """Issued to the producer, who sends it on, through a signer that the producer entrusted."""
    ISSUER_DIRECT = "issuer_direct"
    """Issued straight to the buyer, naming the producer."""


class Netting(enum.Enum):
    """How many movements remain of many trades."""

    NONE = "none"
    PER_PAIR = "per_pair"
    MULTILATERAL = "multilateral"


class NettingPeriod(enum.Enum):
    """Over how long trades are netted; days and months are local."""

    INTERVAL = "interval"
    DAY = "day"
    MONTH = "month"


class Anchoring(enum.Enum):
    """How often a Merkle root over the bills goes to the chain; days and months are local."""

    NONE = "none"
    INTERVAL = "interval"
    DAY = "day"
    MONTH = "month"


@attrs.frozen(kw_only=True)
class Supplier:
    """The supplier of last resort: sells what a buyer still needs, buys what a producer has left."""

    name: str
    sells_at_micro: int
    buys_at_micro: int

    def __attrs_post_init__(self) -> None:
        """Refuse prices at which one could buy and sell in a circle."""
        check_name(self.name, "supplier")
        check_price(self.sells_at_micro, "supplier sells_at")
        check_price(self.buys_at_micro, "supplier buys_at")
        if self.buys_at_micro > self.sells_at_micro:
            raise InvalidInput(
                f"supplier {self.name} buys at {self.buys_at_micro} and sells at "
                f"{self.sells_at_micro} micro-units per kWh: buying must not be dearer"
            )


@attrs.frozen(kw_only=True)
class Rulebook:
    """How a neighbourhood trades: prices in micro-units per kWh, shares in basis points.

    The three shares divide what the buyer pays and add up to 10,000.  The producer gets the majority
    unless `producer_minority` says otherwise on purpose.
    """

    name: str
    version: int
    supplier: Supplier
    currency: str = "EUR"
    zone: str = "Europe/Helsinki"
    interval_minutes: int = 15
    reading_deadline_minutes: int = 360
    """How long after its end an interval waits for readings that are still missing; then it closes."""
    correction_window_days: int = 62
    """How long after its end an interval can be corrected by readings that come late; 0 for never.

    Two months: who finds an error in a month's bill while it is to be paid is in time.
    """
    correction_period: NettingPeriod = NettingPeriod.DAY
    """Over how long corrections are collected: they are settled together at its end."""
    mechanism: str = "equal_shares"
    producer_bps: int = 8_000
    grid_bps: int = 1_500
    operator_bps: int = 500
    producer_minority: bool = False
    price_cap_micro: int = 500_000
    price_floor_micro: int = 0
    own_use_first: bool = True
    """A participant's own export in an interval meets its own import before anything is offered."""
    delivery: Delivery = Delivery.PRODUCER_WALLETS
    netting: Netting = Netting.NONE
    netting_period: NettingPeriod = NettingPeriod.INTERVAL
    anchor: Anchoring = Anchoring.NONE
    """At least as long as the netting period: a bill that is not made cannot be anchored."""

    def __attrs_post_init__(self) -> None:
        """Refuse a rulebook that contradicts itself."""
        check_name(self.name, "rulebook")
        check_name(self.mechanism, "mechanism")
        find_zone(self.zone)
        if check_integer(self.version, "rulebook version") < 1:
            raise InvalidInput(f"rulebook version {self.version} must be 1 or more")
        if not isinstance(self.currency, str) or not _CURRENCY.fullmatch(self.currency):
            raise InvalidInput(f"currency {self.currency!r} is not an ISO 4217 code such as EUR")
        check_minutes(self.interval_minutes, "interval_minutes")
        deadline = check_integer(self.reading_deadline_minutes, "reading_deadline_minutes")
        if not 0 <= deadline <= DEADLINE_MINUTES_MAX:
            raise InvalidInput(
                f"reading_deadline_minutes of {deadline} is not within 0 to {DEADLINE_MINUTES_MAX}"
            )
        self._check_corrections()
        self._check_types()
        self._check_shares()
        check_price(self.price_cap_micro, "price_cap")
        check_price(self.price_floor_micro, "price_floor")
        if self.price_floor_micro > self.price_cap_micro:
            raise InvalidInput(
                f"price_floor {self.price_floor_micro} is above price_cap {self.price_cap_micro}"
            )
        self._check_anchor()

    def _check_corrections(self) -> None:
        days = check_integer(self.correction_window_days, "correction_window_days")
        if not 0 <= days <= CORRECTION_DAYS_MAX:
            raise InvalidInput(
                f"correction_window_days of {days} is not within 0 to {CORRECTION_DAYS_MAX}"
            )
        if days and days * 24 * 60 <= self.reading_deadline_minutes:
            raise InvalidInput(
                f"correction_window_days of {days} is over before reading_deadline_minutes of "
                f"{self.reading_deadline_minutes}: no reading could ever correct anything; make it "
                "longer, or 0 if nothing is to be corrected"
            )

    def _check_anchor(self) -> None:
        if self.anchor is Anchoring.NONE:
            return
        lengths = list(NettingPeriod)
        if lengths.index(NettingPeriod(self.anchor.value)) < lengths.index(self.netting_period):
            raise InvalidInput(
                f"anchor {self.anchor.value!r} is shorter than netting_period "
                f"{self.netting_period.value!r}, at whose end the bills are made: anchor at least so "
                "rarely"
            )

    def _check_types(self) -> None:
        kinds: dict[str, type] = {
            "supplier": Supplier,
            "producer_minority": bool,
            "own_use_first": bool,
            **_CHOICES,
        }
        for name, kind in kinds.items():
            if not isinstance(getattr(self, name), kind):
                raise InvalidInput(
                    f"{name} {getattr(self, name)!r} must be a {kind.__name__}, "
                    f"not a {type(getattr(self, name)).__name__}"
                )

    def _check_shares(self) -> None:
        shares = (self.producer_bps, self.grid_bps, self.operator_bps)
        for share_bps in shares:
            if check_integer(share_bps, "share") < 0:
                raise InvalidInput(f"shares must not be negative: {shares}")
        if sum(shares) != BASIS_POINTS:
            raise InvalidInput(
                f"shares {shares} of producer, grid and operator add up to {sum(shares)} "
                f"basis points, not {BASIS_POINTS}"
            )
        if 2 * self.producer_bps <= BASIS_POINTS and not self.producer_minority:
            raise RulebookViolation(
                f"the producer would get {self.producer_bps} of {BASIS_POINTS} basis points: "
                "give the majority, or set producer_minority = true if that is meant"
            )

    @property
    def rulebook_hash(self) -> bytes:
        """The 32-byte hash of everything the rulebook says."""
        return content_id("rulebook", self.to_facts())

    def to_facts(self) -> dict[str, Any]:
        """Return the rulebook as plain facts: names, integers and truth values.

        What came to rulebooks later is left out where it says nothing, so that an older rulebook keeps
        its hash.
        """
        facts = attrs.asdict(
            self,
            value_serializer=lambda _, __, value: (
                value.value if isinstance(value, enum.Enum) else value
            ),
        )
        for name in _ADDED_LATER:
            if getattr(self, name) == getattr(attrs.fields(Rulebook), name).default:
                del facts[name]
        return facts

    def to_bytes(self) -> bytes:
        """Return the one canonical text that the hash covers and the journal keeps."""
        return canonical_json(self.to_facts())

    @classmethod
    def from_facts(cls, facts: Mapping[str, Any]) -> Rulebook:
        """Return the rulebook that `to_facts` described; unknown keys are refused by name."""
        known = {field.name for field in attrs.fields(cls)}
        unknown = sorted(set(facts) - known)
        if unknown:
            raise InvalidInput(f"rulebook has unknown keys {unknown}: known are {sorted(known)}")
        values = dict(facts)
        values["supplier"] = _supplier(values.get("supplier"))
        for name, choice in _CHOICES.items():
            if name in values:
                values[name] = _choose(choice, name, values[name])
        missing = sorted({"name", "version"} - set(values))
        if missing:
            raise InvalidInput(f"rulebook lacks {missing}: give them")
        return cls(**values)

    @classmethod
    def from_toml(cls, text: str) -> Rulebook:
        """Read a rulebook file; prices are decimal texts in currency units per kWh.

        Keys are the fields, with `price_cap`, `price_floor`, `supplier.sells_at` and
        `supplier.buys_at` in place of the `_micro` ones.
        """
        try:
            facts: dict[str, Any] = tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            raise InvalidInput(f"rulebook is no valid TOML: {error}") from error
        in_micro = sorted(set(facts) & {"price_cap_micro", "price_floor_micro"})
        if in_micro:
            raise InvalidInput(
                f"rulebook file has {in_micro}: give price_cap and price_floor as text in "
                'currency units per kWh, such as "0.5"'
            )
        for name in ("price_cap", "price_floor"):
            if name in facts:
                facts[f"{name}_micro"] = _price(facts.pop(name), name)
        supplier = facts.get("supplier")
        if isinstance(supplier, dict):
            unknown = sorted(set(supplier) - {"name", "sells_at", "buys_at"})
            missing = sorted({"name", "sells_at", "buys_at"} - set(supplier))
            if unknown or missing:
                raise InvalidInput(f"[supplier] lacks {missing} and has unknown {unknown}")
            facts["supplier"] = {
                "name": supplier["name"],
                "sells_at_micro": _price(supplier["sells_at"], "supplier.sells_at"),
                "buys_at_micro": _price(supplier["buys_at"], "supplier.buys_at"),
            }
        return cls.from_facts(facts)

    def check_limit(self, price_micro: int, what: str) -> int:
        """Return a price that the rulebook allows, or raise `RulebookViolation`."""
        check_price(price_micro, what)
        if not self.price_floor_micro <= price_micro <= self.price_cap_micro:
            raise RulebookViolation(
                f"{what} of {format_scaled(price_micro, 6)} {self.currency}/kWh is outside "
                f"{format_scaled(self.price_floor_micro, 6)} to "
                f"{format_scaled(self.price_cap_micro, 6)}, the rulebook's floor and cap"
            )
        return price_micro

    def settlement_period(self, interval: Interval) -> tuple[datetime, datetime]:
        """Return start and end, in UTC, of the netting period in which an interval lies."""
        return self._period(self.netting_period, interval)

    def corrects(self, interval: Interval, arrived: datetime) -> bool:
        """Tell whether a reading that arrived then, after its interval was closed, still corrects it."""
        days = self.correction_window_days
        return days > 0 and arrived <= interval.end + timedelta(days=days)

    def correction_closes(self, arrived: datetime) -> datetime:
        """Return when the correction period ends in which a late reading arrived."""
        within = Interval.containing(arrived, self.interval_minutes)
        return self._period(self.correction_period, within)[1]

    def anchor_period(self, last: Interval) -> tuple[datetime, datetime] | None:
        """Return start and end, in UTC, of the anchor period of what ends with an interval.

        None when this rulebook anchors nothing.
        """
        if self.anchor is Anchoring.NONE:
            return None
        return self._period(NettingPeriod(self.anchor.value), last)

    def _period(self, length: NettingPeriod, interval: Interval) -> tuple[datetime, datetime]:
        if length is NettingPeriod.INTERVAL:
            return interval.start, interval.end
        local = interval.start.astimezone(find_zone(self.zone))
        first = local.replace(hour=0, minute=0, second=0, fold=0)
        if length is NettingPeriod.DAY:
            after = first + timedelta(days=1)
        else:
            first = first.replace(day=1)
            after = (first + timedelta(days=32)).replace(day=1)
        return first.astimezone(UTC), after.astimezone(UTC)


_ADDED_LATER: Final = (
    "anchor",
    "reading_deadline_minutes",
    "correction_window_days",
    "correction_period",
)
_CURRENCY = re.compile(r"[A-Z]{3}")
_CHOICES: Final[Mapping[str, type[enum.Enum]]] = {
    "delivery": Delivery,
    "netting": Netting,
    "netting_period": NettingPeriod,
    "anchor": Anchoring,
    "correction_period": NettingPeriod,
}


def _supplier(facts: object) -> Supplier:
    fields = {field.name for field in attrs.fields(Supplier)}
    if not isinstance(facts, Mapping) or set(facts) != fields:
        raise InvalidInput(
            f"rulebook lacks a [supplier] with just name, sells_at and buys_at: got {facts!r}"
        )
    return Supplier(**facts)


def _price(value: object, name: str) -> int:
    if not isinstance(value, str):
        raise InvalidInput(f'{name} must be a text such as "0.16", got {value!r}')
    return parse_decimal(value, 6, name)


def _choose(choice: type[enum.Enum], name: str, value: object) -> enum.Enum:
    try:
        return choice(value)
    except ValueError as error:
        allowed = [member.value for member in choice]
        raise InvalidInput(f"{name} {value!r} is not one of {allowed}") from error
