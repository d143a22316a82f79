"""Anchors: a Merkle root over the bills of a period, and proofs that a bill is under it.  Pure.

`check_proof` and `check_proof_on_chain` are what a customer or an auditor runs; the rest is how the engine
makes what they check.
"""

from sauma.anchoring.adjusted import AnchoredAdjustment, adjustment_rows
from sauma.anchoring.checking import ProvenBill, check_proof, check_proof_on_chain
from sauma.anchoring.proof import BillProof, ProvenRow
from sauma.anchoring.rows import LOCATOR_BYTES, AnchoredBill, bill_rows, row_leaves, row_salts
from sauma.anchoring.tree import (
    AnchorTree,
    anchor_batch_id,
    anchor_id,
    anchor_reference,
    anchor_tree,
    anchored_rows,
    root_above,
)

__all__ = [
    "LOCATOR_BYTES",
    "AnchorTree",
    "AnchoredAdjustment",
    "AnchoredBill",
    "BillProof",
    "ProvenBill",
    "ProvenRow",
    "adjustment_rows",
    "anchor_batch_id",
    "anchor_id",
    "anchor_reference",
    "anchor_tree",
    "anchored_rows",
    "bill_rows",
    "check_proof",
    "check_proof_on_chain",
    "root_above",
    "row_leaves",
    "row_salts",
]
