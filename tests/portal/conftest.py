"""Streets to walk in: a new one for a test that changes much, one that is only looked at for the rest."""

from __future__ import annotations

import pytest

from .street import SOLD_WH, Street, gsrn


@pytest.fixture
def street(tmp_path):
    """A street where nobody is yet; metering points count at once."""
    street = Street(tmp_path, claims_need_operator=False)
    yield street
    street.close()


@pytest.fixture(scope="module")
def settled(tmp_path_factory):
    """A street where Anna sold 0.9 of 1.5 kWh to Ben at 8 cents, final; Ben's limit is 12, Cleo is hidden."""
    street = Street(tmp_path_factory.mktemp("settled"), claims_need_operator=False)
    street.anna = street.join("anna", sells="1", place="B2")
    street.ben = street.join("ben", place="C3")
    street.cleo = street.join("cleo", hidden="1")
    street.dora = street.join("dora", sells="1")
    for number, browser in enumerate((street.anna, street.ben, street.cleo, street.dora)):
        browser.get("/home")
        assert browser.post("/home/metering-points", metering_point=gsrn(number)).status_code == 303
    for browser, prices in ((street.anna, {"buy": "", "sell": "8"}), (street.ben, {"buy": "12,0"})):
        browser.get("/prices")
        assert browser.post("/prices", step="save", **prices).status_code == 303
    street.meter(gsrn(0), exported=1500, number=1)
    street.meter(gsrn(1), imported=SOLD_WH, number=1)
    street.meter(gsrn(2), imported=300, number=1)
    street.clear(1)
    street.settle()
    yield street
    street.close()
