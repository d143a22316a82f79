"""Requests and replies of the REST interface."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import attrs

JsonObject = dict[str, Any]


@attrs.frozen(kw_only=True)
class Request:
    """An HTTP request; header names are in lower case.

    `remote` is the address of who asks; `is_local` whether it counts as the node's own machine.
    """

    method: str
    path: str
    params: Mapping[str, str] = attrs.field(factory=dict)
    headers: Mapping[str, str] = attrs.field(factory=dict)
    body: bytes = b""
    remote: str = "127.0.0.1"
    is_local: bool = True

    @classmethod
    def of(
        cls,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        body: object = None,
        headers: Mapping[str, str] | None = None,
    ) -> Request:
        """From Python values: `body` is a JSON value, or bytes or a text to be sent as they are."""
        if isinstance(body, str):
            sent = body.encode()
        elif isinstance(body, bytes):
            sent = body
        else:
            sent = b"" if body is None else json.dumps(body).encode()
        split = urlsplit(path)
        return cls(
            method=method.upper(),
            path=split.path,
            params={**dict(parse_qsl(split.query, keep_blank_values=True)), **(params or {})},
            headers={"content-type": "application/json"}
            | {name.lower(): value for name, value in (headers or {}).items()},
            body=sent,
        )


@attrs.frozen(kw_only=True)
class Reply:
    """An HTTP status and the JSON object that goes with it, or nothing if it `is_empty`."""

    status: int = 200
    body: JsonObject
    is_empty: bool = False

    def to_bytes(self) -> bytes:
        """The body as it goes over the wire, with the server's line end."""
        if self.is_empty:
            return b""
        return json.dumps(self.body, separators=(",", ":")).encode() + b"\r\n"
