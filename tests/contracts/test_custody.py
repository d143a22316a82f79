"""Accounts, deposits and withdrawals: exact amounts in, and always a way out."""

import pytest

from .local_ledger import (
    AREA,
    DELAY_S,
    FIRST_SIGNED,
    MONEY,
    TRANSFER,
    Contract,
    Reverted,
    section,
    transfer_line,
)

NOBODY = "0x" + "00" * 20


@pytest.fixture
def home(local):
    """An account of the second key that holds 1,000 units of money."""
    (number,) = local.register(local.accounts[1])
    local.fund(number, money_units=1_000)
    return number


@pytest.fixture
def owner(local):
    """The address whose account `home` is."""
    return local.accounts[1]


def test_ids_are_contiguous_for_each_kind(local):
    """Accounts are numbered from 1, signed ones from 2^31 + 1, without gaps."""
    owners = local.accounts[1:4]

    netted = local.register(*owners)
    signed = [local.register_signed(owner) for owner in owners]

    assert netted == [1, 2, 3]
    assert signed == [FIRST_SIGNED + n for n in (1, 2, 3)]
    assert local.read("ownerOf", AREA, 2) == owners[1].lower()
    assert local.read("ownerOf", AREA, FIRST_SIGNED + 2) == owners[1].lower()


def test_owner_has_one_account_of_each_kind(local, home, owner):
    """Registering again is refused alone, and passed over in a list."""
    with pytest.raises(Reverted, match="AlreadyRegistered"):
        local.send("register", AREA, owner, False)

    assert local.register(owner, local.accounts[2]) == [home, home + 1]


def test_stranger_registers_nobody_else(local):
    """Only an owner or the settler registers; somebody else is refused."""
    stranger, other = local.accounts[5], local.accounts[6]
    with pytest.raises(Reverted, match="NotAllowed"):
        local.send("register", AREA, other, False, sender=stranger)
    with pytest.raises(Reverted, match="NotAllowed"):
        local.send("registerMany", AREA, [stranger], sender=stranger)

    local.send("register", AREA, stranger, True, sender=stranger)

    assert local.read("accountsOf", AREA, stranger) == (0, FIRST_SIGNED + 1)


def test_nobody_is_no_owner(local):
    """The zero address gets no account, and an area that is not open has none."""
    with pytest.raises(Reverted, match="ZeroAddress"):
        local.send("register", AREA, NOBODY, False)
    with pytest.raises(Reverted, match="UnknownArea"):
        local.send("register", AREA + 1, local.operator, False)


def test_deposit_moves_exactly_what_it_says(local, home):
    """The account gets what left the payer, and the ledger holds it."""
    assert local.balance(home) == (0, 1_000)
    assert local.token.read("balanceOf", local.ledger.address) == 1_000


@pytest.mark.parametrize(
    ("account", "units", "error"), [(9, 1, "UnknownAccount"), (1, 0, "ZeroUnits")]
)
def test_deposit_needs_an_account_and_units(local, home, account, units, error):
    """Money for nobody, and no money, are refused."""
    with pytest.raises(Reverted, match=error):
        local.send("deposit", AREA, account, units)


def test_deposit_cannot_overflow_an_account(local, home):
    """What does not fit 64 bits is refused before the token moves."""
    local.token.send("mint", local.operator, 2**64 - 1)
    local.token.send("approve", local.ledger.address, 2**64 - 1)

    with pytest.raises(Reverted, match="BalanceOverflow"):
        local.send("deposit", AREA, home, 2**64 - 1)

    assert local.token.read("balanceOf", local.ledger.address) == 1_000


def test_withdrawal_waits_for_its_delay(local, home, owner):
    """Money leaves when the delay is over, to the address that the owner names, and not before."""
    local.send("requestWithdrawal", AREA, home, 400, sender=owner)
    with pytest.raises(Reverted, match="TooEarly"):
        local.send("withdraw", AREA, home, owner, sender=owner)
    local.pass_time(DELAY_S)

    local.send("withdraw", AREA, home, local.accounts[7], sender=owner)

    assert local.balance(home) == (0, 600)
    assert local.token.read("balanceOf", local.accounts[7]) == 400
    with pytest.raises(Reverted, match="NothingRequested"):
        local.send("withdraw", AREA, home, owner, sender=owner)


def test_request_leaves_the_money_to_batches(local, home, owner):
    """A batch signed before the request still settles; the owner gets what is left."""
    (other,) = local.register(local.accounts[2])
    local.send("requestWithdrawal", AREA, home, 1_000, sender=owner)
    local.settle(section(TRANSFER, transfer_line(home, other, MONEY, 700)))
    local.pass_time(DELAY_S)

    local.send("withdraw", AREA, home, owner, sender=owner)

    assert local.balance(home) == (0, 0)
    assert local.token.read("balanceOf", owner) == 300


def test_new_request_starts_again_and_zero_takes_it_back(local, home, owner):
    """A request replaces the one before, with a delay of its own."""
    local.send("requestWithdrawal", AREA, home, 10, sender=owner)
    local.pass_time(DELAY_S)
    local.send("requestWithdrawal", AREA, home, 20, sender=owner)
    with pytest.raises(Reverted, match="TooEarly"):
        local.send("withdraw", AREA, home, owner, sender=owner)

    local.send("requestWithdrawal", AREA, home, 0, sender=owner)

    assert local.read("withdrawalOf", AREA, home) == (0, 0)


def test_only_the_owner_asks_and_withdraws(local, home, owner):
    """Neither the settler nor a stranger can start or finish a withdrawal."""
    with pytest.raises(Reverted, match="NotAccountOwner"):
        local.send("requestWithdrawal", AREA, home, 10)
    local.send("requestWithdrawal", AREA, home, 10, sender=owner)
    local.pass_time(DELAY_S)

    with pytest.raises(Reverted, match="NotAccountOwner"):
        local.send("withdraw", AREA, home, local.operator)


def test_delay_is_bounded(local):
    """A ledger whose delay is no delay, or has no end, cannot be deployed."""
    for delay in (0, 599, 30 * 86_400 + 1):
        with pytest.raises(Reverted, match="constructor"):
            Contract.deploy(
                local.tester, "SaumaLedger", local.token.address, delay, local.escrow.address
            )
