"""The choice of decoder graphs."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bucketwise.core.decoder.graphs import choose_graphs, graph_uses, mean_cost
from bucketwise.core.decoder.step_cost import StepCurve, measured, slot_costs
from bucketwise.errors import UsageError

WEIGHTS = st.lists(st.integers(0, 20), min_size=1, max_size=8).filter(any)
COSTS = st.lists(st.integers(1, 50), min_size=8, max_size=8)


def curve(costs: list[int]) -> StepCurve:
    return StepCurve(
        kind="measured",
        unit="ms",
        costs=np.array(costs, dtype=np.float64),
        status="measured",
        source="",
    )


def brute_force(weights: list[int], costs: list[int], k: int) -> float:
    """Price every set of k graphs that holds the whole batch."""
    batch_size = len(weights)
    best = float("inf")
    for rest in combinations(range(1, batch_size), k - 1):
        sizes = (*rest, batch_size)
        total = sum(
            weight * costs[min(size for size in sizes if size >= active) - 1]
            for active, weight in enumerate(weights, start=1)
        )
        best = min(best, total / sum(weights))
    return best


@given(WEIGHTS, COSTS)
def test_the_choice_equals_brute_force(weights: list[int], costs: list[int]) -> None:
    steps = np.array(weights, dtype=np.float64)
    # Some graph between may cost less than it saves where costs fall: sizes nobody
    # is active at are then worth compiling, and only they.
    costs = sorted(costs)
    graphs = choose_graphs(steps, curve(costs), (1, 4), 0.0)
    for point in graphs.frontier:
        assert point.mean_step_cost == pytest.approx(
            brute_force(weights, costs, point.k)
        )
        assert point.decoder_batch_sizes[-1] == len(weights)


@given(WEIGHTS, COSTS, st.integers(1, 1_000))
def test_only_proportions_of_steps_matter(
    weights: list[int], costs: list[int], times: int
) -> None:
    steps = np.array(weights, dtype=np.float64)
    once = choose_graphs(steps, curve(sorted(costs)), (1, 4), 0.05)
    many = choose_graphs(steps * times, curve(sorted(costs)), (1, 4), 0.05)
    assert once.sizes == many.sizes


@given(WEIGHTS)
def test_shares_of_graphs_add_up_and_slots_are_never_more_than_full(
    weights: list[int],
) -> None:
    steps = np.array(weights, dtype=np.float64)
    sizes = choose_graphs(steps, slot_costs(len(weights)), (1, 4), 0.05).sizes
    uses = graph_uses(sizes, steps)
    assert sum(use.share for use in uses) == pytest.approx(1)
    assert all(0 <= use.slots_used <= 1 for use in uses)
    slots = mean_cost(sizes, steps, slot_costs(len(weights)))
    assert slots == pytest.approx(sum(use.share * use.batch_size for use in uses))


@given(WEIGHTS, st.integers(1, 40), st.integers(1, 40))
def test_no_saving_exceeds_that_of_costs_in_proportion_to_slots(
    weights: list[int], fixed: int, per_slot: int
) -> None:
    steps = np.array(weights, dtype=np.float64)
    batch_size = len(weights)
    costs = [fixed + per_slot * size for size in range(1, batch_size + 1)]
    sizes = choose_graphs(steps, curve(costs), (1, 4), 0.05).sizes
    saving = 1 - mean_cost(sizes, steps, curve(costs)) / costs[-1]
    bound = 1 - mean_cost(sizes, steps, slot_costs(batch_size)) / batch_size
    assert saving <= bound + 1e-12


def test_one_graph_is_enough_where_a_second_hardly_saves() -> None:
    graphs = choose_graphs(np.array([1.0, 1.0]), curve([100, 101]), (1, 4), 0.05)
    assert graphs.sizes == (2,)
    assert "one graph is enough" in graphs.decision.reason


def test_the_words_tell_what_the_last_graph_saves() -> None:
    steps = np.array([6.0, 2.0, 1.0, 1.0])
    graphs = choose_graphs(steps, slot_costs(4), (1, 2), 0.05)
    assert graphs.sizes == (1, 4)
    assert graphs.decision.reason.startswith("graph 2 saves 45.0% of a step with 1")
    assert "but --decoder-graphs allows 2" in graphs.decision.reason


def test_measured_points_lie_on_straight_lines_and_go_on_past_the_last() -> None:
    found = measured({1: 10.0, 4: 16.0}, 6)
    assert found.costs.tolist() == [10.0, 12.0, 14.0, 16.0, 18.0, 20.0]
    assert found.status == "measured"


@pytest.mark.parametrize(
    ("points", "said"),
    [
        ({1: 10.0}, "two batch sizes"),
        ({0: 1.0, 2: 2.0}, "0=1"),
        ({1: -1.0, 2: 2.0}, "1=-1"),
    ],
)
def test_measured_points_that_cannot_be_are_refused(
    points: dict[int, float], said: str
) -> None:
    with pytest.raises(UsageError, match=said):
        measured(points, 8)
