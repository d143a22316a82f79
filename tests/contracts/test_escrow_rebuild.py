"""P13: whoever reads the escrow's events from the first block knows its whole storage, slot by slot."""

from eth_abi.abi import encode
from eth_utils.crypto import keccak

from sauma_ethereum.artifacts import load_artifact

from .local_allowances import AUTHORISE, RETURN, REVOKE, Standing
from .local_escrow import (
    CLAIM,
    CLOSE,
    HOUR_S,
    READY,
    RULE,
    SETTLE,
    START,
    Charging,
)
from .test_escrow import Fleet

LINE_BYTES = 96


class Rebuilt:
    """The escrow's storage, folded from its events: a word by its slot."""

    def __init__(self):
        layout = load_artifact("SaumaEscrow").storage_layout
        self.places = {each["label"]: int(each["slot"]) for each in layout["storage"]}
        self.words = {}

    def put(self, mapping, key, word):
        """Store a word of a mapping where Solidity does."""
        self.words[slot_of(self.places[mapping], key)] = word

    def fold(self, name, event):
        """Apply one event; an unknown name is an error."""
        getattr(self, f"on_{name}")(event)

    def on_SessionChanged(self, event):
        self.put("_records", event["sessionId"], event["record"])
        self.put("_evidence", event["sessionId"], event["evidence"])

    def on_SessionsChanged(self, event):
        lines = event["lines"]
        for start in range(0, len(lines), LINE_BYTES):
            session_id, record = lines[start : start + 32], lines[start + 32 : start + 64]
            self.put("_records", session_id, int.from_bytes(record, "big"))
            self.put("_evidence", session_id, 0)

    def on_AllowanceChanged(self, event):
        allowance_id, group, place = event["allowanceId"], event["group"], event["place"]
        index = place & 2**32 - 1
        self.put("_allowances", allowance_id, place)
        self.put("_groups", allowance_id, int.from_bytes(group, "big"))
        counts = slot_of(self.places["_counts"], group)
        self.words[counts] = max(self.words.get(counts, 0), index + 1)
        self.take(group, index, event["units"] if event["action"] != AUTHORISE else -event["units"])

    def on_AllowancesCharged(self, event):
        charges = event["charges"]
        while charges:
            index, end = int.from_bytes(charges[:4], "big"), 5 + 4 * charges[4]
            units = (charges[place : place + 4] for place in range(5, end, 4))
            self.take(event["group"], index, sum(int.from_bytes(each, "big") for each in units))
            charges = charges[end:]

    def take(self, group, index, units):
        """Take from what is left of an allowance; four share a slot."""
        slot = slot_of(self.places["_left"], group) + index // 4
        self.words[slot] = self.words.get(slot, 0) - (units << 64 * (index % 4))


def slot_of(mapping, key):
    """Return the slot of a key in a mapping."""
    return int.from_bytes(keccak(encode(["bytes32", "uint256"], [key, mapping])), "big")


def test_storage_is_rebuilt_from_events(local, monkeypatch):
    """Every slot that the escrow wrote is what its events say, and it wrote no others."""
    events, written = [], set()
    watch(local, monkeypatch, events, written)
    live(local)
    rebuilt = Rebuilt()
    for event in events:
        rebuilt.fold(*event)

    storage = {slot: stored(local, slot) for slot in rebuilt.words}

    assert storage == rebuilt.words
    assert written <= set(rebuilt.words), "a slot was written that no event tells of"
    assert len({word for word in storage.values() if word}) > 8


def live(local):
    """Sessions that end in every way, a batch of them, and allowances."""
    fleet = Fleet(local)
    fleet.open()
    fleet.close()
    here = Charging(local, cars=6, funds=10_000)
    ready = here.authorised(here.terms())
    here.step(READY, ready, here.say(ready, "Ready", here.payee, here.now))
    disputed, claimed, kept = here.disputed(here.terms()), here.claimed(here.terms()), here.terms()
    here.active(kept)
    here.step(
        RULE, disputed, here.say(disputed, "Ruling", here.arbiter, 99), outcome=(0, 38, 1, 166)
    )
    here.local.pass_time(7 * HOUR_S)
    here.step(SETTLE, claimed, outcome=(0, 247, 13, 240))
    here.step(START, ready, here.reading(ready, 0, 7), caller=here.payee)
    here.step(CLAIM, kept, here.reading(kept, 3, 5_000), caller=here.payee)
    receipt = here.say(ready, "Receipt", here.payer, 1, 1_007, 35)
    here.step(CLOSE, ready, receipt, caller=here.payee, outcome=(0, 34, 1, 465))
    standing = Standing(here)
    for car in here.cars:
        allowance = standing.allowance(car, cap_units=100)
        standing.allow(allowance)
    standing.charge([(0, [20]), (4, [7, 8]), (5, [9])], [(standing.numbers[here.payee], 44)])
    standing.stand(REVOKE, allowance, caller=car)
    here.local.pass_time(2 * HOUR_S)
    standing.stand(RETURN, allowance, units=91)


def watch(local, monkeypatch, events, written):
    """Keep every event of the escrow, and every slot that it writes."""
    send = local.escrow.send
    account_db = type(local.tester.backend.chain.get_vm().state._account_db)
    write = account_db.set_storage
    escrow = bytes.fromhex(local.escrow.address[2:])

    def sent(*values, **how):
        receipt = send(*values, **how)
        events.extend(receipt.events)
        return receipt

    def wrote(self, address, slot, value):
        if address == escrow:
            written.add(slot)
        return write(self, address, slot, value)

    monkeypatch.setattr(local.escrow, "send", sent)
    monkeypatch.setattr(account_db, "set_storage", wrote)


def stored(local, slot):
    """Return a slot of the escrow's storage, from the EVM and not from a view."""
    state = local.tester.backend.chain.get_vm().state
    return state.get_storage(bytes.fromhex(local.escrow.address[2:]), slot)
