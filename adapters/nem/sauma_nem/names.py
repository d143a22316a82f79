"""Which namespaces and mosaic names NIS1 allows."""

from __future__ import annotations

import re

from .network import (
    MOSAIC_NAME_LENGTH_MAX,
    NAMESPACE_LEVELS_MAX,
    NAMESPACE_PART_LENGTH_MAX,
    NAMESPACE_ROOT_LENGTH_MAX,
)
from .unreadable import forbidden

_PART = re.compile(r"[a-z0-9][a-z0-9_-]*")
_MOSAIC_NAME = re.compile(r"[a-z0-9][a-z0-9'_-]*( [a-z0-9'_-]+)*")


def check_namespace_part(part: str) -> str:
    """The part, if its characters are allowed; its length depends on the level."""
    if _PART.fullmatch(part) is None:
        raise forbidden(
            f"'{part}' is not a valid namespace id part.", "use a to z, 0 to 9, then also _ and -"
        )
    return part


def check_namespace(namespace: str) -> str:
    """The namespace, if it has one to three allowed parts of 16, 64 and 64 characters at most."""
    parts = [check_namespace_part(part) for part in namespace.split(".")]
    lengths_max = (NAMESPACE_ROOT_LENGTH_MAX, NAMESPACE_PART_LENGTH_MAX, NAMESPACE_PART_LENGTH_MAX)
    if len(parts) > NAMESPACE_LEVELS_MAX or any(
        len(part) > length_max for part, length_max in zip(parts, lengths_max, strict=False)
    ):
        raise forbidden(
            f"'{namespace}' is not a valid namespace.",
            f"use at most {NAMESPACE_LEVELS_MAX} parts of at most {lengths_max} characters",
        )
    return namespace


def check_mosaic_name(name: str) -> str:
    """The name, if its characters are allowed and there are at most 32."""
    if len(name) > MOSAIC_NAME_LENGTH_MAX or _MOSAIC_NAME.fullmatch(name) is None:
        raise forbidden(
            "name does not match the desired pattern",
            f"'{name}' must have 1 to {MOSAIC_NAME_LENGTH_MAX} of a to z, 0 to 9, _ - ' and "
            "single spaces",
        )
    return name
