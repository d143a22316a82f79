"""From the engine's instructions to the transfer that carries them out; pure.

One batch is one transfer: one instruction, or several assets from one account to one other.  Its message
is the batch's reference; an anchor's root follows it, or what a step of a session puts on record.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import attrs

from sauma.chain import (
    Anchor,
    Attest,
    Batch,
    Capture,
    Hold,
    Instruction,
    Issue,
    Release,
    Retire,
    Transfer,
)
from sauma.errors import InvalidInput, Unsupported
from sauma.identifiers import AccountId, AssetId
from sauma.session import SessionStep, is_standing
from sauma.units import check_integer

from . import transactions as nem
from .caip import address_on, mosaic_of
from .evidence import recorded_bytes
from .network import (
    MICRO_PER_XEM,
    PUBLIC_KEY_BYTES,
    TRANSFER_MOSAICS_MAX,
    TRANSFER_UNITS_MAX,
    XEM_SUPPLY_WHOLE,
)
from .settings import NemSettings

ROOT_BYTES: Final = 32
TRANSFER_VERSION: Final = 2
NO_KEY: Final = bytes(PUBLIC_KEY_BYTES)
"""Stands for the signer's key where only size and fee matter."""


@attrs.frozen(kw_only=True)
class Draft:
    """What a batch asks of NEM, without time, fee and key."""

    batch_id: bytes
    sender: AccountId
    recipient: str
    message: bytes
    amount_micro: int = 0
    mosaics: tuple[nem.MosaicQuantity, ...] = ()

    def to_transfer(
        self,
        network_byte: int,
        *,
        public_key: bytes = NO_KEY,
        timestamp_seconds: int = 0,
        deadline_seconds: int = 0,
        fee_micro: int = 0,
    ) -> nem.Transfer:
        """Return the unsigned transfer; times in NEM seconds."""
        return nem.Transfer(
            network_byte=network_byte,
            version=TRANSFER_VERSION,
            timestamp_seconds=timestamp_seconds,
            signer=public_key,
            fee_micro=fee_micro,
            deadline_seconds=deadline_seconds,
            recipient=self.recipient,
            amount_micro=self.amount_micro,
            message=nem.Message(payload=self.message),
            mosaics=self.mosaics,
        )


def draft_of(batch: Batch, settings: NemSettings) -> Draft:
    """Return what a batch asks of NEM.

    Raises `Unsupported` for what NEM does not declare, `WrongNetwork` for an account or asset of
    another chain, and `InvalidInput` for contents that contradict themselves.
    """
    drafts = [_draft(batch, instruction, settings) for instruction in batch.instructions]
    return drafts[0] if len(drafts) == 1 else _in_one_transfer(batch, drafts, settings)


def _draft(batch: Batch, instruction: Instruction, settings: NemSettings) -> Draft:
    match instruction:
        case Issue():
            return _issue(batch, instruction, settings)
        case Transfer():
            return _transfer(batch, instruction, settings)
        case Retire():
            return _retire(batch, instruction, settings)
        case Anchor():
            return _anchor(batch, instruction, settings)
        case Hold() | Attest() | Capture() | Release() if is_standing(instruction.evidence):
            raise Unsupported(
                f"{settings.chain_id} keeps no standing authorisation: a transfer has no room for the "
                "evidence of its micro-sessions, so nobody could judge a charge by the chain alone; use "
                "a chain whose capabilities declare it, or a session for each"
            )
        case Hold() | Attest() | Capture() | Release() if settings.escrow is not None:
            return _session(batch, instruction, settings.escrow, settings)
        case _:
            raise Unsupported(
                f"{settings.chain_id} cannot {type(instruction).__name__.lower()}: "
                "use a chain whose capabilities declare it"
            )


def _in_one_transfer(batch: Batch, drafts: Sequence[Draft], settings: NemSettings) -> Draft:
    """Return the transfer of several assets from one account to one other, nem:xem among them if it moves.

    Their order is the server's, which `Transfer` brings them into.
    """
    first = drafts[0]
    lots: dict[nem.MosaicId, int] = {}
    for draft in drafts:
        moved = draft.mosaics or (
            nem.MosaicQuantity(mosaic_id=nem.XEM, quantity_units=draft.amount_micro),
        )
        lots |= {each.mosaic_id: each.quantity_units for each in moved}
    is_one_way = all(
        (draft.sender, draft.recipient, draft.message)
        == (first.sender, first.recipient, batch.reference)
        for draft in drafts
    )
    if (
        not is_one_way
        or len(lots) != len(drafts)
        or len({*lots} - {nem.XEM}) > TRANSFER_MOSAICS_MAX
    ):
        raise Unsupported(
            f"batch {batch.batch_id.hex()} has {len(batch.instructions)} instructions, "
            f"{settings.chain_id} takes one, or movements from one account to one other of up to "
            f"{TRANSFER_MOSAICS_MAX} different assets: make a batch of each"
        )
    return attrs.evolve(
        first,
        amount_micro=MICRO_PER_XEM,
        mosaics=tuple(
            nem.MosaicQuantity(mosaic_id=mosaic_id, quantity_units=units)
            for mosaic_id, units in lots.items()
        ),
    )


def _issue(batch: Batch, issue: Issue, settings: NemSettings) -> Draft:
    sender = issue.authority if issue.authority in settings.issuing_accounts else settings.issuer
    _check_authority(issue, sender, settings)
    _check_energy(issue.asset, settings)
    if issue.on_behalf_of is not None:
        address_on(issue.on_behalf_of, settings.nem_network)
    if issue.recipient in settings.issuing_accounts:
        raise InvalidInput(f"{issue.recipient} keeps the supply: issue to a participant's account")
    return _movement(batch, sender, issue.recipient, issue.asset, issue.units, settings)


def _transfer(batch: Batch, transfer: Transfer, settings: NemSettings) -> Draft:
    _check_authority(transfer, transfer.sender, settings)
    is_energy = transfer.asset == settings.energy_asset
    keeper = next(
        (
            each
            for each in (transfer.sender, transfer.recipient)
            if each in settings.issuing_accounts
        ),
        None,
    )
    if is_energy and keeper is not None:
        raise InvalidInput(
            f"{keeper} keeps the supply of {transfer.asset}: what leaves it is issued and "
            "what returns is retired; ask for that instead of a transfer"
        )
    return _movement(
        batch, transfer.sender, transfer.recipient, transfer.asset, transfer.units, settings
    )


def _retire(batch: Batch, retire: Retire, settings: NemSettings) -> Draft:
    _check_authority(retire, retire.account, settings)
    _check_energy(retire.asset, settings)
    if retire.account in settings.issuing_accounts:
        raise InvalidInput(
            f"what {retire.account} keeps is not in circulation: retire from a participant's account"
        )
    return _movement(batch, retire.account, settings.issuer, retire.asset, retire.units, settings)


def _anchor(batch: Batch, anchor: Anchor, settings: NemSettings) -> Draft:
    address = address_on(anchor.authority, settings.nem_network)
    if len(anchor.root) != ROOT_BYTES:
        raise InvalidInput(f"root {anchor.root.hex()} must have {ROOT_BYTES} bytes")
    return Draft(
        batch_id=batch.batch_id,
        sender=anchor.authority,
        recipient=address,
        message=batch.reference + anchor.root,
    )


def _session(
    batch: Batch,
    instruction: Hold | Attest | Capture | Release,
    escrow: AccountId,
    settings: NemSettings,
) -> Draft:
    """Return a step's transfer, with what it puts on record behind the reference."""
    step = SessionStep.from_bytes(instruction.evidence)
    if step.terms.session_id != instruction.session_id:
        raise InvalidInput(
            f"an instruction about session {instruction.session_id.hex()} carries the evidence of "
            f"{step.terms.session_id.hex()}: give it its own"
        )
    match instruction:
        case Hold(payer=payer, asset=asset, units=units):
            _check_authority(instruction, payer, settings)
            draft = _movement(batch, payer, escrow, asset, units, settings)
        case Attest(authority=authority):
            address_on(authority, settings.nem_network)
            draft = Draft(
                batch_id=batch.batch_id,
                sender=authority,
                recipient=escrow.address,
                message=batch.reference,
            )
        case Capture(asset=asset, parts=(part,)):
            _check_authority(instruction, escrow, settings)
            draft = _movement(batch, escrow, part.payee, asset, part.units, settings)
        case Release(payer=payer, asset=asset, units=units):
            _check_authority(instruction, escrow, settings)
            draft = _movement(batch, escrow, payer, asset, units, settings)
        case _:
            raise Unsupported(
                f"a capture on {settings.chain_id} has one part, a transfer has one recipient: make "
                "an instruction of each"
            )
    return attrs.evolve(draft, message=batch.reference + recorded_bytes(step))


def _movement(
    batch: Batch,
    sender: AccountId,
    recipient: AccountId,
    asset: AssetId,
    units: int,
    settings: NemSettings,
) -> Draft:
    address_on(sender, settings.nem_network)
    address = address_on(recipient, settings.nem_network)
    mosaic_id = mosaic_of(asset, settings.nem_network)
    if mosaic_id not in settings.moved_mosaics:
        raise Unsupported(
            f"asset {asset} is not settled here: use {settings.energy_asset} or {settings.fee_asset}, or "
            "name it in further_mosaics"
        )
    units_max = XEM_SUPPLY_WHOLE * MICRO_PER_XEM if mosaic_id == nem.XEM else TRANSFER_UNITS_MAX
    if not 0 < check_integer(units, "units") <= units_max:
        raise InvalidInput(f"units {units} of {asset} must be between 1 and {units_max}")
    # XEM as a plain amount: attaching nem:xem costs the same and says the same in more bytes
    is_xem = mosaic_id == nem.XEM
    return Draft(
        batch_id=batch.batch_id,
        sender=sender,
        recipient=address,
        message=batch.reference,
        amount_micro=units if is_xem else MICRO_PER_XEM,
        mosaics=() if is_xem else (nem.MosaicQuantity(mosaic_id=mosaic_id, quantity_units=units),),
    )


def _check_authority(instruction: Instruction, owner: AccountId, settings: NemSettings) -> None:
    if instruction.authority != owner:
        address_on(instruction.authority, settings.nem_network)
        raise Unsupported(
            f"{instruction.authority} cannot move what {owner} has: on {settings.chain_id} the "
            f"owner signs, so make {owner} the authority"
        )


def _check_energy(asset: AssetId, settings: NemSettings) -> None:
    mosaic_of(asset, settings.nem_network)
    if asset != settings.energy_asset:
        raise Unsupported(
            f"asset {asset} is not issued here: only {settings.energy_asset} can be issued and retired"
        )
