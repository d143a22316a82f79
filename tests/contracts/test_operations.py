"""Batches: what each kind of section does, and that a refused batch moves nothing and names its culprit."""

import pytest
from eth_utils.crypto import keccak

from .local_ledger import (
    ANCHOR,
    AREA,
    CLAIMS,
    ENERGY,
    FIRST_SIGNED,
    FOREVER,
    ISSUE,
    MINUS,
    MONEY,
    NET,
    RETIRE,
    TRANSFER,
    Reverted,
    claims_line,
    head_after,
    issue_line,
    key_of,
    net_line,
    section,
    transfer_line,
)

ROOT = bytes(range(32))


@pytest.fixture(scope="module")
def prepared(deployed):
    """Three accounts, the first two with energy and money; and a signed one: made once."""
    snapshot = deployed.tester.take_snapshot()
    owners = [key_of(n).public_key.to_checksum_address() for n in range(1, 4)]
    numbers = deployed.register(*owners)
    for number in numbers[:2]:
        deployed.fund(number, energy_wh=1_000, money_units=5_000)
    deployed.register_signed(owners[0])
    yield numbers
    deployed.tester.revert_to_snapshot(snapshot)


@pytest.fixture
def homes(prepared, local):
    """The accounts, as they were prepared."""
    return prepared


def state(local):
    """All that a batch could change."""
    numbers = [*range(1, 6), FIRST_SIGNED + 1]
    return (
        local.read("areaState", AREA),
        local.read("balancesOf", AREA, numbers),
    )


def test_net_moves_both_assets(local, homes):
    """A netted batch moves energy one way and money the other."""
    a, b, _ = homes

    local.settle(section(NET, net_line(a, -300, 900), net_line(b, 300, -900)))

    assert local.balance(a) == (700, 5_900)
    assert local.balance(b) == (1_300, 4_100)


def test_issue_and_retire_move_the_supply(local, homes):
    """Issued energy is added to the supply, retired energy leaves it."""
    a, _, c = homes

    local.settle(section(ISSUE, issue_line(c, 40)) + section(RETIRE, issue_line(a, 15)))

    assert local.balance(c) == (40, 0)
    assert local.balance(a) == (985, 5_000)
    assert local.read("areaState", AREA)[10] == 2_000 + 40 - 15


def test_transfers_are_done_in_order(local, homes):
    """A line may spend what a line before it brought."""
    a, b, c = homes

    local.settle(
        section(TRANSFER, transfer_line(a, c, ENERGY, 1_000), transfer_line(c, b, ENERGY, 600))
        + section(TRANSFER, transfer_line(b, c, MONEY, 7))
    )

    assert [local.balance(n) for n in (a, b, c)] == [(0, 5_000), (1_600, 4_993), (400, 7)]


def test_transfer_to_oneself_changes_nothing(local, homes):
    """Energy given to oneself is neither lost nor doubled."""
    a = homes[0]

    local.settle(section(TRANSFER, transfer_line(a, a, ENERGY, 1_000)))

    assert local.balance(a) == (1_000, 5_000)


def test_signed_account_receives_but_does_not_give(local, homes):
    """The settler may pay into a signed account, never out of it."""
    a = homes[0]
    signed = FIRST_SIGNED + 1
    local.settle(section(TRANSFER, transfer_line(a, signed, ENERGY, 10)))

    with pytest.raises(Reverted) as refused:
        local.settle(section(TRANSFER, transfer_line(signed, a, ENERGY, 1)))

    assert local.balance(signed) == (10, 0)
    assert (refused.value.name, refused.value.values) == ("SignedAccount", (0, 0, signed))


def test_event_repeats_the_batch_and_rolls_the_head(local, homes):
    """The event alone says what was done, under which number, and what the head is now."""
    a, b, _ = homes
    operations = section(NET, net_line(a, -1, 0), net_line(b, 1, 0)) + section(ANCHOR, ROOT)
    reference, trades = local.reference(), b"the trades"
    number, before = local.read("headOf", AREA)

    ((name, event),) = local.settle(operations, reference=reference, trades=trades).events

    assert name == "BatchSettled"
    assert event == {
        "area": AREA,
        "batchReference": reference,
        "sequence": number + 1,
        "head": head_after(before, reference, 1, keccak(operations), keccak(trades)),
        "tradesHash": keccak(trades),
        "operations": operations,
    }
    assert local.read("headOf", AREA) == (number + 1, event["head"])
    assert local.read("settledAs", AREA, reference) == number + 1


def test_reference_is_settled_once(local, homes):
    """A second transaction with the same reference is refused, even with other contents."""
    a, b, _ = homes
    reference = local.reference()
    local.settle(section(NET, net_line(a, -1, 0), net_line(b, 1, 0)), reference=reference)
    before = state(local)

    with pytest.raises(Reverted, match="AlreadySettled"):
        local.settle(section(NET, net_line(a, -2, 0), net_line(b, 2, 0)), reference=reference)

    assert state(local) == before


def test_failed_batch_takes_no_sequence(local, homes):
    """A batch that was refused may be settled later under the same reference, and leaves no hole."""
    a, _, c = homes
    reference, number = local.reference(), local.read("headOf", AREA)[0]
    operations = section(TRANSFER, transfer_line(c, a, ENERGY, 5))
    with pytest.raises(Reverted, match="InsufficientEnergy"):
        local.settle(operations, reference=reference)
    local.settle(section(ISSUE, issue_line(c, 5)))

    local.settle(operations, reference=reference)

    assert local.read("settledAs", AREA, reference) == number + 2


def test_expired_batch_is_refused(local, homes):
    """A batch is valid up to and including its last second."""
    operations = section(ANCHOR, ROOT)
    now = local.tester.get_block_by_number("pending")["timestamp"]

    with pytest.raises(Reverted, match="Expired"):
        local.settle(operations, valid_until=now - 1)
    local.settle(operations, valid_until=now + 60)


def test_interval_root_needs_the_next_sequence(local, homes):
    """A root goes into the head under the sequence that its sender expected, and under no other."""
    number, before = local.read("headOf", AREA)
    reference = local.reference()
    for wrong in (number, number + 2):
        with pytest.raises(Reverted, match="WrongSequence"):
            local.send("recordRoot", AREA, reference, ROOT, wrong)

    ((name, event),) = local.send("recordRoot", AREA, reference, ROOT, number + 1).events

    assert name == "IntervalCommitted"
    assert event["sequence"] == number + 1
    assert local.read("headOf", AREA) == (number + 1, head_after(before, reference, 3, ROOT))
    with pytest.raises(Reverted, match="WrongSequence"):
        local.send("recordRoot", AREA, reference, ROOT, number + 1)


@pytest.mark.parametrize(
    ("lines", "error", "values"),
    [
        ([net_line(1, -1_001, 0), net_line(2, 1_001, 0)], "InsufficientEnergy", (1, 0, 1)),
        ([net_line(1, 0, 5_001), net_line(2, 0, -5_001)], "InsufficientMoney", (1, 1, 2)),
        ([net_line(1, -1, 0), net_line(2, 2, 0)], "NotZeroSum", (1, 1, 0)),
        ([net_line(1, -2, 0), net_line(2, 1, 0)], "NotZeroSum", (1, -1, 0)),
        ([net_line(1, 0, -7), net_line(2, 0, 6)], "NotZeroSum", (1, 0, -1)),
        ([net_line(1, -1, 1), net_line(2, 0, 0)], "NotZeroSum", (1, -1, 1)),
        ([net_line(2, -1, 0), net_line(1, 1, 0)], "NotIncreasing", (1, 1, 1)),
        ([net_line(1, -1, 0), net_line(1, 1, 0)], "NotIncreasing", (1, 1, 1)),
        ([net_line(0, 1, 0), net_line(1, -1, 0)], "NotIncreasing", (1, 0, 0)),
        ([net_line(1, -1, 0), net_line(4, 1, 0)], "UnknownAccount", (1, 1, 4)),
        (
            [net_line(1, -1, 0), net_line(FIRST_SIGNED + 1, 1, 0)],
            "SignedAccount",
            (1, 1, FIRST_SIGNED + 1),
        ),
        ([net_line(1, 0, 0)[:4] + MINUS.to_bytes(8, "big") + bytes(8)], "Malformed", (1,)),
        ([net_line(1, 0, 0)[:12] + MINUS.to_bytes(8, "big")], "Malformed", (1,)),
    ],
    ids=lambda value: None,
)
def test_bad_net_names_its_culprit(local, homes, lines, error, values):
    """A net that breaks a rule is refused with section and line, and nothing of the batch is done."""
    before = state(local)

    with pytest.raises(Reverted) as refused:
        local.settle(section(ISSUE, issue_line(3, 1)) + section(NET, *lines))

    assert (refused.value.name, refused.value.values) == (error, values)
    assert state(local) == before


@pytest.mark.parametrize(
    ("operations", "error", "values"),
    [
        (b"", "Malformed", (0,)),
        (b"\x01", "Malformed", (0,)),
        (section(ISSUE), "Malformed", (0,)),
        (section(NET, net_line(1, 0, 0))[:-1], "Malformed", (0,)),
        (section(ANCHOR, ROOT) + b"\x00", "UnknownKind", (1, 0)),
        (section(7, ROOT), "UnknownKind", (0, 7)),
        (section(ISSUE, issue_line(9, 1)), "UnknownAccount", (0, 0, 9)),
        (section(ISSUE, issue_line(FIRST_SIGNED + 2, 1)), "UnknownAccount", (0, 0, 2**31 + 2)),
        (section(ISSUE, issue_line(1, 2**64 - 1)), "BalanceOverflow", (0, 0, 1)),
        (section(RETIRE, issue_line(2, 1_001)), "InsufficientEnergy", (0, 0, 2)),
        (section(RETIRE, issue_line(FIRST_SIGNED + 1, 1)), "SignedAccount", (0, 0, 2**31 + 1)),
        (section(TRANSFER, transfer_line(1, 2, 2, 1)), "UnknownAsset", (0, 0, 2)),
        (section(TRANSFER, transfer_line(0, 2, MONEY, 1)), "UnknownAccount", (0, 0, 0)),
        (section(TRANSFER, transfer_line(1, 0, MONEY, 1)), "UnknownAccount", (0, 0, 0)),
        (
            section(TRANSFER, transfer_line(1, 2, MONEY, 5_000), transfer_line(1, 2, MONEY, 1)),
            "InsufficientMoney",
            (0, 1, 1),
        ),
        (section(CLAIMS, claims_line(1, 0, 5_001, 9, ROOT)), "InsufficientMoney", (0, 0, 1)),
        (
            section(
                CLAIMS, claims_line(1, 1, 1, FOREVER, ROOT), claims_line(1, 1, 1, FOREVER, ROOT)
            ),
            "ClaimsExist",
            (0, 1, ROOT),
        ),
    ],
    ids=lambda value: value.hex() if isinstance(value, bytes) else None,
)
def test_bad_section_names_its_culprit(local, homes, operations, error, values):
    """A section that breaks a rule is refused with its place, and nothing moves."""
    before = state(local)

    with pytest.raises(Reverted) as refused:
        local.settle(operations)

    assert (refused.value.name, refused.value.values) == (error, values)
    assert state(local) == before


def test_fields_do_not_run_into_each_other(local, homes):
    """An account filled to its last bit leaves its neighbours, and its other asset, as they were."""
    a, b, c = homes
    local.settle(section(ISSUE, issue_line(b, 2**64 - 1 - 1_000), issue_line(c, 2**64 - 1)))

    with pytest.raises(Reverted) as refused:
        local.settle(section(NET, net_line(a, -1, 0), net_line(b, 1, 0)))

    assert (refused.value.name, refused.value.values) == ("BalanceOverflow", (0, 1, b))
    assert local.balance(a) == (1_000, 5_000)
    assert local.balance(b) == (2**64 - 1, 5_000)
    assert local.balance(c) == (2**64 - 1, 0)
