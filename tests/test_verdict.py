"""One list and one traffic get one verdict, whichever command is asked."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import bucketwise
from bucketwise.core.in_service import limits_in_service
from bucketwise.core.patching import count_patches
from bucketwise.engines.rbln.engine import RBLN
from bucketwise.engines.rbln.releases import NEWEST
from bucketwise.errors import ConfigError
from bucketwise.nouns.document import GivenLimits
from bucketwise.nouns.profile import ModelProfile
from bucketwise.nouns.traffic import Traffic
from bucketwise.read.configs.profiles import built_in_profiles, find_profile
from tests.strategies import limits_of, preprocessing_of, traffic_of

rows = st.lists(
    st.tuples(st.integers(28, 6_000), st.integers(28, 6_000), st.integers(1, 9)),
    min_size=1,
    max_size=6,
    unique=True,
)
lists = st.lists(
    st.integers(1, 300).map(lambda n: n * 64), min_size=1, max_size=4, unique=True
)
sides = st.tuples(st.integers(4_000, 200_000), st.integers(250_000, 20_000_000))

WAYS = ("nothing", "option", "both options", "serve line", "processor")
"""How image limits reach a command."""


in_pixels = st.sampled_from(
    [each for each in built_in_profiles().values() if each.has_pixel_limits]
)
"""Soft tokens are no pixels: tests/test_soft_tokens.py asks of them."""


def failing(finding: str) -> float:
    """Return the number that lint's finding begins with."""
    return float(finding.partition(" of ")[0].replace(",", ""))


def verdicts(
    traffic: Traffic, config: Any, model: str, **options: Any
) -> tuple[float, float, float]:
    """Return the images that fail: of analyze --current, compare and lint --traffic."""
    plan = bucketwise.analyze(
        traffic, model=model, current=config, strategy="linear", **options
    ).plan
    comparison = bucketwise.compare(
        traffic, {"today": config, "other": "64"}, model=model, **options
    )
    report = bucketwise.lint_config(config, model=model, traffic=traffic, **options)
    said = [
        failing(each.finding.found)
        for each in report.judged[0].reported
        if each.rule == "buckets/image-too-long"
    ]
    assert plan.visual.current is not None
    return (
        plan.visual.current.overflow_images,
        comparison.outcomes[0].overflow_images,
        said[0] if said else 0.0,
    )


@settings(max_examples=8, deadline=None)
@given(
    drawn=rows,
    lengths=lists,
    profile=in_pixels,
    way=st.sampled_from(WAYS),
    limits=sides,
)
def test_three_commands_count_the_same_images_that_fail(
    tmp_path_factory: pytest.TempPathFactory,
    drawn: list[tuple[int, int, int]],
    lengths: list[int],
    profile: ModelProfile,
    way: str,
    limits: tuple[int, int],
) -> None:
    traffic = traffic_of(*((high, wide, float(n)) for high, wide, n in drawn))
    low, high = limits
    config: Any = ",".join(map(str, lengths))
    options: dict[str, Any] = {}
    in_force = limits_of(profile.checkpoint.min_pixels, profile.checkpoint.max_pixels)
    if way == "option":
        options = {"max_pixels": high}
        in_force = limits_of(profile.checkpoint.min_pixels, high)
    elif way == "both options":
        options = {"min_pixels": low, "max_pixels": high}
    elif way == "serve line":
        inner = {"visual": {"max_seq_len": lengths}}
        config = (
            f"vllm serve {profile.hf_id} --additional-config "
            f"'{json.dumps({'optimum_overrides': inner})}' --mm-processor-kwargs "
            f"'{json.dumps({'images_kwargs': {'min_pixels': low, 'max_pixels': high}})}'"
        )
    elif way == "processor":
        config = tmp_path_factory.mktemp("compiled")
        compiled = {
            "optimum_rbln_version": "0.12.0",
            "visual": {"max_seq_len": lengths},
        }
        (config / "rbln_config.json").write_text(json.dumps(compiled))
        size = {"shortest_edge": low, "longest_edge": high}
        (config / "preprocessor_config.json").write_text(json.dumps({"size": size}))
    if way in ("both options", "serve line", "processor"):
        in_force = limits_of(low, high)
    analyzed, compared, linted = verdicts(traffic, config, profile.name, **options)
    counts = count_patches(
        traffic.sizes(), profile, preprocessing_of(profile, in_force)
    )
    fails = counts.accepted & (counts.needed(RBLN.release(NEWEST)) > max(lengths))
    assert analyzed == compared == linted == counts.sizes.count[fails].sum()


def test_the_samples_failing_images_are_counted_alike() -> None:
    samples = Path(__file__).parent.parent / "sample_traffic"
    traffic = bucketwise.read_traffic([samples / "docs_screenshots.csv"])
    # 54 of the screenshots are larger than 2048 x 2048 once rounded to 32 px: the
    # checkpoint's 4096 x 4096 lets them through, the Model Zoo's limit does not.
    assert verdicts(traffic, "1024,3136,16384", "qwen3-vl-2b") == (54, 54, 54)
    zoo = {"max_pixels": 2_048 * 2_048}
    assert verdicts(traffic, "1024,3136,16384", "qwen3-vl-2b", **zoo) == (0, 0, 0)


def test_the_first_that_sets_a_side_decides_it() -> None:
    profile = find_profile("qwen2-vl-7b")
    option = GivenLimits(max_pixels=900_000, source="--max-pixels")
    text = GivenLimits(min_pixels=9_000, max_pixels=800_000, source="serve.sh:3")
    found = limits_in_service(profile, option, text)
    assert found is not None
    assert (found.min_pixels, found.max_pixels) == (9_000, 900_000)
    assert found.source == "min_pixels: serve.sh:3; max_pixels: --max-pixels"
    shipped = limits_in_service(profile)
    assert shipped == profile.checkpoint
    assert limits_in_service(None, option) is None
    with pytest.raises(ConfigError, match="max_pixels: expected at least min_pixels"):
        limits_in_service(profile, GivenLimits(max_pixels=10, source="x"))
