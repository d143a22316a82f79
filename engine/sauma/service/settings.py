"""How a service works: its rhythm, its patience, and when it calls itself ready."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

import attrs

from sauma.errors import InvalidInput

WAIT_MAX: Final = timedelta(days=31)


@attrs.frozen(kw_only=True)
class ServiceSettings:
    """Times of the wall clock, but for `outbox_age_max`, which is of the engine's clock."""

    poll: timedelta = timedelta(seconds=2)
    """How long to rest when nothing is due."""
    retry_first: timedelta = timedelta(seconds=1)
    retry_max: timedelta = timedelta(minutes=5)
    """Waits after failures double from the first to the longest, with jitter."""
    reconcile_every: timedelta = timedelta(minutes=5)
    """How often every holder's balance is asked of the chain."""
    tip_age_max: timedelta = timedelta(minutes=30)
    """Not ready when the newest block that was read is older."""
    outbox_age_max: timedelta = timedelta(hours=2)
    """Not ready when a planned batch has waited longer to be signed."""

    def __attrs_post_init__(self) -> None:
        """Refuse times that are none, and a longest wait below the first."""
        for field in attrs.fields(type(self)):
            value = getattr(self, field.name)
            if not isinstance(value, timedelta):
                raise InvalidInput(f"{field.name} {value!r} is no timedelta")
            if not timedelta() < value <= WAIT_MAX:
                raise InvalidInput(f"{field.name} of {value} must be above 0 and within a month")
        if self.retry_max < self.retry_first:
            raise InvalidInput(
                f"retry_max of {self.retry_max} is below retry_first of {self.retry_first}"
            )
