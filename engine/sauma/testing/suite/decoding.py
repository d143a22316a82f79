# ruff: noqa: S101 - a wrong answer of a codec is a failed test
"""The codec: what an auditor reads from bytes alone is what the adapter said when it signed them."""

from __future__ import annotations

from typing import Final

import attrs
import pytest

from sauma.chain import Decoded, SignedTransaction, Word
from sauma.errors import InvalidInput
from sauma.testing.cases import case
from sauma.testing.world import World, events_of

POSITIONS_MAX: Final = 400
"""How many bytes of a transaction are flipped in turn, spread over all of it."""


class Decoding:
    """Bytes say one thing, and changed bytes say nothing."""

    @case("codec")
    def test_cs130_bytes_say_what_was_signed(self, world: World) -> None:
        """Id, sender, effects, fee, validity and reference are in the bytes, and the signature holds."""
        batch = world.moving(5)
        for transaction in world.prepare(batch):
            decoded = world.codec.decode(transaction.raw)

            assert decoded == Decoded(
                transaction_id=transaction.transaction_id,
                sender=transaction.sender,
                reference=batch.reference,
                effects=transaction.effects,
                fee_payer=transaction.fee_payer,
                fee_units_max=transaction.fee_units_max,
                valid_until=transaction.valid_until,
                signature_valid=True,
            )
            assert world.codec.decode(transaction.raw) == decoded

    @case("codec")
    def test_cs131_bytes_say_what_then_happens(self, world: World) -> None:
        """The effects that the codec reads are those that the chain shows, and what balances change by."""
        before = world.units("bert")
        transactions = world.land(world.moving(5))
        events = events_of(world.read().events, transactions)
        decoded = [world.codec.decode(each.raw) for each in transactions]
        effects = [effect for each in decoded for effect in each.effects]
        bert = world.accounts["bert"]

        assert sorted(effects) == sorted(effect for each in events for effect in each.effects)
        assert world.units("bert") - before == sum(
            each.delta_units
            for each in effects
            if (each.account, each.asset) == (bert, world.asset)
        )

    @case("codec")
    def test_cs132_a_flipped_bit_is_noticed(self, world: World) -> None:
        """No single changed bit leaves bytes that are, for the codec, validly signed by the same sender.

        Where the sender is recovered from the signature, changed bytes are somebody else's.
        """
        (transaction, *_) = world.prepare(world.moving(5))
        raw = transaction.raw
        step = max(1, -(-len(raw) // POSITIONS_MAX))
        unnoticed = []
        for position in range(0, len(raw), step):
            try:
                decoded = world.codec.decode(flipped(raw, position))
            except InvalidInput:
                continue
            if decoded.signature_valid and decoded.sender == transaction.sender:
                unnoticed.append(position)

        assert unnoticed == []

    @case("codec")
    def test_cs133_torn_bytes_are_no_transaction(self, world: World) -> None:
        """Bytes that are cut, longer than written or none at all are refused, or not of the sender."""
        (transaction, *_) = world.prepare(world.moving(5))
        raw = transaction.raw
        for torn in (raw[:-1], raw[1:], raw[: len(raw) // 2], raw + b"\x00", raw + raw):
            try:
                decoded = world.codec.decode(torn)
            except InvalidInput:
                continue

            assert not (decoded.signature_valid and decoded.sender == transaction.sender)
        for nothing in (b"", b"\x00", b"\xff" * len(raw)):
            with pytest.raises(InvalidInput):
                world.codec.decode(nothing)

    @case("codec")
    def test_cs134_changed_bytes_move_nothing(self, world: World) -> None:
        """A node, or the adapter before it, rejects bytes that were changed after signing."""
        (transaction, *_) = world.prepare(world.moving(5))
        before = world.snapshot()
        for position in (0, len(transaction.raw) // 2, len(transaction.raw) - 1):
            changed = attrs.evolve(transaction, raw=flipped(transaction.raw, position))

            assert not _is_accepted(world, changed)
        world.check_nothing_moved(before, "the bytes were changed")


def flipped(raw: bytes, position: int) -> bytes:
    """Return bytes with one bit of one of them flipped."""
    changed = bytearray(raw)
    changed[position] ^= 1 << (position % 8)
    return bytes(changed)


def _is_accepted(world: World, transaction: SignedTransaction) -> bool:
    try:
        return world.chain.broadcast(transaction).word is not Word.REJECTED
    except InvalidInput:
        return False
