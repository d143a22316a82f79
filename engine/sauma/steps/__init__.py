"""The derived steps: clear, plan, bill, correct, anchor, charge.

Each reads what came before from the projections, computes with the pure core and returns the tables
of one journal entry.  The engine appends them; replay calls the same functions on its own projections
and compares byte for byte.
"""

from sauma.steps.allowed import (
    STANDING_STEP,
    STANDING_STEPS_TAKEN,
    TakenStanding,
    check_charged_once,
    follow_standing,
    judge_standing,
    kept_standing,
    plan_standing,
    standing_batch_of,
    taken_standing,
)
from sauma.steps.anchoring import ANCHOR_KEY, ANCHOR_PLANNED, open_anchors, plan_anchor
from sauma.steps.billing import BILLS_ISSUED, bills_are_due, issue_bills
from sauma.steps.clearing import INTERVAL_CLEARED, clear_interval
from sauma.steps.correcting import (
    SETTLEMENT_CORRECTED,
    correct_settlement,
    due_corrections,
    first_interval,
    lines_again,
)
from sauma.steps.held import Parties
from sauma.steps.inputs import Inputs, changed_since, clearing_inputs, planning_inputs
from sauma.steps.kept import step_key
from sauma.steps.periods import open_period, plan_terms, terms_of_period
from sauma.steps.planning import SETTLEMENT_PLANNED, plan_batches, plan_settlement
from sauma.steps.sessions import (
    SESSION_STEP,
    SESSION_STEP_TAKEN,
    Taken,
    corrected_by,
    follow,
    judge,
    kept_step,
    plan_step,
    step_batches,
    taken_steps,
)
from sauma.steps.standing import SettlementStanding

__all__ = [
    "ANCHOR_KEY",
    "ANCHOR_PLANNED",
    "BILLS_ISSUED",
    "INTERVAL_CLEARED",
    "SESSION_STEP",
    "SESSION_STEP_TAKEN",
    "SETTLEMENT_CORRECTED",
    "SETTLEMENT_PLANNED",
    "STANDING_STEP",
    "STANDING_STEPS_TAKEN",
    "Inputs",
    "Parties",
    "SettlementStanding",
    "Taken",
    "TakenStanding",
    "bills_are_due",
    "changed_since",
    "check_charged_once",
    "clear_interval",
    "clearing_inputs",
    "correct_settlement",
    "corrected_by",
    "due_corrections",
    "first_interval",
    "follow",
    "follow_standing",
    "issue_bills",
    "judge",
    "judge_standing",
    "kept_standing",
    "kept_step",
    "lines_again",
    "open_anchors",
    "open_period",
    "plan_anchor",
    "plan_batches",
    "plan_settlement",
    "plan_standing",
    "plan_step",
    "plan_terms",
    "planning_inputs",
    "standing_batch_of",
    "step_batches",
    "step_key",
    "taken_standing",
    "taken_steps",
    "terms_of_period",
]
