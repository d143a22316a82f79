"""`sauma staff`: who looks after the portal, and who looks on."""

from __future__ import annotations

import secrets
from typing import Annotated, Literal

from cyclopts import Parameter

from sauma.clock import SystemClock
from sauma.errors import InvalidInput
from sauma.intervals import to_unix
from sauma_cli.commands.run import CONFIG_DEFAULT, _ConfigOption
from sauma_cli.options import Json
from sauma_cli.screen import Screen
from sauma_service.configuration import read_configuration

PASSWORD_BYTES = 12


def add(
    email: Annotated[str, Parameter(name="EMAIL", help="The address to log in with.")],
    /,
    *,
    name: Annotated[str, Parameter(help="What the trail calls them.")],
    role: Annotated[Literal["operator", "auditor"], Parameter(help="What they may do.")],
    config: _ConfigOption = CONFIG_DEFAULT,
    json: Json = False,
) -> int:
    """Let an operator or an auditor into the portal, with a password that is shown this once."""
    from sauma_portal import AccountStore
    from sauma_portal.accounts import Role
    from sauma_portal.acts.joining import enlist_in
    from sauma_portal.passwords import Passwords

    found = read_configuration(config)
    if found.portal is None:
        raise InvalidInput(f"{config} has no [portal]: add one")
    password = secrets.token_urlsafe(PASSWORD_BYTES)
    found.path(found.folder).mkdir(parents=True, exist_ok=True)
    with AccountStore.open(found.people()) as accounts:
        enlist_in(
            accounts,
            email=email,
            display_name=name,
            password_hash=Passwords().hash(password),
            role=Role(role),
            area=found.portal.areas[0].name,
            token=secrets.token_urlsafe(32),
            now=to_unix(SystemClock().now()),
        )
    screen = Screen(as_json=json)
    screen.show(
        f"[bold]{name}[/] is {role} and logs in with {email} and the password", f"  {password}"
    )
    screen.show("it is not shown again")
    screen.finish({"email": email, "role": role, "password": password})
    return 0
