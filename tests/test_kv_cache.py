"""Cache blocks: published numbers, what each release asks for, and laws."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bucketwise.engines.rbln.devices import DEVICES, card_of, splits_models
from bucketwise.engines.rbln.kv_cache import (
    ALIGN_BYTES,
    budget_bytes,
    kv_bytes,
    largest_num_blocks,
    num_full,
    num_min,
)
from bucketwise.engines.rbln.releases import RELEASES, Version
from bucketwise.errors import ConfigError
from bucketwise.nouns.profile import LmShape
from bucketwise.read.configs.profiles import built_in_profiles

MIB, GIB = 2**20, 2**30
ATOM_BYTES = 16 * GIB - 288 * MIB

shapes = st.sampled_from([each.lm for each in built_in_profiles().values() if each.lm])
releases = st.sampled_from(RELEASES)
blocks_of_tokens = st.integers(10, 15).map(lambda power: 2**power)


def shape_of(name: str) -> LmShape:
    shape = built_in_profiles()[name].lm
    assert shape is not None
    return shape


@pytest.mark.parametrize(
    ("name", "block", "devices", "mib"),
    [
        ("qwen3-vl-2b", 16_384, 8, 224),
        ("qwen3-vl-2b", 16_384, 4, 448),
        ("qwen3-vl-2b", 16_384, 1, 1_792),
        ("qwen3-vl-2b", 8_192, 8, 112),
        ("qwen3-vl-2b", 8_192, 1, 896),
        ("qwen3-vl-4b", 16_384, 8, 288),
        ("qwen3-vl-4b", 16_384, 4, 576),
        ("qwen3-vl-8b", 16_384, 8, 288),
        ("qwen3-vl-32b", 16_384, 8, 512),
        ("qwen3-vl-32b", 16_384, 16, 512),
    ],
)
def test_a_block_takes_keys_and_values_of_every_layer_by_heads(
    name: str, block: int, devices: int, mib: int
) -> None:
    assert kv_bytes(shape_of(name), block, 1, devices) == mib * MIB


def test_a_hybrid_keeps_keys_and_values_of_its_full_attention_layers_alone() -> None:
    shape = shape_of("qwen3.5-27b")
    [kind] = shape.attention
    assert kind.layers < shape.layers
    per_layer = 16_384 * 256 * 2 * kind.kv_heads
    each = kv_bytes(shape, 16_384, 1, 1)
    assert each == 2 * kind.layers * per_layer


def test_the_guides_128_blocks_need_28_gib_of_a_15_7_gib_device() -> None:
    needed = kv_bytes(shape_of("qwen3-vl-2b"), 16_384, 128, 8)
    assert needed == 28 * GIB
    assert needed > ATOM_BYTES
    assert largest_num_blocks(shape_of("qwen3-vl-2b"), 16_384, 8, ATOM_BYTES, 128) == 71


@pytest.mark.parametrize(
    ("length", "block", "batch", "version", "least", "full"),
    [
        (262_144, 16_384, 8, (0, 10, 4), 17, 128),
        (262_144, 16_384, 8, (0, 12, 0), 17, 128),
        (262_144, 16_384, 1, (0, 10, 4), 16, 16),
        (262_144, 16_384, 1, (0, 12, 0), 16, 16),
        (32_768, 16_384, 16, (0, 10, 4), 3, 32),
        (32_768, 16_384, 16, (0, 11, 0), 3, 32),
        (32_768, 16_384, 16, (0, 11, 1), 17, 32),
        (32_768, 16_384, 16, (0, 12, 0), 17, 32),
    ],
)
def test_the_fewest_and_the_most_blocks_follow_the_release(
    length: int, block: int, batch: int, version: Version, least: int, full: int
) -> None:
    assert num_min(length, block, batch, version, flash=True) == least
    assert num_full(length, block, batch) == full


def test_without_flash_attention_every_sequence_takes_one_block() -> None:
    assert num_min(32_768, 32_768, 6, (0, 12, 0), flash=False) == 6
    assert num_full(32_768, 32_768, 6) == 6


@given(st.integers(2, 64), blocks_of_tokens, st.integers(1, 64), releases)
def test_the_fewest_blocks_are_never_more_than_all(
    partitions: int, block: int, batch: int, version: Version
) -> None:
    length = partitions * block
    least = num_min(length, block, batch, version, flash=True)
    assert 1 <= least <= num_full(length, block, batch)
    assert least <= num_min(length, block, batch, (0, 12, 0), flash=True)


@given(shapes, blocks_of_tokens, st.integers(1, 300), st.integers(1, 32))
def test_more_devices_and_fewer_blocks_never_take_more(
    shape: LmShape, block: int, blocks: int, devices: int
) -> None:
    n_bytes = kv_bytes(shape, block, blocks, devices)
    assert kv_bytes(shape, block, blocks, devices + 1) <= n_bytes
    assert kv_bytes(shape, block, blocks - 1, devices) <= n_bytes
    assert n_bytes % ALIGN_BYTES == 0


@given(shapes, blocks_of_tokens, st.integers(1, 16), st.integers(-GIB, 40 * GIB))
def test_the_largest_number_of_blocks_fits_and_the_next_does_not(
    shape: LmShape, block: int, devices: int, room_bytes: int
) -> None:
    blocks = largest_num_blocks(shape, block, devices, room_bytes, 500)
    assert 0 <= blocks <= 500
    if blocks:
        assert kv_bytes(shape, block, blocks, devices) <= room_bytes
    if blocks < 500:
        assert kv_bytes(shape, block, blocks + 1, devices) > room_bytes


@pytest.mark.parametrize(
    ("value", "n_bytes"),
    [
        (None, ATOM_BYTES),
        (1.0, ATOM_BYTES),
        (0.5, ATOM_BYTES // 2),
        ("80%", int(ATOM_BYTES * 0.8)),
        (" 100 % ", ATOM_BYTES),
        ("10GB", 10 * GIB),
        ("512 mb", 512 * MIB),
        ("4096", 4_096),
        (1, 1),
        (8 * GIB, 8 * GIB),
    ],
)
def test_a_budget_is_a_share_or_bytes(value: float | str | None, n_bytes: int) -> None:
    assert budget_bytes(value, ATOM_BYTES) == n_bytes


@pytest.mark.parametrize(
    "value",
    [
        0.0,
        1.5,
        -0.1,
        float("nan"),
        "0%",
        "120%",
        "x%",
        "0.8",
        "10GiB",
        "10G",
        "",
        0,
        -1,
        True,
        "16GB",
        16 * GIB,
    ],
)
def test_a_budget_the_sdk_refuses_is_named(value: float | str) -> None:
    with pytest.raises(ConfigError, match="memory_budget"):
        budget_bytes(value, ATOM_BYTES)


def test_devices_have_the_memory_the_sdk_counts() -> None:
    atom, rebel = DEVICES["RBLN-CA"].dram, DEVICES["RBLN-CR"].dram
    assert atom is not None
    assert rebel is not None
    assert atom.usable_bytes == ATOM_BYTES
    assert rebel.usable_bytes == 140 * GIB
    assert rebel.parts((0, 10, 4)) == (1, 140 * GIB)
    assert rebel.parts((0, 11, 0)) == (4, 35 * GIB)
    assert atom.parts((0, 12, 0)) == (1, ATOM_BYTES)


def test_a_card_tells_which_releases_run_it_and_whether_it_splits_models() -> None:
    old, new = card_of("RBLN-CA12"), card_of("RBLN-CR13")
    assert old is not None
    assert new is not None
    assert old.runs((0, 9, 4))
    assert not old.runs((0, 10, 2))
    assert new.runs((0, 12, 0))
    assert not new.runs((0, 11, 2))
    assert card_of("RBLN-CA99") is None
    assert card_of(None) is None
    split = ("RBLN-CA12", "RBLN-CA22", "RBLN-CA25", "RBLN-CA99", None)
    assert all(map(splits_models, split))
    assert not splits_models("RBLN-CR13")
    assert not splits_models("RBLN-CR99")
    assert not splits_models("RBLN-CA02")
