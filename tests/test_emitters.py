from __future__ import annotations

import ast
import json
import shlex
import subprocess
from dataclasses import replace
from typing import Any

import pytest

from bucketwise.core.decoder.decoder_plan import decide_pattern
from bucketwise.core.plan import (
    BucketUse,
    Cost,
    Decision,
    Decoder,
    Model,
    Plan,
    Processor,
    Provenance,
    SafeLimit,
    TopChoice,
    TrafficSummary,
    Verdict,
    Visual,
    Worst,
)
from bucketwise.engines.rbln.base_config import (
    BaseConfig,
    Overrides,
    given_base,
    zoo_base,
)
from bucketwise.engines.rbln.emit import EMITTERS, emit
from bucketwise.engines.rbln.emit.comments import one_line
from bucketwise.engines.rbln.emit.processor_lines import python_literal
from bucketwise.engines.rbln.engine import RBLN
from bucketwise.engines.rbln.model_classes import (
    MODEL_CLASSES,
    generates,
    serves,
    splits_visual,
)
from bucketwise.engines.rbln.targets import TARGETS
from bucketwise.errors import ConfigError
from bucketwise.read.configs.profiles import built_in_profiles

MODELS = {
    "qwen2_vl": "qwen2-vl-7b",
    "qwen2_5_vl": "qwen2.5-vl-7b",
    "qwen3_vl": "qwen3-vl-2b",
    "qwen3_vl_moe": "qwen3-vl-30b-a3b",
    "qwen3_5": "qwen3.5-4b",
    "exaone4_5": "exaone-4.5-33b",
    "colqwen2": "colqwen2-v1.0-hf",
}
EVERYWHERE = [
    (version, family)
    for version, target in TARGETS.items()
    for family in MODELS
    if serves(target, family)
]

SERVED = [each for each in EVERYWHERE if generates(each[1])]
"""Those that vllm-rbln serves."""

# What the config classes take, read from the __init__ of each class in each wheel:
# optimum/rbln/configuration_utils.py, transformers/models/decoderonly/
# configuration_decoderonly.py and models/qwen3_vl/configuration_qwen3_vl.py.
RUNTIME = {"cls_name", "create_runtimes", "device", "device_map", "activate_profiler"}
RUNTIME |= {"npu", "timeout", "optimum_rbln_version", "dtype", "_compile_cfgs"}
LANGUAGE = {"batch_size", "max_seq_len", "use_inputs_embeds", "use_attention_mask"}
LANGUAGE |= {"use_position_ids", "attn_impl", "kvcache_partition_len", "quantization"}
LANGUAGE |= {"kvcache_block_size", "lora_config", "prefill_chunk_size", "cache_impl"}
LANGUAGE |= {"kvcache_num_blocks", "decoder_batch_sizes", "sliding_window", "phases"}
LANGUAGE |= {"sliding_window_layers", "logits_to_keep", "output_hidden_states"}
TOP: dict[str, set[str]] = {
    "0.10.3": {"tensor_parallel_size", "visual"},
    "0.10.4": {"tensor_parallel_size", "visual"},
    "0.11.2": {"num_devices", "visual", "memory_budget"},
    "0.12.0": {"num_devices", "visual", "memory_budget"},
}
VISUAL: dict[str, set[str]] = {
    "0.10.3": {"tensor_parallel_size", "max_seq_lens"},
    "0.10.4": {"tensor_parallel_size", "max_seq_len"},
    "0.11.2": {"num_devices", "max_seq_len"},
    "0.12.0": {"num_devices", "max_seq_len", "batch_size"},
}


def language_model_of(config: dict[str, Any], family: str) -> dict[str, Any]:
    inside = MODEL_CLASSES[family].within
    level: dict[str, Any] = config[inside] if inside else config
    return level


def bucket(length: int, share: float) -> BucketUse:
    return BucketUse(
        vit_patches=length,
        merged_patches=length // 4,
        largest_square=512,
        runs=100 * share,
        share=share,
        useful_compute=1.0,
        padded_compute=2.0,
        waste=0.5,
        mask_bytes=2 * length**2,
        pinned=False,
    )


def make_visual(
    lengths: tuple[int, ...] = (1024, 4096, 16384), *, merged: bool = False
) -> Visual:
    quarter = tuple(length // 4 for length in lengths)
    return Visual(
        bucket_unit="merged_patches" if merged else "vit_patches",
        max_seq_lens=quarter if merged else lengths,
        vit_max_seq_lens=lengths,
        merged_max_seq_lens=quarter,
        decision=Decision(
            k=len(lengths),
            strategy="exact",
            rule="fixed",
            reason="",
            price_per_graph=None,
        ),
        processor=Processor(min_pixels=65_536, max_pixels=4_194_304),
        overflow_possible=lengths[-1],
        worst=Worst(needed=1, height_px=1, width_px=1, frames=0, grid_h=1, grid_w=1),
        top=TopChoice(
            way="needed",
            needed=lengths[-1],
            holds_all=lengths[-1],
            raising_costs=0.0,
            lowered_max_pixels=4_194_304,
            lowering_shrinks=0.0,
        ),
        max_pixels_safe=SafeLimit(value=4_194_304, shrinks_share=0.0),
        overflow_images=0.0,
        shrunk_images=0.0,
        shrunk_share=0.0,
        largest_needed=lengths[-1],
        cost=Cost(kind="flops", unit="FLOP", a=1.0, b=0.0, source=""),
        useful_compute=1.0,
        padded_compute=2.0,
        waste=0.5,
        buckets=tuple(bucket(length, 1 / len(lengths)) for length in lengths),
        frontier=(),
        strategies=(),
        caps=(),
        tail_limit=None,
        current=None,
        warnings=(),
    )


def make_plan(
    family: str = "qwen3_vl", *, merged: bool = False, **changed: Any
) -> Plan:
    profile = built_in_profiles()[MODELS[family]]
    video = profile.video or profile.checkpoint
    model = Model(
        name=profile.name,
        hf_id=profile.hf_id,
        family=family,
        assumed=False,
        patch_size=profile.patch_px,
        merge_size=profile.merge,
        window_patches=profile.window_patches,
        align=profile.align,
        min_pixels=65_536,
        max_pixels=4_194_304,
        limits_source="deployment",
        checkpoint_min_pixels=profile.checkpoint.min_pixels,
        checkpoint_max_pixels=profile.checkpoint.max_pixels,
        video_min_pixels=video.min_pixels,
        video_max_pixels=video.max_pixels,
        video_limits_source=video.source if profile.video else "deployment",
        source=profile.source,
    )
    traffic = TrafficSummary(
        rows_read=1,
        rows_used=1,
        rows_rejected=0,
        images=1.0,
        clips=0.0,
        told=0.0,
        runs=1.0,
        distinct_sizes=1,
        distinct_lengths=1,
        weighted=False,
        refused_by_processor=0.0,
        rejections=(),
        labels=(),
        slot_width_s=0,
        first=None,
        last=None,
        notes=(),
    )
    return Plan(
        verdict=Verdict(call="go", reasons=()),
        memory=None,
        warnings=(),
        decoder=None,
        model=replace(model, **changed),
        traffic=traffic,
        visual=make_visual(merged=merged),
        assumptions=(),
        provenance=Provenance(bucketwise="0", inputs=(), options={}, seed=0),
    )


def emit_for(
    version: str,
    family: str = "qwen3_vl",
    *,
    base: BaseConfig | None = None,
    plan: Plan | None = None,
) -> dict[str, str]:
    return emit(
        plan or make_plan(family), base or zoo_base(family), (TARGETS[version],)
    )


def of_kind(files: dict[str, str], suffix: str, start: str = "") -> str:
    (text,) = (
        text
        for name, text in files.items()
        if name.endswith(suffix) and f"/{start}" in name
    )
    return text


def config_of(files: dict[str, str]) -> dict[str, Any]:
    config: dict[str, Any] = json.loads(of_kind(files, ".json"))
    return config


def constants_of(script: str) -> dict[str, Any]:
    """Return the names a script binds to literals at its top."""
    return {
        target.id: ast.literal_eval(statement.value)
        for statement in ast.parse(script).body
        if isinstance(statement, ast.Assign)
        for target in statement.targets
        if isinstance(target, ast.Name)
    }


def assert_shell_parses(script: str) -> None:
    done = subprocess.run(
        ["bash", "-n"], input=script, text=True, capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr


def served_words(script: str) -> list[str]:
    command = script[script.index("exec vllm serve") :].replace("\\\n", " ")
    return shlex.split(command)


def run_serve(script: str, folder: Any, *arguments: str) -> list[str]:
    """Run the script with a `vllm` that prints its arguments, each ended by NUL."""
    folder.mkdir(parents=True, exist_ok=True)
    fake = folder / "vllm"
    fake.write_text('#!/bin/sh\nfor word; do printf "%s\\0" "$word"; done\n')
    fake.chmod(0o755)
    (folder / "compiled").mkdir(exist_ok=True)
    (folder / "compiled" / "rbln_config.json").write_text("{}")
    done = subprocess.run(
        ["bash", "-c", script, "serve", str(folder / "compiled"), *arguments],
        env={"PATH": f"{folder}:/usr/bin:/bin"},
        capture_output=True,
        check=False,
        cwd=folder,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.decode().removesuffix("\0").split("\0")


@pytest.mark.parametrize(("version", "family"), EVERYWHERE)
def test_each_dialect_gets_its_files_and_what_is_served_a_fourth(
    version: str, family: str
) -> None:
    served = [f"optimum-rbln-{version}/serve.sh"] if generates(family) else []
    assert list(emit_for(version, family)) == [
        f"optimum-rbln-{version}/rbln_config.json",
        f"optimum-rbln-{version}/compile.py",
        f"optimum-rbln-{version}/load.py",
        *served,
    ]


def test_all_dialects_together_are_the_sum_of_each() -> None:
    together = emit(make_plan(), zoo_base(), tuple(TARGETS.values()))
    assert len(together) == len(EMITTERS) * len(TARGETS)
    for version in TARGETS:
        assert emit_for(version).items() <= together.items()


@pytest.mark.parametrize(("version", "family"), EVERYWHERE)
def test_the_config_has_only_keys_its_dialect_takes(version: str, family: str) -> None:
    given = {
        "visual": {"batch_size": 1, "max_seq_len": 64, "timeout": 60},
        "num_devices": 8,
        "memory_budget": "80%",
        "kvcache_partition_len": 16384,
        "max_seq_len": 32768,
        "timeout": 60,
    }
    inside = MODEL_CLASSES[family].within
    base = given_base(
        {inside: given, "batch_size": 2} if inside else given,
        family=family,
        source="base.json",
    )
    for one in (base, zoo_base(family)):
        config = config_of(emit_for(version, family, base=one))
        if inside:
            # What the class hands down to its language model stands above it.
            assert set(config) == {inside, "batch_size"}
            assert "batch_size" not in config[inside]
        config = language_model_of(config, family)
        assert set(config) <= RUNTIME | LANGUAGE | TOP[version]
        assert set(config["visual"]) <= RUNTIME | VISUAL[version]


@pytest.mark.parametrize(("version", "family"), EVERYWHERE)
def test_both_levels_say_devices_and_runtimes(version: str, family: str) -> None:
    config = language_model_of(config_of(emit_for(version, family)), family)
    key = TARGETS[version].devices_key
    assert config["create_runtimes"] is False
    assert config["visual"]["create_runtimes"] is False
    assert config[key] == MODEL_CLASSES[family].devices
    splits = splits_visual(family, TARGETS[version].parsed)
    assert config["visual"][key] == (8 if splits else 1)


@pytest.mark.parametrize(("version", "family"), EVERYWHERE)
def test_lengths_stand_under_the_dialects_name(version: str, family: str) -> None:
    config = language_model_of(config_of(emit_for(version, family)), family)
    visual = config["visual"]
    assert visual[TARGETS[version].bucket_key] == [1024, 4096, 16384]
    assert len({"max_seq_len", "max_seq_lens"} & set(visual)) == 1


@pytest.mark.parametrize(("version", "family"), EVERYWHERE)
@pytest.mark.parametrize("merged", [False, True])
def test_scripts_are_valid_python_and_shell(
    version: str, family: str, merged: bool
) -> None:
    for name, text in emit_for(
        version, family, plan=make_plan(family, merged=merged)
    ).items():
        assert text.endswith("\n")
        assert not any(line != line.rstrip() for line in text.splitlines())
        if name.endswith(".py"):
            compile(text, name, "exec")
        elif name.endswith(".sh"):
            assert text.startswith("#!/usr/bin/env bash\n# ")
            assert "\nset -euo pipefail\n" in text
            assert_shell_parses(text)
        else:
            json.loads(text)


@pytest.mark.parametrize(("version", "family"), EVERYWHERE)
def test_the_compile_script_holds_the_same_config_as_the_json(
    version: str, family: str
) -> None:
    files = emit_for(version, family)
    constants = constants_of(of_kind(files, ".py", "compile"))
    assert constants["RBLN_CONFIG"] == config_of(files)
    assert constants["MIN_PIXELS"] == 65_536
    assert constants["MAX_PIXELS"] == 4_194_304
    assert MODEL_CLASSES[family].name in of_kind(files, ".py", "compile")


@pytest.mark.parametrize(("version", "family"), EVERYWHERE)
def test_compile_saves_the_processor_after_the_model(version: str, family: str) -> None:
    script = of_kind(emit_for(version, family), ".py", "compile")
    model = script.index("model.save_pretrained(folder)")
    assert model < script.index("processor.save_pretrained(folder)")


@pytest.mark.parametrize(("version", "family"), EVERYWHERE)
def test_load_gives_each_level_as_many_devices_as_it_was_compiled_for(
    version: str, family: str
) -> None:
    files = emit_for(version, family)
    config = language_model_of(config_of(files), family)
    key = TARGETS[version].devices_key
    devices = constants_of(of_kind(files, ".py", "load"))["DEVICES"]
    devices = language_model_of(devices, family)
    assert len(devices["device"]) == config[key]
    assert len(devices["visual"]["device"]) == config["visual"][key]


def test_devices_of_the_base_reach_load_and_serve(tmp_path: Any) -> None:
    base = given_base(
        {
            "visual": {"num_devices": 2, "device": [8, 9]},
            "num_devices": 2,
            "device": [0, 1],
        },
        family="qwen3_vl",
        source="base.json",
    )
    placed = {"device": [0, 1], "visual": {"device": [8, 9]}}
    for version, key in (("0.11.2", "rbln_config"), ("0.12.0", "optimum_overrides")):
        files = emit_for(version, base=base)
        load = of_kind(files, ".py", "load")
        assert constants_of(load)["DEVICES"] == placed
        assert "ASSUMED: devices" not in load
        words = run_serve(of_kind(files, ".sh"), tmp_path)
        assert json.loads(words[words.index("--additional-config") + 1]) == {
            key: placed
        }


@pytest.mark.parametrize(("version", "family"), SERVED)
def test_serve_gives_both_limits_and_no_compile_key(
    version: str, family: str, tmp_path: Any
) -> None:
    script = of_kind(emit_for(version, family), ".sh")
    words = run_serve(script, tmp_path, "--port", "9000")
    assert words[:2] == ["serve", str(tmp_path / "compiled")]
    assert words[-2:] == ["--port", "9000"]
    limits = {"min_pixels": 65_536, "max_pixels": 4_194_304}
    # In vLLM 0.30 flat limits would be the budget of a whole clip of Qwen3-VL.
    nested = version == "0.12.0" and family.startswith("qwen3")
    assert json.loads(words[words.index("--mm-processor-kwargs") + 1]) == (
        {"images_kwargs": limits} if nested else limits
    )
    assert json.loads(words[words.index("--limit-mm-per-prompt") + 1]) == {"video": 0}
    config = zoo_base(family).mapping
    block = config.get("kvcache_partition_len", config["max_seq_len"])
    assert words[words.index("--block-size") + 1] == str(block)
    assert words[words.index("--max-model-len") + 1] == str(config["max_seq_len"])
    assert words[words.index("--max-num-seqs") + 1] == "1"
    assert "--additional-config" not in words
    # Options of models that vLLM runs itself end the start of this one.
    assert "manual-buckets" not in script
    by_flag = "--rbln-num-devices-per-local-rank" in words
    assert by_flag == (version == "0.12.0")
    name = TARGETS[version].devices_env
    assert (f"export {name}=8\n" in script) == bool(name)


def test_serve_refuses_a_folder_that_was_not_compiled(tmp_path: Any) -> None:
    script = of_kind(emit_for("0.12.0"), ".sh")
    done = subprocess.run(
        ["bash", "-c", script, "serve", str(tmp_path)],
        text=True,
        capture_output=True,
        check=False,
        cwd=tmp_path,
    )
    assert done.returncode == 1
    assert "run compile.py first" in done.stderr


@pytest.mark.parametrize("version", TARGETS)
def test_merged_patches_are_named_and_warned_about(version: str) -> None:
    files = emit_for(version, plan=make_plan(merged=True))
    assert all(".documented-unit." in name for name in files)
    config = config_of(files)
    assert config["visual"][TARGETS[version].bucket_key] == [256, 1024, 4096]
    for name, text in files.items():
        if name.endswith(".py"):
            assert text.startswith("# WARNING: lengths in merged patches.")
        if name.endswith(".sh"):
            assert text.splitlines()[1].startswith("# WARNING: lengths in merged")
    assert "documented-unit" in constants_of(of_kind(files, ".py", "load"))["FOLDER"]


def test_the_runtimes_own_unit_carries_no_warning() -> None:
    for text in emit_for("0.12.0").values():
        assert "WARNING" not in text


def test_the_compile_script_tells_each_bucket_in_both_units_and_others_name_it() -> (
    None
):
    for name, text in emit_for("0.12.0").items():
        if name.endswith("compile.py"):
            row = next(line for line in text.splitlines() if "4,096  " in line)
            assert "1,024" in row
            assert "512 x 512 px" in row
            assert "33.3 %" in row
        elif not name.endswith(".json"):
            assert "and what is assumed: see the top of compile.py" in text
            assert "512 x 512 px" not in text


@pytest.mark.parametrize(
    ("share", "words"),
    [(0.0, "0.0 %"), (1e-6, "< 0.1 %"), (0.999999, "> 99.9 %"), (1.0, "100.0 %")],
)
def test_a_share_is_0_or_100_only_when_it_truly_is(share: float, words: str) -> None:
    plan = make_plan()
    visual = replace(plan.visual, buckets=(bucket(1024, share),))
    files = emit_for("0.12.0", plan=replace(plan, visual=visual))
    assert f" {words}\n" in of_kind(files, ".py", "compile")


def test_a_list_for_one_dialect_goes_to_that_dialect_only() -> None:
    plan = replace(
        make_plan("qwen2_5_vl"), visual_by_target={"0.11.2": make_visual((1088, 4160))}
    )
    old = config_of(emit_for("0.11.2", "qwen2_5_vl", plan=plan))
    new = config_of(emit_for("0.12.0", "qwen2_5_vl", plan=plan))
    assert old["visual"]["max_seq_len"] == [1088, 4160]
    assert new["visual"]["max_seq_len"] == [1024, 4096, 16384]


def test_assumed_values_are_named_in_the_dialects_words() -> None:
    script = of_kind(emit_for("0.10.3"), ".py", "compile")
    assert "ASSUMED" in script
    assert "#   tensor_parallel_size = 8" in script
    assert "#   max_seq_len = 262144" in script


def test_nothing_is_called_assumed_when_everything_was_given() -> None:
    base = given_base(
        {
            "visual": {"num_devices": 8, "create_runtimes": False, "device": [0]},
            "num_devices": 8,
            "create_runtimes": False,
            "device": [0],
        },
        family="qwen3_vl",
        source="base.json",
    )
    for text in emit_for("0.12.0", base=base).values():
        assert "ASSUMED" not in text


def test_unknown_keys_of_the_base_are_kept() -> None:
    base = given_base(
        {"visual": {"new_thing": [1]}, "other": {"a": None}, "num_devices": 4},
        family="qwen3_vl",
        source="base.json",
    )
    for version in TARGETS:
        config = config_of(emit_for(version, base=base))
        assert config["visual"]["new_thing"] == [1]
        assert config["other"] == {"a": None}


def test_a_key_the_dialect_refuses_is_left_out_and_named() -> None:
    base = given_base(
        {"visual": {"batch_size": 1}, "memory_budget": 0.8, "num_devices": 8},
        family="qwen3_vl",
        source="base.json",
    )
    old, new = emit_for("0.10.4", base=base), emit_for("0.12.0", base=base)
    assert "memory_budget" not in config_of(old)
    assert config_of(new)["memory_budget"] == 0.8
    assert config_of(new)["visual"]["batch_size"] == 1
    text = of_kind(old, ".py", "compile")
    assert "memory_budget of the base is left out" in text
    assert "visual.batch_size of the base is left out" in text


def test_a_partition_too_short_for_old_releases_is_warned_about_there() -> None:
    base = zoo_base(overrides=Overrides(kvcache_partition_len=2048))
    assert "below 4096" in of_kind(emit_for("0.10.4", base=base), ".py", "compile")
    assert "below" not in of_kind(emit_for("0.12.0", base=base), ".py", "compile")


def test_linear_attention_gets_chunks_that_old_releases_take_on_rebel() -> None:
    base = zoo_base("qwen3_5", Overrides(npu="RBLN-CR13", devices=1))
    old, new = (
        config_of(emit_for(version, "qwen3_5", base=base))
        for version in ("0.11.2", "0.12.0")
    )
    assert old["gdn_chunk_size"] == 128
    assert "gdn_chunk_size" not in new
    assert "gdn_chunk_size" not in config_of(emit_for("0.11.2", "qwen3_5"))


def test_the_npu_of_the_top_level_is_the_vits_as_well() -> None:
    base = given_base({"npu": "RBLN-CA25"}, family="qwen3_vl", source="x.json")
    assert config_of(emit_for("0.10.4", base=base))["visual"]["npu"] == "RBLN-CA25"


def decoder_for(batch_size: int, family: str = "qwen3_vl") -> Decoder:
    return decide_pattern(batch_size, family, RBLN).decoder


def test_decoder_batch_sizes_decide_the_batch_size() -> None:
    plan = replace(make_plan(), decoder=decoder_for(8))
    files = emit_for("0.12.0", plan=plan)
    assert config_of(files)["decoder_batch_sizes"] == [1, 4, 8]
    assert config_of(files)["batch_size"] == 8
    assert "--max-num-seqs 8" in of_kind(files, ".sh")
    assert "decoder_batch_sizes" not in config_of(emit_for("0.12.0"))


def test_the_compile_script_says_who_uses_the_smaller_decoder_graphs() -> None:
    plan = replace(make_plan(), decoder=decoder_for(8))
    text = of_kind(emit_for("0.12.0", plan=plan), ".py", "compile")
    assert "only vllm-rbln runs the smallest graph" in text


@pytest.mark.parametrize("sizes", [(), (0, 8), (8, 4), (8, 8), (1, 4)])
def test_batch_sizes_that_do_not_ascend_to_the_batch_are_refused(
    sizes: tuple[int, ...],
) -> None:
    with pytest.raises(ConfigError, match="sizes that ascend"):
        replace(decoder_for(8), decoder_batch_sizes=sizes)


def test_a_family_without_a_class_is_refused() -> None:
    plan = make_plan()
    odd = replace(plan, model=replace(plan.model, family="llava"))
    with pytest.raises(ConfigError, match="llava"):
        emit_for("0.12.0", plan=odd)


HOSTILE = (
    "a\"; import os; os.system('true')  # ",
    'x"""\nimport os\n"""',
    "x\n$(touch owned)\n`touch owned`",
    "x'; touch owned; '",
    "x\rimport os",
    "x\u2028y\x85z\x00{folder}\\",
    "--help",
)


@pytest.mark.parametrize("hostile", HOSTILE)
def test_hostile_names_stay_data(hostile: str, tmp_path: Any) -> None:
    base = given_base(
        {"visual": {hostile: hostile}, hostile: {hostile: [hostile]}},
        family="qwen3_vl",
        source=hostile,
        notes=(hostile,),
    )
    plain = emit_for("0.12.0", base=base)
    plan = make_plan(hf_id=hostile, name=hostile)
    files = emit_for("0.12.0", base=base, plan=plan)
    for start in ("compile", "load"):
        tree = ast.parse(of_kind(files, ".py", start))
        shape = [type(node) for node in ast.walk(tree)]
        assert shape == [
            type(node) for node in ast.walk(ast.parse(of_kind(plain, ".py", start)))
        ]
    constants = constants_of(of_kind(files, ".py", "compile"))
    assert constants["MODEL_ID"] == hostile
    assert constants["RBLN_CONFIG"] == config_of(files)
    script = of_kind(files, ".sh")
    assert_shell_parses(script)
    words = run_serve(script, tmp_path / "run")
    name = hostile.replace("\0", "")
    if name.startswith("-"):
        assert f"--served-model-name={name}" in words
    else:
        assert words[words.index("--served-model-name") + 1] == name
    assert not list(tmp_path.rglob("owned"))


def test_a_hostile_model_name_makes_a_plain_folder_name() -> None:
    plan = make_plan(name="../../etc/$(x) y")
    folder = constants_of(of_kind(emit_for("0.12.0", plan=plan), ".py", "load"))[
        "FOLDER"
    ]
    assert folder == "compiled-etc-x-y.optimum-0.12.0"


def plan_with_video(family: str, low: int, high: int) -> Plan:
    plan = make_plan(family)
    processor = replace(
        plan.visual.processor, video_min_pixels=low, video_max_pixels=high
    )
    return replace(plan, visual=replace(plan.visual, processor=processor))


@pytest.mark.parametrize("family", ["qwen3_vl", "qwen3_vl_moe", "qwen3_5"])
def test_whole_clip_limits_that_the_plan_leaves_stay_the_checkpoints(
    family: str,
) -> None:
    for start in ("compile", "load"):
        script = of_kind(emit_for("0.12.0", family), ".py", start)
        assert "video_processor" not in script
        assert "VIDEO_MAX_PIXELS" not in constants_of(script)


def test_a_traffic_with_clips_is_served_with_clips(tmp_path: Any) -> None:
    plan = make_plan("qwen3_vl")
    plan = replace(plan, traffic=replace(plan.traffic, clips=3.0))
    words = run_serve(
        of_kind(emit_for("0.12.0", "qwen3_vl", plan=plan), ".sh"), tmp_path
    )
    assert "--limit-mm-per-prompt" not in words


@pytest.mark.parametrize("family", MODELS)
def test_video_limits_of_the_plan_are_saved(family: str) -> None:
    plan = plan_with_video(family, 1_000, 2_000)
    script = of_kind(emit_for("0.12.0", family, plan=plan), ".py", "compile")
    if not generates(family):
        # Its processor takes no clips, and has nothing to set limits on.
        assert "video" not in script.lower()
        return
    assert constants_of(script)["VIDEO_MIN_PIXELS"] == 1_000
    assert constants_of(script)["VIDEO_MAX_PIXELS"] == 2_000
    # Qwen3VLVideoProcessor ignores min_pixels and max_pixels.
    assert ("video.min_pixels" in script) == (not family.startswith("qwen3"))


def test_text_is_the_same_every_time() -> None:
    assert emit_for("0.12.0") == emit_for("0.12.0")


@pytest.mark.parametrize(
    "value", [None, True, -1, 1.5, "é'\"\n", [], [1, {"a": "b"}], {}, {"a": {"b": [1]}}]
)
def test_a_literal_reads_back_as_the_value(value: Any) -> None:
    assert ast.literal_eval(python_literal(value)) == value


def test_one_line_ends_no_comment() -> None:
    assert one_line("a\nb\r\x0c\u2028c\x00\ud800") == "a b c"


def test_the_load_script_gives_one_device_to_a_vit_that_a_release_does_not_split(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import importlib.metadata

    text = emit_for("0.10.3", "qwen3_vl")["optimum-rbln-0.10.3/load.py"]
    ahead = text[text.index("from importlib") : text.index("def set_limits")]
    ahead = "\n".join(
        line for line in ahead.splitlines() if not line.startswith(("from o", "from t"))
    )
    for release, n_devices in (("0.10.2", 1), ("0.10.3", 8)):
        monkeypatch.setattr(importlib.metadata, "version", lambda _, it=release: it)
        names: dict[str, Any] = {}
        exec(ahead, names)  # noqa: S102 - our own text
        assert len(names["DEVICES"]["visual"]["device"]) == n_devices
        assert len(names["DEVICES"]["device"]) == 8
    assert (
        "importlib" not in emit_for("0.12.0", "qwen3_vl")["optimum-rbln-0.12.0/load.py"]
    )
    assert (
        "importlib" not in emit_for("0.10.3", "qwen2_vl")["optimum-rbln-0.10.3/load.py"]
    )
