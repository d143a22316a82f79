"""The plan: from energy obligations to instructions in waves, by the rulebook's delivery and netting.

A movement names holders (participants, `@issuer`, `@clearing`), not accounts: who holds which account
is bound later and may be erased.  A movement with parents is prepared only when they are included.
"""

from __future__ import annotations

import enum
from collections import defaultdict
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Final

import attrs

from sauma.chain import BatchKind, batch_reference
from sauma.errors import Disagreement
from sauma.identifiers import content_id
from sauma.intervals import to_unix
from sauma.rulebook import Delivery, Netting, Rulebook
from sauma.settlement.netting import Debt, net_multilaterally, net_pairs, net_positions
from sauma.settlement.obligations import CLEARING, ISSUER, Good, Obligation

ENERGY: Final = "energy"
FEE: Final = "fee"
"""The two asset roles that a movement can be in; the chain's settings say which asset they are."""


class MovementKind(enum.IntEnum):
    """Which instruction a movement becomes."""

    ISSUE = 1
    TRANSFER = 2
    NET = 3
    ANCHOR = 4


@attrs.frozen(kw_only=True)
class Movement:
    """One instruction to be, in the words of the rulebook: holders and units, not accounts.

    `authority` signs.  `source` gives and `target` receives; an issue has the producer as `source`
    and the first holder as `target`; a net movement has both in each of its legs instead.  An anchor
    moves nothing and has a `root`.
    """

    instruction_id: bytes
    kind: MovementKind
    authority: str
    source: str
    target: str
    asset_role: str
    units: int
    wave: int
    parents: tuple[bytes, ...] = ()
    legs: tuple[tuple[str, int], ...] = ()
    root: bytes = b""


@attrs.frozen(kw_only=True)
class ChainTerms:
    """What of a chain's capabilities shapes a plan; recorded with it, so that replay plans the same."""

    chain_id: str
    nets: bool
    batch_instructions_max: int
    atomic: bool
    needs_fees: bool
    clearing_signs: bool = False
    """Does the clearing account sign what moves between participants, as the only one that may?"""


@attrs.frozen(kw_only=True)
class PlannedBatch:
    """Movements of one authority and wave that share an on-chain reference."""

    settlement_id: bytes
    batch_id: bytes
    wave: int
    authority: str
    atomic: bool
    movements: tuple[Movement, ...]

    @property
    def kind(self) -> BatchKind:
        """What the batch is for."""
        is_anchor = self.movements[0].kind is MovementKind.ANCHOR
        return BatchKind.ANCHOR if is_anchor else BatchKind.SETTLEMENT

    @property
    def holders(self) -> set[str]:
        """Everybody whom its movements name, and who signs them."""
        named = (_holders(movement) | {movement.authority} for movement in self.movements)
        return {self.authority}.union(*named)

    @property
    def reference(self) -> bytes:
        """The reference that the chain carries."""
        return batch_reference(self.batch_id, self.kind)


def settlement_id(
    rulebook: Rulebook, area: str, start: datetime, end: datetime, chain_id: str
) -> bytes:
    """Return the id of the settlement of an area's netting period on a chain."""
    return content_id(
        "settlement", rulebook.rulebook_hash, area, to_unix(start), to_unix(end), chain_id
    )


def plan_movements(
    settlement: bytes, obligations: Sequence[Obligation], rulebook: Rulebook, terms: ChainTerms
) -> list[Movement]:
    """Return the movements that deliver the energy owed, in an order that does not depend on input.

    Raises `Disagreement` if they would leave anybody elsewhere than the obligations do.
    """
    energy = sorted(
        (owed for owed in obligations if owed.good is Good.ENERGY),
        key=lambda owed: owed.obligation_id,
    )
    debts = [(owed.debtor, owed.creditor, owed.units) for owed in energy]
    if rulebook.netting is Netting.NONE:
        labels = [owed.obligation_id for owed in energy]
    elif rulebook.netting is Netting.PER_PAIR:
        debts = net_pairs(debts)
        labels = [b"pair"] * len(debts)
    else:
        debts = net_multilaterally(debts)
        labels = [b"funding"] * len(debts)
    planner = _Planner(settlement, rulebook, terms)
    movements = planner.plan(debts, labels)
    check_movements(debts, movements)
    return movements


class _Planner:
    """Builds movements with ids that are hashes of the settlement and of what moves."""

    def __init__(self, settlement: bytes, rulebook: Rulebook, terms: ChainTerms) -> None:
        self._settlement = settlement
        self._rulebook = rulebook
        self._terms = terms

    def plan(self, debts: Sequence[Debt], labels: Sequence[bytes]) -> list[Movement]:
        multilateral = self._rulebook.netting is Netting.MULTILATERAL
        if self._rulebook.delivery is Delivery.ISSUER_DIRECT:
            return [
                self._issue(ISSUER, giver, receiver, units, label)
                for (giver, receiver, units), label in zip(debts, labels, strict=True)
            ]
        issues = self._issues(debts)
        if not multilateral:
            return [*issues.values(), *self._direct(debts, labels, issues)]
        if self._terms.nets:
            return [*issues.values(), *self._netted(debts, issues)]
        return [*issues.values(), *self._through_clearing(debts, issues)]

    def _issues(self, debts: Sequence[Debt]) -> dict[str, Movement]:
        """One issue for each giver, of all that it gives."""
        given_wh: dict[str, int] = defaultdict(int)
        for giver, _, units in debts:
            given_wh[giver] += units
        return {
            giver: self._issue(ISSUER, giver, giver, given_wh[giver], b"issue")
            for giver in sorted(given_wh)
        }

    def _direct(
        self, debts: Sequence[Debt], labels: Sequence[bytes], issues: dict[str, Movement]
    ) -> list[Movement]:
        return [
            self._transfer(giver, receiver, units, 1, (issues[giver],), label)
            for (giver, receiver, units), label in zip(debts, labels, strict=True)
        ]

    def _through_clearing(
        self, debts: Sequence[Debt], issues: dict[str, Movement]
    ) -> list[Movement]:
        """Givers pay in to the clearing account, which pays out to receivers."""
        paid_in = {
            giver: self._transfer(giver, CLEARING, issue.units, 1, (issue,), b"pay-in")
            for giver, issue in issues.items()
        }
        funded_by: dict[str, list[Movement]] = defaultdict(list)
        received_wh: dict[str, int] = defaultdict(int)
        for giver, receiver, units in debts:
            funded_by[receiver].append(paid_in[giver])
            received_wh[receiver] += units
        paid_out = [
            self._transfer(
                CLEARING, receiver, received_wh[receiver], 2, tuple(funded_by[receiver]), b"pay-out"
            )
            for receiver in sorted(received_wh)
        ]
        return [*paid_in.values(), *paid_out]

    def _netted(self, debts: Sequence[Debt], issues: dict[str, Movement]) -> list[Movement]:
        """One movement with a leg for each position, where the chain nets by itself."""
        legs = tuple(sorted((name, units) for name, units in net_positions(debts).items() if units))
        if not legs:
            return []
        return [
            Movement(
                instruction_id=content_id(
                    "instruction", self._settlement, "net", [*map(list, legs)]
                ),
                kind=MovementKind.NET,
                authority=CLEARING,
                source=CLEARING,
                target=CLEARING,
                asset_role=ENERGY,
                units=sum(units for _, units in legs if units > 0),
                wave=1,
                parents=tuple(issue.instruction_id for issue in issues.values()),
                legs=legs,
            )
        ]

    def _issue(
        self, authority: str, producer: str, target: str, units: int, label: bytes
    ) -> Movement:
        return Movement(
            instruction_id=content_id(
                "instruction", self._settlement, "issue", label, producer, target, units
            ),
            kind=MovementKind.ISSUE,
            authority=authority,
            source=producer,
            target=target,
            asset_role=ENERGY,
            units=units,
            wave=0,
        )

    def _transfer(
        self,
        source: str,
        target: str,
        units: int,
        wave: int,
        parents: tuple[Movement, ...],
        label: bytes,
    ) -> Movement:
        return Movement(
            instruction_id=content_id(
                "instruction", self._settlement, "transfer", label, source, target, units
            ),
            kind=MovementKind.TRANSFER,
            authority=CLEARING if self._terms.clearing_signs else source,
            source=source,
            target=target,
            asset_role=ENERGY,
            units=units,
            wave=wave,
            parents=tuple(parent.instruction_id for parent in parents),
        )


def add_fee_floats(
    settlement: bytes, movements: Sequence[Movement], fees: Sequence[tuple[str, int]]
) -> list[Movement]:
    """Return the plan with a top-up from the issuer for each holder that will pay fees.

    `fees` are (holder, units) as the chain quoted them; what a holder sends waits for its top-up.
    """
    top_ups = {
        holder: Movement(
            instruction_id=content_id("instruction", settlement, "fee-float", holder, units),
            kind=MovementKind.TRANSFER,
            authority=ISSUER,
            source=ISSUER,
            target=holder,
            asset_role=FEE,
            units=units,
            wave=0,
        )
        for holder, units in sorted(fees)
        if holder != ISSUER and units > 0
    }
    waiting = [
        attrs.evolve(
            movement, parents=(*movement.parents, top_ups[movement.authority].instruction_id)
        )
        if movement.authority in top_ups
        else movement
        for movement in movements
    ]
    return [*top_ups.values(), *waiting]


def batch_movements(
    settlement: bytes,
    movements: Sequence[Movement],
    terms: ChainTerms,
    bound: Collection[str],
) -> list[PlannedBatch]:
    """Group movements of the same authority and wave into batches as large as the chain takes.

    What concerns a holder that is not `bound` to an account has to wait for one, so it shares no batch
    with what concerns others.  A fee float is a batch of its own: what a chain takes as fees is not
    moved by the contract that keeps energy, if there is one.
    """
    lots: dict[tuple[int, str, tuple[str, ...], bool], list[Movement]] = defaultdict(list)
    known = frozenset(bound)
    for movement in movements:
        waits_for = tuple(sorted(_holders(movement) - known - {movement.authority}))
        moves_energy = movement.asset_role != FEE
        lots[movement.wave, movement.authority, waits_for, moves_energy].append(movement)
    batches = []
    for (wave, authority, _, moves_energy), lot in sorted(lots.items(), key=lambda item: item[0]):
        size = terms.batch_instructions_max if moves_energy else 1
        for first in range(0, len(lot), size):
            chunk = tuple(lot[first : first + size])
            batches.append(
                PlannedBatch(
                    settlement_id=settlement,
                    batch_id=content_id("batch", [move.instruction_id for move in chunk]),
                    wave=wave,
                    authority=authority,
                    atomic=terms.atomic and len(chunk) > 1,
                    movements=chunk,
                )
            )
    return batches


def _holders(movement: Movement) -> set[str]:
    return {movement.source, movement.target, *(holder for holder, _ in movement.legs)}


def check_movements(debts: Sequence[Debt], movements: Sequence[Movement]) -> None:
    """Raise `Disagreement` unless the movements deliver netted debts, and nothing else.

    For every producer is issued just what it gives, everybody ends with just what it receives, and
    nothing stays in between: energy issued = energy delivered, to the Wh and by name.
    """
    due: dict[str, int] = defaultdict(int)
    for giver, receiver, units in debts:
        due[f"issued for {giver}"] += units
        due[f"held by {receiver}"] += units
    done: dict[str, int] = defaultdict(int)
    for movement in movements:
        if movement.kind is MovementKind.ISSUE:
            done[f"issued for {movement.source}"] += movement.units
            done[f"held by {movement.target}"] += movement.units
        elif movement.kind is MovementKind.TRANSFER:
            done[f"held by {movement.source}"] -= movement.units
            done[f"held by {movement.target}"] += movement.units
        else:
            for holder, delta in movement.legs:
                done[f"held by {holder}"] += delta
    wrong = {
        what: (done.get(what, 0), due.get(what, 0))
        for what in sorted({*done, *due})
        if done.get(what, 0) != due.get(what, 0)
    }
    if wrong:
        raise Disagreement(f"the plan would leave (planned, due) Wh {wrong}: do not settle")
