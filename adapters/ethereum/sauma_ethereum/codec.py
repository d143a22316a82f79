"""What signed bytes say: the pure half of the adapter, which an auditor loads without a network.

The contract knows accounts by number.  Which address each number stands for is written in the call
itself (`Settle.owners`), so that these bytes and the settings are enough; that the contract agrees is
seen in its events.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, TypeAlias

from sauma.chain import REFERENCE_BYTES, Decoded, Effect, is_reference
from sauma.errors import InvalidInput
from sauma.identifiers import AccountId, AssetId
from sauma.session import SessionTerms, StandingTerms, Statement

from .caip import account_of
from .evidence import is_allowed_by, is_signed_by, standing_payload, statement_payload
from .instructions import REFERENCE_WORD_BYTES
from .ledger import NEVER, REGISTER_MANY, parse_settle, selector
from .many import AUTHORISE_MANY, CLOSE_MANY, ManyCall, parse_many
from .operations import AnchorLine, Asset, Kind, Movement, movements_of, read
from .sessions import parse_step
from .settings import EthereumSettings
from .standing import CHARGE, STAND, ChargeCall, StandCall, parse_charge, parse_stand
from .transactions import FeeTransaction, parse_raw

_Contents: TypeAlias = tuple[bytes | None, tuple[Effect, ...], int | None, "set[AccountId] | None"]
"""Reference, effects, validity, and who may sign it: None is anybody."""
_ESCROW_CALLS: Final[dict[bytes, Callable[[bytes], ManyCall | StandCall | ChargeCall]]] = {
    selector(AUTHORISE_MANY): parse_many,
    selector(CLOSE_MANY): parse_many,
    selector(STAND): parse_stand,
    selector(CHARGE): parse_charge,
}
"""How calls of the escrow are read; any other is a step, or nothing."""
_PADDING: Final = bytes(REFERENCE_WORD_BYTES - REFERENCE_BYTES)


class EthereumCodec:
    """Reads signed transactions: settlements and sessions of our area, payments in ether, registrations."""

    def __init__(self, settings: EthereumSettings) -> None:
        """Read for the chain, the contract and the area of these settings."""
        self.settings = settings

    @classmethod
    def from_settings(cls, facts: Mapping[str, Any]) -> EthereumCodec:
        """Return the codec for settings as the journal records them (`EthereumSettings.to_facts`)."""
        return cls(EthereumSettings.from_facts(facts))

    def decode(self, raw: bytes) -> Decoded:
        """Return what signed bytes say; raises `InvalidInput` for bytes that no batch could be.

        Energy that is issued or retired has one effect, on its holder.  A payment has effects in
        ether, fees have none.  Every signature that holds names some signer, and a changed byte names
        another: so `signature_valid` says that the signer is whom these settings let do that.  A
        payment anybody may sign, and its signer pays; a signature that names nobody is refused.
        """
        transaction = self.read(raw)
        sender = self.sender_of(transaction)
        reference, effects, valid_until, allowed = self._contents(transaction, sender)
        return Decoded(
            transaction_id=transaction.transaction_id(),
            sender=sender,
            reference=reference,
            effects=effects,
            fee_payer=sender,
            fee_units_max=transaction.fee_units_max,
            valid_until=valid_until,
            signature_valid=allowed is None or sender in allowed,
            anchored_roots=self._roots(transaction),
        )

    def read(self, raw: bytes) -> FeeTransaction:
        """Return the transaction of signed bytes of this chain."""
        transaction = parse_raw(raw)
        if transaction.chain_number != self.settings.chain_number:
            raise InvalidInput(
                f"the transaction is for eip155:{transaction.chain_number}, not for "
                f"{self.settings.chain}: read it with that chain's settings"
            )
        return transaction

    def sender_of(self, transaction: FeeTransaction) -> AccountId:
        """Return who signed; raises `InvalidInput` when the signature names nobody."""
        sender = transaction.sender()
        if sender is None:
            raise InvalidInput("the signature of the transaction holds for no key")
        return account_of(sender, self.settings.chain)

    def anchored_roots(self, raw: bytes) -> tuple[bytes, ...]:
        """Return the Merkle roots that signed bytes anchor."""
        return self._roots(self.read(raw))

    def _roots(self, transaction: FeeTransaction) -> tuple[bytes, ...]:
        if transaction.to != self.settings.ledger_address or transaction.data[:4] == selector(
            REGISTER_MANY
        ):
            return ()
        sections = read(parse_settle(transaction.data).operations)
        return tuple(
            line.root
            for section in sections
            for line in section.lines
            if isinstance(line, AnchorLine)
        )

    def _contents(self, transaction: FeeTransaction, sender: AccountId) -> _Contents:
        if transaction.to is None:
            raise InvalidInput("the transaction creates a contract: no batch does")
        if transaction.to == self.settings.escrow_address:
            return self._session(transaction)
        if transaction.to != self.settings.ledger_address:
            return self._payment(transaction, transaction.to, sender)
        if transaction.value_wei:
            raise InvalidInput("the transaction pays ether to the contract, which takes none")
        if transaction.data[:4] == selector(REGISTER_MANY):
            return None, (), None, {self.settings.settler}
        settle = parse_settle(transaction.data)
        if settle.area != self.settings.area:
            raise InvalidInput(
                f"the transaction settles area {settle.area}, not {self.settings.area}: read it "
                "with that area's settings"
            )
        sections = read(settle.operations)
        effects = effects_of(movements_of(sections), settle.owner_by_account(), self.settings)
        valid_until = None if settle.valid_until == NEVER else settle.valid_until
        allowed = set.intersection(*(self._allowed(section.kind) for section in sections))
        return reference_in(settle.reference), effects, valid_until, allowed

    def _session(self, transaction: FeeTransaction) -> _Contents:
        """Read a step: who may take it is the machine's matter, and anybody's where it says so."""
        if transaction.value_wei:
            raise InvalidInput("the transaction pays ether to the escrow, which takes none")
        read_call = _ESCROW_CALLS.get(transaction.data[:4])
        step = (parse_step if read_call is None else read_call)(transaction.data)
        if step.area != self.settings.area:
            raise InvalidInput(
                f"the transaction is about a session of area {step.area}, not "
                f"{self.settings.area}: read it with that area's settings"
            )
        return reference_in(step.reference), step.effects(self.settings), None, None

    def statement_payload(self, terms: SessionTerms, statement: Statement) -> bytes:
        """Return the bytes that a signer signs for a statement (EIP-712, before its Keccak-256)."""
        return statement_payload(terms, statement)

    def verify_statement(
        self, terms: SessionTerms, statement: Statement, signer: AccountId, signature: bytes
    ) -> bool:
        """Tell whether the key of an account signed a statement; a contract's word needs a node."""
        return is_signed_by(self.settings, terms, statement, signer, signature)

    def standing_payload(self, terms: StandingTerms) -> bytes:
        """Return the bytes that a payer signs for a standing authorisation, before its Keccak-256."""
        return standing_payload(terms)

    def verify_standing(self, terms: StandingTerms, signature: bytes) -> bool:
        """Tell whether the key of the payer signed it; a contract's word needs a node."""
        return is_allowed_by(self.settings, terms, signature)

    def _payment(
        self, transaction: FeeTransaction, recipient: bytes, sender: AccountId
    ) -> _Contents:
        if transaction.data and not is_reference(transaction.data):
            raise InvalidInput(
                f"the transaction calls {account_of(recipient, self.settings.chain)}, not the "
                f"contract {self.settings.ledger}: no batch does"
            )
        effects = payment_effects(
            sender, account_of(recipient, self.settings.chain), transaction.value_wei, self.settings
        )
        return transaction.data or None, effects, None, None

    def _allowed(self, kind: Kind) -> set[AccountId]:
        """Return who may ask the contract for a section of a kind."""
        if kind in (Kind.ISSUE, Kind.RETIRE):
            return {self.settings.issuer}
        if kind is Kind.ANCHOR:
            return {self.settings.issuer, self.settings.settler}
        return {self.settings.settler}


def nonce_token(sender: AccountId, nonce: int) -> bytes:
    """Return the token that a transaction consumes: two with the same can never both land."""
    return f"nonce:{sender}:{nonce}".encode()


def reference_in(word: bytes) -> bytes | None:
    """Return the port's reference in the contract's 32 bytes; None when it is somebody else's."""
    reference, padding = word[:REFERENCE_BYTES], word[REFERENCE_BYTES:]
    return reference if is_reference(reference) and padding == _PADDING else None


def asset_of(asset: Asset, settings: EthereumSettings) -> AssetId:
    """Return the contract's energy or money as an asset."""
    return settings.energy_asset if asset is Asset.ENERGY else settings.money_asset


def effects_of(
    movements: Iterable[Movement], owner_of: Mapping[int, bytes], settings: EthereumSettings
) -> tuple[Effect, ...]:
    """Return movements of the contract's accounts as effects on their owners, in order."""
    assets = tuple(asset_of(asset, settings) for asset in Asset)  # by their numbers, from 0
    accounts = {number: account_of(owner, settings.chain) for number, owner in owner_of.items()}
    return tuple(
        [
            Effect(account=accounts[account], asset=assets[asset], delta_units=delta_units)
            for account, asset, delta_units in movements
        ]
    )


def payment_effects(
    sender: AccountId, recipient: AccountId, wei: int, settings: EthereumSettings
) -> tuple[Effect, ...]:
    """Return the effects of a payment in ether; of one to oneself there are none."""
    if wei == 0 or sender == recipient:
        return ()
    return (
        Effect(account=sender, asset=settings.fee_asset, delta_units=-wei),
        Effect(account=recipient, asset=settings.fee_asset, delta_units=wei),
    )
