"""Options out of a file are those of the command line, and nothing else."""

from __future__ import annotations

import json
import re
from dataclasses import fields
from inspect import signature
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner

import bucketwise as package
from bucketwise.app.options.analyze import RECORDED, AnalyzeOptions
from bucketwise.app.options.commands import (
    CompareOptions,
    CountOptions,
    ExplainOptions,
    LintOptions,
)
from bucketwise.app.options.option import options_in
from bucketwise.cli import main
from bucketwise.cli.analyze import analyze
from bucketwise.cli.option_types import KINDS
from bucketwise.errors import UsageError
from tests.commands import bucketwise

TRAFFIC = "width,height\n" + "640,480\n" * 300 + "1920,1080\n" * 200


def options_of_run(tmp_path: Path, config: str, *typed: str) -> dict[str, Any]:
    traffic, file, out = (tmp_path / name for name in ("t.csv", "b.toml", "out"))
    traffic.write_text(TRAFFIC, encoding="utf-8")
    file.write_text(config, encoding="utf-8")
    words = [str(traffic), "--config", str(file), "--out", str(out), "--format", "none"]
    done = CliRunner().invoke(analyze, [*words, *typed], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    found: dict[str, Any] = json.loads((out / "plan.json").read_text("utf-8"))
    return dict(found["provenance"]["options"])


@pytest.mark.parametrize(
    ("config", "typed"),
    [
        (
            'buckets = "2-3"\nmin-saving = 0.1',
            ("--buckets", "2-3", "--min-saving", "10%"),
        ),
        ("pin = [4096, 8192]", ("--pin", "4096", "--pin", "8192")),
        ("pin = 4096", ("--pin", "4096")),
        ("current = [1024, 16384]", ("--current", "1024,16384")),
        ("allow_overflow = true", ("--allow-overflow",)),
        (
            "batch_size = 8\nstep_cost = {1 = 12.5, 8 = 20}",
            ("--batch-size", "8", "--step-cost", "1=12.5,8=20"),
        ),
        ('target = ["0.11.2", "0.12.0"]', ("--target", "0.11.2", "--target", "0.12.0")),
        (
            'columns = {width = "height", height = "width"}',
            ("--columns", "width=height,height=width"),
        ),
    ],
)
def test_a_file_says_what_could_be_typed(
    tmp_path: Path, config: str, typed: tuple[str, ...]
) -> None:
    told = options_of_run(tmp_path, config)
    assert told.pop("config") == "b.toml"
    again = tmp_path / "again"
    again.mkdir()
    plain = options_of_run(again, "", *typed)
    del plain["config"]
    assert told == plain


def test_what_is_typed_counts_more_than_the_file(tmp_path: Path) -> None:
    told = options_of_run(tmp_path, 'strategy = "quantile"', "--strategy", "linear")
    assert told["strategy"] == "linear"


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ("modle = 'x'", "got 'modle' (did you mean model?)"),
        ("zzzz = 1", "expected options of analyze, got 'zzzz'"),
        ("inputs = ['x']", "got 'inputs'"),
        ("model = ", "expected TOML with a line for each option"),
        ("buckets = 'many'", "many"),
    ],
)
def test_what_no_option_takes_is_refused_by_its_name(
    tmp_path: Path, config: str, said: str
) -> None:
    file = tmp_path / "b.toml"
    file.write_text(config, encoding="utf-8")
    done = CliRunner().invoke(analyze, ["t.csv", "--config", str(file)])
    assert done.exit_code == 2
    assert said in " ".join(done.output.split())


@pytest.mark.parametrize(
    ("words", "config", "typed"),
    [
        (
            "count t.csv",
            'model = "qwen3-vl-2b"\ntarget = ["0.12.0"]',
            "--model qwen3-vl-2b --target 0.12.0",
        ),
        (
            "explain 640x480 --model qwen3-vl-2b",
            "plan = [1024, 4096]\nmax-frames = 9",
            "--plan 1024,4096 --max-frames 9",
        ),
        (
            "compare t.csv",
            'plan = ["a=1024,4096", "2048,4096"]\nmax_pixels = 3136000',
            "--plan a=1024,4096 --plan 2048,4096 --max-pixels 3136000",
        ),
        (
            "lint 1024,16384",
            'traffic = "t.csv"\nmodel = "qwen3-vl-2b"',
            "--traffic t.csv --model qwen3-vl-2b",
        ),
        (
            "histogram t.csv",
            'output = "h.parquet"\nno_places = true',
            "--output h.parquet --no-places",
        ),
    ],
)
def test_every_command_takes_its_options_from_a_file(
    tmp_path: Path, words: str, config: str, typed: str
) -> None:
    (tmp_path / "t.csv").write_text(TRAFFIC, encoding="utf-8")
    (tmp_path / "b.toml").write_text(config, encoding="utf-8")
    first, second = (
        bucketwise(*words.split(), *more.split(), cwd=tmp_path)
        for more in (typed, "--config b.toml")
    )
    assert first.returncode in {0, 3}, first.stderr
    assert (first.returncode, first.stdout, first.stderr) == (
        second.returncode,
        second.stdout,
        second.stderr,
    )


OPTIONS = {
    "analyze": ("analyze", AnalyzeOptions),
    "count": ("count", CountOptions),
    "explain": ("explain", ExplainOptions),
    "lint": ("lint_config", LintOptions),
    "compare": ("compare", CompareOptions),
}


@pytest.mark.parametrize("command", OPTIONS)
def test_each_option_is_said_once_and_its_default_is_the_field_s(command: str) -> None:
    door, options = OPTIONS[command]
    with click.Context(main) as context:
        found = main.get_command(context, command)
    assert found is not None
    given = {each.name: each for each in found.params if isinstance(each, click.Option)}
    keywords = signature(getattr(package, door)).parameters
    assert {each.name for each in fields(options)} <= {*keywords}
    for name, option in options_in(options).items():
        assert option.kind in {*KINDS, "flag"}
        assert given[name].help == option.text
        if name in keywords and not option.required:
            value = given[name].process_value(context, given[name].get_default(context))
            assert value == keywords[name].default


def test_all_that_is_wrong_with_options_is_said_at_once() -> None:
    wrong: dict[str, Any] = {
        "bucket_unit": "px",
        "soft_tokens": 70,
        "max_pixels": 9,
    }
    with pytest.raises(UsageError) as refused:
        CompareOptions(**wrong)
    assert [each.split(", got ")[1] for each in refused.value.problems] == [
        *("both", "'px'"),
    ]


def test_a_second_release_is_refused_where_one_is_judged_by(tmp_path: Path) -> None:
    words = ("--model", "qwen3-vl-2b", "--target", "0.11.2", "--target", "0.12.0")
    done = bucketwise("explain", "640x480", *words, cwd=tmp_path)
    assert done.returncode == 2
    assert "give one --target here, 2 found" in done.stderr


def test_every_field_that_decides_is_recorded() -> None:
    # max_pixels records soft_tokens, too.
    left_out = {"base", "current_source", "places", "soft_tokens"}
    # Recorded where somebody gave them.
    left_out |= {"images_per_day", "price_per_device_hour"}
    assert {each.name for each in fields(AnalyzeOptions)} - left_out == set(RECORDED)


def test_help_groups_options_by_what_they_belong_to() -> None:
    shown = CliRunner().invoke(analyze, ["--help"]).output
    headings = re.findall(r"(?m)^([A-Z][a-z ]+):$", shown)
    assert headings == [
        *(
            "Input",
            "Model and limits",
            "Choice",
            "Today",
            "Decoder",
            "Engine",
            "Output",
        ),
        "Options",
    ]
    assert (
        shown.index("Decoder:") < shown.index("--decoder-pin") < shown.index("Engine:")
    )
