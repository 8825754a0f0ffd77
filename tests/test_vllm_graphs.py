"""Every recording of vLLM's own code, and the laws of what is computed from it."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bucketwise.engines.vllm.encoder_graphs import (
    AS_QWEN3_VL,
    Asked,
    EncoderGraphs,
    Sharing,
    path_budgets,
    resolved,
)
from bucketwise.engines.vllm.model_classes import (
    NONE_UP_TO_NOW,
    SHARING,
    SINCE,
    sharing_of,
)
from bucketwise.engines.vllm.packing import pack, pack_paths
from bucketwise.engines.vllm.releases import (
    BUDGETS,
    FRAMES,
    ITEMS,
    OLD_ITEMS,
    RELEASES,
    encoder_keys,
    items_key,
)
from bucketwise.errors import ConfigError
from bucketwise.nouns.engine import parse_version, written
from bucketwise.read.configs.profiles import built_in_profiles

GOLD = Path(__file__).parent / "gold" / "vllm"
BOUNDARIES, RECORDED = (
    json.loads(gzip.decompress((GOLD / f"{name}.json.gz").read_bytes()))
    for name in ("vllm_boundaries", "vllm_encoder")
)

FAMILIES = {
    "Exaone4_5_ForConditionalGeneration": "exaone4_5",
    "Gemma3ForConditionalGeneration": "gemma3",
    "Gemma4ForConditionalGeneration": "gemma4",
    "Glm4vForConditionalGeneration": "glm4v",
    "Glm4vMoeForConditionalGeneration": "glm4v_moe",
    "Idefics3ForConditionalGeneration": "idefics3",
    "InternVLChatModel": "internvl_chat",
    "KimiK25ForConditionalGeneration": "kimi_k25",
    "KimiVLForConditionalGeneration": "kimi_vl",
    "MiniCPMV2_6": "minicpmv",
    "Qwen2VLForConditionalGeneration": "qwen2_vl",
    "Qwen2_5_VLForConditionalGeneration": "qwen2_5_vl",
    "Qwen3VLForConditionalGeneration": "qwen3_vl",
    "Qwen3VLMoeForConditionalGeneration": "qwen3_vl_moe",
    "Qwen3_5ForConditionalGeneration": "qwen3_5",
    "Qwen3_5MoeForConditionalGeneration": "qwen3_5_moe",
    "SmolVLMForConditionalGeneration": "smolvlm",
}
"""Class of vLLM -> family."""

TILES = {
    "idefics3": Sharing(tile=169, more_tiles=True),
    "internvl_chat": Sharing(tile=256),
}


def recorded(what: str) -> list[dict[str, Any]]:
    return [*RECORDED[what], *BOUNDARIES[what]]


def named(case: dict[str, Any]) -> str:
    return json.dumps(case["input"] if "input" in case else case["version"])[:60]


@pytest.mark.parametrize("case", recorded("init"), ids=named)
def test_vllm_captures_the_graphs_that_are_told(case: dict[str, Any]) -> None:
    given_, expected = case["input"], case["output"]
    comp, (least, most) = given_["comp"], given_["rng"]
    asked = Asked(
        budgets=tuple(comp.get(BUDGETS, ())),
        max_items=comp.get(ITEMS, 0),
        max_frames=comp.get(FRAMES),
        takes_clips=given_.get("video", 0) > 0,
        frames_of_clip=given_.get("frames", 0),
    )
    release = parse_version(case["version"])
    paths = given_.get("paths", {})

    def captured() -> dict[str, Any]:
        graphs = resolved(release, asked, least, most)
        by_path = path_budgets(
            graphs.budgets[-1],
            {name: each["min_token_budget"] for name, each in paths.items()},
            may_be_empty=frozenset(
                name for name, each in paths.items() if each.get("allow_zero_tokens")
            ),
        ) or {"default": graphs.budgets}
        return {
            "token_budgets": list(graphs.budgets),
            "max_batch_size": graphs.max_items,
            "max_frames_per_batch": graphs.max_frames,
            "path_token_budgets": {
                name: list(budgets) for name, budgets in by_path.items()
            }
            if expected.get("path_token_budgets")
            else None,
            "num_graphs": sum(
                1 for each in by_path.values() for budget in each if budget
            ),
        }

    if "error" in expected:
        with pytest.raises(ConfigError):
            captured()
    else:
        assert captured() == expected


@pytest.mark.parametrize(
    "case", [each for each in recorded("pack") if "two_path" not in each], ids=named
)
def test_one_call_is_packed_as_vllm_packs_it(case: dict[str, Any]) -> None:
    graphs = EncoderGraphs(
        release=parse_version(case["version"]),
        budgets=tuple(sorted(case["budgets"])),
        max_items=case["max_items"],
    )
    batches = pack(case["item_tokens"], graphs)
    assert [
        {"items": list(each.items), "tokens": each.tokens[0], "budget": each.budgets[0]}
        for each in batches
    ] == case["batches"]
    assert sum(each.hits for each in batches) == case["hits"]
    assert sum(each.misses for each in batches) == case["misses"]
    padded = sum(
        each.budgets[0] - each.tokens[0]
        for each in batches
        if each.budgets[0] is not None
    )
    assert padded == case["padded_tokens"]


@pytest.mark.parametrize(
    "case", [each for each in recorded("pack") if "two_path" in each], ids=named
)
def test_models_with_two_paths_are_packed_as_vllm_packs_them(
    case: dict[str, Any],
) -> None:
    names = [*case["path_token_budgets"]]
    batches = pack_paths(
        [tuple(each[name] for name in names) for each in case["item_tokens"]],
        tuple(tuple(case["path_token_budgets"][name]) for name in names),
        case["max_items"],
        parse_version(case["version"]),
    )
    told = [
        {
            "items": list(each.items),
            "graphs": {
                name: budget
                for name, budget in zip(names, each.budgets, strict=True)
                if budget
            },
            "eager": [
                name
                for name, budget in zip(names, each.budgets, strict=True)
                if budget is None
            ],
        }
        for each in batches
    ]
    assert told == case["batches"]
    assert sum(each.hits for each in batches) == case["hits"]
    assert sum(each.misses for each in batches) == case["misses"]


@pytest.mark.parametrize("case", recorded("capture_rows"), ids=named)
def test_a_replay_computes_the_rows_that_the_model_captures(
    case: dict[str, Any],
) -> None:
    family = FAMILIES[case["model"]]
    graphs = EncoderGraphs(
        release=parse_version(case["version"]),
        budgets=(case["token_budget"],),
        max_items=case["max_batch_size"],
        max_frames=case["max_frames_per_batch"],
        sharing=TILES.get(family) or SHARING.get(family, AS_QWEN3_VL),
    )
    rows = graphs.rows(case["token_budget"])
    assert rows == case["merged_rows"]
    assert 4 * rows == case.get("patch_rows", 4 * rows)


budgets_of = st.lists(st.integers(1, 4_000), min_size=1, max_size=6, unique=True).map(
    lambda each: tuple(sorted(each))
)


@given(
    tokens=st.lists(st.integers(1, 5_000), min_size=1, max_size=12),
    budgets=budgets_of,
    items=st.integers(1, 8),
    release=st.sampled_from(RELEASES),
)
def test_every_image_runs_once_and_only_one_alone_runs_eagerly(
    tokens: list[int], budgets: tuple[int, ...], items: int, release: tuple[int, ...]
) -> None:
    graphs = EncoderGraphs(
        release=release, budgets=budgets, max_items=min(items, budgets[0])
    )
    batches = pack(tokens, graphs)
    assert sorted(each for batch in batches for each in batch.items) == [
        *range(len(tokens))
    ]
    for batch in batches:
        assert batch.tokens == (sum(tokens[each] for each in batch.items),)
        assert len(batch.items) <= graphs.max_items
        if batch.budgets == (None,):
            assert len(batch.items) == batch.misses == 1
            assert batch.tokens[0] > budgets[-1]
        else:
            assert batch.hits == len(batch.items)


@given(budget=st.integers(1, 20_000), items=st.integers(1, 64))
def test_from_0_22_a_replay_computes_its_budget_or_the_next_multiple_of_the_items(
    budget: int, items: int
) -> None:
    budget = max(budget, items)
    rows = EncoderGraphs(release=(0, 33, 0), budgets=(budget,), max_items=items).rows(
        budget
    )
    assert budget <= rows < budget + items
    assert rows % items == 0
    before = EncoderGraphs(release=(0, 21, 0), budgets=(budget,), max_items=items)
    assert before.rows(budget) <= budget


def test_classes_have_graphs_since_the_release_that_brought_them() -> None:
    since = {FAMILIES.get(name): first for name, first in BOUNDARIES["since"].items()}
    assert {family: written(first) for family, first in SINCE.items()} == {
        family: first for family, first in since.items() if family
    }
    for profile in built_in_profiles().values():
        assert (profile.family in SINCE) != (profile.family in NONE_UP_TO_NOW)
        if tile := TILES.get(profile.family):
            assert sharing_of(profile) == tile


def test_names_of_keys_are_those_of_the_release() -> None:
    assert items_key((0, 19, 1)) == OLD_ITEMS
    assert items_key((0, 20, 0)) == ITEMS
    assert encoder_keys((0, 18, 1)) == ()
    assert FRAMES not in encoder_keys((0, 19, 0))
    assert FRAMES in encoder_keys((0, 20, 0))
