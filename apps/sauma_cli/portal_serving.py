"""The portal as part of `sauma run`: around the engine and the chain of an installation."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from sauma.engine import Engine
from sauma.errors import InvalidInput, Unsupported
from sauma_cli.folder import Folder
from sauma_cli.nem_sites import NemSite
from sauma_cli.sites import Site
from sauma_service.configuration import Configuration

if TYPE_CHECKING:
    from sauma_portal.accounts.letters import Mailer
    from sauma_portal.settings import PortalSettings

SECRET_BYTES: Final = 32
_SECRET_FILE: Final = "portal.secret"  # noqa: S105 - its name


@contextmanager
def portal_serving(
    found: Configuration, folder: Folder, engine: Engine, site: Site
) -> Iterator[str]:
    """Serve the portal that the file describes; gives its address."""
    from sauma_metering.server import HttpServer
    from sauma_portal import AccountStore, Portal, create_app

    if found.portal is None:
        raise InvalidInput("the file has no [portal]: add one")
    if not isinstance(site, NemSite):
        raise Unsupported(
            "the portal makes wallets on NEM only: leave [portal] out on other chains"
        )
    with AccountStore.open(found.people()) as accounts:
        portal = Portal(
            settings=portal_settings(found, folder),
            engine=engine,
            accounts=accounts,
            wallets=site.joining_wallets(),
            market_clock=engine.clock,
            mailer=_mailer(found),
        )
        server = HttpServer(create_app(portal), host=found.portal.host, port=found.portal.port)
        with server:
            yield server.url


def portal_settings(found: Configuration, folder: Folder) -> PortalSettings:
    """Return what the file says of the portal, with the folder's secret."""
    from sauma_portal.settings import AreaPlan, Operator, PortalSettings

    section = found.portal
    if section is None:
        raise InvalidInput("the file has no [portal]: add one")
    operator = section.operator
    return PortalSettings(
        secret=_secret(folder.path / _SECRET_FILE),
        areas=tuple(AreaPlan(name=area.name, title=area.title) for area in section.areas),
        operator=Operator(
            name=operator.name,
            email=operator.email,
            phone=operator.phone,
            address=operator.address,
            business_id=operator.business_id,
            vat_number=operator.vat_number,
            iban=operator.iban,
            bic=operator.bic,
        ),
        base_url=section.base_url,
        secure_cookies=section.base_url.startswith("https://"),
        claims_need_operator=section.claims_need_operator,
        due_days=section.due_days,
    )


def _mailer(found: Configuration) -> Mailer:
    """Return what carries letters: the mail server that the file names, else they wait."""
    from sauma_portal.accounts.letters import SmtpMailer, WaitingMailer

    mail = None if found.portal is None else found.portal.mail
    if mail is None:
        return WaitingMailer()
    password = ""
    if mail.password_file:
        try:
            password = found.path(mail.password_file).read_text(encoding="utf-8").strip()
        except OSError as error:
            raise InvalidInput(
                f"cannot read {mail.password_file}: {error.strerror}: it holds the mail server's password"
            ) from error
    return SmtpMailer(
        host=mail.host,
        sender=mail.sender,
        port=mail.port,
        user=mail.user,
        password=password,
        tls=mail.tls,
    )


def _secret(path: Path) -> bytes:
    """Read the secret with which forms are signed; one is drawn when there was none."""
    if not path.exists():
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(secrets.token_bytes(SECRET_BYTES))
    return path.read_bytes()
