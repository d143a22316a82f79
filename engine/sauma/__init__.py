"""sauma: a smart-contract-style settlement engine for metered goods, with pluggable chains.

The names below are the public ones.  Those that need the store are loaded when they are first used,
so that `import sauma` stays light and needs no database library.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

from sauma._version import __version__
from sauma.clock import Clock, SystemClock
from sauma.errors import (
    BadAnswer,
    ChainError,
    Conflict,
    Disagreement,
    InsufficientBalance,
    InvalidInput,
    NoSigner,
    OutcomeUnknown,
    Refused,
    RulebookViolation,
    SaumaError,
    SessionRefused,
    StoreBusy,
    StoreDamaged,
    StoreError,
    StoreVersion,
    Unavailable,
    UnknownName,
    Unsupported,
    WrongNetwork,
)
from sauma.identifiers import AccountId, AssetId, ChainId, check_gsrn, complete_gsrn
from sauma.intervals import Interval, day_intervals
from sauma.rulebook import Anchoring, Delivery, Netting, NettingPeriod, Rulebook, Supplier

if TYPE_CHECKING:
    from sauma.agreement import Agreement
    from sauma.anchoring import BillProof, ProvenBill, check_proof, check_proof_on_chain
    from sauma.billing import Bill, BillLine, BillStatus, LineKind
    from sauma.charging import SessionReceipt, Sessions
    from sauma.correcting import AdjustingBill, CorrectedReading, ReadingOutcome
    from sauma.dispatch import Progress, Suspended
    from sauma.engine import Engine
    from sauma.offers import MeteringPoint, Offer, Quality, Reading, Side, StandingPrice
    from sauma.replay import ReplayReport
    from sauma.session import SessionTerms
    from sauma.statements import AdjustingStatement, BillStatement
    from sauma.store import Store
    from sauma.store.anchored import AnchorStanding
    from sauma.venue import Venue

_LAZY: Final = {
    "AdjustingBill": "sauma.correcting",
    "AdjustingStatement": "sauma.statements",
    "Agreement": "sauma.agreement",
    "AnchorStanding": "sauma.store.anchored",
    "Bill": "sauma.billing",
    "BillLine": "sauma.billing",
    "BillProof": "sauma.anchoring",
    "BillStatement": "sauma.statements",
    "BillStatus": "sauma.billing",
    "CorrectedReading": "sauma.correcting",
    "Engine": "sauma.engine",
    "LineKind": "sauma.billing",
    "MeteringPoint": "sauma.offers",
    "Offer": "sauma.offers",
    "Progress": "sauma.dispatch",
    "Suspended": "sauma.dispatch",
    "ProvenBill": "sauma.anchoring",
    "Quality": "sauma.offers",
    "Reading": "sauma.offers",
    "ReadingOutcome": "sauma.correcting",
    "ReplayReport": "sauma.replay",
    "SessionReceipt": "sauma.charging",
    "SessionTerms": "sauma.session",
    "Sessions": "sauma.charging",
    "Side": "sauma.offers",
    "StandingPrice": "sauma.offers",
    "Store": "sauma.store",
    "Venue": "sauma.venue",
    "check_proof": "sauma.anchoring",
    "check_proof_on_chain": "sauma.anchoring",
}


def __getattr__(name: str) -> Any:
    """Load a public name that needs more than the values."""
    module = _LAZY.get(name)
    if module is None:
        raise AttributeError(f"module 'sauma' has no public name {name!r}")
    found = getattr(import_module(module), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    """List the public names, loaded or not."""
    return sorted(__all__)


__all__ = [
    "AccountId",
    "AdjustingBill",
    "AdjustingStatement",
    "Agreement",
    "AnchorStanding",
    "Anchoring",
    "AssetId",
    "BadAnswer",
    "Bill",
    "BillLine",
    "BillProof",
    "BillStatement",
    "BillStatus",
    "ChainError",
    "ChainId",
    "Clock",
    "Conflict",
    "CorrectedReading",
    "Delivery",
    "Disagreement",
    "Engine",
    "InsufficientBalance",
    "Interval",
    "InvalidInput",
    "LineKind",
    "MeteringPoint",
    "Netting",
    "NettingPeriod",
    "NoSigner",
    "Offer",
    "OutcomeUnknown",
    "Progress",
    "ProvenBill",
    "Quality",
    "Reading",
    "ReadingOutcome",
    "Refused",
    "ReplayReport",
    "Rulebook",
    "RulebookViolation",
    "SaumaError",
    "SessionReceipt",
    "SessionRefused",
    "SessionTerms",
    "Sessions",
    "Side",
    "StandingPrice",
    "Store",
    "StoreBusy",
    "StoreDamaged",
    "StoreError",
    "StoreVersion",
    "Supplier",
    "Suspended",
    "SystemClock",
    "Unavailable",
    "UnknownName",
    "Unsupported",
    "Venue",
    "WrongNetwork",
    "__version__",
    "check_gsrn",
    "check_proof",
    "check_proof_on_chain",
    "complete_gsrn",
    "day_intervals",
]
