"""Pixels through the processor: the real ones' answers first, then laws."""

from __future__ import annotations

import csv
import gzip
import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bucketwise.core.patching import (
    Preprocessing,
    count_patches,
    needed_lengths,
    resize_input,
)
from bucketwise.engines.rbln.engine import RBLN
from bucketwise.engines.rbln.shapes import extra_windows
from bucketwise.errors import ConfigError
from bucketwise.nouns.profile import ModelProfile
from bucketwise.nouns.traffic import Sizes
from bucketwise.read.configs.profiles import built_in_profiles, find_profile
from tests.strategies import limits_of, preprocessing_of, profiles, sides_px, sizes_of

GOLD = Path(__file__).parent / "gold"

FAMILIES = {
    "qwen2_vl": ("qwen2-vl-7b", 4_075),
    "qwen2_5_vl": ("qwen2.5-vl-7b", 4_075),
    "qwen3_vl": ("qwen3-vl-2b", 4_653),
    "qwen3_5": ("qwen3.5-4b", 1_667),
    "exaone4_5": ("exaone-4.5-33b", 793),
    "colqwen2": ("colqwen2-v1.0-hf", 541),
    "gemma4": ("gemma-4-e4b", 2_395),
}

NEWEST, OLDER = (0, 12, 0), (0, 11, 2)

BY_FACTOR = {28: "qwen2-vl-7b", 32: "qwen3-vl-2b"}


@pytest.mark.parametrize("family", FAMILIES)
def test_every_gold_row_is_counted_as_the_real_processor_counts_it(family: str) -> None:
    model, n_rows = FAMILIES[family]
    profile = find_profile(model)
    groups = defaultdict(list)
    with gzip.open(GOLD / f"{family}.csv.gz", "rt", encoding="utf-8") as stream:
        for row in csv.DictReader(stream):
            key = (row["kind"], row["min_pixels"], row["max_pixels"], row["kwargs"])
            groups[key].append(row)
    checked = 0
    for (kind, low, high, kwargs), rows in groups.items():
        called = json.loads(kwargs) if kwargs else {}
        limits = limits_of(int(low), int(high))
        preprocessing = Preprocessing(
            image=limits,
            video=limits,
            video_fps=called.get("fps", 2.0) if kind == "video_sampled" else None,
            cap_pixels_per_frame=called.get("cap_pixels_per_frame", False),
        )
        sizes = sizes_of(
            *(
                (
                    int(row["height"]),
                    int(row["width"]),
                    int(row["num_frames"] or 0),
                    float(row["fps"] or 0),
                    1.0,
                )
                for row in rows
            )
        )
        counts = count_patches(sizes, profile, preprocessing)
        for index, row in enumerate(rows):
            found = (
                counts.grid_t[index],
                counts.grid_h[index],
                counts.grid_w[index],
                counts.vit_patches[index] * counts.grid_t[index],
                counts.merged_patches[index] * counts.grid_t[index],
                counts.error[index],
            )
            expected = (
                *(int(row[name] or 0) for name in ("grid_t", "grid_h", "grid_w")),
                int(row["vit_patches"] or 0),
                int(row["merged_patches"] or 0),
                row["error"],
            )
            assert found == expected, row
            checked += 1
    assert checked == n_rows


@given(profile=profiles, height=sides_px, width=sides_px)
def test_turning_an_image_changes_no_count(
    profile: ModelProfile, height: int, width: int
) -> None:
    sizes = sizes_of((height, width, 0, 0.0, 1.0), (width, height, 0, 0.0, 1.0))
    counts = count_patches(sizes, profile, preprocessing_of(profile))
    needed = counts.needed(RBLN.release(NEWEST))
    assert counts.vit_patches[0] == counts.vit_patches[1]
    assert needed[0] == needed[1]


@given(profile=profiles, height=sides_px, width=sides_px, frames=st.integers(0, 900))
def test_grids_are_whole_merged_patches_and_needs_are_aligned(
    profile: ModelProfile, height: int, width: int, frames: int
) -> None:
    counts = count_patches(
        sizes_of((height, width, frames, 0.0, 1.0)), profile, preprocessing_of(profile)
    )
    assert counts.grid_h[0] % profile.merge == counts.grid_w[0] % profile.merge == 0
    assert (
        counts.merged_patches[0] * profile.patches_per_merged == counts.vit_patches[0]
    )
    needed = counts.needed(RBLN.release(NEWEST))[0]
    if profile.soft_tokens:
        assert needed == counts.merged_patches[0]
        return
    assert needed % profile.align == 0
    assert needed >= counts.vit_patches[0]


@given(profile=profiles, height=sides_px, width=sides_px)
def test_limits_bound_the_resized_area_where_they_are_wide_enough(
    profile: ModelProfile, height: int, width: int
) -> None:
    preprocessing = preprocessing_of(profile)
    counts = count_patches(
        sizes_of((height, width, 0, 0.0, 1.0)), profile, preprocessing
    )
    area = counts.resized_height_px[0] * counts.resized_width_px[0]
    area *= profile.image_frames
    assert area <= preprocessing.image.max_pixels
    assert not area or area >= preprocessing.image.min_pixels


def test_a_ratio_of_exactly_200_is_accepted_and_more_is_refused() -> None:
    profile = find_profile("qwen3-vl-2b")
    counts = count_patches(
        sizes_of((10, 2_000, 0, 0.0, 1.0), (10, 2_001, 0, 0.0, 1.0)),
        profile,
        preprocessing_of(profile),
    )
    assert counts.accepted.tolist() == [True, False]
    assert counts.error[1] == (
        "ValueError: absolute aspect ratio must be smaller than 200, got 200.1"
    )


def test_1024_square_is_4096_vit_patches_and_1024_merged_on_qwen3_vl() -> None:
    profile = find_profile("qwen3-vl-2b")
    counts = count_patches(
        sizes_of((1024, 1024, 0, 0.0, 1.0)), profile, preprocessing_of(profile)
    )
    assert (counts.vit_patches[0], counts.merged_patches[0]) == (4_096, 1_024)


@pytest.mark.parametrize(
    ("grid_h", "grid_w", "needed"), [(18, 16, 384), (82, 80, 7_040), (10, 100, 1_664)]
)
def test_windows_are_padded_and_older_runtimes_want_one_more(
    grid_h: int, grid_w: int, needed: int
) -> None:
    grids = np.array([grid_h]), np.array([grid_w])
    counted = {
        (family, version): needed_lengths(*grids, 8, extra_windows(family, version))[0]
        for family in ("qwen2_5_vl", "exaone4_5")
        for version in (OLDER, NEWEST)
    }
    assert counted.pop(("qwen2_5_vl", OLDER)) == needed + 64
    assert set(counted.values()) == {needed}
    assert needed_lengths(*grids, 0, 1)[0] == grid_h * grid_w


def test_a_clip_that_the_stack_cuts_is_not_sampled_again() -> None:
    profile = find_profile("qwen3-vl-2b")
    clip = sizes_of((720, 1280, 300, 30.0, 1.0))
    whole = Preprocessing(
        image=profile.checkpoint, video=profile.video, video_fps=2.0, max_frames=None
    )
    cut = Preprocessing(
        image=profile.checkpoint, video=profile.video, video_fps=2.0, max_frames=32
    )
    assert count_patches(clip, profile, whole).grid_t[0] == 10
    assert count_patches(clip, profile, cut).grid_t[0] == 16


def test_qwen2_clips_follow_the_image_limits_unless_told_otherwise() -> None:
    profile = find_profile("qwen2-vl-7b")
    clip = sizes_of((2_000, 2_000, 8, 0.0, 1.0))
    counts = count_patches(clip, profile, preprocessing_of(profile))
    area = counts.resized_height_px[0] * counts.resized_width_px[0]
    area *= profile.image_frames
    assert area <= preprocessing_of(profile).image.max_pixels


def test_impossible_sampling_is_refused_with_every_fault() -> None:
    limits = limits_of(1, 2)
    with pytest.raises(ConfigError) as caught:
        Preprocessing(image=limits, video=None, video_fps=0.0, max_frames=0)
    assert len(caught.value.problems) == 2


def test_every_gold_row_is_resized_first_as_the_real_library_does() -> None:
    with gzip.open(GOLD / "qwen_vl_utils.csv.gz", "rt", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    assert len(rows) > 1_000
    any_size = limits_of(1, 2**50)
    for factor, model in BY_FACTOR.items():
        profile = find_profile(model)
        asked = [row for row in rows if int(row["factor"]) == factor]
        sides = [(int(row["height"]), int(row["width"])) for row in asked]
        limits = [
            (int(row["min_pixels"] or 0), int(row["max_pixels"] or 0), 1)
            for row in asked
        ]
        preprocessing = Preprocessing(image=any_size, video=None, video_fps=None)
        counts = count_patches(bound(sides, limits), profile, preprocessing)
        for index, row in enumerate(asked):
            height, width = (
                int(row["resized_height"] or 0),
                int(row["resized_width"] or 0),
            )
            error = row["error"]
            if not error and min(height, width) == 0:
                # Pillow raises this of the size that the library then asks it for.
                error = "ValueError: height and width must be > 0"
            elif not error and max(height, width) > 200 * min(height, width):
                # What the library let through is too thin for the processor.
                error = counts.error[index]
                assert "aspect ratio" in error
            found = (counts.resized_height_px[index], counts.resized_width_px[index])
            assert counts.error[index] == error, row
            assert found == ((0, 0) if error else (height, width)), row


def bound(
    sides: Sequence[tuple[int, int]], limits: Sequence[tuple[int, int, int]]
) -> Sizes:
    """Build images under limits of their own: least, most, and whether resized first."""
    least, most, first = np.array(limits, dtype=np.int64).reshape(-1, 3).T
    return replace(
        sizes_of(*((*each, 0, 0.0, 1.0) for each in sides)),
        own_min_pixels=least,
        own_max_pixels=most,
        resized_first=first,
    )


bound_by_pixels = st.sampled_from(
    [each for each in built_in_profiles().values() if each.soft_tokens is None]
)
own_limits = st.tuples(st.integers(1, 3_000_000), st.integers(0, 3_000_000)).map(
    lambda pair: (pair[0], sum(pair))
)


@given(profile=bound_by_pixels, height=sides_px, width=sides_px, own=own_limits)
def test_limits_of_a_request_take_the_place_of_the_processor_s(
    profile: ModelProfile, height: int, width: int, own: tuple[int, int]
) -> None:
    under = Preprocessing(image=limits_of(*own), video=None, video_fps=None)
    asked = count_patches(
        bound([(height, width)], [(*own, 0)]), profile, preprocessing_of(profile)
    )
    set_so = count_patches(bound([(height, width)], [(0, 0, 0)]), profile, under)
    for name in ("grid_h", "grid_w", "vit_patches", "error"):
        assert getattr(asked, name) == getattr(set_so, name)


@given(
    profile=bound_by_pixels,
    sides=st.lists(st.tuples(sides_px, sides_px), min_size=1, max_size=5),
    own=own_limits,
)
def test_one_limit_of_a_request_leaves_the_other_as_it_was(
    profile: ModelProfile, sides: list[tuple[int, int]], own: tuple[int, int]
) -> None:
    image = limits_of(own[0], own[1])
    under = Preprocessing(image=image, video=None, video_fps=None)
    least, most = (
        count_patches(bound(sides, [limits] * len(sides)), profile, under)
        for limits in ((own[0], 0, 0), (0, own[1], 0))
    )
    assert least.vit_patches.tolist() == most.vit_patches.tolist()


@given(profile=profiles, height=sides_px, width=sides_px, own=own_limits)
def test_an_image_that_is_resized_first_stays_within_the_processor_s_limits(
    profile: ModelProfile, height: int, width: int, own: tuple[int, int]
) -> None:
    preprocessing = preprocessing_of(profile)
    first = count_patches(bound([(height, width)], [(*own, 1)]), profile, preprocessing)
    sides = resize_input(first.sizes, profile, preprocessing)[:2]
    if not first.error[0]:
        again = sizes_of((int(sides[0][0]), int(sides[1][0]), 0, 0.0, 1.0))
        seen = count_patches(again, profile, preprocessing)
        assert seen.vit_patches[0] == first.vit_patches[0]


def test_a_short_clip_is_refused_for_the_sides_it_is_grown_to() -> None:
    profile = find_profile("qwen3-vl-2b")
    size = sizes_of((10, 2_001, 4, 0.0, 1.0))
    assert count_patches(size, profile, preprocessing_of(profile)).error[0] == (
        "ValueError: absolute aspect ratio must be smaller than 200, got 200.09375"
    )
