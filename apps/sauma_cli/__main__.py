"""The entrance: which command is meant, and what an error looks like to people and to programs.

Exit codes: 0 done, 1 it could not be done or something differs, 2 the input is wrong, 130 stopped by
Ctrl-C.  Commands are loaded when they are used, so that `sauma --help` is quick.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Sequence
from typing import Final

from cyclopts import App, CycloptsError, UnknownCommandError

from sauma._version import __version__
from sauma.errors import InvalidInput, SaumaError
from sauma_cli.screen import write_json

EXIT_DONE: Final = 0
EXIT_FAILED: Final = 1
EXIT_INPUT: Final = 2
EXIT_STOPPED: Final = 130
GARBAGE_OBJECTS: Final = 50_000
"""After how many new objects garbage is looked for: loading a command makes many and no garbage."""

app = App(
    name="sauma",
    help="Settle energy among neighbours: meter readings in, movements on a chain, bills out.",
    version=__version__,
    result_action="return_value",
    suppress_keyboard_interrupt=False,
)
_participant = App(name="participant", help="Participants, their wallets and metering points.")
_keys = App(name="keys", help="Files of keys for NEM, encrypted.")
_device = App(name="device", help="Devices that report readings, and their tokens.")
_nem = App(name="nem", help="Several signatures for one NEM account.")
_demo = App(
    name="demo",
    help="Three neighbours, one quarter-hour, from meters to bills, on a NEM node of its own.",
)
_staff = App(name="staff", help="Operators and auditors of the portal.")
_ethereum = App(name="ethereum", help="The settlement contract on an Ethereum node.")

for _name, _help in (
    ("settle", "Carry readings to bills: clear, move energy on the chain, bill from what it says."),
    ("plan", "Say what a plan takes of its chain, before anything is sent."),
    ("bills", "Show the bills of a folder."),
    ("prove", "Write the proof that a bill is under a root on the chain."),
    ("verify", "Check the proof of a bill, offline or against a chain."),
    ("replay", "Recompute everything in a folder and compare it with the chain."),
    ("run", "Settle by itself: close intervals, clear, move, bill, until it is told to stop."),
    ("metering", "Take meter readings over HTTP, beside `sauma run`."),
    ("meters", "Play simulated meters against a metering server."),
    ("node", "Run a NEM test node until Ctrl-C."),
    ("rebuild", "Rebuild a folder's tables from its journal."),
):
    app.command(f"sauma_cli.commands.{_name}:{_name}", name=_name, help=_help)
_staff.command("sauma_cli.commands.staff:add", name="add", help="Let somebody in as staff.")
app.command(_staff)
_demo.command(
    "sauma_cli.commands.portal:portal",
    name="portal",
    help="A neighbourhood in the browser: register, set a price, watch the day, check the bill.",
)
app.command(_demo)
_participant.command(
    "sauma_cli.commands.participant:add", name="add", help="Add a participant and its wallet."
)
app.command(_participant)
for _name, _target, _help in (
    ("add", "add", "Register a device and show its token, this once."),
    ("revoke", "revoke", "Take a device's token out of use."),
    ("list", "devices", "List the devices and what they report."),
):
    _device.command(f"sauma_cli.commands.device:{_target}", name=_name, help=_help)
app.command(_device)
for _name, _help in (
    ("deploy", "Bring the settlement contract into being for a folder."),
    ("verify", "Compare what stands at an address with the compiled contract."),
):
    _ethereum.command(f"sauma_cli.commands.ethereum:{_name}", name=_name, help=_help)
app.command(_ethereum)
for _name, _function, _help in (
    ("new", "new", "Make a key and write it to a file."),
    ("import", "import_", "Write the key of a mnemonic to a file."),
    ("list", "list_", "Show who has which account in a file of keys."),
    ("export-public", "export_public", "Print the public key of a holder."),
):
    _keys.command(f"sauma_cli.commands.keys:{_function}", name=_name, help=_help)
app.command(_keys)
for _name, _help in (
    ("delegate", "Let others sign for an account."),
    ("treasury", "Keep floats filled out of a treasury of several."),
    ("cosign", "Sign what a journal justifies, refuse by name what it does not."),
):
    _nem.command(f"sauma_cli.commands.nem:{_name}", name=_name, help=_help)
app.command(_nem)


def run(arguments: Sequence[str]) -> int:
    """Run a command and return its exit code; errors of ours and of usage are one line, no trace."""
    as_json = "--json" in arguments
    if list(arguments[:1]) == ["demo"]:
        _load_demo()
    try:
        result = app(list(arguments), exit_on_error=False, print_error=False)
    except UnknownCommandError as error:
        unknown = " ".join(error.unused_tokens or ())
        message = f"there is no command {unknown!r}: see sauma --help"
        return _fail("Usage", message, EXIT_INPUT, as_json=as_json)
    except CycloptsError as error:
        return _fail("Usage", f"{error}: see sauma --help", EXIT_INPUT, as_json=as_json)
    except SaumaError as error:
        code = EXIT_INPUT if isinstance(error, InvalidInput) else EXIT_FAILED
        return _fail(type(error).__name__, str(error), code, as_json=as_json)
    except ImportError as error:
        package = _missing_package(error)
        if package is None:
            raise
        message = f"{package} is not installed: pip install 'sauma[all]'"
        return _fail("NotInstalled", message, EXIT_FAILED, as_json=as_json)
    except KeyboardInterrupt:
        message = "stopped; nothing is lost: the same command goes on from here"
        return _fail("Stopped", message, EXIT_STOPPED, as_json=as_json)
    return result if isinstance(result, int) else EXIT_DONE


def _load_demo() -> None:
    """Give `sauma demo` what it does without a further word; only commands are loaded by their names."""
    if _demo.default_command is None:
        from sauma_cli.commands.demo import demo

        _demo.default(demo)


def _missing_package(error: BaseException | None) -> str | None:
    """Return the package of others whose absence caused an import error; None for another cause."""
    while error is not None:
        if isinstance(error, ModuleNotFoundError) and error.name is not None:
            package = error.name.partition(".")[0]
            return None if package.startswith("sauma") else package
        error = error.__cause__
    return None


def _fail(kind: str, message: str, code: int, *, as_json: bool) -> int:
    """Say on standard error what is wrong; a program gets it as a document as well."""
    sys.stderr.write(f"error: {message}\n")
    if as_json:
        write_json({"error": {"kind": kind, "message": message}})
    return code


def main() -> None:
    """Run the command that the process was called with, and leave with its exit code."""
    gc.set_threshold(GARBAGE_OBJECTS, *gc.get_threshold()[1:])
    raise SystemExit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
