"""Every emitted configuration is taken by the real classes, and means what the plan says."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conformance.emitted import Emitted, constants_of, emitted_for
from tests.conformance.resolution import resolve
from tests.conformance.sdk import RELEASE, devices_of, lengths_of
from tests.conformance.towers import trace_tower

EMITTED = emitted_for(RELEASE)
MERGED = [each for each in EMITTED if each.merged]

each_emitted = pytest.mark.parametrize("emitted", EMITTED, ids=lambda each: each.name)


@each_emitted
def test_the_compile_script_holds_the_configuration(emitted: Emitted) -> None:
    assert constants_of(emitted.compile_script)["RBLN_CONFIG"] == emitted.config


@pytest.mark.parametrize("emitted", MERGED, ids=lambda each: each.name)
def test_lengths_in_merged_patches_can_be_traced_too(
    emitted: Emitted, checkpoints: dict[str, Path]
) -> None:
    settings = resolve(emitted.family_name, emitted.config).visual
    trace_tower(emitted.family_name, checkpoints[emitted.family_name], settings)


@each_emitted
def test_the_lengths_are_the_plans(emitted: Emitted) -> None:
    resolved = resolve(emitted.family_name, emitted.config)
    assert lengths_of(resolved.visual) == emitted.lengths
    compiled = resolved.visual.compile_cfgs[0].input_info
    assert sorted(info[0][1][0] for info in compiled) == emitted.lengths


@each_emitted
def test_the_decoder_graphs_are_the_plans_largest_first(emitted: Emitted) -> None:
    resolved, decoder = (
        resolve(emitted.family_name, emitted.config),
        emitted.plan["decoder"],
    )
    batch_size = decoder["batch_size"] if decoder else emitted.config["batch_size"]
    if not emitted.family.generates:
        assert resolved.batch_size == batch_size
        assert resolved.decoder_batch_sizes is None
        [prefill] = resolved.compile_cfgs
        assert prefill.compiled_model_name == "prefill"
        return
    given = decoder or emitted.config
    sizes = given.get("decoder_batch_sizes", [batch_size])
    assert resolved.batch_size == batch_size
    assert resolved.decoder_batch_sizes == sorted(sizes, reverse=True)
    assert [compiled.compiled_model_name for compiled in resolved.compile_cfgs] == [
        "prefill",
        *(f"decoder_batch_{size}" for size in sorted(sizes, reverse=True)),
    ]


@each_emitted
def test_devices_and_cache_are_as_written(emitted: Emitted) -> None:
    config = emitted.level
    resolved = resolve(emitted.family_name, emitted.config)
    key = "tensor_parallel_size" if "tensor_parallel_size" in config else "num_devices"
    assert devices_of(resolved) == config[key]
    assert devices_of(resolved.visual) == config["visual"][key]
    partition = config.get("kvcache_partition_len")
    assert resolved.attn_impl == ("eager" if partition is None else "flash_attn")
    assert resolved.kvcache_block_size == (partition or config["max_seq_len"])
    blocks = config.get("kvcache_num_blocks")
    if blocks is not None:
        assert resolved.kvcache_num_blocks == blocks
    for key in ("max_seq_len", "npu", "prefill_chunk_size", "timeout"):
        if key in config:
            assert getattr(resolved, key) == config[key]


@each_emitted
def test_neither_level_makes_runtimes_unless_the_base_did(emitted: Emitted) -> None:
    config = emitted.level
    resolved = resolve(emitted.family_name, emitted.config)
    assert resolved.create_runtimes is config["create_runtimes"]
    assert resolved.visual.create_runtimes is config["visual"]["create_runtimes"]
