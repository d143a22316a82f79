"""What distinguishes one settlement on NEM from another: plain facts, fit for a journal."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any, Final

import attrs

from sauma.chain import Capabilities, ExpiryUnit, FeeModel, Finality, Support
from sauma.errors import InvalidInput
from sauma.identifiers import AccountId, AssetId, ChainId
from sauma.session import session_domain
from sauma.units import check_integer

from .caip import address_on, asset_of, chain_id_of, network_named, xem_asset
from .names import check_mosaic_name, check_namespace
from .network import (
    BLOCK_TARGET_SECONDS,
    COSIGNATORIES_MAX,
    DEADLINE_SECONDS_MAX,
    MOSAIC_UNITS_MAX,
    REWRITE_LIMIT_BLOCKS,
    TRANSFER_MOSAICS_MAX,
    TRANSFER_UNITS_MAX,
    Network,
)
from .transactions import XEM, MosaicId

SUPPLY_UNITS: Final = MOSAIC_UNITS_MAX
"""At the largest supply there is, every transfer costs the least fee."""
FINALITY_BLOCKS: Final = REWRITE_LIMIT_BLOCKS + 1
"""360 blocks can be undone, so the first that cannot has 361 confirmations."""
DEADLINE_SECONDS: Final = 7_200
POOL_LIMIT: Final = 100
"""One account may have 120 waiting in a node's pool; the rest is left for other programs."""
POOL_LIMIT_MAX: Final = 120
FEE_MICRO_MAX: Final = 1_000_000
"""Up to one XEM is offered to get past a full pool."""
FEE_MICRO_LIMIT: Final = 10_000_000
"""Above 10 XEM a pool makes no more room."""
FLOATS_MAX: Final = 64

_FACTS: Final = (
    "network",
    "mosaic",
    "issuer",
    "supply_units",
    "finality_blocks",
    "deadline_s",
    "pool_limit",
    "first_height",
)
_LATER_FACTS: Final = {
    "floats": (),
    "further_mosaics": (),
    "fee_micro_max": FEE_MICRO_MAX,
    "cosignatures": 0,
    "block_seconds": BLOCK_TARGET_SECONDS,
    "escrow": None,
}
"""Written only where they differ: a journal that began before they existed still says the same."""


@attrs.frozen(kw_only=True)
class NemSettings:
    """The network, the energy mosaic and the account that issues it, and how patient to be.

    One unit of the mosaic is one Wh.  All of the supply starts with `issuer`; what lies there is
    not in circulation.  `finality_blocks` counts confirmations, the newest block having one.
    """

    network: str
    """mainnet, testnet or mijin."""
    mosaic: str
    """`namespace:name`, such as `grid:wh`."""
    issuer: AccountId
    supply_units: int = SUPPLY_UNITS
    finality_blocks: int = FINALITY_BLOCKS
    deadline_s: int = DEADLINE_SECONDS
    """How long a transaction may wait to be included."""
    pool_limit: int = POOL_LIMIT
    """How many transactions of one account may wait at a time."""
    first_height: int = 1
    """The height at which reading events begins: nothing of ours lies in an earlier block."""
    floats: tuple[AccountId, ...] = ()
    """Further issuing accounts, each with a part of the supply and a lane of its own."""
    further_mosaics: tuple[str, ...] = ()
    """Other mosaics that are moved here, as `namespace:name`: energy of other areas, money."""
    fee_micro_max: int = FEE_MICRO_MAX
    """The most that is offered for a transaction while the pool is full, if its least fee is lower."""
    cosignatures: int = 0
    """How many cosignatures a wrapped transaction needs beside its first signature."""
    escrow: AccountId | None = None
    """The account that keeps what sessions hold; with cosigners where others shall watch it."""
    block_seconds: int = BLOCK_TARGET_SECONDS
    """How far apart blocks are meant to be; another number on a private network."""

    def __attrs_post_init__(self) -> None:
        """Refuse names and numbers that the network does not know."""
        mosaic_id = MosaicId.parse(self.mosaic)
        check_namespace(mosaic_id.namespace)
        check_mosaic_name(mosaic_id.name)
        if mosaic_id.namespace == "nem":
            raise InvalidInput(f"mosaic {self.mosaic!r} is not ours to issue: choose a namespace")
        address_on(self.issuer, self.nem_network)
        others = tuple(map(MosaicId.parse, self.further_mosaics))
        if len({mosaic_id, XEM, *others}) != 2 + len(others):
            raise InvalidInput(
                f"further_mosaics {self.further_mosaics} must be others than {self.mosaic} and {XEM}, "
                "each once"
            )
        for account in self.floats:
            address_on(account, self.nem_network)
        if self.escrow is not None:
            address_on(self.escrow, self.nem_network)
            if self.escrow in self.issuing_accounts:
                raise InvalidInput(
                    f"{self.escrow} keeps the supply: keep what sessions hold on another account"
                )
        if len(set(self.issuing_accounts)) != 1 + len(self.floats) or len(self.floats) > FLOATS_MAX:
            raise InvalidInput(
                f"floats must be up to {FLOATS_MAX} accounts, each once and none the issuer: correct "
                "the settings"
            )
        for name, least, most in (
            ("supply_units", 1, MOSAIC_UNITS_MAX),
            ("finality_blocks", 1, None),
            ("deadline_s", BLOCK_TARGET_SECONDS, DEADLINE_SECONDS_MAX),
            ("pool_limit", 1, POOL_LIMIT_MAX),
            ("first_height", 1, None),
            ("fee_micro_max", 0, FEE_MICRO_LIMIT),
            ("cosignatures", 0, COSIGNATORIES_MAX - 1),
            ("block_seconds", 1, DEADLINE_SECONDS_MAX),
        ):
            value = check_integer(getattr(self, name), name)
            if value < least or (most is not None and value > most):
                limit = f"at least {least}" if most is None else f"between {least} and {most}"
                raise InvalidInput(f"{name} {value} must be {limit}")

    @cached_property
    def nem_network(self) -> Network:
        """The network with its byte and its sinks."""
        return network_named(self.network)

    @cached_property
    def issuing_accounts(self) -> tuple[AccountId, ...]:
        """The accounts outside circulation: the issuer and the floats."""
        return (self.issuer, *self.floats)

    @cached_property
    def chain_id(self) -> ChainId:
        """The chain id, such as `nem:testnet`."""
        return chain_id_of(self.nem_network)

    @cached_property
    def session_domain(self) -> bytes:
        """What terms of sessions name as their domain; empty without an escrow account."""
        return b"" if self.escrow is None else session_domain(str(self.escrow))

    @cached_property
    def mosaic_id(self) -> MosaicId:
        """The energy mosaic as NEM names it."""
        return MosaicId.parse(self.mosaic)

    @cached_property
    def moved_mosaics(self) -> frozenset[MosaicId]:
        """Everything that a batch may move: the energy mosaic, XEM and the further ones."""
        return frozenset((self.mosaic_id, XEM, *map(MosaicId.parse, self.further_mosaics)))

    @cached_property
    def energy_asset(self) -> AssetId:
        """The energy mosaic as an asset, in Wh."""
        return asset_of(self.mosaic_id, self.nem_network)

    @cached_property
    def fee_asset(self) -> AssetId:
        """XEM as an asset, in micro XEM."""
        return xem_asset(self.nem_network)

    def to_facts(self) -> dict[str, Any]:
        """Return the settings as text, integers and lists."""
        facts = {name: _plain(getattr(self, name)) for name in _FACTS}
        later = {
            name: _plain(getattr(self, name))
            for name, unless in _LATER_FACTS.items()
            if getattr(self, name) != unless
        }
        return facts | later

    @classmethod
    def from_facts(cls, facts: Mapping[str, Any]) -> NemSettings:
        """Return the settings that `to_facts` wrote; raises `InvalidInput` for others."""
        known = (*_FACTS, *_LATER_FACTS)
        unknown = sorted(set(facts) - set(known))
        missing = sorted({"network", "mosaic", "issuer"} - set(facts))
        if unknown or missing:
            raise InvalidInput(
                f"settings of a NEM chain know no {unknown} and lack {missing}: "
                f"give {', '.join(known)}"
            )
        floats = facts.get("floats", ())
        if not isinstance(floats, list | tuple):
            raise InvalidInput(f"floats {floats!r} must be a list of accounts")
        further = facts.get("further_mosaics", ())
        if not isinstance(further, list | tuple):
            raise InvalidInput(f"further_mosaics {further!r} must be a list of names")
        for name, value in (
            *((name, facts[name]) for name in ("network", "mosaic", "issuer")),
            *(("floats", account) for account in floats),
            *(("further_mosaics", name) for name in further),
            *([("escrow", facts["escrow"])] if facts.get("escrow") is not None else []),
        ):
            if not isinstance(value, str):
                raise InvalidInput(f"{name} {value!r} must be text")
        return cls(
            **{
                **facts,
                "issuer": AccountId(facts["issuer"]),
                "floats": tuple(map(AccountId, floats)),
                "further_mosaics": tuple(further),
                "escrow": None if facts.get("escrow") is None else AccountId(facts["escrow"]),
            }
        )


def _plain(value: object) -> Any:
    if isinstance(value, tuple):
        return [str(each) for each in value]
    return str(value) if isinstance(value, AccountId) else value


def capabilities_of(settings: NemSettings) -> Capabilities:
    """Return what NEM promises for these settings.

    Issuing is a transfer out of the issuing account and retiring one back to it, so the operator
    keeps that promise and the chain shows whether it was kept.  Idempotency is absent: a node
    takes the same bytes only once, but a second transaction for the same batch, signed at another
    second, would land as well.  With an escrow account sessions are held and contested: every step
    is a transfer with its evidence, and the operator keeps the order that the machine asks for.
    """
    sessions = Support.ABSENT if settings.escrow is None else Support.EMULATED
    return Capabilities(
        issue=Support.EMULATED,
        transfer=Support.NATIVE,
        net=Support.ABSENT,
        retire=Support.EMULATED,
        hold=sessions,
        contest=sessions,
        standing=Support.ABSENT,
        anchor=Support.NATIVE,
        atomic_batch=Support.ABSENT,
        idempotency=Support.ABSENT,
        replacement=Support.ABSENT,
        batch_instructions_max=1,
        batch_lots_max=TRANSFER_MOSAICS_MAX,
        outstanding_max=settings.pool_limit,
        units_max=TRANSFER_UNITS_MAX,
        finality=Finality.DEPTH,
        finality_blocks=settings.finality_blocks,
        block_seconds=settings.block_seconds,
        expiry_unit=ExpiryUnit.UNIX_SECONDS,
        fee_model=FeeModel.FIXED,
        fee_asset=settings.fee_asset,
        history_blocks=None,
        activation_units=0,
    )
