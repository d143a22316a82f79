"""Signed trades: nothing leaves a signed account without its owner's order, and no order is used twice."""

import pytest
from eth_utils.crypto import keccak

from .local_ledger import (
    AREA,
    CURVE_ORDER,
    FIRST_SIGNED,
    FOREVER,
    ISSUE,
    Reverted,
    head_after,
    issue_line,
    key_of,
    net_line,
    order_digest,
    section,
    sign,
)

MAKER, BUYER = 1, 2
PRICE = 90_001
"""Units of money per kWh: 90.001 per Wh."""


@pytest.fixture(scope="module")
def prepared(deployed):
    """A signed account with energy and one with money, and a netted account with both: made once."""
    snapshot = deployed.tester.take_snapshot()
    seller, buyer = (
        deployed.register_signed(key_of(n).public_key.to_checksum_address()) for n in (MAKER, BUYER)
    )
    (home,) = deployed.register(deployed.accounts[3])
    deployed.settle(section(ISSUE, issue_line(seller, 10_000), issue_line(home, 10_000)))
    deployed.fund(buyer, money_units=10_000_000)
    deployed.fund(home, money_units=10_000_000)
    yield seller, buyer, home
    deployed.tester.revert_to_snapshot(snapshot)


@pytest.fixture
def trade(prepared, local):
    """What makes and settles fills on the prepared accounts."""
    return Trade(local, *prepared)


class Trade:
    """Fills by the two makers, and their settlement."""

    def __init__(self, local, seller, buyer, home):
        self.local, self.seller, self.buyer, self.home = local, seller, buyer, home

    def digest(self, order):
        """What a maker signs."""
        chain_id = self.local.tester.backend.chain.chain_id
        return order_digest(self.local.ledger, chain_id, AREA, order)

    def sell(self, filled_wh, money, *, nonce=0, limit_wh=5_000, deadline=FOREVER, compact=False):
        """A fill of the seller's order."""
        order = (self.seller, False, limit_wh, PRICE, nonce, deadline)
        return (order, filled_wh, money, sign(key_of(MAKER), self.digest(order), compact=compact))

    def buy(self, filled_wh, money, *, nonce=0, limit_wh=5_000):
        """A fill of the buyer's order."""
        order = (self.buyer, True, limit_wh, PRICE, nonce, FOREVER)
        return (order, filled_wh, money, sign(key_of(BUYER), self.digest(order)))

    def settle(self, *fills, net=b"", reference=None, sender=None):
        """Settle fills with net lines."""
        chosen = reference or self.local.reference()
        return self.local.send(
            "settleSigned", AREA, chosen, FOREVER, list(fills), net, sender=sender
        )

    def taken(self, filled_wh, money):
        """The net line of the netted account that takes the other side of a sale."""
        return net_line(self.home, filled_wh, -money)


def test_digest_is_the_standard_one(trade):
    """The contract hashes an order as EIP-712 says, with this chain and this contract in it."""
    order = (trade.seller, False, 5_000, PRICE, 77, 12_345)

    assert trade.local.read("orderHash", AREA, order) == trade.digest(order)
    assert trade.local.read("orderHash", AREA + 1, order) != trade.digest(order)


@pytest.mark.parametrize("compact", [False, True])
def test_seller_gets_money_and_buyer_gets_energy(trade, compact):
    """Two signed orders meet: energy goes one way, money the other, at a price inside both limits."""
    trade.settle(trade.sell(1_000, PRICE, compact=compact), trade.buy(1_000, PRICE))

    assert trade.local.balance(trade.seller) == (9_000, PRICE)
    assert trade.local.balance(trade.buyer) == (1_000, 10_000_000 - PRICE)


def test_netted_account_takes_the_other_side(trade):
    """A signed order may be met by what the settler moves between netted accounts."""
    trade.settle(trade.sell(1_000, 95_000), net=trade.taken(1_000, 95_000))

    assert trade.local.balance(trade.seller) == (9_000, 95_000)
    assert trade.local.balance(trade.home) == (11_000, 10_000_000 - 95_000)


def test_event_says_what_moved_and_which_nonces_are_used(trade):
    """The event alone says every movement and nonce, and what went into the head."""
    reference = trade.local.reference()
    number, before = trade.local.read("headOf", AREA)
    net = trade.taken(700, 70_000)

    ((name, event),) = trade.settle(
        trade.sell(700, 70_000, nonce=258), net=net, reference=reference
    ).events

    fills = net_line(trade.seller, -700, 70_000) + (258).to_bytes(8, "big")
    assert name == "SignedSettled"
    assert (event["fills"], event["netLines"]) == (fills, net)
    assert event["sequence"] == number + 1
    assert event["head"] == head_after(before, reference, 2, keccak(fills), keccak(net))
    assert trade.local.read("nonceWord", AREA, trade.seller, 1) == 1 << 2


def test_price_is_never_worse_than_the_limit(trade):
    """A seller gets at least, and a buyer pays at most, energy × price, without rounding."""
    # 500 Wh at 90.001 are 45,000.5 units.
    for fill, net in (
        (trade.sell(500, 45_000), trade.taken(500, 45_000)),
        (trade.buy(500, 45_001), net_line(trade.home, -500, 45_001)),
    ):
        with pytest.raises(Reverted) as refused:
            trade.settle(fill, net=net)
        assert (refused.value.name, refused.value.values) == ("OrderPriceBroken", (0,))

    trade.settle(trade.sell(500, 45_001), net=trade.taken(500, 45_001))
    trade.settle(trade.buy(500, 45_000), net=net_line(trade.home, -500, 45_000))


def test_order_is_used_once(trade):
    """The same order is refused in the same batch and in a later one, also when signed in another form."""
    first = trade.sell(100, 10_000)
    again = trade.sell(100, 10_000, compact=True)
    with pytest.raises(Reverted) as refused:
        trade.settle(first, again, net=trade.taken(200, 20_000))
    assert (refused.value.name, refused.value.values) == ("OrderUsed", (1,))
    trade.settle(first, net=trade.taken(100, 10_000))

    for fill in (first, again, trade.sell(50, 5_000)):
        with pytest.raises(Reverted, match="OrderUsed"):
            trade.settle(fill, net=trade.taken(100, 10_000))


def test_cancelled_order_is_refused(trade):
    """An owner makes chosen orders useless and keeps the others; nobody else can cancel them."""
    local, owner = trade.local, trade.local.accounts[4]
    key = local.tester.backend.account_keys[4]
    account = local.register_signed(owner)
    local.settle(section(ISSUE, issue_line(account, 10)))
    with pytest.raises(Reverted, match="NotAccountOwner"):
        local.send("cancelNonces", AREA, account, 3, 1)

    local.send("cancelNonces", AREA, account, 3, 0b101, sender=owner)

    def fill(nonce):
        order = (account, False, 10, 0, nonce, FOREVER)
        return (order, 1, 0, sign(key, trade.digest(order)))

    for cancelled in (768, 770):
        with pytest.raises(Reverted, match="OrderUsed"):
            trade.settle(fill(cancelled), net=trade.taken(1, 0))
    trade.settle(fill(769), net=trade.taken(1, 0))
    assert local.read("nonceWord", AREA, account, 3) == 0b111


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"filled_wh": 0, "money": 0}, "OrderOverfilled"),
        ({"filled_wh": 5_001, "money": 500_000}, "OrderOverfilled"),
        ({"filled_wh": 100, "money": 2**63}, "OrderOverfilled"),
        ({"filled_wh": 100, "money": 10_000, "deadline": 1}, "OrderExpired"),
    ],
    ids=["nothing", "more than signed", "money out of range", "too late"],
)
def test_terms_are_kept(trade, change, error):
    """An order is filled up to its energy, until its deadline, and not with nothing."""
    with pytest.raises(Reverted) as refused:
        trade.settle(trade.sell(**change))

    assert (refused.value.name, refused.value.values) == (error, (0,))


def test_only_the_owners_signature_counts(trade):
    """A changed, foreign, malleable or malformed signature is refused, with the order's place."""
    order, filled, money, signature = trade.sell(100, 10_000)
    r, s, v = signature[:32], int.from_bytes(signature[32:64], "big"), signature[64]
    high_s = (CURVE_ORDER - s).to_bytes(32, "big")
    bad = [
        sign(key_of(BUYER), trade.digest(order)),
        signature[:-1] + bytes([55 - v]),
        r + high_s + bytes([55 - v]),
        r + signature[32:64] + bytes([v - 27]),
        bytes(65),
        bytes(64),
        signature[:63],
        signature + b"\x00",
        b"",
    ]
    for wrong in bad:
        with pytest.raises(Reverted) as refused:
            trade.settle((order, filled, money, wrong), net=trade.taken(100, 10_000))
        assert (refused.value.name, refused.value.values) == ("SignatureInvalid", (0,))
    dearer = (*order[:3], order[3] - 1, *order[4:])
    with pytest.raises(Reverted, match="SignatureInvalid"):
        trade.settle((dearer, filled, money, signature), net=trade.taken(100, 10_000))


def test_order_of_nobody_is_refused(trade):
    """An account that is not registered has no owner whose signature could count."""
    order = (FIRST_SIGNED + 9, False, 10, 0, 0, FOREVER)

    with pytest.raises(Reverted) as refused:
        trade.settle((order, 10, 0, bytes(65)))

    assert (refused.value.name, refused.value.values) == ("UnknownAccount", (0, 0, order[0]))


def test_fills_and_nets_sum_to_zero(trade):
    """The settler keeps nothing back: what orders give, orders and netted accounts get."""
    with pytest.raises(Reverted) as refused:
        trade.settle(trade.sell(100, 10_000), net=trade.taken(99, 10_000))
    assert (refused.value.name, refused.value.values) == ("NotZeroSum", (0, -1, 0))
    with pytest.raises(Reverted) as refused:
        trade.settle(trade.sell(100, 10_000), net=trade.taken(100, 9_999))
    assert (refused.value.name, refused.value.values) == ("NotZeroSum", (0, 0, 1))


def test_maker_without_means_is_the_culprit(trade):
    """An order that its maker cannot cover is named by its place."""
    with pytest.raises(Reverted) as refused:
        trade.settle(
            trade.buy(5_000, 450_000),
            trade.sell(10_001, 1_000_000, limit_wh=20_000),
            net=net_line(trade.home, 5_001, -550_000),
        )

    assert (refused.value.name, refused.value.values) == (
        "InsufficientEnergy",
        (0, 1, trade.seller),
    )


def test_only_the_settler_settles_and_a_reference_once(trade):
    """A stranger cannot use orders that it sees, and a reference is settled once in all forms."""
    reference = trade.local.reference()
    fill, net = trade.sell(100, 10_000), trade.taken(100, 10_000)
    with pytest.raises(Reverted, match="NotAllowed"):
        trade.settle(fill, net=net, sender=trade.local.accounts[5])
    trade.settle(fill, net=net, reference=reference)

    with pytest.raises(Reverted, match="AlreadySettled"):
        trade.settle(trade.sell(100, 10_000, nonce=1), net=net, reference=reference)
    with pytest.raises(Reverted, match="AlreadySettled"):
        trade.local.settle(section(ISSUE, issue_line(1, 1)), reference=reference)


@pytest.mark.parametrize("length", [1, 19, 21])
def test_cut_off_net_lines_are_refused(trade, length):
    """Net lines have 20 bytes each."""
    with pytest.raises(Reverted) as refused:
        trade.settle(trade.sell(100, 10_000), net=bytes(length))

    assert (refused.value.name, refused.value.values) == ("Malformed", (1,))
