"""The keystore of a folder: the operator's keys, and those of participants who brought none."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import TYPE_CHECKING

from sauma.errors import NoSigner
from sauma.settlement import ISSUER
from sauma_cli.passphrases import asked_passphrase, given_passphrase

if TYPE_CHECKING:
    from sauma.chain import Signer
    from sauma.identifiers import AccountId
    from sauma_nem.keystore import Keystore
    from sauma_nem.wallet import KeyFile, NemSigner


class Keys:
    """Two files of private keys, apart so that a participant may bear any name.

    With a passphrase they are keystores; without one they are not encrypted, and say so.
    """

    def __init__(self, path: Path, network: str) -> None:
        """Open the key files in a folder, or begin them; the folder must be locked by the caller."""
        self.path = path
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        for remnant in (*path.glob("*.new"), *path.glob("*.making")):
            remnant.unlink()  # of a process that was killed: the lock says that none is writing
        self._operator = open_keys(path / "operator.json", network)
        self._participants = open_keys(path / "participants.json", network)

    def account(self, holder: str) -> AccountId:
        """Return a holder's account; a key is made, and is on the disk, when there was none."""
        keys = self._operator if holder.startswith("@") else self._participants
        name = _key_name(holder)
        if name in keys.names:
            return keys.account(name)
        return keys.generate(name, secrets.token_bytes).account

    def signer(self, role: str) -> Signer:
        """Return the signer of one of the operator's roles."""
        return self._operator.signer(_key_name(role))

    def participant_signer(self, name: str) -> NemSigner:
        """Return a participant's signer; a key is made, and is on the disk, when there was none."""
        self.account(name)
        return self._participants.signer(name)

    def signers(self) -> dict[AccountId, Signer]:
        """Return everybody's signer by account."""
        return {**self._operator.signers(), **self._participants.signers()}

    def check_issuer(self, issuer: AccountId, role: str = ISSUER) -> None:
        """Raise `NoSigner` when an issuing account of the journal is not the one in the file."""
        name = _key_name(role)
        if name not in self._operator.names or self._operator.account(name) != issuer:
            raise NoSigner(
                f"{self.path / 'operator.json'} has no key of {issuer}, which issues the energy of "
                "this folder: restore the file from a copy"
            )


def _key_name(holder: str) -> str:
    """Return what a holder's key is called in its file: `issuer`, `clearing`, `issuer.2`, or a name."""
    return holder.removeprefix("@")


def open_keys(path: Path, network: str) -> KeyFile | Keystore:
    """Open a file of keys, or begin one; a half-written one never gets the name.

    With a passphrase a new file is a keystore, and an unencrypted one becomes one.
    """
    from sauma_nem.keystore import Keystore, encrypt, is_encrypted
    from sauma_nem.wallet import KeyFile

    passphrase = given_passphrase()
    if not path.exists():
        making = path.with_name(path.name + ".making")
        if passphrase is None:
            KeyFile.create(making, network)
        else:
            Keystore.create(making, network, passphrase)
        making.replace(path)
    if is_encrypted(path):
        return Keystore.load(path, passphrase or asked_passphrase(path))
    return KeyFile.load(path) if passphrase is None else encrypt(path, passphrase)
