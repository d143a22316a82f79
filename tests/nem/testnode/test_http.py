"""The node over HTTP: connections, errors, paging, control, and what stands in between."""

from __future__ import annotations

import http.client
import json
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sauma.errors import Conflict, InvalidInput
from sauma_nem.binary import transaction_hash
from sauma_nem.network import MAINNET
from sauma_nem.testnode import NodeServer, Reply, Request, TestNode, WallClock, serve
from sauma_nem.testnode.server import Answerer

from .actors import ALICE, BOB, START_MICRO, confirm, new_node
from .http_client import Client


@pytest.fixture
def node() -> TestNode:
    return new_node()


@pytest.fixture
def client(node: TestNode) -> Iterator[Client]:
    with NodeServer(node, control=True) as server:
        found = Client(server)
        yield found
        found.close()


def test_http_says_what_the_process_says(client: Client, node: TestNode) -> None:
    """The socket adds nothing: every route gives the same JSON as `request`."""
    for path in ("/node/info", "/chain/last-block", "/nowhere", "/account/get?address=X"):
        assert client.ask("GET", path) == node.request("GET", path)


def test_replies_are_chunked_json_for_every_origin(node: TestNode) -> None:
    """HTTP/1.1 gets chunks, HTTP/1.0 a length; both the line end and the CORS header."""
    with NodeServer(node) as server:
        connection = http.client.HTTPConnection(server.host, server.port, timeout=10)
        connection.request("GET", "/chain/height")
        reply = connection.getresponse()
        headers, content = dict(reply.getheaders()), reply.read()
        connection.close()
        with socket.create_connection((server.host, server.port), timeout=10) as old:
            old.sendall(b"GET /chain/height HTTP/1.0\r\n\r\n")
            answered = b"".join(iter(lambda: old.recv(4_096), b""))

    assert headers["Content-Type"] == "application/json"
    assert headers["Transfer-Encoding"] == "chunked"
    assert headers["Access-Control-Allow-Origin"] == "*"
    assert content == b'{"height":1}\r\n'
    assert b"Content-Length: 14\r\n" in answered
    assert answered.endswith(b'\r\n\r\n{"height":1}\r\n')


def test_what_cannot_be_told_in_json_was_done_nevertheless(client: Client, node: TestNode) -> None:
    """406 comes when the answer should be written: an announce was taken before it."""
    request = ALICE.signed(ALICE.transfer(node, BOB, 1))

    status, _ = client.ask("POST", "/transaction/announce", request.to_json(), Accept="text/html")

    assert status == 406
    assert len(node.waiting()) == 1


def test_many_requests_share_a_connection(client: Client) -> None:
    """HTTP/1.1: the connection stays open, and an answer comes in about a millisecond."""
    client.ask("GET", "/chain/height")
    started = time.perf_counter()

    for _ in range(200):
        status, body = client.ask("GET", "/chain/height")

    assert (status, body) == (200, {"height": 1})
    assert (time.perf_counter() - started) / 200 < 0.02


def test_announce_and_follow_over_http(client: Client, node: TestNode) -> None:
    """What an adapter does: announce, mine by control, find it by hash."""
    transfer = ALICE.transfer(node, BOB, 5)
    request = ALICE.signed(transfer)

    announced = client.ask("POST", "/transaction/announce", request.to_json())
    mined = client.ask("POST", "/sauma/mine", {"blocks": 3})
    found = client.ask("GET", f"/transaction/get?hash={transaction_hash(transfer).hex()}")
    rolled = client.ask("POST", "/sauma/rollback", {"blocks": 3})
    gone = client.ask("GET", f"/transaction/get?hash={transaction_hash(transfer).hex()}")

    assert announced[1]["message"] == "SUCCESS"
    assert announced[1]["transactionHash"] == {"data": transaction_hash(transfer).hex()}
    assert mined == (200, {"height": 4})
    assert found[1]["meta"]["height"] == 2
    assert rolled == (200, {"height": 1})
    assert gone[0] == 400


def test_time_and_forks_by_control(client: Client, node: TestNode) -> None:
    """Other processes set the clock and change the branch."""
    client.ask("POST", "/sauma/mine")
    now_seconds = node.now_seconds()

    advanced = client.ask("POST", "/sauma/time", {"advance": 5})
    set_back = client.ask("POST", "/sauma/time", {"seconds": now_seconds})
    forked = client.ask("POST", "/sauma/fork", {"depth": 1, "blocks": 4})
    impossible = client.ask("POST", "/sauma/rollback", {"blocks": 99})
    nonsense = client.ask("POST", "/sauma/mine", {"blocks": "3"})

    assert advanced[1] == {"networkTime": (now_seconds + 5) * 1_000}
    assert set_back[1] == {"networkTime": now_seconds * 1_000}
    assert forked[1] == {"height": 5}
    assert impossible[0] == nonsense[0] == 400


def test_control_is_not_there_unless_asked_for() -> None:
    """A node that others reach cannot be driven by them; local routes can be refused too."""
    with NodeServer(new_node(), local=False) as server:
        client = Client(server)
        mine = client.ask("POST", "/sauma/mine", {"blocks": 1})
        local = client.ask("POST", "/local/block/at", {"height": 1})
        client.close()

    assert mine[0] == 404
    assert local[0] == 401


@pytest.mark.parametrize(
    ("method", "path", "body", "headers", "status", "message"),
    [
        ("GET", "/nowhere", None, {}, 404, None),
        ("PUT", "/chain/height", None, {}, 500, "Request method 'PUT' not supported"),
        ("POST", "/chain/height", "{}", {}, 500, "Request method 'POST' not supported"),
        ("GET", "/chain/height", None, {"Accept": "text/html"}, 406, "Could not find acceptable"),
        ("POST", "/block/at/public", "nonsense", {}, 400, "JSON Object was expected"),
        ("POST", "/block/at/public", "[]", {}, 400, "JSON Object was expected"),
        ("POST", "/block/at/public", '{"height":true}', {}, 500, "property height has an incom"),
        ("GET", "/account/get?address=", None, {}, 400, "address must be valid"),
        ("GET", "/account/harvests?id=5", None, {}, 400, "encoded address cannot be null"),
        ("GET", "/mosaic/supply?mosaicId=a:b", None, {}, 404, "mosaic id a:b is unknown 'a:b'"),
    ],
)
def test_errors_look_like_the_servers(
    client: Client,
    method: str,
    path: str,
    body: str | None,
    headers: dict[str, str],
    status: int,
    message: str | None,
) -> None:
    """Status, reason and text in one JSON object, with the node's time."""
    answered, error = client.ask(method, path, body, **headers)

    assert answered == error["status"] == status
    assert set(error) == {"timeStamp", "error", "message", "status"}
    assert error["message"] == message or error["message"].startswith(message)


def test_listings_are_paged_by_id(client: Client, node: TestNode) -> None:
    """Newest first, strictly below the id or the hash; the id wins; 5 to 100 a page."""
    for amount in range(12):
        confirm(node, ALICE, ALICE.transfer(node, BOB, amount))
    path = f"/account/transfers/incoming?address={BOB.address}"

    first = client.ask("GET", f"{path}&pageSize=1")[1]["data"]
    last = first[-1]["meta"]
    by_id = client.ask("GET", f"{path}&pageSize=5&id={last['id']}")[1]["data"]
    by_hash = client.ask("GET", f"{path}&pageSize=5&hash={last['hash']['data']}")[1]["data"]
    both = client.ask("GET", f"{path}&id=1&hash={last['hash']['data']}")[1]["data"]
    everything = client.ask("GET", path)[1]["data"]

    assert [row["transaction"]["amount"] for row in first] == [11, 10, 9, 8, 7]
    assert [row["transaction"]["amount"] for row in by_id] == [6, 5, 4, 3, 2]
    assert by_hash == by_id
    assert both == []
    assert len(everything) == 13


def test_local_routes_tell_hashes_ten_blocks_at_a_time(client: Client, node: TestNode) -> None:
    """The fastest way to follow a chain."""
    node.mine(15)

    rows = client.ask("POST", "/local/chain/blocks-after", {"height": 3})[1]["data"]

    assert [row["block"]["height"] for row in rows] == list(range(4, 14))
    assert rows[0]["hash"] == rows[1]["block"]["prevBlockHash"]["data"]


def test_middleware_stands_between_http_and_node(node: TestNode) -> None:
    """It may answer by itself, change an answer, or let the connection break."""

    def faulty(request: Request, answer: Answerer) -> Reply | None:
        if request.path == "/chain/height":
            return Reply(status=500, body={"error": "out of order"})
        if request.path == "/heartbeat":
            return None
        return answer(request)

    with NodeServer(node, middleware=faulty) as server:
        client = Client(server)
        broken, _ = client.ask("GET", "/chain/height")
        served, _ = client.ask("GET", "/status")
        with pytest.raises(http.client.RemoteDisconnected):
            client.ask("GET", "/heartbeat")
        client.close()

    assert (broken, served) == (500, 200)


def test_blocks_come_by_the_timer() -> None:
    """With `block_seconds` the chain grows by itself."""
    node = new_node(clock=WallClock())

    with NodeServer(node, block_seconds=0.005):
        deadline = time.monotonic() + 10
        while node.height < 4 and time.monotonic() < deadline:
            threading.Event().wait(0.005)

    assert node.height >= 4


def test_threads_do_not_disturb_each_other(node: TestNode) -> None:
    """Announces from many connections while blocks are made: each answered once, none lost."""
    requests = [ALICE.signed(ALICE.transfer(node, BOB, amount)) for amount in range(80)]
    results: list[int] = []

    def send(server: NodeServer, part: int) -> None:
        client = Client(server)
        for request in requests[part::4]:
            results.append(
                client.ask("POST", "/transaction/announce", request.to_json())[1]["code"]
            )
        client.close()

    with NodeServer(node) as server:
        threads = [threading.Thread(target=send, args=(server, part)) for part in range(4)]
        for thread in threads:
            thread.start()
        for _ in range(5):
            node.mine()
        for thread in threads:
            thread.join()
        node.mine()

    assert results == [1] * 80
    assert node.balance_micro(BOB.address) == START_MICRO + sum(range(80))


def _serve(tmp_path: Path, **options: Any) -> dict[str, Any]:
    """Serve until one question is answered."""
    until, answers = threading.Event(), {}

    def ask(server: NodeServer) -> None:
        client = Client(server)
        answers["account"] = client.ask("GET", f"/account/get?address={ALICE.address}")[1][
            "account"
        ]
        answers["height"] = client.ask("GET", "/chain/height")[1]["height"]
        if options.get("control"):
            client.ask("POST", "/sauma/mine", {"blocks": 1})
        client.close()
        until.set()

    serve(port=0, path=tmp_path / "chain", on_ready=ask, until=until, **options)
    return answers


def test_serve_keeps_its_chain(tmp_path: Path) -> None:
    """The second start finds the first one's accounts and blocks, whatever it is told."""
    accounts = tmp_path / "accounts.json"
    accounts.write_text(json.dumps({ALICE.address: 77}), encoding="utf-8")

    first = _serve(tmp_path, accounts_file=accounts, block_seconds="manual", control=True)
    second = _serve(tmp_path)

    assert first["account"]["balance"] == second["account"]["balance"] == 77
    assert (first["height"], second["height"]) == (1, 2)
    with pytest.raises(Conflict, match="not of the mainnet"):
        _serve(tmp_path, network=MAINNET)


def test_what_cannot_be_served_is_said(node: TestNode) -> None:
    """A port that is taken, and a rhythm that does not exist."""
    with NodeServer(node) as server, pytest.raises(InvalidInput, match="take another port"):
        NodeServer(node, port=server.port)
    with pytest.raises(InvalidInput, match="auto or manual"):
        serve(port=0, block_seconds="often")  # type: ignore[arg-type]


def test_serve_refuses_bad_accounts(tmp_path: Path) -> None:
    """A file that is no table of micro XEM is named."""
    accounts = tmp_path / "accounts.json"
    accounts.write_text('{"a": "many"}', encoding="utf-8")

    with pytest.raises(InvalidInput, match="must hold one JSON object"):
        serve(port=0, accounts_file=accounts)
