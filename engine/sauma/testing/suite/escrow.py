# ruff: noqa: S101 - a wrong answer of a chain is a failed test
"""Holds of metered sessions, and that whatever is not declared is refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import pytest

from sauma.chain import Instruction
from sauma.errors import InsufficientBalance, Unsupported
from sauma.identifiers import content_id
from sauma.session import Outcome, Reason, Transition
from sauma.testing.cases import case
from sauma.testing.charging import CAP, Charging
from sauma.testing.world import START_UNITS, World, moved

SESSION: Final = content_id("suite-session", 1)

ASKED: Final[dict[str, tuple[str, Callable[[World], Instruction]]]] = {
    "issue": ("issue", lambda world: world.issue("bert", 1)),
    "transfer": ("transfer", lambda world: world.transfer("anna", "bert", 1)),
    "net": ("net", lambda world: world.net(anna=-1, bert=1)),
    "retire": ("retire", lambda world: world.retire("anna", 1)),
    "anchor": ("anchor", lambda world: world.anchor(bytes(32))),
    "hold": ("hold", lambda world: world.hold("anna", 1, SESSION)),
    "capture": ("hold", lambda world: world.capture("anna", SESSION, bert=1)),
    "release": ("hold", lambda world: world.release("anna", SESSION, 1)),
    "attest": ("contest", lambda world: world.attest("anna", SESSION)),
    "standing": ("standing", lambda world: world.stand("anna")),
}
"""Every kind of instruction, and the capability that it needs."""


class Escrow:
    """A session holds what was prepaid; what is not declared is refused."""

    @case("hold")
    def test_cs220_a_hold_pays_and_gives_back(self, world: World) -> None:
        """A car prepays, charges, pays what the meter says, and gets the rest back, to the unit."""
        here = Charging(world).active()
        held = here.units()
        here.do(Transition.CLOSE, here.bert, here.receipt(4, 10_000, 260))

        assert held["anna"] == START_UNITS - CAP
        assert here.units() == {
            **moved(),
            "anna": START_UNITS - 260,
            "bert": 247,
            "cleo": 13,
        }

    @case("hold")
    def test_cs221_a_hold_cannot_be_overdrawn(self, world: World) -> None:
        """No more can be held than there is, and no more captured than is held."""
        here = Charging(world)
        step = here.step(Transition.AUTHORISE, here.anna, here.authorisation(START_UNITS + 1))
        too_much = here.outcome(step)
        assert isinstance(too_much, Outcome), "the machine knows no balances"
        with pytest.raises(InsufficientBalance):
            world.chain.prepare([here.batch(step, too_much)], outstanding=())
        here.active()

        assert here.refused(Transition.CLOSE, here.bert, here.close(4, CAP + 1)) is Reason.ABOVE_CAP

    @case("hold")
    def test_cs222_what_is_held_cannot_be_spent(self, world: World) -> None:
        """Units that a session holds are not there for anything else."""
        here = Charging(world).authorised(START_UNITS - 1)
        again = Charging(world, key="another")
        step = again.step(Transition.AUTHORISE, here.anna, again.authorisation(2))
        outcome = again.outcome(step)
        assert isinstance(outcome, Outcome), "the machine knows no balances"

        with pytest.raises(InsufficientBalance):
            world.chain.prepare([again.batch(step, outcome)], outstanding=())

    @case("contest", needs=("contest", "hold"))
    def test_cs230_a_statement_is_on_record(self, world: World) -> None:
        """An attested reading is on the chain under its batch's reference and moves nothing."""
        here = Charging(world).authorised()
        step = here.step(Transition.START, here.bert, here.reading(0, 0))
        outcome = here.outcome(step)
        assert isinstance(outcome, Outcome), "a start is possible"
        statement = here.batch(step, outcome)
        before = here.units()
        world.land(statement)

        assert here.units() == before
        assert statement.reference in {each.reference for each in world.read().events}

    @case("undeclared")
    def test_cs240_what_is_not_declared_is_refused(self, world: World) -> None:
        """Each kind of instruction that is not declared is refused with `Unsupported`.

        By quote and by prepare alike, and nothing moves; what is declared can be quoted.
        """
        for capability, make in ASKED.values():
            batch = world.batch(make(world))
            if getattr(world.capabilities, capability):
                if capability not in ("hold", "contest", "standing"):
                    world.chain.quote([batch])
                continue
            before = world.snapshot()
            with pytest.raises(Unsupported):
                world.chain.quote([batch])
            with pytest.raises(Unsupported):
                world.chain.prepare([batch], outstanding=())

            world.check_nothing_moved(before, f"{capability} is not declared")

    @case("undeclared")
    def test_cs241_refused_beside_what_is_declared(self, world: World) -> None:
        """An undeclared instruction behind a declared one is refused too, and nothing moves.

        Whether in the same batch or in one of its own that comes first.
        """
        absent = [
            make
            for capability, make in ASKED.values()
            if not getattr(world.capabilities, capability)
        ]
        before = world.snapshot()
        for make in absent:
            mixed = world.batch(world.movement(1), make(world))
            first = world.batch(make(world))
            with pytest.raises(Unsupported):
                world.chain.prepare([mixed], outstanding=())
            with pytest.raises(Unsupported):
                world.chain.prepare([first, world.moving(1)], outstanding=())

        world.check_nothing_moved(before, "something undeclared was among it")
