"""Calls of the staff: operators act with a reason, auditors read and export."""

from __future__ import annotations

from typing import Any

from litestar import Controller, Request, get, post
from litestar.background_tasks import BackgroundTask
from litestar.openapi import ResponseSpec
from litestar.params import JSONBody
from litestar.response import File

from sauma.intervals import from_unix
from sauma_portal import household, overview
from sauma_portal.acts import staffing
from sauma_portal.acts.tokens import STAFF
from sauma_portal.api import facts, requests
from sauma_portal.api import messages as m
from sauma_portal.api.scoping import PROBLEMS, SECURITY, Identity, Number, scoped
from sauma_portal.web.slowing import slow_down
from sauma_portal.web.visiting import Visitor, person_of, portal_of, staff_only


class StaffCalls(Controller):
    """Calls of operators and auditors."""

    path = "/api/staff"
    tags = ("staff",)
    security = SECURITY
    guards = (scoped(STAFF), staff_only)

    @get("/overview", responses=PROBLEMS, sync_to_thread=True)
    def overview(self, request: Request[Visitor, Any, Any]) -> m.OverviewFacts:
        """Say how everything stands."""
        return facts.overview(overview.read_overview(portal_of(request)))

    @post("/claims/{claim_id:int}", responses=PROBLEMS, status_code=200, sync_to_thread=True)
    def decide(
        self,
        request: Request[Visitor, Any, Any],
        claim_id: Identity,
        data: JSONBody[requests.Decision],
    ) -> m.ClaimFacts:
        """Confirm or refuse that a metering point is somebody's."""
        slow_down(request)
        form = {"decision": data.decision, "reason": data.reason}
        claim = staffing.decide_claim(portal_of(request), person_of(request), claim_id, form)
        return m.ClaimFacts(
            claim_id=claim.claim_id,
            metering_point=claim.gsrn,
            participant=None,
            state=claim.state.value,
        )

    @post(
        "/households/{person_id:int}/trading",
        responses=PROBLEMS,
        status_code=200,
        sync_to_thread=True,
    )
    def trading(
        self,
        request: Request[Visitor, Any, Any],
        person_id: Identity,
        data: JSONBody[requests.TradingDecision],
    ) -> m.Done:
        """Pause or continue somebody's trading."""
        slow_down(request)
        form = {"decision": data.decision, "reason": data.reason}
        staffing.pause_person(portal_of(request), person_of(request), person_id, form)
        return m.Done()

    @get("/trail", responses=PROBLEMS, sync_to_thread=True)
    def trail(self, request: Request[Visitor, Any, Any]) -> list[m.TrailFacts]:
        """List what the staff did, newest first."""
        return [
            m.TrailFacts(
                entry_id=entry.entry_id,
                time=from_unix(entry.time),
                actor=entry.actor,
                action=entry.action,
                subject=entry.subject,
                reason=entry.reason,
            )
            for entry in overview.read_trail(portal_of(request))
        ]

    @get("/bills/{number:str}", responses=PROBLEMS, sync_to_thread=True)
    def bill(self, request: Request[Visitor, Any, Any], number: Number) -> m.BillFacts:
        """Give anybody's bill."""
        portal = portal_of(request)
        _, bill = overview.any_bill(portal, number)
        return facts.bill(bill, household.aliases(portal))

    @get("/bills/{number:str}/check", responses=PROBLEMS, sync_to_thread=True)
    def check(self, request: Request[Visitor, Any, Any], number: Number) -> m.VerdictFacts:
        """Check anybody's bill from meter to chain."""
        return facts.verdict(overview.check_any_bill(portal_of(request), number))

    @get(
        "/export",
        responses={
            **PROBLEMS,
            200: ResponseSpec(
                data_container=bytes,
                description="Everything as CSV files in a ZIP archive.",
                media_type="application/zip",
                generate_examples=False,
            ),
        },
        sync_to_thread=True,
    )
    def export(self, request: Request[Visitor, Any, Any]) -> File:
        """Take everything along as CSV files; that it was taken is noted."""
        portal, person = portal_of(request), person_of(request)
        slow_down(request)
        archive = overview.export(portal)
        staffing.note_export(portal, person, "everything")
        return File(
            archive,
            filename="sauma-export.zip",
            media_type="application/zip",
            background=BackgroundTask(archive.unlink, missing_ok=True),
        )
