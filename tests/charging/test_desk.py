"""The desk: what stations say becomes the right steps, each once, whatever gets lost between."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import attrs
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sauma.errors import InvalidInput, StoreVersion, UnknownName
from sauma.session import SessionState, Transition
from sauma_metering.charging import (
    Advice,
    ChargeBook,
    ChargeEnded,
    ChargeSampled,
    ChargeStarted,
    ChargingDesk,
    ChargingTariff,
    Sample,
    Verdict,
)
from sauma_metering.charging.book import Phase

from .conftest import HELD, MONEY, TARIFF

REGISTER = 500_000


def started(street, token="card", *, register_wh=REGISTER, connector=1, transaction=None):
    return ChargeStarted(
        station="corner",
        connector=connector,
        token=token,
        transaction=transaction,
        sample=Sample(register_wh=register_wh, time=street.clock.now()),
    )


def sampled(street, wh, *, transaction=None, connector=1):
    return ChargeSampled(
        station="corner",
        transaction=transaction,
        connector=connector,
        samples=(Sample(register_wh=REGISTER + wh, time=street.clock.now()),),
    )


def ended(street, wh, *, transaction=None, connector=1, token=None, reason="Local"):
    return ChargeEnded(
        station="corner",
        transaction=transaction,
        connector=connector,
        token=token,
        reason=reason,
        sample=Sample(register_wh=REGISTER + wh, time=street.clock.now()),
    )


def charge(street, wh, token="card"):
    """A charge from the card to the last kWh."""
    assert street.desk.authorise("corner", token) is Verdict.ACCEPTED
    street.later(minutes=1)
    number, _ = street.desk.started(started(street, token))
    street.later(minutes=10)
    street.desk.sampled(sampled(street, wh // 2, transaction=str(number)))
    street.later(minutes=10)
    street.desk.ended(ended(street, wh, transaction=str(number)))
    return number


def test_a_charge_holds_pays_and_gives_back(street):
    """The driver pays what the meter says, the owner gets it less the fee, the rest comes back."""
    charge(street, 4_000)

    gross = 10 + 4_000 * 25 // 100
    fee = gross * 500 // 10_000
    assert street.sessions.transitions == [
        Transition.AUTHORISE,
        Transition.START,
        Transition.CLOSE,
    ]
    assert street.sessions.paid() == (MONEY - gross, gross - fee, fee)


def test_a_driver_who_drives_off_pays_by_the_meter(street):
    """Without a receipt the owner claims what the meter said last, and is paid after the window."""
    charge(street, 4_000, token="gone")
    assert street.sessions.transitions[-1] is Transition.CLAIM
    street.later(seconds=TARIFF.contest_window_s)
    street.desk.tick()
    assert street.sessions.transitions[-1] is Transition.CLAIM
    street.later(seconds=1)
    street.desk.tick()

    assert street.sessions.transitions[-1] is Transition.SETTLE
    assert sum(street.sessions.paid()) == MONEY
    assert street.sessions.paid()[0] == MONEY - 1_010


@pytest.mark.parametrize(
    ("token", "verdict"),
    [
        ("stranger", Verdict.UNKNOWN),
        ("poor", Verdict.NO_CREDIT),
        ("careful", Verdict.BLOCKED),
        ("card", Verdict.ACCEPTED),
    ],
)
def test_who_may_charge(street, token, verdict):
    """Unknown, without money, or unwilling: each is told apart, and nothing is held."""
    assert street.desk.authorise("corner", token) is verdict

    held = verdict is Verdict.ACCEPTED
    assert street.sessions.paid()[0] == (MONEY - HELD if held else MONEY)


def test_asked_twice_it_is_held_once(street):
    """A card held before the reader again holds no more money; one that charges is busy elsewhere."""
    for _ in range(3):
        assert street.desk.authorise("corner", "card") is Verdict.ACCEPTED
    assert street.sessions.transitions == [Transition.AUTHORISE]
    street.desk.started(started(street))

    assert street.desk.authorise("corner", "card") is Verdict.BUSY


def test_a_start_told_again_is_the_same_charge(street):
    """A station that got no answer tells its start again: the same number, no second session."""
    street.desk.authorise("corner", "card")
    event = started(street)
    first, _ = street.desk.started(event)
    street.later(minutes=5)

    assert street.desk.started(event) == (first, Verdict.ACCEPTED)
    assert street.sessions.transitions.count(Transition.START) == 1


def test_a_session_that_started_offline_is_submitted_later(street):
    """The start comes minutes late and nobody asked before: the hold and the start follow now."""
    event = started(street)
    street.later(minutes=20)
    number, verdict = street.desk.started(event)
    street.desk.ended(ended(street, 1_000, transaction=str(number)))

    assert verdict is Verdict.ACCEPTED
    assert street.sessions.transitions == [
        Transition.AUTHORISE,
        Transition.START,
        Transition.CLOSE,
    ]


def test_values_without_a_number_belong_to_what_charges_at_the_connector(street):
    """A 1.6 station that never got its number says -1: connector and card tell which charge it is."""
    street.desk.authorise("corner", "card")
    street.desk.started(started(street))
    street.later(minutes=5)
    street.desk.sampled(sampled(street, 800))
    street.later(minutes=5)
    street.desk.ended(ended(street, 1_000, connector=None, token="card"))

    assert street.sessions.transitions[-1] is Transition.CLOSE
    assert street.sessions.paid()[0] == MONEY - 260


def test_late_and_doubled_values_change_nothing(street):
    """Sequence and register decide: a value that comes twice, late or after the end is as if not said."""
    number = charge(street, 4_000)
    before = (street.sessions.paid(), street.book.get(number))
    street.desk.sampled(sampled(street, 9_000, transaction=str(number)))
    street.desk.ended(ended(street, 9_000, transaction=str(number)))

    assert (street.sessions.paid(), street.book.get(number)) == before


def test_a_meter_that_runs_backwards_is_not_believed(street):
    """The highest register counts; a lower one, after a reset, is told and left out."""
    street.desk.authorise("corner", "card")
    number, _ = street.desk.started(started(street))
    street.later(minutes=5)
    street.desk.sampled(sampled(street, 1_000, transaction=str(number)))
    street.later(minutes=5)
    street.desk.ended(ended(street, -REGISTER, transaction=str(number)))

    assert street.sessions.paid()[0] == MONEY - 260


def test_what_is_used_up_stops(street):
    """At the reading that reaches what is held the station is told to stop; the driver pays no more."""
    street.desk.authorise("corner", "card")
    number, _ = street.desk.started(started(street))
    street.later(minutes=5)
    assert street.desk.sampled(sampled(street, 7_000, transaction=str(number))) is Advice.GO_ON
    street.later(minutes=5)
    assert street.desk.sampled(sampled(street, 7_960, transaction=str(number))) is Advice.STOP
    street.later(minutes=5)
    street.desk.ended(ended(street, 9_000, transaction=str(number)))

    assert street.sessions.paid()[0] == MONEY - HELD


def test_a_station_that_goes_silent_is_closed_by_its_last_reading(street):
    """A session never ended after a power loss is claimed with what was read last."""
    street.desk.authorise("corner", "gone")
    number, _ = street.desk.started(started(street, "gone"))
    street.later(minutes=5)
    street.desk.sampled(sampled(street, 2_000, transaction=str(number)))
    street.later(seconds=TARIFF.silence_limit_s + 1)
    street.desk.tick()
    assert street.sessions.transitions[-1] is Transition.CLAIM
    street.later(seconds=TARIFF.contest_window_s + 1)
    street.desk.tick()
    street.desk.tick()

    assert street.sessions.paid()[0] == MONEY - 510
    assert street.book.get(number).phase is Phase.DONE


def test_a_car_that_never_comes_gets_its_money_back(street):
    """What was held and never started is released after the deadline, by anybody; here by the desk."""
    street.desk.authorise("corner", "card")
    street.later(minutes=31)
    street.desk.tick()

    assert street.sessions.transitions[-1] is Transition.NO_SHOW
    assert street.sessions.paid() == (MONEY, 0, 0)


def test_nothing_read_after_the_start_is_nothing_paid(street):
    """A station that lost everything behind the start: the session expires, all goes back."""
    street.desk.authorise("corner", "card")
    number, _ = street.desk.started(started(street))
    street.later(hours=1)
    street.desk.tick()
    street.later(hours=25)
    street.desk.tick()

    assert street.sessions.transitions[-1] is Transition.EXPIRE
    assert street.sessions.paid() == (MONEY, 0, 0)
    assert street.book.get(number).phase is Phase.CLOSED


def test_a_new_start_does_not_overwrite_a_running_charge(street):
    """A second car at the connector ends the first charge by its last reading, and is one of its own."""
    street.desk.authorise("corner", "gone")
    first, _ = street.desk.started(started(street, "gone"))
    street.later(minutes=5)
    street.desk.sampled(sampled(street, 1_000, transaction=str(first)))
    street.later(minutes=5)
    second, verdict = street.desk.started(started(street, "card", register_wh=REGISTER + 1_000))

    assert verdict is Verdict.ACCEPTED
    assert first != second
    states = {session.state for session in street.sessions.sessions.values()}
    assert states == {SessionState.CLAIMED, SessionState.ACTIVE}


def test_what_fits_no_charge_is_kept(street):
    """A stop of an unknown transaction is neither lost nor booked: a person can look at it."""
    for _ in range(2):
        street.desk.ended(ended(street, 3_000, transaction="77"))
    ((station, why, said),) = street.book.unplaced()

    assert (station, said["transaction"], said["register_wh"]) == ("corner", "77", 503_000)
    assert "no charge" in why
    assert street.sessions.steps == []


def test_a_start_of_a_driver_without_money_is_told_and_kept(street):
    """The payee's risk, plainly: nothing is held, the station is told, the start is on record."""
    number, verdict = street.desk.started(started(street, "poor"))

    assert (number, verdict) == (0, Verdict.NO_CREDIT)
    assert len(street.book.unplaced()) == 1


def test_an_escrow_that_does_not_answer_loses_nothing(street):
    """What could not be closed is closed by the next tick, with the same reading."""
    street.desk.authorise("corner", "card")
    number, _ = street.desk.started(started(street))
    street.later(minutes=5)
    street.sessions.is_down = True
    street.desk.ended(ended(street, 1_000, transaction=str(number)))
    assert street.book.get(number).phase is Phase.ENDING
    street.reopen()
    street.sessions.is_down = False
    street.desk.tick()

    assert street.sessions.transitions[-1] is Transition.CLOSE


def test_a_desk_that_dies_while_it_asks_comes_back(street):
    """Whether the hold was taken is looked up, never guessed."""
    terms = street.station.terms(street.desk._drivers["card"].account, "k", street.clock.now())
    charge = street.book.add(street.book.reserve(), "corner", "card", terms)
    street.reopen()
    street.desk.tick()

    assert street.book.get(charge.number).phase is Phase.REFUSED
    assert street.desk.authorise("corner", "card") is Verdict.ACCEPTED


@pytest.mark.parametrize(
    ("call", "problem"),
    [
        (lambda s: s.desk.authorise("nowhere", "card"), "station nowhere is not known"),
        (lambda s: s.desk.started(started(s, connector=3)), "connectors 1 to 2, not 3"),
        (lambda s: started(s, token=""), "1 to 64 characters"),
        (lambda s: Sample(register_wh=-1, time=s.clock.now()), "register_wh -1"),
        (
            lambda s: Sample(register_wh=1, time=s.clock.now().replace(tzinfo=None)),
            "naive|zone|aware",
        ),
        (lambda _: attrs.evolve(TARIFF, held_units=0), "held_units 0"),
        (lambda s: attrs.evolve(s.station, connectors=0), "0 connectors"),
        (
            lambda s: ChargingDesk(
                s.sessions, s.book, stations=[s.station], meters={}, drivers={}, now=s.clock.now
            ),
            "whose key is not here",
        ),
    ],
)
def test_mistakes_have_names(street, call, problem):
    """Each mistake is refused with what is wrong, and nothing changes."""
    with pytest.raises((InvalidInput, UnknownName), match=problem):
        call(street)

    assert street.sessions.steps == []


def test_another_tariff_has_another_id():
    """Every field of a tariff is under its hash."""
    changed = [
        attrs.evolve(TARIFF, **{field.name: getattr(TARIFF, field.name) * 2})
        for field in attrs.fields(ChargingTariff)
        if field.name not in ("asset", "fee_bps", "no_show_fee_units", "start_within")
    ]

    assert len({each.tariff_id for each in (TARIFF, *changed)}) == len(changed) + 1


@given(
    steps=st.lists(
        st.tuples(st.integers(0, 600), st.booleans(), st.booleans()), min_size=1, max_size=12
    )
)
@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_order_and_doubles_do_not_change_the_bill(street, steps):
    """Readings told twice or in any order between start and end come to the same bill."""
    before = street.sessions.paid()
    street.sessions.balances[street.desk._drivers["card"].account] += MONEY
    street.desk.authorise("corner", "card")
    number, _ = street.desk.started(started(street))
    total, events = 0, []
    for wh, doubled, swapped in steps:
        total += wh
        street.later(minutes=1)
        event = sampled(street, total, transaction=str(number))
        events += [event, event] if doubled else [event]
        if swapped and len(events) > 1:
            events[-1], events[-2] = events[-2], events[-1]
    for event in events:
        street.desk.sampled(event)
    street.later(minutes=1)
    street.desk.ended(ended(street, total, transaction=str(number)))

    gross = min(HELD, 10 + total * 25 // 100)
    assert street.sessions.paid()[0] == before[0] + MONEY - gross


def test_a_book_outlives_the_process(street, tmp_path):
    """What a desk wrote is there when the book is opened again, on a disk as in memory."""
    terms = street.station.terms(street.station.operator, "k", street.clock.now())
    first = ChargeBook.open(tmp_path / "charges.sqlite")
    first.add(first.reserve(), "corner", "card", terms)
    first.close()
    again = ChargeBook.open(tmp_path / "charges.sqlite")
    (charge,) = again.open_charges()
    again.close()

    assert (charge.station, charge.terms) == ("corner", terms)


def test_a_book_of_another_format_is_refused(tmp_path):
    """A newer book is not misread: it is said which version wrote it."""
    path = tmp_path / "charges.sqlite"
    ChargeBook.open(path).close()
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE charges_format SET version = 2")

    with pytest.raises(StoreVersion, match="format 2"):
        ChargeBook.open(path)
