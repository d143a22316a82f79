"""From a checked batch to a transaction with nonce, fees and gas, and its signature; pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import attrs

from sauma.chain import Effect, SignedTransaction, Signer
from sauma.errors import NoSigner, Refused

from .caip import account_of, address_on
from .codec import effects_of, nonce_token, payment_effects
from .fees import Fees
from .gas import (
    charge_gas,
    many_gas,
    payment_gas,
    registration_gas,
    settle_gas,
    stand_gas,
    step_gas,
)
from .instructions import Draft, EscrowCall, Payment
from .ledger import REGISTER_MANY, call
from .many import ManyCall
from .operations import movements_of
from .settings import GAS_MAX, EthereumSettings
from .signing import keccak, recover
from .standing import ChargeCall, StandCall
from .transactions import FeeTransaction

REGISTRATIONS_MAX: Final = 200
"""How many accounts one registration holds; all of them stay below the most gas there may be."""


@attrs.frozen(kw_only=True)
class Built:
    """A transaction without a signature, and what it moves."""

    transaction: FeeTransaction
    effects: tuple[Effect, ...] = ()


class Builder:
    """Builds the transactions of one contract and area."""

    def __init__(self, settings: EthereumSettings) -> None:
        """Build for these settings."""
        self._settings = settings

    def of_draft(
        self,
        draft: Draft,
        nonce: int,
        fees: Fees,
        number_of: Mapping[bytes, int],
        place_of: Mapping[bytes, int] | None = None,
    ) -> Built:
        """Return a draft unsigned; `number_of` gives the contract's number of each owner's account.

        `place_of` gives where the escrow has each standing authorisation that is charged.
        Raises `Refused` for more than fits the gas of one transaction.
        """
        if draft.payment is not None:
            return self._payment(draft, draft.payment, nonce, fees)
        if draft.session is not None:
            data = escrow_calldata(draft.session, number_of, place_of or {})
            return self._escrow(draft.session, data, nonce, fees)
        sections = draft.sections(number_of)
        calldata = draft.settle(sections, self._settings, number_of).calldata()
        gas = settle_gas(calldata, sections, len(draft.owners))
        if gas > GAS_MAX:
            raise Refused(
                f"batch {draft.batch.batch_id.hex()} may need {gas} gas, a transaction has "
                f"{GAS_MAX} at most: plan smaller batches, or shorter netting periods"
            )
        owner_of = {number_of[owner]: owner for owner in draft.owners}
        return Built(
            transaction=self._call(nonce, fees, gas, calldata),
            effects=effects_of(movements_of(sections), owner_of, self._settings),
        )

    def registration(self, owners: Sequence[bytes], nonce: int, fees: Fees) -> Built:
        """Return what gives numbers to owners, unsigned."""
        data = call(REGISTER_MANY, self._settings.area, list(owners))
        return Built(transaction=self._call(nonce, fees, registration_gas(data, len(owners)), data))

    def cancellation(self, sender: bytes, nonce: int, fees: Fees) -> Built:
        """Return what uses up a nonce and does nothing, unsigned: a payment of nothing to oneself."""
        transaction = self._call(nonce, fees, payment_gas(b""), b"")
        return Built(transaction=attrs.evolve(transaction, to=sender))

    def _escrow(self, asked: EscrowCall, data: bytes, nonce: int, fees: Fees) -> Built:
        gas = _escrow_gas(asked, data)
        if gas > GAS_MAX:
            raise Refused(
                f"a call of the escrow may need {gas} gas, a transaction has {GAS_MAX} at most: ask for "
                "less in one batch"
            )
        called = self._call(nonce, fees, gas, data)
        return Built(
            transaction=attrs.evolve(called, to=self._settings.escrow_address),
            effects=asked.effects(self._settings),
        )

    def _payment(self, draft: Draft, payment: Payment, nonce: int, fees: Fees) -> Built:
        data = draft.batch.reference
        recipient = account_of(payment.recipient, self._settings.chain)
        return Built(
            transaction=attrs.evolve(
                self._call(nonce, fees, payment_gas(data), data),
                to=payment.recipient,
                value_wei=payment.wei,
            ),
            effects=payment_effects(draft.sender, recipient, payment.wei, self._settings),
        )

    def signed(
        self, built: Built, signer: Signer, *, batch_ids: tuple[bytes, ...], prepared_at: int
    ) -> SignedTransaction:
        """Return the port's record, signed; raises `NoSigner` for a signature that does not hold."""
        unsigned = built.transaction
        payload = unsigned.payload()
        signature = signer.sign(payload)
        sender = signer.account
        if recover(payload, signature) != address_on(sender, self._settings.chain):
            raise NoSigner(
                f"the signer of {sender} gave a signature that does not hold: check its key"
            )
        raw = attrs.evolve(unsigned, signature=signature).raw()
        return SignedTransaction(
            transaction_id=keccak(raw),
            raw=raw,
            sender=sender,
            batch_ids=batch_ids,
            effects=built.effects,
            fee_payer=sender,
            fee_units_max=unsigned.fee_units_max,
            valid_until=None,
            consumes=(nonce_token(sender, unsigned.nonce),),
            prepared_at=prepared_at,
        )

    def _call(self, nonce: int, fees: Fees, gas_max: int, data: bytes) -> FeeTransaction:
        return FeeTransaction(
            chain_number=self._settings.chain_number,
            nonce=nonce,
            priority_fee_wei=fees.priority_fee_wei,
            fee_wei_max=fees.fee_wei_max,
            gas_max=gas_max,
            to=self._settings.ledger_address,
            value_wei=0,
            data=data,
        )


def in_registrations(owners: Sequence[bytes]) -> Iterator[Sequence[bytes]]:
    """Yield owners in lots that fit one registration each."""
    for first in range(0, len(owners), REGISTRATIONS_MAX):
        yield owners[first : first + REGISTRATIONS_MAX]


def escrow_calldata(
    asked: EscrowCall, number_of: Mapping[bytes, int], place_of: Mapping[bytes, int]
) -> bytes:
    """Return the bytes of a call of the escrow; only a charge needs numbers and places."""
    return (
        asked.calldata(number_of, place_of) if isinstance(asked, ChargeCall) else asked.calldata()
    )


def _escrow_gas(asked: EscrowCall, data: bytes) -> int:
    if isinstance(asked, StandCall):
        return stand_gas(data, len(asked.payees))
    if isinstance(asked, ChargeCall):
        credited = len(asked.credits)
        return charge_gas(data, len(asked.charges), asked.micro_sessions(), credited)
    if isinstance(asked, ManyCall):
        return many_gas(data, len(asked.lines), asked.many.signatures)
    return step_gas(data, len(asked.statements))
