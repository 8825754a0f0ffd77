"""Planning for vLLM end to end: lists, files, words, and lint of what is emitted."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import bucketwise
from bucketwise.app.planning import write_plan
from bucketwise.core.analysis import Analysis
from bucketwise.engines.vllm.capture_sizes import Server, default_sizes
from bucketwise.engines.vllm.choosing import Range
from bucketwise.engines.vllm.model_classes import SINCE, UNPLANNED
from bucketwise.engines.vllm.planning import calls_of_traffic
from bucketwise.engines.vllm.replay import replay
from bucketwise.engines.vllm.targets import (
    ASCEND_TARGETS,
    TPU_TARGETS,
    VLLM_TARGETS,
)
from bucketwise.engines.vllm.variants import VARIANTS, kept_on_ascend_950
from bucketwise.errors import ConfigError, UsageError
from bucketwise.nouns.engine import parse_version
from bucketwise.nouns.traffic import Traffic
from bucketwise.read.configs.profiles import built_in_profiles, find_profile
from tests.budget import drawn
from tests.commands import bucketwise as run
from tests.strategies import traffic_of

ROOT = Path(__file__).parent.parent
PHOTOS = ROOT / "sample_traffic" / "web_photos.csv"
NEWEST = "vllm==0.33.0"
BUDGETS = "encoder_cudagraph_token_budgets"
SIZES = "cudagraph_capture_sizes"

EVERY_TARGET = tuple(
    target
    for catalogue in (VLLM_TARGETS, ASCEND_TARGETS, TPU_TARGETS)
    for target in catalogue.targets
)

TRAFFIC = traffic_of((640, 480, 600), (1_080, 1_920, 300), (2_048, 2_048, 150))


def planned(traffic: Traffic = TRAFFIC, **more: Any) -> Analysis:
    options = {"model": "qwen3-vl-2b", "target": [NEWEST]} | more
    return bucketwise.analyze(traffic, **options)


def written(
    analysis: Analysis, folder: Path, pages: tuple[str, ...] = ("html", "md")
) -> dict[str, str]:
    out = folder / "out"
    write_plan(analysis, out, formats=pages)
    return {
        str(file.relative_to(out)): file.read_text("utf-8")
        for file in out.rglob("*")
        if file.suffix in (".sh", ".json", ".html", ".md")
    }


def test_the_command_writes_what_a_server_of_vllm_takes(tmp_path: Path) -> None:
    done = run(
        *("analyze", PHOTOS, "--model", "qwen3-vl-2b", "--target", NEWEST),
        *("--out", "out"),
        cwd=tmp_path,
    )
    assert done.returncode == 0
    config = json.loads(
        (tmp_path / "out/vllm-0.33.0/compilation_config.json").read_text()
    )
    assert config == {
        "cudagraph_mm_encoder": True,
        BUDGETS: [260, 300, 400],
        "encoder_cudagraph_max_vision_items_per_batch": 1,
    }
    script = (tmp_path / "out/vllm-0.33.0/serve.sh").read_text()
    assert "--limit-mm-per-prompt '{\"video\": 0}'" in script
    # The two files say the same.
    [inline] = re.findall(r"--compilation-config '(.*?)'", script)
    assert json.loads(inline) == config
    # What vLLM's own list would do is said on the terminal.
    assert "6.9% of the rows are padding instead of 41.6%" in done.stdout
    for file in ("serve.sh", "compilation_config.json"):
        judged = run(
            *("lint", f"out/vllm-0.33.0/{file}", "--traffic", PHOTOS),
            *("--model", "qwen3-vl-2b", "--target", NEWEST),
            cwd=tmp_path,
        )
        assert judged.returncode == 0
        assert "0 errors, 0 warnings, 0 notes" in judged.stdout


def test_two_engines_are_answered_on_one_page(tmp_path: Path) -> None:
    rbln = "optimum-rbln==0.12.0"
    done = run(
        *("analyze", PHOTOS, "--model", "qwen3-vl-2b", "--out", "out"),
        *("--target", NEWEST, "--target", rbln),
        cwd=tmp_path,
    )
    assert done.returncode == 0
    ours, others = done.stdout.split("On RBLN:")
    assert "Capture [260, 300, 400] merged patches" in ours
    assert "Compile [1040, 1200, 1600] ViT patches" in others
    page = (tmp_path / "out" / "report.html").read_text("utf-8")
    assert "[260, 300, 400]" in page
    [beside] = re.findall(r'<section id="beside".*?</section>', page, re.DOTALL)
    assert "[1040, 1200, 1600]" in beside
    for name, alone in ((NEWEST, "one"), (rbln, "other")):
        run(
            *("analyze", PHOTOS, "--model", "qwen3-vl-2b", "--out", alone),
            *("--target", name, "--format", "none"),
            cwd=tmp_path,
        )
        [folder] = [each for each in (tmp_path / alone).iterdir() if each.is_dir()]
        for file in folder.iterdir():
            together = tmp_path / "out" / folder.name / file.name
            assert together.read_bytes() == file.read_bytes()


@pytest.mark.parametrize("target", [each.name for each in EVERY_TARGET])
@pytest.mark.parametrize(
    "model",
    [
        *("qwen3-vl-2b", "qwen2.5-vl-7b", "qwen2-vl-7b"),
        *("glm-4.5v", "idefics3-8b-llama3"),
    ],
)
def test_what_is_emitted_for_any_release_passes_lint(
    target: str, model: str, tmp_path: Path
) -> None:
    if parse_version(target.partition("==")[2]) < SINCE[find_profile(model).family]:
        with pytest.raises(ConfigError, match="captures no encoder graph"):
            planned(model=model, target=[target])
        return
    files = written(planned(model=model, target=[target]), tmp_path, ())
    emitted = [name for name in files if "/" in name]
    assert len(emitted) == 2
    for name in emitted:
        [judged] = bucketwise.lint_config(
            tmp_path / "out" / name, model=model, traffic=TRAFFIC, target=target
        ).judged
        assert not judged.reported


def test_the_tiles_of_an_image_are_one_item() -> None:
    analysis = planned(model="idefics3-8b-llama3")
    # 4 x 3, 3 x 4 and 4 x 4 tiles of 169 tokens, each with the whole image beside them.
    assert analysis.plan.visual.merged_max_seq_lens == (13 * 169, 17 * 169)
    assert [call.tokens for call in calls_of_traffic(analysis)] == [
        (13 * 169,),
        (17 * 169,),
    ]
    assert not analysis.plan.visual.overflow_possible > 17 * 676


@pytest.mark.parametrize("name", [*built_in_profiles()])
def test_a_model_without_lists_is_told_why(name: str) -> None:
    family = find_profile(name).family
    if VLLM_TARGETS.of(family):
        return
    with pytest.raises(ConfigError, match=re.escape(UNPLANNED[family])):
        planned(model=name)


def test_a_release_before_the_class_is_refused_beside_newer_ones_of_its_target() -> (
    None
):
    with pytest.raises(ConfigError, match=r"vllm==0\.23\.0 captures no encoder graph"):
        planned(model="glm-4.5v", target=["vllm==0.23.0"])
    assert planned(model="glm-4.5v", target=["vllm==0.24"]).plan.visual.max_seq_lens


def test_windows_that_rbln_pads_are_not_padded_here() -> None:
    # 1,080 x 1,920 px are 77 x 137 patches of 14 px, resized to 76 x 136.
    [found] = bucketwise.explain(
        ["1920x1080"], model="qwen2.5-vl-7b", target=NEWEST, max_pixels=12_845_056
    )
    [padded] = bucketwise.explain(
        ["1920x1080"],
        model="qwen2.5-vl-7b",
        target="optimum-rbln==0.12.0",
        max_pixels=12_845_056,
    )
    assert found.needed < padded.needed


sizes = st.tuples(
    st.integers(56, 2_500), st.integers(56, 2_500), st.sampled_from([1.0, 20.0, 1e3])
)


@settings(max_examples=drawn(15, 300))
@given(rows=st.lists(sizes, min_size=1, max_size=6, unique=True))
def test_the_plan_costs_what_replaying_its_budgets_costs(
    rows: list[tuple[int, int, float]],
) -> None:
    analysis = planned(traffic_of(*rows))
    visual = analysis.plan.visual
    graphs = Range().default((0, 33, 0))
    ours = type(graphs)(
        release=(0, 33, 0), budgets=visual.merged_max_seq_lens, max_items=1
    )
    bill = replay(calls_of_traffic(analysis), ours)
    assert bill.misses == 0
    assert 4 * bill.rows == pytest.approx(visual.padded_compute)
    assert bill.waste == pytest.approx(visual.waste)


def test_a_clip_is_one_item_and_its_frames_are_made_room_for(tmp_path: Path) -> None:
    table = tmp_path / "clips.csv"
    table.write_text("height,width,frames\n" + "448,448,8\n" * 50 + "640,480,\n" * 50)
    analysis = planned(bucketwise.read_traffic([table]))
    # 8 frames are 4 temporal patches of 14 x 14 merged ones, all in one run.
    assert analysis.plan.visual.merged_max_seq_lens[-1] == 4 * 14 * 14
    files = written(analysis, tmp_path, ())
    config = json.loads(files["vllm-0.33.0/compilation_config.json"])
    assert config["encoder_cudagraph_max_frames_per_batch"] == 4
    assert '"video": 0' not in files["vllm-0.33.0/serve.sh"]


def test_pages_count_what_is_set_in_merged_patches_and_name_no_other_engine(
    tmp_path: Path,
) -> None:
    files = written(planned(current=[4_096, 8_192]), tmp_path)
    for page in ("report.html", "summary.md"):
        shown = re.sub(r"<(style|script).*?</\1>", "", files[page], flags=re.DOTALL)
        assert BUDGETS in shown
        assert "merged patches" in shown
        assert "rbln" not in shown.lower()
    assert "runs without a graph" in files["report.html"]
    # What the panel writes as options are lengths as they are typed.
    assert '"unit":"merged_patches"' in files["report.html"]


def busy(folder: Path, running: list[int]) -> Path:
    """Write what an engine ran, one sample a second."""
    rows = "".join(f"{second},{count}\n" for second, count in enumerate(running))
    path = folder / "load.csv"
    path.write_text(f"timestamp,num_running\n{rows}")
    return path


def capture_sizes(
    folder: Path, target: str, running: list[int], **more: Any
) -> tuple[Any, str]:
    evidence = bucketwise.read_evidence([busy(folder, running)])
    analysis = planned(evidence=evidence, target=[target], **more)
    files = written(analysis, folder, ())
    [emitted] = [name for name in files if name.endswith("compilation_config.json")]
    config = json.loads(files[emitted])
    [said] = [
        each.words
        for each in analysis.plan.verdict.reasons
        if each.id == "capture-sizes"
    ]
    return config.get(SIZES), said


def test_where_graphs_of_ones_own_save_little_vllms_stay(tmp_path: Path) -> None:
    sizes_, said = capture_sizes(tmp_path, NEWEST, [1, 2, 3, 4, 8] * 60, batch_size=8)
    assert sizes_ is None
    assert said.startswith("Leave cudagraph_capture_sizes alone")


def test_where_they_save_much_they_join_those_above_max_num_seqs(
    tmp_path: Path,
) -> None:
    # 65 of 128 run all the time: vLLM's own next size is 72.
    sizes_, said = capture_sizes(
        tmp_path, NEWEST, [65] * 300, batch_size=128, min_saving=0.02, step_cost="slots"
    )
    above = [each for each in default_sizes(Server(max_num_seqs=128)) if each > 128]
    assert sizes_ == [65, 128, *above]
    assert "save" in said


@given(requests=st.integers(1, 2_000))
def test_vllms_own_sizes_end_with_max_num_seqs(requests: int) -> None:
    own = VARIANTS["vllm"].own_sizes(requests)
    assert own[-1] == requests
    assert set(own[:-1]) <= set(default_sizes(Server(max_num_seqs=requests)))


def test_ascend_keeps_every_size_that_is_given_it(tmp_path: Path) -> None:
    sizes_, _ = capture_sizes(
        tmp_path,
        "vllm-ascend==0.23.0",
        [65] * 300,
        batch_size=128,
        min_saving=0.02,
        step_cost="slots",
    )
    # It captures nothing above max_num_seqs, and on Ascend 950 four sizes at most.
    assert sizes_ == [65, 128]
    assert list(kept_on_ascend_950(tuple(sizes_))) == sizes_


def test_sizes_are_added_to_what_tpu_inference_compiles(tmp_path: Path) -> None:
    capture_sizes(
        tmp_path,
        "tpu-inference==0.32.0",
        [65] * 300,
        batch_size=128,
        min_saving=0.02,
        step_cost="slots",
    )
    script = (tmp_path / "out/tpu-inference-0.32.0/serve.sh").read_text("utf-8")
    [added] = re.findall(r"--additional-config '(.*?)'", script)
    assert json.loads(added)["compilation_sizes"][:2] == [65, 128]


def test_what_vllm_has_no_setting_for_is_refused(tmp_path: Path) -> None:
    done = run(
        *("analyze", PHOTOS, "--model", "qwen3-vl-2b", "--target", NEWEST),
        *("--devices", "4", "--out", "out"),
        cwd=tmp_path,
    )
    assert done.returncode == 2
    assert "--devices: no setting of vLLM" in done.stderr


@pytest.mark.parametrize("name", ["vllm==0.18.1", "vllm==0.34.0", "vllm==new"])
def test_a_release_that_is_not_known_is_refused(name: str) -> None:
    with pytest.raises(UsageError, match=r"vllm==0\.19\.0 to 0\.33\.0"):
        planned(target=[name])


def test_a_model_whose_lists_are_not_planned_is_told_of() -> None:
    with pytest.raises(ConfigError, match="every width of soft tokens"):
        planned(model="gemma-4-e2b")
