"""Which route answers which path, and what all of them refuse alike."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import attrs

from sauma.errors import InvalidInput
from sauma_nem.unreadable import Unreadable

from ..results import RestError
from ..status import NodeStatus
from . import accounts, assets, chain, control, local, transactions
from .exchange import JsonObject, Reply, Request

if TYPE_CHECKING:
    from ..node import TestNode

Handler = Callable[["TestNode", Request], JsonObject | None]
_ANSWERED_WHILE_LOADING = frozenset(("/chain/height", "/status"))
_NEEDS_NETWORK = frozenset(
    (
        "/node/info",
        "/node/extended-info",
        "/node/peer-list/all",
        "/node/peer-list/reachable",
        "/node/peer-list/active",
        "/node/active-peers/max-chain-height",
    )
)
"""What a node cannot tell before it was booted.  An announce is refused later, after its hash was
remembered."""
_LOCAL = frozenset(
    (
        "/account/generate",
        "/node/boot",
        "/shutdown",
        "/transaction/prepare",
        "/transaction/prepare-announce",
    )
)
_LOCAL_PREFIX = "/local/"
_BODILESS = frozenset(("/account/unlocked/info",))


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
            "/node/peer-list/reachable": chain.peers_reachable,
            "/node/peer-list/active": chain.peers_active,
            "/node/active-peers/max-chain-height": chain.peers_height,
            "/shutdown": local.shutdown,
            "/chain/height": chain.height,
            "/chain/score": chain.score,
            "/chain/last-block": chain.last_block,
            "/time-sync/network-time": chain.network_time,
            "/account/generate": local.account_generate,
            "/account/get": accounts.account_get,
            "/account/get/forwarded": accounts.account_forwarded,
            "/account/get/from-public-key": accounts.account_from_public_key,
            "/account/get/forwarded/from-public-key": accounts.account_forwarded_from_public_key,
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
            "/account/lock": local.account_lock,
            "/account/unlock": local.account_unlock,
            "/account/unlocked/info": accounts.unlocked_info,
            "/block/at/public": chain.block_at,
            "/local/block/at": chain.local_block_at,
            "/local/chain/blocks-after": chain.local_blocks_after,
            "/mosaic/supply/batch": assets.mosaic_supply_batch,
            "/node/boot": local.node_boot,
            "/transaction/announce": transactions.announce,
            "/transaction/prepare": local.transaction_prepare,
            "/transaction/prepare-announce": local.transaction_prepare_announce,
        }
    ),
}

CONTROL_ROUTES: Mapping[str, Route] = {
    **_gets({"/sauma/faults": control.faults}),
    **_posts(
        {
            "/sauma/mine": control.mine,
            "/sauma/rollback": control.rollback,
            "/sauma/fork": control.fork,
            "/sauma/time": control.time,
            "/sauma/faults/on": control.fault_on,
            "/sauma/faults/off": control.fault_off,
            "/sauma/part": control.part,
            "/sauma/join": control.join,
        }
    ),
}


def respond(node: TestNode, request: Request, *, control: bool = False) -> Reply:
    """Answer a request; with `control` also on the routes that drive the node."""
    try:
        with node.locked():
            body = _handle(node, request, control=control)
    except RestError as error:
        return _refuse(node, error)
    except Unreadable as error:
        return _refuse(node, RestError(error.server_status, error.server_message))
    except InvalidInput as error:
        return _refuse(node, RestError(400, str(error)))
    return Reply(body={}, is_empty=True) if body is None else Reply(body=body)


def _refuse(node: TestNode, error: RestError) -> Reply:
    return Reply(status=error.status, body=error.body(node.now_seconds()))


def _handle(node: TestNode, request: Request, *, control: bool) -> JsonObject | None:
    route = ROUTES.get(request.path)
    if route is None and control:
        route = CONTROL_ROUTES.get(request.path)
    if route is None:
        raise RestError(404, None)
    if request.method != route.method:
        raise RestError(500, f"Request method '{request.method}' not supported")
    if route is ROUTES.get(request.path):
        _check_state(node, request)
        _check_local(request)
        _check_content(request, route)
    body = route.handler(node, request)
    # The server finds out that it may not answer in JSON when it wants to: what was asked is done.
    if not _accepts_json(request.headers.get("accept", "*/*")):
        raise RestError(406, "Could not find acceptable representation")
    return body


def _check_state(node: TestNode, request: Request) -> None:
    if node.status == NodeStatus.LOADING and request.path not in _ANSWERED_WHILE_LOADING:
        raise RestError(503, "NIS_ILLEGAL_STATE_LOADING_CHAIN")
    if request.path in _NEEDS_NETWORK:
        node.check_booted()


def _check_local(request: Request) -> None:
    is_guarded = request.path in _LOCAL or request.path.startswith(_LOCAL_PREFIX)
    if is_guarded and not request.is_local:
        raise RestError(401, f"remote {request.remote} attempted to call local {request.path}")


def _check_content(request: Request, route: Route) -> None:
    if route.method != "POST" or request.path in _BODILESS:
        return
    content_type = request.headers.get("content-type", "")
    if content_type.partition(";")[0].strip().lower() != "application/json":
        raise RestError(500, f"Content type '{content_type}' not supported")


def _accepts_json(accept: str) -> bool:
    ranges = [each.partition(";")[0].strip().lower() for each in accept.split(",")]
    return any(each in ("*/*", "application/*", "application/json", "") for each in ranges)
