"""Any transaction returns from its bytes and from its JSON, and the SDK writes the same bytes."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from symbolchain import nc
from symbolchain.CryptoTypes import Hash256, PublicKey, Signature
from symbolchain.facade.NemFacade import NemFacade
from symbolchain.nem.FeeCalculator import calculate_transaction_fee
from symbolchain.nem.Network import Address

from sauma_nem.binary import (
    serialise,
    serialise_block_verifiable,
    serialise_verifiable,
    transaction_hash,
)
from sauma_nem.fees import MosaicFeeInformation, minimum_fee_micro
from sauma_nem.json_form import (
    block_from_json,
    block_to_json,
    transaction_from_json,
    transaction_to_json,
)
from sauma_nem.network import MIJIN, TESTNET, address_of
from sauma_nem.parsing import parse, parse_block, parse_verifiable
from sauma_nem.properties import MosaicProperties
from sauma_nem.signing import AnnounceRequest, KeyPair, sign, verify
from sauma_nem.transactions import (
    Block,
    Cosignature,
    ImportanceTransfer,
    Message,
    Modification,
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

FACADE = NemFacade("testnet")
PAIR = KeyPair.from_hex("11" * 32)
ADDRESS = "TAOD4QYZA5RQYM64MFZ4MBCKQBWVZEETCQE3HB3A"

seconds = st.integers(0, 2**31 - 1)
quantities = st.integers(0, 9 * 10**15)
keys = st.binary(min_size=32, max_size=32)
hashes = keys
signatures = st.binary(min_size=64, max_size=64)
addresses = keys.map(lambda key: address_of(key, TESTNET.byte))
parts = st.from_regex(r"[a-z0-9][a-z0-9_-]{0,15}", fullmatch=True)
namespaces = st.lists(parts, min_size=1, max_size=3).map(".".join)
mosaic_names = st.from_regex(r"[a-z0-9][a-z0-9'_-]{0,9}( [a-z0-9'_-]{1,9})?", fullmatch=True)
mosaic_ids = st.builds(MosaicId, namespace=namespaces, name=mosaic_names)
mosaics = st.builds(MosaicQuantity, mosaic_id=mosaic_ids, quantity_units=quantities)
messages = st.builds(Message, payload=st.binary(max_size=80), kind=st.sampled_from([1, 2]))
properties = st.builds(
    MosaicProperties,
    divisibility=st.integers(0, 6),
    initial_supply_whole=st.integers(0, 9 * 10**9),
    supply_mutable=st.booleans(),
    transferable=st.booleans(),
)
levies = st.builds(
    MosaicLevy,
    kind=st.sampled_from([1, 2]),
    recipient=addresses,
    mosaic_id=mosaic_ids,
    fee_units=quantities,
)
# no lone surrogates: they are no text in UTF-8
descriptions = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40).filter(
    lambda text: not text.isspace()
)


def transactions(
    value_class: type[Transaction], version: int, **fields: Any
) -> st.SearchStrategy[Any]:
    return st.builds(
        value_class,
        network_byte=st.just(TESTNET.byte),
        version=st.just(version),
        timestamp_seconds=seconds,
        signer=st.just(PAIR.public_key),
        fee_micro=quantities,
        deadline_seconds=seconds,
        signature=signatures,
        **fields,
    )


transfers = transactions(
    Transfer,
    2,
    recipient=addresses,
    amount_micro=quantities,
    message=st.none() | messages,
    mosaics=st.lists(mosaics, max_size=4),
)
old_transfers = transactions(
    Transfer, 1, recipient=addresses, amount_micro=quantities, message=st.none() | messages
)
provisions = transactions(
    NamespaceProvision,
    1,
    rental_fee_sink=addresses,
    rental_fee_micro=quantities,
    new_part=parts,
    parent=st.none() | st.lists(parts, min_size=1, max_size=2).map(".".join),
)
definitions = transactions(
    MosaicDefinitionCreation,
    1,
    definition=st.builds(
        MosaicDefinition,
        creator=st.just(PAIR.public_key),
        mosaic_id=mosaic_ids,
        description=descriptions,
        properties=properties,
        levy=st.none() | levies,
    ),
    creation_fee_sink=addresses,
    creation_fee_micro=quantities,
)
supply_changes = transactions(
    MosaicSupplyChange,
    1,
    mosaic_id=mosaic_ids,
    kind=st.sampled_from([1, 2]),
    delta_whole=st.integers(1, 9 * 10**15),
)
modifications = transactions(
    MultisigModification,
    2,
    modifications=st.lists(
        st.builds(Modification, kind=st.sampled_from([1, 2]), cosignatory=keys),
        min_size=1,
        max_size=5,
        unique_by=lambda change: change.cosignatory,
    ).map(tuple),
    relative_change=st.none() | st.integers(-32, 32),
)
importance_transfers = transactions(
    ImportanceTransfer, 1, mode=st.sampled_from([1, 2]), remote_account=keys
)
cosignatures = transactions(Cosignature, 1, inner_hash=hashes, multisig_address=addresses)
plain = st.one_of(
    transfers,
    old_transfers,
    provisions,
    definitions,
    supply_changes,
    modifications,
    importance_transfers,
)


@st.composite
def multisigs(draw: st.DrawFn) -> Multisig:
    common = {
        "network_byte": TESTNET.byte,
        "version": 1,
        "timestamp_seconds": draw(seconds),
        "fee_micro": draw(quantities),
        "deadline_seconds": draw(seconds),
        "signature": draw(signatures),
    }
    inner = parse(serialise(draw(plain)))
    cosigners = draw(st.lists(keys, max_size=3, unique=True))
    children = tuple(
        Cosignature(
            **common,
            signer=cosigner,
            inner_hash=transaction_hash(inner),
            multisig_address=inner.signer_address,
        )
        for cosigner in cosigners
    )
    return Multisig(**common, signer=draw(keys), inner=inner, cosignatures=children)


anything = st.one_of(plain, cosignatures, multisigs())


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


def sdk(transaction: Transaction, autosort: bool = False, **descriptor: Any) -> Any:
    return FACADE.transaction_factory.create(
        {
            "signer_public_key": PublicKey(transaction.signer),
            "fee": transaction.fee_micro,
            "timestamp": transaction.timestamp_seconds,
            "deadline": transaction.deadline_seconds,
            **descriptor,
        },
        autosort=autosort,
    )


def sdk_mosaic_id(mosaic_id: MosaicId) -> dict[str, Any]:
    return {"namespace_id": {"name": mosaic_id.namespace}, "name": mosaic_id.name}


def sdk_transfer(transfer: Transfer, attached: tuple[MosaicQuantity, ...], **changes: Any) -> Any:
    message = transfer.message
    descriptor: dict[str, Any] = {
        "type": f"transfer_transaction_v{transfer.version}",
        "recipient_address": Address(transfer.recipient),
        "amount": transfer.amount_micro,
    }
    if message is not None:
        kind = "plain" if message.kind == 1 else "encrypted"
        descriptor["message"] = {"message_type": kind, "message": message.payload}
    if transfer.version == 2:
        descriptor["mosaics"] = [
            {
                "mosaic": {
                    "mosaic_id": sdk_mosaic_id(item.mosaic_id),
                    "amount": item.quantity_units,
                }
            }
            for item in attached
        ]
    return sdk(transfer, autosort=True, **descriptor | changes)


@given(transfers | old_transfers)
def test_the_sdk_writes_the_same_transfer(transfer: Transfer) -> None:
    """Given mosaics in the right order, the SDK's bytes and hash are ours."""
    theirs = sdk_transfer(transfer, transfer.mosaics)

    assert FACADE.extract_signing_payload(theirs) == serialise(transfer)
    assert FACADE.hash_transaction(theirs) == Hash256(transaction_hash(transfer))
    theirs.signature = nc.Signature(transfer.signature)
    assert theirs.serialize() == serialise_verifiable(transfer)


@given(provisions)
def test_the_sdk_writes_the_same_namespace_provision(provision: NamespaceProvision) -> None:
    """The SDK's bytes of a namespace registration are ours."""
    theirs = sdk(
        provision,
        type="namespace_registration_transaction_v1",
        rental_fee_sink=Address(provision.rental_fee_sink),
        rental_fee=provision.rental_fee_micro,
        name=provision.new_part,
        **({} if provision.parent is None else {"parent_name": provision.parent}),
    )

    assert FACADE.extract_signing_payload(theirs) == serialise(provision)


@given(definitions)
def test_the_sdk_writes_the_same_mosaic_definition(creation: MosaicDefinitionCreation) -> None:
    """The SDK's bytes of a mosaic definition are ours."""
    definition = creation.definition
    descriptor: dict[str, Any] = {
        "owner_public_key": PublicKey(definition.creator),
        "id": sdk_mosaic_id(definition.mosaic_id),
        "description": definition.description.encode(),
        "properties": [
            {"property_": {"name": name.encode(), "value": value.encode()}}
            for name, value in definition.properties.as_texts()
        ],
    }
    if definition.levy is not None:
        descriptor["levy"] = {
            "transfer_fee_type": "absolute" if definition.levy.kind == 1 else "percentile",
            "recipient_address": Address(definition.levy.recipient),
            "mosaic_id": sdk_mosaic_id(definition.levy.mosaic_id),
            "fee": definition.levy.fee_units,
        }

    theirs = sdk(
        creation,
        type="mosaic_definition_transaction_v1",
        mosaic_definition=descriptor,
        rental_fee_sink=Address(creation.creation_fee_sink),
        rental_fee=creation.creation_fee_micro,
    )

    assert FACADE.extract_signing_payload(theirs) == serialise(creation)


@given(supply_changes)
def test_the_sdk_writes_the_same_supply_change(change: MosaicSupplyChange) -> None:
    """The SDK's bytes of a supply change are ours."""
    theirs = sdk(
        change,
        type="mosaic_supply_change_transaction_v1",
        mosaic_id=sdk_mosaic_id(change.mosaic_id),
        action="increase" if change.kind == 1 else "decrease",
        delta=change.delta_whole,
    )

    assert FACADE.extract_signing_payload(theirs) == serialise(change)


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
