"""Judging a block that somebody else made."""

from __future__ import annotations

from sauma.errors import InvalidInput
from sauma_nem.binary import serialise_block
from sauma_nem.network import CLOCK_TOLERANCE_SECONDS
from sauma_nem.signing import verify
from sauma_nem.transactions import Block

from .block_making import Together
from .chain import Chain, count_with_children
from .execution import execute
from .reception import is_signed
from .results import Result
from .validation import Context, validate
from .validation_multisig import check_signatures_present


def check_received(
    block: Block, chain: Chain, context: Context, *, transactions_max: int, now_seconds: int
) -> None:
    """Refuse a block that does not follow the tip or breaks a rule.  Raises InvalidInput.

    `context` has the block's own time, and a layer above the confirmed ledger that is used up.
    `now_seconds` is the node's: a block may not be more than ten seconds ahead of it.
    """
    tip = chain.tip
    if block.height != tip.block.height + 1 or block.previous_hash != tip.block_hash:
        raise InvalidInput(
            f"block {block.height} does not follow block {tip.block.height} of this chain"
        )
    if block.timestamp_seconds < tip.block.timestamp_seconds:
        raise InvalidInput(f"block {block.height} is older than the one before it")
    if block.timestamp_seconds > now_seconds + CLOCK_TOLERANCE_SECONDS:
        raise InvalidInput(
            f"block {block.height} is {block.timestamp_seconds - now_seconds} s ahead of this node"
        )
    if not verify(block.signer, serialise_block(block), block.signature or b""):
        raise InvalidInput(f"block {block.height} is not signed by its signer")
    if sum(map(count_with_children, block.transactions)) > transactions_max:
        raise InvalidInput(f"block {block.height} holds more than {transactions_max} transactions")
    result = _judge(block, context)
    if result is not Result.SUCCESS:
        raise InvalidInput(f"block {block.height} breaks a rule: {result.name}")


def _judge(block: Block, context: Context) -> Result:
    together = Together()
    for transaction in block.transactions:
        if not is_signed(transaction):
            return Result.FAILURE_SIGNATURE_NOT_VERIFIABLE
        if transaction.deadline_seconds < block.timestamp_seconds:
            return Result.FAILURE_PAST_DEADLINE
        result = validate(transaction, context)
        if result is Result.SUCCESS:
            result = check_signatures_present(transaction, context.ledger)
        if result is Result.SUCCESS:
            result = together.check(transaction)
        if result is not Result.SUCCESS:
            return result
        together.add(transaction)
        execute(transaction, context.ledger, block.height)
    return Result.SUCCESS
