"""Who signs: the driver's wallet, and the keys of the payee and of the meter."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeAlias

import attrs

from sauma.identifiers import AccountId
from sauma.session import Receipt, Session, SessionTerms, Signed, Statement
from sauma.session.arithmetic import gross_units

Sign: TypeAlias = Callable[[SessionTerms, Statement], bytes]
"""Signs a statement as an account's chain wants it (`Verifier.statement_payload`)."""


@attrs.frozen(kw_only=True)
class Party:
    """An account and how it signs evidence; the key stays where it is."""

    account: AccountId
    sign: Sign

    def signed(self, terms: SessionTerms, statement: Statement) -> Signed:
        """Return the statement with this party's signature."""
        return Signed(
            statement=statement, signer=self.account, signature=self.sign(terms, statement)
        )


class Driver(Protocol):
    """A driver's wallet as the desk sees it: on a phone, in a car, or at a fleet's office."""

    @property
    def account(self) -> AccountId:
        """Who pays."""
        ...

    def authorise(self, terms: SessionTerms, statement: Statement) -> Signed | None:
        """Sign an `Authorisation` of these terms, or None: the driver does not want to."""
        ...

    def countersign(self, session: Session, receipt: Receipt) -> Signed | None:
        """Sign a receipt for what the meter says, or None: the driver drove off, or doubts it."""
        ...


@attrs.frozen(kw_only=True)
class SigningDriver:
    """A wallet that signs what its limits allow and its own arithmetic confirms."""

    party: Party
    held_units_max: int
    """The most it ever lets be held for one session."""

    @property
    def account(self) -> AccountId:
        """Who pays."""
        return self.party.account

    def authorise(self, terms: SessionTerms, statement: Statement) -> Signed | None:
        """Sign if no more is to be held than the limit."""
        held_units = getattr(statement, "held_units", None)
        if held_units is None or held_units > self.held_units_max:
            return None
        return self.party.signed(terms, statement)

    def countersign(self, session: Session, receipt: Receipt) -> Signed | None:
        """Sign if the amount is no more than the register comes to."""
        due_units = gross_units(
            session.terms, session.held_units, session.register_start_wh, receipt.register_wh
        )
        if receipt.amount_units > due_units:
            return None
        return self.party.signed(session.terms, receipt)
