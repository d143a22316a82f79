"""The server's reader of binary objects, with its tolerance and its complaints.

It reads forward only. At the end of the bytes an optional member is absent and a required one is
missing; what lies behind the last member is ignored; a text longer than its limit is cut.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from .network import STRING_LENGTH_MAX, Network, check_address
from .transactions import cut_text
from .unreadable import BrokenBytes, ForbiddenValue, Unreadable, forbidden, missing

T = TypeVar("T")

LONG_MAX = 2**63 - 1

_NULL = -1
_OBJECT_DEPTH_MAX = 64  # 2048 announced bytes have room for half as many


class Reader:
    """Reads the members of one object.

    With a `network` also the values are judged as the constructors of that network's servers do;
    without, whatever the bytes can say is accepted.
    """

    __slots__ = ("_at", "_data", "_depth", "network")

    def __init__(self, data: bytes, network: Network | None, depth: int = 0) -> None:
        self._data = bytes(data)  # a bytearray would let keys change later
        self._at = 0
        self._depth = depth
        self.network = network

    def _take(self, count: int) -> bytes:
        end = self._at + count
        if end > len(self._data):
            raise BrokenBytes(
                f"the bytes end after {len(self._data)}, but {end} are needed; send them whole",
                server_message="unexpected end of stream reached",
            )
        taken = self._data[self._at : end]
        self._at = end
        return taken

    @property
    def _exhausted(self) -> bool:
        return self._at >= len(self._data)

    def integer(self, label: str) -> int:
        """Four bytes, signed."""
        if self._exhausted:
            raise missing(label)
        return int.from_bytes(self._take(4), "little", signed=True)

    def long(self, label: str) -> int:
        """Eight bytes, signed, read as two halves as the server does."""
        low = self.integer(label) & 0xFFFFFFFF
        return self.integer(label) << 32 | low

    def optional_octets(self, label: str) -> bytes | None:
        """A byte array, None for null and at the end."""
        if self._exhausted:
            return None
        count = self.integer(label)
        if count == _NULL:
            return None
        if count < 0:
            raise BrokenBytes(
                f"`{label}` has a length of {count}; lengths are not negative",
                server_message=str(count),
                server_exception="java.lang.NegativeArraySizeException",
            )
        return self._take(count)

    def octets(self, label: str) -> bytes:
        """A byte array that must be there."""
        octets = self.optional_octets(label)
        if octets is None:
            raise missing(label)
        return octets

    def optional_text(self, label: str, length_max: int = STRING_LENGTH_MAX) -> str | None:
        """A text, cut to its limit; None for null and at the end."""
        octets = self.optional_octets(label)
        return None if octets is None else cut_text(octets.decode("utf-8", "replace"), length_max)

    def text(self, label: str, length_max: int = STRING_LENGTH_MAX) -> str:
        """A text that must be there and not be blank."""
        text = self.optional_text(label, length_max)
        if text is None or not text or text.isspace():
            raise missing(label)
        return text

    def optional_object(self, label: str, read: Callable[[Reader], T]) -> T | None:
        """A nested object, None for an empty one and at the end."""
        return None if self._exhausted else self._nested(label, read)

    def object(self, label: str, read: Callable[[Reader], T]) -> T:
        """A nested object that must be there."""
        value = self.optional_object(label, read)
        if value is None:
            raise missing(label)
        return value

    def objects(self, label: str, read: Callable[[Reader], T]) -> list[T]:
        """A list of objects that must be there (it may be empty)."""
        if self._exhausted:
            raise missing(label)
        count = self.integer(label)
        if count == _NULL:
            raise missing(label)
        values = []
        for _ in range(count):
            value = self._nested(label, read)
            if value is None:
                raise _null_pointer(label)
            values.append(value)
        return values

    def _nested(self, label: str, read: Callable[[Reader], T]) -> T | None:
        if self._depth >= _OBJECT_DEPTH_MAX:
            raise BrokenBytes(f"`{label}` is nested deeper than {_OBJECT_DEPTH_MAX} objects")
        try:
            octets = self.optional_octets(label)
            if octets is None:
                raise _null_pointer(label)
            return read(Reader(octets, self.network, self._depth + 1)) if octets else None
        except Unreadable as error:
            error.wrap()
            raise

    def seconds(self, label: str) -> int:
        """A time in NEM seconds."""
        seconds = self.integer(label)
        if self.network is not None and seconds < 0:
            raise forbidden("time must be non-negative", f"`{label}` is {seconds}")
        return seconds

    def quantity(self, label: str) -> int:
        """An amount, quantity or supply."""
        quantity = self.long(label)
        if self.network is not None and quantity < 0:
            raise negative_quantity(label, quantity)
        return quantity

    def address(self, label: str) -> str:
        """An address as text."""
        text = self.text(label)
        return text if self.network is None else check_address(text, self.network)


def negative_quantity(label: str, quantity: int) -> ForbiddenValue:
    """The server's quantities are not negative."""
    return ForbiddenValue(
        f"`{label}` is {quantity}; it must not be negative and must fit 63 bits",
        server_status=400,
        server_message=f"quantity ({quantity}) must be non-negative",
        server_exception="org.nem.core.model.primitive.NegativeQuantityException",
    )


def _null_pointer(label: str) -> BrokenBytes:
    return BrokenBytes(
        f"`{label}` holds a null where an object must be; leave the entry out",
        server_exception="java.lang.NullPointerException",
    )
