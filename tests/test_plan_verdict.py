"""Go, go if, keep or no: one answer, with the reasons that decided first."""

from __future__ import annotations

import json
from typing import Any

import jsonschema
import pytest

from bucketwise.app.planning import analyze
from bucketwise.core.analysis import Analysis
from bucketwise.core.plan import Reason
from bucketwise.core.schema import plan_schema
from bucketwise.engines.rbln.base_config import Overrides, zoo_base
from bucketwise.nouns.traffic import Traffic
from bucketwise.read.configs.profiles import find_profile
from tests.strategies import traffic_of

MANY = traffic_of((480, 640, 900), (1_080, 1_920, 300), (2_048, 2_048, 50))


def judged(traffic: Traffic = MANY, **options: Any) -> Analysis:
    return analyze(traffic, **{"model": "qwen3-vl-2b", **options})


def first(analysis: Analysis) -> Reason:
    return analysis.plan.verdict.reasons[0]


def test_a_plan_that_saves_and_fits_is_go() -> None:
    analysis = judged(current=[16_384])
    assert analysis.plan.verdict.call == "go"
    assert first(analysis).id == "saving"
    assert "less ViT compute than today" in first(analysis).words


def test_images_that_fail_today_are_the_first_reason_to_go() -> None:
    analysis = judged(current=[9_000])
    assert analysis.plan.verdict.call == "go"
    assert first(analysis).id == "failing-today"
    assert "50 images (4.0%) fail today" in first(analysis).words


def test_what_saves_less_than_asked_is_not_worth_a_recompile() -> None:
    best = judged().plan.visual.vit_max_seq_lens
    same = judged(current=best)
    assert (same.plan.verdict.call, first(same).id) == ("keep", "not-worth-it")
    assert "the best there are" in first(same).words
    near = judged(current=[*best[:-1], best[-1] + 64])
    assert near.plan.verdict.call == "keep"
    assert (first(near).option or "").startswith("--min-saving")
    assert (
        judged(current=[*best[:-1], best[-1] + 64], min_saving=0.0).plan.verdict.call
        == "go"
    )


def test_lists_that_let_an_image_fail_are_never_kept() -> None:
    best = judged().plan.visual.vit_max_seq_lens
    analysis = judged(current=best[:-1])
    assert analysis.plan.verdict.call == "go"


def test_what_was_given_and_does_not_fit_is_no_with_the_option_that_mends_it() -> None:
    base = zoo_base("qwen3_vl", Overrides(max_seq_len=262_144, batch_size=512))
    analysis = judged(base=base, batch_size=512)
    assert analysis.plan.verdict.call == "no"
    assert first(analysis).id == "memory"
    assert "does not fit" in first(analysis).words
    assert (first(analysis).option or "").startswith("--")
    assert analysis.base is not None
    assert analysis.base.mapping["max_seq_len"] == 262_144
    assert analysis.base.mapping["batch_size"] == 512
    assert analysis.plan.memory is not None
    assert analysis.plan.memory.fits is False


def test_a_unit_that_no_runtime_compares_is_no() -> None:
    analysis = judged(bucket_unit="merged")
    assert analysis.plan.verdict.call == "no"
    assert first(analysis).option == "--bucket-unit vit"


@pytest.mark.parametrize(
    ("traffic", "options", "reason"),
    [
        (MANY, {"model": None}, "model-assumed"),
        (traffic_of((480, 640, 3)), {}, "few-images"),
        (
            traffic_of((640, 640, 1_999), (2_500, 2_040, 1)),
            {"allow_overflow": True},
            "overflow-possible",
        ),
        (
            traffic_of((480, 640, 900), (4_096, 4_096, 500)),
            {"max_pixels": "checkpoint"},
            "length-unproven",
        ),
    ],
)
def test_what_is_to_be_checked_first_is_go_if(
    traffic: Traffic, options: dict[str, Any], reason: str
) -> None:
    analysis = judged(traffic, **options)
    assert analysis.plan.verdict.call == "go_if"
    assert reason in {each.id for each in analysis.plan.verdict.reasons}


def test_what_nobody_gave_is_chosen_to_fit_and_marked() -> None:
    analysis = judged(batch_size=8, model="qwen3-vl-8b")
    assert analysis.plan.memory is not None
    assert analysis.plan.memory.fits is True
    assert analysis.base is not None
    blocks = analysis.base.mapping["kvcache_num_blocks"]
    marked = {each.name: each for each in analysis.plan.assumptions}
    assert marked["kvcache_num_blocks"].value == str(blocks)
    assert marked["kvcache_num_blocks"].status == "derived"


def test_a_plan_with_its_verdict_satisfies_the_schema() -> None:
    plan = json.loads(judged(current=[16_384]).plan.to_json())
    jsonschema.Draft202012Validator(plan_schema()).validate(plan)
    assert plan["schema"] == "bucketwise.plan/2"
    assert plan["verdict"]["call"] == "go"


@pytest.mark.parametrize(
    ("model", "settings"),
    [
        ("qwen3-vl-2b", {"num_devices": 1}),
        ("gemma-4-26b-a4b", {"num_devices": 1}),
        ("qwen2-vl-2b", {"num_devices": 1, "max_seq_len": 16_384}),
    ],
)
def test_what_an_npu_cannot_do_is_not_chosen_for_it(
    model: str, settings: dict[str, int]
) -> None:
    family = find_profile(model).family
    base = zoo_base(family, Overrides(npu="RBLN-CR13"))
    found = judged(model=model, base=base)
    assert found.plan.verdict.call == "go"
    assert found.base is not None
    said = found.base.mapping
    assert {name: said[name] for name in settings} == settings
    assert said["visual"]["num_devices"] == 1


def test_what_a_release_would_refuse_is_a_no_in_the_words_of_its_rule() -> None:
    base = zoo_base("qwen3_vl", Overrides(npu="RBLN-CR13", devices=8))
    found = judged(base=base)
    assert found.plan.verdict.call == "no"
    assert first(found).id == "devices/no-split-on-rebel"
    assert "num_devices 8 on RBLN-CR13" in first(found).words
    assert found.base is not None
    assert found.base.mapping["num_devices"] == 8
