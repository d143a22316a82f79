"""Bringing the energy mosaic into being: rent the namespace, define the mosaic, a block apart.

`provision` looks at chain and pool, announces the next thing that is missing, and says what it waits
for.  It may be repeated at any time, after a crash and by two processes: the chain takes a namespace
and a definition only once, so nothing is paid twice.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import attrs

from sauma.chain import Signer
from sauma.errors import (
    BadAnswer,
    InsufficientBalance,
    InvalidInput,
    NoSigner,
    Refused,
    WrongNetwork,
)

from .binary import serialise, transaction_hash
from .delegation import Delegate, check_signer, signed_by, wrapped
from .fees import COSIGNATURE_FEE_MICRO
from .namespace_life import RENEW_WITHIN_DAYS, NamespaceLife, namespace_life
from .network import MICRO_PER_XEM, address_of
from .node import NodeClient
from .replies import WaitingTransaction
from .settings import NemSettings
from .setup_steps import (
    DESCRIPTION,
    Missing,
    SetupStep,
    StepTransaction,
    mosaic_step,
    namespace_names,
    namespace_step,
    share_step,
    wanted_properties,
)
from .signing import AnnounceRequest
from .transactions import (
    MosaicDefinition,
    MosaicDefinitionCreation,
    Multisig,
    Transaction,
)
from .transport import ErrorReply

_ANNOUNCED: Final = frozenset({0, 1})


class NamespaceTaken(Refused):
    """The namespace belongs to another account."""


class MosaicMismatch(Refused):
    """The mosaic exists, and is not the one that the settings describe."""


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
    namespace_is_ending: bool = False
    """Is that less than 60 days away?"""

    @property
    def is_ready(self) -> bool:
        """Tell whether energy can be issued."""
        return self.step is SetupStep.READY


def provision(
    node: NodeClient,
    settings: NemSettings,
    signer: Signer,
    *,
    description: str = DESCRIPTION,
    renew_within_days: int = RENEW_WITHIN_DAYS,
) -> SetupState:
    """Announce the next missing step and say what to wait for; `READY` when nothing is missing.

    A namespace that ends within `renew_within_days` (the chain takes a renewal in the last 30) is renewed
    for a year, and a float that is empty gets its share.  Wait for a block between two calls.  The
    signer of a multisig account is a `Delegate`; what it announces may wait for cosigners.  Raises
    `NamespaceTaken`, `MosaicMismatch`, `NoSigner` for the signer of another account than the issuer's,
    and `InsufficientBalance` before anything is paid when the issuer could not pay for all that is
    missing.
    """
    if signer.account != settings.issuer:
        raise NoSigner(
            f"{settings.issuer} issues {settings.mosaic}, the signer is {signer.account}'s: give the "
            "issuing account's signer"
        )
    node.check(settings.nem_network)
    life = namespace_life(node, settings)
    missing = tuple(_missing(node, settings, description, life, renew_within_days))
    if not missing:
        return _ready(life)
    waiting = _waiting_for(missing[0], node.unconfirmed(settings.issuer.address))
    if waiting is not None:
        return _state(missing[0], waiting, announced=False)
    _check_funds(node, settings, signer, missing)
    return _announce(node, settings, signer, missing[0])


def cost_micro(settings: NemSettings) -> int:
    """Return what setting up costs from nothing, rents and fees together, in micro XEM."""
    steps = [
        *(namespace_step(settings, name) for name in namespace_names(settings)),
        mosaic_step(settings, DESCRIPTION),
        *(share_step(settings, account) for account in settings.floats),
    ]
    return sum(step.cost_micro for step in steps)


def _missing(
    node: NodeClient,
    settings: NemSettings,
    description: str,
    life: NamespaceLife | None,
    renew_within_days: int,
) -> Iterator[Missing]:
    for name in namespace_names(settings):
        namespace = node.namespace(name)
        if namespace is None:
            yield namespace_step(settings, name)
        elif namespace.owner != settings.issuer.address:
            raise NamespaceTaken(
                f"namespace {name} belongs to {namespace.owner}, not to {settings.issuer.address}: "
                "choose another mosaic name in the settings, or the owner's account as issuer"
            )
    definition = node.mosaic_definition(settings.mosaic_id)
    if definition is None:
        yield mosaic_step(settings, description)
    else:
        _check_definition(definition, node.mosaic_supply(settings.mosaic_id), settings)
    if life is not None and life.is_renewable and life.days_left < renew_within_days:
        yield namespace_step(settings, life.name, SetupStep.RENEWAL)
    for account in settings.floats:
        if not node.owned_mosaics(account.address).get(settings.mosaic_id):
            yield share_step(settings, account)


def _check_definition(
    definition: MosaicDefinition, supply_units: int | None, settings: NemSettings
) -> None:
    wanted = wanted_properties(settings)
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


def _ready(life: NamespaceLife | None) -> SetupState:
    return SetupState(
        step=SetupStep.READY,
        namespace_expires_at_height=None if life is None else life.expires_at_height,
        namespace_is_ending=life is not None and life.is_alarming,
    )


def _waiting_for(missing: Missing, pool: tuple[WaitingTransaction, ...]) -> bytes | None:
    for waiting in pool:
        transaction = waiting.transaction
        inner = transaction.inner if isinstance(transaction, Multisig) else transaction
        if missing.is_brought_by(inner):
            return waiting.transaction_id
    return None


def _check_funds(
    node: NodeClient, settings: NemSettings, signer: Signer, missing: tuple[Missing, ...]
) -> None:
    issuer = settings.issuer
    needed_micro = sum(each.cost_micro for each in missing)
    if isinstance(signer, Delegate):
        needed_micro += len(missing) * (1 + settings.cosignatures) * COSIGNATURE_FEE_MICRO
    balance_micro = node.account(issuer.address).balance_micro
    if balance_micro < needed_micro:
        names = ", ".join(f"{each.name} ({_xem(each.cost_micro)})" for each in missing)
        raise InsufficientBalance(
            f"{issuer} needs {_xem(needed_micro)} for {names} and has {_xem(balance_micro)}: send "
            f"{_xem(needed_micro - balance_micro)} or more to {issuer.address}"
        )


def _announce(
    node: NodeClient, settings: NemSettings, signer: Signer, missing: Missing
) -> SetupState:
    transaction = _timed(missing.transaction, node, settings, signer)
    signed = signed_by(wrapped(transaction, signer), signer)
    reply = node.announce(
        AnnounceRequest(data=serialise(signed), signature=signed.signature or b"")
    )
    if isinstance(reply, ErrorReply):
        raise Refused(
            f"node {node.url} refuses {missing.name} with {reply.status} {reply.message!r}: correct "
            "the settings"
        )
    transaction_id = transaction_hash(signed)
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
    transaction: StepTransaction, node: NodeClient, settings: NemSettings, signer: Signer
) -> Transaction:
    try:
        check_signer(settings.issuer, signer, settings.nem_network)
    except (InvalidInput, WrongNetwork) as error:
        raise NoSigner(f"the signer of {settings.issuer} cannot set up: {error}") from error
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


def _appeared(node: NodeClient, settings: NemSettings, missing: Missing) -> bool:
    """Tell whether the thing is there or on its way now, brought by somebody else."""
    if _waiting_for(missing, node.unconfirmed(settings.issuer.address)) is not None:
        return True
    match missing.step:
        case SetupStep.NAMESPACE:
            return node.namespace(missing.name) is not None
        case SetupStep.MOSAIC:
            return node.mosaic_definition(settings.mosaic_id) is not None
        case SetupStep.RENEWAL:
            life = namespace_life(node, settings)
            return life is not None and not life.is_renewable
    return bool(node.owned_mosaics(missing.name).get(settings.mosaic_id))


def _state(missing: Missing, transaction_id: bytes, *, announced: bool) -> SetupState:
    return SetupState(
        step=missing.step,
        waits_for=missing.name,
        transaction_id=transaction_id,
        announced=announced,
    )


def _xem(micro: int) -> str:
    whole, rest = divmod(micro, MICRO_PER_XEM)
    return f"{whole}.{rest:06d} XEM"
