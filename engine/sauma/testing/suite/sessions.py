# ruff: noqa: S101 - a wrong answer of a chain is a failed test
"""Sessions: every transition of the machine, every way it fails, and every way out."""

from __future__ import annotations

from typing import Final

import attrs

from sauma.session import Outcome, Reason, Refusal, SessionState, Transition
from sauma.testing.cases import case
from sauma.testing.charging import CAP, HOUR, Charging, do_together
from sauma.testing.harness import Ability
from sauma.testing.world import World

T = Transition
BOTH: Final = ("hold", "contest")
TIME: Final = (Ability.PASS_TIME,)


class Sessions:
    """What the chain does is what the machine says; what the machine refuses, the chain refuses."""

    @case("hold", needs=BOTH)
    def test_cs250_authorise_locks_the_cap(self, world: World) -> None:
        """1: the payer's Authorisation locks the cap once; without it, or with another's, nothing is."""
        here = Charging(world)
        stolen = here.signed(here.authorisation()[0].statement, here.bert)
        assert here.refused(T.AUTHORISE, here.anna) is Reason.MISSING_EVIDENCE
        assert here.refused(T.AUTHORISE, here.bert, stolen) is Reason.MISSING_EVIDENCE
        here.authorised()

        assert here.refused(T.AUTHORISE, here.anna, here.authorisation()) is Reason.ID_USED

    @case("hold", needs=BOTH)
    def test_cs251_start_needs_the_meter(self, world: World) -> None:
        """2: only the payee starts, and only with reading 0 that the meter signed."""
        here = Charging(world).authorised()
        assert here.refused(T.START, here.anna, here.reading(0, 0)) is Reason.WRONG_CALLER
        forged = here.reading(0, 0, signer=here.cleo)
        assert here.refused(T.START, here.bert, forged) is Reason.MISSING_EVIDENCE
        assert here.refused(T.START, here.bert, here.reading(1, 0)) is Reason.MISSING_EVIDENCE
        here.do(T.START, here.bert, here.reading(0, 0))

        assert here.refused(T.START, here.bert, here.reading(0, 0)) is Reason.WRONG_STATE

    @case("hold", needs=BOTH)
    def test_cs252_a_false_signature_is_none(self, world: World) -> None:
        """P5: evidence whose signature does not fit its bytes counts for nothing."""
        here = Charging(world).authorised()
        (true,) = here.reading(0, 0)
        (other,) = here.reading(0, 1)
        step = here.step(T.START, here.bert, (true,))
        outcome = here.outcome(step)
        assert isinstance(outcome, Outcome), "a start is possible"
        false = attrs.evolve(step, evidence=(attrs.evolve(true, signature=other.signature),))

        here.check_refused(here.batch(false, outcome), "its signature is of other bytes")

    @case("hold", needs=BOTH)
    def test_cs253_cancel_gives_all_back(self, world: World) -> None:
        """3: before it starts either may call it off, and all goes back."""
        for key in ("payer", "payee"):
            here = Charging(world, key=key).authorised()
            caller = here.anna if key == "payer" else here.bert
            assert here.refused(T.CANCEL, here.cleo) is Reason.MISSING_EVIDENCE
            assert here.do(T.CANCEL, caller).payer_units == CAP

    @case("hold", needs=BOTH)
    def test_cs254_cancel_after_ready_costs_the_fee(self, world: World) -> None:
        """3: a payer who cancels once the payee was ready pays the no-show fee."""
        here = Charging(world).authorised()
        here.do(T.READY, here.bert, here.ready())
        outcome = here.do(T.CANCEL, here.cleo, here.cancel(here.anna))

        assert (outcome.payee_units, outcome.payer_units) == (30, CAP - 30)

    @case("hold", needs=BOTH, abilities=TIME)
    def test_cs255_a_no_show_ends(self, world: World) -> None:
        """4: after the start deadline anybody ends it, with the fee only if the payee was ready."""
        here = Charging(world).authorised()
        assert here.refused(T.NO_SHOW, here.cleo) is Reason.TOO_EARLY
        assert here.leave(here.cleo).payer_units == CAP
        ready = Charging(world, key="ready").authorised()
        ready.do(T.READY, ready.bert, ready.ready())

        assert ready.leave(ready.cleo).payee_units == 30

    @case("hold", needs=BOTH, abilities=TIME)
    def test_cs256_nothing_starts_too_late(self, world: World) -> None:
        """1, 2 and 17: after their deadlines nothing is authorised, started or ready."""
        here = Charging(world).authorised()
        late = Charging(world, key="late")
        old = late.authorisation(valid_s=1)
        late.wait(2)
        assert late.refused(T.AUTHORISE, late.anna, old) is Reason.AUTHORISATION_EXPIRED
        here.wait(12 * HOUR)

        assert here.refused(T.START, here.bert, here.reading(0, 0)) is Reason.STARTED_TOO_LATE
        assert here.refused(T.READY, here.bert, here.ready()) is Reason.STARTED_TOO_LATE

    @case("hold", needs=BOTH)
    def test_cs257_top_up_locks_the_difference(self, world: World) -> None:
        """6: a higher Authorisation adds the difference; the same again adds nothing."""
        here = Charging(world).active()
        here.do(T.TOP_UP, here.anna, here.authorisation(CAP + 200))

        again = here.authorisation(CAP + 200)
        assert here.refused(T.TOP_UP, here.anna, again) is Reason.CAP_NOT_HIGHER

    @case("hold", needs=BOTH)
    def test_cs258_close_by_both(self, world: World) -> None:
        """7: what both signed is paid at once, whoever brings it; what one signed is not."""
        here = Charging(world).active()
        both = here.close(1, 100)
        assert here.refused(T.CLOSE, here.bert, both[1:]) is Reason.MISSING_EVIDENCE
        outcome = here.do(T.CLOSE, here.cleo, both)

        assert (outcome.payee_units, outcome.operator_units, outcome.payer_units) == (95, 5, 400)
        assert here.refused(T.CLOSE, here.cleo, here.close(2, 100)) is Reason.WRONG_STATE

    @case("contest", needs=BOTH)
    def test_cs259_older_evidence_does_not_count(self, world: World) -> None:
        """P8: a lower sequence, register or amount than is on record is refused."""
        here = Charging(world).active()
        here.do(T.COUNTERSIGN, here.bert, here.receipt(3, 4_000, 110))
        for evidence, reason in (
            (here.receipt(3, 4_400, 120), Reason.SEQUENCE_NOT_HIGHER),
            (here.receipt(2, 4_400, 120), Reason.SEQUENCE_NOT_HIGHER),
            (here.receipt(4, 3_999, 110), Reason.REGISTER_BACKWARDS),
            (here.receipt(4, 4_000, 109), Reason.AMOUNT_LOWER),
            (here.receipt(4, 4_000, 111), Reason.ABOVE_METER),
        ):
            assert here.refused(T.COUNTERSIGN, here.bert, evidence) is reason
        assert here.refused(T.CLAIM, here.bert, here.reading(2, 9_000)) is (
            Reason.SEQUENCE_NOT_HIGHER
        )

    @case("contest", needs=BOTH, abilities=TIME)
    def test_cs260_a_claim_waits_for_its_window(self, world: World) -> None:
        """8, 11: the payee claims by the meter alone, and is paid when the window is over, not before."""
        here = Charging(world).active()
        assert here.refused(T.CLAIM, here.anna, here.reading(5, 10_000)) is Reason.WRONG_CALLER
        forged = here.reading(5, 10_000, signer=here.cleo)
        assert here.refused(T.CLAIM, here.bert, forged) is Reason.MISSING_EVIDENCE
        here.do(T.CLAIM, here.bert, here.reading(5, 10_000))
        assert here.refused(T.SETTLE, here.bert) is Reason.TOO_EARLY
        outcome = here.leave(here.cleo)

        assert (outcome.payee_units, outcome.operator_units, outcome.payer_units) == (247, 13, 240)

    @case("contest", needs=BOTH, abilities=TIME)
    def test_cs261_the_payer_closes_when_the_station_is_silent(self, world: World) -> None:
        """9: after the silence limit the payer claims for itself; what the station then brings counts."""
        here = Charging(world).active()
        assert here.refused(T.CLAIM_SILENT, here.anna) is Reason.STATION_NOT_SILENT
        here.wait(5 * HOUR)
        here.do(T.CLAIM_SILENT, here.anna, here.reading(1, 400))
        here.do(T.CONTEST, here.bert, here.reading(2, 800))
        outcome = here.leave(here.anna)

        assert outcome.payer_units == CAP - 30

    @case("contest", needs=BOTH, abilities=TIME)
    def test_cs262_a_contest_moves_the_window_once(self, world: World) -> None:
        """10: newer evidence replaces; the first moves the window, the second does not; then it is over."""
        here = Charging(world).claimed(wh=1_000)
        assert here.refused(T.CONTEST, here.cleo, here.reading(6, 2_000)) is Reason.WRONG_CALLER
        assert here.refused(T.CONTEST, here.bert, here.reading(5, 2_000)) is (
            Reason.SEQUENCE_NOT_HIGHER
        )
        here.wait(HOUR)
        first = here.do(T.CONTEST, here.bert, here.reading(6, 2_000)).session.contest_until
        here.wait(HOUR)
        second = here.do(T.CONTEST, here.anna, here.receipt(7, 2_400, 70)).session.contest_until
        assert first == second, "the window moves once"
        here.wait_until_after(second)

        assert here.refused(T.CONTEST, here.bert, here.reading(8, 4_000)) is Reason.WINDOW_OVER

    @case("contest", needs=BOTH)
    def test_cs263_a_dispute_pays_what_is_undisputed(self, world: World) -> None:
        """12: what was countersigned is paid, what was not claimed goes back, the rest stays locked."""
        here = Charging(world).active()
        here.do(T.COUNTERSIGN, here.bert, here.receipt(1, 2_000, 60))
        here.do(T.CLAIM, here.bert, here.reading(5, 10_000))
        assert here.refused(T.DISPUTE, here.bert) is Reason.WRONG_CALLER
        outcome = here.do(T.DISPUTE, here.anna)

        assert (outcome.payee_units, outcome.operator_units, outcome.payer_units) == (57, 3, 240)
        assert outcome.session.locked_units == 205

    @case("contest", needs=BOTH)
    def test_cs264_a_ruling_is_paid(self, world: World) -> None:
        """13: only the arbiter's, from what was countersigned to what was claimed; who loses pays."""
        here = Charging(world).disputed()
        own = here.ruling(100, signer=here.anna)
        assert here.refused(T.RULE, here.anna, own) is Reason.MISSING_EVIDENCE
        assert here.refused(T.RULE, here.judge, here.ruling(261)) is Reason.RULING_OUT_OF_RANGE
        assert here.refused(T.RULE, here.judge, here.ruling(59)) is Reason.RULING_OUT_OF_RANGE
        outcome = here.do(T.RULE, here.bert, here.ruling(260))

        assert (outcome.payee_units, outcome.payer_units) == (247 - 57 + 5, 0)

    @case("contest", needs=BOTH, abilities=TIME)
    def test_cs265_a_silent_arbiter_locks_nothing(self, world: World) -> None:
        """14: after the arbiter's time anybody ends it by what the payer countersigned."""
        here = Charging(world).disputed()
        assert here.refused(T.DEFAULT, here.anna) is Reason.TOO_EARLY
        outcome = here.leave(here.cleo)

        assert (outcome.payee_units, outcome.payer_units) == (0, 205)

    @case("hold", needs=BOTH, abilities=TIME)
    def test_cs266_an_abandoned_session_expires(self, world: World) -> None:
        """15: when station and payee are gone, anybody gives the payer back what it did not countersign."""
        here = Charging(world).active()
        here.do(T.COUNTERSIGN, here.bert, here.receipt(1, 2_000, 60))
        assert here.refused(T.EXPIRE, here.anna) is Reason.TOO_EARLY
        outcome = here.leave(here.cleo)

        assert (outcome.payee_units, outcome.operator_units, outcome.payer_units) == (57, 3, 440)

    @case("hold", needs=BOTH)
    def test_cs267_a_correction_is_a_session_of_its_own(self, world: World) -> None:
        """16: a settled session never changes; one that names it pays the difference, signed by both."""
        old = Charging(world).active()
        running = Charging(world, corrects=old.terms.session_id, key="early")
        running.corrected = old.session
        evidence = (*running.authorisation(40), *running.close(1, 40))
        assert running.refused(T.CORRECT, running.anna, evidence) is Reason.NOT_CORRECTABLE
        old.do(T.CLOSE, old.bert, old.receipt(4, 10_000, 260))
        fix = Charging(
            world,
            payer=old.bert,
            payee=old.anna,
            corrects=old.terms.session_id,
            fee_bps=0,
            key="credit",
        )
        fix.corrected = old.session
        outcome = fix.do(T.CORRECT, old.bert, (*fix.authorisation(60), *fix.close(1, 40)))

        assert (outcome.payee_units, outcome.payer_units) == (40, 20)
        assert outcome.session.state is SessionState.SETTLED

    @case("hold", needs=BOTH)
    def test_cs268_what_is_over_stays_over(self, world: World) -> None:
        """P4: a settled session is paid once, and nothing more from what other sessions hold."""
        Charging(world, key="another").authorised()
        here = Charging(world).active()
        here.do(T.CLOSE, here.bert, here.receipt(4, 10_000, 260))

        newer = here.receipt(5, 10_000, 260)
        assert here.refused(T.CLOSE, here.bert, newer) is Reason.WRONG_STATE
        for transition in (T.SETTLE, T.EXPIRE, T.CANCEL, T.NO_SHOW):
            assert here.refused(transition, here.bert) is Reason.WRONG_STATE
        assert here.refused(T.AUTHORISE, here.anna, here.authorisation()) is Reason.ID_USED

    @case("hold", needs=BOTH)
    def test_cs269_other_movements_than_due_are_refused(self, world: World) -> None:
        """P1, P12: a step whose parts or refund are a unit off is refused, and nothing moves."""
        here = Charging(world).active()
        step = here.step(T.CLOSE, here.bert, here.receipt(4, 10_000, 260))
        due = here.outcome(step)
        assert isinstance(due, Outcome), "a close is possible"
        for payee, operator, payer in ((1, 0, -1), (1, -1, 0), (0, 0, -1), (0, 1, -1), (0, 0, 1)):
            off = attrs.evolve(
                due,
                payee_units=due.payee_units + payee,
                operator_units=due.operator_units + operator,
                payer_units=due.payer_units + payer,
            )
            wrong = set(here.batches(step, off)) - set(here.batches(step, due))
            for batch in wrong:
                here.check_refused(batch, "it is a unit off")
            assert wrong, "what is a unit off is another batch"

    @case("hold", needs=BOTH)
    def test_cs270_a_session_belongs_to_one_escrow(self, world: World) -> None:
        """P4: terms that name another chain or escrow open nothing here."""
        Charging(world).authorised()
        here = Charging(world, domain=bytes(32))
        step = here.step(T.AUTHORISE, here.anna, here.authorisation())
        outcome = here.outcome(step)
        assert isinstance(outcome, Outcome), "elsewhere it could be opened"

        here.check_refused(here.batch(step, outcome), "it is for another escrow")

    @case("hold", needs=(*BOTH, "atomic_batch"))
    def test_cs298_sessions_share_a_batch(self, world: World) -> None:
        """P15: sessions that are opened, or closed, in one batch are so all or none, each as alone."""
        here, there = Charging(world), Charging(world, key="another")
        opened = [(each, T.AUTHORISE, each.bert, each.authorisation()) for each in (here, there)]
        do_together(world, opened)
        for each in (here, there):
            each.do(T.START, each.bert, each.reading(0, 0))
        closed = [
            (each, T.CLOSE, each.bert, each.receipt(4, wh, units))
            for each, wh, units in ((here, 10_000, 260), (there, 4_000, 110))
        ]
        do_together(world, closed)

        again = here.step(T.CLOSE, here.bert, here.receipt(5, 10_000, 260))
        assert isinstance(here.outcome(again), Refusal), "what is over stays over"
