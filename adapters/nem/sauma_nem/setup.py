"""Bringing the energy mosaic into being: rent the namespace, define the mosaic, a block apart.

`provision` looks at chain and pool, announces the next thing that is missing, and says what it waits
for.  It may be repeated at any time, after a crash and by two processes: the chain takes a namespace
and a definition only once, so nothing is paid twice.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator
from typing import Final

import attrs

from sauma.chain import Signer
from sauma.errors import BadAnswer, InsufficientBalance, NoSigner, Refused
from sauma.identifiers import AccountId

from .binary import serialise, transaction_hash
from .caip import account_of
from .fees import MOSAIC_CREATION_FEE_MICRO, minimum_fee_micro, rental_fee_micro
from .instructions import NO_KEY
from .network import MICRO_PER_XEM, YEAR_BLOCKS, address_of
from .node import NodeClient
from .properties import MosaicProperties
from .replies import WaitingTransaction
from .settings import NemSettings
from .signing import AnnounceRequest
from .transactions import (
    MosaicDefinition,
    MosaicDefinitionCreation,
    NamespaceProvision,
)
from .transport import ErrorReply

DESCRIPTION: Final = "One unit is one watt-hour of electricity."

_ANNOUNCED: Final = frozenset({0, 1})


class NamespaceTaken(Refused):
    """The namespace belongs to another account."""


class MosaicMismatch(Refused):
    """The mosaic exists, and is not the one that the settings describe."""


class SetupStep(enum.Enum):
    """What is being waited for."""

    NAMESPACE = "namespace"
    MOSAIC = "mosaic"
    READY = "ready"


@attrs.frozen(kw_only=True)
class SetupState:
    """How far the energy mosaic has come."""

    step: SetupStep
    waits_for: str | None = None
    """The namespace or mosaic that is to be confirmed."""
    transaction_id: bytes | None = None
    """The waiting transaction that will bring it."""
    announced: bool = False
    """Was that transaction announced by this call?"""
    namespace_expires_at_height: int | None = None
    """From this block on the rent is over and nothing moves, unless it is renewed before."""

    @property
    def is_ready(self) -> bool:
        """Tell whether energy can be issued."""
        return self.step is SetupStep.READY


@attrs.frozen(kw_only=True)
class _Missing:
    """A thing that the chain lacks, the transaction that brings it, and all that this costs."""

    step: SetupStep
    name: str
    transaction: NamespaceProvision | MosaicDefinitionCreation
    cost_micro: int


def provision(
    node: NodeClient, settings: NemSettings, signer: Signer, *, description: str = DESCRIPTION
) -> SetupState:
    """Announce the next missing step and say what to wait for; `READY` when nothing is missing.

    Wait for a block between two calls.  Raises `NamespaceTaken`, `MosaicMismatch`, `NoSigner` for the
    signer of another account than the issuer's, and `InsufficientBalance` before anything is paid
    when the issuer could not pay for all that is missing.
    """
    if signer.account != settings.issuer:
        raise NoSigner(
            f"{settings.issuer} issues {settings.mosaic}, the signer is {signer.account}'s: give the "
            "issuing account's signer"
        )
    node.check(settings.nem_network)
    missing = tuple(_missing(node, settings, description))
    if not missing:
        return _ready(node, settings)
    waiting = _waiting_for(missing[0], node.unconfirmed(settings.issuer.address))
    if waiting is not None:
        return _state(missing[0], waiting, announced=False)
    _check_funds(node, settings.issuer, missing)
    return _announce(node, settings, signer, missing[0])


def cost_micro(settings: NemSettings) -> int:
    """Return what setting up costs from nothing, rents and fees together, in micro XEM."""
    names = _namespace_names(settings)
    steps = [_namespace_step(settings, name) for name in names]
    return sum(step.cost_micro for step in (*steps, _mosaic_step(settings, DESCRIPTION)))


def _missing(node: NodeClient, settings: NemSettings, description: str) -> Iterator[_Missing]:
    for name in _namespace_names(settings):
        namespace = node.namespace(name)
        if namespace is None:
            yield _namespace_step(settings, name)
        elif namespace.owner != settings.issuer.address:
            raise NamespaceTaken(
                f"namespace {name} belongs to {namespace.owner}, not to {settings.issuer.address}: "
                "choose another mosaic name in the settings, or the owner's account as issuer"
            )
    definition = node.mosaic_definition(settings.mosaic_id)
    if definition is None:
        yield _mosaic_step(settings, description)
    else:
        _check_definition(definition, node.mosaic_supply(settings.mosaic_id), settings)


def _check_definition(
    definition: MosaicDefinition, supply_units: int | None, settings: NemSettings
) -> None:
    wanted = _properties(settings)
    creator = address_of(definition.creator, settings.nem_network.byte)
    for what, there, expected in (
        ("creator", creator, settings.issuer.address),
        ("divisibility", definition.properties.divisibility, wanted.divisibility),
        ("transferable", definition.properties.transferable, wanted.transferable),
        ("supply mutable", definition.properties.supply_mutable, wanted.supply_mutable),
        ("levy", definition.levy, None),
        ("supply", supply_units, settings.supply_units),
    ):
        if there != expected:
            raise MosaicMismatch(
                f"mosaic {settings.mosaic} exists with {what} {there} instead of {expected}: "
                "correct the settings, or choose another mosaic name"
            )


def _ready(node: NodeClient, settings: NemSettings) -> SetupState:
    root = node.namespace(_namespace_names(settings)[0])
    return SetupState(
        step=SetupStep.READY,
        namespace_expires_at_height=None if root is None else root.height + YEAR_BLOCKS,
    )


def _namespace_names(settings: NemSettings) -> tuple[str, ...]:
    """Return the namespace's levels, the root first."""
    parts = settings.mosaic_id.namespace.split(".")
    return tuple(".".join(parts[: index + 1]) for index in range(len(parts)))


def _namespace_step(settings: NemSettings, name: str) -> _Missing:
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
    return _priced(SetupStep.NAMESPACE, name, unpriced, rent_micro)


def _mosaic_step(settings: NemSettings, description: str) -> _Missing:
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
            properties=_properties(settings),
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
) -> _Missing:
    fee_micro = minimum_fee_micro(unpriced, lambda _: None)
    priced = attrs.evolve(unpriced, fee_micro=fee_micro)
    return _Missing(step=step, name=name, transaction=priced, cost_micro=rent_micro + fee_micro)


def _properties(settings: NemSettings) -> MosaicProperties:
    """Whole Wh, freely transferable, a supply that nobody can change: the least trust to ask for."""
    return MosaicProperties(
        divisibility=0,
        initial_supply_whole=settings.supply_units,
        supply_mutable=False,
        transferable=True,
    )


def _waiting_for(missing: _Missing, pool: tuple[WaitingTransaction, ...]) -> bytes | None:
    for waiting in pool:
        match waiting.transaction:
            case NamespaceProvision(fully_qualified_name=name) if name == missing.name:
                return waiting.transaction_id
            case MosaicDefinitionCreation(definition=definition) if (
                str(definition.mosaic_id) == missing.name
            ):
                return waiting.transaction_id
    return None


def _check_funds(node: NodeClient, issuer: AccountId, missing: tuple[_Missing, ...]) -> None:
    needed_micro = sum(each.cost_micro for each in missing)
    balance_micro = node.account(issuer.address).balance_micro
    if balance_micro < needed_micro:
        names = ", ".join(f"{each.name} ({_xem(each.cost_micro)})" for each in missing)
        raise InsufficientBalance(
            f"{issuer} needs {_xem(needed_micro)} for {names} and has {_xem(balance_micro)}: send "
            f"{_xem(needed_micro - balance_micro)} or more to {issuer.address}"
        )


def _announce(
    node: NodeClient, settings: NemSettings, signer: Signer, missing: _Missing
) -> SetupState:
    transaction = _timed(missing.transaction, node, settings, signer)
    data = serialise(transaction)
    reply = node.announce(AnnounceRequest(data=data, signature=signer.sign(data)))
    if isinstance(reply, ErrorReply):
        raise Refused(
            f"node {node.url} refuses {missing.name} with {reply.status} {reply.message!r}: correct "
            "the settings"
        )
    transaction_id = transaction_hash(transaction)
    if reply.transaction_hash not in (None, transaction_id):
        raise BadAnswer(
            f"node {node.url} read the transaction for {missing.name} otherwise than it was meant: "
            "ask another node"
        )
    if reply.code in _ANNOUNCED:
        return _state(missing, transaction_id, announced=True)
    # another process may have been faster; the refusal can then have any code
    if _appeared(node, settings, missing):
        return SetupState(step=missing.step, waits_for=missing.name)
    raise Refused(f"node {node.url} refuses {missing.name}: {reply.name} ({reply.code})")


def _timed(
    transaction: NamespaceProvision | MosaicDefinitionCreation,
    node: NodeClient,
    settings: NemSettings,
    signer: Signer,
) -> NamespaceProvision | MosaicDefinitionCreation:
    if account_of(signer.public_key, settings.nem_network) != settings.issuer:
        raise NoSigner(f"the signer of {settings.issuer} has another account's key: correct it")
    now_seconds = node.network_time_ms() // 1_000
    timed = attrs.evolve(
        transaction,
        signer=signer.public_key,
        timestamp_seconds=now_seconds,
        deadline_seconds=now_seconds + settings.deadline_s,
    )
    if isinstance(timed, MosaicDefinitionCreation):
        definition = attrs.evolve(timed.definition, creator=signer.public_key)
        return attrs.evolve(timed, definition=definition)
    return timed


def _appeared(node: NodeClient, settings: NemSettings, missing: _Missing) -> bool:
    """Tell whether the thing is there or on its way now, brought by somebody else."""
    if _waiting_for(missing, node.unconfirmed(settings.issuer.address)) is not None:
        return True
    if missing.step is SetupStep.NAMESPACE:
        return node.namespace(missing.name) is not None
    return node.mosaic_definition(settings.mosaic_id) is not None


def _state(missing: _Missing, transaction_id: bytes, *, announced: bool) -> SetupState:
    return SetupState(
        step=missing.step,
        waits_for=missing.name,
        transaction_id=transaction_id,
        announced=announced,
    )


def _xem(micro: int) -> str:
    whole, rest = divmod(micro, MICRO_PER_XEM)
    return f"{whole}.{rest:06d} XEM"
