"""The chain that a folder settles on, ready to be used: its venue, and how its blocks come."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import TracebackType
from typing import Final, Protocol, Self, TypeVar

import attrs

from sauma.chain import Chain, Codec
from sauma.errors import BadAnswer, ChainError, Conflict, InvalidInput, Unavailable
from sauma.memory import MemoryChain, MemoryCodec
from sauma.settlement import CLEARING, ISSUER
from sauma.units import Rounding, divide_rounded, format_scaled
from sauma.venue import Venue
from sauma_cli.folder import Folder, StoredChain
from sauma_cli.options import TIMEOUT_S_DEFAULT
from sauma_cli.wallets import MemoryWallets, Wallets

N = TypeVar("N")
T = TypeVar("T")

MEMORY_NAME: Final = "main"
MEMORY_ASSET: Final = "wh"
SHOWN_DECIMALS_MAX: Final = 6


@attrs.frozen(kw_only=True)
class ChainChoice:
    """What the command line says of the chain; None where it leaves the choice to the folder."""

    kind: str | None = None
    node_urls: tuple[str, ...] = ()
    """The nodes to ask, in the order of preference."""
    network: str | None = None
    mosaic: str | None = None
    timeout_s: float = TIMEOUT_S_DEFAULT
    advance: bool = False
    """Ask the node to make blocks: a test node with control routes."""
    finality_blocks: int | None = None
    """NEM: how deep a block is final in a new folder, where a private network says so."""
    agreement: int | None = None
    """NEM: how many of the nodes must have the same block before it is believed to be final."""
    floats: int | None = None
    """NEM: how many further accounts of a new folder issue, each with a lane of its own."""
    delegates: Mapping[str, str] = attrs.field(factory=dict)
    """NEM: the public keys (hexadecimal) of participants' accounts that the operator signs for."""
    real_time_s: float | None = None
    """The seconds between two blocks of the folder's own node, instead of blocks made when needed."""

    @property
    def node_url(self) -> str | None:
        """The node that is asked first."""
        return self.node_urls[0] if self.node_urls else None

    def kind_for(self, stored: StoredChain | None) -> str:
        """Return which chain it is; raises `Conflict` when the folder settles on another."""
        if stored is not None and self.kind not in (None, stored.kind):
            raise Conflict(
                f"this folder settles on {stored.chain_id}, not on the chain {self.kind!r}: "
                "leave --chain out, or name another folder"
            )
        kind = self.kind if stored is None else stored.kind
        if kind == "memory" and self.node_url is not None:
            raise InvalidInput("the chain 'memory' has no node: leave --node out")
        if kind == "memory":
            self.check_no_nem_options()
        return kind or "nem"

    def check_no_nem_options(self) -> None:
        """Raise `InvalidInput` for what only NEM knows."""
        for option, value in (
            ("--network", self.network),
            ("--mosaic", self.mosaic),
            ("--agreement", self.agreement),
            ("--floats", self.floats),
            ("--delegate", next(iter(self.delegates), None)),
        ):
            if value is not None:
                raise InvalidInput(f"{option} {value} is about NEM: leave it out")


@attrs.frozen(kw_only=True)
class FeeUnit:
    """What fees are paid in, as people write it."""

    name: str
    decimals: int

    def show(self, units: int) -> str:
        """Write smallest units as people do; what is less than a millionth is rounded, half to even."""
        left_out = max(0, self.decimals - SHOWN_DECIMALS_MAX)
        shown = divide_rounded(units, 10**left_out, Rounding.HALF_EVEN)
        return f"{format_scaled(shown, self.decimals - left_out, 2)} {self.name}"


class Site(Protocol):
    """A chain in use; close it to let go of its files and connections."""

    fee_unit: FeeUnit | None
    venue: Venue
    wallets: Wallets
    title: str
    makes_blocks: bool
    """Whether blocks come when `pass_blocks` is called; else it waits for them."""

    def make_ready(self, tell: Callable[[str], None]) -> None:
        """Bring the energy asset into being, as often as one likes; `tell` hears of each step."""
        ...

    def pass_blocks(self, blocks: int = 1) -> None:
        """Make so many blocks, or wait for at least one."""
        ...

    def gas_used(self, transaction_ids: Sequence[bytes]) -> int | None:
        """Return what included transactions used of gas; None where there is no gas."""
        ...

    def close(self) -> None:
        """Let go of everything; nothing is lost."""
        ...

    def __enter__(self) -> Self:
        """Return the site."""
        ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close."""
        ...


class MemorySite:
    """The reference chain, kept in the folder's `chain.sqlite`."""

    makes_blocks = True
    fee_unit: FeeUnit | None = None

    def __init__(self, folder: Folder | None) -> None:
        """Open the chain of a folder; without one it lives in memory only."""
        self._chain = MemoryChain(MEMORY_NAME, path=None if folder is None else folder.chain)
        self.title = f"{self._chain.chain_id}, the reference chain"
        self.wallets: Wallets = MemoryWallets(self._chain.chain_id)
        self.venue = Venue(
            chain=self._chain,
            codec=MemoryCodec(),
            energy_asset=self._chain.asset(MEMORY_ASSET),
            settings={},
            roles={role: self.wallets.account(role) for role in (ISSUER, CLEARING)},
        )

    def make_ready(self, tell: Callable[[str], None]) -> None:
        """Do nothing: assets of this chain need no definition."""

    def pass_blocks(self, blocks: int = 1) -> None:
        """Make so many blocks."""
        self._chain.mine(blocks)

    def gas_used(self, transaction_ids: Sequence[bytes]) -> int | None:  # noqa: ARG002
        """Return None: there is no gas."""
        return None

    def close(self) -> None:
        """Let go of the file."""
        self._chain.close()

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


def first_answer(nodes: Sequence[N], ask: Callable[[N], T]) -> T:
    """Return what the first node answers that does; raises what the last one raised."""
    for node in nodes[:-1]:
        try:
            return ask(node)
        except (Unavailable, BadAnswer):
            continue
    return ask(nodes[-1])


def check_nodes(nodes: Sequence[N], check: Callable[[N], None]) -> None:
    """Raise for each node that answers and is the wrong one, and when none answers at all.

    One that was mistyped is so named before anything is begun, and not when its turn comes.
    """
    silent: list[ChainError] = []
    for node in nodes:
        try:
            check(node)
        except (Unavailable, BadAnswer) as error:
            silent.append(error)
    if len(silent) == len(nodes):
        raise silent[-1]


def open_site(folder: Folder, choice: ChainChoice) -> Site:
    """Open the chain of a folder that is being worked in, or begin it."""
    stored = folder.stored_chain()
    kind = choice.kind_for(stored)
    if kind == "memory":
        return MemorySite(folder)
    if kind == "ethereum":
        from sauma_cli.ethereum_sites import open_ethereum_site

        return open_ethereum_site(folder, stored, choice)
    from sauma_cli.nem_sites import open_nem_site

    return open_nem_site(folder, stored, choice)


def rehearsal_venue(copy: Folder, choice: ChainChoice) -> tuple[Venue, Wallets]:
    """Return venue and wallets for a copy of a folder, on which nothing is asked and nothing moves."""
    stored = copy.stored_chain()
    kind = choice.kind_for(stored)
    if kind == "memory":
        site = MemorySite(None)
        return site.venue, site.wallets
    if kind == "ethereum":
        from sauma_cli.ethereum_sites import offline_ethereum_venue

        return offline_ethereum_venue(copy, stored, choice)
    from sauma_cli.nem_sites import offline_venue

    return offline_venue(copy, stored, choice)


@contextmanager
def reading_chain(
    copy: Folder, stored: StoredChain, choice: ChainChoice
) -> Iterator[tuple[Chain, str] | None]:
    """Give the chain of a copied folder, for reading, and its title; None when none can be asked."""
    if stored.kind == "memory":
        if not copy.chain.is_file():
            yield None
            return
        with MemorySite(copy) as site:
            yield site.venue.chain, site.title
        return
    if stored.kind == "ethereum":
        from sauma_cli.ethereum_sites import ethereum_reader

        with ethereum_reader(copy, stored, choice) as found:
            yield found
        return
    from sauma_cli.nem_sites import nem_reader

    with nem_reader(copy, stored, choice) as found:
        yield found


def how_to_ask(stored: StoredChain) -> str:
    """Say what to do about a chain of which the folder has nothing, or that nothing can be done."""
    if stored.kind == "ethereum":
        from sauma_cli.ethereum_node import CHAIN_NUMBER

        lived_in_process = stored.chain_id == f"eip155:{CHAIN_NUMBER}"
    else:
        lived_in_process = stored.kind == "memory"
    if lived_in_process:
        return (
            f"{stored.chain_id} lived in the process that settled, and its blocks are not in the "
            "folder; the journal is checked without it"
        )
    return "name a node with --node URL"


def codec_of(stored: StoredChain) -> Codec:
    """Return the codec that an auditor loads for a recorded chain."""
    if stored.kind == "memory":
        return MemoryCodec()
    if stored.kind == "ethereum":
        from sauma_ethereum.codec import EthereumCodec

        return EthereumCodec.from_settings(stored.settings)
    from sauma_nem.codec import NemCodec

    return NemCodec.from_settings(stored.settings)
