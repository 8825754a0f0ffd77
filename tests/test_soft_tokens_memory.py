"""Device memory and decode steps of models whose images fill a count of soft tokens."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

import bucketwise
from bucketwise.cli import main
from bucketwise.core.analysis import Analysis
from bucketwise.engines.rbln.base_config import Overrides, given_base, zoo_base
from bucketwise.engines.rbln.shapes import graph_rules
from bucketwise.read.configs.profiles import built_in_profiles
from tests.strategies import traffic_of

MODELS = [each.name for each in built_in_profiles().values() if each.soft_tokens]
COMPILED = ["gemma-4-26b-a4b", "gemma-4-31b"]
BORROWING = ["gemma-4-e2b", "gemma-4-e4b"]

sides = st.tuples(st.integers(1, 3_000), st.integers(1, 3_000), st.integers(1, 900))
rows = st.lists(sides, min_size=1, max_size=5)
options = st.fixed_dictionaries(
    {},
    optional={
        "max_pixels": st.sampled_from([140 * 2_304, 560 * 2_304, 1_120 * 2_304]),
        "buckets": st.sampled_from([(1, 1), (3, 5)]),
        "batch_size": st.sampled_from([1, 4, 16, 64]),
        "headroom": st.just(0.3),
    },
)
given_values = st.builds(
    Overrides,
    devices=st.sampled_from([None, 1, 2, 4, 8, 32]),
    max_seq_len=st.sampled_from([None, 32_768, 131_072]),
    npu=st.sampled_from([None, "RBLN-CA25", "RBLN-CR13"]),
)

CONFIG: dict[str, Any] = {
    "vision_tower": {"max_soft_tokens": [70, 280], "num_devices": 8},
    "language_model": {
        "image_prefill_chunk_size": [256, 384],
        "max_seq_len": 131_072,
        "kvcache_partition_len": 16_384,
        "num_devices": 8,
        "decoder_batch_sizes": [8],
    },
    "batch_size": 8,
    "create_runtimes": False,
}


def reasons(analysis: Analysis) -> dict[str, str]:
    return {each.id: each.words for each in analysis.plan.verdict.reasons}


def with_language(**changed: Any) -> dict[str, Any]:
    return {**CONFIG, "language_model": CONFIG["language_model"] | changed}


def findings_in(config: dict[str, Any], model: str) -> dict[str, str]:
    """Rule -> severity of what lint finds."""
    [judged] = bucketwise.lint_config(config, model=model).judged
    return {each.rule: each.finding.severity for each in judged.reported}


@settings(max_examples=30, deadline=None)
@given(
    drawn=rows, model=st.sampled_from(MODELS), overrides=given_values, options=options
)
def test_a_plan_fits_or_says_no(
    drawn: list[tuple[int, int, int]],
    model: str,
    overrides: Overrides,
    options: dict[str, Any],
) -> None:
    traffic = traffic_of(*((h, w, float(n)) for h, w, n in drawn))
    base = zoo_base("gemma4", overrides)
    analysis = bucketwise.analyze(traffic, model=model, base=base, **options)
    memory, plan = analysis.memory, analysis.plan
    assert memory is not None
    assert plan.memory is not None
    assert plan.memory.device_bytes == memory.usable_bytes
    if memory.lacks_bytes:
        assert plan.verdict.call == "no"
        assert "a device lacks" in reasons(analysis)["memory"]
        for change in memory.changes:
            assert change.words in reasons(analysis)["memory"]
    elif model in COMPILED:
        close = memory.verdict == "cannot tell"
        assert ("memory-close" in reasons(analysis)) == close
        refused = any(each.severity == "error" for each in plan.verdict.reasons)
        calls = ("no",) if refused else ("go_if",) if close else ("go", "go_if")
        assert plan.verdict.call in calls
    if overrides.devices and overrides.max_seq_len:
        assert analysis.base is not None
        chosen = analysis.base.mapping
        assert chosen["num_devices"] == overrides.devices
        assert chosen["max_seq_len"] == overrides.max_seq_len


@pytest.mark.parametrize("batch_size", [1, 8])
@pytest.mark.parametrize("model", COMPILED)
def test_what_nobody_gave_is_chosen_so_that_it_surely_fits(
    model: str, batch_size: int
) -> None:
    analysis = bucketwise.analyze(
        traffic_of((640, 640, 2_000.0)), model=model, batch_size=batch_size
    )
    assert analysis.memory is not None
    assert analysis.memory.verdict == "fits"
    assert analysis.plan.verdict.call == "go"
    assert analysis.base is not None
    assert analysis.base.mapping["num_devices"] == 16


def test_what_was_given_is_kept_and_does_not_fit() -> None:
    config = with_language(num_devices=4, kvcache_num_blocks=9)
    base = given_base(config, family="gemma4", source="base.json")
    analysis = bucketwise.analyze(
        traffic_of((640, 640, 2_000.0)), model="gemma-4-31b", base=base
    )
    assert analysis.plan.verdict.call == "no"
    assert "num_devices 16" in reasons(analysis)["memory"]
    assert analysis.base is not None
    assert analysis.base.mapping["max_seq_len"] == 131_072
    assert analysis.base.mapping["num_devices"] == 4


def test_lint_judges_the_memory_of_a_nested_configuration() -> None:
    model = "gemma-4-31b"
    assert "memory/cache-below-context" not in findings_in(CONFIG, model)
    few = with_language(num_devices=2)
    assert findings_in(few, model)["memory/cache-below-context"] == "error"
    blocks = with_language(kvcache_num_blocks=64)
    assert findings_in(blocks, model)["memory/blocks-beyond-memory"] == "error"


@pytest.mark.parametrize("model", BORROWING)
def test_layers_that_borrow_keys_and_values_are_not_compiled_and_that_is_said(
    model: str,
) -> None:
    analysis = bucketwise.analyze(traffic_of((640, 640, 2_000.0)), model=model)
    assert analysis.plan.verdict.call == "no"
    assert "compiles it" in reasons(analysis)["not-compiled"]
    assert findings_in(CONFIG, model)["keys/class-too-new"] == "error"
    for other in COMPILED:
        assert "keys/class-too-new" not in findings_in(CONFIG, other)


@pytest.mark.parametrize("model", MODELS)
def test_decoder_graphs_are_chosen_by_the_price_of_a_step(
    model: str, tmp_path: Path
) -> None:
    rows = "".join(
        f"{0.5 * at},{4 if at % 40 < 8 else 1},900,60\n" for at in range(400)
    )
    log = tmp_path / "load.csv"
    log.write_text(f"start,duration_s,prompt_tokens,output_tokens\n{rows}")
    evidence = bucketwise.read_evidence([log])
    decoder = bucketwise.analyze(
        traffic_of((640, 640, 2_000.0)), model=model, evidence=evidence, batch_size=16
    ).plan.decoder
    assert decoder is not None
    assert decoder.step_cost is not None
    assert (decoder.step_cost.kind, decoder.step_cost.unit) == ("roofline", "ms")
    assert decoder.decoder_batch_sizes[-1] == 16


def test_the_report_tells_the_units_and_why_nothing_is_edited_in_it(
    tmp_path: Path,
) -> None:
    table = tmp_path / "traffic.csv"
    table.write_text("width,height,count\n640,640,900\n1920,1080,900\n")
    out = tmp_path / "out"
    ran = CliRunner().invoke(
        main, ["analyze", str(table), "--model", COMPILED[0], "--out", str(out)]
    )
    assert ran.exit_code == 0, ran.output
    assert ran.output.startswith("Verdict: go.")
    report = (out / "report.html").read_text()
    assert 'id="units"' in report
    assert "Why there is no panel to try lengths." in report
    assert 'id="what-if"' not in report
    # No chunk of the language model is given a mask that grows with its square.
    assert "kernels, buffers and inputs" in report
    for name in ("buckets", "strategies"):
        [section] = re.findall(
            rf'<(?:section|div)[^>]* id="{name}".*?(?=<(?:section|div)[^>]* id=|</main>)',
            report,
            re.DOTALL,
        )
        assert "mask" not in section.lower()
    assert "cache of 25 sliding layers" in report


def test_the_sdk_itself_takes_a_graph_of_exactly_the_batch() -> None:
    assert "raises without one" in " ".join(graph_rules("gemma4", 8))
    assert "always runs" in " ".join(graph_rules("qwen3_vl", 8))
