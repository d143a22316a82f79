"""Namespaces and mosaics over time: leases, redefinition, levies, and the cost of a transfer."""

from __future__ import annotations

from sauma_nem.network import TESTNET
from sauma_nem.testnode import Result, TestNode
from sauma_nem.transactions import LevyKind, MosaicId, MosaicLevy

from .actors import (
    ALICE,
    BOB,
    CAROL,
    START_MICRO,
    XEM,
    confirm,
    new_node,
    node_with_mosaic,
    percentile_levy,
)

DAY_SECONDS = 86_400
YEAR_BLOCKS, MONTH_BLOCKS = 365, 30
"""With a block a day a lease is 365 blocks and the owner's month of grace 30."""


def _lease() -> TestNode:
    """Alice owns grid from height 2 and grid:wh; Bob holds 7 of it."""
    node = new_node(block_target_seconds=DAY_SECONDS)
    confirm(node, ALICE, ALICE.namespace(node, "grid", **_long(node)))
    confirm(node, ALICE, ALICE.definition(node, "grid:wh", **_long(node)))
    transfer = ALICE.transfer(node, BOB, XEM, mosaics={"grid:wh": 7}, **_long(node))
    confirm(node, ALICE, transfer)
    return node


def _long(node: TestNode) -> dict[str, int]:
    """A deadline that a block of a day later still takes."""
    return {"deadline_seconds": node.now_seconds() + DAY_SECONDS}


def _mine_to(node: TestNode, height: int) -> None:
    node.mine(height - node.height)


def _status(node: TestNode, path: str) -> int:
    return node.request("GET", path)[0]


def test_a_lease_ends_after_a_year_of_blocks() -> None:
    """Inactive from the end on: 123, 404 and no longer owned; supply is still told."""
    node = _lease()
    _mine_to(node, YEAR_BLOCKS + 1)
    active = _status(node, "/namespace?namespace=grid")
    _mine_to(node, YEAR_BLOCKS + 2)

    results = [
        ALICE.result(node, ALICE.transfer(node, BOB, XEM, mosaics={"grid:wh": 1})),
        ALICE.result(node, ALICE.definition(node, "grid:x")),
        ALICE.result(node, ALICE.supply_change(node, "grid:wh", 1)),
        ALICE.result(node, ALICE.namespace(node, "sub", "grid")),
    ]

    assert active == 200
    assert results == [Result.FAILURE_NAMESPACE_EXPIRED] * 4
    assert _status(node, "/namespace?namespace=grid") == 404
    assert _status(node, "/mosaic/definition?mosaicId=grid:wh") == 404
    assert _status(node, "/mosaic/definition/last?mosaicId=grid:wh") == 200
    assert _status(node, "/mosaic/supply?mosaicId=grid:wh") == 200
    owned = node.request("GET", f"/account/mosaic/owned?address={BOB.address}")[1]["data"]
    assert [row["mosaicId"]["name"] for row in owned] == ["xem"]


def test_the_owner_renews_in_the_last_month_and_in_the_month_after() -> None:
    """Too early before; afterwards balances are back, and the year starts anew."""
    node = _lease()
    _mine_to(node, YEAR_BLOCKS + 2 - MONTH_BLOCKS - 2)
    early = ALICE.result(node, ALICE.namespace(node, "grid"))
    _mine_to(node, YEAR_BLOCKS + 2 + MONTH_BLOCKS - 2)
    other = BOB.result(node, BOB.namespace(node, "grid"))

    confirm(node, ALICE, ALICE.namespace(node, "grid", **_long(node)))

    assert early is other is Result.FAILURE_NAMESPACE_PROVISION_TOO_EARLY
    assert node.mosaic_units(BOB.address, "grid:wh") == 7
    root = node.chain.ledger.root("grid")
    assert root is not None
    assert root.height == node.height


def test_another_owner_starts_empty() -> None:
    """A month after the end anybody may take the name; old mosaics and balances are gone."""
    node = _lease()
    _mine_to(node, YEAR_BLOCKS + 2 + MONTH_BLOCKS - 1)

    confirm(node, BOB, BOB.namespace(node, "grid", **_long(node)))
    gone = node.mosaic_units(BOB.address, "grid:wh")
    confirm(node, BOB, BOB.definition(node, "grid:wh", 50, **_long(node)))

    assert gone == 0
    assert node.mosaic_units(BOB.address, "grid:wh") == 50
    assert node.mosaic_units(ALICE.address, "grid:wh") == 0


def test_a_redefinition_starts_the_supply_anew() -> None:
    """With new properties the creator holds exactly the new initial supply."""
    node: TestNode = node_with_mosaic(supply_whole=1_000)
    confirm(node, ALICE, ALICE.supply_change(node, "grid:wh", 500))

    confirm(node, ALICE, ALICE.definition(node, "grid:wh", 40, divisibility=2))

    assert node.mosaic_units(ALICE.address, "grid:wh") == 4_000
    assert node.request("GET", "/mosaic/supply?mosaicId=grid:wh")[1]["supply"] == 40


def test_a_new_description_changes_nothing_else() -> None:
    """Balances and supply stay when only the text differs."""
    node: TestNode = node_with_mosaic(supply_whole=1_000)
    confirm(node, ALICE, ALICE.supply_change(node, "grid:wh", 500))
    confirm(node, ALICE, ALICE.transfer(node, BOB, XEM, mosaics={"grid:wh": 3}, fee_micro=XEM))

    confirm(node, ALICE, ALICE.definition(node, "grid:wh", 1_000, description="new text"))

    assert node.mosaic_units(ALICE.address, "grid:wh") == 1_497
    assert node.mosaic_units(BOB.address, "grid:wh") == 3


def test_the_amount_multiplies_the_bag() -> None:
    """Twice a million moves the bag twice; an amount of nothing moves nothing but costs the fee."""
    node: TestNode = node_with_mosaic()
    bag = {"grid:wh": 5, "nem:xem": 2 * XEM}

    confirm(node, ALICE, ALICE.transfer(node, BOB, 2 * XEM, mosaics=bag, fee_micro=XEM))
    confirm(node, ALICE, ALICE.transfer(node, BOB, 0, mosaics=bag, fee_micro=XEM))

    assert node.mosaic_units(BOB.address, "grid:wh") == 10
    assert node.balance_micro(BOB.address) == START_MICRO + 4 * XEM


def test_a_percentile_levy_is_paid_on_top_by_the_sender() -> None:
    """Of 10,000 sent with 100 ten-thousandths the recipient has all, the levy account 100."""
    node: TestNode = node_with_mosaic(
        supply_whole=100_000, levy=percentile_levy("grid:wh", CAROL, 100)
    )

    confirm(node, ALICE, ALICE.transfer(node, BOB, XEM, mosaics={"grid:wh": 10_000}, fee_micro=XEM))

    assert node.mosaic_units(BOB.address, "grid:wh") == 10_000
    assert node.mosaic_units(CAROL.address, "grid:wh") == 100
    assert node.mosaic_units(ALICE.address, "grid:wh") == 100_000 - 10_100


def test_an_absolute_levy_is_paid_once_a_transfer() -> None:
    """Two XEM of levy however many units are sent."""
    levy = MosaicLevy(
        kind=LevyKind.ABSOLUTE,
        recipient=CAROL.address,
        mosaic_id=MosaicId.parse("nem:xem"),
        fee_units=2 * XEM,
    )
    node: TestNode = node_with_mosaic(levy=levy)

    confirm(node, ALICE, ALICE.transfer(node, BOB, XEM, mosaics={"grid:wh": 900}, fee_micro=XEM))

    assert node.balance_micro(CAROL.address) == START_MICRO + 2 * XEM


def test_fifteen_kilowatt_hours_cost_what_the_real_node_asked() -> None:
    """15 kWh to two buyers: 100.15 and 10.15 XEM to set up, 0.20 a transfer, and no Wh more."""
    node: TestNode = node_with_mosaic(supply_whole=15_000)
    half = {"mosaics": {"grid:wh": 7_500}}
    spent_micro = START_MICRO - node.balance_micro(ALICE.address)

    cheap = [
        ALICE.result(node, ALICE.transfer(node, BOB, XEM, fee_micro=fee_micro, **half))
        for fee_micro in (50_000, 100_000, 150_000)
    ]
    for buyer in (BOB, CAROL):
        result = ALICE.result(node, ALICE.transfer(node, buyer, XEM, fee_micro=200_000, **half))
        assert result is Result.SUCCESS
    one_more = ALICE.transfer(node, BOB, XEM, mosaics={"grid:wh": 1}, fee_micro=200_000)
    over = ALICE.result(node, one_more)
    node.mine()

    assert spent_micro == 100_150_000 + 10_150_000
    assert cheap == [Result.FAILURE_INSUFFICIENT_FEE] * 3
    assert over is Result.FAILURE_INSUFFICIENT_BALANCE
    assert [node.mosaic_units(each.address, "grid:wh") for each in (BOB, CAROL)] == [7_500] * 2
    assert node.balance_micro(ALICE.address) == START_MICRO - spent_micro - 2 * 200_000
    assert node.balance_micro(TESTNET.namespace_sink) == 100 * XEM


def test_fees_can_be_switched_off() -> None:
    """A private network may ask for no fees at all."""
    node = new_node(fees_required=False)

    result = ALICE.result(node, ALICE.transfer(node, BOB, 1, fee_micro=0))

    assert result is Result.SUCCESS
