"""Reading as the server reads: its tolerance, its complaints, its canonical form."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sauma_nem.binary import inner_hash, serialise, serialise_verifiable, transaction_hash
from sauma_nem.network import TESTNET
from sauma_nem.parsing import parse, parse_announced, parse_block, parse_verifiable
from sauma_nem.properties import MosaicProperties
from sauma_nem.signing import AnnounceRequest, verify
from sauma_nem.transactions import (
    Message,
    MosaicDefinition,
    MosaicDefinitionCreation,
    MosaicId,
    MosaicLevy,
    MosaicQuantity,
    MosaicSupplyChange,
    Multisig,
    MultisigModification,
    NamespaceProvision,
    Transaction,
    Transfer,
)
from sauma_nem.unreadable import BrokenBytes, ForbiddenValue, Unreadable

VECTORS = Path(__file__).parent.parent / "vectors" / "nem"
ADDRESS = "TAOD4QYZA5RQYM64MFZ4MBCKQBWVZEETCQE3HB3A"
MISTYPED = "TBOD4QYZA5RQYM64MFZ4MBCKQBWVZEETCQE3HB3A"
KEY = bytes(range(32))
SERIALIZATION = "org.nem.core.serialization.SerializationException"
ILLEGAL = "java.lang.IllegalArgumentException"
ENERGY = MosaicId(namespace="grid", name="wh")
COMMON = {
    "network_byte": 0x98,
    "timestamp_seconds": 0,
    "signer": KEY,
    "fee_micro": 0,
    "deadline_seconds": 3_600,
}


def announces() -> list[dict[str, Any]]:
    return [
        exchange
        for path in sorted(VECTORS.glob("nis_rest_*.json"))
        for exchange in json.loads(path.read_text())["exchanges"]
        if exchange["request"]["path"] == "/transaction/announce"
        and isinstance(exchange["request"].get("body"), dict)
    ]


def announced(exchange: dict[str, Any]) -> tuple[AnnounceRequest, Transaction]:
    request = AnnounceRequest.from_json(json.dumps(exchange["request"]["body"]))
    return request, parse_announced(request.data, signature=request.signature, network=TESTNET)


def transfer(**changes: Any) -> Transfer:
    return Transfer(
        **COMMON | {"version": 2, "recipient": ADDRESS, "amount_micro": 1_000_000} | changes
    )


def test_recorded_announces_get_the_server_s_hash() -> None:
    """Whatever was announced, canonical or not, has the hash that the server replied."""
    answered = [item for item in announces() if item["status"] == 200]

    for exchange in answered:
        _, transaction = announced(exchange)
        body = exchange["body"]
        inner = inner_hash(transaction)
        assert transaction_hash(transaction).hex() == body["transactionHash"]["data"]
        assert (inner.hex() if inner else None) == body["innerTransactionHash"].get("data")
    assert len(answered) == 166


def test_recorded_signatures_are_judged_as_the_server_did() -> None:
    """A signature holds over the canonical bytes, or the reply was code 8.

    One right signature was answered with 8, because the same hash had been announced with a wrong
    one before and the server remembers a hash's result for ten minutes.
    """
    remembered = "sorted grid,nem"

    for exchange in announces():
        if exchange["status"] == 200:
            request, transaction = announced(exchange)
            holds = verify(transaction.signer, serialise(transaction), request.signature)
            assert holds == (exchange["body"]["code"] != 8 or exchange["name"] == remembered)


def test_recorded_refusals_have_the_server_s_words() -> None:
    """What the server could not hold is refused here with the same status and message."""
    # Unknown mosaics are refused by the fee step, which needs the chain's state.
    refused = [
        item
        for item in announces()
        if item["status"] != 200 and "fee information" not in item["body"]["message"]
    ]

    for exchange in refused:
        with pytest.raises(Unreadable) as caught:
            announced(exchange)
        assert caught.value.server_status == exchange["status"], exchange["name"]
        # the server cuts its messages at 128 characters
        assert (caught.value.server_message or "")[:128] == exchange["body"]["message"]
    assert len(refused) == 20


def refusal(transaction: Transaction) -> tuple[int, str | None]:
    with pytest.raises(Unreadable) as caught:
        parse(serialise(transaction), network=TESTNET)
    return caught.value.server_status, caught.value.server_message


def definition(**changes: Any) -> MosaicDefinitionCreation:
    fields = {
        "creator": KEY,
        "mosaic_id": ENERGY,
        "description": "energy",
        "properties": MosaicProperties(),
    }
    return MosaicDefinitionCreation(
        **COMMON,
        version=1,
        definition=MosaicDefinition(**fields | changes),
        creation_fee_sink=TESTNET.mosaic_sink,
        creation_fee_micro=10_000_000,
    )


def levy(**changes: Any) -> MosaicLevy:
    fields = {"kind": 1, "recipient": ADDRESS, "mosaic_id": ENERGY, "fee_units": 1}
    return MosaicLevy(**fields | changes)


@pytest.mark.parametrize(
    ("transaction", "status", "message"),
    [
        (transfer(fee_micro=-1), 400, "quantity (-1) must be non-negative"),
        (transfer(timestamp_seconds=-1), 400, "time must be non-negative"),
        (
            transfer(recipient=MISTYPED),
            404,
            f"invalid address '{MISTYPED}' (org.nem.core.model.Address)",
        ),
        (
            transfer(message=Message(payload=b"x", kind=3)),
            500,
            f"{ILLEGAL}: Unknown message type: 3",
        ),
        (
            transfer(mosaics=[MosaicQuantity(mosaic_id=ENERGY, quantity_units=-1)]),
            500,
            "org.nem.core.model.primitive.NegativeQuantityException: "
            "quantity (-1) must be non-negative",
        ),
        (
            MultisigModification(**COMMON, version=1, modifications=()),
            400,
            "Cosignatory modifications cannot be empty",
        ),
        (
            MultisigModification(**COMMON, version=2, modifications=()),
            400,
            "Either cosignatory modifications or change of minimum cosignatories must be present",
        ),
        (
            NamespaceProvision(
                **COMMON,
                version=1,
                rental_fee_sink=TESTNET.namespace_sink,
                rental_fee_micro=0,
                new_part="d",
                parent="a.b.c",
            ),
            400,
            "'a.b.c.d' is not a valid namespace.",
        ),
        (
            MosaicSupplyChange(**COMMON, version=1, mosaic_id=ENERGY, kind=3, delta_whole=1),
            400,
            "supply type validity must be true",
        ),
        (
            MosaicSupplyChange(
                **COMMON, version=1, mosaic_id=ENERGY, kind=1, delta_whole=9 * 10**15 + 1
            ),
            400,
            "delta must be between 1 and 9000000000000000 inclusive",
        ),
        (
            definition(levy=levy(kind=3)),
            500,
            f"{SERIALIZATION}: {ILLEGAL}: Invalid mosaic transfer fee type: 3",
        ),
        (
            definition(levy=levy(recipient=MISTYPED)),
            500,
            f"{SERIALIZATION}: java.util.MissingResourceException: invalid address",
        ),
        (
            Multisig(**COMMON, version=1, inner=transfer(fee_micro=-1)),
            500,
            "org.nem.core.model.primitive.NegativeQuantityException: "
            "quantity (-1) must be non-negative",
        ),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Transaction) else None,
)
def test_what_constructors_refuse(transaction: Transaction, status: int, message: str) -> None:
    """A value can hold it, a server cannot; inside an object every refusal becomes a 500."""
    assert refusal(transaction) == (status, message)
    assert parse(serialise(transaction)) == transaction


def test_unknown_kinds_of_importance_and_modification_are_refused() -> None:
    """The modes are 1 and 2; the server knows a third kind of modification that does nothing."""
    head = serialise(transfer())[4:60]
    importance = struct.pack("<i", 2049) + head + struct.pack("<ii", 3, 32) + KEY
    modification = struct.pack("<i", 4097) + head + struct.pack("<iiii", 1, 40, 4, 32) + KEY

    for data, status, message in (
        (importance, 500, "property mode has an incompatible value"),
        (modification, 500, f"{ILLEGAL}: invalid mode"),
    ):
        with pytest.raises(ForbiddenValue) as caught:
            parse(data, network=TESTNET)
        assert (caught.value.server_status, caught.value.server_message) == (status, message)


def test_summed_quantities_do_not_go_round() -> None:
    """Quantities of one mosaic that add up beyond 63 bits are refused, as the server's would."""
    data = serialise(transfer(mosaics=[MosaicQuantity(mosaic_id=ENERGY, quantity_units=2**63 - 1)]))
    one = struct.unpack_from("<i", data, len(data) - 30)[0]
    entry = data[-30:]
    twice = data[:-34] + struct.pack("<i", 2) + entry + entry

    with pytest.raises(ForbiddenValue, match="63 bits"):
        parse(twice, network=TESTNET)
    assert one == 26


def test_what_follows_is_ignored() -> None:
    """Bytes behind a transaction do not matter: it is read forward only."""
    data = serialise(transfer(message=Message(payload=b"x")))

    assert parse(data + b"whatever", network=TESTNET) == parse(data, network=TESTNET)


def test_a_message_may_be_missing_at_the_end() -> None:
    """A version 1 transfer that ends before its message has none; its canonical form says so."""
    data = serialise(transfer(version=1))

    shortened = parse(data[:-4], network=TESTNET)

    assert shortened == transfer(version=1)
    assert serialise(shortened) == data


def test_announced_bytes_are_cut() -> None:
    """The server reads the first 2048 bytes of an announce, whatever follows."""
    data = serialise(transfer())

    assert parse_announced(data + bytes(5_000), signature=bytes(64), network=TESTNET) == transfer(
        signature=bytes(64)
    )
    long = serialise(transfer(message=Message(payload=bytes(2_000))))
    with pytest.raises(BrokenBytes) as caught:
        parse_announced(long, signature=bytes(64), network=TESTNET)
    assert caught.value.server_message == f"{SERIALIZATION}: unexpected end of stream reached"


def test_a_signature_has_64_bytes() -> None:
    """Another length is refused before anything is verified."""
    with pytest.raises(ForbiddenValue) as caught:
        parse_announced(serialise(transfer()), signature=bytes(63), network=TESTNET)

    assert caught.value.server_status == 400
    assert caught.value.server_message == "binary signature representation must be 64 bytes"


def test_only_cosignatures_lie_in_a_multisig() -> None:
    """The list behind a multisig's inner transaction holds cosignatures, nothing else."""
    inner = transfer(signature=bytes(64))
    wrapper = Multisig(**COMMON, version=1, inner=transfer(), signature=bytes(64))
    child = serialise_verifiable(inner)
    data = serialise_verifiable(wrapper)[:-4] + struct.pack("<ii", 1, len(child)) + child

    with pytest.raises(ForbiddenValue, match="cosignatures"):
        parse_verifiable(data)


def test_nested_wrappers_end() -> None:
    """Objects inside objects are followed to a limit, not until the stack is used up."""
    inner: Transaction = transfer()
    for _ in range(80):
        inner = Multisig(**COMMON, version=1, inner=inner)

    with pytest.raises(BrokenBytes):
        parse(serialise(inner))


def status_of(read: Callable[[bytes], object], data: bytes) -> int:
    """The status of the refusal, or 200; an error that is not Unreadable passes through."""
    try:
        read(data)
    except Unreadable as error:
        return error.server_status
    return 200


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    """Garbage is a transaction or Unreadable, never another error."""
    for read in (parse, parse_verifiable, parse_block):
        assert status_of(read, data) in (200, 400, 404, 500)
        assert status_of(partial(read, network=TESTNET), data) in (200, 400, 404, 500)


@given(
    st.sampled_from(
        [
            transfer(message=Message(payload=b"hello")),
            definition(levy=levy()),
            Multisig(**COMMON, version=1, inner=transfer()),
        ]
    ),
    st.lists(st.tuples(st.integers(0, 250), st.integers(0, 255)), min_size=1, max_size=3),
    st.integers(0, 400),
)
def test_damaged_transactions_are_read_or_refused(
    transaction: Transaction, damages: list[tuple[int, int]], length: int
) -> None:
    """A transaction with some bytes changed or cut off is Unreadable, or a canonical value."""
    octets = bytearray(serialise(transaction))
    for position, octet in damages:
        octets[position % len(octets)] = octet
    damaged = bytes(octets[:length])

    status = status_of(partial(parse, network=TESTNET), damaged)

    assert status in (200, 400, 404, 500)
    if status == 200:
        read = parse(damaged, network=TESTNET)
        assert parse(serialise(read)) == read
