"""Pages of the staff: operators look after the neighbourhood, auditors see all and change nothing."""

from __future__ import annotations

from typing import Any

from litestar import Controller, Request, get, post
from litestar.background_tasks import BackgroundTask
from litestar.params import FromPath
from litestar.response import File, Response

from sauma_portal import overview
from sauma_portal.acts import staffing
from sauma_portal.messages import FormError
from sauma_portal.pages.dealing import bill_values
from sauma_portal.pages.forms import Form
from sauma_portal.web.rendering import form_page, page, see
from sauma_portal.web.slowing import slow_down
from sauma_portal.web.visiting import Asked, Visitor, person_of, portal_of, staff_only


class StaffPages(Controller):
    """Pages for operators and auditors."""

    include_in_schema = False
    guards = (staff_only,)

    @get("/staff", sync_to_thread=True)
    def staff(self, request: Request[Visitor, Any, Any]) -> Response[str]:
        """Show how the neighbourhood is, what waits, and who is there."""
        return _staff_page(request, {})

    @post("/staff/claims/{claim_id:int}", sync_to_thread=True)
    def decide(
        self, request: Request[Visitor, Any, Any], claim_id: FromPath[int], data: Form
    ) -> Response[Any]:
        """Confirm or refuse a metering point, with a reason."""
        slow_down(request)
        try:
            staffing.decide_claim(portal_of(request), person_of(request), claim_id, data)
        except FormError as error:
            return _staff_page(request, data, error, failed=f"claim {claim_id}")
        return see("/staff", "decided")

    @post("/staff/households/{person_id:int}/trading", sync_to_thread=True)
    def trading(
        self, request: Request[Visitor, Any, Any], person_id: FromPath[int], data: Form
    ) -> Response[Any]:
        """Pause or continue somebody's trading, with a reason."""
        slow_down(request)
        try:
            staffing.pause_person(portal_of(request), person_of(request), person_id, data)
        except FormError as error:
            return _staff_page(request, data, error, failed=f"household {person_id}")
        return see("/staff", "decided")

    @get("/staff/trail", sync_to_thread=True)
    def trail(self, request: Request[Visitor, Any, Any]) -> Response[str]:
        """Show who of the staff did what, and why."""
        return page(
            request,
            "trail.html",
            trail=overview.read_trail(portal_of(request)),
            names=overview.staff_names(portal_of(request)),
        )

    @get("/staff/bills/{number:str}", sync_to_thread=True)
    def bill(self, request: Request[Visitor, Any, Any], number: FromPath[str]) -> Response[str]:
        """Show and check anybody's bill."""
        portal = portal_of(request)
        owner, bill = overview.any_bill(portal, number)
        verdict = overview.check_any_bill(portal, number)
        return page(request, "bill.html", verdict=verdict, **bill_values(request, owner, bill))

    @get("/staff/export", sync_to_thread=True)
    def export(self, request: Request[Visitor, Any, Any]) -> File:
        """Give everything as one archive of CSV files; that it was taken is noted."""
        portal, person = portal_of(request), person_of(request)
        staffing.check_staff(person)
        archive = overview.export(portal)
        staffing.note_export(portal, person, "everything")
        return File(
            archive,
            filename="sauma-export.zip",
            media_type="application/zip",
            background=BackgroundTask(archive.unlink, missing_ok=True),
        )


def _staff_page(
    request: Asked, values: dict[str, Any], error: FormError | None = None, *, failed: str = ""
) -> Response[str]:
    return form_page(
        request,
        "staff.html",
        {"reason": "", **values},
        error,
        failed=failed,
        seen=overview.read_overview(portal_of(request)),
    )
