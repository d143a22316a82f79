"""Replay: re-execute a journal and believe nothing of it.

What was given is taken; what follows from it is computed again, by the rulebook in force then, and
compared byte for byte; what was signed is decoded and compared; what the chain is said to have shown
is compared with the chain.  The first difference is reported by name.
"""

from sauma.replay.report import Finding, ReplayReport
from sauma.replay.run import replay

__all__ = ["Finding", "ReplayReport", "replay"]
