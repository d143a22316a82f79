"""The cases about holds can be passed, and catch a chain that keeps what it should give back."""

from __future__ import annotations

import pytest

from sauma.testing import ChainSuite, Harness, World, run_cases

from .escrow_chain import EscrowChain, EscrowHarness, HoldsNothing, KeepsARefund


class TestEscrow(ChainSuite):
    """Every case, on a chain that declares holds and statements."""

    @pytest.fixture
    def harness(self) -> Harness:
        """A new chain."""
        return EscrowHarness()


@pytest.mark.parametrize("fault", [KeepsARefund, HoldsNothing], ids=lambda each: each.__name__)
def test_a_faulty_hold_is_caught(fault: type[EscrowChain]) -> None:
    """A chain that keeps a refund, or that lets what is held be spent, fails the case that says so."""
    failures = run_cases(ChainSuite, lambda: World(EscrowHarness(fault)), (fault.caught_by,))

    assert [(number, type(error)) for number, error in failures.items()] in (
        [(fault.caught_by, AssertionError)],
        [(fault.caught_by, pytest.fail.Exception)],
    )
