"""Every error that sauma raises, as one tree.

::

    SaumaError
    ├── InvalidInput (ValueError)      the caller's fault; nothing was written
    │   ├── Conflict                   same id or key, other contents
    │   ├── RulebookViolation          the rulebook in force forbids it
    │   └── UnknownName                a participant, metering point, chain … nobody registered
    ├── Refused                        a chain's "no", from `quote` or `prepare`, before anything was sent
    │   ├── Unsupported                the chain does not declare the capability
    │   ├── InsufficientBalance        asset or fee money is missing
    │   ├── SessionRefused             a session cannot do that, or not now
    │   ├── NoSigner                   nobody can sign for the account
    │   └── WrongNetwork               an account, asset or node of another network
    ├── ChainError                     the chain could not be asked
    │   ├── Unavailable                nothing was sent; repeat the call
    │   ├── BadAnswer                  the node answered what it should not; ask another node
    │   └── OutcomeUnknown             something was sent; ask `status()` before anything else
    ├── StoreError                     the store
    │   ├── StoreBusy                  another process holds the lane or the folder
    │   ├── StoreDamaged               stored bytes are not what was sealed
    │   └── StoreVersion               the store was written by another version
    └── Disagreement                   chain, journal and bills do not say the same

A message is lower case, shows the offending value and says what to do.  `InvalidInput` leaves the
store as it was.  The difference between `Unavailable` and `OutcomeUnknown` decides whether money can
move twice: after the first a call may simply be repeated, after the second only the chain knows.
"""

from __future__ import annotations


class SaumaError(Exception):
    """The root: catch it to catch everything that sauma raises on purpose."""


class InvalidInput(SaumaError, ValueError):
    """What the caller gave is wrong; nothing was written."""


class Conflict(InvalidInput):
    """The same id or key came with other contents; the first contents stand."""


class RulebookViolation(InvalidInput):
    """The rulebook in force forbids it."""


class UnknownName(InvalidInput, KeyError):
    """Nobody registered that participant, metering point, chain or mechanism."""

    def __str__(self) -> str:
        """Show the message itself, not its repr as `KeyError` would."""
        return str(self.args[0]) if self.args else ""


class Refused(SaumaError):
    """The chain says no, before anything was sent."""


class Unsupported(Refused):
    """The chain does not declare the capability that this needs."""


class InsufficientBalance(Refused):
    """An account lacks the asset or the money for fees."""


class NoSigner(Refused):
    """No signer was given for the account that must sign."""


class SessionRefused(Refused):
    """The machine of a session refuses a transition; `reason` names the guard, nothing changed."""

    def __init__(self, message: str, reason: str) -> None:
        """Say why."""
        super().__init__(message)
        self.reason = reason


class WrongNetwork(Refused, ValueError):
    """An account, asset or node belongs to another network."""


class ChainError(SaumaError):
    """The chain could not be asked."""


class Unavailable(ChainError):
    """The node could not be reached; nothing was sent, the call may be repeated."""


class BadAnswer(ChainError):
    """The node answered something that cannot be right; ask another node."""


class OutcomeUnknown(ChainError):
    """Something was sent and no answer came; ask `status()` first, never sign anew."""


class StoreError(SaumaError):
    """The store could not do what was asked."""


class StoreBusy(StoreError):
    """Another process holds the lane or the folder."""


class StoreDamaged(StoreError):
    """Stored bytes are not what was sealed."""


class StoreVersion(StoreError):
    """The store was written by another version of sauma."""


class Disagreement(SaumaError):
    """Chain, journal and bills do not say the same."""
