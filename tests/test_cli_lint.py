"""`bucketwise lint` and `bucketwise.lint_config`: what is judged by what, and the exit."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

import bucketwise
from bucketwise.cli import main
from bucketwise.cli.lint import FORMATS
from bucketwise.engines.rbln.releases import NEWEST, OLDEST
from bucketwise.engines.rbln.rules.case import RblnCase
from bucketwise.engines.rbln.targets import TARGETS
from bucketwise.errors import ConfigError, UsageError
from bucketwise.lint.case import Judged, LintReport
from bucketwise.lint.finding import Finding, Fix, Rule
from bucketwise.lint.formats import RENDERERS
from bucketwise.read.configs.profiles import find_profile
from tests import commands
from tests.test_model_folders import folder_of
from tests.test_sources_rbln_config import COMPILED

ROOT = Path(__file__).parent.parent
SCREENSHOTS = ROOT / "sample_traffic" / "docs_screenshots.csv"
CHECKPOINT = {"min_pixels": 65_536, "max_pixels": 16_777_216}

GOOD: dict[str, Any] = {
    "visual": {"max_seq_len": [1024, 16384], "create_runtimes": False},
    "num_devices": 8,
    "kvcache_partition_len": 16_384,
    "max_seq_len": 262_144,
    "batch_size": 1,
    "create_runtimes": False,
}
BAD = GOOD | {"visual": {"max_seq_lens": [1024, 16384]}}
"""The older name, which 0.12.0 refuses."""


def old_name(subject: RblnCase) -> Iterator[Finding]:
    """An older name."""
    if subject.visual and "max_seq_lens" in subject.visual:
        path = ("visual", "max_seq_lens")
        yield Finding(
            severity="error",
            path=path,
            found="max_seq_lens",
            why="refused",
            right="max_seq_len",
            fixes=(Fix(path=path, action="rename", value="max_seq_len"),),
        )


RULES = (Rule("own/old-name", old_name),)


def write(folder: Path, name: str, content: object) -> Path:
    path = folder / name
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def judged(*configs: Any, **options: Any) -> Judged:
    [one] = bucketwise.lint_config(*configs, **({"rules": RULES} | options)).judged
    return one


def lint(*arguments: object, stdin: str | None = None) -> Result:
    return CliRunner().invoke(
        main, ["lint", *map(str, arguments)], input=stdin, catch_exceptions=False
    )


# --- the function ---------------------------------------------------------------------


def test_a_configuration_is_judged_as_a_value_a_file_and_a_text(tmp_path: Path) -> None:
    path = write(tmp_path, "c.json", BAD)
    for config in (BAD, path, str(path), json.dumps(BAD)):
        [reported] = judged(config).reported
        assert reported.rule == "own/old-name"
        assert reported.finding.path == ("visual", "max_seq_lens")
    report = bucketwise.lint_config(GOOD, BAD, rules=RULES)
    assert isinstance(report, LintReport)
    assert report.failed
    assert [len(each.reported) for each in report.judged] == [0, 1]
    assert report.version == bucketwise.__version__


def test_every_configuration_that_cannot_be_read_is_named_at_once(
    tmp_path: Path,
) -> None:
    with pytest.raises(ConfigError) as caught:
        bucketwise.lint_config(tmp_path / "a.json", "{", GOOD)
    assert len(caught.value.problems) == 2
    with pytest.raises(UsageError, match="expected one configuration"):
        bucketwise.lint_config()


@pytest.mark.parametrize(
    ("target", "version"),
    [
        ("optimum-rbln==0.11.0", (0, 11, 0)),
        ("0.11.1", (0, 11, 1)),
        ("optimum-rbln 0.10.2", (0, 10, 2)),
        ("0.11.0.post1", (0, 11, 0)),
    ],
)
def test_the_release_asked_for_is_judged_to_the_last_digit(
    target: str, version: tuple[int, ...]
) -> None:
    one = judged(GOOD, target=target)
    assert one.subject.version == version
    assert one.release_source == "--target"


def test_without_one_the_release_that_compiled_it_else_the_newest() -> None:
    one = judged(COMPILED)
    assert one.subject.version == (0, 12, 0)
    assert one.release_source == "optimum_rbln_version in rbln_config"
    assert judged(GOOD).subject.version == NEWEST
    assert "the newest" in judged(GOOD).release_source
    with pytest.raises(UsageError, match="--target"):
        judged(GOOD, target="0.1")


@pytest.mark.parametrize(
    ("said", "version"), [("0.9.4", OLDEST), ("0.13.0", NEWEST), ("0.11.7", (0, 11, 2))]
)
def test_a_release_that_is_not_known_is_judged_as_the_nearest_and_said(
    said: str, version: tuple[int, ...]
) -> None:
    one = judged(COMPILED | {"optimum_rbln_version": said})
    assert one.subject.version == version
    assert one.release_source.endswith(f"says {said}, which is not known here")


def test_the_model_is_the_one_asked_for_else_the_one_named_else_any_of_the_class() -> (
    None
):
    asked = judged(COMPILED, model="qwen3-vl-8b")
    assert asked.subject.profile is not None
    assert (asked.subject.profile.name, asked.model_source) == (
        "qwen3-vl-8b",
        "--model",
    )
    call = "from x import *\nRBLNAutoModel.from_pretrained('{}', rbln_config={{}})"
    named = judged(call.format("Qwen/Qwen3-VL-4B-Instruct"))
    assert named.subject.profile is not None
    assert named.subject.profile.name == "qwen3-vl-4b"
    assert named.model_source == "named in the text given"
    by_class = judged(COMPILED)
    assert by_class.subject.profile is not None
    assert by_class.subject.profile.name == "any qwen3_vl"
    assert by_class.subject.profile.lm is None
    assert "memory" in by_class.not_judged[0]
    nobody = judged(call.format("mine"))
    assert nobody.subject.profile is None
    assert nobody.subject.family == ""
    assert "images and memory: add --model" in nobody.not_judged[0]
    served = judged("vllm serve mine --served-model-name Qwen/Qwen3-VL-8B-Instruct\n")
    assert served.subject.profile is not None
    assert served.subject.profile.name == "qwen3-vl-8b"


def test_a_model_that_is_not_of_the_class_is_said() -> None:
    one = judged(COMPILED, model="qwen2-vl-7b")
    assert "whether the class fits" in one.not_judged[0]
    with pytest.raises(ConfigError, match="model: expected one of"):
        judged(GOOD, model="nothing")


def test_limits_are_those_asked_for_else_of_the_text_else_of_the_checkpoint() -> None:
    code = "from x import *\nMAX_PIXELS = 2048 * 2048\nrbln_config = {}\n"

    def limits(config: Any, **options: Any) -> tuple[int, int, str]:
        found = judged(config, **options).subject.limits
        assert found is not None
        return found.min_pixels, found.max_pixels, found.source

    low, high, _ = limits(GOOD, model="qwen3-vl-2b")
    assert (low, high) == (CHECKPOINT["min_pixels"], CHECKPOINT["max_pixels"])
    low, high, source = limits(code, model="qwen3-vl-2b")
    assert (low, high) == (65_536, 4_194_304)
    assert "max_pixels: the text given:2" in source
    asked: dict[str, Any] = {"model": "qwen3-vl-2b", "max_pixels": 1_000_000}
    low, high, source = limits(code, **asked)
    assert (low, high) == (65_536, 1_000_000)
    assert "max_pixels: --max-pixels" in source
    assert limits(GOOD, min_pixels=4, max_pixels=8)[:2] == (4, 8)
    asked["max_pixels"] = "checkpoint"
    assert limits(code, **asked)[1] == CHECKPOINT["max_pixels"]


def test_limits_that_cannot_be_are_refused_as_options_and_said_of_a_text() -> None:
    assert judged(GOOD, max_pixels=8).subject.limits is None
    with pytest.raises(UsageError, match="at least min_pixels"):
        judged(GOOD, min_pixels=9, max_pixels=8)
    one = judged("from x import *\nMIN_PIXELS = 9\nMAX_PIXELS = 8\nrbln_config = {}\n")
    assert one.subject.limits is None
    assert "their limits cannot be: max_pixels: expected at least" in one.not_judged[0]


def test_the_processor_in_a_compiled_folder_is_the_one_that_is_judged(
    tmp_path: Path,
) -> None:
    profile = find_profile("qwen3-vl-2b")
    size = {"shortest_edge": 65_536, "longest_edge": 4_194_304}
    for name, content in folder_of(profile).items():
        changed = {"size": size} if name == "preprocessor_config.json" else {}
        write(tmp_path, name, content | changed)
    write(tmp_path, "rbln_config.json", COMPILED)
    for model in (None, "qwen3-vl-2b"):
        one = judged(tmp_path, model=model)
        assert one.subject.profile is not None
        assert one.subject.profile.patch_px == 16
        assert one.subject.limits is not None
        assert one.subject.limits.max_pixels == 4_194_304


def test_the_npu_is_the_one_asked_for_else_the_one_that_is_set() -> None:
    assert judged(GOOD).subject.npu is None
    assert judged(GOOD | {"npu": "RBLN-CA25"}).subject.npu == "RBLN-CA25"
    assert judged(GOOD | {"npu": 7}).subject.npu is None
    assert judged(GOOD | {"npu": "x"}, npu="RBLN-CR13").subject.npu == "RBLN-CR13"


def test_traffic_is_counted_under_the_limits_in_force() -> None:
    traffic = bucketwise.read_traffic([SCREENSHOTS])
    one = judged(GOOD, model="qwen3-vl-2b", max_pixels=1_000_000, traffic=traffic)
    assert one.subject.use is not None
    assert one.subject.use.counts.sizes.count.sum() == 1_951
    assert one.subject.use.counts.vit_patches.max() <= 1_000_000 / 256
    assert one.subject.use.tokens is None
    without = judged(GOOD, traffic=traffic)
    assert without.subject.profile is not None
    assert without.subject.profile.name == "qwen3-vl-2b"
    assert without.model_source.startswith("assumed")
    assert judged(GOOD).subject.profile is None


# --- the command ----------------------------------------------------------------------


def test_the_exit_tells_whether_it_will_fail(tmp_path: Path) -> None:
    good = write(tmp_path, "good.json", GOOD)
    bad = write(tmp_path, "bad.json", BAD)
    fine = lint(good, "--model", "qwen3-vl-2b", "--max-pixels", "2048^2")
    assert fine.exit_code == 0, fine.output
    assert "0 errors" in fine.stdout
    failed = lint(good, bad, "--model", "qwen3-vl-2b", "--max-pixels", "2048^2")
    assert failed.exit_code == 3
    assert "bad.json:1  visual.max_seq_lens" in failed.stdout
    assert "in 2 configurations." in failed.stdout
    older = lint(bad, "--target", "optimum-rbln==0.10.3", "--format", "json")
    [configuration] = json.loads(older.stdout)["configurations"]
    names = [each["path"] for each in configuration["findings"]]
    assert ["visual", "max_seq_lens"] not in names


def test_bad_input_and_bad_usage_have_their_own_exits(tmp_path: Path) -> None:
    for arguments, code, words in (
        ((tmp_path / "nope.json",), 1, "error: nope.json: no such file"),
        ((write(tmp_path, "x.json", "{"),), 1, "error: x.json: not JSON"),
        ((), 2, "Missing argument"),
        (("-", "--target", "0.1"), 2, "--target"),
        (("-", "--target", "0.12.0", "--target", "0.10.4"), 2, "one --target"),
        (("-", "--format", "xml"), 2, "'xml' is not one of"),
        (("-", "--max-pixels", "x"), 2, "expected a number of pixels"),
    ):
        done = commands.bucketwise("lint", *arguments, cwd=tmp_path, stdin="{}")
        assert (done.returncode, done.stdout) == (code, ""), done.stderr
        assert words in done.stderr


def test_standard_input_is_a_configuration_too() -> None:
    done = lint("-", stdin=json.dumps(BAD))
    assert done.exit_code == 3
    assert "stdin:1" in done.stdout


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_is_printed_and_nothing_else_is(name: str, tmp_path: Path) -> None:
    done = lint(write(tmp_path, "bad.json", BAD), "--format", name)
    assert done.exit_code == 3
    assert done.stderr == ""
    if name in ("json", "sarif"):
        json.loads(done.stdout)
    elif name == "github":
        assert all(line.startswith("::") for line in done.stdout.splitlines())


def test_the_formats_of_the_command_are_the_renderers() -> None:
    assert list(FORMATS) == list(RENDERERS)


def test_fix_prints_a_diff_alone_and_writes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad = write(tmp_path, "bad.json", BAD)
    before = bad.read_bytes()
    monkeypatch.chdir(tmp_path)
    done = lint("bad.json", "--fix")
    assert done.exit_code == 3
    assert done.stdout.startswith("--- bad.json\n+++ bad.json\n")
    assert '\n-{"visual": {"max_seq_lens": [1024, 16384]}' in done.stdout
    assert '\n+{"visual": {"max_seq_len": [1024, 16384]}' in done.stdout
    assert "visual.max_seq_lens" in done.stderr
    assert bad.read_bytes() == before
    [file] = tmp_path.iterdir()
    assert file == bad


def test_traffic_is_read_as_everywhere_else(tmp_path: Path) -> None:
    table = write(tmp_path, "t.csv", "imgW,imgH\n8000,8000\n640,480\nx,y\n")
    good = write(tmp_path, "good.json", GOOD)
    options = ("--columns", "width=imgW,height=imgH", "--max-bad-rows", "40%")
    done = lint(good, "--model", "qwen3-vl-2b", "--traffic", table, *options)
    assert "traffic  2 images (--traffic)" in done.stdout
    assert "1 row rejected" in done.stderr
    refused = commands.bucketwise("lint", good, "--traffic", table, cwd=tmp_path)
    assert refused.returncode == 1


def test_a_name_cannot_steer_a_terminal(tmp_path: Path) -> None:
    bad = write(tmp_path, "\x1b[31m\nbad.json", BAD)
    for name in FORMATS:
        done = lint(bad, "--format", name)
        assert "\x1b" not in done.output
    assert "\x1b" not in lint(bad, "--fix").output


def test_what_bucketwise_plans_lints_without_an_error(tmp_path: Path) -> None:
    analysis = bucketwise.analyze(
        bucketwise.read_traffic([SCREENSHOTS]), model="qwen3-vl-2b", target=("all",)
    )
    written = bucketwise.write_plan(analysis, tmp_path / "plan", formats=())
    configs = [
        path
        for path in written.paths
        if path.name.startswith(("rbln_config.", "compile."))
    ]
    assert len(configs) == 2 * len(TARGETS)
    report = bucketwise.lint_config(*configs)
    errors = [
        (each.place, each.rule, each.finding.found)
        for one in report.judged
        for each in one.reported
        if each.finding.severity == "error" and each.rule != "buckets/overflow-possible"
    ]
    assert errors == []


def test_a_closed_standard_input_is_an_empty_text(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"")))
    with pytest.raises(ConfigError, match="stdin: no configuration found"):
        bucketwise.lint_config("-")


VLLM = ["lint", "--target", "vllm", "--device-gb", "32"]


def test_plain_vllm_on_any_device_is_added_up_without_a_configuration() -> None:
    said = CliRunner().invoke(
        main, [*VLLM, "--gpu-memory-utilization", "0.36", "--used-gb", "11"]
    )
    assert said.exit_code == 0
    assert "4.26 GB" in said.stdout
    assert "that does not stop it" in said.stdout


def test_a_share_that_cannot_hold_the_weights_ends_with_the_gates_status() -> None:
    said = CliRunner().invoke(main, [*VLLM, "--gpu-memory-utilization", "0.1"])
    assert said.exit_code == 3
    assert "refuses" in said.stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (VLLM, "needs --gpu-memory-utilization"),
        ([*VLLM, "--gpu-memory-utilization", "0.5", "x.json"], "reads no CONFIG"),
        (["lint", "x.json", "--used-gb", "3"], "goes with --target vllm"),
        (["lint"], "Missing argument"),
    ],
)
def test_options_that_do_not_go_together_are_usage(
    arguments: list[str], said: str, tmp_path: Path
) -> None:
    found = commands.bucketwise(*arguments, cwd=tmp_path)
    assert found.returncode == 2
    assert said in found.stderr
