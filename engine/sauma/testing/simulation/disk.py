"""A disk that fails below the database: system calls of one thread are answered with an error.

The kernel does it (a seccomp filter), so nothing of the database, of its driver or of the store is
patched: what they see is what a full or broken disk says.  The filter holds for the thread that asked
for it until that thread ends.  On Linux alone, on the machines in `_CALLS`.
"""

from __future__ import annotations

import ctypes
import enum
import errno
import platform
import sys
from collections.abc import Callable
from contextvars import copy_context
from threading import Thread
from typing import Final

from sauma.errors import StoreError

_CALLS: Final = {
    "x86_64": {"pwrite64": 18, "fsync": 74, "fdatasync": 75, "ftruncate": 77},
    "aarch64": {"pwrite64": 68, "fsync": 82, "fdatasync": 83, "ftruncate": 46},
}
_NO_NEW_PRIVILEGES: Final = 38
_SET_FILTER: Final = 22
_FILTER_MODE: Final = 2
_LOAD: Final = 0x20
_JUMP_IF_EQUAL: Final = 0x15
_RETURN: Final = 0x06
_ANSWER_ERROR: Final = 0x0005_0000
_ALLOW: Final = 0x7FFF_0000


class DiskFault(enum.Enum):
    """What the disk says, to which calls."""

    FULL = (errno.ENOSPC, ("pwrite64",))
    """No space left on device."""
    BROKEN = (errno.EIO, ("fsync", "fdatasync"))
    """The pages could not be written."""

    def begin(self) -> None:
        """Let the disk fail for the calling thread, until the thread ends."""
        error, names = self.value
        _answer_with(error, [_CALLS[platform.machine()][name] for name in names])


class _Instruction(ctypes.Structure):
    _fields_ = (
        ("code", ctypes.c_ushort),
        ("if_true", ctypes.c_ubyte),
        ("if_false", ctypes.c_ubyte),
        ("operand", ctypes.c_uint),
    )


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.POINTER(_Instruction)))


def disk_can_fail() -> bool:
    """Tell whether this machine can do it; where not, such faults do not happen in simulations."""
    return sys.platform == "linux" and platform.machine() in _CALLS


def in_thread(work: Callable[[], object]) -> None:
    """Do something in a thread of its own, to the end, and raise what it raised."""
    raised: list[BaseException] = []
    context = copy_context()

    def run() -> None:
        try:
            context.run(work)
        except BaseException as error:  # it is raised again below, in the thread that asked
            raised.append(error)

    thread = Thread(target=run, name="failing-disk")
    thread.start()
    thread.join()
    if raised:
        raise raised[0]


def _answer_with(error: int, calls: list[int]) -> None:
    instructions = [_Instruction(_LOAD, 0, 0, 0)]
    for call in calls:
        instructions += [
            _Instruction(_JUMP_IF_EQUAL, 0, 1, call),
            _Instruction(_RETURN, 0, 0, _ANSWER_ERROR | error),
        ]
    instructions.append(_Instruction(_RETURN, 0, 0, _ALLOW))
    filters = (_Instruction * len(instructions))(*instructions)
    program = _Program(len(instructions), filters)
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0) or libc.prctl(
        _SET_FILTER, _FILTER_MODE, ctypes.byref(program), 0, 0
    ):
        raise StoreError(
            f"this machine lets no thread have a failing disk ({errno.errorcode[ctypes.get_errno()]}): "
            "leave the faults of the disk out"
        )
