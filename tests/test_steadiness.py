"""How sure a plan is: halves by time and at random, and what they cost each other."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bucketwise.core.cost import vit_flops
from bucketwise.core.half_split import (
    HalfSplit,
    Sample,
    chance_of_larger,
    half_split_of,
)
from bucketwise.core.limits import Case
from bucketwise.core.patching import count_patches
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


def found_of(traffic: Traffic, *below: int) -> HalfSplit | None:
    """Return the steadiness of a plan with that many lengths below the top."""
    preprocessing = preprocessing_of(QWEN3)
    setting = Case(
        profile=QWEN3,
        preprocessing=preprocessing,
        counts=count_patches(traffic.sizes(), QWEN3, preprocessing),
        release=RBLN.release(NEWEST),
        curve=CURVE,
        align=QWEN3.align,
        pins=(),
    )
    return half_split_of(traffic, Sample.of(setting), (*below, TOP))


def at(hour: int, *rows: tuple[int, int, float]) -> Traffic:
    part = traffic_of(*rows)
    start_s = np.full_like(part.slot_start_s, hour * HOUR_S)
    return replace(part, slot_start_s=start_s)


@given(st.lists(st.tuples(sizes, counts), min_size=2, max_size=12))
def test_no_half_is_beaten_by_less_than_nothing(
    rows: list[tuple[tuple[int, int], float]],
) -> None:
    traffic = traffic_of(*((h, w, count) for (h, w), count in rows))
    found = found_of(traffic, 1_024, 4_096)
    if found is not None:
        assert 0 <= found.extra <= found.worst_extra
        assert found.seen_images + found.unseen_images == pytest.approx(traffic.images)


@given(st.lists(sizes, min_size=2, max_size=12, unique=True))
def test_a_day_that_repeats_the_day_before_costs_nothing_more(
    rows: list[tuple[int, int]],
) -> None:
    same = [(h, w, 3.0) for h, w in rows]
    found = found_of(merge_traffic([at(0, *same), at(24, *same)]), 1_024)
    if found is not None:
        assert found.split == "time"
        assert found.until_s == 24 * HOUR_S
        assert found.extra == 0
        assert found.outgrown_images == 0


def test_images_that_outgrow_the_first_half_are_counted() -> None:
    first = at(0, (480, 640, 50.0), (300, 300, 50.0))
    later = at(1, (480, 640, 90.0), (1_080, 1_920, 7.0), (1_536, 2_048, 3.0))
    found = found_of(merge_traffic([first, later]), 1_024)
    assert found is not None
    assert found.outgrown_images == 10
    assert (found.seen_images, found.unseen_images) == (100, 100)


def test_traffic_that_changes_costs_the_lengths_of_before() -> None:
    """By hand: the first half knows 1,200 patches alone, the later one 4,032 and the top."""
    first = at(0, (480, 640, 100.0))
    later = at(1, (768, 1_344, 99.0), (2_048, 2_048, 1.0))
    found = found_of(merge_traffic([first, later]), 1_200)
    assert found is not None
    small, top = CURVE.at(np.array([4_032, TOP]))
    assert found.extra == pytest.approx(100 * top / (99 * small + top) - 1, rel=1e-12)


def test_without_times_halves_are_drawn_and_drawn_again_the_same() -> None:
    traffic = traffic_of(*((64 * n, 96 * n, 40.0) for n in range(2, 14)))
    found = found_of(traffic, 1_024, 4_096)
    assert found is not None
    assert found.split == "random"
    assert found == found_of(traffic, 1_024, 4_096)


def test_nothing_is_said_where_there_is_nothing_to_choose() -> None:
    rows = ((480, 640, 5.0), (720, 1_280, 3.0))
    assert found_of(traffic_of(*rows)) is None
    fractions = replace(traffic_of((480, 640, 0.5), (720, 1_280, 1.5)), weighted=True)
    assert found_of(fractions, 1_024) is None


def test_one_of_n_plus_one_is_the_largest() -> None:
    assert chance_of_larger(0) == 1
    assert chance_of_larger(999) == 1e-3
