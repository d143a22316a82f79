"""How long the energy mosaic's namespace lives, and who must hear of its end.

A namespace is rented for a year of blocks.  From its last block on the mosaic does not move, until the
owner renews it; a month later anybody may take it, and then the mosaic is gone.
"""

from __future__ import annotations

from typing import Final

import attrs

from sauma.errors import Refused
from sauma.logs import get_logger

from .node import NodeClient
from .settings import NemSettings

DAY_SECONDS: Final = 86_400
ALARM_DAYS: Final = 60
"""So long before the end everybody who prepares is warned."""
RENEWAL_DAYS: Final = 30
"""Only so near to its end a namespace can be renewed: 43,200 blocks of a public network."""
RENEW_WITHIN_DAYS: Final = 14
"""So near to the end setting up renews it: what is left of the rent is lost, and time remains to notice
when it does not work."""
YEAR_DAYS: Final = 365

log = get_logger(__name__)


class NamespaceExpiring(Refused):
    """The namespace of the energy mosaic ends before the transaction's deadline: it could not move."""


@attrs.frozen(kw_only=True)
class NamespaceLife:
    """The rent of a root namespace, seen at a height."""

    name: str
    height: int
    """The newest block when this was seen."""
    expires_at_height: int
    """The first block in which the namespace is inactive."""

    blocks_per_day: int

    @property
    def blocks_left(self) -> int:
        """How many blocks are still to come in which the mosaic moves."""
        return self.expires_at_height - self.height - 1

    @property
    def days_left(self) -> int:
        """How many whole days of blocks that is."""
        return self.blocks_left // self.blocks_per_day

    @property
    def is_alarming(self) -> bool:
        """Tell whether the end is less than 60 days away."""
        return self.days_left < ALARM_DAYS

    @property
    def renewable_from_height(self) -> int:
        """From this height on the chain takes a renewal in the next block."""
        return self.expires_at_height - RENEWAL_DAYS * self.blocks_per_day - 1

    @property
    def is_renewable(self) -> bool:
        """Tell whether the chain would take a renewal in the next block."""
        return self.height >= self.renewable_from_height


def namespace_life(
    node: NodeClient, settings: NemSettings, height: int | None = None
) -> NamespaceLife | None:
    """Return the rent of the energy mosaic's root namespace; None while it is not active.

    `height` is the newest block's, where it is known.
    """
    name = settings.mosaic_id.namespace.partition(".")[0]
    namespace = node.namespace(name)
    if namespace is None:
        return None
    blocks_per_day = DAY_SECONDS // settings.block_seconds
    return NamespaceLife(
        name=name,
        height=node.height() if height is None else height,
        expires_at_height=namespace.height + YEAR_DAYS * blocks_per_day,
        blocks_per_day=blocks_per_day,
    )


def check_life(life: NamespaceLife, settings: NemSettings) -> None:
    """Warn of an end within 60 days; raise `NamespaceExpiring` for one within the deadline.

    Blocks may come faster than the target, so twice as many are reckoned with.
    """
    deadline_blocks = 2 * -(-settings.deadline_s // settings.block_seconds)
    if life.blocks_left < deadline_blocks:
        raise NamespaceExpiring(
            f"namespace {life.name} ends at block {life.expires_at_height}, {life.blocks_left} blocks "
            f"from now, and {settings.mosaic} then does not move: renew it by `provision`, as "
            "setting up does, and go on when that is confirmed"
        )
    if life.is_alarming:
        log.warning(
            "namespace_expires_soon",
            namespace=life.name,
            expires_at_height=life.expires_at_height,
            blocks_left=life.blocks_left,
            days_left=life.days_left,
            renewable_from_height=life.renewable_from_height,
        )
