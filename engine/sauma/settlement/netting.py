"""Netting: fewer movements of energy for the same end position of everybody.

Energy obligations come in as (debtor, creditor, Wh); what goes out is what must really move.  Every
function keeps each party's net position, and says so by a check that cannot be switched off.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import TypeAlias

from sauma.errors import Disagreement

Debt: TypeAlias = tuple[str, str, int]
"""Debtor, creditor, Wh."""


def net_positions(debts: Iterable[Debt]) -> dict[str, int]:
    """Return what each party receives minus what it gives, in Wh; the values sum to zero."""
    positions: dict[str, int] = defaultdict(int)
    for debtor, creditor, energy_wh in debts:
        positions[debtor] -= energy_wh
        positions[creditor] += energy_wh
    return dict(positions)


def net_pairs(debts: Sequence[Debt]) -> list[Debt]:
    """Return one debt for each pair of parties, in the direction that is left; sorted by names."""
    balances: dict[tuple[str, str], int] = defaultdict(int)
    for debtor, creditor, energy_wh in debts:
        if debtor <= creditor:
            balances[debtor, creditor] += energy_wh
        else:
            balances[creditor, debtor] -= energy_wh
    netted = sorted(
        (first, second, energy_wh) if energy_wh > 0 else (second, first, -energy_wh)
        for (first, second), energy_wh in balances.items()
        if energy_wh
    )
    check_positions(debts, netted)
    return netted


def net_multilaterally(debts: Sequence[Debt]) -> list[Debt]:
    """Return who funds whom once everybody is netted: at most parties − 1 debts.

    Net givers and net receivers are each put in order of name, and their cumulated energy is cut at
    the same points; each piece is one debt.  Who funds whom says which receiver waits when a giver
    cannot deliver; it does not say that they traded.
    """
    positions = sorted(net_positions(debts).items())
    givers = [(name, -energy_wh) for name, energy_wh in positions if energy_wh < 0]
    receivers = [(name, energy_wh) for name, energy_wh in positions if energy_wh > 0]
    netted: list[Debt] = []
    giver_index = receiver_index = 0
    given_wh = received_wh = 0
    while giver_index < len(givers) and receiver_index < len(receivers):
        giver, gives_wh = givers[giver_index]
        receiver, receives_wh = receivers[receiver_index]
        piece_wh = min(gives_wh - given_wh, receives_wh - received_wh)
        netted.append((giver, receiver, piece_wh))
        given_wh += piece_wh
        received_wh += piece_wh
        if given_wh == gives_wh:
            giver_index, given_wh = giver_index + 1, 0
        if received_wh == receives_wh:
            receiver_index, received_wh = receiver_index + 1, 0
    check_positions(debts, netted)
    return netted


def check_positions(before: Iterable[Debt], after: Iterable[Debt]) -> None:
    """Raise `Disagreement` unless everybody ends where they would have without netting."""
    left = net_positions(before)
    for name, energy_wh in net_positions(after).items():
        left[name] = left.get(name, 0) - energy_wh
    wrong = {name: energy_wh for name, energy_wh in sorted(left.items()) if energy_wh}
    if wrong:
        raise Disagreement(f"netting changed positions by {wrong} Wh")
