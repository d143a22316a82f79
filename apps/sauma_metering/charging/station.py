"""Stations and their tariffs: from what a payee publishes to the terms of one session."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

import attrs

from sauma.errors import InvalidInput
from sauma.identifiers import AccountId, AssetId, check_name, content_id
from sauma.session import SessionTerms
from sauma.units import check_integer

CONNECTORS_MAX: Final = 64


@attrs.frozen(kw_only=True)
class ChargingTariff:
    """What charging costs at a station, in the smallest units of `asset`.

    A Wh costs `price` × 10**-`price_decimals`; `held_units` is what a driver prepays.
    """

    asset: AssetId
    price: int
    price_decimals: int
    held_units: int
    energy_wh_max: int
    fixed_fee_units: int = 0
    no_show_fee_units: int = 0
    fee_bps: int = 0
    start_within: timedelta = timedelta(minutes=30)
    charge_within: timedelta = timedelta(hours=24)
    contest_window_s: int = 3600
    silence_limit_s: int = 1800

    def __attrs_post_init__(self) -> None:
        """Refuse a prepayment of nothing and spans that never end."""
        if check_integer(self.held_units, "held_units") <= 0:
            raise InvalidInput(f"held_units {self.held_units} must be above zero")
        if not timedelta(0) < self.start_within < self.charge_within:
            raise InvalidInput(
                f"start_within {self.start_within} must be above zero and below charge_within "
                f"{self.charge_within}"
            )

    @property
    def tariff_id(self) -> bytes:
        """The hash that terms carry, so that nobody can say it was another tariff."""
        return content_id(
            "charging-tariff",
            str(self.asset),
            self.price,
            self.price_decimals,
            self.held_units,
            self.energy_wh_max,
            self.fixed_fee_units,
            self.no_show_fee_units,
            self.fee_bps,
            int(self.start_within.total_seconds()),
            int(self.charge_within.total_seconds()),
            self.contest_window_s,
            self.silence_limit_s,
        )


@attrs.frozen(kw_only=True)
class Station:
    """A charge point: who earns with it, whose key signs its meter, and what it asks."""

    name: str
    connectors: int
    payee: AccountId
    operator: AccountId
    meter: AccountId
    domain: bytes
    """Chain and escrow, as `SessionTerms.domain` says."""
    tariff: ChargingTariff
    arbiter: AccountId | None = None
    arbiter_window_s: int = 0
    bond_units: int = 0
    operator_submits: bool = False
    """Whether the operator brings the driver's authorisation to the chain, and pays for that: where a
    contract takes it from anybody.  Elsewhere the driver's own key moves what is held."""

    def __attrs_post_init__(self) -> None:
        """Refuse a name that no address can hold and a station without connectors."""
        check_name(self.name, "station")
        if not 0 < check_integer(self.connectors, "connectors") <= CONNECTORS_MAX:
            raise InvalidInput(
                f"station {self.name} has {self.connectors} connectors: 1 to {CONNECTORS_MAX} can be"
            )

    def terms(self, payer: AccountId, key: str, now: datetime) -> SessionTerms:
        """Return the terms of a session that begins now; `key` makes it another than the last."""
        tariff = self.tariff
        start = now.replace(microsecond=0)
        return SessionTerms(
            domain=self.domain,
            payer=payer,
            payee=self.payee,
            operator=self.operator,
            meter=self.meter,
            asset=tariff.asset,
            price=tariff.price,
            price_decimals=tariff.price_decimals,
            fixed_fee_units=tariff.fixed_fee_units,
            no_show_fee_units=tariff.no_show_fee_units,
            fee_bps=tariff.fee_bps,
            energy_wh_max=tariff.energy_wh_max,
            starts_before=start + tariff.start_within,
            ends_before=start + tariff.charge_within,
            contest_window_s=tariff.contest_window_s,
            silence_limit_s=tariff.silence_limit_s,
            arbiter=self.arbiter,
            arbiter_window_s=self.arbiter_window_s,
            bond_units=self.bond_units,
            tariff=tariff.tariff_id,
            key=key,
        )
