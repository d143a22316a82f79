"""Events suffice: whoever reads them from the first block knows all that the ledger knows."""

from collections import defaultdict

from eth_utils.crypto import keccak

from .local_ledger import (
    ANCHOR,
    CLAIMS,
    DELAY_S,
    ENERGY,
    FIRST_SIGNED,
    FOREVER,
    ISSUE,
    MINUS,
    MONEY,
    NET,
    RETIRE,
    TRANSFER,
    claims_line,
    head_after,
    issue_line,
    key_of,
    net_line,
    order_digest,
    section,
    sign,
    transfer_line,
)
from .test_claims import HOUR_S, LEAVES, PROOFS, ROOT

LINE_BYTES = {ISSUE: 12, TRANSFER: 17, NET: 20, RETIRE: 12, ANCHOR: 32, CLAIMS: 60}


class Rebuilt:
    """The state of one area, folded from events."""

    def __init__(self):
        self.roles = {}
        self.paused = False
        self.owners = {}
        self.balances = defaultdict(lambda: [0, 0])
        self.supply_wh = 0
        self.withdrawals = {}
        self.nonces = defaultdict(int)
        self.claims = {}
        self.claimed = set()
        self.settled = {}
        self.head = bytes(32)

    def fold(self, name, event):
        """Apply one event; an unknown name is an error."""
        getattr(self, f"on_{name}")(event)

    def on_AreaOpened(self, event):
        self.roles["Owner"] = event["owner"]

    def on_SettlerProposed(self, event):
        self.roles["pendingSettler"] = event["proposed"]

    def on_IssuerProposed(self, event):
        self.roles["pendingIssuer"] = event["proposed"]

    def on_SettlerChanged(self, event):
        self.roles |= {"Settler": event["settler"], "pendingSettler": None}

    def on_IssuerChanged(self, event):
        self.roles |= {"Issuer": event["issuer"], "pendingIssuer": None}

    def on_PauseChanged(self, event):
        self.paused = event["paused"]

    def on_AccountRegistered(self, event):
        self.owners[event["account"]] = event["owner"]

    def on_Deposited(self, event):
        self.balances[event["account"]][MONEY] += event["moneyUnits"]

    def on_WithdrawalRequested(self, event):
        self.withdrawals[event["account"]] = (event["moneyUnits"], event["readyAt"])

    def on_Withdrawn(self, event):
        self.withdrawals[event["account"]] = (0, 0)
        self.balances[event["account"]][MONEY] -= event["moneyUnits"]

    def on_BatchSettled(self, event):
        operations = event["operations"]
        self.roll(event, 1, keccak(operations), event["tradesHash"])
        while operations:
            kind, count = operations[0], int.from_bytes(operations[1:4], "big")
            size = LINE_BYTES[kind]
            body, operations = operations[4 : 4 + size * count], operations[4 + size * count :]
            for start in range(0, len(body), size):
                self.apply(kind, body[start : start + size])

    def on_SignedSettled(self, event):
        fills, net = event["fills"], event["netLines"]
        self.roll(event, 2, keccak(fills), keccak(net))
        for start in range(0, len(net), 20):
            self.apply(NET, net[start : start + 20])
        for start in range(0, len(fills), 28):
            self.apply(NET, fills[start : start + 20])
            account, nonce = numbers(fills[start : start + 28], 4, 16, 8)[::2]
            self.nonces[account, nonce >> 8] |= 1 << (nonce & 255)

    def on_IntervalCommitted(self, event):
        self.roll(event, 3, event["root"])

    def on_NoncesCancelled(self, event):
        self.nonces[event["account"], event["word"]] |= event["mask"]

    def on_Claimed(self, event):
        self.claimed.add((event["root"], event["index"]))
        self.pay_claims(event["root"], event["account"], event)

    def on_ClaimsClosed(self, event):
        self.pay_claims(event["root"], event["payer"], event)

    def pay_claims(self, root, account, event):
        """Move energy and money from a root to an account."""
        payer, energy, money, deadline = self.claims[root]
        energy, money = energy - event["energyWh"], money - event["moneyUnits"]
        self.claims[root] = (payer, energy, money, deadline)
        self.balances[account][ENERGY] += event["energyWh"]
        self.balances[account][MONEY] += event["moneyUnits"]

    def roll(self, event, tag, *hashes):
        """Roll the head on as the interface says; the event must agree."""
        self.head = head_after(self.head, event["batchReference"], tag, *hashes)
        number = int.from_bytes(self.head[28:], "big")
        assert event["sequence"] == number
        assert event.get("head", self.head) == self.head
        if "root" not in event:
            self.settled[event["batchReference"]] = number

    def apply(self, kind, line):
        """Apply one line of a batch."""
        if kind in (ISSUE, RETIRE):
            account, energy = numbers(line, 4, 8)
            change = energy if kind == ISSUE else -energy
            self.balances[account][ENERGY] += change
            self.supply_wh += change
        elif kind == TRANSFER:
            sender, recipient, asset, units = numbers(line, 4, 4, 1, 8)
            self.balances[sender][asset] -= units
            self.balances[recipient][asset] += units
        elif kind == NET:
            account, *deltas = numbers(line, 4, 8, 8)
            for asset, delta in enumerate(deltas):
                self.balances[account][asset] += MINUS - delta if delta & MINUS else delta
        elif kind == CLAIMS:
            payer, energy, money, deadline = numbers(line[:28], 4, 8, 8, 8)
            self.balances[payer][ENERGY] -= energy
            self.balances[payer][MONEY] -= money
            self.claims[line[28:]] = (payer, energy, money, deadline)


def numbers(data, *sizes):
    """Return the big-endian numbers of these sizes."""
    found, start = [], 0
    for size in sizes:
        found.append(int.from_bytes(data[start : start + size], "big"))
        start += size
    return found


class BusyDays:
    """One of everything in an area of its own, and the events of it in order."""

    def __init__(self, local):
        self.local, self.owner, self.events = local, local.accounts[1], []
        self.area = local.read("areaCount") + 1
        self.signed = FIRST_SIGNED + 1

    def send(self, function, *values, sender=None):
        """Call the ledger as the owner of everything, and keep the events."""
        receipt = self.local.send(function, *values, sender=sender or self.owner)
        self.events += receipt.events

    def settle(self, *sections, trades=b""):
        """Settle a batch of the area."""
        operations = b"".join(sections)
        self.send("settle", self.area, self.local.reference(), FOREVER, operations, trades)

    def live(self):
        """Open the area, fill it, trade, withdraw, claim and pause."""
        self.open()
        self.trade()
        self.leave()
        self.claim()
        self.send("setPaused", self.area, True)

    def open(self):
        """Roles, accounts, money and energy."""
        other = self.local.accounts[8]
        self.send("openArea", other, self.owner)
        self.send("acceptSettler", self.area, sender=other)
        self.send("proposeSettler", self.area, self.owner)
        self.send("acceptSettler", self.area)
        self.send("registerMany", self.area, [self.owner, *self.local.accounts[2:6]])
        self.send("register", self.area, key_of(1).public_key.to_checksum_address(), True)
        self.local.token.send("mint", self.owner, 15_000)
        self.local.token.send("approve", self.local.ledger.address, 15_000, sender=self.owner)
        for account in (1, 2, 3):
            self.send("deposit", self.area, account, 5_000)
        lines = [issue_line(account, 1_000) for account in (1, 2, 3, self.signed)]
        self.settle(section(ISSUE, *lines), section(RETIRE, issue_line(3, 100)))

    def trade(self):
        """Batches of each kind, a root, and a signed trade."""
        transfers = transfer_line(1, 5, ENERGY, 9), transfer_line(2, 4, MONEY, 8)
        net = net_line(1, -50, 70), net_line(2, 59, -80), net_line(5, -9, 10)
        self.settle(section(TRANSFER, *transfers), section(NET, *net), trades=b"trades")
        self.settle(section(ANCHOR, ROOT))
        self.send("recordRoot", self.area, self.local.reference(), ROOT, 4)
        order = (self.signed, False, 500, 9_000, 300, FOREVER)
        chain_id = self.local.tester.backend.chain.chain_id
        digest = order_digest(self.local.ledger, chain_id, self.area, order)
        fill = (order, 400, 3_600, sign(key_of(1), digest))
        call = (self.area, self.local.reference(), FOREVER, [fill], net_line(2, 400, -3_600))
        self.send("settleSigned", *call)

    def leave(self):
        """Withdrawals, one of them taken back, and cancelled orders."""
        self.send("cancelNonces", self.area, 1, 1, 0b11)
        self.send("requestWithdrawal", self.area, 1, 600)
        self.send("requestWithdrawal", self.area, 3, 700, sender=self.local.accounts[3])
        self.local.pass_time(DELAY_S)
        self.send("withdraw", self.area, 1, self.owner)

    def claim(self):
        """Claims, of which the rest goes back."""
        now = self.local.tester.get_block_by_number("latest")["timestamp"]
        self.settle(section(CLAIMS, claims_line(1, 106, 48, now + HOUR_S, ROOT)))
        for position in (0, 3):
            self.send("claim", self.area, ROOT, *LEAVES[position], PROOFS[position])
        self.local.pass_time(2 * HOUR_S)
        self.send("closeClaims", self.area, ROOT)


def test_state_is_rebuilt_from_events(local):
    """Folding the events gives what the contract has stored, to the last unit, bit and hash."""
    days = BusyDays(local)
    days.live()
    area, rebuilt = days.area, Rebuilt()

    for event in days.events:
        rebuilt.fold(*event)

    state = local.read("areaState", area)
    assert state[:3] == tuple(rebuilt.roles[role] for role in ("Owner", "Settler", "Issuer"))
    assert state[6:] == (rebuilt.paused, 6, 5, 1, rebuilt.supply_wh, rebuilt.head)
    assert {n: local.read("ownerOf", area, n) for n in rebuilt.owners} == rebuilt.owners
    for account in rebuilt.owners:
        assert local.read("balanceOf", area, account) == tuple(rebuilt.balances[account])
        exits = rebuilt.withdrawals.get(account, (0, 0))
        assert local.read("withdrawalOf", area, account) == exits
    for (account, word), bits in rebuilt.nonces.items():
        assert local.read("nonceWord", area, account, word) == bits
    assert local.read("claimsOf", area, ROOT) == rebuilt.claims[ROOT]
    assert rebuilt.claimed == {(ROOT, 0), (ROOT, 256)}
    for reference, number in rebuilt.settled.items():
        assert local.read("settledAs", area, reference) == number


def test_money_in_the_ledger_covers_all_accounts(local):
    """What the token says the ledger has is the sum of all accounts and unpaid claims."""
    days = BusyDays(local)
    days.live()

    owed = sum(
        local.read("balanceOf", days.area, account)[1] for account in (1, 2, 3, 4, 5, days.signed)
    )

    assert local.token.read("balanceOf", local.ledger.address) == owed == 15_000 - 600
