"""`sauma demo portal`: a neighbourhood in the browser, until it is ended."""

import json
import socket
import threading

import pytest
import requests

from sauma.errors import InvalidInput
from sauma_cli.commands.portal import portal

PATIENCE_S = 60


def test_the_demo_serves_a_neighbourhood_with_people_to_log_in_as(capsys):
    """It says where it is and who one can be; their bills are there; it ends when it is told to."""
    port, ended = free_port(), threading.Event()
    said: list[int] = []
    running = threading.Thread(
        target=lambda: said.append(portal(port=port, json=True, until=ended)), daemon=True
    )
    running.start()
    facts = wait_for(capsys, running)
    try:
        answer = requests.post(
            f"{facts['url']}/api/log-in",
            json={
                "email": "aino@demo.example",
                "password": facts["password"],
                "name": "test",
                "scopes": ["read"],
            },
            timeout=PATIENCE_S,
        )
        token = {"authorization": f"Bearer {answer.json()['secret']}"}
        bills = requests.get(f"{facts['url']}/api/bills", headers=token, timeout=PATIENCE_S).json()
        assert bills[-1]["status"] == "final"
        assert requests.get(facts["url"], timeout=PATIENCE_S).status_code == 200
        assert "aino@demo.example" in facts["people"]
    finally:
        ended.set()
        running.join(PATIENCE_S)
    assert said == [0]


def wait_for(capsys, running) -> dict:
    """Return the document that it prints when it is ready."""
    text = ""
    while running.is_alive():
        text += capsys.readouterr().out
        if text.strip().endswith("}"):
            return json.loads(text)
        running.join(0.2)
    raise AssertionError(f"it ended: {text}")


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


@pytest.mark.parametrize(
    "wrong", [{"port": 0}, {"port": 70_000}, {"quarter_seconds": 0.0}, {"block_seconds": 1e9}]
)
def test_what_cannot_be_is_refused_at_once(wrong):
    """A port that is none, and times that nobody could watch."""
    with pytest.raises(InvalidInput):
        portal(**wrong)
