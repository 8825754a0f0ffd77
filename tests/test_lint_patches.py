"""Diffs of lint --fix: patch applies them, and lint then accepts what is left."""

from __future__ import annotations

import json
import shlex
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import tomlkit
import yaml
from click.testing import CliRunner

from bucketwise.app.fixing import fixes_of
from bucketwise.app.linting import lint_config
from bucketwise.cli import main
from bucketwise.engines.rbln.releases import Version, written
from bucketwise.engines.rbln.serve_options import FIELDS_SINCE
from bucketwise.lint.case import LintReport
from tests.command_forms import FORMS as COMMANDS
from tests.strategies import traffic_of
from tests.test_lint_rules import CASES, GOOD, changed

MODEL = "Qwen/Qwen3-VL-2B-Instruct"
DOTTED = f"vllm serve {MODEL} --additional-config.optimum_overrides.visual.max_seq_len [1026]"
IN_FILES = {
    "folded.yaml",
    "literal.yaml",
    "double.yml",
    "list.yaml",
    "init.yaml",
    "cells.ipynb",
    "item.md",
    "serve.ps1",
    "serve.cmd",
    "package.json",
    "vlm.service",
}
"""Forms of commands, told by their ends, in which every way to quote comes up."""

EVERY = 10
"""Of pairs of a fault and a form one is tried; 1 tries all, in minutes."""

CLASS = "RBLNQwen3VLForConditionalGeneration"


def call(config: dict[str, Any], *, export: bool = True) -> str:
    inner = json.dumps(config, indent=4)
    inner = inner.replace("true", "True").replace("false", "False")
    return (
        f"from optimum.rbln import {CLASS}\n\n# für später\n"
        f"model = {CLASS}.from_pretrained(\n    {MODEL!r}, export={export},\n"
        f"    rbln_config={inner.replace('null', 'None')},  # here\n)\n"
    )


def parted(config: dict[str, Any]) -> str:
    """Write the configuration over names, with keywords and single quotes."""
    visual = config.get("visual", {})
    inner = {key: value for key, value in config.items() if key != "visual"}
    return (
        f"from optimum.rbln import {CLASS}\nVISUAL = {visual!r}\n"
        f"rbln_config = dict(visual=VISUAL, {', '.join(f'{k}={v!r}' for k, v in inner.items())})\n"
    )


def notebook(config: dict[str, Any]) -> str:
    cell = {"cell_type": "code", "metadata": {}, "outputs": []}
    cells = [
        cell | {"source": "%pip install optimum-rbln\n"},
        {"cell_type": "markdown", "metadata": {}, "source": ["# Größe"]},
        cell | {"source": call(config).splitlines(keepends=True)},
    ]
    made = {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    return json.dumps(made, indent=1, ensure_ascii=False) + "\n"


def script(config: dict[str, Any]) -> str:
    inner = json.dumps({"optimum_overrides": config})
    return (
        f"#!/bin/sh\n# serve it\nvllm serve {MODEL} --block-size 16384 \\\n"
        f"  --additional-config '{inner}' \\\n  --max-num-seqs 8  # eight\n"
    )


def leaves(config: dict[str, Any], before: str) -> Iterator[tuple[str, object]]:
    for key, value in config.items():
        if isinstance(value, dict) and value:
            yield from leaves(value, f"{before}{key}.")
        else:
            yield f"{before}{key}", value


def dotted(config: dict[str, Any]) -> str:
    options = [
        f"{name} {shlex.quote(json.dumps(value))}"
        for name, value in leaves(config, "--additional-config.optimum_overrides.")
    ]
    line = f"vllm serve {MODEL} --block-size 16384 --max-num-seqs 8"
    return " \\\n  ".join([line, *options]) + "\n"


def compile_line(config: dict[str, Any]) -> str:
    options = [
        f"{name} {shlex.quote(json.dumps(value))}"
        for name, value in leaves(config, "--")
    ]
    line = f"optimum-rbln-cli --model-id {MODEL} --class {CLASS}"
    return " \\\n  ".join([line, *options, "--output-dir here"]) + "\n"


def served_as(form: str) -> Callable[[dict[str, Any]], str]:
    def write(config: dict[str, Any]) -> str:
        held = json.dumps({"optimum_overrides": config})
        words = ["vllm", "serve", MODEL, "--block-size", "16384"]
        return COMMANDS[form]([*words, "--additional-config", held])

    return write


FORMS: dict[str, Callable[[dict[str, Any]], str]] = {
    "indented.json": lambda config: json.dumps(config, indent=2) + "\n",
    "compact.json": lambda config: json.dumps(config, separators=(",", ":")),
    "wrapped.json": lambda config: json.dumps({"rbln_config": config}, indent=4),
    "crlf.json": lambda config: json.dumps(config, indent=1).replace("\n", "\r\n"),
    "block.yaml": lambda config: "# mine\n" + yaml.safe_dump(config, sort_keys=False),
    "flow.yaml": lambda config: (
        "# flow\n" + yaml.safe_dump(config, default_flow_style=True)
    ),
    "plain.toml": lambda config: "# mine\n" + tomlkit.dumps(config),
    "call.py": call,
    "parted.py": parted,
    "code.ipynb": notebook,
    "serve.sh": script,
    "load.py": lambda config: call(config, export=False),
    "dotted.sh": dotted,
    "compile.sh": compile_line,
} | {f"command-{form}": served_as(form) for form in COMMANDS if form in IN_FILES}


def is_writable(name: str, config: dict[str, Any], version: Version) -> bool:
    """Return whether a form can say a configuration.

    TOML has no null, and a line before 0.12.0 may be judged by what vllm-rbln adds to it.
    """
    if name.startswith("command-") or name == "dotted.sh":
        return version >= FIELDS_SINCE
    return not name.endswith(".toml") or "null" not in json.dumps(config)


def lint(file: Path, version: Version) -> LintReport:
    return lint_config(
        file,
        model="qwen3-vl-2b",
        target=f"optimum-rbln=={written(version)}",
        max_pixels=4_194_304,
    )


HIDE = ("-channel", "/derived-conflict")


def told(report: LintReport, *, fixable: bool = False) -> set[str]:
    """Return the rules that found errors, or something that they can fix."""
    return {
        each.rule
        for judged in report.judged
        for each in judged.reported
        if (each.finding.fixes if fixable else each.finding.severity == "error")
    }


def test_patch_applies_every_fix_in_every_form_and_lint_then_accepts_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    before: dict[Path, tuple[LintReport, Version]] = {}
    diffs = []
    seen: set[str] = set()
    for index, (rule, _, config, version) in enumerate(CASES):
        for name, form in FORMS.items():
            # Each form in turn: all of them for every case would say the same again.
            if not is_writable(name, config, version) or (index + len(name)) % EVERY:
                continue
            file = Path(f"{index}-{rule.replace('/', '-')}-{name}")
            file.write_bytes(form(config).encode())
            report = lint(file, version)
            if not told(report, fixable=True):
                continue
            [fix] = fixes_of(report)
            assert fix.diff, (file, fix)
            assert not fix.folder
            diffs.append(fix.diff)
            before[file] = report, version
            seen |= told(report, fixable=True)
    done = subprocess.run(
        ["patch", "-p0", "--no-backup-if-mismatch"],
        input="".join(diffs).encode(),
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout.decode()
    assert b"fuzz" not in done.stdout
    for file, (report, version) in before.items():
        after = lint(file, version)
        assert not told(after, fixable=True), (file, told(after, fixable=True))
        # What nothing reads is judged once something does, and what is derived once
        # nothing contradicts it.
        unread = any(rule.endswith(HIDE) for rule in told(report))
        assert told(after) <= told(report) or unread, file
    assert len(before) > 30
    assert {name for name in FORMS if any(str(f).endswith(name) for f in before)} == {
        *FORMS
    }
    assert len(seen) > 12


def patched(file: Path, fix: str) -> str:
    subprocess.run(["patch", "-p0"], input=fix.encode(), check=True, cwd=file.parent)
    return file.read_text()


def test_what_traffic_shows_is_fixed_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "a b.yaml"
    file.write_text(
        "visual:\n  max_seq_len: # three\n    - 1024\n    - 2048\n    - 4096\n"
    )
    traffic = traffic_of((512, 512, 5.0), (1_024, 1_024, 4.0))
    report = lint_config(
        file, model="qwen3-vl-2b", traffic=traffic, max_pixels=1_048_576
    )
    [fix] = fixes_of(report)
    assert "buckets/bucket-never-hit" in told(report, fixable=True)
    assert patched(file, fix.diff).startswith(
        "create_runtimes: false\nvisual:\n  max_seq_len: # three\n    - 1024\n    - 4096\n"
    )


def test_a_file_elsewhere_is_named_as_patch_takes_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "here").mkdir()
    file = tmp_path / "there" / "c.json"
    file.parent.mkdir()
    file.write_text(json.dumps(changed({"max_seq_len": [1026]})))
    monkeypatch.chdir(tmp_path / "here")
    result = CliRunner().invoke(main, ["lint", str(file), "--fix", "--model", MODEL])
    assert result.exit_code == 3
    assert result.stdout.startswith("--- c.json\n+++ c.json\n")
    assert f"patch -p0 -d {file.parent}" in result.stderr
    assert "[1028]" in patched(file, result.stdout)
    monkeypatch.chdir(tmp_path)
    file.write_text(json.dumps(changed({"max_seq_len": [1026]})))
    result = CliRunner().invoke(main, ["lint", str(file), "--fix", "--model", MODEL])
    assert result.stdout.startswith("--- there/c.json\n")


@pytest.mark.parametrize(
    "text",
    [
        json.dumps(changed({"max_seq_len": [1026]})),
        DOTTED,
    ],
)
def test_where_no_diff_can_be_made_the_value_is_printed(text: str) -> None:
    result = CliRunner().invoke(main, ["lint", text, "--fix", "--model", MODEL])
    assert "no diff of this text can be made" in result.stderr
    assert 1_028 in (json.loads(result.stdout)["visual"]["max_seq_len"])


def test_a_good_file_has_no_diff(tmp_path: Path) -> None:
    file = tmp_path / "c.json"
    file.write_text(json.dumps(GOOD))
    assert fixes_of(lint(file, (0, 12, 0))) == ()
