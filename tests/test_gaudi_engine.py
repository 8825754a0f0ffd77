"""Planning for vllm-gaudi end to end: what is set, what is warmed, and its lint."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import bucketwise
from bucketwise.app.planning import write_plan
from bucketwise.core.analysis import Analysis
from bucketwise.engines.gaudi.base_config import GaudiBase
from bucketwise.engines.gaudi.decode import Prepared, prepared, shapes_of
from bucketwise.engines.gaudi.rules.table import RULES
from bucketwise.engines.gaudi.strategies import Server
from bucketwise.engines.gaudi.targets import TARGETS
from bucketwise.engines.gaudi.vision import resolutions_in
from bucketwise.engines.gaudi.warming import pairs_at, pairs_of
from bucketwise.errors import ConfigError, UsageError
from bucketwise.lint.case import Judged
from bucketwise.nouns.traffic import Traffic
from tests.budget import drawn
from tests.commands import bucketwise as run
from tests.strategies import traffic_of

SCREENSHOTS = Path(__file__).parent.parent / "sample_traffic" / "docs_screenshots.csv"
NEWEST = "vllm-gaudi==0.26.0"
OLDER = "vllm-gaudi==0.24.0"
MODEL = "qwen2.5-vl-7b"
HF_ID = "Qwen/Qwen2.5-VL-7B-Instruct"

TRAFFIC = traffic_of((640, 480, 600), (1_080, 1_920, 300), (2_048, 2_048, 150))


def planned(traffic: Traffic = TRAFFIC, **more: Any) -> Analysis:
    options = {"model": MODEL, "target": [NEWEST]} | more
    return bucketwise.analyze(traffic, **options)


def emitted(analysis: Analysis, folder: Path) -> dict[str, str]:
    write_plan(analysis, folder / "out", formats=())
    return {
        file.name: file.read_text("utf-8")
        for target in (folder / "out").iterdir()
        if target.is_dir()
        for file in target.iterdir()
    }


def variables(script: str) -> dict[str, str]:
    return dict(re.findall(r"^export (\w+)=(.*)$", script, re.MULTILINE))


sizes = st.tuples(
    st.integers(28, 3_000), st.integers(28, 3_000), st.sampled_from([1.0, 20.0, 1e3])
)
rows = st.lists(sizes, min_size=1, max_size=40, unique_by=lambda each: each[:2])


@settings(max_examples=drawn(15, 300))
@given(drawn_rows=rows, model=st.sampled_from([MODEL, "qwen3-vl-2b", "qwen3.5-4b"]))
def test_a_resolution_is_made_into_the_grid_it_is_named_for(
    drawn_rows: list[tuple[int, int, float]], model: str
) -> None:
    analysis = planned(traffic_of(*drawn_rows), model=model)
    base = analysis.base
    assert isinstance(base, GaudiBase)
    warmed = base.warmed
    assert warmed is not None
    named = [(each.width_px, each.height_px) for each in warmed.resolutions]
    grids = pairs_at(named, analysis.profile, analysis.preprocessing)
    assert len(grids) == len(named)
    weights = pairs_of(analysis.counts)
    assert grids <= weights.keys()
    covered = sum(weights[pair] for pair in grids) / sum(weights.values())
    assert warmed.share == pytest.approx(covered + warmed.guessed_share)
    # Each covers one grid, so that the most frequent are the best there is.
    assert warmed.is_best
    assert warmed.most_share == pytest.approx(warmed.share)


def test_the_command_writes_what_a_server_of_vllm_gaudi_takes(tmp_path: Path) -> None:
    done = run(
        *("analyze", SCREENSHOTS, "--model", MODEL, "--target", NEWEST),
        *("--batch-size", "8", "--max-seq-len", "8192", "--out", "out"),
        cwd=tmp_path,
    )
    assert done.returncode == 0
    folder = tmp_path / "out" / "vllm-gaudi-0.26.0"
    assert {file.name for file in folder.iterdir()} == {"serve.sh", "buckets.txt"}
    script = (folder / "serve.sh").read_text("utf-8")
    named = variables(script)
    lengths = "2376,5568,12600,22848,39060,65000"
    assert named["VLLM_MULTIMODAL_BUCKETS"] == lengths
    assert len(resolutions_in(named["VLLM_MULTIMODAL_RESOLUTIONS"])) == 22
    assert "--limit-mm-per-prompt '{\"image\": 999}'" in script
    assert "22 resolutions of 852 grids cover 19.1% of the images" in done.stdout
    assert "no choice of as many covers more" in done.stdout
    assert "cover 0.6%" in done.stdout
    assert "waits for a compile" in done.stdout
    judged = run(
        *("lint", "out/vllm-gaudi-0.26.0/serve.sh", "--traffic", SCREENSHOTS),
        *("--model", MODEL, "--target", NEWEST),
        cwd=tmp_path,
    )
    assert judged.returncode == 0
    assert "0 errors, 0 warnings, 0 notes" in judged.stdout


def test_the_file_of_shapes_is_whole_and_reaches_the_top(tmp_path: Path) -> None:
    files = emitted(
        planned(batch_size=8, base=GaudiBase(max_model_len=8_192)), tmp_path
    )
    server = Server(max_num_seqs=8, max_model_len=8_192, max_num_batched_tokens=2_048)
    prompts, decode = shapes_of(files["buckets.txt"])
    assert prepared(decode, server) == decode
    assert Prepared.of(decode, server).most_blocks == 8 * 64
    assert {each[0] for each in decode} == {1, 2, 4, 6, 8}
    assert prompts[-1] == (1, 2_048, 64)
    for option in ("seqs 8", "model-len 8192", "num-batched-tokens 2048"):
        assert option in files["serve.sh"]


def test_a_load_chooses_the_batch_sizes_of_the_file(tmp_path: Path) -> None:
    load = tmp_path / "load.csv"
    running = [3] * 200 + [16] * 50
    lines = "".join(f"{second},{count}\n" for second, count in enumerate(running))
    load.write_text(f"timestamp,num_running\n{lines}")
    evidence = bucketwise.read_evidence([load])
    analysis = planned(evidence=evidence, batch_size=16, step_cost="slots")
    _, decode = shapes_of(emitted(analysis, tmp_path)["buckets.txt"])
    assert {each[0] for each in decode} == {3, 16}
    [said] = [
        each.words
        for each in analysis.plan.verdict.reasons
        if each.id == "decode-shapes"
    ]
    assert said.startswith("The batch sizes [3, 16] save ")
    assert f"{len(decode)} decode shapes instead of " in said


def test_what_is_warmed_anyway_is_not_named() -> None:
    # 256 patches are among the lengths of Qwen3-VL, and are warmed as 16 x 16 of 16 px.
    traffic = traffic_of((256, 256, 60), (640, 480, 40))
    base = planned(traffic, model="qwen3-vl-2b").base
    assert isinstance(base, GaudiBase)
    warmed = base.warmed
    assert warmed is not None
    assert [str(each) for each in warmed.resolutions] == ["480x640x1"]
    assert warmed.guessed_share == warmed.default_share == 0.6
    assert warmed.share == 1.0


def test_what_was_assumed_of_the_server_is_told() -> None:
    plan = planned(batch_size=8).plan
    assumed = {each.name: each.value for each in plan.assumptions}
    assert assumed["max_model_len"] == "32768"
    assert assumed["max_num_batched_tokens"] == "2048"
    given_ = planned(batch_size=8, base=GaudiBase(max_model_len=8_192)).plan
    assert "max_model_len" not in {each.name for each in given_.assumptions}
    # Two bytes for each pair of patches.
    [masks] = [each.words for each in plan.verdict.reasons if each.id == "masks"]
    length = plan.visual.vit_max_seq_lens[-1]
    assert f"{2 * length**2 / 2**20:,.0f} MiB" in masks


def test_without_a_load_the_shapes_of_steps_stay_vllm_gaudis_own(
    tmp_path: Path,
) -> None:
    files = emitted(planned(), tmp_path)
    assert set(files) == {"serve.sh"}
    assert "VLLM_BUCKETING_FROM_FILE" not in files["serve.sh"]
    assert "No load was given" in files["serve.sh"]


def test_an_older_release_is_given_no_resolutions(tmp_path: Path) -> None:
    named = variables(emitted(planned(target=[OLDER]), tmp_path)["serve.sh"])
    assert set(named) == {"VLLM_MULTIMODAL_BUCKETS"}
    reasons = [each.id for each in planned(target=[OLDER]).plan.verdict.reasons]
    assert "resolutions" not in reasons
    with pytest.raises(ConfigError, match=r"expected vllm-gaudi==0\.26\.0"):
        planned(model="qwen3-vl-2b", target=[OLDER])


def test_a_model_that_is_not_padded_is_told_what_to_warm(tmp_path: Path) -> None:
    analysis = planned(model="qwen3-vl-2b")
    assert analysis.plan.verdict.call == "no"
    first = analysis.plan.verdict.reasons[0]
    assert "pads no image of qwen3_vl and takes no list of lengths" in first.words
    named = variables(emitted(analysis, tmp_path)["serve.sh"])
    # In the order of how many images have the grid; 480 x 640 px is one of 15 x 20.
    assert named == {"VLLM_MULTIMODAL_RESOLUTIONS": "480x640x1,1920x1088x1,2048x2048x1"}


@pytest.mark.parametrize("model", ["qwen2-vl-7b", "gemma-3-4b", "kimi-k2.5"])
def test_a_model_with_nothing_to_choose_is_told_so(model: str, tmp_path: Path) -> None:
    done = run(
        *("analyze", SCREENSHOTS, "--model", model, "--target", NEWEST),
        *("--out", "out"),
        cwd=tmp_path,
    )
    assert done.returncode == 0
    assert "Verdict: no. vllm-gaudi pads no image of" in done.stdout
    assert not [each for each in (tmp_path / "out").iterdir() if each.is_dir()]


def test_images_are_padded_whole_and_to_no_window() -> None:
    [found] = bucketwise.explain(["1920x1080"], model=MODEL, target=NEWEST)
    assert found.needed == 78 * 138
    # Its class sets 112 x 112 px as the least.
    [small] = bucketwise.explain(["20x20"], model=MODEL, target=NEWEST)
    assert small.needed == 8 * 8


@pytest.mark.parametrize("target", [each.name for each in TARGETS])
@pytest.mark.parametrize(
    "more",
    [{}, {"batch_size": 5}, {"batch_size": 8, "base": GaudiBase(max_model_len=4_000)}],
)
def test_what_is_emitted_for_any_release_passes_lint(
    target: str, more: dict[str, Any], tmp_path: Path
) -> None:
    emitted(planned(target=[target], **more), tmp_path)
    [script] = (tmp_path / "out").glob("*/serve.sh")
    [judged] = bucketwise.lint_config(
        script, model=MODEL, traffic=TRAFFIC, target=target
    ).judged
    assert not judged.reported


def test_another_engine_stands_beside_it_on_one_page(tmp_path: Path) -> None:
    done = run(
        *("analyze", SCREENSHOTS, "--model", MODEL, "--out", "out"),
        *("--target", NEWEST, "--target", "optimum-rbln==0.12.0"),
        cwd=tmp_path,
    )
    assert done.returncode == 0
    folders = {each.name for each in (tmp_path / "out").iterdir() if each.is_dir()}
    assert folders == {"vllm-gaudi-0.26.0", "optimum-rbln-0.12.0"}


@pytest.mark.parametrize("name", ["vllm-gaudi==0.20.0", "vllm-gaudi==0.27.0"])
def test_a_release_that_is_not_known_is_refused(name: str) -> None:
    with pytest.raises(UsageError, match=r"vllm-gaudi==0\.21\.0 or 0\.24\.0"):
        planned(target=[name])


def test_what_vllm_gaudi_has_no_setting_for_is_refused(tmp_path: Path) -> None:
    done = run(
        *("analyze", SCREENSHOTS, "--model", MODEL, "--target", NEWEST),
        *("--devices", "4", "--out", "out"),
        cwd=tmp_path,
    )
    assert done.returncode == 2
    assert "--devices: no setting of vllm-gaudi" in done.stderr


IMAGES = "--limit-mm-per-prompt '{\"image\": 4}'"


def judged(
    settings_: str, flags: str = IMAGES, model: str = HF_ID, **more: Any
) -> Judged:
    options = {"target": NEWEST} | more
    line = f"{settings_} vllm serve {model} {flags}\n"
    [found] = bucketwise.lint_config(line, **options).judged
    return found


def told(found: Judged) -> dict[str, str]:
    return {
        each.rule.partition("/")[2]: each.finding.severity for each in found.reported
    }


LIN = "VLLM_BUCKETING_STRATEGY=lin"
QWEN3 = "Qwen/Qwen3-VL-2B-Instruct"
GEMMA3 = "google/gemma-3-4b-it"


@pytest.mark.parametrize(
    ("settings_", "more", "expected"),
    [
        ("VLLM_MULTIMODAL_BUCKETS=None", {}, {"list-of-none": "error"}),
        ("VLLM_MULTIMODAL_BUCKETS='1600;3136'", {}, {"wrong-lengths": "error"}),
        ("VLLM_MULTIMODAL_BUCKETS=0,1600", {}, {"wrong-lengths": "warning"}),
        (
            "VLLM_MULTIMODAL_BUCKETS=1600",
            {"model": QWEN3},
            {"nothing-is-padded": "warning"},
        ),
        (
            "VLLM_MULTIMODAL_BUCKETS=2,4",
            {"model": GEMMA3},
            {"no-single-image": "warning"},
        ),
        (
            "VLLM_MULTIMODAL_BUCKETS=1600",
            {"traffic": TRAFFIC},
            {"image-above-top": "warning"},
        ),
        (
            "VLLM_MULTIMODAL_RESOLUTIONS=1024*768",
            {},
            {"wrong-resolution": "error"},
        ),
        (
            "VLLM_MULTIMODAL_RESOLUTIONS=8x8x5-2",
            {},
            {"wrong-resolution": "error"},
        ),
        (
            "VLLM_MULTIMODAL_RESOLUTIONS=8x8x1",
            {"target": OLDER},
            {"resolutions-not-read": "warning"},
        ),
        (
            "VLLM_MULTIMODAL_RESOLUTIONS=8x8x1",
            {"model": GEMMA3},
            {"resolutions-not-read": "warning"},
        ),
        (
            "VLLM_MULTIMODAL_BUCKETS=1600",
            {"flags": ""},
            {"nothing-is-warmed": "warning"},
        ),
        (
            "VLLM_MULTIMODAL_RESOLUTIONS=8x8x5-9",
            {},
            {"no-images-allowed": "warning"},
        ),
        (
            "VLLM_MULTIMODAL_RESOLUTIONS=8x8x1-26",
            {"flags": '--limit-mm-per-prompt \'{"image": {"count": 30}}\''},
            {"many-graphs": "warning"},
        ),
        ("VLLM_BUCKETING_STRATEGY=linear", {}, {"unknown-strategy": "error"}),
        ("VLLM_EXPONENTIAL_BUCKETING=true", {}, {"old-strategy": "warning"}),
        ("VLLM_DECODE_BS_BUCKET_MAX=8", {}, {"ranges-not-read": "warning"}),
        (
            f"{LIN} VLLM_DECODE_BS_BUCKET_STEP=16",
            {"flags": "--max-num-seqs 100 --max-model-len 4096"},
            {"maximum-not-reached": "warning"},
        ),
        (
            "VLLM_BUCKETING_STRATEGY=pad VLLM_DECODE_BS_BUCKET_PAD_PERCENT=60",
            {},
            {"padding-out-of-range": "error"},
        ),
        (
            f"{LIN} VLLM_BUCKETING_FROM_FILE=buckets.txt",
            {},
            {"ranges-beside-file": "info"},
        ),
    ],
)
def test_a_trap_is_found_in_the_environment(
    settings_: str, more: dict[str, Any], expected: dict[str, str]
) -> None:
    assert told(judged(settings_, **more)) == expected


@pytest.mark.parametrize(
    "settings_",
    [
        "VLLM_MULTIMODAL_BUCKETS=1600,3136",
        f"VLLM_DECODE_BS_BUCKET_STEP={'9' * 5_000} VLLM_BUCKETING_STRATEGY=lin",
        "VLLM_MULTIMODAL_BUCKETS=",
        "VLLM_MULTIMODAL_RESOLUTIONS=1024x768,864x480x1-4",
        f"{LIN} VLLM_DECODE_BS_BUCKET_STEP=16 VLLM_DECODE_BS_BUCKET_MAX=64",
        "HF_HOME=/models",
    ],
)
def test_what_vllm_gaudi_takes_is_left_alone(settings_: str) -> None:
    assert not told(judged(settings_))


PROMPTS = "(1, [128, 256], [0, 8])\n"
TOP = "(8, 1, [64, 128])\n"


@pytest.mark.parametrize(
    ("text", "flags", "expected"),
    [
        (PROMPTS + TOP, "", {}),
        (PROMPTS + TOP + "(4, 1)\n", "", {"no-shape": "error"}),
        (TOP, "", {"one-phase-alone": "error"}),
        (PROMPTS, "", {"one-phase-alone": "error"}),
        (PROMPTS + TOP + "(8, 1, 4)\n", "", {"more-sequences-than-blocks": "warning"}),
        (PROMPTS + "(8, 1, 4)\n", "", {"more-sequences-than-blocks": "error"}),
        (PROMPTS + TOP + "(8, 1, 4)\n", "--no-enable-prefix-caching", {}),
        (PROMPTS + TOP, "--max-num-seqs 8 --max-model-len 2048", {}),
        (
            PROMPTS + TOP,
            "--max-num-seqs 16 --max-model-len 1024",
            {"batch-below-requests": "warning"},
        ),
        (
            PROMPTS + TOP,
            "--max-num-seqs 8 --max-model-len 4096",
            {"blocks-below-need": "warning"},
        ),
    ],
)
def test_a_trap_is_found_in_the_file_of_shapes_beside_the_script(
    text: str, flags: str, expected: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "buckets.txt").write_text(text)
    script = tmp_path / "serve.sh"
    script.write_text(
        "export VLLM_BUCKETING_FROM_FILE=/opt/buckets.txt\n"
        f"vllm serve {HF_ID} {flags}\n"
    )
    [found] = bucketwise.lint_config(script, target=NEWEST).judged
    assert told(found) == expected


def test_every_rule_is_tried() -> None:
    text = Path(__file__).read_text(encoding="utf-8")
    assert not [each.id for each in RULES if each.id.partition("/")[2] not in text]


def test_what_is_in_service_is_read_from_the_environment(tmp_path: Path) -> None:
    script = tmp_path / "serve.sh"
    script.write_text(
        f"VLLM_MULTIMODAL_BUCKETS=3136,12544 vllm serve {HF_ID} {IMAGES}\n"
    )
    today = planned(current=script).plan.visual.current
    assert today is not None
    assert today.max_seq_lens == (3_136, 12_544)
