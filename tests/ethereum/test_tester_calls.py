"""Calls on the chain in memory: what is kept of them is what the EVM would say again."""

from __future__ import annotations

import attrs
import pytest

from sauma_ethereum import LocalEthereum
from sauma_ethereum.caip import address_on
from sauma_ethereum.deployment import contract_address
from sauma_ethereum.ledger import selector
from sauma_ethereum.transactions import FeeTransaction
from sauma_ethereum.transport import ErrorReply

from .street import Street

RETURNS_A_WORD = "5f5260205ff3"
TIME, HEIGHT, SENDER = "42", "43", "33"
"""Opcodes that put a word on the stack."""


@pytest.fixture
def local(eth_tester_street: Street) -> LocalEthereum:
    """A chain in memory as it was."""
    return eth_tester_street.restore().local


def deploy(local: LocalEthereum, opcode: str) -> bytes:
    """Put code on the chain that returns one word, and return its address."""
    runtime = opcode + RETURNS_A_WORD
    signer = local.signer("issuer")
    sender = address_on(signer.account, local.chain_id)
    nonce, _ = local.node.nonces(sender)
    unsigned = FeeTransaction(
        chain_number=int(local.chain_id.reference),
        nonce=nonce,
        priority_fee_wei=10**9,
        fee_wei_max=10**10,
        gas_max=200_000,
        to=b"",
        value_wei=0,
        data=bytes.fromhex(f"66{runtime}5f5260076019f3"),
    )
    signed = attrs.evolve(unsigned, signature=signer.sign(unsigned.payload()))
    local.node.send_raw(signed.raw())
    local.mine()
    return contract_address(sender, nonce)


@pytest.mark.parametrize(("opcode", "step"), [(TIME, 12), (HEIGHT, 1)])
def test_code_that_looks_at_its_block_is_run_in_every_block(local, opcode, step):
    """What a call gives is not kept beyond its block where the code asked for time or height."""
    contract = deploy(local, opcode)
    first = int.from_bytes(local.node.call(contract, b""))
    local.mine()

    assert int.from_bytes(local.node.call(contract, b"")) == first + step


def test_what_a_call_gives_depends_on_who_asks_and_on_nothing_made_by_empty_blocks(local):
    """An answer that is kept is the answer; a block without transactions changes none."""
    contract = deploy(local, SENDER)
    first = local.node.call(contract, b"")
    local.mine(3)

    assert local.node.call(contract, b"") == first
    assert local.node.call(contract, b"", sender=bytes(19) + b"\x07") == (7).to_bytes(32, "big")


def test_a_call_that_fails_says_with_what(eth_tester_street):
    """The contract's own error reaches the caller as before, also when it is asked again."""
    street = eth_tester_street.restore()
    ledger = street.settings.ledger_address

    replies = [street.local.node.call(ledger, selector("nothing()")) for _ in range(2)]

    assert all(isinstance(reply, ErrorReply) for reply in replies)
