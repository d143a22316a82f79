"""Which number the contract gave to whose account, remembered once it cannot change."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Final

from sauma.chain import Head
from sauma.errors import ChainError

from .node import NodeClient
from .reading import LedgerReader
from .settings import EthereumSettings

REMEMBERED_MAX: Final = 1_000_000


class AccountDirectory:
    """The numbers of accounts; the contract never changes one, so what is final is remembered.

    A registration that is not final could come back under another number, so it is asked again.
    Its methods may be called from several threads.
    """

    def __init__(self, settings: EthereumSettings) -> None:
        """Remember nothing yet."""
        self._views = LedgerReader(settings)
        self._final: dict[bytes, int] = {}
        self._lock = threading.Lock()

    def numbers_of(self, node: NodeClient, owners: Sequence[bytes], head: Head) -> dict[bytes, int]:
        """Return the number of each owner's account at a head, where there is one."""
        known = {owner: self._final[owner] for owner in owners if owner in self._final}
        missing = [owner for owner in owners if owner not in known]
        if not missing:
            return known
        found = self._views.numbers_of(node, missing, head.newest.height)
        self._remember(node, found, head)
        return known | found

    def _remember(self, node: NodeClient, found: dict[bytes, int], head: Head) -> None:
        if not found or head.final_height < 1:
            return
        try:
            final = self._views.numbers_of(node, list(found), head.final_height)
        except ChainError:
            return  # the node forgot the state of that block: nothing is remembered
        with self._lock:
            if len(self._final) + len(final) <= REMEMBERED_MAX:
                self._final |= {
                    owner: number for owner, number in final.items() if found[owner] == number
                }
