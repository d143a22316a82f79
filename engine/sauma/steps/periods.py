"""Which netting period can be planned, and on which terms of the chain."""

from __future__ import annotations

import attrs
import sqlalchemy as sa

from sauma.errors import InvalidInput
from sauma.intervals import Interval, to_unix
from sauma.rulebook import Rulebook
from sauma.settlement import ChainTerms
from sauma.store import queries
from sauma.venue import Venue, chain_terms


def open_period(
    connection: sa.Connection, rulebook: Rulebook, area: str, interval: Interval
) -> tuple[int, int] | None:
    """Return start and end of an interval's netting period when it can be planned, None when it was.

    Raises `InvalidInput` while another interval of it has readings or offers and is not cleared.
    """
    first, after = rulebook.settlement_period(interval)
    start, end = to_unix(first), to_unix(after)
    if queries.is_settled(connection, area, interval.start_unix):
        return None
    for _, waiting in queries.uncleared(connection, end - 1, area):
        if waiting >= start:
            raise InvalidInput(
                f"the interval {Interval.from_start_unix(waiting, interval.minutes)} of {area} is "
                "not cleared: clear it before its period is settled"
            )
    return start, end


def plan_terms(
    connection: sa.Connection,
    rulebook: Rulebook,
    area: str,
    period: tuple[int, int],
    venue: Venue,
) -> ChainTerms:
    """Return the terms of the chain for a plan.

    A netted movement is all or nothing, so it would wait for the one account that is missing; then
    everybody pays in to and out of the clearing account instead, each by itself.
    """
    terms = chain_terms(rulebook, venue)
    transfers = bool(venue.chain.capabilities.transfer)
    return terms_of_period(connection, terms, area, period, transfers=transfers)


def terms_of_period(
    connection: sa.Connection,
    terms: ChainTerms,
    area: str,
    period: tuple[int, int],
    *,
    transfers: bool,
) -> ChainTerms:
    """Return terms without netting for a period in which somebody has no account, if it can be moved so."""
    if not terms.nets or not transfers:
        return terms
    start, end = period
    whole = queries.Period(area=area, start=start, end=end)
    unbound = queries.unbound_parties(connection, terms.chain_id, whole)
    return attrs.evolve(terms, nets=not unbound)
