"""Routes about the node, its clock and its blocks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sauma_nem.json_form import block_to_json

from ..results import RestError
from ..status import Peer
from . import reading
from .exchange import JsonObject, Request
from .views import explorer_view

if TYPE_CHECKING:
    from ..node import TestNode

_DEAD_PEERS_HEIGHT = 1
_BLOCKS_AFTER_MAX = 10


def heartbeat(_node: TestNode, _request: Request) -> JsonObject:
    """GET /heartbeat."""
    return {"code": 1, "type": 2, "message": "ok"}


def status(node: TestNode, _request: Request) -> JsonObject:
    """GET /status."""
    return {"code": int(node.status), "type": 4, "message": "status"}


def node_info(node: TestNode, _request: Request) -> JsonObject:
    """GET /node/info."""
    return {
        "metaData": {
            "features": 1,
            "application": None,
            "networkId": node.settings.network.id_signed,
            "version": node.settings.version,
            "platform": node.settings.platform,
        },
        "endpoint": {"protocol": "http", "port": node.port, "host": node.host},
        "identity": {
            "name": node.settings.node_name,
            "public-key": node.harvester_public_key.hex(),
        },
    }


def node_extended_info(node: TestNode, request: Request) -> JsonObject:
    """GET /node/extended-info."""
    return {
        "node": node_info(node, request),
        "nisInfo": {
            "currentTime": node.now_seconds(),
            "application": "NEM",
            "startTime": node.started_seconds,
            "version": node.settings.version,
            "signer": None,
        },
    }


def peers_all(node: TestNode, _request: Request) -> JsonObject:
    """GET /node/peer-list/all: those that answer and those that do not."""
    reached = [_peer_view(node, peer) for peer in node.peers() if peer.height is not None]
    silent = [_peer_view(node, peer) for peer in node.peers() if peer.height is None]
    return {"inactive": silent, "failure": [], "busy": [], "active": reached}


def peers_reachable(node: TestNode, _request: Request) -> JsonObject:
    """GET /node/peer-list/reachable."""
    return {"data": [_peer_view(node, peer) for peer in node.peers() if peer.height is not None]}


def peers_active(node: TestNode, _request: Request) -> JsonObject:
    """GET /node/peer-list/active: whom the node would tell of a block, also those it cannot reach."""
    return {"data": [_peer_view(node, peer) for peer in node.peers()]}


def _peer_view(node: TestNode, peer: Peer) -> JsonObject:
    is_known = peer.height is not None
    return {
        "metaData": {
            "features": 1 if is_known else 0,
            "application": None,
            "networkId": node.settings.network.id_signed if is_known else 0,
            "version": node.settings.version if is_known else "0.0.0",
            "platform": node.settings.platform if is_known else None,
        },
        "endpoint": {"protocol": "http", "port": peer.port, "host": peer.host},
        "identity": {"name": peer.name, "public-key": peer.public_key.hex()},
    }


def peers_height(node: TestNode, _request: Request) -> JsonObject:
    """GET /node/active-peers/max-chain-height: 1 where no peer answers."""
    heights = [peer.height for peer in node.peers() if peer.height is not None]
    return {"height": max(heights, default=_DEAD_PEERS_HEIGHT)}


def height(node: TestNode, _request: Request) -> JsonObject:
    """GET /chain/height."""
    return {"height": node.height}


def score(node: TestNode, _request: Request) -> JsonObject:
    """GET /chain/score: the difficulties less the seconds that the blocks took."""
    total = f"{node.chain.score:x}"
    return {"score": total if len(total) % 2 == 0 else "0" + total}


def last_block(node: TestNode, _request: Request) -> JsonObject:
    """GET /chain/last-block."""
    return block_to_json(node.chain.tip.block)


def block_at(node: TestNode, request: Request) -> JsonObject:
    """POST /block/at/public."""
    wanted = reading.height(request)
    confirmed = node.chain.at(wanted)
    if confirmed is None:
        raise RestError(404, f"block not found in the db '{wanted}' (org.nem.core.model.Block)")
    return block_to_json(confirmed.block)


def local_block_at(node: TestNode, request: Request) -> JsonObject:
    """POST /local/block/at."""
    confirmed = node.chain.at(reading.height(request))
    if confirmed is None:
        raise RestError(500, 'Cannot invoke "Object.getClass()" because "<parameter1>" is null')
    return explorer_view(confirmed)


def local_blocks_after(node: TestNode, request: Request) -> JsonObject:
    """POST /local/chain/blocks-after: up to ten blocks above a height."""
    first = reading.height(request)
    following = node.chain.blocks()[first : first + _BLOCKS_AFTER_MAX]
    return {"data": [explorer_view(confirmed) for confirmed in following]}


def network_time(node: TestNode, _request: Request) -> JsonObject:
    """GET /time-sync/network-time, in milliseconds."""
    now_ms = node.now_ms()
    return {"sendTimeStamp": now_ms, "receiveTimeStamp": now_ms}
