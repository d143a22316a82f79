"""The ledger: accounts, namespaces and mosaics, in layers that can be merged and taken back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType

import attrs

from sauma_nem.network import MONTH_BLOCKS, XEM_SUPPLY_WHOLE, YEAR_BLOCKS
from sauma_nem.properties import MosaicProperties
from sauma_nem.transactions import XEM, MosaicDefinition, MosaicId

from .tables import Table

NAMESPACE_OWNER = bytes.fromhex("3e82e1c1e4a75adaa3cba8c101c3cd31d9817a2eb966eb3b511fb2ed45b8e262")
"""The key behind the namespace sink; the server names it as the creator of nem:xem."""

MosaicKey = tuple[str, int]
"""`namespace:name` and the tenure under which the mosaic was defined."""

_NO_MOSAICS: Mapping[MosaicKey, int] = MappingProxyType({})


@attrs.frozen(kw_only=True)
class RemoteLink:
    """An importance transfer as one of its two accounts sees it."""

    other: str
    is_remote: bool
    is_active: bool
    height: int


@attrs.frozen(kw_only=True)
class Account:
    """What the ledger knows of an address.  `mosaics` holds smallest units and must not change."""

    address: str
    public_key: bytes | None = None
    balance_micro: int = 0
    harvested_blocks: int = 0
    mosaics: Mapping[MosaicKey, int] = _NO_MOSAICS
    cosignatories: tuple[str, ...] = ()
    cosignatories_min: int = 0
    cosignatory_of: tuple[str, ...] = ()
    remote_link: RemoteLink | None = None

    @property
    def is_multisig(self) -> bool:
        """Whether the account has given its right to sign to others."""
        return bool(self.cosignatories)

    @property
    def is_cosignatory(self) -> bool:
        """Whether the account signs for another one."""
        return bool(self.cosignatory_of)


@attrs.frozen(kw_only=True)
class RootNamespace:
    """A root namespace with all that lives and dies with it.

    `height` is that of the last provision; `tenure` that of the owner's first one without another
    owner in between.  What was made under an older tenure is gone.
    """

    name: str
    owner: str
    height: int
    tenure: int
    children: frozenset[str] = frozenset()


@attrs.frozen(kw_only=True)
class MosaicEntry:
    """A mosaic with its current supply in whole units."""

    definition: MosaicDefinition
    supply_whole: int
    tenure: int

    @property
    def key(self) -> MosaicKey:
        """Under which accounts hold it."""
        return (str(self.definition.mosaic_id), self.tenure)

    @property
    def supply_units(self) -> int:
        """The supply in smallest units."""
        divisibility: int = self.definition.properties.divisibility
        return int(self.supply_whole * 10**divisibility)


XEM_ENTRY = MosaicEntry(
    definition=MosaicDefinition(
        creator=NAMESPACE_OWNER,
        mosaic_id=XEM,
        description="reserved xem mosaic",
        properties=MosaicProperties(
            divisibility=6,
            initial_supply_whole=XEM_SUPPLY_WHOLE,
            supply_mutable=False,
            transferable=True,
        ),
    ),
    supply_whole=XEM_SUPPLY_WHOLE,
    tenure=0,
)


@attrs.frozen(kw_only=True)
class Undo:
    """What a merged layer overwrote."""

    accounts: dict[str, Account | None]
    roots: dict[str, RootNamespace | None]
    mosaics: dict[str, MosaicEntry | None]


class Ledger:
    """One layer of the ledger; see `tables`."""

    def __init__(
        self,
        below: Ledger | None = None,
        *,
        year_blocks: int = YEAR_BLOCKS,
        month_blocks: int = MONTH_BLOCKS,
    ) -> None:
        """Start as an unchanged layer above `below`, or empty with this length of leases."""
        self.year_blocks: int = below.year_blocks if below else year_blocks
        self.month_blocks: int = below.month_blocks if below else month_blocks
        self._accounts: Table[str, Account] = Table(below._accounts if below else None)
        self._roots: Table[str, RootNamespace] = Table(below._roots if below else None)
        self._mosaics: Table[str, MosaicEntry] = Table(below._mosaics if below else None)

    def merge_down(self) -> Undo:
        """Write this layer into the one below; the layer is empty afterwards."""
        return Undo(
            accounts=self._accounts.merge_down(),
            roots=self._roots.merge_down(),
            mosaics=self._mosaics.merge_down(),
        )

    def restore(self, undo: Undo) -> None:
        """Take the latest merge back."""
        self._accounts.restore(undo.accounts)
        self._roots.restore(undo.roots)
        self._mosaics.restore(undo.mosaics)

    # accounts

    def account(self, address: str) -> Account:
        """What is known of an address; an address nobody used is an empty account."""
        return self._accounts.get(address) or Account(address=address)

    def knows(self, address: str) -> bool:
        """Whether anything happened to an address."""
        return self._accounts.get(address) is not None

    def accounts(self) -> Iterator[Account]:
        """All accounts of the bottom layer that something happened to."""
        return self._accounts.values()

    def put_account(self, account: Account) -> None:
        """Replace an account."""
        self._accounts.put(account.address, account)

    def learn_public_key(self, address: str, public_key: bytes) -> None:
        """Remember the key of an account that signed or was named by key."""
        account = self.account(address)
        if account.public_key is None:
            self.put_account(attrs.evolve(account, public_key=public_key))

    def add_xem(self, address: str, delta_micro: int) -> None:
        """Credit or debit XEM."""
        account = self.account(address)
        self.put_account(attrs.evolve(account, balance_micro=account.balance_micro + delta_micro))

    def add_mosaic(self, address: str, entry: MosaicEntry, delta_units: int) -> None:
        """Credit or debit a mosaic; only its creator keeps an entry of zero."""
        account = self.account(address)
        mosaics = dict(account.mosaics)
        units = mosaics.get(entry.key, 0) + delta_units
        if units or self.owner_of(entry) == address:
            mosaics[entry.key] = units
        else:
            mosaics.pop(entry.key, None)
        self.put_account(attrs.evolve(account, mosaics=mosaics))

    def units_of(self, address: str, entry: MosaicEntry) -> int:
        """The smallest units of a mosaic that an account holds; micro XEM for nem:xem."""
        account = self.account(address)
        if entry is XEM_ENTRY:
            return account.balance_micro
        return account.mosaics.get(entry.key, 0)

    # namespaces

    def root(self, namespace: str) -> RootNamespace | None:
        """The root of a namespace name, active or not."""
        return self._roots.get(namespace.partition(".")[0])

    def roots(self) -> Iterator[RootNamespace]:
        """All roots of the bottom layer, active or not."""
        return self._roots.values()

    def put_root(self, root: RootNamespace) -> None:
        """Replace a root."""
        self._roots.put(root.name, root)

    def namespace(self, namespace: str) -> RootNamespace | None:
        """The root of a namespace that exists, active or not; None if it does not exist."""
        root = self.root(namespace)
        if root is None or (namespace != root.name and namespace not in root.children):
            return None
        return root

    def is_active(self, namespace: str, height: int) -> bool:
        """Whether a namespace exists and its lease has not run out at this height."""
        if namespace == XEM.namespace:
            return True
        root = self.namespace(namespace)
        return root is not None and root.height <= height < root.height + self.year_blocks

    # mosaics

    def mosaic(self, mosaic_id: MosaicId) -> MosaicEntry | None:
        """A mosaic of the present tenure, whether its namespace is active or not."""
        if mosaic_id == XEM:
            return XEM_ENTRY
        entry = self._mosaics.get(str(mosaic_id))
        if entry is None:
            return None
        root = self.root(mosaic_id.namespace)
        return entry if root is not None and root.tenure == entry.tenure else None

    def put_mosaic(self, entry: MosaicEntry) -> None:
        """Replace a mosaic."""
        self._mosaics.put(str(entry.definition.mosaic_id), entry)

    def owner_of(self, entry: MosaicEntry) -> str:
        """The address of a mosaic's creator, who owns its namespace."""
        root = self.root(entry.definition.mosaic_id.namespace)
        return root.owner if root is not None else ""
