"""Areas and roles: who may do what, that roles pass in two steps, and that a pause blocks no exit."""

import pytest

from .local_ledger import (
    ANCHOR,
    AREA,
    DELAY_S,
    FOREVER,
    ISSUE,
    MONEY,
    NET,
    RETIRE,
    TRANSFER,
    Reverted,
    issue_line,
    net_line,
    section,
    transfer_line,
)

ROOT = bytes(32)
OWNER, SETTLER, ISSUER = 0, 1, 2


@pytest.mark.parametrize(
    ("role", "index"), [("Owner", OWNER), ("Settler", SETTLER), ("Issuer", ISSUER)]
)
def test_role_passes_in_two_steps(local, role, index):
    """A role changes hands only when the proposed address takes it; a proposal can be taken back."""
    old, new, stranger = local.accounts[:3]
    with pytest.raises(Reverted, match="NotOwner"):
        local.send(f"propose{role}", AREA, stranger, sender=stranger)
    local.send(f"propose{role}", AREA, new)
    assert local.read("areaState", AREA)[index] == old.lower()
    with pytest.raises(Reverted, match="NotProposed"):
        local.send(f"accept{role}", AREA, sender=stranger)

    local.send(f"accept{role}", AREA, sender=new)

    assert local.read("areaState", AREA)[index] == new.lower()
    with pytest.raises(Reverted, match="NotProposed"):
        local.send(f"accept{role}", AREA, sender=new)


def test_settler_and_issuer_keep_to_their_sections(local):
    """The settler neither issues nor retires; the issuer neither nets nor transfers; a stranger nothing."""
    settler, issuer = local.accounts[1:3]
    area = AREA + 1
    local.send("openArea", settler, issuer)
    local.send("acceptSettler", area, sender=settler)
    local.send("acceptIssuer", area, sender=issuer)
    local.send("registerMany", area, list(local.accounts[4:6]), sender=settler)
    issue = section(ISSUE, issue_line(1, 10))
    net = section(NET, net_line(1, -1, 0), net_line(2, 1, 0))

    def settle(sender, operations):
        return local.send(
            "settle", area, local.reference(), FOREVER, operations, b"", sender=sender
        )

    settle(issuer, issue)
    settle(settler, net)
    settle(settler, section(ANCHOR, ROOT))
    settle(issuer, section(ANCHOR, ROOT))
    for sender, refused in (
        (settler, issue),
        (settler, section(RETIRE, issue_line(1, 1))),
        (issuer, net),
        (issuer, section(TRANSFER, transfer_line(1, 2, MONEY, 0))),
        (local.accounts[3], section(ANCHOR, ROOT)),
        (local.operator, section(ANCHOR, ROOT)),
    ):
        with pytest.raises(Reverted, match="NotAllowed"):
            settle(sender, refused)


def test_area_has_no_power_over_another(local):
    """The settler of one area cannot settle, and its accounts do not exist, in another."""
    local.register(local.accounts[4])
    other = local.accounts[1]
    local.send("openArea", other, other, sender=other)
    assert local.read("areaCount") == AREA + 1

    with pytest.raises(Reverted, match="NotAllowed"):
        local.settle(section(ISSUE, issue_line(1, 1)), sender=other)
    with pytest.raises(Reverted, match="UnknownAccount"):
        local.send(
            "settle",
            AREA + 1,
            local.reference(),
            FOREVER,
            section(ISSUE, issue_line(1, 1)),
            b"",
            sender=other,
        )


def test_pause_stops_everything_but_exits(local):
    """A paused area takes nothing in and settles nothing, yet lets money out and orders be cancelled."""
    owner = local.accounts[1]
    (home,) = local.register(owner)
    local.fund(home, money_units=50)
    with pytest.raises(Reverted, match="NotOwner"):
        local.send("setPaused", AREA, True, sender=owner)
    local.send("setPaused", AREA, True)

    number = local.read("headOf", AREA)[0]
    for call in (
        ("settle", AREA, local.reference(), FOREVER, section(ANCHOR, ROOT), b""),
        ("settleSigned", AREA, local.reference(), FOREVER, [], b""),
        ("recordRoot", AREA, local.reference(), ROOT, number + 1),
        ("register", AREA, local.accounts[2], False),
        ("registerMany", AREA, []),
        ("deposit", AREA, home, 1),
    ):
        with pytest.raises(Reverted, match="AreaPaused"):
            local.send(*call)
    local.send("cancelNonces", AREA, home, 0, 1, sender=owner)
    local.send("requestWithdrawal", AREA, home, 50, sender=owner)
    local.pass_time(DELAY_S)
    local.send("withdraw", AREA, home, owner, sender=owner)

    assert local.token.read("balanceOf", owner) == 50
    local.send("setPaused", AREA, False)
    local.settle(section(ANCHOR, ROOT))
