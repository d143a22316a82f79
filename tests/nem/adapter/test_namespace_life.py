"""A namespace ends: who is warned, what is held, and how it is renewed."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest

from sauma_nem import NamespaceExpiring, NemChain, SetupStep, provision
from sauma_nem.namespace_life import NamespaceLife, namespace_life

from .authority import OPERATOR, delegate_of, entrust
from .street import BUYER, ISSUER, Street, a_street, anchor, batch_of, issue, settings_of

DAY_BLOCKS = 2
SETTINGS = settings_of(block_seconds=86_400 // DAY_BLOCKS, deadline_s=86_400)
YEAR_BLOCKS = 365 * DAY_BLOCKS


@pytest.fixture
def street() -> Iterator[Street]:
    """A street with two blocks a day, so that a year passes quickly."""
    with a_street(SETTINGS, block_target_seconds=SETTINGS.block_seconds) as made:
        yield made


def life(street: Street) -> NamespaceLife:
    found = namespace_life(street.client, SETTINGS)
    assert found is not None
    return found


def until_days_left(street: Street, days: int) -> None:
    """Let blocks pass until so many days are left."""
    street.node.mine(life(street).blocks_left - days * DAY_BLOCKS)


def test_the_end_is_where_the_chain_puts_it(street: Street):
    """In the last block before the end the namespace is active, in the next it is not."""
    street.node.mine(life(street).blocks_left)
    last = life(street)
    street.node.mine()

    assert last.blocks_left == 0
    assert last.expires_at_height == street.node.height
    assert namespace_life(street.client, SETTINGS) is None


@pytest.mark.parametrize(("days", "warned"), [(61, False), (59, True)])
def test_an_end_within_sixty_days_is_told(street: Street, caplog, days, warned):
    """Preparing and setting up go on, and say by name what is coming."""
    until_days_left(street, days)
    with caplog.at_level(logging.WARNING, "sauma_nem"):
        (signed,) = street.chain.prepare([batch_of(issue(1))], outstanding=())
    state = provision(street.client, SETTINGS, ISSUER)
    warnings = [each for each in caplog.records if each.message == "namespace_expires_soon"]

    assert signed
    assert state.is_ready
    assert state.namespace_is_ending is warned
    assert bool(warnings) is warned
    if warned:
        assert (warnings[0].days_left, warnings[0].namespace) == (days, "grid")


def test_what_could_not_move_in_time_is_held(street: Street):
    """Nothing is signed whose deadline lies behind the end; planning and anchoring go on."""
    until_days_left(street, 1)

    with pytest.raises(NamespaceExpiring, match="renew it by `provision`"):
        street.chain.prepare([batch_of(issue(1))], outstanding=())
    assert street.chain.quote([batch_of(issue(1))]).transactions == 1
    assert street.chain.prepare([batch_of(anchor())], outstanding=())


def test_setting_up_renews_in_time_and_once(street: Street):
    """Two weeks before the end the rent is paid again, however often it is asked for."""
    until_days_left(street, 14)
    early = provision(street.client, SETTINGS, ISSUER)
    street.node.mine()
    before = street.client.account(ISSUER.account.address).balance_micro
    states = [provision(street.client, SETTINGS, ISSUER) for _ in range(2)]
    street.node.mine()
    after = provision(street.client, SETTINGS, ISSUER)

    assert early.is_ready
    assert [each.step for each in states] == [SetupStep.RENEWAL, SetupStep.RENEWAL]
    assert [each.announced for each in states] == [True, False]
    assert after.is_ready
    assert life(street).expires_at_height == street.node.height + YEAR_BLOCKS
    spent = before - street.client.account(ISSUER.account.address).balance_micro
    assert spent == 100_150_000


def test_renewing_earlier_is_possible_only_in_the_last_month(street: Street):
    """The chain takes no renewal before; nothing is announced that it would refuse."""
    until_days_left(street, 31)
    early = provision(street.client, SETTINGS, ISSUER, renew_within_days=60)
    until_days_left(street, 29)

    assert early.is_ready
    assert provision(street.client, SETTINGS, ISSUER, renew_within_days=60).announced


def test_the_first_block_in_which_a_renewal_is_taken(street: Street):
    """What is called renewable is what the chain takes, to the block."""
    street.node.mine(life(street).renewable_from_height - street.node.height - 1)
    assert not life(street).is_renewable
    street.node.mine()
    assert life(street).is_renewable
    assert provision(street.client, SETTINGS, ISSUER, renew_within_days=60).announced
    street.node.mine()

    assert life(street).blocks_left == YEAR_BLOCKS - 1


def test_an_ended_namespace_is_rented_again(street: Street):
    """In the month of grace the owner gets it back, with mosaic and balances."""
    street.issued(7)
    street.node.mine(YEAR_BLOCKS)
    first = provision(street.client, SETTINGS, ISSUER)
    street.node.mine()

    assert first.step is SetupStep.NAMESPACE
    assert provision(street.client, SETTINGS, ISSUER).is_ready
    assert street.issued(1, label="again")


def test_a_multisig_issuer_renews_by_its_delegate(street: Street):
    """What the issuer must sign, a cosigner signs for it."""
    entrust(street.node, street.client, ISSUER, OPERATOR)
    until_days_left(street, 13)
    delegate = delegate_of(ISSUER, OPERATOR)
    announced = provision(street.client, SETTINGS, delegate)
    street.node.mine()

    assert (announced.step, announced.announced) == (SetupStep.RENEWAL, True)
    assert provision(street.client, SETTINGS, delegate).is_ready
    chain = NemChain(SETTINGS, street.client, {ISSUER.account: delegate})
    (signed,) = chain.prepare([batch_of(issue(1, BUYER.account))], outstanding=())
    chain.broadcast(signed)
    street.node.mine()
    assert chain.balance(BUYER.account, SETTINGS.energy_asset).units == 1
