"""The database of people: made as its tables say, and the whole portal on PostgreSQL as on SQLite."""

import importlib.util
from pathlib import Path

import pytest

from sauma.errors import StoreError, StoreVersion
from sauma_metering.server import DeviceRegistry
from sauma_portal import household, overview
from sauma_portal.accounts import AccountStore, Role
from sauma_portal.market import checking

from .street import PASSWORD, Street, gsrn

POSTGRES = Path(__file__).parents[1] / "store" / "postgres.py"


def postgres():
    """The tests' own PostgreSQL server."""
    spec = importlib.util.spec_from_file_location("portal_postgres", POSTGRES)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_migrations_make_what_the_tables_say(tmp_path):
    """A new database differs in nothing, and opening it again changes nothing."""
    for _ in range(2):
        with AccountStore.open(tmp_path / "people.sqlite") as accounts:
            assert accounts.schema_differences() == []


def test_a_newer_database_is_refused_and_left_alone(tmp_path):
    """A revision that is not known is named."""
    import sqlalchemy as sa

    with AccountStore.open(tmp_path / "people.sqlite") as accounts, accounts.transaction() as one:
        one.execute(sa.text("UPDATE portal_version SET version_num = '9999'"))

    with pytest.raises(StoreVersion, match="9999"):
        AccountStore.open(tmp_path / "people.sqlite")


def test_a_database_needs_a_folder(tmp_path):
    """A path into nowhere is said so."""
    with pytest.raises(StoreError, match="make it first"):
        AccountStore.open(tmp_path / "nowhere" / "people.sqlite")


def test_the_portal_on_postgresql(tmp_path):
    """Joining, trading, billing, checking, erasing, and devices: as on SQLite, all in one database."""
    module = postgres()
    with module.running_server() as server:
        url = module.new_database(server)
        street = Street(tmp_path, locations=(url, url), claims_need_operator=False)
        try:
            walk(street)
            assert street.accounts.schema_differences() == []
        finally:
            street.close()
        with DeviceRegistry.open(url) as devices:
            token = devices.add("meter", street.portal.market_clock.now(), points=[gsrn(0)])
        with DeviceRegistry.open(url) as devices:
            assert devices.find(token).points == {gsrn(0)}


def walk(street: Street) -> None:
    anna, ben = street.join("anna", sells="1"), street.join("ben")
    for number, browser in enumerate((anna, ben)):
        browser.get("/home")
        assert browser.post("/home/metering-points", metering_point=gsrn(number)).status_code == 303
        browser.get("/prices")
        prices = {"sell": "8", "buy": ""} if not number else {"buy": "12"}
        assert browser.post("/prices", step="save", **prices).status_code == 303
    street.meter(gsrn(0), exported=1500, number=1)
    street.meter(gsrn(1), imported=900, number=1)
    street.clear(1)
    street.settle()
    portal = street.portal

    (bill,) = household.own_bills(portal, ben.person)
    _, earned = household.own_income(portal, anna.person, None)
    (trade,) = household.own_trades(portal, ben.person, 1)[0]

    assert (bill.owed_cents, trade.energy_wh) == (7, 900)
    assert sum(earned.parts_nano) == earned.paid_nano == 900 * 80_000
    assert checking.check_bill(street.engine, bill).ok
    assert household.effect(portal, ben.person, (70_000, None)).difference_nano < 0
    assert overview.read_overview(portal).agreement is not None
    street.enlist(Role.AUDITOR)
    archive = overview.export(portal)
    assert archive.stat().st_size > 1_000
    archive.unlink()
    ben.get("/account")
    assert ben.post("/account/close", password=PASSWORD).headers["location"] == "/?note=closed"
    assert street.person("ben") is None
