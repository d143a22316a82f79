"""What a replay found."""

from __future__ import annotations

import attrs


@attrs.frozen(kw_only=True)
class Finding:
    """Something that is not what it should be, and where."""

    place: str
    """Entry, table and row; a transaction; or a block of the chain."""
    explanation: str

    def __str__(self) -> str:
        """Show place and explanation."""
        return f"{self.place}: {self.explanation}"


@attrs.frozen(kw_only=True)
class ReplayReport:
    """How much was checked, and what was found; without findings everything agreed."""

    findings: tuple[Finding, ...]
    entries: int
    rows: int
    tables_recomputed: int
    transactions_decoded: int
    blocks_compared: int
    """0 when no chain was given: then nothing was compared with one."""
    chain_events_compared: int
    head_hash: bytes

    @property
    def ok(self) -> bool:
        """Whether nothing was found."""
        return not self.findings
