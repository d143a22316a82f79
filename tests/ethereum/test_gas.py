"""The gas that is reckoned before anything is sent is never less than what an EVM then takes."""

from __future__ import annotations

import attrs
import pytest

from sauma.chain import Anchor, Leg, Net, Retire
from sauma.identifiers import AccountId
from sauma_ethereum.settings import GAS_MAX
from sauma_ethereum.transactions import parse_raw

LINES = 120
OVER_MAX = 3
"""A bound that is three times too high would hold back more ether than it must."""


@pytest.fixture(scope="module")
def crowd(anvil_street) -> list[AccountId]:
    return [anvil_street.local.signer(f"crowd-{place}").account for place in range(4 * LINES)]


def gas_of(street, *instructions) -> tuple[int, int]:
    """Land a batch and return what it took and what was reckoned."""
    (sent,) = street.land(street.batch(*instructions))
    (receipt,) = street.local.node.receipts([sent.transaction_id])
    assert receipt is not None
    assert receipt.succeeded
    return receipt.gas_used, parse_raw(sent.raw).gas_max


def test_bounds_hold_where_every_slot_is_empty_and_cold(anvil, crowd):
    """Each kind of instruction, for accounts that had nothing and share no slot: the dearest case."""
    givers, takers = crowd[0 : 2 * LINES : 2], crowd[2 * LINES :: 2]
    registrations = anvil.chain.prepare_registration(crowd)
    for each in registrations:
        anvil.chain.broadcast(each)
    anvil.local.mine()
    used = [
        (receipt.gas_used, parse_raw(each.raw).gas_max)
        for each in registrations
        for receipt in anvil.local.node.receipts([each.transaction_id])
        if receipt is not None
    ]
    used.append(gas_of(anvil, anvil.issue(anvil.anna, 2**40)))
    used.append(gas_of(anvil, *(anvil.issue(each, 2**61 + 2**30) for each in givers)))
    used.append(
        gas_of(
            anvil,
            *(
                anvil.transfer(giver, taker, 2**50 + 3)
                for giver, taker in zip(givers, takers, strict=True)
            ),
        )
    )
    used.append(
        gas_of(
            anvil,
            Net(
                instruction_id=bytes(32),
                authority=anvil.settler.account,
                evidence=b"",
                legs=tuple(
                    Leg(account=each, asset=anvil.settings.energy_asset, delta_units=delta)
                    for each, delta in [
                        *((giver, -(2**55)) for giver in givers),
                        *((taker, 2**55) for taker in crowd[2 * LINES + 1 :: 2]),
                    ]
                ),
            ),
        )
    )
    retire = Retire(
        instruction_id=bytes(32),
        authority=anvil.issuer.account,
        evidence=b"",
        account=givers[0],
        asset=anvil.settings.energy_asset,
        units=1,
    )
    used.append(gas_of(anvil, *(attrs.evolve(retire, account=each) for each in givers)))
    anchor = Anchor(
        instruction_id=bytes(32), authority=anvil.issuer.account, evidence=b"", root=b"\x77" * 32
    )
    used.append(gas_of(anvil, *[anchor] * LINES))
    used.append(gas_of(anvil, anvil.pay(anvil.issuer.account, crowd[0], 1)))

    assert all(taken <= reckoned <= OVER_MAX * taken for taken, reckoned in used), used


def test_the_largest_batches_fit_one_transaction(anvil, crowd):
    """Five hundred lines of the dearest kind stay below the most gas that a transaction may have."""
    settings = anvil.settings
    fitting = anvil.batch(
        *(
            anvil.transfer(crowd[place % 100], crowd[100 + place % 300], 2**62)
            for place in range(500)
        )
    )

    quote = anvil.local.chain(settings).quote([fitting])

    (fee,) = (units for payer, units in quote.fees if payer == settings.settler)
    assert quote.transactions == 3  # two registrations of the crowd, and the batch
    assert fee > 0
    assert quote.bytes_total < 131_072
    assert GAS_MAX == 2**24
