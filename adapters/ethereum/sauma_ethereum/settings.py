"""What distinguishes one settlement on Ethereum from another: plain facts, fit for a journal."""

from __future__ import annotations

import enum
import re
from collections.abc import Mapping
from functools import cached_property
from typing import Any, Final

import attrs

from sauma.chain import Capabilities, ExpiryUnit, FeeModel, Finality, Support
from sauma.errors import InvalidInput
from sauma.identifiers import AccountId, AssetId, ChainId
from sauma.units import check_integer

from .caip import ENERGY, MONEY, address_on, chain_number, ether_asset, ledger_asset, parse_address

BATCH_INSTRUCTIONS_MAX: Final = 500
GAS_MAX: Final = 16_777_216
"""The most gas that one transaction may have (EIP-7825)."""
UNITS_MAX: Final = 2**63 - 1
"""What one line of a net can move; the contract keeps 64 bits an account and asset."""
GWEI: Final = 10**9
FEE_CEILING_WEI: Final = 200 * GWEI
OUTSTANDING_MAX: Final = 64
"""geth keeps 64 executable transactions of one account in its pool."""
BLOCK_SECONDS: Final = 12
FINALIZED_BLOCKS: Final = 64
"""Two epochs of 32 slots: what `finalized` lags behind when all is well."""
SAFE_BLOCKS: Final = 32


class FinalityRule(enum.StrEnum):
    """By what a block counts as final."""

    FINALIZED = "finalized"
    """The node's tag of that name: what the consensus has finalised."""
    SAFE = "safe"
    """The node's tag of that name: justified, and undone only by an attack that costs stakes."""
    DEPTH = "depth"
    """Confirmations, where there are no tags: old, private and some layer-2 chains."""


_FACTS: Final = (
    "chain",
    "ledger",
    "code_hash",
    "escrow",
    "escrow_hash",
    "area",
    "issuer",
    "settler",
    "finality",
    "finality_blocks",
    "block_seconds",
    "fee_ceiling_wei",
    "outstanding_max",
    "first_height",
)
_TEXTS: Final = ("chain", "ledger", "code_hash", "escrow", "escrow_hash", "issuer", "settler")
_REQUIRED: Final = (*_TEXTS, "area")
_CODE_HASH: Final = re.compile(r"[0-9a-f]{64}")


@attrs.frozen(kw_only=True)
class EthereumSettings:
    """The chain, the two contracts on it and who operates our area of them, and how patient to be.

    `issuer` signs what is issued and retired, `settler` what is transferred and netted; the contract
    lets nobody else, and they may be one account.  `finality_blocks` counts confirmations, the newest
    block having one; with a tag it is only what to expect.  One unit of energy is one Wh.
    """

    chain: ChainId
    """`eip155:` and the number, such as `eip155:1`."""
    ledger: str
    """The settlement contract's address, with checksum."""
    code_hash: str
    """Keccak-256 of the contract's code, 64 hexadecimal digits: every node is asked whether it has it."""
    escrow: str
    """The address of the escrow that the settlement contract names, with checksum."""
    escrow_hash: str
    """Keccak-256 of the escrow's code, likewise."""
    area: int
    """Which area of the contracts this settlement is about."""
    issuer: AccountId
    settler: AccountId
    finality: FinalityRule = FinalityRule.FINALIZED
    finality_blocks: int = FINALIZED_BLOCKS
    block_seconds: int = BLOCK_SECONDS
    fee_ceiling_wei: int = FEE_CEILING_WEI
    """The most per gas that is ever offered."""
    outstanding_max: int = OUTSTANDING_MAX
    """How many transactions of one account may wait at a time."""
    first_height: int = 1
    """The height at which reading events begins: the contract's own block, or any earlier one."""

    def __attrs_post_init__(self) -> None:
        """Refuse names and numbers that cannot be."""
        chain_number(self.chain)
        parse_address(self.ledger)
        parse_address(self.escrow)
        for name in ("code_hash", "escrow_hash"):
            if not _CODE_HASH.fullmatch(getattr(self, name)):
                raise InvalidInput(f"{name} {getattr(self, name)!r} must be 64 lower-case digits")
        for account in (self.issuer, self.settler):
            address_on(account, self.chain)
        for name, least, most in (
            ("area", 1, 2**32 - 1),
            ("finality_blocks", 1, None),
            ("block_seconds", 1, None),
            ("fee_ceiling_wei", 1, 2**96),
            ("outstanding_max", 1, None),
            ("first_height", 1, None),
        ):
            value = check_integer(getattr(self, name), name)
            if value < least or (most is not None and value > most):
                limit = f"at least {least}" if most is None else f"between {least} and {most}"
                raise InvalidInput(f"{name} {value} must be {limit}")

    @cached_property
    def chain_number(self) -> int:
        """The EIP-155 number, which every transaction carries."""
        return chain_number(self.chain)

    @cached_property
    def ledger_address(self) -> bytes:
        """The settlement contract's address, 20 bytes."""
        return parse_address(self.ledger)

    @cached_property
    def escrow_address(self) -> bytes:
        """The escrow's address, 20 bytes."""
        return parse_address(self.escrow)

    @cached_property
    def escrow_account(self) -> AccountId:
        """The account that has what sessions hold."""
        return AccountId.on(self.chain, self.escrow)

    @cached_property
    def energy_asset(self) -> AssetId:
        """The contract's energy as an asset, in Wh."""
        return ledger_asset(self.chain, self.ledger, ENERGY)

    @cached_property
    def money_asset(self) -> AssetId:
        """The contract's money as an asset, in the smallest unit of its token."""
        return ledger_asset(self.chain, self.ledger, MONEY)

    @cached_property
    def fee_asset(self) -> AssetId:
        """Ether as an asset, in wei."""
        return ether_asset(self.chain)

    def to_facts(self) -> dict[str, str | int]:
        """Return the settings as text and integers."""
        facts: dict[str, str | int] = {}
        for name in _FACTS:
            value = getattr(self, name)
            facts[name] = value if isinstance(value, int) else str(value)
        return facts

    @classmethod
    def from_facts(cls, facts: Mapping[str, Any]) -> EthereumSettings:
        """Return the settings that `to_facts` wrote; raises `InvalidInput` for others."""
        unknown = sorted(set(facts) - set(_FACTS))
        missing = sorted(set(_REQUIRED) - set(facts))
        if unknown or missing:
            raise InvalidInput(
                f"settings of an Ethereum chain know no {unknown} and lack {missing}: "
                f"give {', '.join(_FACTS)}"
            )
        for name in _TEXTS:
            if not isinstance(facts[name], str):
                raise InvalidInput(f"{name} {facts[name]!r} must be text")
        rule = facts.get("finality", FinalityRule.FINALIZED.value)
        if rule not in {each.value for each in FinalityRule}:
            known = ", ".join(each.value for each in FinalityRule)
            raise InvalidInput(f"finality {rule!r} is not known: take one of {known}")
        return cls(
            **{
                **facts,
                "chain": ChainId(facts["chain"]),
                "issuer": AccountId(facts["issuer"]),
                "settler": AccountId(facts["settler"]),
                "finality": FinalityRule(rule),
            }
        )


def capabilities_of(settings: EthereumSettings) -> Capabilities:
    """Return what the contract promises for these settings.

    Everything is enforced by the contracts: who may issue and settle, that nets sum to zero, that
    nobody is overdrawn, that a batch is done whole, and once; and every transition of a session, which
    is its own guard against being done twice.  Replacement is the nonce's doing.
    `activation_units` is zero, because the settler pays for a registration and no participant does.
    """
    is_tagged = settings.finality is not FinalityRule.DEPTH
    finality = Finality.TAG if is_tagged else Finality.DEPTH
    if not is_tagged and settings.finality_blocks == 1:
        finality = Finality.INSTANT
    return Capabilities(
        issue=Support.NATIVE,
        transfer=Support.NATIVE,
        net=Support.NATIVE,
        retire=Support.NATIVE,
        hold=Support.NATIVE,
        contest=Support.NATIVE,
        standing=Support.NATIVE,
        anchor=Support.NATIVE,
        atomic_batch=Support.NATIVE,
        idempotency=Support.NATIVE,
        replacement=Support.NATIVE,
        batch_instructions_max=BATCH_INSTRUCTIONS_MAX,
        batch_lots_max=1,
        outstanding_max=settings.outstanding_max,
        units_max=UNITS_MAX,
        finality=finality,
        finality_blocks=settings.finality_blocks,
        block_seconds=settings.block_seconds,
        expiry_unit=ExpiryUnit.NONE,
        fee_model=FeeModel.AUCTION,
        fee_asset=settings.fee_asset,
        history_blocks=None,
        activation_units=0,
    )
