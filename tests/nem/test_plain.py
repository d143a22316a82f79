"""Transfers read at one go are what the server's reader makes of the same bytes."""

from __future__ import annotations

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sauma_nem.binary import joined, serialise, serialise_verifiable, without_signature
from sauma_nem.network import MAINNET, TESTNET, address_of
from sauma_nem.parsing import parse_verifiable
from sauma_nem.plain import parse_plain
from sauma_nem.transactions import Message, MosaicId, MosaicQuantity, Transfer
from sauma_nem.unreadable import Unreadable

MOSAICS = (
    MosaicId(namespace="grid", name="wh"),
    MosaicId(namespace="a.b_c.d-e", name="it's two words"),
)
keys = st.binary(min_size=32, max_size=32)
numbers = st.integers(0, 2**63 - 1)
seconds = st.integers(0, 2**31 - 1)
transfers = st.builds(
    Transfer,
    network_byte=st.just(TESTNET.byte),
    version=st.just(2),
    timestamp_seconds=seconds,
    signer=keys,
    fee_micro=numbers,
    deadline_seconds=seconds,
    signature=st.binary(min_size=64, max_size=64),
    recipient=keys.map(lambda key: address_of(key, TESTNET.byte)),
    amount_micro=numbers,
    message=st.none()
    | st.builds(Message, payload=st.binary(max_size=80), kind=st.sampled_from([1, 2])),
    mosaics=st.none().map(lambda _: ())
    | st.tuples(
        st.builds(MosaicQuantity, mosaic_id=st.sampled_from(MOSAICS), quantity_units=numbers)
    ),
)
PLAIN = Transfer(
    network_byte=TESTNET.byte,
    version=2,
    timestamp_seconds=1,
    signer=bytes(32),
    fee_micro=100_000,
    deadline_seconds=7_201,
    signature=bytes(64),
    recipient=address_of(bytes(32), TESTNET.byte),
    amount_micro=1_000_000,
    message=Message(payload=b"reference"),
    mosaics=(MosaicQuantity(mosaic_id=MOSAICS[0], quantity_units=5),),
)


@given(transfer=transfers)
def test_the_commonest_shape_is_read(transfer: Transfer):
    """A transfer of version 2 with at most one mosaic returns from its bytes."""
    assert parse_plain(serialise_verifiable(transfer), TESTNET) == transfer


@given(transfer=transfers, at=st.integers(0, 400), octet=st.integers(0, 255), cut=st.integers(0, 2))
def test_nothing_else_is_read(transfer: Transfer, at: int, octet: int, cut: int):
    """Of damaged bytes it reads what the server reads and would write again, or nothing."""
    raw = bytearray(serialise_verifiable(transfer))
    raw[at % len(raw)] = octet
    damaged = bytes(raw[: len(raw) - cut])

    found = parse_plain(damaged, TESTNET)
    try:
        read = parse_verifiable(damaged, network=TESTNET)
        wanted = read if serialise_verifiable(read) == damaged else None
    except Unreadable:
        wanted = None

    assert found == wanted or (found is None and not _is_plain(wanted))


def _is_plain(transfer: object) -> bool:
    return (
        isinstance(transfer, Transfer)
        and transfer.network_byte == TESTNET.byte
        and transfer.version == 2
        and len(transfer.mosaics) < 2
    )


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        serialise_verifiable(PLAIN)[:-1],
        serialise_verifiable(PLAIN) + b"\0",
        serialise_verifiable(attrs.evolve(PLAIN, version=1, mosaics=())),
        serialise_verifiable(attrs.evolve(PLAIN, recipient=address_of(bytes(32), MAINNET.byte))),
        serialise_verifiable(attrs.evolve(PLAIN, network_byte=MAINNET.byte)),
        serialise_verifiable(
            attrs.evolve(
                PLAIN,
                mosaics=[MosaicQuantity(mosaic_id=each, quantity_units=1) for each in MOSAICS],
            )
        ),
        serialise_verifiable(PLAIN).replace(b"grid", b"GRID"),
        serialise_verifiable(PLAIN).replace(b"\x04\0\0\0grid", b"\xff\xff\xff\xffgrid"),
        serialise_verifiable(PLAIN).replace(PLAIN.recipient.encode(), bytes(40)),
    ],
)
def test_other_shapes_are_left_to_the_reader(raw: bytes):
    """Other versions and networks, more mosaics, wrong names and wrong lengths are not read here."""
    assert parse_plain(raw, TESTNET) is None


@given(transfer=transfers)
def test_a_signature_is_put_in_and_taken_out(transfer: Transfer):
    """The bytes with and without signature differ in the signature only."""
    data, raw = serialise(transfer), serialise_verifiable(transfer)

    assert joined(data, transfer.signature or b"") == raw
    assert without_signature(raw) == data
