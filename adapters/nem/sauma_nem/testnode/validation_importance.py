"""Rules of importance transfers and of the remote accounts they make."""

from __future__ import annotations

from sauma_nem.network import REWRITE_LIMIT_BLOCKS, address_of
from sauma_nem.transactions import (
    Cosignature,
    ImportanceMode,
    ImportanceTransfer,
    MosaicDefinitionCreation,
    Multisig,
    MultisigModification,
    NamespaceProvision,
    Transaction,
    Transfer,
)

from .results import Result
from .state import Account, Ledger, RemoteLink


def is_in_progress(link: RemoteLink | None, height: int) -> bool:
    """Whether a link was changed less than 360 blocks ago."""
    return link is not None and height - link.height < REWRITE_LIMIT_BLOCKS


def forwarded(ledger: Ledger, address: str, height: int) -> Account:
    """The account for which an address harvests at a height; itself where it harvests for nobody.

    An activation counts from 360 blocks after it, and for 360 blocks after its end.
    """
    account = ledger.account(address)
    link = account.remote_link
    if link is None or not link.is_remote or link.is_active == is_in_progress(link, height):
        return account
    return ledger.account(link.other)


def is_remote(ledger: Ledger, address: str, height: int) -> bool:
    """Whether an address harvests for another one and so may do nothing else."""
    link = ledger.account(address).remote_link
    if link is None or not link.is_remote:
        return False
    return link.is_active or is_in_progress(link, height)


def check_remote_accounts(transaction: Transaction, ledger: Ledger, height: int) -> Result:
    """A remote account may not sign, nor be party to anything but an importance transfer."""
    parties = {transaction.signer_address}
    if not isinstance(transaction, ImportanceTransfer):
        parties |= other_parties(transaction)
    if any(is_remote(ledger, address, height) for address in parties):
        return Result.FAILURE_TRANSACTION_NOT_ALLOWED_FOR_REMOTE
    return Result.SUCCESS


def other_parties(transaction: Transaction) -> set[str]:
    """The addresses a transaction names besides its signer."""
    if isinstance(transaction, Transfer):
        return {transaction.recipient}
    if isinstance(transaction, NamespaceProvision):
        return {transaction.rental_fee_sink}
    if isinstance(transaction, MosaicDefinitionCreation):
        return {transaction.creation_fee_sink}
    if isinstance(transaction, ImportanceTransfer):
        return {address_of(transaction.remote_account, transaction.network_byte)}
    if isinstance(transaction, MultisigModification):
        byte = transaction.network_byte
        return {address_of(change.cosignatory, byte) for change in transaction.modifications}
    if isinstance(transaction, Cosignature):
        return {transaction.multisig_address}
    if isinstance(transaction, Multisig):
        return {transaction.inner.signer_address} | other_parties(transaction.inner)
    return set()


def check_importance_transfer(
    transaction: ImportanceTransfer, ledger: Ledger, height: int
) -> Result:
    """Whether the signer may hand its importance to the remote account, or take it back."""
    owner = ledger.account(transaction.signer_address)
    remote = ledger.account(address_of(transaction.remote_account, transaction.network_byte))
    link = remote.remote_link
    if is_in_progress(link, height):
        return Result.FAILURE_IMPORTANCE_TRANSFER_IN_PROGRESS
    if link is not None and link.is_remote and link.is_active and link.other != owner.address:
        return Result.FAILURE_IMPORTANCE_TRANSFER_NEEDS_TO_BE_DEACTIVATED
    if is_in_progress(owner.remote_link, height):
        return Result.FAILURE_IMPORTANCE_TRANSFER_IN_PROGRESS
    is_active = owner.remote_link is not None and owner.remote_link.is_active
    if transaction.mode == ImportanceMode.DEACTIVATE:
        return Result.SUCCESS if is_active else Result.FAILURE_IMPORTANCE_TRANSFER_IS_NOT_ACTIVE
    in_use = remote.balance_micro or remote.mosaics or remote.is_multisig or remote.is_cosignatory
    if in_use:
        return Result.FAILURE_DESTINATION_ACCOUNT_IN_USE
    if is_active:
        return Result.FAILURE_IMPORTANCE_TRANSFER_NEEDS_TO_BE_DEACTIVATED
    return Result.SUCCESS
