"""What the NIS1 server cannot even hold: the errors of reading and of its constructors.

::

    InvalidInput
    └── Unreadable            the server answers with an HTTP error instead of a result code
        ├── BrokenBytes       the bytes end too early, or a member is missing (500)
        ├── UnknownType       no such transaction type (400)
        ├── ForbiddenValue    a constructor of the server refuses the value (400)
        └── InvalidAddress    an address that the server does not take (404)
            ├── AddressLength · AddressAlphabet · AddressChecksum
            └── AddressNetwork

The server wraps whatever goes wrong inside a nested object, and then always answers 500.
"""

from __future__ import annotations

from sauma.errors import InvalidInput

ILLEGAL_ARGUMENT = "java.lang.IllegalArgumentException"
SERIALIZATION = "org.nem.core.serialization.SerializationException"
MISSING_PROPERTY = "org.nem.core.serialization.MissingRequiredPropertyException"
MISSING_RESOURCE = "java.util.MissingResourceException"


class Unreadable(InvalidInput):
    """A transaction, block or address that the NIS1 server would not accept as one.

    `server_status` and `server_message` are what the server's HTTP reply carries; a message of
    `None` is JSON `null`. `server_exception` names the server's class of it.
    """

    def __init__(
        self,
        message: str,
        *,
        server_status: int = 500,
        server_message: str | None = None,
        server_exception: str = SERIALIZATION,
    ) -> None:
        super().__init__(message)
        self.server_status = server_status
        self.server_message = server_message
        self.server_exception = server_exception

    def wrap(self) -> None:
        """Change to what the server reports when this happened inside a nested object."""
        text = self.server_exception
        if self.server_message is not None:
            # A missing resource shows its key only when it is reported by itself.
            shown = (
                "invalid address"
                if self.server_exception == MISSING_RESOURCE
                else self.server_message
            )
            text = f"{text}: {shown}"
        self.server_message = text
        self.server_exception = SERIALIZATION
        self.server_status = 500


class BrokenBytes(Unreadable):
    """The bytes end too early, or a member that the server requires is missing."""


class UnknownType(Unreadable):
    """There is no transaction of this type."""


class ForbiddenValue(Unreadable):
    """A value that a constructor of the server refuses."""


class InvalidAddress(Unreadable):
    """Not an address of the network; the server answers 404."""

    def __init__(self, message: str, *, address: str) -> None:
        super().__init__(
            message,
            server_status=404,
            server_message=f"invalid address '{address}' (org.nem.core.model.Address)",
            server_exception=MISSING_RESOURCE,
        )
        self.address = address


class AddressLength(InvalidAddress):
    """An address has exactly 40 characters, without hyphens."""


class AddressAlphabet(InvalidAddress):
    """An address is written with A to Z and 2 to 7."""


class AddressChecksum(InvalidAddress):
    """The last four bytes do not match the rest: mistyped."""


class AddressNetwork(InvalidAddress):
    """A sound address, but of another network."""


def forbidden(reason: str, remedy: str) -> ForbiddenValue:
    """The server's `IllegalArgumentException` with its reason, and what to do about it."""
    return ForbiddenValue(
        f"the server refuses this: {reason}; {remedy}",
        server_status=400,
        server_message=reason,
        server_exception=ILLEGAL_ARGUMENT,
    )


def missing(label: str) -> BrokenBytes:
    """A required member is not there."""
    reason = f"expected value for property {label}, but none was found"
    return BrokenBytes(
        f"{reason}; give `{label}`", server_message=reason, server_exception=MISSING_PROPERTY
    )
