"""The fault simulation: clock, network, nodes, disk and crashes from one seed, around the real engine.

::

    outcome = Simulation(MemoryWorld, seed=17).run()
    assert not outcome.wrong

A chain takes part by a `SimulatedWorld` around its test node; dispatch, store and adapter are the real
ones.  `run_campaign` plays many seeds; a failing one is told with the command that plays it again.
"""

from __future__ import annotations

from sauma.testing.simulation.campaign import Campaign, run_campaign
from sauma.testing.simulation.disk import DiskFault, disk_can_fail
from sauma.testing.simulation.faults import Fault, Faults
from sauma.testing.simulation.line import Line
from sauma.testing.simulation.memory import MemoryWorld
from sauma.testing.simulation.moments import Died
from sauma.testing.simulation.rehearsal import Rehearsal
from sauma.testing.simulation.simulation import Outcome, Simulation
from sauma.testing.simulation.world import SimulatedWorld

__all__ = [
    "Campaign",
    "Died",
    "DiskFault",
    "Fault",
    "Faults",
    "Line",
    "MemoryWorld",
    "Outcome",
    "Rehearsal",
    "SimulatedWorld",
    "Simulation",
    "disk_can_fail",
    "run_campaign",
]
