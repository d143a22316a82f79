"""Random lives of a session: the reference chain gives the machine's answer to everything."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

from sauma.testing import MemoryHarness
from sauma.testing.session_machine import session_machine

TestReferenceChain = session_machine(MemoryHarness).TestCase
TestReferenceChain.settings = settings(
    max_examples=25,
    stateful_step_count=14,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
