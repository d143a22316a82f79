"""Names of networks and mosaics, the settings, and the capabilities that follow from them."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sauma.chain import Support
from sauma.errors import InvalidInput, WrongNetwork
from sauma.identifiers import AccountId, AssetId
from sauma_nem import (
    NemCodec,
    NemSettings,
    account_of,
    asset_of,
    chain_id_of,
    mosaic_of,
    network_of,
)
from sauma_nem.network import MAINNET, MIJIN, NETWORKS, TESTNET
from sauma_nem.settings import capabilities_of
from sauma_nem.transactions import (
    XEM,
    MosaicId,
)

from .street import (
    ENERGY,
    ISSUER,
    SETTINGS,
    settings_of,
)

_part = st.from_regex(r"[a-z0-9][a-z0-9_-]{0,15}", fullmatch=True)
_name = st.from_regex(r"[a-z0-9][a-z0-9'_-]{0,5}( [a-z0-9'_-]{1,4}){0,2}", fullmatch=True)


@pytest.mark.parametrize("network", NETWORKS)
def test_network_names_round_trip(network):
    """A network's chain id leads back to it."""
    chain_id = chain_id_of(network)

    assert chain_id.namespace == "nem"
    assert network_of(chain_id) is network


@given(parts=st.lists(_part, min_size=1, max_size=3), name=_name)
def test_every_mosaic_has_an_asset_id_that_leads_back(parts, name):
    """Any mosaic name becomes a CAIP-19 asset and back, whatever characters it has."""
    mosaic_id = MosaicId(namespace=".".join(parts), name=name)

    assert mosaic_of(asset_of(mosaic_id, TESTNET), TESTNET) == mosaic_id


def test_asset_ids_are_written_as_documented():
    """The mosaic grid:wh is mosaic:grid.wh, XEM is mosaic:nem.xem."""
    assert str(ENERGY) == "nem:testnet/mosaic:grid.wh"
    assert str(asset_of(XEM, MAINNET)) == "nem:mainnet/mosaic:nem.xem"
    assert str(asset_of(MosaicId(namespace="a_b", name="it's on"), MIJIN)) == (
        "nem:mijin/mosaic:a%5Fb.it%27s%20on"
    )


@pytest.mark.parametrize(
    "text",
    [
        "nem:testnet/mosaic:grid",
        "nem:testnet/mosaic:Grid.wh",
        "nem:testnet/token:grid.wh",
        "nem:testnet/mosaic:grid.%77h",
        "nem:testnet/mosaic:.wh",
    ],
)
def test_an_asset_that_names_no_mosaic_is_refused(text):
    """Only the one spelling of a mosaic's asset id is taken."""
    with pytest.raises(InvalidInput):
        mosaic_of(AssetId(text), TESTNET)


def test_an_asset_of_another_network_is_refused():
    """An asset says where it lives."""
    with pytest.raises(WrongNetwork, match="nem:mainnet"):
        mosaic_of(asset_of(XEM, MAINNET), TESTNET)


def test_settings_survive_the_journal():
    """Settings become text and integers, and come back the same through JSON."""
    settings = settings_of(finality_blocks=20, deadline_s=600, pool_limit=7, first_height=5)

    facts = json.loads(json.dumps(settings.to_facts()))

    assert all(type(value) in (str, int) for value in facts.values())
    assert NemSettings.from_facts(facts) == settings
    assert NemCodec.from_settings(facts).settings == settings


@pytest.mark.parametrize(
    "changes",
    [
        {"network": "bitnet"},
        {"mosaic": "grid"},
        {"mosaic": "nem:xem"},
        {"mosaic": "a.b.c.d:wh"},
        {"supply_units": 0},
        {"supply_units": 9_000_000_000_000_001},
        {"finality_blocks": 0},
        {"deadline_s": 59},
        {"deadline_s": 86_401},
        {"pool_limit": 121},
        {"first_height": 0},
        {"pool_limit": True},
        {"issuer": AccountId("nem:testnet:TAOD4Q")},
    ],
)
def test_settings_that_cannot_be_are_refused(changes):
    """Settings name their fault when they are built."""
    with pytest.raises(InvalidInput):
        settings_of(**changes)


def test_settings_of_another_networks_issuer_are_refused():
    """The issuing account is one of the network."""
    with pytest.raises(WrongNetwork):
        settings_of(issuer=account_of(ISSUER.public_key, MAINNET))


def test_unknown_facts_are_refused():
    """A fact that nobody reads is an error, and so is one that is missing."""
    with pytest.raises(InvalidInput, match="colour"):
        NemSettings.from_facts({**SETTINGS.to_facts(), "colour": "green"})
    with pytest.raises(InvalidInput, match="issuer"):
        NemSettings.from_facts({"network": "testnet", "mosaic": "grid:wh"})


def test_capabilities_tell_who_keeps_the_promise():
    """Issuing is the operator's promise, moving the chain's; what is absent is declared so."""
    capabilities = capabilities_of(SETTINGS)

    assert capabilities.issue is Support.EMULATED
    assert capabilities.transfer is Support.NATIVE
    assert not any((capabilities.net, capabilities.hold, capabilities.atomic_batch))
    assert capabilities.finality_blocks == 361
