"""Where the charging demo takes place: a chain of its own, with an escrow, purses and keys.

The chain is kept in the demo's folder, under the names that every folder has, so that `sauma replay`
can ask it when the demo is over.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final, Protocol

import attrs

from sauma.chain import Batch, BatchKind, Issue, Signer
from sauma.errors import InvalidInput
from sauma.identifiers import AccountId, AssetId, content_id
from sauma.memory import MemoryChain, MemoryCodec, NamedSigner, escrow_account
from sauma.session import SessionTerms, Signed, Statement, Verifier
from sauma.settlement import CLEARING, ESCROW, ISSUER
from sauma.units import MICRO_PER_UNIT
from sauma.venue import Venue
from sauma_cli.folder import Folder
from sauma_cli.options import ChainName
from sauma_cli.sites import MEMORY_NAME

NAMES: Final = ("car", "street", "charger", "operator")
METERS: Final = ("street-meter", "charger-meter")
PURSE_MICRO: Final = 20 * MICRO_PER_UNIT
"""What the car has: 20 coins, in millionths."""


class _Mines(Protocol):
    def __call__(self, blocks: int = 1) -> object: ...


@attrs.frozen(kw_only=True)
class Place:
    """A chain with an escrow, on which the parties have accounts and keys."""

    title: str
    coin: str
    """What the car pays with; its smallest unit is a millionth."""
    escrow: str
    """Who has what is held, in words."""
    venue: Venue
    asset: AssetId
    account: Callable[[str], AccountId]
    sign: Callable[[str, SessionTerms, Statement], Signed]
    mine: _Mines


@contextmanager
def open_place(kind: ChainName, folder: Folder) -> Iterator[Place]:
    """Make a chain of its own for the demo, kept in a folder."""
    if kind == "memory":
        yield from _memory(folder)
    elif kind == "nem":
        yield from _nem(folder)
    else:
        yield from _ethereum(folder)


def _memory(folder: Folder) -> Iterator[Place]:
    with MemoryChain(MEMORY_NAME, path=folder.chain) as chain:
        yield _memory_place(chain)


def _memory_place(chain: MemoryChain) -> Place:
    asset = chain.asset("coin")
    issue = Issue(
        instruction_id=content_id("demo-purse"),
        authority=chain.account("bank"),
        evidence=b"",
        recipient=chain.account("car"),
        asset=asset,
        units=PURSE_MICRO,
    )
    batch = Batch(
        batch_id=content_id("demo-purse-batch"), kind=BatchKind.SETTLEMENT, instructions=(issue,)
    )
    for transaction in chain.prepare([batch], outstanding=()):
        chain.broadcast(transaction)
    chain.mine()
    codec = MemoryCodec()
    return Place(
        title="memory, the reference chain, in this process",
        coin="coins",
        escrow="the chain itself",
        venue=Venue(
            chain=chain,
            codec=codec,
            energy_asset=chain.asset("wh"),
            settings={},
            roles={
                ISSUER: chain.account("bank"),
                CLEARING: chain.account("clearing"),
                ESCROW: escrow_account(chain.chain_id),
            },
            session_domain=chain.session_domain,
        ),
        asset=asset,
        account=chain.account,
        sign=_signing(codec, lambda name: NamedSigner(account=chain.account(name))),
        mine=chain.mine,
    )


def _nem(folder: Folder) -> Iterator[Place]:
    from sauma_nem.local import LocalNem

    with LocalNem(
        *NAMES, *METERS, "auditor", holds=True, cosigners=("operator", "auditor"),
        purse_micro=PURSE_MICRO, path=folder.node,
    ) as nem:  # fmt: skip
        yield Place(
            title="NEM, a test node in this process, over HTTP",
            coin="XEM",
            escrow="a multisig account of operator and auditor",
            venue=nem.venue,
            asset=nem.settings.fee_asset,
            account=nem.account,
            sign=lambda name, _, statement: nem.sign(name, statement),
            mine=nem.mine,
        )


def _ethereum(folder: Folder) -> Iterator[Place]:
    from sauma_cli.ethereum_node import CHAIN_NUMBER, OwnEthereum
    from sauma_ethereum.caip import chain_id_of
    from sauma_ethereum.evidence import domain_of
    from sauma_ethereum.local import named_signer

    grid = named_signer("grid", chain_id_of(CHAIN_NUMBER))
    own = OwnEthereum.begin(
        folder.ethereum, issuer=grid, settler=grid, genesis_time_s=int(time.time())
    )
    settings, local = own.settings, own.local
    signers: dict[AccountId, Signer] = {
        local.signer(name).account: local.signer(name) for name in NAMES
    }
    chain = local.chain(settings, signers)
    local.fund(list(signers))
    local.register(local.chain(settings, {grid.account: grid}), list(signers))
    local.deposit_money(settings, local.signer("car").account, PURSE_MICRO)
    codec = chain.codec
    try:
        yield Place(
            title="Ethereum, a contract on eth-tester, in this process",
            coin="tokens",
            escrow="the escrow contract",
            venue=Venue(
                chain=chain,
                codec=codec,
                energy_asset=settings.energy_asset,
                settings=settings.to_facts(),
                roles={
                    ISSUER: grid.account,
                    CLEARING: local.signer("clearing").account,
                    ESCROW: settings.escrow_account,
                },
                session_domain=domain_of(settings),
            ),
            asset=settings.money_asset,
            account=lambda name: local.signer(name).account,
            sign=_signing(codec, local.signer),
            mine=local.mine,
        )
    finally:
        chain.close()


def _signing(
    verifier: Verifier, signer_of: Callable[[str], Signer]
) -> Callable[[str, SessionTerms, Statement], Signed]:
    def sign(name: str, terms: SessionTerms, statement: Statement) -> Signed:
        signer = signer_of(name)
        signature = signer.sign(verifier.statement_payload(terms, statement))
        if not signature:
            raise InvalidInput(f"the signer of {name} signs nothing: give it a key")
        return Signed(statement=statement, signer=signer.account, signature=signature)

    return sign
