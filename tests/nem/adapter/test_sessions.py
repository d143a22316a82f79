"""Sessions on NEM: the operator keeps what is held, and whatever it does wrong is found."""

from __future__ import annotations

from datetime import timedelta

import attrs
import pytest

from sauma.billing import BillStatus
from sauma.chain import Batch, BatchKind, Support, Transfer
from sauma.engine import Engine
from sauma.errors import Refused
from sauma.identifiers import content_id
from sauma.intervals import to_unix
from sauma.journal import Table
from sauma.journal import schemas as journal
from sauma.journal_claims import JournalClaims
from sauma.replay import replay
from sauma.session import (
    Authorisation,
    Receipt,
    SessionReading,
    SessionState,
    SessionTerms,
)
from sauma.steps import Parties, Taken, plan_step
from sauma.testing import ManualClock
from sauma_nem.codec import recorded_of, transfer_in
from sauma_nem.cosigning import Cosigner
from sauma_nem.judging import JournalJudge, Objection
from sauma_nem.local import LocalNem
from sauma_nem.signed_record import SignedRecord

CAP = 5_000_000
XEM = 1_000_000
NAMES = ("car", "charger", "operator", "auditor", "meter")


class Street:
    """A car, a charger and an operator, on a node over HTTP, with an engine."""

    def __init__(self, folder, nem: LocalNem) -> None:
        self.nem = nem
        self.clock = ManualClock(nem.chain.head().newest.time)
        self.salts = 0
        self.engine = Engine.open(
            folder / "store.sqlite", nem.venue, clock=self.clock, draw_salt=self._salt
        )
        self.engine.register_all([(name, nem.account(name)) for name in NAMES])
        newest = nem.chain.head().newest.time
        self.terms = SessionTerms(
            domain=nem.settings.session_domain,
            payer=nem.account("car"),
            payee=nem.account("charger"),
            operator=nem.account("operator"),
            meter=nem.account("meter"),
            asset=nem.settings.fee_asset,
            price=250,
            price_decimals=0,
            fee_bps=500,
            energy_wh_max=50_000,
            starts_before=newest + timedelta(hours=2),
            ends_before=newest + timedelta(hours=4),
            contest_window_s=3_600,
            silence_limit_s=3_600,
            key="1",
        )

    def _salt(self) -> bytes:
        self.salts += 1
        return content_id("salt", self.salts)

    def begin(self) -> None:
        terms, sessions = self.terms, self.engine.sessions
        held = Authorisation(
            session_id=terms.session_id, held_units=CAP, valid_until=to_unix(terms.starts_before)
        )
        sessions.authorise(terms, self.nem.sign("car", held))
        self.carry()
        sessions.start(terms, self.nem.sign("meter", self.reading(0, 0)))
        self.carry()

    def reading(self, sequence: int, wh: int) -> SessionReading:
        return SessionReading(
            session_id=self.terms.session_id,
            sequence=sequence,
            register_wh=1_000_000 + wh,
            time=to_unix(self.clock.now()),
        )

    def receipt(self, sequence: int, wh: int, units: int) -> Receipt:
        return Receipt(
            session_id=self.terms.session_id,
            sequence=sequence,
            register_wh=1_000_000 + wh,
            amount_units=units,
        )

    def carry(self, blocks: int = 2) -> None:
        for _ in range(blocks):
            self.engine.step()
            self.nem.mine()
        self.engine.step()
        ahead = self.nem.chain.head().newest.time - self.clock.now()
        self.clock.advance(seconds=int(ahead.total_seconds()))

    def wait(self, seconds: int) -> None:
        self.nem.node.advance(seconds)
        self.carry(1)

    def held(self) -> int:
        return self.nem.chain.balance(self.nem.account("@escrow"), self.terms.asset).units

    def findings(self) -> list[str]:
        report = replay(self.engine.store, codec=self.nem.chain.codec, chain=self.nem.chain)
        return [each.explanation for each in report.findings]

    def steal(self, recipient: str, units: int) -> None:
        """The operator sends something out of the escrow, past the journal."""
        instruction = Transfer(
            instruction_id=content_id("theft"),
            authority=self.nem.account("@escrow"),
            evidence=b"",
            sender=self.nem.account("@escrow"),
            recipient=self.nem.account(recipient),
            asset=self.terms.asset,
            units=units,
        )
        batch = Batch(
            batch_id=content_id("theft-batch"),
            kind=BatchKind.SETTLEMENT,
            instructions=(instruction,),
        )
        for transaction in self.nem.chain.prepare([batch], outstanding=()):
            self.nem.chain.broadcast(transaction)
        self.nem.mine()
        self.carry()


@pytest.fixture(params=[(), ("operator", "auditor")], ids=["plain", "multisig"])
def street(tmp_path, request):
    with LocalNem(
        *NAMES, holds=True, cosigners=request.param, purse_micro=100 * XEM, finality_blocks=6
    ) as nem:
        street = Street(tmp_path, nem)
        yield street
        street.engine.close()


@pytest.fixture
def plain(tmp_path):
    with LocalNem(*NAMES, holds=True, purse_micro=100 * XEM, finality_blocks=6) as nem:
        street = Street(tmp_path, nem)
        yield street
        street.engine.close()


def test_a_car_prepays_charges_and_gets_the_rest_back(street):
    """On a plain escrow account and on a multisig one: held, paid by the meter, refunded, and replayed."""
    assert street.nem.chain.capabilities.hold is Support.EMULATED
    street.begin()
    assert street.engine.sessions.receipt(street.terms.session_id).locked_units == CAP
    receipt = street.nem.sign("car", street.receipt(3, 10_000, 2_500_000))
    street.engine.sessions.close(street.terms, receipt)
    street.carry(10)

    found = street.engine.sessions.receipt(street.terms.session_id)
    assert (found.state, found.status) == (SessionState.SETTLED, BillStatus.FINAL)
    assert (found.held_units, found.gross_units, found.fee_units) == (CAP, 2_500_000, 125_000)
    assert (found.refunded_units, found.energy_wh) == (2_500_000, 10_000)
    assert street.findings() == []


def test_an_escrow_of_two_of_three(tmp_path):
    """What leaves an escrow that needs two signatures waits for a cosigner that derives it, and nothing else.

    The auditor signs what it derives from the journal itself; what the operator takes past it stays
    where it is; and with the second signature the session is paid, refunded, final and replayed.
    """
    names = (*NAMES, "arbiter")
    sharing = {"cosigners": ("operator", "auditor", "arbiter"), "cosigners_needed": 2}
    money = {"purse_micro": 100 * XEM, "finality_blocks": 6}
    with LocalNem(*names, holds=True, **sharing, **money) as nem:
        street = Street(tmp_path, nem)
        street.begin()
        street.engine.sessions.close(
            street.terms, nem.sign("car", street.receipt(3, 10_000, 2_500_000))
        )
        street.carry(2)
        stuck = street.held()
        record = SignedRecord(tmp_path / "signed.jsonl")
        with JournalClaims(tmp_path / "store.sqlite", nem.venue) as claims:
            auditor = Cosigner(
                nem.chain.nodes[0],
                nem.settings,
                account=nem.account("@escrow"),
                signer=nem.signer("auditor"),
                judge=JournalJudge(claims, nem.settings, rulebooks=()),
                record=record,
            )
            signed = []
            for _ in range(6):
                signed += [each.is_signed for each in auditor.step()]
                street.carry(1)
            street.steal("operator", 7)
            (refused,) = auditor.step()
        street.carry(8)

        found = street.engine.sessions.receipt(street.terms.session_id)
        assert (stuck >= CAP, signed) == (True, [True] * 3)
        assert (found.state, found.status) == (SessionState.SETTLED, BillStatus.FINAL)
        assert (found.gross_units, found.refunded_units) == (2_500_000, 2_500_000)
        assert refused.objection is Objection.UNKNOWN_BATCH
        assert street.findings() == []
        street.engine.close()


def test_every_step_can_be_read_from_the_chain(plain):
    """Each transfer's message has the transition, the evidence and its signatures, which hold."""
    plain.begin()
    receipt = plain.nem.sign("car", plain.receipt(3, 10_000, 2_500_000))
    plain.engine.sessions.close(plain.terms, receipt)
    plain.carry(5)
    escrow = plain.nem.account("@escrow").address
    shown = []
    for page in [plain.nem.chain.nodes[0].transfers(escrow)]:
        for each in page:
            transfer = transfer_in(each.transaction)
            recorded = None if transfer is None else recorded_of(transfer)
            if recorded is not None:
                shown.append((recorded, transfer))

    assert [one.transition.name for one, _ in reversed(shown)] == [
        "AUTHORISE", "START", "CLOSE", "CLOSE", "CLOSE"
    ]  # fmt: skip
    for recorded, _ in shown:
        assert recorded.session_id == plain.terms.session_id
        (signed,) = recorded.signed(plain.terms.operator, plain.nem.chain.codec, plain.terms)
        assert signed.signer in (plain.terms.payer, plain.terms.meter)


def test_what_the_machine_refuses_is_not_signed(plain):
    """The adapter reads the session from the chain, and signs no step that the machine refuses."""
    plain.begin()
    claim = plain.nem.sign("meter", plain.reading(4, 10_000))
    session = plain.engine.sessions.claim(plain.terms, claim)
    plain.carry()
    (batch,) = _batches(plain, session, "settle")[:1]

    with pytest.raises(Refused, match="too_early"):
        plain.nem.chain.prepare([batch], outstanding=())


def test_an_operator_that_keeps_the_refund_is_found(plain):
    """Money that leaves the escrow past the journal is found, and so is what is then missing."""
    plain.begin()
    plain.steal("operator", 1_000_000)
    plain.wait(20_000)

    assert any("moved what sessions hold" in each for each in plain.findings())


def test_an_operator_that_pays_more_than_the_meter_says_is_found(plain):
    """A journal whose step moves more than its evidence comes to is found at that step."""
    plain.begin()
    receipt = plain.nem.sign("car", plain.receipt(3, 10_000, 2_500_000))
    _forge(plain, receipt, payee_units=1_000_000, payer_units=-1_000_000)

    (finding,) = plain.findings()
    assert "session_effects" in finding or "delta_units" in finding


def test_an_operator_that_pays_before_the_window_is_found(plain, monkeypatch):
    """A settlement that its block shows before the window was over is found, whatever the journal says."""
    plain.begin()
    claim = plain.nem.sign("meter", plain.reading(4, 10_000))
    plain.engine.sessions.claim(plain.terms, claim)
    plain.carry()
    head = plain.nem.chain.head
    late = head().newest.time + timedelta(hours=3)
    with monkeypatch.context() as patched:
        patched.setattr(
            type(plain.nem.chain),
            "head",
            lambda self: attrs.evolve(head(), newest=attrs.evolve(head().newest, time=late)),
        )
        assert plain.engine.sessions.tick() == 1
    monkeypatch.setattr("sauma_nem.preparing.check_step", lambda *_: None)
    plain.carry(6)
    assert plain.engine.sessions.receipt(plain.terms.session_id).gross_units == 2_500_000

    assert any("too_early" in each for each in plain.findings())


def test_an_operator_that_never_closes_is_found(plain):
    """A session whose exit was open for long, and that holds money still, is found."""
    plain.begin()
    plain.wait(4 * 3_600 + 3_600 + 3_700)

    assert any("was open to anybody" in each for each in plain.findings())


def _batches(street, session, name):
    from sauma.session import SessionStep, Transition, batches_for, decide, instructions_for

    step = SessionStep(
        transition=Transition[name.upper()], terms=street.terms, caller=street.terms.operator
    )
    outcome = decide(
        session, step.command(street.nem.chain.codec), session.contest_until + 1, terms=street.terms
    )
    instructions = instructions_for(step, outcome, escrow=street.nem.account("@escrow"))
    return batches_for(instructions, outcome, one_by_one=True)


def _forge(street, receipt, **changes) -> None:
    """Append a close whose movements are not those of its evidence, as a dishonest engine would."""
    from sauma.session import SessionStep, Transition, decide
    from sauma.steps import SESSION_STEP, SESSION_STEP_TAKEN, step_key

    session = street.engine.sessions.session(street.terms.session_id)
    step = SessionStep(
        transition=Transition.CLOSE,
        terms=street.terms,
        caller=street.terms.payee,
        evidence=(receipt,),
    )
    now = to_unix(street.clock.now())
    outcome = decide(session, step.command(street.nem.chain.codec), now, terms=street.terms)
    false = attrs.evolve(
        outcome, **{name: getattr(outcome, name) + units for name, units in changes.items()}
    )
    taken = Taken(number=outcome.session.steps, judged_at=now, is_emulated=True, step=step)
    holders = {street.nem.account(name): name for name in (*NAMES, "@escrow")}
    parties = Parties(holder_of=holders.__getitem__, escrow=street.nem.account("@escrow"))
    with street.engine.store.transaction() as transaction:
        digest = transaction.vault_put(
            SESSION_STEP,
            step_key(street.terms.session_id, taken.number),
            salt=street._salt(),
            content=step.to_bytes(),
        )
        row = (street.terms.session_id, taken.number, 7, now, True, digest)
        transaction.append(
            kind=SESSION_STEP_TAKEN,
            time=street.clock.now(),
            tables=[
                Table.from_rows(journal.SESSION_STEPS, [row]),
                *plan_step(taken, false, parties),
            ],
        )
