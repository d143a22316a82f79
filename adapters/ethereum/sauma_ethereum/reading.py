"""What the contract and the chain say at one and the same block."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, TypeVar

import attrs

from sauma.chain import Head
from sauma.errors import BadAnswer, InvalidInput, Unavailable

from .ledger import (
    ACCOUNTS_OF,
    ALLOWANCE_OF,
    AREA_STATE,
    BALANCES_OF,
    HEAD_OF,
    LOCKED_OF,
    OWNER_OF,
    SETTLED_AS,
    answer,
    call,
)
from .node import LATEST, NodeClient
from .operations import Asset
from .settings import EthereumSettings, FinalityRule
from .transport import ErrorReply

T = TypeVar("T")

ATTEMPTS_MAX: Final = 4
AREA_STATE_TYPES: Final = (
    *("address",) * 6,
    *("bool", "uint64", "uint32", "uint32", "uint96", "bytes32"),
)
_ACCOUNTS_ASKED_MAX: Final = 500
_PLACE_MASK: Final = 2**32 - 1
"""An allowance's place begins with its index in its group."""


@attrs.frozen(kw_only=True)
class AreaState:
    """Who may do what in our area, and how far it is."""

    settler: bytes
    issuer: bytes
    is_paused: bool
    sequence: int
    energy_supply_wh: int


def head_of(node: NodeClient, settings: EthereumSettings) -> Head:
    """Return the newest block and the newest final height, by tag or by depth."""
    if settings.finality is FinalityRule.DEPTH:
        newest = node.newest()
        return Head(newest=newest, final_height=_final_by_depth(newest.height, settings))
    newest_block, final_block = node.blocks([LATEST, settings.finality.value])
    if newest_block is None or final_block is None:
        raise BadAnswer(
            f"node {node.name} has no {settings.finality.value} block: ask another node, or settle "
            "by depth"
        )
    # the first may be older than the second, when a block came between the two
    newest = max(newest_block.ref, final_block.ref, key=lambda ref: ref.height)
    return Head(newest=newest, final_height=final_block.ref.height)


def final_by(read_height: int, head: Head, settings: EthereumSettings) -> int:
    """Return the newest height that is final for who read so far: by depth, later blocks do not count."""
    if settings.finality is FinalityRule.DEPTH:
        read_height = _final_by_depth(read_height, settings)
    return min(read_height, head.final_height)


def at_one_block(node: NodeClient, settings: EthereumSettings, ask: Callable[[Head], T]) -> T:
    """Return what `ask` finds at a head, once that head is known to hold still.

    Raises `Unavailable` when the chain is being rewritten all the while.
    """
    for _ in range(ATTEMPTS_MAX):
        head = head_of(node, settings)
        found = ask(head)
        block = node.block(head.newest.height)
        if block is not None and block.ref.block_hash == head.newest.block_hash:
            return found
    raise Unavailable(
        f"the chain of node {node.name} was rewritten {ATTEMPTS_MAX} times while it was asked: "
        "repeat the call"
    )


class LedgerReader:
    """The contract's views of our area, at blocks of the caller's choice."""

    def __init__(self, settings: EthereumSettings) -> None:
        """Read the contract and the area of these settings."""
        self._settings = settings
        self._ledger = settings.ledger_address

    def area_state(self, node: NodeClient, at: int) -> AreaState:
        """Return who may do what in our area."""
        (data,) = self._answers(node, [call(AREA_STATE, self._settings.area)], at)
        fields = _read(AREA_STATE_TYPES, data)
        return AreaState(
            settler=bytes.fromhex(fields[1][2:]),
            issuer=bytes.fromhex(fields[2][2:]),
            is_paused=fields[6],
            sequence=fields[7],
            energy_supply_wh=fields[10],
        )

    def numbers_of(self, node: NodeClient, owners: Sequence[bytes], at: int) -> dict[bytes, int]:
        """Return the contract's number of each owner's netted account, where there is one."""
        calls = [call(ACCOUNTS_OF, self._settings.area, owner) for owner in owners]
        numbers = {
            owner: _read(("uint32", "uint32"), data)[0]
            for owner, data in zip(owners, self._answers(node, calls, at), strict=True)
        }
        return {owner: number for owner, number in numbers.items() if number}

    def owners_of(self, node: NodeClient, accounts: Sequence[int], at: int) -> dict[int, bytes]:
        """Return the owner of each account; raises `BadAnswer` for one that has none."""
        calls = [call(OWNER_OF, self._settings.area, account) for account in accounts]
        owners = {}
        for account, data in zip(accounts, self._answers(node, calls, at), strict=True):
            owner = bytes.fromhex(_read(("address",), data)[0][2:])
            if not any(owner):
                raise BadAnswer(
                    f"node {node.name} knows no owner of account {account} in block {at}, which "
                    "something moved: ask another node"
                )
            owners[account] = owner
        return owners

    def balances(
        self, node: NodeClient, accounts: Iterable[int], at: int
    ) -> dict[tuple[int, Asset], int]:
        """Return what accounts have of energy and money."""
        wanted = sorted(set(accounts))
        chunks = [
            wanted[first : first + _ACCOUNTS_ASKED_MAX]
            for first in range(0, len(wanted), _ACCOUNTS_ASKED_MAX)
        ]
        calls = [call(BALANCES_OF, self._settings.area, chunk) for chunk in chunks]
        found: dict[tuple[int, Asset], int] = {}
        for chunk, data in zip(chunks, self._answers(node, calls, at), strict=True):
            energy_wh, money_units = _read(("uint64[]", "uint64[]"), data)
            for account, energy, money in zip(chunk, energy_wh, money_units, strict=True):
                found[account, Asset.ENERGY] = energy
                found[account, Asset.MONEY] = money
        return found

    def held(self, node: NodeClient, asset: Asset, at: int) -> int:
        """Return what the escrow has of an asset, for sessions and for standing authorisations."""
        locked = self._read_one(node, self._ledger, call(LOCKED_OF, self._settings.area), at)
        energy_wh, money_units = _read(("uint128", "uint128"), locked)
        held: int = energy_wh if asset is Asset.ENERGY else money_units
        return held

    def places(
        self, node: NodeClient, standing_ids: Sequence[bytes], at: int
    ) -> Mapping[bytes, int]:
        """Return where standing authorisations lie in their groups, of those that were ever held."""
        calls = [call(ALLOWANCE_OF, standing_id) for standing_id in standing_ids]
        answers = self._answers(node, calls, at, contract=self._settings.escrow_address)
        found = {}
        for standing_id, data in zip(standing_ids, answers, strict=True):
            _, place, _ = _read(("bytes32", "uint256", "uint64"), data)
            if place:
                found[standing_id] = place & _PLACE_MASK
        return found

    def settled(
        self, node: NodeClient, references: Sequence[bytes], at: int
    ) -> Mapping[bytes, int]:
        """Return the sequence under which references (32 bytes) were settled, where they were."""
        calls = [call(SETTLED_AS, self._settings.area, reference) for reference in references]
        sequences = {
            reference: _read(("uint64",), data)[0]
            for reference, data in zip(references, self._answers(node, calls, at), strict=True)
        }
        return {reference: sequence for reference, sequence in sequences.items() if sequence}

    def sequence_at(self, node: NodeClient, height: int) -> int | None:
        """Return how many batches our area had settled at a block; None when the node forgot."""
        reply = node.call(self._ledger, call(HEAD_OF, self._settings.area), at=height)
        if isinstance(reply, ErrorReply):
            return None
        if not reply:
            return 0  # the contract did not stand there yet
        sequence: int = _read(("uint64", "bytes32"), reply)[0]
        return sequence

    def _read_one(self, node: NodeClient, contract: bytes, data: bytes, at: int) -> bytes:
        reply = node.call(contract, data, at=at)
        if isinstance(reply, ErrorReply):
            raise Unavailable(
                f"node {node.name} does not answer for {contract.hex()} at block {at}: {reply}; "
                "repeat the call or ask another node"
            )
        return reply

    def _answers(
        self, node: NodeClient, calls: Sequence[bytes], at: int, *, contract: bytes | None = None
    ) -> list[bytes]:
        """Ask the ledger, or another contract, several questions in one request."""
        if not calls:
            return []
        found = []
        for reply in node.call_many(contract or self._ledger, calls, at=at):
            if isinstance(reply, ErrorReply):
                raise Unavailable(
                    f"node {node.name} does not answer for the contract at block {at}: {reply}; "
                    "repeat the call or ask another node"
                )
            found.append(reply)
        return found


def _final_by_depth(height: int, settings: EthereumSettings) -> int:
    return max(0, height - settings.finality_blocks + 1)


def _read(types: tuple[str, ...], data: bytes) -> tuple[Any, ...]:
    try:
        return answer(types, data)
    except InvalidInput as error:
        raise BadAnswer(f"the contract answers what it should not: {error}") from error
