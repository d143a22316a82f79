"""What one household sees, read together for pages and API alike."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any, Final

import attrs

from sauma.errors import InvalidInput
from sauma.intervals import Interval, to_unix
from sauma.offers import Quality
from sauma.store import queries
from sauma_portal import taxes
from sauma_portal.accounts import Person, claims, keys, people
from sauma_portal.accounts.claims import Claim
from sauma_portal.acts import joining, metering, pricing
from sauma_portal.acts.pricing import OwnPrices
from sauma_portal.market import bills, checking, income, neighbours, trades
from sauma_portal.market.bills import BillDocument
from sauma_portal.market.day import Day, read_day
from sauma_portal.market.preview import Effect, preview, recorded
from sauma_portal.market.spans import Span, day_of, day_span, month_of, month_span
from sauma_portal.market.verdicts import Verdict
from sauma_portal.messages import NotFound
from sauma_portal.portal import Portal
from sauma_portal.references import YEAR_MAX, YEAR_MIN, BillNumber

PREVIEW_DAYS: Final = 30
CHECKS_MAX: Final = 12
"""How many checks of bills somebody may ask for in a minute."""


@attrs.frozen(kw_only=True)
class Today:
    """The running day of a household, and what is still to be done before it trades."""

    day: date
    now: datetime
    figures: Day
    prices: OwnPrices
    points: tuple[str, ...]
    claims: tuple[Claim, ...]
    has_wallet: bool
    interval_minutes: int
    block_height: int
    """The newest block read; 0 before the first."""

    @property
    def is_ready(self) -> bool:
        """Whether it trades: a metering point, a wallet and a price are there."""
        has_price = self.prices.buy_micro is not None or self.prices.sell_micro is not None
        return bool(self.points) and self.has_wallet and has_price

    @property
    def estimated(self) -> int:
        """How many readings of the day are estimated."""
        return sum(slot.quality is Quality.ESTIMATED for slot in self.figures.slots)

    @property
    def missing(self) -> int:
        """How many readings of the day are missing."""
        return sum(slot.quality is Quality.MISSING for slot in self.figures.slots)


@attrs.frozen(kw_only=True)
class PriceEffect:
    """What the last month gave, and what it would have given with other prices."""

    before: Effect
    after: Effect

    @property
    def difference_nano(self) -> int:
        """How much less would have been owed; below zero it would have been more."""
        return self.before.owed_nano - self.after.owed_nano


def today(portal: Portal, person: Person, day: date | None = None) -> Today:
    """Return a household's running day, or another one."""
    now, zone, rulebook = portal.market_clock.now(), portal.zone, portal.engine.rulebook
    chosen = day or day_of(now, zone)
    with portal.engine.store.reading() as connection:
        figures = read_day(
            connection,
            person.participant,
            person.area,
            day_span(chosen, zone),
            rulebook=rulebook,
        )
        state = queries.chain_state(connection, portal.engine.venue.chain_id)
    with portal.accounts.reading() as connection:
        claimed = claims.of_person(connection, person.person_id)
    return Today(
        day=chosen,
        now=now,
        figures=figures,
        prices=pricing.own_prices(portal, person),
        points=tuple(metering.points_of(portal, person)),
        claims=tuple(claimed),
        has_wallet=joining.account_of(portal, person) is not None,
        interval_minutes=rulebook.interval_minutes,
        block_height=state.scanned_height,
    )


def effect(portal: Portal, person: Person, prices: tuple[int | None, int | None]) -> PriceEffect:
    """Return what the last thirty days would have been with other prices, beside what they were."""
    now = portal.market_clock.now()
    span = Span(start=to_unix(now - timedelta(days=PREVIEW_DAYS)), end=to_unix(now))
    with portal.engine.store.reading() as connection:
        before = recorded(connection, participant=person.participant, area=person.area, span=span)
        after = preview(
            connection,
            portal.engine.rulebook,
            participant=person.participant,
            area=person.area,
            span=span,
            prices=prices,
        )
    return PriceEffect(before=before, after=after)


def without_vat(portal: Portal, price_micro: int, *, producer_taxed: bool) -> int:
    """Return a price less the VAT in the shares that bear it, at today's rate."""
    rulebook = portal.engine.rulebook
    taxed_bps = rulebook.grid_bps + rulebook.operator_bps
    if producer_taxed:
        taxed_bps += rulebook.producer_bps
    day = day_of(portal.market_clock.now(), portal.zone)
    table = taxes.VAT_TABLES.get(portal.zone, taxes.VAT_ELECTRICITY_FI)
    return taxes.price_without_vat(price_micro, taxed_bps, taxes.vat_rate(day, table).basis_points)


def aliases(portal: Portal) -> Mapping[str, str]:
    """Return what neighbours may call each other; those who hide are left out."""
    with portal.accounts.reading() as connection:
        everybody = people.everybody(connection)
    names = {one.participant: one.display_name for one in everybody if not one.hidden}
    supplier = portal.engine.rulebook.supplier.name
    return {**names, supplier: supplier}


def neighbourhood(portal: Portal, person: Person) -> neighbours.Neighbourhood:
    """Return who is around, and what all of them traded on the running day."""
    span = day_span(day_of(portal.market_clock.now(), portal.zone), portal.zone)
    with portal.accounts.reading() as connection:
        everybody = people.everybody(connection)
    with portal.engine.store.reading() as connection:
        return neighbours.read_neighbourhood(connection, everybody, person.area, span)


def own_trades(portal: Portal, person: Person, page: int) -> tuple[list[trades.OwnTrade], int]:
    """Return a page of trades, newest first, and how many pages there are."""
    with portal.engine.store.reading() as connection:
        count = trades.count_trades(connection, person.participant, person.area)
        pages = max(1, -(-count // trades.PAGE))
        if not 1 <= page <= pages:
            raise NotFound(f"there is no page {page} of {pages}")
        found = trades.read_trades(
            connection, person.participant, person.area, skip=(page - 1) * trades.PAGE
        )
    return found, pages


def bill_terms(portal: Portal) -> bills.Terms:
    """Return what of the portal shapes bills."""
    rulebook, settings = portal.engine.rulebook, portal.settings
    with portal.accounts.reading() as connection:
        registered = {one.participant for one in people.everybody(connection) if one.vat_registered}
    return bills.Terms(
        zone=rulebook.zone,
        retail_micro=(
            rulebook.supplier.sells_at_micro
            if settings.retail_micro is None
            else settings.retail_micro
        ),
        supplier_buys_micro=rulebook.supplier.buys_at_micro,
        due_days=settings.due_days,
        now=to_unix(portal.market_clock.now()),
        vat_registered=frozenset(registered),
    )


def own_bills(portal: Portal, person: Person) -> list[BillDocument]:
    """Return somebody's bills, newest first."""
    terms = bill_terms(portal)
    with portal.engine.store.reading() as connection:
        months = bills.billed_months(connection, person.participant, person.area, terms.zone)
        return bills.read_bills(
            connection,
            participant=person.participant,
            area=person.area,
            numbers=[
                BillNumber(month=month, customer_number=person.customer_number) for month in months
            ],
            terms=terms,
        )


def own_bill(portal: Portal, person: Person, number: str) -> BillDocument:
    """Return a bill by its number; raises `NotFound` for one that is not there or not theirs.

    Whether somebody else has a bill of that number is not said.
    """
    try:
        wanted = BillNumber.parse(number)
    except InvalidInput as error:
        raise NotFound(str(error)) from error
    if wanted.customer_number != person.customer_number:
        raise NotFound(f"there is no bill {number}")
    terms = bill_terms(portal)
    with portal.engine.store.reading() as connection:
        bill = bills.read_bill(
            connection,
            participant=person.participant,
            area=person.area,
            number=wanted,
            terms=terms,
        )
    if bill is None:
        raise NotFound(f"there is no bill {number}")
    return bill


def check_own_bill(portal: Portal, person: Person, number: str) -> Verdict:
    """Check one's own bill from meter to chain; raises `TooMany` for too many in a minute."""
    portal.throttle.check(
        f"check of {person.person_id}", portal.now, tries_max=CHECKS_MAX, window_s=60
    )
    return checking.check_bill(portal.engine, own_bill(portal, person, number))


def own_income(portal: Portal, person: Person, month: date | None) -> tuple[date, income.Income]:
    """Return what somebody earned in a month, the running one unless another is named."""
    zone = portal.zone
    chosen = month or month_of(portal.market_clock.now(), zone)
    with portal.engine.store.reading() as connection:
        return chosen, income.read_income(
            connection, person.participant, person.area, month_span(chosen, zone)
        )


def read_month(text: str) -> date:
    """Read a month such as `2026-11`; raises `NotFound` for what is none."""
    try:
        month = date.fromisoformat(f"{text}-01")
    except ValueError as error:
        raise NotFound(f"{text!r} is no month such as 2026-11") from error
    if not YEAR_MIN <= month.year <= YEAR_MAX:
        raise NotFound(f"nothing is known of {text}")
    return month


def own_tokens(portal: Portal, person: Person) -> list[keys.Token]:
    """Return the tokens with which programs speak for somebody."""
    with portal.accounts.reading() as connection:
        return keys.tokens_of(connection, person.person_id)


def takes_effect(portal: Portal) -> datetime:
    """Return the start of the interval in which a price set now would begin to count."""
    moment = portal.market_clock.now() + timedelta(seconds=1)
    return Interval.containing(moment, portal.engine.rulebook.interval_minutes).end


def everything_of(portal: Portal, person: Person) -> dict[str, Any]:
    """Return all that is kept of somebody, in plain facts."""
    found, pages = own_trades(portal, person, 1)
    for page in range(2, pages + 1):
        found += own_trades(portal, person, page)[0]
    with portal.engine.store.reading() as connection:
        readings = queries.prices(connection, person.area)
        whole = read_day(
            connection,
            person.participant,
            person.area,
            Span(start=0, end=2**62),
            rulebook=portal.engine.rulebook,
        )
    facts = attrs.asdict(person, value_serializer=lambda _, __, value: _plain(value))
    account = joining.account_of(portal, person)
    return {
        "person": {**facts, "customer_number": person.customer_number},
        "wallet": None if account is None else str(account),
        "metering_points": metering.points_of(portal, person),
        "prices": [
            {
                "side": "buy" if each.side == 0 else "sell",
                "micro_per_kwh": None if each.is_withdrawn else each.price_micro,
                "valid_from": each.valid_from.isoformat(),
            }
            for each in sorted(readings, key=lambda each: each.valid_from)
            if each.participant == person.participant
        ],
        "intervals": [
            attrs.asdict(slot, value_serializer=lambda _, __, value: _plain(value))
            for slot in whole.slots
        ],
        "trades": [
            attrs.asdict(each, value_serializer=lambda _, __, value: _plain(value))
            for each in found
        ],
        "bills": [
            attrs.asdict(each, value_serializer=lambda _, __, value: _plain(value))
            for each in own_bills(portal, person)
        ],
    }


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, date | datetime):
        return value.isoformat()
    if hasattr(value, "name") and hasattr(value, "value"):
        return value.name.lower()
    return value
