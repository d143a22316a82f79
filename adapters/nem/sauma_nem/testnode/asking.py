"""Asking a node in this process, without its REST interface."""

from __future__ import annotations

from contextlib import AbstractContextManager

from sauma_nem.network import check_address
from sauma_nem.transactions import Block, MosaicId

from .chain import Chain
from .history import ConfirmedTransaction
from .settings import NodeSettings
from .state import Account


class ChainReader:
    """What a node knows that is confirmed."""

    chain: Chain
    settings: NodeSettings
    _lock: AbstractContextManager[object]

    @property
    def height(self) -> int:
        """The height of the newest block."""
        return self.chain.height

    def account(self, address: str) -> Account:
        """The confirmed account of an address; an unknown one is empty."""
        with self._lock:
            return self.chain.ledger.account(check_address(address, self.settings.network))

    def balance_micro(self, address: str) -> int:
        """Confirmed micro XEM."""
        return self.account(address).balance_micro

    def mosaic_units(self, address: str, mosaic_id: MosaicId | str) -> int:
        """Confirmed smallest units of a mosaic; 0 for an unknown one."""
        wanted = MosaicId.parse(mosaic_id) if isinstance(mosaic_id, str) else mosaic_id
        with self._lock:
            entry = self.chain.ledger.mosaic(wanted)
            return 0 if entry is None else self.chain.ledger.units_of(address, entry)

    def block(self, height: int) -> Block | None:
        """A block of the chain."""
        with self._lock:
            confirmed = self.chain.at(height)
            return None if confirmed is None else confirmed.block

    def confirmed(self, transaction_hash: bytes) -> ConfirmedTransaction | None:
        """A confirmed transaction by its hash."""
        with self._lock:
            return self.chain.confirmed(transaction_hash)
