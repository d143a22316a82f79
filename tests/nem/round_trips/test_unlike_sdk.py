"""Where the SDK does otherwise than the server: ours does as the server."""

from __future__ import annotations

import json
from typing import Any

import pytest
from symbolchain.CryptoTypes import PublicKey, Signature
from symbolchain.nem.FeeCalculator import calculate_transaction_fee

from sauma_nem.binary import (
    serialise,
)
from sauma_nem.fees import MosaicFeeInformation, minimum_fee_micro
from sauma_nem.network import MIJIN, TESTNET, address_of
from sauma_nem.parsing import parse
from sauma_nem.properties import MosaicProperties
from sauma_nem.signing import AnnounceRequest, sign, verify
from sauma_nem.transactions import (
    Message,
    Modification,
    MosaicId,
    MosaicQuantity,
    MultisigModification,
    Transfer,
)

from .sdk import FACADE, sdk, sdk_transfer
from .strategies import (
    PAIR,
)

ADDRESS = "TAOD4QYZA5RQYM64MFZ4MBCKQBWVZEETCQE3HB3A"


def energy_and_xem() -> tuple[MosaicQuantity, ...]:
    return (
        MosaicQuantity(mosaic_id=MosaicId(namespace="nem", name="xem"), quantity_units=5),
        MosaicQuantity(mosaic_id=MosaicId(namespace="grid", name="wh"), quantity_units=3),
    )


def a_transfer(**changes: Any) -> Transfer:
    return Transfer(
        **{
            "network_byte": TESTNET.byte,
            "version": 2,
            "timestamp_seconds": 1,
            "signer": PAIR.public_key,
            "fee_micro": 100_000,
            "deadline_seconds": 3_601,
            "recipient": ADDRESS,
            "amount_micro": 1_000_000,
        }
        | changes
    )


def test_unsorted_mosaics_are_sorted() -> None:
    """The SDK leaves mosaics as given, and the server would refuse the signature; ours are sorted."""
    ours = a_transfer(mosaics=energy_and_xem())

    theirs = FACADE.extract_signing_payload(sdk_transfer(ours, energy_and_xem()))

    assert theirs != serialise(ours)
    assert serialise(parse(theirs)) == serialise(ours)


def test_duplicate_mosaics_are_merged() -> None:
    """The SDK attaches a mosaic twice; the server sums it, and so do we before signing."""
    twice = energy_and_xem()[1:] * 2
    ours = a_transfer(mosaics=twice)

    theirs = FACADE.extract_signing_payload(sdk_transfer(ours, twice))

    assert theirs != serialise(ours)
    assert serialise(parse(theirs)) == serialise(ours)


def test_an_empty_message_is_left_out() -> None:
    """The SDK writes a message without payload; the server drops it, and so do we."""
    ours = a_transfer(message=Message(payload=b""))

    theirs = FACADE.extract_signing_payload(
        sdk_transfer(ours, (), message={"message_type": "plain", "message": b""})
    )

    assert len(theirs) == len(serialise(ours)) + 8
    assert serialise(parse(theirs)) == serialise(ours)


def test_modifications_are_sorted_by_text_not_by_bytes() -> None:
    """Cosignatories sort by the address's text; the SDK's order of bytes is another one."""
    cosignatories = [bytes([number]) * 32 for number in range(1, 30)]
    ours = MultisigModification(
        network_byte=TESTNET.byte,
        version=2,
        timestamp_seconds=1,
        signer=PAIR.public_key,
        fee_micro=500_000,
        deadline_seconds=3_601,
        modifications=tuple(Modification(kind=1, cosignatory=key) for key in cosignatories),
        relative_change=2,
    )

    theirs = sdk(
        ours,
        autosort=True,
        type="multisig_account_modification_transaction_v2",
        min_approval_delta=2,
        modifications=[
            {
                "modification": {
                    "modification_type": "add_cosignatory",
                    "cosignatory_public_key": PublicKey(key),
                }
            }
            for key in cosignatories
        ],
    )

    data = FACADE.extract_signing_payload(theirs)
    assert data != serialise(ours)
    assert serialise(parse(data)) == serialise(ours)


def test_the_fee_is_not_one_unit_short() -> None:
    """Where the SDK's real division asks one unit less, the server refuses it; ours is enough."""
    supply, quantity = 2_571_428_571_428_571, 5_714_285_715
    energy = MosaicId(namespace="grid", name="wh")
    ours = a_transfer(mosaics=[MosaicQuantity(mosaic_id=energy, quantity_units=quantity)])

    theirs = calculate_transaction_fee(
        sdk_transfer(ours, ours.mosaics), {"grid:wh": {"supply": supply, "divisibility": 0}}
    )

    fee = minimum_fee_micro(
        ours, lambda _: MosaicFeeInformation(supply_whole=supply, divisibility=0)
    )
    assert theirs == 50_000
    assert fee == 100_000


def test_mijin_is_a_network_too() -> None:
    """The SDK knows two networks; ours signs for the third as well."""
    transfer = a_transfer(
        network_byte=MIJIN.byte, recipient=address_of(PAIR.public_key, MIJIN.byte)
    )

    request = sign(transfer, PAIR)

    assert verify(PAIR.public_key, request.data, request.signature)
    assert parse(request.data, network=MIJIN) == transfer


def test_the_announce_body_is_the_sdk_s() -> None:
    """What is sent to a node has the members and bytes of the SDK's body."""
    transfer = a_transfer()
    request = sign(transfer, PAIR)

    theirs = FACADE.transaction_factory.attach_signature(
        sdk_transfer(transfer, ()), Signature(request.signature)
    )

    assert AnnounceRequest.from_json(theirs) == request
    assert json.loads(theirs.lower()) == json.loads(request.to_json())


@pytest.mark.parametrize("text", ["divisibility", "initialSupply", "supplyMutable", "transferable"])
def test_absent_properties_have_the_server_s_defaults(text: str) -> None:
    """A definition without properties means 0, 1000, false and true, and is written with them."""
    written = dict(MosaicProperties.from_texts({}).as_texts())

    assert (
        written[text]
        == {
            "divisibility": "0",
            "initialSupply": "1000",
            "supplyMutable": "false",
            "transferable": "true",
        }[text]
    )
