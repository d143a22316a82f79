"""Bytes and hashes, against what servers and others have written."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import attrs
import pytest

from sauma_nem.binary import (
    block_hash,
    inner_hash,
    next_generation_hash,
    serialise,
    serialise_block,
    serialise_block_verifiable,
    serialise_verifiable,
    transaction_hash,
)
from sauma_nem.json_form import block_from_json, transaction_from_json
from sauma_nem.network import TESTNET, keccak_256
from sauma_nem.parsing import parse_block, parse_verifiable
from sauma_nem.signing import verify
from sauma_nem.transactions import Multisig, Transaction, Transfer
from sauma_nem.unreadable import ForbiddenValue

VECTORS = Path(__file__).parent.parent / "vectors" / "nem"
DUMP = json.loads((VECTORS / "nis_chain_dump.json").read_text())["blocks"]
DUMPED = [entry for block in DUMP for entry in block["txes"]]
PUBLISHED = json.loads((VECTORS / "symbol_transactions.json").read_text())

# These carry a message without payload, which the server drops before it hashes.
EMPTY_MESSAGE = {
    "TransferTransactionV1_transfer_single_2",
    "TransferTransactionV1_transfer_aggregate_2",
}
# Its cosignatures are in no order; the server sorts them by the signer's address.
UNSORTED = {"MultisigTransactionV1_multisig_aggregate_1"}
AN_EMPTY_MESSAGE = bytes.fromhex("080000000100000000000000")


def test_hashes_of_a_real_chain() -> None:
    """All 93 transactions of a recorded chain have the hash that the server gave them."""
    transactions = [transaction_from_json(entry["tx"]) for entry in DUMPED]

    assert [transaction_hash(item).hex() for item in transactions] == [
        entry["hash"] for entry in DUMPED
    ]
    assert [hash_and_hex(inner_hash(item)) for item in transactions] == [
        entry.get("innerHash") for entry in DUMPED
    ]
    assert len(transactions) == 93


def hash_and_hex(digest: bytes | None) -> str | None:
    return None if digest is None else digest.hex()


def test_bytes_of_a_real_chain_return() -> None:
    """Every recorded transaction is signed over our bytes and returns from its verifiable ones."""
    for entry in DUMPED:
        transaction = transaction_from_json(entry["tx"])
        assert verify(transaction.signer, serialise(transaction), transaction.signature or b"")
        written = serialise_verifiable(transaction)
        assert parse_verifiable(written, network=TESTNET) == transaction


def test_blocks_of_a_real_chain() -> None:
    """All 79 recorded blocks have the server's hash and are named by the block that follows."""
    blocks = [block_from_json(entry["block"]) for entry in DUMP]
    hashes = [block_hash(block) for block in blocks]

    assert [digest.hex() for digest in hashes] == [entry["hash"] for entry in DUMP]
    followers = [
        (digest, following)
        for block, digest, following in zip(blocks, hashes, blocks[1:], strict=False)
        if following.height == block.height + 1
    ]
    assert len(followers) == 77
    assert all(following.previous_hash == digest for digest, following in followers)


def test_bytes_of_blocks_return() -> None:
    """A block returns from its bytes, with or without its signature, and the signature holds."""
    for entry in DUMP:
        block = block_from_json(entry["block"])
        assert parse_block(serialise_block_verifiable(block)) == block
        unsigned = attrs.evolve(block, signature=None)
        assert parse_block(serialise_block(block), verifiable=False) == unsigned
        assert verify(block.signer, serialise_block(block), block.signature or b"")


def test_the_generation_hash_follows_the_signer() -> None:
    """The next generation hash is the hash of the last one and the harvester's key."""
    assert next_generation_hash(bytes(32), bytes([1] * 32)) == keccak_256(
        bytes(32) + bytes([1] * 32)
    )


@pytest.mark.parametrize("case", PUBLISHED, ids=lambda case: case["test_name"])
def test_published_payloads(case: dict[str, Any]) -> None:
    """Every published payload is understood, and written back byte for byte where canonical."""
    payload = bytes.fromhex(case["payload"])
    name = case["test_name"]

    transaction = parse_verifiable(payload)
    written = serialise_verifiable(transaction)

    assert describes(case["descriptor"], transaction)
    assert parse_verifiable(written) == transaction
    if name in EMPTY_MESSAGE:
        assert AN_EMPTY_MESSAGE in payload
        assert AN_EMPTY_MESSAGE not in written
        assert len(written) == len(payload) - 8
    elif name in UNSORTED:
        assert written != payload
        assert sorted(written) == sorted(payload)
    else:
        assert written == payload


def describes(descriptor: dict[str, Any], transaction: Transaction) -> bool:
    """Whether the published description and the value agree in what they share."""
    if isinstance(transaction, Multisig):
        assert len(descriptor["cosignatures"]) == len(transaction.cosignatures)
        assert describes(descriptor["inner_transaction"], transaction.inner)
    if isinstance(transaction, Transfer):
        assert descriptor["recipient_address"] == transaction.recipient
        assert descriptor["amount"] == transaction.amount_micro
        assert len(descriptor.get("mosaics", ())) == len(transaction.mosaics)
    return (
        descriptor["timestamp"] == transaction.timestamp_seconds
        and descriptor["fee"] == transaction.fee_micro % 2**64  # the server's numbers are signed
        and bytes.fromhex(descriptor["signer_public_key"]) == transaction.signer
    )


def test_every_published_payload_is_there() -> None:
    """The vectors are the 54 that were published, and the exceptions are among them."""
    names = {case["test_name"] for case in PUBLISHED}

    assert len(PUBLISHED) == 54
    assert names >= EMPTY_MESSAGE | UNSORTED


def test_the_hash_does_not_depend_on_the_signature() -> None:
    """Signing changes neither the hash nor the signed bytes."""
    signed = transaction_from_json(DUMPED[0]["tx"])
    unsigned = attrs.evolve(signed, signature=None)

    assert transaction_hash(signed) == transaction_hash(unsigned)


def test_an_unsigned_transaction_has_no_verifiable_bytes() -> None:
    """A transaction lies in a block only with a signature; so does a block in a chain."""
    unsigned = attrs.evolve(transaction_from_json(DUMPED[0]["tx"]), signature=None)
    block = attrs.evolve(block_from_json(DUMP[0]["block"]), signature=None)

    with pytest.raises(ForbiddenValue, match="sign it first"):
        serialise_verifiable(unsigned)
    with pytest.raises(ForbiddenValue, match="sign it first"):
        serialise_block_verifiable(block)


@pytest.mark.parametrize(
    "change",
    [{"fee_micro": 2**63}, {"timestamp_seconds": 2**31}, {"amount_micro": -(2**63) - 1}],
    ids=str,
)
def test_a_number_without_room_is_refused(change: dict[str, int]) -> None:
    """A number that does not fit its field is the caller's mistake, not a crash."""
    transaction = attrs.evolve(transaction_from_json(DUMPED[0]["tx"]), **change)

    with pytest.raises(ForbiddenValue, match="does not fit"):
        serialise(transaction)
    with pytest.raises(ForbiddenValue, match="does not fit"):
        serialise_verifiable(transaction)


def test_a_height_without_room_is_refused() -> None:
    """The numbers of a block have their fields too."""
    block = attrs.evolve(block_from_json(DUMP[0]["block"]), height=2**63)

    with pytest.raises(ForbiddenValue, match="does not fit"):
        serialise_block(block)
    with pytest.raises(ForbiddenValue, match="does not fit"):
        serialise_block_verifiable(block)
