"""Replay: re-execute a journal and believe nothing of it.

What was given is checked against its ids and against what was known; what follows from it is computed
again, by the rulebook in force then, and compared byte for byte; what was signed is decoded and
compared with the plan; what the chain is said to have shown must follow from page to page and be what
the chain shows; and every stored table must be what the journal makes.  The first difference is
reported by name.

What no replay can find, because nothing contradicts it:

- *A consistent other history.*  Who holds the store can change an input (a reading, a price), compute
  all that follows, and seal it anew.  Then trades, plan and signed bytes are others too, and the chain
  shows it as soon as other energy moves; without netting also when a price is another, since the
  references on the chain are hashes of the trades.  Where the same movements are left (a netted price,
  a residual), only a copy of the head hash elsewhere, or an anchor, tells the two histories apart.
- *A tail that was cut off*, unless the chain has a transaction of the missing part.
- *What was never written*: a reading that the operator threw away leaves no trace.
- *What was given and has no effect*: a price that no interval used, the quality of a reading, the wording
  of a burial, fee quotes that were paid as quoted, the time of an entry, a page of empty blocks, a
  burial whose successor took the same nonce.
- *What only the signer knows*: the tokens that a transaction consumes and the height it was prepared
  at do not lie in its bytes.  A chain without keys, such as the reference chain, proves no signature.
- *The time of a block without events*, where the chain's pages do not end with it.
- *The settings of the chain*, by which codec and chain are built, when they are taken from the same
  journal: know the asset and the issuing account from elsewhere.
- *An erased account or metering point*: what rests on it cannot be checked, which is a finding.

The working state of dispatch (lanes) is not looked at: nothing rests on it.
"""

from sauma.replay.report import Finding, ReplayReport
from sauma.replay.run import replay

__all__ = ["Finding", "ReplayReport", "replay"]
