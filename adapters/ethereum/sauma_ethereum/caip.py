"""Ethereum's names as the Chain Agnostic Improvement Proposals write them, both ways.

Chains are `eip155:<number>`; accounts carry the address with the checksum of EIP-55; ether is
`slip44:60`.  What the settlement contract keeps has no registered asset namespace: sauma writes
`eip155:1/ledger:0x….energy` and `.money`, with the contract's address.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from eth_hash.auto import keccak

from sauma.errors import InvalidInput, WrongNetwork
from sauma.identifiers import AccountId, AssetId, ChainId

from .hexadecimal import ADDRESS_BYTES

CAIP_NAMESPACE: Final = "eip155"
LEDGER_KIND: Final = "ledger"
ENERGY: Final = "energy"
MONEY: Final = "money"
ETHER: Final = "slip44:60"
REMEMBERED_MAX: Final = 65_536
"""A checksum takes a hash of its own: the names of a neighbourhood are worth remembering."""

_NUMBER: Final = re.compile(r"[1-9][0-9]{0,31}")
_ADDRESS: Final = re.compile(r"0x[0-9a-fA-F]{40}")


def chain_id_of(number: int) -> ChainId:
    """Return the chain id of an EIP-155 number."""
    return ChainId(f"{CAIP_NAMESPACE}:{number}")


def chain_number(chain_id: ChainId) -> int:
    """Return the EIP-155 number of a chain id; raises `WrongNetwork` for a chain that is no EVM."""
    if chain_id.namespace != CAIP_NAMESPACE or not _NUMBER.fullmatch(chain_id.reference):
        raise WrongNetwork(f"{chain_id} is no Ethereum chain: write it as eip155:1")
    return int(chain_id.reference)


@lru_cache(REMEMBERED_MAX)
def checksummed(address: bytes) -> str:
    """Return an address as EIP-55 writes it."""
    if len(address) != ADDRESS_BYTES:
        raise InvalidInput(f"address {address.hex()} must have {ADDRESS_BYTES} bytes")
    digits = address.hex()
    marks = keccak(digits.encode()).hex()
    return "0x" + "".join(
        digit.upper() if mark >= "8" else digit for digit, mark in zip(digits, marks, strict=False)
    )


@lru_cache(REMEMBERED_MAX)
def parse_address(text: object) -> bytes:
    """Return the bytes of an address with its EIP-55 checksum; raises `InvalidInput` without it."""
    if not isinstance(text, str) or not _ADDRESS.fullmatch(text):
        raise InvalidInput(f"address {text!r} must be 0x and 40 hexadecimal digits")
    address = bytes.fromhex(text[2:])
    if checksummed(address) != text:
        raise InvalidInput(
            f"address {text} has no valid checksum: if it is not mistyped, write {checksummed(address)}"
        )
    return address


@lru_cache(REMEMBERED_MAX)
def account_of(address: bytes, chain_id: ChainId) -> AccountId:
    """Return the account of an address on a chain."""
    return AccountId.on(chain_id, checksummed(address))


@lru_cache(REMEMBERED_MAX)
def address_on(account: AccountId, chain_id: ChainId) -> bytes:
    """Return an account's address, once it is known to be one of this chain.

    Raises `WrongNetwork` for an account of another chain, and `InvalidInput` for an address that was
    mistyped.
    """
    if account.chain_id != chain_id:
        raise WrongNetwork(
            f"account {account} is not on {chain_id}: name the participant's account there"
        )
    return parse_address(account.address)


@lru_cache(REMEMBERED_MAX)
def ether_asset(chain_id: ChainId) -> AssetId:
    """Return the asset id of ether, in wei."""
    return AssetId(f"{chain_id}/{ETHER}")


@lru_cache(REMEMBERED_MAX)
def ledger_asset(chain_id: ChainId, ledger: str, name: str) -> AssetId:
    """Return the asset id of what the contract at `ledger` keeps under a name: energy or money."""
    return AssetId.on(chain_id, LEDGER_KIND, f"{ledger}.{name}")
