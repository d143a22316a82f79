"""What a case of the chain suite is, and how the declared capabilities decide what it must show.

A case is a method whose name bears its stable number and whose docstring is the rule.  On a chain that
declares what the case needs, the rule must hold.  On a chain that does not, the very same calls are
made and must be refused with `Unsupported`, and nothing may move.
"""

from __future__ import annotations

import functools
import inspect
import re
from collections.abc import Callable
from typing import Any, Protocol

import attrs
import pytest

from sauma.chain import Capabilities, Finality
from sauma.errors import Unsupported
from sauma.testing.harness import Ability
from sauma.testing.matrix import CAPABILITIES
from sauma.testing.world import World

_NAME = re.compile(r"test_cs(\d{3})_(\w+)")


@attrs.frozen(kw_only=True)
class Case:
    """One rule of the port."""

    case_id: str
    """`CS-` and three digits; never given to another rule."""
    name: str
    row: str
    """The capability or promise that it is about."""
    rule: str
    needs: tuple[str, ...]
    """The capabilities without which the chain must refuse it."""
    abilities: tuple[Ability, ...]
    """What the harness must be able to make happen."""
    run: Callable[[World], None]
    """Raises `AssertionError`, or another error, when the rule is broken."""


class CaseMethod(Protocol):
    """A method of the suite that is a case."""

    sauma_case: Case

    def __call__(self, suite: Any, world: World) -> None:
        """Run the case."""


def case(
    row: str, *, needs: tuple[str, ...] | None = None, abilities: tuple[Ability, ...] = ()
) -> Callable[[Callable[[Any, World], None]], CaseMethod]:
    """Make a method named `test_cs123_…` the case CS-123.

    `row` is a capability, which the case then needs, or one of `PROMISES`.
    """

    def mark(method: Callable[[Any, World], None]) -> CaseMethod:
        found = _NAME.fullmatch(method.__name__)
        if found is None or not method.__doc__:
            raise TypeError(f"{method.__name__} needs a name test_cs123_… and a rule as docstring")
        needed = needs if needs is not None else (row,) if row in CAPABILITIES else ()
        made = Case(
            case_id=f"CS-{found[1]}",
            name=found[2],
            row=row,
            rule=inspect.cleandoc(method.__doc__),
            needs=needed,
            abilities=abilities,
            run=lambda world: perform(made, functools.partial(method, None), world),
        )

        @functools.wraps(method)
        def run(suite: Any, world: World) -> None:
            perform(made, functools.partial(method, suite), world)

        run.sauma_case = made  # type: ignore[attr-defined]
        return run  # type: ignore[return-value]

    return mark


def perform(case: Case, body: Callable[[World], None], world: World) -> None:
    """Hold a chain to a rule, or to its refusal when it does not declare what the rule needs.

    What fails bears the rule as a note.
    """
    try:
        _perform(case, body, world)
    except (Exception, pytest.fail.Exception) as error:
        error.add_note(f"{case.case_id}: {case.rule}")
        raise


def _perform(case: Case, body: Callable[[World], None], world: World) -> None:
    absent = undeclared(case, world.capabilities)
    if absent:
        check_refused(body, world, absent[0])
        return
    reason = why_not_run(case, world)
    if reason is not None:
        pytest.skip(f"not run: {reason}")
    body(world)


def undeclared(case: Case, capabilities: Capabilities) -> tuple[str, ...]:
    """Return the capabilities that a case needs and a chain does not declare."""
    return tuple(name for name in case.needs if not getattr(capabilities, name))


def why_not_run(case: Case, world: World) -> str | None:
    """Return why a case cannot be made to happen on this chain, or None when it can."""
    if Ability.ROLL_BACK in case.abilities and world.capabilities.finality is Finality.INSTANT:
        return "every block is final at once, so none is rolled back"
    for ability in case.abilities:
        if ability in world.harness.cannot:
            return f"the harness cannot ({ability.value}): {world.harness.cannot[ability]}"
    return None


def check_refused(body: Callable[[World], None], world: World, capability: str) -> None:
    """Fail unless a case ends in `Unsupported` with nothing moved."""
    before = world.snapshot()
    try:
        body(world)
    except Unsupported:
        pass
    else:
        raise AssertionError(f"the chain does not declare {capability}, and does it")
    world.check_nothing_moved(before, f"{capability} is not declared and was refused")


def cases_of(suite: type) -> tuple[Case, ...]:
    """Return all cases of a suite by their numbers; raises `TypeError` when two share one."""
    found: dict[str, Case] = {}
    for _, method in inspect.getmembers(suite):
        made = getattr(method, "sauma_case", None)
        if not isinstance(made, Case):
            continue
        if made.case_id in found:
            raise TypeError(f"{made.case_id} is both {made.name} and {found[made.case_id].name}")
        found[made.case_id] = made
    return tuple(found[case_id] for case_id in sorted(found))


def run_cases(
    suite: type, new_world: Callable[[], World], case_ids: tuple[str, ...] | None = None
) -> dict[str, BaseException]:
    """Run cases without pytest, each in a new world, and return what failed, by number."""
    failures: dict[str, BaseException] = {}
    for each in cases_of(suite):
        if case_ids is not None and each.case_id not in case_ids:
            continue
        try:
            each.run(new_world())
        except pytest.skip.Exception:
            continue
        except (Exception, pytest.fail.Exception) as error:  # a broken rule shows as any error
            failures[each.case_id] = error
    return failures
