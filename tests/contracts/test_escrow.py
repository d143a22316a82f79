"""The escrow beside the ledger: every transition, batches, a pause, and a full account."""

import attrs
import pytest
from eth_utils.crypto import keccak

from .local_escrow import (
    ACTIVE,
    AUTHORISE,
    AUTHORISED,
    CANCEL,
    CLAIM,
    CLAIM_SILENT,
    CLOSE,
    CONTEST,
    CORRECT,
    COUNTERSIGN,
    DEFAULT,
    DISPUTE,
    DISPUTED,
    EXPIRE,
    HOUR_S,
    NO_SHOW,
    NOBODY,
    READY,
    RELEASED,
    RULE,
    SETTLE,
    SETTLED,
    START,
    TOP_UP,
    Charging,
    authorise_line,
    close_line,
    digest,
    domain_of,
)
from .local_ledger import (
    AREA,
    CURVE_ORDER,
    FOREVER,
    NET,
    Reverted,
    asset_word,
    net_line,
    section,
    sign,
)

FUNDS = 1_000


@pytest.fixture
def here(local):
    """A car with 1,000 units, a station, an operator and an arbiter."""
    return Charging(local, funds=FUNDS)


def refused(name):
    """What a refusal by the contract is recognised by."""
    return pytest.raises(Reverted, match=rf"^{name}\(")


def wait(here, hours):
    here.local.pass_time(hours * HOUR_S)


def test_a_car_pays_what_the_meter_says_and_gets_the_rest_back(here):
    """1, 2, 7: the cap is locked, the receipt is paid, the operator has its part, the rest is free again."""
    terms = here.terms()
    here.authorised(terms)
    assert (here.money(here.payer), here.locked()) == (FUNDS - 500, (0, 500))
    here.step(START, terms, here.reading(terms, 0, 1_000), caller=here.payee)

    receipt = here.say(terms, "Receipt", here.payer, 4, 11_000, 260)
    here.step(CLOSE, terms, receipt, caller=here.payee, outcome=(0, 247, 13, 240))

    assert [here.money(each) for each in (here.payer, here.payee, here.operator)] == [740, 247, 13]
    assert (here.state(terms), here.locked()) == (SETTLED, (0, 0))


def test_a_second_session_does_not_touch_a_running_one(here):
    """Share&Charge let a second start overwrite a running session: here an id is used once."""
    terms = here.active(here.terms())
    other = here.terms()
    with refused("IdUsed"):
        here.step(AUTHORISE, terms, here.authorisation(terms, 600), outcome=(600, 0, 0, 0))

    here.authorised(other, 300)

    assert (here.state(terms), here.state(other)) == (ACTIVE, AUTHORISED)
    assert here.locked() == (0, 800)


def test_no_price_is_above_the_estimate(here):
    """Share&Charge underflowed when the price exceeded the estimate: here the cap bounds what is claimed."""
    terms = here.active(here.terms(price=10**9))
    here.step(CLAIM, terms, here.reading(terms, 1, 40_000), caller=here.payee)
    wait(here, 7)

    here.step(SETTLE, terms, outcome=(0, 475, 25, 0))

    assert here.money(here.payer) == FUNDS - 500


def test_a_vanished_station_locks_nothing(here):
    """Share&Charge had no refund once a start was confirmed: here anybody expires it, and all goes back."""
    terms = here.active(here.terms())
    with refused("TooEarly"):
        here.step(EXPIRE, terms, outcome=(0, 0, 0, 500))
    wait(here, 31)

    here.step(EXPIRE, terms, outcome=(0, 0, 0, 500))

    assert (here.money(here.payer), here.state(terms)) == (FUNDS, RELEASED)


def test_the_payee_alone_sets_no_price(here):
    """Share&Charge let the operator set the price: here payer or meter signed what it comes to."""
    terms = here.active(here.terms())
    own = here.say(terms, "Close", here.payee, 1, 400)
    with refused("MissingEvidence"):
        here.step(CLOSE, terms, own, caller=here.payee, outcome=(0, 380, 20, 100))
    forged = here.say(terms, "Reading", here.payee, 1, 40_000, here.now, 1)
    with refused("MissingEvidence"):
        here.step(CLAIM, terms, forged, caller=here.payee)


def test_money_is_locked_and_not_only_allowed(here):
    """Share&Charge locked nothing before the station confirmed: here what is authorised is not free."""
    here.authorised(here.terms(), FUNDS)

    with refused("InsufficientMoney"):
        here.authorised(here.terms(), 1)


def test_before_the_start(here):
    """17, 3, 4: a cancelled session costs the fee once the payee was ready; a no-show likewise, in time."""
    plain, ready, shown = here.terms(), here.terms(), here.terms()
    for terms in (plain, ready, shown):
        here.authorised(terms, 100)
    with refused("MissingEvidence"):
        here.step(CANCEL, plain, outcome=(0, 0, 0, 100))
    here.step_as_payer(CANCEL, plain, outcome=(0, 0, 0, 100))
    here.step(READY, ready, here.say(ready, "Ready", here.payee, here.now))
    here.step(CANCEL, ready, here.say(ready, "Cancel", here.payer), outcome=(0, 30, 0, 70))
    with refused("TooEarly"):
        here.step(NO_SHOW, shown, outcome=(0, 0, 0, 100))
    wait(here, 13)
    with refused("StartedTooLate"):
        here.step(START, shown, here.reading(shown, 0, 1), caller=here.payee)
    here.step(NO_SHOW, shown, outcome=(0, 0, 0, 100))

    assert {here.state(each) for each in (plain, ready, shown)} == {RELEASED}
    assert (here.money(here.payer), here.money(here.payee)) == (FUNDS - 30, 30)


def test_a_top_up_locks_the_difference(here):
    """6: a higher Authorisation adds what is missing; the same again is refused."""
    terms = here.active(here.terms())
    more = here.authorisation(terms, 700)
    here.step(TOP_UP, terms, more, outcome=(200, 0, 0, 0))

    with refused("CapNotHigher"):
        here.step(TOP_UP, terms, more, outcome=(0, 0, 0, 0))
    assert here.locked() == (0, 700)


def test_a_claim_is_contested_and_settled(here):
    """9, 10, 11: the payer closes a silent station; newer evidence counts; the window moves once."""
    terms = here.active(here.terms())
    with refused("StationNotSilent"):
        here.step_as_payer(CLAIM_SILENT, terms)
    wait(here, 5)
    here.step_as_payer(CLAIM_SILENT, terms, here.reading(terms, 1, 1_400))
    here.step(CONTEST, terms, here.reading(terms, 2, 1_800), caller=here.payee)
    with refused("SequenceNotHigher"):
        here.step(CONTEST, terms, here.reading(terms, 2, 1_900), caller=here.payee)
    with refused("RegisterBackwards"):
        here.step(CONTEST, terms, here.reading(terms, 3, 1_700), caller=here.payee)
    wait(here, 7)

    here.step(SETTLE, terms, outcome=(0, 29, 1, 470))


@pytest.mark.parametrize(
    ("transition", "ruling", "hours", "outcome"),
    [
        (RULE, 260, 1, (0, 195, 10, 0)),
        (RULE, 100, 1, (0, 38, 2, 165)),
        (RULE, 60, 1, (0, 0, 0, 205)),
        (DEFAULT, None, 7, (0, 0, 0, 205)),
    ],
)
def test_a_dispute_ends(here, transition, ruling, hours, outcome):
    """12, 13, 14: undisputed parts move at once; the ruling, or what was countersigned, decides the rest."""
    terms = here.disputed(here.terms())
    assert here.locked() == (0, 205)
    evidence = [] if ruling is None else [here.say(terms, "Ruling", here.arbiter, ruling)]
    wait(here, hours)
    here.step(transition, terms, *evidence, outcome=outcome)

    assert (here.state(terms), here.locked()) == (SETTLED, (0, 0))
    everybody = (here.payer, here.payee, here.operator)
    assert sum(here.money(each) for each in everybody) == FUNDS


def test_a_correction_names_a_settled_session(here):
    """16: a new session pays the difference back; a running one is not corrected."""
    terms = here.active(here.terms())
    here.local.fund(here.numbers[here.payee], money_units=100)
    facts = {"payer": here.payee, "payee": here.payer, "corrects": terms.session_id, "fee_bps": 0}
    fix = here.terms(**facts)
    evidence = (
        here.authorisation(fix, 60),
        here.say(fix, "Close", here.payee, 1, 40),
        here.say(fix, "Close", here.payer, 1, 40),
    )
    with refused("NotCorrectable"):
        here.step(CORRECT, fix, *evidence, outcome=(60, 40, 0, 20))
    both = (here.say(terms, "Close", each, 1, 100) for each in (here.payer, here.payee))
    here.step(CLOSE, terms, *both, outcome=(0, 95, 5, 400))

    here.step(CORRECT, fix, *evidence, outcome=(60, 40, 0, 20))

    assert (here.money(here.payee), here.money(here.payer)) == (155, FUNDS - 60)


def test_an_outcome_that_is_not_due_is_refused(here):
    """P1, P12: what is asked for is what is due, to the unit, or nothing moves."""
    terms = here.active(here.terms())
    receipt = here.say(terms, "Receipt", here.payer, 4, 11_000, 260)

    for outcome in ((0, 248, 13, 239), (0, 247, 12, 241), (0, 247, 13, 239), (1, 247, 13, 240)):
        with refused("OutcomeDiffers"):
            here.step(CLOSE, terms, receipt, caller=here.payee, outcome=outcome)


def test_signatures_count_once_and_here(here):
    """P4, P5: both forms of a signature are one message; high s, other areas and other bytes are none."""
    terms = here.authorised(here.terms())
    key, time = here.meter_key, here.now
    numbers = (0, 1_000, time, 0)
    long = sign(key, digest(terms, "Reading", *numbers))
    high = long[:32] + (CURVE_ORDER - int.from_bytes(long[32:64], "big")).to_bytes(32, "big")
    high += bytes((long[64] ^ 7,))
    abroad = attrs.evolve(terms, domain=domain_of(here.chain_number, here.escrow.address, 2))
    for signature in (
        high,
        long[:63],
        sign(key, digest(abroad, "Reading", *numbers)),
        sign(key, digest(terms, "Receipt", *numbers[:3])),
        sign(key, digest(terms, "Reading", 0, 1_001, time, 0)),
    ):
        with refused("SignatureInvalid"):
            here.step(START, terms, (3, here.meter, list(numbers), signature), caller=here.payee)

    here.step(START, terms, (3, here.meter, list(numbers), long), caller=here.payee)
    assert here.state(terms) == ACTIVE


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"domain": bytes(32)}, 0),
        ({"asset": bytes(32)}, 6),
        ({"price": 2**63}, 7),
        ({"bond_units": 2**63}, 7),
        ({"price_decimals": 19}, 8),
        ({"fee_bps": 10_001}, 11),
        ({"energy_wh_max": 10**9 + 1}, 12),
        ({"contest_window_s": 0}, 15),
        ({"silence_limit_s": 366 * 24 * HOUR_S}, 15),
        ({"arbiter_window_s": 0}, 15),
        ({"ends_before": 1}, 13),
    ],
)
def test_terms_that_could_lock_or_overflow_are_refused(here, changes, word):
    """What could lock for ever, overflow or pay nobody is refused, and the word at fault is named."""
    terms = here.terms(**changes)

    with pytest.raises(Reverted) as caught:
        here.authorised(terms)
    assert (caught.value.name, caught.value.values) == ("WrongTerms", (0, word))


def test_nobody_pays_itself_or_a_stranger_to_the_ledger(here):
    """Payer and payee differ, and everybody who is paid has an account."""
    with refused("WrongTerms"):
        here.authorised(here.terms(payee=here.payer))
    with refused("UnknownParty"):
        here.authorised(here.terms(operator=here.stranger))


def test_without_an_arbiter_evidence_decides(here):
    """Terms without an arbiter know no dispute."""
    terms = here.claimed(here.terms(arbiter=NOBODY, arbiter_window_s=0))

    with refused("NoArbiter"):
        here.step_as_payer(DISPUTE, terms, outcome=(5, 0, 0, 240))


def test_a_pause_stops_openings_and_no_exit(here):
    """P10: while an area is paused nothing new is locked; everything else goes on, disputes included."""
    claimed, authorised = here.claimed(here.terms()), here.authorised(here.terms(), 100)
    running = here.active(here.terms(), 100)
    here.local.send("setPaused", AREA, True)
    fresh = here.terms()
    for transition, terms, units in ((AUTHORISE, fresh, 100), (TOP_UP, running, 200)):
        with refused("AreaPaused"):
            evidence = here.authorisation(terms, units)
            here.step(transition, terms, evidence, outcome=(100, 0, 0, 0))

    here.step_as_payer(DISPUTE, claimed, outcome=(5, 0, 0, 240))
    here.step_as_payer(CANCEL, authorised, outcome=(0, 0, 0, 100))
    receipt = here.say(running, "Receipt", here.payer, 1, 2_000, 20)
    here.step(CLOSE, running, receipt, caller=here.payee, outcome=(0, 19, 1, 80))
    assert here.state(claimed) == DISPUTED


def test_a_full_account_blocks_no_exit(here):
    """P7: a credit that does not fit its account waits to be collected; the others get theirs."""
    terms = here.active(here.terms())
    full = 2**64 - 1
    here.local.fund(here.numbers[here.payee], money_units=full)
    receipt = here.say(terms, "Receipt", here.payer, 4, 11_000, 260)
    here.step(CLOSE, terms, receipt, caller=here.payee, outcome=(0, 247, 13, 240))
    number = here.numbers[here.payee]
    assert (here.money(here.payer), here.money(here.operator)) == (FUNDS - 260, 13)
    assert here.local.read("deferredOf", AREA, number) == (0, 247)
    with refused("BalanceOverflow"):
        here.local.send("collect", AREA, number)
    spent = net_line(here.numbers[here.payer], 0, 300), net_line(number, 0, -300)
    here.local.settle(section(NET, *sorted(spent)))

    here.local.send("collect", AREA, number)

    assert here.money(here.payee) == full - 300 + 247
    with refused("NothingDeferred"):
        here.local.send("collect", AREA, number)


def test_only_the_escrow_moves_what_is_locked(here):
    """The ledger lets one contract lock and unlock, and nobody else."""
    with refused("NotEscrow"):
        here.local.send("moveLocked", AREA, bytes(32), bytes(32), True, b"")


def test_energy_can_be_held_too(here):
    """Sessions can hold the ledger's energy as well: the same machine, the other asset."""
    here.local.fund(here.numbers[here.payer], energy_wh=700)
    energy = asset_word(here.chain_number, here.local.ledger.address, "energy")
    terms = here.active(here.terms(asset=energy))
    assert here.locked() == (500, 0)
    receipt = here.say(terms, "Receipt", here.payer, 4, 11_000, 260)
    here.step(CLOSE, terms, receipt, caller=here.payee, outcome=(0, 247, 13, 240))

    assert here.local.balance(here.numbers[here.payer]) == (440, FUNDS)
    assert here.local.balance(here.numbers[here.payee]) == (247, 0)


class Fleet:
    """Five cars at one station, opened and closed in batches."""

    def __init__(self, local):
        self.here = here = Charging(local, cars=5, funds=FUNDS)
        self.shared = here.terms()
        self.terms = [
            attrs.evolve(self.shared, payer=car, key=keccak(car.encode())) for car in here.cars
        ]

    def open(self, *, starts=True, caller=None, held=500, reference=None):
        here, until = self.here, self.here.now + HOUR_S
        register, time = (1_000, here.now) if starts else (0, 0)
        signatures = b""
        for terms in self.terms:
            message = digest(terms, "Authorisation", held, until)
            signatures += sign(here.key_of(terms.payer), message, compact=True)
            if starts:
                message = digest(terms, "Reading", 0, register, time, 0)
                signatures += sign(here.meter_key, message, compact=True)
        lines = [authorise_line(each, held, until, register, time) for each in self.terms]
        return here.escrow.send(
            "authoriseMany",
            AREA,
            reference or here.local.reference(),
            FOREVER,
            [self.shared.words],
            b"".join(lines),
            signatures,
            starts,
            sender=caller or here.payee,
        )

    def close(self, *, by_both=False, amounts=(260,) * 5, caller=None, held=500):
        here = self.here
        lines, signatures = b"", b""
        for terms, amount in zip(self.terms, amounts, strict=True):
            lines += close_line(terms, held, 4, 0 if by_both else 11_000, amount)
            if by_both:
                for signer in (terms.payer, here.payee):
                    message = digest(terms, "Close", 4, amount)
                    signatures += sign(here.key_of(signer), message, compact=True)
            else:
                message = digest(terms, "Receipt", 4, 11_000, amount)
                signatures += sign(here.key_of(terms.payer), message, compact=True)
        return here.escrow.send(
            "closeMany",
            AREA,
            here.local.reference(),
            FOREVER,
            [self.shared.words],
            lines,
            signatures,
            sender=caller or (here.stranger if by_both else here.payee),
        )


@pytest.fixture
def fleet(local):
    """Five cars."""
    return Fleet(local)


@pytest.mark.parametrize("by_both", [False, True])
def test_many_are_opened_and_closed_at_once(fleet, by_both):
    """P15: batches do what steps do, for each line; payee and operator get their sums."""
    here = fleet.here
    fleet.open()
    assert [here.state(each) for each in fleet.terms] == [ACTIVE] * 5
    assert here.locked() == (0, 2_500)

    fleet.close(by_both=by_both)

    assert [here.state(each) for each in fleet.terms] == [SETTLED] * 5
    assert [here.money(car) for car in here.cars] == [FUNDS - 260] * 5
    assert (here.money(here.payee), here.money(here.operator)) == (5 * 247, 5 * 13)
    assert here.locked() == (0, 0)


def test_one_bad_line_undoes_all_and_is_named(fleet):
    """P15: a batch is whole or not at all, and the error has the line's number."""
    here = fleet.here
    fleet.open()
    with pytest.raises(Reverted) as caught:
        fleet.close(amounts=(260, 260, 261, 260, 260))
    assert (caught.value.name, caught.value.values) == ("AboveMeter", (2, 260))
    with pytest.raises(Reverted) as caught:
        fleet.close(amounts=(260,) * 5, held=501)
    assert (caught.value.name, caught.value.values) == ("CapNotHigher", (0, 500))

    assert [here.state(each) for each in fleet.terms] == [ACTIVE] * 5


def test_a_batch_is_opened_once_and_by_the_payee(fleet):
    """P4: neither the same ids nor the same reference are settled twice; only the payee starts."""
    reference = fleet.here.local.reference()
    with refused("WrongCaller"):
        fleet.open(caller=fleet.here.stranger)
    fleet.open(starts=False, caller=fleet.here.stranger, reference=reference)
    with refused("IdUsed"):
        fleet.open()

    assert fleet.here.local.read("settledAs", AREA, reference) != 0
    fleet.terms = [attrs.evolve(each, key=keccak(each.key)) for each in fleet.terms]
    with refused("AlreadySettled"):
        fleet.open(held=100, reference=reference)


def test_countersigned_receipts_count(here):
    """5, 15: a receipt on record is paid when the session expires, and no other amount."""
    terms = here.active(here.terms())
    here.step(COUNTERSIGN, terms, here.say(terms, "Receipt", here.payer, 1, 3_000, 60))
    with refused("AmountLower"):
        here.step(COUNTERSIGN, terms, here.say(terms, "Receipt", here.payer, 2, 3_000, 59))
    wait(here, 31)

    here.step(EXPIRE, terms, outcome=(0, 57, 3, 440))

    assert here.state(terms) == RELEASED
    record, evidence = here.escrow.read("sessionOf", terms.session_id)
    assert (record >> 16 & (2**64 - 1), evidence) == (60, 0)
