"""plan.json and the schema that is shipped beside it."""

from __future__ import annotations

import json
from importlib import resources

import jsonschema
import pytest

from bucketwise.core.analysis import Context, analyze
from bucketwise.core.options import PlanOptions
from bucketwise.core.schema import plan_schema
from bucketwise.engines.rbln.engine import RBLN
from bucketwise.engines.rbln.targets import pick_targets
from bucketwise.read.configs.profiles import find_profile
from tests.strategies import preprocessing_of, today_of, traffic_of


def test_the_shipped_schema_is_the_one_the_types_give() -> None:
    shipped = (resources.files("bucketwise") / "plan.schema.json").read_text("utf-8")
    assert json.loads(shipped) == plan_schema()


@pytest.mark.parametrize("model", ["qwen3-vl-2b", "qwen2.5-vl-7b"])
@pytest.mark.parametrize("lengths", [None, (4_096,)])
def test_plans_satisfy_the_schema_and_a_plan_with_a_hole_does_not(
    model: str, lengths: tuple[int, ...] | None
) -> None:
    profile = find_profile(model)
    today = None
    if lengths:
        today = today_of(*lengths)
    analysis = analyze(
        traffic_of((480, 640, 50.0), (1_080, 1_920, 15.0), (2_000, 3_000, 0.5)),
        profile,
        preprocessing_of(profile),
        PlanOptions(),
        RBLN.releases(pick_targets(())),
        today=today,
        context=Context(version="0"),
    )
    plan = json.loads(analysis.plan.to_json())
    validator = jsonschema.Draft202012Validator(plan_schema())
    validator.validate(plan)
    del plan["visual"]["waste"]
    with pytest.raises(jsonschema.ValidationError):
        validator.validate(plan)
