"""Several issuing accounts: each a lane of its own, all of them outside circulation."""

from __future__ import annotations

import attrs
import pytest

from sauma.chain import Cursor
from sauma.errors import InvalidInput, Unsupported
from sauma_nem import NemChain, NemSettings, SetupStep, provision
from sauma_nem.network import TRANSFER_UNITS_MAX

from .street import (
    BUYER,
    ENERGY,
    ISSUER,
    PRODUCER,
    XEM_MICRO,
    Street,
    a_street,
    batch_of,
    issue,
    settings_of,
    signer_of,
    transfer,
)

FLOAT = signer_of("float")
OTHER = signer_of("other float")
SETTINGS = settings_of(floats=(FLOAT.account, OTHER.account))
MONEY = {each.account.address: 50 * XEM_MICRO for each in (FLOAT, OTHER)}


def chain_of(street: Street) -> NemChain:
    """A chain that signs for issuer, floats and producer."""
    signers = {each.account: each for each in (ISSUER, FLOAT, OTHER, PRODUCER)}
    return NemChain(SETTINGS, street.client, signers)


def test_setting_up_shares_the_supply():
    """Each float gets its part, once, and nothing of it is in circulation."""
    with a_street(SETTINGS, more_balances=MONEY) as street:
        units = {
            street.node.mosaic_units(each.account.address, SETTINGS.mosaic_id)
            for each in (FLOAT, OTHER)
        }

        assert units == {TRANSFER_UNITS_MAX}
        assert provision(street.client, SETTINGS, ISSUER).step is SetupStep.READY
        assert chain_of(street).events(Cursor()).events == ()


def test_a_float_issues_as_the_issuer_does():
    """What leaves any issuing account is new in circulation: one effect, on the other side."""
    with a_street(SETTINGS, more_balances=MONEY) as street:
        chain = chain_of(street)
        batch = batch_of(attrs.evolve(issue(5, BUYER.account), authority=FLOAT.account))
        (signed,) = chain.prepare([batch], outstanding=())
        chain.broadcast(signed)
        street.node.mine()
        decoded = chain.codec.decode(signed.raw)

        assert (signed.sender, decoded.fee_payer) == (FLOAT.account, FLOAT.account)
        assert [(each.account, each.delta_units) for each in decoded.effects] == [
            (BUYER.account, 5)
        ]
        assert chain.balance(BUYER.account, ENERGY).units == 5


def test_each_float_has_room_of_its_own():
    """One lane that is full leaves the others room: 100 each, though one account may have 120."""
    with a_street(attrs.evolve(SETTINGS, pool_limit=3), more_balances=MONEY) as street:
        chain = NemChain(
            attrs.evolve(SETTINGS, pool_limit=3),
            street.client,
            {each.account: each for each in (ISSUER, FLOAT, OTHER)},
        )
        prepared = []
        for signer in (ISSUER, FLOAT, OTHER):
            batches = [
                batch_of(
                    attrs.evolve(issue(1), authority=signer.account),
                    label=f"{signer.account} {number}",
                )
                for number in range(5)
            ]
            prepared += chain.prepare(batches, outstanding=prepared)

        assert len(prepared) == 9


@pytest.mark.parametrize(
    "bad", [issue(5, FLOAT.account), transfer(5, PRODUCER.account, FLOAT.account)]
)
def test_what_a_float_keeps_is_not_in_circulation(bad):
    """Issuing to a float, and sending to it, would take what is no participant's."""
    with a_street(SETTINGS, more_balances=MONEY) as street, pytest.raises(InvalidInput):
        chain_of(street).prepare([batch_of(bad)], outstanding=())


def test_only_issuing_accounts_issue():
    """Another authority than issuer and floats is refused."""
    with a_street(SETTINGS, more_balances=MONEY) as street, pytest.raises(Unsupported):
        chain_of(street).prepare(
            [batch_of(attrs.evolve(issue(5), authority=PRODUCER.account))], outstanding=()
        )


@pytest.mark.parametrize(
    "floats", [(ISSUER.account,), (FLOAT.account, FLOAT.account), tuple([FLOAT.account] * 65)]
)
def test_floats_that_cannot_be_are_refused(floats):
    """Each once, and none is the issuer."""
    with pytest.raises(InvalidInput, match="floats"):
        settings_of(floats=floats)


def test_floats_survive_the_journal():
    """Facts with floats come back the same, and facts without them say nothing of them."""
    assert NemSettings.from_facts(SETTINGS.to_facts()) == SETTINGS
    assert "floats" not in settings_of().to_facts()
    for wrong in ("text", [1]):
        with pytest.raises(InvalidInput):
            NemSettings.from_facts({**SETTINGS.to_facts(), "floats": wrong})
