# ruff: noqa: S101 - a wrong answer of a chain is a failed test
"""What went wrong with charging on chains before, and does not here: the faults of Share&Charge (2018)."""

from __future__ import annotations

from typing import Final

from sauma.session import Reason, SessionState, Transition
from sauma.testing.cases import case
from sauma.testing.charging import CAP, Charging
from sauma.testing.harness import Ability
from sauma.testing.world import START_UNITS, World

T = Transition
BOTH: Final = ("hold", "contest")


class Peers:
    """Each fault of an older contract, as a rule that this chain keeps."""

    @case("hold", needs=BOTH)
    def test_cs280_a_second_start_overwrites_nothing(self, world: World) -> None:
        """A session that runs cannot be opened or started again, and is paid as it was."""
        here = Charging(world).active()
        assert here.refused(T.AUTHORISE, here.anna, here.authorisation()) is Reason.ID_USED
        assert here.refused(T.START, here.bert, here.reading(0, 9_000)) is Reason.WRONG_STATE
        outcome = here.do(T.CLOSE, here.bert, here.receipt(4, 10_000, 260))

        assert outcome.payee_units == 247

    @case("hold", needs=BOTH, abilities=(Ability.PASS_TIME,))
    def test_cs281_a_station_that_vanishes_locks_nothing(self, world: World) -> None:
        """When the station is gone after it started, the payer has all back, whoever asks for it."""
        here = Charging(world).active()
        here.leave(here.cleo)

        assert here.units()["anna"] == START_UNITS

    @case("hold", needs=BOTH, abilities=(Ability.PASS_TIME,))
    def test_cs282_a_price_above_what_was_held_blocks_nothing(self, world: World) -> None:
        """When the meter says more than was prepaid, what was prepaid is paid, and the session ends."""
        here = Charging(world).claimed(wh=50_000)
        outcome = here.leave(here.bert)

        assert outcome.payee_units + outcome.operator_units == CAP
        assert outcome.session.state is SessionState.SETTLED

    @case("hold", needs=BOTH)
    def test_cs283_the_payee_alone_sets_no_price(self, world: World) -> None:
        """What is paid at once is signed by the payer, and never above the price of what the meter says."""
        here = Charging(world).active()
        alone = here.close(1, 400)[1:]
        assert here.refused(T.CLOSE, here.bert, alone) is Reason.MISSING_EVIDENCE
        own = here.receipt(1, 10_000, 260, signer=here.bert)
        assert here.refused(T.CLOSE, here.bert, own) is Reason.MISSING_EVIDENCE
        dear = here.receipt(1, 10_000, 261)

        assert here.refused(T.CLOSE, here.bert, dear) is Reason.ABOVE_METER

    @case("hold", needs=BOTH)
    def test_cs284_what_is_authorised_is_locked_at_once(self, world: World) -> None:
        """Before anything starts the money is out of the payer's hands, so a station need not trust."""
        here = Charging(world).authorised()

        assert here.units()["anna"] == START_UNITS - CAP

    @case("hold", needs=BOTH)
    def test_cs285_nobody_allows_for_another(self, world: World) -> None:
        """Only the payer's own signature or transaction lets its money be held."""
        here = Charging(world)
        for signer in (here.bert, here.cleo, here.judge):
            forged = here.signed(here.authorisation()[0].statement, signer)
            assert here.refused(T.AUTHORISE, signer, forged) is Reason.MISSING_EVIDENCE
        here.authorised()

        assert here.units()["anna"] == START_UNITS - CAP

    @case("hold", needs=BOTH)
    def test_cs286_the_operator_gets_its_commission(self, world: World) -> None:
        """Of what is paid the operator has its basis points, rounded down, in the same step."""
        here = Charging(world).active()
        outcome = here.do(T.CLOSE, here.cleo, here.close(1, 199))

        assert (outcome.operator_units, outcome.payee_units) == (9, 190)

    @case("hold", needs=BOTH)
    def test_cs287_a_reading_is_signed_by_the_meter(self, world: World) -> None:
        """A reading that the session's meter did not sign starts nothing and claims nothing."""
        here = Charging(world).authorised()
        start = here.reading(0, 0, signer=here.cleo)
        assert here.refused(T.START, here.bert, start) is Reason.MISSING_EVIDENCE
        here.do(T.START, here.bert, here.reading(0, 0))
        claim = here.reading(3, 9_000, signer=here.cleo)

        assert here.refused(T.CLAIM, here.bert, claim) is Reason.MISSING_EVIDENCE
