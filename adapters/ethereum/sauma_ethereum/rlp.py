"""Recursive length prefix, the encoding of Ethereum's transactions: written and read canonically.

Source: Ethereum Yellow Paper, appendix B.  Reading refuses every encoding that writing would not
give, because two encodings of one transaction would be two transactions.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, TypeAlias

from sauma.errors import InvalidInput

Item: TypeAlias = bytes | Sequence["Item"]
Decoded: TypeAlias = bytes | list["Decoded"]

_SHORT_MAX: Final = 55
_STRING: Final = 0x80
_LIST: Final = 0xC0
_DEPTH_MAX: Final = 8


def encode(item: Item) -> bytes:
    """Return the encoding of bytes, or of a sequence of items."""
    if isinstance(item, bytes):
        if len(item) == 1 and item[0] < _STRING:
            return item
        return _prefix(len(item), _STRING) + item
    content = b"".join(encode(each) for each in item)
    return _prefix(len(content), _LIST) + content


def integer(number: int) -> bytes:
    """Return a number as an item: big-endian without leading zeros, zero as nothing."""
    return number.to_bytes((number.bit_length() + 7) // 8, "big")


def to_integer(item: Decoded, name: str) -> int:
    """Return the number of an item; raises `InvalidInput` for a list or leading zeros."""
    if not isinstance(item, bytes) or item[:1] == b"\x00":
        raise InvalidInput(f"{name} is not a canonical number")
    return int.from_bytes(item, "big")


def decode(data: bytes) -> Decoded:
    """Return the one item that all of the bytes encode; raises `InvalidInput` for others."""
    item, end = _decode(data, 0, 0)
    if end != len(data):
        raise InvalidInput(f"{len(data) - end} bytes follow the encoded item")
    return item


def _prefix(length: int, kind: int) -> bytes:
    if length <= _SHORT_MAX:
        return bytes((kind + length,))
    written = integer(length)
    return bytes((kind + _SHORT_MAX + len(written),)) + written


def _decode(data: bytes, start: int, depth: int) -> tuple[Decoded, int]:
    if start >= len(data):
        raise InvalidInput("the bytes end within an item")
    if depth > _DEPTH_MAX:
        raise InvalidInput(f"items are nested more than {_DEPTH_MAX} deep")
    first = data[start]
    if first < _STRING:
        return data[start : start + 1], start + 1
    kind = _LIST if first >= _LIST else _STRING
    begin, end = _content(data, start, first - kind)
    if kind == _STRING:
        content = data[begin:end]
        if len(content) == 1 and content[0] < _STRING:
            raise InvalidInput("a single byte is encoded with a prefix that it does not need")
        return content, end
    items: list[Decoded] = []
    while begin < end:
        item, begin = _decode(data, begin, depth + 1)
        items.append(item)
    if begin != end:
        raise InvalidInput("an item reaches beyond the list that holds it")
    return items, end


def _content(data: bytes, start: int, size: int) -> tuple[int, int]:
    """Return where an item's content begins and ends; `size` is its first byte less its kind."""
    begin = start + 1
    length = size
    if size > _SHORT_MAX:
        written = data[begin : begin + size - _SHORT_MAX]
        begin += size - _SHORT_MAX
        length = int.from_bytes(written, "big")
        if written[:1] in (b"", b"\x00") or length <= _SHORT_MAX:
            raise InvalidInput("a length is not written in the shortest way")
    if begin + length > len(data):
        raise InvalidInput("the bytes end within an item")
    return begin, begin + length
