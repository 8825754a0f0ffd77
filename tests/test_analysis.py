"""The plan as a whole: what it promises about the traffic it was made from."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bucketwise.core.analysis import Analysis, Context, analyze
from bucketwise.core.in_service import InService
from bucketwise.core.optimize import SOLVERS
from bucketwise.core.optimize.choose import GraphPrice
from bucketwise.core.options import PlanOptions
from bucketwise.core.patching import count_patches
from bucketwise.core.plan import Visual
from bucketwise.engines.rbln.engine import RBLN
from bucketwise.engines.rbln.targets import pick_targets
from bucketwise.errors import InputError, UsageError
from bucketwise.nouns.profile import ModelProfile
from bucketwise.nouns.traffic import Traffic
from bucketwise.read.configs.profiles import find_profile
from tests.strategies import limits_of, preprocessing_of, profiles, today_of, traffic_of

QWEN3 = find_profile("qwen3-vl-2b")
QWEN25 = find_profile("qwen2.5-vl-7b")

SAMPLES = Path(__file__).parent.parent / "sample_traffic"

MERGED = PlanOptions(bucket_unit="merged_patches")

MIXED = traffic_of(
    *((480, 640, 50.0), (720, 1280, 30.0), (1080, 1920, 15.0), (300, 300, 80.0)),
    *((2_000, 3_000, 3.0), (1_536, 2_048, 9.0), (64, 64, 40.0), (1_024, 1_024, 7.0)),
)

rows = st.lists(
    st.tuples(st.integers(1, 5_000), st.integers(1, 5_000), st.integers(1, 9)),
    min_size=1,
    max_size=12,
)


def plan_for(
    traffic: Traffic,
    profile: ModelProfile = QWEN3,
    question: PlanOptions | None = None,
    today: InService | None = None,
    targets: tuple[str, ...] = (),
) -> Analysis:
    return analyze(
        traffic,
        profile,
        preprocessing_of(profile),
        question or PlanOptions(),
        RBLN.releases(pick_targets(targets)),
        today=today,
        context=Context(version="0"),
    )


def visual_for(traffic: Traffic, question: PlanOptions | None = None) -> Visual:
    return plan_for(traffic, question=question).plan.visual


@settings(max_examples=40, deadline=None)
@given(sizes=rows, profile=profiles, k=st.integers(1, 4))
def test_every_accepted_image_fits_and_shares_add_up(
    sizes: list[tuple[int, int, int]], profile: ModelProfile, k: int
) -> None:
    traffic = traffic_of(*((h, w, float(n)) for h, w, n in sizes))
    try:
        analysis = plan_for(traffic, profile, PlanOptions(k_range=(k, k)))
    except InputError:
        counts = count_patches(traffic.sizes(), profile, preprocessing_of(profile))
        assert not counts.accepted.any()
        return
    visual = analysis.plan.visual
    assert analysis.needed.max() <= visual.vit_max_seq_lens[-1]
    assert visual.largest_needed == analysis.needed.max()
    assert sum(use.share for use in visual.buckets) == pytest.approx(1)
    assert sum(use.runs for use in visual.buckets) == analysis.plan.traffic.runs
    assert visual.waste == pytest.approx(
        1 - visual.useful_compute / visual.padded_compute
    )
    assert visual.processor.max_pixels <= analysis.plan.model.max_pixels
    assert len(visual.vit_max_seq_lens) <= k


@settings(max_examples=25, deadline=None)
@given(sizes=rows, profile=profiles)
def test_the_processor_limit_of_the_plan_shrinks_no_image_further(
    sizes: list[tuple[int, int, int]], profile: ModelProfile
) -> None:
    traffic = traffic_of(*((h, w, float(n)) for h, w, n in sizes))
    preprocessing = preprocessing_of(profile)
    before = count_patches(traffic.sizes(), profile, preprocessing)
    if not before.accepted.any():
        return
    processor = plan_for(traffic, profile).plan.visual.processor
    after = count_patches(
        traffic.sizes(),
        profile,
        preprocessing_of(
            profile, limits_of(processor.min_pixels, processor.max_pixels)
        ),
    )
    assert (after.vit_patches == before.vit_patches).all()


def test_the_plan_is_the_same_for_rows_in_any_order_and_split_into_parts() -> None:
    one = traffic_of((480, 640, 4.0), (720, 1280, 2.0))
    other = traffic_of((720, 1280), (480, 640, 3.0), (720, 1280), (480, 640))
    assert plan_for(one).plan.visual == plan_for(other).plan.visual


def test_one_size_only_gives_one_bucket_and_says_that_buckets_cannot_help() -> None:
    visual = visual_for(traffic_of((1080, 1920, 500.0)))
    assert visual.vit_max_seq_lens == (8_160,)
    assert visual.decision.rule == "single_length"
    assert "one graph is enough" in visual.decision.reason
    assert visual.waste == 0


def test_the_frontier_goes_to_eight_and_every_strategy_stands_at_each_asked_k() -> None:
    visual = visual_for(MIXED)
    assert [point.k for point in visual.frontier] == list(range(1, 9))
    assert {(result.k) for result in visual.strategies} == {2, 3, 4}
    assert len(visual.strategies) == 3 * 6
    best = {point.k: point.padded_compute for point in visual.frontier}
    assert all(result.padded_compute >= best[result.k] for result in visual.strategies)


def test_another_strategy_is_followed_and_priced_alike() -> None:
    visual = visual_for(MIXED, PlanOptions(strategy="quantile", k_range=(3, 3)))
    assert visual.decision.strategy == "quantile"
    chosen = next(r for r in visual.strategies if r.name == "quantile" and r.k == 3)
    assert visual.vit_max_seq_lens == chosen.vit_max_seq_lens
    assert visual.padded_compute == chosen.padded_compute


def test_a_price_for_a_graph_decides_k() -> None:
    dear = GraphPrice(graph_minutes=1e9, images_per_day=1, keep_days=1, vit_tflops=1e3)
    cheap = GraphPrice(
        graph_minutes=1e-9, images_per_day=1e9, keep_days=1e3, vit_tflops=1
    )
    assert visual_for(MIXED, PlanOptions(graph_price=dear)).decision.k == 2
    assert visual_for(MIXED, PlanOptions(graph_price=cheap)).decision.k == 4


def test_pins_are_kept_count_in_k_and_raise_the_top() -> None:
    visual = visual_for(MIXED, PlanOptions(pins=(1_000, 20_000), k_range=(3, 3)))
    assert visual.vit_max_seq_lens[-1] == 20_000
    assert 1_000 in visual.vit_max_seq_lens
    assert len(visual.vit_max_seq_lens) == 3


def test_a_pin_off_the_models_multiple_is_a_usage_error() -> None:
    with pytest.raises(UsageError, match=r"expected a multiple of 4 for .*, got 1001"):
        visual_for(MIXED, PlanOptions(pins=(1_001,)))


def test_alignment_is_rounded_up_to_a_multiple_of_the_models() -> None:
    visual = visual_for(MIXED, PlanOptions(align=126))
    assert all(length % 128 == 0 for length in visual.vit_max_seq_lens)


def test_headroom_raises_the_top_only_and_stops_at_what_the_limit_lets_through() -> (
    None
):
    plain = visual_for(MIXED)
    roomy = visual_for(MIXED, PlanOptions(headroom=0.01))
    most = visual_for(MIXED, PlanOptions(headroom=9.0))
    assert roomy.vit_max_seq_lens[-1] > plain.vit_max_seq_lens[-1]
    assert most.vit_max_seq_lens[-1] == 16_384
    assert most.overflow_possible <= 16_384


def test_lists_differ_by_target_where_the_runtime_counts_a_window_too_many() -> None:
    plan = plan_for(MIXED, QWEN25).plan
    newest, older = plan.visual_for("0.12.0"), plan.visual_for("0.11.2")
    assert plan.visual == newest
    assert older.vit_max_seq_lens == tuple(n + 64 for n in newest.vit_max_seq_lens)
    assert not plan_for(MIXED, QWEN3).plan.visual_by_target


def test_merged_lengths_are_a_quarter_and_come_with_a_warning() -> None:
    visual = visual_for(MIXED, MERGED)
    assert visual.max_seq_lens == visual.merged_max_seq_lens
    assert [4 * n for n in visual.max_seq_lens] == list(visual.vit_max_seq_lens)
    assert any("merged patches" in each.words for each in visual.warnings)


@pytest.mark.parametrize("profile", [QWEN3, QWEN25], ids=lambda each: each.family)
@pytest.mark.parametrize("strategy", SOLVERS)
def test_a_length_is_one_the_sdk_takes_in_the_unit_it_is_written_in(
    profile: ModelProfile, strategy: str
) -> None:
    for question in (PlanOptions(), MERGED):
        asked = replace(question, strategy=strategy)
        visual = plan_for(MIXED, profile, asked).plan.visual
        assert not any(length % profile.align for length in visual.max_seq_lens)
        assert visual.vit_max_seq_lens[-1] >= visual.largest_needed


def test_a_top_that_rises_because_merged_patches_are_written_is_told() -> None:
    # 1088 x 1920 px are 8,160 ViT patches, and 2,040 merged; 992 x 992 are 961 merged.
    kept = visual_for(traffic_of((1_080, 1_920, 2.0)), MERGED)
    raised = visual_for(traffic_of((992, 992, 2.0)), MERGED)
    assert kept.max_seq_lens == (2_040,)
    assert not any("the top stands for" in each.words for each in kept.warnings)
    assert raised.max_seq_lens == (964,)
    said = "the top stands for 3,856 ViT patches where 3,844 are needed."
    assert any(each.words.endswith(said) for each in raised.warnings)


def test_a_pin_in_merged_patches_is_told_in_merged_patches() -> None:
    with pytest.raises(
        UsageError, match=r"--pin: expected .* 4 .*, got 30; the next is 32"
    ):
        visual_for(MIXED, replace(MERGED, pins=(120,)))


def test_a_top_above_every_published_length_warns_with_the_bytes_of_its_mask() -> None:
    analysis = analyze(
        traffic_of((4_000, 4_000, 2_000.0)),
        QWEN3,
        preprocessing_of(QWEN3, QWEN3.checkpoint),
        PlanOptions(),
        RBLN.releases(pick_targets(())),
    )
    visual = analysis.plan.visual
    assert visual.vit_max_seq_lens[-1] == 62_500
    assert "7.28 GiB" in visual.warnings[0].words
    capped = [cap for cap in visual.caps if cap.max_pixels == 16_384 * 256]
    assert capped[0].top <= 16_384


def test_images_the_default_limit_shrinks_are_told_with_the_checkpoints_plan() -> None:
    visual = visual_for(traffic_of((480, 640, 999.0), (3_000, 4_000, 1.0)))
    assert visual.shrunk_images == 1
    shrunk = next(each.words for each in visual.warnings if "shrunk" in each.words)
    assert "1 image (0.1%) is shrunk" in shrunk
    assert "With the checkpoint's own 16,777,216" in shrunk


def test_the_worst_of_clips_is_the_shortest_the_processor_accepts() -> None:
    from bucketwise.nouns.traffic import Traffic, merge_traffic

    clip = Traffic(
        height_px=np.array([720]),
        width_px=np.array([1280]),
        frames=np.array([64]),
        fps=np.zeros(1),
        visual_tokens=np.array([0]),
        slot_start_s=np.array([0]),
        label=np.array([-1]),
        count=np.array([2_000.0]),
        rows_read=1,
        rows_used=1,
    )
    visual = visual_for(merge_traffic([clip]), PlanOptions(allow_overflow=True))
    assert (visual.worst.frames, visual.overflow_possible) == (2, 49_152)
    assert any("lower the video limit" in each.words for each in visual.warnings)


def test_a_heuristic_is_named_one_in_the_reason_for_k() -> None:
    visual = visual_for(MIXED, PlanOptions(strategy="equal-duration"))
    assert "equal-duration promises no optimum" in visual.decision.reason


def test_pins_that_need_more_buckets_than_asked_are_told() -> None:
    visual = visual_for(MIXED, PlanOptions(pins=(300, 500, 1_000), k_range=(2, 2)))
    assert visual.decision.reason.startswith("the pins and the top need 4; ")
    few = visual_for(traffic_of((480, 640), (720, 1_280)), PlanOptions(k_range=(3, 3)))
    assert few.decision.reason.startswith("2 lengths would serve all exactly as well; ")


def test_caps_shrink_more_and_cost_less_the_lower_they_are() -> None:
    caps = visual_for(MIXED).caps
    pixels = [cap.max_pixels for cap in caps]
    assert pixels == sorted(pixels, reverse=True)
    shrunk = [cap.shrinks_images for cap in caps]
    assert shrunk == sorted(shrunk)
    assert {cap.name for cap in caps} >= {"in force", "checkpoint", "p95"}


class TestToday:
    """Today against proposed."""

    def today(self, *lengths: int, max_pixels: int | None = None) -> InService:
        return today_of(*lengths, max_pixels=max_pixels)

    def test_images_that_raise_today_are_counted_and_left_out_of_the_saving(
        self,
    ) -> None:
        current = plan_for(MIXED, today=self.today(4_096)).plan.visual.current
        assert current is not None
        assert current.overflow_images == 15 + 3 + 9
        served = traffic_of(
            *((480, 640, 50.0), (720, 1280, 30.0), (300, 300, 80.0)),
            *((64, 64, 40.0), (1_024, 1_024, 7.0)),
        )
        buckets = plan_for(MIXED).plan.visual.vit_max_seq_lens
        needed = plan_for(served)
        held = np.array(buckets)[np.searchsorted(buckets, needed.needed)]
        curve = needed.plan.visual.cost
        expected = (
            needed.counts.runs * (curve.a * held + curve.b * held.astype(float) ** 2)
        ).sum()
        assert current.proposed_compute_on_served == pytest.approx(expected)
        assert current.saving > 0

    def test_todays_own_limit_decides_what_fails_today(self) -> None:
        small = self.today(4_096, max_pixels=4_096 * 256)
        current = plan_for(MIXED, today=small).plan.visual.current
        assert current is not None
        assert current.overflow_images == 0

    def test_both_are_priced_under_the_lower_limit_and_nobody_is_left_out(self) -> None:
        small = self.today(4_096, max_pixels=4_096 * 256)
        current = plan_for(MIXED, today=small).plan.visual.current
        assert current is not None
        assert current.compared_max_pixels == 4_096 * 256
        assert current.served_images == MIXED.images
        assert current.padded_compute_served == current.padded_compute_today
        large = plan_for(MIXED, today=self.today(65_536, max_pixels=10**8))
        assert large.plan.visual.current is not None
        limit = large.plan.visual.processor.max_pixels
        assert large.plan.visual.current.compared_max_pixels == limit

    def test_buckets_nothing_hits_are_named(self) -> None:
        current = plan_for(MIXED, today=self.today(100, 16_384)).plan.visual.current
        assert current is not None
        assert current.unused_buckets == (100,)


def test_traffic_the_processor_refuses_altogether_is_an_input_error() -> None:
    with pytest.raises(InputError, match="aspect ratio"):
        plan_for(traffic_of((1, 1_000)))


def test_options_out_of_range_are_all_named_at_once() -> None:
    with pytest.raises(UsageError) as caught:
        PlanOptions(strategy="best", k_range=(4, 2), min_saving=2.0, pins=(0,))
    assert len(caught.value.problems) == 4


def least_padded_compute(analysis: Analysis, k: int) -> float:
    """The optimum by another road: cubic-time recurrence over all ceilings, no envelope."""
    needed, inverse = np.unique(
        analysis.needed[analysis.counts.accepted], return_inverse=True
    )
    runs = np.bincount(inverse, weights=analysis.counts.runs[analysis.counts.accepted])
    curve = analysis.plan.visual.cost
    # The top holds what the limits let through, sent or not.
    top = analysis.plan.visual.vit_max_seq_lens[-1]
    if top > needed[-1]:
        needed, runs = np.append(needed, top), np.append(runs, 0.0)
    costs = curve.a * needed + curve.b * needed.astype(float) ** 2
    prefix = np.concatenate([[0.0], np.cumsum(runs)])
    best = np.full(needed.size + 1, np.inf)
    best[0] = 0.0
    for _ in range(k):
        best = np.array(
            [np.inf]
            + [
                (best[:j] + costs[j - 1] * (prefix[j] - prefix[:j])).min()
                for j in range(1, needed.size + 1)
            ]
        )
    return float(best[-1])


@pytest.mark.parametrize("path", sorted(SAMPLES.glob("*.csv")), ids=lambda p: p.stem)
@pytest.mark.parametrize("model", ["qwen3-vl-2b", "qwen2.5-vl-7b"])
def test_on_every_real_table_the_plan_equals_an_independent_optimum(
    path: Path, model: str
) -> None:
    from bucketwise.read import read_traffic

    analysis = plan_for(read_traffic([path]), find_profile(model))
    for point in analysis.plan.visual.frontier[:4]:
        expected = least_padded_compute(analysis, point.k)
        assert point.padded_compute == pytest.approx(expected, rel=1e-12)
