"""Multisig accounts on the street: a producer who entrusts the operator, and an issuer of two."""

from __future__ import annotations

from sauma.chain import Signer
from sauma_nem import Delegate, NodeClient
from sauma_nem.multisig import make_multisig
from sauma_nem.network import TESTNET
from sauma_nem.testnode import TestNode

from .street import signer_of

OPERATOR = signer_of("operator")
AUDITOR = signer_of("auditor")


def entrust(
    node: TestNode,
    client: NodeClient,
    signer: Signer,
    *cosigners: Signer,
    needed: int = 1,
) -> None:
    """Turn an account into a multisig account, and confirm it."""
    keys = [each.public_key for each in cosigners]
    for _ in range(2):
        state = make_multisig(
            client, TESTNET, signer, cosigners=keys, needed=needed, deadline_s=86_400
        )
        node.mine()

    assert state.is_done


def delegate_of(signer: Signer, cosigner: Signer) -> Delegate:
    """Sign for an account by a cosigner."""
    return Delegate(signer.account, signer.public_key, cosigner)
