"""What a client sees over HTTP while a fault is switched on, and what the node has then."""

from __future__ import annotations

import http.client
import time
from collections.abc import Iterator

import pytest

from sauma.errors import InvalidInput
from sauma_nem.binary import transaction_hash
from sauma_nem.testnode import FaultSwitches, NodeServer, NodeStatus, Result, TestNode
from sauma_nem.testnode.faults import (
    FAULTS,
    CutShort,
    Delay,
    Drop,
    Duplicate,
    HalfPage,
    Loading,
    NotBooted,
    Reset,
    ServerError,
    StaleHeight,
    TimeSkew,
    WrongHash,
    fault_named,
)

from .actors import ALICE, BOB, START_MICRO, confirm, new_node
from .http_client import ANNOUNCE, Client

HEIGHT = "/chain/height"
OUTGOING = f"/account/transfers/outgoing?address={ALICE.address}"


@pytest.fixture
def node() -> TestNode:
    return new_node()


@pytest.fixture
def server(node: TestNode) -> Iterator[NodeServer]:
    with NodeServer(node, control=True) as started:
        yield started


@pytest.fixture
def client(server: NodeServer) -> Iterator[Client]:
    with Client(server) as connected:
        yield connected


def waiting(node: TestNode) -> int:
    return len(node.waiting())


@pytest.mark.parametrize(("lost", "taken"), [("request", 0), ("answer", 1)])
def test_drop_ends_the_connection_without_an_answer(
    node: TestNode, client: Client, lost: str, taken: int
) -> None:
    """The client cannot tell whether the node took what it sent."""
    node.faults.on(Drop(lost=lost), times=1)
    request = ALICE.signed(ALICE.transfer(node, BOB, 1))

    with pytest.raises(http.client.RemoteDisconnected):
        client.announce(request)
    had = waiting(node)
    again = client.announce(request)

    assert had == taken
    assert again == (200, "NEUTRAL" if taken else "SUCCESS")
    assert waiting(node) == 1


@pytest.mark.parametrize(("lost", "taken"), [("request", 0), ("answer", 1)])
def test_reset_is_seen_as_a_reset(node: TestNode, client: Client, lost: str, taken: int) -> None:
    """The connection is reset, not closed in good order."""
    node.faults.on(Reset(lost=lost), routes=(ANNOUNCE,))

    with pytest.raises(ConnectionResetError):
        client.announce(ALICE.signed(ALICE.transfer(node, BOB, 1)))

    assert waiting(node) == taken
    assert client.get(HEIGHT) == (200, {"height": 1})


def test_delay_outlasts_an_impatient_client(node: TestNode, server: NodeServer) -> None:
    """Who gives up early does not know that the node takes it nevertheless, later."""
    node.faults.on(Delay(milliseconds=150), times=1)

    with Client(server, timeout_s=0.03) as hasty, pytest.raises(TimeoutError):
        hasty.announce(ALICE.signed(ALICE.transfer(node, BOB, 1)))
    early = waiting(node)
    with Client(server) as patient:
        started = time.monotonic()
        node.faults.on(Delay(milliseconds=150), times=1)
        patient.get(HEIGHT)

    assert early == 0
    assert time.monotonic() - started >= 0.15
    assert waiting(node) == 1


def test_duplicate_gives_the_node_the_same_bytes_twice(node: TestNode, client: Client) -> None:
    """The answer is the one to the second: NEUTRAL, and it waits once."""
    node.faults.on(Duplicate())

    answered = client.announce(ALICE.signed(ALICE.transfer(node, BOB, 1)))

    assert answered == (200, "NEUTRAL")
    assert waiting(node) == 1


def test_wrong_hash_is_in_every_answer_that_has_one(node: TestNode, client: Client) -> None:
    """Announces, blocks, listings and the local views: the right shape with another digit."""
    transfer = ALICE.transfer(node, BOB, 1)
    request = ALICE.signed(transfer)
    confirm(node, ALICE, ALICE.transfer(node, BOB, 2))
    right = [client.get("/chain/last-block"), client.get(OUTGOING)]
    local = client.post("/local/block/at", {"height": 2})
    node.faults.on(WrongHash())

    announced = client.post(ANNOUNCE, request.to_json())[1]
    wrong = [client.get("/chain/last-block"), client.get(OUTGOING)]
    local_wrong = client.post("/local/block/at", {"height": 2})

    right_hash = transaction_hash(transfer).hex()
    assert announced["transactionHash"]["data"][0] != right_hash[0]
    assert announced["transactionHash"]["data"][1:] == right_hash[1:]
    assert wrong[0][1]["prevBlockHash"] != right[0][1]["prevBlockHash"]
    assert wrong[0][1]["signature"] == right[0][1]["signature"]
    assert wrong[1][1]["data"][0]["meta"]["hash"] != right[1][1]["data"][0]["meta"]["hash"]
    assert local_wrong[1]["hash"] != local[1]["hash"]
    assert local_wrong[1]["txes"][0]["hash"] != local[1]["txes"][0]["hash"]
    assert local_wrong[1]["txes"][0]["tx"] == local[1]["txes"][0]["tx"]


def test_stale_height_answers_as_the_node_did_before(node: TestNode, client: Client) -> None:
    """Height, blocks and balances are of one older block; what is announced is taken."""
    node.mine(3)
    confirm(node, ALICE, ALICE.transfer(node, BOB, 5))
    node.mine()
    node.faults.on(StaleHeight(blocks=2))
    balance = f"/account/get?address={BOB.address}"

    height = client.get(HEIGHT)
    last = client.get("/chain/last-block")[1]
    absent = client.post("/block/at/public", {"height": 5})
    old = client.get(balance)[1]["account"]["balance"]
    announced = client.announce(ALICE.signed(ALICE.transfer(node, BOB, 6)))
    node.rollback(3)
    node.mine(4)
    moved = client.get("/chain/last-block")[1]
    node.faults.clear()
    new = client.get(balance)[1]["account"]["balance"]

    assert height == (200, {"height": 4})
    assert last["height"] == 4
    assert absent[0] == 404
    assert (old, new) == (START_MICRO, START_MICRO + 11)
    assert announced == (200, "SUCCESS")
    assert (moved["height"], moved["prevBlockHash"]["data"]) == (
        5,
        node.chain.blocks()[3].block_hash.hex(),
    )


def test_half_a_page_is_the_newer_half(node: TestNode, client: Client) -> None:
    """Who takes a short page for the end loses what is older."""
    for amount in range(5):
        confirm(node, ALICE, ALICE.transfer(node, BOB, amount))
    node.faults.on(HalfPage(), routes=("/account/transfers/*",))

    rows = client.get(OUTGOING)[1]["data"]

    assert [row["transaction"]["amount"] for row in rows] == [4, 3]
    assert client.get(HEIGHT)[0] == 200


def test_cut_short_is_half_a_body(node: TestNode, client: Client) -> None:
    """The status says 200, and the body ends too early."""
    node.faults.on(CutShort(), times=1)

    with pytest.raises(http.client.IncompleteRead):
        client.get("/chain/last-block")
    client.close()

    assert client.get("/chain/last-block")[0] == 200


@pytest.mark.parametrize(("lost", "taken"), [("request", 0), ("answer", 1)])
def test_server_error_says_nothing_about_what_was_done(
    node: TestNode, client: Client, lost: str, taken: int
) -> None:
    """500 before or after the node worked on it look the same."""
    node.faults.on(ServerError(lost=lost), routes=(ANNOUNCE,))

    status, error = client.post(ANNOUNCE, ALICE.signed(ALICE.transfer(node, BOB, 1)).to_json())

    assert (status, error["error"]) == (500, "Internal Server Error")
    assert error["message"] == "java.lang.NullPointerException"
    assert waiting(node) == taken


def test_a_busy_node_answers_429(node: TestNode, client: Client) -> None:
    """Any HTTP error can be had, with its reason."""
    node.faults.on(ServerError(status=429, message=None), times=1)

    status, error = client.get(HEIGHT)

    assert (status, error["error"], error["message"]) == (429, "Too Many Requests", None)


def test_not_booted_poisons_what_is_announced(node: TestNode, client: Client) -> None:
    """503 the first time; the hash is remembered, so the same bytes get NEUTRAL and wait nowhere."""
    node.faults.on(NotBooted(), times=3)
    request = ALICE.signed(ALICE.transfer(node, BOB, 1))

    status = client.get("/status")[1]["code"]
    info = client.get("/node/info")
    announced = client.announce(request)
    balance = client.get(f"/account/get?address={ALICE.address}")[0]
    again = client.announce(request)

    assert status == NodeStatus.RUNNING
    assert (info[0], info[1]["message"]) == (503, "NIS_ILLEGAL_STATE_NOT_BOOTED")
    assert announced == (503, "NIS_ILLEGAL_STATE_NOT_BOOTED")
    assert balance == 200
    assert again == (200, "NEUTRAL")
    assert waiting(node) == 0


def test_a_loading_node_tells_height_and_status_only(node: TestNode, client: Client) -> None:
    """Everything else is 503, announces among it, and nothing is remembered of them."""
    request = ALICE.signed(ALICE.transfer(node, BOB, 1))
    number = node.faults.on(Loading())

    loading = {path: client.get(path)[0] for path in (HEIGHT, "/status", "/heartbeat", OUTGOING)}
    announced = client.announce(request)
    node.faults.off(number)
    later = client.announce(request)

    assert loading == {HEIGHT: 200, "/status": 200, "/heartbeat": 503, OUTGOING: 503}
    assert announced == (503, "NIS_ILLEGAL_STATE_LOADING_CHAIN")
    assert later == (200, "SUCCESS")


@pytest.mark.parametrize(
    ("seconds", "result"),
    [
        (-11, Result.FAILURE_TIMESTAMP_TOO_FAR_IN_FUTURE),
        (-10, Result.SUCCESS),
        (3_600, Result.SUCCESS),
        (3_601, Result.FAILURE_PAST_DEADLINE),
    ],
)
def test_time_skew_judges_by_another_clock(
    node: TestNode, client: Client, seconds: int, result: Result
) -> None:
    """The node tells its wrong time and judges by it; the blocks it makes bear the true one."""
    node.faults.on(TimeSkew(seconds=seconds))

    told_ms = client.get("/time-sync/network-time")[1]["receiveTimeStamp"]
    announced = client.announce(ALICE.signed(ALICE.transfer(node, BOB, 1)))
    client.post("/sauma/mine", {"blocks": 1})

    assert told_ms == (node.now_seconds() - 60 + seconds) * 1_000
    assert announced == (200, result.name)
    assert node.chain.tip.block.timestamp_seconds == node.now_seconds()


def test_switches_strike_what_they_are_set_for(node: TestNode, client: Client) -> None:
    """Routes, every n-th of these, and so many times; several can strike one request."""
    number = node.faults.on(ServerError(), routes=(HEIGHT,), every=3, times=2)
    node.faults.on(ServerError(status=429), routes=(HEIGHT,), every=5, skip=7)

    others = [client.get("/status")[0] for _ in range(6)]
    struck = [client.get(HEIGHT)[0] for _ in range(12)]

    assert others == [200] * 6
    assert struck == [200, 200, 500, 200, 200, 500, 200, 200, 200, 200, 200, 429]
    assert node.faults.struck(number) == 2
    assert [each.fault for each in node.faults.active()] == [ServerError(status=429)]


def test_chance_is_drawn_by_the_seed() -> None:
    """The same seed strikes the same requests; another one others."""

    def strikes(seed: int) -> list[bool]:
        switches = FaultSwitches(seed)
        switches.on(Drop(), permille=300)
        return [bool(switches.drawn(HEIGHT)) for _ in range(200)]

    assert strikes(1) == strikes(1)
    assert strikes(1) != strikes(2)
    assert 30 <= sum(strikes(1)) <= 90


def test_faults_by_the_control_route(node: TestNode, client: Client) -> None:
    """Another process switches on, sees how often it struck, and switches off."""
    on = client.post(
        "/sauma/faults/on",
        {"fault": "server_error", "status": 429, "routes": [HEIGHT], "times": 2, "seed": 3},
    )
    busy = client.get(HEIGHT)[0]
    listed = client.get("/sauma/faults")[1]["data"]
    off = client.post("/sauma/faults/off", {"switch": on[1]["switch"]})
    client.post("/sauma/faults/on", {"fault": "drop"})
    cleared = client.post("/sauma/faults/off")

    assert (busy, client.get(HEIGHT)[0]) == (429, 200)
    assert [(row["fault"], row["status"], row["struck"]) for row in listed] == [
        ("server_error", 429, 1)
    ]
    assert off == cleared == (200, {"data": []})


@pytest.mark.parametrize("name", FAULTS)
def test_every_fault_has_a_name_and_its_members(name: str) -> None:
    """What the control route shows of a fault makes the same fault again."""
    examples = {"delay": {"milliseconds": 5}, "time_skew": {"seconds": -5}}
    fault = fault_named(name, examples.get(name, {}))

    assert fault_named(name, fault.members()) == fault


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ({"fault": "gremlin"}, "there is no fault 'gremlin'"),
        ({"fault": "delay"}, "needs all of ['milliseconds']"),
        ({"fault": "delay", "milliseconds": "5"}, "is an integer, not '5'"),
        ({"fault": "delay", "milliseconds": 0}, "at least 1, not 0"),
        ({"fault": "delay", "milliseconds": True}, "at least 1, not True"),
        ({"fault": "drop", "seconds": 5}, "has no seconds"),
        ({"fault": "drop", "lost": "both"}, "not 'both'"),
        ({"fault": "time_skew", "seconds": 0}, "other than 0"),
        ({"fault": "server_error", "status": 200}, "from 400 to 599"),
        ({"fault": "drop", "times": 0}, "times must be at least 1"),
        ({"fault": "drop", "every": 0}, "every must be at least 1"),
        ({"fault": "drop", "skip": -1}, "skip must be at least 0"),
        ({"fault": "drop", "every": "3"}, "every must be an integer"),
        ({"fault": "drop", "permille": 1_001}, "permille is from 0 to 1000"),
        ({"fault": "drop", "routes": ["chain/height"]}, "begins with a slash"),
        ({"fault": "drop", "routes": "/chain/height"}, "must be a list"),
    ],
)
def test_a_switch_that_cannot_be_is_refused(
    node: TestNode, client: Client, document: dict[str, object], message: str
) -> None:
    """Each mistake is named, and nothing is switched on."""
    status, error = client.post("/sauma/faults/on", document)

    assert status == 400
    assert message in error["message"]
    assert node.faults.active() == ()


def test_mistakes_in_process_are_named_too() -> None:
    """The same checks where no HTTP is between."""
    with pytest.raises(InvalidInput, match="milliseconds must be"):
        Delay(milliseconds=-1)
    with pytest.raises(InvalidInput, match="an answer can be lost"):
        Drop(lost="nothing")  # type: ignore[arg-type]
