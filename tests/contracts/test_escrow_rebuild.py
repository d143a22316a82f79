"""P13: whoever reads the escrow's events from the first block knows its whole storage, slot by slot."""

from eth_abi.abi import encode
from eth_utils.crypto import keccak

from sauma_ethereum.artifacts import load_artifact

from .local_escrow import (
    CLAIM,
    CLOSE,
    HOUR_S,
    READY,
    RULE,
    SETTLE,
    START,
    Charging,
    allowance_id,
)
from .local_ledger import AREA, sign
from .test_escrow import Fleet

LINE_BYTES = 96


class Rebuilt:
    """The escrow's storage, folded from its events: a word by its slot."""

    def __init__(self):
        layout = load_artifact("SaumaEscrow").storage_layout
        self.places = {each["label"]: int(each["slot"]) for each in layout["storage"]}
        self.words = {}
        self.accounts = []

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

    def on_AllowanceOpened(self, event):
        self.accounts.append(event["account"])
        word = event["account"] | event["payer"] << 32 | event["until"] << 64
        self.put("_allowances", event["allowanceId"], word)

    def on_AllowanceEnding(self, event):
        slot = slot_of(self.places["_allowances"], event["allowanceId"])
        self.words[slot] = (self.words[slot] & 2**64 - 1) | event["until"] << 64

    def on_AllowanceClosed(self, event):
        """The ledger moves; the escrow's word stays, so that nobody opens it again."""

    def list_accounts(self):
        """Store the list of allowance accounts: its length, and eight numbers a slot behind it."""
        place = slot_of(self.places["_allowanceAccounts"], AREA.to_bytes(32, "big"))
        self.words[place] = len(self.accounts)
        first = int.from_bytes(keccak(place.to_bytes(32, "big")), "big")
        for number, account in enumerate(self.accounts):
            slot = first + number // 8
            self.words[slot] = self.words.get(slot, 0) | account << 32 * (number % 8)


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
    rebuilt.list_accounts()

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
    for number, car in enumerate(here.cars):
        allowance = (car, 100 + number, 10, bytes(32), 0, here.now + 30 * 24 * HOUR_S, number)
        signature = sign(here.key_of(car), allowance_id(here.domain, allowance))
        here.escrow.send("openAllowance", AREA, allowance, signature)
    here.local.unlock(here.key_of(car))
    here.escrow.send("endAllowance", AREA, allowance, sender=car)
    here.local.pass_time(2 * HOUR_S)
    here.escrow.send("closeAllowance", AREA, allowance)


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
