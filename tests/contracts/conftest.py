"""One ledger for all tests of the contracts; each test finds it as it was deployed."""

import pytest

from .local_ledger import LocalLedger


@pytest.fixture(scope="session")
def deployed():
    """A ledger with one area, deployed once."""
    return LocalLedger()


@pytest.fixture
def local(deployed):
    """The ledger, put back afterwards to where it was."""
    snapshot = deployed.tester.take_snapshot()
    yield deployed
    deployed.tester.revert_to_snapshot(snapshot)
