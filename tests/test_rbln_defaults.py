"""What the table says of settings that are left out; make conformance asks the SDK."""

from __future__ import annotations

from typing import Any

import pytest

from bucketwise.engines.rbln.defaults import CHECKPOINT, UNSET, Unset, in_force, unset
from bucketwise.engines.rbln.keys import standing
from bucketwise.engines.rbln.model_classes import MODEL_CLASSES
from bucketwise.engines.rbln.releases import NEWEST, RELEASES, Version

NPUS = (None, "RBLN-CA25", "RBLN-CR13")

each_row = pytest.mark.parametrize("row", UNSET, ids=lambda row: row.name)


@each_row
def test_every_row_holds_somewhere_where_its_setting_is_known(row: Unset) -> None:
    held = [
        (version, family)
        for version in RELEASES
        for family in MODEL_CLASSES
        for npu in NPUS
        for level in row.levels
        if standing(row.name, level, version, family) != "refused"
        and unset(row.name, level, version, npu=npu, family=family) is row
    ]
    assert held


@each_row
def test_a_row_says_one_thing_and_where_it_stands(row: Unset) -> None:
    assert [row.value is not None, bool(row.follows), row.required].count(True) == 1
    assert row.source.startswith("optimum-rbln ")
    known = {each.name for each in UNSET} | {CHECKPOINT}
    assert set(row.follows) <= known


def test_a_setting_is_found_by_the_name_of_any_release() -> None:
    assert unset("max_seq_len", "visual", (0, 10, 2)).name == "max_seq_lens"
    assert unset("num_devices", "top", (0, 10, 4)).name == "tensor_parallel_size"


def test_of_a_family_nobody_knows_the_table_says_what_holds_for_most() -> None:
    assert unset("max_seq_len", "top", (0, 10, 4)).required
    assert not unset("max_seq_len", "top", (0, 10, 4), family="qwen2_vl").required
    assert unset("batch_size", "visual", (0, 11, 1)).value == 1
    with pytest.raises(KeyError):
        unset("batch_size", "visual", (0, 11, 1), family="qwen3_vl")


def test_a_setting_that_the_table_lacks_is_a_key_error() -> None:
    with pytest.raises(KeyError):
        unset("timeout", "top", NEWEST)


@pytest.mark.parametrize(
    ("config", "name", "version", "npu", "value"),
    [
        ({}, "batch_size", NEWEST, None, 1),
        ({"batch_size": 4}, "batch_size", NEWEST, None, 4),
        ({}, "kvcache_partition_len", NEWEST, "RBLN-CR13", 8_192),
        ({}, "kvcache_partition_len", (0, 11, 2), "RBLN-CR13", 16_384),
        ({}, "prefill_chunk_size", (0, 11, 1), "RBLN-CR13", 512),
        ({}, "prefill_chunk_size", (0, 11, 0), "RBLN-CR13", 128),
        ({}, "gdn_chunk_size", (0, 11, 2), "RBLN-CR13", 512),
        ({"prefill_chunk_size": 64}, "gdn_chunk_size", (0, 11, 2), None, 64),
        ({"prefill_chunk_size": 64}, "gdn_chunk_size", NEWEST, None, 128),
        ({"max_seq_len": 4_096}, "kvcache_block_size", NEWEST, None, 4_096),
        ({}, "max_seq_len", NEWEST, None, None),
        ({}, "max_seq_len", (0, 11, 2), None, None),
    ],
)
def test_what_is_in_force_is_given_followed_or_the_default(
    config: dict[str, Any], name: str, version: Version, npu: str | None, value: Any
) -> None:
    assert in_force(config, name, version, npu=npu, family="qwen3_5") == value
