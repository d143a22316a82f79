"""Any transaction of NEM, as Hypothesis draws it."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from sauma_nem.binary import (
    serialise,
    transaction_hash,
)
from sauma_nem.network import TESTNET, address_of
from sauma_nem.parsing import parse
from sauma_nem.properties import MosaicProperties
from sauma_nem.signing import KeyPair
from sauma_nem.transactions import (
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

PAIR = KeyPair.from_hex("11" * 32)

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
