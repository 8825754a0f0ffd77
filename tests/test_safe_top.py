"""Whatever the emitted limits let through fits the top bucket."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bucketwise.app.planning import analyze
from bucketwise.core.analysis import Analysis
from bucketwise.core.patching import Preprocessing, count_patches
from bucketwise.core.plan import Visual
from bucketwise.engines.rbln.engine import RBLN
from bucketwise.engines.rbln.model_classes import serving_targets
from bucketwise.engines.rbln.releases import Version
from bucketwise.engines.rbln.targets import ALL_TARGETS
from bucketwise.nouns.profile import PixelLimits
from bucketwise.nouns.traffic import Sizes, merge_traffic
from bucketwise.read.configs.profiles import find_profile
from tests.budget import drawn
from tests.strategies import clips_of, traffic_of

MODELS = (
    "qwen2-vl-7b",
    "qwen2.5-vl-7b",
    "qwen3-vl-2b",
    "qwen3.5-9b",
    "exaone-4.5-33b",
    "colqwen2-v1.0-hf",
    "gemma-4-e4b",
)
LIMITED_BY_PIXELS = tuple(
    name for name in MODELS if find_profile(name).soft_tokens is None
)
SIDES = st.tuples(st.integers(1, 3_000), st.integers(1, 3_000))


def emitted(analysis: Analysis, visual: Visual) -> Preprocessing:
    """What a processor does once the plan's limits are set on it."""
    limits, profile = visual.processor, analysis.profile
    video: PixelLimits | None = profile.video
    if limits.video_min_pixels is not None and limits.video_max_pixels is not None:
        video = PixelLimits(
            min_pixels=limits.video_min_pixels,
            max_pixels=limits.video_max_pixels,
            source="emitted",
        )
    return Preprocessing(
        image=PixelLimits(
            min_pixels=limits.min_pixels, max_pixels=limits.max_pixels, source="emitted"
        ),
        video=video,
        video_fps=None,
    )


def random_sizes(seed: int, frames: int, most_pixels: int) -> Sizes:
    """Sizes of every shape, close to the limits and far from them."""
    random = np.random.default_rng(seed)
    n = 3_000
    ratio = np.exp(random.uniform(0, np.log(199), n))
    area = np.exp(random.uniform(0, np.log(most_pixels * 4), n))
    near = random.random(n) < 1 / 3
    area[near] = most_pixels * random.uniform(0.9, 1.1, int(near.sum()))
    height = np.maximum(np.sqrt(area / ratio).astype(np.int64), 1)
    width = np.minimum((height * ratio).astype(np.int64), height * 199)
    turned = random.random(n) < 1 / 2
    return Sizes(
        height_px=np.where(turned, width, height),
        width_px=np.where(turned, height, width),
        frames=np.full(n, frames, dtype=np.int64),
        fps=np.zeros(n),
        visual_tokens=np.zeros(n, dtype=np.int64),
        count=np.ones(n),
    )


def worst_found(
    analysis: Analysis, visual: Visual, version: Version, seed: int, frames: int
) -> int:
    preprocessing = emitted(analysis, visual)
    limits = preprocessing.clip if frames else preprocessing.image
    whole = frames if analysis.profile.video_rule == "whole_clip" and frames else 1
    tried = random_sizes(seed, frames, max(limits.max_pixels // whole, 1))
    counts = count_patches(tried, analysis.profile, preprocessing)
    return int(counts.needed(RBLN.release(version)).max())


@settings(max_examples=drawn(120, 300), deadline=None)
@given(
    model=st.sampled_from(MODELS),
    rows=st.lists(SIDES, min_size=1, max_size=6),
    options=st.fixed_dictionaries(
        {},
        optional={
            "max_pixels": st.sampled_from(["checkpoint", 250_000, 1_003_520]),
            "buckets": st.sampled_from([(1, 1), (2, 4), (5, 5)]),
            "headroom": st.sampled_from([0.1, 2.0]),
            "align": st.sampled_from([128, 1_000]),
        },
    ),
    seed=st.integers(0, 2**16),
)
def test_no_image_and_no_clip_outgrows_the_top_under_the_emitted_limits(
    model: str, rows: list[tuple[int, int]], options: dict[str, Any], seed: int
) -> None:
    accepted = [row for row in rows if max(row) <= 199 * min(row)] or [(64, 64)]
    soft = find_profile(model).soft_tokens
    if soft is None:
        options = {"min_pixels": 65_536} | options
    elif isinstance(options.get("max_pixels"), int):
        count = soft.supported[options["max_pixels"] % len(soft.supported)]
        options["max_pixels"] = count * find_profile(model).length_px ** 2
    analysis = analyze(
        traffic_of(*accepted), model=model, target=(ALL_TARGETS,), **options
    )
    for target in serving_targets(analysis.profile.family):
        visual = analysis.plan.visual_for(target.version)
        top = visual.vit_max_seq_lens[-1]
        assert visual.overflow_possible <= top
        for frames in (0, 2, 5):
            assert worst_found(analysis, visual, target.parsed, seed, frames) <= top


def test_the_cheaper_of_two_ways_is_taken_and_both_are_told() -> None:
    # 2048 x 2048 is let through; one image in 1,000 is shrunk a little by max_pixels,
    # and one graph for all would pay for a higher top with every image.
    plan = analyze(
        traffic_of((640, 640, 999), (2_500, 2_040, 1)),
        model="qwen3-vl-2b",
        buckets=(1, 1),
    ).plan
    choice = plan.visual.top
    assert choice.way == "lowered"
    assert choice.lowering_shrinks == pytest.approx(0.001)
    assert choice.raising_costs > choice.lowering_shrinks
    assert plan.visual.processor.max_pixels == choice.lowered_max_pixels
    assert plan.visual.vit_max_seq_lens[-1] <= choice.needed
    assert any("max_pixels is lowered" in each.words for each in plan.visual.warnings)
    # The same where such images are common: shrinking them all would cost more.
    plan = analyze(
        traffic_of((640, 640, 500), (2_500, 2_040, 500)),
        model="qwen3-vl-2b",
        buckets=(1, 1),
    ).plan
    assert plan.visual.top.way == "raised"
    assert plan.visual.vit_max_seq_lens[-1] == plan.visual.top.holds_all == 16_384
    assert plan.visual.processor.max_pixels == 4_194_304
    assert any("The top is 16,384" in each.words for each in plan.visual.warnings)


def test_a_limit_that_the_user_gave_is_not_lowered_where_that_shrinks_images() -> None:
    plan = analyze(
        traffic_of((640, 640, 999), (2_500, 2_040, 1)),
        model="qwen3-vl-2b",
        buckets=(1, 1),
        max_pixels=4_194_304,
    ).plan
    assert plan.visual.top.way == "raised"
    assert plan.visual.processor.max_pixels == 4_194_304


def test_overflow_is_allowed_on_request_and_said() -> None:
    plan = analyze(
        traffic_of((640, 640, 999), (2_500, 2_040, 1)),
        model="qwen3-vl-2b",
        allow_overflow=True,
    ).plan
    assert plan.visual.top.way == "overflow"
    assert plan.visual.overflow_possible > plan.visual.vit_max_seq_lens[-1]
    assert any("can still outgrow" in each.words for each in plan.visual.warnings)


def test_clips_that_are_sent_count_into_the_top_or_are_limited() -> None:
    plan = analyze(clips_of((720, 1_280, 32, 100)), model="qwen3-vl-2b").plan
    top = plan.visual.vit_max_seq_lens[-1]
    assert plan.visual.overflow_possible <= top


def test_frames_follow_the_image_limits_where_the_model_has_no_others() -> None:
    for model in ("qwen2-vl-7b", "qwen2.5-vl-7b"):
        limits = analyze(traffic_of((640, 640, 9)), model=model).plan.visual.processor
        assert (limits.video_min_pixels, limits.video_max_pixels) == (
            limits.min_pixels,
            limits.max_pixels,
        )


@settings(max_examples=40, deadline=None)
@given(
    model=st.sampled_from(LIMITED_BY_PIXELS),
    rows=st.lists(
        st.tuples(SIDES, st.integers(1, 4_000_000), st.integers(0, 12_000_000)),
        min_size=1,
        max_size=4,
    ),
    others=st.lists(SIDES, max_size=3),
)
def test_images_under_limits_of_their_own_fit_the_top_whatever_is_set_on_the_processor(
    model: str,
    rows: list[tuple[tuple[int, int], int, int]],
    others: list[tuple[int, int]],
) -> None:
    parts = [
        replace(
            traffic_of(sides if max(sides) <= 199 * min(sides) else (64, 64)),
            own_min_pixels=np.array([least]),
            own_max_pixels=np.array([most]),
        )
        for sides, least, most in (
            *((sides, least, least + more) for sides, least, more in rows),
            *((sides, 0, 0) for sides in others),
        )
    ]
    sent = merge_traffic(parts)
    analysis = analyze(sent, model=model, min_pixels=65_536)
    top = analysis.plan.visual.vit_max_seq_lens[-1]
    assert analysis.needed.max() <= top
    warnings = {each.id for each in analysis.plan.warnings}
    assert "own-limits" in warnings
    large = np.full(len(sent.sizes()), 60_000)
    larger = replace(sent.sizes(), height_px=large, width_px=large)
    counts = count_patches(larger, analysis.profile, analysis.preprocessing)
    if counts.needed(analysis.release).max() > top:
        assert "own-limits-overflow" in warnings


@given(sides=SIDES, least=st.integers(1, 4_000_000), first=st.sampled_from((0, 1)))
def test_limits_in_pixels_are_nothing_to_a_processor_that_fills_soft_tokens(
    sides: tuple[int, int], least: int, first: int
) -> None:
    sent = traffic_of(sides)
    limited = replace(
        sent,
        own_min_pixels=np.array([least]),
        own_max_pixels=np.array([2 * least]),
        resized_first=np.array([first]),
    )
    plain, own = (analyze(each, model="gemma-4-e4b") for each in (sent, limited))
    assert (own.needed == plain.needed).all()
    assert own.plan.visual.max_seq_lens == plain.plan.visual.max_seq_lens
    assert not {each.id for each in own.plan.warnings if each.id.startswith("own-")}
