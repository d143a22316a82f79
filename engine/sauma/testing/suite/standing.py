# ruff: noqa: S101 - a wrong answer of a chain is a failed test
"""Standing authorisations: every action of their machine, every limit, and the way out."""

from __future__ import annotations

from typing import Final

import attrs

from sauma.chain import Part
from sauma.intervals import to_unix
from sauma.session import Reason, StandingAction, StandingOutcome
from sauma.testing.allowing import CAP, LIMIT, NOTICE_S, Allowing, do_all
from sauma.testing.cases import case
from sauma.testing.harness import Ability
from sauma.testing.world import World

A = StandingAction
BOTH: Final = ("standing", "hold")
TIME: Final = (Ability.PASS_TIME,)


class StandingAuthorisations:
    """What was allowed once is charged within its limits, and what is left goes back."""

    @case("standing", needs=BOTH)
    def test_cs290_the_payer_allows_once(self, world: World) -> None:
        """The payer's signature has the cap held, once; without it, or with another's, nothing is."""
        here = Allowing(world)
        assert here.refused(A.AUTHORISE, here.bert) is Reason.MISSING_EVIDENCE
        step = here.step(A.AUTHORISE, here.bert, signature=here.signature())
        outcome = step.decide(None, here.now)
        assert isinstance(outcome, StandingOutcome), "the payer can allow"
        stolen = attrs.evolve(step, signature=here.signature(here.bert))
        here.check_refused(stolen, outcome, "it is signed by another")
        here.allowed()

        assert here.refused(A.AUTHORISE, here.anna) is Reason.ID_USED

    @case("standing", needs=BOTH)
    def test_cs291_many_are_charged_together(self, world: World) -> None:
        """Micro-sessions of several authorisations are paid in one batch, each payee what it earned."""
        here = Allowing(world).allowed()
        plan = {"valid_until": here.terms.valid_until}
        there = Allowing(world, key="another", **plan).allowed()
        lines = [each.light(1, 800) for each in (here, there)]
        asked = [
            (here, here.step(A.CHARGE, here.cleo, lines[0], here.light(2, 400))),
            (there, there.step(A.CHARGE, there.cleo, lines[1])),
        ]
        if world.capabilities.atomic_batch:
            do_all(world, asked)
        else:
            for each in asked:
                do_all(world, [each])

        left = [each.standing.left_units for each in (here, there) if each.standing is not None]
        assert left == [CAP - 50, CAP - 30]

    @case("standing", needs=BOTH)
    def test_cs292_every_limit_is_kept(self, world: World) -> None:
        """P8: above the cap, to somebody else, by somebody else: refused; a micro-session is capped."""
        here = Allowing(world).allowed()
        dear = [here.light(number, 40_000) for number in range(7)]
        assert here.refused(A.CHARGE, here.cleo, *dear) is Reason.ABOVE_CAP
        other = here.light(8, 400, payee=here.judge)
        assert here.refused(A.CHARGE, here.cleo, other) is Reason.WRONG_CALLER
        assert here.refused(A.CHARGE, here.bert, dear[0]) is Reason.WRONG_CALLER
        assert here.refused(A.CHARGE, here.cleo) is Reason.MISSING_EVIDENCE
        outcome = here.do(A.CHARGE, here.cleo, dear[0])

        assert sum(part.units for part in outcome.parts) == LIMIT

    @case("standing", needs=BOTH)
    def test_cs293_a_false_reading_is_none(self, world: World) -> None:
        """P5: a micro-session whose readings its meter has not signed is not charged."""
        here = Allowing(world).allowed()
        true, other = here.light(1, 800), here.light(2, 400)
        step = here.step(A.CHARGE, here.cleo, true)
        outcome = step.decide(here.standing, here.now)
        assert isinstance(outcome, StandingOutcome), "it can be charged"
        false = attrs.evolve(true.last, signature=other.last.signature)

        forged = attrs.evolve(step, lines=(attrs.evolve(true, last=false),))
        here.check_refused(forged, outcome, "a reading's signature is of other bytes")

    @case("standing", needs=BOTH)
    def test_cs294_other_movements_than_due_are_refused(self, world: World) -> None:
        """P1, P12: a charge whose parts are a unit off is refused, and nothing moves."""
        here = Allowing(world).allowed()
        step = here.step(A.CHARGE, here.cleo, here.light(1, 800))
        due = step.decide(here.standing, here.now)
        assert isinstance(due, StandingOutcome), "it can be charged"
        bert, cleo = due.parts
        for parts in (
            (_more(bert, 1), cleo),
            (_more(bert, 1), _more(cleo, -1)),
            (bert, _more(cleo, 1)),
            (bert,),
        ):
            here.check_refused(step, attrs.evolve(due, parts=parts), "it is a unit off")

    @case("standing", needs=BOTH, abilities=TIME)
    def test_cs295_the_payer_revokes(self, world: World) -> None:
        """Only the payer, with its notice: then anybody has the rest returned, and no more is charged."""
        here = Allowing(world).allowed()
        assert here.refused(A.REVOKE, here.cleo) is Reason.WRONG_CALLER
        assert here.refused(A.RETURN, here.anna) is Reason.TOO_EARLY
        here.do(A.REVOKE, here.anna)
        here.do(A.CHARGE, here.cleo, here.light(1, 800))
        assert here.refused(A.RETURN, here.anna) is Reason.TOO_EARLY
        here.wait_until_after(here.now + NOTICE_S)
        assert here.do(A.RETURN, here.bert).returned_units == CAP - 30

        assert here.refused(A.CHARGE, here.cleo, here.light(2, 400)) is Reason.WRONG_STATE
        assert here.refused(A.RETURN, here.anna) is Reason.WRONG_STATE

    @case("standing", needs=BOTH, abilities=TIME)
    def test_cs296_it_ends_by_itself(self, world: World) -> None:
        """P7: after its end nothing is charged, and anybody has the rest returned."""
        here = Allowing(world).allowed()
        here.wait_until_after(to_unix(here.terms.valid_until))
        late = here.light(1, 800)
        assert here.refused(A.CHARGE, here.cleo, late) is Reason.AUTHORISATION_EXPIRED
        assert here.do(A.RETURN, here.bert).returned_units == CAP

        late_one = Allowing(world, key="late", valid_until=here.terms.valid_until)
        reason = late_one.refused(A.AUTHORISE, late_one.anna)
        assert reason is Reason.AUTHORISATION_EXPIRED

    @case("standing", needs=BOTH)
    def test_cs297_it_belongs_to_one_escrow(self, world: World) -> None:
        """P4: terms that name another chain or escrow hold nothing here."""
        Allowing(world).allowed()
        here = Allowing(world, domain=bytes(32))
        step = here.step(A.AUTHORISE, here.anna)
        outcome = step.decide(None, here.now)
        assert isinstance(outcome, StandingOutcome), "elsewhere it could be held"

        here.check_refused(step, outcome, "it is for another escrow")


def _more(part: Part, units: int) -> Part:
    return attrs.evolve(part, units=part.units + units)
