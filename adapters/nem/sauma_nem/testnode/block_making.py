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
    count = 0
    for entry in candidates:
        transaction = entry.transaction
        if transaction.signer_address in excluded:
            continue
        if count + count_with_children(transaction) > transactions_max:
            break
        if _check(transaction, chosen, here) is not Result.SUCCESS:
            continue
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


def _check(transaction: Transaction, chosen: list[Transaction], context: Context) -> Result:
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
    return check_block([*chosen, transaction])


def check_block(transactions: Iterable[Transaction]) -> Result:
    """The rules about what may stand together in one block."""
    flat = [each.inner if isinstance(each, Multisig) else each for each in transactions]
    modifiers = [each.signer for each in flat if isinstance(each, MultisigModification)]
    if len(modifiers) != len(set(modifiers)):
        return Result.FAILURE_CONFLICTING_MULTISIG_MODIFICATION
    defined = {
        each.definition.mosaic_id for each in flat if isinstance(each, MosaicDefinitionCreation)
    }
    if not defined:
        return Result.SUCCESS
    used = {mosaic_id for each in flat for mosaic_id in _used_mosaics(each)}
    provided = {
        f"{each.parent}.{each.new_part}" if each.parent else each.new_part
        for each in flat
        if isinstance(each, NamespaceProvision)
    }
    if used & defined or provided & {mosaic_id.namespace for mosaic_id in defined}:
        return Result.FAILURE_CONFLICTING_MOSAIC_CREATION
    return Result.SUCCESS


def _used_mosaics(transaction: Transaction) -> Iterator[MosaicId]:
    if isinstance(transaction, MosaicSupplyChange):
        yield transaction.mosaic_id
    elif isinstance(transaction, Transfer):
        for attached in transaction.mosaics:
            yield attached.mosaic_id
