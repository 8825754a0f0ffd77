"""Arrivals played through a decoder, and graphs that fit what then runs."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bucketwise.core.decoder.graphs import Graphs, choose_graphs
from bucketwise.core.decoder.replay import Replay, replay, settle
from bucketwise.core.decoder.step_cost import StepCurve
from bucketwise.core.decoder.timeline import sweep
from bucketwise.errors import ConfigError
from bucketwise.nouns.activity import Activity, Arrivals, Requests
from bucketwise.nouns.traffic import FloatArray

LOADS = st.lists(
    st.tuples(st.integers(0, 8), st.integers(0, 3), st.integers(0, 6)),
    min_size=1,
    max_size=12,
)
"""Seconds since the arrival before, seconds of prefill, tokens of output."""


def arrivals_of(load: list[tuple[int, int, int]]) -> tuple[Arrivals, list[float]]:
    gaps, prefill, output = (np.array(column) for column in zip(*load, strict=True))
    arrivals = Arrivals(
        arrival_s=np.cumsum(gaps).astype(np.float64),
        prompt=prefill.astype(np.int64),
        output=output.astype(np.int64),
    )
    return arrivals, prefill.astype(np.float64).tolist()


def step_by_step(
    load: list[tuple[int, int, int]], batch_size: int, step_s: list[float]
) -> tuple[list[float], list[float], list[int]]:
    """Replay without any shortcut, a step at a time."""
    arrivals, prefill_s = arrivals_of(load)
    due = list(range(len(load)))
    left: dict[int, int] = {}
    admitted, finished = [0.0] * len(load), [0.0] * len(load)
    steps = [0] * (batch_size + 1)
    now_s = float(arrivals.arrival_s[0])
    while due or left:
        if due and not left:
            now_s = max(now_s, float(arrivals.arrival_s[due[0]]))
        if due and len(left) < batch_size and arrivals.arrival_s[due[0]] <= now_s:
            each = due.pop(0)
            admitted[each] = now_s
            now_s += prefill_s[each]
            if load[each][2] > 1:
                left[each] = load[each][2] - 1
            else:
                finished[each] = now_s
            continue
        active = len(left)
        now_s += step_s[active]
        steps[active] += 1
        left = {each: tokens - 1 for each, tokens in left.items()}
        for each in [each for each, tokens in left.items() if not tokens]:
            finished[each] = now_s
            del left[each]
    return admitted, finished, steps


@given(LOADS, st.integers(1, 4))
def test_taking_steps_together_changes_nothing(
    load: list[tuple[int, int, int]], batch_size: int
) -> None:
    step_s = [0.0, 1.0, 1.5, 2.0, 2.5][: batch_size + 1]
    arrivals, prefill_s = arrivals_of(load)
    ran = replay(arrivals, batch_size, step_s, prefill_s)
    admitted, finished, steps = step_by_step(load, batch_size, step_s)
    assert ran.admitted_s.tolist() == admitted
    assert ran.finished_s.tolist() == finished
    assert ran.steps.tolist() == steps


@given(LOADS, st.integers(1, 4))
def test_every_token_after_the_first_is_one_sequence_in_one_step(
    load: list[tuple[int, int, int]], batch_size: int
) -> None:
    arrivals, prefill_s = arrivals_of(load)
    ran = replay(arrivals, batch_size, [0.0, *([1.0] * batch_size)], prefill_s)
    tokens = np.maximum(arrivals.output - 1, 0).sum()
    assert (ran.steps * np.arange(batch_size + 1)).sum() == tokens
    assert (ran.admitted_s >= ran.arrival_s).all()
    assert (np.diff(ran.admitted_s) >= 0).all()


def busy(rate_per_s: float, n_requests: int = 8_000) -> Arrivals:
    random = np.random.default_rng(7)
    return Arrivals(
        arrival_s=np.cumsum(random.exponential(1 / rate_per_s, n_requests)),
        prompt=random.integers(200, 2_000, n_requests),
        output=random.integers(1, 300, n_requests),
    )


def shares(activity: Activity, batch_size: int) -> FloatArray:
    seconds = activity.clipped(batch_size)[1:]
    share: FloatArray = seconds / seconds.sum()
    return share


@pytest.mark.parametrize("rate_per_s", [0.3, 1.0, 2.0, 3.5])
def test_the_request_log_of_a_replay_tells_the_same_load(rate_per_s: float) -> None:
    batch_size = 8
    arrivals = busy(rate_per_s)
    step_s = [0.0, *(0.01 + 0.001 * np.arange(1, batch_size + 1)).tolist()]
    ran = replay(arrivals, batch_size, step_s, (arrivals.prompt * 2e-5).tolist())
    log = Requests(
        start_s=ran.arrival_s,
        end_s=ran.finished_s,
        replica=np.zeros(ran.arrival_s.size, dtype=np.int64),
    )
    apart = np.abs(
        shares(ran.activity(), batch_size) - shares(sweep(log), batch_size)
    ).sum()
    assert apart / 2 < 0.03


def curve(costs_ms: list[float]) -> StepCurve:
    return StepCurve(
        kind="measured",
        unit="ms",
        costs=np.array(costs_ms),
        status="measured",
        source="",
    )


def settled_for(
    rate_per_s: float, costs_ms: list[float]
) -> tuple[Graphs, Replay, Replay]:
    arrivals, clock = busy(rate_per_s), curve(costs_ms)
    found = settle(
        arrivals,
        len(costs_ms),
        clock,
        (arrivals.prompt * 2e-5).tolist(),
        lambda steps: choose_graphs(steps, clock, (1, 4), 0.05),
    )
    return found.graphs, found.replay, found.one_graph


def test_a_settled_choice_is_that_of_the_replay_it_runs_in() -> None:
    costs_ms = [5.0 + 1.5 * size for size in range(1, 17)]
    graphs, ran, first = settled_for(2.0, costs_ms)
    again = choose_graphs(ran.steps[1:], curve(costs_ms), (1, 4), 0.05)
    assert again.sizes == graphs.sizes
    assert len(graphs.sizes) > 1
    assert ran.finished_s.max() <= first.finished_s.max()


def test_faster_steps_leave_fewer_sequences_active() -> None:
    costs_ms = [5.0 + 1.5 * size for size in range(1, 17)]
    _, ran, first = settled_for(2.0, costs_ms)
    counts = np.arange(17)
    means = [
        (each.activity().clipped(16) * counts).sum() / each.activity().observed_s
        for each in (ran, first)
    ]
    assert means[0] < means[1]


def test_no_set_of_graphs_helps_a_decoder_that_is_full() -> None:
    graphs, _, _ = settled_for(50.0, [10.0 + size for size in range(1, 9)])
    assert graphs.sizes == (8,)
    assert graphs.decision.rule == "saturated"


def test_arrivals_that_go_back_in_time_are_refused() -> None:
    with pytest.raises(ConfigError, match="go back"):
        Arrivals(
            arrival_s=np.array([1.0, 0.0]),
            prompt=np.array([1, 1]),
            output=np.array([1, 1]),
        )
