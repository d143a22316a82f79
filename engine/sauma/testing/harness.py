"""What a test of a chain needs, and an application must not have: blocks at will, and mishaps.

A third party writes one subclass of `Harness` for its chain.  What the harness cannot make happen is
named in `cannot`, with the reason; the cases that need it are then reported as not run.
"""

from __future__ import annotations

import abc
import enum
from collections.abc import Mapping
from contextlib import AbstractContextManager
from types import MappingProxyType
from typing import ClassVar, NoReturn

from sauma.chain import Anchor, Batch, BatchKind, Chain, Codec, Instruction, Issue, Net, Signer
from sauma.identifiers import AccountId, AssetId, ChainId, content_id
from sauma.session import (
    SessionTerms,
    StandingTerms,
    StandingVerifier,
    Statement,
    Verifier,
    session_domain,
    signing_payload,
)

ELSEWHERE = ChainId("memory:elsewhere")
"""A chain that is never the one under test."""


class Ability(enum.Enum):
    """What a harness may be able to make happen, beyond making blocks."""

    ROLL_BACK = "roll_back"
    PASS_TIME = "pass_time"  # noqa: S105 - a name, and no password
    LOSE_REQUESTS = "losing_requests"
    LOSE_ANSWERS = "losing_answers"
    WATCH = "watcher"


class _NoVerifier:
    """Stands in on a chain that holds nothing, so that it can be asked and must refuse."""

    def statement_payload(self, terms: SessionTerms, statement: Statement) -> bytes:  # noqa: ARG002
        return signing_payload(statement)

    def verify_statement(
        self,
        terms: SessionTerms,  # noqa: ARG002
        statement: Statement,  # noqa: ARG002
        signer: AccountId,  # noqa: ARG002
        signature: bytes,
    ) -> bool:
        return signature == b"unsigned"


_NO_VERIFIER = _NoVerifier()


class Harness(abc.ABC):
    """A test chain with three holders, whose blocks come when they are asked for.

    A new harness is a new chain: no block of it is older than the harness.  Set the attributes when
    it is built, override `mine`, and of the rest what the chain can do.
    """

    chain: Chain
    """The adapter under test, with the signers of the issuer and of the holders."""
    codec: Codec
    asset: AssetId
    """What is moved: in the issuer's hands at will, and with no holder at the start."""
    issuer: AccountId
    """Brings the asset into circulation, signs for nets and anchors, and can pay fees."""
    holders: tuple[AccountId, AccountId, AccountId]
    """Three accounts that exist, can pay their fees and have nothing of the asset."""
    stranger: AccountId
    """An account of this chain for which the adapter has no signer."""
    signers: Mapping[AccountId, Signer] = MappingProxyType({})
    """Who signs evidence of sessions: the issuer, the holders and `meter`; only for chains that hold."""
    cannot: ClassVar[Mapping[Ability, str]] = {}
    """What this harness cannot make happen, and why."""
    histories: ClassVar[int] = 12
    """How many random histories are played beside the reference chain: fewer where blocks are slow."""

    @abc.abstractmethod
    def mine(self, blocks: int = 1) -> None:
        """Make blocks, the first with all of what waits that it can take."""

    def roll_back(self, blocks: int) -> None:  # noqa: ARG002
        """Undo the newest blocks, none of them final, as a reorganisation does."""
        self._lacks(Ability.ROLL_BACK)

    def pass_time(self, seconds: int) -> None:  # noqa: ARG002
        """Make the next block come so much later, by the chain's own time."""
        self._lacks(Ability.PASS_TIME)

    def losing_requests(self) -> AbstractContextManager[None]:
        """Return a block of code in which no broadcast reaches a node."""
        self._lacks(Ability.LOSE_REQUESTS)

    def losing_answers(self) -> AbstractContextManager[None]:
        """Return a block of code in which broadcasts reach the node, and its answers nobody."""
        self._lacks(Ability.LOSE_ANSWERS)

    def watcher(self, page_blocks: int) -> Chain:  # noqa: ARG002
        """Return another adapter on the same chain, without signers, that reads so small pages."""
        self._lacks(Ability.WATCH)

    def authority(self, kind: type[Instruction], owner: AccountId) -> AccountId:
        """Return who signs an instruction about what an owner has: the owner, where there is one."""
        return self.issuer if kind in (Issue, Net, Anchor) else owner

    def fund(self, account: AccountId, units: int) -> None:
        """Bring units of the asset to an account, included; by an issue unless overridden."""
        facts = ("suite-funding", str(account), self.chain.head().newest.block_hash)
        instruction = Issue(
            instruction_id=content_id("suite-instruction", *facts),
            authority=self.authority(Issue, account),
            evidence=b"",
            recipient=account,
            asset=self.asset,
            units=units,
        )
        batch = Batch(
            batch_id=content_id("suite-batch", *facts),
            kind=BatchKind.SETTLEMENT,
            instructions=(instruction,),
        )
        for transaction in self.chain.prepare([batch], outstanding=()):
            self.chain.broadcast(transaction)
        self.mine()

    def holding(self, account: AccountId, asset: AssetId) -> int:
        """Return what an account has, for comparing what must not have changed.

        The adapter is asked, unless a harness overrides this because it can look into its chain.
        """
        return self.chain.balance(account, asset).units

    @property
    def verifier(self) -> Verifier:
        """Who verifies evidence of sessions: the codec, where the chain holds."""
        return self.codec if isinstance(self.codec, Verifier) else _NO_VERIFIER

    @property
    def session_asset(self) -> AssetId:
        """What sessions hold and pay; the asset itself unless overridden."""
        return self.asset

    @property
    def session_domain(self) -> bytes:
        """The domain of the chain's escrow: override it where the chain declares `hold`."""
        return session_domain(str(self.chain.chain_id))

    @property
    def session_escrow(self) -> AccountId | None:
        """The account that signs what leaves the escrow, where no contract keeps it."""
        return None

    @property
    def meter(self) -> AccountId:
        """The account whose key signs readings: the payee's own unless overridden."""
        return self.holders[1]

    def fund_session(self, account: AccountId, units: int) -> None:
        """Bring units of the session asset to an account, free to be held; `fund` unless overridden."""
        self.fund(account, units)

    @property
    def standing_asset(self) -> AssetId:
        """What standing authorisations hold and pay; that of sessions unless overridden."""
        return self.session_asset

    def fund_standing(self, account: AccountId, units: int) -> None:
        """Bring units of that asset to an account; `fund_session` unless overridden."""
        self.fund_session(account, units)

    def sign_evidence(self, terms: SessionTerms, statement: Statement, signer: AccountId) -> bytes:
        """Return a signature of evidence, over the payload that the codec gives."""
        signed = self.signers.get(signer)
        payload = self.verifier.statement_payload(terms, statement)
        return b"unsigned" if signed is None else signed.sign(payload)

    @property
    def standing_verifier(self) -> StandingVerifier | None:
        """Who verifies standing authorisations: the codec, where the chain takes them."""
        return self.codec if isinstance(self.codec, StandingVerifier) else None

    def sign_standing(self, terms: StandingTerms, signer: AccountId) -> bytes:
        """Return a signature of a standing authorisation, over the payload that the codec gives."""
        signed, verifier = self.signers.get(signer), self.standing_verifier
        if signed is None or verifier is None:
            return b"unsigned"
        return signed.sign(verifier.standing_payload(terms))

    @property
    def foreign_account(self) -> AccountId:
        """An account of another chain."""
        return AccountId.on(ELSEWHERE, "nobody")

    @property
    def foreign_asset(self) -> AssetId:
        """An asset of another chain."""
        return AssetId.on(ELSEWHERE, "unit", "nothing")

    def _lacks(self, ability: Ability) -> NoReturn:
        raise NotImplementedError(
            f"{type(self).__name__} has no {ability.value}: override it, or say in `cannot` why not"
        )
