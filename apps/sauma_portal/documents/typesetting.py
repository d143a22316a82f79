"""From a sheet to a PDF: accessible (PDF/UA-1), and the same bytes for the same sheet."""

from __future__ import annotations

import json
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

TEMPLATE = Path(__file__).with_name("bill.typ")


def typeset(sheet: dict[str, Any], *, issued: datetime) -> bytes:
    """Return the PDF of a sheet, tagged for screen readers.

    `issued` is the document's own date; no clock is read, so two runs give the same bytes.  Only the
    fonts that the typesetter brings are used, for the same reason.
    """
    import typst

    compiled = typst.compile(
        _template(),
        format="pdf",
        pdf_standards=["ua-1"],
        timestamp=int(issued.timestamp()),
        ignore_system_fonts=True,
        sys_inputs={"sheet": json.dumps(sheet, ensure_ascii=False)},
    )
    return bytes(compiled)


@lru_cache(1)
def _template() -> bytes:
    return TEMPLATE.read_bytes()
