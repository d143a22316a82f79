"""The reference chain, in memory: small, and what other chains are compared with.

An account-based chain without fees and without keys of its own.  A transaction carries one batch, is
all or nothing, uses the next nonce of its sender's lane, and lands at most once, as does its batch.
Blocks come when `MemoryChain.mine` is called; `rollback` undoes them.  Nothing is random and no clock
is read, so the same calls give the same bytes and the same block hashes on every machine.

It keeps sessions by their machine: a step lands when its instructions are exactly what the machine
answers at the time of the block.

`MemoryChain` is the adapter, `MemoryCodec` reads its signed bytes without it.
"""

from sauma.memory.chain import MemoryChain
from sauma.memory.codec import MemoryCodec
from sauma.memory.rules import MEMORY_CAPABILITIES
from sauma.memory.sessions import SESSION_RULES, SessionRules, escrow_account, escrow_domain
from sauma.memory.signing import NamedSigner

__all__ = [
    "MEMORY_CAPABILITIES",
    "SESSION_RULES",
    "MemoryChain",
    "MemoryCodec",
    "NamedSigner",
    "SessionRules",
    "escrow_account",
    "escrow_domain",
]
