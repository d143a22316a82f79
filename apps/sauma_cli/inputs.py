"""What `settle` is given: files read whole or not at all, and entered whole or not at all."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Literal

import attrs

from sauma.engine import Engine
from sauma.errors import Conflict, InvalidInput, RulebookViolation, UnknownName
from sauma.identifiers import AccountId
from sauma.matching.registry import mechanism
from sauma.offers import Reading, StandingPrice
from sauma.rulebook import Rulebook
from sauma.store import queries
from sauma_cli.folder import Folder
from sauma_cli.sites import ChainChoice, rehearsal_venue
from sauma_cli.wallets import Wallets
from sauma_metering import (
    ParticipantRow,
    production_points,
    read_participants,
    read_prices,
    read_readings,
)


@attrs.frozen(kw_only=True)
class Inputs:
    """The four files, as values."""

    participants: tuple[ParticipantRow, ...]
    readings: tuple[Reading, ...]
    prices: tuple[StandingPrice, ...]
    rulebook: Rulebook
    late: bool = False
    """Whether readings of closed intervals are corrections."""

    @property
    def names(self) -> tuple[str, ...]:
        """The participants, each once, in the order of the file."""
        return tuple(dict.fromkeys(row.participant for row in self.participants))


def read_inputs(
    participants: Path,
    readings: Path,
    prices: Path,
    rulebook: Path,
    *,
    hourly: Literal["refuse", "split"],
    late: bool = False,
) -> Inputs:
    """Read the four files; the first thing that is wrong is named with its file, line and column."""
    rows = read_participants(participants)
    return Inputs(
        participants=rows,
        readings=read_readings(readings, exports=production_points(rows), hourly=hourly),
        prices=read_prices(prices),
        rulebook=read_rulebook(rulebook),
        late=late,
    )


def read_rulebook(path: Path) -> Rulebook:
    """Read a rulebook and see that its mechanism can be had."""
    try:
        rulebook = Rulebook.from_toml(path.read_text(encoding="utf-8"))
        mechanism(rulebook.mechanism)
    except OSError as error:
        raise InvalidInput(f"cannot read {path}: {error.strerror}: check the name") from error
    except UnicodeDecodeError as error:
        raise InvalidInput(f"{path} is not UTF-8: save it as UTF-8") from error
    except RulebookViolation as error:
        raise RulebookViolation(f"{path}: {error}") from error
    except InvalidInput as error:
        raise type(error)(f"{path}: {error}") from error
    return rulebook


def enter(engine: Engine, wallets: Wallets, inputs: Inputs) -> int:
    """Give everything to the engine; return how many readings were new.  Known things are no-ops.

    Readings of intervals that are closed are refused unless the inputs are said to be `late`.
    """
    given = {row.participant: row.account for row in inputs.participants}
    engine.register_all(accounts_of(engine, wallets, given.items()))
    engine.add_metering_points([row.to_metering_point() for row in inputs.participants])
    engine.set_prices(inputs.prices)
    return engine.accept(inputs.readings, late=inputs.late)


def accounts_of(
    engine: Engine, wallets: Wallets, given: Iterable[tuple[str, str | None]]
) -> list[tuple[str, AccountId]]:
    """Return participants with their accounts; who is given none keeps what the journal has.

    So an option or a column that was forgotten sends nobody's energy to a new account.
    """
    with engine.store.reading() as connection:
        bound = queries.accounts(connection, engine.venue.chain_id)
    return [(name, wallets.account(name, account, bound.get(name))) for name, account in given]


def rehearse(folder: Folder, choice: ChainChoice, inputs: Inputs | None) -> None:
    """Enter everything into a copy of the folder, so that what is refused is refused before.

    Raises what the engine raises; the folder itself is not touched.
    """
    with folder.rehearsal() as copy:
        venue, wallets = rehearsal_venue(copy, choice)
        rulebook = None if inputs is None else inputs.rulebook
        with Engine.open(copy.store, venue, rulebook=rulebook) as engine:
            if inputs is not None:
                enter(engine, wallets, inputs)
            check_delegates(engine, wallets, choice.delegates)


def check_delegates(engine: Engine, wallets: Wallets, names: Collection[str]) -> None:
    """Raise unless who is signed for takes part, with the account of the public key that was given."""
    with engine.store.reading() as connection:
        bound = queries.accounts(connection, engine.venue.chain_id)
    for name in names:
        if name not in bound:
            raise UnknownName(
                f"nobody called {name!r} takes part, whom --delegate names: correct it"
            )
        if bound[name] != wallets.account(name):
            raise Conflict(
                f"{name} takes part with {bound[name]}, the public key of --delegate is of "
                f"{wallets.account(name)}: correct it"
            )
