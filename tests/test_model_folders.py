"""Model folders: the real loaders' answers first, then laws, then every fault."""

from __future__ import annotations

import gzip
import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bucketwise.cli import main
from bucketwise.core.language_model import input_embedding, parameters
from bucketwise.core.patching import count_patches
from bucketwise.errors import BucketwiseError, ConfigError
from bucketwise.nouns.profile import ModelProfile
from bucketwise.read import json_text
from bucketwise.read.configs.model_folder.tower import HOLDERS, TOWERS
from bucketwise.read.configs.profiles import built_in_profiles, find_profile
from tests.strategies import preprocessing_of, sides_px, sizes_of

READ_HERE = sorted(
    name
    for name, each in built_in_profiles().items()
    if each.soft_tokens is None and each.vit
)
"""Models whose folders hold pixel limits and a tower; tests/test_soft_tokens.py and
tests/test_image_rules.py read the others."""

GOLD = Path(__file__).parent / "gold" / "model_folders.jsonl.gz"

# Folders the loaders take and bucketwise does not, each because its counts would be
# wrong or nobody can mean it.
STRICTER = {
    "bool": "a whole number .*, got true",
    "crossed": "at most the upper limit",
    "dup": "appears twice",
    "extra patch in video": "the same number as",
    "floats": "a whole number .*, got 400000.5",
    "fps null": "min_frames: .*, got null",
    "nan": "NaN is not a JSON number",
    "nested empty": "the same number as",
    "no patch": "the same number as",
}

# A processor's default patch is 14: a folder that leaves it out is sound for patch 14.
SOUND_WITH_PATCH_14 = ("nested empty", "no patch")

CONFIG = "config.json"
IMAGE = "preprocessor_config.json"
VIDEO = "video_preprocessor_config.json"
NESTED = "processor_config.json"


def gold() -> Iterator[Any]:
    with gzip.open(GOLD, "rt", encoding="utf-8") as lines:
        for line in lines:
            case = json.loads(line)
            family = case["files"][CONFIG]["model_type"]
            yield pytest.param(case, id=f"{family}-{case['name'].replace(' ', '_')}")


def write(folder: Path, files: dict[str, Any]) -> str:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for name, content in files.items():
        text = content if isinstance(content, str) else json.dumps(content)
        (folder / name).write_text(text)
    return str(folder)


def limits_of(profile: ModelProfile) -> tuple[list[int], list[int]]:
    image, video = profile.checkpoint, profile.video or profile.checkpoint
    return (
        [image.min_pixels, image.max_pixels],
        [video.min_pixels, video.max_pixels],
    )


def stricter(case: dict[str, Any]) -> str | None:
    if case["files"][CONFIG]["model_type"].startswith("qwen2"):
        if case["name"] in SOUND_WITH_PATCH_14:
            return None
    elif case["name"] == "strings":
        return None
    return STRICTER.get(case["name"])


@pytest.mark.parametrize("case", [*gold()])
def test_a_folder_is_read_as_the_real_loaders_read_it(
    case: dict[str, Any], tmp_path: Path
) -> None:
    folder = write(tmp_path / "m", case["files"])
    if not (case["image"] and case["video"]) or stricter(case):
        with pytest.raises(ConfigError, match=stricter(case)) as caught:
            find_profile(folder)
        assert len(set(caught.value.problems)) == len(caught.value.problems)
        return
    profile = find_profile(folder)
    image, video = case["image"], case["video"]
    assert limits_of(profile) == (image["pixels"], video["pixels"])
    assert profile.factor_px == image["factor"] == video["factor"]
    clips = video["class"] == "Qwen3VLVideoProcessor"
    assert profile.video_rule == ("whole_clip" if clips else "per_frame")
    assert profile.sampling.fps == (video["fps"] if video["samples"] else None)
    assert [profile.sampling.min_frames, profile.sampling.max_frames] == video["frames"]


@pytest.mark.parametrize("case", [*gold()])
def test_where_an_older_loader_reads_other_limits_a_note_says_which(
    case: dict[str, Any], tmp_path: Path
) -> None:
    readable = case["image"] and case["video"] and not stricter(case)
    if not readable or case["files"][CONFIG]["model_type"].startswith("qwen3_5"):
        return
    notes = find_profile(write(tmp_path / "m", case["files"])).notes
    for what in ("image", "video"):
        older = case[f"older_{what}"]
        said = [note for note in notes if "4.57.6" in note and f"{what} limits" in note]
        if older is None:
            continue
        if older == case[what]["pixels"]:
            assert not said
        else:
            assert f"{older[0]:,} to {older[1]:,} pixels" in said[0]


def text_of(profile: ModelProfile) -> dict[str, Any]:
    """Return what a checkpoint's config.json says of its language model."""
    lm = profile.lm
    assert lm is not None
    kind = lm.attention[0]
    text: dict[str, Any] = {
        "num_hidden_layers": lm.layers,
        "hidden_size": lm.hidden,
        "vocab_size": lm.vocab,
        "num_attention_heads": kind.heads,
        "num_key_value_heads": kind.kv_heads,
    }
    if profile.family.startswith("qwen2") or profile.family in HOLDERS:
        text |= {"use_sliding_window": False, "max_window_layers": lm.layers}
    elif lm.sliding:
        every = lm.layers // kind.layers
        text |= {
            "sliding_window": lm.sliding[0].window_tokens,
            # One layer more, which predicts further tokens and is left out.
            "layer_types": [
                "full_attention" if number % every == 0 else "sliding_attention"
                for number in range(1, lm.layers + 2)
            ],
        }
    else:
        text |= {"head_dim": kind.head_dim, "attention_bias": False}
    if lm.experts:
        text |= {
            "num_experts": lm.experts,
            "num_experts_per_tok": lm.experts_per_token,
            "moe_intermediate_size": lm.expert_intermediate,
            "decoder_sparse_step": 1,
            "mlp_only_layers": [],
        }
    else:
        text["intermediate_size"] = lm.intermediate
    if lm.linear_layers:
        text |= {
            "linear_num_key_heads": lm.linear_key_heads,
            "linear_key_head_dim": lm.linear_key_head_dim,
            "linear_num_value_heads": lm.linear_value_heads,
            "linear_value_head_dim": lm.linear_value_head_dim,
            "linear_conv_kernel_dim": lm.linear_conv_kernel,
            "full_attention_interval": lm.layers // kind.layers,
        }
    if lm.shared_expert_intermediate:
        text["shared_expert_intermediate_size"] = lm.shared_expert_intermediate
    return text


def folder_of(profile: ModelProfile) -> dict[str, Any]:
    """Return the files a checkpoint of that profile ships, as the originals do."""
    vit, window = profile.tower, profile.window_patches
    vision: dict[str, Any] = {
        "depth": vit.depth,
        "patch_size": profile.patch_px,
        "spatial_merge_size": profile.merge,
        "temporal_patch_size": profile.temporal_patch,
    }
    if profile.family in ("qwen2_vl", "colqwen2"):
        ratio = vit.intermediate // vit.hidden
        vision |= {"embed_dim": vit.hidden, "hidden_size": vit.out_hidden}
        vision |= {"mlp_ratio": ratio}
    else:
        vision |= {"hidden_size": vit.hidden, "out_hidden_size": vit.out_hidden}
        vision |= {"intermediate_size": vit.intermediate}
    if window:
        vision["window_size"] = window * profile.patch_px
        vision["fullatt_block_indexes"] = list(range(vit.full_attention_blocks))
    if vit.kv_width:
        vision |= {
            "num_heads": 32,
            "num_key_value_heads": 32 * vit.kv_width // vit.hidden,
        }
    if profile.family.startswith("qwen3"):
        vision["deepstack_visual_indexes"] = list(range(vit.deepstack_mergers))
    geometry = {
        "patch_size": profile.patch_px,
        "merge_size": profile.merge,
        "temporal_patch_size": profile.temporal_patch,
    }
    low, high = profile.checkpoint.min_pixels, profile.checkpoint.max_pixels
    text = text_of(profile)
    flat = profile.family.startswith("qwen2") or profile.family in HOLDERS
    config = {
        "model_type": profile.family,
        "vision_config": vision,
        "tie_word_embeddings": profile.lm is not None and profile.lm.tied,
        **(text if flat else {"text_config": text}),
    }
    if profile.family in HOLDERS:
        key, (inner, *_) = HOLDERS[profile.family]
        embedded = {"model_type": profile.family, "embedding_dim": text["vocab_size"]}
        config = embedded | {key: config | {"model_type": inner, "vocab_size": 151_936}}
    files: dict[str, Any] = {
        CONFIG: config,
        IMAGE: {
            **geometry,
            "size": {"shortest_edge": low, "longest_edge": high},
            "image_processor_type": "Qwen2VLImageProcessor",
        },
    }
    if profile.video:
        edges = profile.video.min_pixels, profile.video.max_pixels
        files[VIDEO] = {
            **geometry,
            "size": dict(zip(("shortest_edge", "longest_edge"), edges, strict=True)),
            "video_processor_type": "Qwen3VLVideoProcessor",
        }
    return files


def told_apart(profile: ModelProfile) -> ModelProfile:
    """Return a profile without the words that say how and where it was read."""

    def plain(limits: Any) -> Any:
        return limits and replace(limits, source="")

    return replace(
        profile,
        source="",
        notes=(),
        checkpoint=plain(profile.checkpoint),
        deployment=plain(profile.deployment),
        video=plain(profile.video),
        lm=plain(profile.lm),
    )


@pytest.mark.parametrize("name", READ_HERE)
def test_a_checkpoints_own_folder_reads_back_as_its_built_in_profile(
    name: str, tmp_path: Path
) -> None:
    built_in = built_in_profiles()[name]
    base = built_in.hf_id.rpartition("/")[2]
    owner = built_in.hf_id.partition("/")[0]
    cached = tmp_path / f"models--{owner}--{base}" / "snapshots" / "0123abcd"
    found = find_profile(write(cached, folder_of(built_in)))
    assert told_apart(found) == told_apart(built_in)
    assert find_profile(str(cached.parent.parent)) == found


LANGUAGE = {
    "qwen2_vl": (8_192, "hidden_size"),
    "qwen2_5_vl": (8_192, "out_hidden_size"),
    "qwen3_vl": (4_096, "out_hidden_size"),
    "qwen3_vl_moe": (2_048, "out_hidden_size"),
    "qwen3_5": (4_096, "out_hidden_size"),
    "qwen3_5_moe": (2_048, "out_hidden_size"),
    "exaone4_5": (4_096, "out_hidden_size"),
}
"""Default width of each family's language model, and the tower's key for it."""


def speaking(family: str, text: Any = None, **changed: Any) -> dict[str, Any]:
    """Return files of a family: `text_config`, else the class's defaults."""
    hidden, key = LANGUAGE[family]
    width = text.get("hidden_size", hidden) if isinstance(text, dict) else hidden
    patch = 14 if family.startswith(("qwen2", "exaone")) else 16
    config = {"model_type": family, "vision_config": {key: width}, "text_config": text}
    image = {"patch_size": patch, "image_processor_type": "Qwen2VLImageProcessor"}
    return {CONFIG: config | changed, IMAGE: image, VIDEO: {"patch_size": patch}}


# Parameters of the language model of each class, lm_head and embedding among them,
# counted on torch's meta device (transformers 5.23.0, EXAONE's 5.15.1; torch 2.13.0).
@pytest.mark.parametrize(
    ("family", "text", "total"),
    [
        ("qwen2_vl", {}, 72_706_203_648),
        ("qwen2_5_vl", {}, 72_706_203_648),
        ("qwen3_vl", {}, 12_049_461_248),
        ("qwen3_vl_moe", {}, 13_485_121_536),
        ("qwen3_5", {}, 8_953_803_264),
        ("qwen3_5_moe", {}, 34_660_610_688),
        ("exaone4_5", {}, 9_429_069_824),
        ("exaone4_5", {"num_key_value_heads": 8}, 8_623_763_456),
        ("qwen2_vl", {"num_key_value_heads": None}, 82_102_591_488),
        ("qwen2_vl", {"head_dim": 64}, 72_706_203_648),
        ("qwen3_vl", {"attention_bias": True}, 12_049_985_536),
        ("qwen3_vl_moe", {"head_dim": 100, "num_local_experts": 7}, 2_390_678_208),
        ("qwen3_5_moe", {"num_local_experts": 7}, 34_660_610_688),
        ("qwen3_5", {"full_attention_interval": 3}, 8_936_436_864),
        (
            "qwen3_5",
            {
                "full_attention_interval": 4,
                "layer_types": (["linear_attention"] * 2 + ["full_attention"]) * 10
                + ["linear_attention"] * 2,
            },
            8_936_436_864,
        ),
    ],
)
def test_a_language_model_has_the_parameters_its_class_gives_it(
    family: str, text: dict[str, Any], total: int, tmp_path: Path
) -> None:
    shape = find_profile(write(tmp_path / "m", speaking(family, text))).lm
    assert shape is not None
    assert parameters(shape) + input_embedding(shape) == total


# What the classes of transformers 5.23.0 answered.
@pytest.mark.parametrize(
    ("family", "outer", "inner", "tied"),
    [
        ("qwen2_vl", {}, True, True),
        ("qwen2_vl", {"tie_word_embeddings": False}, True, True),
        ("qwen2_vl", {"tie_word_embeddings": True}, False, True),
        ("qwen2_vl", {}, False, False),
        ("qwen3_vl", {}, True, False),
        ("qwen3_vl", {"tie_word_embeddings": True}, False, True),
        ("qwen3_vl_moe", {"tie_word_embeddings": False}, True, False),
    ],
)
def test_the_embedding_is_tied_where_the_class_ties_it(
    family: str, outer: dict[str, Any], inner: bool, tied: bool, tmp_path: Path
) -> None:
    files = speaking(family, {"tie_word_embeddings": inner}, **outer)
    shape = find_profile(write(tmp_path / "m", files)).lm
    assert shape is not None
    assert shape.tied is tied


@pytest.mark.parametrize("name", ["qwen2-vl-2b", "qwen2.5-vl-72b"])
def test_a_nested_language_model_reads_as_one_at_the_top_level(
    name: str, tmp_path: Path
) -> None:
    files = folder_of(built_in_profiles()[name])
    flat = find_profile(write(tmp_path / "m", files)).lm
    text = text_of(built_in_profiles()[name])
    outer = {key: value for key, value in files[CONFIG].items() if key not in text}
    files[CONFIG] = outer | {"text_config": text, "hidden_size": 1}
    nested = find_profile(write(tmp_path / "m", files)).lm
    assert flat is not None
    assert flat.source == f"{CONFIG}"
    assert nested == replace(flat, source=f"{CONFIG}: text_config")


@pytest.mark.parametrize("family", TOWERS)
def test_a_folder_that_does_not_tell_its_language_model_has_none(
    family: str, tmp_path: Path
) -> None:
    profile = find_profile(write(tmp_path / "m", speaking(family)))
    assert profile.lm is None


@pytest.mark.parametrize(
    ("family", "text", "expected"),
    [
        ("qwen2_5_vl", {"use_sliding_window": True}, "use_sliding_window is true"),
        ("qwen3_vl_moe", {"decoder_sparse_step": 2}, "decoder_sparse_step is 2"),
        ("qwen3_vl_moe", {"mlp_only_layers": [0]}, "mlp_only_layers is a list"),
    ],
)
def test_layers_of_an_unknown_kind_leave_no_language_model_and_a_note(
    family: str, text: dict[str, Any], expected: str, tmp_path: Path
) -> None:
    profile = find_profile(write(tmp_path / "m", speaking(family, text)))
    assert profile.lm is None
    assert profile.notes[-1].startswith(f"{CONFIG}: text_config.{expected}: what such")


def test_defaults_of_the_language_model_are_said(tmp_path: Path) -> None:
    text = text_of(built_in_profiles()["qwen3-vl-8b"])
    del text["vocab_size"], text["head_dim"]
    shape = find_profile(write(tmp_path / "m", speaking("qwen3_vl", text))).lm
    assert shape is not None
    assert shape.source == (
        f"{CONFIG}: text_config; absent, so the class's default: vocab_size, head_dim"
    )


@given(
    name=st.sampled_from(READ_HERE),
    low=st.integers(1, 10**6),
    extra=st.integers(0, 10**8),
    height=sides_px,
    width=sides_px,
    frames=st.integers(0, 40),
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_changed_limits_are_honoured_and_counted_with(
    tmp_path: Path,
    name: str,
    low: int,
    extra: int,
    height: int,
    width: int,
    frames: int,
) -> None:
    built_in = built_in_profiles()[name]
    limits = replace(built_in.checkpoint, min_pixels=low, max_pixels=low + extra)
    tuned = replace(built_in, checkpoint=limits, deployment=None)
    found = find_profile(write(tmp_path / "tuned", folder_of(tuned)))
    assert told_apart(found) == told_apart(replace(tuned, name="tuned", hf_id="tuned"))
    sizes = sizes_of((height, width, frames, 0.0, 1.0))
    counts = [
        count_patches(sizes, profile, preprocessing_of(profile))
        for profile in (found, tuned)
    ]
    assert np.array_equal(counts[0].vit_patches, counts[1].vit_patches)


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(-(10**400), 10**400)
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from(["Qwen2VLImageProcessor", "Qwen3VLVideoProcessor"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["shortest_edge", "longest_edge", "size", "x"]), inner
        )
    ),
    max_leaves=8,
)


@given(data=st.data())
@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_value_under_any_key_raises_anything_but_a_clear_error(
    tmp_path: Path, data: st.DataObject
) -> None:
    built_in = data.draw(st.sampled_from(READ_HERE))
    files = folder_of(built_in_profiles()[built_in])
    if data.draw(st.booleans()):
        both = {"image_processor": files[IMAGE], "video_processor": files[IMAGE]}
        files[NESTED] = both
    objects = [content for content in files.values() if isinstance(content, dict)]
    objects += [item for o in objects for item in o.values() if isinstance(item, dict)]
    broken = data.draw(st.sampled_from(objects))
    more = ["min_pixels", "fps", "num_frames", "do_resize", "auto_map", "max_frames"]
    more += ["text_config", "layer_types", "num_local_experts"]
    key = data.draw(st.sampled_from([*broken, *more]))
    broken[key] = data.draw(json_values)
    folder = write(tmp_path / "any", files)
    problems: tuple[str, ...] = ()
    profile = built_in_profiles()[built_in]
    try:
        profile = find_profile(folder)
    except BucketwiseError as error:
        problems = error.problems
    assert all(problem and "\n" not in problem for problem in problems)
    count_patches(
        sizes_of((1080, 1920, 0, 0.0, 1.0), (480, 640, 9, 0.0, 1.0)),
        profile,
        preprocessing_of(profile),
    )


SOUND = folder_of(built_in_profiles()["qwen3-vl-2b"])


def sound(**changed: Any) -> dict[str, Any]:
    """Return Qwen3-VL-2B's files, keys of the image processor changed."""
    return SOUND | {IMAGE: SOUND[IMAGE] | changed}


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        (
            {},
            r"holds no config\.json; expected a folder as Hugging Face stores a model",
        ),
        ({"adapter_config.json": {}}, "holds an adapter: name the folder of the model"),
        ({"model.gguf": ""}, "holds GGUF files"),
        ({"model.onnx": ""}, "holds ONNX files"),
        ({CONFIG: "{"}, r"config\.json: not JSON"),
        ({CONFIG: "[" * 100_000}, r"config\.json: nested too deeply"),
        ({CONFIG: "[]"}, r"config\.json: expected an object, got list"),
        ({CONFIG: {}}, "model_type: expected one of qwen2_vl, .*, got null"),
        (
            {CONFIG: {"model_type": "other_vl"}},
            "model_type: expected one of .*, got 'other_vl'",
        ),
        ({CONFIG: {"model_type": ["qwen3_vl"]}}, "model_type: .*, got a list"),
        (
            {CONFIG: SOUND[CONFIG]},
            r"preprocessor_config\.json is missing and processor_config\.json holds no",
        ),
        (SOUND | {NESTED: "null"}, "expected an object, got NoneType"),
        (
            SOUND | {NESTED: {"image_processor": 3}},
            "image_processor: expected an object, got 3",
        ),
        (
            {CONFIG: SOUND[CONFIG], NESTED: {"image_processor": SOUND[IMAGE]}},
            "holds no video_processor",
        ),
        (
            sound(size={"longest_edge": 9}),
            "size: expected both .*, got no shortest_edge",
        ),
        (
            sound(size={"height": 9, "width": 9}),
            "size: expected .* alone, got 'height'",
        ),
        (sound(size="big"), "size: expected an object with .*, got 'big'"),
        (
            sound(min_pixels="5"),
            "min_pixels: expected a whole number from 1 to .*, got '5'",
        ),
        (sound(min_pixels=0), "min_pixels: expected 1 to .*, got 0"),
        (sound(max_pixels=-3), "max_pixels: expected 1 to .*, got -3"),
        (sound(max_pixels=2**40), "max_pixels: expected 1 to .*, got 1099511627776"),
        (sound(max_pixels=True), "max_pixels: expected a whole number .*, got true"),
        (sound(max_pixels=1_000), r"at most the upper limit \(1,000\), got 65,536"),
        (
            sound(patch_size=14),
            r"patch_size: expected .* vision_config\.patch_size .*, got 14",
        ),
        (sound(merge_size=1), "merge_size: expected .*, got 1"),
        (sound(temporal_patch_size=4), "temporal_patch_size: expected .*, got 4"),
        (sound(do_resize=False), "do_resize: expected true, got false"),
        (sound(image_processor_type="CLIPImageProcessor"), "got 'CLIPImageProcessor'"),
        (
            SOUND | {VIDEO: SOUND[VIDEO] | {"video_processor_type": "X"}},
            "expected Qwen2VLVideoProcessor or Qwen3VL.*, got 'X'",
        ),
        (
            SOUND | {VIDEO: SOUND[VIDEO] | {"num_frames": 16}},
            "num_frames: expected null, got 16",
        ),
        (
            SOUND | {VIDEO: SOUND[VIDEO] | {"fps": -1}},
            "fps: expected a number above 0 .*, got -1",
        ),
        (
            SOUND | {VIDEO: SOUND[VIDEO] | {"min_frames": 9, "max_frames": 8}},
            r"min_frames: expected at most max_frames \(8\), got 9",
        ),
        (
            SOUND
            | {
                VIDEO: SOUND[VIDEO]
                | {"cap_pixels_per_frame": True, "max_video_tokens": 5}
            },
            "max_video_tokens: expected 768, got 5",
        ),
        (
            SOUND | {CONFIG: {"model_type": "qwen3_vl", "vision_config": []}},
            "vision_config: expected an object, got a list",
        ),
        (
            SOUND
            | {
                CONFIG: {
                    "model_type": "qwen3_vl",
                    "vision_config": {"deepstack_visual_indexes": [-1]},
                }
            },
            "deepstack_visual_indexes: expected .*, got -1",
        ),
        (speaking("qwen3_vl", []), "text_config: expected an object, got a list"),
        (
            speaking("qwen3_vl", {"num_hidden_layers": "9"}),
            r"text_config\.num_hidden_layers: expected a whole number .*, got '9'",
        ),
        (
            speaking("qwen3_vl", {"head_dim": None}),
            r"text_config\.head_dim: expected a whole number .*, got null",
        ),
        (
            speaking("qwen3_vl", {"attention_bias": 3}),
            r"text_config\.attention_bias: expected true or false, got 3",
        ),
        (
            speaking("qwen3_vl", {}, tie_word_embeddings="yes"),
            r"config\.json: tie_word_embeddings: expected true or false, got 'yes'",
        ),
        (
            speaking("qwen3_vl", {}, vision_config={"out_hidden_size": 5_120}),
            r"text_config\.hidden_size: expected .*out_hidden_size \(5120\), got 4096",
        ),
        (
            speaking("qwen3_vl", {"num_key_value_heads": 5}),
            r"config\.json: language model: heads: expected a multiple of kv_heads \(5\), got 32",
        ),
        (
            speaking("qwen3_vl_moe", {"num_experts_per_tok": 61}),
            r"language model: experts_per_token: expected at most experts \(60\), got 61",
        ),
        (
            speaking("qwen2_vl", {"num_attention_heads": 60}),
            r"hidden_size: expected a multiple of num_attention_heads \(60\), got 8192",
        ),
        (
            speaking("qwen3_5", {"num_key_value_heads": None}),
            r"text_config\.num_key_value_heads: expected a whole number .*, got null",
        ),
        (
            speaking("qwen3_5", {"layer_types": "full_attention"}),
            "layer_types: expected a list of .*, got 'full_attention'",
        ),
        (
            speaking("qwen3_5", {"layer_types": ["full_attention"]}),
            r"expected as many layers as num_hidden_layers \(32\), got 1",
        ),
        (
            speaking("qwen3_5", {"layer_types": ["sliding_attention"] * 32}),
            "layer_types: expected full_attention or .*, got 'sliding_attention'",
        ),
        (
            speaking("qwen3_5", {"full_attention_interval": 0}),
            r"text_config\.full_attention_interval: expected 1 to .*, got 0",
        ),
        (
            {
                CONFIG: {
                    "model_type": "qwen2_5_vl",
                    "vision_config": {"window_size": 100, "fullatt_block_indexes": 7},
                },
                IMAGE: {},
            },
            "window_size: expected a multiple of .*, got 100",
        ),
    ],
)
def test_each_fault_is_named_with_its_place_and_what_is_expected(
    files: dict[str, Any], expected: str, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match=expected) as caught:
        find_profile(write(tmp_path / "m", files))
    assert str(tmp_path) not in str(caught.value)


def test_all_faults_are_told_at_once(tmp_path: Path) -> None:
    files = sound(min_pixels="5", patch_size=14)
    vision = SOUND[CONFIG]["vision_config"] | {"depth": 0}
    text = SOUND[CONFIG]["text_config"] | {"vocab_size": None}
    files[CONFIG] = SOUND[CONFIG] | {"vision_config": vision, "text_config": text}
    files[VIDEO] = "{"
    with pytest.raises(ConfigError) as caught:
        find_profile(write(tmp_path / "m", files))
    places = {problem.split(": expected ")[0] for problem in caught.value.problems}
    assert {
        f"{IMAGE}: min_pixels",
        f"{IMAGE}: patch_size",
        f"{CONFIG}: vision_config.depth",
        f"{CONFIG}: text_config.vocab_size",
    } < places
    assert any(problem.startswith(VIDEO) for problem in caught.value.problems)


def test_what_is_no_regular_file_is_refused_and_never_waited_for(
    tmp_path: Path,
) -> None:
    folder = Path(write(tmp_path / "m", {CONFIG: SOUND[CONFIG]}))
    os.mkfifo(folder / IMAGE)
    (folder / VIDEO).mkdir()
    with pytest.raises(ConfigError) as caught:
        find_profile(str(folder))
    assert len(caught.value.problems) == 2
    (folder / CONFIG).unlink()
    (folder / CONFIG).symlink_to(tmp_path / "gone")
    with pytest.raises(ConfigError, match=r"config\.json: expected a JSON file"):
        find_profile(str(folder))


def test_a_file_that_is_no_configuration_is_not_read_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(json_text, "MAX_FILE_BYTES", 100)
    with pytest.raises(ConfigError, match="at most 100 bytes"):
        find_profile(write(tmp_path / "m", SOUND))


def test_a_cached_snapshot_made_of_links_has_the_models_name(tmp_path: Path) -> None:
    blobs = write(tmp_path / "models--Org--My-VL-Instruct" / "blobs", SOUND)
    snapshots = Path(blobs).parent / "snapshots"
    for commit in ("aaa", "bbb"):
        (snapshots / commit).mkdir(parents=True)
        for name in SOUND:
            (snapshots / commit / name).symlink_to(Path(blobs) / name)
    profile = find_profile(str(snapshots / "aaa"))
    assert (profile.name, profile.hf_id) == ("my-vl", "Org/My-VL-Instruct")
    with pytest.raises(ConfigError, match="'Org/My-VL-Instruct' has 2 snapshots"):
        find_profile(str(snapshots.parent))


def test_every_limit_says_its_file_and_key(tmp_path: Path) -> None:
    files = sound(max_pixels=1_000_000)
    files[NESTED] = {"video_processor": SOUND[VIDEO]}
    profile = find_profile(write(tmp_path / "m", files))
    assert profile.checkpoint.source == f"{IMAGE}: size.shortest_edge and max_pixels"
    assert profile.video is not None
    assert profile.video.source == (
        f"{NESTED}: video_processor.size.shortest_edge and size.longest_edge"
    )
    plain = SOUND | {IMAGE: {"patch_size": 16, "auto_map": {"AutoImageProcessor": "x"}}}
    profile = find_profile(write(tmp_path / "n", plain))
    assert profile.checkpoint.source == (
        f"the defaults of Qwen2VLImageProcessor, {IMAGE} sets no limits"
    )
    assert any("auto_map is not followed" in note for note in profile.notes)


def test_the_published_deployment_holds_for_unchanged_limits_alone(
    tmp_path: Path,
) -> None:
    same = find_profile(write(tmp_path / "same", SOUND))
    assert same.deployment is not None
    assert same.deployment.max_pixels == 4_194_304
    assert same.deployment.source.endswith("keeps the original's limits")
    tuned = find_profile(write(tmp_path / "tuned", sound(max_pixels=1_000_000)))
    assert tuned.deployment is None
    assert "not those of the published deployment" in tuned.notes[0]


def test_defaults_of_the_class_are_taken_and_said(tmp_path: Path) -> None:
    files = {CONFIG: {"model_type": "qwen2_5_vl"}, IMAGE: {}}
    profile = find_profile(write(tmp_path / "m", files))
    # Not what any published checkpoint holds: the class's own default width.
    assert profile.tower.hidden == 3_584
    assert "the class's default: depth, hidden_size" in profile.source


def test_a_name_that_is_neither_built_in_nor_a_folder_says_both(
    tmp_path: Path,
) -> None:
    for name in ("nothing-vl", str(tmp_path / "none"), "a\0b", "x" * 10_000):
        with pytest.raises(
            ConfigError, match=r"expected one of qwen2-vl.*or a folder with"
        ):
            find_profile(name)


def test_a_folder_is_meant_where_a_path_is_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "Qwen3-VL-2B-Instruct", sound(max_pixels=1_000_000))
    write(tmp_path / "Qwen" / "Qwen3-VL-2B-Instruct", sound(max_pixels=2_000_000))
    by_path = find_profile("./Qwen3-VL-2B-Instruct")
    assert by_path.checkpoint.max_pixels == 1_000_000
    assert by_path.name == "qwen3-vl-2b"
    assert find_profile("Qwen/Qwen3-VL-2B-Instruct").checkpoint.max_pixels == 2_000_000
    by_name = find_profile("Qwen3-VL-2B-Instruct")
    assert by_name.checkpoint.max_pixels == 16_777_216
    assert "stands here too" in by_name.notes[0]
    with pytest.raises(ConfigError, match="model: expected one of"):
        find_profile("Other/Qwen3-VL-2B-Instruct")
    with pytest.raises(ConfigError, match="model: expected one of"):
        find_profile("./gone/Qwen3-VL-2B-Instruct")


def test_every_command_takes_a_folder_and_none_tells_where_it_is(
    tmp_path: Path,
) -> None:
    folder = write(tmp_path / "secret-place" / "my-vl", sound(max_pixels=1_000_000))
    table = tmp_path / "t.csv"
    table.write_text("width,height\n" + "640,480\n1920,1080\n" * 20)
    out = tmp_path / "out"
    for arguments in (
        ["analyze", str(table), "--model", folder, "--out", str(out)],
        ["count", str(table), "--model", folder],
        ["explain", "1920x1080", "--model", folder],
    ):
        result = CliRunner().invoke(main, arguments)
        assert result.exit_code == 0, result.output
        assert f"{IMAGE}: size.shortest_edge and max_pixels" in result.output
        assert "secret-place" not in result.output.replace(str(out), "")
    texts = [
        path.read_text()
        for path in out.rglob("*.*")
        if path.is_file() and path.name != "histogram.parquet"
    ]
    assert not any("secret-place" in text for text in texts)
    assert any('MODEL_ID = "my-vl"' in text or "'my-vl'" in text for text in texts)
    plan = json.loads((out / "plan.json").read_text())
    assert (plan["model"]["name"], plan["provenance"]["options"]["model"]) == (
        "my-vl",
        "my-vl",
    )


def test_a_family_no_release_compiles_gets_a_plan_and_no_configuration(
    tmp_path: Path,
) -> None:
    table = tmp_path / "t.csv"
    table.write_text("width,height\n" + "640,480\n1920,1080\n" * 20)
    arguments = ["analyze", str(table), "--model", "qwen3.5-35b-a3b"]
    out = tmp_path / "out"
    result = CliRunner().invoke(main, [*arguments, "--out", str(out)])
    assert result.exit_code == 0, result.output
    assert "No optimum-rbln up to 0.12.0 compiles qwen3_5_moe" in result.output
    assert {path.name for path in out.iterdir()} == {
        "plan.json",
        "report.html",
        "histogram.parquet",
    }
    for more, why in (
        (["--target", "0.12.0"], "cannot compile qwen3_5_moe; leave --target out"),
        (["--devices", "4"], "has a class for no other"),
    ):
        refused = CliRunner().invoke(main, [*arguments, *more])
        assert why in str(refused.exception)


def test_a_release_older_than_the_models_class_is_refused_by_name(
    tmp_path: Path,
) -> None:
    table = tmp_path / "t.csv"
    table.write_text("width,height\n" + "640,480\n" * 20)
    arguments = ["analyze", str(table), "--model", "qwen3.5-9b", "--target"]
    refused = CliRunner().invoke(main, [*arguments, "0.10.4"])
    assert isinstance(refused.exception, ConfigError)
    assert "optimum-rbln==0.10.4 cannot compile qwen3_5" in str(refused.exception)
    out = tmp_path / "out"
    done = CliRunner().invoke(main, [*arguments[:-1], "--out", str(out)])
    assert done.exit_code == 0, done.output
    assert "max_seq_len from 0.12.0" in done.output
    assert [path.name for path in out.glob("optimum*")] == ["optimum-rbln-0.12.0"]
    done = CliRunner().invoke(main, [*arguments, "all", "--out", str(out)])
    assert "max_seq_len from 0.11.1" in done.output
    assert not list(out.glob("*0.10*"))
    assert "came with 0.11.1" in (out / "optimum-rbln-0.11.2/compile.py").read_text()
