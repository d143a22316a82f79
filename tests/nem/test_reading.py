"""The reader's complaints are the server's."""

from __future__ import annotations

import struct
from collections.abc import Callable

import pytest

from sauma_nem.network import TESTNET
from sauma_nem.reading import Reader
from sauma_nem.unreadable import BrokenBytes, Unreadable

NULL = b"\xff\xff\xff\xff"
EMPTY = bytes(4)
MISSING = "expected value for property x, but none was found"
ENDED = "unexpected end of stream reached"
SERIALIZATION = "org.nem.core.serialization.SerializationException"
NULL_POINTER = "java.lang.NullPointerException"


def a_number(reader: Reader) -> int:
    return reader.integer("x")


@pytest.mark.parametrize(
    ("read", "data", "message"),
    [
        (lambda reader: reader.integer("x"), b"", MISSING),
        (lambda reader: reader.integer("x"), b"\1\2\3", ENDED),
        (lambda reader: reader.long("x"), bytes(4), MISSING),
        (lambda reader: reader.long("x"), bytes(6), ENDED),
        (lambda reader: reader.octets("x"), b"", MISSING),
        (lambda reader: reader.octets("x"), NULL, MISSING),
        (lambda reader: reader.octets("x"), struct.pack("<i", 5) + b"four", ENDED),
        (lambda reader: reader.octets("x"), struct.pack("<i", -5), "-5"),
        (lambda reader: reader.text("x"), EMPTY, MISSING),
        (lambda reader: reader.text("x"), struct.pack("<i", 2) + b" \t", MISSING),
        (lambda reader: reader.object("x", a_number), b"", MISSING),
        (lambda reader: reader.object("x", a_number), EMPTY, MISSING),
        (lambda reader: reader.object("x", a_number), NULL, NULL_POINTER),
        (
            lambda reader: reader.object("x", a_number),
            struct.pack("<i", 2) + b"ab",
            f"{SERIALIZATION}: {ENDED}",
        ),
        (lambda reader: reader.objects("x", a_number), b"", MISSING),
        (lambda reader: reader.objects("x", a_number), NULL, MISSING),
        (lambda reader: reader.objects("x", a_number), struct.pack("<ii", 1, 0), None),
        (lambda reader: reader.objects("x", a_number), struct.pack("<i", 1), NULL_POINTER),
    ],
)
def test_complaints(read: Callable[[Reader], object], data: bytes, message: str | None) -> None:
    """What is missing, cut off or null is said in the server's words, with status 500."""
    with pytest.raises(BrokenBytes) as caught:
        read(Reader(data, None))

    assert (caught.value.server_status, caught.value.server_message) == (500, message)


def test_what_may_be_absent() -> None:
    """At the end, and for null, optional members are absent; an empty list is a list."""
    assert Reader(b"", None).optional_text("x") is None
    assert Reader(NULL, None).optional_text("x") is None
    assert Reader(b"", None).optional_object("x", a_number) is None
    assert Reader(EMPTY, None).optional_object("x", a_number) is None
    assert Reader(EMPTY, None).objects("x", a_number) == []


def test_numbers_are_signed_and_little_endian() -> None:
    """Four and eight bytes, the lowest first, negative by the highest bit."""
    assert Reader(b"\x01\x02\x00\x00", None).integer("x") == 0x0201
    assert Reader(b"\xfe\xff\xff\xff", None).integer("x") == -2
    assert Reader(struct.pack("<q", -(2**40)), None).long("x") == -(2**40)


def test_texts_are_cut() -> None:
    """A text longer than 128 characters is cut, and bytes that are no UTF-8 are replaced."""
    assert Reader(struct.pack("<i", 200) + b"x" * 200, None).text("x") == "x" * 128
    assert Reader(struct.pack("<i", 1) + b"\xff", None).text("x") == "\ufffd"


@pytest.mark.parametrize(
    ("read", "data"),
    [
        (lambda reader: reader.seconds("x"), struct.pack("<i", -1)),
        (lambda reader: reader.quantity("x"), struct.pack("<q", -1)),
        (lambda reader: reader.address("x"), struct.pack("<i", 3) + b"TAO"),
    ],
)
def test_values_are_judged_only_for_a_network(
    read: Callable[[Reader], object], data: bytes
) -> None:
    """With a network the values must be ones that its servers hold; without, anything is read."""
    read(Reader(data, None))

    with pytest.raises(Unreadable):
        read(Reader(data, TESTNET))
