"""A NEM network of one's own, in this process: for demos, tests and first steps.

::

    with LocalNem("anna", "ben") as nem, Engine.open("sauma.sqlite", nem.venue, …) as engine:
        engine.register("anna", nem.account("anna"))

A test node over loopback HTTP, keys, and the energy mosaic provisioned.  Blocks are made when `mine` is
called, or in a rhythm.  Nothing here is for a real network: its keys are derived from names.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from sauma.chain import Signer
from sauma.identifiers import AccountId
from sauma.session import Signed, Statement
from sauma.venue import Venue

from .caip import network_named
from .chain import NemChain
from .delegation import Delegate
from .evidence import sign_evidence
from .multisig import make_multisig
from .node import NodeClient
from .settings import NemSettings
from .setup import provision
from .testnode import NodeServer, TestNode
from .wallet import NemSigner

ISSUER: Final = "@issuer"
CLEARING: Final = "@clearing"
ESCROW: Final = "@escrow"
FUNDS_MICRO: Final = 1_000_000_000
"""What the issuing account starts with: 1,000 XEM."""


class LocalNem:
    """One node, its keys and the venue that settles on it; use as a context manager."""

    def __init__(
        self,
        *names: str,
        network: str = "testnet",
        mosaic: str = "grid:wh",
        path: Path | str | None = None,
        block_seconds: float | None = None,
        funds_micro: int = FUNDS_MICRO,
        holds: bool = False,
        cosigners: Sequence[str] = (),
        cosigners_needed: int = 1,
        purse_micro: int = 0,
        **settings: Any,
    ) -> None:
        """Start the node and provision the mosaic.

        `names` are the participants that have a key; the issuing and the clearing account always have
        one.  With `path` the chain is kept in that file.  The issuing account starts with `funds_micro`,
        which pays all fees, each participant and the escrow with `purse_micro`.  With `holds` there is
        an escrow account for sessions, a multisig account if there are `cosigners`, participants too:
        the first of them signs, and `cosigners_needed` in all must.  Further keywords are those of
        `NemSettings`.
        """
        chosen = network_named(network)
        self._signers: dict[str, NemSigner] = {
            name: NemSigner.from_private_key(_key_of(name), chosen)
            for name in (ISSUER, CLEARING, *((ESCROW,) if holds else ()), *names)
        }
        issuer = self.account(ISSUER)
        if holds:
            settings["escrow"] = self.account(ESCROW)
            settings.setdefault("cosignatures", cosigners_needed - 1)
        self.settings = NemSettings(network=network, mosaic=mosaic, issuer=issuer, **settings)
        with ExitStack() as stack:
            self.node = stack.enter_context(
                TestNode.create(
                    {
                        **{
                            self.account(name).address: purse_micro
                            for name in (*names, *((ESCROW,) if holds else ()))
                            if purse_micro
                        },
                        issuer.address: funds_micro,
                    },
                    network=chosen,
                    path=path,
                )
            )
            self.server = stack.enter_context(NodeServer(self.node, block_seconds=block_seconds))
            client = NodeClient(self.server.url)
            stack.callback(client.close)
            while not provision(client, self.settings, self._signers[ISSUER]).is_ready:
                self.node.mine()
            signers: dict[AccountId, Signer] = {
                signer.account: signer for signer in self._signers.values()
            }
            if holds and cosigners:
                signers[self.account(ESCROW)] = self._share_escrow(
                    client, cosigners, cosigners_needed
                )
            self.chain = NemChain(self.settings, client, signers)
            self._closing = stack.pop_all()

    @property
    def venue(self) -> Venue:
        """What `Engine.open` needs to settle here."""
        return Venue(
            chain=self.chain,
            codec=self.chain.codec,
            energy_asset=self.settings.energy_asset,
            settings=self.settings.to_facts(),
            roles={
                role: self.account(role)
                for role in (ISSUER, CLEARING, ESCROW)
                if role in self._signers
            },
            session_domain=self.settings.session_domain,
        )

    def join(self, name: str) -> NemSigner:
        """Make a key for somebody who comes later; the same name again gives the same one."""
        if name not in self._signers:
            signer = NemSigner.from_private_key(_key_of(name), self.settings.nem_network)
            self.chain.add_signer(signer)
            self._signers[name] = signer
        return self._signers[name]

    def signer(self, name: str) -> NemSigner:
        """Return the signer of a participant, `@issuer`, `@clearing` or `@escrow`."""
        return self._signers[name]

    def sign(self, name: str, statement: Statement) -> Signed:
        """Have a participant sign evidence of a session."""
        return sign_evidence(self._signers[name], statement)

    def _share_escrow(self, client: NodeClient, cosigners: Sequence[str], needed: int) -> Signer:
        """Make the escrow a multisig account; return who signs for it, the first of its cosigners."""
        own = self._signers[ESCROW]
        keys = [self._signers[name].public_key for name in cosigners]
        network = self.settings.nem_network
        while not make_multisig(client, network, own, cosigners=keys, needed=needed).is_done:
            self.node.mine()
        return Delegate(own.account, own.public_key, self._signers[cosigners[0]])

    def account(self, name: str) -> AccountId:
        """Return the account of a participant, `@issuer` or `@clearing`."""
        return self._signers[name].account

    def mine(self, blocks: int = 1) -> int:
        """Make blocks and return the new height."""
        return self.node.mine(blocks)

    def mine_to_finality(self) -> int:
        """Make so many blocks that everything on the chain now is final."""
        return self.node.mine(self.settings.finality_blocks)

    def close(self) -> None:
        """Stop the node."""
        self._closing.close()

    def __enter__(self) -> Self:
        """Return the network itself; leaving stops it."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stop the node."""
        self.close()


def _key_of(name: str) -> bytes:
    return hashlib.sha256(f"sauma local key: {name}".encode()).digest()
