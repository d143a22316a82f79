"""Standing authorisations carried by an engine: held once, charged together, returned, and replayed."""

from __future__ import annotations

from datetime import timedelta

import attrs
import pytest

from sauma import standings
from sauma.billing import BillStatus
from sauma.chain import Support
from sauma.errors import (
    InsufficientBalance,
    InvalidInput,
    Refused,
    SessionRefused,
    UnknownName,
    Unsupported,
    WrongNetwork,
)
from sauma.intervals import to_unix
from sauma.memory import MemoryChain, MemoryCodec, NamedSigner
from sauma.session import (
    MicroSession,
    SessionReading,
    SessionTerms,
    Signed,
    StandingAction,
    StandingStep,
    StandingTerms,
)
from sauma.store import charged

from .faulty import Died, Fault
from .roads import MONEY, REGISTER, Roads

CAP = 1_000
LIMIT = 300
DAY_S = 86_400


class Streets(Roads):
    """Roads with red lights."""

    def allowance(self, **changes) -> StandingTerms:
        newest = self.chain.head().newest.time
        terms = StandingTerms(
            domain=self.chain.session_domain,
            payer=self.accounts["car"],
            operator=self.accounts["operator"],
            asset=self.money,
            cap_units=CAP,
            session_units_max=LIMIT,
            valid_from=newest,
            valid_until=newest + timedelta(days=30),
            notice_s=3_600,
            payees=(self.accounts["charger"],),
            key="1",
        )
        return attrs.evolve(terms, **changes)

    def signature(self, terms: StandingTerms, name: str = "car") -> bytes:
        payload = MemoryCodec().standing_payload(terms)
        return NamedSigner(account=self.accounts[name]).sign(payload)

    def light(self, number: int, wh: int, **changes) -> MicroSession:
        facts = {"arbiter": None, "arbiter_window_s": 0, "bond_units": 0, "fixed_fee_units": 0}
        return self.under(self.agree(**facts, key=f"light {number}", **changes), wh)

    def under(self, terms: SessionTerms, wh: int = 400) -> MicroSession:
        def reading(sequence: int, register_wh: int) -> Signed:
            statement = SessionReading(
                session_id=terms.session_id,
                sequence=sequence,
                register_wh=register_wh,
                time=to_unix(self.clock.now()),
            )
            return self.sign(statement, "meter", terms=terms)

        return MicroSession(terms=terms, first=reading(0, REGISTER), last=reading(1, REGISTER + wh))

    def allowed(self, **changes) -> StandingTerms:
        terms = self.allowance(**changes)
        self.engine.standings.authorise(terms, self.signature(terms))
        return terms


@pytest.fixture
def streets(tmp_path):
    return Streets(tmp_path)


def test_red_lights_are_charged_and_the_rest_returns(streets):
    """Held once, charged at two lights of two authorisations in one batch, returned after the end."""
    standings = streets.engine.standings
    first, second = streets.allowed(), streets.allowed(key="2")
    streets.step(2)
    assert streets.units()["escrow"] == 2 * CAP
    standings.charge(
        [
            (first, [streets.light(1, 400), streets.light(2, 800)]),
            (second, [streets.light(3, 4_000)]),
        ]
    )
    assert streets.engine.step().signed == 1
    streets.step(2)
    assert streets.units() == {
        "car": MONEY - 2 * CAP, "charger": 570, "operator": 30, "escrow": 2 * CAP - 600
    }  # fmt: skip
    assert standings.tick() == 0
    streets.wait(31 * DAY_S)
    assert standings.tick() == 2
    streets.step(7)

    receipts = standings.receipts()
    assert [one.status for one in receipts] == [BillStatus.FINAL] * 2
    assert [(one.charged_units, one.returned_units, one.left_units) for one in receipts] == [
        (300, 700, 0),
        (300, 700, 0),
    ]
    assert [one.micro_sessions for one in receipts] == [2, 1]
    assert streets.units() == {
        "car": MONEY - 600, "charger": 570, "operator": 30, "escrow": 0
    }  # fmt: skip
    report = streets.replayed()
    assert (report.findings, report.chain_compared) == ((), True)


def test_the_payer_revokes(streets):
    """After its notice the rest returns by itself, and what was charged before is paid."""
    terms = streets.allowed()
    streets.step()
    streets.engine.standings.revoke(terms)
    streets.engine.standings.charge([(terms, [streets.light(1, 400)])])
    streets.step(3)
    streets.wait(3_700)
    assert streets.engine.standings.tick() == 1
    streets.step(2)

    assert streets.units()["car"] == MONEY - 100
    with pytest.raises(SessionRefused, match="nothing is left") as caught:
        streets.engine.standings.charge([(terms, [streets.light(2, 400)])])
    assert caught.value.reason == "wrong_state"
    assert streets.replayed().findings == ()


def test_the_same_again_is_none(streets):
    """An action that comes twice, or after the process died, is one."""
    terms = streets.allowed()
    charge = [(terms, [streets.light(1, 400)])]
    first = streets.engine.standings.charge(charge)
    streets.engine.close()
    streets.engine = streets.open()
    streets.allowed()
    again = streets.engine.standings.charge(charge)
    streets.step(4)

    assert again == first
    assert streets.units()["escrow"] == CAP - 100


@pytest.mark.parametrize("fault", [Fault.DIE_BEFORE, Fault.DIE_AFTER], ids=lambda each: each.name)
@pytest.mark.parametrize("round_", [0, 1])
def test_a_process_that_dies_goes_on(streets, fault, round_):
    """Dead before or after any broadcast, the next process carries each action once."""
    terms = streets.allowed()
    streets.engine.standings.charge([(terms, [streets.light(1, 400)])])
    streets.node.faults.extend([*([None] * round_), fault])
    with pytest.raises(Died):
        streets.step(5)
    streets.engine.close()
    streets.chain.mine()
    streets.engine = streets.open()
    streets.step(5)

    assert streets.units() == {
        "car": MONEY - CAP, "charger": 95, "operator": 5, "escrow": CAP - 100
    }  # fmt: skip
    assert streets.replayed().findings == ()


def test_what_is_refused_is_refused_by_name(streets):
    """Each guard by its reason, each mistake by what to do, and nothing is written."""
    standings, terms = streets.engine.standings, streets.allowed()
    light = streets.light(1, 400)
    standings.charge([(terms, [light])])
    elsewhere = streets.light(2, 4_000, payee=streets.accounts["arbiter"])
    for asked, reason in (
        ([(terms, [elsewhere])], "wrong_caller"),
        ([(terms, [light, streets.light(3, 1)])], "id_used"),
        ([(terms, [streets.light(n, 9_000) for n in range(4, 8)])], "above_cap"),
        ([(streets.allowance(key="other"), [streets.light(9, 1)])], "wrong_state"),
    ):
        with pytest.raises(SessionRefused) as caught:
            standings.charge(asked)
        assert caught.value.reason == reason
    for steps, error in (
        ([], InvalidInput),
        ([_charge(streets, terms, streets.light(10, 1))] * 2, InvalidInput),
    ):
        with pytest.raises(error):
            standings.submit(steps)
    other = streets.allowance(domain=bytes(32))
    with pytest.raises(WrongNetwork):
        standings.authorise(other, streets.signature(other))
    dear = streets.allowance(cap_units=MONEY)
    with pytest.raises(InsufficientBalance):
        standings.authorise(dear, streets.signature(dear))
    strange = streets.allowance(payer=streets.chain.account("stranger"), key="3")
    with pytest.raises(UnknownName):
        standings.authorise(strange)

    assert len(standings.receipts()) == 1
    streets.step(3)
    assert streets.replayed().findings == ()


def test_a_charge_verifies_its_own_signatures(streets, monkeypatch):
    """What the journal has was verified when it was taken; what leaves, and a replay, verify again."""
    terms = streets.allowed()
    streets.engine.standings.charge([(terms, [streets.light(1, 400), streets.light(2, 400)])])
    streets.step(3)
    real, verified = MemoryCodec.verify_statement, []

    def verify(self, *statement):
        verified.append(statement)
        return real(self, *statement)

    monkeypatch.setattr(MemoryCodec, "verify_statement", verify)
    light = streets.light(3, 400)
    streets.engine.standings.charge([(terms, [light])])

    assert [each[1] for each in verified] == [light.first.statement, light.last.statement]
    streets.step(3)
    verified.clear()
    assert streets.replayed().findings == ()
    assert len({(each[0].key, each[1].sequence) for each in verified}) == 6


def test_replay_finds_a_reading_that_the_meter_never_signed(streets, monkeypatch):
    """The engine looked away once: nothing of it leaves, and though more was charged since, it is named."""
    terms = streets.allowed()
    light = streets.light(1, 400)
    forged = attrs.evolve(light, last=attrs.evolve(light.last, signature=light.first.signature))
    with monkeypatch.context() as patch:
        patch.setattr(MemoryCodec, "verify_statement", lambda *_: True)
        streets.engine.standings.charge([(terms, [forged])])
    streets.engine.standings.charge([(terms, [streets.light(2, 400)])])
    with pytest.raises(Refused, match="a reading of micro-session"):
        streets.step(2)

    (finding,) = streets.replayed().findings
    assert "is not signed by" in finding.explanation


def _charge(streets: Streets, terms: StandingTerms, *lines: MicroSession) -> StandingStep:
    return StandingStep(
        action=StandingAction.CHARGE,
        terms=terms,
        caller=streets.accounts["operator"],
        lines=lines,
    )


def test_no_two_authorisations_pay_for_one_micro_session(streets):
    """Nor in one batch, nor where a session with a hold of its own pays for it (P4)."""
    first, second = streets.allowed(), streets.allowed(key="2")
    light, other = streets.light(1, 400), streets.light(2, 400)
    charge = streets.engine.standings.charge
    charge([(first, [light])])
    streets.step(2)
    streets.engine.sessions.authorise(streets.terms, streets.authorisation())

    for charges in (
        [(second, [light])],
        [(first, [other]), (second, [other])],
        [(second, [streets.under(streets.terms)])],
    ):
        with pytest.raises(SessionRefused, match="paid for by") as caught:
            charge(charges)
        assert caught.value.reason == "id_used"
    charge([(second, [other])])
    streets.step(2)
    assert streets.replayed().findings == ()


def test_replay_finds_a_micro_session_that_two_authorisations_paid_for(streets, monkeypatch):
    """An engine that looked away charged the car twice for one light."""
    first, second = streets.allowed(), streets.allowed(key="2")
    light = streets.light(1, 400)
    with monkeypatch.context() as patch:
        patch.setattr(standings, "check_charged_once", lambda *_: None)
        streets.engine.standings.charge([(first, [light])])
        streets.engine.standings.charge([(second, [light])])

    (finding,) = streets.replayed().findings
    assert "is paid for by" in str(finding)


def test_a_chain_that_keeps_none_is_named(streets):
    """Where the chain declares no standing authorisations, the engine says so and what to do."""
    terms = streets.allowance()
    streets.engine.close()
    bare = MemoryChain("main", session_rules=None)
    assert bare.capabilities.standing is Support.ABSENT
    streets.venue = attrs.evolve(streets.venue, chain=bare)
    streets.engine = streets.open()

    with pytest.raises(Unsupported, match="open a session for each"):
        streets.engine.standings.authorise(terms, streets.signature(terms))


def test_evidence_that_was_exchanged_is_found(streets):
    """Micro-sessions lie beside the journal; other ones in their place are found."""
    terms = streets.allowed()
    streets.engine.standings.charge([(terms, [streets.light(1, 400)])])
    streets.step(3)
    other = _charge(streets, terms, streets.light(1, 404))
    with streets.engine.store.transaction() as transaction:
        key = f"{terms.standing_id.hex()} 2"
        transaction.vault_erase("standing_step", key)
        transaction.vault_put("standing_step", key, salt=bytes(32), content=other.to_bytes())

    (finding,) = streets.replayed().findings
    assert "the vault does not hold action 2" in finding.explanation


def test_what_nobody_returns_is_found(streets):
    """P7: what is held long after its end though anybody could have it returned is a finding."""
    streets.allowed()
    streets.step(2)
    streets.wait(31 * DAY_S)
    streets.step(2)

    (finding,) = streets.replayed().findings
    assert "its return was open to anybody" in finding.explanation


def test_what_a_block_shows_too_late_is_found_of_each(streets, monkeypatch):
    """A charge in a block after the end is a finding, and that of one authorisation hides no other's."""
    for key in ("1", "2"):
        terms = streets.allowed(key=key)
        streets.engine.standings.charge([(terms, [streets.light(int(key), 400)])])
    streets.step(3)
    late = to_unix(streets.clock.now()) + 40 * DAY_S
    monkeypatch.setattr(charged, "block_times", lambda *_: {2: late})

    findings = streets.replayed().findings
    assert len({one.place for one in findings}) == 2
    for one in findings:
        assert f"charge lies in a block of {late}, when it was refused" in one.explanation
