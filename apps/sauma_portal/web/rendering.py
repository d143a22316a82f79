"""Pages from templates: one environment a language, everything escaped."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import cache
from typing import Any, Final

from jinja2 import Environment, PackageLoader, StrictUndefined
from litestar.enums import MediaType
from litestar.response import Redirect, Response
from litestar.status_codes import HTTP_200_OK, HTTP_303_SEE_OTHER, HTTP_422_UNPROCESSABLE_ENTITY
from litestar.template.base import csrf_token

from sauma.intervals import from_unix
from sauma_portal import languages
from sauma_portal.accounts import Role
from sauma_portal.messages import N_, FormError
from sauma_portal.web.visiting import Asked, portal_of, visitor_of

NOTES: Final[Mapping[str, str]] = {
    "welcome": N_("Welcome! Add your metering point and set your price, and trading begins."),
    "saved": N_("Saved."),
    "priced": N_("Your prices are saved."),
    "paused": N_("Trading is paused. You buy from and sell to the supplier until you continue."),
    "resumed": N_("Trading goes on."),
    "claimed": N_("Thank you. The operator looks at your metering point before it counts."),
    "metered": N_("Your metering point counts from now on."),
    "wallet": N_("Your wallet is ready."),
    "password": N_("Your new password is set. Log in with it."),
    "asked": N_(
        "If there is an account with this address, a letter with a link is on its way to it."
    ),
    "out": N_("You are logged out."),
    "closed": N_("Your account is closed and your personal data is erased."),
    "revoked": N_("The token works no more."),
    "decided": N_("Done, and noted in the trail."),
}
"""What a page may be asked to say first, by the word in its address."""

QUALITIES: Final[Mapping[str, str]] = {
    "MEASURED": N_("measured"),
    "ESTIMATED": N_("estimated"),
    "MISSING": N_("missing"),
}


@cache
def environment(code: str) -> Environment:
    """Return the templates in a language."""
    spoken = languages.language(code)
    made = Environment(
        loader=PackageLoader("sauma_portal", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n"],
    )
    made.install_gettext_callables(  # type: ignore[attr-defined]
        spoken.gettext, spoken.ngettext, newstyle=True
    )
    made.filters |= {
        "kwh": spoken.kwh,
        "price": spoken.price,
        "price_typed": spoken.price_typed,
        "cents": spoken.cents,
        "nano": spoken.nano,
        "nano_short": spoken.nano_short,
        "price_round": spoken.price_round,
        "percent": spoken.percent,
        "integer": spoken.integer,
        "duration": spoken.duration,
        "say": spoken.say,
        "day": spoken.day,
        "month": spoken.month,
        "clock": lambda moment, zone: spoken.clock(_moment(moment), zone),
        "moment": lambda moment, zone: spoken.moment(_moment(moment), zone),
    }
    return made


def render(asked: Asked, template: str, **values: Any) -> str:
    """Return a page or a part of one."""
    visitor, portal = visitor_of(asked), portal_of(asked)
    return (
        environment(visitor.language.code)
        .get_template(template)
        .render(
            person=visitor.person,
            Role=Role,
            qualities=QUALITIES,
            language=visitor.language,
            languages=languages.NAMES,
            settings=portal.settings,
            zone=portal.zone,
            path=asked.url.path,
            form_token=csrf_token({"request": asked}),
            note=NOTES.get(asked.query_params.get("note", "")),
            **values,
        )
    )


def page(
    asked: Asked, template: str, *, status_code: int = HTTP_200_OK, **values: Any
) -> Response[str]:
    """Answer with a page."""
    return Response(
        content=render(asked, template, **values),
        media_type=MediaType.HTML,
        status_code=status_code,
    )


def form_page(
    asked: Asked,
    template: str,
    values: Mapping[str, Any],
    error: FormError | None = None,
    **more: Any,
) -> Response[str]:
    """Answer with a form: what was typed stays, and what is wrong is said beside each field."""
    return page(
        asked,
        template,
        status_code=HTTP_200_OK if error is None else HTTP_422_UNPROCESSABLE_ENTITY,
        values={name: value for name, value in values.items() if isinstance(value, str)},
        errors={} if error is None else error.fields,
        **more,
    )


def see(path: str, note: str | None = None) -> Redirect:
    """Send the browser to a page, which says a note first."""
    return Redirect(path if note is None else f"{path}?note={note}", status_code=HTTP_303_SEE_OTHER)


def _moment(value: datetime | int) -> datetime:
    return from_unix(value) if isinstance(value, int) else value
