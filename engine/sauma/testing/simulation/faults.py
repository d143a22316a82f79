"""What can go wrong in a simulation, and how often it does."""

from __future__ import annotations

import enum
from collections.abc import Collection
from random import Random
from typing import Final

import attrs

PER_MILLE: Final = 1_000


class Fault(enum.Enum):
    """One thing that goes wrong; the value says what happens."""

    # a question to the node
    NO_ANSWER = "the node does not answer a question"
    # a transaction on its way to the node
    UNREACHABLE = "the node cannot be reached: nothing was sent"
    REQUEST_LOST = "no answer came, and the node never got it"
    ANSWER_LOST = "no answer came, and the node took it"
    FORGOTTEN = "the node says that it took it, and forgets it"
    DENIED = "the node says that it refuses it, and took it"
    REFUSED = "the node refuses it, for a reason that does not hold"
    TWICE = "the node is given it twice"
    # the chain and its nodes
    REORGANISED = "the newest blocks are undone; what they had waits again"
    DROPPED = "the newest blocks are undone; what they had is forgotten"
    EVICTED = "the node forgets what waits"
    LAGGING = "the node answers from an old block, for a while"
    OUTAGE = "the node cannot be reached, for a while"
    HALTED = "no block comes, for so long that deadlines pass"
    # time
    CLOCK_JUMPED = "the clock of the machine jumps by hours, either way"
    # the process
    DIED = "the process dies at some moment of a step"
    OVERTAKEN = "another process takes a step while this one waits for the node, and its lease ends"
    # the disk
    DISK_FULL = "the disk has no room, from some commit on"
    DISK_BROKEN = "the disk says that it could not write, from some commit on"
    BYTES_DAMAGED = "a bit of stored signed bytes is not what it was"
    STORE_RESTORED = "the store is replaced by an old copy of it"


SENDING: Final = (
    Fault.UNREACHABLE,
    Fault.REQUEST_LOST,
    Fault.ANSWER_LOST,
    Fault.FORGOTTEN,
    Fault.DENIED,
    Fault.REFUSED,
    Fault.TWICE,
)
"""The faults that one broadcast can have."""

OFTEN: Final = {
    Fault.NO_ANSWER: 15,
    **dict.fromkeys(SENDING, 90),
    Fault.REORGANISED: 120,
    Fault.DROPPED: 120,
    Fault.EVICTED: 120,
    Fault.LAGGING: 120,
    Fault.OUTAGE: 60,
    Fault.HALTED: 80,
    Fault.CLOCK_JUMPED: 60,
    Fault.DIED: 450,
    Fault.OVERTAKEN: 25,
    Fault.DISK_FULL: 30,
    Fault.DISK_BROKEN: 30,
    Fault.BYTES_DAMAGED: 40,
    Fault.STORE_RESTORED: 30,
}
"""Far more often than in life: per mille of the questions, broadcasts or rounds that it can befall."""


@attrs.frozen(kw_only=True)
class Faults:
    """How often each fault happens, per mille of its chances; what is not named never happens."""

    rates: dict[Fault, int] = attrs.field(factory=lambda: dict(OFTEN))

    @classmethod
    def none(cls) -> Faults:
        """Return what an undisturbed run has."""
        return cls(rates={})

    @classmethod
    def only(cls, *faults: Fault, per_mille: int = PER_MILLE) -> Faults:
        """Return some faults alone, whenever they can happen unless told otherwise."""
        return cls(rates=dict.fromkeys(faults, per_mille))

    def without(self, faults: Collection[Fault]) -> Faults:
        """Return these faults less some."""
        return Faults(rates={each: rate for each, rate in self.rates.items() if each not in faults})

    def drawn(self, draw: Random) -> Faults:
        """Return the faults of one run: about half of them, so that runs differ in kind."""
        return Faults(
            rates={each: rate for each, rate in self.rates.items() if draw.random() < 1 / 2}
        )

    def happens(self, fault: Fault, draw: Random) -> bool:
        """Draw whether a fault happens now."""
        rate = self.rates.get(fault, 0)
        return rate > 0 and draw.randrange(PER_MILLE) < rate
