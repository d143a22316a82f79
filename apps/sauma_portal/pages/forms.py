"""What the forms of all pages share."""

from __future__ import annotations

from typing import Any, TypeAlias

from litestar.params import URLEncodedBody

Form: TypeAlias = URLEncodedBody[dict[str, Any]]


def is_local(path: str) -> bool:
    """Tell whether a path leads to a page of ours and nowhere else."""
    return (
        path.startswith("/") and not path.startswith("//") and "\\" not in path and ":" not in path
    )
