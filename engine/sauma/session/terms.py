"""What payer and payee agreed before anything flowed, and the id that follows from it.

The id is the SHA-256 of 22 words of 32 bytes, big-endian: what Solidity's `sha256(abi.encode(terms))`
gives for a struct of these fields, so a contract can compute it and nobody has to be believed.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final

import attrs

from sauma.errors import InvalidInput
from sauma.identifiers import AccountId, AssetId, Fact
from sauma.intervals import from_unix, to_unix
from sauma.units import BASIS_POINTS, INT64_MAX, check_energy, check_integer

WORD_BYTES: Final = 32
PRICE_DECIMALS_MAX: Final = 18
WINDOW_S_MAX: Final = 365 * 24 * 3600
NO_WORD: Final = bytes(WORD_BYTES)

_HEX_ADDRESS = re.compile(r"0x[0-9a-fA-F]{40}")


@attrs.frozen(kw_only=True)
class SessionTerms:
    """What both sides agreed to; never changed afterwards.

    Money is in the smallest units of `asset`.  `price` × 10**-`price_decimals` is what a Wh costs in
    those units.  Times are whole seconds; the contest window and the other spans are in seconds.
    """

    domain: bytes
    """Which chain and which escrow, 32 bytes: the same terms elsewhere are another session."""
    payer: AccountId
    payee: AccountId
    operator: AccountId
    meter: AccountId
    """The key that signs readings, bound to the payee."""
    asset: AssetId
    price: int
    price_decimals: int
    energy_wh_max: int
    starts_before: datetime
    ends_before: datetime
    contest_window_s: int
    silence_limit_s: int
    key: str
    """The payer's own number for it: other keys make other sessions of equal terms."""
    fixed_fee_units: int = 0
    no_show_fee_units: int = 0
    fee_bps: int = 0
    """The operator's part of what the payee earns, in basis points."""
    arbiter: AccountId | None = None
    arbiter_window_s: int = 0
    bond_units: int = 0
    """What the payer must lock to dispute; the payee gets it when all that was claimed is granted."""
    tariff: bytes = NO_WORD
    """The hash of the tariff that the payee publishes."""
    corrects: bytes = NO_WORD
    """The settled session that this one compensates."""

    def __attrs_post_init__(self) -> None:
        """Refuse amounts below zero, spans that lock for ever and deadlines in the wrong order."""
        check_energy(self.energy_wh_max, "energy_wh_max")
        for name in ("price", "fixed_fee_units", "no_show_fee_units", "bond_units"):
            _within(getattr(self, name), name, 0, INT64_MAX)
        _within(self.price_decimals, "price_decimals", 0, PRICE_DECIMALS_MAX)
        _within(self.fee_bps, "fee_bps", 0, BASIS_POINTS)
        _within(self.contest_window_s, "contest_window_s", 1, WINDOW_S_MAX)
        _within(self.silence_limit_s, "silence_limit_s", 1, WINDOW_S_MAX)
        _within(
            self.arbiter_window_s,
            "arbiter_window_s",
            0 if self.arbiter is None else 1,
            WINDOW_S_MAX,
        )
        for name in ("domain", "tariff", "corrects"):
            if len(getattr(self, name)) != WORD_BYTES:
                raise InvalidInput(f"{name} {getattr(self, name).hex()} must have 32 bytes")
        if self.payer == self.payee:
            raise InvalidInput(f"{self.payer} cannot pay itself: name another payee")
        if to_unix(self.starts_before) >= to_unix(self.ends_before):
            raise InvalidInput(
                f"a session must start before it ends: {self.starts_before.isoformat()} is not "
                f"before {self.ends_before.isoformat()}"
            )

    def to_bytes(self) -> bytes:
        """Return the 22 words, in the order of `docs/sessions.md`."""
        words = (
            self.domain,
            account_word(self.payer),
            account_word(self.payee),
            account_word(self.operator),
            NO_WORD if self.arbiter is None else account_word(self.arbiter),
            account_word(self.meter),
            asset_word(self.asset),
            self.price,
            self.price_decimals,
            self.fixed_fee_units,
            self.no_show_fee_units,
            self.fee_bps,
            self.energy_wh_max,
            to_unix(self.starts_before),
            to_unix(self.ends_before),
            self.contest_window_s,
            self.silence_limit_s,
            self.arbiter_window_s,
            self.bond_units,
            self.tariff,
            self.corrects,
            hashlib.sha256(self.key.encode()).digest(),
        )
        return b"".join(
            word if isinstance(word, bytes) else word.to_bytes(WORD_BYTES, "big") for word in words
        )

    @property
    def session_id(self) -> bytes:
        """The 32-byte id of the session: SHA-256 of `to_bytes`."""
        return hashlib.sha256(self.to_bytes()).digest()

    def facts(self) -> dict[str, Fact]:
        """Return the terms as plain values, from which `from_facts` makes them again."""
        facts: dict[str, Fact] = {}
        for field in attrs.fields(SessionTerms):
            value = getattr(self, field.name)
            if isinstance(value, AccountId | AssetId):
                value = str(value)
            facts[field.name] = to_unix(value) if isinstance(value, datetime) else value
        return facts

    @classmethod
    def from_facts(cls, facts: Mapping[str, Any]) -> SessionTerms:
        """Read what `facts` wrote, bytes as hexadecimal text; raises `InvalidInput` for anything else."""
        try:
            return cls(**{name: _READERS.get(name, _same)(value) for name, value in facts.items()})
        except (TypeError, ValueError, OverflowError) as error:
            raise InvalidInput(f"these are no terms of a session: {error}") from error


def session_domain(*names: str) -> bytes:
    """Return the domain of an escrow on a chain that defines none of its own: a hash of their names."""
    return hashlib.sha256("\n".join(("sauma session domain", *names)).encode()).digest()


def account_word(account: AccountId) -> bytes:
    """Return an account as 32 bytes: a 0x address right-aligned, any other the hash of its CAIP-10 text."""
    return _word(account.address, str(account))


def asset_word(asset: AssetId) -> bytes:
    """Return an asset as 32 bytes: a 0x address right-aligned, any other the hash of its CAIP-19 text."""
    return _word(asset.reference, str(asset))


def _word(local: str, text: str) -> bytes:
    if _HEX_ADDRESS.fullmatch(local):
        return bytes.fromhex(local[2:]).rjust(WORD_BYTES, b"\0")
    return hashlib.sha256(text.encode()).digest()


def _within(value: int, name: str, low: int, high: int) -> None:
    if not low <= check_integer(value, name) <= high:
        raise InvalidInput(f"{name} {value} must be from {low} to {high}")


def _same(value: Any) -> Any:
    return value


def _time(value: object) -> datetime:
    if not isinstance(value, int):
        raise InvalidInput(f"{value!r} is no time in seconds")
    return from_unix(value)


def _bytes(value: object) -> bytes:
    return value if isinstance(value, bytes) else bytes.fromhex(str(value))


def _account(value: object) -> AccountId:
    return AccountId(str(value))


_READERS: Final[Mapping[str, Callable[[Any], Any]]] = {
    "payer": _account,
    "payee": _account,
    "operator": _account,
    "meter": _account,
    "arbiter": lambda value: None if value is None else _account(value),
    "asset": lambda value: AssetId(str(value)),
    "starts_before": _time,
    "ends_before": _time,
    "domain": _bytes,
    "tariff": _bytes,
    "corrects": _bytes,
}
"""How each field is read back; the rest is as it is written."""
