# ruff: noqa: S101 - a wrong answer of a chain is a failed test
"""Events and balances: everything that moved, once, in order, however it is read."""

from __future__ import annotations

from sauma.chain import Cursor, Finality, SignedTransaction
from sauma.testing.cases import case
from sauma.testing.harness import Ability
from sauma.testing.reading import Reading
from sauma.testing.world import World

PAGE_SIZES = (1, 2, 3, 50)


class ReadingEvents:
    """One stream, whatever the page, the cursor and the reorganisations."""

    @case("events")
    def test_cs170_a_page_says_how_far_it_went(self, world: World) -> None:
        """Events come in the order of their blocks; the cursor stands at the last block read."""
        for units in (1, 2):
            world.land(world.moving(units))
        reading = world.read()
        head = world.chain.head()
        heights = [each.block.height for each in reading.events]

        assert heights == sorted(heights)
        assert reading.cursor.height == head.newest.height
        assert reading.pages[-1].scanned == head.newest
        assert reading.pages[-1].final_height == head.final_height
        assert {page.rolled_back_to for page in reading.pages} == {None}
        assert len({each.transaction_id for each in reading.events}) == len(reading.events)

    @case("events")
    def test_cs171_at_the_tip_there_is_nothing(self, world: World) -> None:
        """Who has read everything reads nothing, is not sent back, and keeps the cursor."""
        reading = world.read()
        page = world.chain.events(reading.cursor)

        assert (page.events, page.more, page.rolled_back_to) == ((), False, None)
        assert page.cursor == reading.cursor

    @case("events", abilities=(Ability.WATCH,))
    def test_cs172_any_page_size_gives_the_same(self, world: World) -> None:
        """Pages of any size make the same stream, and no page is longer than it may be."""
        _history(world)
        wanted = world.read().events

        assert len(wanted) >= 4
        for page_blocks in PAGE_SIZES:
            reading = Reading(world.harness.watcher(page_blocks))
            reading.catch_up()
            spans = [
                after.cursor.height - before.height
                for before, after in zip((Cursor(), *reading.cursors), reading.pages, strict=False)
            ]
            assert reading.events == wanted
            assert max(spans) <= page_blocks

    @case("events", abilities=(Ability.WATCH,))
    def test_cs173_any_cursor_goes_on(self, world: World) -> None:
        """From each cursor on the way, written down and read back, the rest follows: none twice."""
        _history(world)
        reading = Reading(world.harness.watcher(1))
        reading.catch_up()

        for cursor in reading.cursors:
            later = Reading(world.chain, Cursor.from_text(cursor.to_text()))
            later.catch_up()
            assert later.events == [
                each for each in reading.events if each.block.height > cursor.height
            ]

    @case("events", abilities=(Ability.ROLL_BACK,))
    def test_cs174_a_rollback_is_told(self, world: World) -> None:
        """A cursor survives a rollback: the page says above which height all is retracted, and what
        is included again is told again.
        """
        reading = world.read()
        (transaction,) = world.land(world.moving(5))
        reading.catch_up()
        height_before = reading.cursor.height
        kept_height = world.undo(transaction)
        _include_again(world, transaction)
        came = reading.catch_up()
        told = [each.rolled_back_to for each in reading.pages if each.rolled_back_to is not None]

        assert len(told) == 1
        assert world.chain.head().final_height <= kept_height < height_before
        assert told[0] <= kept_height
        assert transaction.transaction_id in {each.transaction_id for each in came}
        assert reading.events == world.read().events

    @case("events", abilities=(Ability.ROLL_BACK,))
    def test_cs175_what_does_not_return_is_gone(self, world: World) -> None:
        """Between rollback and inclusion, nothing is told of what was undone, and balances agree."""
        reading = world.read()
        (transaction,) = world.land(world.moving(5))
        reading.catch_up()
        world.undo(transaction)
        reading.catch_up()
        totals = world.named(reading.folded(world.asset))

        assert transaction.transaction_id not in {each.transaction_id for each in reading.events}
        assert totals == world.balances()
        _include_again(world, transaction)
        reading.catch_up()
        assert world.named(reading.folded(world.asset)) == world.balances()

    @case("events", abilities=(Ability.ROLL_BACK,))
    def test_cs176_final_events_are_never_retracted(self, world: World) -> None:
        """However much is undone, no page retracts what was told as final."""
        world.land(world.moving(5))
        world.finalise()
        reading = world.read()
        final_height = reading.pages[-1].final_height
        final = [each for each in reading.events if each.block.height <= final_height]
        for _ in range(2):
            head = world.chain.head()
            if head.newest.height > head.final_height:
                world.harness.roll_back(head.newest.height - head.final_height)
            world.mine(head.newest.height - head.final_height + 1)
            reading.catch_up()
        told = [each.rolled_back_to for each in reading.pages if each.rolled_back_to is not None]

        assert final
        assert all(each >= final_height for each in told)
        assert reading.events[: len(final)] == final
        assert reading.events == world.read().events

    @case("events", abilities=(Ability.WATCH,))
    def test_cs177_an_adapter_remembers_nothing(self, world: World) -> None:
        """Another adapter on the same chain, told of nothing, finds every movement and every status."""
        transactions = _history(world)
        watcher = world.harness.watcher(50)
        reading = Reading(watcher)
        reading.catch_up()

        assert reading.events == world.read().events
        assert world.named(reading.folded(world.asset)) == world.balances()
        assert [watcher.status(each) for each in transactions] == [
            world.chain.status(each) for each in transactions
        ]

    @case("events", abilities=(Ability.WATCH,))
    def test_cs178_a_page_claims_what_was_read(self, world: World) -> None:
        """A page claims as final only what the blocks read so far confirm, however long the chain is.

        Where a tag decides, a block may be final without others after it; none is before it was read.
        """
        depth = world.capabilities.finality_blocks
        world.finalise()
        world.mine()
        reading = Reading(world.harness.watcher(1))
        reading.catch_up()
        by_tag = world.capabilities.finality is Finality.TAG

        assert len(reading.pages) > depth
        for page in reading.pages:
            read_height = page.cursor.height
            confirmed_height = read_height if by_tag else max(1, read_height - depth + 1)
            assert page.final_height <= confirmed_height
        assert reading.pages[-1].final_height == world.chain.head().final_height

    @case("balance")
    def test_cs180_a_balance_has_its_block(self, world: World) -> None:
        """A balance says at which block it holds: the newest, also for an account without units."""
        for transactions in ((), world.send(world.moving(5))):
            world.include(transactions)
            newest = world.chain.head().newest
            balances = [
                world.chain.balance(account, world.asset) for account in world.accounts.values()
            ]

            assert {each.block for each in balances} == {newest}
        assert world.units("stranger") == 0

    @case("balance")
    def test_cs181_only_blocks_count(self, world: World) -> None:
        """What waits in a pool is in nobody's balance, and in no event."""
        before = world.balances(), len(world.read().events)
        prepared = world.send(world.moving(5))
        waiting = world.balances(), len(world.read().events)
        world.include(prepared)

        assert waiting == before
        assert world.units("bert") == before[0]["bert"] + 5


def _history(world: World) -> list[SignedTransaction]:
    """Make movements in several blocks, with an empty block and a block of two among them."""
    transactions = [*world.land(world.moving(1)), *world.land(world.moving(2))]
    world.mine(2)
    both = world.send(world.moving(30), world.moving(400, recipient="cleo"))
    world.include(both)
    world.mine()
    return [*transactions, *both]


def _include_again(world: World, transaction: SignedTransaction) -> None:
    world.chain.broadcast(transaction)
    world.include([transaction])
