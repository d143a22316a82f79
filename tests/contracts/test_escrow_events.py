"""What the adapter reads from the escrow's events is what the ledger's accounts then have."""

from __future__ import annotations

from collections import Counter

from sauma.identifiers import ChainId
from sauma_ethereum import EthereumSettings
from sauma_ethereum.caip import account_of, checksummed
from sauma_ethereum.escrow_events import EscrowEvent, effects_of_event, parse_escrow_log
from sauma_ethereum.gas import charge_gas, many_gas, stand_gas, step_gas
from sauma_ethereum.replies import Log

from .local_allowances import RETURN, Standing
from .local_escrow import CLOSE, HOUR_S, Charging
from .local_ledger import AREA
from .test_escrow import Fleet

OVER_MAX = 12
"""A step that only stores a flag takes a small part of what any step may."""


class Watcher:
    """Every event of the escrow as the adapter reads it, with the effects that it finds."""

    def __init__(self, local) -> None:
        self.local = local
        chain = ChainId(f"eip155:{local.tester.backend.chain.chain_id}")
        operator = account_of(bytes.fromhex(local.operator[2:]), chain)
        self.settings = EthereumSettings(
            chain=chain,
            ledger=checksummed(bytes.fromhex(local.ledger.address[2:])),
            code_hash="00" * 32,
            escrow=checksummed(bytes.fromhex(local.escrow.address[2:])),
            escrow_hash="00" * 32,
            area=AREA,
            issuer=operator,
            settler=operator,
        )
        self.first = self.height + 1
        self.events: list[EscrowEvent] = []

    @property
    def height(self) -> int:
        return self.local.tester.get_block_by_number("latest")["number"]

    def moved(self) -> Counter:
        """What effects say that everybody has gained since the watcher came."""
        self.events.clear()
        filter_id = self.local.tester.create_log_filter(
            from_block=self.first, address=self.local.escrow.address
        )
        totals: Counter = Counter()
        for entry in self.local.tester.get_all_filter_logs(filter_id):
            log = Log(
                address=bytes.fromhex(entry["address"][2:]),
                topics=tuple(bytes.fromhex(topic[2:]) for topic in entry["topics"]),
                data=bytes.fromhex(entry["data"][2:]),
                height=entry["block_number"],
                block_hash=bytes.fromhex(entry["block_hash"][2:]),
                transaction_id=bytes.fromhex(entry["transaction_hash"][2:]),
                transaction_index=entry["transaction_index"],
                log_index=entry["log_index"],
            )
            event = parse_escrow_log(log)
            if event is None:
                continue
            self.events.append(event)
            accounts = set().union(*(change.accounts for change in event.changes))
            owners = {
                number: bytes.fromhex(self.local.read("ownerOf", AREA, number)[2:])
                for number in accounts
            }
            for effect in effects_of_event(event, owners, self.settings):
                totals[effect.account.address.lower()] += effect.delta_units
        return totals


def test_batches_are_read_to_the_unit(local):
    """Opened and closed in batches: what the effects say is what each has, the escrow included."""
    fleet = Fleet(local)
    here, watcher = fleet.here, Watcher(local)
    before = {who: here.money(who) for who in here.numbers}
    fleet.open()
    held = watcher.moved()
    fleet.close()

    gained = watcher.moved()

    assert held[local.escrow.address.lower()] == 2_500
    assert {who: gained[who.lower()] for who in here.numbers} == {
        who: here.money(who) - before[who] for who in here.numbers
    }
    assert gained[local.escrow.address.lower()] == 0
    assert sum(gained.values()) == 0


def test_no_step_takes_more_gas_than_is_reckoned(local):
    """The bound that is reckoned before a step is signed holds for every step of two long sessions."""
    here, used = Charging(local, funds=10_000), []
    send = here.escrow.send

    def measured(function, *values, **how):
        receipt = send(function, *values, **how)
        data = here.escrow.calldata(function, *values)
        used.append((receipt.gas, step_gas(data, len(values[4]))))
        return receipt

    here.escrow.send = measured
    try:
        disputed = here.disputed(here.terms())
        here.step(
            13, disputed, here.say(disputed, "Ruling", here.arbiter, 260), outcome=(0, 195, 10, 0)
        )
        closed = here.active(here.terms())
        both = [here.say(closed, "Close", who, 1, 100) for who in (here.payer, here.payee)]
        here.step(CLOSE, closed, *both, outcome=(0, 95, 5, 400))
    finally:
        del here.escrow.send

    assert len(used) == 9
    assert all(gas <= bound <= OVER_MAX * gas for gas, bound in used), used


def test_allowances_are_read_to_the_unit(local):
    """What is allowed moves to the escrow's account, and what is left back; a charge tells what it took."""
    here = Charging(local, funds=1_000)
    standing, watcher = Standing(here), Watcher(local)
    allowance = standing.allowance()
    standing.allow(allowance)
    opened = watcher.moved()
    standing.charge([(0, [40, 2])], [(standing.numbers[here.payee], 42)])
    here.local.pass_time(31 * 24 * HOUR_S)
    standing.stand(RETURN, allowance, units=558)

    assert (opened[here.payer.lower()], opened[local.escrow.address.lower()]) == (-600, 600)
    assert watcher.moved()[here.payer.lower()] == -42
    assert [event.charged_units for event in watcher.events if event.charged_units] == [42]
    assert here.money(here.payer) == 958


def test_no_standing_authorisation_takes_more_gas_than_is_reckoned(local):
    """The bounds that are reckoned before signing hold, for the first charge of all as well."""
    here = Charging(local, cars=9, funds=10_000)
    standing = Standing(here, payees=(here.payee, here.arbiter, here.stranger))
    used = []
    for car in here.cars:
        allowance = standing.allowance(car)
        data = here.escrow.calldata(
            "stand", AREA, bytes(32), 1, allowance.words, [], bytes(64), 600
        )
        used.append((standing.allow(allowance).gas, stand_gas(data, len(standing.payees))))
    numbers = list(standing.numbers.values())
    charges = [(0, [50]), *((car, [1, 2, 3, 50]) for car in range(1, 9))]
    total = sum(sum(units) for _, units in charges)
    credited = [(numbers[0], total - 3), *((number, 1) for number in numbers[1:])]
    gas = standing.charge(charges, credited).gas
    used.append((gas, charge_gas(b"", len(charges), 33, len(credited))))
    here.local.pass_time(31 * 24 * HOUR_S)
    gas = standing.stand(RETURN, allowance, units=600 - 56).gas
    used.append((gas, stand_gas(b"", 0)))

    assert all(gas <= bound <= OVER_MAX * gas for gas, bound in used), used


def test_no_batch_of_sessions_takes_more_gas_than_is_reckoned(local):
    """The bound of a call about many sessions holds, opened and closed."""
    fleet = Fleet(local)
    opened, closed = fleet.open().gas, fleet.close().gas
    count = len(fleet.terms)

    assert opened <= many_gas(bytes(64 * count), count, 2) <= OVER_MAX * opened
    assert closed <= many_gas(bytes(64 * count), count, 1) <= OVER_MAX * closed
