"""What the energy mosaic lacks, as transactions: rents, the definition, and the floats' shares."""

from __future__ import annotations

import enum
from typing import Final, TypeAlias

import attrs

from sauma.identifiers import AccountId

from .fees import (
    MOSAIC_CREATION_FEE_MICRO,
    MosaicFeeInformation,
    minimum_fee_micro,
    rental_fee_micro,
)
from .instructions import NO_KEY, TRANSFER_VERSION
from .network import MICRO_PER_XEM, TRANSFER_UNITS_MAX
from .properties import MosaicProperties
from .settings import NemSettings
from .transactions import (
    MosaicDefinition,
    MosaicDefinitionCreation,
    MosaicQuantity,
    NamespaceProvision,
    Transaction,
    Transfer,
)

DESCRIPTION: Final = "One unit is one watt-hour of electricity."

StepTransaction: TypeAlias = NamespaceProvision | MosaicDefinitionCreation | Transfer


class SetupStep(enum.Enum):
    """What is being waited for."""

    NAMESPACE = "namespace"
    MOSAIC = "mosaic"
    RENEWAL = "renewal"
    SHARE = "share"
    READY = "ready"


@attrs.frozen(kw_only=True)
class Missing:
    """A thing that the chain lacks, the transaction that brings it, and all that this costs."""

    step: SetupStep
    name: str
    transaction: StepTransaction
    cost_micro: int

    def is_brought_by(self, transaction: Transaction) -> bool:
        """Tell whether a waiting transaction (the inner one of a wrapper) brings it."""
        match transaction, self.transaction:
            case (
                NamespaceProvision(fully_qualified_name=there),
                NamespaceProvision(fully_qualified_name=wanted),
            ):
                return there == wanted
            case MosaicDefinitionCreation(definition=there), MosaicDefinitionCreation():
                return str(there.mosaic_id) == self.name
            case Transfer(recipient=there, mosaics=moved), Transfer(recipient=wanted):
                return there == wanted and bool(moved)
        return False


def namespace_names(settings: NemSettings) -> tuple[str, ...]:
    """Return the namespace's levels, the root first."""
    parts = settings.mosaic_id.namespace.split(".")
    return tuple(".".join(parts[: index + 1]) for index in range(len(parts)))


def namespace_step(
    settings: NemSettings, name: str, step: SetupStep = SetupStep.NAMESPACE
) -> Missing:
    """Return the renting of a namespace, for the first time or again."""
    parent, _, part = name.rpartition(".")
    rent_micro = rental_fee_micro(parent or None)
    network = settings.nem_network
    unpriced = NamespaceProvision(
        network_byte=network.byte,
        version=1,
        timestamp_seconds=0,
        signer=NO_KEY,
        fee_micro=0,
        deadline_seconds=0,
        rental_fee_sink=network.namespace_sink,
        rental_fee_micro=rent_micro,
        new_part=part,
        parent=parent or None,
    )
    return _priced(step, name, unpriced, rent_micro)


def mosaic_step(settings: NemSettings, description: str) -> Missing:
    """Return the definition of the energy mosaic, all of whose supply its creator gets."""
    network = settings.nem_network
    unpriced = MosaicDefinitionCreation(
        network_byte=network.byte,
        version=1,
        timestamp_seconds=0,
        signer=NO_KEY,
        fee_micro=0,
        deadline_seconds=0,
        definition=MosaicDefinition(
            creator=NO_KEY,
            mosaic_id=settings.mosaic_id,
            description=description,
            properties=wanted_properties(settings),
        ),
        creation_fee_sink=network.mosaic_sink,
        creation_fee_micro=MOSAIC_CREATION_FEE_MICRO,
    )
    return _priced(SetupStep.MOSAIC, settings.mosaic, unpriced, MOSAIC_CREATION_FEE_MICRO)


def _priced(
    step: SetupStep,
    name: str,
    unpriced: NamespaceProvision | MosaicDefinitionCreation,
    rent_micro: int,
) -> Missing:
    fee_micro = minimum_fee_micro(unpriced, lambda _: None)
    priced = attrs.evolve(unpriced, fee_micro=fee_micro)
    return Missing(step=step, name=name, transaction=priced, cost_micro=rent_micro + fee_micro)


def wanted_properties(settings: NemSettings) -> MosaicProperties:
    """Whole Wh, freely transferable, a supply that nobody can change: the least trust to ask for."""
    return MosaicProperties(
        divisibility=0,
        initial_supply_whole=settings.supply_units,
        supply_mutable=False,
        transferable=True,
    )


def share_step(settings: NemSettings, account: AccountId) -> Missing:
    """Return the transfer of a float's share, or as much as one transfer moves, from the issuer."""
    share_units = min(settings.supply_units // len(settings.issuing_accounts), TRANSFER_UNITS_MAX)
    unpriced = Transfer(
        network_byte=settings.nem_network.byte,
        version=TRANSFER_VERSION,
        timestamp_seconds=0,
        signer=NO_KEY,
        fee_micro=0,
        deadline_seconds=0,
        recipient=account.address,
        amount_micro=MICRO_PER_XEM,
        mosaics=(MosaicQuantity(mosaic_id=settings.mosaic_id, quantity_units=share_units),),
    )
    information = MosaicFeeInformation(supply_whole=settings.supply_units, divisibility=0)
    fee_micro = minimum_fee_micro(unpriced, lambda _: information)
    return Missing(
        step=SetupStep.SHARE,
        name=account.address,
        transaction=attrs.evolve(unpriced, fee_micro=fee_micro),
        cost_micro=fee_micro,
    )
