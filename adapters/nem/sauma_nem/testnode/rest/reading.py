"""Reading query parameters and JSON bodies, with the server's errors for bad ones."""

from __future__ import annotations

import json
import re
from typing import Any

from sauma_nem.names import check_namespace
from sauma_nem.network import Network, check_address
from sauma_nem.transactions import MosaicId
from sauma_nem.unreadable import InvalidAddress, Unreadable

from ..results import RestError
from .exchange import JsonObject, Request

PAGE_SIZE_DEFAULT = 25
PAGE_SIZE_MIN = 5
PAGE_SIZE_MAX = 100
_NULL = 'because "<parameter1>" is null'
_DECODER = "org.apache.commons.codec.DecoderException"
_NOT_HEX = re.compile(r"[^0-9a-fA-F]")
_SHORT_MAX = 32_767
_LONG_MAX = 2**63 - 1


def address(request: Request, network: Network) -> str:
    """The `address` parameter in upper case; hyphens are not allowed."""
    given = request.params.get("address")
    if given is None:
        raise RestError(400, "encoded address cannot be null")
    return _checked_address(given, network)


def _checked_address(given: str, network: Network) -> str:
    try:
        return check_address(given, network)
    except InvalidAddress as error:
        raise RestError(400, "address must be valid") from error


def public_key(request: Request) -> bytes:
    """The `publicKey` parameter."""
    key = _hex(request, "publicKey")
    if len(key) != 32:
        raise RestError(400, "publicKey must be in compressed form")
    return key


def transaction_hash(request: Request) -> bytes:
    """The `hash` parameter, which must be there."""
    return _hex(request, "hash")


def _hex(request: Request, name: str) -> bytes:
    given = request.params.get(name)
    if given is None:
        raise RestError(500, f'Cannot invoke "String.length()" {_NULL}')
    padded = given if len(given) % 2 == 0 else "0" + given
    bad = _NOT_HEX.search(padded)
    if bad is not None:
        raise RestError(
            500,
            f"java.lang.IllegalArgumentException: {_DECODER}: "
            f"Illegal hexadecimal character {bad.group()} at index {bad.start()}",
        )
    return bytes.fromhex(padded)


def page_size(request: Request) -> int:
    """The `pageSize` parameter, brought between 5 and 100."""
    given = request.params.get("pageSize")
    if given is None:
        return PAGE_SIZE_DEFAULT
    size = _integer(given)
    if not -_SHORT_MAX - 1 <= size <= _SHORT_MAX:
        raise RestError(400, f'Value out of range. Value:"{given}" Radix:10')
    return min(max(size, PAGE_SIZE_MIN), PAGE_SIZE_MAX)


def row_id(request: Request) -> int | None:
    """The `id` parameter below which a page starts."""
    given = request.params.get("id")
    if given is None:
        return None
    number = _integer(given)
    if abs(number) > _LONG_MAX:
        raise RestError(400, f'For input string: "{given}"')
    return number


def _integer(given: str) -> int:
    if re.fullmatch(r"[+-]?[0-9]+", given) is None:
        raise RestError(400, f'For input string: "{given}"')
    return int(given)


def namespace(request: Request) -> str:
    """The `namespace` parameter."""
    given = request.params.get("namespace")
    if given is None:
        raise RestError(500, f'Cannot invoke "String.split(String, int)" {_NULL}')
    return check_namespace(given)


def mosaic_id(request: Request) -> MosaicId:
    """The `mosaicId` parameter."""
    given = request.params.get("mosaicId")
    if given is None:
        raise RestError(
            500, 'Cannot invoke "java.lang.CharSequence.length()" because "this.text" is null'
        )
    try:
        return MosaicId.parse(given)
    except Unreadable as error:
        raise RestError(400, f"pattern '{given}' could not be parsed") from error


def json_object(request: Request) -> JsonObject:
    """The body, which must be a JSON object."""
    try:
        document = json.loads(request.body)
    except ValueError as error:
        raise RestError(400, "JSON Object was expected") from error
    if not isinstance(document, dict):
        raise RestError(400, "JSON Object was expected")
    return document


def member(document: JsonObject, name: str, kind: type) -> Any:
    """A member of a JSON object, which must be there and of this type."""
    value = document.get(name)
    if value is None:
        raise RestError(500, f"expected value for property {name}, but none was found")
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise RestError(500, f"property {name} has an incompatible value")
    return value


def height(request: Request) -> int:
    """The `height` of the body, which must be positive."""
    number: int = member(json_object(request), "height", int)
    if number <= 0:
        raise RestError(400, "height must be positive")
    return number


def account_ids(request: Request, network: Network) -> list[str]:
    """The addresses of a batch: `{"data": [{"account": address}]}`."""
    entries = member(json_object(request), "data", list)
    addresses = []
    for entry in entries:
        if not isinstance(entry, dict):
            raise RestError(500, "property data has an incompatible value")
        addresses.append(_checked_address(member(entry, "account", str), network))
    return addresses
