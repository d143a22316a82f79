"""The chain suite: every promise of the port as a numbered case.

Subclass `ChainSuite` in a test module and give it one fixture::

    class TestTezos(ChainSuite):
        @pytest.fixture
        def harness(self) -> Iterator[Harness]:
            with a_test_chain() as chain:
                yield TezosHarness(chain)

The suite inherits every case that is added later.  `docs/howto-adapter.md` says how to write a
harness; `examples/template_adapter` is a whole adapter with one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from sauma.testing.cases import Case
from sauma.testing.harness import Harness
from sauma.testing.suite.batching import Batching
from sauma.testing.suite.comparing import Comparing
from sauma.testing.suite.declaring import Declaring
from sauma.testing.suite.decoding import Decoding
from sauma.testing.suite.escrow import Escrow
from sauma.testing.suite.following import Following
from sauma.testing.suite.moving import Moving
from sauma.testing.suite.peers import Peers
from sauma.testing.suite.preparing import Preparing
from sauma.testing.suite.reading import ReadingEvents
from sauma.testing.suite.refusing import Refusing
from sauma.testing.suite.replacing import Replacing
from sauma.testing.suite.sending import Sending
from sauma.testing.suite.sessions import Sessions
from sauma.testing.suite.standing import StandingAuthorisations
from sauma.testing.world import World

__all__ = ["ChainSuite"]


class ChainSuite(
    Declaring,
    Moving,
    Preparing,
    Refusing,
    Decoding,
    Sending,
    Following,
    ReadingEvents,
    Batching,
    Replacing,
    Escrow,
    Sessions,
    StandingAuthorisations,
    Peers,
    Comparing,
):
    """All cases; a subclass gives the fixture `harness`, and each case gets a new one."""

    @pytest.fixture
    def harness(self) -> Harness:
        """Return a harness on a new chain; a subclass must override this."""
        raise NotImplementedError(f"{type(self).__name__} needs a fixture `harness`")

    @pytest.fixture
    def world(
        self,
        harness: Harness,
        request: pytest.FixtureRequest,
        record_property: Callable[[str, object], None],
    ) -> World:
        """Give the case its world, and the report what the chain declares of it."""
        made: Any = getattr(request.function, "sauma_case", None)
        if isinstance(made, Case):
            capabilities = harness.chain.capabilities
            record_property(
                "sauma_case",
                {
                    "chain": type(self).__name__.removeprefix("Test").lower() or "chain",
                    "case_id": made.case_id,
                    "name": made.name,
                    "row": made.row,
                    "support": getattr(capabilities, made.row).value
                    if hasattr(capabilities, made.row)
                    else "",
                    "absent": [need for need in made.needs if not getattr(capabilities, need)],
                },
            )
        return World(harness)
