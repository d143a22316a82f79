"""What an operator decides about a portal."""

from __future__ import annotations

from typing import Final

import attrs

from sauma.errors import InvalidInput
from sauma.identifiers import check_name

MINUTE_S: Final = 60
HOUR_S: Final = 60 * MINUTE_S
DAY_S: Final = 24 * HOUR_S
SECRET_BYTES_MIN: Final = 32
COLUMNS: Final = "ABCDEFGH"
ROWS: Final = 6


@attrs.frozen(kw_only=True)
class AreaPlan:
    """An area that households can join: its name in the engine, what people call it, how it is drawn.

    The plan is a grid of squares `A1` to `H6`.  Streets are lines and greens and waters polygons, in
    hundredths of a square from the top left corner.
    """

    name: str
    title: str
    streets: tuple[str, ...] = ()
    greens: tuple[str, ...] = ()
    waters: tuple[str, ...] = ()

    def __attrs_post_init__(self) -> None:
        """Refuse a name that the engine would refuse."""
        check_name(self.name, "area")

    @property
    def squares(self) -> tuple[str, ...]:
        """Every square, row by row."""
        return tuple(f"{column}{row}" for row in range(1, ROWS + 1) for column in COLUMNS)


@attrs.frozen(kw_only=True)
class Operator:
    """Who answers for a neighbourhood: what a bill must say."""

    name: str = "The operator"
    business_id: str = ""
    email: str = "help@example.invalid"
    phone: str = ""
    address: str = ""
    iban: str = ""
    bic: str = ""
    vat_number: str = ""


@attrs.frozen(kw_only=True)
class PortalSettings:
    """Everything that can be set; the defaults are those of a real installation behind HTTPS."""

    secret: bytes = attrs.field(repr=False)
    """At least 32 random bytes, kept from start to start: forms are signed with it."""
    areas: tuple[AreaPlan, ...]
    operator: Operator = Operator()
    base_url: str = "http://127.0.0.1:8000"
    """What links in letters begin with."""
    secure_cookies: bool = True
    """False only where there is no HTTPS, as on a machine of one's own."""
    notice: str = ""
    """Said on every page, such as that it is a demonstration."""
    retail_micro: int | None = None
    """The ordinary price to compare with; None is what the supplier of last resort asks."""
    claims_need_operator: bool = True
    """Whether somebody of the staff looks at a metering point before it counts."""
    due_days: int = 14
    """How long after its month a bill is due."""
    poll_s: int = 5
    """How often the live part of a page asks for news."""
    block_s: int | None = None
    """How long a block usually takes; None is what the chain says of itself."""
    session_idle_s: int = 2 * HOUR_S
    session_age_s: int = 30 * DAY_S
    key_s: int = HOUR_S
    """How long a link for a new password works."""
    body_bytes_max: int = 64 * 1024
    log_ins_per_account: int = 8
    log_ins_per_address: int = 40
    log_in_window_s: int = 10 * MINUTE_S
    forms_per_address: int = 600
    """How many changes one network address may ask for in a minute."""

    def __attrs_post_init__(self) -> None:
        """Refuse a secret that can be guessed, and a portal without an area."""
        if len(self.secret) < SECRET_BYTES_MIN:
            raise InvalidInput(
                f"the portal's secret has {len(self.secret)} bytes: give {SECRET_BYTES_MIN} random ones"
            )
        if not self.areas:
            raise InvalidInput("a portal needs at least one area: name it")

    def area(self, name: str) -> AreaPlan:
        """Return the plan of an area; one that was never drawn has only its name."""
        for plan in self.areas:
            if plan.name == name:
                return plan
        return AreaPlan(name=name, title=name)

    @property
    def csrf_secret(self) -> str:
        """The secret as text, for the middleware that checks forms."""
        return self.secret.hex()
