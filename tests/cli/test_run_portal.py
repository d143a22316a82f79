"""The portal as part of `sauma run`: served beside the service, its staff let in from the shell."""

import json
import socket
import subprocess
import sys
import time
from pathlib import Path

import requests

from sauma_cli.__main__ import EXIT_DONE, EXIT_INPUT, run

PATIENCE_S = 60
RULEBOOK = """
name = "street"
version = 1
[supplier]
name = "supplier"
sells_at = "0.16"
buys_at = "0.04"
"""


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


def installation(folder: Path) -> tuple[Path, str]:
    port = free_port()
    (folder / "rulebook.toml").write_text(RULEBOOK)
    config = folder / "sauma.toml"
    config.write_text(
        f"""
rulebook = "rulebook.toml"
[chain]
kind = "nem"
block_s = 0.5
[service]
port = {free_port()}
poll_s = 0.5
[portal]
port = {port}
base_url = "http://127.0.0.1:{port}"
areas = [{{ name = "kortteli-1", title = "Kortteli 1" }}]
operator = {{ name = "Korttelin Aurinko", email = "apua@example.fi" }}
"""
    )
    return config, f"http://127.0.0.1:{port}"


def call(url: str, token: str, method: str, path: str, body: object = None) -> requests.Response:
    headers = {"authorization": f"Bearer {token}"} if token else {}
    return requests.request(method, url + path, json=body, headers=headers, timeout=PATIENCE_S)


def test_somebody_joins_an_installation_that_runs(tmp_path, capsys):
    """A household registers with a wallet of its own, its metering point is confirmed by the staff."""
    config, url = installation(tmp_path)
    command = ["staff", "add", "otto@example.fi", "--name", "Otto", "--role", "operator"]
    assert run([*command, "--config", str(config), "--json"]) == EXIT_DONE
    password = json.loads(capsys.readouterr().out)["password"]
    with subprocess.Popen(
        [sys.executable, "-m", "sauma_cli", "run", "--config", str(config)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        try:
            wait_until_it_answers(url, process)
            anna = {"display_name": "Anna", "email": "anna@example.fi", "password": "a sunny roof"}
            assert call(url, "", "POST", "/api/people", anna).status_code == 201
            token = log_in(url, "anna@example.fi", "a sunny roof", ["read", "account"])
            assert call(url, token, "GET", "/api/wallet").json()["account"].startswith("nem:")
            point = {"metering_point": "643000000000000016"}
            claim = call(url, token, "POST", "/api/metering-points", point)
            assert claim.json()["state"] == "waiting"
            staff = log_in(url, "otto@example.fi", password, ["staff"])
            decision = {"decision": "confirm", "reason": "the register says so"}
            assert call(url, staff, "POST", "/api/staff/claims/1", decision).status_code == 200
            states = [
                each["state"] for each in call(url, token, "GET", "/api/metering-points").json()
            ]
            assert states == ["confirmed"]
        finally:
            process.terminate()
            said, _ = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 0, said
    assert (tmp_path / "settlement" / "portal.secret").stat().st_mode & 0o077 == 0


def wait_until_it_answers(url: str, process: subprocess.Popen) -> None:
    begun = time.monotonic()
    while time.monotonic() - begun < PATIENCE_S and process.poll() is None:
        try:
            requests.get(url, timeout=5)
            return
        except requests.ConnectionError:
            time.sleep(0.2)
    raise AssertionError(f"it does not answer: {process.poll()}")


def log_in(url: str, email: str, password: str, scopes: list[str]) -> str:
    body = {"email": email, "password": password, "name": "test", "scopes": scopes}
    answer = call(url, "", "POST", "/api/log-in", body)
    assert answer.status_code == 201, answer.text
    return answer.json()["secret"]


def test_staff_needs_a_portal_and_an_address(tmp_path, capsys):
    """Without [portal], or with an address that is none, nobody is let in and it is said why."""
    config, _ = installation(tmp_path)
    command = [
        "staff",
        "add",
        "nobody",
        "--name",
        "N",
        "--role",
        "auditor",
        "--config",
        str(config),
    ]
    assert run(command) == EXIT_INPUT
    assert "Write an e-mail address" in capsys.readouterr().err

    config.write_text('folder = "settlement"\n')
    command[2] = "n@example.fi"
    assert run(command) == EXIT_INPUT
    assert "no [portal]" in capsys.readouterr().err


def test_a_portal_on_another_chain_is_refused(tmp_path):
    """Wallets of people who join are made on NEM only, and that is said before anything is served."""
    config, _ = installation(tmp_path)
    text = config.read_text().replace('kind = "nem"\nblock_s = 0.5', 'kind = "memory"')
    config.write_text(text)

    done = subprocess.run(
        [sys.executable, "-m", "sauma_cli", "run", "--config", str(config)],
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE_S,
    )

    assert done.returncode == 1
    assert "on NEM only" in done.stderr
