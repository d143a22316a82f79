"""Carrying planned batches to a chain, and what the chain shows back into the journal."""

from sauma.dispatch.outbox import Dispatch, Held, Progress
from sauma.dispatch.venue import Venue, chain_terms, check_venue

__all__ = ["Dispatch", "Held", "Progress", "Venue", "chain_terms", "check_venue"]
