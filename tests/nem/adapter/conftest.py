"""A street for each test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from .street import Street, a_street


@pytest.fixture
def street() -> Iterator[Street]:
    """A street whose energy mosaic exists; 361 confirmations are final."""
    with a_street() as made:
        yield made
