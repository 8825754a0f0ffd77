"""The tables of rbln/ are what the real classes do where a setting is left out."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from tests.conformance.emitted import tables_of
from tests.conformance.families import FAMILIES
from tests.conformance.refusals import names_of
from tests.conformance.resolution import build, resolve
from tests.conformance.sdk import RELEASE, runtime_utils, tower_class

SAID = tables_of(RELEASE)

LENGTHS, DEVICES = names_of(RELEASE)["lengths"], names_of(RELEASE)["devices"]
MAX_SEQ_LEN = 16_384
"""The longest that every release and NPU takes without flash attention."""

BESIDE: dict[str, dict[str, Any]] = {
    "kvcache_partition_len": {"attn_impl": "flash_attn", "max_seq_len": 32_768},
    "kvcache_num_blocks": {"attn_impl": "flash_attn", "max_seq_len": 32_768},
    "max_seq_len": {"kvcache_partition_len": 16_384},
}
"""What a setting needs beside it to be looked at."""

FOLLOWED: dict[str, tuple[int, int]] = {
    "batch_size": (2, 4),
    "kvcache_partition_len": (4_096, 8_192),
    "max_seq_len": (8_192, 16_384),
    "prefill_chunk_size": (64, 128),
}

AT_THE_TOP: dict[str, Any] = {
    "create_runtimes": False,
    "device": [3],
    "device_map": {"prefill": 3},
    "activate_profiler": True,
    "timeout": 7,
    "npu": "RBLN-CA22",
    DEVICES: 2,
}
"""Values of what some release hands down to `visual`; none is a default."""


def each(chosen: Callable[[dict[str, Any]], bool]) -> pytest.MarkDecorator:
    """Return a mark that runs a test on the rows that are chosen."""
    return pytest.mark.parametrize(
        "row",
        [row for row in SAID["unset"] if chosen(row)],
        ids=lambda row: "-".join(
            (row["family"], row["level"], row["name"], row["npu"])
        ),
    )


def without(row: dict[str, Any], **given: int) -> dict[str, Any]:
    """Return a configuration with little else than what must be given, without a row's.

    Whatever else is given stands with what the language model is given.
    """
    config = {
        "visual": {LENGTHS: [1_024], "npu": row["npu"]},
        "max_seq_len": MAX_SEQ_LEN,
        "npu": row["npu"],
        **BESIDE.get(row["name"], {}),
    }
    if row["family"] == "qwen3_5":
        # Up to 0.11.2 it takes the prefill's chunk on Rebel100 to be too long for it.
        config["gdn_chunk_size"] = 128
    level: Any = config if row["level"] == "top" else config["visual"]
    level.pop(row["name"], None)
    return FAMILIES[row["family"]].nested(config | given)


def value_of(row: dict[str, Any], config: dict[str, Any]) -> Any:
    """Return a row's setting as the release completes a configuration."""
    resolved = resolve(row["family"], config)
    return getattr(resolved if row["level"] == "top" else resolved.visual, row["name"])


@each(lambda row: not row["raises"] and not row["follows"] and row["name"] != DEVICES)
def test_a_setting_that_is_left_out_is_what_the_table_says(
    row: dict[str, Any],
) -> None:
    assert value_of(row, without(row)) == row["value"]


def test_a_value_made_wrong_is_noticed() -> None:
    row = next(row for row in SAID["unset"] if row["name"] == "logits_to_keep")
    with pytest.raises(AssertionError):
        test_a_setting_that_is_left_out_is_what_the_table_says(row | {"value": 0})


@each(lambda row: row["name"] == DEVICES)
def test_a_level_without_a_number_is_for_as_many_devices_as_the_table_says(
    row: dict[str, Any],
) -> None:
    # The classes keep None, until a list of devices is compared with it.
    assert value_of(row, without(row)) is None
    said = runtime_utils.tp_and_devices_are_ok(device=[0] * (row["value"] + 1))
    assert said.endswith(f"({row['value']}).")


@each(lambda row: bool(row["follows"]))
def test_a_setting_that_is_left_out_follows_what_the_table_says(
    row: dict[str, Any],
) -> None:
    for other in row["follows"]:
        for given in FOLLOWED.get(other, ()):
            found = value_of(row, without(row, **{other: given}))
            assert found in (given, [given])
        if other not in FOLLOWED:
            # checkpoints.py, max_position_embeddings
            assert value_of(row, without(row)) == 262_144


@each(lambda row: bool(row["raises"]))
def test_a_setting_that_must_be_given_raises_what_the_table_says(
    row: dict[str, Any],
) -> None:
    kind, _, says = row["raises"].partition(": ")
    assert kind == "ValueError"
    with pytest.raises(ValueError, match=re.escape(says)):
        resolve(row["family"], without(row, kvcache_partition_len=4_096))


@pytest.mark.parametrize("family", SAID["splits"])
def test_visual_takes_from_the_top_what_the_table_says(family: str) -> None:
    newest, named = {DEVICES: "num_devices"}, FAMILIES[family]
    for name, value in AT_THE_TOP.items():
        config = {"visual": {LENGTHS: [1_024]}, name: value}
        built = named.level(build(family, named.nested(config)))
        taken = getattr(built.visual, name) == value
        assert taken == (newest.get(name, name) in SAID["inherited"][family]), name


@pytest.mark.parametrize("family", SAID["splits"])
def test_the_table_tells_every_setting_that_visual_could_take(family: str) -> None:
    assert len(SAID["inherited"][family]) in (0, len(AT_THE_TOP))


def test_the_towers_that_split_are_those_of_the_table() -> None:
    served = {
        name: bool(getattr(tower_class(family), "_tp_support", False))
        for name, family in FAMILIES.items()
        if family.served_by(RELEASE)
    }
    assert served == SAID["splits"]
