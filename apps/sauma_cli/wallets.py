"""Who has which account on the chain of a folder."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol
from urllib.parse import quote

from sauma.errors import InvalidInput, WrongNetwork
from sauma.identifiers import AccountId, ChainId
from sauma_cli.keys import Keys


class Wallets(Protocol):
    """Accounts by holder: participants, `@issuer` and `@clearing`."""

    def account(
        self, holder: str, given: str | None = None, bound: AccountId | None = None
    ) -> AccountId:
        """Return the account that was given (CAIP-10 or an address), else the bound, else the keystore's.

        `bound` is the account that the journal has for the holder.
        """
        ...


class MemoryWallets:
    """On the reference chain an account is a name, and needs no key."""

    def __init__(self, chain_id: ChainId) -> None:
        """Name accounts on this chain."""
        self._chain_id = chain_id

    def account(
        self, holder: str, given: str | None = None, bound: AccountId | None = None
    ) -> AccountId:
        """Return the account of that name; what the chain does not allow in names is encoded."""
        if given is None and bound is not None:
            return bound
        if given is None:
            given = quote(holder, safe="").replace("_", "%5F")
        return AccountId(given) if ":" in given else AccountId.on(self._chain_id, given)


class NemWallets:
    """On NEM an account is an address, with a key in the folder or with its owner."""

    def __init__(
        self, keys: Keys, network: str, delegated: Mapping[str, AccountId] | None = None
    ) -> None:
        """Name accounts on a network; `delegated` are those of participants whom the operator signs for."""
        self._keys = keys
        self._network = network
        self._delegated = dict(delegated or {})

    def account(
        self, holder: str, given: str | None = None, bound: AccountId | None = None
    ) -> AccountId:
        """Return the account; raises `WrongNetwork` for an address of another network."""
        delegated = self._delegated.get(holder)
        if given is None:
            return delegated or bound or self._keys.account(holder)
        from sauma_nem.caip import address_on, chain_id_of, network_named

        network = network_named(self._network)
        chain_id = chain_id_of(network)
        account = AccountId(given) if ":" in given else AccountId.on(chain_id, given.upper())
        try:
            address_on(account, network)
        except WrongNetwork as error:
            raise WrongNetwork(f"the wallet of {holder}: {error}") from error
        except InvalidInput as error:
            raise InvalidInput(f"the wallet of {holder}: {error}") from error
        if delegated not in (None, account):
            raise InvalidInput(
                f"the wallet of {holder} is {account}, the public key of --delegate is of {delegated}: "
                "correct one of them"
            )
        return account
