"""Which accounts a node was told to harvest with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sauma_nem.network import MICRO_PER_XEM
from sauma_nem.signing import KeyPair

from .results import RestError

if TYPE_CHECKING:
    from .node import TestNode

HARVESTING_MICRO_MIN = 10_000 * MICRO_PER_XEM


class UnlockedAccounts:
    """The accounts unlocked over REST, beside the one that makes this node's blocks.

    They are counted and shown as unlocked; the blocks are nevertheless all made by the node's own.
    """

    def __init__(self, node: TestNode) -> None:
        """Start with the node's own account alone."""
        self._node = node
        self._addresses: set[str] = set()

    def __len__(self) -> int:
        """How many are unlocked, the node's own among them."""
        return 1 + sum(map(self._is_eligible, self._addresses))

    def __contains__(self, address: str) -> bool:
        """Whether an address is unlocked; one that lost its eligibility is not."""
        if self._node.is_harvesting(address):
            return True
        return address in self._addresses and self._is_eligible(address)

    def unlock(self, key: KeyPair) -> None:
        """Unlock an account.  Raises RestError with the server's reason."""
        address = key.address(self._node.settings.network)
        if len(self) >= self._node.settings.unlocked_max:
            raise RestError(400, "FAILURE_SERVER_LIMIT")
        if not self._node.chain.ledger.knows(address):
            raise RestError(400, "FAILURE_UNKNOWN_ACCOUNT")
        if not self._is_eligible(address):
            raise RestError(400, "FAILURE_HARVESTING_INELIGIBLE")
        self._addresses.add(address)

    def lock(self, key: KeyPair) -> None:
        """Lock an account again; the node's own stays."""
        self._addresses.discard(key.address(self._node.settings.network))

    def _is_eligible(self, address: str) -> bool:
        """Whether the account, or the one it harvests for, holds 10,000 XEM."""
        ledger = self._node.chain.ledger
        account = ledger.account(address)
        link = account.remote_link
        if link is not None and link.is_remote:
            account = ledger.account(link.other)
        return account.balance_micro >= HARVESTING_MICRO_MIN
