"""What the contract does for the engine, on eth-tester and on anvil alike."""

from __future__ import annotations

import attrs
import pytest

from sauma.chain import Anchor, Fate, Retire
from sauma.errors import InsufficientBalance, InvalidInput, NoSigner, Refused, Unsupported
from sauma_ethereum import EthereumCodec


def test_issue_and_net_move_energy(street):
    """Issued energy arrives, netting moves it, and what events say is what was signed."""
    (issued,) = street.land(street.batch(street.issue(street.anna, 100)))
    (netted,) = street.land(street.batch(street.net(anna=-60, bert=40, cleo=20)))

    assert [street.units(each) for each in (street.anna, street.bert, street.cleo)] == [40, 40, 20]
    events = street.events()
    assert [event.transaction_id for event in events] == [
        issued.transaction_id,
        netted.transaction_id,
    ]
    assert [sorted(event.effects) for event in events] == [
        sorted(issued.effects),
        sorted(netted.effects),
    ]
    assert all(event.fee_units > 0 for event in events)


def test_a_batch_of_many_kinds_is_one_transaction(street):
    """Sections of all kinds share a transaction when one account may ask for them all."""
    settings = attrs.evolve(street.settings, settler=street.settings.issuer)
    codec = EthereumCodec(settings)
    street.land(street.batch(street.issue(street.anna, 100)))
    root = bytes(range(32))
    anchor = Anchor(
        instruction_id=bytes(32), authority=street.issuer.account, evidence=b"", root=root
    )
    retire = Retire(
        instruction_id=bytes(32),
        authority=street.issuer.account,
        evidence=b"",
        account=street.anna,
        asset=settings.energy_asset,
        units=30,
    )

    (sent,) = street.land(street.batch(street.issue(street.bert, 5), retire, anchor))

    assert street.chain.status(sent).succeeded
    assert (street.units(street.anna), street.units(street.bert)) == (70, 5)
    assert codec.anchored_roots(sent.raw) == (root,)


def test_a_batch_lands_once(street):
    """The contract refuses a second transaction with the same reference, and it moves nothing."""
    batch = street.batch(street.issue(street.anna, 7))
    (first,) = street.chain.prepare([batch], outstanding=())
    other = street.batch(street.issue(street.bert, 1))
    (blocker,) = street.chain.prepare([other], outstanding=())
    (second,) = street.chain.prepare([batch], outstanding=[blocker])
    for each in (first, second):
        street.chain.broadcast(each)
    street.local.mine()

    assert street.units(street.anna) == 7
    status = street.chain.status(second)
    assert (status.fate, status.succeeded) == (Fate.INCLUDED, False)
    assert status.reason is not None
    assert status.reason.startswith("AlreadySettled(area=1, batchReference=fe534155")
    failed = [event for event in street.events() if not event.succeeded]
    assert [(event.reference, event.effects) for event in failed] == [(batch.reference, ())]


def test_what_has_landed_is_not_signed_again(street):
    """A batch that the contract has settled is refused, also by a process that remembers nothing."""
    batch = street.batch(street.issue(street.anna, 7))
    street.land(batch)

    with pytest.raises(Refused, match="was settled as number 1 of area 1"):
        street.adapter().prepare([batch], outstanding=())


def test_who_has_no_number_is_registered_first(street):
    """A batch for an unregistered account is refused, and a registration lets it through."""
    dora = street.local.signer("dora").account
    batch = street.batch(street.issue(dora, 3))

    with pytest.raises(Refused, match="register them first"):
        street.chain.prepare([batch], outstanding=())
    assert street.chain.quote([batch]).transactions == 2
    street.local.register(street.chain, [dora, street.anna])
    street.land(batch)
    assert street.units(dora) == 3
    assert street.chain.unregistered([dora]) == ()


def test_a_registration_decodes_to_nothing_moved(street):
    """A registration carries no batch, and an auditor's codec says so."""
    dora = street.local.signer("dora").account

    (registration,) = street.chain.prepare_registration([dora])

    decoded = street.chain.codec.decode(registration.raw)
    assert (decoded.reference, decoded.effects, decoded.signature_valid) == (None, (), True)
    assert decoded.sender == street.settler.account


def test_ether_is_paid_with_the_reference(street):
    """A payment in ether is seen by its reference, and its fee is no effect."""
    before = street.chain.balance(street.cleo, street.settings.fee_asset).units
    batch = street.batch(street.pay(street.issuer.account, street.cleo, 10**15))

    (sent,) = street.land(batch)

    after = street.chain.balance(street.cleo, street.settings.fee_asset).units
    assert after - before == 10**15
    (event,) = street.events()
    assert (event.reference, event.effects) == (batch.reference, sent.effects)
    assert [effect.delta_units for effect in event.effects] == [-(10**15), 10**15]


def test_ether_shares_no_batch(street):
    """Ether beside energy in one batch is refused: no transaction can do both."""
    both = street.batch(
        street.pay(street.issuer.account, street.cleo, 1), street.issue(street.anna, 1)
    )

    with pytest.raises(Unsupported, match="a batch of its own"):
        street.chain.prepare([both], outstanding=())


def test_a_contract_is_paid_no_ether(street):
    """A recipient with code could refuse or cost any gas, so it is refused before signing."""
    ledger = street.chain.account(street.settings.ledger)

    with pytest.raises(Refused, match="has code"):
        street.chain.prepare(
            [street.batch(street.pay(street.issuer.account, ledger, 1))], outstanding=()
        )


def test_roles_decide(street):
    """The issuer does not net, the settler does not issue; nobody signs for another."""
    as_settler = attrs.evolve(street.issue(street.anna, 1), authority=street.settler.account)
    as_anna = attrs.evolve(street.issue(street.anna, 1), authority=street.anna)

    with pytest.raises(Unsupported, match="may not issue in area 1"):
        street.chain.prepare([street.batch(as_settler)], outstanding=())
    with pytest.raises(NoSigner):
        street.chain.prepare([street.batch(as_anna)], outstanding=())
    with pytest.raises(Unsupported, match="authorities"):
        street.chain.quote(
            [street.batch(street.issue(street.anna, 1), street.net(anna=-1, bert=1))]
        )


def test_outstanding_units_are_spent_once(street):
    """What waits has spent already, and what it brings does not count yet."""
    street.land(street.batch(street.issue(street.anna, 10)))
    (first,) = street.send(street.batch(street.net(anna=-8, bert=8)))

    with pytest.raises(InsufficientBalance, match="has 2 to spend"):
        street.chain.prepare([street.batch(street.net(anna=-3, cleo=3))], outstanding=[first])
    with pytest.raises(InsufficientBalance, match="has 0 to spend"):
        street.chain.prepare([street.batch(street.net(bert=-1, cleo=1))], outstanding=[first])


def test_fees_need_ether(street):
    """A lane without ether for gas is refused, by name."""
    poor = street.local.signer("poor")
    chain = street.local.chain(street.settings, {poor.account: poor})

    with pytest.raises(InsufficientBalance, match="slip44:60"):
        chain.prepare([street.batch(street.pay(poor.account, street.anna, 1))], outstanding=())


def test_a_quote_says_gas_and_parts(street):
    """A quote counts a transaction a batch, each lane's fee, and needs no key."""
    batches = [
        street.batch(*(street.issue(street.anna, units) for units in range(1, 501))),
        street.batch(street.net(anna=-1, bert=1)),
    ]
    watcher = street.local.chain(street.settings)

    quote = watcher.quote(batches)

    assert (quote.transactions, quote.blocks) == (2, 1)
    assert {payer for payer, _ in quote.fees} == {street.issuer.account, street.settler.account}
    assert quote.fee_asset == street.settings.fee_asset


def test_too_many_instructions_are_refused(street):
    """A batch has 500 instructions at most, so that it stays below the gas of one transaction."""
    many = street.batch(*(street.issue(street.anna, 1) for _ in range(501)))

    with pytest.raises(Unsupported, match="takes 500"):
        street.chain.quote([many])


def test_five_hundred_transfers_fit_one_transaction(street):
    """The largest batch lands whole, within the gas that was reckoned for it."""
    street.land(street.batch(street.issue(street.anna, 500)))
    many = street.batch(
        *(street.transfer(street.anna, street.bert, 1) for _ in range(500)), atomic=True
    )

    (sent,) = street.land(many)

    assert street.chain.status(sent).succeeded
    assert street.units(street.bert) == 500
    assert len(street.events()[-1].effects) == 1_000


def test_deposits_and_withdrawals_are_seen(street):
    """Money that comes by itself, not by a batch, is an event with effects."""
    street.deposit_money(street.anna, 250)

    assert street.chain.balance(street.anna, street.settings.money_asset).units == 250
    (event,) = street.events()
    assert event.reference is None
    assert [(each.account, each.asset, each.delta_units) for each in event.effects] == [
        (street.anna, street.settings.money_asset, 250)
    ]


def test_a_strange_asset_is_refused(street):
    """Balances of what the contract does not keep are not guessed."""
    asset = attrs.evolve(street.settings.energy_asset, text=f"{street.settings.chain}/erc20:0xab")

    with pytest.raises(InvalidInput, match="not kept here"):
        street.chain.balance(street.anna, asset)
