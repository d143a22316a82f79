"""How a service works: its rhythm, its patience, and when it calls itself ready."""

from __future__ import annotations

from typing import Final

import attrs

from sauma.errors import InvalidInput

DAY_S: Final = 86_400


@attrs.frozen(kw_only=True)
class ServiceSettings:
    """Seconds of the wall clock, but for `outbox_age_max_s`, which is of the engine's clock."""

    poll_s: float = 2.0
    """How long to rest when nothing is due."""
    retry_first_s: float = 1.0
    retry_max_s: float = 300.0
    """Waits after failures double from the first to the longest, with jitter."""
    reconcile_every_s: float = 300.0
    """How often every holder's balance is asked of the chain."""
    tip_age_max_s: float = 1_800.0
    """Not ready when the newest block that was read is older."""
    outbox_age_max_s: float = 7_200.0
    """Not ready when a planned batch has waited longer to be signed."""

    def __attrs_post_init__(self) -> None:
        """Refuse times that are none, and a longest wait below the first."""
        for field in attrs.fields(type(self)):
            value = getattr(self, field.name)
            if isinstance(value, bool) or not isinstance(value, int | float):
                raise InvalidInput(f"{field.name} {value!r} is no number of seconds")
            if not 0 < value <= DAY_S * 31:
                raise InvalidInput(f"{field.name} of {value} s must be above 0 and within a month")
        if self.retry_max_s < self.retry_first_s:
            raise InvalidInput(
                f"retry_max_s {self.retry_max_s} is below retry_first_s {self.retry_first_s}"
            )
