"""NEM (NIS1) for sauma: energy as a mosaic, settled by transfers that carry the batch's reference.

`NemChain` is the adapter, `NemCodec` its offline half, `NemSettings` the plain facts that both are
built from.  `NodeClient` speaks to a node, `provision` brings namespace and mosaic into being,
`KeyFile` and `NemSigner` hold keys.  Names are loaded when first used: the cryptography behind them
takes half a second to import.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sauma_nem.caip import (
        account_of,
        asset_of,
        chain_id_of,
        mosaic_of,
        network_named,
        network_of,
        xem_asset,
    )
    from sauma_nem.chain import NemChain
    from sauma_nem.codec import NemCodec
    from sauma_nem.delegation import Delegate
    from sauma_nem.evidence import sign_evidence
    from sauma_nem.namespace_life import NamespaceExpiring, NamespaceLife
    from sauma_nem.node import NodeClient
    from sauma_nem.settings import NemSettings
    from sauma_nem.setup import (
        MosaicMismatch,
        NamespaceTaken,
        SetupState,
        provision,
    )
    from sauma_nem.setup_steps import SetupStep
    from sauma_nem.wallet import KeyFile, NemSigner

__all__ = [
    "Delegate",
    "KeyFile",
    "MosaicMismatch",
    "NamespaceExpiring",
    "NamespaceLife",
    "NamespaceTaken",
    "NemChain",
    "NemCodec",
    "NemSettings",
    "NemSigner",
    "NodeClient",
    "SetupState",
    "SetupStep",
    "account_of",
    "asset_of",
    "chain_id_of",
    "mosaic_of",
    "network_named",
    "network_of",
    "provision",
    "sign_evidence",
    "xem_asset",
]

_MODULES = {
    "sign_evidence": "evidence",
    "Delegate": "delegation",
    "NamespaceExpiring": "namespace_life",
    "NamespaceLife": "namespace_life",
    "KeyFile": "wallet",
    "MosaicMismatch": "setup",
    "NamespaceTaken": "setup",
    "NemChain": "chain",
    "NemCodec": "codec",
    "NemSettings": "settings",
    "NemSigner": "wallet",
    "NodeClient": "node",
    "SetupState": "setup",
    "SetupStep": "setup_steps",
    "account_of": "caip",
    "asset_of": "caip",
    "chain_id_of": "caip",
    "mosaic_of": "caip",
    "network_named": "caip",
    "network_of": "caip",
    "provision": "setup",
    "xem_asset": "caip",
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
