"""Histograms: canonical order, addition, and what stays true when slots widen."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bucketwise.errors import ConfigError
from bucketwise.nouns.traffic import (
    BITS_LADDER,
    EXACT,
    NO_TIME_S,
    Rejection,
    Traffic,
    merge_traffic,
)
from tests.strategies import sides_px, traffic_of

sizes = st.tuples(sides_px, sides_px)

cells = st.tuples(
    st.integers(1, 4),  # height
    st.integers(1, 4),  # width
    st.sampled_from([NO_TIME_S, 0, 3_600, 90_000, 700_000]),  # slot
    st.integers(-1, 1),  # label
    st.integers(0, 5),  # count
)


def made_of(rows: list[tuple[int, int, int, int, int]]) -> Traffic:
    columns = np.array(rows, dtype=np.int64).reshape(len(rows), 5).T
    height, width, slot, label, count = columns
    return merge_traffic(
        [
            Traffic(
                height_px=height,
                width_px=width,
                frames=np.zeros(len(rows), dtype=np.int64),
                fps=np.zeros(len(rows)),
                visual_tokens=np.zeros(len(rows), dtype=np.int64),
                slot_start_s=slot,
                label=label,
                labels=("a", "b"),
                count=count.astype(np.float64),
                rows_read=len(rows) + 1,
                rows_used=len(rows),
                rejections=(Rejection(reason="missing", count=1),),
            )
        ]
    )


@given(st.lists(cells, max_size=20), st.randoms(use_true_random=False))
def test_the_order_of_rows_leaves_no_trace(
    rows: list[tuple[int, int, int, int, int]], random: object
) -> None:
    shuffled = list(rows)
    random.shuffle(shuffled)  # type: ignore[attr-defined] # hypothesis hands a Random over
    assert made_of(rows).sha256() == made_of(shuffled).sha256()


@given(st.lists(cells, max_size=20), st.integers(0, 20))
def test_adding_two_histograms_equals_reading_their_rows_together(
    rows: list[tuple[int, int, int, int, int]], cut: int
) -> None:
    together = merge_traffic([made_of(rows[:cut]), made_of(rows[cut:])])
    assert together.sha256() == made_of(rows).sha256()
    assert together.rows_read == together.rows_used + together.rows_rejected
    assert together.rejections[0].count == 2


@given(st.lists(cells, min_size=1, max_size=30))
def test_widening_slots_keeps_every_image_and_every_size(
    rows: list[tuple[int, int, int, int, int]],
) -> None:
    full = made_of(rows)
    least = len({(label, height, width) for height, width, _, label, _ in rows})
    small = merge_traffic([full], max_cells=max(least, 1))
    assert small.count.size <= max(least, 1)
    assert small.images == full.images
    assert (small.sizes().count == full.sizes().count).all()
    assert small.count.size == full.count.size or small.notes


@given(st.lists(sizes, min_size=1, max_size=40), st.integers(1, 20))
def test_sizes_that_alone_are_too_many_are_rounded_up(
    pairs: list[tuple[int, int]], most: int
) -> None:
    full = traffic_of(*pairs)
    small = merge_traffic([full], max_cells=most)
    if len(full.sizes()) <= most:
        assert small.size_bits == EXACT
        assert small.notes == ()
        return
    assert small.images == full.images
    assert small.size_bits != EXACT
    assert len(small.notes) == 1
    growth = 1 + 2.0 ** (1 - small.size_bits)
    area = float((small.count * small.height_px * small.width_px).sum())
    exact = float((full.count * full.height_px * full.width_px).sum())
    assert exact <= area < exact * growth**2
    assert len(small.sizes()) <= most or small.size_bits == BITS_LADDER[-1]
    halves = [traffic_of(*pairs[::2]), traffic_of(*pairs[1::2])][: len(pairs)]
    parts = [merge_traffic([half], max_cells=most) for half in halves]
    assert merge_traffic(parts, max_cells=most).sha256() == small.sha256()


def test_labels_are_merged_only_when_widening_was_not_enough() -> None:
    full = made_of([(1, 1, 0, 0, 1), (1, 1, 0, 1, 1), (1, 1, 3_600, 1, 1)])
    assert merge_traffic([full], max_cells=2).labels == ("a", "b")
    merged = merge_traffic([full], max_cells=1)
    assert merged.labels == ()
    assert merged.notes[-1] == "more than 1 cells: labels were merged into one"


def test_rows_that_do_not_add_up_are_refused() -> None:
    whole = made_of([(1, 1, 0, 0, 1)])
    with pytest.raises(ConfigError, match="3 rows read, but 1 used and 1 rejected"):
        Traffic(
            height_px=whole.height_px,
            width_px=whole.width_px,
            frames=whole.frames,
            fps=whole.fps,
            visual_tokens=whole.visual_tokens,
            slot_start_s=whole.slot_start_s,
            label=whole.label,
            labels=whole.labels,
            count=whole.count,
            rows_read=3,
            rows_used=1,
            rejections=whole.rejections,
        )
