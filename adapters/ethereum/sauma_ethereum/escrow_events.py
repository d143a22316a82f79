"""What the escrow tells: steps of sessions, batches of them, and allowances; pure.

An event carries the session's record as it is stored now, which names the ledger's accounts of payer,
payee and operator, and the outcome, which says what moved.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, Final

import attrs

from sauma.chain import Effect
from sauma.errors import BadAnswer
from sauma.session import SessionState, StandingAction

from .caip import account_of
from .codec import asset_of
from .ledger import answer, event_topic
from .operations import Asset
from .replies import Log
from .sessions import Moved, moved_effects
from .settings import EthereumSettings
from .standing import charged_units

SESSION_CHANGED: Final = "SessionChanged(uint32,bytes32,bytes32,uint8,uint256,uint256,uint256)"
SESSIONS_CHANGED: Final = "SessionsChanged(uint32,bytes32,uint8,bytes)"
ALLOWANCE_CHANGED: Final = "AllowanceChanged(uint32,bytes32,bytes32,uint8,bytes32,uint256,uint64)"
ALLOWANCES_CHARGED: Final = "AllowancesCharged(uint32,bytes32,bytes32,bytes)"
ESCROW_EVENTS: Final = (SESSION_CHANGED, SESSIONS_CHANGED, ALLOWANCE_CHANGED, ALLOWANCES_CHARGED)
"""The events that move units or carry a reference."""
_BODIES: Final = {
    SESSION_CHANGED: ("uint8", "uint256", "uint256", "uint256"),
    SESSIONS_CHANGED: ("uint8", "bytes"),
    ALLOWANCE_CHANGED: ("uint8", "bytes32", "uint256", "uint64"),
    ALLOWANCES_CHARGED: ("bytes32", "bytes"),
}
_INDEXED: Final = {SESSION_CHANGED: 3, ALLOWANCE_CHANGED: 3}
_INDEXED_ELSE: Final = 2
_LINE_BYTES: Final = 96
_WORD_BYTES: Final = 32
_ENERGY_BIT: Final = 1 << 10
_NOBODY: Final = 0
_PAYER_SHIFT: Final = 32


@attrs.frozen(kw_only=True)
class Record:
    """A session's record, as the contract packs it into a word (`contracts/ISaumaEscrow.sol`)."""

    state: SessionState
    is_ready: bool
    is_extended: bool
    asset: Asset
    has_evidence: bool
    units: int
    payer: int
    payee: int
    operator: int
    time: int
    register_start_wh: int

    @classmethod
    def of_word(cls, word: int) -> Record:
        """Read a word; raises `BadAnswer` for a state that does not exist."""
        if word & 0xFF not in set(SessionState):
            raise BadAnswer(f"{word & 0xFF} is no state of a session: ask another node")
        return cls(
            state=SessionState(word & 0xFF),
            is_ready=bool(word & 1 << 8),
            is_extended=bool(word & 1 << 9),
            asset=Asset.ENERGY if word & _ENERGY_BIT else Asset.MONEY,
            has_evidence=bool(word & 1 << 11),
            units=word >> 16 & 2**64 - 1,
            payer=word >> 80 & 2**32 - 1,
            payee=word >> 112 & 2**32 - 1,
            operator=word >> 144 & 2**32 - 1,
            time=word >> 176 & 2**40 - 1,
            register_start_wh=word >> 216,
        )


@attrs.frozen(kw_only=True)
class Change:
    """What happened to one session, or to one allowance, by the ledger's account numbers."""

    session_id: bytes
    asset: Asset
    payer: int
    payee: int
    operator: int
    moved: Moved

    @property
    def accounts(self) -> set[int]:
        """The accounts to or from which something moved."""
        units = (
            (self.payer, self.moved.locked_units + self.moved.payer_units),
            (self.payee, self.moved.payee_units),
            (self.operator, self.moved.operator_units),
        )
        return {account for account, moved in units if moved}


@attrs.frozen(kw_only=True)
class EscrowEvent:
    """An event of the escrow: of which area, under which reference, and what it changed."""

    area: int
    reference: bytes
    """32 bytes."""
    changes: tuple[Change, ...]
    charged_units: int = 0
    """What standing authorisations were charged; who got it, the ledger tells under the same reference."""


def parse_escrow_log(log: Log) -> EscrowEvent | None:
    """Return the event of a log entry; None for one that moves nothing."""
    signature = _topics().get(log.topics[0]) if log.topics else None
    if signature is None or len(log.topics) != 1 + _INDEXED.get(signature, _INDEXED_ELSE):
        return None
    fields = answer(_BODIES[signature], log.data)
    return EscrowEvent(
        area=int.from_bytes(log.topics[1], "big"),
        reference=log.topics[2],
        changes=tuple(_changes(signature, log.topics, fields)),
        charged_units=charged_units(fields[1]) if signature == ALLOWANCES_CHARGED else 0,
    )


def effects_of_event(
    event: EscrowEvent, owner_of: Mapping[int, bytes], settings: EthereumSettings
) -> tuple[Effect, ...]:
    """Return what an event says that moved, by account."""

    def account(number: int) -> Any:
        owner = owner_of.get(number)
        return None if owner is None else account_of(owner, settings.chain)

    return tuple(
        effect
        for change in event.changes
        for effect in moved_effects(
            change.moved,
            session_id=change.session_id,
            asset=asset_of(change.asset, settings),
            payer=account(change.payer),
            payee=account(change.payee),
            operator=account(change.operator),
            escrow=settings.escrow_account,
        )
    )


def _changes(
    signature: str, topics: tuple[bytes, ...], fields: tuple[Any, ...]
) -> Iterator[Change]:
    if signature == SESSION_CHANGED:
        _, record, _, outcome = fields
        yield _change(topics[3], record, outcome)
    elif signature == SESSIONS_CHANGED:
        lines = fields[1]
        for place in range(0, len(lines), _LINE_BYTES):
            session_id, record, outcome = (
                lines[place + start : place + start + _WORD_BYTES]
                for start in range(0, _LINE_BYTES, _WORD_BYTES)
            )
            yield _change(session_id, int.from_bytes(record, "big"), int.from_bytes(outcome, "big"))
    elif signature == ALLOWANCE_CHANGED:
        action, _, place, units = fields
        is_held = action == StandingAction.AUTHORISE
        yield Change(
            session_id=topics[3],
            asset=Asset.MONEY,
            payer=place >> _PAYER_SHIFT & 2**32 - 1,
            payee=_NOBODY,
            operator=_NOBODY,
            moved=Moved(locked_units=units) if is_held else Moved(payer_units=units),
        )


def _change(session_id: bytes, record_word: int, outcome: int) -> Change:
    record = Record.of_word(record_word)
    return Change(
        session_id=session_id,
        asset=record.asset,
        payer=record.payer,
        payee=record.payee,
        operator=record.operator,
        moved=Moved.of_word(outcome),
    )


@cache
def _topics() -> dict[bytes, str]:
    return {event_topic(signature): signature for signature in ESCROW_EVENTS}
