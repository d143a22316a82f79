"""The REST interface of the node, without sockets: a request in, a status and JSON out."""

from __future__ import annotations

from .exchange import Reply, Request
from .routing import respond

__all__ = ["Reply", "Request", "respond"]
