"""How long `import sauma` takes beside an interpreter that imports nothing.

    python benchmarks/import_time.py

Both are started alternately, and the median of each is printed with their difference.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time

ROUNDS = 15


def seconds(code: str) -> float:
    """Return the wall time of an interpreter that runs a line."""
    start = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], check=True)
    return time.perf_counter() - start


def main() -> None:
    """Measure and print."""
    bare, loaded = [], []
    for _ in range(ROUNDS):
        bare.append(seconds("pass"))
        loaded.append(seconds("import sauma"))
    empty, full = statistics.median(bare), statistics.median(loaded)
    print(f"empty {empty:.3f} s, with sauma {full:.3f} s: the import takes {full - empty:.3f} s")


if __name__ == "__main__":
    main()
