"""What the API answers: plain structures with a schema of their own."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, Literal

from msgspec import Struct


class Outgoing(Struct, kw_only=True):
    """What a program gets."""


class Me(Outgoing):
    """Somebody, to themselves."""

    customer_number: int
    participant: str
    display_name: str
    email: str
    role: Literal["household", "operator", "auditor"]
    buys: bool
    sells: bool
    area: str
    place: str | None
    hidden: bool
    paused: bool
    vat_registered: bool
    language: str


class TokenFacts(Outgoing):
    """A token without its secret."""

    token_id: int
    name: str
    scopes: list[str]
    created_at: datetime
    expires_at: datetime


class NewToken(Outgoing):
    """A token with its secret, which is not shown again."""

    token: TokenFacts
    secret: str


class Done(Outgoing):
    """It was done."""

    done: bool = True


class PointFacts(Outgoing):
    """A metering point and whether it counts."""

    metering_point: str
    state: Literal["confirmed", "waiting", "refused"]


class WalletFacts(Outgoing):
    """The account that receives what one buys, null before there is one."""

    account: str | None
    may_bring_own: bool


class Challenge(Outgoing):
    """What has to be signed."""

    text: str


class PriceFacts(Outgoing):
    """The prices in force or about to be; null where one does not deal."""

    buy_micro: int | None
    sell_micro: int | None
    buy_since: datetime | None
    sell_since: datetime | None
    buy_without_vat_micro: int | None
    sell_without_vat_micro: int | None
    paused: bool
    floor_micro: int
    cap_micro: int
    supplier_sells_micro: int
    supplier_buys_micro: int


class EffectFacts(Outgoing):
    """What a span would have been; above zero is owed."""

    bought_wh: int
    sold_wh: int
    from_supplier_wh: int
    to_supplier_wh: int
    owed_nano: int


class PriceEffectFacts(Outgoing):
    """The last thirty days as they were and with other prices."""

    days: int
    before: EffectFacts
    after: EffectFacts
    difference_nano: int


class SlotFacts(Outgoing):
    """One interval of a day."""

    start: datetime
    imported_wh: int
    exported_wh: int
    own_use_wh: int
    bought_wh: int
    sold_wh: int
    paid_nano: int
    earned_nano: int
    quality: Literal["measured", "estimated", "missing"] | None
    settled: bool


class DayFacts(Outgoing):
    """A household's day."""

    day: date
    now: datetime
    interval_minutes: int
    imported_wh: int
    exported_wh: int
    bought_wh: int
    sold_wh: int
    slots: list[SlotFacts]
    block_height: int
    block_seconds: int


class NeighbourFacts(Outgoing):
    """What neighbours see of each other."""

    display_name: str
    place: str | None
    buys: bool
    sells: bool


class NeighbourhoodFacts(Outgoing):
    """Who is around; totals of fewer than four households are not told."""

    area: str
    households: int
    traded_wh: int | None
    exported_wh: int | None
    neighbours: list[NeighbourFacts]


class TradeFacts(Outgoing):
    """A trade as one of its parties sees it."""

    start: datetime
    is_purchase: bool
    counterparty: str | None
    energy_wh: int
    price_micro: int
    amount_nano: int
    state: Literal["matched", "sent", "confirmed", "final"]


class TradePage(Outgoing):
    """Trades, newest first."""

    page: int
    pages: int
    block_seconds: int
    trades: list[TradeFacts]


class LineFacts(Outgoing):
    """A line of a bill."""

    kind: Literal["bought", "sold", "supplier_sale", "supplier_purchase"]
    counterparty: str | None
    energy_wh: int
    price_micro: int
    amount_nano: int


class VatFacts(Outgoing):
    """A tax rate and what it is charged on."""

    basis_points: int
    net_nano: int
    vat_nano: int
    gross_nano: int


class MeteredFacts(Outgoing):
    """What a version of a reading says."""

    imported_wh: int
    exported_wh: int
    quality: Literal["measured", "estimated", "missing"]


class CorrectedReadingFacts(Outgoing):
    """A reading that came late, and the one that counted before; null where none did."""

    start: datetime
    old: MeteredFacts | None
    new: MeteredFacts


class CorrectionFacts(Outgoing):
    """An adjusting bill: what it corrects, why, and the difference, which is due with bill `on_bill`."""

    correction_id: str
    made_at: datetime
    on_bill: str
    corrects_bill: str
    period_start: datetime
    period_end: datetime
    old_nano: int
    new_nano: int
    difference_nano: int
    owed_cents: int
    readings: list[CorrectedReadingFacts]
    lines: list[LineFacts]


class BillFacts(Outgoing):
    """A month's bill; above zero is owed."""

    number: str
    month: str
    reference: str
    status: Literal["open", "provisional", "final"]
    is_running: bool
    due: date | None
    bought_wh: int
    sold_wh: int
    from_supplier_wh: int
    to_supplier_wh: int
    average_micro: int | None
    owed_nano: int
    carried_nano: int
    carry_nano: int
    owed_cents: int
    untaxed_nano: int
    vat: list[VatFacts]
    retail_nano: int
    saved_nano: int
    estimated: int
    missing: int
    lines: list[LineFacts]
    adjusted_nano: int
    corrections: list[CorrectionFacts]
    """Made in this month, of any month: part of what is due."""
    corrected_by: list[CorrectionFacts]
    """Of this month, on this bill or a later one."""
    too_late: list[CorrectedReadingFacts]


class StepFacts(Outgoing):
    """One thing that was looked at; null where it could not be decided."""

    title: str
    finding: str
    ok: bool | None


class VerdictFacts(Outgoing):
    """What a check of a bill found."""

    ok: bool | None
    steps: list[StepFacts]


class ShareFacts(Outgoing):
    """What one buyer pays at one price, and who gets how much of it."""

    buyer: str | None
    price_micro: int
    energy_wh: int
    paid_nano: int
    producer_nano: int
    grid_nano: int
    operator_nano: int


class IncomeFacts(Outgoing):
    """What was earned in a month."""

    month: str
    paid_nano: int
    earned_nano: int
    supplier_wh: int
    supplier_nano: int
    corrected_nano: int
    """Corrections made in this month, above zero in favour; in no other figure."""
    shares: list[ShareFacts]


class HouseholdFacts(Outgoing):
    """A household as the staff sees it."""

    person_id: int
    participant: str
    display_name: str
    buys: bool
    sells: bool
    paused: bool
    newest_bill: str | None


class ClaimFacts(Outgoing):
    """A metering point that waits for the operator, or was decided."""

    claim_id: int
    metering_point: str
    participant: str | None
    state: Literal["waiting", "confirmed", "refused"]


class OverviewFacts(Outgoing):
    """How everything stands; `agrees` is null while something is being settled."""

    agrees: bool | None
    disagreement: str
    entries: int
    chain: str
    block_height: int
    final_height: int
    unsettled: int
    households: list[HouseholdFacts]
    waiting: list[ClaimFacts]


class TrailFacts(Outgoing):
    """An action of the staff."""

    entry_id: int
    time: datetime
    actor: str
    action: str
    subject: str
    reason: str


class Problem(Outgoing):
    """Why something was not done (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: str
    invalid: dict[str, str] = {}
    """What is wrong with each field of the body."""
    errors: list[dict[str, Any]] = []
    """Where the body or the address has another form than the schema says."""
