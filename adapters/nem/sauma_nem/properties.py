"""The four properties of a mosaic, which NIS1 carries as texts."""

from __future__ import annotations

import re
from collections.abc import Mapping

import attrs

from .network import MOSAIC_DIVISIBILITY_MAX, MOSAIC_UNITS_MAX
from .unreadable import ForbiddenValue, forbidden

_INTEGER = re.compile(r"[+-]?[0-9]+")
_INT_BITS, _LONG_BITS = 32, 64


@attrs.frozen(kw_only=True)
class MosaicProperties:
    """The four properties; the defaults are those of the server for absent ones."""

    divisibility: int = 0
    initial_supply_whole: int = 1_000
    supply_mutable: bool = False
    transferable: bool = True

    def as_texts(self) -> tuple[tuple[str, str], ...]:
        """Names and values in the only order and spelling whose signature holds."""
        return (
            ("divisibility", str(self.divisibility)),
            ("initialSupply", str(self.initial_supply_whole)),
            ("supplyMutable", "true" if self.supply_mutable else "false"),
            ("transferable", "true" if self.transferable else "false"),
        )

    @classmethod
    def from_texts(cls, texts: Mapping[str, str]) -> MosaicProperties:
        """From names and values as the server reads them; unknown names are passed over.

        Raises ForbiddenValue for a value that is no number or truth value.
        """
        return cls(
            divisibility=_integer(texts.get("divisibility", "0"), _INT_BITS),
            initial_supply_whole=_integer(texts.get("initialSupply", "1000"), _LONG_BITS),
            supply_mutable=_truth(texts.get("supplyMutable", "false")),
            transferable=_truth(texts.get("transferable", "true")),
        )

    def check(self) -> None:
        """Raises ForbiddenValue where the server's constructor does."""
        if not 0 <= self.divisibility <= MOSAIC_DIVISIBILITY_MAX:
            raise forbidden(
                f"divisibility must be between 0 and {MOSAIC_DIVISIBILITY_MAX} inclusive",
                f"it is {self.divisibility}",
            )
        supply = self.initial_supply_whole
        if supply < 0:
            raise forbidden(f"quantity ({supply}) must be non-negative", "give 0 or more")
        if supply > MOSAIC_UNITS_MAX // 10**self.divisibility:
            raise forbidden(
                f"cannot add 0 to {supply} for mosaic with divisibility {self.divisibility}",
                f"supply times 10^divisibility must not exceed {MOSAIC_UNITS_MAX}",
            )


def _integer(text: str, bits: int) -> int:
    value = int(text) if _INTEGER.fullmatch(text) and len(text) <= bits else None
    if value is None or not -(1 << bits - 1) <= value < 1 << bits - 1:
        raise ForbiddenValue(
            f"property value {text!r} is not an integer of {bits} bits; write it in digits",
            server_status=400,
            server_message=f'For input string: "{text}"',
            server_exception="java.lang.NumberFormatException",
        )
    return value


def _truth(text: str) -> bool:
    lowered = text.lower()
    if lowered not in ("true", "false"):
        raise ForbiddenValue(
            f"property value {text!r} is neither true nor false; write one of them",
            server_message="java.lang.NumberFormatException: string must be either true or false",
            server_exception="java.lang.RuntimeException",
        )
    return lowered == "true"
