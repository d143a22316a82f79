"""`Portal`: what every page and every call of the API works with."""

from __future__ import annotations

import secrets
from collections.abc import Callable

import attrs

from sauma.clock import Clock, SystemClock
from sauma.engine import Engine
from sauma.intervals import to_unix
from sauma_portal.accounts import AccountStore
from sauma_portal.accounts.letters import KeepingMailer, Mailer
from sauma_portal.passwords import Passwords
from sauma_portal.settings import PortalSettings
from sauma_portal.throttle import Throttle
from sauma_portal.wallets import Wallets


def draw_token() -> str:
    """Return 256 random bits as text."""
    return secrets.token_urlsafe(32)


@attrs.frozen(kw_only=True)
class Portal:
    """An engine, the people around it, and what it takes to let them in.

    `clock` tells people's time: sessions and tokens.  `market_clock` tells the market's; in a demo it runs
    faster, everywhere else both are one.
    """

    settings: PortalSettings
    engine: Engine
    accounts: AccountStore
    wallets: Wallets
    clock: Clock = attrs.field(factory=SystemClock)
    market_clock: Clock = attrs.field(factory=SystemClock)
    mailer: Mailer = attrs.field(factory=KeepingMailer)
    passwords: Passwords = attrs.field(factory=Passwords)
    throttle: Throttle = attrs.field(factory=Throttle)
    draw_token: Callable[[], str] = draw_token

    @property
    def now(self) -> int:
        """People's time, in seconds since 1970."""
        return to_unix(self.clock.now())

    @property
    def zone(self) -> str:
        """The time zone of the market."""
        return self.engine.rulebook.zone

    @property
    def block_s(self) -> int:
        """How long a block usually takes."""
        return self.settings.block_s or self.engine.venue.chain.capabilities.block_seconds
