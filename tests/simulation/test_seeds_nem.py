"""NEM, node and adapter, under the faults of 300 seeds, of which the first 130 are here."""

from nem_over_http import NemHttpWorld
from playing import play
from worlds import NODE_FAULTS, NemWorld


def test_130_seeds():
    """Whatever a seed draws: nothing paid twice, nothing lost, nothing booked that is not paid.

    Each of the node's own faults struck, too.
    """
    play(NemWorld, range(130))
    print("faults of the node:", dict(NemWorld.struck))

    assert {fault.name for fault in NODE_FAULTS if not NemWorld.struck[fault.name]} == set()


def test_8_seeds_over_http():
    """The same through sockets: the node's faults are seen as a client of HTTP sees them."""
    play(NemHttpWorld, range(300, 308))
