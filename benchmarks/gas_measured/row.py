"""A row of the table: one measured transaction, and what it was to take at most."""

from __future__ import annotations

import attrs


@attrs.frozen(kw_only=True)
class Row:
    """One measured transaction."""

    trust: str
    what: str
    trades: int
    accounts: int
    warm: bool
    gas: int
    goal: int | None = None
    """The most gas a trade (for a commit: a transaction) may take."""

    @property
    def gas_each(self) -> float:
        """Gas per trade."""
        return self.gas / self.trades

    @property
    def missed(self) -> bool:
        """Whether it took more than its goal."""
        return self.goal is not None and self.gas_each > self.goal
