"""From readings and standing prices to offers."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sauma.errors import Conflict, InvalidInput, UnknownName
from sauma.identifiers import complete_gsrn
from sauma.intervals import Interval
from sauma.offers import (
    MeteringPoint,
    Offer,
    Position,
    Quality,
    Reading,
    Side,
    StandingPrice,
    StandingPrices,
    newest_readings,
    offers_from_positions,
    positions_from_readings,
)

from .books import AREA, ASK, BID, INTERVAL

HOME = complete_gsrn("64300000000000001")
BARN = complete_gsrn("64300000000000002")
NEXT_DOOR = complete_gsrn("64300000000000003")
POINTS = {
    HOME: MeteringPoint(gsrn=HOME, participant="anna", area=AREA),
    BARN: MeteringPoint(gsrn=BARN, participant="anna", area=AREA),
    NEXT_DOOR: MeteringPoint(gsrn=NEXT_DOOR, participant="bert", area=AREA),
}


def reading(point: str, imported_wh: int, exported_wh: int, **changes) -> Reading:
    facts = {
        "metering_point": point,
        "interval": INTERVAL,
        "imported_wh": imported_wh,
        "exported_wh": exported_wh,
        "key": "meter",
    }
    return Reading(**(facts | changes))


def price(participant: str, side: Side, price_micro: int, **changes) -> StandingPrice:
    facts = {
        "participant": participant,
        "area": AREA,
        "side": side,
        "price_micro": price_micro,
        "valid_from": INTERVAL.start,
    }
    return StandingPrice(**(facts | changes))


def test_own_use_first_offers_what_is_left():
    """In a quarter with 300 Wh in and 500 Wh out, own use takes 300 and 200 Wh are for sale."""
    (position,) = positions_from_readings([reading(HOME, 300, 500)], POINTS, own_use_first=True)

    assert (position.own_use_wh, position.to_buy_wh, position.to_sell_wh) == (300, 0, 200)


def test_without_own_use_both_directions_are_offered():
    """A quarter with both directions makes a bid and an ask; neither is dropped."""
    positions = positions_from_readings([reading(HOME, 300, 500)], POINTS, own_use_first=False)
    prices = StandingPrices([price("anna", BID, 120_000), price("anna", ASK, 60_000)])

    offers = offers_from_positions(positions, prices)

    assert [(offer.side, offer.energy_wh, offer.limit_micro) for offer in offers] == [
        (BID, 300, 120_000),
        (ASK, 500, 60_000),
    ]
    assert offers[0].offer_id != offers[1].offer_id


def test_metering_points_of_a_participant_are_added_up():
    """What the barn exports meets what the home imports; the neighbour stays apart."""
    readings = [reading(HOME, 800, 0), reading(BARN, 0, 500), reading(NEXT_DOOR, 100, 0)]

    anna, bert = positions_from_readings(readings, POINTS, own_use_first=True)

    assert (anna.participant, anna.own_use_wh, anna.to_buy_wh) == ("anna", 500, 300)
    assert (bert.participant, bert.to_buy_wh) == ("bert", 100)


@given(
    flows=st.lists(
        st.tuples(st.sampled_from(sorted(POINTS)), st.integers(0, 9_999), st.integers(0, 9_999))
    ),
    own_use_first=st.booleans(),
    shuffle=st.randoms(use_true_random=False),
)
def test_positions_and_offers_conserve_energy(flows, own_use_first, shuffle):
    """Imported = own use + bid, exported = own use + asked, in whatever order readings come."""
    readings = [
        reading(point, imported_wh, exported_wh, key=f"k{place}")
        for place, (point, imported_wh, exported_wh) in enumerate(flows)
    ]
    shuffled = readings.copy()
    shuffle.shuffle(shuffled)
    prices = StandingPrices(
        [price(name, side, 50_000) for name in ("anna", "bert") for side in Side]
    )

    positions = positions_from_readings(readings, POINTS, own_use_first=own_use_first)
    offers = offers_from_positions(positions, prices)

    assert positions == positions_from_readings(shuffled, POINTS, own_use_first=own_use_first)
    own_use_wh = sum(position.own_use_wh for position in positions)
    offered_wh = {
        side: sum(offer.energy_wh for offer in offers if offer.side is side) for side in Side
    }
    assert sum(flow[1] for flow in flows) == own_use_wh + offered_wh[BID]
    assert sum(flow[2] for flow in flows) == own_use_wh + offered_wh[ASK]


def test_a_reading_sent_twice_counts_once():
    """The same key and contents again is a no-op."""
    twice = [reading(HOME, 0, 500), reading(HOME, 0, 500)]

    (position,) = positions_from_readings(twice, POINTS, own_use_first=True)

    assert position.exported_wh == 500


def test_equal_readings_with_two_keys_are_two_readings():
    """What the caller calls by two names adds up."""
    two = [reading(HOME, 0, 500, key="first"), reading(HOME, 0, 500, key="second")]

    (position,) = positions_from_readings(two, POINTS, own_use_first=True)

    assert position.exported_wh == 1_000


def test_a_higher_version_replaces_a_lower_one():
    """A correction replaces the reading, in whatever order they arrive, and makes another offer."""
    first = reading(HOME, 0, 500, quality=Quality.ESTIMATED)
    corrected = reading(HOME, 0, 450, version=2)
    prices = StandingPrices([price("anna", ASK, 60_000)])

    before = positions_from_readings([first], POINTS, own_use_first=True)
    after = positions_from_readings([corrected, first], POINTS, own_use_first=True)

    assert newest_readings([corrected, first]) == (corrected,)
    assert after[0].exported_wh == 450
    (offer_before,) = offers_from_positions(before, prices)
    (offer_after,) = offers_from_positions(after, prices)
    assert offer_before.offer_id != offer_after.offer_id


def test_one_version_with_two_contents_is_a_conflict():
    """The remedy is in the message."""
    with pytest.raises(Conflict, match="higher version"):
        newest_readings([reading(HOME, 0, 500), reading(HOME, 0, 501)])


def test_an_unknown_metering_point_is_refused_by_name():
    """Nobody's energy is dropped in silence."""
    with pytest.raises(UnknownName, match=NEXT_DOOR):
        positions_from_readings(
            [reading(NEXT_DOOR, 1, 0)], {HOME: POINTS[HOME]}, own_use_first=True
        )


def test_the_newest_price_valid_at_the_start_applies():
    """A price that starts within the interval waits for the next one; time zones do not matter."""
    helsinki = timezone(timedelta(hours=3))
    prices = StandingPrices(
        [
            price("anna", ASK, 3, valid_from=INTERVAL.start + timedelta(seconds=1)),
            price("anna", ASK, 2, valid_from=INTERVAL.start.astimezone(helsinki)),
            price("anna", ASK, 1, valid_from=datetime(2020, 1, 1, tzinfo=UTC)),
        ]
    )
    following = Interval(start=INTERVAL.end)

    assert prices.price_at("anna", AREA, ASK, INTERVAL) == 2
    assert prices.price_at("anna", AREA, ASK, following) == 3
    assert prices.price_at("anna", AREA, BID, INTERVAL) is None
    long_ago = Interval.from_start_unix(0)
    assert prices.price_at("anna", AREA, ASK, long_ago) is None


def test_two_prices_from_one_moment_are_a_conflict():
    """The same price twice is a no-op; another price from the same moment is refused."""
    StandingPrices([price("anna", ASK, 1), price("anna", ASK, 1)])

    with pytest.raises(Conflict, match="keep one"):
        StandingPrices([price("anna", ASK, 1), price("anna", ASK, 2)])


def test_no_standing_price_makes_no_offer():
    """Energy without a price for its side is residual: it stays in the position."""
    positions = positions_from_readings([reading(HOME, 300, 500)], POINTS, own_use_first=False)

    offers = offers_from_positions(positions, StandingPrices([price("anna", ASK, 60_000)]))

    assert [offer.side for offer in offers] == [ASK]


@pytest.mark.parametrize(
    "changes",
    [
        {"imported_wh": -1},
        {"imported_wh": 1.0},
        {"imported_wh": True},
        {"exported_wh": 10**12 + 1},
        {"version": 0},
        {"key": ""},
        {"key": "k" * 129},
        {"metering_point": HOME[:-1] + str((int(HOME[-1]) + 1) % 10)},
        {"quality": Quality.MISSING},
        {"quality": "measured"},
        {"interval": INTERVAL.start},
    ],
)
def test_a_reading_that_cannot_be_is_refused(changes):
    """Integers from 0 up, a right GSRN, a key, versions from 1; a missing reading has no energy."""
    facts = {
        "metering_point": HOME,
        "interval": INTERVAL,
        "imported_wh": 5,
        "exported_wh": 0,
        "key": "meter",
    }

    with pytest.raises(InvalidInput):
        Reading(**(facts | changes))


@pytest.mark.parametrize(
    "changes",
    [
        {"energy_wh": 0},
        {"energy_wh": -5},
        {"energy_wh": 2.5},
        {"limit_micro": 0.1},
        {"limit_micro": 10**9 + 1},
        {"participant": "Anna Virtanen"},
        {"area": ""},
        {"side": 2},
        {"side": "bid"},
        {"interval": INTERVAL.start},
        {"key": ""},
    ],
)
def test_an_offer_that_cannot_be_is_refused(changes):
    """No empty offers, no floats, no prices out of bounds, no real names."""
    facts = {
        "side": BID,
        "area": AREA,
        "interval": INTERVAL,
        "participant": "anna",
        "key": "k",
        "energy_wh": 5,
        "limit_micro": 100,
    }

    with pytest.raises(InvalidInput):
        Offer(**(facts | changes))


def test_a_naive_price_start_is_refused():
    """A time without a zone is nobody's time."""
    with pytest.raises(InvalidInput, match="naive"):
        price("anna", ASK, 1, valid_from=datetime(2026, 6, 21))  # noqa: DTZ001


def test_own_use_beyond_what_flowed_is_refused():
    """A position cannot use what it did not have."""
    with pytest.raises(InvalidInput, match="own_use_wh"):
        Position(
            participant="anna",
            interval=INTERVAL,
            area=AREA,
            imported_wh=5,
            exported_wh=3,
            own_use_wh=4,
        )
