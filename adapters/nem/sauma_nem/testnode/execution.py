"""What transactions do to the ledger: the movements they make, and their other effects.

Validation asks `movements` and `fees` for what would be debited; `execute` applies the same lists,
so what was checked is what happens.
"""

from __future__ import annotations

from collections.abc import Iterator

import attrs

from sauma_nem.network import MICRO_PER_XEM, address_of
from sauma_nem.transactions import (
    XEM,
    Cosignature,
    ImportanceMode,
    ImportanceTransfer,
    LevyKind,
    ModificationKind,
    MosaicDefinitionCreation,
    MosaicId,
    MosaicLevy,
    MosaicSupplyChange,
    Multisig,
    MultisigModification,
    NamespaceProvision,
    SupplyKind,
    Transaction,
    Transfer,
)

from .results import RestError
from .state import Ledger, MosaicEntry, RemoteLink, RootNamespace

_LONG_MAX = 2**63 - 1
_LEVY_PARTS = 10_000


@attrs.frozen(kw_only=True)
class Movement:
    """So many smallest units (micro for nem:xem) from one address to another."""

    sender: str
    recipient: str
    mosaic_id: MosaicId
    units: int


def children(transaction: Transaction) -> tuple[Transaction, ...]:
    """What a multisig wrapper carries, in the order in which the server checks it."""
    if isinstance(transaction, Multisig):
        return (*transaction.cosignatures, transaction.inner)
    return ()


def debtor(transaction: Transaction) -> str:
    """Who pays the fee: the signer, or the multisig account for wrappers and cosignatures."""
    if isinstance(transaction, Multisig):
        return transaction.inner.signer_address
    if isinstance(transaction, Cosignature):
        return transaction.multisig_address
    return transaction.signer_address


def fees(transaction: Transaction) -> Iterator[tuple[str, int]]:
    """(address, micro XEM) of every fee that a transaction with its children pays."""
    yield debtor(transaction), transaction.fee_micro
    for child in children(transaction):
        yield from fees(child)


def total_fee_micro(transaction: Transaction) -> int:
    """All fees of a transaction, which its block's harvester receives."""
    return sum(fee for _, fee in fees(transaction))


def movements(transaction: Transaction, ledger: Ledger) -> Iterator[Movement]:
    """What a transaction with its children moves, fees apart, in the server's order."""
    signer = transaction.signer_address
    if isinstance(transaction, Transfer):
        yield from _transfer_movements(transaction, ledger)
    elif isinstance(transaction, NamespaceProvision):
        yield Movement(
            sender=signer,
            recipient=transaction.rental_fee_sink,
            mosaic_id=XEM,
            units=transaction.rental_fee_micro,
        )
    elif isinstance(transaction, MosaicDefinitionCreation):
        yield Movement(
            sender=signer,
            recipient=transaction.creation_fee_sink,
            mosaic_id=XEM,
            units=transaction.creation_fee_micro,
        )
    elif isinstance(transaction, Multisig):
        yield from movements(transaction.inner, ledger)


def _transfer_movements(transaction: Transfer, ledger: Ledger) -> Iterator[Movement]:
    sender, recipient = transaction.signer_address, transaction.recipient
    if not transaction.mosaics:
        yield Movement(
            sender=sender, recipient=recipient, mosaic_id=XEM, units=transaction.amount_micro
        )
        return
    for attached in transaction.mosaics:
        product = attached.quantity_units * transaction.amount_micro
        if product > _LONG_MAX:
            raise RestError(500, "java.lang.ArithmeticException: long overflow")
        units = product // MICRO_PER_XEM
        yield Movement(
            sender=sender, recipient=recipient, mosaic_id=attached.mosaic_id, units=units
        )
        entry = ledger.mosaic(attached.mosaic_id)
        if entry is not None and entry.definition.levy is not None:
            yield _levy_movement(sender, entry.definition.levy, units)


def _levy_movement(sender: str, levy: MosaicLevy, units: int) -> Movement:
    """The levy comes on top of what is sent and is the sender's to pay."""
    levied = levy.fee_units
    if levy.kind == LevyKind.PERCENTILE:
        levied = units * levy.fee_units // _LEVY_PARTS
    return Movement(sender=sender, recipient=levy.recipient, mosaic_id=levy.mosaic_id, units=levied)


def execute(transaction: Transaction, ledger: Ledger, height: int) -> None:
    """Apply a transaction that was validated against this ledger.  The harvester is not paid."""
    _learn_keys(transaction, ledger)
    for movement in movements(transaction, ledger):
        _move(movement, ledger)
    for address, fee_micro in fees(transaction):
        ledger.add_xem(address, -fee_micro)
    _apply_effect(transaction, ledger, height)


def _learn_keys(transaction: Transaction, ledger: Ledger) -> None:
    ledger.learn_public_key(transaction.signer_address, transaction.signer)
    for child in children(transaction):
        _learn_keys(child, ledger)


def _move(movement: Movement, ledger: Ledger) -> None:
    if movement.mosaic_id == XEM:
        ledger.add_xem(movement.sender, -movement.units)
        ledger.add_xem(movement.recipient, movement.units)
        return
    entry = _known(ledger, movement.mosaic_id)
    ledger.add_mosaic(movement.sender, entry, -movement.units)
    ledger.add_mosaic(movement.recipient, entry, movement.units)


def _known(ledger: Ledger, mosaic_id: MosaicId) -> MosaicEntry:
    entry = ledger.mosaic(mosaic_id)
    if entry is None:
        raise RuntimeError(f"mosaic {mosaic_id} vanished between validation and execution")
    return entry


def _apply_effect(transaction: Transaction, ledger: Ledger, height: int) -> None:
    if isinstance(transaction, NamespaceProvision):
        _provide_namespace(transaction, ledger, height)
    elif isinstance(transaction, MosaicDefinitionCreation):
        _define_mosaic(transaction, ledger)
    elif isinstance(transaction, MosaicSupplyChange):
        _change_supply(transaction, ledger)
    elif isinstance(transaction, MultisigModification):
        _modify_cosignatories(transaction, ledger)
    elif isinstance(transaction, ImportanceTransfer):
        _link_remote(transaction, ledger, height)
    elif isinstance(transaction, Multisig):
        _apply_effect(transaction.inner, ledger, height)


def _provide_namespace(transaction: NamespaceProvision, ledger: Ledger, height: int) -> None:
    owner = transaction.signer_address
    if transaction.parent is not None:
        parent = ledger.root(transaction.parent)
        if parent is None:
            raise RuntimeError(f"namespace {transaction.parent} vanished after validation")
        child = transaction.fully_qualified_name
        ledger.put_root(attrs.evolve(parent, children=parent.children | {child}))
        return
    before = ledger.root(transaction.new_part)
    if before is not None and before.owner == owner:
        ledger.put_root(attrs.evolve(before, height=height))
        return
    # Two owners cannot follow one another within a year, so the height is a tenure of its own.
    ledger.put_root(
        RootNamespace(name=transaction.new_part, owner=owner, height=height, tenure=height)
    )


def _define_mosaic(transaction: MosaicDefinitionCreation, ledger: Ledger) -> None:
    definition = transaction.definition
    root = ledger.root(definition.mosaic_id.namespace)
    if root is None:
        raise RuntimeError(f"namespace of {definition.mosaic_id} vanished after validation")
    before = ledger.mosaic(definition.mosaic_id)
    if before is not None and (
        before.definition.properties == definition.properties
        and before.definition.levy == definition.levy
    ):
        ledger.put_mosaic(attrs.evolve(before, definition=definition))
        return
    entry = MosaicEntry(
        definition=definition,
        supply_whole=definition.properties.initial_supply_whole,
        tenure=root.tenure,
    )
    # A redefinition is only valid while the creator holds everything, so nobody else's units end.
    held_units = ledger.units_of(root.owner, entry) if before is not None else 0
    ledger.put_mosaic(entry)
    ledger.add_mosaic(root.owner, entry, entry.supply_units - held_units)


def _change_supply(transaction: MosaicSupplyChange, ledger: Ledger) -> None:
    entry = _known(ledger, transaction.mosaic_id)
    sign = 1 if transaction.kind == SupplyKind.CREATE else -1
    changed = attrs.evolve(entry, supply_whole=entry.supply_whole + sign * transaction.delta_whole)
    ledger.put_mosaic(changed)
    ledger.add_mosaic(
        transaction.signer_address, changed, changed.supply_units - entry.supply_units
    )


def _modify_cosignatories(transaction: MultisigModification, ledger: Ledger) -> None:
    multisig = transaction.signer_address
    for modification in transaction.modifications:
        cosigner = _address_of_key(modification.cosignatory, transaction)
        ledger.learn_public_key(cosigner, modification.cosignatory)
        account, other = ledger.account(multisig), ledger.account(cosigner)
        adds = modification.kind == ModificationKind.ADD
        ledger.put_account(
            attrs.evolve(account, cosignatories=_with(account.cosignatories, cosigner, adds=adds))
        )
        ledger.put_account(
            attrs.evolve(other, cosignatory_of=_with(other.cosignatory_of, multisig, adds=adds))
        )
    account = ledger.account(multisig)
    change = transaction.relative_change or 0
    ledger.put_account(attrs.evolve(account, cosignatories_min=account.cosignatories_min + change))


def _with(addresses: tuple[str, ...], address: str, *, adds: bool) -> tuple[str, ...]:
    rest = [known for known in addresses if known != address]
    return tuple(sorted([*rest, address] if adds else rest))


def _address_of_key(public_key: bytes, transaction: Transaction) -> str:
    return address_of(public_key, transaction.network_byte)


def _link_remote(transaction: ImportanceTransfer, ledger: Ledger, height: int) -> None:
    owner = transaction.signer_address
    remote = _address_of_key(transaction.remote_account, transaction)
    ledger.learn_public_key(remote, transaction.remote_account)
    is_active = transaction.mode == ImportanceMode.ACTIVATE
    for account, other, is_remote in (
        (ledger.account(owner), remote, False),
        (ledger.account(remote), owner, True),
    ):
        link = RemoteLink(other=other, is_remote=is_remote, is_active=is_active, height=height)
        ledger.put_account(attrs.evolve(account, remote_link=link))


def pay_harvester(ledger: Ledger, harvester: str, fee_micro: int) -> None:
    """Give a block's fees to its harvester and count the block."""
    account = ledger.account(harvester)
    ledger.put_account(
        attrs.evolve(
            account,
            balance_micro=account.balance_micro + fee_micro,
            harvested_blocks=account.harvested_blocks + 1,
        )
    )
