"""Minimum fees and rents of NIS1 (the rules since the second fee fork), in integers throughout.

Source: FeeUnitAwareTransactionFeeCalculator and AbstractTransactionFeeCalculator of the server.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence

import attrs

from .network import MICRO_PER_XEM, MOSAIC_UNITS_MAX, XEM_SUPPLY_WHOLE
from .transactions import (
    XEM,
    Message,
    MosaicId,
    MosaicQuantity,
    MultisigModification,
    Transaction,
    Transfer,
)
from .unreadable import forbidden

FEE_UNIT_MICRO = 50_000
COSIGNATURE_FEE_MICRO = 150_000
COSIGNATURE_FEE_MICRO_MAX = 1_000_000_000
NAMESPACE_ROOT_RENTAL_FEE_MICRO = 100_000_000
NAMESPACE_SUB_RENTAL_FEE_MICRO = 10_000_000
MOSAIC_CREATION_FEE_MICRO = 10_000_000

_MODIFICATION_UNITS = 10
_OTHER_UNITS = 3
_XEM_PER_UNIT = 10_000
_XEM_UNITS_MAX = 25
_MESSAGE_BYTES_PER_UNIT = 32
_SMALL_BUSINESS_SUPPLY_MAX = 10_000

# The server takes int(0.8 * ln(r)) units off, r being how often the mosaic's total goes into the
# largest total there is: k units from the least integer r >= e^(1.25 k) on. No r that a total can
# give lies so near to one of these that the rounding of a double matters (a test shows it).
_ADJUSTMENT_RATIOS = (
    4,
    13,
    43,
    149,
    519,
    1_809,
    6_311,
    22_027,
    76_880,
    268_338,
    936_590,
    3_269_018,
    11_409_992,
    39_824_785,
    139_002_156,
    485_165_196,
    1_693_392_924,
    5_910_522_064,
    20_629_749_058,
    72_004_899_338,
    251_321_793_305,
    877_199_251_319,
    3_061_726_229_132,
    10_686_474_581_525,
    37_299_461_295_719,
    130_187_912_050_633,
    454_400_461_972_589,
    1_586_013_452_313_431,
    5_535_730_883_721_925,
)


@attrs.frozen(kw_only=True)
class MosaicFeeInformation:
    """What a transfer's fee depends on: the *current* supply in whole units, and divisibility."""

    supply_whole: int
    divisibility: int


XEM_FEE_INFORMATION = MosaicFeeInformation(supply_whole=XEM_SUPPLY_WHOLE, divisibility=6)

MosaicLookup = Callable[[MosaicId], MosaicFeeInformation | None]


def minimum_fee_micro(transaction: Transaction, lookup: MosaicLookup) -> int:
    """The least fee a node accepts, without rents, inner transaction and cosignatures.

    `lookup` is asked for every attached mosaic except nem:xem. Raises ForbiddenValue (400) for a
    mosaic that it does not know.
    """
    if isinstance(transaction, Transfer):
        return transfer_fee_micro(
            transaction.message, transaction.amount_micro, transaction.mosaics, lookup
        )
    is_modification = isinstance(transaction, MultisigModification)
    return (_MODIFICATION_UNITS if is_modification else _OTHER_UNITS) * FEE_UNIT_MICRO


def transfer_fee_micro(
    message: Message | None,
    amount_micro: int,
    mosaics: Sequence[MosaicQuantity],
    lookup: MosaicLookup,
) -> int:
    """The least fee of a transfer with that message and amount, and these mosaics, each once."""
    units = message_fee_units(message)
    if not mosaics:
        units += xem_fee_units(amount_micro // MICRO_PER_XEM)
    for mosaic in mosaics:
        is_xem = mosaic.mosaic_id == XEM
        information = XEM_FEE_INFORMATION if is_xem else lookup(mosaic.mosaic_id)
        if information is None:
            raise forbidden(
                f"unable to find fee information for '{mosaic.mosaic_id}'",
                "define the mosaic first, or correct its name",
            )
        units += mosaic_fee_units(
            quantity_units=mosaic.quantity_units,
            amount_micro=amount_micro,
            information=information,
        )
    return units * FEE_UNIT_MICRO


def message_fee_units(message: Message | None) -> int:
    """Units for a message: 31 bytes cost 1, 32 bytes 2, 1024 bytes 33; none costs nothing."""
    if message is None or not message.payload:
        return 0
    return len(message.payload) // _MESSAGE_BYTES_PER_UNIT + 1


def xem_fee_units(xem_whole: int) -> int:
    """Units for moving so many whole XEM: one per 10,000, at least 1, at most 25."""
    return min(_XEM_UNITS_MAX, max(1, xem_whole // _XEM_PER_UNIT))


def mosaic_fee_units(
    *, quantity_units: int, amount_micro: int, information: MosaicFeeInformation
) -> int:
    """Units for one attached mosaic in a transfer with this multiplier."""
    supply, divisibility = information.supply_whole, information.divisibility
    if divisibility == 0 and supply <= _SMALL_BUSINESS_SUPPLY_MAX:
        return 1
    if supply == 0:
        return 1
    xem_whole = XEM_SUPPLY_WHOLE * quantity_units * amount_micro // supply
    xem_whole //= 10**divisibility * MICRO_PER_XEM
    adjustment = supply_adjustment_units(supply * 10**divisibility)
    return max(1, xem_fee_units(xem_whole) - adjustment)


def supply_adjustment_units(total_units: int) -> int:
    """What a mosaic's fee is lowered by: the more, the fewer smallest units there are (at least 1).

    The server's int(0.8 * ln(9e15 // total)), exactly.
    """
    return bisect_right(_ADJUSTMENT_RATIOS, MOSAIC_UNITS_MAX // total_units)


def rental_fee_micro(parent: str | None) -> int:
    """The least rent of a namespace under `parent`, of a root for None."""
    return NAMESPACE_ROOT_RENTAL_FEE_MICRO if parent is None else NAMESPACE_SUB_RENTAL_FEE_MICRO
