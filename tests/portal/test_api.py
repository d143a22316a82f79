"""The API: what it describes is what it does, for tokens with the scopes that it names."""

from datetime import timedelta

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis.specs.openapi.checks import positive_data_acceptance

from sauma_portal.accounts import Role, keys
from sauma_portal.acts import tokens
from sauma_portal.app import create_app

from .street import PASSWORD, Street, gsrn

ALL = ["read", "trade", "account"]


class Caller:
    """A program with a token."""

    def __init__(self, street: Street, token: str = ""):
        self.client, self.token = street.client, token

    def __call__(
        self, method: str, path: str, body: object = None, **headers: str
    ) -> httpx.Response:
        self.client.cookies.clear()
        if self.token:
            headers["authorization"] = f"Bearer {self.token}"
        return self.client.request(method, path, json=body, headers=headers)


def token_for(street: Street, name: str, scopes: list[str]) -> str:
    answer = Caller(street)(
        "POST",
        "/api/log-in",
        {"email": f"{name}@example.fi", "password": PASSWORD, "name": "test", "scopes": scopes},
    )
    assert answer.status_code == 201, answer.text
    return answer.json()["secret"]


@pytest.fixture
def anna(street):
    """Anna with a token for everything of hers."""
    street.join("anna", sells="1")
    return Caller(street, token_for(street, "anna", ALL))


def test_all_that_a_household_does_can_be_done_by_a_program(street):
    """From joining to leaving, without a page."""
    nobody = Caller(street)
    joined = nobody(
        "POST",
        "/api/people",
        {"display_name": "Ben", "email": "ben@example.fi", "password": PASSWORD, "sells": True},
    )
    assert joined.status_code == 201
    call = Caller(street, token_for(street, "ben", ALL))

    assert call("GET", "/api/me").json()["display_name"] == "Ben"
    assert call("PATCH", "/api/me", {"place": "B2"}).json()["place"] == "B2"
    point = call("POST", "/api/metering-points", {"metering_point": gsrn(1)})
    assert point.json() == {"metering_point": gsrn(1), "state": "confirmed"}
    assert call("GET", "/api/wallet").json()["account"]
    effect = call("POST", "/api/prices/effect", {"buy_micro": 120_000, "sell_micro": 80_000})
    assert effect.json()["difference_nano"] == 0
    prices = call("PUT", "/api/prices", {"buy_micro": 120_000, "sell_micro": 80_000})
    assert (prices.json()["buy_micro"], prices.json()["sell_micro"]) == (120_000, 80_000)
    assert call("POST", "/api/trading/pause").status_code == 200
    assert call("GET", "/api/prices").json()["paused"]
    assert call("POST", "/api/trading/resume").status_code == 200
    street.meter(gsrn(1), imported=500, number=1)
    street.clear(1)
    street.settle()
    assert call("GET", "/api/today").json()["imported_wh"] == 500
    assert call("GET", "/api/trades").json()["trades"] == []
    (bill,) = call("GET", "/api/bills").json()
    assert (bill["from_supplier_wh"], bill["owed_cents"], bill["status"]) == (500, 8, "final")
    assert call("GET", f"/api/bills/{bill['number']}").json() == bill
    assert call("GET", f"/api/bills/{bill['number']}/check").json()["ok"]
    assert call("GET", f"/api/bills/{bill['number']}/pdf").content.startswith(b"%PDF-")
    assert call("GET", "/api/income").json()["earned_nano"] == 0
    assert call("GET", "/api/neighbourhood").json()["households"] == 1
    assert call("GET", "/api/me/data").json()["metering_points"] == [gsrn(1)]
    assert call("POST", "/api/me/close", {"password": PASSWORD}).status_code == 201
    assert call("GET", "/api/me").status_code == 401


def test_a_trade_and_an_income_are_told_as_the_pages_show_them(settled):
    """The same figures, in integers."""
    ben = Caller(settled, token_for(settled, "ben", ["read"]))
    anna = Caller(settled, token_for(settled, "anna", ["read"]))

    (trade,) = ben("GET", "/api/trades").json()["trades"]
    (share,) = anna("GET", "/api/income?month=2026-11").json()["shares"]

    assert trade["counterparty"] == "Anna"
    assert (trade["energy_wh"], trade["price_micro"], trade["state"]) == (900, 80_000, "final")
    assert (
        share["producer_nano"] + share["grid_nano"] + share["operator_nano"] == share["paid_nano"]
    )


@pytest.mark.parametrize(
    ("scopes", "method", "path", "body"),
    [
        (["trade", "account"], "GET", "/api/me", None),
        (["read", "account"], "PUT", "/api/prices", {"buy_micro": 1}),
        (["read", "trade"], "PATCH", "/api/me", {"hidden": True}),
        (["read", "trade", "account"], "GET", "/api/staff/overview", None),
    ],
)
def test_a_token_does_no_more_than_its_scopes_name(street, scopes, method, path, body):
    """Without the scope the answer is 403, and nothing is changed."""
    street.join("anna")

    answer = Caller(street, token_for(street, "anna", scopes))(method, path, body)

    assert answer.status_code == 403
    assert "scope" in answer.json()["detail"]


def test_the_api_takes_no_cookie(street):
    """A session of the pages is nobody here, so that no other site can call with it."""
    browser = street.join("anna")

    assert browser.get("/api/me").status_code == 401


def test_a_token_ends_with_its_time_its_revocation_and_the_password(street):
    """Each of the three makes it useless at once."""
    street.join("anna")
    first, second, third = (Caller(street, token_for(street, "anna", ALL)) for _ in range(3))
    tokens = first("GET", "/api/tokens").json()
    assert first("DELETE", f"/api/tokens/{tokens[1]['token_id']}").status_code == 200
    assert second("GET", "/api/me").status_code == 401

    change = {"password": PASSWORD, "new_password": "ten loud aspens"}
    assert first("POST", "/api/me/password", change).status_code == 201
    assert third("GET", "/api/me").status_code == 401
    street.person("anna")


def test_an_old_token_is_refused(street, anna):
    """Ninety days unless it was asked for otherwise."""
    street.clock.advance(seconds=int(timedelta(days=90).total_seconds()))

    assert anna("GET", "/api/me").status_code == 401


def test_what_breaks_a_rule_is_named_by_field(anna):
    """422 with the fields and a remedy; the schema's own errors are 400."""
    dear = anna("PUT", "/api/prices", {"buy_micro": 900_000_000})
    assert dear.status_code == 422
    assert "Choose a price from 0 to 50" in dear.json()["invalid"]["buy_micro"]
    assert dear.headers["content-type"].startswith("application/problem+json")

    wrong = anna("PUT", "/api/prices", {"buy_micro": "ten"})
    assert wrong.status_code == 400


def test_a_neighbours_bill_and_token_are_not_found(settled):
    """Numbers that are somebody else's are numbers of nothing."""
    anna = Caller(settled, token_for(settled, "anna", ALL))
    number = f"202611-{settled.ben.person.customer_number}"

    assert anna("GET", f"/api/bills/{number}").status_code == 404
    assert anna("GET", f"/api/bills/{number}/check").status_code == 404
    assert anna("DELETE", "/api/tokens/1").status_code in (200, 404)


def test_an_auditor_reads_and_changes_nothing(street):
    """The staff's calls read for an auditor; deciding is an operator's."""
    anna = street.join("anna")
    street.enlist(Role.AUDITOR)
    auditor = Caller(street, token_for(street, "auditor", ["read", "staff"]))

    assert auditor("GET", "/api/staff/overview").json()["households"][0]["display_name"] == "Anna"
    assert auditor("GET", "/api/staff/export").headers["content-type"] == "application/zip"
    decision = {"decision": "pause", "reason": "because"}
    answer = auditor("POST", f"/api/staff/households/{anna.person.person_id}/trading", decision)
    assert answer.status_code == 403
    assert not street.person("anna").paused


def test_an_operator_decides_with_a_reason(street):
    """Pausing a household is done and noted."""
    anna = street.join("anna")
    street.enlist(Role.OPERATOR)
    operator = Caller(street, token_for(street, "operator", ["staff"]))
    path = f"/api/staff/households/{anna.person.person_id}/trading"

    assert operator("POST", path, {"decision": "pause", "reason": ""}).status_code == 422
    assert operator("POST", path, {"decision": "pause", "reason": "by phone"}).status_code == 200

    assert street.person("anna").paused
    assert operator("GET", "/api/staff/trail").json()[0]["reason"] == "by phone"


# --- the whole description ---------------------------------------------------------------------

RULES_MAY_SAY_NO = [positive_data_acceptance]
"""What fits the schema may still break a rule (a price above the cap, an address that has an account)."""


@pytest.fixture(scope="module")
def described(tmp_path_factory):
    """A street with a household and an operator, and the API's description of itself."""
    street = Street(
        tmp_path_factory.mktemp("described"),
        claims_need_operator=False,
        forms_per_address=10**9,
        log_ins_per_address=10**9,
        log_ins_per_account=10**9,
    )
    street.join("anna", sells="1")
    street.enlist(Role.OPERATOR)
    yield street
    street.close()


def test_the_api_keeps_its_description(described):
    """Generated calls, sound and unsound, for every operation: nothing unannounced, no failure."""
    run_schemathesis(described, examples=6)


@pytest.mark.soak
def test_the_api_keeps_its_description_for_long(described):
    """The same with many examples."""
    run_schemathesis(described, examples=400)


def run_schemathesis(street: Street, examples: int) -> None:
    schema = schemathesis.openapi.from_asgi("/api/openapi.json", create_app(street.portal))
    schema.auth(refresh_interval=None)(_Bearer)
    failures: list[str] = []
    for result in schema.get_all_operations():
        operation = result.ok()
        # A new token for each: one of the operations revokes.
        _Bearer.token = fresh_token(street, "operator" if "/staff/" in operation.path else "anna")
        for mode in (schemathesis.GenerationMode.POSITIVE, schemathesis.GenerationMode.NEGATIVE):
            _run_operation(operation, mode, examples, failures)
    assert not failures, "\n\n".join(failures)


class _Bearer:
    """Gives each call the token, and lets the check of ignored authentication take it away."""

    token = ""

    def get(self, case, context):
        return self.token

    def set(self, case, data, context):
        case.headers = {**(case.headers or {}), "Authorization": f"Bearer {data}"}


def fresh_token(street: Street, name: str) -> str:
    person = street.person(name)
    with street.accounts.transaction() as connection:
        keys.revoke_all(connection, person.person_id)
    scopes = ("read", "trade", "account", *(("staff",) if person.is_staff else ()))
    return tokens.grant(street.portal, person, name="test", scopes=scopes, days=1)[1]


def _run_operation(operation, mode, examples, failures) -> None:
    @settings(
        max_examples=examples,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def check(case):
        case.call_and_validate(excluded_checks=RULES_MAY_SAY_NO)

    try:
        check()
    except Unsatisfiable:
        pass  # an operation without parameters cannot be called wrongly
    except Exception as error:
        told = [str(each) for each in getattr(error, "exceptions", [error])]
        failures.append(f"{operation.label} ({mode.name}): {'; '.join(told)}"[:1500])
