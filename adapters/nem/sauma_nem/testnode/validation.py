"""The validators every transaction passes, in the server's order; the first failure wins.

The order is that of NIS 0.6.102 with every fork at height 1.  A wrapper is checked first, then its
cosignatures, then its inner transaction, each by the whole list.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable

import attrs

from sauma_nem.fees import (
    COSIGNATURE_FEE_MICRO_MAX,
    MosaicFeeInformation,
    minimum_fee_micro,
)
from sauma_nem.network import (
    CLOCK_TOLERANCE_SECONDS,
    DEADLINE_SECONDS_MAX,
    MESSAGE_BYTES_MAX,
    Network,
)
from sauma_nem.transactions import (
    XEM,
    Cosignature,
    ImportanceTransfer,
    MosaicDefinitionCreation,
    MosaicId,
    MosaicSupplyChange,
    Multisig,
    MultisigModification,
    NamespaceProvision,
    Transaction,
    Transfer,
)

from .execution import children, fees, movements
from .results import Result
from .state import Ledger
from .validation_importance import check_importance_transfer, check_remote_accounts
from .validation_mosaics import check_definition, check_mosaic_bag, check_supply_change
from .validation_multisig import check_modification, check_wrapper
from .validation_namespaces import check_provision


@attrs.frozen(kw_only=True)
class Context:
    """Where and when a transaction is judged: the ledger below it and the height it would have."""

    ledger: Ledger
    height: int
    now_seconds: int
    network: Network
    nemesis: bytes
    fees_required: bool = True


Check = Callable[[Transaction, Context], Result]


def validate(transaction: Transaction, context: Context) -> Result:
    """SUCCESS or the first failure, over the transaction and its children.

    Raises `Unreadable` where the server's validation throws (an unknown mosaic in the fee).
    """
    result = _validate_one(transaction, context, is_child=False)
    for child in children(transaction):
        if result is not Result.SUCCESS:
            break
        is_inner = isinstance(transaction, Multisig) and child is transaction.inner
        result = _validate_one(child, context, is_child=is_inner)
    return result


def _validate_one(transaction: Transaction, context: Context, *, is_child: bool) -> Result:
    for check in _GENERAL:
        result = check(transaction, context)
        if result is not Result.SUCCESS:
            return result
    if context.ledger.account(transaction.signer_address).is_multisig and not is_child:
        return Result.FAILURE_TRANSACTION_NOT_ALLOWED_FOR_MULTISIG
    result = _check_kind(transaction, context)
    if result is not Result.SUCCESS:
        return result
    return _check_mosaic_balance(transaction, context)


def _check_deadline(transaction: Transaction, _context: Context) -> Result:
    lifetime_seconds = transaction.deadline_seconds - transaction.timestamp_seconds
    if lifetime_seconds <= 0:
        return Result.FAILURE_PAST_DEADLINE
    if lifetime_seconds > DEADLINE_SECONDS_MAX:
        return Result.FAILURE_FUTURE_DEADLINE
    return Result.SUCCESS


def _check_fee(transaction: Transaction, context: Context) -> Result:
    if not context.fees_required or transaction.signer == context.nemesis:
        return Result.SUCCESS

    def fee_information(mosaic_id: MosaicId) -> MosaicFeeInformation | None:
        entry = context.ledger.mosaic(mosaic_id)
        if entry is None:
            return None
        return MosaicFeeInformation(
            supply_whole=entry.supply_whole,
            divisibility=entry.definition.properties.divisibility,
        )

    is_excessive = (
        isinstance(transaction, Cosignature) and transaction.fee_micro > COSIGNATURE_FEE_MICRO_MAX
    )
    if is_excessive or transaction.fee_micro < minimum_fee_micro(transaction, fee_information):
        return Result.FAILURE_INSUFFICIENT_FEE
    return Result.SUCCESS


def _check_version(transaction: Transaction, _context: Context) -> Result:
    allowed = (1, 2) if isinstance(transaction, Transfer | MultisigModification) else (1,)
    if transaction.version in allowed:
        return Result.SUCCESS
    return Result.FAILURE_ENTITY_INVALID_VERSION


def _check_timestamp(transaction: Transaction, context: Context) -> Result:
    if transaction.timestamp_seconds > context.now_seconds + CLOCK_TOLERANCE_SECONDS:
        return Result.FAILURE_TIMESTAMP_TOO_FAR_IN_FUTURE
    return Result.SUCCESS


def _check_nemesis(transaction: Transaction, context: Context) -> Result:
    if transaction.signer == context.nemesis:
        return Result.FAILURE_NEMESIS_ACCOUNT_TRANSACTION_AFTER_NEMESIS_BLOCK
    return Result.SUCCESS


def _check_xem_balance(transaction: Transaction, context: Context) -> Result:
    """Net over the whole transaction: one that pays itself needs its fee only."""
    net_micro: defaultdict[str, int] = defaultdict(int)
    for movement in movements(transaction, context.ledger):
        if movement.mosaic_id == XEM:
            net_micro[movement.sender] -= movement.units
            net_micro[movement.recipient] += movement.units
    for address, fee_micro in fees(transaction):
        net_micro[address] -= fee_micro
    for address, delta_micro in net_micro.items():
        if context.ledger.account(address).balance_micro + min(delta_micro, 0) < 0:
            return Result.FAILURE_INSUFFICIENT_BALANCE
    return Result.SUCCESS


def _check_mosaic_balance(transaction: Transaction, context: Context) -> Result:
    """Movement by movement: a debit must be covered by the balance and earlier credits."""
    net_units: defaultdict[tuple[str, MosaicId], int] = defaultdict(int)
    for movement in movements(transaction, context.ledger):
        if movement.mosaic_id == XEM:
            continue
        debit = (movement.sender, movement.mosaic_id)
        net_units[debit] -= movement.units
        if net_units[debit] < 0:
            entry = context.ledger.mosaic(movement.mosaic_id)
            held = context.ledger.units_of(movement.sender, entry) if entry else 0
            if held + net_units[debit] < 0:
                return Result.FAILURE_INSUFFICIENT_BALANCE
        net_units[movement.recipient, movement.mosaic_id] += movement.units
    return Result.SUCCESS


def _check_network(transaction: Transaction, context: Context) -> Result:
    if transaction.network_byte != context.network.byte:
        return Result.FAILURE_WRONG_NETWORK
    return Result.SUCCESS


def _check_remote(transaction: Transaction, context: Context) -> Result:
    return check_remote_accounts(transaction, context.ledger, context.height)


_GENERAL: tuple[Check, ...] = (
    _check_deadline,
    _check_fee,
    _check_version,
    _check_timestamp,
    _check_nemesis,
    _check_xem_balance,
    _check_network,
    _check_remote,
)


def _check_kind(transaction: Transaction, context: Context) -> Result:
    ledger, height, network = context.ledger, context.height, context.network
    if isinstance(transaction, Transfer):
        if transaction.message and len(transaction.message.payload) > MESSAGE_BYTES_MAX:
            return Result.FAILURE_MESSAGE_TOO_LARGE
        return check_mosaic_bag(transaction, ledger, height)
    if isinstance(transaction, ImportanceTransfer):
        return check_importance_transfer(transaction, ledger, height)
    if isinstance(transaction, Multisig):
        return check_wrapper(transaction, ledger, network)
    if isinstance(transaction, MultisigModification):
        return check_modification(transaction, ledger)
    if isinstance(transaction, NamespaceProvision):
        return check_provision(transaction, ledger, height, network)
    if isinstance(transaction, MosaicDefinitionCreation):
        return check_definition(transaction, ledger, height, network)
    if isinstance(transaction, MosaicSupplyChange):
        return check_supply_change(transaction, ledger, height)
    return Result.SUCCESS
