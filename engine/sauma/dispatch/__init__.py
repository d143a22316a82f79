"""Carrying planned batches to a chain, and what the chain shows back into the journal."""

from sauma.dispatch.outbox import Dispatch, Held, Progress

__all__ = ["Dispatch", "Held", "Progress"]
