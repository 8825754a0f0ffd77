"""The command line end to end: files in, files out, exit codes."""

from __future__ import annotations

import csv
import json
import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from bucketwise.cli import COMMANDS
from tests.commands import bucketwise, started

SAMPLES = Path(__file__).parent.parent / "sample_traffic"
SCREENSHOTS = SAMPLES / "docs_screenshots.csv"
KEPT = SAMPLES.parent / "reports" / "docs_screenshots"


def files_of(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


# One worker takes all that look at `analyzed`, and makes it once.
of_one_run = pytest.mark.xdist_group("analyzed")


@pytest.fixture(scope="module")
def analyzed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    folder = tmp_path_factory.mktemp("analyzed")
    done = started(
        *("analyze", SCREENSHOTS, "--current", "1024,3136", "--out", "plan"),
        *("--target", "all"),
        cwd=folder,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return folder / "plan", done.stdout


@of_one_run
def test_analyze_writes_the_plan_the_report_and_four_files_a_dialect(
    analyzed: tuple[Path, str],
) -> None:
    folder, _ = analyzed
    expected = {"plan.json", "report.html", "histogram.parquet"}
    for version in ("0.10.3", "0.10.4", "0.11.2", "0.12.0"):
        expected |= {
            f"optimum-rbln-{version}/rbln_config.json",
            f"optimum-rbln-{version}/compile.py",
            f"optimum-rbln-{version}/load.py",
            f"optimum-rbln-{version}/serve.sh",
        }
    found = (path for path in folder.rglob("*") if path.is_file())
    assert {path.relative_to(folder).as_posix() for path in found} == expected


@of_one_run
def test_the_decision_says_what_is_assumed_what_fails_and_both_key_names(
    analyzed: tuple[Path, str],
) -> None:
    _, said = analyzed
    lines = said.splitlines()
    assert lines[0].startswith("Verdict: go, once this is checked. The model is qwen3")
    assert (
        lines[1]
        == "582 images (29.8%) fail today, needing more than 3,136 ViT patches under "
        "max_pixels 16,777,216 (the checkpoint's preprocessor_config.json); none would."
    )
    compiled = next(at for at, line in enumerate(lines) if line.startswith("Compile ["))
    assert "max_seq_lens up to 0.10.3" in lines[compiled]
    assert all("can still outgrow" not in line for line in lines[compiled:])
    assert "max_seq_len from 0.10.4" in lines[compiled]
    assert "time from 'timestamp'" in said
    assert "2.8%" in said
    assert "shrunk" in said
    assert len(lines) <= 11


@of_one_run
def test_the_emitted_configuration_carries_the_plans_lengths(
    analyzed: tuple[Path, str],
) -> None:
    folder, _ = analyzed
    plan = json.loads((folder / "plan.json").read_text())
    config = json.loads((folder / "optimum-rbln-0.12.0/rbln_config.json").read_text())
    assert config["visual"]["max_seq_len"] == plan["visual"]["vit_max_seq_lens"]
    older = json.loads((folder / "optimum-rbln-0.10.3/rbln_config.json").read_text())
    assert older["visual"]["max_seq_lens"] == plan["visual"]["vit_max_seq_lens"]


@of_one_run
def test_rows_add_up_in_the_plan(analyzed: tuple[Path, str]) -> None:
    folder, _ = analyzed
    traffic = json.loads((folder / "plan.json").read_text())["traffic"]
    assert traffic["rows_read"] == 1_951
    assert traffic["rows_read"] == traffic["rows_used"] + traffic["rows_rejected"]
    assert traffic["first"] == "2015-11-19T21:49:30Z"


@of_one_run
def test_the_same_input_gives_the_same_bytes(
    analyzed: tuple[Path, str], tmp_path: Path
) -> None:
    folder, _ = analyzed
    done = bucketwise(
        *("analyze", SCREENSHOTS, "--current", "1024,3136", "--out", "plan"),
        *("--target", "all"),
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    assert files_of(folder) == files_of(tmp_path / "plan")


@of_one_run
def test_the_histogram_gives_the_same_plan_as_the_table(
    analyzed: tuple[Path, str], tmp_path: Path
) -> None:
    folder, _ = analyzed
    done = bucketwise(
        *("analyze", folder / "histogram.parquet", "--current", "1024,3136"),
        *("--out", "again", "--format", "none"),
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    before = json.loads((folder / "plan.json").read_text())
    after = json.loads((tmp_path / "again" / "plan.json").read_text())
    assert after["visual"] == before["visual"]
    assert after["traffic"] == before["traffic"]


def test_a_second_run_keeps_the_older_plan_and_says_what_changed(
    tmp_path: Path,
) -> None:
    plan = ("analyze", SCREENSHOTS, "--out", "p", "--format", "none")
    first = bucketwise(*plan, "--target", "all", cwd=tmp_path)
    assert first.returncode == 0, first.stderr
    again = bucketwise(*plan, "--buckets", "2", "--target", "0.12.0", cwd=tmp_path)
    assert "options changed" in again.stdout
    assert "buckets: [" in again.stdout
    previous = json.loads((tmp_path / "p" / "plan.previous.json").read_text())
    assert len(previous["visual"]["max_seq_lens"]) == 4
    names = {path.name for path in (tmp_path / "p").iterdir()}
    assert "optimum-rbln-0.12.0" in names
    assert "optimum-rbln-0.10.3" not in names


def test_a_folder_that_holds_something_else_is_refused_and_left_alone(
    tmp_path: Path,
) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("years of work")
    done = bucketwise("analyze", SCREENSHOTS, "--out", "mine", cwd=tmp_path)
    assert done.returncode == 1
    assert "holds 'thesis.txt'" in done.stderr
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["thesis.txt"]


def test_the_default_folder_is_named_after_the_first_input(tmp_path: Path) -> None:
    text = "width,height\n640,480\n1280,720\n"
    assert bucketwise("analyze", "-", "--quiet", cwd=tmp_path, stdin=text).stdout == ""
    assert (tmp_path / "bucketwise-stdin" / "plan.json").exists()
    (tmp_path / "my traffic.csv.gz").write_text(text)
    assert bucketwise("analyze", "my traffic.csv.gz", cwd=tmp_path).returncode == 0
    assert (tmp_path / "bucketwise-my-traffic" / "report.html").exists()


def test_names_of_inputs_stay_out_of_every_output_when_asked(tmp_path: Path) -> None:
    secret = tmp_path / "acme-customer.csv"
    secret.write_text("width,height\n" + "640,480\n" * 30 + "x,480\n")
    config = tmp_path / "acme-config.json"
    config.write_text('{"visual": {"max_seq_lens": [4096]}, "max_seq_len": 32768}')
    done = bucketwise(
        *("analyze", secret, "--no-places", "--out", "o", "--format", "html,md"),
        *("--current", config, "--base", config),
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    assert "acme" not in done.stdout + done.stderr
    for path in filter(Path.is_file, (tmp_path / "o").rglob("*")):
        assert b"acme" not in path.read_bytes(), path.name
    refused = bucketwise(
        *("analyze", secret, "--no-places", "--max-bad-rows", "0"), cwd=tmp_path
    )
    assert refused.returncode == 1
    assert "1 of 31 rows (3.2%) unusable, limit 0%" in refused.stderr
    assert "acme" not in refused.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["analyze", "missing.csv"], 1, "missing.csv"),
        (["analyze", "bad.csv"], 1, "not a number"),
        (["analyze", "words.csv"], 1, "--columns"),
        (["analyze", "good.csv", "--pin", "1001"], 2, "a multiple of 4"),
        (["analyze", "good.csv", "--strategy", "best"], 2, "exact, kmeans"),
        (["analyze", "good.csv", "--buckets", "4-2"], 2, "expected a number such as 3"),
        (["analyze", "good.csv", "--model", "gpt-2"], 1, "qwen3-vl-2b"),
        (["analyze", "good.csv", "--target", "0.9.9"], 2, "optimum-rbln==0.12.0"),
        (["analyze", "good.csv", "--keep-days", "3"], 2, "--vit-tflops"),
        (["analyze", "good.csv", "--max-pixels", "10"], 2, "at least min_pixels"),
        (
            ["analyze", "good.csv", "--max-pixels", "big"],
            2,
            "expected a number of pixels",
        ),
        (["analyze", "good.csv", "--current", "none.json"], 1, "none.json"),
        (["analyze"], 2, "INPUT"),
        (["explain", "1920", "--model", "qwen3-vl-2b"], 2, "WIDTHxHEIGHT"),
        (["count", "good.csv"], 2, "--model"),
        (["frobnicate"], 2, "frobnicate"),
        (["histogram", "good.csv", "-o", "h.csv"], 2, "ends in .parquet"),
        (["histogram", "good.csv", "-o", "no/h.parquet"], 1, "there is no folder no"),
        (["analyze", "good.csv", "--max-bad-rows", "500%"], 2, "0% to 100%"),
        (["analyze", "good.csv", "--max-pixels", str(2**63)], 2, "68,719,476,736"),
        (
            ["count", "good.csv", "--model", "qwen3-vl-2b", "--min-pixels", "0"],
            2,
            "1 to",
        ),
        (["analyze", "good.csv", "--align", str(10**20)], 2, "2,147,483,647"),
        (["analyze", "good.csv", "--pin", str(4 * 10**18)], 2, "2,147,483,647"),
        (["analyze", "good.csv", "--min-saving", "100%"], 2, "below 1, got"),
        (["analyze", "good.csv", "--video-fps", "inf"], 2, "up to 1,000,000"),
        (
            ["analyze", "good.csv", "--current", "8", "--current-max-pixels", "9"],
            2,
            "at least min_pixels (65,536)",
        ),
        (["analyze", "nothing.csv"], 1, "each has a count of 0"),
        (
            ["count", "none.csv", "--model", "qwen3-vl-2b", "--max-bad-rows", "100%"],
            1,
            "none of 1 row can be used",
        ),
        (
            [
                "analyze",
                "good.csv",
                "--graph-minutes",
                "1e308",
                "--keep-days",
                "1",
                "--images-per-day",
                "1e-300",
                "--vit-tflops",
                "1",
            ],
            2,
            "up to 1e+30",
        ),
    ],
)
def test_wrong_files_and_flags_end_with_one_clear_message(
    arguments: list[str], code: int, message: str, tmp_path: Path
) -> None:
    (tmp_path / "good.csv").write_text("width,height\n640,480\n1280,720\n")
    (tmp_path / "bad.csv").write_text("width,height\n640,480\nwide,high\n")
    (tmp_path / "none.csv").write_text("width,height\n-1,480\n")
    (tmp_path / "words.csv").write_text("alpha,beta\nx,y\n")
    (tmp_path / "nothing.csv").write_text("width,height,count\n640,480,0\n")
    done = bucketwise(*arguments, cwd=tmp_path)
    assert done.returncode == code, done.stderr
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert not list(tmp_path.glob("bucketwise-*"))


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["models"], 0),
        (["analyze", "missing.csv"], 1),
        (["analyze", "-", "--pin", "1001"], 2),
        (["lint", '{"visual": {"max_seq_lens": [1000, 10]}}'], 3),
    ],
)
def test_a_process_says_and_returns_what_its_command_does_here(
    arguments: list[str], code: int, tmp_path: Path
) -> None:
    here, apart = (
        run(*arguments, cwd=tmp_path, stdin="width,height\n640,480\n")
        for run in (bucketwise, started)
    )
    assert apart.returncode == here.returncode == code, apart.stderr
    assert (apart.stdout, apart.stderr) == (here.stdout, here.stderr)


@pytest.mark.parametrize(
    ("text", "arguments", "said"),
    [
        ("w,h\n640,480\n", ["--pin", "512"], "Compile [512, 1200] ViT patches"),
        (
            "w,h,n\n640,480,5\n300,200,0\n",
            ["--current", "512"],
            "5 images (100%) fail today",
        ),
        (
            "w,h\n640,480\n1024,768\n",
            ["--model", "qwen2.5-vl-7b", "--target", "0.12.0"],
            "ViT patches (max_seq_len from 0.12.0).",
        ),
        (
            "w,h\n640,480\n1024,768\n",
            ["--model", "qwen2.5-vl-7b", "--target", "0.11.2", "--target", "0.10.4"],
            "ViT patches (max_seq_len 0.10.4 to 0.11.2).",
        ),
        ("w,h\n640,480\n", ["--current", "list.json"], "No image fails today"),
        (
            "w,h\n640,480\n640,490\n1,1\n",
            ["--strategy", "quantile", "--buckets", "3"],
            "of its lengths fell together",
        ),
    ],
)
def test_small_traffic_and_single_targets_are_decided_rightly(
    text: str, arguments: list[str], said: str, tmp_path: Path
) -> None:
    (tmp_path / "t.csv").write_text(text)
    (tmp_path / "list.json").write_text("[1024, 4096]")
    done = bucketwise("analyze", "t.csv", *arguments, "--format", "none", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert said in done.stdout


def test_a_run_that_cannot_write_all_leaves_the_older_plan(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("width,height\n640,480\n1280,720\n")
    plan = ["analyze", "t.csv", "--out", "o"]
    first = bucketwise(*plan, cwd=tmp_path)
    assert first.returncode == 0
    before = files_of(tmp_path / "o")
    most_bytes = 100_000
    again = subprocess.run(
        [sys.executable, "-m", "bucketwise", *plan, "--pin", "4096"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=lambda: resource.setrlimit(
            resource.RLIMIT_FSIZE, (most_bytes, most_bytes)
        ),
    )
    assert again.returncode == 1
    assert "o: cannot be written (File too large)" in again.stderr
    after = files_of(tmp_path / "o")
    assert after == before


def test_a_parquet_that_cannot_be_written_is_told_in_one_line(tmp_path: Path) -> None:
    most_bytes = 1_000
    command = ["count", str(SCREENSHOTS), "--model", "qwen3-vl-2b", "-o", "c.parquet"]
    done = subprocess.run(
        [sys.executable, "-m", "bucketwise", *command],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=lambda: resource.setrlimit(
            resource.RLIMIT_FSIZE, (most_bytes, most_bytes)
        ),
    )
    assert done.returncode == 1
    assert "c.parquet: cannot be written" in done.stderr
    assert "Traceback" not in done.stderr
    assert not list(tmp_path.iterdir())


def test_lint_judges_a_configuration_beside_traffic_that_counts_nothing(
    tmp_path: Path,
) -> None:
    (tmp_path / "rc.json").write_text('{"visual": {"max_seq_lens": [4096]}}')
    (tmp_path / "t.csv").write_text("width,height,count\n640,480,0\n")
    arguments = ("lint", "rc.json", "--model", "qwen3-vl-2b", "--traffic", "t.csv")
    done = bucketwise(*arguments, cwd=tmp_path)
    assert done.returncode in {0, 3}, done.stderr
    assert "Traceback" not in done.stderr


def test_a_full_device_is_told_in_one_line(tmp_path: Path) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [
                sys.executable,
                "-m",
                "bucketwise",
                "explain",
                "640x480",
                "--model",
                "qwen3-vl-2b",
            ],
            cwd=tmp_path,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert done.returncode == 1
    assert "no space left" in done.stderr
    assert "Traceback" not in done.stderr


def test_count_lists_distinct_sizes_in_the_contracts_columns(tmp_path: Path) -> None:
    text = "w,h,n\n640,480,3\n1920,1080,2\n640,480,1\n10,3000,1\n"
    done = bucketwise("count", "-", "--model", "qwen3-vl-2b", cwd=tmp_path, stdin=text)
    assert done.returncode == 0, done.stderr
    rows = list(csv.DictReader(done.stdout.splitlines()))
    assert ",".join(rows[0]) == (
        "height,width,frames,count,resized_height,resized_width,grid_t,grid_h,grid_w,"
        "vit_patches,runs,merged_patches,needed,error"
    )
    found = [(row["height"], row["width"], row["count"], row["needed"]) for row in rows]
    assert found == [
        ("480", "640", "4", "1200"),
        ("1080", "1920", "2", "8160"),
        ("3000", "10", "1", ""),
    ]
    assert "absolute aspect ratio" in rows[2]["error"]
    assert "65,536 to 16,777,216 px (the checkpoint's" in done.stderr
    assert "count from 'n'" in done.stderr
    assert "read as weights" in done.stderr


def test_limits_that_requests_set_are_applied_said_and_kept(tmp_path: Path) -> None:
    part = {
        "type": "image_url",
        "image_url": {"url": "x"},
        "width": 1920,
        "height": 1080,
    }
    plain = {"model": "m", "messages": [{"role": "user", "content": [part]}]}
    own = plain | {"mm_processor_kwargs": {"min_pixels": 200704, "max_pixels": 602112}}
    text = "".join(json.dumps(each) + "\n" for each in (plain, own, own))
    (tmp_path / "log.jsonl").write_text(text)
    kept = bucketwise("histogram", "log.jsonl", "-o", "h.parquet", cwd=tmp_path)
    assert kept.returncode == 0, kept.stderr
    for inputs, times in ((["log.jsonl"], 1), (["h.parquet", "log.jsonl"], 2)):
        done = bucketwise("count", *inputs, "--model", "qwen2.5-vl-7b", cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        rows = list(csv.DictReader(done.stdout.splitlines()))
        found = [(row["vit_patches"], row["count"]) for row in rows]
        assert found == [("10764", str(times)), ("2880", str(2 * times))]
        assert [row["own_max_pixels"] for row in rows] == ["0", "602112"]
        assert "2 images under limits of their own (mm_processor_kwargs" in done.stderr
    each = bucketwise(
        *("count", "log.jsonl", "--each-row", "--model", "qwen2.5-vl-7b"), cwd=tmp_path
    )
    rows = list(csv.DictReader(each.stdout.splitlines()))
    assert [row["vit_patches"] for row in rows] == ["10764", "2880", "2880"]


def test_count_keeps_one_output_row_for_each_input_row_in_order(tmp_path: Path) -> None:
    text = "width,height\n1920,1080\n640,480\n,480\n640,480\n640,480,1\n0,1\n"
    done = bucketwise(
        *("count", "-", "--model", "qwen2.5-vl-7b", "--each-row"),
        *("--max-bad-rows", "100%"),
        cwd=tmp_path,
        stdin=text,
    )
    assert done.returncode == 0, done.stderr
    rows = list(csv.DictReader(done.stdout.splitlines()))
    assert [row["needed"] for row in rows] == ["11520", "1920", "", "1920", "", ""]
    errors = [row["error"] for row in rows]
    assert errors == ["", "", "missing", "", "ragged", "zero or negative"]


def test_the_needed_length_follows_the_target(tmp_path: Path) -> None:
    for target, needed in (("0.12.0", "11520"), ("optimum-rbln==0.11.2", "11584")):
        done = bucketwise(
            *("count", "-", "--model", "qwen2.5-vl-7b", "--target", target),
            cwd=tmp_path,
            stdin="width,height\n1920,1080\n",
        )
        assert next(csv.DictReader(done.stdout.splitlines()))["needed"] == needed


def test_explain_follows_images_and_clips_to_their_bucket(tmp_path: Path) -> None:
    done = bucketwise(
        *("explain", "1920x1080", "1280x720@64f", "10x3000", "--model", "qwen3-vl-2b"),
        *("--plan", "4096,16384"),
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    header, note, photo, clip, thin = done.stdout.splitlines()
    assert "65,536 to 16,777,216 px" in header
    assert "analyze takes max_pixels 4,194,304" in note
    assert "8,160 ViT patches -> 2,040 merged patches -> needed length 8,160" in photo
    assert "bucket 16,384" in photo
    assert "1,456 ViT patches in each of 32 runs" in clip
    assert "refused by the processor" in thin


@of_one_run
def test_explain_takes_the_limits_of_the_plan_it_is_given(
    analyzed: tuple[Path, str], tmp_path: Path
) -> None:
    plan = analyzed[0] / "plan.json"
    done = bucketwise(
        *("explain", "4096x4096", "--model", "qwen3-vl-2b", "--plan", plan),
        cwd=tmp_path,
    )
    assert "shrunk to max_pixels 4,194,304" in done.stdout
    wrong = bucketwise(
        *("explain", "9x9", "--model", "qwen2-vl-7b", "--plan", plan), cwd=tmp_path
    )
    assert wrong.returncode == 2
    assert "--model: expected qwen3-vl-2b" in wrong.stderr


def test_a_kept_histogram_can_be_added_to_newer_traffic(tmp_path: Path) -> None:
    text = "width,height\n640,480\n1280,720\n"
    (tmp_path / "day.csv").write_text(text)
    kept = bucketwise("histogram", "day.csv", "-o", "day.parquet", cwd=tmp_path)
    assert kept.returncode == 0, kept.stderr
    done = bucketwise(
        *("count", "day.parquet", "day.csv", "--model", "qwen3-vl-2b"), cwd=tmp_path
    )
    assert [row["count"] for row in csv.DictReader(done.stdout.splitlines())] == [
        "2",
        "2",
    ]


def test_models_and_targets_list_what_is_built_in(tmp_path: Path) -> None:
    models = bucketwise("models", cwd=tmp_path).stdout
    assert "qwen3-vl-30b-a3b" in models
    assert "4,194,304" in models
    targets = bucketwise("targets", cwd=tmp_path).stdout
    assert "visual.max_seq_lens" in targets
    assert "num_devices" in targets


def test_every_command_has_help_with_an_example(tmp_path: Path) -> None:
    for command in COMMANDS:
        done = bucketwise(command, "--help", cwd=tmp_path)
        assert done.returncode == 0
        assert f"Example: bucketwise {command}" in done.stdout.replace("\n", " ")


PAGES = {"pandas", "sklearn", "matplotlib", "jinja2", "PIL", "rich"}


@pytest.mark.parametrize(
    ("command", "heavy"),
    [
        (("--help",), {*PAGES, "numpy", "duckdb"}),
        (("models",), {*PAGES, "duckdb"}),
        (("targets",), {*PAGES, "duckdb"}),
        (("explain", "640x480"), PAGES),
        (("lint", '{"visual": {"max_seq_len": 1024}}'), PAGES),
        (("analyze", "no-such-file.csv"), PAGES),
        (("analyze", str(SCREENSHOTS), "--format", "none"), {"matplotlib"}),
        (
            ("histogram", "no-such-file.csv", "-o", "o.parquet"),
            {*PAGES, "bucketwise.read.stores", "obstore"},
        ),
        (
            ("calibrate", "no-such-file.csv", "-o", "c.json"),
            {"sklearn", "scipy", "matplotlib", "jinja2"},
        ),
        (("check", str(KEPT), str(SCREENSHOTS)), PAGES),
    ],
)
def test_a_command_imports_nothing_heavy_that_it_does_not_use(
    command: tuple[str, ...], heavy: set[str], tmp_path: Path
) -> None:
    code = (
        "import sys\n"
        "from bucketwise.cli import main\n"
        "from bucketwise.errors import BucketwiseError\n"
        f"try: main({command!r})\n"
        "except (SystemExit, BucketwiseError): pass\n"
        f"assert not {heavy!r} & set(sys.modules), {heavy!r} & set(sys.modules)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
        env={**os.environ},
    )
    assert done.returncode == 0, done.stderr


def test_the_functions_behind_the_commands_are_the_packages_own() -> None:
    import bucketwise as package

    traffic = package.read_traffic([SCREENSHOTS])
    analysis = package.analyze(traffic, model="Qwen/Qwen3-VL-2B-Instruct")
    assert analysis.plan.model.assumed is False
    table = package.count(traffic, model="qwen3-vl-2b")
    assert len(table) == 1_328
    lines = package.explain(["640x480"], model="qwen3-vl-2b")
    assert lines[0].needed == 1_200


def test_what_many_inputs_have_in_common_is_said_once(tmp_path: Path) -> None:
    for at in range(30):
        (tmp_path / f"{at:02}.csv").write_text(f"width,height,n\n640,480,{at + 1}\n")
    names = [f"{at:02}.csv" for at in range(30)]
    told = bucketwise("histogram", *names, "-o", "h.parquet", cwd=tmp_path).stderr
    lines = told.splitlines()
    assert lines[0].startswith("00.csv and 29 others: read height from 'height'")
    assert lines[1].endswith("weights: 1 row for 1 image")
    assert lines[20] == "and 11 more notes like these"
    assert len(lines) == 21
