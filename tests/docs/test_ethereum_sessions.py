"""The page about sessions on Ethereum: its program runs, and its table names the contract's own errors."""

from __future__ import annotations

import re
from pathlib import Path

from sauma.session import Reason
from sauma_ethereum import EthereumSettings, EthereumSigner, chain_id_of
from sauma_ethereum.artifacts import load_artifact

PAGE = Path(__file__).parents[2] / "docs" / "ethereum-sessions.md"
CHAIN = chain_id_of(1)


def test_the_program_signs_and_verifies():
    """Whoever copies it, with settings of a deployment, gets a signature that holds."""
    (program,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    role = EthereumSigner(b"\x07" * 32, CHAIN).account
    settings = EthereumSettings(
        chain=CHAIN,
        ledger="0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
        code_hash="ab" * 32,
        escrow="0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359",
        escrow_hash="cd" * 32,
        area=1,
        issuer=role,
        settler=role,
    )

    exec(compile(program, str(PAGE), "exec"), {"chain": CHAIN, "settings": settings})  # noqa: S102


def test_every_reason_has_its_error():
    """Each reason of the machine is in the table, beside an error that the contract has."""
    rows = [
        line for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("| `")
    ]
    named = {}
    for row in rows:
        reasons, errors = (re.findall(r"`(\w+)`", cell) for cell in row.strip("| ").split(" | ", 1))
        named |= dict(zip(reasons, errors, strict=True))
    errors = {
        entry["name"] for entry in load_artifact("SaumaEscrow").abi if entry["type"] == "error"
    }

    assert set(named) == {reason.value for reason in Reason}
    assert set(named.values()) <= errors
