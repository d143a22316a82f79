"""Ethereum for sauma: a settlement contract that nets in one transaction, and the adapter to it.

`EthereumChain` is the adapter, `EthereumCodec` its offline half, `EthereumSettings` the plain facts
that both are built from.  `NodeClient` speaks to nodes, `deploy` and `verify` bring the contract into
being and check it, `EthereumSigner` signs.  `LocalEthereum` is a chain of one's own, in this process
or as anvil beside it.  Names are loaded when first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sauma_ethereum.caip import account_of, chain_id_of
    from sauma_ethereum.chain import EthereumChain
    from sauma_ethereum.codec import EthereumCodec
    from sauma_ethereum.deployment import Deployment, Verification, deploy, verify
    from sauma_ethereum.local import LocalEthereum
    from sauma_ethereum.node import NodeClient
    from sauma_ethereum.provider import ProviderTransport
    from sauma_ethereum.settings import EthereumSettings, FinalityRule
    from sauma_ethereum.signing import EthereumSigner

__all__ = [
    "Deployment",
    "EthereumChain",
    "EthereumCodec",
    "EthereumSettings",
    "EthereumSigner",
    "FinalityRule",
    "LocalEthereum",
    "NodeClient",
    "ProviderTransport",
    "Verification",
    "account_of",
    "chain_id_of",
    "deploy",
    "verify",
]

_MODULES = {
    "Deployment": "deployment",
    "EthereumChain": "chain",
    "EthereumCodec": "codec",
    "EthereumSettings": "settings",
    "EthereumSigner": "signing",
    "FinalityRule": "settings",
    "LocalEthereum": "local",
    "NodeClient": "node",
    "ProviderTransport": "provider",
    "Verification": "deployment",
    "account_of": "caip",
    "chain_id_of": "caip",
    "deploy": "deployment",
    "verify": "deployment",
}


def __getattr__(name: str) -> Any:
    """Import a public name when it is first asked for."""
    module = _MODULES.get(name)
    if module is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{module}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """List the public names, loaded or not."""
    return sorted({*globals(), *__all__})
