"""An Ethereum chain of a folder's own, inside this process, that is there again afterwards.

eth-tester keeps nothing, so the folder does: `ethereum.jsonl` has the time of the genesis block and
the settings of the contract in its first line, and then, for each block, its hash and the signed
transactions in it.  Opening the file plays them again.  Execution is deterministic, and each block
must come out with the hash that was written down; else the file is refused.  That takes some
milliseconds a block, so this is for first steps, tests and demos, and not for years of settlements.

What a SIGKILL can take: a block is on the disk before `mine` returns, so nobody has seen one that is
not; a last line that was not written to its end is cut off, as if that block had never been; and the
pool is forgotten, as a node that restarts forgets it, so that what waited is sent again.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, Self

from sauma.errors import InvalidInput, StoreDamaged
from sauma_ethereum.hexadecimal import write_data, write_quantity
from sauma_ethereum.local import LocalEthereum
from sauma_ethereum.node import NodeClient
from sauma_ethereum.settings import FINALIZED_BLOCKS, EthereumSettings, FinalityRule
from sauma_ethereum.signing import EthereumSigner
from sauma_ethereum.tester import TesterNode
from sauma_ethereum.transport import Call

FORMAT: Final = "sauma-ethereum-chain-1"
CHAIN_NUMBER: Final = 131_277_322_940_537
"""The EIP-155 number of every chain of eth-tester."""
_SEND: Final = "eth_sendRawTransaction"


class KeptNode(TesterNode):
    """A test chain whose blocks are written down; it cannot be rolled back."""

    def __init__(self, *, genesis_time_s: int) -> None:
        """Begin at the genesis block; nothing is written before `keep`."""
        super().__init__(genesis_time_s=genesis_time_s)
        self._client = NodeClient(self)
        self._raw: dict[str, str] = {}
        self._path: Path | None = None
        self._lines: list[str] = []

    def send(self, calls: Sequence[Call]) -> list[Any]:
        """Pass calls on, and remember what was taken into the pool."""
        replies = super().send(calls)
        for call, reply in zip(calls, replies, strict=True):
            if call.method == _SEND and isinstance(reply, str):
                self._raw[reply] = call.params[0]
        return replies

    def mine(self, blocks: int = 1) -> None:
        """Make blocks; they are on the disk when this returns."""
        first = self._client.height() + 1
        super().mine(blocks)
        self._lines += [self._line(height) for height in range(first, first + blocks)]
        self._write()

    def rollback(self, blocks: int) -> None:
        """Refuse: what was written down has happened."""
        raise InvalidInput(f"{blocks} blocks of a chain that is kept cannot be undone")

    def keep(self, path: Path, head: str) -> None:
        """Write a first line and all blocks so far to a new file, and from now on every block."""
        making = path.with_name(path.name + ".new")
        with making.open("w", encoding="utf-8") as file:
            file.writelines(f"{line}\n" for line in (head, *self._lines))
            file.flush()
            os.fsync(file.fileno())
        making.replace(path)
        self._path, self._lines = path, []

    def play(self, line: str) -> None:
        """Make a block again from its line; raises `ValueError` when another block comes out."""
        block = json.loads(line)
        self.ask([Call(_SEND, (raw,)) for raw in block["transactions"]])
        TesterNode.mine(self)
        made = self._client.newest()
        found = write_data(made.block_hash)
        if (made.height, found) != (block["height"], block["hash"]):
            raise ValueError(f"block {made.height} comes out as {found}")

    def go_on(self, path: Path) -> None:
        """From now on write every block to the end of a file."""
        self._path = path

    def _line(self, height: int) -> str:
        (block,) = self.ask([Call("eth_getBlockByNumber", (write_quantity(height), False))])
        transactions = [self._raw.pop(each) for each in block["transactions"]]
        return json.dumps({"height": height, "hash": block["hash"], "transactions": transactions})

    def _write(self) -> None:
        if self._path is None:
            return
        with self._path.open("a", encoding="utf-8") as file:
            file.writelines(f"{line}\n" for line in self._lines)
            file.flush()
            os.fsync(file.fileno())
        self._lines = []


class OwnEthereum:
    """The chain in a folder's `ethereum.jsonl`, with the contract on it."""

    def __init__(self, node: KeptNode, settings: EthereumSettings) -> None:
        """Prefer `begin` or `open`; this only holds what they made."""
        self._node = node
        self.local = _local(node)
        self.client = self.local.node
        self.settings = settings

    @classmethod
    def begin(
        cls,
        path: Path,
        *,
        issuer: EthereumSigner,
        settler: EthereumSigner,
        genesis_time_s: int,
    ) -> Self:
        """Begin a chain with the contract on it; the file is there whole, or not at all."""
        node = KeptNode(genesis_time_s=genesis_time_s)
        settings = _local(node).deploy(
            issuer, settler, finality=FinalityRule.DEPTH, finality_blocks=FINALIZED_BLOCKS
        )
        head = {
            "format": FORMAT,
            "genesis_time_s": genesis_time_s,
            "settings": settings.to_facts(),
        }
        node.keep(path, json.dumps(head))
        return cls(node, settings)

    @classmethod
    def open(cls, path: Path) -> Self:
        """Play the chain of a file again; raises `StoreDamaged` when it does not come out the same."""
        whole, _, torn = path.read_bytes().rpartition(b"\n")
        lines = whole.decode("utf-8", "replace").split("\n")
        played = 0
        try:
            head = json.loads(lines[0])
            if head["format"] != FORMAT:
                raise ValueError(f"the format is {head['format']!r}")
            node = KeptNode(genesis_time_s=head["genesis_time_s"])
            settings = EthereumSettings.from_facts(head["settings"])
            for played, line in enumerate(lines[1:], start=1):  # noqa: B007 - the message has it
                node.play(line)
        except (ValueError, KeyError, TypeError) as error:
            raise StoreDamaged(
                f"{path.name}, line {played + 1}: the chain is not what was written down ({error}): "
                "restore the file from a copy, or use the version of py-evm that wrote it"
            ) from error
        if torn:
            os.truncate(path, len(whole) + 1)
        node.go_on(path)
        return cls(node, settings)

    def mine(self, blocks: int) -> None:
        """Make so many blocks."""
        self._node.mine(blocks)

    def close(self) -> None:
        """Let go of the node; every block is on the disk."""
        self.client.close()


def _local(node: KeptNode) -> LocalEthereum:
    return LocalEthereum(node, NodeClient(node), node.rich_keys[0])
