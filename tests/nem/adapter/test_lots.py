"""Lots: several assets from one account to one other in one transfer, up to ten mosaics and XEM."""

from __future__ import annotations

import attrs
import pytest

from sauma.errors import InvalidInput, Refused, Unsupported
from sauma_nem import NemCodec, NemSettings, provision
from sauma_nem.caip import asset_of
from sauma_nem.network import TESTNET
from sauma_nem.transactions import MosaicId

from .street import (
    BUYER,
    ENERGY,
    ISSUER,
    POOR,
    PRODUCER,
    XEM,
    a_street,
    anchor,
    batch_of,
    issue,
    settings_of,
    transfer,
)

NAMES = tuple(f"grid:area-{number:02d}" for number in (3, 1, 9, 2, 4, 5, 6, 7, 8, 10))
WITH_AREAS = settings_of(further_mosaics=NAMES)
ASSETS = {name: asset_of(MosaicId.parse(name), TESTNET) for name in NAMES}
CODEC = NemCodec(WITH_AREAS)


@pytest.fixture(scope="module")
def street():
    """The street with the energy of ten areas beside its own, all of it issued by one account."""
    with a_street(WITH_AREAS) as found:
        for name in NAMES:
            while not provision(found.client, settings_of(mosaic=name), ISSUER).is_ready:
                found.node.mine()
        yield found


def lots(count: int, *, units: int = 5):
    """So many movements of different areas' energy from the issuer to the producer."""
    return [
        transfer(units + number, ISSUER.account, PRODUCER.account, asset=ASSETS[name])
        for number, name in enumerate(NAMES[:count])
    ]


def land(street, *instructions, label="lots"):
    """The transaction of a batch, included."""
    batch = batch_of(*instructions, label=label)
    (signed,) = street.chain.prepare([batch], outstanding=())
    street.chain.broadcast(signed)
    street.node.mine()
    return batch, signed


@pytest.mark.parametrize("count", [2, 10])
def test_lots_land_in_one_transfer(street, count):
    """Every asset arrives; the codec reads each of them back, whatever order they were asked in."""
    asset = ASSETS[NAMES[0]]
    before = street.chain.balance(PRODUCER.account, asset).units
    batch, signed = land(street, *lots(count), label=f"lots-{count}")
    decoded = CODEC.decode(signed.raw)

    assert decoded.reference == batch.reference
    assert {
        each.asset: each.delta_units for each in decoded.effects if each.account == PRODUCER.account
    } == {ASSETS[name]: 5 + number for number, name in enumerate(NAMES[:count])}
    assert sorted(decoded.effects) == sorted(signed.effects)
    assert street.chain.balance(PRODUCER.account, asset).units == before + 5
    quantities = [str(each.mosaic_id) for each in CODEC.read(signed.raw).mosaics]
    assert quantities == sorted(quantities), "the server's order"


def test_energy_and_its_fee_float_go_together(street):
    """An issue and a payment of XEM to one producer are one transfer: nem:xem is among its mosaics."""
    before = street.chain.balance(PRODUCER.account, XEM).units
    parts = (issue(900), transfer(150_000, ISSUER.account, PRODUCER.account, asset=XEM))
    _, signed = land(street, *parts, label="float")

    assert {(each.account, each.asset, each.delta_units) for each in signed.effects} == {
        (PRODUCER.account, ENERGY, 900),
        (PRODUCER.account, XEM, 150_000),
        (ISSUER.account, XEM, -150_000),
    }
    assert street.chain.balance(PRODUCER.account, XEM).units == before + 150_000
    assert CODEC.decode(signed.raw).effects == signed.effects


def test_what_packing_saves(street):
    """Ten lots in one transfer: a tenth of the transactions, and 0.55 instead of 1.00 XEM.

    Each mosaic costs its own unit; the reference and the place in a block are paid once.
    """
    apart = street.chain.quote([batch_of(each, label=str(each.asset)) for each in lots(10)])
    packed = street.chain.quote([batch_of(*lots(10))])

    assert (apart.transactions, packed.transactions) == (10, 1)
    assert sum(units for _, units in apart.fees) == 1_000_000
    assert sum(units for _, units in packed.fees) == 550_000
    assert packed.bytes_total < apart.bytes_total / 3
    assert street.chain.capabilities.batch_lots_max == 10


@pytest.mark.parametrize(
    "parts",
    [
        (issue(1), *lots(10)),
        (lots(1)[0], lots(1)[0]),
        (lots(1)[0], transfer(1, ISSUER.account, BUYER.account, asset=XEM)),
        (lots(1)[0], transfer(1, BUYER.account, PRODUCER.account, asset=XEM)),
        (lots(1)[0], anchor()),
    ],
    ids=["eleven", "one asset twice", "two recipients", "two senders", "an anchor beside"],
)
def test_what_is_no_lot_is_refused(street, parts):
    """More than ten, one asset twice, other accounts, an anchor: refused, and nothing moves."""
    with pytest.raises(Unsupported, match="make a batch of each"):
        street.chain.prepare([batch_of(*parts)], outstanding=())


def test_a_mosaic_that_is_not_named_is_refused(street):
    """What the settings do not name is not settled here, and bytes that move it are no batch."""
    plain = NemCodec(settings_of())
    stranger = asset_of(MosaicId.parse("other:coin"), TESTNET)
    with pytest.raises(Unsupported, match="name it in further_mosaics"):
        street.chain.prepare(
            [batch_of(transfer(1, ISSUER.account, PRODUCER.account, asset=stranger))],
            outstanding=(),
        )
    (signed,) = street.chain.prepare([batch_of(*lots(2), label="no")], outstanding=())
    with pytest.raises(InvalidInput, match="a batch moves only"):
        plain.decode(signed.raw)


def test_a_mosaic_that_is_not_there_is_refused():
    """A further mosaic that nobody defined has no fee: refused by name, before anything is signed."""
    settings = settings_of(further_mosaics=("grid:nowhere",))
    asset = asset_of(MosaicId.parse("grid:nowhere"), TESTNET)
    with a_street(settings) as found:
        batch = batch_of(transfer(1, ISSUER.account, POOR.account, asset=asset))
        with pytest.raises(Refused, match="there is no mosaic grid:nowhere"):
            found.chain.quote([batch])


def test_settings_say_which_mosaics_move():
    """They come back from their facts; without further mosaics the facts are those of before."""
    assert NemSettings.from_facts(WITH_AREAS.to_facts()) == WITH_AREAS
    assert "further_mosaics" not in settings_of().to_facts()
    for wrong in (("grid:wh",), ("nem:xem",), ("grid:a", "grid:a"), ("no name",)):
        with pytest.raises(ValueError, match=r"further_mosaics|could not be parsed"):
            attrs.evolve(settings_of(), further_mosaics=wrong)
    for wrong in ("grid:a", [7]):
        with pytest.raises(InvalidInput, match="further_mosaics"):
            NemSettings.from_facts({**settings_of().to_facts(), "further_mosaics": wrong})
