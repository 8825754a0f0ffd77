from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from bucketwise.engines.rbln.base_config import (
    BaseConfig,
    Overrides,
    given_base,
    on_release,
    zoo_base,
)
from bucketwise.engines.rbln.model_classes import MODEL_CLASSES, model_class
from bucketwise.engines.rbln.targets import TARGETS
from bucketwise.errors import ConfigError
from bucketwise.read.configs.profiles import built_in_profiles


def given(config: dict[str, Any], **options: Any) -> BaseConfig:
    return given_base(config, source="base.json", **({"family": "qwen3_vl"} | options))


def statuses(base: BaseConfig) -> dict[str, str]:
    return {name: status for name, _, status, _ in base.assumptions()}


def test_every_model_with_a_known_tower_has_a_class_but_one_no_release_compiles() -> (
    None
):
    families = {each.family for each in built_in_profiles().values() if each.vit}
    assert families - set(MODEL_CLASSES) == {"qwen3_5_moe"}
    for family in MODEL_CLASSES:
        assert model_class(family).name.startswith("RBLN")


def test_an_unknown_family_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ConfigError, match=r"expected one of qwen2_vl, .*, got 'llava'"):
        zoo_base("llava")


def test_the_published_values_are_all_marked_assumed() -> None:
    base = zoo_base()
    assert base.mapping == {
        "visual": {"num_devices": 8, "create_runtimes": False},
        "num_devices": 8,
        "kvcache_partition_len": 16_384,
        "max_seq_len": 262_144,
        "batch_size": 1,
        "create_runtimes": False,
    }
    assert set(statuses(base).values()) == {"assumed"}
    assert len(base.assumed()) == len(base.values) == 7


@pytest.mark.parametrize(
    ("family", "max_seq_len", "partition", "visual_devices"),
    [
        ("qwen2_vl", 32_768, None, 1),
        ("qwen2_5_vl", 114_688, 16_384, 1),
        ("qwen3_vl", 262_144, 16_384, 8),
        ("qwen3_vl_moe", 262_144, 16_384, 8),
        ("qwen3_5", 262_144, 16_384, 8),
    ],
)
def test_each_family_has_its_own_published_context(
    family: str, max_seq_len: int, partition: int | None, visual_devices: int
) -> None:
    config = zoo_base(family).mapping
    assert config["max_seq_len"] == max_seq_len
    assert config.get("kvcache_partition_len") == partition
    assert config["visual"]["num_devices"] == visual_devices


@pytest.mark.parametrize("family", MODEL_CLASSES)
def test_overrides_are_marked_given(family: str) -> None:
    base = zoo_base(
        family,
        Overrides(
            devices=4,
            max_seq_len=65_536,
            kvcache_partition_len=8_192,
            npu="RBLN-CA25",
            batch_size=2,
        ),
    )
    config, found = base.mapping, statuses(base)
    assert config["max_seq_len"] == 65_536
    assert config["batch_size"] == 2
    assert config["npu"] == config["visual"]["npu"] == "RBLN-CA25"
    assert config["num_devices"] == 4
    for name in ("num_devices", "max_seq_len", "kvcache_partition_len", "visual.npu"):
        assert found[name] == "measured"
    splits = MODEL_CLASSES[family].visual_splits_since is not None
    assert config["visual"]["num_devices"] == (4 if splits else 1)
    assert found["visual.num_devices"] == ("measured" if splits else "derived")


def test_the_mapping_is_a_fresh_copy() -> None:
    base = zoo_base()
    base.mapping["visual"]["num_devices"] = 99
    assert base.mapping["visual"]["num_devices"] == 8
    with pytest.raises(dataclasses.FrozenInstanceError):
        base.text = "{}"  # type: ignore[misc]


@pytest.mark.parametrize("key", ["tensor_parallel_size", "num_devices"])
def test_old_and_new_names_of_devices_mean_the_same(key: str) -> None:
    base = given({"visual": {key: 2}, key: 4})
    assert base.mapping["num_devices"] == 4
    assert base.mapping["visual"]["num_devices"] == 2
    assert "tensor_parallel_size" not in base.text


def test_the_newer_name_wins_where_both_are_given() -> None:
    base = given({"num_devices": 4, "tensor_parallel_size": 8})
    assert base.mapping["num_devices"] == 4


def test_visual_inherits_devices_only_under_the_newer_name() -> None:
    assert given({"num_devices": 4}).mapping["visual"]["num_devices"] == 4
    old = given({"tensor_parallel_size": 4})
    assert old.mapping["visual"]["num_devices"] == 1
    assert statuses(old)["visual.num_devices"] == "assumed"


def test_a_base_without_devices_gets_the_sdks_default() -> None:
    base = given({})
    assert base.mapping["num_devices"] == base.mapping["visual"]["num_devices"] == 1
    assert statuses(base)["num_devices"] == "assumed"


def test_lengths_of_the_base_are_left_out_and_the_rest_is_kept() -> None:
    base = given({"visual": {"max_seq_lens": [1], "max_seq_len": 2, "x": 3}, "y": [4]})
    assert base.mapping["visual"]["x"] == 3
    assert base.mapping["y"] == [4]
    assert not {"max_seq_len", "max_seq_lens"} & set(base.mapping["visual"])
    assert statuses(base)["visual.x"] == statuses(base)["y"] == "measured"


@pytest.mark.parametrize("asked", [True, False])
def test_runtimes_asked_for_at_the_top_are_asked_for_of_the_vit(asked: bool) -> None:
    base = given({"create_runtimes": asked})
    assert base.mapping["create_runtimes"] is asked
    assert base.mapping["visual"]["create_runtimes"] is asked
    assert statuses(base)["visual.create_runtimes"] == "measured"


def test_each_level_keeps_what_it_says_of_runtimes() -> None:
    apart = given({"create_runtimes": True, "visual": {"create_runtimes": False}})
    assert apart.mapping["create_runtimes"] is True
    assert apart.mapping["visual"]["create_runtimes"] is False
    visual_alone = given({"visual": {"create_runtimes": True}})
    assert visual_alone.mapping["create_runtimes"] is False
    assert visual_alone.mapping["visual"]["create_runtimes"] is True


def test_the_vit_takes_as_many_of_the_named_devices_as_it_runs_on() -> None:
    base = given({"num_devices": 4, "device": [4, 5, 6, 7]})
    assert base.mapping["visual"]["device"] == [4, 5, 6, 7]
    one = given({"num_devices": 4, "device": [4, 5, 6, 7]}, family="qwen2_vl")
    assert one.mapping["visual"]["device"] == [4]
    more = given({"num_devices": 2, "device": [4, 5], "visual": {"num_devices": 4}})
    assert "device" not in more.mapping["visual"]


def test_a_list_of_devices_goes_where_another_number_is_asked_for() -> None:
    config = {"num_devices": 2, "device": [4, 5], "visual": {"device": [6]}}
    kept = given(config, overrides=Overrides(devices=2)).mapping
    assert kept["device"] == kept["visual"]["device"] == [4, 5]
    base = given(config, overrides=Overrides(devices=4))
    assert "device" not in base.mapping
    assert "device" not in base.mapping["visual"]
    assert base.notes[0] == "device [4, 5] left out: 4 devices are asked for"
    unsplit = given(config, family="qwen2_vl", overrides=Overrides(devices=4)).mapping
    assert unsplit["visual"]["device"] == [6]


def test_a_release_that_does_not_split_the_vit_runs_it_on_its_first_device() -> None:
    visual = {"num_devices": 2, "device": [8, 9]}
    base = given({"visual": visual, "num_devices": 2, "device": [0, 1]})
    kind = model_class("qwen3_vl")
    assert on_release(base, kind, (0, 10, 3)) == base
    older = on_release(base, kind, (0, 10, 2))
    assert older.mapping["visual"]["num_devices"] == 1
    assert older.mapping["visual"]["device"] == [8]
    assert older.mapping["device"] == [0, 1]
    assert statuses(older)["visual.num_devices"] == "derived"
    [note] = older.notes
    assert note.startswith(
        "visual.tensor_parallel_size 2 became 1: optimum-rbln 0.10.2"
    )
    assert on_release(older, kind, (0, 10, 2)) == older


def test_a_vit_that_cannot_be_split_is_put_on_one_device_with_a_note() -> None:
    base = given({"visual": {"num_devices": 8}, "num_devices": 8}, family="qwen2_vl")
    assert base.mapping["visual"]["num_devices"] == 1
    assert base.mapping["num_devices"] == 8
    assert "8 became 1" in base.notes[0]


def test_values_that_fitted_what_is_overridden_are_left_out() -> None:
    base = given(
        {
            "kvcache_block_size": 16_384,
            "kvcache_partition_len": 16_384,
            "max_seq_len": 32_768,
            "decoder_batch_sizes": [1],
        },
        overrides=Overrides(kvcache_partition_len=8_192, batch_size=8),
    )
    assert "kvcache_block_size" not in base.mapping
    assert "decoder_batch_sizes" not in base.mapping
    assert len(base.notes) == 2


def test_decoder_graphs_of_the_same_batch_stay() -> None:
    base = given({"decoder_batch_sizes": [8]}, overrides=Overrides(batch_size=8))
    assert base.mapping["decoder_batch_sizes"] == [8]
    assert base.notes == ()


@pytest.mark.parametrize(
    ("config", "words"),
    [
        (
            {"max_seq_len": 40_000, "kvcache_partition_len": 16_384},
            "a multiple of kvcache",
        ),
        ({"max_seq_len": 16_384, "kvcache_partition_len": 16_384}, "at least twice"),
        ({"max_seq_len": 1_024, "kvcache_partition_len": 512}, "1024 to 32768"),
        ({"max_seq_len": 131_072, "kvcache_partition_len": 65_536}, "1024 to 32768"),
        ({"max_seq_len": 32_769}, "at most 32768"),
        ({"npu": "RBLN-CR13", "max_seq_len": 32_768}, "at most 16384"),
        (
            {
                "npu": "RBLN-CR13",
                "max_seq_len": 65_536,
                "kvcache_partition_len": 32_768,
            },
            "1024 to 16384",
        ),
        (
            {"npu": "H100"},
            "npu: expected a name such as RBLN-CA25 or RBLN-CR13, got 'H100'",
        ),
        ({"npu": 25}, "RBLN-CR13, got 25"),
        ({"attn_impl": "sdpa"}, "attn_impl: expected eager or flash_attn, got 'sdpa'"),
        (
            {
                "max_seq_len": 32_768,
                "kvcache_partition_len": 16_384,
                "kvcache_block_size": 4_096,
            },
            "kvcache_block_size: expected 16384 here, got 4096",
        ),
        (
            {"max_seq_len": 8_192, "kvcache_block_size": 64},
            "expected 8192 here, got 64",
        ),
        ({"batch_size": 0}, "batch_size: expected a whole number from 1 up, got 0"),
        ({"batch_size": True}, "from 1 up, got True"),
        ({"num_devices": "8"}, "from 1 up, got '8'"),
        ({"visual": {"num_devices": -1}}, "from 1 up, got -1"),
        ({"visual": [1]}, "visual: expected an object"),
        (
            {"vlm": {"visual": {}}},
            "vlm: expected a configuration with visual at its top",
        ),
    ],
)
def test_what_the_sdk_refuses_is_refused_at_birth(
    config: dict[str, Any], words: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        given(config)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    "config",
    [
        {"max_seq_len": 32_768},
        {"attn_impl": "flash_attn", "max_seq_len": 262_144},
        {"kvcache_partition_len": 1_024, "max_seq_len": 2_048},
        {"kvcache_partition_len": 16_384},
        {"npu": "RBLN-CR13", "max_seq_len": 16_384, "kvcache_block_size": 16_384},
        {"npu": None, "batch_size": None},
    ],
)
def test_what_some_release_takes_is_taken(config: dict[str, Any]) -> None:
    assert given(config).mapping.items() >= config.items()


def test_all_faults_are_told_at_once() -> None:
    with pytest.raises(ConfigError) as caught:
        zoo_base(overrides=Overrides(devices=0, batch_size=-1, max_seq_len=0))
    assert len(caught.value.problems) == 4


@pytest.mark.parametrize("target", TARGETS.values(), ids=lambda target: target.version)
def test_each_dialect_says_how_its_server_learns_of_devices(target: Any) -> None:
    assert bool(target.devices_env) == (target.version != "0.12.0")
    assert target.vllm_rbln.startswith(target.version)
