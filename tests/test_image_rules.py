"""Images that are cut, shrunk or padded by a rule: the real processors' answers, then laws."""

from __future__ import annotations

import csv
import gzip
import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bucketwise.core.patching import Counts, Preprocessing, count_patches
from bucketwise.core.reach import worst_reachable
from bucketwise.engines.rbln.engine import RBLN
from bucketwise.errors import ConfigError
from bucketwise.nouns.image_rules import IMAGE_RULES, ClosestGrid, Slices, image_rule
from bucketwise.nouns.profile import ModelProfile
from bucketwise.read.configs.families import families
from bucketwise.read.configs.model_folder import short_name
from bucketwise.read.configs.model_folder.fields import NATIVE
from bucketwise.read.configs.profiles import built_in_profiles, find_profile
from tests.commands import bucketwise
from tests.strategies import limits_of, preprocessing_of, sides_px, sizes_of

GOLD = Path(__file__).parent / "gold"

RELEASE = RBLN.release((0, 12, 0))

FAMILIES = {
    "gemma3": 926,
    "glm4v": 1_667,
    "glm46v": 1_667,
    "idefics3": 2_315,
    "internvl": 1_389,
    "kimi_k25": 1_089,
    "llava": 926,
    "llava_onevision": 463,
    "minicpmv4_6": 926,
    "paligemma": 1_389,
    "pixtral": 926,
}

BY_RULE = [each for each in built_in_profiles().values() if each.image_rule]

MODELS = {
    "Gemma3/no-pan-and-scan": "gemma-3-4b",
    "Gemma3/pan-and-scan": "gemma-3-4b",
    "GLM-4.1V": "glm-4.1v-9b-thinking",
    "GLM-4.6V": "glm-4.6v",
    "Idefics3": "idefics3-8b-llama3",
    "SmolVLM-2.2B": "smolvlm2-2.2b",
    "SmolVLM-256M": "smolvlm2-500m-video",
    "InternVL3": "internvl3-8b-hf",
    "Kimi-K2.5": "kimi-k2.5",
    "LLaVA-1.5": "llava-1.5-7b-hf",
    "LLaVA-NeXT": "llava-v1.6-mistral-7b-hf",
    "LLaVA-OneVision": "llava-onevision-qwen2-7b-ov-hf",
    "MiniCPM-V-4.6": "minicpm-v-4.6",
    "PaliGemma/224": "paligemma-3b-mix-224",
    "PaliGemma/448": "paligemma-3b-mix-448",
    "PaliGemma/896": "paligemma-3b-pt-896",
    "Pixtral": "pixtral-12b",
    "Mistral3": "mistral-small-3.1-24b-instruct-2503",
}
"""How the models of the recorded calls begin, and which profile each is."""

CALLED = {
    "do_pan_and_scan": "crops",
    "tile": "tile_px",
    "longest_edge": "longest_px",
    "do_image_splitting": "splits",
    "min_patches": "min_tiles",
    "max_patches": "max_tiles",
}
"""What a recorded call was given, and what the rule calls it."""


def as_called(row: Mapping[str, str], called: Mapping[str, Any]) -> ModelProfile:
    """Return the profile of a recorded call, with what the call was given."""
    profile = find_profile(
        next(name for start, name in MODELS.items() if row["model"].startswith(start))
    )
    if profile.image_rule is None:
        return profile
    numbers = {CALLED[key]: each for key, each in called.items() if key in CALLED}
    if row["model"] == "Kimi-K2.5/max_patches4096":
        numbers["max_patches"] = 4_096
    merge = 2 if called.get("downsample_mode") == "4x" else profile.merge
    rule = replace(profile.image_rule, **numbers)
    return replace(profile, image_rule=rule, merge=merge)


def recorded(
    family: str,
) -> Iterator[tuple[ModelProfile, Preprocessing, list[dict[str, str]]]]:
    """Yield the rows of a file that share model, limits and call."""
    groups = defaultdict(list)
    with gzip.open(GOLD / f"{family}.csv.gz", "rt", encoding="utf-8") as stream:
        for row in csv.DictReader(stream):
            same = ("model", "kind", "min_pixels", "max_pixels", "kwargs")
            groups[tuple(row[name] for name in same)].append(row)
    for (_, kind, low, high, kwargs), rows in groups.items():
        called = json.loads(kwargs) if kwargs else {}
        profile = as_called(rows[0], called)
        image, video = profile.checkpoint, profile.video
        if profile.image_rule is None:
            image = video = limits_of(int(low), int(high))
        rate = called.get("fps", 2.0) if kind == "video_sampled" else None
        yield profile, Preprocessing(image=image, video=video, video_fps=rate), rows


def runs_of(counts: Counts, index: int) -> Counter[int]:
    """Return how many runs of each length one size becomes."""
    if not counts.accepted[index]:
        return Counter()
    found = Counter({int(counts.vit_patches[index]): int(counts.grid_t[index])})
    found[int(counts.rest_patches[index])] += int(counts.rest_patches[index] > 0)
    return +found


def runs_in(text: str) -> Counter[int]:
    """Return the same of what was recorded: "1025*3;676*1"."""
    found: Counter[int] = Counter()
    for part in filter(None, text.split(";")):
        length, count = part.split("*")
        found[int(length)] += int(count)
    return found


@pytest.mark.parametrize("family", FAMILIES)
def test_every_gold_row_is_counted_as_the_real_processor_counts_it(family: str) -> None:
    checked = 0
    for profile, preprocessing, rows in recorded(family):
        sizes = sizes_of(
            *(
                (
                    int(row["height"]),
                    int(row["width"]),
                    int(row["num_frames"] or 0),
                    float(row["fps"] or 0),
                    1.0,
                )
                for row in rows
            )
        )
        counts = count_patches(sizes, profile, preprocessing)
        for index, row in enumerate(rows):
            runs = runs_of(counts, index)
            grid = [int(row[name] or 0) for name in ("grid_h", "grid_w")]
            found = [int(counts.grid_h[index]), int(counts.grid_w[index])]
            if counts.rest_patches[index] and isinstance(profile.image_rule, Slices):
                # The grid that was recorded is that of the whole view.
                grid, found = [grid[0] * grid[1]], [int(counts.rest_patches[index])]
            assert found == grid, row
            assert runs == runs_in(row["run_seq_lens"]), row
            assert runs.total() == int(row["n_runs"] or 0), row
            assert sum(length * each for length, each in runs.items()) == int(
                row["vit_patches"] or 0
            ), row
            tokens = int(counts.visual_tokens[index])
            assert tokens == int(row["merged_patches"] or 0), row
            if row["lm_tokens_total"]:
                told = tokens + int(counts.separators[index])
                assert told == int(row["lm_tokens_total"]), row
            # What was recorded of a long message is its beginning.
            error = counts.error[index].removesuffix(", ...)")
            assert row["error"].startswith(error), row
            assert bool(error) is bool(row["error"]), row
            checked += 1
    assert checked == FAMILIES[family]


@given(profile=st.sampled_from(BY_RULE), height=sides_px, width=sides_px)
def test_no_image_outgrows_the_worst_and_the_worst_is_a_real_size(
    profile: ModelProfile, height: int, width: int
) -> None:
    preprocessing = preprocessing_of(profile)
    worst = worst_reachable(profile, preprocessing, RELEASE)
    tried = sizes_of(
        (height, width, 0, 0.0, 1.0), (worst.height_px, worst.width_px, 0, 0.0, 1.0)
    )
    needed = count_patches(tried, profile, preprocessing).needed(RELEASE)
    assert needed[0] <= worst.needed == needed[1]


@given(profile=st.sampled_from(BY_RULE), height=sides_px, width=sides_px)
def test_runs_hold_all_visual_tokens_and_no_size_depends_on_its_neighbours(
    profile: ModelProfile, height: int, width: int
) -> None:
    preprocessing = preprocessing_of(profile)
    rows = [(height, width, 0, 0.0, 1.0), (3_000, 7, 0, 0.0, 1.0)]
    both = count_patches(sizes_of(*rows), profile, preprocessing)
    alone = count_patches(sizes_of(rows[0]), profile, preprocessing)
    for name in ("grid_t", "vit_patches", "rest_patches", "visual_tokens"):
        assert getattr(both, name)[0] == getattr(alone, name)[0]
    patches = both.vit_patches * both.grid_t + both.rest_patches
    # A row of tiles ends with a token more.
    most = patches // profile.patches_per_merged + both.resized_height_px
    assert (both.visual_tokens <= most).all()
    assert ((both.visual_tokens > 0) == both.accepted).all()


@given(height=sides_px, width=sides_px, frames=st.integers(1, 900))
def test_frames_of_a_clip_share_runs_only_where_the_processor_chunks_them(
    height: int, width: int, frames: int
) -> None:
    for name, step in (("kimi-k2.5", 4), ("internvl3-8b-hf", 1)):
        profile = find_profile(name)
        size = sizes_of((height, width, frames, 0.0, 1.0))
        counts = count_patches(size, profile, preprocessing_of(profile))
        assert counts.runs_each[0] == -(-frames // step)
        assert counts.visual_tokens[0] % counts.runs_each[0] == 0


@pytest.mark.parametrize("profile", BY_RULE, ids=lambda each: each.name)
def test_clips_that_are_not_counted_are_refused_in_words(profile: ModelProfile) -> None:
    size = sizes_of((100, 100, 8, 0.0, 1.0))
    counts = count_patches(size, profile, preprocessing_of(profile))
    assert bool(counts.error[0]) is (profile.frame_rule is None)
    assert bool(counts.grid_t[0]) is (profile.frame_rule is not None)


def test_a_clip_of_fewer_frames_than_its_rate_gives_is_refused() -> None:
    profile = find_profile("kimi-k2.5")
    sizes = sizes_of((100, 100, 3, 1.0, 1.0), (100, 100, 9, 3.0, 1.0))
    counts = count_patches(sizes, profile, preprocessing_of(profile))
    assert counts.error[0].startswith("ValueError: the requested number of frames")
    assert counts.error[1] == ""
    assert (counts.grid_t[1], counts.rest_patches[1]) == (1, 2 * 64)


def test_images_known_by_tokens_alone_are_said_not_to_be_counted() -> None:
    profile = find_profile("gemma-3-4b")
    none = np.zeros(1, dtype=np.int64)
    told = replace(
        sizes_of((1, 1, 0, 0.0, 1.0)),
        height_px=none,
        width_px=none,
        visual_tokens=np.array([256]),
    )
    counts = count_patches(told, profile, preprocessing_of(profile))
    assert "known by its tokens alone" in counts.error[0]


def test_a_larger_grid_is_taken_only_by_images_that_fill_half_of_it() -> None:
    profile = find_profile("internvl3-8b-hf")
    sizes = sizes_of(*((side, side, 0, 0.0, 1.0) for side in (448, 633, 634, 951)))
    counts = count_patches(sizes, profile, preprocessing_of(profile))
    assert counts.grid_t.tolist() == [1, 1, 5, 10]


def test_a_side_of_too_many_patches_is_refused_by_kimi_vl_and_shrunk_by_its_heir() -> (
    None
):
    size = sizes_of((28, 7_168, 0, 0.0, 1.0))
    old, new = find_profile("kimi-vl-a3b"), find_profile("kimi-k2.5")
    assert count_patches(size, old, preprocessing_of(old)).error[0]
    assert count_patches(size, new, preprocessing_of(new)).grid_w[0] == 512


@pytest.mark.parametrize("name", IMAGE_RULES)
def test_a_rule_refuses_numbers_below_1(name: str) -> None:
    told = next(
        part
        for family in families()
        for part in (family.get("image"), family.get("frames"))
        if part and part["rule"] == name
    )
    whole = [key for key, each in told.items() if type(each) is int]
    assert isinstance(image_rule(told), IMAGE_RULES[name])
    with pytest.raises(ConfigError) as refused:
        image_rule(told | dict.fromkeys(whole, 0))
    assert len(refused.value.problems) >= len(whole)


def test_pinpoints_are_whole_tiles_and_at_least_one() -> None:
    for points in ([], [[336, 500]], [[0, 336]]):
        with pytest.raises(ConfigError, match="pinpoints"):
            image_rule({"rule": "pinpoints", "tile_px": 336, "pinpoints": points})


def placed(files: dict[str, Any], file: str, key: str, value: object) -> None:
    """Put a value where a dotted key leads in a file."""
    *outer, last = key.split(".")
    held = files.setdefault(file, {})
    for name in outer:
        held = held.setdefault(name, {})
    held[last] = value


def first_place(key: str | list[str]) -> tuple[str, str]:
    """Return the file and the key of the first form that a value has."""
    text = key if isinstance(key, str) else key[0]
    file, _, path = text.rpartition(": ")
    return (
        "preprocessor_config.json" if file in ("", "preprocessor") else file,
        path,
    )


def folder_of(family: Mapping[str, Any], profile: ModelProfile) -> dict[str, Any]:
    """Return the files a checkpoint of a family ships, as its data file reads them."""
    told, files = family["folder"], {}
    if told["classes"]:
        files["preprocessor_config.json"] = {"image_processor_type": told["classes"][0]}
    for key, (counted, _) in told.get("expected", {}).items():
        placed(files, *first_place(key), counted)
    for name, (key, _) in told.get("config", {}).items():
        placed(files, *first_place(key), getattr(profile, name))
    for name, (key, *_) in told.get("image", {}).items():
        value = getattr(profile.image_rule, name)
        value = [list(pair) for pair in value] if isinstance(value, tuple) else value
        placed(files, *first_place(key), value)
    if "pixels" in told:
        limits = profile.checkpoint
        size = {"shortest_edge": limits.min_pixels, "longest_edge": limits.max_pixels}
        placed(files, "preprocessor_config.json", "size", size)
        name = next(
            each
            for each, rule in told["clip_classes"].items()
            if rule == profile.sampling.rule
        )
        size = {"shortest_edge": profile.video.min_pixels if profile.video else 0}
        size["longest_edge"] = profile.video.max_pixels if profile.video else 0
        video = {"video_processor_type": name, "size": size}
        files["video_preprocessor_config.json"] = video
    if told["model_types"] == [NATIVE]:
        return files
    config = files.setdefault("config.json", {})
    known = told["model_types"]
    config["model_type"] = profile.family if profile.family in known else known[0]
    if "vision" in told:
        config.setdefault("vision_config", {})["model_type"] = told["vision"]
    return files


def write(folder: Path, files: Mapping[str, Any]) -> str:
    folder.mkdir()
    for name, content in files.items():
        (folder / name).write_text(json.dumps(content), encoding="utf-8")
    return str(folder)


READ = [
    (family, short_name(model["hf_id"]))
    for family in families()
    if "folder" in family
    for model in family["model"]
]


@pytest.mark.parametrize(("family", "name"), READ, ids=[name for _, name in READ])
def test_a_folder_as_the_checkpoint_ships_it_counts_as_the_built_in(
    family: Mapping[str, Any], name: str, tmp_path: Path
) -> None:
    built_in = find_profile(name)
    found = find_profile(write(tmp_path / "m", folder_of(family, built_in)))
    for field in (
        *("family", "patch_px", "merge", "image_rule", "frame_rule", "image_frames"),
        *("class_tokens", "separators", "sampling", "video_rule", "temporal_patch"),
    ):
        assert getattr(found, field) == getattr(built_in, field), field
    for mine, theirs in (
        (found.checkpoint, built_in.checkpoint),
        (found.video, built_in.video),
    ):
        assert (mine and replace(mine, source="")) == (
            theirs and replace(theirs, source="")
        )


@pytest.mark.parametrize(("family", "name"), READ, ids=[name for _, name in READ])
def test_every_value_of_a_folder_is_read_and_every_fault_told(
    family: Mapping[str, Any], name: str, tmp_path: Path
) -> None:
    files, told = folder_of(family, find_profile(name)), family["folder"]
    keys = [
        *(key for key, *_ in told.get("image", {}).values()),
        *(key for key, _ in told.get("config", {}).values()),
        *told.get("expected", {}),
    ]
    for key in keys:
        placed(files, *first_place(key), "odd")
    with pytest.raises(ConfigError) as refused:
        find_profile(write(tmp_path / "m", files))
    text = str(refused.value)
    assert [key for key in keys if first_place(key)[1] not in text] == []


FORMS = json.loads(gzip.decompress((GOLD / "native_forms.json.gz").read_bytes()))


@pytest.mark.parametrize("case", FORMS, ids=lambda case: case["form"])
def test_a_folder_in_a_form_of_its_own_counts_as_the_code_it_comes_with(
    case: dict[str, Any], tmp_path: Path
) -> None:
    profile = find_profile(write(tmp_path / "m", case["files"]))
    sizes = sizes_of(*((high, wide, 0, 0.0, 1.0) for high, wide, *_ in case["rows"]))
    counts = count_patches(sizes, profile, preprocessing_of(profile))
    tokens = counts.visual_tokens + counts.separators - profile.separators
    for index, (_, _, runs, told, *lengths) in enumerate(case["rows"]):
        assert counts.runs_each[index] == runs
        assert tokens[index] == told
        if lengths:
            whole = counts.rest_patches[index] or counts.vit_patches[index]
            assert {whole, counts.vit_patches[index]} == {*lengths[0]}


def test_config_json_goes_before_the_file_of_mistral(tmp_path: Path) -> None:
    [native] = [each for each in FORMS if each["form"].startswith("Pixtral")]
    files = native["files"] | {
        "config.json": {
            "model_type": "llava",
            "vision_config": {"model_type": "pixtral"},
        },
        "preprocessor_config.json": {"size": {"longest_edge": 512}},
    }
    assert find_profile(write(tmp_path / "m", files)).family == "pixtral"
    text = {"params.json": {"dim": 4_096}}
    with pytest.raises(ConfigError, match=r"params\.json: vision_encoder: expected"):
        find_profile(write(tmp_path / "text", text))


def test_null_and_absent_values_are_the_defaults_of_the_class(tmp_path: Path) -> None:
    files = {
        "config.json": {"model_type": "internvl"},
        "preprocessor_config.json": {"size": {"height": 448}, "max_patches": None},
    }
    found = find_profile(write(tmp_path / "m", files))
    assert found.image_rule == ClosestGrid(tile_px=448, min_tiles=1, max_tiles=12)
    assert found.patch_px == 14


def test_one_number_stands_for_both_sides(tmp_path: Path) -> None:
    files = folder_of(
        next(each for each in families() if each["family"] == "llava"),
        find_profile("llava-1.5-7b-hf"),
    )
    files["preprocessor_config.json"]["crop_size"] = 336
    files["config.json"]["vision_config"]["patch_size"] = [14, 14]
    found = find_profile(write(tmp_path / "m", files))
    assert found.image_rule == find_profile("llava-1.5-7b-hf").image_rule


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"image_processor_type": "OtherImageProcessor"}, "image_processor_type"),
        ({"image_grid_pinpoints": [[336, 500]]}, "multiples of 336"),
        ({"image_grid_pinpoints": [[336]]}, "a list of heights and widths"),
        ({"image_grid_pinpoints": []}, "a list of heights and widths"),
        ({"crop_size": [336]}, "crop_size: expected an object"),
    ],
)
def test_a_processor_that_is_not_known_is_refused(
    change: dict[str, Any], expected: str, tmp_path: Path
) -> None:
    family = next(each for each in families() if each["family"] == "llava_next")
    files = folder_of(family, find_profile("llava-v1.6-mistral-7b-hf"))
    files["preprocessor_config.json"] |= change
    with pytest.raises(ConfigError, match=expected):
        find_profile(write(tmp_path / "m", files))


def test_a_tower_that_no_family_of_the_type_has_is_refused(tmp_path: Path) -> None:
    config = {"model_type": "llava", "vision_config": {"model_type": "siglip"}}
    with pytest.raises(ConfigError, match="expected pixtral or clip_vision_model"):
        find_profile(write(tmp_path / "m", {"config.json": config}))


def test_a_folder_without_processor_is_refused(tmp_path: Path) -> None:
    files = {"config.json": {"model_type": "gemma3"}}
    with pytest.raises(ConfigError, match=r"preprocessor_config\.json is missing"):
        find_profile(write(tmp_path / "m", files))


def test_code_of_a_folder_is_not_followed_and_clips_may_be_left_unsampled(
    tmp_path: Path,
) -> None:
    family = next(each for each in families() if each["family"] == "glm4v")
    files = folder_of(family, find_profile("glm-4.5v"))
    files["preprocessor_config.json"]["auto_map"] = {"AutoImageProcessor": "x.Y"}
    files["video_preprocessor_config.json"]["do_sample_frames"] = False
    found = find_profile(write(tmp_path / "m", files))
    assert "auto_map is not followed" in found.notes[-1]
    assert found.sampling.fps is None
    files["video_preprocessor_config.json"] |= {"video_processor_type": "Other"}
    with pytest.raises(ConfigError, match="video_processor_type"):
        find_profile(write(tmp_path / "other", files))


SAMPLE = "height,width,count\n1080,1920,3\n480,640,1\n900,100,1\n"


def test_count_tells_runs_and_tokens_of_an_image(tmp_path: Path) -> None:
    (tmp_path / "sizes.csv").write_text(SAMPLE, encoding="utf-8")
    whole = bucketwise(
        *("count", "sizes.csv", "--model", "minicpm-v-4.6"), cwd=tmp_path
    )
    head, *rows = [line.split(",") for line in whole.stdout.splitlines()]
    told = dict(zip(head, rows[-1], strict=True))
    assert (told["runs"], told["rest_patches"], told["image_tokens"]) == (
        *("9", "1056", "578"),
    )
    each = bucketwise(
        *("count", "sizes.csv", "--model", "internvl3-8b-hf", "--each-row"),
        cwd=tmp_path,
    )
    head, *rows = [line.split(",") for line in each.stdout.splitlines()]
    assert [row[head.index("image_tokens")] for row in rows] == ["2306", "3330", "2562"]


def test_count_of_a_model_with_pixel_limits_has_no_further_columns(
    tmp_path: Path,
) -> None:
    (tmp_path / "sizes.csv").write_text(SAMPLE, encoding="utf-8")
    counted = bucketwise(*("count", "sizes.csv", "--model", "glm-4.5v"), cwd=tmp_path)
    assert counted.stdout.splitlines()[0].endswith(",needed,error")


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        ("gemma-3-4b", "scaled to squares of 896 px"),
        (
            "internvl3-8b-hf",
            "1,025 ViT patches in each of 9 runs -> 2,304 image tokens",
        ),
        ("minicpm-v-4.6", "1,024 ViT patches in each of 8 runs, and 1,056 in one more"),
        ("pixtral-12b", "2,304 image tokens and 36 separators"),
        ("glm-4.6v", "2,691 merged patches"),
        ("llava-v1.6-mistral-7b-hf", "1,948 image tokens"),
    ],
)
def test_explain_follows_an_image_through_the_rule(
    model: str, expected: str, tmp_path: Path
) -> None:
    told = bucketwise("explain", "1920x1080", "--model", model, cwd=tmp_path)
    assert expected in told.stdout + told.stderr


def test_explain_tells_the_runs_of_a_clip(tmp_path: Path) -> None:
    told = bucketwise("explain", "1920x1080@33f", "--model", "kimi-k2.5", cwd=tmp_path)
    runs = "16,512 ViT patches in each of 8 runs, and 4,128 in one more"
    assert runs in told.stdout


def test_limits_in_pixels_are_refused_where_the_processor_knows_none(
    tmp_path: Path,
) -> None:
    refused = bucketwise(
        *("explain", "1920x1080", "--model", "internvl3-8b-hf"),
        *("--max-pixels", "1000000"),
        cwd=tmp_path,
    )
    assert refused.returncode == 2
    assert "max_pixels: expected none" in refused.stderr


@pytest.mark.parametrize("model", ["internvl3-8b-hf", "minicpm-v-4.6", "pixtral-12b"])
def test_analyze_tells_lengths_and_that_no_release_compiles_the_model(
    model: str, tmp_path: Path
) -> None:
    (tmp_path / "sizes.csv").write_text(SAMPLE, encoding="utf-8")
    told = bucketwise(
        *("analyze", "sizes.csv", "--model", model),
        *("--out", "out", "--format", "html,md"),
        cwd=tmp_path,
    )
    assert told.returncode == 0, told.stderr
    why = f"compiles {find_profile(model).family}: no configuration is written"
    if model == "pixtral-12b":
        why = (
            "compiles its tower for images of one size: there are no lengths to choose"
        )
    assert f"Verdict: no. {'The class' if 'one size' in why else 'No'}" in told.stdout
    assert why in told.stdout
    assert "No limit in pixels: " in told.stdout
    assert "max_pixels" not in told.stdout.split("ViT compute")[0]
    plan = json.loads((tmp_path / "out" / "plan.json").read_text(encoding="utf-8"))
    assert plan["visual"]["cost"]["unit"] == "patch"
    assert "tower's dimensions are not known" in plan["visual"]["cost"]["source"]
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert "No limit in pixels: " in page
    uneven = "runs of two lengths" in told.stdout
    assert uneven is (model == "minicpm-v-4.6")


def test_a_graph_has_no_price_where_the_compute_is_not_known(tmp_path: Path) -> None:
    (tmp_path / "sizes.csv").write_text(SAMPLE, encoding="utf-8")
    refused = bucketwise(
        *("analyze", "sizes.csv", "--model", "pixtral-12b"),
        *("--graph-minutes", "1", "--images-per-day", "1", "--keep-days", "1"),
        *("--vit-tflops", "1", "--out", "out"),
        cwd=tmp_path,
    )
    assert refused.returncode == 2
    assert "the compute of pixtral-12b is not known" in refused.stderr


def test_lint_says_nothing_of_lengths_for_a_class_that_takes_none(
    tmp_path: Path,
) -> None:
    text = (
        "from optimum.rbln import RBLNGemma3ForConditionalGeneration as Gemma\n"
        'Gemma.from_pretrained("google/gemma-3-4b-it", export=True, rbln_config={})\n'
    )
    (tmp_path / "compile.py").write_text(text, encoding="utf-8")
    for model in ((), ("--model", "gemma-3-4b")):
        told = bucketwise("lint", "compile.py", *model, cwd=tmp_path).stdout
        assert "0 errors" in told
    other = text.replace("google/gemma-3-4b-it", "OpenGVLab/InternVL3-8B-hf")
    (tmp_path / "compile.py").write_text(other, encoding="utf-8")
    told = bucketwise("lint", "compile.py", cwd=tmp_path).stdout
    assert "it has no class for it: no release has one" in told
