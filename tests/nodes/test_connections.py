"""What reaches a server over HTTP connections, with sessions of ours and with those of others."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import requests

from sauma_nodes import Connections


class Echo(BaseHTTPRequestHandler):
    """Answers with what it was asked, and gives a cookie."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        length = int(self.headers.get("content-length") or 0)
        heard = {
            "method": self.command,
            "path": self.path,
            "headers": {name.lower(): value for name, value in self.headers.items()},
            "body": self.rfile.read(length).decode(),
        }
        said = json.dumps(heard).encode()
        self.send_response(200)
        self.send_header("Set-Cookie", "back=7; Path=/")
        self.send_header("Content-Length", str(len(said)))
        self.end_headers()
        self.wfile.write(said)

    do_POST = do_GET

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def url() -> Iterator[str]:
    """The address of a server that says what it heard."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Echo) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


@pytest.fixture
def ours() -> Iterator[Connections]:
    """Connections with sessions of their own."""
    made = Connections("the server")
    yield made
    made.close()


def test_a_question_without_a_body_is_a_get(ours, url):
    """Parameters are in the address, escaped; JSON is asked for."""
    heard = ours.ask(f"{url}/account/get", params={"address": "TA B", "id": "7"}).document()

    assert (heard["method"], heard["body"]) == ("GET", "")
    assert heard["path"] == "/account/get?address=TA+B&id=7"
    assert heard["headers"]["accept"] == "application/json"
    assert heard["headers"]["connection"] == "keep-alive"


def test_a_body_is_posted(ours, url):
    """A body goes as it is, with its length and type."""
    heard = ours.send(f"{url}/transaction/announce", body='{"a": 1}').document()

    assert (heard["method"], heard["body"]) == ("POST", '{"a": 1}')
    assert heard["headers"]["content-type"] == "application/json"
    assert heard["headers"]["content-length"] == "8"


def test_headers_of_one_call_are_sent(ours, url):
    """What a call says beside its address comes before what all calls say."""
    heard = ours.ask(url, headers={"Accept": "text/plain", "X-Token": "1"}).document()

    assert heard["headers"]["accept"] == "text/plain"
    assert heard["headers"]["x-token"] == "1"


def test_a_cookie_comes_back(ours, url):
    """A balancer in front of several nodes finds the one that it chose before."""
    first, second = ours.ask(url).document(), ours.ask(url).document()

    assert "cookie" not in first["headers"]
    assert second["headers"]["cookie"] == "back=7"


def test_the_environment_is_not_asked(ours, url, monkeypatch):
    """No proxy of the environment stands between us and a node."""
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)

    assert ours.ask(url).status == 200


def test_a_session_of_others_is_used_as_it_is(url):
    """Its password, headers and parameters go with every request."""

    def new_session() -> requests.Session:
        session = requests.Session()
        session.trust_env = False
        session.auth = ("anna", "secret")
        session.headers["X-Own"] = "1"
        session.params = {"key": "k"}
        return session

    connections = Connections("the server", new_session=new_session)
    heard = connections.ask(f"{url}/x", params={"id": "7"}).document()
    connections.close()

    assert heard["headers"]["authorization"] == "Basic YW5uYTpzZWNyZXQ="
    assert heard["headers"]["x-own"] == "1"
    assert heard["path"] == "/x?key=k&id=7"
