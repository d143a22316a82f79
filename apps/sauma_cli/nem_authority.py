"""What the commands about several signatures are made of: keys, accounts, judges and cosigners."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from sauma.errors import InvalidInput, StoreError
from sauma.journal_claims import JournalClaims
from sauma.store import Store, queries
from sauma.venue import Venue
from sauma_cli.inputs import read_rulebook
from sauma_cli.passphrases import asked_passphrase, given_passphrase
from sauma_nem.caip import account_of
from sauma_nem.chain import NemChain
from sauma_nem.cosigning import Cosigner
from sauma_nem.judging import JournalJudge, Judge
from sauma_nem.network import PUBLIC_KEY_BYTES, Network
from sauma_nem.node import NodeClient
from sauma_nem.settings import NemSettings
from sauma_nem.signed_record import SignedRecord

if TYPE_CHECKING:
    from sauma.chain import Signer
    from sauma.identifiers import AccountId

ANY_MOSAIC = "any:thing"
"""Stands in settings where no energy moves."""


def named_signer(path: Path, name: str) -> tuple[Signer, Network]:
    """Return a signer of a file of keys, and its network."""
    from sauma_nem.keystore import Keystore, is_encrypted
    from sauma_nem.wallet import KeyFile

    if is_encrypted(path):
        store = Keystore.load(path, given_passphrase() or asked_passphrase(path))
        return store.signer(name), store.network
    keys = KeyFile.load(path)
    return keys.signer(name), keys.network


def public_key_of(digits: str) -> bytes:
    """Return a public key of its hexadecimal digits."""
    try:
        key = bytes.fromhex(digits)
    except ValueError:
        key = b""
    if len(key) != PUBLIC_KEY_BYTES:
        raise InvalidInput(
            f"public key {digits!r} must be {2 * PUBLIC_KEY_BYTES} hexadecimal digits, as `sauma keys "
            "export-public` prints them"
        )
    return key


def account_on(given: str | bytes, network: Network) -> AccountId:
    """Return the account of a public key, an address or a CAIP-10 id."""
    if isinstance(given, str):
        given = given.rpartition(":")[2].upper()
    return account_of(given, network)


def journal_judge(
    stack: ExitStack, client: NodeClient, store: Path, rulebooks: Sequence[Path]
) -> tuple[JournalJudge, NemSettings]:
    """Return a judge over a store's journal, and the settings that the journal recorded."""
    agreed = [read_rulebook(path).rulebook_hash for path in rulebooks]
    if not agreed:
        raise InvalidInput("nothing is justified without a rulebook: name one with --rulebook")
    settings = NemSettings.from_facts(_recorded(store))
    chain = NemChain(settings, client)
    venue = Venue(
        chain=chain,
        codec=chain.codec,
        energy_asset=settings.energy_asset,
        settings=settings.to_facts(),
    )
    claims = stack.enter_context(JournalClaims(store, venue))
    return JournalJudge(claims, settings, rulebooks=agreed), settings


def cosigner_of(
    client: NodeClient,
    network: Network,
    account: AccountId,
    signer: Signer,
    judge: Judge,
    record: Path,
    settings: NemSettings | None = None,
) -> Cosigner:
    """Return a cosigner; without settings of a journal, one for an account that moves no energy."""
    return Cosigner(
        client,
        settings or NemSettings(network=network.name, mosaic=ANY_MOSAIC, issuer=account),
        account=account,
        signer=signer,
        judge=judge,
        record=SignedRecord(record),
    )


def _recorded(store: Path) -> dict[str, Any]:
    if not store.is_file():
        raise StoreError(f"there is no store at {store}: name the store.sqlite of a settlement")
    with Store.open(store, read_only=True) as opened, opened.reading() as connection:
        row = queries.chain_row(connection)
    if row is None or not row[0].startswith("nem:"):
        raise InvalidInput(f"the journal in {store} does not settle on NEM: name another one")
    facts: dict[str, Any] = msgspec.json.decode(row[3])
    return facts
