"""The blocks of a chain in memory, as the documents that JSON-RPC asks for.

They are written once, when a block is made.  What a block cannot answer from them (calls, balances)
is asked of the EVM once and kept with the block: its state never changes.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any

import attrs
from eth_tester.backends.pyevm.serializers import serialize_block, serialize_transaction_receipt

from .hexadecimal import write_data, write_quantity


@attrs.frozen(kw_only=True)
class MadeBlock:
    """A block with everything that is asked of it."""

    height: int
    document: dict[str, Any]
    """With the hashes of its transactions."""
    whole: dict[str, Any]
    """With its transactions."""
    receipts: dict[str, dict[str, Any]]
    answers: dict[Hashable, Any] = attrs.field(factory=dict)
    """What was asked of the state after it."""

    @classmethod
    def of(cls, block: Any, receipts: Sequence[Any], vm: Any) -> MadeBlock:
        """Write down a block of py-evm."""
        whole = plain(serialize_block(block, True, False))
        hashes = [each["hash"] for each in whole["transactions"]]
        return cls(
            height=block.number,
            whole=whole,
            document={**whole, "transactions": hashes},
            receipts={
                each: plain(
                    serialize_transaction_receipt(block, receipts, transaction, place, False, vm)
                )
                for place, (each, transaction) in enumerate(
                    zip(hashes, block.transactions, strict=True)
                )
            },
        )

    @property
    def block_hash(self) -> str:
        """Its hash."""
        return str(self.document["hash"])

    def answer(self, question: Hashable, find: Callable[[], Any]) -> Any:
        """Return what was found before, or find it."""
        if question not in self.answers:
            self.answers[question] = find()
        return self.answers[question]

    def transaction(self, transaction_id: str) -> dict[str, Any] | None:
        """Return one of its transactions."""
        for each in self.whole["transactions"]:
            if each["hash"] == transaction_id:
                found: dict[str, Any] = each
                return found
        return None

    def logs(self, wanted: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Return its log entries from some addresses, whose topics are among the wanted ones, by place."""
        addresses = {each.lower() for each in _any_of(wanted["address"])}
        topics = [None if each is None else _any_of(each) for each in wanted.get("topics", ())]
        return [
            each
            for receipt in self.receipts.values()
            for each in receipt["logs"]
            if each["address"] in addresses
            and len(each["topics"]) >= len(topics)
            and all(
                any_of is None or topic in any_of
                for any_of, topic in zip(topics, each["topics"], strict=False)
            )
        ]


def plain(value: Any) -> Any:
    """Return an answer as JSON would carry it: numbers and bytes as hexadecimal text."""
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, int):
        return write_quantity(value)
    if isinstance(value, str):
        return value or None  # no recipient is an empty text to eth-tester
    if isinstance(value, bytes | bytearray):
        return write_data(bytes(value))
    if isinstance(value, Mapping):
        return {_camel(str(key)): plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    return value


def _any_of(topics: str | Sequence[str]) -> frozenset[str]:
    return frozenset([topics] if isinstance(topics, str) else topics)


def _camel(key: str) -> str:
    first, *rest = key.split("_")
    return first + "".join(word.capitalize() for word in rest)
