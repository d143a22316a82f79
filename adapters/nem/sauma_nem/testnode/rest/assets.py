"""Routes about namespaces and mosaics."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sauma_nem.json_form import mosaic_definition_to_json, mosaic_id_to_json
from sauma_nem.transactions import MosaicId

from ..results import RestError
from . import reading
from .exchange import JsonObject, Request
from .views import definition_row_view, namespace_view

if TYPE_CHECKING:
    from ..node import TestNode

_NAMESPACE_CLASS = "org.nem.core.model.namespace.Namespace"
_DEFINITION_CLASS = "org.nem.core.model.mosaic.MosaicDefinition"
_SUPPLY_CLASS = "org.nem.core.model.ncc.MosaicIdSupplyPair"


def namespace(node: TestNode, request: Request) -> JsonObject:
    """GET /namespace: active ones; `nem` is in no table."""
    name = reading.namespace(request)
    root = node.chain.ledger.namespace(name)
    if root is None or not node.chain.ledger.is_active(name, node.height):
        raise RestError(404, f"invalid namespace '{name}' ({_NAMESPACE_CLASS})")
    return namespace_view(root, name)


def namespace_roots(node: TestNode, request: Request) -> JsonObject:
    """GET /namespace/root/page: active roots, the newest id first."""
    below, size = reading.row_id(request), reading.page_size(request)
    ledger = node.chain.ledger
    rows: dict[str, JsonObject] = {}
    for row in node.chain.history.namespaces():
        root = ledger.root(row.name)
        is_root = root is not None and root.name == row.name
        if not is_root or not ledger.is_active(row.name, node.height) or row.name in rows:
            continue
        if root is not None and (below is None or row.row_id < below):
            rows[row.name] = {
                "meta": {"id": row.row_id},
                "namespace": namespace_view(root, row.name),
            }
    return {"data": list(rows.values())[:size]}


def mosaic_definition(node: TestNode, request: Request) -> JsonObject:
    """GET /mosaic/definition: while its namespace is active."""
    wanted = reading.mosaic_id(request)
    if not node.chain.ledger.is_active(wanted.namespace, node.height):
        raise _unknown_definition(wanted)
    return _definition(node, wanted)


def mosaic_definition_last(node: TestNode, request: Request) -> JsonObject:
    """GET /mosaic/definition/last: also after its namespace has expired."""
    return _definition(node, reading.mosaic_id(request))


def _definition(node: TestNode, wanted: MosaicId) -> JsonObject:
    entry = node.chain.ledger.mosaic(wanted)
    if entry is None:
        raise _unknown_definition(wanted)
    return mosaic_definition_to_json(entry.definition)


def _unknown_definition(wanted: MosaicId) -> RestError:
    return RestError(404, f"invalid mosaic definition '{wanted}' ({_DEFINITION_CLASS})")


def mosaic_supply(node: TestNode, request: Request) -> JsonObject:
    """GET /mosaic/supply: the current supply in whole units."""
    wanted = reading.mosaic_id(request)
    entry = node.chain.ledger.mosaic(wanted)
    if entry is None:
        raise RestError(404, f"mosaic id {wanted} is unknown '{wanted}' ({_SUPPLY_CLASS})")
    return {"mosaicId": mosaic_id_to_json(wanted), "supply": entry.supply_whole}


def mosaic_supply_batch(_node: TestNode, _request: Request) -> JsonObject:
    """POST /mosaic/supply/batch, which the server cannot answer."""
    raise RestError(
        500,
        "Failed to instantiate [org.nem.core.serialization.Deserializer]: No default constructor "
        "found; nested exception is java.lang.NoSuchMethodException",
    )


def definitions(node: TestNode, request: Request) -> JsonObject:
    """GET /mosaic/definition/page and /namespace/mosaic/definition/page, the newest id first."""
    below, size = reading.row_id(request), reading.page_size(request)
    wanted = None
    if request.path.startswith("/namespace/"):
        wanted = reading.namespace(request)
    rows = [
        row
        for row in node.chain.history.definitions()
        if (wanted is None or row.definition.mosaic_id.namespace == wanted)
        and (below is None or row.row_id < below)
    ]
    return {"data": [definition_row_view(row.row_id, row.definition) for row in rows[:size]]}


def local_definition_supply(_node: TestNode, _request: Request) -> JsonObject:
    """GET /local/mosaic/definition/supply: nothing is tracked here."""
    return {"data": []}


def local_mosaics_expired(_node: TestNode, _request: Request) -> JsonObject:
    """GET /local/mosaics/expired: a feature that is off by default."""
    raise RestError(500, "this node does not support tracking expired mosaics")
