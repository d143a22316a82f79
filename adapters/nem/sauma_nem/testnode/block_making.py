"""Choosing a block's transactions: validated again, one after another, against what is confirmed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import attrs

from sauma_nem.network import address_of
from sauma_nem.transactions import (
    MosaicDefinitionCreation,
    MosaicId,
    MosaicSupplyChange,
    Multisig,
    MultisigModification,
    NamespaceProvision,
    Transaction,
    Transfer,
)
from sauma_nem.unreadable import Unreadable

from .chain import count_with_children
from .execution import execute
from .pool import PoolEntry
from .results import RestError, Result
from .state import Ledger
from .validation import Context, validate
from .validation_multisig import check_signatures_present


def choose(
    candidates: Iterable[PoolEntry],
    *,
    confirmed: Ledger,
    context: Context,
    harvester: bytes,
    transactions_max: int,
) -> tuple[Transaction, ...]:
    """The transactions of the next block.  What fails now stays in the pool.

    `context` gives height, time and network; its ledger is replaced by a layer that also shows
    what the block already holds.  Nobody harvests his own transactions, nor his owner's.
    """
    layer = Ledger(confirmed)
    here = attrs.evolve(context, ledger=layer)
    excluded = set(_shut_out(harvester, here))
    chosen: list[Transaction] = []
    together = Together()
    count = 0
    for entry in candidates:
        transaction = entry.transaction
        if transaction.signer_address in excluded:
            continue
        if count + count_with_children(transaction) > transactions_max:
            break
        if _check(transaction, together, here) is not Result.SUCCESS:
            continue
        together.add(transaction)
        execute(transaction, layer, here.height)
        chosen.append(transaction)
        count += count_with_children(transaction)
    return tuple(chosen)


def _shut_out(harvester: bytes, context: Context) -> Iterator[str]:
    address = address_of(harvester, context.network.byte)
    yield address
    link = context.ledger.account(address).remote_link
    if link is not None and link.is_remote:
        yield link.other


def _check(transaction: Transaction, together: Together, context: Context) -> Result:
    try:
        result = validate(transaction, context)
    except (Unreadable, RestError):
        # A mosaic that the pool knows and the chain does not yet: it waits for the next block.
        return Result.FAILURE_MOSAIC_UNKNOWN
    if result is not Result.SUCCESS:
        return result
    result = check_signatures_present(transaction, context.ledger)
    if result is not Result.SUCCESS:
        return result
    return together.check(transaction)


class Together:
    """The rules about what may stand together in one block, kept while the block grows.

    One modification of a multisig account (79); and no definition of a mosaic beside a use of that
    mosaic or the provision of its namespace (149).
    """

    def __init__(self) -> None:
        """Start with an empty block."""
        self._modifiers: set[bytes] = set()
        self._defined: set[MosaicId] = set()
        self._used: set[MosaicId] = set()
        self._provided: set[str] = set()

    def check(self, transaction: Transaction) -> Result:
        """Whether a transaction may join those added before."""
        inner = _unwrapped(transaction)
        if isinstance(inner, MultisigModification) and inner.signer in self._modifiers:
            return Result.FAILURE_CONFLICTING_MULTISIG_MODIFICATION
        if isinstance(inner, MosaicDefinitionCreation):
            mosaic_id = inner.definition.mosaic_id
            conflicts = mosaic_id in self._used or mosaic_id.namespace in self._provided
        elif isinstance(inner, NamespaceProvision):
            name = inner.fully_qualified_name
            conflicts = any(mosaic_id.namespace == name for mosaic_id in self._defined)
        else:
            conflicts = not self._defined.isdisjoint(_used_mosaics(inner))
        return Result.FAILURE_CONFLICTING_MOSAIC_CREATION if conflicts else Result.SUCCESS

    def add(self, transaction: Transaction) -> None:
        """Put a transaction into the block."""
        inner = _unwrapped(transaction)
        self._used.update(_used_mosaics(inner))
        if isinstance(inner, MultisigModification):
            self._modifiers.add(inner.signer)
        elif isinstance(inner, MosaicDefinitionCreation):
            self._defined.add(inner.definition.mosaic_id)
        elif isinstance(inner, NamespaceProvision):
            self._provided.add(inner.fully_qualified_name)


def _unwrapped(transaction: Transaction) -> Transaction:
    return transaction.inner if isinstance(transaction, Multisig) else transaction


def _used_mosaics(transaction: Transaction) -> Iterator[MosaicId]:
    if isinstance(transaction, MosaicSupplyChange):
        yield transaction.mosaic_id
    elif isinstance(transaction, Transfer):
        for attached in transaction.mosaics:
            yield attached.mosaic_id
