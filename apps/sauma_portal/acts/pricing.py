"""Setting the prices at which one buys and sells, pausing and going on."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import attrs

from sauma.errors import InvalidInput
from sauma.intervals import Interval
from sauma.offers import WITHDRAWN_MICRO, Side, StandingPrice
from sauma.store import queries
from sauma_portal.accounts import Person, people
from sauma_portal.acts.fields import Fields, cents_text
from sauma_portal.messages import N_, FormError, say
from sauma_portal.portal import Portal


@attrs.frozen(kw_only=True)
class OwnPrices:
    """At which prices somebody deals, None where it does not; and from when on."""

    buy_micro: int | None = None
    sell_micro: int | None = None
    buy_since: datetime | None = None
    sell_since: datetime | None = None


def own_prices(portal: Portal, person: Person) -> OwnPrices:
    """Return the prices set last, with the start of the first interval in which each counts."""
    newest = _newest(portal, person)
    minutes = portal.engine.rulebook.interval_minutes

    def found(side: Side) -> tuple[int | None, datetime | None]:
        price = newest.get(side)
        if price is None or price.is_withdrawn:
            return None, None
        return price.price_micro, first_start(price.valid_from, minutes)

    buy, buy_since = found(Side.BID)
    sell, sell_since = found(Side.ASK)
    return OwnPrices(buy_micro=buy, sell_micro=sell, buy_since=buy_since, sell_since=sell_since)


def read_prices(
    portal: Portal, person: Person, form: Mapping[str, Any]
) -> tuple[int | None, int | None]:
    """Return what a form says of buying and selling, or raise `FormError`."""
    fields, rulebook = Fields(form), portal.engine.rulebook
    buy = fields.price("buy", rulebook) if person.buys else None
    sell = fields.price("sell", rulebook) if person.sells else None
    fields.check()
    return buy, sell


def check_prices(
    portal: Portal, person: Person, buy_micro: int | None, sell_micro: int | None
) -> tuple[int | None, int | None]:
    """Return prices that somebody may set, or raise `FormError`: within floor and cap, on one's own sides."""
    rulebook, wrong = portal.engine.rulebook, {}
    for name, price_micro, allowed in (
        ("buy_micro", buy_micro, person.buys),
        ("sell_micro", sell_micro, person.sells),
    ):
        if price_micro is None:
            continue
        if not allowed:
            wrong[name] = say(N_("You said that you do not do that: change your profile first."))
        elif not rulebook.price_floor_micro <= price_micro <= rulebook.price_cap_micro:
            wrong[name] = say(
                N_("Choose a price from %(least)s to %(most)s cents per kWh."),
                least=cents_text(rulebook.price_floor_micro),
                most=cents_text(rulebook.price_cap_micro),
            )
    if wrong:
        raise FormError(wrong)
    return buy_micro, sell_micro


def set_prices(
    portal: Portal, person: Person, buy_micro: int | None, sell_micro: int | None
) -> None:
    """Set both prices from now on; None ends a side.  What stays the same is not written again."""
    if person.paused:
        raise FormError({"": say(N_("Trading is paused. Continue trading first."))})
    _set(portal, person, {Side.BID: buy_micro, Side.ASK: sell_micro})


def pause(portal: Portal, person: Person) -> None:
    """Stop buying from and selling to neighbours; the supplier does both until one goes on."""
    _set(portal, person, {Side.BID: None, Side.ASK: None})
    with portal.accounts.transaction() as connection:
        people.change(connection, person.person_id, paused=True)


def resume(portal: Portal, person: Person) -> None:
    """Go on at the prices that were in force before the pause, as far as the rules allow them now."""
    with portal.accounts.transaction() as connection:
        people.change(connection, person.person_id, paused=False)
    rulebook, last = portal.engine.rulebook, {}
    for side in Side:
        earlier = [
            each for each in _own(portal, person) if each.side is side and not each.is_withdrawn
        ]
        if earlier:
            price_micro = max(earlier, key=lambda each: each.valid_from).price_micro
            if rulebook.price_floor_micro <= price_micro <= rulebook.price_cap_micro:
                last[side] = price_micro
    _set(portal, person, last)


def first_start(valid_from: datetime, minutes: int) -> datetime:
    """Return the start of the first interval in which a price counts."""
    within = Interval.containing(valid_from, minutes)
    return within.start if within.start >= valid_from else within.end


def _set(portal: Portal, person: Person, wanted: Mapping[Side, int | None]) -> None:
    newest = _newest(portal, person)
    now = portal.market_clock.now() + timedelta(seconds=1)
    prices = []
    for side, price_micro in wanted.items():
        known = newest.get(side)
        value = WITHDRAWN_MICRO[side] if price_micro is None else price_micro
        if known is None and price_micro is None:
            continue
        if known is not None and known.price_micro == value:
            continue
        since = now if known is None else max(now, known.valid_from + timedelta(seconds=1))
        prices.append(
            StandingPrice(
                participant=person.participant,
                area=person.area,
                side=side,
                price_micro=value,
                valid_from=since,
            )
        )
    if not prices:
        return
    try:
        portal.engine.set_prices(prices)
    except InvalidInput as error:
        raise FormError(
            {"": say(N_("The prices could not be set just now. Try again in a moment."))}
        ) from error


def _newest(portal: Portal, person: Person) -> dict[Side, StandingPrice]:
    newest: dict[Side, StandingPrice] = {}
    for price in _own(portal, person):
        known = newest.get(price.side)
        if known is None or known.valid_from < price.valid_from:
            newest[price.side] = price
    return newest


def _own(portal: Portal, person: Person) -> list[StandingPrice]:
    with portal.engine.store.reading() as connection:
        return [
            price
            for price in queries.prices(connection, person.area)
            if price.participant == person.participant
        ]
