"""Calls on a chain in memory: the code of a contract runs on a state, and what it says is kept.

eth-tester makes a transaction of every call, with nonce, fees and refunds, which takes longer than the
code itself.  What a call gives follows from the state and from who made the block (whose account is
cheaper to look at), unless the code asks for more of the block, such as its time: so it is kept under
the state's root, which empty blocks do not change.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any, Final

import attrs
from eth.vm.message import Message
from eth_typing import Address

KEPT_MAX: Final = 20_000
"""How many answers are kept; after that they are found anew."""
STATES_MAX: Final = 8
"""Of how many blocks the state is held, with what was read of it; readers ask of few at a time."""
_DELEGATED: Final = b"\xef\x01\x00"
_KNOWN: Final = ("chain_id", "coinbase")
"""What a call may ask of its block, and its answer is kept all the same."""


@attrs.frozen(kw_only=True)
class TesterCall:
    """A call without value to an account."""

    sender: bytes
    target: bytes
    payload: bytes


class KeptCalls:
    """Runs calls on the states of the chain that a backend of eth-tester has."""

    def __init__(self, backend: Any) -> None:
        """Begin with nothing kept."""
        self._backend = backend
        self._kept: dict[Hashable, bytes] = {}
        self._states: dict[bytes, Any] = {}

    def output(self, call: TesterCall, height: int) -> bytes | None:
        """Return what a call gives at a block; None where it fails, or is none for this."""
        chain = self._backend.chain
        header = chain.get_canonical_block_header_by_number(height)
        question = header.state_root, header.coinbase, call
        if question in self._kept:
            return self._kept[question]
        state = self._state_after(header)
        code = state.get_code(call.target)
        if not code or code.startswith(_DELEGATED):
            return None
        whole, before = state.execution_context, state.snapshot()
        block = _AskedBlock(whole)
        state.execution_context = block
        try:
            computation = state.computation_class.apply_message(
                state,
                Message(
                    gas=header.gas_limit,
                    to=Address(call.target),
                    sender=Address(call.sender),
                    value=0,
                    data=call.payload,
                    code=code,
                ),
                state.get_transaction_context_class()(gas_price=0, origin=call.sender),
            )
        finally:
            state.execution_context = whole
            state.revert(before)
        if computation.is_error:
            return None
        output = bytes(computation.output)
        if not block.was_asked:
            if len(self._kept) >= KEPT_MAX:
                self._kept.clear()
            self._kept[question] = output
        return output

    def _state_after(self, header: Any) -> Any:
        """Return the state that a block leaves, to be left as it is."""
        state = self._states.get(header.hash)
        if state is None:
            if len(self._states) >= STATES_MAX:
                self._states.clear()
            state = self._states[header.hash] = self._backend.chain.get_vm(header).state
        return state


class _AskedBlock:
    """A block, as code sees it that runs in it, and whether the code looked."""

    def __init__(self, block: Any) -> None:
        self._block = block
        self.was_asked = False

    def __getattr__(self, name: str) -> Any:
        self.was_asked |= name not in _KNOWN
        return getattr(self._block, name)
