"""The reference chain, in memory: small, and what other chains are compared with.

An account-based chain without fees and without keys of its own.  A transaction carries one batch, is
all or nothing, uses the next nonce of its sender's lane, and lands at most once, as does its batch.
Blocks come when `MemoryChain.mine` is called; `rollback` undoes them.  Nothing is random and no clock
is read, so the same calls give the same bytes and the same block hashes on every machine.

`MemoryChain` is the adapter, `MemoryCodec` reads its signed bytes without it.
"""

from sauma.memory.chain import MemoryChain
from sauma.memory.codec import MemoryCodec
from sauma.memory.rules import MEMORY_CAPABILITIES

__all__ = ["MEMORY_CAPABILITIES", "MemoryChain", "MemoryCodec"]
