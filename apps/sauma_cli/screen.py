"""Where a command writes: words and tables for people, or one JSON document for programs."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from typing import Any

from rich.console import Console, RenderableType


class Screen:
    """Standard output.  With `as_json` only `finish` writes, one document; else only `show` does."""

    def __init__(self, *, as_json: bool) -> None:
        """Write to what is standard output now; rich honours NO_COLOR and the terminal's width."""
        self.as_json = as_json
        self.console = Console(highlight=False, quiet=as_json)

    def show(self, *renderables: RenderableType) -> None:
        """Show something to people."""
        for renderable in renderables:
            # A line of words is left to the terminal to break, so that paths can be copied.
            self.console.print(renderable, soft_wrap=isinstance(renderable, str))

    def finish(self, document: Mapping[str, Any]) -> None:
        """Give programs the result of the command."""
        if self.as_json:
            write_json(document)


def write_json(document: Mapping[str, Any]) -> None:
    """Write one document to standard output."""
    sys.stdout.write(json.dumps(document, indent=2, ensure_ascii=False) + "\n")
    sys.stdout.flush()
