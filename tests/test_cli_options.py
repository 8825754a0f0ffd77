"""What every option of every command takes, refuses and says of itself."""

from __future__ import annotations

import re
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from bucketwise.cli import COMMANDS, main, option_types
from bucketwise.cli.option_types import Amount, Name, Percent, Pixels
from bucketwise.core.cost import COSTS
from bucketwise.core.decoder import options as question
from bucketwise.core.optimize import SOLVERS
from bucketwise.errors import BucketwiseError

SHARES = {"--max-bad-rows", "--min-saving", "--headroom", "--gpu-memory-utilization"}

ARGUMENTS = {
    "analyze": ["t.csv", "--format", "none", "--out", "o"],
    "count": ["t.csv", "--model", "qwen3-vl-2b"],
    "explain": ["640x480", "--model", "qwen3-vl-2b"],
    "histogram": ["t.csv", "-o", "h.parquet"],
    "calibrate": ["t.csv", "-o", "cost.json"],
    "lint": ["c.json", "--model", "qwen3-vl-2b", "--traffic", "t.csv"],
    "compare": ["t.csv", "--plan", "1024,4096", "--plan", "2048,4096"],
}

IMPOSSIBLE = (
    *["-1", "nan", "inf", "-inf", "1e400", "%", "x", "1e9%", "0,2"],
    "",
    "9" * 40,
)

PRICE = ("--graph-minutes", "--images-per-day", "--keep-days", "--vit-tflops")


def options() -> list[tuple[str, click.Option]]:
    """Return every option of every command, by the command."""
    found = []
    with click.Context(main) as context:
        for name in COMMANDS:
            command = main.get_command(context, name)
            assert command is not None
            found += [(name, p) for p in command.params if isinstance(p, click.Option)]
    return found


def ids(found: list[tuple[str, click.Option]]) -> list[str]:
    return [f"{command} {option.opts[-1]}" for command, option in found]


NUMBERS = (Amount, Percent, Pixels, click.types.IntRange)
WITH_NUMBERS = [pair for pair in options() if isinstance(pair[1].type, NUMBERS)]
SHARED = [pair for pair in options() if isinstance(pair[1].type, Percent)]


def run(folder: Path, monkeypatch: pytest.MonkeyPatch, *arguments: str) -> Result:
    """Run a command beside a small table and a configuration."""
    monkeypatch.chdir(folder)
    Path("t.csv").write_text("width,height\n640,480\n1280,720\n")
    Path("c.json").write_text('{"visual": {"max_seq_lens": [16384]}, "batch_size": 2}')
    return CliRunner().invoke(main, arguments)


def exit_code(done: Result) -> int:
    """Return the status the process would end with, as `bucketwise.cli.run` does."""
    if isinstance(done.exception, BucketwiseError):
        return done.exception.exit_code
    assert done.exception is None or isinstance(done.exception, SystemExit)
    return done.exit_code


def test_every_share_is_of_one_type_and_only_shares_are() -> None:
    assert {option.opts[-1] for _, option in SHARED} == SHARES
    for command, option in options():
        said = option.help or ""
        if re.match("(a )?share", said, re.IGNORECASE) or "than this share" in said:
            assert isinstance(option.type, Percent), (command, option.opts)


def test_no_option_takes_any_float_or_any_whole_number() -> None:
    for command, option in options():
        bare = type(option.type) in {
            click.types.FloatParamType, click.types.IntParamType, click.types.FloatRange
        }  # fmt: skip
        assert not bare, (command, option.opts)
        if isinstance(option.type, click.types.IntRange):
            assert option.type.min == 1, (command, option.opts)


def test_every_option_says_what_it_is_and_what_holds_without_it() -> None:
    with click.Context(main) as context:
        for command, option in options():
            record = option.get_help_record(context)
            assert record is not None
            _, said = record
            assert said, (command, option.opts)
            silent = option.is_flag or option.required or option.multiple
            told = "[default" in said or option.show_default
            # Without a number for each of these four, the price of a graph is not asked.
            optional = {*PRICE, "--columns", "--current", "--current-max-pixels", "--plan",
                        "-o", "--output", "--device-gb",
                        "--gpu-memory-utilization"}  # fmt: skip
            assert silent or told or optional & {*option.opts}, (command, option.opts)


def test_what_the_options_take_is_what_the_code_knows() -> None:
    by_name = {option.opts[-1]: option for _, option in options()}
    assert all(name in (by_name["--strategy"].help or "") for name in SOLVERS)
    assert all(name in (by_name["--cost"].help or "") for name in COSTS)
    assert option_types.STEP_COSTS == question.STEP_COSTS
    assert (option_types.GPU, option_types.MAX_BATCH_SIZE) == (
        question.GPU,
        question.MAX_BATCH_SIZE,
    )


@pytest.mark.parametrize(("command", "option"), WITH_NUMBERS, ids=ids(WITH_NUMBERS))
def test_a_number_that_cannot_be_is_wrong_usage(
    command: str, option: click.Option, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = option.opts[-1]
    for value in IMPOSSIBLE:
        done = run(tmp_path, monkeypatch, command, *ARGUMENTS[command], name, value)
        assert exit_code(done) == 2, (value, done.output)
        said = done.output + str(done.exception)
        assert name in said or "expected " in said, (value, said)


@pytest.mark.parametrize(("command", "option"), SHARED, ids=ids(SHARED))
def test_a_bare_number_above_one_is_refused_with_the_spelling_that_is_meant(
    command: str, option: click.Option, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = run(
        tmp_path, monkeypatch, command, *ARGUMENTS[command], option.opts[-1], "20"
    )
    assert exit_code(done) == 2
    assert "20 is 2,000 %; for 20 % write 20% or 0.2" in done.output


@given(st.decimals(0, 100, places=4, allow_nan=False))
def test_a_share_reads_the_same_as_percent_and_as_a_fraction(percent: object) -> None:
    share = Percent()
    fraction = share.convert(str(float(str(percent)) / 100), None, None)
    for text in (f"{percent}%", f"{percent} %", f" {percent}%"):
        assert share.convert(text, None, None) == pytest.approx(fraction, abs=1e-12)


@pytest.mark.parametrize(
    "arguments",
    [
        ("analyze", "--npu", "foo"),
        ("analyze", "--max-seq-len", "1"),
        ("analyze", "--kvcache-partition-len", "20"),
        ("analyze", "--max-pixels", "10"),
        ("analyze", "--video-max-pixels", "1"),
        ("analyze", "--current", "0,-2"),
        ("analyze", "--measured-with", "99999999"),
        ("analyze", "--step-cost", "1=nan"),
        ("analyze", "--step-cost", "0=2"),
        ("analyze", "--min-pixels", "65536^2"),
        ("analyze", "--batch-size", "4097"),
        ("analyze", "--devices", "999999999999"),
        ("analyze", "--cost", "cubic"),
        ("explain", "--plan", "0,4"),
        ("compare", "--plan", "0,4"),
        ("lint", "--max-pixels", "1"),
    ],
)
def test_values_that_contradict_what_is_known_are_wrong_usage(
    arguments: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    command, *given_options = arguments
    done = run(tmp_path, monkeypatch, command, *ARGUMENTS[command], *given_options)
    assert exit_code(done) == 2, done.output or done.exception


NAMES = [pair for pair in options() if isinstance(pair[1].type, Name)]


@pytest.mark.parametrize(("command", "option"), NAMES, ids=ids(NAMES))
def test_an_empty_name_is_wrong_usage_and_a_missing_file_one_clear_line(
    command: str, option: click.Option, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = option.opts[-1]
    done = run(tmp_path, monkeypatch, command, *ARGUMENTS[command], name, " ")
    assert exit_code(done) == 2
    assert "expected a name" in done.output
    done = run(tmp_path, monkeypatch, command, *ARGUMENTS[command], name, "gone.json")
    assert exit_code(done) in {1, 2}
    said = str(done.exception) + done.output
    assert "gone.json" in said


def test_columns_are_named_in_parts_and_once_each(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    arguments = ("histogram", "t.csv", "-o", "h.parquet", "--columns")
    done = run(tmp_path, monkeypatch, *arguments, "width=2", "--columns", "height=1")
    assert "height from 'width', width from 'height'" in done.output
    for wrong, said in (
        (("width=a,width=b",), "expected one column for width"),
        (("width=1", "--columns", "width=2"), "expected one column for width"),
        (("engin=a",), "use one of height, width"),
        (("width=width,w=height",), "both name the column of width"),
        (("width=width,height=width",), "a column has one role"),
    ):
        done = run(tmp_path, monkeypatch, *arguments, *wrong)
        assert exit_code(done) == 2
        assert said in str(done.exception) + done.output
    done = run(tmp_path, monkeypatch, *arguments, "engine=gone")
    assert exit_code(done) == 1
    assert "there is no such column; found 'width', 'height'" in str(done.exception)
    done = run(tmp_path, monkeypatch, *arguments, "engine=height,height=2")
    assert exit_code(done) == 2


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["analyse", "t.csv"], "Did you mean analyze?"),
        (["traffic.csv", "--quiet"], "bucketwise analyze traffic.csv --quiet"),
        (["explain", "9x9", "--model", "qwen3-vl-2"], "did you mean qwen3-vl-2b?"),
        (["frobnicate"], "got 'frobnicate'"),
    ],
)
def test_a_name_that_is_not_known_is_told_with_the_one_that_was_meant(
    words: list[str], told: str
) -> None:
    result = CliRunner().invoke(main, words)
    assert result.exit_code != 0
    assert told in f"{result.output}{result.exception}"


def test_an_image_file_is_explained_by_its_size_as_displayed(tmp_path: Path) -> None:
    turned = Image.Exif()
    turned[0x0112] = 6
    Image.new("L", (640, 360)).save(tmp_path / "photo.jpg", exif=turned)
    arguments = ["explain", str(tmp_path / "photo.jpg"), "--model", "qwen3-vl-2b"]
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 0, result.output
    [told] = result.output.splitlines()[2:]
    assert told.startswith("photo.jpg, 360x640 -> resized to 352x640 px")
