"""Errors over HTTP: problem details (RFC 9457), which name item and field and say what to do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec
from litestar import Response

PROBLEM: Final = "application/problem+json"


class ItemProblem(msgspec.Struct, omit_defaults=True):
    """What is wrong with one item of a batch, counted from 0."""

    item: int
    field: str
    code: str
    detail: str


def problem(
    status: int,
    code: str,
    title: str,
    detail: str,
    *,
    headers: dict[str, str] | None = None,
    more: Mapping[str, Any] | None = None,
) -> Response[bytes]:
    """Return a problem; `code` is a word for programs, and `more` are further members."""
    body: dict[str, Any] = {
        "type": f"urn:sauma:{code}",
        "title": title,
        "status": status,
        "detail": detail,
    }
    body |= more or {}
    return Response(
        msgspec.json.encode(body), status_code=status, media_type=PROBLEM, headers=headers or {}
    )
