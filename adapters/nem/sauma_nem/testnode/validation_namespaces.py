"""Rules of namespace provision."""

from __future__ import annotations

from sauma_nem.fees import rental_fee_micro
from sauma_nem.network import (
    NAMESPACE_PART_LENGTH_MAX,
    NAMESPACE_ROOT_LENGTH_MAX,
    Network,
)
from sauma_nem.transactions import NamespaceProvision

from .results import Result
from .state import Ledger

RESERVED_PARTS = frozenset(
    ("nem", "user", "account", "org", "com", "biz", "net", "edu", "mil", "gov", "info")
)
"""Names nobody can claim, at any level."""


def check_provision(
    transaction: NamespaceProvision, ledger: Ledger, height: int, network: Network
) -> Result:
    """Whether the signer may rent this namespace at `height`."""
    length_max = NAMESPACE_ROOT_LENGTH_MAX
    parts = [transaction.new_part]
    if transaction.parent is not None:
        length_max = NAMESPACE_PART_LENGTH_MAX
        parts.extend(transaction.parent.split("."))
    if len(transaction.new_part) > length_max:
        return Result.FAILURE_NAMESPACE_INVALID_NAME
    if RESERVED_PARTS.intersection(parts):
        return Result.FAILURE_NAMESPACE_NOT_CLAIMABLE
    if transaction.rental_fee_sink != network.namespace_sink:
        return Result.FAILURE_NAMESPACE_INVALID_RENTAL_FEE_SINK
    if transaction.parent is not None:
        result = _check_child(transaction, transaction.parent, ledger, height)
    else:
        result = _check_root(transaction, ledger, height)
    if result is not Result.SUCCESS:
        return result
    if transaction.rental_fee_micro < rental_fee_micro(transaction.parent):
        return Result.FAILURE_NAMESPACE_INVALID_RENTAL_FEE
    return Result.SUCCESS


def _check_child(
    transaction: NamespaceProvision, parent: str, ledger: Ledger, height: int
) -> Result:
    root = ledger.namespace(parent)
    if root is None:
        return Result.FAILURE_NAMESPACE_UNKNOWN
    if not ledger.is_active(root.name, height):
        return Result.FAILURE_NAMESPACE_EXPIRED
    if root.owner != transaction.signer_address:
        return Result.FAILURE_NAMESPACE_OWNER_CONFLICT
    if transaction.fully_qualified_name in root.children:
        return Result.FAILURE_NAMESPACE_ALREADY_EXISTS
    return Result.SUCCESS


def _check_root(transaction: NamespaceProvision, ledger: Ledger, height: int) -> Result:
    """Renewable by the owner in the last month; free to others a month after the end."""
    before = ledger.root(transaction.new_part)
    if before is None:
        return Result.SUCCESS
    expiry_height = before.height + ledger.year_blocks
    if expiry_height - height > ledger.month_blocks:
        return Result.FAILURE_NAMESPACE_PROVISION_TOO_EARLY
    if before.owner != transaction.signer_address and expiry_height + ledger.month_blocks > height:
        return Result.FAILURE_NAMESPACE_PROVISION_TOO_EARLY
    return Result.SUCCESS
