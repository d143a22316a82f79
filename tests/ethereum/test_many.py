"""Steps of several sessions as one call: what is written is read back, and what does not fit is refused."""

from __future__ import annotations

import attrs
import pytest

from sauma.chain import Batch, BatchKind
from sauma.errors import InvalidInput, Unsupported, WrongNetwork
from sauma.identifiers import content_id
from sauma.session import (
    Authorisation,
    Cancel,
    Close,
    Outcome,
    Receipt,
    RegisterStatus,
    SessionReading,
    SessionStep,
    SessionTerms,
    Transition,
    decide,
    instructions_for,
)
from sauma_ethereum.instructions import draft_of
from sauma_ethereum.many import Many, ManyCall, parse_many

from .test_codec import SETTINGS
from .test_sessions import CAR, CODEC, METER, NOW, OPERATOR, STATION, TERMS, signed

T = Transition


def agreed(**changes) -> SessionTerms:
    return attrs.evolve(TERMS, fee_bps=500, **changes)


FIRST = agreed(key="first")
SECOND = agreed(key="second", price=30)


class Run:
    """One session, as far as it came, with the instructions of its steps."""

    def __init__(self, terms: SessionTerms = FIRST) -> None:
        self.terms, self.session = terms, None

    def take(self, transition: Transition, *evidence, caller=STATION):
        step = SessionStep(
            transition=transition, terms=self.terms, caller=caller.account, evidence=evidence
        )
        outcome = decide(self.session, step.command(CODEC), NOW, terms=self.terms)
        assert isinstance(outcome, Outcome), outcome
        self.session = outcome.session
        return instructions_for(step, outcome)

    def say(self, kind, signer, **numbers):
        return signed(kind(session_id=self.terms.session_id, **numbers), signer, self.terms)

    def authorise(self):
        return self.take(
            T.AUTHORISE, self.say(Authorisation, CAR, held_units=500, valid_until=NOW + 60)
        )

    def start(self, status=RegisterStatus.BEGIN):
        first = {"sequence": 0, "register_wh": 1_000, "time": NOW, "status": status}
        return self.take(T.START, self.say(SessionReading, METER, **first))

    def begun(self):
        self.authorise(), self.start()
        return self

    def receipt(self):
        last = {"sequence": 4, "register_wh": 11_000, "amount_units": 200}
        return self.take(T.CLOSE, self.say(Receipt, CAR, **last))

    def close(self):
        both = [self.say(Close, each, sequence=4, amount_units=200) for each in (CAR, STATION)]
        return self.take(T.CLOSE, *both)


def batch_of(*groups) -> Batch:
    instructions = tuple(each for group in groups for each in group)
    return Batch(
        batch_id=content_id("together", len(instructions)),
        kind=BatchKind.SESSION,
        instructions=instructions,
        atomic=True,
    )


def call_of(*groups) -> ManyCall:
    call = draft_of(batch_of(*groups), SETTINGS).session
    assert isinstance(call, ManyCall)
    return call


def runs() -> tuple[Run, Run]:
    return Run(FIRST), Run(SECOND)


@pytest.mark.parametrize(
    ("many", "groups", "moved"),
    [
        (Many.AUTHORISE, lambda: [each.authorise() for each in runs()], [-500, 500]),
        (
            Many.START,
            lambda: [group for each in runs() for group in (each.authorise(), each.start())],
            [-500, 500],
        ),
        (
            Many.RECEIPT,
            lambda: [each.begun().receipt() for each in runs()],
            [-200, 190, 10, -300, 300],
        ),
        (
            Many.CLOSE,
            lambda: [each.begun().close() for each in runs()],
            [-200, 190, 10, -300, 300],
        ),
    ],
    ids=lambda each: each.name if isinstance(each, Many) else "",
)
def test_sessions_are_read_back_from_one_call(many, groups, moved):
    """What each session moves is in the bytes, in the order of the port's instructions."""
    call = call_of(*groups())

    read = parse_many(call.calldata())

    assert (read, read.many) == (call, many)
    assert [each.delta_units for each in read.effects(SETTINGS)] == [*moved, *moved]
    sessions = {each.session_id for each in read.effects(SETTINGS) if each.session_id is not None}
    assert sessions == {FIRST.session_id, SECOND.session_id}


def test_what_is_the_same_is_shared():
    """Terms that differ in payer, meter, deadlines and key are sent once."""
    same = [Run(agreed(key=str(number))).authorise() for number in range(3)]
    alike, different = call_of(*same).calldata(), call_of(*same[:2], Run(SECOND).authorise())

    assert len(different.calldata()) - len(alike) == 22 * 32


def test_only_canonical_calls_are_read():
    """Bytes that say the same in another way, or are cut off, are refused."""
    data = call_of(*(each.begun().receipt() for each in runs())).calldata()
    swapped = data.replace(b"\x01" + bytes.fromhex(CAR.account.address[2:]), b"\x09" + bytes(20))

    for other in (data + bytes(32), data[:-32], swapped, data[:4]):
        with pytest.raises(InvalidInput):
            parse_many(other)


def test_mixtures_are_refused_by_name():
    """Other steps than the escrow has a call for, and signatures that are no key's."""
    first, second = runs()
    with pytest.raises(Unsupported, match="mixes steps"):
        draft_of(batch_of(first.authorise(), second.begun().receipt()), SETTINGS)
    cancelled = [Run(terms) for terms in (FIRST, SECOND)]
    for each in cancelled:
        each.authorise()
    asked = [each.take(T.CANCEL, each.say(Cancel, CAR), caller=OPERATOR) for each in cancelled]
    with pytest.raises(Unsupported, match="mixes steps"):
        draft_of(batch_of(*asked), SETTINGS)
    late, other = runs()
    groups = (late.authorise(), late.start(RegisterStatus.PERIODIC), other.authorise())
    with pytest.raises(Unsupported, match="reading 0"):
        draft_of(batch_of(*groups, other.start()), SETTINGS)


def test_what_is_not_its_steps_is_refused():
    """A unit more than the evidence comes to, and terms of another escrow."""
    first, second = (each.begun().receipt() for each in runs())
    payee, *others = first[0].parts
    more = attrs.evolve(payee, units=payee.units + 1)
    off = attrs.evolve(first[0], parts=(more, *others))
    with pytest.raises(InvalidInput, match="other movements"):
        draft_of(batch_of((off, *first[1:]), second), SETTINGS)
    elsewhere = Run(agreed(domain=bytes(32))).authorise()
    with pytest.raises(WrongNetwork):
        draft_of(batch_of(elsewhere, Run(SECOND).authorise()), SETTINGS)
