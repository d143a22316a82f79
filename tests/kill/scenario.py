"""The settlement that is killed: real homes, some quarter-hours, on a NIS1 node over HTTP.

`live` is one life of the process that settles: it opens the folder, says everything again and goes on
until all is final.  `examine` reads what came of it, from chain, store and replay.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from http import HTTPStatus
from http.client import HTTPConnection
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import attrs
import sqlalchemy as sa

from sauma import Netting, Reading, Rulebook, Venue
from sauma.chain import Batch, BatchKind, Cursor, SignedTransaction, batch_reference
from sauma.clock import SystemClock
from sauma.engine import Engine
from sauma.errors import Unavailable
from sauma.replay import replay
from sauma.rulebook import NettingPeriod
from sauma.store import projections as p
from sauma_metering import read_participants, read_prices, read_readings
from sauma_nem import NemChain, NemSettings, NemSigner, NodeClient, provision
from sauma_nem.network import TESTNET
from sauma_nem.testnode import NodeServer, NodeSettings, TestNode

NEIGHBOURHOOD: Final = Path(__file__).parents[2] / "examples" / "neighbourhood"
ISSUER, CLEARING = "@issuer", "@clearing"
STORE: Final = "store.sqlite"
ROUNDS_MAX: Final = 4_000
ISSUER_MICRO: Final = 100_000_000_000
FINALITY_BLOCKS: Final = 6
"""Few, so that most moments of a run are not the wait for finality."""
EXPIRED_BLOCKS: Final = 24
"""So many blocks are later than every deadline of a stepwise run, and final."""


@attrs.frozen(kw_only=True)
class Variant:
    """What is settled: how it is netted, which quarter-hours, and who makes the blocks."""

    netting: Netting
    period: NettingPeriod
    first: datetime
    quarters: int
    pool_limit: int
    timer: bool
    """Blocks come by themselves; otherwise the settling process asks for one after each step."""

    @property
    def name(self) -> str:
        """How the variant is called on the command line."""
        return self.netting.value + ("-timer" if self.timer else "")


def _variants() -> dict[str, Variant]:
    noon = datetime(2021, 3, 13, 11, 0, tzinfo=UTC)
    chosen = (
        (Netting.NONE, NettingPeriod.INTERVAL, 6, 30),
        (Netting.PER_PAIR, NettingPeriod.DAY, 10, 8),
        (Netting.MULTILATERAL, NettingPeriod.DAY, 12, 4),
    )
    found = [
        Variant(
            netting=netting,
            period=period,
            first=noon,
            quarters=quarters,
            pool_limit=pool_limit,
            timer=timer,
        )
        for timer in (False, True)
        for netting, period, quarters, pool_limit in chosen
    ]
    return {variant.name: variant for variant in found}


VARIANTS: Final = _variants()

_PARTICIPANTS: Final = read_participants(NEIGHBOURHOOD / "participants.csv")
_PRICES: Final = read_prices(NEIGHBOURHOOD / "prices.csv")
_READINGS: Final = read_readings(NEIGHBOURHOOD / "readings.csv")
_NAMES: Final = tuple(sorted({row.participant for row in _PARTICIPANTS}))
_SIGNERS: Final = {
    name: NemSigner.from_private_key(hashlib.sha256(name.encode()).digest(), TESTNET)
    for name in (*_NAMES, ISSUER, CLEARING)
}
HOLDERS: Final = {name: signer.account for name, signer in _SIGNERS.items()}


def settings_of(variant: Variant) -> NemSettings:
    """Return the chain's settings; a stepwise run has deadlines short enough to be missed."""
    return NemSettings(
        network="testnet",
        mosaic="grid:wh",
        issuer=HOLDERS[ISSUER],
        finality_blocks=FINALITY_BLOCKS,
        deadline_s=7_200 if variant.timer else 900,
        pool_limit=variant.pool_limit,
    )


def make_chain_file(path: Path) -> None:
    """Make the file of a node on which the energy mosaic exists; nothing was settled there."""
    accounts = {HOLDERS[ISSUER].address: ISSUER_MICRO}
    settings = NodeSettings(accounts=accounts, network=TESTNET)
    with TestNode(settings, path=path) as node, NodeServer(node) as server:
        client = NodeClient(server.url)
        while not provision(client, settings_of(VARIANTS["none"]), _SIGNERS[ISSUER]).is_ready:
            node.mine()
        node.mine(FINALITY_BLOCKS)


def control(url: str, route: str, **document: int) -> None:
    """Drive the node: `mine`, `fork`, `time`."""
    connection = HTTPConnection(urlsplit(url).netloc, timeout=30)
    try:
        connection.request("POST", f"/sauma/{route}", json.dumps(document))
        reply = connection.getresponse()
        if reply.status != HTTPStatus.OK:
            raise RuntimeError(f"{route} {document}: {reply.status} {reply.read()!r}")
    finally:
        connection.close()


class HastyChain(NemChain):
    """Sends what it signs before anybody committed it: what a settlement must never do."""

    def prepare(self, batches: Sequence[Batch], **options: Any) -> tuple[SignedTransaction, ...]:
        """Prepare, and send at once."""
        prepared = super().prepare(batches, **options)
        for one in prepared:
            self.broadcast(one)
        return prepared


def live(
    folder: Path, url: str, variant: Variant, *, hasty: bool = False, resumes: bool = False
) -> None:
    """Settle from wherever the life before was killed, until everything is final.

    One that `resumes` does what a person does who knows that the processes were killed from outside:
    what is suspended because they died of it five times is tried again.
    """
    with _open(folder, url, variant, HastyChain if hasty else NemChain) as engine:
        engine.register_all([(name, HOLDERS[name]) for name in _NAMES])
        engine.bind(ISSUER, HOLDERS[ISSUER])
        engine.bind(CLEARING, HOLDERS[CLEARING])
        engine.add_metering_points(row.to_metering_point() for row in _PARTICIPANTS)
        engine.set_prices(_PRICES)
        engine.accept(readings_of(variant))
        engine.clear_due()
        engine.settle_due()
        engine.issue_bills()
        engine.accept(late_readings_of(variant), late=True)
        engine.correct_due(early=True)
        for _ in range(ROUNDS_MAX):
            try:
                engine.step()
                for each in engine.suspended() if resumes else ():
                    engine.resume(each.item_id, reason="the processes were killed from outside")
            except Unavailable:
                continue
            if engine.finished:
                return
            if not variant.timer:
                control(url, "mine")
    raise RuntimeError(f"not finished after {ROUNDS_MAX} rounds")


def readings_of(variant: Variant) -> list[Reading]:
    """Return the readings of a variant's quarter-hours."""
    starts = sorted(
        {one.interval.start for one in _READINGS if one.interval.start >= variant.first}
    )
    wanted = set(starts[: variant.quarters])
    return [one for one in _READINGS if one.interval.start in wanted]


def late_readings_of(variant: Variant) -> list[Reading]:
    """Return what the meters say of the first quarter-hour after it was settled: 100 Wh more came in."""
    return [
        attrs.evolve(one, version=one.version + 1, imported_wh=one.imported_wh + 100)
        for one in readings_of(variant)
        if one.interval.start == variant.first
    ]


class NextDay(SystemClock):
    """The time of the machine, on the day after that of the readings: corrections have a window."""

    def now(self) -> datetime:
        """Return the moment."""
        return super().now().replace(year=2021, month=3, day=14)


def _open(
    folder: Path, url: str, variant: Variant, chain_type: type[NemChain] = NemChain
) -> Engine:
    settings = settings_of(variant)
    signers = {signer.account: signer for signer in _SIGNERS.values()}
    chain = chain_type(settings, NodeClient(url), signers)
    venue = Venue(
        chain=chain,
        codec=chain.codec,
        energy_asset=settings.energy_asset,
        settings=settings.to_facts(),
    )
    text = (NEIGHBOURHOOD / "rulebook.toml").read_text(encoding="utf-8")
    rulebook = attrs.evolve(
        Rulebook.from_toml(text), netting=variant.netting, netting_period=variant.period
    )
    return Engine.open(folder / STORE, venue, rulebook=rulebook, clock=NextDay())


def examine(folder: Path, url: str, variant: Variant) -> dict[str, Any]:
    """Return what must be the same however often the process was killed, and what may differ.

    Blocks are made first, until nothing that was ever signed could still land.
    """
    control(url, "mine", blocks=EXPIRED_BLOCKS)
    with _open(folder, url, variant) as engine:
        progress = engine.step()
        report = replay(engine.store, codec=engine.venue.codec, chain=engine.venue.chain)
        same = {
            "balances": _balances(engine.venue.chain, settings_of(variant)),
            "bills": _bills(engine),
            "trades": _rows(engine, p.trades),
            "obligations": _rows(engine, p.obligations),
            "corrected_readings": _rows(engine, p.corrected_readings),
            "adjusting_obligations": _rows(engine, p.adjusting_obligations),
            "adjusting_bills": _rows(engine, p.adjusting_bills),
            "instructions": _rows(engine, p.instructions),
            "agreement": attrs.asdict(
                engine.agreement(), value_serializer=lambda _, __, value: str(value)
            ),
        }
        return {
            "same": json.loads(json.dumps(same, default=_plain, sort_keys=True)),
            "faults": [
                *map(str, report.findings),
                *_reference_faults(engine),
                *([] if engine.adjustments() else ["nothing was corrected"]),
                *([] if engine.finished else ["the settlement is not finished"]),
                *(["something landed after the end"] if progress.events else []),
            ],
            "transactions": _count(engine, p.transactions),
            "buried": _count(engine, p.burials),
            "suspended": _count(engine, p.suspensions),
            "batches": len(planned_references(engine)),
        }


def planned_references(engine: Engine) -> set[bytes]:
    """Return the on-chain reference of every planned batch."""
    rows = engine.store.query(sa.select(p.instructions.c.batch_id).distinct())
    return {batch_reference(bytes(row.batch_id), BatchKind.SETTLEMENT) for row in rows}


def _reference_faults(engine: Engine) -> list[str]:
    """Read the chain from its first block: each planned batch once, and nothing that was not planned."""
    seen: Counter[bytes] = Counter()
    cursor, more = Cursor(), True
    while more:
        page = engine.venue.chain.events(cursor)
        seen.update(event.reference or b"" for event in page.events)
        cursor, more = page.cursor, page.more
    planned = planned_references(engine)
    return [
        *(f"{one.hex()} is on the chain {n} times: paid twice" for one, n in seen.items() if n > 1),
        *(f"{one.hex()} is not on the chain: lost" for one in sorted(planned - set(seen))),
        *(f"{one.hex()} is on the chain and in no plan" for one in sorted(set(seen) - planned)),
    ]


def _balances(chain: Any, settings: NemSettings) -> dict[str, list[int]]:
    return {
        name: [
            chain.balance(account, settings.energy_asset).units,
            chain.balance(account, settings.fee_asset).units,
        ]
        for name, account in HOLDERS.items()
    }


def _bills(engine: Engine) -> list[dict[str, Any]]:
    """Return every bill, but for how many versions it took."""
    found = []
    for statement in engine.statements():
        facts = attrs.asdict(statement, value_serializer=lambda _, __, value: value)
        del facts["version"]
        found.append(facts)
    return found


def _rows(engine: Engine, table: sa.Table) -> list[str]:
    """Return the rows of a projection without their place in the journal, sorted."""
    columns = [column for column in table.c if column.name not in ("sequence", "row_number")]
    return sorted(repr(tuple(row)) for row in engine.store.query(sa.select(*columns)))


def _count(engine: Engine, table: sa.Table) -> int:
    return int(engine.store.query(sa.select(sa.func.count()).select_from(table))[0][0])


def _plain(value: object) -> str:
    return value.hex() if isinstance(value, bytes) else str(value)
