"""NEM's names as the Chain Agnostic Improvement Proposals write them, both ways.

Chains are `nem:mainnet`, `nem:testnet`, `nem:mijin`; accounts carry the 40 characters of the
address; the mosaic `grid:wh` of the test network is `nem:testnet/mosaic:grid.wh`.  A mosaic's own
name never holds a full stop, so the last one ends the namespace.  What CAIP-19 does not allow
(underscore, apostrophe, space) is percent-encoded.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final
from urllib.parse import quote, unquote

from sauma.errors import InvalidInput, WrongNetwork
from sauma.identifiers import AccountId, AssetId, ChainId

from .names import check_mosaic_name, check_namespace
from .network import NETWORKS, Network, address_of, check_address
from .transactions import XEM, MosaicId
from .unreadable import AddressNetwork

CAIP_NAMESPACE: Final = "nem"
ASSET_KIND: Final = "mosaic"
CACHED_MAX: Final = 65_536
"""How many names are remembered in each direction: the same accounts and assets come again and again."""


def network_named(name: str) -> Network:
    """Return the network called mainnet, testnet or mijin; raises `InvalidInput` for another name."""
    for network in NETWORKS:
        if network.name == name:
            return network
    known = ", ".join(network.name for network in NETWORKS)
    raise InvalidInput(f"there is no NEM network {name!r}: take one of {known}")


@lru_cache(maxsize=CACHED_MAX)
def chain_id_of(network: Network) -> ChainId:
    """Return the chain id of a network."""
    return ChainId(f"{CAIP_NAMESPACE}:{network.chain_reference}")


def network_of(chain_id: ChainId) -> Network:
    """Return the network of a chain id; raises `WrongNetwork` for a chain that is not NEM."""
    for network in NETWORKS:
        if chain_id_of(network) == chain_id:
            return network
    known = ", ".join(str(chain_id_of(network)) for network in NETWORKS)
    raise WrongNetwork(f"{chain_id} is no NEM network: take one of {known}")


@lru_cache(maxsize=CACHED_MAX)
def account_of(address: str | bytes, network: Network) -> AccountId:
    """Return the account of an address, or of a public key (32 bytes), on a network.

    Raises a subclass of `InvalidAddress` for an address that is not one of this network.
    """
    if isinstance(address, bytes):
        address = address_of(address, network.byte)
    return AccountId.on(chain_id_of(network), check_address(address, network))


@lru_cache(maxsize=CACHED_MAX)
def address_on(account: AccountId, network: Network) -> str:
    """Return an account's address, once it is known to be one of this network.

    Raises `WrongNetwork` for an account or address of another network, and `InvalidInput` for an
    address that was mistyped.
    """
    chain_id = chain_id_of(network)
    if account.chain_id != chain_id:
        raise WrongNetwork(
            f"account {account} is not on {chain_id}: name the participant's account there"
        )
    try:
        address = check_address(account.address, network)
    except AddressNetwork as error:
        raise WrongNetwork(str(error)) from error
    if address != account.address:
        raise InvalidInput(f"account {account} must be written in upper case: {address}")
    return address


@lru_cache(maxsize=CACHED_MAX)
def asset_of(mosaic_id: MosaicId, network: Network) -> AssetId:
    """Return the asset id of a mosaic on a network."""
    text = quote(f"{mosaic_id.namespace}.{mosaic_id.name}", safe="").replace("_", "%5F")
    return AssetId.on(chain_id_of(network), ASSET_KIND, text)


def xem_asset(network: Network) -> AssetId:
    """Return the asset id of XEM, in which fees are paid."""
    return asset_of(XEM, network)


@lru_cache(maxsize=CACHED_MAX)
def mosaic_of(asset: AssetId, network: Network) -> MosaicId:
    """Return the mosaic that an asset id names.

    Raises `WrongNetwork` for an asset of another chain and `InvalidInput` for one that names no
    mosaic.
    """
    chain_id = chain_id_of(network)
    if asset.chain_id != chain_id:
        raise WrongNetwork(f"asset {asset} is not on {chain_id}: name one that is")
    namespace, _, name = unquote(asset.reference).rpartition(".")
    mosaic_id = MosaicId(namespace=namespace, name=name)
    if asset.kind != ASSET_KIND or asset_of(mosaic_id, network) != asset:
        raise InvalidInput(
            f"asset {asset} names no mosaic: write {chain_id}/{ASSET_KIND}:namespace.name"
        )
    check_namespace(namespace)
    check_mosaic_name(name)
    return mosaic_id
