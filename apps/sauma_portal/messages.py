"""What is said to people: English sentences with values, translated when they are shown."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from sauma.errors import InvalidInput


@attrs.frozen
class Message:
    """A sentence of the catalogue and the values in it."""

    text: str
    values: Mapping[str, Any] = attrs.field(factory=dict)

    def __str__(self) -> str:
        """Show the sentence in English."""
        return self.text % self.values if self.values else self.text


def N_(text: str) -> str:
    """Mark a sentence for the catalogue; it is translated where it is shown."""
    return text


def say(text: str, **values: Any) -> Message:
    """Return a message; the text must be marked with `N_` where it is written."""
    return Message(text, values)


class FormError(InvalidInput):
    """A form that cannot be taken as it is: what is wrong beside each field, and how to mend it."""

    def __init__(self, fields: Mapping[str, Message]) -> None:
        """Take one message a field; the field `""` is the form as a whole."""
        self.fields = dict(fields)
        super().__init__("; ".join(f"{name}: {what}" for name, what in self.fields.items()))


class NotFound(InvalidInput):
    """There is no such thing, or none that this person may know of."""


class NotAllowed(InvalidInput):
    """This person may not do that."""


class TooMany(InvalidInput):
    """Too many tries; `wait_s` says how long to wait."""

    def __init__(self, wait_s: int) -> None:
        """Say how long to wait."""
        self.wait_s = wait_s
        super().__init__(f"too many tries: wait {wait_s} s")
