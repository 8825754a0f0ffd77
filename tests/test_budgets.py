"""Budgets: the exact optimum under them against every set of ceilings."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bucketwise.app.planning import analyze
from bucketwise.core.budgets import GraphMinutes
from bucketwise.core.decoder.timeline import sweep
from bucketwise.core.optimize.budgets import Budget, front, total, within
from bucketwise.core.optimize.problem import Problem
from bucketwise.core.plan import BudgetUse, Plan
from bucketwise.errors import UsageError
from bucketwise.nouns.activity import Evidence, Requests
from tests.budget import drawn
from tests.commands import bucketwise
from tests.strategies import traffic_of

SCREENSHOTS = Path(__file__).parent.parent / "sample_traffic" / "docs_screenshots.csv"
USAGE = 2


@st.composite
def problems(draw: st.DrawFn) -> Problem:
    """Any candidates, weights and costs, rising or not, with up to two pins."""
    n = draw(st.integers(1, 9))
    steps = draw(st.lists(st.integers(1, 40), min_size=n, max_size=n))
    runs = draw(st.lists(st.integers(0, 30), min_size=n, max_size=n))
    cost = draw(st.lists(st.integers(1, 90), min_size=n, max_size=n))
    rising = draw(st.booleans())
    lengths = np.cumsum(steps).astype(np.int64) * 4
    pins = draw(st.sets(st.sampled_from(lengths.tolist()), max_size=2))
    return Problem(
        lengths=lengths,
        runs=np.array([*runs[:-1], runs[-1] + 1], dtype=np.float64),
        cost=np.array(sorted(cost) if rising else cost, dtype=np.float64),
        pinned=frozenset(pins) - {int(lengths[-1])},
        align=4,
    )


@st.composite
def budgets(draw: st.DrawFn, n: int) -> Budget:
    """Uses that never fall with length, and room for some of them."""
    uses = draw(st.lists(st.integers(0, 50), min_size=n, max_size=n))
    room = draw(st.integers(0, 160) | st.just(float("inf")))
    return Budget(uses=np.sort(np.array(uses, dtype=np.float64)), room=float(room))


def every_answer(problem: Problem, k: int) -> list[tuple[int, ...]]:
    fixed = problem.pinned | {problem.top}
    free = [each for each in problem.lengths.tolist() if each not in fixed]
    if k < len(fixed):
        return []
    return [
        tuple(sorted({*chosen, *fixed}))
        for chosen in combinations(free, k - len(fixed))
    ]


@settings(max_examples=200)
@given(data=st.data(), problem=problems(), k=st.integers(1, 6))
def test_the_optimum_under_budgets_equals_every_answer_tried(
    data: st.DataObject, problem: Problem, k: int
) -> None:
    n = problem.lengths.size
    asked = data.draw(st.lists(budgets(n), min_size=1, max_size=3))
    kept = [
        total(problem, each)
        for each in every_answer(problem, k)
        if all(budget.used(problem, each) <= budget.room for budget in asked)
    ]
    found = within(problem, k, asked)
    if found is None:
        assert not kept
    else:
        assert len(found) == k
        assert all(budget.used(problem, found) <= budget.room for budget in asked)
        assert total(problem, found) == pytest.approx(min(kept))


@settings(max_examples=200)
@given(data=st.data(), problem=problems(), k_max=st.integers(1, 5))
def test_the_front_is_every_answer_that_no_other_beats(
    data: st.DataObject, problem: Problem, k_max: int
) -> None:
    uses = data.draw(budgets(problem.lengths.size)).uses
    every = {
        (
            total(problem, each),
            float(uses[np.searchsorted(problem.lengths, each)].sum()),
        )
        for k in range(1, k_max + 1)
        for each in every_answer(problem, k)
    }
    front_of_k = {
        k: [
            (
                total(problem, each),
                float(uses[np.searchsorted(problem.lengths, each)].sum()),
            )
            for each in front(problem, k, uses)
        ]
        for k in range(1, k_max + 1)
    }
    for k, points in front_of_k.items():
        of_k = [
            (total(problem, each), uses[np.searchsorted(problem.lengths, each)].sum())
            for each in every_answer(problem, k)
        ]
        for cost, used in of_k:
            assert any(
                other <= cost * (1 + 1e-12) and taken <= used for other, taken in points
            )
        assert set(points) <= every
        assert all(
            not (other <= cost and taken <= used and (other, taken) != (cost, used))
            for cost, used in points
            for other, taken in points
        )


def test_budgets_on_two_thousand_candidates_keep_the_room_and_their_bound() -> None:
    """Large enough that pruning matters; the bound is the best without budgets."""
    draw = np.random.default_rng(0)
    lengths = np.sort(draw.choice(np.arange(1, 20_000), 2_000, replace=False)) * 4
    problem = Problem(
        lengths=lengths.astype(np.int64),
        runs=draw.integers(0, 50, 2_000).astype(np.float64),
        cost=lengths * 1.0 + lengths.astype(np.float64) ** 2 / 1e4,
        pinned=frozenset(),
        align=4,
    )
    free = within(problem, 4, [])
    assert free is not None
    uses = 2.0 * lengths.astype(np.float64) ** 2
    least = Budget(uses=uses, room=0).used(problem, [*lengths[:3], lengths[-1]])
    most = Budget(uses=uses, room=0).used(problem, free)
    costs = []
    for share in (0.0, 0.1, 0.5, 0.9, 1.0):
        budget = Budget(uses=uses, room=least + share * (most - least))
        found = within(problem, 4, [budget])
        assert found is not None
        assert budget.used(problem, found) <= budget.room * (1 + 1e-9)
        costs.append(total(problem, found))
    assert costs == sorted(costs, reverse=True)
    assert costs[-1] == total(problem, free)
    assert within(problem, 4, [Budget(uses=uses, room=least - 1)]) is None


SIDES = st.tuples(st.integers(200, 2_600), st.integers(200, 2_600), st.integers(1, 50))
TRAFFIC = st.lists(SIDES, min_size=1, max_size=12)


def planned(rows: list[tuple[int, int, int]], **options: Any) -> Plan:
    sizes = [(height, width, float(count)) for height, width, count in rows]
    return analyze(traffic_of(*sizes), model="qwen3-vl-2b", **options).plan


def use_of(plan: Plan, name: str) -> BudgetUse:
    return next(each for each in plan.budgets if each.name == name)


@settings(max_examples=drawn(15, in_fuzz=60))
@given(
    rows=TRAFFIC,
    minutes=st.floats(0.5, 9)
    | st.tuples(st.floats(0.5, 9), st.floats(9, 40)).map(
        lambda pair: {1_024: pair[0], 16_384: pair[1]}
    ),
    budget=st.floats(1, 90),
)
def test_a_plan_keeps_the_minutes_or_says_no(
    rows: list[tuple[int, int, int]],
    minutes: float | dict[int, float],
    budget: float,
) -> None:
    plan = planned(rows, graph_minutes=minutes, compile_budget=budget)
    use = use_of(plan, "compile")
    known = {1: minutes} if isinstance(minutes, float) else minutes
    told = GraphMinutes(tuple(known.items())).at(plan.visual.vit_max_seq_lens).sum()
    assert use.used == pytest.approx(told)
    refused = [each for each in plan.verdict.reasons if each.id == "compile-budget"]
    assert bool(refused) is not use.is_kept
    assert (plan.verdict.call == "no") or use.is_kept
    if not use.is_kept:
        alone = planned(rows, graph_minutes=minutes, buckets=(1, 1))
        least = GraphMinutes(tuple(known.items())).at(alone.visual.vit_max_seq_lens)
        assert least.sum() > budget


@settings(max_examples=drawn(15, in_fuzz=60))
@given(
    rows=TRAFFIC,
    n_graphs=st.integers(2, 8),
    batch_size=st.integers(2, 8),
    requests=st.lists(
        st.tuples(st.integers(0, 60), st.integers(1, 20)), min_size=1, max_size=9
    ),
)
def test_minutes_are_shared_with_the_decoder_at_the_least_loss(
    rows: list[tuple[int, int, int]],
    n_graphs: int,
    batch_size: int,
    requests: list[tuple[int, int]],
) -> None:
    start = np.array([begin for begin, _ in requests], dtype=np.float64)
    lasts = np.array([each for _, each in requests], dtype=np.float64)
    replica = np.zeros(len(requests), dtype=np.int64)
    load = sweep(Requests(start_s=start, end_s=start + lasts, replica=replica))
    evidence = Evidence(kind="requests", load=load, samples=len(requests))
    asked: dict[str, Any] = {"evidence": evidence, "batch_size": batch_size}
    free = planned(rows, **asked)
    plan = planned(rows, **asked, graph_minutes=1.0, compile_budget=float(n_graphs))
    lengths, sizes = plan.visual.vit_max_seq_lens, plan.decoder
    assert free.decoder is not None
    assert sizes is not None
    taken = len(lengths) + len(sizes.decoder_batch_sizes)
    chosen = len(free.visual.vit_max_seq_lens), len(free.decoder.decoder_batch_sizes)
    assert taken == use_of(plan, "compile").used
    fewer = len(sizes.decoder_batch_sizes) < chosen[1]
    if fewer and sizes.decision.rule != "saturated":
        assert "--compile-budget allows" in sizes.decision.reason
    assert taken <= n_graphs
    vit = {point.k: point.padded_compute for point in free.visual.frontier}
    steps = {point.k: point.mean_step_cost for point in free.decoder.frontier}

    def loss(n_lengths: int, n_sizes: int) -> float:
        return vit[n_lengths] / vit[chosen[0]] + steps[n_sizes] / steps[chosen[1]]

    possible = [
        loss(k, m)
        for k in range(1, chosen[0] + 1)
        for m in range(1, chosen[1] + 1)
        if k + m <= n_graphs
    ]
    assert loss(len(lengths), len(sizes.decoder_batch_sizes)) == pytest.approx(
        min(possible)
    )


@settings(max_examples=drawn(15, in_fuzz=60))
@given(rows=TRAFFIC, limit=st.floats(1e11, 4e13))
def test_an_image_keeps_its_compute_or_the_limit_that_does_is_told(
    rows: list[tuple[int, int, int]], limit: float
) -> None:
    plan = planned(rows, max_latency=limit)
    use = use_of(plan, "image")
    assert (plan.verdict.call == "no") or use.is_kept
    if use.option:
        limited = planned(
            rows, max_latency=limit, max_pixels=int(use.option.split()[1])
        )
        assert use_of(limited, "image").is_kept


@settings(max_examples=drawn(15, in_fuzz=60))
@given(rows=TRAFFIC, budget=st.integers(1_200, 7_000))
def test_a_device_holds_no_more_than_it_may_or_the_verdict_is_no(
    rows: list[tuple[int, int, int]], budget: int
) -> None:
    plan = planned(rows, memory_budget=budget * 10**6)
    use = use_of(plan, "memory")
    assert plan.memory is not None
    assert use.used == plan.memory.needed_bytes
    assert (plan.verdict.call == "no") is not use.is_kept


def test_lengths_give_way_only_where_nothing_else_makes_a_plan_fit() -> None:
    rows = [(1_200, 1_600, 5), (400, 700, 90), (2_048, 2_048, 1), (900, 1_300, 30)]
    free, roomy, tight = (
        planned(rows, **({"memory_budget": each} if each else {}))
        for each in (None, 3_000_000_000, 2_350_000_000)
    )
    assert roomy.visual.vit_max_seq_lens == free.visual.vit_max_seq_lens
    assert tight.visual.padded_compute > free.visual.padded_compute
    assert tight.verdict.call != "no"
    assert "the budgets" in tight.visual.decision.reason


@settings(max_examples=drawn(15, in_fuzz=60))
@given(rows=TRAFFIC)
def test_no_point_of_the_front_is_beaten_and_memory_costs_sequences(
    rows: list[tuple[int, int, int]],
) -> None:
    plan = planned(rows)
    front = plan.frontier_budgets
    assert front
    assert {plan.visual.frontier[0].vit_max_seq_lens} <= {
        each.vit_max_seq_lens for each in front
    }
    for one in front:
        assert not any(
            other.compute <= one.compute
            and other.memory_bytes <= one.memory_bytes
            and other.k <= one.k
            for other in front
            if other is not one
        )
        assert one.sequences is not None
    by_memory = sorted(front, key=lambda each: each.memory_bytes)
    sequences = [each.sequences or 0.0 for each in by_memory]
    assert sequences == sorted(sequences, reverse=True)


def test_other_strategies_are_refused_beside_a_budget() -> None:
    with pytest.raises(UsageError, match="exact with a budget"):
        planned([(400, 400, 1)], strategy="kmeans", memory_budget=10**10)


def test_terminal_and_page_tell_what_a_budget_is_used_for(tmp_path: Path) -> None:
    asked = ("--graph-minutes", "5", "--compile-budget", "11", "--model", "qwen3-vl-2b")
    done = bucketwise("analyze", SCREENSHOTS, *asked, "--out", "out", cwd=tmp_path)
    assert done.returncode == 0
    assert "Budgets: compiling: 10 min of 11 min." in done.stdout
    assert "the budgets hold no list of 3" in done.stdout
    page = (tmp_path / "out" / "report.html").read_text()
    assert "Budgets: compiling: 10 min of 11 min." in page
    assert "10 min of the 11 min allowed" in page


def test_a_budget_of_memory_is_refused_where_nobody_knows_what_a_device_holds() -> None:
    with pytest.raises(UsageError, match="a device of vLLM holds of qwen3-vl-2b"):
        planned([(400, 400, 1)], memory_budget=10**10, target=["vllm==0.33.0"])


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--graph-minutes", "1024=9,16384=3"], "got 1024=9, 16384=3"),
        (["--compile-budget", "9"], "--graph-minutes"),
        (["--graph-minutes", "16384=3,1024=9"], "minutes that do not fall"),
        (["--graph-minutes", "a=3"], "1024=3,16384=20"),
        (["--memory-budget", "12"], "12GB"),
        (["--max-latency", "20"], "5TFLOP"),
    ],
)
def test_a_budget_that_cannot_be_read_is_refused_in_its_own_words(
    options: list[str], said: str, tmp_path: Path
) -> None:
    result = bucketwise("analyze", SCREENSHOTS, *options, cwd=tmp_path)
    assert result.returncode == USAGE
    assert said in result.stderr
