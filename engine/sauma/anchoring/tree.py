"""The tree of an anchor: one leaf a bill, in the order of their ids; the root goes to the chain.

A bill's own root is the RFC 6962 root over its salted rows.  It is the data of one leaf in the tree over
all bills of the period.  So a proof of a whole bill needs the siblings above it and nothing else: 20
hashes in a tree of a million bills.
"""

from __future__ import annotations

from collections.abc import Iterable

import attrs

from sauma.anchoring.adjusted import AnchoredAdjustment, adjustment_rows
from sauma.anchoring.rows import AnchoredBill, Row, bill_rows, row_leaves, row_salts
from sauma.chain import BatchKind, batch_reference
from sauma.errors import InvalidInput
from sauma.identifiers import content_id
from sauma.journal.merkle import inclusion_proof, leaf_hash, root_from_proof, root_of


@attrs.frozen(kw_only=True)
class AnchorTree:
    """The roots of bills under one root, in the order of the bills' ids."""

    bill_ids: tuple[bytes, ...]
    bill_roots: tuple[bytes, ...]
    row_count: int

    @property
    def root(self) -> bytes:
        """The 32 bytes that go to the chain."""
        return root_of([leaf_hash(root) for root in self.bill_roots])

    def path(self, bill_id: bytes) -> tuple[int, tuple[bytes, ...]]:
        """Return the place of a bill and the hashes beside the way from there to the root."""
        if bill_id not in self.bill_ids:
            raise InvalidInput(f"bill {bill_id.hex()} is not under this root")
        index = self.bill_ids.index(bill_id)
        return index, inclusion_proof([leaf_hash(root) for root in self.bill_roots], index)


def anchored_rows(one: AnchoredBill | AnchoredAdjustment) -> list[Row]:
    """Return the rows of a bill or of an adjusting bill."""
    return adjustment_rows(one) if isinstance(one, AnchoredAdjustment) else bill_rows(one)


def anchor_tree(bills: Iterable[AnchoredBill | AnchoredAdjustment], key: bytes) -> AnchorTree:
    """Return the tree over bills, salted by the anchor's key; the order in which they come is free."""
    roots: dict[bytes, bytes] = {}
    row_count = 0
    for one in bills:
        rows = anchored_rows(one)
        identity = one.bill.bill_id
        if identity in roots:
            raise InvalidInput(f"bill {identity.hex()} would be anchored twice")
        roots[identity] = root_of(row_leaves(rows, row_salts(key, identity, len(rows))))
        row_count += len(rows)
    ordered = sorted(roots)
    return AnchorTree(
        bill_ids=tuple(ordered),
        bill_roots=tuple(roots[identity] for identity in ordered),
        row_count=row_count,
    )


def root_above(bill_root: bytes, index: int, size: int, path: Iterable[bytes]) -> bytes | None:
    """Return the root that a bill's root and a path lead to; None when the path has a wrong length."""
    return root_from_proof(leaf_hash(bill_root), index, size, tuple(path))


def anchor_id(chain_id: str, period: tuple[int, int], size: int, root: bytes) -> bytes:
    """Return the id of an anchor: the hash of chain, period in unix seconds, number of bills, root."""
    return content_id("anchor", chain_id, *period, size, root)


def anchor_batch_id(identity: bytes) -> bytes:
    """Return the id of the batch that carries an anchor alone."""
    return content_id("batch", [identity])


def anchor_reference(identity: bytes) -> bytes:
    """Return the reference that the chain carries beside the root."""
    return batch_reference(anchor_batch_id(identity), BatchKind.ANCHOR)
