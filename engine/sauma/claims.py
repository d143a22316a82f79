"""What a journal justifies, for those who sign beside the operator and believe only what they derive."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

import attrs

from sauma.chain import Batch


@attrs.frozen(kw_only=True)
class Claim:
    """What a journal says of one on-chain reference."""

    batch: Batch
    """The batch as the chain should take it, derived anew."""
    rulebook_hash: bytes | None
    """The rulebook by which it was planned."""
    planned_at: datetime
    """When the journal planned it: no transaction of it is older."""
    is_shown: bool
    """Does the journal itself show the batch on the chain already?"""


class Claims(Protocol):
    """A journal that can be asked what it justifies."""

    def refresh(self) -> None:
        """Take in what the journal has by now; raises `Disagreement` when it contradicts itself."""
        ...

    def claim(self, reference: bytes) -> Claim | None:
        """Return what the journal says of a reference; None when it planned no such batch."""
        ...
