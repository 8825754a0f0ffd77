"""Request logs to a distribution of active sequences."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bucketwise.core.decoder.timeline import sweep
from bucketwise.errors import ConfigError, InputError
from bucketwise.nouns.activity import MAX_SLOTS, Activity, Requests

# Whole numbers, so that sums are exact.
INTERVALS = st.lists(
    st.tuples(st.integers(0, 60), st.integers(0, 30)), min_size=1, max_size=30
).filter(lambda pairs: any(length for _, length in pairs))


def requests(
    pairs: list[tuple[int, int]], replica: list[int] | None = None, shift_s: float = 0.0
) -> Requests:
    start = np.array([begin for begin, _ in pairs], dtype=np.float64) + shift_s
    length = np.array([each for _, each in pairs], dtype=np.float64)
    served_by = np.array(replica or [0] * len(pairs), dtype=np.int64)
    return Requests(start_s=start, end_s=start + length, replica=served_by)


def seconds_by_active(activity: Activity) -> dict[int, float]:
    found: dict[int, float] = {}
    for running, seconds in zip(activity.running, activity.seconds, strict=True):
        found[int(running)] = found.get(int(running), 0.0) + float(seconds)
    return found


@given(INTERVALS)
def test_every_second_counts_the_requests_in_flight(
    pairs: list[tuple[int, int]],
) -> None:
    activity = sweep(requests(pairs))
    first = min(start for start, _ in pairs)
    last = max(start + length for start, length in pairs)
    expected: dict[int, float] = {}
    for second in range(first, last):
        held = sum(start <= second < start + length for start, length in pairs)
        expected[held] = expected.get(held, 0.0) + 1.0
    assert seconds_by_active(activity) == expected


@given(INTERVALS)
def test_sequence_seconds_are_the_sum_of_the_durations(
    pairs: list[tuple[int, int]],
) -> None:
    activity = sweep(requests(pairs))
    total = sum(length for _, length in pairs)
    assert (activity.running * activity.seconds).sum() == pytest.approx(total)


@given(INTERVALS, st.randoms(use_true_random=False))
def test_the_order_of_requests_does_not_matter(
    pairs: list[tuple[int, int]], random: object
) -> None:
    shuffled = list(pairs)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert sweep(requests(pairs)).sha256() == sweep(requests(shuffled)).sha256()


@given(INTERVALS, st.integers(-(10**9), 10**9))
def test_the_origin_of_the_clock_does_not_matter(
    pairs: list[tuple[int, int]], shift_s: int
) -> None:
    moved = sweep(requests(pairs, shift_s=float(shift_s)))
    assert seconds_by_active(moved) == seconds_by_active(sweep(requests(pairs)))


@given(INTERVALS)
def test_replicas_add_up_and_idle_while_others_work(
    pairs: list[tuple[int, int]],
) -> None:
    twice = sweep(requests(pairs + pairs, [0] * len(pairs) + [1] * len(pairs)))
    once = seconds_by_active(sweep(requests(pairs)))
    assert seconds_by_active(twice) == {
        active: 2 * seconds for active, seconds in once.items()
    }
    assert twice.replicas == 2
    assert twice.observed_s == pytest.approx(2 * twice.span_s)


@given(INTERVALS, st.integers(1, 12))
def test_sweeping_in_blocks_changes_nothing(
    pairs: list[tuple[int, int]], block_events: int
) -> None:
    whole = sweep(requests(pairs))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("bucketwise.core.decoder.timeline.BLOCK_EVENTS", block_events)
        assert sweep(requests(pairs)).sha256() == whole.sha256()


@given(INTERVALS, st.integers(1, 8))
def test_clipping_keeps_all_time_and_queues_what_does_not_fit(
    pairs: list[tuple[int, int]], batch_size: int
) -> None:
    activity = sweep(requests(pairs))
    clipped = activity.clipped(batch_size)
    assert clipped.sum() == pytest.approx(activity.observed_s)
    above = sum(
        seconds
        for active, seconds in seconds_by_active(activity).items()
        if active > batch_size
    )
    assert activity.queueing_s(batch_size) == pytest.approx(above)


@given(st.integers(1, 10**7))
def test_slots_stay_few_whatever_the_span(span_s: int) -> None:
    activity = sweep(requests([(0, 1), (span_s, 1)]))
    assert np.unique(activity.slot).size <= MAX_SLOTS + 1


def test_wider_slots_keep_the_time() -> None:
    activity = sweep(requests([(0, 7), (3, 11), (40, 2)]))
    wider = activity.with_slots(60)
    assert seconds_by_active(wider) == seconds_by_active(activity)
    assert wider.slot.max() == 0


def test_requests_that_last_no_time_tell_nothing() -> None:
    with pytest.raises(InputError, match="lasts any time"):
        sweep(requests([(5, 0), (5, 0)]))


def test_a_request_that_ends_before_it_starts_is_refused() -> None:
    with pytest.raises(ConfigError, match="ends before it starts"):
        Requests(start_s=np.array([2.0]), end_s=np.array([1.0]), replica=np.array([0]))
