"""The trail: who of the staff did what, to whom, and why."""

from __future__ import annotations

from typing import Any, Final

import attrs
import sqlalchemy as sa

from sauma_portal.accounts import tables as t

SHOWN_MAX: Final = 500


@attrs.frozen(kw_only=True)
class TrailEntry:
    """One action."""

    entry_id: int
    time: int
    actor: str
    action: str
    subject: str
    reason: str


def note(
    connection: sa.Connection, *, time: int, actor: str, action: str, subject: str, reason: str
) -> None:
    """Append an action."""
    connection.execute(
        sa.insert(t.trail).values(
            time=time, actor=actor, action=action, subject=subject, reason=reason
        )
    )


def newest(connection: sa.Connection, limit: int = SHOWN_MAX) -> list[TrailEntry]:
    """Return the newest actions, newest first."""
    rows: Any = connection.execute(
        sa.select(t.trail).order_by(t.trail.c.entry_id.desc()).limit(limit)
    )
    return [
        TrailEntry(
            entry_id=row.entry_id,
            time=row.time,
            actor=row.actor,
            action=row.action,
            subject=row.subject,
            reason=row.reason,
        )
        for row in rows
    ]
