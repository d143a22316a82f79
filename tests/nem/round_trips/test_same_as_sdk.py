"""The SDK writes the same bytes of any transaction."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from symbolchain import nc
from symbolchain.CryptoTypes import Hash256, PublicKey
from symbolchain.nem.Network import Address

from sauma_nem.binary import (
    serialise,
    serialise_verifiable,
    transaction_hash,
)
from sauma_nem.transactions import (
    MosaicDefinitionCreation,
    MosaicSupplyChange,
    NamespaceProvision,
    Transfer,
)

from .sdk import FACADE, sdk, sdk_mosaic_id, sdk_transfer
from .strategies import (
    definitions,
    old_transfers,
    provisions,
    supply_changes,
    transfers,
)


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
