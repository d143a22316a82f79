"""An engine carries standing authorisations on Ethereum: held, charged in one call, returned, replayed."""

from __future__ import annotations

from datetime import timedelta

import attrs
import pytest

from sauma.billing import BillStatus
from sauma.engine import Engine
from sauma.identifiers import content_id
from sauma.intervals import to_unix
from sauma.replay import replay
from sauma.session import MicroSession, SessionReading, SessionTerms, Signed, StandingTerms
from sauma.settlement import CLEARING, ESCROW, ISSUER
from sauma.testing import ManualClock
from sauma.venue import Venue
from sauma_ethereum import LocalEthereum
from sauma_ethereum.evidence import domain_of

NAMES = ("car", "charger", "operator")
FUNDS = 10_000


class Lights:
    """A car with money in the ledger, a charger, a meter and an operator with an engine."""

    def __init__(self, local: LocalEthereum, folder) -> None:
        self.local = local
        grid = local.signer("grid")
        settings = self.settings = local.deploy(grid, grid, first_height=1)
        self.signers = {name: local.signer(name) for name in (*NAMES, "meter")}
        accounts = [self.signers[name].account for name in NAMES]
        self.chain = local.chain(
            settings, {self.signers[name].account: self.signers[name] for name in NAMES}
        )
        local.fund(accounts)
        local.register(local.chain(settings, {grid.account: grid}), accounts)
        local.deposit_money(settings, self.signers["car"].account, FUNDS)
        self.venue = Venue(
            chain=self.chain,
            codec=self.chain.codec,
            energy_asset=settings.energy_asset,
            settings=settings.to_facts(),
            roles={
                ISSUER: grid.account,
                CLEARING: local.signer("clearing").account,
                ESCROW: settings.escrow_account,
            },
            session_domain=domain_of(settings),
        )
        self.salts = 0
        self.engine = Engine.open(
            folder / "store.sqlite",
            self.venue,
            clock=ManualClock(self.now),
            draw_salt=self._salt,
        )
        self.engine.register_all([(name, self.signers[name].account) for name in NAMES])
        newest = self.now
        self.agreed = SessionTerms(
            domain=domain_of(settings),
            payer=self.signers["car"].account,
            payee=self.signers["charger"].account,
            operator=self.signers["operator"].account,
            meter=self.signers["meter"].account,
            asset=settings.money_asset,
            price=25,
            price_decimals=3,
            fee_bps=1_000,
            energy_wh_max=50_000,
            starts_before=newest + timedelta(hours=1),
            ends_before=newest + timedelta(hours=9),
            contest_window_s=3_600,
            silence_limit_s=3_600,
            key="light",
        )

    def _salt(self) -> bytes:
        self.salts += 1
        return content_id("salt", self.salts)

    @property
    def now(self):
        return self.chain.head().newest.time.replace(microsecond=0)

    def allow(self, key: str, until) -> StandingTerms:
        terms = StandingTerms(
            domain=self.agreed.domain,
            payer=self.agreed.payer,
            operator=self.agreed.operator,
            asset=self.agreed.asset,
            cap_units=1_000,
            session_units_max=200,
            valid_from=self.now - timedelta(hours=1),
            valid_until=until,
            payees=(self.agreed.payee,),
            key=key,
        )
        signature = self.signers["car"].sign(self.chain.codec.standing_payload(terms))
        self.engine.standings.authorise(terms, signature)
        return terms

    def light(self, number: int, wh: int) -> MicroSession:
        terms = attrs.evolve(self.agreed, key=f"light {number}")

        def reading(sequence: int, register_wh: int) -> Signed:
            statement = SessionReading(
                session_id=terms.session_id,
                sequence=sequence,
                register_wh=register_wh,
                time=to_unix(self.now),
            )
            meter = self.signers["meter"]
            signature = meter.sign(self.chain.codec.statement_payload(terms, statement))
            return Signed(statement=statement, signer=meter.account, signature=signature)

        return MicroSession(terms=terms, first=reading(0, 5_000), last=reading(1, 5_000 + wh))

    def carry(self, blocks: int) -> None:
        for _ in range(blocks):
            progress = self.engine.step()
            assert not progress.held, progress.held
            self.local.mine()
        self.engine.step()

    def units(self) -> dict[str, int]:
        asset = self.settings.money_asset
        return {name: self.chain.balance(self.signers[name].account, asset).units for name in NAMES}


@pytest.fixture
def lights(tmp_path):
    with LocalEthereum.in_process() as local:
        lights = Lights(local, tmp_path)
        yield lights
        lights.engine.close()


def test_red_lights_on_ethereum(lights):
    """Two authorisations of one plan are charged in one transaction; the rest returns after the end."""
    until = lights.now + timedelta(days=30)
    first, second = lights.allow("1", until), lights.allow("2", until)
    lights.carry(3)
    lights.engine.standings.charge(
        [
            (first, [lights.light(1, 4_000), lights.light(2, 8_000)]),
            (second, [lights.light(3, 2_000)]),
        ]
    )
    assert lights.engine.step().signed == 1
    lights.carry(2)
    assert lights.units() == {"car": FUNDS - 2_000, "charger": 315, "operator": 35}
    lights.local.pass_time(31 * 86_400)
    lights.local.mine()
    assert lights.engine.standings.tick() == 2
    lights.carry(10)

    receipts = lights.engine.standings.receipts()
    assert [(one.charged_units, one.returned_units) for one in receipts] == [(300, 700), (50, 950)]
    assert {one.status for one in receipts} == {BillStatus.FINAL}
    assert lights.units()["car"] == FUNDS - 350
    report = replay(lights.engine.store, codec=lights.chain.codec, chain=lights.chain)
    assert (report.findings, report.chain_compared) == ((), True)
