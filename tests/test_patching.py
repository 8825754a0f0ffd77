"""Pixels through the processor: the real ones' answers first, then laws."""

from __future__ import annotations

import csv
import gzip
import json
from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bucketwise.errors import ConfigError
from bucketwise.patching import Preprocessing, count_patches
from bucketwise.profile import ModelProfile
from bucketwise.rbln.lengths import extra_windows, needed_lengths
from bucketwise.sources.configs.profiles import find_profile
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
    needed = counts.needed(NEWEST)
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
    needed = counts.needed(NEWEST)[0]
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
    assert area <= preprocessing_of(profile).image.max_pixels


def test_impossible_sampling_is_refused_with_every_fault() -> None:
    limits = limits_of(1, 2)
    with pytest.raises(ConfigError) as caught:
        Preprocessing(image=limits, video=None, video_fps=0.0, max_frames=0)
    assert len(caught.value.problems) == 2
