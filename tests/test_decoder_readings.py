"""Readings of engines to a distribution of active sequences."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bucketwise.core.decoder import timeline as readings
from bucketwise.core.decoder.timeline import hold
from bucketwise.errors import InputError
from bucketwise.nouns.activity import Activity, Gauges
from bucketwise.words.reject_reasons import (
    CLOCK_GOES_BACK,
    CONTRADICTION,
    DUPLICATE,
    GAP,
    RESTART,
)

Reading = tuple[float, int, int]
"""Time, running, waiting."""

# Whole numbers, so that sums are exact.
LEVELS = st.tuples(st.integers(0, 6), st.integers(0, 2))
EVEN = st.builds(
    lambda start, step, levels: [
        (float(start + step * nth), *level) for nth, level in enumerate(levels)
    ],
    st.integers(-1_000, 2_000_000_000),
    st.integers(1, 90),
    st.lists(LEVELS, min_size=2, max_size=12),
)
"""Readings of one engine, evenly apart."""

WILD = st.lists(
    st.tuples(st.integers(0, 5_000).map(float), st.integers(0, 6), st.integers(0, 2)),
    min_size=1,
    max_size=20,
)
"""Readings of one engine whose clock does what it wants."""


def gauges(
    *engines: list[Reading], silent: bool = False, restarts: tuple[int, ...] = ()
) -> Gauges:
    rows = [(*each, nth) for nth, readings_ in enumerate(engines) for each in readings_]
    return of_rows(rows, silent=silent, restarts=restarts)


def of_rows(
    rows: list[tuple[float, int, int, int]],
    *,
    silent: bool = False,
    restarts: tuple[int, ...] = (),
) -> Gauges:
    columns = np.array(rows, dtype=np.float64).reshape(-1, 4).T
    running, waiting, replica = columns[1:].astype(np.int64)
    return Gauges(
        time_s=columns[0],
        running=running,
        waiting=waiting,
        replica=replica,
        line=np.arange(1, len(rows) + 1),
        source="x.log",
        silent_when_idle=silent,
        restarts=restarts,
    )


def seconds_by_level(activity: Activity) -> dict[tuple[int, int], float]:
    found: dict[tuple[int, int], float] = {}
    cells = zip(activity.running, activity.waiting, activity.seconds, strict=True)
    for running, waiting, seconds in cells:
        level = (int(running), int(waiting))
        found[level] = found.get(level, 0.0) + float(seconds)
    # A sum of pieces cut at the borders of slots, to a nanosecond.
    return {level: round(seconds, 9) for level, seconds in sorted(found.items())}


def faults(held: readings.Held) -> dict[str, int]:
    return {each.reason: each.count for each in held.faults}


@given(EVEN)
def test_every_reading_speaks_until_the_next_one(rows: list[Reading]) -> None:
    step_s = rows[1][0] - rows[0][0]
    expected: dict[tuple[int, int], float] = {}
    for _, running, waiting in rows:
        expected[running, waiting] = expected.get((running, waiting), 0.0) + step_s
    held = hold(gauges(rows))
    assert seconds_by_level(held.activity) == expected
    assert held.activity.span_s == pytest.approx(step_s * len(rows))
    assert held.faults == ()


@given(EVEN, EVEN, st.data())
def test_neither_order_nor_names_of_replicas_matter(
    first: list[Reading], second: list[Reading], data: st.DataObject
) -> None:
    apart = hold(gauges(first, second)).activity
    turns = data.draw(st.permutations([0] * len(first) + [1] * len(second)))
    sources = (iter(first), iter(second))
    rows = [(*next(sources[turn]), 70 - turn) for turn in turns]
    mixed = hold(of_rows(rows)).activity
    assert seconds_by_level(mixed) == seconds_by_level(apart)
    assert (mixed.replicas, mixed.span_s) == (apart.replicas, apart.span_s)
    assert apart.replicas == 2


@given(EVEN, st.integers(-100, 100).map(lambda weeks: weeks * 604_800))
def test_shifting_the_clock_by_weeks_shifts_slots_and_nothing_else(
    rows: list[Reading], shift_s: int
) -> None:
    here = hold(gauges(rows)).activity
    shifted = [(time + shift_s, running, waiting) for time, running, waiting in rows]
    there = hold(gauges(shifted)).activity
    assert there.slot_width_s == here.slot_width_s
    assert (there.slot == here.slot + shift_s // here.slot_width_s).all()
    assert there.seconds == pytest.approx(here.seconds)


@given(st.lists(EVEN, min_size=1, max_size=3))
def test_no_slot_holds_more_time_than_its_replicas_have(
    engines: list[list[Reading]],
) -> None:
    activity = hold(gauges(*engines)).activity
    for slot in np.unique(activity.slot):
        within_s = activity.seconds[activity.slot == slot].sum()
        assert within_s <= activity.slot_width_s * len(engines) * (1 + 1e-9)


def test_long_idleness_lies_in_every_slot_it_lasts_through() -> None:
    activity = hold(
        gauges([(0, 1, 0), (10, 0, 0), (3_000, 1, 0), (3_010, 0, 0)], silent=True)
    ).activity
    assert activity.slot_width_s == 10
    assert activity.slot.tolist() == list(range(302))


@given(WILD, st.booleans(), st.data())
def test_whatever_the_clock_does_time_is_found_and_faults_have_places(
    rows: list[Reading], silent: bool, data: st.DataObject
) -> None:
    restarts = data.draw(st.sets(st.integers(1, max(1, len(rows) - 1))))
    known = tuple(sorted(each for each in restarts if each < len(rows)))
    held = hold(gauges(rows, silent=silent, restarts=known))
    assert held.activity.observed_s > 0
    assert set(held.activity.running) <= {running for _, running, _ in rows}
    assert faults(held).get(RESTART, 0) == len(known)
    for each in held.faults:
        lines = [place.line for place in each.places]
        assert len(lines) == min(each.count, 5)
        assert lines == sorted(set(lines))
        assert all(2 <= line <= len(rows) for line in lines)


@given(EVEN, st.data())
def test_a_repeated_reading_is_counted_and_changes_nothing(
    rows: list[Reading], data: st.DataObject
) -> None:
    at = data.draw(st.integers(0, len(rows) - 1))
    held = hold(gauges([*rows[: at + 1], *rows[at:]]))
    assert seconds_by_level(held.activity) == seconds_by_level(
        hold(gauges(rows)).activity
    )
    assert faults(held) == {DUPLICATE: 1}


def test_of_two_readings_for_one_moment_the_later_speaks() -> None:
    held = hold(gauges([(0, 1, 0), (10, 2, 0), (10, 3, 1), (20, 1, 0)]))
    assert seconds_by_level(held.activity) == {(1, 0): 20.0, (3, 1): 10.0}
    assert faults(held) == {CONTRADICTION: 1}
    assert str(held.faults[0].places[0]) == "x.log:3"


def test_across_a_gap_a_reading_speaks_for_one_usual_interval() -> None:
    held = hold(gauges([(0, 1, 0), (10, 2, 0), (20, 3, 0), (300, 4, 0), (310, 4, 0)]))
    assert seconds_by_level(held.activity) == {
        (1, 0): 10.0, (2, 0): 10.0, (3, 0): 10.0, (4, 0): 20.0,
    }  # fmt: skip
    assert faults(held) == {GAP: 1}
    assert held.activity.span_s == 320


def test_one_missed_reading_is_no_gap() -> None:
    held = hold(gauges([(0, 1, 0), (10, 2, 0), (30, 3, 0), (40, 4, 0)]))
    assert seconds_by_level(held.activity)[2, 0] == 20
    assert held.faults == ()


def test_nothing_is_held_across_a_clock_that_goes_back() -> None:
    held = hold(gauges([(100, 1, 0), (110, 2, 0), (50, 3, 0), (60, 4, 0)]))
    assert seconds_by_level(held.activity) == {
        (1, 0): 10.0, (2, 0): 10.0, (3, 0): 10.0, (4, 0): 10.0,
    }  # fmt: skip
    assert faults(held) == {CLOCK_GOES_BACK: 1}


@pytest.mark.parametrize(
    ("level", "silent", "seconds", "said"),
    [
        ((0, 0), True, 500, {}),
        ((0, 0), False, 10, {GAP: 1}),
        ((1, 0), True, 10, {GAP: 1}),
        ((0, 1), True, 10, {GAP: 1}),
    ],
)
def test_silence_is_idleness_only_of_an_idle_engine_that_then_is_silent(
    level: tuple[int, int], silent: bool, seconds: float, said: dict[str, int]
) -> None:
    held = hold(
        gauges([(0, 5, 0), (10, *level), (510, 5, 0), (520, 5, 0)], silent=silent)
    )
    assert seconds_by_level(held.activity)[level] == seconds
    assert faults(held) == said


@pytest.mark.parametrize(
    ("until_s", "seconds"), [(500, 10), (10, 10), (3, 3), (-9, 10)]
)
def test_nothing_is_held_across_a_restart(until_s: float, seconds: float) -> None:
    rows: list[Reading] = [(0, 0, 0), (10, 2, 0)]
    rows += [(10 + until_s, 7, 0), (20 + until_s, 7, 0)]
    held = hold(gauges(rows, silent=True, restarts=(2,)))
    assert seconds_by_level(held.activity)[2, 0] == seconds
    assert faults(held) == {RESTART: 1}
    assert held.faults[0].places[0].line == 3


def test_an_idle_engine_that_restarts_was_not_idle_until_then() -> None:
    rows: list[Reading] = [(0, 1, 0), (10, 0, 0), (500, 7, 0), (510, 7, 0)]
    held = hold(gauges(rows, silent=True, restarts=(2,)))
    assert seconds_by_level(held.activity)[0, 0] == 10


def test_a_lone_reading_speaks_for_a_second() -> None:
    held = hold(gauges([(5, 3, 1)]))
    assert seconds_by_level(held.activity) == {(3, 1): 1.0}


def test_without_a_reading_the_message_says_so() -> None:
    with pytest.raises(InputError, match="no reading"):
        hold(gauges())


def test_a_clock_that_jumps_to_and_fro_asks_for_bounded_memory(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rows = [(float(nth % 2 * 300), nth % 3, 0) for nth in range(40)]
    cut = hold(gauges(rows)).activity
    monkeypatch.setattr(readings, "MAX_BORDERS", 10)
    whole = hold(gauges(rows)).activity
    assert seconds_by_level(whole) == seconds_by_level(cut)
    assert whole.slot.size < cut.slot.size
