"""The NEM chain as the engine sees it: two constants and seven calls."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sauma.chain import (
    Answer,
    Balance,
    Batch,
    Capabilities,
    Cursor,
    EventPage,
    Head,
    Quote,
    SignedTransaction,
    Signer,
    Status,
)
from sauma.identifiers import AccountId, AssetId, ChainId

from .codec import NemCodec
from .node import NodeClient
from .settings import NemSettings


class NemChain:
    """Energy as a mosaic on NEM, through one node."""

    def __init__(
        self,
        settings: NemSettings,
        node: NodeClient,
        signers: Mapping[AccountId, Signer] | None = None,
    ) -> None:
        raise NotImplementedError

    @classmethod
    def from_settings(
        cls, facts: Mapping[str, str | int], *, url: str, signers: Mapping[AccountId, Signer] | None = None
    ) -> NemChain: ...
    settings: NemSettings
    codec: NemCodec
    chain_id: ChainId
    capabilities: Capabilities

    def head(self) -> Head: ...
    def quote(self, batches: Sequence[Batch]) -> Quote: ...
    def prepare(
        self,
        batches: Sequence[Batch],
        *,
        outstanding: Sequence[SignedTransaction],
        replaces: SignedTransaction | None = None,
    ) -> tuple[SignedTransaction, ...]: ...
    def broadcast(self, transaction: SignedTransaction) -> Answer: ...
    def status(self, transaction: SignedTransaction) -> Status: ...
    def events(self, since: Cursor) -> EventPage: ...
    def balance(self, account: AccountId, asset: AssetId) -> Balance: ...
