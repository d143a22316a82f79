"""Bulk over several issuing accounts: the engine chooses by batch, and replay finds nothing wrong."""

from __future__ import annotations

import hashlib
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import attrs

from sauma.dispatch.due import further_holders, lane_of
from sauma.engine import Engine
from sauma.identifiers import complete_gsrn
from sauma.intervals import Interval
from sauma.offers import MeteringPoint, Reading, Side
from sauma.replay import replay
from sauma.settlement import CLEARING, ISSUER, Movement, MovementKind, PlannedBatch, role_of
from sauma.store import Store
from sauma.testing import ManualClock
from sauma.venue import Venue
from sauma_nem import NemChain
from sauma_nem.network import unix_seconds_from_seconds

from .justified import RULES
from .street import ISSUER as ISSUING
from .street import STRANGER, XEM_MICRO, a_street, settings_of, signer_of

FLOATS = [signer_of("float"), signer_of("other float")]
SETTINGS = settings_of(
    floats=tuple(each.account for each in FLOATS), finality_blocks=4, pool_limit=3
)
BUYERS = 12
MONEY = {each.account.address: 50 * XEM_MICRO for each in FLOATS}


def test_a_street_is_settled_by_three_accounts(tmp_path: Path):
    """Each has a lane of its own; nothing is lost or paid twice, and an auditor finds no difference."""
    with a_street(SETTINGS, more_balances=MONEY) as street:
        chain = NemChain(
            SETTINGS, street.client, {each.account: each for each in (ISSUING, *FLOATS)}
        )
        roles = {ISSUER: ISSUING.account, CLEARING: STRANGER.account}
        roles |= {f"{ISSUER}.{n}": each.account for n, each in enumerate(FLOATS, 2)}
        venue = Venue(
            chain=chain,
            codec=chain.codec,
            energy_asset=SETTINGS.energy_asset,
            settings=SETTINGS.to_facts(),
            roles=roles,
        )
        now = datetime.fromtimestamp(unix_seconds_from_seconds(street.node.now_seconds()), UTC)
        clock = ManualClock(now)
        interval = Interval.containing(now - timedelta(minutes=30))
        with Engine.open(tmp_path / "store.sqlite", venue, rulebook=RULES, clock=clock) as engine:
            readings = []
            for number, name in enumerate(["anna", *(f"buyer{n}" for n in range(BUYERS))]):
                gsrn = complete_gsrn(f"643000000000000{number:02d}")
                engine.register(name, signer_of(name).account)
                engine.add_metering_points(
                    [MeteringPoint(gsrn=gsrn, participant=name, area="street")]
                )
                side = Side.BID if number else Side.ASK
                engine.set_price(name, "street", side, 100_000, interval.start)
                readings.append(
                    Reading(
                        metering_point=gsrn,
                        interval=interval,
                        key="1",
                        imported_wh=100 if number else 0,
                        exported_wh=0 if number else 100 * BUYERS,
                    )
                )
            engine.accept(readings)
            engine.clear_due()
            engine.settle_due()
            first = engine.step()
            for _ in range(20):
                street.node.mine()
                clock.advance(seconds=60)
                engine.step()
            finished = engine.finished
        payers = Counter(
            transaction.signer_address
            for height in range(1, street.node.height + 1)
            for transaction in getattr(street.node.block(height), "transactions", ())
            if getattr(getattr(transaction, "message", None), "payload", b"").startswith(b"\xfeSAU")
        )
        units = {
            street.node.mosaic_units(signer_of(f"buyer{n}").account.address, SETTINGS.mosaic_id)
            for n in range(BUYERS)
        }
        with Store.open(tmp_path / "store.sqlite", read_only=True) as store:
            report = replay(store, codec=venue.codec, chain=chain)

    assert first.signed > SETTINGS.pool_limit
    assert finished
    assert units == {100}
    assert set(payers) == {each.account.address for each in (ISSUING, *FLOATS)}
    assert sum(payers.values()) == BUYERS
    assert report.ok, report.findings


def batch(number: int, kind: MovementKind = MovementKind.ISSUE) -> PlannedBatch:
    """A batch of one movement by the issuer."""
    identity = hashlib.sha256(str(number).encode()).digest()
    movement = Movement(
        instruction_id=identity,
        kind=kind,
        authority=ISSUER,
        source=ISSUER,
        target="anna",
        asset_role="energy",
        units=1,
        wave=0,
    )
    return PlannedBatch(
        settlement_id=identity,
        batch_id=identity,
        wave=0,
        authority=ISSUER,
        atomic=False,
        movements=(movement,),
    )


def test_a_repeat_goes_the_same_way():
    """The lane follows from the batch, every lane gets its part, and only issuing is shared."""
    accounts = dict.fromkeys(
        [ISSUER, f"{ISSUER}.2", f"{ISSUER}.3", CLEARING, "anna"], ISSUING.account
    )
    further = further_holders(accounts)
    lanes = [lane_of(batch(number), further) for number in range(300)]
    alone = further_holders({ISSUER: ISSUING.account})

    assert lanes == [lane_of(attrs.evolve(batch(number)), further) for number in range(300)]
    assert set(lanes) == {ISSUER, f"{ISSUER}.2", f"{ISSUER}.3"}
    assert min(Counter(lanes).values()) > 70
    assert {lane_of(batch(number), alone) for number in range(9)} == {ISSUER}
    moved = batch(1, MovementKind.TRANSFER)
    assert {lane_of(moved, further)} == {ISSUER}
    assert [role_of(each) for each in ("@issuer.2", "anna.b", "@clearing")] == [
        ISSUER,
        "anna.b",
        CLEARING,
    ]
