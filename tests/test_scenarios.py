"""Scenarios: one plan for all of them, what it costs each, and the least worst regret."""

from __future__ import annotations

import json
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import bucketwise
from bucketwise.core.optimize import Problem
from bucketwise.core.optimize.robust import solve
from bucketwise.errors import UsageError
from bucketwise.read.by_scenario import read_scenarios
from tests.commands import bucketwise as run

SAMPLES = Path(__file__).parent.parent / "sample_traffic"


@st.composite
def problems(draw: st.DrawFn) -> tuple[Problem, int]:
    """Draw scenarios over the same candidates, at any cost, and a number of ceilings."""
    n = draw(st.integers(2, 8))
    n_scenarios = draw(st.integers(1, 4))
    some = st.lists(st.integers(0, 6), min_size=n, max_size=n).filter(any)
    apart = np.array([draw(some) for _ in range(n_scenarios)], dtype=float)
    cost = draw(st.lists(st.integers(1, 50), min_size=n, max_size=n))
    pins = draw(st.sets(st.integers(1, n - 1), max_size=1))
    problem = Problem(
        lengths=np.arange(1, n + 1),
        runs=apart.sum(axis=0),
        cost=np.array(cost, dtype=float),
        pinned=frozenset(pins),
        align=1,
        apart=apart,
    )
    return problem, draw(st.integers(len(pins) + 1, len(pins) + 3))


def ratios(problem: Problem, lengths: tuple[int, ...]) -> np.ndarray:
    """Return what each scenario pays, where a dearer graph gives way to a larger one."""
    rising = np.minimum.accumulate(problem.cost[::-1])[::-1]
    held = np.array(lengths)[np.searchsorted(lengths, problem.lengths)] - 1
    return np.asarray(problem.apart @ rising[held])


@given(problems())
def test_the_worst_regret_is_the_least_there_is(drawn: tuple[Problem, int]) -> None:
    problem, k = drawn
    n = problem.lengths.size
    lists = [
        tuple(sorted({*chosen, n}))
        for size in range(k)
        for chosen in combinations(range(1, n), size)
        if problem.pinned <= {*chosen, n}
    ]
    paid = np.array([ratios(problem, each) for each in lists])
    least = (paid / paid.min(axis=0)).max(axis=1).min()
    found = solve(problem, k)
    assert problem.pinned <= {*found}
    assert len(found) <= k
    worst = (ratios(problem, found) / paid.min(axis=0)).max()
    assert worst == pytest.approx(least, rel=1e-7)


def test_growing_a_scenario_counts_its_images_as_often() -> None:
    path = SAMPLES / "web_photos.csv"
    once = bucketwise.read_traffic([path])
    grown = read_scenarios({"a": [(path, 1.5)], "b": [(path, 1)]})
    assert grown.labels == ("a", "b")
    assert grown.images == pytest.approx(2.5 * once.images)
    assert grown.rows_used == 2 * once.rows_used
    assert grown.weighted
    with pytest.raises(UsageError, match="scenario 'a': expected inputs with factors"):
        read_scenarios({"a": [(path, 0.0)]})


def test_one_plan_for_the_sum_tells_what_it_costs_each(tmp_path: Path) -> None:
    options = (
        *("analyze", "--model", "qwen3-vl-2b", "--format", "none", "--out"),
        str(tmp_path / "sum"),
        *("--scenario", f"photos={SAMPLES / 'web_photos.csv'}*3"),
        *("--scenario", f"docs={SAMPLES / 'docs_screenshots.csv'}"),
    )
    for_sum = run(*options, cwd=tmp_path)
    robust = run(
        *[each.replace("/sum", "/robust") for each in options], "--robust", cwd=tmp_path
    )
    assert for_sum.returncode == robust.returncode == 0
    plans = [
        json.loads((tmp_path / name / "plan.json").read_text())
        for name in ("sum", "robust")
    ]
    regrets = [{e["name"]: e["regret"] for e in plan["scenarios"]} for plan in plans]
    assert set(regrets[0]) == set(regrets[1]) == {"photos", "docs"}
    assert max(regrets[1].values()) < max(regrets[0].values())
    computes = [plan["visual"]["padded_compute"] for plan in plans]
    assert computes[0] < computes[1]
    worst = max(regrets[0], key=regrets[0].__getitem__)
    assert f"Of 2 scenarios {worst} pays most" in for_sum.stdout
    assert plans[1]["provenance"]["options"]["scenarios"] == {
        "docs": [1],
        "photos": [3],
    }


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--scenario", "a"], "expected NAME=FILE,FILE*FACTOR"),
        (["--scenario", "a=x.csv,"], "expected NAME=FILE,FILE*FACTOR"),
        (["x.csv", "--scenario", "a=x.csv"], "expected INPUT or --scenario, got both"),
        (
            [str(SAMPLES / "web_photos.csv"), "--robust"],
            "--robust: expected 2 to 12 scenarios",
        ),
        (
            [str(SAMPLES / "web_photos.csv"), "--robust", "--strategy", "kmeans"],
            "expected --robust or --strategy, got both",
        ),
    ],
)
def test_what_cannot_be_is_refused(
    tmp_path: Path, options: list[str], said: str
) -> None:
    ended = run("analyze", *options, "--out", tmp_path / "o", cwd=tmp_path)
    assert ended.returncode == 2
    assert said in ended.stderr
