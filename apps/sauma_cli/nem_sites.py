"""NEM as a folder settles on it: a node of its own over loopback HTTP, or somebody's node."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING, Final, Self

from sauma.chain import Chain
from sauma.errors import Conflict, InvalidInput, Unavailable
from sauma.identifiers import AccountId
from sauma.settlement import CLEARING, ISSUER
from sauma.venue import Venue
from sauma_cli.folder import Folder, StoredChain
from sauma_cli.keys import Keys
from sauma_cli.nem_authority import account_on, public_key_of
from sauma_cli.nodes import OwnNode, client_of, miner_of
from sauma_cli.sites import ChainChoice, FeeUnit, check_nodes, first_answer
from sauma_cli.wallets import NemWallets, Wallets
from sauma_nem.caip import network_named
from sauma_nem.chain import NemChain
from sauma_nem.delegation import Delegate
from sauma_nem.node import NodeClient
from sauma_nem.settings import FINALITY_BLOCKS, FLOATS_MAX, NemSettings
from sauma_nem.setup import provision

if TYPE_CHECKING:
    from sauma_portal.wallets import Wallets as JoiningWallets

MOSAIC_DEFAULT: Final = "sauma:wh"
NETWORK_DEFAULT: Final = "testnet"
PREFUNDED_MICRO: Final = 1_000_000 * 10**6
"""What the issuer has from the start on a node of the folder's own: one million XEM."""
XEM: Final = FeeUnit(name="XEM", decimals=6)
POLL_S: Final = 2.0
"""How often somebody's node is asked whether there is a new block."""
PROVISION_BLOCKS_MAX: Final = 60
"""How many blocks the namespace and mosaic may take before the node is given up."""
_UNASKED: Final = "http://127.0.0.1:7890"


class NemSite:
    """A NEM chain through its nodes; blocks are made by `mine`, or waited for where that is None."""

    fee_unit: FeeUnit | None = XEM

    def __init__(
        self,
        *,
        settings: NemSettings,
        keys: Keys,
        clients: Sequence[NodeClient],
        choice: ChainChoice,
        title: str,
        mine: Callable[[int], None] | None,
        own_node: OwnNode | None = None,
        poll_s: float,
    ) -> None:
        """Put chain and venue together; nothing is asked yet."""
        self._settings, self._keys, self._clients = settings, keys, clients
        self._choice = choice
        self._mine, self._own_node, self._poll_s = mine, own_node, poll_s
        self.makes_blocks = mine is not None
        self.title = title
        self.wallets: Wallets = _wallets(settings.network, keys, choice)
        self.venue = _venue(settings, clients, keys, choice)

    def make_ready(self, tell: Callable[[str], None]) -> None:
        """Rent the namespace and define the mosaic, a block apart, unless they are there."""
        # Keys may have been made since this site was opened; the chain signs with all of them.
        self.venue = _venue(self._settings, self._clients, self._keys, self._choice)
        signer = self._keys.signer(ISSUER)
        for _ in range(PROVISION_BLOCKS_MAX):
            state = first_answer(
                self._clients, lambda client: provision(client, self._settings, signer)
            )
            if state.is_ready:
                return
            if state.announced:
                tell(f"{state.step.value} {state.waits_for}")
            self.pass_blocks()
        raise Unavailable(
            f"{self.title} has not confirmed {state.waits_for} within "
            f"{PROVISION_BLOCKS_MAX} blocks: ask another node, or run the same command later"
        )

    def joining_wallets(self) -> JoiningWallets:
        """Return the wallets of people who join while the chain is in use: keys of the folder."""
        from sauma_portal.wallets import NemWallets as WalletsOfPeople

        chain = self.venue.chain
        if not isinstance(chain, NemChain):
            raise InvalidInput("this site has no NEM chain")
        return WalletsOfPeople(chain, self._settings, self._keys.participant_signer)

    def pass_blocks(self, blocks: int = 1) -> None:
        """Make so many blocks, or wait for the next one."""
        if self._mine is not None:
            self._mine(blocks)
            return
        height = first_answer(self._clients, NodeClient.height)
        while first_answer(self._clients, NodeClient.height) <= height:
            time.sleep(self._poll_s)

    def gas_used(self, transaction_ids: Sequence[bytes]) -> int | None:  # noqa: ARG002
        """Return None: there is no gas."""
        return None

    def close(self) -> None:
        """Close connections, and the folder's own node."""
        for client in self._clients:
            client.close()
        if self._own_node is not None:
            self._own_node.close()

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


def open_nem_site(folder: Folder, stored: StoredChain | None, choice: ChainChoice) -> NemSite:
    """Open the chain of a folder, through its own node unless one is named."""
    if choice.node_url is not None and folder.node.is_file():
        raise Conflict(
            f"{folder.path} has a node of its own, whose chain it settles on: leave --node out, or "
            "name another folder"
        )
    if choice.node_url is None and stored is not None and not folder.node.is_file():
        raise InvalidInput(
            f"{folder.path} settles on {stored.chain_id} through a node elsewhere: name one with "
            "--node URL"
        )
    keys = Keys(folder.keys, _network(stored, choice))
    if choice.node_urls:
        return _somebodys_nodes(keys, stored, choice)
    settings = _settings(keys, stored, choice, first_height=1)
    funded = {each.address: PREFUNDED_MICRO for each in settings.issuing_accounts}
    own = OwnNode(folder, funded, settings.network, block_s=choice.real_time_s)
    return NemSite(
        settings=settings,
        keys=keys,
        clients=[client_of(own.server.url, choice.timeout_s)],
        choice=choice,
        title=f"{settings.chain_id}, a test node of its own at {own.server.url}",
        mine=own.mine if choice.real_time_s is None else None,
        own_node=own,
        poll_s=min(POLL_S, (choice.real_time_s or POLL_S) / 4),
    )


def _somebodys_nodes(keys: Keys, stored: StoredChain | None, choice: ChainChoice) -> NemSite:
    clients = [client_of(url, choice.timeout_s) for url in choice.node_urls]
    settings = _settings(keys, stored, choice, first_height=1)
    check_nodes(clients, lambda client: client.check(settings.nem_network))
    if stored is None:
        # Nothing of this folder lies deeper than a reorganisation can reach from here.
        height = first_answer(clients, NodeClient.height)
        first_height = max(1, height - settings.finality_blocks)
        settings = _settings(keys, None, choice, first_height=first_height)
    return NemSite(
        settings=settings,
        keys=keys,
        clients=clients,
        choice=choice,
        title=_title(settings, choice.node_urls),
        mine=partial(_ask_for_blocks, clients, choice.timeout_s) if choice.advance else None,
        poll_s=POLL_S,
    )


def _ask_for_blocks(clients: Sequence[NodeClient], timeout_s: float, blocks: int) -> None:
    first_answer(clients, lambda client: miner_of(client, timeout_s)(blocks))


def _title(settings: NemSettings, urls: Sequence[str]) -> str:
    return f"{settings.chain_id}, {'node' if len(urls) == 1 else 'nodes'} {', '.join(urls)}"


@contextmanager
def nem_reader(
    copy: Folder, stored: StoredChain, choice: ChainChoice
) -> Iterator[tuple[Chain, str] | None]:
    """Give the chain of a copied folder, or somebody's node, without any key; and its title."""
    settings = NemSettings.from_facts(stored.settings)
    with ExitStack() as stack:
        urls = choice.node_urls
        if not urls:
            if not copy.node.is_file():
                yield None
                return
            own = OwnNode(copy, {}, settings.network, block_s=None)
            stack.callback(own.close)
            urls = (own.server.url,)
        clients = [stack.enter_context(client_of(url, choice.timeout_s)) for url in urls]
        yield NemChain(settings, clients), _title(settings, urls)


def offline_venue(
    copy: Folder, stored: StoredChain | None, choice: ChainChoice
) -> tuple[Venue, Wallets]:
    """Return a venue whose node is never asked."""
    keys = Keys(copy.keys, _network(stored, choice))
    settings = _settings(keys, stored, choice, first_height=1)
    unasked = [NodeClient(_UNASKED) for _ in choice.node_urls or (_UNASKED,)]
    venue = _venue(settings, unasked, keys, choice)
    return venue, _wallets(settings.network, keys, choice)


def _settings(
    keys: Keys, stored: StoredChain | None, choice: ChainChoice, *, first_height: int
) -> NemSettings:
    if stored is None:
        return NemSettings(
            network=_network(None, choice),
            mosaic=choice.mosaic or MOSAIC_DEFAULT,
            issuer=keys.account(ISSUER),
            first_height=first_height,
            finality_blocks=choice.finality_blocks or FINALITY_BLOCKS,
            floats=tuple(map(keys.account, _float_roles(choice.floats or 0))),
        )
    settings = NemSettings.from_facts(stored.settings)
    if choice.mosaic not in (None, settings.mosaic):
        raise Conflict(f"this folder issues {settings.mosaic}, not {choice.mosaic}: leave it out")
    if choice.floats not in (None, len(settings.floats)):
        raise Conflict(
            f"this folder issues over {len(settings.floats)} further accounts, not {choice.floats}: "
            "leave it out, or name another folder"
        )
    for role, account in _issuing(settings).items():
        keys.check_issuer(account, role)
    return settings


def _issuing(settings: NemSettings) -> dict[str, AccountId]:
    """Return the issuing accounts by the roles that they are bound to."""
    return dict(
        zip((ISSUER, *_float_roles(len(settings.floats))), settings.issuing_accounts, strict=True)
    )


def _float_roles(count: int) -> list[str]:
    if not 0 <= count <= FLOATS_MAX:
        raise InvalidInput(f"--floats {count} must be between 0 and {FLOATS_MAX}")
    return [f"{ISSUER}.{number}" for number in range(2, 2 + count)]


def _network(stored: StoredChain | None, choice: ChainChoice) -> str:
    if stored is None:
        return choice.network or NETWORK_DEFAULT
    network = str(stored.settings["network"])
    if choice.network not in (None, network):
        raise Conflict(f"this folder settles on the {network}, not on the {choice.network}")
    return network


def _wallets(network: str, keys: Keys, choice: ChainChoice) -> NemWallets:
    delegated = {
        name: account_on(public_key_of(digits), network_named(network))
        for name, digits in choice.delegates.items()
    }
    return NemWallets(keys, network, delegated)


def _venue(
    settings: NemSettings, clients: Sequence[NodeClient], keys: Keys, choice: ChainChoice
) -> Venue:
    """Return the venue, signing with every key that there is by now, and for who lets the issuer's."""
    roles = {**_issuing(settings), CLEARING: keys.account(CLEARING)}
    signers = keys.signers()
    for digits in choice.delegates.values():
        public_key = public_key_of(digits)
        account = account_on(public_key, settings.nem_network)
        signers[account] = Delegate(account, public_key, keys.signer(ISSUER))
    agreement = 1 if choice.agreement is None else choice.agreement
    chain = NemChain(settings, clients, signers, agreement=agreement)
    return Venue(
        chain=chain,
        codec=chain.codec,
        energy_asset=settings.energy_asset,
        settings=settings.to_facts(),
        roles=roles,
    )
