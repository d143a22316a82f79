"""The test nodes themselves: what they make instead of undone blocks, and what is left after undoing."""

from __future__ import annotations

import pytest

from sauma.errors import Unavailable
from sauma_ethereum.anvil import AnvilProcess
from sauma_ethereum.transport import Call, Transport

from .street import Street, start_anvil

STATES_KEPT = 20


def test_a_block_instead_of_an_undone_one_is_another(street: Street):
    """However often a height is undone, or the whole chain reverted, no two blocks at it are the same."""
    local = street.local
    local.mine()
    height = local.node.height()
    hashes = [local.node.newest().block_hash]
    for _ in range(3):
        local.rollback(1)
        local.mine()
        hashes.append(local.node.newest().block_hash)
    street.restore()
    local.mine(height - local.node.height())
    hashes.append(local.node.newest().block_hash)

    assert local.node.height() == height
    assert len(set(hashes)) == len(hashes)


def test_a_chain_in_memory_is_played_again(eth_tester_street: Street):
    """After a return that makes no branch the same calls give the same blocks, undone ones, too."""
    node = eth_tester_street.restore().local.machine
    beginning = node.snapshot()

    def played() -> list[str]:
        hashes = []
        for make in (lambda: node.mine(2), lambda: node.pass_time(60), node.mine):
            make()
            hashes.append(newest(node))
        node.rollback(1)
        node.mine()
        return [*hashes, newest(node)]

    hashes = played()
    node.replay_from(beginning)

    assert played() == hashes


def newest(node: Transport) -> str:
    (block,) = node.ask([Call("eth_getBlockByNumber", ("latest", False))])
    return str(block["hash"])


def test_time_that_was_to_pass_is_forgotten_by_a_revert(street: Street):
    """A chain that is reverted goes on at its own pace, whatever was asked for before."""
    local = street.local
    before = local.node.newest().time
    local.pass_time(3_600)
    street.restore()
    local.mine()

    assert (local.node.newest().time - before).total_seconds() < 3_600


@pytest.fixture(scope="module")
def forgetful():
    """A street on an anvil that keeps few states."""
    with start_anvil(states_kept=STATES_KEPT) as local:
        yield Street(local)


def test_the_contract_is_there_after_any_number_of_reverts(forgetful: Street):
    """A chain that is reverted and made again, more often than states are kept, can be undone as before."""
    local = forgetful.local
    for _ in range(STATES_KEPT):
        forgetful.restore()
        local.mine(3)
        local.rollback(2)

        assert local.node.code(forgetful.settings.ledger_address)


def test_what_anvil_no_longer_knows_is_not_returned_to(forgetful: Street):
    """Undoing more blocks than states are kept is refused, and nothing is undone."""
    local = forgetful.local
    local.mine(2 * STATES_KEPT)
    height = local.node.height()

    with pytest.raises(Unavailable, match="anvil_rollback"):
        local.rollback(2 * STATES_KEPT - 2)

    assert isinstance(local.machine, AnvilProcess)
    assert local.node.height() == height
    assert local.node.code(forgetful.settings.ledger_address)
