"""The JSON of the REST interface."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from sauma_nem.json_form import (
    block_from_json,
    block_to_json,
    mosaic_definition_from_json,
    mosaic_definition_to_json,
    transaction_from_json,
    transaction_to_json,
)
from sauma_nem.transactions import Multisig
from sauma_nem.unreadable import Unreadable

VECTORS = Path(__file__).parent.parent / "vectors" / "nem"
DUMP = json.loads((VECTORS / "nis_chain_dump.json").read_text())["blocks"]
TRANSACTIONS = [entry["tx"] for block in DUMP for entry in block["txes"]]


def first_of_type(kind: int) -> dict[str, Any]:
    found = next(document for document in TRANSACTIONS if document["type"] == kind)
    return copy.deepcopy(found)


def test_recorded_transactions_return() -> None:
    """What the server wrote for 93 transactions is read and written back as the same document."""
    values = [transaction_from_json(document) for document in TRANSACTIONS]

    assert [transaction_to_json(value) for value in values] == TRANSACTIONS
    assert len(values) == 93


def test_recorded_blocks_return() -> None:
    """What the server wrote for 79 blocks is read and written back as the same document."""
    documents = [entry["block"] for entry in DUMP]

    assert [block_to_json(block_from_json(document)) for document in documents] == documents
    assert len(documents) == 79


def test_recorded_definitions_return() -> None:
    """Mosaic definitions, as replies show them, are read and written back."""
    exchanges = json.loads((VECTORS / "nis_rest_namespace_mosaic.json").read_text())["exchanges"]
    definitions = [
        exchange["body"]
        for exchange in exchanges
        if exchange["status"] == 200 and "properties" in exchange["body"]
    ]

    assert definitions
    assert any(definition["levy"] for definition in definitions)
    for definition in definitions:
        value = mosaic_definition_from_json(definition)
        assert mosaic_definition_to_json(value) == definition


def test_an_inner_transaction_has_no_signature() -> None:
    """Inside a multisig there is no signature member, outside there is."""
    value = transaction_from_json(first_of_type(4100))
    document = transaction_to_json(value)

    assert isinstance(value, Multisig)
    assert value.inner.signature is None
    assert "signature" not in document["otherTrans"]
    assert "signature" in document


@pytest.mark.parametrize("kind", sorted({document["type"] for document in TRANSACTIONS}))
def test_every_member_is_needed(kind: int) -> None:
    """Without one of its members a transaction is refused as the server does, or means absence."""
    whole = first_of_type(kind)
    optional = {"signature", "message", "parent", "minCosignatories"}

    for label in set(whole) - optional:
        document = {key: value for key, value in whole.items() if key != label}
        with pytest.raises(Unreadable) as caught:
            transaction_from_json(document)
        assert caught.value.server_status == 500
        assert caught.value.server_message == (
            f"expected value for property {label}, but none was found"
        )


@pytest.mark.parametrize(
    ("label", "value"),
    [
        ("amount", "1"),
        ("amount", True),
        ("recipient", 1),
        ("signer", "zz"),
        ("message", []),
        ("mosaics", {}),
        ("mosaics", [1]),
    ],
)
def test_a_member_of_another_type_is_refused(label: str, value: object) -> None:
    """A member of the wrong type is named, with the server's words."""
    document = first_of_type(257) | {"version": -1744830462, "mosaics": []} | {label: value}

    with pytest.raises(Unreadable) as caught:
        transaction_from_json(document)

    assert caught.value.server_message == f"property {label} has an incompatible value"


def test_an_unknown_type_is_refused() -> None:
    """There are eight types; another one is a 400."""
    with pytest.raises(Unreadable) as caught:
        transaction_from_json({"type": 261})

    assert caught.value.server_status == 400
    assert caught.value.server_message == "Unknown transaction type: 261"


def test_only_cosignatures_sign_a_multisig() -> None:
    """Another transaction among the signatures is refused."""
    document = first_of_type(4100) | {"signatures": [first_of_type(257)]}

    with pytest.raises(Unreadable, match="signatures"):
        transaction_from_json(document)
