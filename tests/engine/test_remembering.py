"""A codec that remembers says what the codec says, and asks it once."""

from __future__ import annotations

import pytest

from sauma.dispatch.remembering import RememberingCodec
from sauma.errors import InvalidInput


class Counting:
    """Reads every length of bytes but zero, and counts."""

    def __init__(self) -> None:
        self.asked: list[bytes] = []

    def decode(self, raw: bytes):
        self.asked.append(raw)
        if not raw:
            raise InvalidInput("no bytes")
        return (len(raw), raw)


def test_the_same_bytes_are_read_once():
    """What was read is told again without asking; other bytes are asked about."""
    codec = Counting()
    remembering = RememberingCodec(codec)

    assert [remembering.decode(raw) for raw in (b"a", b"b", b"a", b"a")] == [
        (1, b"a"),
        (1, b"b"),
        (1, b"a"),
        (1, b"a"),
    ]
    assert codec.asked == [b"a", b"b"]


def test_a_refusal_is_not_remembered():
    """What is no transaction is refused each time."""
    codec = Counting()
    remembering = RememberingCodec(codec)
    for _ in range(2):
        with pytest.raises(InvalidInput):
            remembering.decode(b"")

    assert codec.asked == [b"", b""]


def test_what_was_not_asked_for_long_is_forgotten():
    """The oldest answer goes first, and asking makes it young again."""
    codec = Counting()
    remembering = RememberingCodec(codec, remembered_max=2)
    for raw in (b"a", b"b", b"a", b"c", b"a", b"b"):
        remembering.decode(raw)

    assert codec.asked == [b"a", b"b", b"c", b"b"]
