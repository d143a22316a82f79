"""From a checked batch to a transaction with nonce, fees and gas, and its signature; pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import attrs

from sauma.chain import SignedTransaction, Signer
from sauma.errors import NoSigner, Refused

from .caip import address_on
from .codec import EthereumCodec
from .fees import Fees
from .gas import payment_gas, registration_gas, settle_gas
from .instructions import Draft
from .ledger import REGISTER_MANY, call
from .operations import read
from .settings import GAS_MAX
from .signing import recover
from .transactions import FeeTransaction

REGISTRATIONS_MAX: Final = 200
"""How many accounts one registration holds; all of them stay below the most gas there may be."""


class Builder:
    """Builds the transactions of one contract and area."""

    def __init__(self, codec: EthereumCodec) -> None:
        """Build for the settings of a codec, and sign what that codec reads."""
        self._codec = codec
        self._settings = codec.settings

    def of_draft(
        self, draft: Draft, nonce: int, fees: Fees, number_of: Mapping[bytes, int]
    ) -> FeeTransaction:
        """Return a draft unsigned; `number_of` gives the contract's number of each owner's account.

        Raises `Refused` for more than fits the gas of one transaction.
        """
        if draft.payment is not None:
            data = draft.batch.reference
            return attrs.evolve(
                self._call(nonce, fees, payment_gas(data), data),
                to=draft.payment.recipient,
                value_wei=draft.payment.wei,
            )
        settle = draft.settle(self._settings, number_of)
        calldata = settle.calldata()
        gas = settle_gas(calldata, read(settle.operations), len(settle.owners))
        if gas > GAS_MAX:
            raise Refused(
                f"batch {draft.batch.batch_id.hex()} may need {gas} gas, a transaction has "
                f"{GAS_MAX} at most: plan smaller batches, or shorter netting periods"
            )
        return self._call(nonce, fees, gas, calldata)

    def registration(self, owners: Sequence[bytes], nonce: int, fees: Fees) -> FeeTransaction:
        """Return what gives numbers to owners, unsigned."""
        data = call(REGISTER_MANY, self._settings.area, list(owners))
        return self._call(nonce, fees, registration_gas(data, len(owners)), data)

    def cancellation(self, sender: bytes, nonce: int, fees: Fees) -> FeeTransaction:
        """Return what uses up a nonce and does nothing, unsigned: a payment of nothing to oneself."""
        return attrs.evolve(self._call(nonce, fees, payment_gas(b""), b""), to=sender)

    def signed(
        self,
        unsigned: FeeTransaction,
        signer: Signer,
        *,
        batch_ids: tuple[bytes, ...],
        prepared_at: int,
    ) -> SignedTransaction:
        """Return the port's record, signed; raises `NoSigner` for a signature that does not hold."""
        payload = unsigned.payload()
        signature = signer.sign(payload)
        if recover(payload, signature) != address_on(signer.account, self._settings.chain):
            raise NoSigner(
                f"the signer of {signer.account} gave a signature that does not hold: check its key"
            )
        return self._codec.signed(
            attrs.evolve(unsigned, signature=signature),
            batch_ids=batch_ids,
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
