"""Draws docs/demo.svg: what `sauma demo` shows, in the colours of a terminal.

python docs/draw_demo.py
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.text import Text

COLUMNS = 84
PICTURE = Path(__file__).parent / "demo.svg"


def main() -> None:
    """Run the demo in an empty folder and draw what it printed."""
    with tempfile.TemporaryDirectory() as folder:
        shown = subprocess.run(
            [sys.executable, "-m", "sauma_cli", "demo", "--folder", "seed"],
            cwd=folder,
            env={
                **os.environ,
                "FORCE_COLOR": "1",
                "COLUMNS": str(COLUMNS),
                "TERM": "xterm-256color",
            },
            capture_output=True,
            text=True,
            check=True,
        ).stdout
    with Path(os.devnull).open("w") as nowhere:
        console = Console(record=True, width=COLUMNS, file=nowhere, force_terminal=True)
        console.print(Text.from_ansi("$ make demo\n\n" + shown.rstrip()))
    # The fonts that rich names lie on the net; a reader's own monospace will do.
    svg = re.sub(
        r"@font-face \{.*?\}\s*", "", console.export_svg(title="sauma demo"), flags=re.DOTALL
    )
    PICTURE.write_text(svg, encoding="utf-8")


if __name__ == "__main__":
    main()
