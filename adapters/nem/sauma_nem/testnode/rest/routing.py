"""Which route answers which path, and what all of them refuse alike."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import attrs

from sauma.errors import InvalidInput
from sauma_nem.unreadable import Unreadable

from ..results import RestError
from . import accounts, assets, chain, control, transactions
from .exchange import JsonObject, Reply, Request

if TYPE_CHECKING:
    from ..node import TestNode

Handler = Callable[["TestNode", Request], JsonObject]
_STATUS_LOADING = 8
_STATUS_BOOTED = 5
_ALWAYS_ANSWERED = frozenset(("/chain/height", "/status"))
_ANSWERED_UNBOOTED = frozenset(
    ("/chain/height", "/status", "/heartbeat", "/time-sync/network-time")
)


@attrs.frozen
class Route:
    """A method and what answers it."""

    method: str
    handler: Handler


def _gets(handlers: Mapping[str, Handler]) -> dict[str, Route]:
    return {path: Route("GET", handler) for path, handler in handlers.items()}


def _posts(handlers: Mapping[str, Handler]) -> dict[str, Route]:
    return {path: Route("POST", handler) for path, handler in handlers.items()}


ROUTES: Mapping[str, Route] = {
    **_gets(
        {
            "/heartbeat": chain.heartbeat,
            "/status": chain.status,
            "/node/info": chain.node_info,
            "/node/extended-info": chain.node_extended_info,
            "/node/peer-list/all": chain.peers_all,
            "/node/peer-list/reachable": chain.peers,
            "/node/peer-list/active": chain.peers,
            "/node/active-peers/max-chain-height": chain.height,
            "/chain/height": chain.height,
            "/chain/score": chain.score,
            "/chain/last-block": chain.last_block,
            "/time-sync/network-time": chain.network_time,
            "/account/get": accounts.account_get,
            "/account/get/forwarded": accounts.account_get,
            "/account/get/from-public-key": accounts.account_from_public_key,
            "/account/get/forwarded/from-public-key": accounts.account_from_public_key,
            "/account/status": accounts.account_status,
            "/account/mosaic/owned": accounts.mosaics_owned,
            "/account/mosaic/owned/definition": accounts.definitions_owned,
            "/account/mosaic/definition/page": accounts.definitions_created,
            "/account/namespace/page": accounts.namespaces_owned,
            "/account/transfers/all": accounts.transfers,
            "/account/transfers/incoming": accounts.transfers,
            "/account/transfers/outgoing": accounts.transfers,
            "/account/unconfirmedTransactions": accounts.unconfirmed,
            "/account/harvests": accounts.harvests,
            "/account/importances": accounts.importances,
            "/namespace": assets.namespace,
            "/namespace/root/page": assets.namespace_roots,
            "/namespace/mosaic/definition/page": assets.definitions,
            "/mosaic/definition": assets.mosaic_definition,
            "/mosaic/definition/last": assets.mosaic_definition_last,
            "/mosaic/definition/page": assets.definitions,
            "/mosaic/supply": assets.mosaic_supply,
            "/local/mosaic/definition/supply": assets.local_definition_supply,
            "/local/mosaics/expired": assets.local_mosaics_expired,
            "/transaction/get": transactions.transaction,
        }
    ),
    **_posts(
        {
            "/account/get/batch": accounts.account_batch,
            "/account/mosaic/owned/definition/batch": accounts.definitions_owned_batch,
            "/account/unlocked/info": accounts.unlocked_info,
            "/block/at/public": chain.block_at,
            "/local/block/at": chain.local_block_at,
            "/local/chain/blocks-after": chain.local_blocks_after,
            "/mosaic/supply/batch": assets.mosaic_supply_batch,
            "/transaction/announce": transactions.announce,
        }
    ),
}

CONTROL_ROUTES: Mapping[str, Route] = _posts(
    {
        "/sauma/mine": control.mine,
        "/sauma/rollback": control.rollback,
        "/sauma/fork": control.fork,
        "/sauma/time": control.time,
    }
)


def respond(
    node: TestNode, request: Request, *, control: bool = False, local: bool = True
) -> Reply:
    """Answer a request; with `control` also on the routes that drive the node.

    Without `local` the routes are refused that a real node answers to its own machine only.
    """
    try:
        if not local and request.path.startswith("/local/"):
            raise RestError(401, f"remote {node.host} attempted to call local {request.path}")
        with node.locked():
            return Reply(body=_handle(node, request, control=control))
    except RestError as error:
        return _refuse(node, error)
    except Unreadable as error:
        return _refuse(node, RestError(error.server_status, error.server_message))
    except InvalidInput as error:
        return _refuse(node, RestError(400, str(error)))


def _refuse(node: TestNode, error: RestError) -> Reply:
    return Reply(status=error.status, body=error.body(node.now_seconds()))


def _handle(node: TestNode, request: Request, *, control: bool) -> JsonObject:
    route = ROUTES.get(request.path)
    if route is None and control:
        route = CONTROL_ROUTES.get(request.path)
    if route is None:
        raise RestError(404, None)
    _check_booted(node, request)
    if request.method != route.method:
        raise RestError(500, f"Request method '{request.method}' not supported")
    if not _accepts_json(request.headers.get("accept", "*/*")):
        raise RestError(406, "Could not find acceptable representation")
    content_type = request.headers.get("content-type", "")
    is_json = content_type.partition(";")[0].strip().lower() == "application/json"
    if route.method == "POST" and route is ROUTES.get(request.path) and not is_json:
        raise RestError(500, f"Content type '{content_type}' not supported")
    return route.handler(node, request)


def _check_booted(node: TestNode, request: Request) -> None:
    if node.status == _STATUS_LOADING and request.path not in _ALWAYS_ANSWERED:
        raise RestError(503, "NIS_ILLEGAL_STATE_LOADING_CHAIN")
    if node.status < _STATUS_BOOTED and request.path not in _ANSWERED_UNBOOTED:
        raise RestError(503, "NIS_ILLEGAL_STATE_NOT_BOOTED")


def _accepts_json(accept: str) -> bool:
    ranges = [each.partition(";")[0].strip().lower() for each in accept.split(",")]
    return any(each in ("*/*", "application/*", "application/json", "") for each in ranges)
