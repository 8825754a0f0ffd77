"""Solvers: the exact one against brute force, then laws that hold for all."""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bucketwise.core.buckets import Buckets, Demand
from bucketwise.core.cost import CostCurve, price
from bucketwise.core.optimize import EXACT, SOLVERS, Problem, align_up, kmeans
from bucketwise.core.optimize.choose import GraphPrice, by_price, by_saving
from bucketwise.core.optimize.exact import frontier
from bucketwise.errors import ConfigError, UsageError
from bucketwise.nouns.traffic import FloatArray, IntArray
from tests.strategies import demands

CURVE = CostCurve(kind="flops", unit="FLOP", a=657_457_152.0, b=98_304.0, source="")
CURVES = {
    "quadratic": CURVE,
    "linear": CostCurve(kind="linear", unit="patch", a=1.0, b=0.0, source=""),
}


def problem_of(
    demand: Demand,
    cost_at: Callable[[IntArray], FloatArray] = CURVE.at,
    align: int = 1,
    pinned: tuple[int, ...] = (),
) -> Problem:
    top = max(int(align_up(demand.needed[-1:], align)[0]), *pinned, 0)
    return Problem.of(demand, cost_at, align=align, top=top, pinned=pinned)


def padded(lengths: tuple[int, ...], demand: Demand, curve: CostCurve = CURVE) -> float:
    return price(Buckets(lengths), demand, curve).padded_compute


def brute_force(
    demand: Demand,
    cost_at: Callable[[IntArray], FloatArray],
    k: int,
    align: int,
    pinned: tuple[int, ...],
) -> float:
    """Try every set of k ceilings; each run goes to the smallest that holds it."""
    top = max(int(align_up(demand.needed[-1:], align)[0]), *pinned, 0)
    fixed = {top, *pinned}
    others = set(align_up(demand.needed, align).tolist()) - fixed
    best = float("inf")
    for chosen in combinations(sorted(others), k - len(fixed)):
        ceilings = np.array(sorted(fixed | set(chosen)))
        held = ceilings[np.searchsorted(ceilings, demand.needed)]
        best = min(best, float((demand.runs * cost_at(held)).sum()))
    return best


@settings(max_examples=200)
@given(
    demand=demands(),
    align=st.sampled_from([1, 4, 8]),
    pins=st.sets(st.integers(1, 12), max_size=2),
    table=st.lists(st.integers(1, 60), min_size=120, max_size=120),
    rising=st.booleans(),
)
def test_exact_equals_brute_force_for_any_cost_alignment_and_pins(
    demand: Demand, align: int, pins: set[int], table: list[int], rising: bool
) -> None:
    costs = np.array(sorted(table) if rising else table, dtype=np.float64)

    def cost_at(lengths: IntArray) -> FloatArray:
        return costs[lengths]

    pinned = tuple(sorted(pin * align for pin in pins))
    problem = problem_of(demand, cost_at, align, pinned)
    for k, lengths in enumerate(frontier(problem, problem.k_max), problem.k_min):
        ceilings = np.array(lengths)
        held = ceilings[np.searchsorted(ceilings, demand.needed)]
        found = float((demand.runs * cost_at(held)).sum())
        assert len(lengths) == k
        assert found == brute_force(demand, cost_at, k, align, pinned)


@pytest.mark.parametrize("name", SOLVERS)
@settings(max_examples=25, deadline=None)
@given(
    demand=demands(multiple=4), k=st.integers(1, 5), pin=st.none() | st.integers(1, 90)
)
def test_every_solver_holds_every_run_keeps_the_pins_and_never_beats_exact(
    name: str, demand: Demand, k: int, pin: int | None
) -> None:
    pinned = () if pin is None else (pin * 4,)
    problem = problem_of(demand, align=4, pinned=pinned)
    lengths = SOLVERS[name](problem, k)
    assert len(lengths) <= max(k, problem.k_min)
    assert lengths == tuple(sorted(set(lengths)))
    assert lengths[-1] == problem.top >= demand.needed[-1]
    assert set(pinned) <= set(lengths)
    assert all(length % 4 == 0 for length in lengths)
    best = padded(SOLVERS[EXACT](problem, max(k, problem.k_min)), demand)
    assert best <= padded(lengths, demand) * (1 + 1e-12)


@given(demand=demands(max_lengths=12), curve=st.sampled_from(list(CURVES.values())))
def test_the_optimum_falls_with_k_by_less_each_time(
    demand: Demand, curve: CostCurve
) -> None:
    problem = problem_of(demand, curve.at)
    costs = [padded(lengths, demand, curve) for lengths in frontier(problem, 12)]
    savings = -np.diff(costs)
    assert (savings >= 0).all()
    assert (np.diff(savings) <= 1e-9 * costs[0]).all()


@given(
    demand=demands(),
    order=st.randoms(use_true_random=False),
    parts=st.integers(1, 4),
)
def test_reordering_and_splitting_rows_changes_nothing(
    demand: Demand, order: object, parts: int
) -> None:
    rows = [
        (int(needed), runs / parts)
        for needed, runs in zip(demand.needed, demand.runs, strict=True)
        for _ in range(parts)
    ]
    order.shuffle(rows)  # type: ignore[attr-defined] # hypothesis hands a Random over
    again = Demand.of(np.array([r[0] for r in rows]), np.array([r[1] for r in rows]))
    for k in range(1, 5):
        assert SOLVERS[EXACT](problem_of(again), k) == SOLVERS[EXACT](
            problem_of(demand), k
        )


def test_a_run_of_exactly_a_capacity_stays_in_that_bucket() -> None:
    assert Buckets((4, 8)).assign(np.array([3, 4, 5, 8, 9])).tolist() == [0, 0, 1, 1, 2]


def test_sixteen_thousand_lengths_are_solved_for_eight_buckets() -> None:
    needed = np.arange(4, 4 * 16_384 + 1, 4)
    runs = np.random.default_rng(0).integers(1, 1_000, needed.size).astype(np.float64)
    lengths = frontier(problem_of(Demand(needed, runs), align=4), 8)
    assert [len(answer) for answer in lengths] == list(range(1, 9))


def squares(ends: tuple[int, ...], demand: Demand) -> float:
    """Return the squared distance to the mean, summed over ranges that end at `ends`."""
    total = 0.0
    where = np.searchsorted(np.array(ends), demand.needed)
    for part in range(len(ends)):
        at, runs = demand.needed[where == part], demand.runs[where == part]
        if runs.size:
            total += float((runs * (at - np.average(at, weights=runs)) ** 2).sum())
    return total


@settings(max_examples=200)
@given(demand=demands(), k=st.integers(1, 6))
def test_k_means_finds_the_clusters_of_least_squares_of_all(
    demand: Demand, k: int
) -> None:
    found = kmeans.solve(problem_of(demand), k)
    top = int(demand.needed[-1])
    others = demand.needed[:-1].tolist()
    tried = combinations(others, min(k, len(others) + 1) - 1)
    least = min(squares((*chosen, top), demand) for chosen in tried)
    assert squares(found, demand) == pytest.approx(least, rel=1e-9, abs=1e-6)


def test_k_means_is_never_worse_than_restarts_from_random_centres() -> None:
    from sklearn.cluster import KMeans
    from threadpoolctl import threadpool_limits

    random = np.random.default_rng(4)
    needed = np.unique(random.lognormal(7.5, 1.1, 700).astype(np.int64) + 1)
    demand = Demand(needed, random.integers(1, 90, needed.size).astype(np.float64))
    for k in range(1, 9):
        model = KMeans(n_clusters=k, n_init=10, random_state=0)
        # More threads would wait for each other a hundred times as long.
        with threadpool_limits(1):
            model.fit(needed.reshape(-1, 1), sample_weight=demand.runs)
        ours = squares(kmeans.solve(problem_of(demand), k), demand)
        assert ours <= model.inertia_ * (1 + 1e-9) + 1e-6


def test_a_top_below_the_largest_need_and_a_pin_above_the_top_are_refused() -> None:
    demand = Demand(np.array([8]), np.ones(1))
    with pytest.raises(
        ConfigError, match=r"top bucket: expected at least 8, .*, got 4\n.*pinned"
    ):
        Problem.of(demand, CURVE.at, align=4, top=4, pinned=[12])


def test_a_pin_that_an_alignment_would_step_over_still_serves_what_it_holds() -> None:
    demand = Demand(np.array([900, 1_000, 2_000]), np.array([5.0, 5.0, 1.0]))
    problem = Problem.of(demand, CURVE.at, align=256, top=2_048, pinned=[1_000])
    assert SOLVERS[EXACT](problem, 2) == (1_000, 2_048)
    assert SOLVERS[EXACT](problem, 3) == (1_000, 2_048)


PADDED = {1: 100.0, 2: 60.0, 3: 55.0, 4: 53.0, 5: 52.5}


class TestHowMany:
    """The number of buckets."""

    def test_k_is_the_last_graph_that_still_saved_enough(self) -> None:
        choice = by_saving(PADDED, (2, 4), 0.05)
        assert (choice.k, choice.rule) == (3, "min_saving")
        assert choice.reason == (
            "graph 3 saves 8.3% of the compute left with 2; graph 4 would save 3.6% "
            "more, but --min-saving asks 5.0%"
        )

    def test_the_range_asked_for_bounds_k_from_both_sides(self) -> None:
        assert by_saving(PADDED, (2, 4), 0.9).k == 2
        assert "1 would do" in by_saving(PADDED, (2, 4), 0.9).reason
        assert by_saving(PADDED, (2, 4), 0.0).k == 4
        assert by_saving(PADDED, (7, 9), 0.0).k == 5

    def test_a_price_for_a_graph_minimises_compute_and_price(self) -> None:
        for graph_price in (0.1, 1.0, 3.0, 20.0, 50.0):
            choice = by_price(PADDED, (1, 5), graph_price)
            totals = {k: PADDED[k] + k * graph_price for k in PADDED}
            assert totals[choice.k] == min(totals.values())

    def test_the_price_of_a_graph_is_its_minutes_spread_over_what_it_serves(
        self,
    ) -> None:
        price_per_graph = GraphPrice(
            graph_minutes=30, images_per_day=1e6, keep_days=10, vit_tflops=50
        )
        assert price_per_graph.of(1_000, "FLOP", 0.0) == 30 * 60 * 50e12 * 1_000 / 1e7

    def test_terms_of_a_price_must_all_be_positive(self) -> None:
        with pytest.raises(UsageError) as caught:
            GraphPrice(graph_minutes=0, images_per_day=-1, keep_days=1, vit_tflops=1)
        assert len(caught.value.problems) == 2
