"""The texts of a mosaic's properties, and the names that NIS1 allows."""

from __future__ import annotations

import pytest

from sauma_nem.names import check_mosaic_name, check_namespace
from sauma_nem.properties import MosaicProperties
from sauma_nem.unreadable import ForbiddenValue


@pytest.mark.parametrize(
    ("name", "text", "canonical"),
    [
        ("divisibility", "+3", "3"),
        ("divisibility", "003", "3"),
        ("initialSupply", "9000000000000000", "9000000000000000"),
        ("supplyMutable", "TRUE", "true"),
        ("transferable", "False", "false"),
    ],
)
def test_other_spellings_become_canonical(name: str, text: str, canonical: str) -> None:
    """The server understands several spellings, and signs for one."""
    properties = MosaicProperties.from_texts({name: text, "unknown": "passed over"})

    assert dict(properties.as_texts())[name] == canonical


@pytest.mark.parametrize(
    ("name", "text", "status", "message"),
    [
        ("divisibility", "three", 400, 'For input string: "three"'),
        ("divisibility", "", 400, 'For input string: ""'),
        ("divisibility", "2147483648", 400, 'For input string: "2147483648"'),
        ("initialSupply", "1_000", 400, 'For input string: "1_000"'),
        ("initialSupply", "9223372036854775808", 400, 'For input string: "9223372036854775808"'),
        (
            "transferable",
            "yes",
            500,
            "java.lang.NumberFormatException: string must be either true or false",
        ),
    ],
)
def test_what_is_no_property_is_refused(name: str, text: str, status: int, message: str) -> None:
    """A value that is no number or truth is refused with the server's status and words."""
    with pytest.raises(ForbiddenValue) as caught:
        MosaicProperties.from_texts({name: text})

    assert (caught.value.server_status, caught.value.server_message) == (status, message)


@pytest.mark.parametrize(
    ("properties", "message"),
    [
        (MosaicProperties(divisibility=7), "divisibility must be between 0 and 6 inclusive"),
        (MosaicProperties(divisibility=-1), "divisibility must be between 0 and 6 inclusive"),
        (MosaicProperties(initial_supply_whole=-1), "quantity (-1) must be non-negative"),
        (
            MosaicProperties(initial_supply_whole=9 * 10**15 + 1),
            "cannot add 0 to 9000000000000001 for mosaic with divisibility 0",
        ),
        (
            MosaicProperties(divisibility=6, initial_supply_whole=9 * 10**9 + 1),
            "cannot add 0 to 9000000001 for mosaic with divisibility 6",
        ),
    ],
)
def test_properties_have_limits(properties: MosaicProperties, message: str) -> None:
    """Divisibility is 0 to 6, and there are at most 9e15 smallest units."""
    with pytest.raises(ForbiddenValue) as caught:
        properties.check()

    assert caught.value.server_message == message


@pytest.mark.parametrize(
    "properties",
    [
        MosaicProperties(initial_supply_whole=0),
        MosaicProperties(initial_supply_whole=9 * 10**15),
        MosaicProperties(divisibility=6, initial_supply_whole=9 * 10**9),
    ],
)
def test_the_limits_themselves_are_allowed(properties: MosaicProperties) -> None:
    """A supply of nothing and the largest supply can be defined."""
    properties.check()


@pytest.mark.parametrize(
    "namespace", ["a", "0", "grid", "a-_9", "a" * 16, f"{'a' * 16}.{'b' * 64}.{'c' * 64}"]
)
def test_allowed_namespaces(namespace: str) -> None:
    """One to three parts of 16, 64 and 64 characters are a namespace."""
    assert check_namespace(namespace) == namespace


@pytest.mark.parametrize(
    "namespace",
    ["", ".", "a.", "-a", "_a", "A", "a b", "a'b", "a" * 17, "a.b.c.d", "a." + "b" * 65],
)
def test_forbidden_namespaces(namespace: str) -> None:
    """Other characters, more parts and longer ones are none."""
    with pytest.raises(ForbiddenValue, match="is not a valid namespace"):
        check_namespace(namespace)


@pytest.mark.parametrize("name", ["wh", "0", "alice's gift", "a b c", "x" * 32])
def test_allowed_mosaic_names(name: str) -> None:
    """Mosaic names may hold ' and single spaces."""
    assert check_mosaic_name(name) == name


@pytest.mark.parametrize("name", ["", " a", "a ", "a  b", "'a", "A", "a.b", "x" * 33, "a\n"])
def test_forbidden_mosaic_names(name: str) -> None:
    """Anything else is refused with the server's words."""
    with pytest.raises(ForbiddenValue) as caught:
        check_mosaic_name(name)

    assert caught.value.server_message == "name does not match the desired pattern"
