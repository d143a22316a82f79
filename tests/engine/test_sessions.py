"""Sessions carried by an engine: each step once, receipts from the chain, and replay of it all."""

from __future__ import annotations

import attrs
import pytest

from sauma.billing import BillStatus
from sauma.chain import Support
from sauma.errors import (
    InsufficientBalance,
    SessionRefused,
    UnknownName,
    Unsupported,
    WrongNetwork,
)
from sauma.memory import MemoryChain
from sauma.session import SessionState, Transition
from sauma.settlement import ESCROW

from .faulty import Died, Fault
from .roads import CAP, MONEY, Roads


@pytest.fixture
def roads(tmp_path):
    return Roads(tmp_path)


def test_a_car_prepays_charges_and_gets_the_rest_back(roads):
    """What the meter says is paid, the operator gets its part, the rest goes back, and replay agrees."""
    roads.begun()
    assert roads.units()["escrow"] == CAP
    roads.engine.sessions.close(roads.terms, roads.receipt(4, 10_000, 2_600))
    roads.step(7)

    (receipt,) = roads.engine.sessions.receipts()
    assert (receipt.state, receipt.status) == (SessionState.SETTLED, BillStatus.FINAL)
    assert receipt.energy_wh == 10_000
    assert (receipt.held_units, receipt.gross_units, receipt.fee_units) == (CAP, 2_600, 130)
    assert (receipt.refunded_units, receipt.locked_units) == (CAP - 2_600, 0)
    assert roads.units() == {
        "car": MONEY - 2_600, "charger": 2_470, "operator": 130, "escrow": 0
    }  # fmt: skip
    report = roads.replayed()
    assert report.findings == ()
    assert report.chain_compared


def test_steps_may_be_taken_before_the_chain_has_the_last(roads):
    """Steps are journalled as they come and leave one after the other, each when the last is included."""
    sessions = roads.engine.sessions
    sessions.authorise(roads.terms, roads.authorisation())
    sessions.start(roads.terms, roads.reading(0, 0))
    sessions.report(roads.terms, roads.receipt(1, 400, 200))
    sessions.close(roads.terms, roads.receipt(4, 10_000, 2_600))
    assert roads.engine.step().signed == 1
    roads.step(5)

    assert roads.units()["charger"] == 2_470
    assert sessions.receipt(roads.terms.session_id).status is BillStatus.PROVISIONAL
    assert roads.replayed().findings == ()


def test_the_same_step_again_is_none(roads):
    """A step that comes twice, or after the process died, is one."""
    first = roads.engine.sessions.authorise(roads.terms, roads.authorisation())
    roads.engine.close()
    roads.engine = roads.open()
    again = roads.engine.sessions.submit(
        attrs.evolve(_step(roads, Transition.AUTHORISE), evidence=(roads.authorisation(),))
    )
    roads.step(2)

    assert again == first
    assert roads.units()["escrow"] == CAP
    assert len(roads.engine.sessions.receipts()) == 1


@pytest.mark.parametrize(
    "fault", [Fault.FORGET, Fault.LOSE_ANSWER, Fault.DENY], ids=lambda f: f.name
)
def test_whatever_gets_lost_a_step_is_done_once(roads, fault):
    """A node that forgets, denies or does not answer changes nothing: held once, paid once."""
    roads.engine.sessions.authorise(roads.terms, roads.authorisation())
    roads.node.faults.append(fault)
    roads.step(3)
    roads.engine.sessions.start(roads.terms, roads.reading(0, 0))
    roads.engine.sessions.close(roads.terms, *roads.close(1, 1_000))
    roads.node.faults.append(fault)
    roads.step(6)

    assert roads.units() == {
        "car": MONEY - 1_000, "charger": 950, "operator": 50, "escrow": 0
    }  # fmt: skip
    assert roads.replayed().findings == ()


@pytest.mark.parametrize("fault", [Fault.DIE_BEFORE, Fault.DIE_AFTER], ids=lambda each: each.name)
@pytest.mark.parametrize("round_", [0, 1, 2])
def test_a_process_that_dies_goes_on(roads, fault, round_):
    """Dead before or after any broadcast, the next process carries each step once."""
    sessions = roads.engine.sessions
    sessions.authorise(roads.terms, roads.authorisation())
    sessions.start(roads.terms, roads.reading(0, 0))
    sessions.close(roads.terms, roads.receipt(4, 10_000, 2_600))
    roads.node.faults.extend([*([None] * round_), fault])
    with pytest.raises(Died):
        roads.step(6)
    roads.engine.close()
    roads.chain.mine()
    roads.engine = roads.open()
    roads.step(6)

    assert roads.units() == {
        "car": MONEY - 2_600, "charger": 2_470, "operator": 130, "escrow": 0
    }  # fmt: skip
    assert roads.replayed().findings == ()


def test_evidence_that_was_exchanged_is_found(roads):
    """Terms and evidence lie beside the journal; other ones in their place are found."""
    roads.begun()
    other = attrs.evolve(
        _step(roads, Transition.AUTHORISE), evidence=(roads.authorisation(CAP - 1),)
    )
    with roads.engine.store.transaction() as transaction:
        key = f"{roads.terms.session_id.hex()} 1"
        transaction.vault_erase("session_step", key)
        transaction.vault_put("session_step", key, salt=bytes(32), content=other.to_bytes())

    (finding,) = roads.replayed().findings
    assert "the vault does not hold step 1" in finding.explanation


def test_what_the_machine_refuses_is_refused_by_name(roads):
    """A refusal names the guard, and nothing is written."""
    sequence = _sequence(roads)
    with pytest.raises(SessionRefused, match="is none") as caught:
        roads.engine.sessions.start(roads.terms, roads.reading(0, 0))

    assert caught.value.reason == "wrong_state"
    assert _sequence(roads) == sequence


def test_more_than_there_is_is_not_held(roads):
    """The payer's balance, less what waits to be held of it, is the limit."""
    other = attrs.evolve(roads.terms, key="2")
    roads.engine.sessions.authorise(roads.terms, roads.authorisation(MONEY - 10))

    with pytest.raises(InsufficientBalance, match="10 of"):
        roads.engine.sessions.authorise(other, roads.authorisation(11, other))
    roads.engine.sessions.authorise(other, roads.authorisation(10, other))
    roads.step(2)
    assert roads.units()["escrow"] == MONEY


@pytest.mark.parametrize(
    ("changes", "error"),
    [({"domain": bytes(32)}, WrongNetwork), ({"payee": None}, UnknownName)],
)
def test_terms_that_cannot_be_carried_are_refused(roads, changes, error):
    """Another escrow, or a party that nobody registered."""
    if "payee" in changes:
        changes = {"payee": roads.chain.account("nobody")}
    terms = attrs.evolve(roads.terms, **changes)

    with pytest.raises(error):
        roads.engine.sessions.authorise(terms, roads.authorisation(terms=terms))


def test_a_chain_or_venue_without_an_escrow_carries_none(roads, tmp_path):
    """Where nothing is held, or no account is named for it, a step is refused with what to do."""
    roads.venue = attrs.evolve(roads.venue, roles={})
    roads.engine.close()
    roads.engine = roads.open()
    with pytest.raises(Unsupported, match=ESCROW):
        roads.engine.sessions.authorise(roads.terms, roads.authorisation())
    bare = attrs.evolve(roads.venue, chain=MemoryChain("main", session_rules=None))
    assert bare.chain.capabilities.hold is Support.ABSENT
    roads.venue = bare
    roads.engine.close()
    roads.engine = roads.open()

    with pytest.raises(Unsupported, match="hold and no contest"):
        roads.engine.sessions.authorise(roads.terms, roads.authorisation())


def test_a_claim_is_settled_by_the_clock(roads):
    """Without the payer the payee claims; `tick` settles when the window is over, and not before."""
    roads.begun()
    roads.engine.sessions.claim(roads.terms, roads.reading(5, 10_000))
    roads.step()
    assert roads.engine.sessions.tick() == 0
    roads.wait(3_700)
    assert roads.engine.sessions.tick() == 1
    roads.step(2)

    assert roads.units()["charger"] == 2_470
    assert roads.engine.sessions.tick() == 0
    assert roads.replayed().findings == ()


def test_a_window_counts_from_the_block(roads):
    """Where the chain took a claim later than it was judged, the window is the chain's."""
    roads.begun()
    judged = roads.engine.sessions.claim(roads.terms, roads.reading(5, 10_000))
    roads.wait(300)
    carried = roads.engine.sessions.session(roads.terms.session_id)

    assert carried.contest_until == judged.contest_until + 360
    assert roads.chain.session(roads.terms.session_id) == carried


def test_every_state_ends_by_itself(roads):
    """Whoever vanishes, `tick` gives back what is due: no-show, expiry, settlement and default."""
    for number, state in enumerate(
        (SessionState.AUTHORISED, SessionState.ACTIVE, SessionState.CLAIMED, SessionState.DISPUTED)
    ):
        roads.terms = roads.agree(key=f"exit-{number}")
        sessions = roads.engine.sessions
        sessions.authorise(roads.terms, roads.authorisation(1_000))
        roads.step()
        if state >= SessionState.ACTIVE:
            sessions.start(roads.terms, roads.reading(0, 0))
            roads.step()
        if state >= SessionState.CLAIMED:
            sessions.claim(roads.terms, roads.reading(5, 2_000))
            roads.step()
        if state >= SessionState.DISPUTED:
            sessions.submit(_step(roads, Transition.DISPUTE))
            roads.step()
        assert roads.chain.session(roads.terms.session_id).state is state
        roads.wait(20_000)
        assert sessions.tick() == 1
        roads.step(2)
        assert roads.chain.session(roads.terms.session_id).state.is_terminal
        assert roads.units()["escrow"] == 0
    assert roads.replayed().findings == ()


def test_the_machine_of_the_engine_is_that_of_the_chain(roads):
    """After a contest, a dispute and a ruling, engine and chain say the same of the session."""
    roads.begun()
    sessions = roads.engine.sessions
    sessions.report(roads.terms, roads.receipt(1, 2_000, 600))
    sessions.claim(roads.terms, roads.reading(5, 8_000))
    roads.step(3)
    sessions.contest(roads.terms, roads.accounts["charger"], roads.reading(6, 10_000))
    roads.step()
    sessions.submit(_step(roads, Transition.DISPUTE))
    roads.step()

    assert sessions.session(roads.terms.session_id) == roads.chain.session(roads.terms.session_id)
    receipt = sessions.receipt(roads.terms.session_id)
    assert (receipt.state, receipt.gross_units, receipt.locked_units) == (
        SessionState.DISPUTED, 600, 2_050
    )  # fmt: skip


def test_a_rollback_takes_nothing_away(roads):
    """When the block of a close is undone, the receipt is open again, and the same bytes go out again."""
    roads.begun()
    roads.engine.sessions.close(roads.terms, *roads.close(1, 1_000))
    roads.step()
    assert roads.engine.sessions.receipt(roads.terms.session_id).gross_units == 1_000
    roads.chain.rollback(1)
    roads.chain.mine()
    roads.step(2)

    assert roads.units()["charger"] == 950
    assert roads.replayed().findings == ()


def test_a_step_after_a_rollback_is_not_judged_earlier(roads):
    """A chain that undid blocks shows an earlier time; steps are judged in order all the same."""
    roads.begun()
    roads.engine.sessions.report(roads.terms, roads.receipt(1, 400, 200))
    roads.chain.rollback(2)
    roads.engine.sessions.report(roads.terms, roads.receipt(2, 800, 300))
    roads.step(6)

    assert roads.engine.sessions.session(roads.terms.session_id).acknowledged_units == 300
    assert roads.replayed().findings == ()


def test_a_session_that_nobody_ends_is_found(roads):
    """Replay names a session whose exit has long been open and which holds money still."""
    roads.begun()
    roads.wait(40_000)

    (finding,) = roads.replayed().findings
    assert "expire was open to anybody" in finding.explanation
    assert str(CAP) in finding.explanation


def test_a_session_of_nobody_has_no_receipt(roads):
    """A question about a session that was never opened is answered by name."""
    with pytest.raises(UnknownName, match="never opened"):
        roads.engine.sessions.receipt(bytes(32))
    assert roads.engine.sessions.session(bytes(32)) is None


def _step(roads, transition):
    from sauma.session import SessionStep

    return SessionStep(transition=transition, terms=roads.terms, caller=roads.accounts["car"])


def _sequence(roads):
    with roads.engine.store.transaction() as transaction:
        return transaction.head_sequence
