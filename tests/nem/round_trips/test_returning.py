"""Any transaction returns from its bytes and from its JSON."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from sauma_nem.binary import (
    serialise,
    serialise_block_verifiable,
    serialise_verifiable,
)
from sauma_nem.json_form import (
    block_from_json,
    block_to_json,
    transaction_from_json,
    transaction_to_json,
)
from sauma_nem.network import TESTNET
from sauma_nem.parsing import parse, parse_block, parse_verifiable
from sauma_nem.transactions import (
    Block,
    Transaction,
)

from .strategies import (
    PAIR,
    anything,
    cosignatures,
    hashes,
    plain,
    signatures,
)


@given(anything)
def test_a_transaction_returns_from_its_verifiable_bytes(transaction: Transaction) -> None:
    """What lies in a block is read as the same value, by the server's rules too."""
    assert parse_verifiable(serialise_verifiable(transaction), network=TESTNET) == transaction


@given(plain | cosignatures)
def test_a_transaction_returns_from_its_announced_bytes(transaction: Transaction) -> None:
    """Data and signature of an announce are read as the same value."""
    data = serialise(transaction)

    assert parse(data, signature=transaction.signature, network=TESTNET) == transaction


@given(anything)
def test_a_transaction_returns_from_its_json(transaction: Transaction) -> None:
    """JSON carries every member, as text as well."""
    text = json.dumps(transaction_to_json(transaction))

    assert transaction_from_json(json.loads(text)) == transaction


@given(st.lists(anything, max_size=3), st.integers(1, 2**40), hashes, signatures)
def test_a_block_returns(
    contents: list[Transaction], height: int, previous_hash: bytes, signature: bytes
) -> None:
    """A block returns from its bytes and its JSON with all its transactions."""
    block = Block(
        network_byte=TESTNET.byte,
        version=1,
        kind=1,
        timestamp_seconds=1,
        signer=PAIR.public_key,
        signature=signature,
        previous_hash=previous_hash,
        height=height,
        transactions=tuple(contents),
    )

    assert parse_block(serialise_block_verifiable(block)) == block
    assert block_from_json(block_to_json(block)) == block
