"""Values are canonical once built."""

from __future__ import annotations

import attrs
import pytest

from sauma_nem.network import address_of
from sauma_nem.properties import MosaicProperties
from sauma_nem.transactions import (
    XEM,
    Cosignature,
    Message,
    Modification,
    MosaicDefinition,
    MosaicId,
    MosaicQuantity,
    Multisig,
    MultisigModification,
    NamespaceProvision,
    Transfer,
    cut_text,
)
from sauma_nem.unreadable import ForbiddenValue

ADDRESS = "TAOD4QYZA5RQYM64MFZ4MBCKQBWVZEETCQE3HB3A"
COMMON = {
    "network_byte": 0x98,
    "timestamp_seconds": 0,
    "signer": bytes(32),
    "fee_micro": 0,
    "deadline_seconds": 3_600,
}


def mosaic(name: str, units: int) -> MosaicQuantity:
    return MosaicQuantity(mosaic_id=MosaicId.parse(name), quantity_units=units)


def transfer(*mosaics: MosaicQuantity, message: Message | None = None) -> Transfer:
    return Transfer(
        **COMMON,
        version=2,
        recipient=ADDRESS.lower(),
        amount_micro=1_000_000,
        message=message,
        mosaics=list(mosaics),
    )


def cosignature(signer: int, deadline_seconds: int = 1) -> Cosignature:
    return Cosignature(
        **COMMON | {"signer": bytes([signer]) * 32, "deadline_seconds": deadline_seconds},
        version=1,
        inner_hash=bytes(32),
        multisig_address=ADDRESS,
    )


def test_mosaics_are_sorted_by_their_text() -> None:
    """The order is that of `ns:name : quantity`, in which a dot comes before a colon."""
    attached = transfer(mosaic("nem:xem", 5), mosaic("grid:wh", 3), mosaic("grid.east:wh", 7))

    assert [str(item.mosaic_id) for item in attached.mosaics] == [
        "grid.east:wh",
        "grid:wh",
        "nem:xem",
    ]


def test_equal_mosaics_are_summed() -> None:
    """The same mosaic attached twice is one mosaic with both quantities."""
    attached = transfer(mosaic("grid:wh", 1), mosaic("nem:xem", 5), mosaic("grid:wh", 2))

    assert attached.mosaics == (mosaic("grid:wh", 3), mosaic("nem:xem", 5))


def test_an_empty_message_is_none() -> None:
    """A message without payload is no message: the server drops it and signs without."""
    assert transfer(message=Message(payload=b"")).message is None
    assert transfer(message=Message(payload=b"x")).message == Message(payload=b"x")


def test_addresses_are_upper_case() -> None:
    """The server turns addresses into upper case before it hashes."""
    assert transfer().recipient == ADDRESS


def test_modifications_are_sorted_by_kind_and_address_text() -> None:
    """Additions come before deletions, and each by address, '2' to '7' before 'A'."""
    changes = [
        Modification(kind=kind, cosignatory=bytes([key]) * 32)
        for kind in (2, 1)
        for key in range(40)
    ]

    ordered = MultisigModification(**COMMON, version=2, modifications=tuple(changes)).modifications

    keys = [(change.kind, address_of(change.cosignatory, 0x98)) for change in ordered]
    assert keys == sorted(keys)
    assert len(keys) == 80


def test_cosignatures_are_sorted_distinct_and_not_the_initiators() -> None:
    """A multisig counts the first cosignature of each cosigner; its own signer needs none."""
    first, again, other, own = (
        cosignature(1),
        cosignature(1, deadline_seconds=2),
        cosignature(2),
        cosignature(0),
    )

    wrapper = Multisig(
        **COMMON, version=1, inner=transfer(), cosignatures=(other, first, again, own)
    )

    assert set(wrapper.cosignatures) == {first, other}
    addresses = [item.signer_address for item in wrapper.cosignatures]
    assert addresses == sorted(addresses)


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("x" * 512, "x" * 512),
        ("x" * 513, "x" * 512),
        ("ä" * 513, "ä" * 512),
        ("😀" * 300, "😀" * 256),
        ("x" + "😀" * 300, "x" + "😀" * 255 + "?"),
    ],
    ids=["512", "513", "umlauts", "pairs", "half a pair"],
)
def test_a_description_is_cut_at_512_utf16_units(text: str, kept: str) -> None:
    """The server counts UTF-16 units and writes half a pair as a question mark."""
    definition = MosaicDefinition(
        creator=bytes(32),
        mosaic_id=XEM,
        description=text,
        properties=MosaicProperties(),
    )

    assert definition.description == kept
    assert cut_text(kept, 512) == kept


def test_a_mosaic_id_reads_as_it_is_written() -> None:
    """`namespace:name` in lower case, names with ' and single spaces, is a mosaic's text."""
    for text in ("nem:xem", "grid.east:wh", "alice.vouchers:alice's gift vouchers"):
        assert str(MosaicId.parse(text)) == text


@pytest.mark.parametrize("text", ["grid", "grid:", ":wh", "grid:WH", "grid:a  b", "a:b:c", "a:b "])
def test_what_is_no_mosaic_id_is_refused(text: str) -> None:
    """Anything but `namespace:name` is refused with the server's words."""
    with pytest.raises(ForbiddenValue) as caught:
        MosaicId.parse(text)

    assert caught.value.server_message == f"pattern '{text}' could not be parsed"


def test_a_provision_names_what_comes_into_being() -> None:
    """The new part follows its parent after a dot."""
    common = COMMON | {"rental_fee_sink": ADDRESS, "rental_fee_micro": 0, "version": 1}

    root = NamespaceProvision(**common, new_part="grid")
    below = NamespaceProvision(**common, new_part="east", parent="grid")

    assert root.fully_qualified_name == "grid"
    assert below.fully_qualified_name == "grid.east"


def test_values_do_not_change() -> None:
    """A value that was signed cannot be altered."""
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        transfer().fee_micro = 1  # type: ignore[misc]
