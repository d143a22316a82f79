"""Listings of the confirmed chain: transactions by address, namespaces and definitions by id."""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable

import attrs

from sauma_nem.transactions import (
    MosaicDefinition,
    MosaicDefinitionCreation,
    Multisig,
    NamespaceProvision,
    Transaction,
)

from .execution import children
from .validation_importance import other_parties


@attrs.frozen(kw_only=True)
class ConfirmedTransaction:
    """A transaction in a block.  `transaction_id` is this node's alone and changes on a fork."""

    transaction_id: int
    height: int
    transaction_hash: bytes
    inner_hash: bytes | None
    transaction: Transaction


@attrs.frozen(kw_only=True)
class DefinitionRow:
    """A stored mosaic definition."""

    row_id: int
    height: int
    definition: MosaicDefinition


@attrs.frozen(kw_only=True)
class NamespaceRow:
    """A stored provision of a namespace."""

    row_id: int
    height: int
    name: str


@attrs.frozen(kw_only=True)
class _Listed:
    row: ConfirmedTransaction
    is_incoming: bool
    is_outgoing: bool


def outgoing_addresses(transaction: Transaction) -> set[str]:
    """In whose list of outgoing transactions this one stands."""
    signers = {transaction.signer_address}
    signers.update(child.signer_address for child in children(transaction))
    return signers


def incoming_addresses(transaction: Transaction) -> set[str]:
    """In whose list of incoming transactions this one stands."""
    if isinstance(transaction, Multisig):
        return incoming_addresses(transaction.inner)
    if isinstance(transaction, MosaicDefinitionCreation):
        return set()
    return other_parties(transaction)


class History:
    """Grows with each block and shrinks with each rollback."""

    def __init__(self) -> None:
        """Start empty."""
        self._by_address: defaultdict[str, list[_Listed]] = defaultdict(list)
        self._by_hash: dict[bytes, ConfirmedTransaction] = {}
        self._definitions: list[DefinitionRow] = []
        self._namespaces: list[NamespaceRow] = []

    def add(self, row: ConfirmedTransaction) -> None:
        """List a transaction; ids must ascend."""
        transaction = row.transaction
        incoming, outgoing = incoming_addresses(transaction), outgoing_addresses(transaction)
        for address in incoming | outgoing:
            self._by_address[address].append(
                _Listed(row=row, is_incoming=address in incoming, is_outgoing=address in outgoing)
            )
        self._by_hash[row.transaction_hash] = row
        inner = transaction.inner if isinstance(transaction, Multisig) else transaction
        if isinstance(inner, MosaicDefinitionCreation):
            row_id = len(self._definitions) + 1
            self._definitions.append(
                DefinitionRow(row_id=row_id, height=row.height, definition=inner.definition)
            )
        elif isinstance(inner, NamespaceProvision):
            name = inner.fully_qualified_name
            row_id = len(self._namespaces) + 1
            self._namespaces.append(NamespaceRow(row_id=row_id, height=row.height, name=name))

    def remove_from(self, height: int) -> None:
        """Forget everything at this height and above."""
        for rows in self._by_address.values():
            while rows and rows[-1].row.height >= height:
                rows.pop()
        self._by_hash = {key: row for key, row in self._by_hash.items() if row.height < height}
        self._definitions = [row for row in self._definitions if row.height < height]
        self._namespaces = [row for row in self._namespaces if row.height < height]

    def by_hash(self, transaction_hash: bytes) -> ConfirmedTransaction | None:
        """A transaction by its own hash; not found by an inner one's or a cosignature's."""
        return self._by_hash.get(transaction_hash)

    def page(
        self, address: str, *, direction: str, below_id: int | None, size: int
    ) -> list[ConfirmedTransaction]:
        """The newest transactions of an address with ids below `below_id`."""
        rows = self._by_address.get(address, [])
        end = len(rows)
        if below_id is not None:
            end = bisect_left(rows, below_id, key=lambda listed: listed.row.transaction_id)
        wanted = _DIRECTIONS[direction]
        page: list[ConfirmedTransaction] = []
        while end > 0 and len(page) < size:
            end -= 1
            if wanted(rows[end]):
                page.append(rows[end].row)
        return page

    def definitions(self) -> list[DefinitionRow]:
        """Every stored definition, the newest first."""
        return self._definitions[::-1]

    def namespaces(self) -> list[NamespaceRow]:
        """Every stored provision, the newest first."""
        return self._namespaces[::-1]


_DIRECTIONS: dict[str, Callable[[_Listed], bool]] = {
    "all": lambda _: True,
    "incoming": lambda listed: listed.is_incoming,
    "outgoing": lambda listed: listed.is_outgoing,
}
