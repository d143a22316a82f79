"""The port: what the engine asks of a chain, and what a chain promises.

A chain has two constants (`chain_id`, `capabilities`) and seven calls.  It remembers nothing for the
engine: what is outstanding is handed in.  A refusal, a time-out and an empty answer are no
information; only blocks that were scanned decide.  No call waits for a block.

A `Codec` is the pure half of an adapter: it reads signed bytes without a network, so that an auditor
can check what a transaction does without trusting whoever made it.
"""

from sauma.chain.blocks import (
    CURSOR_POINTS_DENSE,
    CURSOR_POINTS_MAX,
    BlockRef,
    Cursor,
    Head,
    Point,
)
from sauma.chain.capabilities import (
    Capabilities,
    ExpiryUnit,
    FeeModel,
    Finality,
    Support,
)
from sauma.chain.events import (
    Balance,
    ChainEvent,
    EventPage,
)
from sauma.chain.instructions import (
    REFERENCE_BYTES,
    REFERENCE_HASH_BYTES,
    REFERENCE_MAGIC,
    REFERENCE_VERSION,
    Anchor,
    Attest,
    Batch,
    BatchKind,
    Capture,
    Hold,
    Instruction,
    Issue,
    Leg,
    Net,
    Part,
    Release,
    Retire,
    Transfer,
    batch_reference,
    is_reference,
)
from sauma.chain.protocols import (
    Chain,
    Codec,
    Signer,
)
from sauma.chain.transactions import (
    Answer,
    Decoded,
    Effect,
    Fate,
    Quote,
    SignedTransaction,
    Status,
    Word,
)

__all__ = [
    "CURSOR_POINTS_DENSE",
    "CURSOR_POINTS_MAX",
    "REFERENCE_BYTES",
    "REFERENCE_HASH_BYTES",
    "REFERENCE_MAGIC",
    "REFERENCE_VERSION",
    "Anchor",
    "Answer",
    "Attest",
    "Balance",
    "Batch",
    "BatchKind",
    "BlockRef",
    "Capabilities",
    "Capture",
    "Chain",
    "ChainEvent",
    "Codec",
    "Cursor",
    "Decoded",
    "Effect",
    "EventPage",
    "ExpiryUnit",
    "Fate",
    "FeeModel",
    "Finality",
    "Head",
    "Hold",
    "Instruction",
    "Issue",
    "Leg",
    "Net",
    "Part",
    "Point",
    "Quote",
    "Release",
    "Retire",
    "SignedTransaction",
    "Signer",
    "Status",
    "Support",
    "Transfer",
    "Word",
    "batch_reference",
    "is_reference",
]
