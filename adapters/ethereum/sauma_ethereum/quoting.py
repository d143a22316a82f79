"""What batches would take, before anything is signed or sent; needs no key."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Final

from sauma.chain import Quote
from sauma.identifiers import AccountId

from .building import Builder, in_registrations
from .directory import AccountDirectory
from .fees import Fees, suggested
from .instructions import Draft
from .node import NodeClient
from .reading import head_of
from .settings import EthereumSettings
from .standing import ChargeCall

BLOCK_GAS: Final = 30_000_000
"""What a block is taken to hold: half of what Ethereum's blocks may, as they are priced to be."""
SIGNATURE_BYTES: Final = 67
"""What a signature adds to the bytes that are signed."""
_NUMBER_MAX: Final = 2**32 - 1
_PLACE: Final = 2**31


def quote_of(
    node: NodeClient,
    settings: EthereumSettings,
    directory: AccountDirectory,
    builder: Builder,
    drafts: Sequence[Draft],
) -> Quote:
    """Return what drafts would take at most, with the registration of every account that has none.

    While gas costs more than the ceiling, fees are told at the ceiling: below it they would leave.
    """
    if not drafts:
        return Quote(transactions=0, bytes_total=0, blocks=0, fees=(), fee_asset=settings.fee_asset)
    fees = suggested(node, settings.fee_ceiling_wei)
    if fees is None:
        fees = Fees(fee_wei_max=settings.fee_ceiling_wei, priority_fee_wei=0)
    owners = list(dict.fromkeys(owner for draft in drafts for owner in draft.owners))
    numbers = directory.numbers_of(node, owners, head_of(node, settings))
    missing = [owner for owner in owners if owner not in numbers]
    # who has none yet is counted with the largest numbers, which cost most
    numbers |= {owner: _NUMBER_MAX - place for place, owner in enumerate(missing)}
    quoted = [
        (draft.sender, builder.of_draft(draft, 0, fees, numbers, _places(draft)).transaction)
        for draft in drafts
    ]
    quoted += [
        (settings.settler, builder.registration(lot, 0, fees).transaction)
        for lot in in_registrations(missing)
    ]
    totals: Counter[AccountId] = Counter()
    for payer, transaction in quoted:
        totals[payer] += transaction.fee_units_max
    gas_total = sum(transaction.gas_max for _, transaction in quoted)
    return Quote(
        transactions=len(quoted),
        bytes_total=sum(len(transaction.payload()) + SIGNATURE_BYTES for _, transaction in quoted),
        blocks=-(-gas_total // BLOCK_GAS),
        fees=tuple(sorted(totals.items())),
        fee_asset=settings.fee_asset,
    )


def _places(draft: Draft) -> dict[bytes, int]:
    """Return places of the standing authorisations that are charged: which they are costs the same."""
    if not isinstance(draft.session, ChargeCall):
        return {}
    return {each: place for place, each in enumerate(draft.session.standing_ids(), _PLACE)}
