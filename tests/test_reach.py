"""The worst length an input can reach, and limits under which none outgrows a top."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bucketwise.core.patching import Preprocessing, count_patches
from bucketwise.core.reach import _lying, safe_max_pixels, worst_reachable
from bucketwise.engines.rbln.engine import RBLN
from bucketwise.nouns.profile import ModelProfile
from bucketwise.read.configs.profiles import find_profile
from tests.strategies import limits_of, preprocessing_of, sizes_of

NEWEST, OLDER = (0, 12, 0), (0, 11, 2)

MODELS = st.sampled_from(["qwen3-vl-2b", "qwen2-vl-7b", "qwen2.5-vl-7b"]).map(
    find_profile
)


def pixels(height: int, width: int) -> tuple[int, int, int, float, float]:
    return (height, width, 0, 0.0, 1.0)


@st.composite
def small_limits(draw: st.DrawFn) -> tuple[int, int]:
    low = draw(st.sampled_from([3_136, 4_096, 50_176, 65_536, 200_704]))
    return low, draw(st.integers(low, low * 6))


@settings(max_examples=60, deadline=None)
@given(
    profile=MODELS,
    limits=small_limits(),
    version=st.sampled_from([NEWEST, OLDER]),
    seed=st.integers(0, 2**16),
)
def test_no_size_passes_the_worst_and_the_worst_is_a_real_size(
    profile: ModelProfile, limits: tuple[int, int], version: tuple[int, ...], seed: int
) -> None:
    preprocessing = preprocessing_of(profile, limits_of(*limits))
    worst = worst_reachable(profile, preprocessing, RBLN.release(version))
    witness = sizes_of(pixels(worst.height_px, worst.width_px))
    assert (
        count_patches(witness, profile, preprocessing).needed(RBLN.release(version))[0]
        == worst.needed
    )
    random = np.random.default_rng(seed)
    heights = random.integers(1, 200, 2_000)
    ratios = np.exp(random.uniform(0, np.log(200), 2_000))
    tried = sizes_of(
        *(
            pixels(int(height), max(int(height * ratio), 1))
            for height, ratio in zip(heights, ratios, strict=True)
        )
    )
    needed = count_patches(tried, profile, preprocessing).needed(RBLN.release(version))
    assert needed.max() <= worst.needed


@pytest.mark.parametrize(
    ("limits", "needed"),
    [
        ((65_536, 4_194_304), 16_384),  # 2048 x 2048 is kept as it is
        ((65_536, 16_777_216), 65_536),
        ((65_536, 65_536), 512),  # thin images are enlarged past the limit
    ],
)
def test_qwen3_vl_reaches_max_pixels_over_256_or_more_where_thin_images_pass(
    limits: tuple[int, int], needed: int
) -> None:
    profile = find_profile("qwen3-vl-2b")
    preprocessing = preprocessing_of(profile, limits_of(*limits))
    assert (
        worst_reachable(profile, preprocessing, RBLN.release(NEWEST)).needed == needed
    )


def test_windows_make_some_shapes_need_far_more_than_their_pixels() -> None:
    profile = find_profile("qwen2.5-vl-7b")
    worst = worst_reachable(profile, preprocessing_of(profile), RBLN.release(NEWEST))
    assert worst.needed == 8_192 > 1_003_520 // 14**2
    assert worst_reachable(profile, preprocessing_of(profile), OLDER).needed == 8_256


@settings(max_examples=20, deadline=None)
@given(profile=MODELS, share=st.floats(0.05, 1.0))
def test_under_the_safe_limit_nothing_outgrows_the_top(
    profile: ModelProfile, share: float
) -> None:
    preprocessing = preprocessing_of(profile)
    reach = worst_reachable(profile, preprocessing, RBLN.release(NEWEST)).needed
    top = int(reach * share) // profile.align * profile.align
    safe = safe_max_pixels(profile, preprocessing, RBLN.release(NEWEST), top)
    if safe is None:
        return
    lowered = Preprocessing(
        image=limits_of(preprocessing.image.min_pixels, safe),
        video=None,
        video_fps=None,
    )
    assert worst_reachable(profile, lowered, NEWEST).needed <= top


def test_the_safe_limit_of_qwen3_vl_is_256_pixels_a_patch() -> None:
    profile = find_profile("qwen3-vl-2b")
    assert (
        safe_max_pixels(profile, preprocessing_of(profile), RBLN.release(NEWEST), 8_160)
        == 8_160 * 256
    )


def test_no_limit_is_safe_where_small_images_are_enlarged_past_the_top() -> None:
    profile = find_profile("qwen3-vl-2b")
    assert (
        safe_max_pixels(profile, preprocessing_of(profile), RBLN.release(NEWEST), 256)
        is None
    )


def test_clips_reach_furthest_when_they_are_shortest() -> None:
    profile = find_profile("qwen3-vl-2b")
    preprocessing: Preprocessing = preprocessing_of(profile)
    short = worst_reachable(
        profile, preprocessing, RBLN.release(NEWEST), frames=2
    ).needed
    long = worst_reachable(
        profile, preprocessing, RBLN.release(NEWEST), frames=32
    ).needed
    assert short == 49_152
    assert long == 49_152 // 16


@pytest.mark.parametrize("name", ["qwen2.5-vl-7b", "qwen3-vl-2b", "exaone-4.5-33b"])
@pytest.mark.parametrize("max_pixels", [968_240, 602_112, 1_003_520])
def test_no_thin_image_passes_the_worst_whatever_its_rounding(
    name: str, max_pixels: int
) -> None:
    """Halves are rounded to even: 70 x 13,910 px keep two rows of 28 px, and 497."""
    profile = find_profile(name)
    preprocessing = preprocessing_of(profile, limits_of(65_536, max_pixels))
    worst = worst_reachable(profile, preprocessing, RBLN.release(NEWEST))
    for height_px in range(9, 120):
        widths_px = np.arange(100 * height_px, 200 * height_px + 1)
        sides = np.stack([np.full_like(widths_px, height_px), widths_px], axis=1)
        counts = count_patches(_lying(sides, 0), profile, preprocessing)
        assert counts.needed(RBLN.release(NEWEST)).max() <= worst.needed
