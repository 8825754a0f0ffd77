"""How sure a plan is: new traffic by time, by label and drawn, and what it costs."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bucketwise.core.buckets import Demand
from bucketwise.core.confidence import (
    PARTS,
    ROUNDS,
    SMALL_RISE,
    Sample,
    chance_of_larger,
    confidence_of,
)
from bucketwise.core.cost import vit_flops
from bucketwise.core.limits import Case
from bucketwise.core.optimize import EXACT, SOLVERS, Problem
from bucketwise.core.optimize.many import least_costs, priced
from bucketwise.core.patching import count_patches
from bucketwise.core.plan import Confidence
from bucketwise.engines.rbln.engine import RBLN
from bucketwise.engines.rbln.releases import NEWEST
from bucketwise.nouns.traffic import Traffic, merge_traffic
from bucketwise.read.configs.profiles import find_profile
from tests.strategies import preprocessing_of, traffic_of

QWEN3 = find_profile("qwen3-vl-2b")
CURVE = vit_flops(QWEN3)
TOP = 16_384
HOUR_S = 3_600

sizes = st.tuples(st.integers(64, 2_000), st.integers(64, 2_000))
counts = st.integers(1, 50).map(float)
rows = st.lists(st.tuples(sizes, counts), min_size=2, max_size=12)


def sample_of(traffic: Traffic) -> Sample:
    preprocessing = preprocessing_of(QWEN3)
    return Sample.of(
        Case(
            profile=QWEN3,
            preprocessing=preprocessing,
            counts=count_patches(traffic.sizes(), QWEN3, preprocessing),
            release=RBLN.release(NEWEST),
            curve=CURVE,
            align=QWEN3.align,
            pins=(),
        )
    )


def found_of(traffic: Traffic, *below: int) -> Confidence | None:
    """Return how sure a plan with those lengths below the top is, against one graph."""
    return confidence_of(traffic, sample_of(traffic), (*below, TOP), (TOP,))


def at(hour: int, *rows: tuple[int, int, float]) -> Traffic:
    part = traffic_of(*rows)
    start_s = np.full_like(part.slot_start_s, hour * HOUR_S)
    return replace(part, slot_start_s=start_s)


def under(label: str, *rows: tuple[int, int, float]) -> Traffic:
    part = traffic_of(*rows)
    return replace(part, labels=(label,), label=np.zeros_like(part.label))


@st.composite
def demands(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray, int, list[int]]:
    """Draw runs of several demands, a cost of any form, a number of ceilings, and pins."""
    n = draw(st.integers(1, 9))
    cost = draw(st.lists(st.integers(1, 50), min_size=n, max_size=n))
    some = st.lists(st.integers(0, 9), min_size=n, max_size=n).filter(any)
    runs = draw(st.lists(some, min_size=1, max_size=4))
    pins = sorted(draw(st.sets(st.integers(0, n - 1), max_size=2)) - {n - 1})
    k = draw(st.integers(len(pins) + 1, len(pins) + 3))
    return np.array(runs, dtype=float), np.array(cost, dtype=float), k, pins


@given(demands())
def test_the_optima_of_many_demands_are_those_of_each_alone(
    drawn: tuple[np.ndarray, np.ndarray, int, list[int]],
) -> None:
    runs, cost, k, pins = drawn
    ceilings, total = least_costs(runs, cost, k, np.array(pins, dtype=np.int64))
    assert priced(runs, cost, ceilings) == pytest.approx(total, rel=1e-12)
    n = cost.size
    # What is dearer than a larger one is never better than it.
    rising = np.minimum.accumulate(cost[::-1])[::-1]
    for each, chosen, paid in zip(runs, ceilings, total, strict=True):
        assert {*pins, n - 1} <= set(chosen.tolist())
        problem = Problem(
            lengths=np.arange(1, n + 1),
            runs=each,
            cost=rising,
            pinned=frozenset(pin + 1 for pin in pins),
            align=1,
        )
        best = np.array(SOLVERS[EXACT](problem, k)) - 1
        held = best[np.searchsorted(best, np.arange(n))]
        assert paid == pytest.approx(float(each @ rising[held]), rel=1e-12)


@given(rows)
def test_regret_is_never_below_nothing_and_is_drawn_again_the_same(
    rows: list[tuple[tuple[int, int], float]],
) -> None:
    traffic = traffic_of(*((h, w, count) for (h, w), count in rows))
    found = found_of(traffic, 1_024, 4_096)
    assert found is not None
    assert found.method == "images"
    assert 0 <= found.low <= found.high
    assert found.saving_low is not None
    assert found.saving_high is not None
    assert found.saving_low <= found.saving_high <= 1
    assert found.regret >= 0
    assert found == found_of(traffic, 1_024, 4_096)


@given(st.lists(sizes, min_size=2, max_size=12, unique=True))
def test_hours_that_repeat_the_hour_before_cost_nothing_more(
    rows: list[tuple[int, int]],
) -> None:
    same = [(h, w, 3.0) for h, w in rows]
    found = found_of(merge_traffic([at(hour, *same) for hour in range(PARTS)]), 1_024)
    assert found is not None
    assert (found.method, found.rounds) == ("time", ROUNDS)
    assert found.high == pytest.approx(0, abs=1e-9)
    assert found.outgrown_images == 0
    assert found.new_images == pytest.approx(sum(count for *_, count in same))


def test_traffic_that_changes_costs_the_lengths_of_before() -> None:
    """By hand: all parts but the last know 1,200 patches alone, it 4,032 and the top."""
    before = [at(hour, (480, 640, 100.0)) for hour in range(PARTS - 1)]
    last = at(PARTS - 1, (768, 1_344, 99.0), (2_048, 2_048, 1.0))
    found = found_of(merge_traffic([*before, last]), 1_200)
    assert found is not None
    small, top = CURVE.at(np.array([4_032, TOP]))
    regret = 100 * top / (99 * small + top) - 1
    assert found.high == pytest.approx(regret, rel=1e-12)
    assert found.regret == pytest.approx(regret / ROUNDS, rel=1e-12)
    assert found.low == 0
    assert found.outgrown_images == 100


def test_labels_are_drawn_whole_where_there_are_ten() -> None:
    alike = [under(f"client {n}", (480, 640, 50.0)) for n in range(9)]
    apart = under("client 9", (768, 1_344, 500.0))
    found = found_of(merge_traffic([*alike, apart]), 1_200)
    assert found is not None
    assert found.method == "labels"
    # The tenth client is missing from the lengths, or from what is new, every third time.
    assert found.high > 1
    assert found_of(merge_traffic(alike), 1_200).method == "images"  # type: ignore[union-attr]


@given(rows)
def test_a_length_at_the_end_of_its_range_costs_one_percent_and_past_it_more(
    rows: list[tuple[tuple[int, int], float]],
) -> None:
    traffic = traffic_of(*((h, w, count) for (h, w), count in rows))
    sample = sample_of(traffic)
    demand = Demand.of(sample.needed, sample.runs)
    top = int(demand.needed[-1])
    lengths = (max(top // 2 // 4 * 4, 4), top)
    if lengths[0] == top:
        return
    found = confidence_of(traffic, sample, lengths)
    assert found is not None

    def paid(*lengths: int) -> float:
        held = np.searchsorted(lengths, demand.needed)
        return float(demand.runs @ CURVE.at(np.array(lengths))[held])

    most = paid(*lengths) * (1 + SMALL_RISE)
    small, large = found.ranges
    assert small.shortest <= lengths[0] <= small.longest
    for end in (small.shortest, small.longest):
        assert paid(end, top) <= most * (1 + 1e-12)
    for past in (small.shortest - 4, small.longest + 4):
        assert past < 4 or past >= top or paid(past, top) > most
    assert large.shortest == top
    assert paid(lengths[0], large.longest) <= most * (1 + 1e-12)
    assert paid(lengths[0], large.longest + 4) > most or large.longest >= 2 * top


def test_nothing_is_said_where_there_is_nothing_to_choose() -> None:
    rows = ((480, 640, 5.0), (720, 1_280, 3.0))
    assert found_of(traffic_of(*rows)) is None
    fractions = replace(traffic_of((480, 640, 0.5), (720, 1_280, 1.5)), weighted=True)
    assert found_of(fractions, 1_024) is None


@given(st.integers(2, 40), st.integers(2, 40))
def test_at_most_one_of_n_plus_one_is_larger_than_all(n: int, kinds: int) -> None:
    values = [each % kinds for each in range(n + 1)]
    larger = sum(
        max(others) < last
        for others, last in (
            (values[:at] + values[at + 1 :], values[at]) for at in range(n + 1)
        )
    )
    assert larger / (n + 1) <= chance_of_larger(n)


def test_thinned_candidates_change_little(monkeypatch: pytest.MonkeyPatch) -> None:
    pairs = list(combinations(range(6, 60), 2))
    traffic = traffic_of(*((32 * a, 32 * b, 3.0) for a, b in pairs))
    whole = found_of(traffic, 1_024, 4_096)
    monkeypatch.setattr("bucketwise.core.confidence.MOST_CANDIDATES", 100)
    thin = found_of(traffic, 1_024, 4_096)
    assert whole is not None
    assert thin is not None
    assert thin.regret == pytest.approx(whole.regret, abs=0.01)
