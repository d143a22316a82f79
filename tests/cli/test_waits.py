"""What a configuration file may say of a wait."""

from __future__ import annotations

import math
from datetime import timedelta

import pytest

from sauma.errors import InvalidInput
from sauma_service.waits import wait_of


@pytest.mark.parametrize("seconds", [0.5, 2, 2.0, 1e-9, 31 * 86_400])
def test_a_wait_may_be_written_as_any_number_of_seconds(seconds):
    """Down to a microsecond it is what was written; less than that is one."""
    assert wait_of(seconds, "poll_s") == max(timedelta(seconds=seconds), timedelta.resolution)


@pytest.mark.parametrize("seconds", [0, -1.5, 31 * 86_400 + 1, math.nan, math.inf, True, "2", None])
def test_what_is_no_wait_is_refused_by_the_name_of_its_key(seconds):
    """Not a number, none, below zero, or longer than a month."""
    with pytest.raises(InvalidInput, match="poll_s"):
        wait_of(seconds, "poll_s")
