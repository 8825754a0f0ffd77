"""FuriosaAI: built-in buckets, and which image limit wastes least on them."""

from __future__ import annotations

import gzip
import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import bucketwise
from bucketwise.engines.furiosa.buckets import PRESETS, prepared
from bucketwise.engines.furiosa.limits import least_waste
from bucketwise.errors import InputError, UsageError
from bucketwise.read.configs.profiles import find_profile
from tests.budget import drawn
from tests.commands import bucketwise as run
from tests.strategies import traffic_of

GOLD = Path(__file__).parent / "gold" / "other_engines" / "furiosa_llm.json.gz"
PHOTOS = Path(__file__).parent.parent / "sample_traffic" / "web_photos.csv"
TARGET = "furiosa-llm==2026.4.0"
TOLD = json.loads(gzip.decompress(GOLD.read_bytes()))
BY_PATCH = {14: "qwen2-vl-7b", 16: "qwen3-vl-2b"}
TRAFFIC = traffic_of((640, 480, 600), (1_080, 1_920, 300), (3_000, 4_000, 5))


@pytest.mark.parametrize("case", TOLD["cases"])
def test_requests_are_prepared_as_recorded(case: dict[str, Any]) -> None:
    told = case["input"]
    profile = find_profile(BY_PATCH[told["patch_size"]])
    assert profile.merge == told["merge_size"]
    images = traffic_of(
        *((height, width, 1) for width, height in told["images_w_h"])
    ).sizes()
    buckets = tuple(told["vision_encoder_buckets"])
    if "error" in case:
        with pytest.raises(InputError):
            prepared(images, profile, buckets, **told["request_kwargs"])
        return
    found = prepared(images, profile, buckets, **told["request_kwargs"])
    assert found.bucket == case["output"]["target_bucket"]
    limits = {"min_pixels": found.min_pixels, "max_pixels": found.max_pixels}
    assert limits == case["output"]["processor_kwargs"]


def test_buckets_are_those_embedded_in_the_package() -> None:
    for names, buckets in next(
        each for key, each in TOLD.items() if key.startswith("preset")
    ).items():
        for name in names.split(", "):
            if name in PRESETS:
                assert [*PRESETS[name]] == buckets
    assert len(PRESETS) == 3


sizes = st.tuples(
    st.integers(56, 4_500), st.integers(56, 4_500), st.sampled_from([1.0, 20.0, 1e3])
)


@settings(max_examples=drawn(15, 200))
@given(rows=st.lists(sizes, min_size=1, max_size=6, unique=True))
def test_every_image_runs_on_the_least_bucket_and_no_limit_is_better_than_the_best(
    rows: list[tuple[int, int, float]],
) -> None:
    analysis = bucketwise.analyze(
        traffic_of(*rows), model="qwen3-vl-2b", target=[TARGET]
    )
    visual, buckets = analysis.plan.visual, PRESETS["qwen3-vl-2b"]
    assert visual.vit_max_seq_lens == buckets
    # The limit that was in force is that of the largest bucket.
    largest = visual.caps[0]
    assert largest.max_pixels == visual.processor.max_pixels == 4_194_304
    assert largest.padded_compute == pytest.approx(visual.padded_compute)
    shares = [each.shrinks_share for each in visual.caps]
    assert shares == sorted(shares)
    best = least_waste(visual.caps)
    assert best.waste <= largest.waste
    for each in visual.caps:
        assert each.top <= -(-each.max_pixels // 256)
        assert each.waste >= best.waste or each.shrinks_share > best.shrinks_share


def test_the_limit_that_wastes_least_is_said_on_the_terminal_and_in_a_table(
    tmp_path: Path,
) -> None:
    done = run(
        *("analyze", PHOTOS, "--model", "qwen3-vl-2b", "--target", TARGET),
        *("--out", "out"),
        cwd=tmp_path,
    )
    assert done.returncode == 0
    assert re.search(r"max_pixels [\d,]+ wastes least: [\d.]+% of the", done.stdout)
    assert "built into furiosa-llm and cannot be set" in done.stdout
    page = (tmp_path / "out" / "report.html").read_text("utf-8")
    assert "those that the other lengths hold to the full" in page
    assert "length 9,216" in page
    assert "by the limit in force" in page
    assert "visual.max_seq_len" not in page
    assert not [
        each
        for each in (tmp_path / "out").iterdir()
        if each.name.startswith(("furiosa", "optimum"))
    ]


def test_a_lower_limit_is_advised_where_few_images_need_more() -> None:
    # 3 of 100 need a little more than 9,216 patches and run on 16,384.
    traffic = traffic_of((1_520, 1_520, 97), (1_600, 1_600, 3))
    analysis = bucketwise.analyze(traffic, model="qwen3-vl-2b", target=[TARGET])
    [said] = [
        each.words for each in analysis.plan.verdict.reasons if each.id == "least-waste"
    ]
    assert "max_pixels 2,359,296 wastes least" in said
    assert "3.0% of the images are shrunk" in said


def test_the_limit_in_force_is_told_beside_the_best() -> None:
    traffic = traffic_of((1_520, 1_520, 97), (1_600, 1_600, 3))
    analysis = bucketwise.analyze(
        traffic, model="qwen3-vl-2b", target=[TARGET], max_pixels=1_000_000
    )
    [said] = [
        each.words for each in analysis.plan.verdict.reasons if each.id == "least-waste"
    ]
    assert "max_pixels 2,359,296 wastes least" in said
    assert "with the one in force, 1,000,000" in said


def test_no_decoder_graphs_are_planned_and_that_is_said() -> None:
    analysis = bucketwise.analyze(
        TRAFFIC, model="qwen3-vl-2b", target=[TARGET], batch_size=8
    )
    assert analysis.plan.decoder is None
    assert "no-decoder" in {each.id for each in analysis.plan.verdict.reasons}


@pytest.mark.parametrize(
    ("option", "value"),
    [("pins", [1_024]), ("buckets", (2, 3)), ("max_pixels", 16_777_216)],
)
def test_what_is_built_in_cannot_be_chosen(option: str, value: Any) -> None:
    with pytest.raises(UsageError, match=r"built in|largest length"):
        bucketwise.analyze(
            TRAFFIC, model="qwen3-vl-2b", target=[TARGET], **{option: value}
        )


def test_a_model_without_known_buckets_is_told_of() -> None:
    analysis = bucketwise.analyze(TRAFFIC, model="qwen2-vl-7b", target=[TARGET])
    assert analysis.plan.verdict.call == "no"
    assert "No vision buckets of qwen2-vl-7b" in analysis.plan.verdict.reasons[0].words


@pytest.mark.parametrize(
    ("config", "rules"),
    [
        ({"min_pixels": 65_536, "max_pixels": 99_999_999}, ["limit-above-buckets"]),
        ({"min_pixels": 65_536, "max_pixels": 1_000_000}, ["limit-between-buckets"]),
        ({"min_pixels": 2_000_000, "max_pixels": 1_048_576}, ["crossed-limits"]),
        (
            {"images_kwargs": {"min_pixels": 65_536, "max_pixels": 1_000_000}},
            ["limit-between-buckets"],
        ),
        ({"max_pixels": 1_048_576}, ["small-images-stay-small"]),
        ({"min_pixels": 65_536, "max_pixels": 1_048_576}, []),
    ],
)
def test_a_trap_is_told_by_its_rule(config: dict[str, Any], rules: list[str]) -> None:
    [judged] = bucketwise.lint_config(config, target=TARGET, model="qwen3-vl-2b").judged
    always = "furiosa/request-limit-unsets-buckets"
    found = [each.rule for each in judged.reported if each.rule != always]
    assert found == [f"furiosa/{each}" for each in rules]
    assert always in {each.rule for each in judged.reported}
