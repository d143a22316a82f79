"""Netted arithmetic in packed slots against plain integers: the same result, or the same refusal."""

import struct

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from .local_ledger import (
    AREA,
    FIRST_SIGNED,
    ISSUE,
    MINUS,
    NET,
    Reverted,
    issue_line,
    key_of,
    section,
)

FULL = 2**64 - 1
ACCOUNTS = 6
EDGES = [0, 1, 2, 999, 1_000, 1_001, 2**32, 2**62, 2**63 - 2, 2**63 - 1]


class Model:
    """Balances as Python integers, and the rules in the order in which the contract asks them."""

    def __init__(self, balances):
        self.balances = dict(balances)

    def settle(self, lines):
        """Apply lines; return None, or the error's name and values with nothing changed."""
        after, sums, previous = dict(self.balances), [0, 0], 0
        for line, (account, *signed) in enumerate(lines):
            if account <= previous:
                return "NotIncreasing", (0, line, account)
            previous = account
            if MINUS in signed:
                return "Malformed", (0,)
            deltas = [-(number & MINUS - 1) if number & MINUS else number for number in signed]
            fields = [
                held + delta for held, delta in zip(after.get(account, (0, 0)), deltas, strict=True)
            ]
            if fields[0] < 0:
                return "InsufficientEnergy", (0, line, account)
            if fields[1] < 0:
                return "InsufficientMoney", (0, line, account)
            if max(fields) > FULL:
                return "BalanceOverflow", (0, line, account)
            after[account] = tuple(fields)
            sums = [a + b for a, b in zip(sums, deltas, strict=True)]
        if previous > ACCOUNTS:
            name = "SignedAccount" if previous > FIRST_SIGNED else "UnknownAccount"
            return name, (0, len(lines) - 1, previous)
        if sums != [0, 0]:
            return "NotZeroSum", (0, *sums)
        self.balances = after
        return None


@pytest.fixture(scope="module")
def bench(deployed):
    """Accounts between empty and full, and the model of them; both change as examples are tried."""
    snapshot = deployed.tester.take_snapshot()
    owners = [key_of(n).public_key.to_checksum_address() for n in range(1, ACCOUNTS + 1)]
    numbers = deployed.register(*owners)
    energy = dict(zip(numbers, [1_000, FULL, 0, 2**63, 7, FULL], strict=True))
    money = dict(zip(numbers, [5_000, 0, FULL, 2**63 - 1, FULL, 3], strict=True))
    deployed.settle(section(ISSUE, *(issue_line(n, energy[n]) for n in numbers)))
    deployed.token.send("mint", deployed.operator, sum(money.values()))
    deployed.token.send("approve", deployed.ledger.address, sum(money.values()))
    for number in numbers:
        if money[number]:
            deployed.send("deposit", AREA, number, money[number])
    yield deployed, Model({n: (energy[n], money[n]) for n in numbers})
    deployed.tester.revert_to_snapshot(snapshot)


magnitudes = st.sampled_from(EDGES) | st.integers(0, 2**63 - 1) | st.integers(0, 2_000)
signed_magnitudes = st.builds(
    lambda m, minus: m | (MINUS if minus else 0), magnitudes, st.booleans()
)
any_lines = st.lists(
    st.tuples(
        st.sampled_from([*range(1, ACCOUNTS + 1)] * 3 + [0, ACCOUNTS + 1, FIRST_SIGNED + 1]),
        signed_magnitudes,
        signed_magnitudes,
    ),
    min_size=1,
    max_size=5,
    unique_by=lambda line: line[0],
).flatmap(lambda lines: st.sampled_from([sorted(lines), sorted(lines), lines]))


@st.composite
def balanced_lines(draw):
    """Lines that sum to zero, with parts that fit often enough to be settled."""
    accounts = sorted(draw(st.sets(st.integers(1, ACCOUNTS), min_size=2)))
    parts = [
        draw(st.lists(st.sampled_from(EDGES[:7]), min_size=len(accounts), max_size=len(accounts)))
        for _ in range(2)
    ]
    lines = []
    for position, account in enumerate(accounts):
        # Each account gives to the next one in the ring.
        deltas = [part[position - 1] - part[position] for part in parts]
        lines.append((account, *(abs(d) | (MINUS if d < 0 else 0) for d in deltas)))
    return lines


@settings(
    max_examples=150,
    deadline=None,
    derandomize=True,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(lines=any_lines | balanced_lines() | balanced_lines())
def test_packed_net_equals_the_model(bench, lines):
    """Every batch gives the balances that plain integers give, or is refused for the same reason."""
    local, model = bench
    operations = section(NET, *(struct.pack(">IQQ", *line) for line in lines))
    expected = model.settle(lines)

    try:
        local.settle(operations)
        refused = None
    except Reverted as error:
        refused = (error.name, error.values)

    assert refused == expected
    energy, money = local.read("balancesOf", AREA, list(model.balances))
    assert dict(zip(model.balances, zip(energy, money, strict=True), strict=True)) == model.balances


def test_model_sees_both_outcomes():
    """The model settles what fits and refuses what does not, so that the comparison means something."""
    model = Model({1: (10, 0), 2: (0, 4)})

    assert model.settle([(1, 11 | MINUS, 0), (2, 11, 0)]) == ("InsufficientEnergy", (0, 0, 1))
    assert model.settle([(1, 10 | MINUS, 4), (2, 10, 4 | MINUS)]) is None
    assert model.balances == {1: (0, 4), 2: (10, 0)}
