"""Signed bytes against what was asked: nothing else may leave, whatever the adapter says of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TypeAlias

from sauma.chain import (
    Anchor,
    Attest,
    Batch,
    Capture,
    Codec,
    Effect,
    Hold,
    Instruction,
    Issue,
    Net,
    Release,
    SignedTransaction,
    Transfer,
)
from sauma.errors import Disagreement, Unsupported
from sauma.identifiers import AccountId, AssetId

_Holding: TypeAlias = tuple[AccountId, AssetId]


def check_signed(
    signed: SignedTransaction,
    *,
    sender: AccountId,
    asked: Mapping[bytes, Batch],
    codec: Codec,
    outside: _Holding | None,
    escrow: AccountId | None = None,
) -> None:
    """Raise `Disagreement` unless the bytes decode to what the adapter says and to what was asked.

    `asked` are the batches by id.  `outside` is the holding that is outside circulation on some chains,
    the issuer's energy: its side of a movement has no effect there, so it is not compared.  `escrow`
    has what sessions hold.
    """
    decoded = codec.decode(signed.raw)
    batches = [asked[batch_id] for batch_id in signed.batch_ids if batch_id in asked]
    asked_totals = _net(
        outside, (part for batch in batches for part in _asked_effects(batch, escrow))
    )
    found_totals = _net(outside, decoded.effects)
    facts: list[tuple[str, object, object]] = [
        ("id", signed.transaction_id, decoded.transaction_id),
        ("valid signature", True, decoded.signature_valid),
        ("sender", signed.sender, decoded.sender),
        ("lane", sender, decoded.sender),
        ("fee payer", signed.fee_payer, decoded.fee_payer),
        ("fee", signed.fee_units_max, decoded.fee_units_max),
        ("validity", signed.valid_until, decoded.valid_until),
        ("effects", _ordered(signed.effects), _ordered(decoded.effects)),
        ("number of batches", max(len(signed.batch_ids), 1), len(batches)),
        ("reference", True, decoded.reference in {batch.reference for batch in batches}),
        (
            "anchored root",
            [
                each.root
                for batch in batches
                for each in batch.instructions
                if isinstance(each, Anchor)
            ],
            [*decoded.anchored_roots],
        ),
        ("movement", asked_totals, found_totals),
    ]
    for name, expected, found in facts:
        if expected != found:
            raise Disagreement(
                f"transaction {signed.transaction_id.hex()} has another {name} than was asked: "
                f"{_shown(expected)} expected, its bytes say {_shown(found)}; nothing of it was sent, "
                "the adapter is at fault"
            )


def _asked_effects(batch: Batch, escrow: AccountId | None) -> list[Effect]:
    return [
        effect
        for instruction in batch.instructions
        for effect in (
            _held_by(instruction, escrow)
            if isinstance(instruction, Hold | Capture | Release) and escrow is not None
            else _moved_by(instruction)
        )
    ]


def _held_by(instruction: Hold | Capture | Release, escrow: AccountId) -> list[Effect]:
    match instruction:
        case Hold(payer=payer, units=units):
            deltas = [(payer, -units)]
        case Capture(parts=parts):
            deltas = [(part.payee, part.units) for part in parts]
        case Release(payer=payer, units=units):
            deltas = [(payer, units)]
    deltas.append((escrow, -sum(units for _, units in deltas)))
    return [
        Effect(account=account, asset=instruction.asset, delta_units=units)
        for account, units in deltas
    ]


def _moved_by(instruction: Instruction) -> list[Effect]:
    match instruction:
        case Issue(recipient=recipient, asset=asset, units=units):
            return [Effect(account=recipient, asset=asset, delta_units=units)]
        case Transfer(sender=sender, recipient=recipient, asset=asset, units=units):
            return [
                Effect(account=sender, asset=asset, delta_units=-units),
                Effect(account=recipient, asset=asset, delta_units=units),
            ]
        case Net(legs=legs):
            return [
                Effect(account=leg.account, asset=leg.asset, delta_units=leg.delta_units)
                for leg in legs
            ]
        case Anchor() | Attest():
            return []
    raise Unsupported(
        f"dispatch carries no {type(instruction).__name__.lower()} without an escrow: name it among "
        "the venue's roles"
    )


def _net(outside: _Holding | None, effects: Iterable[Effect]) -> dict[_Holding, int]:
    totals: dict[_Holding, int] = {}
    for effect in effects:
        holding = effect.account, effect.asset
        totals[holding] = totals.get(holding, 0) + effect.delta_units
    return {holding: units for holding, units in totals.items() if units and holding != outside}


def _ordered(effects: Sequence[Effect]) -> Sequence[Effect]:
    """Return effects in an order that does not depend on how they came."""
    return sorted(effects) if len(effects) > 1 else effects


def _shown(fact: object) -> object:
    """Return a fact as a message says it: ids in hexadecimal, movements by holding."""
    if isinstance(fact, bytes):
        return fact.hex()
    if isinstance(fact, list | tuple):
        return [_shown(each) for each in fact]
    if isinstance(fact, dict):
        return {f"{account} {asset}": units for (account, asset), units in sorted(fact.items())}
    return fact
