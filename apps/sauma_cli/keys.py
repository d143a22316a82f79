"""The keystore of a folder: the operator's keys, and those of participants who brought none."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import TYPE_CHECKING, Final

from sauma.errors import NoSigner
from sauma.settlement import CLEARING, ISSUER

if TYPE_CHECKING:
    from sauma.chain import Signer
    from sauma.identifiers import AccountId
    from sauma_nem.wallet import KeyFile

_ROLE_KEYS: Final = {ISSUER: "issuer", CLEARING: "clearing"}


class Keys:
    """Two files of private keys, apart so that a participant may bear any name."""

    def __init__(self, path: Path, network: str) -> None:
        """Open the key files in a folder, or begin them; the folder must be locked by the caller."""
        self.path = path
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        for remnant in (*path.glob("*.new"), *path.glob("*.making")):
            remnant.unlink()  # of a process that was killed: the lock says that none is writing
        self._operator = _open(path / "operator.json", network)
        self._participants = _open(path / "participants.json", network)

    def account(self, holder: str) -> AccountId:
        """Return a holder's account; a key is made, and is on the disk, when there was none."""
        name = _ROLE_KEYS.get(holder)
        keys = self._participants if name is None else self._operator
        name = name or holder
        if name in keys.names:
            return keys.account(name)
        return keys.generate(name, secrets.token_bytes).account

    def signer(self, role: str) -> Signer:
        """Return the signer of one of the operator's roles."""
        return self._operator.signer(_ROLE_KEYS[role])

    def signers(self) -> dict[AccountId, Signer]:
        """Return everybody's signer by account."""
        return {**self._operator.signers(), **self._participants.signers()}

    def check_issuer(self, issuer: AccountId) -> None:
        """Raise `NoSigner` when the issuing account of the journal is not the one in the file."""
        if "issuer" not in self._operator.names or self._operator.account("issuer") != issuer:
            raise NoSigner(
                f"{self.path / 'operator.json'} has no key of {issuer}, which issues the energy of "
                "this folder: restore the file from a copy"
            )


def _open(path: Path, network: str) -> KeyFile:
    """Load a key file, or begin one; a half-written one never gets the name."""
    from sauma_nem.wallet import KeyFile

    if not path.exists():
        making = path.with_name(path.name + ".making")
        KeyFile.create(making, network)
        making.replace(path)
    return KeyFile.load(path)
