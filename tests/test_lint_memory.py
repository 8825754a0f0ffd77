"""What the rules about memory say: the vendor's symptoms, release by release."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bucketwise.engines.rbln.keys import BUCKETS, DEVICES, right_name
from bucketwise.engines.rbln.releases import NEWEST, RELEASES, Version
from bucketwise.engines.rbln.rules import blocks, memory
from bucketwise.engines.rbln.rules.case import RblnCase
from bucketwise.engines.rbln.rules.layout import layout_of
from bucketwise.lint.finding import Finding
from bucketwise.nouns.document import Document, Form, Unknown
from bucketwise.read.configs.profiles import built_in_profiles

MODELS = built_in_profiles()
RULES = (
    blocks.too_few_blocks,
    blocks.too_many_blocks,
    blocks.fewer_blocks_than_batch,
    blocks.pool_below_batch_and_context,
    blocks.budget_beside_blocks,
    blocks.wrong_budget,
    memory.blocks_beyond_memory,
    memory.cache_below_context,
    memory.shared_devices_overfull,
    memory.compile_loads_what_does_not_fit,
    memory.vit_inputs_too_large,
)
ZOO: dict[str, Any] = {
    "visual": {"max_seq_len": [1024, 4096, 16384], "num_devices": 8},
    "num_devices": 8,
    "kvcache_partition_len": 16_384,
    "max_seq_len": 262_144,
    "batch_size": 1,
}
"""RBLN Model Zoo, qwen3-vl-2b, in the words of 0.12.0."""


def subject_of(
    config: Mapping[str, Any],
    version: Version = NEWEST,
    *,
    model: str | None = "qwen3-vl-2b",
    npu: str | None = "RBLN-CA25",
    form: Form = "compile",
) -> RblnCase:
    profile = MODELS[model] if model else None
    return RblnCase(
        document=Document(config=config, form=form, source="config.json", places={}),
        version=version,
        profile=profile,
        family=profile.family if profile else "",
        npu=npu,
    )


def found_in(subject: RblnCase) -> dict[str, Finding]:
    return {rule.__name__: finding for rule in RULES for finding in rule(subject)}


def said_of(version: Version = NEWEST, **changes: Any) -> dict[str, Finding]:
    return found_in(subject_of(worded(ZOO | changes, version), version))


def worded(config: Mapping[str, Any], version: Version) -> dict[str, Any]:
    """Return a configuration in the words of a release."""
    devices = right_name(DEVICES, "top", version, "")
    lengths = right_name(BUCKETS, "visual", version, "")
    visual = {
        {"num_devices": devices, "max_seq_len": lengths}.get(key, key): value
        for key, value in config["visual"].items()
    }
    top = {devices if key == DEVICES else key: value for key, value in config.items()}
    return top | {"visual": visual}


@pytest.mark.parametrize("version", RELEASES)
def test_the_published_configuration_has_nothing_to_say_against_it(
    version: Version,
) -> None:
    assert said_of(version) == {}


def test_batch_8_fills_the_shared_devices_and_the_vit_finds_no_room() -> None:
    found = said_of(batch_size=8)
    assert set(found) == {
        "shared_devices_overfull",
        "compile_loads_what_does_not_fit",
        "pool_below_batch_and_context",
    }
    overfull = found["shared_devices_overfull"]
    assert overfull.severity == "warning"
    assert "sized as if the ViT were not there" in overfull.why
    assert "[8, 9, 10, 11, 12, 13, 14, 15]" in overfull.right
    assert found["pool_below_batch_and_context"].severity == "info"


@pytest.mark.parametrize(
    ("version", "visual", "paths"),
    [
        ((0, 12, 0), {}, [("create_runtimes",)]),
        ((0, 11, 1), {"create_runtimes": True}, None),
        ((0, 10, 4), {}, [("create_runtimes",), ("visual", "create_runtimes")]),
    ],
)
def test_a_compile_that_loads_too_much_is_told_to_create_no_runtimes(
    version: Version, visual: dict[str, Any], paths: list[tuple[str, ...]] | None
) -> None:
    config = {"batch_size": 8, "visual": ZOO["visual"] | visual}
    found = said_of(version, **config)["compile_loads_what_does_not_fit"]
    expected = paths or [("create_runtimes",), ("visual", "create_runtimes")]
    assert [fix.path for fix in found.fixes] == expected
    off = {
        "create_runtimes": False,
        "visual": ZOO["visual"] | {"create_runtimes": False},
    }
    assert "compile_loads_what_does_not_fit" not in said_of(
        version, batch_size=8, **off
    )


def test_devices_of_its_own_give_the_vit_room() -> None:
    apart = ZOO["visual"] | {"device": list(range(8, 16))}
    found = said_of(batch_size=8, visual=apart, device=list(range(8)))
    assert set(found) == {"pool_below_batch_and_context"}


def test_the_guides_128_blocks_cannot_fit() -> None:
    apart = ZOO["visual"] | {"device": list(range(8, 16))}
    found = said_of(batch_size=8, kvcache_num_blocks=128, visual=apart)
    beyond = found["blocks_beyond_memory"]
    assert beyond.severity == "error"
    assert "28.0 GiB on each device, which has 15.7 GiB" in beyond.found
    assert "kvcache_num_blocks" in beyond.right
    close = said_of(batch_size=8, kvcache_num_blocks=69, visual=apart)
    assert close["blocks_beyond_memory"].severity == "warning"
    assert "blocks_beyond_memory" not in said_of(
        batch_size=8, kvcache_num_blocks=60, visual=apart
    )


@pytest.mark.parametrize(
    ("version", "message"),
    [
        ((0, 10, 4), "ValueError: Memory is not enough for full sequence length"),
        ((0, 11, 0), "ValueError: Memory is not enough for full sequence length"),
        ((0, 11, 1), "ValueError: Insufficient memory for the required KV cache"),
        ((0, 12, 0), "ValueError: Insufficient memory for the required KV cache"),
    ],
)
def test_a_context_that_no_cache_can_hold_raises_in_the_words_of_the_release(
    version: Version, message: str
) -> None:
    config = worded(ZOO | {"batch_size": 8}, version)
    found = found_in(subject_of(config, version, model="qwen3-vl-32b"))
    short = found["cache_below_context"]
    assert short.severity == "error"
    assert short.raises == message
    assert "17 blocks of 512 MiB" in short.found
    assert "shared_devices_overfull" not in found


def test_a_context_that_lacks_room_by_estimate_is_a_warning() -> None:
    config = ZOO | {"max_seq_len": 16_384 * 15, "batch_size": 2}
    found = found_in(subject_of(config, model="qwen3-vl-32b"))
    short = found["cache_below_context"]
    assert short.severity == "warning"
    assert short.raises == ""


def test_masks_beyond_a_fourth_of_a_device_are_too_large() -> None:
    visual = ZOO["visual"] | {"max_seq_len": [16_384, 65_536]}
    found = said_of(visual=visual)
    assert "65536" in found["vit_inputs_too_large"].found
    assert found["vit_inputs_too_large"].severity == "warning"
    alone = {"max_seq_len": 98_304, "device": [8], "num_devices": 1}
    certain = said_of(visual=alone)["vit_inputs_too_large"]
    assert certain.severity == "error"


@pytest.mark.parametrize(
    ("version", "given_blocks", "batch", "length", "fix"),
    [
        ((0, 12, 0), 16, 8, 262_144, None),
        ((0, 10, 4), 16, 8, 262_144, None),
        ((0, 12, 0), 15, 1, 262_144, 16),
        ((0, 12, 0), 3, 16, 32_768, None),
        ((0, 12, 0), -1, 1, 262_144, 16),
    ],
)
def test_too_few_blocks_raise_and_batch_1_has_one_right_number(
    version: Version, given_blocks: int, batch: int, length: int, fix: int | None
) -> None:
    found = said_of(
        version,
        kvcache_num_blocks=given_blocks,
        batch_size=batch,
        max_seq_len=length,
    )["too_few_blocks"]
    assert found.severity == "error"
    assert found.raises.endswith(f"`kvcache_num_blocks` ({given_blocks})")
    assert [each.value for each in found.fixes] == ([fix] if fix else [])


def test_the_guides_lower_bound_is_above_its_upper_one_for_batch_1() -> None:
    found = said_of(kvcache_num_blocks=17)
    assert set(found) == {"too_many_blocks"}
    assert found["too_many_blocks"].fixes[0].value == 16
    assert said_of(kvcache_num_blocks=16) == {}


def test_a_pool_smaller_than_the_batch_compiles_up_to_0_11_0_and_fails_later() -> None:
    config = {"kvcache_num_blocks": 3, "batch_size": 16, "max_seq_len": 32_768}
    old = said_of((0, 11, 0), **config)
    assert old["fewer_blocks_than_batch"].severity == "warning"
    assert old["fewer_blocks_than_batch"].right == "17 to 32"
    assert "too_few_blocks" not in old
    new = said_of((0, 11, 1), **config)
    assert "fewer_blocks_than_batch" not in new
    assert "17 to 32" in new["too_few_blocks"].right


def test_without_flash_attention_no_release_counts_blocks() -> None:
    config: dict[str, Any] = {
        "kvcache_num_blocks": 2,
        "batch_size": 4,
        "max_seq_len": 16_384,
        "kvcache_partition_len": None,
    }
    found = said_of(**config)
    assert set(found) == {"fewer_blocks_than_batch"}
    assert (
        "max_seq_len"
        in said_of(batch_size=64, max_seq_len=32_768, kvcache_partition_len=None)[
            "blocks_beyond_memory"
        ].path
    )


def test_a_budget_beside_blocks_is_one_too_many() -> None:
    found = said_of(kvcache_num_blocks=16, memory_budget=0.8)["budget_beside_blocks"]
    assert found.raises == "ValueError: `memory_budget`"
    old = said_of((0, 11, 0), kvcache_num_blocks=16, memory_budget=0.8)
    assert "budget_beside_blocks" not in old


@pytest.mark.parametrize("value", ["0.8", 1.5, 0.0, "10G", [0.8], True, "20GB"])
def test_a_budget_in_another_form_raises_after_the_compile(value: object) -> None:
    found = said_of(memory_budget=value)["wrong_budget"]
    assert found.severity == "error"
    assert found.raises.startswith("ValueError")


def test_a_budget_of_one_is_a_byte() -> None:
    found = said_of(memory_budget=1)["wrong_budget"]
    assert found.fixes[0].value == 1.0
    assert "one byte" in found.found


def test_a_budget_needs_flash_attention() -> None:
    found = said_of(memory_budget=0.8, kvcache_partition_len=None, max_seq_len=16_384)[
        "wrong_budget"
    ]
    assert found.severity == "warning"
    assert found.fixes[0].action == "remove"


def test_a_budget_that_another_npu_could_hold_passes_where_none_is_named() -> None:
    subject = subject_of(ZOO | {"memory_budget": "20GB"}, npu=None)
    assert "wrong_budget" not in found_in(subject)


def test_a_smaller_budget_leaves_the_vit_room() -> None:
    found = said_of(batch_size=8, memory_budget=0.8)
    assert set(found) == {"pool_below_batch_and_context"}


def test_an_unnamed_npu_turns_errors_into_warnings_where_it_could_be_another() -> None:
    one = {
        "visual": {"max_seq_len": [4096], "num_devices": 1},
        "num_devices": 1,
        "batch_size": 4,
        "kvcache_num_blocks": 64,
        "max_seq_len": 262_144,
    }
    known, unnamed = (
        found_in(subject_of(ZOO | one, npu=npu))["blocks_beyond_memory"].severity
        for npu in ("RBLN-CA25", None)
    )
    assert (known, unnamed) == ("error", "warning")


def test_a_compiled_folder_keeps_its_devices_with_its_graphs() -> None:
    config = {
        "visual": {
            "cls_name": "RBLNQwen3VLVisionModelConfig",
            "max_seq_len": [1024, 4096, 16384],
            "_compile_cfgs": [{"num_devices": 8}],
        },
        "_compile_cfgs": [{"num_devices": 8}, {"num_devices": 8}],
        "kvcache_partition_len": 16_384,
        "kvcache_num_blocks": 66,
        "max_seq_len": 262_144,
        "batch_size": 8,
        "decoder_batch_sizes": [8],
    }
    subject = subject_of(config, form="compiled")
    layout = layout_of(subject)
    assert layout is not None
    assert (layout.devices, layout.visual_devices) == (8, 8)
    found = found_in(subject)
    assert found["shared_devices_overfull"].severity == "warning"
    assert "compile_loads_what_does_not_fit" not in found


@pytest.mark.parametrize(
    ("model", "version", "visual_devices"),
    [
        ("qwen2.5-vl-7b", (0, 12, 0), 1),
        ("qwen3-vl-2b", (0, 10, 2), 1),
        ("qwen3-vl-2b", (0, 10, 3), 8),
    ],
)
def test_a_vit_that_is_not_split_stands_on_one_device(
    model: str, version: Version, visual_devices: int
) -> None:
    layout = layout_of(subject_of(worded(ZOO, version), version, model=model))
    assert layout is not None
    assert layout.visual_devices == visual_devices
    named = ZOO | {"visual": ZOO["visual"] | {"cls_name": "named"}}
    layout = layout_of(subject_of(worded(named, version), version, model=model))
    assert layout is not None
    assert layout.visual_devices == 8


def test_quantized_weights_are_counted_by_their_bits() -> None:
    layout = layout_of(subject_of(ZOO | {"quantization": {"weights": "int4"}}))
    assert layout is not None
    assert layout.weight_bits == 4


def test_visual_inherits_devices_from_0_11_1_on() -> None:
    config = {
        "visual": {"max_seq_len": [4096]},
        "device": [4, 5],
        "num_devices": 2,
        "max_seq_len": 32_768,
        "kvcache_partition_len": 16_384,
    }
    new, old = (
        layout_of(subject_of(worded(config, version), version))
        for version in ((0, 11, 1), (0, 11, 0))
    )
    assert new is not None
    assert old is not None
    assert new.vit_ids == (4, 5)
    assert old.vit_ids == (0,)


def test_flash_attention_without_a_partition_takes_the_npus_own() -> None:
    config = ZOO | {"kvcache_partition_len": None, "attn_impl": "flash_attn"}
    blocks_of = {
        npu: getattr(layout_of(subject_of(config, npu=npu)), "block", None)
        for npu in ("RBLN-CA25", "RBLN-CR13")
    }
    assert blocks_of == {"RBLN-CA25": 16_384, "RBLN-CR13": 8_192}


def test_one_rebel_for_both_at_batch_8_is_a_warning() -> None:
    one = {
        "visual": {"max_seq_len": [1024, 4096, 16384], "num_devices": 1},
        "num_devices": 1,
        "kvcache_partition_len": 8_192,
        "batch_size": 8,
    }
    found = found_in(subject_of(ZOO | one, npu="RBLN-CR13"))
    assert found["shared_devices_overfull"].severity == "warning"
    assert "visual.device [1]" in found["shared_devices_overfull"].right


def test_one_device_filled_for_certain_is_an_error() -> None:
    one = {
        "visual": {"max_seq_len": [16384], "num_devices": 1},
        "num_devices": 1,
        "kvcache_partition_len": 4_096,
        "max_seq_len": 65_536,
        "batch_size": 4,
    }
    found = found_in(subject_of(ZOO | one))["shared_devices_overfull"]
    assert found.severity == "error"
    assert found.raises == "RuntimeError: Failed to create RBLN runtime"


@pytest.mark.parametrize(
    "changes",
    [
        {"batch_size": "8"},
        {"max_seq_len": 8_192},
        {"max_seq_len": None},
        {"kvcache_partition_len": Unknown("PARTITION")},
        {"attn_impl": Unknown("ATTENTION")},
        {"kvcache_num_blocks": Unknown("BLOCKS")},
        {"kvcache_num_blocks": "128"},
        {"memory_budget": Unknown("BUDGET")},
        {"num_devices": True},
        {"visual": {"max_seq_len": [1024], "num_devices": "8"}},
        {"visual": {"max_seq_len": [1024], "device": Unknown("DEVICES")}},
        {"visual": None},
        {"decoder_batch_sizes": ["8"]},
        {"decoder_batch_sizes": 8},
    ],
)
def test_values_that_say_nothing_are_passed_over(changes: dict[str, Any]) -> None:
    assert found_in(subject_of(ZOO | changes)) == {}


@pytest.mark.parametrize("form", ["serve", "load"])
def test_what_others_complete_is_not_judged(form: Form) -> None:
    assert found_in(subject_of(ZOO | {"batch_size": 8}, form=form)) == {}


def test_without_a_model_blocks_alone_are_judged() -> None:
    config = ZOO | {"batch_size": 8, "kvcache_num_blocks": 16}
    found = found_in(subject_of(config, model=None))
    assert set(found) == {"too_few_blocks"}


def test_an_unknown_language_model_leaves_memory_alone() -> None:
    subject = subject_of(ZOO | {"batch_size": 8})
    assert subject.profile is not None
    unknown = replace(subject, profile=replace(subject.profile, lm=None))
    assert found_in(unknown) == {}


values = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-2, 300_000),
    st.floats(allow_nan=False),
    st.text(max_size=5),
    st.lists(st.integers(-1, 9), max_size=4),
)


@given(
    st.dictionaries(
        st.sampled_from([*ZOO, "kvcache_num_blocks", "memory_budget", "device", "npu"]),
        values,
    ),
    st.dictionaries(st.sampled_from(["max_seq_len", "num_devices", "device"]), values),
    st.sampled_from(RELEASES),
)
def test_no_configuration_stops_the_rules(
    top: dict[str, Any], visual: dict[str, Any], version: Version
) -> None:
    config = ZOO | top | {"visual": ZOO["visual"] | visual}
    for finding in found_in(subject_of(config, version)).values():
        assert finding.found
        assert finding.why
        assert finding.right
