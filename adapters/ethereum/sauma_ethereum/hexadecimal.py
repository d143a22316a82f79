"""JSON-RPC's two ways of writing hexadecimal: quantities without leading zeros, and data.

Reading is strict about what it is given and names what it was reading, since a node's mistake must
become an error and never a number.
"""

from __future__ import annotations

import re
from typing import Any, Final

from sauma.errors import BadAnswer

_QUANTITY: Final = re.compile(r"0x[0-9a-fA-F]{1,64}")
HASH_BYTES: Final = 32
ADDRESS_BYTES: Final = 20


def write_quantity(number: int) -> str:
    """Return a number as JSON-RPC writes it, such as `0x1a`."""
    return hex(number)


def write_data(data: bytes) -> str:
    """Return bytes as JSON-RPC writes them, such as `0x00ff`."""
    return "0x" + data.hex()


def read_quantity(value: Any, name: str) -> int:
    """Return a quantity of an answer; raises `BadAnswer` for anything else."""
    if not isinstance(value, str) or not _QUANTITY.fullmatch(value):
        raise BadAnswer(f"the node gives {name} as {value!r} and not as a quantity: ask another")
    return int(value, 16)


def read_data(value: Any, name: str, *, length: int | None = None) -> bytes:
    """Return the bytes of an answer, of a certain length if one is given; raises `BadAnswer`."""
    data = _data_of(value)
    if data is None:
        raise BadAnswer(f"the node gives {name} as {value!r} and not as data: ask another")
    if length is not None and len(data) != length:
        raise BadAnswer(f"the node gives {name} with {len(data)} bytes, not {length}: ask another")
    return data


def _data_of(value: Any) -> bytes | None:
    """Return what hexadecimal says, None for what is none; `bytes.fromhex` would forgive spaces."""
    if not isinstance(value, str) or not value.startswith("0x"):
        return None
    try:
        data = bytes.fromhex(value[2:])
    except ValueError:
        return None
    return data if len(value) == 2 + 2 * len(data) else None


def read_hash(value: Any, name: str) -> bytes:
    """Return the 32 bytes of a hash of an answer; raises `BadAnswer`."""
    return read_data(value, name, length=HASH_BYTES)


def read_address(value: Any, name: str) -> bytes:
    """Return the 20 bytes of an address of an answer; raises `BadAnswer`."""
    return read_data(value, name, length=ADDRESS_BYTES)
