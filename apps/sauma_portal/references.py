"""Numbers that people pay by: bill numbers and Finnish reference numbers."""

from __future__ import annotations

from datetime import date
from typing import Final

import attrs

from sauma.errors import InvalidInput

YEAR_MIN: Final = 1900
YEAR_MAX: Final = 2999
_WEIGHTS: Final = (7, 3, 1)
_DIGITS_MIN: Final = 3
_DIGITS_MAX: Final = 19


@attrs.frozen(kw_only=True, order=True)
class BillNumber:
    """A bill's number: the month it is for and whose it is, as `202611-100007`."""

    month: date
    customer_number: int

    def __str__(self) -> str:
        """Write the number."""
        return f"{self.month:%Y%m}-{self.customer_number}"

    def of(self, month: date) -> BillNumber:
        """Return the number of the same customer's bill for another month."""
        return attrs.evolve(self, month=month)

    @classmethod
    def parse(cls, text: str) -> BillNumber:
        """Read a number; raises `InvalidInput` for what is none."""
        month, _, customer = text.partition("-")
        well_formed = len(text) <= 20 and text.isascii() and month.isdigit() and customer.isdigit()
        is_month = well_formed and len(month) == 6 and 1 <= int(month[4:]) <= 12
        if not is_month or not YEAR_MIN <= int(month[:4]) <= YEAR_MAX:
            raise InvalidInput(f"{text!r} is no bill number such as 202611-100007")
        return cls(month=date(int(month[:4]), int(month[4:]), 1), customer_number=int(customer))

    @property
    def reference(self) -> str:
        """The Finnish reference number to pay it by."""
        return reference_number(f"{self.customer_number}{self.month:%Y%m}")


def reference_number(digits: str) -> str:
    """Return digits with their check digit (weights 7, 3, 1 from the right).

    Source: Finance Finland, "Reference number and check digit".
    """
    if (
        not digits.isascii()
        or not digits.isdigit()
        or not _DIGITS_MIN <= len(digits) <= _DIGITS_MAX
    ):
        raise InvalidInput(f"{digits!r} must be 3 to 19 digits to make a reference number")
    weighted = sum(
        int(digit) * _WEIGHTS[position % 3] for position, digit in enumerate(reversed(digits))
    )
    return digits + str(-weighted % 10)


def grouped(reference: str) -> str:
    """Write a reference in groups of five from the right, as banks do."""
    first = len(reference) % 5
    groups = [reference[:first]] if first else []
    groups += [reference[index : index + 5] for index in range(first, len(reference), 5)]
    return " ".join(groups)
