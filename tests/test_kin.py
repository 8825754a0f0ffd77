"""Kin of the Qwen models: those served by their classes, and by classes of their own."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

import bucketwise
from bucketwise.cli import main
from bucketwise.core.patching import count_patches
from bucketwise.engines.rbln.base_config import given_base, zoo_base
from bucketwise.engines.rbln.engine import RBLN
from bucketwise.engines.rbln.kv_cache import sliding_bytes
from bucketwise.engines.rbln.model_classes import within
from bucketwise.engines.rbln.releases import RELEASES, Version, written
from bucketwise.engines.rbln.rules.case import RblnCase
from bucketwise.errors import ConfigError, UsageError
from bucketwise.read.configs.profiles import built_in_profiles, find_profile
from tests.strategies import clips_of, preprocessing_of, sides_px, sizes_of, traffic_of

EXAONE, PAGES = "exaone-4.5-33b", "colqwen2-v1.0-hf"

PAGE_CONFIG: dict[str, Any] = {
    "vlm": {
        "visual": {"max_seq_len": [1_024, 3_072], "create_runtimes": False},
        "num_devices": 4,
        "max_seq_len": 32_768,
        "create_runtimes": False,
    },
}


def run(*words: str) -> Any:
    return CliRunner().invoke(main, list(words))


def written_traffic(folder: Path) -> str:
    file = folder / "pages.csv"
    file.write_text(
        "width,height,count\n1240,1754,700\n640,480,400\n", encoding="utf-8"
    )
    return str(file)


def rules_of(
    config: Any, version: Version, *, model: str = PAGES, level: str = "error"
) -> dict[str, str]:
    """Return the rules that have something of that level to say, and where."""
    report = bucketwise.lint_config(config, model=model, target=written(version))
    return {
        each.rule: ".".join(each.finding.path)
        for judged in report.judged
        for each in judged.reported
        if each.finding.severity == level
    }


def changed(vlm: dict[str, Any] | None = None, **above: Any) -> dict[str, Any]:
    return {"vlm": PAGE_CONFIG["vlm"] | (vlm or {})} | above


# --- trained on from a Qwen model -----------------------------------------------------


@pytest.mark.parametrize(
    ("kin", "original"),
    [
        ("cosmos-reason1-7b", "qwen2.5-vl-7b"),
        ("cosmos-reason2-2b", "qwen3-vl-2b"),
        ("cosmos-reason2-8b", "qwen3-vl-8b"),
    ],
)
def test_what_is_trained_on_from_a_model_is_counted_and_compiled_as_that_one(
    kin: str, original: str
) -> None:
    found, own = find_profile(kin), find_profile(original)
    deployment = own.deployment and replace(
        own.deployment, source=found.deployment.source if found.deployment else ""
    )
    assert found == replace(
        own,
        name=kin,
        hf_id=found.hf_id,
        source=found.source,
        deployment=deployment,
    )
    assert found.hf_id.startswith("nvidia/")


# --- EXAONE-4.5 -----------------------------------------------------------------------


@given(height=sides_px, width=sides_px)
def test_exaone_needs_whole_windows_and_never_one_too_many(
    height: int, width: int
) -> None:
    profile = find_profile(EXAONE)
    sizes = sizes_of((height, width, 0, 0.0, 1.0))
    counts = count_patches(sizes, profile, preprocessing_of(profile))
    windows = -(-counts.grid_h // 8) * -(-counts.grid_w // 8)
    for version in RELEASES:
        assert np.array_equal(counts.needed(RBLN.release(version)), windows * 64)


def test_a_release_without_its_class_is_refused_with_the_one_that_brought_it() -> None:
    with pytest.raises(ConfigError) as caught:
        bucketwise.analyze(
            traffic_of((640, 640, 9)), model=EXAONE, target=["optimum-rbln==0.10.4"]
        )
    [problem] = caught.value.problems
    assert "0.10.4 cannot compile exaone4_5, whose class came with 0.11.0" in problem
    assert "expected optimum-rbln==0.11.2 or optimum-rbln==0.12.0" in problem


def test_visual_of_exaone_takes_nothing_from_the_top_up_to_0_11_1() -> None:
    config = {
        "visual": {"max_seq_len": [8_192]},
        "num_devices": 8,
        "max_seq_len": 262_144,
        "kvcache_partition_len": 16_384,
        "create_runtimes": False,
    }
    for version in ((0, 11, 0), (0, 11, 1)):
        found = rules_of(config, version, model=EXAONE, level="warning")
        assert {"keys/inherited-devices", "keys/create-runtimes"} <= set(found)
    assert not rules_of(config, (0, 11, 2), model=EXAONE, level="warning")
    assert "keys/class-too-new" in rules_of(config, (0, 10, 4), model=EXAONE)


@given(
    batch_size=st.integers(1, 64),
    devices=st.integers(1, 16),
    more=st.integers(1, 16),
)
def test_what_slides_takes_a_window_a_sequence_and_less_on_more_devices(
    batch_size: int, devices: int, more: int
) -> None:
    shape = find_profile(EXAONE).lm
    assert shape is not None
    found = sliding_bytes(shape, batch_size, devices)
    heads = -(-8 // devices)
    # 48 layers, keys and values, 4,096 tokens of 128 values in 16 bits a head: a
    # megabyte each, in pairs of them.
    pairs = -(-batch_size * heads // 2)
    assert found == 2 * 48 * pairs * 2**21
    assert sliding_bytes(shape, batch_size, devices + more) <= found
    assert sliding_bytes(shape, batch_size + more, devices) >= found


def test_a_plan_for_exaone_is_emitted_for_the_releases_that_have_it(
    tmp_path: Path,
) -> None:
    out = tmp_path / "out"
    done = run(
        *("analyze", written_traffic(tmp_path), "--model", EXAONE),
        *("--out", str(out), "--format", "none", "--target", "all"),
    )
    assert done.exit_code == 0, done.output
    assert {file.name for file in out.glob("optimum*")} == {
        "optimum-rbln-0.11.2",
        "optimum-rbln-0.12.0",
    }
    newest = out / "optimum-rbln-0.12.0"
    told = json.loads((newest / "rbln_config.json").read_text("utf-8"))
    assert all(length % 64 == 0 for length in told["visual"]["max_seq_len"])
    assert "vllm serve" in (newest / "serve.sh").read_text("utf-8")
    assert "own image limits are not known here" in (out / "plan.json").read_text()


# --- ColQwen2 -------------------------------------------------------------------------


def test_a_plan_for_pages_holds_the_list_two_levels_deep_and_serves_nothing(
    tmp_path: Path,
) -> None:
    out = tmp_path / "out"
    done = run(
        *("analyze", written_traffic(tmp_path), "--model", PAGES),
        *("--out", str(out), "--format", "none", "--target", "all"),
    )
    assert done.exit_code == 0, done.output
    assert not list(out.rglob("serve*"))
    for version, key in (("0.10.3", "max_seq_lens"), ("0.12.0", "max_seq_len")):
        file = out / f"optimum-rbln-{version}" / "rbln_config.json"
        told = json.loads(file.read_text("utf-8"))
        assert told["vlm"]["visual"][key][-1] == 3_072
        assert "batch_size" not in told["vlm"]
    assert "generates nothing" in done.output


@pytest.mark.parametrize("option", ["--batch-size", "--activity"])
def test_a_decoder_is_not_chosen_for_what_generates_nothing(
    option: str, tmp_path: Path
) -> None:
    load = tmp_path / "load.csv"
    load.write_text("start,end\n0,3\n1,5\n", encoding="utf-8")
    value = "8" if option == "--batch-size" else str(load)
    done = run(
        *("analyze", written_traffic(tmp_path), "--model", PAGES),
        *("--out", str(tmp_path / "out"), option, value),
    )
    assert isinstance(done.exception, UsageError)
    assert f"{option}: {PAGES} embeds images" in str(done.exception)


def test_clips_are_refused_as_its_processor_refuses_them() -> None:
    traffic = clips_of((720, 1_280, 8, 3))
    profile = find_profile(PAGES)
    counts = count_patches(traffic.sizes(), profile, preprocessing_of(profile))
    assert not counts.accepted.any()
    assert set(counts.error) == {
        "ValueError: the processor takes images alone, no clips"
    }


def test_a_sound_configuration_of_pages_has_nothing_against_it() -> None:
    for version in RELEASES:
        config = json.loads(json.dumps(PAGE_CONFIG))
        if version < (0, 11):
            config["vlm"]["tensor_parallel_size"] = config["vlm"].pop("num_devices")
        if version < (0, 10, 4):
            visual = config["vlm"]["visual"]
            visual["max_seq_lens"] = visual.pop("max_seq_len")
        for level in ("error", "warning"):
            assert not rules_of(config, version, level=level), version


@pytest.mark.parametrize(
    ("rule", "level", "where", "config", "version"),
    [
        (
            "keys/forced-within",
            "error",
            "vlm.batch_size",
            changed({"batch_size": 2}),
            (0, 11, 1),
        ),
        (
            "keys/forced-within",
            "error",
            "vlm.output_hidden_states",
            changed({"output_hidden_states": False}),
            (0, 11, 1),
        ),
        ("keys/no-language-model", "error", "visual", changed(visual={}), (0, 12, 0)),
        ("keys/no-language-model", "error", "", {"max_seq_len": 1_024}, (0, 12, 0)),
        ("keys/wrong-key", "error", "max_seqs", changed(max_seqs=1), (0, 12, 0)),
        (
            "keys/wrong-key",
            "error",
            "vlm.max_seqs",
            changed({"max_seqs": 1}),
            (0, 12, 0),
        ),
        (
            "keys/wrong-key",
            "error",
            "vlm.visual.max_seq_lens",
            changed({"visual": {"max_seq_lens": [64]}}),
            (0, 12, 0),
        ),
        (
            "keys/renamed-key",
            "warning",
            "tensor_parallel_size",
            changed(tensor_parallel_size=4),
            (0, 12, 0),
        ),
        (
            "keys/no-effect-above",
            "warning",
            "max_seq_len",
            changed(max_seq_len=32_768),
            (0, 12, 0),
        ),
        (
            "decoder/graphs-never-used",
            "warning",
            "vlm.decoder_batch_sizes",
            changed({"decoder_batch_sizes": [1, 4]}),
            (0, 12, 0),
        ),
        (
            "buckets/overflow-possible",
            "warning",
            "vlm.visual.max_seq_len",
            changed({"visual": {"max_seq_len": [2_500], "create_runtimes": False}}),
            (0, 12, 0),
        ),
        (
            "attention/context-too-long-for-eager",
            "error",
            "vlm.max_seq_len",
            changed({"max_seq_len": 65_536}),
            (0, 12, 0),
        ),
        (
            "devices/vit-not-split",
            "warning",
            "vlm.visual.num_devices",
            changed(
                {
                    "visual": {
                        "max_seq_len": [3_072],
                        "num_devices": 4,
                        "create_runtimes": False,
                    }
                }
            ),
            (0, 12, 0),
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_each_fault_is_found_where_it_stands(
    rule: str, level: str, where: str, config: dict[str, Any], version: Version
) -> None:
    assert rules_of(config, version, level=level).get(rule) == where


def test_what_is_decided_above_may_differ_within_from_0_11_2_on() -> None:
    config = changed({"output_hidden_states": False, "batch_size": 2})
    assert rules_of(config, (0, 11, 1)).get("keys/forced-within")
    assert not rules_of(config, (0, 11, 2))
    assert not rules_of(changed({"batch_size": 2}, batch_size=2), (0, 11, 1))


def test_a_fix_is_made_where_the_value_stands(tmp_path: Path) -> None:
    file = tmp_path / "rbln_config.json"
    config = changed({"visual": {"max_seq_lens": [1_024, 3_072]}}, max_seq_len=32_768)
    file.write_text(json.dumps(config, indent=2), encoding="utf-8")
    done = run("lint", str(file), "--model", PAGES, "--fix")
    assert '-      "max_seq_lens": [' in done.output
    assert '+      "max_seq_len": [' in done.output


def test_what_stands_above_is_handed_down_to_the_base() -> None:
    base = given_base(
        changed(batch_size=2, npu="RBLN-CA25", kvcache_num_blocks=9),
        family="colqwen2",
        source="base.json",
    )
    assert base.mapping["batch_size"] == 2
    assert base.mapping["npu"] == "RBLN-CA25"
    assert "kvcache_num_blocks" not in base.mapping
    assert any("kvcache_num_blocks at the top left out" in note for note in base.notes)
    with pytest.raises(ConfigError, match=r"vlm: expected an object .*, got None"):
        given_base({"max_seq_len": 1_024}, family="colqwen2", source="base.json")
    with pytest.raises(ConfigError, match="vlm: expected a configuration"):
        given_base(PAGE_CONFIG, family="qwen2_vl", source="base.json")


def test_a_compiled_folder_of_pages_is_read_at_every_level(tmp_path: Path) -> None:
    graphs = [{"num_devices": 4}]
    visual = PAGE_CONFIG["vlm"]["visual"] | {"_compile_cfgs": [{"num_devices": 1}]}
    config = changed({"visual": visual, "_compile_cfgs": graphs}) | {
        "cls_name": "RBLNColQwen2ForRetrievalConfig",
        "optimum_rbln_version": "0.12.0",
        "batch_size": 1,
    }
    del config["vlm"]["num_devices"]
    file = tmp_path / "rbln_config.json"
    file.write_text(json.dumps(config), encoding="utf-8")
    [judged] = bucketwise.lint_config(file).judged
    assert judged.subject.family == "colqwen2"
    assert isinstance(judged.subject, RblnCase)
    assert judged.subject.config["num_devices"] == 4
    assert not [each for each in judged.reported if each.finding.severity == "error"]
    plan = bucketwise.analyze(
        traffic_of((1_754, 1_240, 2_000)), model=PAGES, current=file
    ).plan
    assert plan.visual.current is not None
    assert plan.visual.current.max_seq_lens == (1_024, 3_072)


def test_a_line_that_serves_pages_is_refused_with_the_class_that_loads_them() -> None:
    line = "vllm serve vidore/colqwen2-v1.0-hf --block-size 4096\n"
    [judged] = bucketwise.lint_config(line).judged
    [reported] = judged.reported
    assert reported.rule == "serving/not-served"
    assert "RBLNColQwen2ForRetrieval" in reported.finding.right


@pytest.mark.parametrize("name", sorted(built_in_profiles()))
def test_the_settings_of_a_language_model_are_found_with_the_family_and_without(
    name: str,
) -> None:
    family = find_profile(name).family
    assert within(family, {}) == (("vlm",) if family == "colqwen2" else ())
    assert within("", PAGE_CONFIG) == ("vlm",)
    assert within("", {"visual": {}}) == ()


def test_the_published_configuration_of_pages_is_the_model_zoos() -> None:
    assert zoo_base("colqwen2").mapping == {
        "visual": {"num_devices": 1, "create_runtimes": False},
        "num_devices": 4,
        "max_seq_len": 32_768,
        "batch_size": 1,
        "create_runtimes": False,
    }


def test_activity_beside_the_sizes_is_passed_over_for_pages(tmp_path: Path) -> None:
    file = tmp_path / "both.csv"
    rows = "".join(f"1240,1754,{n},{n + 5}\n" for n in range(50))
    file.write_text(f"width,height,start,end\n{rows}", encoding="utf-8")
    traffic, evidence = bucketwise.read.read_inputs([file])
    analysis = bucketwise.analyze(traffic, model=PAGES, evidence=evidence)
    assert analysis.plan.decoder is None
    with pytest.raises(UsageError, match="--batch-size"):
        bucketwise.analyze(traffic, model=PAGES, batch_size=8)
