"""What the chain suite needs of this chain; put yours beside your tests."""

from __future__ import annotations

from sauma_template import Ledger, TemplateChain, TemplateCodec
from sauma_template.chain import CHAIN_ID

from sauma.chain import Chain
from sauma.identifiers import AccountId, AssetId
from sauma.testing import Ability, Harness


class TemplateHarness(Harness):
    """A ledger of its own for each case."""

    cannot = {  # noqa: RUF012 - the harness declares it once
        Ability.PASS_TIME: "transactions of this chain never expire",
        Ability.LOSE_REQUESTS: "the ledger is in this process",
        Ability.LOSE_ANSWERS: "the ledger is in this process",
    }

    def __init__(self) -> None:
        """Begin a ledger."""
        self.ledger = Ledger()
        grid, anna, bert, cleo, stranger = (
            AccountId.on(CHAIN_ID, name) for name in ("grid", "anna", "bert", "cleo", "stranger")
        )
        self.chain = TemplateChain(self.ledger, {grid, anna, bert, cleo})
        self.codec = TemplateCodec()
        self.asset = AssetId.on(CHAIN_ID, "unit", "wh")
        self.issuer, self.holders, self.stranger = grid, (anna, bert, cleo), stranger

    def mine(self, blocks: int = 1) -> None:
        """Make blocks."""
        for _ in range(blocks):
            self.ledger.mine()

    def watcher(self, page_blocks: int) -> Chain:
        """Return a second client, without signers."""
        return TemplateChain(self.ledger, page_blocks=page_blocks)
