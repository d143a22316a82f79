"""What was left alone because processes died of it: there was such a thing, and it was left alone."""

from __future__ import annotations

from collections.abc import Iterator

from sauma.journal import SealedEntry
from sauma.replay.past import Past
from sauma.replay.report import Finding, found_in


def suspension_findings(entry: SealedEntry, past: Past) -> Iterator[Finding]:
    """Yield suspensions of what is not there, resumptions of what is not suspended, and work on it."""
    match entry.kind:
        case "work_suspended":
            yield from _suspended(entry, past)
        case "work_resumed":
            for number, identity in enumerate(entry.table("resumptions").values("item_id")):
                if identity not in past.suspended:
                    yield found_in(
                        entry,
                        f"resumes {identity.hex()}, which was not suspended",
                        table="resumptions",
                        row=number,
                    )
        case "transactions_signed":
            for number, identity in enumerate(
                entry.table("transaction_batches").values("batch_id")
            ):
                if identity in past.suspended:
                    yield found_in(
                        entry,
                        f"carries batch {identity.hex()}, which is suspended",
                        table="transaction_batches",
                        row=number,
                    )


def _suspended(entry: SealedEntry, past: Past) -> Iterator[Finding]:
    batches = {*past.references.values(), *past.anchors, *past.sessions}
    seen: set[bytes] = set()
    for number, row in enumerate(entry.table("suspensions").dicts()):
        identity = row["item_id"]
        problem: str | None = None
        if identity not in (past.sent if row["is_transaction"] else batches):
            kind = "transaction" if row["is_transaction"] else "batch"
            problem = f"there is no {kind} {identity.hex()} to suspend"
        elif identity in past.suspended or identity in seen:
            problem = f"{identity.hex()} is suspended already"
        seen.add(identity)
        if problem is not None:
            yield found_in(entry, problem, table="suspensions", row=number)
