"""EIP-1559 transactions: unsigned and signed bytes, both ways, and their hash.

Only type 2 without an access list is written and read: one shape, so that signed bytes say one thing.
"""

from __future__ import annotations

from typing import Final

import attrs

from sauma.errors import InvalidInput

from . import rlp
from .hexadecimal import ADDRESS_BYTES
from .signing import SIGNATURE_BYTES, is_canonical, keccak, recover

TYPE: Final = b"\x02"
FIELDS_UNSIGNED: Final = 9
FIELDS_SIGNED: Final = 12
RAW_BYTES_MAX: Final = 131_072
"""What public nodes take into their pool (128 KiB)."""
UINT64_MAX: Final = 2**64 - 1
UINT256_MAX: Final = 2**256 - 1
NONCE_MAX: Final = UINT64_MAX - 1


@attrs.frozen(kw_only=True)
class FeeTransaction:
    """What a type 2 transaction says, and its signature once it has one."""

    chain_number: int
    nonce: int
    priority_fee_wei: int
    """The most per gas for who includes it."""
    fee_wei_max: int
    """The most per gas altogether."""
    gas_max: int
    to: bytes | None
    """None creates a contract."""
    value_wei: int
    data: bytes
    signature: bytes | None = None

    def payload(self) -> bytes:
        """Return the bytes that are signed."""
        return TYPE + rlp.encode(self._fields())

    def raw(self) -> bytes:
        """Return the signed bytes, as they are sent and lie in a block."""
        if self.signature is None:
            raise InvalidInput("a transaction without a signature has no bytes to send: sign it")
        r, s, parity = self.signature[:32], self.signature[32:64], self.signature[64]
        return TYPE + rlp.encode(
            [*self._fields(), rlp.integer(parity), r.lstrip(b"\0"), s.lstrip(b"\0")]
        )

    def transaction_id(self) -> bytes:
        """Return the hash by which nodes name it."""
        return keccak(self.raw())

    def sender(self) -> bytes | None:
        """Return the address that signed; None when the signature cannot hold."""
        return None if self.signature is None else recover(self.payload(), self.signature)

    @property
    def cost_wei_max(self) -> int:
        """The most that it can take from its sender: what it moves, and all of its gas."""
        return self.value_wei + self.fee_units_max

    @property
    def fee_units_max(self) -> int:
        """The most that it can cost in wei, besides what it moves."""
        return self.gas_max * self.fee_wei_max

    def _fields(self) -> list[rlp.Item]:
        return [
            rlp.integer(self.chain_number),
            rlp.integer(self.nonce),
            rlp.integer(self.priority_fee_wei),
            rlp.integer(self.fee_wei_max),
            rlp.integer(self.gas_max),
            self.to or b"",
            rlp.integer(self.value_wei),
            self.data,
            [],
        ]


def parse_raw(raw: bytes) -> FeeTransaction:
    """Return the transaction of signed bytes, in canonical form only; raises `InvalidInput`."""
    if len(raw) > RAW_BYTES_MAX:
        raise InvalidInput(f"{len(raw)} bytes are no transaction: {RAW_BYTES_MAX} are the most")
    if raw[:1] != TYPE:
        raise InvalidInput(
            f"bytes beginning with {raw[:1].hex() or 'nothing'} are no EIP-1559 transaction"
        )
    try:
        fields = rlp.decode(raw[1:])
    except InvalidInput as error:
        raise InvalidInput(f"bytes are no signed transaction: {error}") from error
    if not isinstance(fields, list) or len(fields) != FIELDS_SIGNED:
        raise InvalidInput(f"a signed transaction has {FIELDS_SIGNED} fields, these bytes have not")
    to, data = fields[5], fields[7]
    if not isinstance(to, bytes) or len(to) not in (0, ADDRESS_BYTES):
        raise InvalidInput("the recipient of a transaction must be an address or empty")
    if not isinstance(data, bytes) or fields[8] != []:
        raise InvalidInput("a transaction of ours has data and no access list")
    parsed = FeeTransaction(
        chain_number=_number(fields[0], "chain id", UINT64_MAX),
        nonce=_number(fields[1], "nonce", NONCE_MAX),
        priority_fee_wei=_number(fields[2], "priority fee", UINT256_MAX),
        fee_wei_max=_number(fields[3], "fee", UINT256_MAX),
        gas_max=_number(fields[4], "gas", UINT64_MAX),
        to=to or None,
        value_wei=_number(fields[6], "value", UINT256_MAX),
        data=data,
        signature=_signature(fields[9:]),
    )
    if not is_canonical(parsed.signature or b""):
        raise InvalidInput("the signature of the transaction is out of range or not the low one")
    return parsed


def _signature(fields: list[rlp.Decoded]) -> bytes:
    parity = _number(fields[0], "parity", 1)
    r, s = (_number(each, "signature", UINT256_MAX) for each in fields[1:])
    signature = r.to_bytes(32, "big") + s.to_bytes(32, "big") + bytes((parity,))
    if len(signature) != SIGNATURE_BYTES:
        raise InvalidInput(f"a signature has {SIGNATURE_BYTES} bytes")
    return signature


def _number(item: rlp.Decoded, name: str, most: int) -> int:
    number = rlp.to_integer(item, name)
    if number > most:
        raise InvalidInput(f"{name} {number} is more than {most}")
    return number
