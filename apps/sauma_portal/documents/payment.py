"""How a bill is paid: references, the virtual barcode and the EPC code, from the same four facts.

Sources: Finance Finland, "Bank bar code guide" (the 54-digit symbol, versions 4 and 5); ISO 11649 for the
RF reference; EPC069-12 for the code that banks' applications read.
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Final

import attrs
from stdnum import iban as iban_numbers
from stdnum.exceptions import ValidationError

from sauma.errors import InvalidInput
from sauma.units import check_integer

BARCODE_DIGITS: Final = 54
BARCODE_CENTS_MAX: Final = 99_999_999
"""The symbol has six digits for euros; a larger amount is written as nothing and typed by hand."""
EPC_CENTS_MAX: Final = 99_999_999_999
NAME_CHARACTERS_MAX: Final = 70
_RF: Final = "271500"
"""`RF00` as digits, behind which the check is computed (ISO 7064, modulo 97)."""
_REFERENCE_DIGITS: Final = 20
_RF_DIGITS: Final = 21


@attrs.frozen(kw_only=True)
class Demand:
    """What is to be paid, to whom, by when, and by which Finnish reference number."""

    payee: str
    iban: str
    cents: int
    reference: str
    due: date | None = None
    bic: str = ""

    def __attrs_post_init__(self) -> None:
        """Refuse an account that is none, an amount that is nothing, and a reference that is none."""
        try:
            iban_numbers.validate(self.iban)
        except ValidationError as error:
            raise InvalidInput(
                f"{self.iban!r} is no IBAN ({error}): correct the operator's account"
            ) from error
        if not 0 < check_integer(self.cents, "cents") <= EPC_CENTS_MAX:
            raise InvalidInput(f"{self.cents} cents cannot be asked for: 1 to {EPC_CENTS_MAX} can")
        if not self.payee or len(self.payee) > NAME_CHARACTERS_MAX:
            raise InvalidInput(
                f"a payee has a name of 1 to {NAME_CHARACTERS_MAX} characters, not {self.payee!r}"
            )
        digits = self.reference
        if not digits.isascii() or not digits.isdigit() or not 4 <= len(digits) <= 20:
            raise InvalidInput(f"{self.reference!r} is no Finnish reference number: 4 to 20 digits")

    @property
    def account(self) -> str:
        """The IBAN without spaces."""
        return iban_numbers.compact(self.iban)

    @property
    def amount(self) -> Decimal:
        """The amount in euros, exactly."""
        return Decimal(self.cents).scaleb(-2)


def rf_reference(reference: str) -> str:
    """Return a Finnish reference number as the RF creditor reference of ISO 11649."""
    check_digits = 98 - int(reference + _RF) % 97
    return f"RF{check_digits:02d}{reference}"


def virtual_barcode(demand: Demand, *, international: bool = False) -> str:
    """Return the 54 digits of the Finnish bank barcode, version 4, or 5 with the RF reference.

    Raises `InvalidInput` for an account that is not Finnish: the symbol has no room for others.
    """
    account = demand.account
    if not account.startswith("FI"):
        raise InvalidInput(f"{account} is not a Finnish account: such a bill has no barcode")
    cents = demand.cents if demand.cents <= BARCODE_CENTS_MAX else 0
    due = "000000" if demand.due is None else f"{demand.due:%y%m%d}"
    if international:
        rf = rf_reference(demand.reference)
        reference = rf[2:4] + rf[4:].rjust(_RF_DIGITS, "0")
    else:
        reference = "000" + demand.reference.rjust(_REFERENCE_DIGITS, "0")
    return f"{5 if international else 4}{account[2:]}{cents:08d}{reference}{due}"
