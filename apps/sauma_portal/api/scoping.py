"""Who may call what: a token's scopes, and what every call may answer besides what it is for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Final

from litestar.connection import ASGIConnection
from litestar.exceptions import PermissionDeniedException
from litestar.handlers import BaseRouteHandler
from litestar.openapi import ResponseSpec
from litestar.openapi.spec import Components, SecurityScheme
from litestar.params import PathParameter

from sauma_portal.api.messages import Problem
from sauma_portal.web.visiting import person_of, visitor_of

SCHEME: Final = "token"
COMPONENTS: Final = Components(
    security_schemes={
        SCHEME: SecurityScheme(
            type="http",
            scheme="bearer",
            description="A token, made under Account or by POST /api/log-in.",
        )
    }
)
SECURITY: Final = [{SCHEME: list[str]()}]
Identity = Annotated[int, PathParameter(ge=1, le=2**31 - 1)]
Number = Annotated[str, PathParameter(max_length=20)]


def _problem(description: str) -> ResponseSpec:
    return ResponseSpec(
        data_container=Problem,
        description=description,
        media_type="application/problem+json",
        generate_examples=False,
    )


PROBLEMS: Final = {
    400: _problem("The address or body has another form than the schema says."),
    401: _problem("No token, or one that is unknown, revoked or too old."),
    403: _problem("The token's scopes or its owner's role do not allow it."),
    404: _problem("There is no such thing, or it is somebody else's."),
    409: _problem("It was changed meanwhile."),
    413: _problem("The body is too large."),
    422: _problem("A rule forbids it; `invalid` says which field is wrong and how to mend it."),
    429: _problem("Too many calls; `retry-after` says how long to wait."),
    503: _problem("The store is busy or the chain silent; try again."),
}
"""What every call may answer."""
OPEN_PROBLEMS: Final = {
    status: spec for status, spec in PROBLEMS.items() if status not in (401, 403)
}


def scoped(scope: str) -> Callable[[ASGIConnection[Any, Any, Any, Any], BaseRouteHandler], None]:
    """Let in tokens with a scope."""

    def guard(connection: ASGIConnection[Any, Any, Any, Any], _: BaseRouteHandler) -> None:
        person_of(connection)
        scopes = visitor_of(connection).scopes or ()
        if scope not in scopes:
            raise PermissionDeniedException(
                f"this token has not the scope {scope!r}: make one that has"
            )

    return guard
