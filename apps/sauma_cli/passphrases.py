"""Passphrases and secret words: from the environment, a prompt or a file, never from the command line.

What is on a command line can be read by every program of the machine, and stays in the shell's history.
"""

from __future__ import annotations

import getpass
import os
import sys
from pathlib import Path
from typing import Final

from sauma.errors import InvalidInput

VARIABLE: Final = "SAUMA_PASSPHRASE"


def given_passphrase() -> str | None:
    """Return the passphrase of the environment; None when it has none."""
    return os.environ.get(VARIABLE) or None


def asked_passphrase(path: Path, *, twice: bool = False) -> str:
    """Ask whoever sits at the terminal; raises `InvalidInput` where nobody does."""
    passphrase = _ask(f"passphrase of {path}: ", f"{path} is encrypted: set {VARIABLE}")
    if twice and passphrase != _ask("the same again: ", ""):
        raise InvalidInput("the two passphrases differ: start again")
    return passphrase


def secret_words(path: Path | None) -> str:
    """Return the words in a file, or ask for them."""
    if path is None:
        return _ask("mnemonic: ", "there is no terminal to type the words at: name --mnemonic-file")
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise InvalidInput(f"cannot read {path}: {error.strerror}") from error
    except UnicodeDecodeError:
        raise InvalidInput(f"{path} is no text: name a file with the words only") from None


def _ask(prompt: str, otherwise: str) -> str:
    if not sys.stdin.isatty():
        raise InvalidInput(otherwise)
    return getpass.getpass(prompt)
