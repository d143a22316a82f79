"""Evidence of sessions on Ethereum: EIP-712 digests, and who signed them; pure.

The domain is the escrow's, with the area as salt, so that a signature is good on one chain, for one
contract and in one area; its separator is the first word of a session's terms.  A contract's own
word on a signature (EIP-1271) needs a node: here it verifies nothing.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from eth_abi.abi import encode

from sauma.errors import InvalidInput
from sauma.identifiers import AccountId
from sauma.intervals import to_unix
from sauma.session import EvidenceKind, SessionTerms, StandingTerms, Statement

from .caip import address_on
from .settings import EthereumSettings
from .signing import SIGNATURE_BYTES, keccak, recover

DOMAIN_NAME: Final = "SaumaEscrow"
DOMAIN_VERSION: Final = "1"
TYPES: Final = {
    EvidenceKind.AUTHORISATION: "Authorisation(bytes32 sessionId,uint64 heldUnits,uint64 validUntil)",
    EvidenceKind.READY: "Ready(bytes32 sessionId,uint64 time)",
    EvidenceKind.READING: (
        "Reading(bytes32 sessionId,uint64 sequence,uint64 registerWh,uint64 time,uint8 status)"
    ),
    EvidenceKind.RECEIPT: (
        "Receipt(bytes32 sessionId,uint64 sequence,uint64 registerWh,uint64 amountUnits)"
    ),
    EvidenceKind.CLOSE: "Close(bytes32 sessionId,uint64 sequence,uint64 amountUnits)",
    EvidenceKind.CANCEL: "Cancel(bytes32 sessionId)",
    EvidenceKind.RULING: "Ruling(bytes32 sessionId,uint64 amountUnits)",
}
"""One struct a kind, so that none can pass for another; wallets show their fields."""
ALLOWANCE: Final = (
    "Allowance(bytes32 allowanceId,uint64 capUnits,uint64 sessionUnitsMax,uint64 until)"
)
_DOMAIN_TYPE: Final = (
    "EIP712Domain(string name,string version,uint256 chainId,"
    "address verifyingContract,bytes32 salt)"
)
_PREFIX: Final = b"\x19\x01"
_WORD_BYTES: Final = 32
_COMPACT_BYTES: Final = 64
_V_FIRST: Final = 27


@lru_cache
def domain_of(settings: EthereumSettings) -> bytes:
    """Return the EIP-712 domain separator of the escrow for our area."""
    return keccak(
        encode(
            ("bytes32", "bytes32", "bytes32", "uint256", "address", "bytes32"),
            (
                keccak(_DOMAIN_TYPE.encode()),
                keccak(DOMAIN_NAME.encode()),
                keccak(DOMAIN_VERSION.encode()),
                settings.chain_number,
                settings.escrow_address,
                settings.area.to_bytes(_WORD_BYTES, "big"),
            ),
        )
    )


def statement_payload(terms: SessionTerms, statement: Statement) -> bytes:
    """Return the bytes whose Keccak-256 is signed: what EIP-712 makes of a statement."""
    words = b"".join(
        int(number).to_bytes(_WORD_BYTES, "big") for number in statement.numbers().values()
    )
    kind_hash = keccak(TYPES[statement.kind].encode())
    return _PREFIX + terms.domain + keccak(kind_hash + statement.session_id + words)


def is_signed_by(
    settings: EthereumSettings,
    terms: SessionTerms,
    statement: Statement,
    signer: AccountId,
    signature: bytes,
) -> bool:
    """Tell whether the key of an account signed a statement."""
    return _is_of(signer, statement_payload(terms, statement), signature, settings)


def standing_payload(terms: StandingTerms) -> bytes:
    """Return the bytes whose Keccak-256 a payer signs for a standing authorisation."""
    numbers = (terms.cap_units, terms.session_units_max, to_unix(terms.valid_until))
    words = b"".join(number.to_bytes(_WORD_BYTES, "big") for number in numbers)
    kind_hash = keccak(ALLOWANCE.encode())
    return _PREFIX + terms.domain + keccak(kind_hash + terms.standing_id + words)


def is_allowed_by(settings: EthereumSettings, terms: StandingTerms, signature: bytes) -> bool:
    """Tell whether the key of the payer signed a standing authorisation."""
    return _is_of(terms.payer, standing_payload(terms), signature, settings)


def _is_of(signer: AccountId, payload: bytes, signature: bytes, settings: EthereumSettings) -> bool:
    try:
        with_parity = parity_form(signature)
    except InvalidInput:
        return False
    found = recover(payload, with_parity)
    return found is not None and found == address_on(signer, settings.chain)


def parity_form(signature: bytes) -> bytes:
    """Return a signature as r, s, parity, from that form, from r, s, v, or from EIP-2098."""
    if len(signature) == _COMPACT_BYTES:
        s = int.from_bytes(signature[32:], "big")
        parity, s = s >> 255, s & (2**255 - 1)
        return signature[:32] + s.to_bytes(_WORD_BYTES, "big") + bytes((parity,))
    if len(signature) == SIGNATURE_BYTES and signature[-1] in (_V_FIRST, _V_FIRST + 1):
        return signature[:-1] + bytes((signature[-1] - _V_FIRST,))
    if len(signature) != SIGNATURE_BYTES:
        raise InvalidInput(f"{len(signature)} bytes are no signature of a key: it has 64 or 65")
    return signature


def contract_form(signature: bytes) -> bytes:
    """Return a signature as the escrow takes it: r, s, parity becomes EIP-2098, the rest is as it is."""
    if len(signature) != SIGNATURE_BYTES or signature[-1] not in (0, 1):
        return signature
    s = int.from_bytes(signature[32:64], "big") | signature[-1] << 255
    return signature[:32] + s.to_bytes(_WORD_BYTES, "big")
