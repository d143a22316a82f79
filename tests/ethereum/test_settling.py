"""A neighbourhood's quarter-hour from readings to final bills, on both kinds of chain; and deployments."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import attrs
import pytest
from web3 import HTTPProvider

from sauma import (
    BillStatus,
    Interval,
    MeteringPoint,
    Netting,
    Reading,
    Rulebook,
    Side,
    Supplier,
    Venue,
    complete_gsrn,
)
from sauma.chain import Word
from sauma.engine import Engine
from sauma.errors import BadAnswer, OutcomeUnknown, Unavailable, WrongNetwork
from sauma.replay import replay
from sauma.testing import ManualClock
from sauma_ethereum import (
    Deployment,
    EthereumChain,
    EthereumCodec,
    LocalEthereum,
    NodeClient,
    ProviderTransport,
    deploy,
    verify,
)
from sauma_ethereum.caip import checksummed
from sauma_ethereum.deployment import create_contract

NAMES = ("anna", "bert", "cleo")
AREA = "kortteli-1"
NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)


def settle_a_quarter(engine: Engine, street) -> None:
    accounts = [getattr(street, name) for name in NAMES]
    engine.register_all(list(zip(NAMES, accounts, strict=True)))
    engine.bind("@issuer", street.issuer.account)
    engine.bind("@clearing", street.settler.account)
    points = [
        MeteringPoint(gsrn=complete_gsrn(f"6430000000000000{place}"), participant=name, area=AREA)
        for place, name in enumerate(NAMES)
    ]
    engine.add_metering_points(points)
    interval = Interval.containing(NOW - timedelta(minutes=15))
    for name in NAMES:
        side = Side.ASK if name == "anna" else Side.BID
        engine.set_price(name, AREA, side, 100_000, interval.start)
    flows = {"anna": (0, 15_000), "bert": (7_500, 0), "cleo": (7_500, 0)}
    engine.accept(
        [
            Reading(
                metering_point=point.gsrn,
                interval=interval,
                imported_wh=flows[name][0],
                exported_wh=flows[name][1],
                key="meter",
            )
            for point, name in zip(points, NAMES, strict=True)
        ]
    )
    engine.clear_due()
    engine.settle_due()


def test_a_quarter_hour_is_settled_and_replayed(street, tmp_path):
    """Energy is issued and netted on the chain, bills become final, and replay finds nothing."""
    chain, settings = street.chain, street.settings
    venue = Venue(
        chain=chain,
        codec=chain.codec,
        energy_asset=settings.energy_asset,
        settings=settings.to_facts(),
    )
    rulebook = Rulebook(
        name="street",
        version=1,
        supplier=Supplier(name="supplier", sells_at_micro=160_000, buys_at_micro=40_000),
        netting=Netting.MULTILATERAL,
    )

    with Engine.open(
        tmp_path / "store.sqlite", venue, rulebook=rulebook, clock=ManualClock(NOW)
    ) as engine:
        settle_a_quarter(engine, street)
        for _ in range(4 + settings.finality_blocks):
            engine.step()
            street.local.mine()
        engine.step()

        assert engine.finished
        bills = {one.bill.participant: one.bill for one in engine.statements()}
        assert {name: bill.owed_cents for name, bill in bills.items()} == {
            "anna": -120,
            "bert": 75,
            "cleo": 75,
        }
        assert all(bill.status is BillStatus.FINAL for bill in bills.values())
        assert [street.units(getattr(street, name)) for name in NAMES] == [0, 7_500, 7_500]
        assert engine.agreement().delivered_wh == 15_000
        codec = EthereumCodec.from_settings(settings.to_facts())
        report = replay(engine.store, codec=codec, chain=chain)
        assert report.findings == ()
        assert report.transactions_decoded == 3


def test_a_deployment_is_resumed_from_its_facts():
    """A deployment that was written down is pushed until it is whole, by whoever finds it."""
    with LocalEthereum.in_process() as local:
        owner, issuer, settler = (local.signer(name) for name in ("owner", "issuer", "settler"))
        local.fund([each.account for each in (owner, issuer, settler)])
        money, _ = create_contract(local.node, owner, "TestMoney")
        local.mine()
        deployment = deploy(
            local.node,
            owner=owner,
            issuer=issuer,
            settler=settler,
            money=checksummed(money),
        )
        with pytest.raises(BadAnswer, match="not complete"):
            deployment.settings(local.node)
        pushed = []
        while left := Deployment.from_facts(deployment.to_facts()).push(local.node):
            pushed.append(left)
            local.mine()
        settings = deployment.settings(local.node, finality_blocks=5)

        assert pushed == [
            ("contract", "escrow", "area", "settler", "issuer"),
            ("settler", "issuer"),
        ]
        assert verify(local.node, settings).holds
        assert settings.finality_blocks == 5


def test_verify_names_what_differs(anvil):
    """Another contract, another hash and other hands are told apart."""
    node, settings = anvil.local.node, anvil.settings

    swapped = attrs.evolve(settings, issuer=anvil.settler.account, settler=anvil.issuer.account)
    nowhere = attrs.evolve(settings, ledger="0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed")
    rehashed = attrs.evolve(settings, code_hash="00" * 32)

    assert verify(node, settings).holds
    assert [each.split(" not ")[0].split()[-2] for each in verify(node, swapped).differences] == [
        "settler",
        "issuer",
    ]
    assert verify(node, nowhere).differences == (f"{nowhere.ledger} has no code",)
    assert "has the code hash" in verify(node, rehashed).differences[0]
    with pytest.raises(WrongNetwork, match="has code"):
        anvil.local.chain(rehashed).head()


def test_any_provider_of_web3_will_do(anvil):
    """A chain can be spoken to through web3's own providers, and fails as it does over HTTP."""
    provider = HTTPProvider(anvil.local.machine.url, exception_retry_configuration=None)
    chain = EthereumChain(anvil.settings, NodeClient(ProviderTransport(provider)), anvil.signers)
    nowhere = NodeClient(
        ProviderTransport(HTTPProvider("http://127.0.0.1:1", exception_retry_configuration=None))
    )

    (sent,) = chain.prepare([anvil.batch(anvil.issue(anvil.anna, 5))], outstanding=())
    assert chain.broadcast(sent).word is Word.ACCEPTED
    anvil.local.mine()

    assert chain.status(sent).succeeded
    assert [event.transaction_id for event in anvil.events(chain)] == [sent.transaction_id]
    with pytest.raises(Unavailable):
        nowhere.height()
    with pytest.raises(OutcomeUnknown):
        nowhere.send_raw(sent.raw)
