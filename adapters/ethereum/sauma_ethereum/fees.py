"""What to offer per gas: from what recent blocks cost, and never more than the ceiling."""

from __future__ import annotations

from statistics import median_low
from typing import Final

import attrs

from .node import NodeClient

HISTORY_BLOCKS: Final = 4
TIP_PERCENTILE: Final = 50
TIP_WEI: Final = 10**9
"""Where recent blocks were empty, nobody's tip can be looked up."""
BASE_FEE_FACTOR: Final = 2
"""The base fee rises by an eighth a block at most: twice of it lasts for six full blocks."""


@attrs.frozen(kw_only=True)
class Fees:
    """The most per gas, and of it the most for who includes the transaction."""

    fee_wei_max: int
    priority_fee_wei: int

    def raised(self) -> Fees:
        """Return fees an eighth higher, rounded up, and by one wei at least.

        Nodes replace a waiting transaction only for ten percent more of both.
        """
        return Fees(
            fee_wei_max=_eighth_more(self.fee_wei_max),
            priority_fee_wei=_eighth_more(self.priority_fee_wei),
        )

    def at_least(self, other: Fees) -> Fees:
        """Return the higher of both, each for itself."""
        return Fees(
            fee_wei_max=max(self.fee_wei_max, other.fee_wei_max),
            priority_fee_wei=max(self.priority_fee_wei, other.priority_fee_wei),
        )


def suggested(node: NodeClient, ceiling_wei: int) -> Fees | None:
    """Return what to offer now; None when the next block costs more than the ceiling."""
    history = node.fee_history(HISTORY_BLOCKS, TIP_PERCENTILE)
    base_fee_wei = history.base_fees_wei[-1]
    if base_fee_wei > ceiling_wei:
        return None
    paid = [
        row[0]
        for row, ratio in zip(history.rewards_wei, history.gas_used_ratios, strict=False)
        if row and ratio > 0
    ]
    tip_wei = min(max(1, median_low(paid)) if paid else TIP_WEI, ceiling_wei - base_fee_wei)
    return Fees(
        fee_wei_max=min(ceiling_wei, BASE_FEE_FACTOR * base_fee_wei + tip_wei),
        priority_fee_wei=tip_wei,
    )


def _eighth_more(wei: int) -> int:
    return wei + max(1, -(-wei // 8))
