"""What a round of dispatch did, and what it could not do."""

from __future__ import annotations

import attrs

from sauma.dispatch.due import OneBatch


@attrs.frozen(kw_only=True)
class Held:
    """A batch that cannot leave now, and why; the others are not held up by it."""

    batch_id: bytes
    authority: str
    reason: str


@attrs.frozen(kw_only=True)
class Progress:
    """What one round did."""

    blocks_read_to: int = 0
    events: int = 0
    rolled_back_to: int | None = None
    signed: int = 0
    sent: int = 0
    buried: int = 0
    waiting: int = 0
    held: tuple[Held, ...] = ()


@attrs.define(kw_only=True)
class Sent:
    """What sending did so far, over all lanes."""

    signed: int = 0
    batches: int = 0
    sent: int = 0
    held: list[Held] = attrs.field(factory=list)

    def hold(self, batch: OneBatch, why: object) -> None:
        """Note that a batch cannot leave."""
        self.held.append(Held(batch_id=batch.batch_id, authority=batch.authority, reason=str(why)))
