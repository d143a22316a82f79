"""Whatever is sent, the node answers as a server does and stays as it was."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sauma_nem.testnode import RestError, TestNode
from sauma_nem.testnode.rest.routing import ROUTES

from .actors import ALICE, BOB, node_with_mosaic
from .recordings import exchanges

_RECORDED = [
    bytes.fromhex(each.body["data"])
    for each in exchanges()
    if each.is_announce and each.status == 200
]
_NAMES = ("address", "hash", "id", "pageSize", "publicKey", "namespace", "mosaicId", "parent")
_WORDS = st.one_of(
    st.sampled_from(
        [ALICE.address, BOB.address.lower(), "grid", "grid:wh", "nem:xem", "1", "-1", "zz", "", "é"]
    ),
    st.text(max_size=70),
)


@pytest.fixture(scope="module")
def node() -> TestNode:
    """A node that nothing valid is sent to."""
    found: TestNode = node_with_mosaic()
    return found


@settings(max_examples=300, deadline=None)
@given(recorded=st.sampled_from(_RECORDED), data=st.data())
def test_damaged_bytes_are_refused(node: TestNode, recorded: bytes, data: st.DataObject) -> None:
    """Bytes that nobody signed never succeed: an HTTP error or a failing result, nothing else."""
    damaged = bytearray(recorded[: data.draw(st.integers(0, len(recorded)))])
    for position in data.draw(st.lists(st.integers(0, max(len(damaged) - 1, 0)), max_size=6)):
        if damaged:
            damaged[position] = data.draw(st.integers(0, 255))

    outcome = _outcome(node, bytes(damaged))

    assert outcome in (400, 404, 500) or outcome.name.startswith(("NEUTRAL", "FAILURE_"))
    assert node.waiting() == ()


def _outcome(node: TestNode, data: bytes) -> Any:
    """The result of an announce without a signature, or the status of an HTTP error."""
    try:
        return node.announce(data, bytes(64)).result
    except RestError as error:
        return error.status


@settings(max_examples=300, deadline=None)
@given(
    path=st.sampled_from(sorted(ROUTES)),
    params=st.dictionaries(st.sampled_from(_NAMES), _WORDS),
    body=st.one_of(st.none(), st.binary(max_size=40), st.dictionaries(_WORDS, _WORDS, max_size=3)),
)
def test_every_route_answers_every_request(
    node: TestNode, path: str, params: dict[str, str], body: bytes | dict[str, str] | None
) -> None:
    """A JSON object with a status that the server has, never an exception."""
    route = ROUTES[path]

    status, reply = node.request(route.method, path, params=params, body=body)

    assert status in (200, 400, 404, 500)
    assert isinstance(reply, dict)
    assert (status == 200) == ("error" not in reply)
    assert node.height == 3
