"""Whether the contracts would take a transaction now: asked before anything is signed."""

from __future__ import annotations

from typing import Final

from sauma.errors import InsufficientBalance, Refused

from .building import escrow_calldata
from .caip import account_of, address_on
from .instructions import Draft, EscrowCall
from .node import NodeClient
from .packing import Found
from .settings import EthereumSettings
from .standing import ChargeCall
from .tracking import error_text
from .transport import ErrorReply

LACKING: Final = ("InsufficientEnergy", "InsufficientMoney")
"""What the ledger says when a payer has less than what is to be locked."""


def check_possible(
    node: NodeClient, settings: EthereumSettings, draft: Draft, found: Found
) -> None:
    """Refuse what the contracts, or a recipient that is a contract, would refuse now."""
    chain = settings.chain
    if draft.payment is not None:
        if node.code(draft.payment.recipient):
            raise Refused(
                f"{account_of(draft.payment.recipient, chain)} has code, so that a payment with "
                "a reference may be refused or cost any gas: pay to an account with a key"
            )
        return
    if draft.session is None:
        _check_roles(settings, draft, found)
    missing = [owner for owner in draft.owners if owner not in found.numbers]
    if missing:
        raise Refused(
            f"{account_of(missing[0], chain)} and {len(missing) - 1} more have no account in area "
            f"{settings.area}: register them first (`prepare_registration`)"
        )
    if draft.session is not None:
        _check_asked(node, settings, draft, draft.session, found)


def _check_asked(
    node: NodeClient, settings: EthereumSettings, draft: Draft, asked: EscrowCall, found: Found
) -> None:
    """Refuse what the escrow would refuse now: it is asked, as its caller would."""
    if isinstance(asked, ChargeCall):
        for standing_id in asked.standing_ids():
            if standing_id not in found.places:
                raise Refused(
                    f"wrong_state: standing authorisation {standing_id.hex()} was never held here: have "
                    "it authorised first"
                )
    reply = node.call(
        settings.escrow_address,
        escrow_calldata(asked, found.numbers, found.places),
        sender=address_on(draft.sender, settings.chain),
        at=found.block.height,
    )
    if not isinstance(reply, ErrorReply):
        return
    reason = error_text(reply)
    if reason.startswith(LACKING):
        raise InsufficientBalance(
            f"who pays for batch {draft.batch.batch_id.hex()} has less than is to be locked ({reason}): "
            "supply it"
        )
    raise Refused(f"batch {draft.batch.batch_id.hex()} is no step that can be taken now: {reason}")


def _check_roles(settings: EthereumSettings, draft: Draft, found: Found) -> None:
    """Refuse what the ledger would not let the sender do, or anybody while the area is paused."""
    chain = settings.chain
    if found.area.is_paused:
        raise Refused(f"area {settings.area} is paused: its owner must resume it")
    roles = {
        account_of(found.area.issuer, chain): "issuer",
        account_of(found.area.settler, chain): "settler",
    }
    if draft.sender not in roles:
        raise Refused(
            f"{draft.sender} is neither issuer nor settler of area {settings.area}: let it accept "
            "the role"
        )
