"""What a replay found, for people and for machines."""

from __future__ import annotations

from typing import Any, Final

import attrs

from sauma.identifiers import canonical_json
from sauma.journal import SealedEntry

REPORT_FORMAT: Final = "sauma replay 1"


@attrs.frozen(kw_only=True)
class Finding:
    """Something that is not what it should be, and where."""

    place: str
    """Entry, table and row; a projection's row; a transaction; or a block of the chain."""
    explanation: str

    def __str__(self) -> str:
        """Show place and explanation."""
        return f"{self.place}: {self.explanation}"


@attrs.frozen(kw_only=True)
class ReplayReport:
    """How much was checked, and what was found; without findings everything agreed.

    The same folder and the same chain give the same report, byte for byte.
    """

    findings: tuple[Finding, ...]
    notes: tuple[Finding, ...] = ()
    """What contradicts nothing and yet deserves a look: times that run backwards, copied references."""
    entries: int
    rows: int
    tables_recomputed: int
    transactions_decoded: int
    chain_id: str | None = None
    """The chain that the journal settles on."""
    chain_compared: bool = False
    """False when no chain was given or a finding came first: then nothing was compared with one."""
    blocks_compared: int
    """Up to which height of the chain."""
    chain_events_compared: int
    head_hash: bytes
    """The hash of the last entry read.  Only a copy of it kept elsewhere, or an anchor on a chain, tells
    this history from another one that is consistent in itself."""

    @property
    def ok(self) -> bool:
        """Whether nothing was found."""
        return not self.findings

    def to_facts(self) -> dict[str, Any]:
        """Return the report as plain facts: texts, integers and truth values, hashes as hexadecimal."""
        facts = attrs.asdict(self, value_serializer=lambda _, __, value: _plain(value))
        return {"format": REPORT_FORMAT, "ok": self.ok, **facts}

    def to_bytes(self) -> bytes:
        """Return the canonical JSON of the report, so that two auditors can compare theirs."""
        return canonical_json(self.to_facts())


def found_in(
    entry: SealedEntry, explanation: str, *, table: str | None = None, row: int | None = None
) -> Finding:
    """Return a finding in an entry, with table and row when they are known."""
    place = f"entry {entry.sequence}"
    if table is not None:
        place += f" table {table}"
    if row is not None:
        place += f" row {row}"
    return Finding(place=place, explanation=explanation)


def _plain(value: object) -> object:
    return value.hex() if isinstance(value, bytes) else value
