"""The rules of the reference chain: what it is, and what moves."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from sauma.chain import (
    Attest,
    Capture,
    Chain,
    Cursor,
    Finality,
    Hold,
    Instruction,
    Part,
    Release,
    Support,
)
from sauma.errors import (
    InsufficientBalance,
    InvalidInput,
    Unsupported,
    WrongNetwork,
)
from sauma.identifiers import AssetId
from sauma.memory import MEMORY_CAPABILITIES, MemoryChain

from .memory_batches import (
    ANNA,
    BERT,
    CHAIN,
    CLEO,
    ENERGY,
    FOREIGN,
    MONEY,
    STAMP,
    anchor,
    batch,
    funded,
    issue,
    net,
    retire,
    send,
    transfer,
    units_of,
)


def test_it_is_a_chain():
    """The reference chain has the shape of the port, and says what it is."""
    chain = MemoryChain("street-7", finality_blocks=1, block_seconds=5)

    assert isinstance(chain, Chain)
    assert str(chain.chain_id) == "memory:street-7"
    assert str(chain.account("test1")) == "memory:street-7:test1"
    assert str(chain.asset("wh")) == "memory:street-7/unit:wh"
    assert chain.capabilities.finality is Finality.INSTANT
    assert chain.capabilities.block_seconds == 5
    assert MemoryChain().capabilities == MEMORY_CAPABILITIES
    assert MEMORY_CAPABILITIES.hold is MEMORY_CAPABILITIES.contest is Support.NATIVE


@pytest.mark.parametrize(
    "settings",
    [
        {"finality_blocks": 0},
        {"block_seconds": -1},
        {"batch_instructions_max": 0},
        {"outstanding_max": True},
        {"validity_s": 0},
        {"page_blocks": 0},
        {"name": "two words"},
        {"genesis_time": datetime(2026, 1, 1)},  # noqa: DTZ001
    ],
)
def test_settings_that_make_no_chain_are_refused(settings: dict):
    """Counts below one, a name that CAIP-2 forbids and a naive time are invalid input."""
    with pytest.raises(InvalidInput):
        MemoryChain(**settings)


def test_genesis_is_block_one_and_final():
    """A new chain has one final, empty block; blocks follow at the block time, one height each."""
    genesis_time = datetime(2027, 3, 1, tzinfo=UTC)
    chain = MemoryChain(genesis_time=genesis_time, block_seconds=60, finality_blocks=3)

    assert chain.head().newest.height == chain.head().final_height == 1
    assert chain.head().newest.time == genesis_time

    chain.advance(600)
    chain.mine(4)

    assert chain.head().newest.height == 5
    assert chain.head().final_height == 3
    assert chain.head().newest.time == genesis_time + timedelta(minutes=4 + 10)


def test_the_same_calls_give_the_same_chain():
    """Nothing is random: two chains that were asked the same have the same blocks."""
    one, other = funded(), funded()

    assert one.head() == other.head()
    assert one.events(Cursor()) == other.events(Cursor())


def test_each_instruction_moves_what_it_says():
    """Issue, transfer, net and retire move their units; an anchor moves nothing."""
    chain = funded(100)

    send(chain, batch("t", transfer(40)), batch("a", anchor()))
    chain.mine()
    send(chain, batch("n", net((ANNA, -10), (BERT, -20), (CLEO, 30))))
    chain.mine()
    send(chain, batch("r", retire(5, BERT)))
    chain.mine()

    assert units_of(chain, ANNA, BERT, CLEO) == [50, 15, 30]
    assert chain.supply(ENERGY) == 95
    assert chain.supply(MONEY) == 0


@pytest.mark.parametrize("atomic", [True, False])
def test_a_batch_is_all_or_nothing(atomic: bool):
    """A batch is one transaction; when one instruction cannot be done, none is, atomic or not."""
    chain = funded(10)

    with pytest.raises(InsufficientBalance, match=r"bert.* needs 1 .* has 0 to spend"):
        chain.prepare([batch("b", transfer(10), retire(11), atomic=atomic)], outstanding=())

    assert units_of(chain, ANNA, BERT) == [10, 0]


def test_a_batch_may_spend_what_it_brought_before():
    """Instructions are done in order: what one brings, a later one may spend, not an earlier one."""
    chain = MemoryChain()

    with pytest.raises(InsufficientBalance):
        chain.prepare([batch("wrong", transfer(10), issue(10))], outstanding=())
    send(chain, batch("right", issue(10), transfer(10)))
    chain.mine()

    assert units_of(chain, ANNA, BERT) == [0, 10]


def test_nobody_spends_what_the_same_net_brings():
    """Within a net every debit is covered before any credit, whatever the order of the legs."""
    chain = funded(10)

    with pytest.raises(InsufficientBalance):
        chain.prepare(
            [batch("n", net((BERT, 10), (ANNA, -10), (BERT, -10), (CLEO, 10)))], outstanding=()
        )


def test_a_block_takes_chains_of_payments_in_any_lane_order():
    """What one lane brings may be spent by a lane that sorts before it, in the same block."""
    chain = MemoryChain()
    bring, spend = batch("bring", issue(10)), batch("spend", transfer(10))
    send(chain, bring)
    chain.mine()
    (spending,) = chain.prepare([spend], outstanding=())
    chain.rollback(1)
    chain.broadcast(spending)

    chain.mine()

    assert units_of(chain, ANNA, BERT) == [0, 10]


HOLD = Hold(
    authority=ANNA,
    session_id=bytes(32),
    payer=ANNA,
    asset=ENERGY,
    units=1,
    expires_at=datetime(2026, 2, 1, tzinfo=UTC),
    **STAMP,
)
SESSION = {"authority": ANNA, "session_id": bytes(32), **STAMP}


@pytest.mark.parametrize(
    "instruction",
    [
        HOLD,
        Attest(step=1, statement=b"", **SESSION),
        Capture(asset=ENERGY, parts=(Part(payee=BERT, units=1),), **SESSION),
        Release(payer=ANNA, asset=ENERGY, units=1, **SESSION),
    ],
    ids=lambda instruction: type(instruction).__name__,
)
def test_what_is_not_declared_is_refused_and_moves_nothing(instruction: Instruction):
    """Hold, attest, capture and release are `Unsupported`, also beside something supported."""
    chain = funded(10, session_rules=None)
    refused = batch("b", transfer(5), instruction)

    for ask in (
        lambda: chain.quote([refused]),
        lambda: chain.prepare([refused], outstanding=()),
    ):
        with pytest.raises(Unsupported, match=r"memory:main cannot"):
            ask()
    chain.mine()

    assert units_of(chain, ANNA, BERT) == [10, 0]


@pytest.mark.parametrize(
    ("instruction", "error", "message"),
    [
        (transfer(0), InvalidInput, "above zero"),
        (transfer(-1), InvalidInput, "above zero"),
        (transfer(2**63), InvalidInput, "64 bits"),
        (transfer(True), InvalidInput, "integer"),
        (issue(0), InvalidInput, "above zero"),
        (retire(0), InvalidInput, "above zero"),
        (net((ANNA, -1), (BERT, 2)), InvalidInput, "sum to 1 instead of zero"),
        (net((ANNA, 0)), InvalidInput, "is zero"),
        (net(), InvalidInput, "without legs"),
        (anchor(b"short"), InvalidInput, "32 bytes"),
        (transfer(asset=AssetId.on(CHAIN, "coin", "wh")), InvalidInput, "unit:<name>"),
        (transfer(asset=AssetId("memory:other/unit:wh")), WrongNetwork, "is not on memory:main"),
        (transfer(recipient=FOREIGN), WrongNetwork, "is not on memory:main"),
        (transfer(authority=FOREIGN), WrongNetwork, "is not on memory:main"),
        (issue(on_behalf_of=FOREIGN), WrongNetwork, "is not on memory:main"),
        (net((ANNA, -1), (FOREIGN, 1)), WrongNetwork, "is not on memory:main"),
    ],
)
def test_wrong_instructions_are_refused_by_name(
    instruction: Instruction, error: type[Exception], message: str
):
    """What cannot be right is refused by `quote` and `prepare`, with what is wrong."""
    chain = funded(10)

    with pytest.raises(error, match=message):
        chain.quote([batch("b", instruction)])
    with pytest.raises(error, match=message):
        chain.prepare([batch("b", instruction)], outstanding=())


def test_a_batch_above_the_limit_is_refused():
    """`batch_instructions_max` is kept."""
    chain = funded(10, batch_instructions_max=2)

    assert chain.prepare([batch("two", transfer(1), transfer(1))], outstanding=())
    with pytest.raises(Unsupported, match="has 3 instructions"):
        chain.prepare([batch("three", transfer(1), transfer(1), transfer(1))], outstanding=())
