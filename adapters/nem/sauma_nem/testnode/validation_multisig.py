"""Rules of multisig accounts: wrappers, modifications, and when enough have signed."""

from __future__ import annotations

from sauma_nem.network import COSIGNATORIES_MAX, Network, address_of
from sauma_nem.transactions import (
    ModificationKind,
    Multisig,
    MultisigModification,
    Transaction,
)

from .results import Result
from .state import Ledger


def check_wrapper(transaction: Multisig, ledger: Ledger, network: Network) -> Result:
    """Whether the signer may propose this for the multisig account."""
    multisig = transaction.inner.signer_address
    if multisig not in ledger.account(transaction.signer_address).cosignatory_of:
        return Result.FAILURE_MULTISIG_NOT_A_COSIGNER
    if multisig in (network.namespace_sink, network.mosaic_sink):
        return Result.FAILURE_TRANSACTION_NOT_ALLOWED_FOR_MULTISIG
    return Result.SUCCESS


def check_modification(transaction: MultisigModification, ledger: Ledger) -> Result:
    """Whether these cosignatories can be added and deleted, and the minimum be so changed."""
    multisig = transaction.signer_address
    added: set[str] = set()
    removed: set[str] = set()
    for modification in transaction.modifications:
        cosigner = address_of(modification.cosignatory, transaction.network_byte)
        account = ledger.account(cosigner)
        is_cosigner = multisig in account.cosignatory_of
        if modification.kind == ModificationKind.ADD:
            if is_cosigner:
                return Result.FAILURE_MULTISIG_ALREADY_A_COSIGNER
            if account.is_multisig or cosigner == multisig:
                return Result.FAILURE_MULTISIG_ACCOUNT_CANNOT_BE_COSIGNER
            added.add(cosigner)
        else:
            if not is_cosigner:
                return Result.FAILURE_MULTISIG_NOT_A_COSIGNER
            removed.add(cosigner)
    if len(removed) > 1:
        return Result.FAILURE_MULTISIG_MODIFICATION_MULTIPLE_DELETES
    if len(added) + len(removed) != len(transaction.modifications):
        return Result.FAILURE_MULTISIG_MODIFICATION_REDUNDANT_MODIFICATIONS
    account = ledger.account(multisig)
    if account.is_cosignatory:
        return Result.FAILURE_MULTISIG_ACCOUNT_CANNOT_BE_COSIGNER
    cosigners = len(account.cosignatories) + len(added) - len(removed)
    minimum = account.cosignatories_min + (transaction.relative_change or 0)
    if not 0 <= minimum <= cosigners:
        return Result.FAILURE_MULTISIG_MIN_COSIGNATORIES_OUT_OF_RANGE
    if cosigners > COSIGNATORIES_MAX:
        return Result.FAILURE_TOO_MANY_MULTISIG_COSIGNERS
    return Result.SUCCESS


def check_signatures_present(transaction: Transaction, ledger: Ledger) -> Result:
    """The rule of blocks: enough cosigners have signed.  Who is removed does not count."""
    if not isinstance(transaction, Multisig):
        return Result.SUCCESS
    account = ledger.account(transaction.inner.signer_address)
    signed = {transaction.signer_address}
    signed.update(cosignature.signer_address for cosignature in transaction.cosignatures)
    required = set(account.cosignatories) - _removed_by(transaction.inner)
    signed &= required
    needs_all = account.cosignatories_min in (0, len(account.cosignatories))
    if signed == required or (not needs_all and len(signed) >= account.cosignatories_min):
        return Result.SUCCESS
    return Result.FAILURE_MULTISIG_INVALID_COSIGNERS


def _removed_by(inner: Transaction) -> set[str]:
    if not isinstance(inner, MultisigModification):
        return set()
    return {
        address_of(modification.cosignatory, inner.network_byte)
        for modification in inner.modifications
        if modification.kind == ModificationKind.DELETE
    }
