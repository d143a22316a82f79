"""A table of a bill on paper."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


def section(
    heading: str,
    columns: Sequence[str],
    rows: list[list[str]],
    *,
    foot: list[str] | None = None,
    note: str = "",
    texts: int = 1,
) -> dict[str, Any]:
    """Return a table of a sheet; its first `texts` columns are words, the others numbers."""
    return {
        "heading": heading,
        "columns": [
            {"text": text, "number": place >= texts, "wide": place == 0}
            for place, text in enumerate(columns)
        ],
        "rows": rows,
        "foot": foot,
        "note": note,
    }
