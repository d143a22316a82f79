"""Minimum fees and rents."""

from __future__ import annotations

import json
import math
from decimal import Decimal, localcontext
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sauma_nem.fees import (
    FEE_UNIT_MICRO,
    MosaicFeeInformation,
    message_fee_units,
    minimum_fee_micro,
    mosaic_fee_units,
    rental_fee_micro,
    supply_adjustment_units,
    xem_fee_units,
)
from sauma_nem.network import MOSAIC_UNITS_MAX
from sauma_nem.transactions import (
    XEM,
    ImportanceTransfer,
    Message,
    MosaicId,
    MosaicQuantity,
    MosaicSupplyChange,
    MultisigModification,
    Transaction,
    Transfer,
)
from sauma_nem.unreadable import ForbiddenValue

VECTORS = Path(__file__).parent.parent / "vectors" / "nem"
KEY = bytes(range(32))
ADDRESS = "TAOD4QYZA5RQYM64MFZ4MBCKQBWVZEETCQE3HB3A"
ENERGY = MosaicId(namespace="grid", name="wh")
COMMON = {
    "network_byte": 0x98,
    "timestamp_seconds": 0,
    "signer": KEY,
    "fee_micro": 0,
    "deadline_seconds": 3_600,
}


def transfer(
    amount_micro: int, *, message: bytes = b"", mosaics: dict[MosaicId, int] | None = None
) -> Transfer:
    return Transfer(
        **COMMON,
        version=2,
        recipient=ADDRESS,
        amount_micro=amount_micro,
        message=Message(payload=message),
        mosaics=[
            MosaicQuantity(mosaic_id=key, quantity_units=units)
            for key, units in (mosaics or {}).items()
        ],
    )


def knows_nothing(_: MosaicId) -> None:
    return None


def test_xem_transfers_cost_what_the_server_asks() -> None:
    """The minimum fee of a XEM transfer with message is the server's in all 156 vectors."""
    cases = json.loads((VECTORS / "nis_xem_transfer_fees.json").read_text())

    fees = [
        minimum_fee_micro(
            transfer(case["amount"], message=b"m" * case["messageLength"]),
            knows_nothing,
        )
        for case in cases
    ]

    assert fees == [case["minimumFee"] for case in cases]
    assert len(cases) == 156


def test_mosaic_transfers_cost_what_the_server_asks() -> None:
    """The minimum fee of a mosaic transfer is the server's in all 200 vectors."""
    cases = json.loads((VECTORS / "nis_mosaic_transfer_fees.json").read_text())

    fees = [
        minimum_fee_micro(
            transfer(case["amount"], mosaics={ENERGY: case["quantity"]}),
            lambda _, case=case: MosaicFeeInformation(
                supply_whole=case["supply"], divisibility=case["divisibility"]
            ),
        )
        for case in cases
    ]

    assert fees == [case["minimumFee"] for case in cases]
    assert len(cases) == 200


@pytest.mark.parametrize(
    ("supply_whole", "fee_micro"),
    [
        (10_000, 50_000),
        (15_000, 200_000),
        (100_000, 250_000),
        (10_000_000, 450_000),
        (100_000_000, 550_000),
        (1_000_000_000, 50_000),
        (MOSAIC_UNITS_MAX, 50_000),
    ],
)
def test_the_supply_decides_the_fee(supply_whole: int, fee_micro: int) -> None:
    """7,500 Wh cost the least when the supply is small or very large, and more in between."""
    units = mosaic_fee_units(
        quantity_units=7_500,
        amount_micro=1_000_000,
        information=MosaicFeeInformation(supply_whole=supply_whole, divisibility=0),
    )

    assert units * FEE_UNIT_MICRO == fee_micro


def test_integer_division_where_the_sdk_divides_really() -> None:
    """At this supply a real division loses a unit and the server answers 17; ours is not fooled."""
    information = MosaicFeeInformation(supply_whole=2_571_428_571_428_571, divisibility=0)

    units = mosaic_fee_units(
        quantity_units=17_142_857_142, amount_micro=1_000_000, information=information
    )
    real_quotient = int(0.8 * math.log(MOSAIC_UNITS_MAX / information.supply_whole))

    assert int(0.8 * math.log(MOSAIC_UNITS_MAX // information.supply_whole)) == 0
    assert real_quotient == 1
    assert units == xem_fee_units(59_999)


def totals_beside_the_steps() -> set[int]:
    """The totals whose ratio to the largest lies next to e^(1.25 k), on either side, for every k."""
    totals = set()
    for step in range(1, 30):
        edge = (Decimal(step) * Decimal("1.25")).exp()
        beside = {int(MOSAIC_UNITS_MAX / edge) + shift for shift in range(-2, 3)}
        beside |= {MOSAIC_UNITS_MAX // (int(edge) + shift) for shift in range(3)}
        totals |= {total for total in beside if total >= 1}
    return totals


def test_the_integer_table_is_the_logarithm() -> None:
    """The adjustment is int(0.8 ln(9e15 // total)) for the totals beside every step.

    There the exact value keeps 1e-9 away from an integer, a hundred thousand times the error of a
    double, so no correct logarithm can give another result.
    """
    with localcontext() as context:
        context.prec = 40
        totals = totals_beside_the_steps()
        exact = {
            total: Decimal("0.8") * Decimal(MOSAIC_UNITS_MAX // total).ln() for total in totals
        }

    for total, logarithm in exact.items():
        assert supply_adjustment_units(total) == int(logarithm)
        assert supply_adjustment_units(total) == int(0.8 * math.log(MOSAIC_UNITS_MAX // total))
        assert abs(logarithm - round(logarithm)) > Decimal("1e-9")
    assert {int(logarithm) for logarithm in exact.values()} == set(range(30))


@given(st.integers(1, MOSAIC_UNITS_MAX))
def test_the_integer_table_is_the_logarithm_everywhere(total_units: int) -> None:
    """For any total the table gives what the server's logarithm gives."""
    ratio = MOSAIC_UNITS_MAX // total_units

    assert supply_adjustment_units(total_units) == int(0.8 * math.log(ratio))


@pytest.mark.parametrize(
    ("length", "units"), [(1, 1), (31, 1), (32, 2), (37, 2), (63, 2), (64, 3), (1_024, 33)]
)
def test_a_message_costs_a_unit_per_started_32_bytes(length: int, units: int) -> None:
    """31 bytes cost one unit, the 32nd another one."""
    assert message_fee_units(Message(payload=bytes(length))) == units


def test_no_message_is_free() -> None:
    """An empty message is none and costs nothing."""
    assert message_fee_units(None) == 0
    assert minimum_fee_micro(transfer(0, message=b""), knows_nothing) == FEE_UNIT_MICRO


def test_each_attached_mosaic_costs() -> None:
    """Mosaics are charged one by one, nem:xem among them at its own supply."""
    both = transfer(1_000_000, mosaics={ENERGY: 1, XEM: 20_000_000_000})

    fee = minimum_fee_micro(both, lambda _: MosaicFeeInformation(supply_whole=100, divisibility=0))

    assert fee == (1 + 2) * FEE_UNIT_MICRO


def test_an_unknown_mosaic_has_no_fee() -> None:
    """The server cannot price what is not defined and answers 400."""
    with pytest.raises(ForbiddenValue, match="grid:wh") as caught:
        minimum_fee_micro(transfer(1_000_000, mosaics={ENERGY: 1}), knows_nothing)

    assert caught.value.server_status == 400
    assert caught.value.server_message == "unable to find fee information for 'grid:wh'"


@pytest.mark.parametrize(
    ("transaction", "fee_micro"),
    [
        (MultisigModification(**COMMON, version=2, modifications=(), relative_change=0), 500_000),
        (ImportanceTransfer(**COMMON, version=1, mode=1, remote_account=KEY), 150_000),
        (
            MosaicSupplyChange(**COMMON, version=1, mosaic_id=ENERGY, kind=1, delta_whole=1),
            150_000,
        ),
    ],
    ids=lambda value: type(value).__name__,
)
def test_other_types_have_a_fixed_fee(transaction: Transaction, fee_micro: int) -> None:
    """A modification of cosignatories costs 0.50 XEM, everything but transfers else 0.15."""
    assert minimum_fee_micro(transaction, knows_nothing) == fee_micro


def test_rents() -> None:
    """A root namespace costs 100 XEM, one below it 10."""
    assert rental_fee_micro(None) == 100_000_000
    assert rental_fee_micro("grid") == 10_000_000


@given(
    st.integers(0, MOSAIC_UNITS_MAX),
    st.integers(0, MOSAIC_UNITS_MAX),
    st.integers(0, 6),
    st.integers(0, 1_000),
)
def test_a_mosaic_costs_between_1_and_25_units(
    quantity_units: int, supply_units: int, divisibility: int, times: int
) -> None:
    """Whatever moves, one attached mosaic costs at least 0.05 and at most 1.25 XEM."""
    information = MosaicFeeInformation(
        supply_whole=supply_units // 10**divisibility, divisibility=divisibility
    )

    units = mosaic_fee_units(
        quantity_units=quantity_units, amount_micro=times * 1_000_000, information=information
    )

    assert 1 <= units <= 25
