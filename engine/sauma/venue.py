"""A chain with what the engine must know to settle energy on it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from sauma.chain import Chain, Codec, FeeModel, Support
from sauma.errors import UnknownName, Unsupported
from sauma.identifiers import AccountId, AssetId
from sauma.rulebook import Anchoring, Delivery, Netting, Rulebook
from sauma.settlement import ENERGY, ChainTerms


@attrs.frozen(kw_only=True)
class Venue:
    """A chain with what the engine must know to settle energy on it.

    `settings` are the plain facts from which an auditor's codec is built; the journal records them.
    `roles` are the operator's own accounts, `@issuer` and `@clearing`, and where sessions are carried
    `@escrow`, which has what they hold; opening an engine binds them.
    `clearing_signs` says that the chain lets `@clearing` alone move what participants have, as a
    contract with one settler does; the operator then supplies what the chain takes as fees.
    """

    chain: Chain
    codec: Codec
    energy_asset: AssetId
    settings: Mapping[str, Any]
    roles: Mapping[str, AccountId] = attrs.field(factory=dict)
    clearing_signs: bool = False
    session_domain: bytes = b""
    """What terms of sessions must name as their domain; empty where none are carried."""

    @property
    def chain_id(self) -> str:
        """The CAIP-2 text of the chain."""
        return str(self.chain.chain_id)

    def asset(self, role: str) -> AssetId:
        """Return the asset that a movement's role means on this chain."""
        if role == ENERGY:
            return self.energy_asset
        fee_asset = self.chain.capabilities.fee_asset
        if fee_asset is None:
            raise UnknownName(f"{self.chain_id} has no fee asset, so nothing can move as {role!r}")
        return fee_asset


def chain_terms(rulebook: Rulebook, venue: Venue) -> ChainTerms:
    """Return what of the chain's capabilities shapes a plan."""
    capabilities = venue.chain.capabilities
    from_wallets = rulebook.delivery is Delivery.PRODUCER_WALLETS
    return ChainTerms(
        chain_id=venue.chain_id,
        nets=capabilities.net is Support.NATIVE,
        batch_instructions_max=capabilities.batch_instructions_max,
        atomic=capabilities.atomic_batch is Support.NATIVE,
        needs_fees=(
            from_wallets
            and not venue.clearing_signs
            and capabilities.fee_model is not FeeModel.NONE
        ),
        clearing_signs=venue.clearing_signs,
    )


def check_venue(rulebook: Rulebook, venue: Venue) -> None:
    """Raise `Unsupported` when the chain cannot do what the rulebook asks of it."""
    capabilities = venue.chain.capabilities
    needed = {"issue": capabilities.issue}
    if rulebook.delivery is Delivery.PRODUCER_WALLETS:
        netted = rulebook.netting is Netting.MULTILATERAL and capabilities.net
        needed |= {"net": capabilities.net} if netted else {"transfer": capabilities.transfer}
    if rulebook.anchor is not Anchoring.NONE:
        needed |= {"anchor": capabilities.anchor}
    missing = [name for name, support in needed.items() if not support]
    if missing:
        raise Unsupported(
            f"rulebook {rulebook.name} with delivery {rulebook.delivery.value}, netting "
            f"{rulebook.netting.value} and anchor {rulebook.anchor.value} needs {missing}, which "
            f"{venue.chain_id} does not offer: choose another policy or chain"
        )
