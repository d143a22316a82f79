"""What a check of a bill found, step by step, in plain words."""

from __future__ import annotations

import attrs

from sauma_portal.messages import Message


@attrs.frozen(kw_only=True)
class Step:
    """One thing that was looked at: `ok` is None where it could not be decided now."""

    title: Message
    finding: Message
    ok: bool | None


@attrs.frozen(kw_only=True)
class Verdict:
    """What a check found."""

    steps: tuple[Step, ...]

    @property
    def ok(self) -> bool | None:
        """False when anything differs, None when something could not be decided, else True."""
        found = {step.ok for step in self.steps}
        return False if False in found else None if None in found else True
