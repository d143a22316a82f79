"""Routes about the node, its clock and its blocks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sauma_nem.json_form import block_to_json

from ..results import RestError
from . import reading
from .exchange import JsonObject, Request
from .views import DIFFICULTY, explorer_view

if TYPE_CHECKING:
    from ..node import TestNode

SERVER_VERSION = "0.6.102"
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
            "version": SERVER_VERSION,
            "platform": "sauma test node",
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
            "version": SERVER_VERSION,
            "signer": None,
        },
    }


def peers_all(_node: TestNode, _request: Request) -> JsonObject:
    """GET /node/peer-list/all: a network of one."""
    return {"inactive": [], "failure": [], "busy": [], "active": []}


def peers(_node: TestNode, _request: Request) -> JsonObject:
    """GET /node/peer-list/reachable and /active."""
    return {"data": []}


def height(node: TestNode, _request: Request) -> JsonObject:
    """GET /chain/height and /node/active-peers/max-chain-height."""
    return {"height": node.height}


def score(node: TestNode, _request: Request) -> JsonObject:
    """GET /chain/score: the difficulties less the seconds that the blocks took."""
    blocks = node.chain.blocks()
    seconds = blocks[-1].block.timestamp_seconds - blocks[0].block.timestamp_seconds
    total = f"{(len(blocks) - 1) * DIFFICULTY - seconds if len(blocks) > 1 else 0:x}"
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
