"""`bucketwise compare`, its function and its page: forms of plans, faults, escaping."""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

import bucketwise
from bucketwise.cli import main
from bucketwise.core.comparison.outcome import Comparison
from bucketwise.core.plan import Plan
from bucketwise.errors import BucketwiseError, ConfigError, OutputError, UsageError
from bucketwise.nouns.traffic import InputRecord
from bucketwise.report.blocks import Callout, Drawing, Table
from bucketwise.report.comparison import RENDERERS, report_of
from bucketwise.report.comparison.words import finding
from bucketwise.report.figures.histogram import Histogram
from bucketwise.report.figures.rows import Rows
from tests.report_laws import pictures_checked
from tests.strategies import traffic_of
from tests.test_comparison import MIXED
from tests.test_report import HOSTILE, Outline, clips_of, text_of
from tests.test_sources_rbln_config import COMPILED

SAMPLES = Path(__file__).parent.parent / "sample_traffic"
SCREENSHOTS = SAMPLES / "docs_screenshots.csv"

TRAFFIC = "width,height\n640,480\n1280,720\n1920,1080\n4000,3000\n"
SERVE = """vllm serve ./compiled \\
  --additional-config '{"rbln_config": {"visual": {"max_seq_len": [1024, 4096]}}}' \\
  --mm-processor-kwargs '{"min_pixels": 65536, "max_pixels": 1048576}'
"""


@pytest.fixture(scope="module")
def plan() -> Plan:
    return bucketwise.analyze(MIXED, model="qwen3-vl-2b").plan


@pytest.fixture
def folder(tmp_path: Path, plan: Plan, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with traffic and every form of plan, and the current one."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "traffic.csv").write_text(TRAFFIC)
    (tmp_path / "plan.json").write_text(plan.to_json())
    for name in ("old", "new"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "plan.json").write_text(plan.to_json())
    (tmp_path / "rbln_config.json").write_text(json.dumps(COMPILED))
    (tmp_path / "config.yaml").write_text("visual:\n  max_seq_lens: [1024, 4096]\n")
    (tmp_path / "serve.sh").write_text(SERVE)
    return tmp_path


def compare(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["compare", *map(str, arguments)])


def refused(*arguments: object) -> tuple[int, str]:
    """Return the status that `bucketwise.cli.run` ends with, and what it says."""
    done = compare(*arguments)
    if isinstance(done.exception, BucketwiseError):
        return done.exception.exit_code, str(done.exception)
    assert isinstance(done.exception, SystemExit), done.exception
    return done.exit_code, done.stderr


def compared(*plans: Any, **options: Any) -> Comparison:
    """Compare under the limits of the Model Zoo, unless others are given."""
    options = {"min_pixels": 65_536, "max_pixels": 4_194_304} | options
    named = {f"plan {index}": given for index, given in enumerate(plans)}
    return bucketwise.compare(MIXED, named, **options)


# --- forms of plans -------------------------------------------------------------------


def test_plans_are_read_from_every_form(folder: Path, plan: Plan) -> None:
    comparison = bucketwise.compare(
        bucketwise.read_traffic([folder / "traffic.csv"]),
        [
            "4096,1024",
            "again=1024 4096",
            folder / "plan.json",
            "out=old",
            "rbln_config.json",
            "yaml=config.yaml",
            Path("serve.sh"),
            [16_384],
            plan,
        ],
        model="qwen3-vl-2b",
    )
    lengths = {each.name: each.vit_max_seq_lens for each in comparison.outcomes}
    chosen = plan.visual.vit_max_seq_lens
    assert lengths == {
        "1024,4096": (1_024, 4_096),
        "again": (1_024, 4_096),
        "plan.json": chosen,
        "out": chosen,
        "rbln_config.json": (1_024, 4_096),
        "yaml": (1_024, 4_096),
        "serve.sh": (1_024, 4_096),
        "16384": (16_384,),
        "plan": chosen,
    }


def test_each_runs_under_the_limits_it_brings_unless_they_are_given(
    folder: Path, plan: Plan
) -> None:
    plans = ["serve.sh", "plan.json", "4096"]
    own = bucketwise.compare(MIXED, plans)
    processor = plan.visual.processor
    assert [each.max_pixels for each in own.outcomes] == [
        *(1_048_576, processor.max_pixels, 16_777_216)
    ]
    given = bucketwise.compare(MIXED, plans, max_pixels=2_097_152)
    assert {each.max_pixels for each in given.outcomes} == {2_097_152}
    assert {each.min_pixels for each in given.outcomes} == {65_536}
    assert folder.exists()


def test_the_model_is_that_of_the_plans(folder: Path) -> None:
    plan = bucketwise.analyze(MIXED, model="qwen2.5-vl-7b").plan
    comparison = compared(plan, [1_024])
    assert (comparison.model.name, comparison.model.assumed) == ("qwen2.5-vl-7b", False)
    assumed = bucketwise.analyze(MIXED).plan
    assert compared(assumed, [1_024]).model.assumed
    assert not compared(assumed, [1_024], model="qwen3-vl-2b").model.assumed
    with pytest.raises(
        UsageError, match=r"for qwen2.5-vl-7b and --model is qwen3-vl-2b"
    ):
        compared(plan, [1_024], model="qwen3-vl-2b")
    with pytest.raises(UsageError, match=r"got qwen2.5-vl-7b and qwen3-vl-2b"):
        compared(plan, assumed)
    named = folder / "serve_hub.sh"
    named.write_text(SERVE.replace("./compiled", "Qwen/Qwen2.5-VL-7B-Instruct"))
    assert compared(named, [1_024]).model.name == "qwen2.5-vl-7b"


def test_a_plan_gives_each_release_its_own_list() -> None:
    plan = bucketwise.analyze(MIXED, model="qwen2.5-vl-7b", target=("all",)).plan
    lists = {
        name: each.vit_max_seq_lens for name, each in plan.visual_by_target.items()
    }
    assert len(set(lists.values())) > 1
    for version, lengths in lists.items():
        comparison = bucketwise.compare(
            MIXED, [plan, [65_536]], target=f"optimum-rbln=={version}"
        )
        assert comparison.outcomes[0].vit_max_seq_lens == lengths
        assert comparison.outcomes[0].overflow_images == 0
        assert comparison.target == f"optimum-rbln=={version}"


def test_merged_lengths_are_scaled_where_they_are_numbers_alone(plan: Plan) -> None:
    numbers, planned = compared([256, 4_096], plan, bucket_unit="merged").outcomes
    assert numbers.vit_max_seq_lens == (1_024, 16_384)
    assert planned.vit_max_seq_lens == plan.visual.vit_max_seq_lens


def test_an_analysis_stands_for_its_plan(plan: Plan) -> None:
    analysis = bucketwise.analyze(MIXED, model="qwen3-vl-2b")
    assert compared(analysis, [64]).outcomes[0] == compared(plan, [64]).outcomes[0]


def test_files_of_one_name_are_told_apart_by_their_folders(folder: Path) -> None:
    plans = [folder / "old" / "plan.json", folder / "new" / "plan.json"]
    names = [each.name for each in bucketwise.compare(MIXED, plans).outcomes]
    assert names == ["old/plan.json", "new/plan.json"]


def test_a_file_with_an_equals_sign_in_its_name_is_a_file(
    folder: Path, plan: Plan
) -> None:
    (folder / "a=b.json").write_text(plan.to_json())
    names = [
        each.name for each in bucketwise.compare(MIXED, ["a=b.json", "64"]).outcomes
    ]
    assert names == ["a=b.json", "64"]


def test_without_places_no_name_of_a_file_is_told(folder: Path) -> None:
    for form in RENDERERS:
        out = folder / f"page{form}"
        done = compare(
            *("traffic.csv", "--plan", "serve.sh", "--plan", "plan.json"),
            *("--no-places", "-o", out),
        )
        assert done.exit_code == 0, done.output
        for said in (done.stdout, out.read_text()):
            assert "traffic.csv" not in said
            assert "serve.sh" not in said
            assert "plan.json" not in said
            assert "plan 2" in said


# --- the command ----------------------------------------------------------------------


def test_the_command_says_who_fails_who_is_cheapest_and_writes_the_page(
    tmp_path: Path,
) -> None:
    done = subprocess.run(
        [
            *(sys.executable, "-m", "bucketwise", "compare", str(SCREENSHOTS)),
            *("--plan", "today=1024,3136,16384", "--plan", "three=3420,8976,16320"),
            *("--plan", "small=1024,4096", "-o", "comparison.html"),
            *("--max-pixels", "2048^2"),
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assumed, said, heads, *rows, over, wrote = done.stdout.splitlines()
    assert assumed == "No --model was given: qwen3-vl-2b is assumed."
    assert said == (
        "With three no image fails, and it needs 33.1% less ViT compute than today; with "
        "small 453 images (23.2%) do."
    )
    assert heads.split("  ")[0] == "scenario"
    assert [row.split()[0] for row in rows] == ["today", "three", "small"]
    assert "453 (23.2%)" in rows[2]
    assert "more fail" in rows[2]
    assert over.startswith(
        "Those with which the fewest fail are compared with each other over all"
    )
    assert wrote == "Wrote comparison.html."
    page = (tmp_path / "comparison.html").read_text()
    assert page.startswith("<!doctype html>")
    assert "33.1% less" in page


def test_the_same_command_gives_the_same_bytes_in_every_form(folder: Path) -> None:
    for form in RENDERERS:
        texts = set()
        for run in range(2):
            out = folder / f"{run}{form}"
            done = compare(
                "traffic.csv", "--plan", "4096", "--plan", "plan.json", "-o", out
            )
            assert done.exit_code == 0, done.output
            texts.add(out.read_bytes())
        assert len(texts) == 1


def test_help_has_an_example() -> None:
    said = " ".join(compare("--help").stdout.split())
    assert "Example: bucketwise compare traffic.csv --plan today=1024" in said
    assert "compare " in CliRunner().invoke(main, ["--help"]).stdout


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--plan", "64"], 2, "expected two plans or more, got 1"),
        ([], 2, "Missing option '--plan'"),
        (["--plan", "a=64", "--plan", "a=128"], 2, "'a' names two plans"),
        (["--plan", "64", "--plan", "64"], 2, "'64' names two plans"),
        (["--plan", "64", "--plan", "none.json"], 2, "got 'none.json'"),
        (["--plan", "64", "--plan", "-"], 1, "stdin: no configuration found"),
        (["--plan", "64", "--plan", "x" * 5_000], 2, "expected lengths such"),
        (["--plan", "64", "--plan", "0,64"], 2, "a whole number from 1 to"),
        (["--plan", "64", "--plan", "a="], 2, "exists, got ''"),
        (["--plan", "64", "--plan", "traffic.csv"], 1, "no configuration found"),
        (["--plan", "64", "--plan", "plain.json"], 1, "no visual.max_seq_len"),
        (["--plan", "64", "--plan", "words.json"], 1, "got 'many'"),
        (["--plan", "64", "--plan", "two.yaml"], 1, "2 different lists"),
        (["--plan", "64", "--plan", "damaged.json"], 1, "a damaged plan ('visual_by"),
        (["--plan", "64", "--plan", "negative.json"], 1, "got '-4'"),
        (["--plan", "64", "--plan", "later.json"], 1, "got 'bucketwise.plan/9'"),
        (["--plan", "64", "--plan", "128", "-o", "a.pdf"], 2, ".html or .md or .json"),
        (["--plan", "64", "--plan", "128", "-o", "no/a.md"], 1, "cannot be written"),
        (["--plan", "64", "--plan", "128", "--cost", "x"], 2, "cost: expected one of"),
        (["--plan", "64", "--plan", "128", "--bucket-unit", "x"], 2, "--bucket-unit"),
        (["--plan", "64", "--plan", "128", "--model", "x"], 1, "got 'x'"),
        (
            ["--plan", "64", "--plan", "128", "--target", "9"],
            2,
            "--target: expected one of",
        ),
        (
            ["--plan", "64", "--plan", "128", "--target", "0.12.0"] * 2,
            2,
            "one --target",
        ),
        (
            ["--plan", "64", "--plan", "128", "--max-pixels", "1"],
            2,
            "max_pixels: expected",
        ),
        (["--plan", "64", "--plan", "128", "--columns", "x"], 2, "ROLE=COLUMN"),
    ],
)
def test_wrong_plans_and_flags_end_with_one_clear_message(
    arguments: list[str], code: int, message: str, folder: Path, plan: Plan
) -> None:
    told = json.loads(plan.to_json())
    texts = {
        "plain.json": {"visual": {"create_runtimes": False}},
        "words.json": {"visual": {"max_seq_len": "many"}},
        "damaged.json": {"schema": told["schema"]},
        "negative.json": told | {"visual": told["visual"] | {"vit_max_seq_lens": [-4]}},
        "later.json": told | {"schema": "bucketwise.plan/9"},
    }
    for name, text in texts.items():
        (folder / name).write_text(json.dumps(text))
    (folder / "two.yaml").write_text(
        "visual: {max_seq_len: [64]}\n---\nvisual: {max_seq_len: [128]}\n"
    )
    status, said = refused("traffic.csv", *arguments)
    assert (status, message in said) == (code, True), said


def test_a_wrong_plan_is_told_before_the_traffic_is_read() -> None:
    _, said = refused("nowhere.csv", "--plan", "64", "--plan", "none.json")
    assert "none.json" in said
    _, said = refused("nowhere.csv", "--plan", "64", "--plan", "128", "-o", "a.txt")
    assert "a.txt" in said


def test_values_out_of_range_are_refused_by_the_function() -> None:
    with pytest.raises(
        UsageError, match="bucket-unit: expected one of vit, merged, got 'px'"
    ):
        compared([64], [128], bucket_unit="px")
    with pytest.raises(UsageError, match=r"expected lengths such as .*, got ''"):
        compared([64], [])
    with pytest.raises(ConfigError, match="expected 1 to 64 lengths, got 65"):
        compared([64], range(4, 4 * 66, 4))
    with pytest.raises(OutputError, match="cannot be written"):
        bucketwise.write_comparison(compared([64], [128]), "/proc/none/a.json")


# --- the page -------------------------------------------------------------------------

FOUR = {
    "today": [1_024, 3_136],
    "오늘": [2_048, 16_384],
    ("long " * 11).strip(): [1_024, 65_536],
    "one": [16_384],
}

CASES = {
    "all_serve": lambda: compared([4_096, 16_384], [1_024, 16_384], [16_384]),
    "twins": lambda: compared([16_384], [16_384]),
    "one_fails": lambda: bucketwise.compare(MIXED, FOUR, max_pixels=4_194_304),
    "only_one_serves": lambda: compared([64], [4_096], [16_384], [128], [256], [512]),
    "none_serves": lambda: compared([4], [8]),
    "each_fails_some": lambda: compared([1_024, 2_048], [2_048], [64]),
    "unaligned": lambda: compared([1_030, 16_384], [16_384]),
    "linear": lambda: compared([1_024, 16_384], [16_384], cost="linear"),
    "one_size": lambda: bucketwise.compare(traffic_of((512, 512)), ["1024", "64,1024"]),
    "clips": lambda: bucketwise.compare(
        clips_of((480, 640, 16, 5.0), images=3), ["1280", "16384"]
    ),
    "many_lengths": lambda: compared(range(256, 16_385, 256), [16_384]),
}


@pytest.mark.parametrize("case", CASES)
def test_any_comparison_becomes_a_page_markdown_and_json(case: str) -> None:
    comparison = CASES[case]()
    # One is drawn to the end: figures have tests of their own.
    with nullcontext() if case == "each_fails_some" else pictures_checked():
        page = RENDERERS[".html"](comparison)
    outline = Outline(page)
    assert len(outline.ids) == len(set(outline.ids))
    for section in report_of(comparison).sections:
        assert section.id in outline.ids
        assert section.finding.endswith(".")
        assert section.finding in " ".join(text_of(page).split())
    markdown = RENDERERS[".md"](comparison)
    assert "## Side by side" in markdown
    # Every line of a table has as many cells as its head.
    tables = [line for line in markdown.splitlines() if line.startswith("|")]
    assert all(line.endswith("|") for line in tables)
    assert json.loads(RENDERERS[".json"](comparison))["outcomes"]


@pytest.mark.parametrize(
    ("case", "said"),
    [
        ("all_serve", "No image fails with any of them, and plan 0 needs "),
        (
            "twins",
            "No image fails with any of them, and plan 0 and plan 1 cost the same.",
        ),
        ("one_fails", "With 오늘 no image fails, and it needs "),
        (
            "only_one_serves",
            "With plan 2 no image fails, and it cannot be compared by cost",
        ),
        (
            "none_serves",
            "With each some images fail: with plan 0 and plan 1 fewest, 234 images (",
        ),
        (
            "each_fails_some",
            "With each some images fail: with plan 0 fewest, 64 images (27.4%), ",
        ),
        ("clips", "No image or clip fails with any of them, and 1280 needs "),
    ],
)
def test_the_finding_names_who_fails_least_then_costs_least(
    case: str, said: str
) -> None:
    assert finding(CASES[case]()).startswith(said)


def test_what_fails_less_and_costs_more_is_said_so() -> None:
    said = finding(compared([1_024, 3_136], [16_384]))
    assert said.startswith("With plan 1 no image fails, but it needs ")
    assert said.endswith("that all serve; with plan 0 64 images (27.4%) do.")


def alarms(comparison: Comparison) -> dict[str, str]:
    """Return the callouts of the first section, text by mark."""
    blocks = report_of(comparison).sections[0].blocks
    return {block.mark: block.text for block in blocks if isinstance(block, Callout)}


def test_alarms_stand_first_the_failures_before_the_rest() -> None:
    comparison = CASES["one_fails"]()
    assert list(alarms(comparison)) == [
        *("Model assumed.", "today fails:", "Unproven length:")
    ]
    opening = "Assuming the model is Qwen/Qwen3-VL-2B-Instruct: "
    assert report_of(comparison).sections[0].finding.startswith(opening)
    told = alarms(compared([1_030, 16_384], [16_384], model="qwen3-vl-2b"))
    assert list(told) == ["plan 0 cannot be compiled:"]
    assert told["plan 0 cannot be compiled:"].startswith("1,030 is no multiple of 4")


def test_whom_limits_shrink_is_told_where_scenarios_differ(folder: Path) -> None:
    zoo = bucketwise.analyze(MIXED, model="qwen3-vl-2b", buckets=(1, 1), pins=[16_384])
    plans: dict[str, Any] = {"serve.sh": str(folder / "serve.sh"), "16384": zoo}
    comparison = bucketwise.compare(MIXED, plans, model="qwen3-vl-2b")
    told = alarms(comparison)["Not the same images are made smaller:"]
    shrunk = [each.shrunk_images for each in comparison.outcomes]
    assert shrunk == [27, 3]
    assert told.startswith(
        "serve.sh 27 images (11.5%, max_pixels 1,048,576) and 16384 3"
    )


def test_figures_draw_the_numbers_of_the_comparison() -> None:
    comparison = CASES["one_fails"]()
    drawings = {
        block.id: block.plot
        for section in report_of(comparison).sections
        for block in section.blocks
        if isinstance(block, Drawing)
    }
    bars = drawings["figure-compute"]
    assert isinstance(bars, Rows)
    deciding = [
        each.deciding_compute
        for each in comparison.outcomes
        if each.deciding_compute is not None
    ]
    assert len(bars.names) == len(deciding) == 3
    ratios = (deciding / bars.parts.sum(axis=0)).tolist()
    assert ratios == pytest.approx([ratios[0]] * 3)
    for index, each in enumerate(comparison.outcomes, start=1):
        histogram = drawings[f"figure-lengths-{index}"]
        assert isinstance(histogram, Histogram)
        assert {edge.at for edge in histogram.edges} == set(each.vit_max_seq_lens)
        assert sum(histogram.weights) == pytest.approx(comparison.traffic.runs)


def test_every_scenario_stands_in_every_table_of_scenarios() -> None:
    comparison = CASES["one_fails"]()
    names = [each.name for each in comparison.outcomes]
    sections = {section.id: section for section in report_of(comparison).sections}
    for block in sections["side-by-side"].blocks:
        assert isinstance(block, Table)
        assert [row.cells[0] for row in block.rows] == names
    outcomes = sections["side-by-side"].blocks[0]
    assert isinstance(outcomes, Table)
    assert [row.marked for row in outcomes.rows] == [False, True, False, False]
    assert outcomes.rows[0].cells[1] == "64 (27.4%)"


def test_names_from_outside_are_text_in_every_form() -> None:
    traffic = replace(
        MIXED, inputs=(InputRecord(kind=HOSTILE, name=HOSTILE, rows=9, sha256="0"),)
    )
    nasty = f"{HOSTILE} | `x` [a](javascript:alert(1))\n| new row |\x1b[31m"
    comparison = bucketwise.compare(traffic, {nasty: [64, 16_384], "b": [4_096]})
    page = RENDERERS[".html"](comparison)
    outline = Outline(page)
    plain = RENDERERS[".html"](
        bucketwise.compare(MIXED, {"a": [64, 16_384], "b": [4_096]})
    )
    assert outline.tags == Outline(plain).tags
    assert not [name for name, _ in outline.attributes if name.startswith("on")]
    assert "alert(1)" in text_of(page)
    markdown = RENDERERS[".md"](comparison)
    assert "<img" not in markdown.replace("\\<img", "")
    assert "\n| new row" not in markdown
    assert "[a](java" not in markdown
    assert json.loads(RENDERERS[".json"](comparison))["outcomes"][0]["name"] == nasty


def test_the_terminal_gets_no_control_characters(folder: Path) -> None:
    done = compare("traffic.csv", "--plan", "\x1bred=64", "--plan", "b=4096,16384")
    assert done.exit_code == 0, done.output
    assert "\x1b" not in done.output
    assert "\\x1bred" in done.output
    assert folder.exists()
