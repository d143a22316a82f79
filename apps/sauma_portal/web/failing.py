"""What is answered when something cannot be done: a page for people, a problem document for programs."""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import quote

from litestar import Request
from litestar.exceptions import HTTPException, NotAuthorizedException
from litestar.response import Redirect, Response
from litestar.status_codes import (
    HTTP_303_SEE_OTHER,
    HTTP_400_BAD_REQUEST,
    HTTP_401_UNAUTHORIZED,
    HTTP_403_FORBIDDEN,
    HTTP_404_NOT_FOUND,
    HTTP_409_CONFLICT,
    HTTP_413_REQUEST_ENTITY_TOO_LARGE,
    HTTP_422_UNPROCESSABLE_ENTITY,
    HTTP_429_TOO_MANY_REQUESTS,
    HTTP_500_INTERNAL_SERVER_ERROR,
    HTTP_503_SERVICE_UNAVAILABLE,
)

from sauma.errors import ChainError, Conflict, InvalidInput, SaumaError, StoreBusy
from sauma.logs import get_logger
from sauma_portal.messages import N_, FormError, NotAllowed, NotFound, TooMany
from sauma_portal.web.rendering import page

log = get_logger(__name__)

PROBLEM: Final = "application/problem+json"
_TITLES: Final = {
    HTTP_400_BAD_REQUEST: N_("That could not be read"),
    HTTP_401_UNAUTHORIZED: N_("Please log in"),
    HTTP_403_FORBIDDEN: N_("That is not yours to do"),
    HTTP_404_NOT_FOUND: N_("There is no such page"),
    HTTP_409_CONFLICT: N_("That was changed meanwhile"),
    HTTP_413_REQUEST_ENTITY_TOO_LARGE: N_("That is too large"),
    HTTP_422_UNPROCESSABLE_ENTITY: N_("Something is not right yet"),
    HTTP_429_TOO_MANY_REQUESTS: N_("Too many tries"),
    HTTP_503_SERVICE_UNAVAILABLE: N_("Not just now"),
}
_ADVICE: Final = {
    HTTP_400_BAD_REQUEST: N_("Go back, load the page again, and repeat what you did."),
    HTTP_403_FORBIDDEN: N_(
        "If you came here by a form, go back, load the page again, and repeat what you did."
    ),
    HTTP_404_NOT_FOUND: N_(
        "Perhaps the address has a mistake. The menu leads to everything there is."
    ),
    HTTP_413_REQUEST_ENTITY_TOO_LARGE: N_("Nothing here needs so much. Send less."),
    HTTP_503_SERVICE_UNAVAILABLE: N_("Nothing is lost. Try again in a moment."),
}
_SORRY: Final = N_("That did not work")
_SORRY_ADVICE: Final = N_("It is our fault and was noted. Nothing is lost. Try again in a moment.")


def status_of(error: Exception) -> int:
    """Return the HTTP status that says whose fault an error is."""
    match error:
        case HTTPException():
            return error.status_code
        case TooMany():
            return HTTP_429_TOO_MANY_REQUESTS
        case NotFound():
            return HTTP_404_NOT_FOUND
        case NotAllowed():
            return HTTP_403_FORBIDDEN
        case Conflict():
            return HTTP_409_CONFLICT
        case InvalidInput():
            return HTTP_422_UNPROCESSABLE_ENTITY
        case ChainError() | StoreBusy():
            return HTTP_503_SERVICE_UNAVAILABLE
    return HTTP_500_INTERNAL_SERVER_ERROR


def answer_error(request: Request[Any, Any, Any], error: Exception) -> Response[Any]:
    """Answer an error; what is our fault is logged with its kind, and nothing of the request."""
    status = status_of(error)
    if status >= HTTP_500_INTERNAL_SERVER_ERROR:
        log.error(
            "request_failed", path=request.url.path, error=type(error).__name__, exc_info=error
        )
    if request.url.path.startswith("/api"):
        return _problem(error, status)
    if isinstance(error, NotAuthorizedException):
        target = f"?next={quote(request.url.path)}" if request.method == "GET" else ""
        return Redirect(f"/log-in{target}", status_code=HTTP_303_SEE_OTHER)
    answer = page(
        request,
        "error.html",
        status_code=status,
        title=_TITLES.get(status, _SORRY),
        advice=_ADVICE.get(status, _SORRY_ADVICE),
        wait_s=error.wait_s if isinstance(error, TooMany) else None,
    )
    if isinstance(error, TooMany):
        answer.headers["retry-after"] = str(error.wait_s)
    return answer


def _problem(error: Exception, status: int) -> Response[dict[str, Any]]:
    problem: dict[str, Any] = {
        "invalid": {},
        "errors": [],
        "type": "about:blank",
        "title": str(_TITLES.get(status, _SORRY)),
        "status": status,
        "detail": _detail(error, status),
    }
    if isinstance(error, FormError):
        problem["invalid"] = {name: str(message) for name, message in error.fields.items()}
    headers = {}
    if isinstance(error, HTTPException):
        headers = {
            name: value
            for name, value in (error.headers or {}).items()
            if name.lower() in ("allow", "www-authenticate")
        }
        if isinstance(error.extra, list):
            problem["errors"] = [
                {"key": str(each.get("key", "")), "message": str(each.get("message", ""))}
                for each in error.extra
                if isinstance(each, dict)
            ]
    if status == HTTP_401_UNAUTHORIZED:
        headers["www-authenticate"] = "Bearer"
    if isinstance(error, TooMany):
        headers["retry-after"] = str(error.wait_s)
    return Response(content=problem, status_code=status, media_type=PROBLEM, headers=headers)


def _detail(error: Exception, status: int) -> str:
    if isinstance(error, HTTPException):
        return error.detail
    if isinstance(error, SaumaError) and status < HTTP_500_INTERNAL_SERVER_ERROR:
        return str(error)
    return _SORRY_ADVICE


HANDLED: Final = {Exception: answer_error}
