"""Lengths for models whose images fill a count of soft tokens."""

from __future__ import annotations

import csv
import itertools
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import example, given, settings
from hypothesis import strategies as st

import bucketwise
from bucketwise.cli import main
from bucketwise.core.buckets import Buckets, Demand
from bucketwise.core.cost import price
from bucketwise.core.optimize import SOLVERS, Problem
from bucketwise.core.optimize.exact import frontier
from bucketwise.engines.rbln.base_config import given_base
from bucketwise.engines.rbln.nesting import flattened, nested
from bucketwise.errors import ConfigError, UsageError
from bucketwise.lint.finding import SEVERITIES
from bucketwise.nouns.profile import ModelProfile, compiled_counts
from bucketwise.read.configs.profiles import built_in_profiles, find_profile
from tests import commands
from tests.gemma4 import text_config_of
from tests.strategies import clips_of, traffic_of

MODEL = "gemma-4-26b-a4b"
SUPPORTED = (70, 140, 280, 560, 1_120)
SIDES = st.tuples(st.integers(1, 3_000), st.integers(1, 3_000), st.integers(1, 900))

counts = st.sampled_from(SUPPORTED)


def refused(chunks: tuple[int, ...], tokens: tuple[int, ...]) -> bool:
    """What the class refuses (optimum-rbln 0.12.0, _update_image_prefill_chunk_size)."""
    if any(chunk <= 0 or chunk % 128 for chunk in chunks):
        return True
    if max(chunks) < max(tokens):
        return True
    used = {min(chunk for chunk in chunks if chunk >= each) for each in tokens}
    return used != set(chunks)


@st.composite
def problems(draw: st.DrawFn) -> tuple[Problem, Demand, int]:
    """Runs of tokens under a count, as images of every shape need them."""
    count = draw(counts)
    needed = draw(st.lists(st.integers(1, count), min_size=1, max_size=8, unique=True))
    runs = [draw(st.integers(1, 1_000)) for _ in needed]
    demand = Demand.of(np.array(needed), np.array(runs, dtype=float))
    curve = bucketwise.core.cost.run_flops(find_profile(MODEL))
    marks = tuple(each for each in SUPPORTED if each <= max(count, 70))
    problem = Problem.of(
        demand, curve.at, align=128, top=-(-count // 128) * 128, marks=marks
    )
    return problem, demand, count


def problem_of(needed: list[int], count: int) -> tuple[Problem, Demand, int]:
    demand = Demand.of(np.array(needed), np.ones(len(needed)))
    curve = bucketwise.core.cost.run_flops(find_profile(MODEL))
    marks = tuple(each for each in SUPPORTED if each <= max(count, 70))
    top = -(-count // 128) * 128
    problem = Problem.of(demand, curve.at, align=128, top=top, marks=marks)
    return problem, demand, count


@settings(max_examples=50, deadline=None)
@given(drawn=problems())
# The best list has a length, 640, that nothing needs and one count alone asks for.
@example(drawn=problem_of([1, 129, 257, 258, 385], 1_120))
@example(drawn=problem_of([257, 385], 1_120))
def test_no_list_that_the_class_takes_pads_less_for_as_many_lengths(
    drawn: tuple[Problem, Demand, int],
) -> None:
    problem, demand, count = drawn
    curve = bucketwise.core.cost.run_flops(find_profile(MODEL))
    top = problem.top
    found = {len(lengths): lengths for lengths in frontier(problem, 9)}
    possible = range(128, top, 128)
    for k, lengths in found.items():
        best = min(
            price(Buckets((*below, top)), demand, curve).padded_compute
            for below in itertools.combinations(possible, k - 1)
            if not refused(
                (*below, top), compiled_counts((*below, top), {count, 70}, SUPPORTED)
            )
        )
        mine = price(Buckets(lengths), demand, curve).padded_compute
        assert mine == pytest.approx(best)


@settings(max_examples=100, deadline=None)
@given(drawn=problems(), k=st.integers(1, 6), name=st.sampled_from(sorted(SOLVERS)))
def test_every_solver_gives_lengths_that_some_counts_run_on(
    drawn: tuple[Problem, Demand, int], k: int, name: str
) -> None:
    problem, _, count = drawn
    lengths = SOLVERS[name](problem, k)
    tokens = compiled_counts(lengths, {count, 70}, SUPPORTED)
    assert not refused(lengths, tokens)
    assert {count, 70} <= set(tokens) <= set(SUPPORTED)


@settings(max_examples=15, deadline=None)
@given(
    rows=st.lists(SIDES, min_size=1, max_size=6),
    count=counts,
    options=st.fixed_dictionaries(
        {},
        optional={
            "buckets": st.sampled_from([(1, 1), (1, 3), (3, 5)]),
            "headroom": st.sampled_from([0.1, 5.0]),
            "align": st.sampled_from([1, 256, 1_000]),
            "allow_overflow": st.booleans(),
        },
    ),
)
def test_a_plan_is_taken_whole_and_serves_whatever_its_processor_makes(
    rows: list[tuple[int, int, int]], count: int, options: dict[str, Any]
) -> None:
    traffic = traffic_of(*((h, w, float(n)) for h, w, n in rows))
    plan = bucketwise.analyze(
        traffic, model=MODEL, max_pixels=count * 2_304, **options
    ).plan
    visual = plan.visual
    assert not refused(visual.max_seq_lens, visual.soft_tokens)
    # An image of any shape fills up to the count, a frame of a clip up to 70.
    assert {count, 70} <= set(visual.soft_tokens)
    assert visual.max_seq_lens[-1] >= count == visual.overflow_possible
    assert visual.processor.max_pixels == count * 2_304
    assert visual.shrunk_images == 0


def test_more_lengths_than_the_counts_leave_room_for_are_asked_for_in_vain() -> None:
    visual = bucketwise.analyze(
        traffic_of((1, 12), (1, 141)),
        model=MODEL,
        max_pixels=560 * 2_304,
        buckets=(3, 5),
    ).plan.visual
    assert visual.max_seq_lens == (512, 640)


def test_square_images_of_the_default_count_run_on_256_and_others_on_384() -> None:
    traffic = traffic_of((640, 640, 900.0), (1_080, 1_920, 900.0))
    visual = bucketwise.analyze(traffic, model=MODEL).plan.visual
    assert visual.max_seq_lens == (256, 384)
    assert [use.runs for use in visual.buckets] == [900, 900]
    assert visual.soft_tokens == (70, 280)


def test_a_count_is_compiled_for_a_length_that_nothing_else_runs_on() -> None:
    # Frames of 70 on 128, squares of 256 on 256, other shapes on 384: the class refuses
    # 256 beside 70 and 280, whatever fewer tokens a square has.
    traffic = traffic_of((640, 640, 9_000.0), (1_080, 1_920, 9_000.0))
    clips = clips_of((720, 1_280, 32, 9_000))
    both = bucketwise.nouns.traffic.merge_traffic([traffic, clips])
    visual = bucketwise.analyze(both, model=MODEL, buckets=(3, 3)).plan.visual
    assert visual.max_seq_lens == (128, 256, 384)
    assert visual.soft_tokens == (70, 140, 280)
    assert refused(visual.max_seq_lens, (70, 280))
    [note] = [each for each in visual.warnings if each.id == "soft-tokens"]
    assert "140 is there for a length alone" in note.words


def test_every_image_costs_the_tower_the_same_and_the_plan_says_what() -> None:
    for row in ((640, 640, 9.0), (10, 3_000, 9.0)):
        visual = bucketwise.analyze(traffic_of(row), model=MODEL).plan.visual
        [note] = [each for each in visual.warnings if each.id == "soft-tokens"]
        assert "for 2,520 padded patches, whatever its size" in note.words


@pytest.mark.parametrize("limits", [{"max_pixels": 500_000}, {"min_pixels": 65_536}])
def test_a_limit_that_is_no_supported_count_is_refused(limits: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match=r"pixels: expected .*gemma-4-26b-a4b "):
        bucketwise.analyze(traffic_of((640, 640, 9.0)), model=MODEL, **limits)


def test_a_pin_that_no_count_runs_on_is_refused() -> None:
    traffic = traffic_of((640, 640, 9.0))
    with pytest.raises(ConfigError, match=r"pinned: expected .* \[70.*, got 16384"):
        bucketwise.analyze(traffic, model=MODEL, pins=(384, 16_384))


# Configurations


CONFIG: dict[str, Any] = {
    "vision_tower": {"max_soft_tokens": [70, 280]},
    "language_model": {
        "image_prefill_chunk_size": [256, 384],
        "max_seq_len": 32_768,
        "kvcache_partition_len": 16_384,
        "num_devices": 16,
    },
    "batch_size": 2,
    "create_runtimes": False,
}


def with_lists(counts: Any, chunks: Any) -> dict[str, Any]:
    language = {**CONFIG["language_model"], "image_prefill_chunk_size": chunks}
    if chunks is None:
        del language["image_prefill_chunk_size"]
    tower = {} if counts is None else {"max_soft_tokens": counts}
    return {**CONFIG, "vision_tower": tower, "language_model": language}


def found_in(
    config: dict[str, Any] | str | Path, **options: Any
) -> dict[str, tuple[str, ...]]:
    """Rule -> where it found something, notes left out."""
    report = bucketwise.lint_config(config, **({"model": MODEL} | options))
    return {
        each.rule: each.finding.path
        for judged in report.judged
        for each in judged.reported
        if SEVERITIES.index(each.finding.severity) < SEVERITIES.index("info")
    }


@settings(max_examples=80, deadline=None)
@given(
    tokens=st.lists(counts, min_size=1, max_size=4, unique=True),
    chunks=st.lists(
        st.sampled_from([100, 128, 256, 384, 512, 640, 1_152]),
        min_size=1,
        max_size=4,
        unique=True,
    ),
)
def test_lint_finds_an_error_exactly_where_the_class_refuses_the_lists(
    tokens: list[int], chunks: list[int]
) -> None:
    found = found_in(with_lists(tokens, chunks))
    refusing = {
        "buckets/unaligned-bucket",
        "soft-tokens/chunk-below-count",
        "soft-tokens/chunk-never-used",
    }
    assert bool(refusing & set(found)) == refused(tuple(chunks), tuple(tokens))


def test_a_sound_configuration_has_nothing_against_it() -> None:
    assert found_in(CONFIG) == {}
    assert found_in(with_lists([70, 280], None)) == {}


def test_a_chunk_no_count_runs_on_is_told_with_both_ways_out() -> None:
    report = bucketwise.lint_config(with_lists([70, 280], [128, 256, 384]), model=MODEL)
    [finding] = [
        each.finding
        for each in report.judged[0].reported
        if each.rule == "soft-tokens/chunk-never-used"
    ]
    assert finding.path == ("language_model", "image_prefill_chunk_size")
    assert finding.right == "[128, 384], or max_soft_tokens [70, 140, 280]"


def test_what_the_processor_makes_must_be_compiled_exactly() -> None:
    rule, path = "soft-tokens/count-not-compiled", ("vision_tower", "max_soft_tokens")
    # A larger count does not do.
    assert found_in(with_lists([70, 560], None)) == {rule: path}
    # Clips fill 70.
    assert found_in(with_lists([280], None)) == {rule: path}
    assert found_in(with_lists(None, None)) == {rule: path}


SERVE = """\
vllm serve {model} --block-size 16384 --max-model-len 32768 --max-num-seqs 1 \\
  --mm-processor-kwargs '{kwargs}' --additional-config '{config}'
"""


@pytest.mark.parametrize("nested_kwargs", [False, True])
@pytest.mark.parametrize("count", SUPPORTED)
def test_a_serve_line_may_ask_for_a_compiled_count_alone(
    count: int, nested_kwargs: bool, tmp_path: Path
) -> None:
    kwargs: dict[str, Any] = {"max_soft_tokens": count}
    kwargs = {"images_kwargs": kwargs} if nested_kwargs else kwargs
    config = {"rbln_config": {"vision_tower": {"max_soft_tokens": [70, 280]}}}
    line = SERVE.format(
        model="google/gemma-4-26B-A4B-it",
        kwargs=json.dumps(kwargs),
        config=json.dumps(config),
    )
    file = tmp_path / "serve.sh"
    file.write_text(line)
    found = found_in(file, model=None)
    assert ("soft-tokens/count-not-compiled" in found) == (count not in (70, 280))


@pytest.mark.parametrize(("count", "fails"), [(280, False), (560, True)])
def test_a_compiled_folder_is_asked_which_counts_it_holds(
    count: int, fails: bool, tmp_path: Path
) -> None:
    folder = tmp_path / "compiled-gemma"
    folder.mkdir()
    name = "RBLNGemma4ForConditionalGenerationConfig"
    held = {"cls_name": name, "optimum_rbln_version": "0.12.0", **CONFIG}
    (folder / "rbln_config.json").write_text(json.dumps(held))
    file = tmp_path / "serve.sh"
    file.write_text(
        f"vllm serve {folder} --block-size 16384 --max-model-len 32768 "
        f"--mm-processor-kwargs '{{\"max_soft_tokens\": {count}}}'\n"
    )
    found = found_in(file, model=None)
    assert ("soft-tokens/count-not-compiled" in found) == fails


@pytest.mark.parametrize(
    ("name", "value", "rule"),
    [
        ("max_seq_len", 32_768, "soft-tokens/wrong-level"),
        ("visual", {"max_seq_len": [384]}, "soft-tokens/wrong-level"),
        ("language_model", {"max_seq_lenn": 4_096}, "keys/wrong-key"),
        ("vision_tower", {"max_softtokens": [280]}, "keys/wrong-key"),
    ],
)
def test_a_setting_at_the_wrong_level_is_found(
    name: str, value: Any, rule: str
) -> None:
    assert rule in found_in({**CONFIG, name: value})


def test_what_is_nested_reads_back_the_same() -> None:
    flat = flattened(CONFIG, "gemma4")
    assert flat["visual"] == {"max_seq_len": [256, 384]}
    assert flat["max_seq_len"] == 32_768
    again = nested(flat, "gemma4", (70, 280))
    assert flattened(again, "gemma4") == flat
    assert again["language_model"]["image_prefill_chunk_size"] == [256, 384]


def test_a_nested_base_is_emitted_with_new_lists_alone(tmp_path: Path) -> None:
    base = given_base(CONFIG, family="gemma4", source="base.json")
    traffic = traffic_of((640, 640, 900.0), (1_080, 1_920, 900.0))
    analysis = bucketwise.analyze(
        traffic, model=MODEL, base=base, max_pixels=140 * 2_304
    )
    bucketwise.write_plan(analysis, tmp_path / "out", base=base, formats=())
    emitted = json.loads(
        (tmp_path / "out" / "optimum-rbln-0.12.0" / "rbln_config.json").read_text()
    )
    assert emitted["vision_tower"]["max_soft_tokens"] == [70, 140]
    assert emitted["language_model"]["image_prefill_chunk_size"] == [128, 256]
    assert emitted["language_model"]["max_seq_len"] == 32_768
    assert emitted["language_model"]["num_devices"] == 16
    assert emitted["batch_size"] == 2
    assert "num_devices" not in emitted


def test_analyze_compare_and_lint_count_the_same_images_that_fail() -> None:
    traffic = traffic_of((640, 640, 900.0), (1_080, 1_920, 40.0), (768, 1_024, 2.0))
    today = "256"  # squares of 256 tokens fit; 264 and 266 do not
    current = bucketwise.analyze(
        traffic, model=MODEL, current=today
    ).plan.visual.current
    assert current is not None
    assert current.overflow_images == 42
    assert not current.max_pixels_assumed or current.max_pixels == 280 * 2_304
    compared = bucketwise.compare(traffic, (today, "256,384"), model=MODEL)
    assert [each.overflow_images for each in compared.outcomes] == [42, 0]
    [judged] = bucketwise.lint_config(today, model=MODEL, traffic=traffic).judged
    [finding] = [
        each.finding
        for each in judged.reported
        if each.rule == "buckets/image-too-long"
    ]
    assert finding.found.startswith("42 of 942 images")


# Folders of checkpoints


def folder_of(profile: ModelProfile, folder: Path, **image: Any) -> str:
    """Write what the files of a checkpoint say; return the folder."""
    vit, text = profile.tower, profile.lm
    assert text is not None
    config = {
        "model_type": "gemma4",
        "vision_config": {
            "num_hidden_layers": vit.depth,
            "hidden_size": vit.hidden,
            "intermediate_size": vit.intermediate,
            "head_dim": vit.normed_head_dim,
            "patch_size": 16,
            "pooling_kernel_size": 3,
        },
        "text_config": text_config_of(text),
    }
    processor = {
        "image_processor": {"max_soft_tokens": 280} | image,
        "video_processor": {"max_soft_tokens": 70, "num_frames": 32},
    }
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "processor_config.json").write_text(json.dumps(processor))
    return f"{folder}/"


@pytest.mark.parametrize(
    "name", [each.name for each in built_in_profiles().values() if each.soft_tokens]
)
def test_a_checkpoints_own_folder_reads_back_as_its_built_in_profile(
    name: str, tmp_path: Path
) -> None:
    built_in = find_profile(name)
    found = find_profile(folder_of(built_in, tmp_path / "gemma"))
    assert found.lm is not None
    assert built_in.lm is not None
    assert replace(found.lm, source="") == replace(built_in.lm, source="")
    assert found.vit == built_in.vit
    assert found.sampling == built_in.sampling
    for mine, own in (
        (found.checkpoint, built_in.checkpoint),
        (found.video, built_in.video),
    ):
        assert mine is not None
        assert own is not None
        assert (mine.min_pixels, mine.max_pixels) == (own.min_pixels, own.max_pixels)


def test_a_folder_with_another_count_is_planned_for_it(tmp_path: Path) -> None:
    folder = folder_of(find_profile(MODEL), tmp_path / "mine", max_soft_tokens=560)
    visual = bucketwise.analyze(traffic_of((640, 640, 9.0)), model=folder).plan.visual
    assert visual.soft_tokens == (70, 560)
    assert visual.max_seq_lens[-1] == 640
    odd = folder_of(find_profile(MODEL), tmp_path / "odd", max_soft_tokens=300)
    with pytest.raises(
        ConfigError, match=r"max_soft_tokens: expected one of 70, 140.*, got 300"
    ):
        find_profile(odd)


# The command line


def test_the_command_line_takes_a_count_and_speaks_of_soft_tokens(
    tmp_path: Path,
) -> None:
    table = tmp_path / "traffic.csv"
    table.write_text("width,height,count\n640,640,900\n1920,1080,900\n")
    out = tmp_path / "out"
    options = ["--model", MODEL, "--soft-tokens", "140", "--out", str(out)]
    ran = CliRunner().invoke(main, ["analyze", str(table), *options])
    assert ran.exit_code == 0, ran.output
    assert "Compile [128, 256] soft tokens" in ran.output
    assert "vision_tower.max_soft_tokens [70, 140]" in ran.output
    assert "max_soft_tokens 140 on the processor" in ran.output
    report = (out / "report.html").read_text()
    assert "ViT patches" not in report + ran.output
    plan = json.loads((out / "plan.json").read_text())
    assert plan["visual"]["max_seq_lens"] == [128, 256]
    assert plan["visual"]["soft_tokens"] == [70, 140]
    both = [*options, "--max-pixels", "322560"]
    refused = commands.bucketwise("analyze", table, *both, cwd=tmp_path)
    assert refused.returncode == 2
    assert "expected --max-pixels or --soft-tokens, got both" in refused.stderr
    told = CliRunner().invoke(
        main, ["count", str(table), "--model", MODEL, "--soft-tokens", "140"]
    )
    rows = csv.DictReader(told.stdout.splitlines())
    assert [row["needed"] for row in rows] == ["121", "120"]


def test_an_image_is_explained_as_its_processor_takes_it() -> None:
    line = bucketwise.explain(["1920x1080"], model=MODEL)[0].line
    assert (
        bucketwise.explain(["1920x1080"], model=MODEL, soft_tokens=280)[0].line == line
    )
    assert "to fill max_soft_tokens 280" in line
    assert "2,376 ViT patches, padded to 2,520 -> 264 soft tokens" in line
    clip = bucketwise.explain(["1280x720@90f@30fps"], model=MODEL)[0].line
    assert "padded to 630 in each of 32 runs (one a frame)" in clip
