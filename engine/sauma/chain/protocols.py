"""The port itself: who signs, what a chain answers, what a codec reads."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from sauma.chain.blocks import Cursor, Head
from sauma.chain.capabilities import Capabilities
from sauma.chain.events import Balance, EventPage
from sauma.chain.instructions import Batch
from sauma.chain.transactions import Answer, Decoded, Quote, SignedTransaction, Status
from sauma.identifiers import AccountId, AssetId, ChainId


@runtime_checkable
class Signer(Protocol):
    """Who signs for an account: a keystore, a remote signer, a delegated account.  Never a key string."""

    @property
    def account(self) -> AccountId:
        """The account that this signer signs for."""
        ...

    @property
    def public_key(self) -> bytes:
        """The key that others verify with."""
        ...

    def sign(self, payload: bytes) -> bytes:
        """Return the signature of a payload; the same payload gives the same signature."""
        ...


@runtime_checkable
class Chain(Protocol):
    """A chain as the engine sees it: two constants and seven calls."""

    @property
    def chain_id(self) -> ChainId:
        """Which chain this is."""
        ...

    @property
    def capabilities(self) -> Capabilities:
        """What it promises."""
        ...

    def head(self) -> Head:
        """Return the newest block and the newest final height."""
        ...

    def quote(self, batches: Sequence[Batch]) -> Quote:
        """Return what the batches would take; needs no key and sends nothing."""
        ...

    def prepare(
        self,
        batches: Sequence[Batch],
        *,
        outstanding: Sequence[SignedTransaction],
        replaces: SignedTransaction | None = None,
    ) -> tuple[SignedTransaction, ...]:
        """Pack, price and sign a prefix of whole batches; reads the chain and changes nothing.

        `outstanding` is every committed transaction of these senders that is neither final nor dead.
        Returns nothing when there is no room now.  Raises `Refused` (nothing was signed) or `ChainError`.
        """
        ...

    def broadcast(self, transaction: SignedTransaction) -> Answer:
        """Give the bytes to a node; may be repeated with the same bytes at any time.

        Raises `Unavailable` when nothing was sent and `OutcomeUnknown` when no answer came.
        """
        ...

    def status(self, transaction: SignedTransaction) -> Status:
        """Return what can be proved of a transaction now."""
        ...

    def events(self, since: Cursor) -> EventPage:
        """Return what happened since the cursor, asked for by us or not; at most one page."""
        ...

    def balance(self, account: AccountId, asset: AssetId) -> Balance:
        """Return what an account has, with the block at which that holds."""
        ...


@runtime_checkable
class Codec(Protocol):
    """The pure, offline half of an adapter: what an auditor loads."""

    def decode(self, raw: bytes) -> Decoded:
        """Return what signed bytes say; raises `InvalidInput` for bytes that are no transaction."""
        ...
