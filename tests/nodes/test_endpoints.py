"""Several nodes as one: who is asked, who is told, and what enough of them must agree on."""

from __future__ import annotations

import attrs
import pytest

from sauma.chain import Answer, Word
from sauma.errors import BadAnswer, InvalidInput, OutcomeUnknown, Unavailable, WrongNetwork
from sauma_nodes import Endpoints, NodesDisagree


@attrs.define
class FakeNode:
    """A node that does as it is told, and counts."""

    name: str
    at: int = 100
    failing: type[Exception] | None = None
    is_down: bool = False
    answer: Answer | Exception = attrs.field(factory=lambda: Answer(word=Word.ACCEPTED))
    asked: int = 0
    told: int = 0
    probed: int = 0

    def height(self) -> int:
        self.probed += 1
        if self.is_down:
            raise Unavailable("down")
        return self.at

    def close(self) -> None:
        self.name += " (closed)"

    def work(self) -> str:
        self.asked += 1
        if self.is_down:
            raise Unavailable("down")
        if self.failing is not None:
            raise self.failing("no")
        return self.name

    def take(self) -> Answer:
        self.told += 1
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


class Watch:
    """Time that passes when it is told to."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def endpoints_of(*nodes: FakeNode, watch: Watch | None = None, agreement: int = 1):
    """Endpoints over fakes, whose time stands still."""
    return Endpoints(
        nodes, check=lambda node: None, agreement=agreement, monotonic=watch or Watch()
    )


def test_the_first_node_is_asked_while_it_is_well():
    """Who is well goes on being asked, so that a submission stays with one node."""
    first, second = FakeNode("first"), FakeNode("second")
    endpoints = endpoints_of(first, second)

    assert [endpoints.ask(FakeNode.work) for _ in range(5)] == ["first"] * 5
    assert second.asked == 0


@pytest.mark.parametrize("error", [Unavailable, BadAnswer])
def test_the_next_node_takes_over(error):
    """A node that fails or answers nonsense is passed over, and the caller need not know."""
    first, second = FakeNode("first", failing=error), FakeNode("second")

    assert endpoints_of(first, second).ask(FakeNode.work) == "second"


def test_what_all_nodes_refuse_is_raised():
    """When nobody answers, the last one's reason is told."""
    nodes = [FakeNode(name, failing=Unavailable) for name in ("first", "second")]

    with pytest.raises(Unavailable):
        endpoints_of(*nodes).ask(FakeNode.work)
    assert [each.asked for each in nodes] == [1, 1]


def test_other_errors_are_not_hidden_by_another_node():
    """A node of another network is a mistake in the settings, not an outage."""
    first, second = FakeNode("first", failing=WrongNetwork), FakeNode("second")
    endpoints = Endpoints([first, second], check=lambda node: node.work(), monotonic=Watch())

    with pytest.raises(WrongNetwork):
        endpoints.ask(FakeNode.work)


def test_a_dead_node_costs_its_time_out_once():
    """Who failed rests, longer each time, and is asked again afterwards."""
    watch = Watch()
    first, second = FakeNode("first", is_down=True), FakeNode("second")
    endpoints = endpoints_of(first, second, watch=watch)
    for _ in range(10):
        endpoints.ask(FakeNode.work)
    questions = first.probed + first.asked
    first.is_down = False
    asked = []
    for _ in range(5):
        watch.now += 4
        asked.append(endpoints.ask(FakeNode.work))

    assert questions == 1
    assert asked == ["second", "second", "first", "first", "first"]


def test_a_node_that_lags_is_asked_last():
    """A node that is more than two blocks behind would show an old chain."""
    first, second = FakeNode("first", at=97), FakeNode("second", at=100)
    endpoints = endpoints_of(first, second)

    assert endpoints.ask(FakeNode.work) == "second"
    second.failing = Unavailable
    assert endpoints.ask(FakeNode.work) == "first"


def test_health_is_shown():
    """Whoever watches sees lag, errors and who is left alone."""
    first, second = FakeNode("first", at=90), FakeNode("second", is_down=True)
    endpoints = endpoints_of(first, second)
    endpoints.ask(FakeNode.work)
    one, other = endpoints.health()

    assert (one.height, one.lag_blocks, one.error_percent, one.is_resting) == (90, 0, 0, False)
    assert (other.height, other.lag_blocks, other.error_percent) == (None, None, 100)
    assert other.is_resting


def test_everybody_is_told_and_the_best_word_counts():
    """One node that takes the bytes is enough, whatever the others say."""
    nodes = [
        FakeNode("first", answer=Answer(word=Word.REJECTED, code="5")),
        FakeNode("second", answer=OutcomeUnknown("silence")),
        FakeNode("third", answer=Answer(word=Word.KNOWN)),
    ]

    assert endpoints_of(*nodes).tell(FakeNode.take).word is Word.KNOWN
    assert [each.told for each in nodes] == [1, 1, 1]


@pytest.mark.parametrize(
    ("answers", "outcome"),
    [
        ([Unavailable("1"), Unavailable("2")], Unavailable),
        ([Unavailable("1"), OutcomeUnknown("2")], OutcomeUnknown),
        ([Answer(word=Word.REJECTED), OutcomeUnknown("2")], OutcomeUnknown),
    ],
)
def test_what_may_have_arrived_is_never_called_unsent(answers, outcome):
    """If one node may have the bytes, nobody may say that nothing was sent."""
    nodes = [FakeNode(str(number), answer=answer) for number, answer in enumerate(answers)]

    with pytest.raises(outcome):
        endpoints_of(*nodes).tell(FakeNode.take)


def test_a_refusal_is_told_when_it_is_all_there_is():
    """A refusal by one and an outage of the others is a refusal."""
    nodes = [
        FakeNode("first", answer=Unavailable("down")),
        FakeNode("second", answer=Answer(word=Word.REJECTED, code="5")),
    ]

    assert endpoints_of(*nodes).tell(FakeNode.take).code == "5"


def test_agreement_needs_so_many_nodes():
    """Two of three is enough; a node that cannot say does not count."""
    nodes = [FakeNode("first", at=5), FakeNode("second", at=5), FakeNode("third", at=5)]
    endpoints = endpoints_of(*nodes, agreement=2)
    endpoints.agree(lambda node: node.at, 5, on="block 1")
    nodes[0].at = nodes[1].at = 0

    with pytest.raises(Unavailable, match="1 of 3 nodes confirm block 1, 2 are"):
        endpoints.agree(lambda node: node.at or None, 5, on="block 1")


def test_disagreement_is_named():
    """Nodes that show different blocks are told apart by name, and nothing is believed."""
    nodes = [FakeNode("first", at=5), FakeNode("second", at=6)]

    with pytest.raises(NodesDisagree, match=r"block 1: 5 by one, 6 by node second"):
        endpoints_of(*nodes, agreement=2).agree(lambda node: node.at, 5, on="block 1")


def test_a_disagreement_is_not_an_outage():
    """It is raised at once, and no other node is asked instead."""
    nodes = [FakeNode("first", failing=NodesDisagree), FakeNode("second")]

    with pytest.raises(NodesDisagree):
        endpoints_of(*nodes).ask(FakeNode.work)
    assert nodes[1].asked == 0


def test_one_nodes_word_needs_no_asking():
    """Without an agreement nothing is asked twice."""
    node = FakeNode("first")
    endpoints_of(node).agree(lambda each: each.work(), "something", on="block 1")

    assert node.asked == 0


@pytest.mark.parametrize("agreement", [0, 3, True])
def test_an_agreement_that_cannot_be_is_refused(agreement):
    """More nodes than there are cannot agree."""
    with pytest.raises(InvalidInput):
        endpoints_of(FakeNode("first"), FakeNode("second"), agreement=agreement)


def test_no_node_is_no_chain():
    """A chain without an address is refused when it is built."""
    with pytest.raises(InvalidInput, match="give the address"):
        endpoints_of()
