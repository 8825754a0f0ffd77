"""The limit that is proposed does what it says when it is given."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bucketwise.app.planning import analyze
from bucketwise.core.tail_limit import LEAST_SAVING, MOST_SHRUNK
from tests.budget import drawn
from tests.strategies import traffic_of

SIDE = st.integers(200, 900)


@settings(max_examples=drawn(25, in_fuzz=100))
@given(
    common=st.lists(st.tuples(SIDE, SIDE), min_size=1, max_size=5),
    rare=st.tuples(st.integers(1_200, 2_600), st.integers(1_200, 2_600)),
    count=st.integers(20, 300),
)
def test_giving_the_proposed_limit_saves_and_shrinks_what_was_said(
    common: list[tuple[int, int]], rare: tuple[int, int], count: int
) -> None:
    traffic = traffic_of(*((*size, float(count)) for size in common), (*rare, 1.0))
    plan = analyze(traffic, model="qwen3-vl-2b").plan
    tail = plan.visual.tail_limit
    if tail is None:
        return
    n = len(plan.visual.vit_max_seq_lens)
    given_limit = analyze(
        traffic, model="qwen3-vl-2b", max_pixels=tail.max_pixels, buckets=(n, n)
    ).plan.visual
    assert given_limit.vit_max_seq_lens == tail.vit_max_seq_lens
    assert given_limit.padded_compute == pytest.approx(tail.padded_compute)
    saved = 1 - given_limit.padded_compute / plan.visual.padded_compute
    assert saved == pytest.approx(tail.saving)
    assert tail.saving >= LEAST_SAVING
    assert given_limit.shrunk_share - plan.visual.shrunk_share <= tail.shrinks_share
    assert tail.shrinks_share <= MOST_SHRUNK


def test_one_giant_among_thumbnails_is_proposed_to_be_shrunk_and_never_is() -> None:
    plan = analyze(
        traffic_of((400, 600, 300.0), (500, 500, 90.0), (2_000, 2_000, 2.0)),
        model="qwen3-vl-2b",
    ).plan
    tail = plan.visual.tail_limit
    assert tail is not None
    assert tail.max_pixels < plan.visual.processor.max_pixels
    assert plan.visual.shrunk_images == 0
    note = next(each for each in plan.warnings if each.id == "tail-limit")
    assert f"--max-pixels {tail.max_pixels}" in note.words
