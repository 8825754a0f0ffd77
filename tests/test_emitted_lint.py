"""What is emitted passes lint: no error, no warning that the plan does not state."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, reject, settings
from hypothesis import strategies as st

import bucketwise
from bucketwise.app.planning import write_plan
from bucketwise.app.reporting import report_inputs
from bucketwise.engines.rbln.base_config import Overrides, zoo_base
from bucketwise.engines.rbln.model_classes import (
    MODEL_CLASSES,
    generates,
    serving_targets,
)
from bucketwise.errors import ConfigError
from bucketwise.nouns.profile import ModelProfile
from bucketwise.nouns.traffic import Traffic
from bucketwise.read.configs.profiles import built_in_profiles
from bucketwise.report.sections.risks import stated_rules
from tests.strategies import traffic_of

EXAMPLES = 5 * int(os.environ.get("BUCKETWISE_FUZZ_EXAMPLES", "1"))
"""Each writes and judges four files; continuous integration asks for 300."""

rows = st.lists(
    st.tuples(
        st.integers(28, 4_000), st.integers(28, 4_000), st.sampled_from([1.0, 9.0, 2e3])
    ),
    min_size=1,
    max_size=6,
    unique=True,
)


@st.composite
def plans(draw: st.DrawFn, profile: ModelProfile) -> dict[str, Any]:
    """Draw options of analyze."""
    soft = profile.soft_tokens
    limits = (
        [each * profile.length_px**2 for each in soft.supported]
        if soft
        else [262_144, 1_000_000, 5_000_000]
    )
    every: dict[str, st.SearchStrategy[Any]] = {
        "max_pixels": st.sampled_from([*limits, "checkpoint"]),
        "bucket_unit": st.just("merged"),
        "headroom": st.sampled_from([0.1, 0.5]),
        "pins": st.lists(
            st.integers(1, 200).map(lambda n: n * profile.align), min_size=1, max_size=2
        ),
        "align": st.just(256),
        "strategy": st.sampled_from(["quantile", "exponential"]),
        "buckets": st.sampled_from([(1, 1), (2, 2), (6, 8)]),
        "batch_size": st.sampled_from([1, 3, 8]),
    }
    if not generates(profile.family):
        del every["batch_size"]
    chosen = draw(st.lists(st.sampled_from(sorted(every)), max_size=3, unique=True))
    options = {name: draw(every[name]) for name in chosen}
    if "pins" in options and (options.get("bucket_unit") == "merged" or soft):
        # Of soft tokens a pin must be a length that some count runs on.
        del options["pins"]
    return options


bases = st.builds(
    Overrides,
    devices=st.sampled_from([None, 1, 4, 8]),
    max_seq_len=st.sampled_from([None, 32_768]),
    npu=st.sampled_from([None, "RBLN-CA25", "RBLN-CR13"]),
)


@settings(max_examples=EXAMPLES, deadline=None)
@given(
    drawn=rows,
    profile=st.sampled_from(
        [each for each in built_in_profiles().values() if each.family in MODEL_CLASSES]
    ),
    overrides=bases,
    data=st.data(),
)
def test_lint_finds_nothing_in_what_is_emitted_that_the_plan_does_not_state(
    tmp_path_factory: pytest.TempPathFactory,
    drawn: list[tuple[int, int, float]],
    profile: ModelProfile,
    overrides: Overrides,
    data: st.DataObject,
) -> None:
    options = data.draw(plans(profile))
    try:
        base = zoo_base(profile.family, overrides)
    except ConfigError:
        reject()  # a context too long for the NPU, which is never changed
    traffic = traffic_of(*drawn)
    targets = (data.draw(st.sampled_from(serving_targets(profile.family))),)
    names = [target.name for target in targets]
    analysis = bucketwise.analyze(
        traffic, model=profile.name, base=base, target=names, **options
    )
    folder = tmp_path_factory.mktemp("plan") / "out"
    write_plan(analysis, folder, base=base, target=names, formats=())
    stated = stated_rules(analysis, report_inputs(analysis, base=base, targets=targets))
    files = [
        file
        for file in sorted(folder.rglob("*"))
        if file.suffix in (".json", ".py", ".sh") and file.name != "plan.json"
    ]
    assert len(files) == (4 if generates(profile.family) else 3)
    for file in files:
        assert unstated(file, profile.name, traffic, stated) == []


def unstated(
    file: Path, model: str, traffic: Traffic, stated: frozenset[str]
) -> list[str]:
    """Return what lint says against a file that the plan does not state."""
    report = bucketwise.lint_config(file, model=model, traffic=traffic)
    return [
        f"{file.name}: {each.rule}: {each.finding.found}"
        for judged in report.judged
        for each in judged.reported
        if each.finding.severity != "info" and each.rule not in stated
    ]


def test_a_plan_without_warnings_states_nothing_and_its_files_have_nothing(
    tmp_path: Path,
) -> None:
    traffic = traffic_of((512, 512, 900.0), (1_024, 1_024, 400.0))
    base = zoo_base("qwen3_vl", Overrides(max_seq_len=32_768))
    analysis = bucketwise.analyze(
        traffic, model="qwen3-vl-2b", base=base, max_pixels=1_048_576
    )
    assert not any(each.rules for each in analysis.plan.visual.warnings)
    write_plan(analysis, tmp_path / "out", base=base, formats=())
    for file in (tmp_path / "out" / "optimum-rbln-0.12.0").iterdir():
        assert unstated(file, "qwen3-vl-2b", traffic, frozenset()) == []


def test_a_written_configuration_far_from_its_plan_is_judged_without_its_limits(
    tmp_path: Path,
) -> None:
    traffic = traffic_of((512, 512, 900.0), (2_048, 2_048, 400.0))
    base = zoo_base("qwen3_vl", Overrides(max_seq_len=32_768))
    analysis = bucketwise.analyze(traffic, model="qwen3-vl-2b", base=base)
    write_plan(analysis, tmp_path / "out", base=base, formats=())
    file = tmp_path / "out" / "optimum-rbln-0.12.0" / "rbln_config.json"
    [beside] = bucketwise.lint_config(file, model="qwen3-vl-2b").judged
    assert beside.subject.limits is not None
    assert beside.subject.limits.max_pixels == 4_194_304
    assert beside.subject.limits.source == "plan.json beside it"
    alone = file.rename(tmp_path / "rbln_config.json")
    [judged] = bucketwise.lint_config(alone, model="qwen3-vl-2b").judged
    assert judged.subject.limits is not None
    assert judged.subject.limits.max_pixels == 16_777_216
