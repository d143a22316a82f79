"""A treasury that keeps floats filled: the bulk of the money needs several signatures, a little none.

Each hour at most one top-up of a fixed sum goes to a float that is low, so whoever steals the float's key
gets what lies there and a sum an hour, until the cosigners look.  All bytes of a top-up follow from
account and hour: proposing it again is the same transaction.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import attrs

from sauma.errors import InsufficientBalance, InvalidInput
from sauma.identifiers import AccountId
from sauma.units import check_integer

from .binary import transaction_hash
from .caip import address_on
from .delegation import Delegate, check_signer, signed_by, wrapped
from .fees import COSIGNATURE_FEE_MICRO, minimum_fee_micro
from .instructions import TRANSFER_VERSION
from .multisig import announce
from .network import Network
from .node import NodeClient
from .transactions import Multisig, Transfer

PERIOD_S: Final = 3_600
DEADLINE_S: Final = 2 * PERIOD_S
"""Two hours from the beginning of its hour a top-up has left the pool, signed or not."""


@attrs.frozen(kw_only=True)
class TopUp:
    """A top-up that waits for the other cosigners."""

    account: AccountId
    transaction_id: bytes
    amount_micro: int


class Treasury:
    """Proposes top-ups for a multisig account, as one of its cosigners."""

    def __init__(
        self,
        node: NodeClient,
        network: Network,
        delegate: Delegate,
        *,
        floats: Sequence[AccountId],
        floor_micro: int,
        amount_micro: int,
    ) -> None:
        """Send `amount_micro` to each of the accounts that has less than `floor_micro`."""
        check_signer(delegate.account, delegate, network)
        for account in floats:
            address_on(account, network)
        for name, value in (("floor_micro", floor_micro), ("amount_micro", amount_micro)):
            if check_integer(value, name) < 1:
                raise InvalidInput(f"{name} {value} must be at least 1")
        if not floats or delegate.account in floats:
            raise InvalidInput("a treasury fills up other accounts: name one or more")
        self._node, self._network, self._delegate = node, network, delegate
        self._floats = tuple(floats)
        self._floor_micro, self._amount_micro = floor_micro, amount_micro

    def step(self) -> tuple[TopUp, ...]:
        """Propose what is needed now and does not wait yet; may be repeated at any time.

        Raises `InsufficientBalance` when the treasury itself is too low.
        """
        self._node.check(self._network)
        waiting = {
            transaction.inner.recipient
            for each in self._node.unconfirmed(self._delegate.account.address)
            if isinstance(transaction := each.transaction, Multisig)
            and isinstance(transaction.inner, Transfer)
        }
        proposed = []
        for account in self._floats:
            balance_micro = self._node.account(account.address).balance_micro
            if account.address not in waiting and balance_micro < self._floor_micro:
                proposed.append(self._propose(account))
        return tuple(proposed)

    def _propose(self, account: AccountId) -> TopUp:
        now_seconds = self._node.network_time_ms() // 1_000
        begins_seconds = now_seconds // PERIOD_S * PERIOD_S
        unpriced = Transfer(
            network_byte=self._network.byte,
            version=TRANSFER_VERSION,
            timestamp_seconds=begins_seconds,
            signer=self._delegate.public_key,
            fee_micro=0,
            deadline_seconds=begins_seconds + DEADLINE_S,
            recipient=account.address,
            amount_micro=self._amount_micro,
        )
        fee_micro = minimum_fee_micro(unpriced, lambda _: None)
        self._check_funds(fee_micro)
        wrapper = wrapped(attrs.evolve(unpriced, fee_micro=fee_micro), self._delegate)
        signed = signed_by(wrapper, self._delegate)
        announce(self._node, signed)
        return TopUp(
            account=account,
            transaction_id=transaction_hash(signed),
            amount_micro=self._amount_micro,
        )

    def _check_funds(self, fee_micro: int) -> None:
        treasury = self._delegate.account
        state = self._node.account(treasury.address)
        signatures = max(1, state.cosignatures_needed)
        needed_micro = self._amount_micro + fee_micro + signatures * COSIGNATURE_FEE_MICRO
        if state.balance_micro < needed_micro:
            raise InsufficientBalance(
                f"treasury {treasury} needs {needed_micro} micro XEM for a top-up and has "
                f"{state.balance_micro}: send XEM to {treasury.address}"
            )
