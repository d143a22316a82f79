"""How near prepare, commit and broadcast come to a bare JSON-RPC loop, on anvil, in one and the same run.

    python benchmarks/ethereum.py [--transactions 480]

The bare loop sends bytes that were signed before, one request each, and does nothing else: what a node
and the loopback allow.  Ours checks, signs, writes the signed bytes to disk with fsync (as the engine does
before it sends anything) and broadcasts.  Both run in turns on the same chain state, and medians count: on
a noisy machine two runs that follow each other can be compared, two days cannot.

Two shares are shown.  *sent*: until the last bytes are in the pool.  *settled*: until the last is
included, while another thread has blocks made all the time; there a node works at what it was sent, as
it does in life, and a batch of a hundred trades takes it longer than its transport does.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from sauma.chain import Batch, BatchKind, Issue, SignedTransaction, Transfer, Word
from sauma.identifiers import AccountId, content_id
from sauma_ethereum import EthereumChain, LocalEthereum
from sauma_ethereum.caip import address_on
from sauma_ethereum.hexadecimal import write_data
from sauma_ethereum.transport import Call

CONTRACTS = Path(__file__).parents[1] / "contracts"
PREPARED_MAX = 120
"""How many batches the engine hands over at a time."""
BATCH_TRADES = 100
ROUNDS = 5
ACCOUNTS = 100
SECONDS_MAX = 20
"""A node that strands what waits must not hold up the run."""
GOALS = {1: 0.5, BATCH_TRADES: 0.8}


class Bench:
    """A contract on anvil with a hundred accounts that have energy."""

    def __init__(self, local: LocalEthereum, folder: Path) -> None:
        self.local = local
        operator = local.signer("operator")
        self.operator = operator.account
        self.settings = local.deploy(operator, operator, outstanding_max=100_000)
        self.chain: EthereumChain = local.chain(self.settings, {operator.account: operator})
        self.accounts = [local.signer(f"account-{place}").account for place in range(ACCOUNTS)]
        local.register(self.chain, self.accounts)
        local.mine(self.settings.finality_blocks + 1)
        self.file = (folder / "signed").open("ab")
        self.made = 0
        self._issue()

    def _issue(self) -> None:
        lines = tuple(
            Issue(
                instruction_id=content_id("bench-issue", place),
                authority=self.operator,
                evidence=b"",
                recipient=account,
                asset=self.settings.energy_asset,
                units=10**9,
            )
            for place, account in enumerate(self.accounts)
        )
        batch = Batch(
            batch_id=content_id("bench-issue"), kind=BatchKind.SETTLEMENT, instructions=lines
        )
        for each in self.chain.prepare([batch], outstanding=()):
            self.chain.broadcast(each)
        self.local.mine()

    def trade(self, sender: AccountId, recipient: AccountId) -> Transfer:
        self.made += 1
        return Transfer(
            instruction_id=content_id("bench-trade", self.made),
            authority=self.operator,
            evidence=b"",
            sender=sender,
            recipient=recipient,
            asset=self.settings.energy_asset,
            units=1 + self.made % 900,
        )

    def batches(self, count: int, trades: int) -> list[Batch]:
        return [
            Batch(
                batch_id=content_id("bench-batch", self.made, number),
                kind=BatchKind.SETTLEMENT,
                instructions=tuple(
                    self.trade(
                        self.accounts[(number + place) % ACCOUNTS],
                        self.accounts[(number + 7 * place + 1) % ACCOUNTS],
                    )
                    for place in range(trades)
                ),
                atomic=trades > 1,
            )
            for number in range(count)
        ]

    def prepare(self, batches: Sequence[Batch]) -> list[SignedTransaction]:
        prepared: list[SignedTransaction] = []
        while len(prepared) < len(batches):
            chunk = batches[len(prepared) : len(prepared) + PREPARED_MAX]
            prepared += self.chain.prepare(chunk, outstanding=prepared)
        return prepared

    def ours(self, batches: Sequence[Batch]) -> None:
        """Prepare, commit and broadcast, as many at a time as the engine does."""
        sent: list[SignedTransaction] = []
        for first in range(0, len(batches), PREPARED_MAX):
            prepared = self.chain.prepare(batches[first : first + PREPARED_MAX], outstanding=sent)
            for each in prepared:
                self.file.write(each.raw)
            self.file.flush()
            os.fsync(self.file.fileno())
            for each in prepared:
                answer = self.chain.broadcast(each)
                if answer.word is not Word.ACCEPTED:
                    raise SystemExit(f"anvil refuses: {answer}")
            sent += prepared
        if len(sent) != len(batches):
            raise SystemExit(f"only {len(sent)} of {len(batches)} batches were sent")

    def bare(self, raws: Sequence[str]) -> None:
        transport = self.local.node.transport
        for raw in raws:
            (reply,) = transport.send([Call("eth_sendRawTransaction", (raw,))])
            if not isinstance(reply, str):
                raise SystemExit(f"anvil refuses: {reply}")


class Miner:
    """Has blocks made all the time, from another thread, while it is entered."""

    def __init__(self, local: LocalEthereum) -> None:
        self.local = local
        self.stop = threading.Event()
        self.thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        while not self.stop.is_set():
            self.local.mine()

    def __enter__(self) -> Miner:
        self.thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.stop.set()
        self.thread.join()


def timed(action: Callable[[], None]) -> float:
    started = time.perf_counter()
    action()
    return time.perf_counter() - started


def settled(bench: Bench, action: Callable[[], None], nonce: int) -> Callable[[], None]:
    """Return an action that goes on until the operator has so many transactions included."""
    address = address_on(bench.operator, bench.settings.chain)

    def run() -> None:
        with Miner(bench.local):
            action()
            ends_at = time.monotonic() + SECONDS_MAX
            while (included := bench.local.node.nonces(address)[0]) < nonce:
                if time.monotonic() > ends_at:
                    raise SystemExit(f"{nonce - included} of {nonce} were never included")
                time.sleep(0.002)

    return run


def measure(bench: Bench, transactions: int, trades: int) -> None:
    address = address_on(bench.operator, bench.settings.chain)
    nonce = bench.local.node.nonces(address)[0] + transactions
    for name in ("sent", "settled"):
        bare_s, ours_s = [], []
        base = bench.local.snapshot()
        for _ in range(ROUNDS):
            batches = bench.batches(transactions, trades)
            raws = [write_data(each.raw) for each in bench.prepare(batches)]
            for action, seconds in (
                (partial(bench.bare, raws), bare_s),
                (partial(bench.ours, batches), ours_s),
            ):
                run = settled(bench, action, nonce) if name == "settled" else action
                seconds.append(timed(run))
                base = bench.local.revert(base)
        share = statistics.median(bare / ours for bare, ours in zip(bare_s, ours_s, strict=True))
        bare_rate = transactions / statistics.median(bare_s)
        ours_rate = transactions / statistics.median(ours_s)
        print(
            f"{trades:>4} trades a transaction, {name:>7}: bare {bare_rate:7.0f} tx/s, "
            f"ours {ours_rate:7.0f} tx/s = {trades * ours_rate:8.0f} trades/s, "
            f"share {share:.2f} (goal {GOALS[trades]})"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--transactions", type=int, default=480)
    arguments = parser.parse_args()
    with (
        tempfile.TemporaryDirectory() as folder,
        LocalEthereum.anvil(folder=CONTRACTS) as local,
    ):
        bench = Bench(local, Path(folder))
        measure(bench, arguments.transactions, 1)
        measure(bench, arguments.transactions // 4, BATCH_TRADES)
        bench.file.close()


if __name__ == "__main__":
    main()
