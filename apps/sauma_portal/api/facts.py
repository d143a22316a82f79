"""From what the portal reads to what the API says."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sauma.billing import BillLine
from sauma.correcting import CorrectedReading, Metered
from sauma.intervals import from_unix
from sauma_portal.accounts import Person
from sauma_portal.accounts.keys import Token
from sauma_portal.api import messages as m
from sauma_portal.household import PREVIEW_DAYS, PriceEffect, Today
from sauma_portal.market.bills import BillDocument
from sauma_portal.market.corrections import Adjustment
from sauma_portal.market.income import Income
from sauma_portal.market.neighbours import Neighbourhood
from sauma_portal.market.preview import Effect
from sauma_portal.market.trades import OwnTrade
from sauma_portal.market.verdicts import Verdict
from sauma_portal.overview import Overview

Names = Mapping[str, str]


def me(person: Person) -> m.Me:
    """Say who somebody is."""
    return m.Me(
        customer_number=person.customer_number,
        participant=person.participant,
        display_name=person.display_name,
        email=person.email,
        role=person.role.value,
        buys=person.buys,
        sells=person.sells,
        area=person.area,
        place=person.place,
        hidden=person.hidden,
        paused=person.paused,
        vat_registered=person.vat_registered,
        language=person.language,
    )


def token(one: Token) -> m.TokenFacts:
    """Say what a token is for."""
    return m.TokenFacts(
        token_id=one.token_id,
        name=one.name,
        scopes=list(one.scopes),
        created_at=from_unix(one.created_at),
        expires_at=from_unix(one.expires_at),
    )


def effect(found: PriceEffect) -> m.PriceEffectFacts:
    """Say what other prices would have meant."""

    def half(each: Effect) -> m.EffectFacts:
        return m.EffectFacts(
            bought_wh=each.bought_wh,
            sold_wh=each.sold_wh,
            from_supplier_wh=each.from_supplier_wh,
            to_supplier_wh=each.to_supplier_wh,
            owed_nano=each.owed_nano,
        )

    return m.PriceEffectFacts(
        days=PREVIEW_DAYS,
        before=half(found.before),
        after=half(found.after),
        difference_nano=found.difference_nano,
    )


def day(found: Today, block_s: int) -> m.DayFacts:
    """Say how a day goes."""
    figures = found.figures
    return m.DayFacts(
        day=found.day,
        now=found.now,
        interval_minutes=found.interval_minutes,
        imported_wh=figures.imported_wh,
        exported_wh=figures.exported_wh,
        bought_wh=figures.bought_wh,
        sold_wh=figures.sold_wh,
        slots=[
            m.SlotFacts(
                start=from_unix(slot.start),
                imported_wh=slot.imported_wh,
                exported_wh=slot.exported_wh,
                own_use_wh=slot.own_use_wh,
                bought_wh=slot.bought_wh,
                sold_wh=slot.sold_wh,
                paid_nano=slot.paid_nano,
                earned_nano=slot.earned_nano,
                quality=None if slot.quality is None else slot.quality.value,
                settled=slot.settled,
            )
            for slot in figures.slots
        ],
        block_height=found.block_height,
        block_seconds=block_s,
    )


def neighbourhood(area: str, around: Neighbourhood) -> m.NeighbourhoodFacts:
    """Say who is around."""
    return m.NeighbourhoodFacts(
        area=area,
        households=around.households,
        traded_wh=around.traded_wh,
        exported_wh=around.exported_wh,
        neighbours=[
            m.NeighbourFacts(
                display_name=one.display_name, place=one.place, buys=one.buys, sells=one.sells
            )
            for one in around.neighbours
        ],
    )


def trade(one: OwnTrade, names: Names) -> m.TradeFacts:
    """Say what a trade is."""
    return m.TradeFacts(
        start=from_unix(one.start),
        is_purchase=one.is_purchase,
        counterparty=names.get(one.counterparty),
        energy_wh=one.energy_wh,
        price_micro=one.price_micro,
        amount_nano=one.amount_nano,
        state=one.progress.name.lower(),  # type: ignore[arg-type]
    )


def bill(found: BillDocument, names: Names) -> m.BillFacts:
    """Say everything that a bill says."""
    return m.BillFacts(
        number=str(found.number),
        month=f"{found.number.month:%Y-%m}",
        reference=found.number.reference,
        status=found.status.name.lower(),  # type: ignore[arg-type]
        is_running=found.is_running,
        due=found.due,
        bought_wh=found.bought_wh,
        sold_wh=found.sold_wh,
        from_supplier_wh=found.from_supplier_wh,
        to_supplier_wh=found.to_supplier_wh,
        average_micro=found.average_micro,
        owed_nano=found.owed_nano,
        carried_nano=found.carried_nano,
        carry_nano=found.carry_nano,
        owed_cents=found.owed_cents,
        untaxed_nano=found.untaxed_nano,
        vat=[
            m.VatFacts(
                basis_points=row.basis_points,
                net_nano=row.net_nano,
                vat_nano=row.vat_nano,
                gross_nano=row.gross_nano,
            )
            for row in found.vat
        ],
        retail_nano=found.retail_nano,
        saved_nano=found.saved_nano,
        estimated=found.estimated,
        missing=found.missing,
        lines=_lines(found.lines, names),
        adjusted_nano=found.adjusted_nano,
        corrections=[_correction(found, each, names) for each in found.adjusted],
        corrected_by=[_correction(found, each, names) for each in found.adjusted_by],
        too_late=[_corrected(each) for each in found.too_late],
    )


def _lines(lines: Iterable[BillLine], names: Names) -> list[m.LineFacts]:
    return [
        m.LineFacts(
            kind=line.kind.name.lower(),  # type: ignore[arg-type]
            counterparty=names.get(line.counterparty),
            energy_wh=line.energy_wh,
            price_micro=line.price_micro,
            amount_nano=line.amount_nano,
        )
        for line in lines
    ]


def _correction(bill: BillDocument, one: Adjustment, names: Names) -> m.CorrectionFacts:
    return m.CorrectionFacts(
        correction_id=one.bill.correction_id.hex(),
        made_at=from_unix(one.made_at),
        on_bill=str(bill.number.of(one.made_in)),
        corrects_bill=str(bill.number.of(one.month)),
        period_start=from_unix(one.period_start),
        period_end=from_unix(one.period_end),
        old_nano=one.bill.old_nano,
        new_nano=one.bill.new_nano,
        difference_nano=one.bill.owed_nano,
        owed_cents=one.bill.owed_cents,
        readings=[_corrected(each) for each in one.readings],
        lines=_lines(one.lines, names),
    )


def _corrected(one: CorrectedReading) -> m.CorrectedReadingFacts:
    return m.CorrectedReadingFacts(
        start=from_unix(one.interval_start),
        old=None if one.old is None else _metered(one.old),
        new=_metered(one.new),
    )


def _metered(one: Metered) -> m.MeteredFacts:
    return m.MeteredFacts(
        imported_wh=one.imported_wh,
        exported_wh=one.exported_wh,
        quality=one.quality.value,
    )


def verdict(found: Verdict) -> m.VerdictFacts:
    """Say what a check found."""
    return m.VerdictFacts(
        ok=found.ok,
        steps=[
            m.StepFacts(title=str(step.title), finding=str(step.finding), ok=step.ok)
            for step in found.steps
        ],
    )


def income(month: Any, earned: Income, names: Names) -> m.IncomeFacts:
    """Say what was earned."""
    return m.IncomeFacts(
        month=f"{month:%Y-%m}",
        paid_nano=earned.paid_nano,
        earned_nano=earned.earned_nano,
        supplier_wh=earned.supplier_wh,
        supplier_nano=earned.supplier_nano,
        corrected_nano=earned.corrected_nano,
        shares=[
            m.ShareFacts(
                buyer=names.get(share.buyer),
                price_micro=share.price_micro,
                energy_wh=share.energy_wh,
                paid_nano=share.paid_nano,
                producer_nano=share.producer_nano,
                grid_nano=share.grid_nano,
                operator_nano=share.operator_nano,
            )
            for share in earned.shares
        ],
    )


def overview(seen: Overview) -> m.OverviewFacts:
    """Say how everything stands."""
    agrees = True if seen.agreement is not None else False if seen.disagreement else None
    return m.OverviewFacts(
        agrees=agrees,
        disagreement=seen.disagreement,
        entries=seen.entries,
        chain=seen.chain_id,
        block_height=seen.block_height,
        final_height=seen.final_height,
        unsettled=seen.unsettled,
        households=[
            m.HouseholdFacts(
                person_id=each.person.person_id,
                participant=each.person.participant,
                display_name=each.person.display_name,
                buys=each.person.buys,
                sells=each.person.sells,
                paused=each.person.paused,
                newest_bill=None if each.bill is None else str(each.bill),
            )
            for each in seen.households
        ],
        waiting=[
            m.ClaimFacts(
                claim_id=claim.claim_id,
                metering_point=claim.gsrn,
                participant=None if owner is None else owner.participant,
                state=claim.state.value,
            )
            for claim, owner in seen.waiting
        ],
    )
