"""JSON-RPC over HTTP: what was asked comes back, and each failure says whether anything can have happened."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from sauma.errors import BadAnswer, InvalidInput, OutcomeUnknown, Unavailable, WrongNetwork
from sauma_ethereum import NodeClient
from sauma_ethereum.fees import Fees, suggested
from sauma_ethereum.signing import keccak
from sauma_ethereum.transport import BATCH_CALLS_MAX, Call, ErrorReply, HttpTransport

Reply = tuple[int, bytes] | None
"""Status and body, or None to hang up without an answer."""


class Server:
    """A web server whose one answer is a function of the request."""

    def __init__(self) -> None:
        self.answer: Callable[[Any], Reply] = lambda request: (200, b"{}")
        self.requests: list[Any] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                request = json.loads(body)
                outer.requests.append(request)
                reply = outer.answer(request)
                if reply is None:
                    self.close_connection = True
                    return
                status, content = reply
                self.send_response(status)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *args: object) -> None:
                pass

        self.httpd = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.httpd.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.httpd.server_address[1]}/token-of-mine"
        threading.Thread(target=self.httpd.serve_forever, args=(0.01,), daemon=True).start()

    def close(self) -> None:
        self.httpd.shutdown()
        self.httpd.server_close()


@pytest.fixture(scope="module")
def only_server() -> Iterator[Server]:
    server = Server()
    yield server
    server.close()


@pytest.fixture
def server(only_server: Server) -> Server:
    only_server.requests.clear()
    return only_server


@pytest.fixture
def transport(server: Server) -> Iterator[HttpTransport]:
    made = HttpTransport(server.url, connect_timeout_s=2, read_timeout_s=0.3)
    yield made
    made.close()


def echo(request: Any) -> Reply:
    """Answer each call with its own first parameter, the last call first."""
    calls = request if isinstance(request, list) else [request]
    replies = [
        {"jsonrpc": "2.0", "id": call["id"], "result": call["params"][0]}
        for call in reversed(calls)
    ]
    return 200, json.dumps(replies if isinstance(request, list) else replies[0]).encode()


def failing(status: int, body: bytes) -> Callable[[Any], Reply]:
    return lambda request: (status, body)


def test_answers_are_matched_by_number(server, transport):
    """A node may answer a batch in any order; each call gets its own answer."""
    server.answer = echo

    assert transport.ask([Call("m", (number,)) for number in range(7)]) == list(range(7))
    assert transport.ask([Call("m", ("alone",))]) == ["alone"]
    assert len(server.requests) == 2


def test_long_batches_travel_in_parts(server, transport):
    """No request holds more calls than nodes take."""
    server.answer = echo
    count = BATCH_CALLS_MAX + 1

    assert transport.ask([Call("m", (number,)) for number in range(count)]) == list(range(count))
    assert [len(request) if isinstance(request, list) else 1 for request in server.requests] == [
        BATCH_CALLS_MAX,
        1,
    ]


def test_a_nodes_error_is_a_value(server, transport):
    """What a node refuses is told, with its data, and decides nothing."""
    error = {"code": -32000, "message": "nonce too low", "data": "0x01"}
    server.answer = lambda request: (
        200,
        json.dumps({"jsonrpc": "2.0", "id": request["id"], "error": error}).encode(),
    )

    assert transport.send([Call("m")]) == [
        ErrorReply(code=-32000, message="nonce too low", data="0x01")
    ]


@pytest.mark.parametrize(
    ("answer", "asking", "sending"),
    [
        (failing(200, b"<html>"), BadAnswer, OutcomeUnknown),
        (failing(200, b'{"jsonrpc":"2.0","id":1}'), BadAnswer, OutcomeUnknown),
        (failing(500, b"oops"), BadAnswer, OutcomeUnknown),
        (failing(429, b"slowly"), Unavailable, Unavailable),
        (failing(503, b"later"), Unavailable, OutcomeUnknown),
        (lambda request: None, Unavailable, OutcomeUnknown),
    ],
)
def test_failures_say_what_can_have_happened(server, transport, answer, asking, sending):
    """A question may be repeated; what was sent without an understandable answer is unknown."""
    server.answer = answer

    with pytest.raises(asking):
        transport.ask([Call("m")])
    with pytest.raises(sending):
        transport.send([Call("m")])


def test_silence_is_a_time_out(server, transport):
    """A node that takes a request and says nothing leaves the outcome unknown."""
    silent = threading.Event()
    server.answer = lambda request: (silent.wait(5), None)[1]

    with pytest.raises(OutcomeUnknown, match="ask status"):
        transport.send([Call("m")])
    silent.set()


def test_nobody_there_means_nothing_sent():
    """Without a connection nothing left, so the call may simply be repeated."""
    with (
        NodeClient("http://127.0.0.1:1", connect_timeout_s=1) as node,
        pytest.raises(Unavailable, match="nothing was sent"),
    ):
        node.send_raw(b"\x02")


def test_addresses_may_be_secret(server, transport):
    """The path of an address often is an access token, and stands in no message."""
    server.answer = failing(200, b"<html>")

    with pytest.raises(BadAnswer) as caught:
        transport.ask([Call("m")])
    assert "token-of-mine" not in str(caught.value)
    assert "127.0.0.1" in str(caught.value)
    with pytest.raises(InvalidInput):
        HttpTransport("ftp://somewhere")


class Script:
    """A transport that answers by method."""

    name = "script"

    def __init__(self, **answers: Any) -> None:
        self.answers = answers

    def ask(self, calls):
        return [self.answers[call.method] for call in calls]

    send = ask

    def close(self) -> None:
        pass


def test_a_node_must_serve_the_chain_and_the_contract():
    """Another chain, and another contract at the address, are refused before anything else."""
    node = NodeClient(Script(eth_chainId="0x1", eth_getCode="0x60ff"))
    code_hash = keccak(bytes.fromhex("60ff"))

    node.check(1, bytes(20), code_hash)
    with pytest.raises(WrongNetwork, match="serves chain 1, not 5"):
        node.check(5, bytes(20), code_hash)
    with pytest.raises(WrongNetwork, match="has code"):
        node.check(1, bytes(20), bytes(32))


@pytest.mark.parametrize(
    ("base_fees", "rewards", "ratios", "wanted"),
    [
        (["0x64", "0x64"], [["0x5"]], [0.5], Fees(fee_wei_max=205, priority_fee_wei=5)),
        (["0x64", "0x64"], [["0x5"]], [0.0], Fees(fee_wei_max=1000, priority_fee_wei=900)),
        (["0x64", "0x384"], [["0x5"]], [1], Fees(fee_wei_max=1000, priority_fee_wei=5)),
        (["0x64", "0x3e9"], [["0x5"]], [1], None),
        (["0x64"], [], [], Fees(fee_wei_max=1000, priority_fee_wei=900)),
    ],
)
def test_fees_come_from_history_below_the_ceiling(base_fees, rewards, ratios, wanted):
    """Twice the base fee and the usual tip, at most the ceiling; above it nothing is offered."""
    history = {"baseFeePerGas": base_fees, "gasUsedRatio": ratios, "reward": rewards}

    assert suggested(NodeClient(Script(eth_feeHistory=history)), 1000) == wanted


def test_a_raise_is_an_eighth_and_never_nothing():
    """Nodes want ten percent more of both fees; rounding never falls short of that."""
    for wei in (0, 1, 7, 8, 9, 10**9 + 1):
        raised = Fees(fee_wei_max=wei, priority_fee_wei=wei).raised()
        assert 10 * raised.fee_wei_max >= 11 * wei
        assert raised.priority_fee_wei > wei


def test_a_block_that_was_not_asked_for_is_no_answer():
    """What a node answers must be about what it was asked."""
    block = {
        "number": "0x5",
        "hash": "0x" + "11" * 32,
        "parentHash": "0x" + "22" * 32,
        "timestamp": "0x1",
        "gasLimit": "0x1",
        "transactions": [],
    }
    node = NodeClient(Script(eth_getBlockByNumber=block))

    assert node.known_block("latest").ref.height == 5
    with pytest.raises(BadAnswer, match="answers with block 5"):
        node.block(4)
    with pytest.raises(BadAnswer, match="answers with another"):
        NodeClient(
            Script(
                eth_getTransactionByHash={
                    "hash": "0x" + "33" * 32,
                    "from": "0x" + "44" * 20,
                    "nonce": "0x1",
                }
            )
        ).transaction(bytes(32))
