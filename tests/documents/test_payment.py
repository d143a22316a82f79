"""References, the bank barcode and the code for banks' applications: right by published examples."""

from __future__ import annotations

import io
from datetime import date
from decimal import Decimal

import attrs
import pytest
import zxingcpp
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from stdnum import iso11649

from sauma.errors import InvalidInput
from sauma_portal.documents.payment import (
    BARCODE_DIGITS,
    Demand,
    rf_reference,
    virtual_barcode,
)
from sauma_portal.documents.pictures import payment_code

DEMAND = Demand(
    payee="Energiaosuuskunta Sauma",
    iban="FI37 1590 3000 0007 76",
    cents=1225,
    reference="11112",
    due=date(2016, 12, 21),
)


@pytest.mark.parametrize(
    ("iban", "cents", "reference", "due", "digits"),
    [
        (
            "FI3715903000000776",
            1225,
            "11112",
            date(2016, 12, 21),
            "437159030000007760000122500000000000000000011112161221",
        ),
        (
            "FI79 4405 2020 0360 82",
            488315,
            "868516259619897",
            date(2010, 6, 12),
            "479440520200360820048831500000000868516259619897100612",
        ),
        (
            "FI58 1017 1000 0001 22",
            48299,
            "559582243294671",
            date(2012, 1, 31),
            "458101710000001220004829900000000559582243294671120131",
        ),
    ],
)
def test_published_barcodes(iban, cents, reference, due, digits):
    """The 54 digits of version 4 are those of the published examples."""
    demand = Demand(payee="x", iban=iban, cents=cents, reference=reference, due=due)

    assert virtual_barcode(demand) == digits


def test_the_international_barcode():
    """Version 5 carries the check digits of the RF reference, and the reference at its right end."""
    demand = Demand(
        payee="x",
        iban="FI7944052020036082",
        cents=488315,
        reference="868516259619897",
        due=date(2010, 6, 12),
    )

    assert rf_reference(demand.reference) == "RF09868516259619897"
    assert (
        virtual_barcode(demand, international=True)
        == "579440520200360820048831509000000868516259619897100612"
    )


@given(st.integers(1000, 10**20 - 1).map(str))
def test_every_rf_reference_is_valid(reference):
    """ISO 11649's own check accepts what we make."""
    assert iso11649.is_valid(rf_reference(reference))


@given(
    cents=st.integers(1, 10**11 - 1),
    reference=st.integers(1000, 10**20 - 1).map(str),
    due=st.none() | st.dates(date(2000, 1, 1), date(2099, 12, 31)),
    international=st.booleans(),
)
def test_a_barcode_always_fits(cents, reference, due, international):
    """It has 54 digits whatever is asked; what it has no room for is written as nothing."""
    demand = attrs.evolve(DEMAND, cents=cents, reference=reference, due=due)
    digits = virtual_barcode(demand, international=international)

    assert len(digits) == BARCODE_DIGITS
    assert digits.isdigit()
    assert int(digits[17:25]) == (cents if cents < 10**8 else 0)
    assert digits[-6:] == ("000000" if due is None else f"{due:%y%m%d}")


def test_the_code_says_what_the_bill_says():
    """A reader finds payee, account, amount and RF reference."""
    picture = io.BytesIO()
    payment_code(DEMAND).save(picture, kind="png", scale=4)
    (found,) = zxingcpp.read_barcodes(Image.open(picture))
    lines = found.text.splitlines()

    assert lines[0] == "BCD"
    assert "Energiaosuuskunta Sauma" in lines
    assert "FI3715903000000776" in lines
    assert f"EUR{Decimal('12.25')}" in lines
    assert rf_reference("11112") in lines


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"iban": "FI37 1590 3000 0007 77"}, "is no IBAN"),
        ({"iban": ""}, "is no IBAN"),
        ({"cents": 0}, "0 cents cannot be asked for"),
        ({"cents": -5}, "-5 cents"),
        ({"reference": "12a4"}, "no Finnish reference number"),
        ({"reference": "1" * 21}, "no Finnish reference number"),
        ({"payee": ""}, "1 to 70 characters"),
        ({"payee": "x" * 71}, "1 to 70 characters"),
    ],
)
def test_what_cannot_be_paid(changes, problem):
    """A wrong account, amount, reference or name is refused before anything is printed."""
    with pytest.raises(InvalidInput, match=problem):
        attrs.evolve(DEMAND, **changes)


def test_a_foreign_account_has_no_barcode():
    """The symbol has room for Finnish accounts only; that is said, and the code still works."""
    demand = attrs.evolve(DEMAND, iban="SE45 5000 0000 0583 9825 7466")
    with pytest.raises(InvalidInput, match="not a Finnish account"):
        virtual_barcode(demand)

    assert payment_code(demand).designator
