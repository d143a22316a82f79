"""Standing authorisations: held once, charged within limits, revoked with notice, returned by anybody."""

from __future__ import annotations

import hashlib

import pytest

from .local_allowances import CHARGE, RETURN, REVOKE, Standing
from .local_escrow import HOUR_S, NOBODY, Charging
from .local_ledger import AREA, sign
from .test_escrow import refused

FUNDS = 10_000


@pytest.fixture
def standing(local):
    """Three cars, and two stations that they may pay."""
    here = Charging(local, cars=3, funds=FUNDS)
    return Standing(here, payees=(here.payee, here.arbiter))


def test_micro_sessions_are_charged_to_many(standing):
    """One call takes from each allowance the sum of its micro-sessions, and pays the stations once each."""
    here = standing.here
    given = [standing.allowance(car) for car in here.cars]
    for each in given:
        standing.allow(each)
    assert here.locked() == (0, 1_800)
    station, second, operator = (standing.numbers[who] for who in standing.numbers)
    before = {number: here.local.balance(number)[1] for number in (station, second, operator)}

    standing.charge(
        [(0, [40, 50]), (1, [1]), (2, [50] * 12)], [(station, 500), (second, 160), (operator, 31)]
    )

    assert [standing.left(each)[0] for each in given] == [510, 599, 0]
    assert here.locked() == (0, 1_109)
    gained = {number: here.local.balance(number)[1] - had for number, had in before.items()}
    assert gained == {station: 500, second: 160, operator: 31}
    assert [here.money(car) for car in here.cars] == [FUNDS - 600] * 3


def test_each_limit_is_the_escrows(standing):
    """Above limit or cap, to somebody else, after the end: refused, and nothing moves."""
    here = standing.here
    allowance = standing.allowance()
    standing.allow(allowance)
    station = standing.numbers[here.payee]
    (stranger,) = here.local.register(here.stranger)
    charges = [(0, [40])]
    with refused("AboveLimit"):
        standing.charge([(0, [1, 51])], [(station, 52)])
    with refused("AboveCap"):
        standing.charge([(0, [50] * 13)], [(station, 650)])
    with refused("UnknownPayee"):
        standing.charge(charges, [(stranger, 40)])
    with refused("UnknownPayee"):
        standing.charge(charges, [(standing.numbers[here.operator], 1), (station, 39)])
    with refused("OutcomeDiffers"):
        standing.charge(charges, [(station, 41)])
    with refused("OutcomeDiffers"):
        standing.charge(charges, [(station, 39)])
    with refused("AboveCap"):
        standing.charge([(1, [1])], [(station, 1)])
    here.local.pass_time(31 * 24 * HOUR_S)
    with refused("AuthorisationExpired"):
        standing.charge(charges, [(station, 40)])

    assert here.locked() == (0, 600)
    assert standing.left(allowance)[0] == 600


def test_only_the_operator_charges_by_the_plan(standing):
    """Another caller, list, limit or end than the payer agreed to finds nothing to charge."""
    here = standing.here
    standing.allow(standing.allowance())
    (stranger,) = here.local.register(here.stranger)
    station = standing.numbers[here.payee]
    wider = standing.list[:-4] + stranger.to_bytes(4, "big") + standing.list[-4:]
    for how in (
        {"caller": here.stranger},
        {"payees": wider},
        {"payees": b""},
        {"limit": 51},
        {"until": standing.until + 1},
    ):
        with refused("AboveCap"):
            standing.charge([(0, [40])], [(station, 40)], **how)

    assert here.locked() == (0, 600)


def test_nobody_named_is_anybody(local):
    """An allowance without a list pays whom its operator says."""
    here = Charging(local, cars=1, funds=FUNDS)
    standing = Standing(here, payees=())
    standing.allow(standing.allowance())
    (stranger,) = here.local.register(here.stranger)

    standing.charge([(0, [40])], [(stranger, 40)])

    assert here.local.balance(stranger)[1] == 40


def test_charges_are_laid_out_so(standing):
    """Lines out of order, without micro-sessions, cut off or with energy are refused."""
    here = standing.here
    for car in here.cars:
        standing.allow(standing.allowance(car))
    station = standing.numbers[here.payee]
    for charges in ([(1, [1]), (0, [1])], [(1, [1]), (1, [1])], [(0, [])]):
        with refused("Malformed"):
            standing.charge(charges, [(station, 2)])
    charge = (AREA, here.local.reference(), 50, standing.until, standing.list)
    credit = station.to_bytes(4, "big") + bytes(15) + b"\x01"
    line = bytes(4) + b"\x01" + (1).to_bytes(4, "big")
    energy = station.to_bytes(4, "big") + bytes(7) + b"\x01" + bytes(7) + b"\x01"
    for charges, credited in (
        (line[:-1], credit),
        (line + b"\0", credit),
        (line, credit[:-1]),
        (line, energy),
    ):
        with refused("Malformed"):
            here.escrow.send("charge", *charge, charges, credited, sender=here.operator)


def test_a_reference_charges_once(standing):
    """P4: the same reference again is refused, whatever it says."""
    here = standing.here
    standing.allow(standing.allowance())
    reference, station = here.local.reference(), standing.numbers[here.payee]
    standing.charge([(0, [40])], [(station, 40)], reference=reference)

    with refused("AlreadySettled"):
        standing.charge([(0, [30])], [(station, 30)], reference=reference)


def test_an_allowance_needs_its_payer(standing):
    """Only the payer allows: by signature or by calling, in time, with its list, and not in a paused area."""
    here = standing.here
    allowance = standing.allowance()
    with refused("SignatureInvalid"):
        standing.allow(allowance, signature=sign(here.meter_key, allowance.digest))
    with refused("SignatureInvalid"):
        standing.allow(allowance, signature=b"")
    with refused("WrongTerms"):
        standing.allow(allowance, payees=(here.payee,))
    with refused("OutcomeDiffers"):
        standing.allow(allowance, units=599)
    for field, value, error in (
        ("domain", bytes(32), "WrongTerms"),
        ("asset", hashlib.sha256(b"another").digest(), "WrongTerms"),
        ("cap_units", 0, "OutOfRange"),
        ("cap_units", 1 << 63, "OutOfRange"),
        ("session_units_max", 0, "OutOfRange"),
        ("session_units_max", 1 << 32, "OutOfRange"),
        ("until", here.now, "AuthorisationExpired"),
        ("valid_from", here.now + HOUR_S, "TooEarly"),
        ("payees", (NOBODY,), "UnknownParty"),
    ):
        with refused(error):
            standing.allow(standing.allowance(**{field: value}))
    standing.allow(allowance, signature=b"", caller=here.payer)
    with refused("IdUsed"):
        standing.allow(allowance)
    here.local.send("setPaused", AREA, True)
    with refused("AreaPaused"):
        standing.allow(standing.allowance(key=b"2".ljust(32)))
    with refused("AreaPaused"):
        standing.charge([(0, [40])], [(standing.numbers[here.payee], 40)])

    assert here.locked() == (0, 600)


def test_the_payer_revokes_with_notice(standing):
    """What was charged in time is paid; after the notice the rest goes back, and no more is charged."""
    here, station = standing.here, standing.numbers[standing.here.payee]
    allowance = standing.allowance()
    standing.allow(allowance)
    with refused("WrongCaller"):
        standing.stand(REVOKE, allowance)
    standing.stand(REVOKE, allowance, caller=here.payer)
    ends = standing.left(allowance)[1]
    assert ends == here.now + HOUR_S
    standing.stand(REVOKE, allowance, caller=here.payer)
    assert standing.left(allowance)[1] == ends, "asking again delays nothing"
    standing.charge([(0, [40])], [(station, 40)])
    with refused("TooEarly"):
        standing.stand(RETURN, allowance, units=560)
    here.local.pass_time(2 * HOUR_S)

    standing.stand(RETURN, allowance, units=560)

    with refused("AboveCap"):
        standing.charge([(0, [40])], [(station, 40)])
    assert here.money(here.payer) == FUNDS - 40
    assert here.locked() == (0, 0)


def test_anybody_returns_the_rest_once(standing):
    """P7: after the end a stranger has it given back, paused or not; once, and to the unit."""
    here = standing.here
    given = [standing.allowance(car) for car in here.cars]
    for each in given:
        standing.allow(each)
    here.local.pass_time(31 * 24 * HOUR_S)
    here.local.send("setPaused", AREA, True)
    for units in (599, 601, 0):
        with refused("OutcomeDiffers"):
            standing.stand(RETURN, given[0], units=units)

    standing.stand(RETURN, given[0], units=600)

    with refused("OutcomeDiffers"):
        standing.stand(RETURN, given[0], units=600)
    standing.stand(RETURN, given[0], units=0)
    assert [standing.left(each)[0] for each in given] == [0, 600, 600]
    assert here.locked() == (0, 1_200)
    here.local.send("setPaused", AREA, False)
    with refused("IdUsed"):
        standing.allow(given[0])


def test_a_new_account_of_a_station_changes_nothing(standing):
    """A list is of the accounts that its payees had: one that registers another one later strands nobody."""
    here = standing.here
    allowance = standing.allowance()
    standing.allow(allowance)
    here.local.register_signed(here.payee)
    standing.charge([(0, [40])], [(standing.numbers[here.payee], 40)])
    here.local.pass_time(31 * 24 * HOUR_S)

    standing.stand(RETURN, allowance, units=560)

    assert here.locked() == (0, 0)


def test_unknown_actions_are_refused(standing):
    """An action without a number of its own, and one on an allowance that never was."""
    allowance = standing.allowance()
    with refused("UnknownAllowance"):
        standing.stand(RETURN, allowance)
    standing.allow(allowance)
    with refused("OutcomeDiffers"):
        standing.stand(REVOKE, allowance, units=5, caller=standing.here.payer)
    for action in (0, CHARGE):
        with refused("Malformed"):
            standing.stand(action, allowance, units=600)
