"""Carrying planned batches to a chain, and what the chain shows back into the journal."""

from sauma.dispatch.outbox import Dispatch
from sauma.dispatch.progress import Held, Progress
from sauma.dispatch.suspending import Suspended

__all__ = ["Dispatch", "Held", "Progress", "Suspended"]
