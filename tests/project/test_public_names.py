"""Public means listed, documented and light to import."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import sauma

ROOT = Path(__file__).parents[2]


def test_every_public_name_can_be_had():
    """What `__all__` lists is there, also what is loaded late."""
    missing = [name for name in sauma.__all__ if not hasattr(sauma, name)]

    assert missing == []
    assert list(sauma.__all__) == sorted(sauma.__all__)


def test_the_reference_lists_exactly_the_public_names():
    """docs/reference.md names every public name of `sauma`, and no other."""
    text = (ROOT / "docs" / "reference.md").read_text(encoding="utf-8")
    documented = set(re.findall(r"^\| `(\w+)", text, re.MULTILINE))

    assert documented == set(sauma.__all__)


def test_importing_sauma_loads_no_database_chain_or_terminal_library():
    """`import sauma` stays light: the store and the adapters load what they need when first used."""
    heavy = [
        "sqlalchemy",
        "alembic",
        "requests",
        "symbolchain",
        "sauma_nem",
        "rich",
        "cyclopts",
        "web3",
        "numpy",
    ]
    code = f"import sys, sauma; print([n for n in {heavy} if n in sys.modules])"

    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.strip()

    assert loaded == "[]"


def test_an_unknown_public_name_is_an_attribute_error():
    """Late loading does not swallow mistakes."""
    assert not hasattr(sauma, "Engyne")
