"""Every transition of the table, what it moves, and every reason for which it is refused."""

from __future__ import annotations

from datetime import timedelta

import attrs
import pytest

from sauma.session import (
    Command,
    Outcome,
    Reason,
    Refusal,
    SessionState,
    Transition,
    decide,
)

from .car import (
    ARBITER,
    CAP,
    CAR,
    CHARGER,
    END,
    METER,
    NOW,
    OPERATOR,
    START,
    STRANGER,
    TERMS,
    Road,
    paid,
    road,
)

T = Transition


def test_1_authorise_locks_the_cap():
    """1: the payer's Authorisation locks the cap, whoever brings it."""
    here = Road()
    outcome = here.do(T.AUTHORISE, STRANGER, here.authorisation())

    assert outcome.session.state is SessionState.AUTHORISED
    assert (outcome.locked_units, outcome.session.locked_units) == (CAP, CAP)


def test_1_authorise_is_refused():
    """1: no other's signature, no late one, no empty cap, no used id, no terms of another id."""
    here = Road()
    other = attrs.evolve(here.authorisation(), signer=CHARGER)
    assert here.refused(T.AUTHORISE, CAR, other) is Reason.MISSING_EVIDENCE
    assert here.refused(T.AUTHORISE, CAR, here.authorisation(0)) is Reason.CAP_NOT_HIGHER
    here.now = START
    assert isinstance(here.ask(T.AUTHORISE, CAR, here.authorisation()), Outcome)
    here.now = START + 1
    assert here.refused(T.AUTHORISE, CAR, here.authorisation()) is Reason.AUTHORISATION_EXPIRED
    late = here.authorisation(valid_until=END)
    assert here.refused(T.AUTHORISE, CAR, late) is Reason.STARTED_TOO_LATE
    here = road(corrects=b"c" * 32)
    assert here.refused(T.AUTHORISE, CAR, here.authorisation()) is Reason.NOT_CORRECTABLE
    here = Road().authorised()
    assert here.refused(T.AUTHORISE, CAR, here.authorisation()) is Reason.ID_USED
    here = Road()
    without = Command(transition=T.AUTHORISE, session_id=TERMS.session_id, caller=CAR)
    other = attrs.evolve(TERMS, key="2")
    for terms in (None, other):
        answer = decide(None, without, NOW, terms=terms)
        assert isinstance(answer, Refusal)
        assert answer.reason is Reason.MISSING_EVIDENCE


def test_17_ready_is_dated_by_the_chain():
    """17: a Ready counts from when the chain has it, so nobody backdates one after the deadline."""
    here = Road().authorised()
    assert here.refused(T.READY, CHARGER) is Reason.MISSING_EVIDENCE
    here.now = START
    assert here.do(T.READY, STRANGER, here.ready()).session.is_ready
    late = Road().authorised()
    late.now = START + 1
    backdated = attrs.evolve(late.ready(), statement=attrs.evolve(late.ready().statement, time=NOW))
    assert late.refused(T.READY, CHARGER, backdated) is Reason.STARTED_TOO_LATE


def test_2_start_takes_the_first_register():
    """2: the payee starts with the meter's reading 0, until the deadline."""
    here = Road().authorised()
    assert here.refused(T.START, CAR, here.reading(0, 0)) is Reason.WRONG_CALLER
    assert here.refused(T.START, CHARGER, here.reading(1, 0)) is Reason.MISSING_EVIDENCE
    unsigned = here.reading(0, 0, signer=CHARGER)
    assert here.refused(T.START, CHARGER, unsigned) is Reason.MISSING_EVIDENCE
    here.now = START + 1
    assert here.refused(T.START, CHARGER, here.reading(0, 0)) is Reason.STARTED_TOO_LATE
    here.now = START
    session = here.do(T.START, CHARGER, here.reading(0, 7)).session

    assert session.state is SessionState.ACTIVE
    assert session.register_start_wh == session.register_wh == 1_000_007
    assert session.amount_units == 0


@pytest.mark.parametrize(
    ("is_ready", "caller", "fee"), [(False, CAR, 0), (True, CAR, 300), (True, CHARGER, 0)]
)
def test_3_cancel_gives_back(is_ready, caller, fee):
    """3: either may call it off; a payer pays the no-show fee once the payee was ready."""
    here = Road().authorised()
    if is_ready:
        here.do(T.READY, CHARGER, here.ready())
    outcome = here.do(T.CANCEL, caller)

    assert outcome.session.state is SessionState.RELEASED
    assert (outcome.payee_units, outcome.payer_units) == (fee, CAP - fee)


def test_3_cancel_by_others_needs_a_signature():
    """3: anybody may bring a signed Cancel, nobody else may cancel."""
    here = Road().authorised()
    assert here.refused(T.CANCEL, STRANGER) is Reason.MISSING_EVIDENCE
    assert here.refused(T.CANCEL, OPERATOR, here.cancel(STRANGER)) is Reason.MISSING_EVIDENCE
    here.do(T.CANCEL, STRANGER, here.cancel(CHARGER))


@pytest.mark.parametrize(("is_ready", "fee"), [(False, 0), (True, 300)])
def test_4_no_show_is_open_to_anybody(is_ready, fee):
    """4: after the deadline anybody ends it; only who was ready gets the fee."""
    here = Road().authorised()
    if is_ready:
        here.do(T.READY, CHARGER, here.ready())
    here.now = START
    assert here.refused(T.NO_SHOW, STRANGER) is Reason.TOO_EARLY
    here.now += 1
    outcome = here.do(T.NO_SHOW, STRANGER)

    assert outcome.session.state is SessionState.RELEASED
    assert (outcome.payee_units, outcome.payer_units) == (fee, CAP - fee)


def test_4_a_fee_is_at_most_what_is_held():
    """4: of a smaller cap the fee takes all, and no more."""
    here = Road().authorised(units=200)
    here.do(T.READY, CHARGER, here.ready())
    here.now = START + 1

    assert here.do(T.NO_SHOW, CAR).payee_units == 200


def test_5_countersign_keeps_the_highest_receipt():
    """5: sequence strictly up, register and amount not down, amount within cap and meter."""
    here = Road().active()
    session = here.do(T.COUNTERSIGN, STRANGER, here.receipt(2, 1_000, 350)).session
    assert (session.acknowledged_units, session.sequence) == (350, 2)
    for receipt, reason in (
        (here.receipt(2, 1_200, 400), Reason.SEQUENCE_NOT_HIGHER),
        (here.receipt(1, 1_200, 400), Reason.SEQUENCE_NOT_HIGHER),
        (here.receipt(3, 999, 350), Reason.REGISTER_BACKWARDS),
        (here.receipt(3, 1_000, 349), Reason.AMOUNT_LOWER),
        (here.receipt(3, 1_000, 351), Reason.ABOVE_METER),
        (here.receipt(3, 50_000, CAP + 1), Reason.ABOVE_CAP),
        (here.receipt(3, 1_000, 350, signer=CHARGER), Reason.MISSING_EVIDENCE),
    ):
        assert here.refused(T.COUNTERSIGN, CHARGER, receipt) is reason


def test_6_top_up_locks_the_difference():
    """6: a higher Authorisation adds what it is higher by; the same again adds nothing."""
    here = Road().active()
    outcome = here.do(T.TOP_UP, OPERATOR, here.authorisation(7_500))
    assert (outcome.locked_units, outcome.session.held_units) == (2_500, 7_500)
    assert here.refused(T.TOP_UP, CAR, here.authorisation(7_500)) is Reason.CAP_NOT_HIGHER
    assert here.refused(T.TOP_UP, CAR) is Reason.MISSING_EVIDENCE
    here.now = START + 1
    assert here.refused(T.TOP_UP, CAR, here.authorisation(9_000)) is Reason.AUTHORISATION_EXPIRED


def test_7_close_by_both_pays_at_once():
    """7: one Close signed by both is paid at once, whoever brings it."""
    here = Road().active()
    assert here.refused(T.CLOSE, CAR) is Reason.MISSING_EVIDENCE
    one_sided = here.close(1, 1_000, signers=(CHARGER,))
    assert here.refused(T.CLOSE, CHARGER, *one_sided) is Reason.MISSING_EVIDENCE
    different = (here.close(1, 10)[0], here.close(1, 11)[1])
    assert here.refused(T.CLOSE, CAR, *different) is Reason.MISSING_EVIDENCE
    assert here.refused(T.CLOSE, CAR, *here.close(1, CAP + 1)) is Reason.ABOVE_CAP
    assert here.refused(T.CLOSE, CAR, *here.close(0, 10)) is Reason.SEQUENCE_NOT_HIGHER
    outcome = here.do(T.CLOSE, STRANGER, *here.close(1, 1_000))

    assert outcome.session.state is SessionState.SETTLED
    assert (outcome.payee_units, outcome.operator_units, outcome.payer_units) == (950, 50, 4_000)


def test_7_close_by_receipt_is_the_payees():
    """7: with the payer's last Receipt the payee needs nothing more."""
    here = Road().active()
    receipt = here.receipt(4, 10_000, 2_600)
    assert here.refused(T.CLOSE, STRANGER, receipt) is Reason.WRONG_CALLER
    assert here.refused(T.CLOSE, CHARGER, here.receipt(4, 10_000, 2_601)) is Reason.ABOVE_METER
    outcome = here.do(T.CLOSE, CHARGER, receipt)

    assert (outcome.payee_units, outcome.operator_units, outcome.payer_units) == (2_470, 130, 2_400)


def test_8_claim_opens_the_window():
    """8: the payee claims by the meter alone; nothing moves before the window is over."""
    here = Road().active()
    assert here.refused(T.CLAIM, CAR, here.reading(5, 10_000)) is Reason.WRONG_CALLER
    own = here.reading(5, 10_000, signer=CHARGER)
    assert here.refused(T.CLAIM, CHARGER, own) is Reason.MISSING_EVIDENCE
    assert here.refused(T.CLAIM, CHARGER, here.reading(0, 10_000)) is Reason.SEQUENCE_NOT_HIGHER
    assert here.refused(T.CLAIM, CHARGER, here.reading(5, -1)) is Reason.REGISTER_BACKWARDS
    outcome = here.do(T.CLAIM, CHARGER, here.reading(5, 10_000))

    assert outcome.session.state is SessionState.CLAIMED
    assert outcome.session.amount_units == 2_600
    assert outcome.session.contest_until == NOW + 600
    assert (outcome.payee_units, outcome.payer_units) == (0, 0)


def test_8_what_is_priced_above_the_cap_is_the_cap():
    """8: the meter may say more than was prepaid; then the cap is due, and it can be closed."""
    here = Road().claimed(wh=50_000)
    assert here.session.amount_units == CAP
    here.now = here.session.contest_until + 1
    here.do(T.SETTLE, STRANGER)

    assert paid(here) == {"locked": CAP, "payee": 4_750, "operator": 250, "payer": 0}


def test_9_the_payer_closes_when_the_station_is_silent():
    """9: after the silence limit, or the end, the payer claims for itself; with what it has, or nothing."""
    here = Road().active()
    here.now = NOW + 900
    assert here.refused(T.CLAIM_SILENT, CAR) is Reason.STATION_NOT_SILENT
    here.now += 1
    assert here.refused(T.CLAIM_SILENT, CHARGER) is Reason.WRONG_CALLER
    assert isinstance(here.ask(T.CLAIM_SILENT, CAR, here.reading(2, 400)), Outcome)
    assert here.refused(T.CLAIM_SILENT, CAR, here.reading(2, -4)) is Reason.REGISTER_BACKWARDS
    outcome = here.do(T.CLAIM_SILENT, CAR)

    assert outcome.session.state is SessionState.CLAIMED
    assert outcome.session.amount_units == 0
    assert outcome.session.contest_until == here.now + 600


def test_9_evidence_on_the_chain_breaks_the_silence():
    """9: the silence counts from the last evidence that the chain has, and ends with the session."""
    here = road(silence_limit_s=6_000).active()
    here.now = NOW + 5_000
    here.do(T.COUNTERSIGN, CHARGER, here.receipt(1, 400, 200))
    here.now = END
    assert here.refused(T.CLAIM_SILENT, CAR) is Reason.STATION_NOT_SILENT
    here.now = END + 1

    assert here.do(T.CLAIM_SILENT, CAR).session.amount_units == 200


def test_10_contest_replaces_the_evidence():
    """10: newer evidence of either side replaces; the window moves at the first, not again."""
    here = Road().active()
    here.now = NOW + 1_000
    here.do(T.CLAIM_SILENT, CAR, here.reading(1, 400))
    until = here.session.contest_until
    here.now = until
    assert here.refused(T.CONTEST, STRANGER, here.reading(2, 800)) is Reason.WRONG_CALLER
    assert here.refused(T.CONTEST, CHARGER) is Reason.MISSING_EVIDENCE
    assert here.refused(T.CONTEST, CHARGER, here.reading(1, 800)) is Reason.SEQUENCE_NOT_HIGHER
    session = here.do(T.CONTEST, CHARGER, here.reading(2, 800)).session
    assert (session.amount_units, session.contest_until) == (300, until + 600)
    here.now += 10
    session = here.do(T.CONTEST, CAR, here.receipt(3, 1_000, 350)).session
    assert (session.acknowledged_units, session.contest_until) == (350, until + 600)
    here.now = until + 601
    assert here.refused(T.CONTEST, CHARGER, here.reading(4, 1_200)) is Reason.WINDOW_OVER


def test_11_settle_pays_after_the_window():
    """11: one second after the window anybody has it paid, and not before."""
    here = Road().claimed()
    here.now = NOW + 600
    assert here.refused(T.SETTLE, CHARGER) is Reason.TOO_EARLY
    here.now += 1
    here.do(T.SETTLE, STRANGER)

    assert here.session.state is SessionState.SETTLED
    assert paid(here) == {"locked": CAP, "payee": 2_470, "operator": 130, "payer": 2_400}


def test_12_dispute_leaves_the_difference_locked():
    """12: what was countersigned is paid, what was not claimed goes back; the rest and the bond stay."""
    here = Road().disputed(wh=10_000, acknowledged=600)
    outcome = here.outcomes[-1]

    assert (outcome.payee_units, outcome.operator_units, outcome.payer_units) == (570, 30, 2_400)
    assert outcome.locked_units == 50
    assert outcome.session.locked_units == 2_600 - 600 + 50


def test_12_dispute_is_refused():
    """12: not by others, not without an arbiter, not late, not of what was countersigned."""
    here = Road().claimed()
    assert here.refused(T.DISPUTE, CHARGER) is Reason.WRONG_CALLER
    here.now = NOW + 601
    assert here.refused(T.DISPUTE, CAR) is Reason.WINDOW_OVER
    alone = road(arbiter=None).claimed()
    assert alone.refused(T.DISPUTE, CAR) is Reason.NO_ARBITER
    signed = Road().claimed(wh=1_000)
    signed.do(T.CONTEST, CHARGER, signed.receipt(6, 1_000, 350))
    assert signed.refused(T.DISPUTE, CAR) is Reason.NOTHING_DISPUTED


@pytest.mark.parametrize(
    ("ruling", "payee", "operator", "payer"),
    [
        (600, 570, 30, 2_400 + 2_000 + 50),
        (1_599, 1_520, 79, 2_400 + 1_001 + 50),
        (2_600, 2_470 + 50, 130, 2_400),
    ],
)
def test_13_a_ruling_is_paid(ruling, payee, operator, payer):
    """13: within what was countersigned and claimed; the bond is the payee's if all was granted."""
    here = Road().disputed()
    here.do(T.RULE, STRANGER, here.ruling(ruling))

    assert paid(here) == {
        "locked": CAP + 50, "payee": payee, "operator": operator, "payer": payer
    }  # fmt: skip


def test_13_a_ruling_is_refused():
    """13: only the arbiter's, within its bounds and its time."""
    here = Road().disputed()
    assert here.refused(T.RULE, ARBITER) is Reason.MISSING_EVIDENCE
    assert here.refused(T.RULE, CAR, here.ruling(700, signer=CAR)) is Reason.MISSING_EVIDENCE
    assert here.refused(T.RULE, ARBITER, here.ruling(599)) is Reason.RULING_OUT_OF_RANGE
    assert here.refused(T.RULE, ARBITER, here.ruling(2_601)) is Reason.RULING_OUT_OF_RANGE
    here.now = here.session.arbiter_until + 1
    assert here.refused(T.RULE, ARBITER, here.ruling(700)) is Reason.WINDOW_OVER


def test_14_a_silent_arbiter_leaves_what_was_countersigned():
    """14: after the arbiter's time anybody ends it; the bond goes back."""
    here = Road().disputed()
    here.now = here.session.arbiter_until
    assert here.refused(T.DEFAULT, CHARGER) is Reason.TOO_EARLY
    here.now += 1
    here.do(T.DEFAULT, STRANGER)

    assert paid(here) == {"locked": CAP + 50, "payee": 570, "operator": 30, "payer": 4_450}


@pytest.mark.parametrize("acknowledged", [0, 200])
def test_15_what_nobody_claimed_expires(acknowledged):
    """15: after end and window, what was countersigned is paid and the rest goes back."""
    here = Road().active()
    if acknowledged:
        here.do(T.COUNTERSIGN, CHARGER, here.receipt(1, 400, acknowledged))
    here.now = END + 600
    assert here.refused(T.EXPIRE, CAR) is Reason.TOO_EARLY
    here.now += 1
    outcome = here.do(T.EXPIRE, STRANGER)

    assert outcome.session.state is SessionState.RELEASED
    assert outcome.payer_units == CAP - acknowledged
    assert outcome.payee_units + outcome.operator_units == acknowledged


def test_16_a_correction_is_a_new_session():
    """16: the settled session stays; a new one that names it pays the difference, either way round."""
    old = Road().active()
    old.do(T.CLOSE, CAR, *old.close(1, 1_000))
    credit = road(payer=CHARGER, payee=CAR, corrects=old.terms.session_id, fee_bps=0, key="credit")
    authorised = attrs.evolve(credit.authorisation(150), signer=CHARGER)
    outcome = credit.do(
        T.CORRECT, STRANGER, authorised, *credit.close(1, 100), corrected=old.session
    )

    assert outcome.session.state is SessionState.SETTLED
    assert (outcome.locked_units, outcome.payee_units, outcome.payer_units) == (150, 100, 50)
    again = credit.ask(T.CORRECT, STRANGER, authorised, *credit.close(1, 100))
    assert isinstance(again, Refusal)
    assert again.reason is Reason.ID_USED


def test_16_a_correction_is_refused():
    """16: of nothing, of a running session, of others, in another asset, or not signed by both."""
    old = Road().active()
    running = old.session
    old.do(T.CLOSE, CAR, *old.close(1, 1_000))
    fix = road(corrects=old.terms.session_id, key="fix")
    evidence = (fix.authorisation(150), *fix.close(1, 100))
    for corrected, given, reason in (
        (None, evidence, Reason.NOT_CORRECTABLE),
        (running, evidence, Reason.NOT_CORRECTABLE),
        (attrs.evolve(old.session, session_id=b"o" * 32), evidence, Reason.NOT_CORRECTABLE),
        (
            attrs.evolve(old.session, terms=attrs.evolve(TERMS, payee=STRANGER)),
            evidence,
            Reason.NOT_CORRECTABLE,
        ),
        (old.session, evidence[1:], Reason.MISSING_EVIDENCE),
        (old.session, evidence[:2], Reason.MISSING_EVIDENCE),
        (old.session, (fix.authorisation(99), *fix.close(1, 100)), Reason.ABOVE_CAP),
        (
            old.session,
            (fix.authorisation(150, NOW - 1), *fix.close(1, 100)),
            Reason.AUTHORISATION_EXPIRED,
        ),
    ):
        answer = fix.ask(T.CORRECT, CAR, *given, corrected=corrected)
        assert isinstance(answer, Refusal)
        assert answer.reason is reason


def test_a_session_that_started_offline_is_submitted_later():
    """A station without a network keeps the Authorisation, and brings 1 and 2 before it expires."""
    here = Road()
    given = here.authorisation()
    here.now = START
    here.do(T.AUTHORISE, CHARGER, given)
    here.do(T.START, CHARGER, here.reading(0, 0))

    assert here.session.state is SessionState.ACTIVE


def test_energy_beyond_what_was_agreed_costs_nothing():
    """Of more than `energy_wh_max` only that much is priced."""
    here = road(energy_wh_max=1_000).claimed(wh=9_000)

    assert here.session.amount_units == 350


def test_times_in_evidence_decide_nothing():
    """A clock that goes wrong does no harm: a reading dated in the future counts by its sequence."""
    here = Road().active()
    future = attrs.evolve(
        here.reading(1, 100).statement, time=NOW + int(timedelta(days=9).total_seconds())
    )
    signed = attrs.evolve(here.reading(1, 100), statement=future, signer=METER)

    assert here.do(T.CLAIM, CHARGER, signed).session.amount_units == 125
