# ruff: noqa: S101 - a wrong answer of a chain is a failed test
"""Prepare and quote: they sign or reckon, and change nothing."""

from __future__ import annotations

from collections import Counter

import pytest

from sauma.chain import ExpiryUnit, Fate, FeeModel
from sauma.errors import InsufficientBalance
from sauma.identifiers import AccountId
from sauma.testing.cases import case
from sauma.testing.harness import Ability
from sauma.testing.world import START_UNITS, World, events_of


class Preparing:
    """A prefix of whole batches, signed and not sent."""

    @case("prepare")
    def test_cs100_prepare_changes_nothing(self, world: World) -> None:
        """What was prepared and not broadcast is unknown to the chain, and moves nothing."""
        before = world.snapshot()
        prepared = world.prepare(world.moving(5), world.moving(6))

        assert {world.chain.status(each).fate for each in prepared} == {Fate.UNSEEN}
        world.check_nothing_moved(before, "nothing was broadcast")

    @case("prepare")
    def test_cs101_nothing_for_nothing(self, world: World) -> None:
        """Of no batches, no transactions are made."""
        assert world.chain.prepare([], outstanding=()) == ()

    @case("prepare")
    def test_cs102_batches_keep_their_order(self, world: World) -> None:
        """Batches are signed in the order given, each whole, and their effects are what was asked."""
        batches = [world.moving(units) for units in (1, 20, 300)]
        prepared = world.prepare(*batches)

        assert world.deltas_of(prepared)["bert"] == 321
        assert len({each.transaction_id for each in prepared}) == len(prepared)

    @case("prepare")
    def test_cs103_ids_are_known_before_sending(self, world: World) -> None:
        """The chain knows a transaction by the id that it had before it was sent."""
        prepared = world.prepare(world.moving(5))
        for transaction in prepared:
            world.chain.broadcast(transaction)
        world.include(prepared)
        events = events_of(world.read().events, prepared)

        assert len(events) == len(prepared)
        assert [world.codec.decode(each.raw).transaction_id for each in prepared] == [
            each.transaction_id for each in prepared
        ]

    @case("prepare", needs=("transfer",))
    def test_cs104_a_later_refusal_ends_the_prefix(self, world: World) -> None:
        """Only when the first batch is refused, prepare raises; before a later one it stops."""
        fitting = world.batch(world.transfer("anna", "bert", 5))
        too_much = world.batch(world.transfer("anna", "bert", 2 * START_UNITS))
        behind = world.batch(world.transfer("anna", "bert", 6))

        prepared = world.chain.prepare([fitting, too_much, behind], outstanding=())

        assert [each for signed in prepared for each in signed.batch_ids] == [fitting.batch_id]
        with pytest.raises(InsufficientBalance):
            world.chain.prepare([too_much, behind], outstanding=())

    @case("prepare")
    def test_cs105_a_transaction_says_all_about_itself(self, world: World) -> None:
        """A process without memory finds lane, validity and the start of a search in the record."""
        head = world.chain.head().newest
        for transaction in world.prepare(world.moving(5)):
            assert transaction.sender.chain_id == world.chain.chain_id
            assert transaction.raw
            assert transaction.fee_units_max >= 0
            assert transaction.prepared_at <= head.height
            match world.capabilities.expiry_unit:
                case ExpiryUnit.NONE:
                    assert transaction.valid_until is None
                case ExpiryUnit.UNIX_SECONDS if transaction.valid_until is not None:
                    assert transaction.valid_until > head.time.timestamp()
                case ExpiryUnit.HEIGHT if transaction.valid_until is not None:
                    assert transaction.valid_until > head.height

    @case("quote")
    def test_cs120_a_quote_is_what_prepare_costs(self, world: World) -> None:
        """Quoted are as many transactions as are then signed, and each payer's fee to the unit.

        Where fees are bid, a payer never signs for more than was quoted.
        """
        batches = [world.moving(units) for units in (1, 2)]
        quote = world.chain.quote(batches)
        quoted = Counter(dict(quote.fees))
        prepared = world.prepare(*batches)
        fees: Counter[AccountId] = Counter()
        for transaction in prepared:
            fees[transaction.fee_payer] += transaction.fee_units_max

        assert quote.transactions == len(prepared)
        if world.capabilities.fee_model is FeeModel.AUCTION:
            assert fees <= quoted
        else:
            assert fees == quoted
        assert quote.fee_asset == world.capabilities.fee_asset
        assert quote.bytes_total > 0
        assert quote.blocks >= 1

    @case("quote")
    def test_cs121_nothing_costs_nothing(self, world: World) -> None:
        """A quote for no batches is zero throughout."""
        quote = world.chain.quote([])

        assert (quote.transactions, quote.bytes_total, sum(fee for _, fee in quote.fees)) == (
            0,
            0,
            0,
        )

    @case("quote", abilities=(Ability.WATCH,))
    def test_cs122_a_quote_needs_no_key(self, world: World) -> None:
        """Who has no signer gets the same quote, and nothing moves."""
        batches = [world.moving(1)]
        before = world.snapshot()
        watcher = world.harness.watcher(10)

        assert watcher.quote(batches) == world.chain.quote(batches)
        world.check_nothing_moved(before, "quotes were asked for")

    @case("quote")
    def test_cs123_fees_are_as_agreed(self, world: World) -> None:
        """The payer loses the fee that the event names, never more than was signed."""
        fee_asset = world.capabilities.fee_asset
        batch = world.moving(5)
        (payer,) = {each.fee_payer for each in world.prepare(batch)}
        before = None if fee_asset is None else world.chain.balance(payer, fee_asset).units
        transactions = world.land(batch)
        events = events_of(world.read().events, transactions)
        paid = sum(each.fee_units for each in events)

        assert {each.fee_payer for each in events} == {payer}
        assert paid <= sum(each.fee_units_max for each in transactions)
        if fee_asset is None or before is None:
            assert paid == 0
        else:
            assert before - world.chain.balance(payer, fee_asset).units == paid
        assert (world.capabilities.fee_model is not FeeModel.FIXED) or paid == sum(
            each.fee_units_max for each in transactions
        )
