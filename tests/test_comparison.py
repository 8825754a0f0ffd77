"""Comparisons: the laws they obey, and their agreement with what analyze says."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import bucketwise
from bucketwise.core.buckets import Buckets
from bucketwise.core.comparison.compare import compare_scenarios
from bucketwise.core.comparison.outcome import Comparison, Outcome, Scenario
from bucketwise.core.cost import run_flops
from bucketwise.core.in_service import compare_today, limits_in_service
from bucketwise.core.limits import Case
from bucketwise.core.options import MOST_BUCKETS
from bucketwise.core.patching import count_patches
from bucketwise.engines.rbln.engine import RBLN
from bucketwise.engines.rbln.releases import NEWEST
from bucketwise.errors import ConfigError, InputError, UsageError
from bucketwise.nouns.profile import ModelProfile, PixelLimits
from bucketwise.nouns.traffic import Traffic
from bucketwise.read.configs.profiles import find_profile
from tests.strategies import limits_of, preprocessing_of, profiles, today_of, traffic_of

QWEN3 = find_profile("qwen3-vl-2b")
SAMPLES = Path(__file__).parent.parent / "sample_traffic"

MIXED = traffic_of(
    *((480, 640, 50.0), (720, 1280, 30.0), (1080, 1920, 15.0), (300, 300, 80.0)),
    *((2_000, 3_000, 3.0), (1_536, 2_048, 9.0), (64, 64, 40.0), (1_024, 1_024, 7.0)),
)

rows = st.lists(
    st.tuples(st.integers(64, 4_000), st.integers(64, 4_000), st.integers(1, 9)),
    min_size=1,
    max_size=10,
)
bucket_lists = st.lists(
    st.integers(1, 300).map(lambda n: n * 64), min_size=1, max_size=4, unique=True
).map(lambda lengths: Buckets(tuple(sorted(lengths))))


own_limits = st.builds(
    limits_of, st.integers(1_000, 60_000), st.integers(210_000, 9_000_000)
)


@st.composite
def scenarios(draw: st.DrawFn, least: int = 2) -> list[Scenario]:
    """Draw scenarios, some of which bring limits of their own."""
    lists = draw(st.lists(bucket_lists, min_size=least, max_size=4))
    return [
        Scenario(
            name=f"s{index}",
            buckets=buckets,
            limits=draw(st.none() | own_limits),
        )
        for index, buckets in enumerate(lists)
    ]


def traffic_from(drawn: list[tuple[int, int, int]]) -> Traffic:
    return traffic_of(*((height, width, float(n)) for height, width, n in drawn))


def setting_of(
    traffic: Traffic, profile: ModelProfile = QWEN3, limits: PixelLimits | None = None
) -> Case:
    preprocessing = preprocessing_of(profile, limits)
    return Case(
        profile=profile,
        preprocessing=preprocessing,
        counts=count_patches(traffic.sizes(), profile, preprocessing),
        release=RBLN.release(NEWEST),
        curve=run_flops(profile),
        align=profile.align,
        pins=(),
    )


def compared(
    traffic: Traffic, given: list[Scenario], profile: ModelProfile = QWEN3
) -> Comparison:
    setting = setting_of(traffic, profile)
    return compare_scenarios(given, traffic, setting, "optimum-rbln==0.12.0")


def scenario(name: str, *lengths: int, max_pixels: int | None = None) -> Scenario:
    limits = limits_of(65_536, max_pixels) if max_pixels else None
    return Scenario(name=name, buckets=Buckets(lengths), limits=limits)


def close(value: float) -> object:
    return pytest.approx(value, rel=1e-9, abs=1e-9)


# --- laws -----------------------------------------------------------------------------


@settings(max_examples=30, deadline=None)
@given(drawn=rows, buckets=bucket_lists, profile=profiles)
def test_a_scenario_compared_with_itself_saves_nothing(
    drawn: list[tuple[int, int, int]], buckets: Buckets, profile: ModelProfile
) -> None:
    one, other = (Scenario(name=name, buckets=buckets) for name in "ab")
    first, second = compared(traffic_from(drawn), [one, other], profile).outcomes
    assert second.saving == 0
    assert replace(second, name="a") == first


@settings(max_examples=30, deadline=None)
@given(drawn=rows, given_=scenarios(), data=st.data())
def test_the_order_of_scenarios_changes_no_number(
    drawn: list[tuple[int, int, int]], given_: list[Scenario], data: st.DataObject
) -> None:
    moved = data.draw(st.permutations(given_))
    traffic = traffic_from(drawn)
    before, after = compared(traffic, given_), compared(traffic, moved)

    def by_name(comparison: Comparison) -> dict[str, Outcome]:
        # The saving alone is against whichever stands first.
        return {each.name: replace(each, saving=0.0) for each in comparison.outcomes}

    assert by_name(before) == by_name(after)
    assert before.compared.images == after.compared.images
    best = (before.ranked[0], after.ranked[0])
    assert best[0].overflow_images == best[1].overflow_images
    assert best[0].compared_compute == best[1].compared_compute


@settings(max_examples=30, deadline=None)
@given(drawn=rows, given_=scenarios(), profile=profiles)
def test_images_either_fail_or_are_served_and_shares_add_up(
    drawn: list[tuple[int, int, int]], given_: list[Scenario], profile: ModelProfile
) -> None:
    comparison = compared(traffic_from(drawn), given_, profile)
    for each in comparison.outcomes:
        assert each.overflow_images + each.served_images == close(comparison.images)
        assert comparison.compared.images <= each.served_images
        shares = sum(use.share for use in each.buckets)
        assert shares == close(1.0 if each.served_images else 0.0)
        assert each.useful_compute <= each.padded_compute * (1 + 1e-12)
        assert comparison.compared.useful_compute <= each.compared_compute + 1e-3
        assert (each.optimum is None) == (each.served_images == 0)


@settings(max_examples=30, deadline=None)
@given(drawn=rows, given_=scenarios(), profile=profiles)
def test_no_scenario_beats_the_exact_optimum_with_as_many_buckets(
    drawn: list[tuple[int, int, int]], given_: list[Scenario], profile: ModelProfile
) -> None:
    comparison = compared(traffic_from(drawn), given_, profile)
    for each in comparison.outcomes:
        # The optimum is over lengths that compile; others may be between them.
        compiles = all(length % profile.align == 0 for length in each.vit_max_seq_lens)
        if each.optimum and (compiles or not profile.soft_tokens):
            assert each.optimum.padded_compute <= each.padded_compute * (1 + 1e-12)
            assert len(each.optimum.vit_max_seq_lens) <= len(each.vit_max_seq_lens)


@settings(max_examples=30, deadline=None)
@given(drawn=rows, lists=st.lists(bucket_lists, min_size=2, max_size=4))
def test_one_optimum_bounds_all_where_all_serve_everything(
    drawn: list[tuple[int, int, int]], lists: list[Buckets]
) -> None:
    top = 20_000  # above every need under the limits in force
    given_ = [
        Scenario(name=str(index), buckets=Buckets((*buckets.lengths, top)))
        for index, buckets in enumerate(lists)
    ]
    comparison = compared(traffic_from(drawn), given_)
    assert comparison.compared.images == comparison.images
    for bound in comparison.outcomes:
        for each in comparison.outcomes:
            if len(each.vit_max_seq_lens) <= len(bound.vit_max_seq_lens):
                assert bound.optimum is not None
                least = bound.optimum.padded_compute
                assert least <= each.compared_compute * (1 + 1e-12)
                assert each.compared_compute == close(each.padded_compute)


@settings(max_examples=30, deadline=None)
@given(drawn=rows, given_=scenarios(least=3))
def test_a_further_scenario_never_widens_what_is_compared(
    drawn: list[tuple[int, int, int]], given_: list[Scenario]
) -> None:
    traffic = traffic_from(drawn)
    fewer, all_ = compared(traffic, given_[:-1]), compared(traffic, given_)
    assert all_.compared.images <= fewer.compared.images
    for one, other in zip(fewer.outcomes, all_.outcomes, strict=False):
        assert (one.overflow_images, one.waste) == (other.overflow_images, other.waste)


@settings(max_examples=30, deadline=None)
@given(drawn=rows, given_=scenarios(least=3))
def test_one_that_fails_more_decides_nothing_among_those_that_fail_least(
    drawn: list[tuple[int, int, int]], given_: list[Scenario]
) -> None:
    traffic = traffic_from(drawn)
    whole = compared(traffic, given_)
    least = whole.ranked[0].overflow_images
    names = [each.name for each in whole.outcomes if each.overflow_images == least]
    if len(names) == 1:
        assert whole.deciding == whole.compared
        return
    alone = compared(traffic, [each for each in given_ if each.name in names])
    assert whole.deciding == alone.compared
    assert [each.name for each in whole.ranked][: len(names)] == [
        each.name for each in alone.ranked
    ]
    for each in whole.outcomes:
        if each.name in names:
            [twin] = (one for one in alone.outcomes if one.name == each.name)
            assert each.deciding_compute == twin.compared_compute
        else:
            assert each.deciding_compute is None


@settings(max_examples=30, deadline=None)
@given(
    drawn=rows,
    today=bucket_lists,
    proposed=bucket_lists,
    max_pixels=st.none() | st.integers(210_000, 9_000_000),
    profile=profiles,
)
def test_two_scenarios_agree_with_today_against_proposed(
    drawn: list[tuple[int, int, int]],
    today: Buckets,
    proposed: Buckets,
    max_pixels: int | None,
    profile: ModelProfile,
) -> None:
    traffic = traffic_from(drawn)
    setting = setting_of(traffic, profile)
    max_pixels = max_pixels and max(max_pixels, profile.checkpoint.min_pixels)
    top = max(int(setting.demand().needed[-1]), proposed.top) + 64
    serves_all = Buckets((*proposed.lengths, top))
    given_ = today_of(*today.lengths, max_pixels=max_pixels)
    current = compare_today(given_, serves_all, setting)
    first, second = compared(
        traffic,
        [
            Scenario(
                name="today",
                buckets=today,
                limits=limits_in_service(profile, *given_.limits),
            ),
            Scenario(name="proposed", buckets=serves_all),
        ],
        profile,
    ).outcomes
    assert first.overflow_images == current.overflow_images
    assert first.overflow_share == current.overflow_share
    assert first.overflow_runs == current.overflow_runs
    assert first.unused_buckets == current.unused_buckets
    assert first.padded_compute == close(current.padded_compute_today)
    assert first.compared_compute == current.padded_compute_served
    assert second.compared_compute == current.proposed_compute_on_served
    assert second.saving == current.saving


# --- what is told ---------------------------------------------------------------------


def test_who_fails_least_comes_before_who_costs_least() -> None:
    comparison = compared(
        MIXED, [scenario("cheap", 400, 1_024), scenario("whole", 1_024, 16_384)]
    )
    assert [each.name for each in comparison.ranked] == ["whole", "cheap"]
    whole, cheap = comparison.ranked
    assert cheap.compared_compute < whole.compared_compute
    assert (whole.overflow_images, cheap.overflow_images) == (0, 114)
    assert cheap.overflow_share == 114 / 234


def test_of_equals_the_one_with_fewer_graphs_comes_first() -> None:
    square = traffic_of((512, 512))
    comparison = compared(square, [scenario("two", 64, 1_024), scenario("one", 1_024)])
    assert [each.name for each in comparison.ranked] == ["one", "two"]
    assert comparison.outcomes[0].unused_buckets == (64,)


def test_a_limit_that_shrinks_is_no_saving_of_the_lengths() -> None:
    comparison = compared(
        MIXED,
        [
            scenario("capped", 4_096, max_pixels=1_048_576),
            scenario("whole", 4_096, 16_384),
        ],
    )
    capped, whole = comparison.outcomes
    assert comparison.compared.max_pixels == 1_048_576
    assert capped.compared_compute == whole.compared_compute
    assert capped.padded_compute < whole.padded_compute
    assert capped.shrunk_images > whole.shrunk_images
    assert (capped.overflow_images, whole.overflow_images) == (0, 0)


def test_nothing_is_compared_where_nothing_is_served_by_all() -> None:
    comparison = compared(MIXED, [scenario("tiny", 4), scenario("whole", 16_384)])
    tiny, whole = comparison.outcomes
    assert comparison.compared.images == 0
    assert (tiny.compared_compute, whole.saving) == (0, 0)
    assert tiny.optimum is None
    assert comparison.ranked[0] is whole


def test_lengths_the_model_cannot_be_compiled_for_are_named() -> None:
    comparison = compared(
        MIXED, [scenario("odd", 1_030, 16_384), scenario("b", 16_384)]
    )
    assert [each.unaligned for each in comparison.outcomes] == [(1_030,), ()]


def test_faults_of_the_question_are_named() -> None:
    one = scenario("a", 1_024)
    with pytest.raises(UsageError, match="expected two plans or more, got 1"):
        compared(MIXED, [one])
    with pytest.raises(UsageError, match="'a' names two plans"):
        compared(MIXED, [one, one])
    with pytest.raises(InputError, match="none of 1 usable row passes the processor"):
        compared(traffic_of((1, 5_000)), [one, scenario("b", 64)])
    many = tuple(range(4, 4 * (MOST_BUCKETS + 2), 4))
    with pytest.raises(ConfigError, match="many: expected 1 to 64 lengths, got 65"):
        scenario("many", *many)


def test_the_json_says_what_the_value_says_and_no_more() -> None:
    given_ = [scenario("a", 1_024), scenario("b", 16_384)]
    comparison = compared(MIXED, given_)
    text = comparison.to_json()
    assert text == compared(MIXED, given_).to_json()
    told = json.loads(text)
    assert told["schema"] == "bucketwise.comparison/1"
    assert "needed" not in told
    assert [each["name"] for each in told["outcomes"]] == ["a", "b"]
    assert told["outcomes"][1]["vit_max_seq_lens"] == [16_384]
    assert told["images"] == comparison.images


def test_limits_in_force_hold_where_a_scenario_brings_none() -> None:
    setting = setting_of(MIXED, limits=limits_of(65_536, 1_048_576))
    given_ = [scenario("a", 4_096), scenario("b", 4_096, max_pixels=2_097_152)]
    comparison = compare_scenarios(given_, MIXED, setting, "optimum-rbln==0.12.0")
    assert [each.max_pixels for each in comparison.outcomes] == [1_048_576, 2_097_152]


# --- real traffic ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "model"),
    [
        ("docs_screenshots", "qwen3-vl-2b"),
        ("phone_photos", "qwen2.5-vl-7b"),
        ("chest_xrays", "qwen2-vl-7b"),
    ],
)
def test_a_plan_against_today_is_what_analyze_says_of_today(
    name: str, model: str
) -> None:
    traffic = bucketwise.read_traffic([SAMPLES / f"{name}.csv"])
    today = [1_024, 3_136, 4_096]
    plan = bucketwise.analyze(traffic, model=model, current=today).plan
    current = plan.visual.current
    assert current is not None
    comparison = bucketwise.compare(traffic, {"today": today, "proposed": plan})
    first, second = comparison.outcomes
    assert comparison.model.name == model
    assert comparison.compared.images == current.served_images
    assert comparison.compared.useful_compute == close(current.useful_compute_served)
    assert first.overflow_images == current.overflow_images
    assert first.padded_compute == close(current.padded_compute_today)
    assert first.compared_compute == close(current.padded_compute_served)
    assert second.overflow_images == plan.visual.overflow_images == 0
    assert second.compared_compute == close(current.proposed_compute_on_served)
    assert second.saving == close(current.saving)
    assert second.padded_compute == close(plan.visual.padded_compute)
    assert second.optimum is not None
    assert second.optimum.vit_max_seq_lens == plan.visual.vit_max_seq_lens
    assert second.optimum.possible_saving == 0
    assert [use.runs for use in second.buckets] == [
        use.runs for use in plan.visual.buckets
    ]
