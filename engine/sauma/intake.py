"""What comes in from outside, checked against what is known, as tables of a journal entry.

Each function looks and checks before anything is written: what is wrong is refused by name and the
store stays as it was; what is known already is left out.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

import sqlalchemy as sa

from sauma.errors import Conflict, InvalidInput, UnknownName, WrongNetwork
from sauma.identifiers import AccountId, ChainId, check_name
from sauma.intervals import Interval, format_time, to_unix
from sauma.journal import Table
from sauma.journal import schemas as journal
from sauma.judging import judge_readings
from sauma.matching import mechanism
from sauma.offers import (
    MeteringPoint,
    Offer,
    Reading,
    StandingPrice,
)
from sauma.readings import ReadingColumns
from sauma.rulebook import Rulebook
from sauma.store import queries, registered
from sauma.store.points import Points


def rulebook_tables(connection: sa.Connection, rulebook: Rulebook) -> list[Table]:
    """Return the table of a rulebook that is not in force; raises `Conflict` where it cannot follow.

    A version, once used, never changes.  Money is not converted and intervals are not cut, so currency
    and interval length stay what they were.
    """
    mechanism(rulebook.mechanism)
    published = queries.rulebooks(connection)
    for known in published:
        if (known.name, known.version) == (rulebook.name, rulebook.version) and known != rulebook:
            raise Conflict(
                f"rulebook {rulebook.name} version {rulebook.version} was published with "
                "other contents: a changed rulebook needs a new version"
            )
        for field in ("currency", "interval_minutes"):
            before, after = getattr(known, field), getattr(rulebook, field)
            if before != after:
                raise Conflict(
                    f"rulebook {rulebook.name} version {rulebook.version} changes {field} from "
                    f"{before} to {after}: use another store for it"
                )
    if published and published[-1] == rulebook:
        return []
    _check_supplier(rulebook, registered.participants_among(connection, [rulebook.supplier.name]))
    row = (rulebook.rulebook_hash, rulebook.to_bytes())
    return [Table.from_rows(journal.RULEBOOKS, [row])]


def _check_supplier(rulebook: Rulebook, participants: Iterable[str]) -> None:
    if rulebook.supplier.name in participants:
        raise Conflict(
            f"{rulebook.supplier.name!r} is the supplier of rulebook {rulebook.name} and cannot be a "
            "participant too: give one of them another name"
        )


def participant_tables(connection: sa.Connection, names: Iterable[str]) -> list[Table]:
    """Return the table of new participants; none may have a supplier's name.

    Nor that of an earlier one: what is corrected of its time is owed by it and to it.
    """
    given = {check_name(name) for name in names}
    new = sorted(given - registered.participants_among(connection, given))
    for rulebook in queries.rulebooks(connection):
        _check_supplier(rulebook, new)
    return [Table.from_rows(journal.PARTICIPANTS, [(name,) for name in new])] if new else []


def new_bindings(
    connection: sa.Connection, chain_id: ChainId, bindings: Sequence[tuple[str, AccountId]]
) -> list[tuple[str, AccountId]]:
    """Return the holders that have no account yet.

    Raises `WrongNetwork` for an account of another chain and `Conflict` for a holder that has another
    account, or an account that another holder has.
    """
    for holder, account in bindings:
        _check_account(holder, account, chain_id)
    known = registered.accounts_of(connection, str(chain_id), [one for one, _ in bindings])
    holders = registered.holders_of(connection, str(chain_id), [one for _, one in bindings])
    new: list[tuple[str, AccountId]] = []
    for holder, account in bindings:
        if known.get(holder, account) != account:
            raise Conflict(f"{holder} has the account {known[holder]} already, not {account}")
        if holders.get(account, holder) != holder:
            raise Conflict(f"the account {account} belongs to {holders[account]}, not to {holder}")
        if holder not in known:
            new.append((holder, account))
        known[holder], holders[account] = account, holder
    return new


def _check_account(holder: str, account: object, chain_id: ChainId) -> None:
    if not isinstance(account, AccountId):
        raise InvalidInput(
            f"the account {account!r} of {holder} is no AccountId: build one from its CAIP-10 text"
        )
    if account.chain_id != chain_id:
        raise WrongNetwork(
            f"the account {account} of {holder} is on {account.chain_id}, this engine settles on "
            f"{chain_id}: give an account of that chain"
        )


def new_metering_points(
    connection: sa.Connection, points: Sequence[MeteringPoint]
) -> list[MeteringPoint]:
    """Return the metering points that are not registered yet.

    Raises `UnknownName` for a participant nobody registered, `Conflict` for a point of somebody else.
    """
    known = registered.points_among(connection, [point.gsrn for point in points])
    participants = registered.participants_among(connection, [one.participant for one in points])
    new: list[MeteringPoint] = []
    for point in points:
        if point.participant not in participants:
            raise UnknownName(
                f"metering point {point.gsrn} names the participant {point.participant!r}, whom "
                "nobody registered: register the participant first"
            )
        if known.setdefault(point.gsrn, point) != point:
            other = known[point.gsrn]
            raise Conflict(
                f"metering point {point.gsrn} belongs to {other.participant} in {other.area}, "
                f"not to {point.participant} in {point.area}"
            )
        if point is known[point.gsrn]:
            new.append(point)
    return new


def price_tables(
    connection: sa.Connection, rulebook: Rulebook, prices: Sequence[StandingPrice]
) -> list[Table]:
    """Return the table of new standing prices, each within the rulebook's floor and cap or withdrawn."""
    participants = registered.participants_among(connection, [one.participant for one in prices])
    known = _known_prices(connection, prices)
    rows = []
    for price in prices:
        if price.participant not in participants:
            raise UnknownName(
                f"a price names the participant {price.participant!r}, whom nobody registered: "
                "register the participant first"
            )
        if not price.is_withdrawn:
            rulebook.check_limit(price.price_micro, f"the price of {price.participant}")
        valid_from = to_unix(price.valid_from)
        key = (price.participant, price.area, int(price.side), valid_from)
        if key in known:
            if known[key] != price.price_micro:
                raise Conflict(
                    f"{price.participant} has the price {known[key]} from "
                    f"{format_time(price.valid_from)} already, not {price.price_micro}: "
                    "give the new one a later time"
                )
            continue
        known[key] = price.price_micro
        rows.append((*key[:3], price.price_micro, valid_from))
    return [Table.from_rows(journal.PRICES, rows)] if rows else []


def _known_prices(
    connection: sa.Connection, prices: Sequence[StandingPrice]
) -> dict[registered.PriceKey, int]:
    """Return every price that those who set one now have set before, in the same areas."""
    concerned: dict[str, set[str]] = defaultdict(set)
    for price in prices:
        concerned[price.area].add(price.participant)
    known: dict[registered.PriceKey, int] = {}
    for area, names in concerned.items():
        known |= registered.prices_of(connection, area, names)
    return known


def reading_tables(
    connection: sa.Connection,
    rulebook: Rulebook,
    points: Points,
    readings: Sequence[Reading],
    *,
    late: bool = False,
) -> list[Table]:
    """Return the table of new readings, all of them or none; with `late`, that of late ones too.

    Raises `UnknownName` for a metering point nobody registered, `Conflict` for the same key and version
    with other contents, `InvalidInput` for an interval of another length, one that is cleared or
    settled unless `late`, and readings of a participant that add up to more than a position can hold.
    """
    for reading in readings:
        check_length(reading.interval, rulebook)
    columns = ReadingColumns.from_readings(readings)
    judgement = judge_readings(connection, rulebook, points, columns)
    judgement.check_all_taken(late=late)
    return judgement.tables(points)


def check_length(interval: Interval, rulebook: Rulebook) -> None:
    """Raise `InvalidInput` for an interval of another length than the rulebook's."""
    if interval.minutes != rulebook.interval_minutes:
        raise InvalidInput(
            f"the interval {interval} has {interval.minutes} minutes, the rulebook's have "
            f"{rulebook.interval_minutes}: sum or split what was measured first"
        )


def check_area(connection: sa.Connection, area: str, interval: Interval) -> None:
    """Raise `UnknownName` unless somebody is metered in an area or offers there."""
    if queries.has_points(connection, area):
        return
    if not queries.posted_offers(connection, area, interval):
        raise UnknownName(
            f"nobody has a metering point or an offer in the area {area!r}: register one, or correct "
            "the name"
        )


def offer_table(
    connection: sa.Connection,
    rulebook: Rulebook,
    area: str,
    interval: Interval,
    offers: Sequence[Offer],
) -> list[Table]:
    """Return the table of new offers of one area and interval, within the rulebook's floor and cap."""
    check_length(interval, rulebook)
    if queries.is_cleared(connection, area, interval):
        raise InvalidInput(f"the interval {interval} of {area} is cleared: no offer can join it")
    if queries.is_settled(connection, area, interval.start_unix):
        raise InvalidInput(f"the period of {interval} in {area} is settled: no offer can join it")
    participants = registered.participants_among(connection, [one.participant for one in offers])
    known = {offer.offer_id: offer for offer in queries.posted_offers(connection, area, interval)}
    rows = []
    for offer in offers:
        if offer.participant not in participants:
            raise UnknownName(
                f"an offer names the participant {offer.participant!r}, whom nobody registered"
            )
        rulebook.check_limit(offer.limit_micro, f"the offer of {offer.participant}")
        earlier = known.setdefault(offer.offer_id, offer)
        if earlier != offer:
            raise Conflict(
                f"the offer {offer.key!r} of {offer.participant} at {interval} is known with other "
                "contents: give the new one another key"
            )
        if earlier is offer:
            rows.append(
                (
                    offer.offer_id,
                    offer.participant,
                    int(offer.side),
                    offer.energy_wh,
                    offer.limit_micro,
                    offer.key,
                )
            )
    return [Table.from_rows(journal.POSTED_OFFERS, rows)] if rows else []
