"""Local chains with the contract: started once, and put back as they were before each test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from sauma_ethereum import FinalityRule, LocalEthereum

from .street import Street, start_anvil

EPOCH_SLOTS = 4


@pytest.fixture(scope="session")
def eth_tester_street() -> Iterator[Street]:
    """A street in this process, final by depth."""
    with LocalEthereum.in_process() as local:
        yield Street(local)


@pytest.fixture(scope="session")
def anvil_street() -> Iterator[Street]:
    """A street on anvil, final by depth."""
    with start_anvil() as local:
        yield Street(local)


@pytest.fixture(scope="session")
def tagged_street() -> Iterator[Street]:
    """A street on anvil, final by the node's tag."""
    with start_anvil(slots_in_epoch=EPOCH_SLOTS) as local:
        yield Street(local, finality=FinalityRule.FINALIZED, finality_blocks=2 * EPOCH_SLOTS + 1)


@pytest.fixture(params=["eth_tester", "anvil"])
def street(request: pytest.FixtureRequest) -> Street:
    """A street as it was, on each of the two kinds of chain."""
    made: Street = request.getfixturevalue(f"{request.param}_street")
    return made.restore()


@pytest.fixture
def anvil(anvil_street: Street) -> Street:
    """A street as it was, on anvil."""
    return anvil_street.restore()


@pytest.fixture
def tagged(tagged_street: Street) -> Street:
    """A street as it was, on anvil, final by tag."""
    return tagged_street.restore()
