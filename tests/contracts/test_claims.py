"""Claims: a funded root pays each leaf once, to its account, and gives back what nobody claimed."""

import pytest
from eth_abi.abi import encode
from eth_utils.crypto import keccak

from .local_ledger import AREA, CLAIMS, Reverted, claims_line, section

LEAVES = [(0, 1, 100, 7), (1, 2, 0, 40), (255, 3, 5, 0), (256, 3, 1, 1), (300, 4, 9, 9)]
"""Index, account, energy, money; the last one is more than the root has."""
HOUR_S = 3_600


def leaf(values):
    """The hash of a leaf."""
    return keccak(keccak(encode(["uint32", "uint32", "uint64", "uint64"], values)))


def pair(a, b):
    """The hash of two nodes in order."""
    return keccak(min(a, b) + max(a, b))


def tree(leaves):
    """The root, and the proof of each leaf; an odd node goes up alone."""
    proofs = [[] for _ in leaves]
    nodes = [(leaf(values), [index]) for index, values in enumerate(leaves)]
    while len(nodes) > 1:
        above = []
        for left, right in zip(nodes[::2], nodes[1::2], strict=False):
            for index in left[1]:
                proofs[index].append(right[0])
            for index in right[1]:
                proofs[index].append(left[0])
            above.append((pair(left[0], right[0]), left[1] + right[1]))
        nodes = above + ([nodes[-1]] if len(nodes) % 2 else [])
    return nodes[0][0], proofs


ROOT, PROOFS = tree(LEAVES)


@pytest.fixture
def payer(local):
    """The account that funds the root, with 115 Wh and 57 units of money left in it."""
    (number,) = local.register(local.operator)
    local.register(*local.accounts[1:4])
    local.fund(number, energy_wh=221, money_units=105)
    now = local.tester.get_block_by_number("latest")["timestamp"]
    local.settle(section(CLAIMS, claims_line(number, 106, 48, now + HOUR_S, ROOT)))
    return number


def claim(local, position, *, values=None, proof=None):
    """Claim a leaf."""
    index, account, energy, money = values or LEAVES[position]
    return local.send(
        "claim",
        AREA,
        ROOT,
        index,
        account,
        energy,
        money,
        PROOFS[position] if proof is None else proof,
    )


def test_root_is_funded_when_it_is_opened(local, payer):
    """What a root may pay leaves the payer's account at once."""
    assert local.balance(payer) == (115, 57)
    assert local.read("claimsOf", AREA, ROOT)[:3] == (payer, 106, 48)


def test_each_leaf_is_paid_once(local, payer):
    """Every account gets its leaf, whoever asks, and not again; neighbours in the bitmap do not count."""
    for position in range(4):
        claim(local, position)

    assert [local.balance(n) for n in (payer, 2, 3)] == [(215, 64), (0, 40), (6, 1)]
    assert local.read("claimsOf", AREA, ROOT)[1:3] == (0, 0)
    for position in range(4):
        with pytest.raises(Reverted, match="ClaimUsed"):
            claim(local, position)
    assert local.read("isClaimed", AREA, ROOT, 255)
    assert not local.read("isClaimed", AREA, ROOT, 254)


def test_wrong_claims_are_refused(local, payer):
    """Another account, amount, index or proof is refused, and an inner node is no leaf."""
    index, account, energy, money = LEAVES[0]
    for values in (
        (index, account + 1, energy, money),
        (index, account, energy + 1, money),
        (index, account, energy, money + 1),
        (index + 2, account, energy, money),
    ):
        with pytest.raises(Reverted, match="ClaimInvalid"):
            claim(local, 0, values=values)
    with pytest.raises(Reverted, match="ClaimInvalid"):
        claim(local, 0, proof=PROOFS[0][:-1])
    with pytest.raises(Reverted, match="UnknownClaims"):
        local.send("claim", AREA, bytes(32), *LEAVES[0], PROOFS[0])


def test_root_pays_no_more_than_it_has(local, payer):
    """A leaf beyond the root's funds, or for an account that does not exist, changes nothing."""
    claim(local, 0)
    with pytest.raises(Reverted, match="ClaimExceedsRoot"):
        claim(local, 4)

    assert local.read("claimsOf", AREA, ROOT)[1:3] == (6, 41)


def test_claims_go_on_while_the_area_is_paused(local, payer):
    """A pause blocks no claim."""
    local.send("setPaused", AREA, True)

    claim(local, 1)

    assert local.balance(2) == (0, 40)


def test_rest_goes_back_after_the_deadline(local, payer):
    """Until the deadline the rest stays; after it nobody claims and the payer gets the rest, once."""
    claim(local, 0)
    with pytest.raises(Reverted, match="ClaimsRunning"):
        local.send("closeClaims", AREA, ROOT)
    local.pass_time(2 * HOUR_S)
    with pytest.raises(Reverted, match="ClaimsEnded"):
        claim(local, 1)

    local.send("closeClaims", AREA, ROOT)

    assert local.balance(payer) == (221, 105)
    with pytest.raises(Reverted, match="UnknownClaims"):
        local.send("closeClaims", AREA, ROOT)
    with pytest.raises(Reverted, match="ClaimsExist"):
        local.settle(section(CLAIMS, claims_line(payer, 1, 1, 2**60, ROOT)))
