"""Ethereum as a folder settles on it: a chain of its own inside this process, or somebody's node."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from types import TracebackType
from typing import Final, Self

from sauma.chain import Chain, SignedTransaction
from sauma.dispatch.restoring import committed_transactions
from sauma.errors import Conflict, InvalidInput, Unavailable
from sauma.identifiers import AccountId
from sauma.settlement import CLEARING, ISSUER
from sauma.store import Store, queries
from sauma.store import projections as p
from sauma.venue import Venue
from sauma_cli.ethereum_contract import read_contract
from sauma_cli.ethereum_keys import EthereumKeys, EthereumWallets
from sauma_cli.ethereum_node import CHAIN_NUMBER, OwnEthereum
from sauma_cli.folder import Folder, StoredChain
from sauma_cli.rendering import count
from sauma_cli.sites import ChainChoice, FeeUnit, check_nodes, first_answer
from sauma_cli.wallets import Wallets
from sauma_ethereum.caip import chain_id_of
from sauma_ethereum.chain import EthereumChain
from sauma_ethereum.node import NodeClient
from sauma_ethereum.settings import EthereumSettings
from sauma_ethereum.transport import Call, ErrorReply

ETHER: Final = FeeUnit(name="ETH", decimals=18)
POLL_S: Final = 2.0
"""How often somebody's node is asked whether there is a new block."""
REGISTER_BLOCKS_MAX: Final = 60
"""How many blocks the registration of accounts may take before the node is given up."""
_UNASKED: Final = "http://127.0.0.1:8545"
_NO_CONTRACT: Final = "0x" + "0" * 40


class EthereumSite:
    """A contract through its nodes; blocks are made by `mine`, or waited for where that is None."""

    fee_unit: FeeUnit | None = ETHER

    def __init__(
        self,
        *,
        settings: EthereumSettings,
        keys: EthereumKeys,
        clients: Sequence[NodeClient],
        folder: Folder | None,
        title: str,
        mine: Callable[[int], None] | None,
    ) -> None:
        """Put chain and venue together; nothing is asked yet."""
        self._clients, self._folder, self._mine = clients, folder, mine
        self.makes_blocks = mine is not None
        self.title = title
        self._wallets = EthereumWallets(keys)
        self.wallets: Wallets = self._wallets
        self.chain = EthereumChain(settings, clients, keys.signers())
        self.venue = _venue(self.chain, keys)

    def make_ready(self, tell: Callable[[str], None]) -> None:
        """Have the contract give a number to every account that may receive or send energy."""
        waiting: tuple[SignedTransaction, ...] = ()
        accounts, outstanding = self._known()
        for _ in range(REGISTER_BLOCKS_MAX):
            missing = self.chain.unregistered(accounts)
            if not missing:
                return
            if not waiting:
                waiting = self.chain.prepare_registration(missing, outstanding=outstanding)
                if waiting:
                    ledger = self.chain.settings.ledger
                    tell(f"{count(len(missing), 'account')} in contract {ledger}")
            for transaction in waiting:
                self.chain.broadcast(transaction)
            self.pass_blocks()
        raise Unavailable(
            f"{self.title} has not registered {missing[0]} within "
            f"{REGISTER_BLOCKS_MAX} blocks: ask another node, or run the same command later"
        )

    def pass_blocks(self, blocks: int = 1) -> None:
        """Make so many blocks, or wait for the next one."""
        if self._mine is not None:
            self._mine(blocks)
            return
        height = self.chain.head().newest.height
        while self.chain.head().newest.height <= height:
            time.sleep(POLL_S)

    def gas_used(self, transaction_ids: Sequence[bytes]) -> int | None:
        """Return what the receipts say."""
        receipts = first_answer(self._clients, lambda client: client.receipts(transaction_ids))
        return sum(receipt.gas_used for receipt in receipts if receipt is not None)

    def close(self) -> None:
        """Close connections; what the folder's own chain has is on the disk."""
        self.chain.close()

    def __enter__(self) -> Self:
        """Return the site."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close."""
        self.close()

    def _known(self) -> tuple[list[AccountId], list[SignedTransaction]]:
        """Return all accounts, of this command's files and of the journal, and what is on its way."""
        accounts = dict.fromkeys((*self._wallets.named, self.venue.roles[CLEARING]))
        outstanding: list[SignedTransaction] = []
        if self._folder is not None and self._folder.stored_chain() is not None:
            states = (p.STATE_COMMITTED, p.STATE_INCLUDED)
            with (
                Store.open(self._folder.store, read_only=True) as store,
                store.reading() as connection,
            ):
                known = queries.accounts(connection, self.venue.chain_id)
                known.pop(ISSUER, None)  # it brings into being, and never holds
                accounts |= dict.fromkeys(known.values())
                settler = self.chain.settings.settler
                every = committed_transactions(connection, self.venue, states)
                outstanding = [one for one in every if one.sender == settler]
        return list(accounts), outstanding


def open_ethereum_site(
    folder: Folder, stored: StoredChain | None, choice: ChainChoice
) -> EthereumSite:
    """Open the chain of a folder, its own unless a node is named."""
    choice.check_no_nem_options()
    if choice.node_urls:
        return _somebodys_nodes(folder, stored, choice)
    if choice.real_time_s is not None or choice.advance:
        raise InvalidInput(
            "the chain 'ethereum' of a folder makes its blocks when they are needed: leave "
            "--real-time and --advance out, or name a node with --node URL"
        )
    if stored is not None and not folder.ethereum.is_file():
        raise InvalidInput(
            f"{folder.path} settles on {stored.chain_id} through a node elsewhere: name one with "
            "--node URL"
        )
    keys = EthereumKeys(folder.keys, chain_id_of(CHAIN_NUMBER))
    if folder.ethereum.is_file():
        own = OwnEthereum.open(folder.ethereum)
        _check_keys(keys, own.settings)
    else:
        own = OwnEthereum.begin(
            folder.ethereum,
            issuer=keys.signer(ISSUER),
            settler=keys.signer(CLEARING),
            genesis_time_s=int(time.time()),
        )
    return EthereumSite(
        settings=own.settings,
        keys=keys,
        clients=[own.client],
        folder=folder,
        title=f"{own.settings.chain}, a chain of its own (eth-tester)",
        mine=own.mine,
    )


def client_at(url: str, timeout_s: float) -> NodeClient:
    """Return a client that gives a silent node up after so many seconds."""
    return NodeClient(
        url,
        connect_timeout_s=timeout_s,
        read_timeout_s=timeout_s,
        answer_seconds_max=3 * timeout_s,
    )


def _somebodys_nodes(
    folder: Folder, stored: StoredChain | None, choice: ChainChoice
) -> EthereumSite:
    if folder.ethereum.is_file():
        raise Conflict(
            f"{folder.path} has an Ethereum chain of its own, on which it settles: leave --node out, "
            "or name another folder"
        )
    settings = _stored_settings(folder, stored)
    keys = EthereumKeys(folder.keys, settings.chain)
    _check_keys(keys, settings)
    clients = [client_at(url, choice.timeout_s) for url in choice.node_urls]
    check_nodes(clients, partial(_check, settings))
    return EthereumSite(
        settings=settings,
        keys=keys,
        clients=clients,
        folder=folder,
        title=f"{settings.chain}, node {', '.join(client.name for client in clients)}",
        mine=partial(_ask_for_blocks, clients) if choice.advance else None,
    )


def _ask_for_blocks(clients: Sequence[NodeClient], blocks: int) -> None:
    first_answer(clients, lambda client: miner_of(client)(blocks))


def _check(settings: EthereumSettings, client: NodeClient) -> None:
    """Raise unless a node serves the chain and has the contracts' code."""
    for address, code_hash in (
        (settings.ledger_address, settings.code_hash),
        (settings.escrow_address, settings.escrow_hash),
    ):
        client.check(settings.chain_number, address, bytes.fromhex(code_hash))


@contextmanager
def ethereum_reader(
    copy: Folder, stored: StoredChain, choice: ChainChoice
) -> Iterator[tuple[Chain, str] | None]:
    """Give the chain of a copied folder, or somebody's node, without any key; and its title."""
    settings = EthereumSettings.from_facts(stored.settings)
    with ExitStack() as stack:
        if choice.node_url is not None:
            client = client_at(choice.node_url, choice.timeout_s)
        elif copy.ethereum.is_file():
            client = OwnEthereum.open(copy.ethereum).client
        else:
            yield None
            return
        stack.callback(client.close)
        yield EthereumChain(settings, client), f"{settings.chain}, {client.name}"


def offline_ethereum_venue(
    copy: Folder, stored: StoredChain | None, choice: ChainChoice
) -> tuple[Venue, Wallets]:
    """Return a venue whose node is never asked; before there is a contract, with none."""
    choice.check_no_nem_options()
    if stored is not None or choice.node_url is not None:
        settings = _stored_settings(copy, stored)
        keys = EthereumKeys(copy.keys, settings.chain)
        _check_keys(keys, settings)
    else:
        keys = EthereumKeys(copy.keys, chain_id_of(CHAIN_NUMBER))
        settings = _no_settings(keys)
    chain = EthereumChain(settings, NodeClient(_UNASKED), keys.signers())
    return _venue(chain, keys), EthereumWallets(keys)


def _stored_settings(folder: Folder, stored: StoredChain | None) -> EthereumSettings:
    """Return the settings of the journal, or those that `sauma ethereum deploy` left."""
    if stored is not None:
        return EthereumSettings.from_facts(stored.settings)
    if not folder.contract.is_file():
        raise InvalidInput(
            "the folder has no contract on that chain: `sauma ethereum deploy --node URL --key FILE "
            "--folder FOLDER` brings one into being"
        )
    return read_contract(folder.contract)


def _no_settings(keys: EthereumKeys) -> EthereumSettings:
    return EthereumSettings(
        chain=keys.chain_id,
        ledger=_NO_CONTRACT,
        code_hash="0" * 64,
        escrow=_NO_CONTRACT,
        escrow_hash="0" * 64,
        area=1,
        issuer=keys.account(ISSUER),
        settler=keys.account(CLEARING),
    )


def _check_keys(keys: EthereumKeys, settings: EthereumSettings) -> None:
    keys.check_role(ISSUER, settings.issuer)
    keys.check_role(CLEARING, settings.settler)


def _venue(chain: EthereumChain, keys: EthereumKeys) -> Venue:
    """Return the venue: the contract lets its settler alone move what participants have."""
    settings = chain.settings
    return Venue(
        chain=chain,
        codec=chain.codec,
        energy_asset=settings.energy_asset,
        settings=settings.to_facts(),
        roles={role: keys.account(role) for role in (ISSUER, CLEARING)},
        clearing_signs=True,
    )


def miner_of(client: NodeClient) -> Callable[[int], None]:
    """Return what asks a test node such as anvil for blocks."""

    def mine(blocks: int) -> None:
        for _ in range(blocks):
            (reply,) = client.transport.send([Call("evm_mine")])
            if isinstance(reply, ErrorReply):
                raise InvalidInput(
                    f"node {client.name} makes no blocks on request ({reply}): leave --advance out"
                )

    return mine
