"""Budgets: the exact optimum under them against every set of ceilings."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bucketwise.core.optimize.budgets import Budget, front, total, within
from bucketwise.core.optimize.problem import Problem


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
