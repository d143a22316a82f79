"""Making an account a multisig account, and taking a cosigner out again.

An account that became one never signs anything itself again, so its key is of no use from then on:
keep it all the same, it cannot be turned back.  Both steps may be repeated at any time.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import attrs

from sauma.chain import Signer
from sauma.errors import BadAnswer, Conflict, InsufficientBalance, InvalidInput, Refused

from .binary import serialise, transaction_hash
from .delegation import Delegate, check_signer, signed_by, wrapped
from .fees import minimum_fee_micro
from .network import COSIGNATORIES_MAX, Network, address_of
from .node import NodeClient
from .signing import AnnounceRequest
from .transactions import (
    Modification,
    ModificationKind,
    Multisig,
    MultisigModification,
    Transaction,
)
from .transport import ErrorReply

DEADLINE_SECONDS: Final = 7_200

_ANNOUNCED: Final = frozenset({0, 1})


@attrs.frozen(kw_only=True)
class ModificationState:
    """How far a change of cosigners has come."""

    is_done: bool
    transaction_id: bytes | None = None
    """What waits in the pool to be confirmed, or for further cosigners."""


def make_multisig(
    node: NodeClient,
    network: Network,
    signer: Signer,
    *,
    cosigners: Sequence[bytes],
    needed: int,
    deadline_s: int = DEADLINE_SECONDS,
) -> ModificationState:
    """Let `needed` of the cosigners (public keys) sign for the signer's account from now on.

    Announces the change unless it is there or waits; call again after a block.  Raises `InvalidInput`
    for cosigners that cannot be, `Conflict` for an account that has others, and `InsufficientBalance`.
    """
    check_signer(signer.account, signer, network)
    keys = sorted(set(cosigners))
    addresses = frozenset(address_of(key, network.byte) for key in keys)
    account = signer.account.address
    if not 1 <= len(keys) <= COSIGNATORIES_MAX or len(keys) != len(cosigners):
        raise InvalidInput(
            f"{len(cosigners)} cosigners, {len(set(cosigners))} of them different: name 1 to "
            f"{COSIGNATORIES_MAX}, each once"
        )
    if account in addresses:
        raise InvalidInput(f"{account} cannot be its own cosigner: name other accounts")
    if not 1 <= needed <= len(keys):
        raise InvalidInput(f"{needed} of {len(keys)} cosigners cannot be asked for: name 1 or more")
    state = node.account(account)
    if state.is_multisig:
        if (state.cosignatories, state.cosignatures_needed) == (addresses, needed):
            return ModificationState(is_done=True)
        raise Conflict(
            f"{account} is a multisig account already, of {state.cosignatures_needed} out of "
            f"{', '.join(sorted(state.cosignatories))}: change its cosigners one by one"
        )
    changes = tuple(Modification(kind=ModificationKind.ADD, cosignatory=key) for key in keys)
    return _modify(node, network, signer, changes, relative_change=needed, deadline_s=deadline_s)


def dismiss(
    node: NodeClient,
    network: Network,
    delegate: Delegate,
    *,
    cosigner: bytes,
    deadline_s: int = DEADLINE_SECONDS,
) -> ModificationState:
    """Take a cosigner (a public key) out of a multisig account; the delegate signs for the account.

    This is how a producer takes back what it entrusted to the operator: one signature is enough where
    one is enough for everything.  How many must sign falls with the number of cosigners if need be.
    """
    check_signer(delegate.account, delegate, network)
    state = node.account(delegate.account.address)
    address = address_of(cosigner, network.byte)
    if address not in state.cosignatories:
        return ModificationState(is_done=True)
    left = len(state.cosignatories) - 1
    if not left:
        raise InvalidInput(
            f"{address} is the only cosigner of {delegate.account}, whose holdings nobody could move "
            "any more: take another one in first"
        )
    change = Modification(kind=ModificationKind.DELETE, cosignatory=cosigner)
    relative_change = min(0, left - state.cosignatures_needed)
    return _modify(
        node, network, delegate, (change,), relative_change=relative_change, deadline_s=deadline_s
    )


def _modify(
    node: NodeClient,
    network: Network,
    signer: Signer,
    changes: tuple[Modification, ...],
    *,
    relative_change: int,
    deadline_s: int,
) -> ModificationState:
    node.check(network)
    waiting = _waiting(node, signer.account.address, changes)
    if waiting is not None:
        return ModificationState(is_done=False, transaction_id=waiting)
    now_seconds = node.network_time_ms() // 1_000
    unpriced = MultisigModification(
        network_byte=network.byte,
        version=2,
        timestamp_seconds=now_seconds,
        signer=signer.public_key,
        fee_micro=0,
        deadline_seconds=now_seconds + deadline_s,
        modifications=changes,
        relative_change=relative_change,
    )
    priced = attrs.evolve(unpriced, fee_micro=minimum_fee_micro(unpriced, lambda _: None))
    transaction = wrapped(priced, signer)
    fee_micro = priced.fee_micro + (
        transaction.fee_micro if isinstance(transaction, Multisig) else 0
    )
    balance_micro = node.account(signer.account.address).balance_micro
    if balance_micro < fee_micro:
        raise InsufficientBalance(
            f"{signer.account} needs {fee_micro} micro XEM for the change and has {balance_micro}: "
            f"send XEM to {signer.account.address}"
        )
    return ModificationState(
        is_done=False, transaction_id=announce(node, signed_by(transaction, signer))
    )


def announce(node: NodeClient, signed: Transaction) -> bytes:
    """Give a signed transaction to a node and return its hash; raises `Refused` with the node's word."""
    reply = node.announce(
        AnnounceRequest(data=serialise(signed), signature=signed.signature or b"")
    )
    transaction_id = transaction_hash(signed)
    if isinstance(reply, ErrorReply):
        raise Refused(f"node {node.url} refuses it with {reply.status} {reply.message!r}")
    if reply.transaction_hash not in (None, transaction_id):
        raise BadAnswer(
            f"node {node.url} read transaction {transaction_id.hex()} otherwise than it was meant: "
            "ask another node"
        )
    if reply.code not in _ANNOUNCED:
        raise Refused(f"node {node.url} refuses it: {reply.name} ({reply.code})")
    return transaction_id


def _waiting(node: NodeClient, address: str, changes: tuple[Modification, ...]) -> bytes | None:
    for each in node.unconfirmed(address):
        transaction = each.transaction
        inner = transaction.inner if isinstance(transaction, Multisig) else transaction
        if isinstance(inner, MultisigModification) and set(inner.modifications) == set(changes):
            return each.transaction_id
    return None
