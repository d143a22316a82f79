"""Making blocks, taking them back, and following those of others."""

from __future__ import annotations

from collections.abc import Sequence

import attrs

from sauma.errors import InvalidInput
from sauma.logs import get_logger
from sauma_nem.binary import serialise_block
from sauma_nem.signing import KeyPair
from sauma_nem.transactions import Block, Transaction

from .block_making import choose
from .chain import Chain, ConfirmedBlock
from .clock import ManualClock, NodeClock, node_seconds
from .received import check_received
from .reception import Reception
from .settings import NodeSettings
from .state import Ledger

log = get_logger(__name__)


class Producer:
    """Changes a chain and the pool above it; whoever calls keeps other threads out."""

    def __init__(
        self, chain: Chain, reception: Reception, settings: NodeSettings, clock: NodeClock
    ) -> None:
        """Make blocks with the settings' harvester, by this clock."""
        self._chain, self._reception = chain, reception
        self._settings, self._clock = settings, clock
        self._fork_seconds = 0
        self.harvester = KeyPair(settings.harvester_private_key)

    def _now_seconds(self) -> int:
        return node_seconds(self._clock)

    def make(self, *, takes_new: bool = False, takes_waiting: bool = True) -> None:
        """Make a block; a manual clock moves on by the block time first.

        With `takes_new` the block bears a time at which it may take the newest that waits.
        """
        time_seconds = self._next_block_seconds(takes_new=takes_new)
        transactions: tuple[Transaction, ...] = ()
        pool = self._reception.pool
        if takes_waiting and len(pool):
            transactions = choose(
                pool.candidates(time_seconds),
                confirmed=self._chain.ledger,
                context=self._reception.context(self._chain.ledger, time_seconds),
                harvester=self.harvester.public_key,
                transactions_max=self._settings.block_transactions_max,
            )
        block = Block(
            network_byte=self._settings.network.byte,
            version=1,
            kind=1,
            timestamp_seconds=time_seconds,
            signer=self.harvester.public_key,
            signature=None,
            previous_hash=self._chain.tip.block_hash,
            height=self._chain.height + 1,
            transactions=transactions,
        )
        signature = self.harvester.sign(serialise_block(block))
        self._chain.append(attrs.evolve(block, signature=signature))
        self._reception.judge_again(self._now_seconds())

    def _next_block_seconds(self, *, takes_new: bool) -> int:
        if isinstance(self._clock, ManualClock):
            self._clock.set_ms(
                self._clock.network_time_ms() + self._settings.block_target_seconds * 1_000
            )
        earliest = max(self._chain.tip.block.timestamp_seconds, self._fork_seconds)
        if takes_new:
            # A block takes only what is older than itself; auto-mining must not miss the newest.
            newest = [
                entry.transaction.timestamp_seconds + 1 for entry in self._reception.pool.entries()
            ]
            earliest = max([earliest, *newest])
        return max(self._now_seconds(), earliest)

    def roll_back(self, blocks: int) -> int:
        """Take the newest blocks back, have what they held wait again; returns the new height."""
        limit = self._chain.rollback_limit()
        if not 1 <= blocks <= limit:
            raise InvalidInput(f"{blocks} blocks cannot be taken back; between 1 and {limit} can")
        removed = self._chain.remove_last(blocks)
        # Blocks made anew must differ, or a branch would grow into the one it replaces.
        self._fork_seconds = removed[0].block.timestamp_seconds + 1
        self._reception.judge_again(self._now_seconds(), _transactions_of(removed))
        log.info("blocks_rolled_back", blocks=blocks, height=self._chain.height)
        return self._chain.height

    def follow(self, common_height: int, blocks: Sequence[Block]) -> None:
        """Replace what is above `common_height` by these blocks, once they are found valid.

        What the new branch lacks of the old one waits again.  An invalid block leaves the chain as it
        was.  Raises InvalidInput.
        """
        depth = self._chain.height - common_height
        if not 0 <= depth <= self._chain.rollback_limit():
            raise InvalidInput(
                f"a branch from block {common_height} would undo {depth} blocks; "
                f"at most {self._chain.rollback_limit()} can be"
            )
        removed = self._chain.remove_last(depth) if depth else []
        try:
            for block in blocks:
                self._append_received(block)
        except InvalidInput:
            self._chain.remove_last(self._chain.height - common_height)
            for confirmed in removed:
                self._chain.append(
                    confirmed.block, first_transaction_id=confirmed.first_transaction_id
                )
            self._reception.judge_again(self._now_seconds())
            raise
        self._reception.judge_again(self._now_seconds(), _transactions_of(removed))
        if removed:
            log.info("branch_followed", undone=depth, height=self._chain.height)

    def _append_received(self, block: Block) -> None:
        check_received(
            block,
            self._chain,
            self._reception.context(Ledger(self._chain.ledger), block.timestamp_seconds),
            transactions_max=self._settings.block_transactions_max,
            now_seconds=self._now_seconds(),
        )
        self._chain.append(block)


def _transactions_of(removed: Sequence[ConfirmedBlock]) -> tuple[Transaction, ...]:
    return tuple(each for confirmed in removed for each in confirmed.block.transactions)
