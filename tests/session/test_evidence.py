"""Evidence: its bytes, and how a step carries it."""

from __future__ import annotations

import attrs
import pytest

from sauma.errors import InvalidInput, Refused
from sauma.session import (
    SIGNING_PREFIX,
    Cancel,
    SessionReading,
    SessionStep,
    Transition,
    read_statement,
    signing_payload,
)

from .car import CAR, CHARGER, METER, NOW, TERMS, Road

ROAD = Road()
EVERY = (
    ROAD.authorisation(),
    ROAD.ready(),
    ROAD.reading(3, 500),
    ROAD.receipt(3, 500, 225),
    ROAD.close(4, 225)[0],
    ROAD.cancel(CAR),
    ROAD.ruling(225),
)
STEP = SessionStep(
    transition=Transition.CLAIM,
    terms=TERMS,
    caller=CHARGER,
    evidence=(attrs.evolve(ROAD.reading(3, 500), signature=b"sig"),),
)


class _Verifier:
    def __init__(self, fits: bool) -> None:
        self.fits = fits

    def statement_payload(self, terms, statement):
        return signing_payload(statement)

    def verify_statement(self, terms, statement, signer, signature):
        return self.fits and signer == METER and signature == b"sig"


@pytest.mark.parametrize("signed", EVERY, ids=lambda each: each.statement.kind.name.lower())
def test_evidence_has_one_byte_form(signed):
    """Kind, session id, fixed-width fields; it is read back, and no other length is."""
    raw = signed.statement.to_bytes()

    assert raw[0] == signed.statement.kind
    assert raw[1:33] == TERMS.session_id
    assert read_statement(raw) == signed.statement
    assert signing_payload(signed.statement) == SIGNING_PREFIX + raw
    for wrong in (raw[:-1], raw + b"\0", raw[:20]):
        with pytest.raises(InvalidInput):
            read_statement(wrong)


def test_the_lengths_are_as_documented():
    """49, 41, 58, 57, 49, 33 and 41 bytes; and the exact bytes of a reading."""
    assert [len(each.statement.to_bytes()) for each in EVERY] == [49, 41, 58, 57, 49, 33, 41]
    reading = SessionReading(
        session_id=bytes(range(32)), sequence=1, register_wh=258, time=NOW, status=3
    )
    assert reading.to_bytes().hex() == (
        "03" + bytes(range(32)).hex() + "0000000000000001" + "0000000000000102"
        + NOW.to_bytes(8, "big").hex() + "03"
    )  # fmt: skip


@pytest.mark.parametrize("raw", [b"", b"\0", b"\x08" + bytes(32), b"\x03"])
def test_other_bytes_are_no_evidence(raw):
    """An unknown kind or too few bytes are refused by name."""
    with pytest.raises(InvalidInput, match=r"no evidence|wrong length"):
        read_statement(raw)


def test_numbers_that_do_not_fit_are_refused():
    """A register below zero or beyond 63 bits, and an id that is no hash, are refused."""
    for changes in ({"register_wh": -1}, {"sequence": 2**63}, {"session_id": b"1"}):
        with pytest.raises(InvalidInput):
            attrs.evolve(EVERY[2].statement, **changes)


def test_a_step_is_read_back():
    """A step has one form; what is not exactly that is refused."""
    raw = STEP.to_bytes()

    assert SessionStep.from_bytes(raw) == STEP
    assert STEP.statement == b"\x08" + STEP.evidence[0].statement.to_bytes()
    assert attrs.evolve(STEP, evidence=()).statement == b"\x08" + TERMS.session_id
    for wrong in (b"", b"{}", raw + b" ", raw.replace(b'"transition":8', b'"transition":99')):
        with pytest.raises(InvalidInput):
            SessionStep.from_bytes(wrong)


def test_signatures_are_verified():
    """A signature must fit; an empty one counts for the caller alone."""
    assert STEP.command(_Verifier(True)).find(SessionReading, METER) is not None
    with pytest.raises(Refused, match="not signed by"):
        STEP.command(_Verifier(False))
    own = attrs.evolve(STEP, evidence=(ROAD.cancel(CHARGER),), transition=Transition.CANCEL)
    assert own.command(_Verifier(False)).find(Cancel, CHARGER) is not None
    with pytest.raises(Refused, match="not signed by"):
        attrs.evolve(own, caller=CAR).command(_Verifier(True))


def test_evidence_of_another_session_is_none():
    """A statement about another session is not found."""
    other = attrs.evolve(TERMS, key="2").session_id
    foreign = attrs.evolve(
        STEP.evidence[0], statement=attrs.evolve(STEP.evidence[0].statement, session_id=other)
    )
    command = attrs.evolve(STEP, evidence=(foreign,)).command(_Verifier(True))

    assert command.find(SessionReading, METER) is None
