"""No text a user gives breaks out of an emitted file, a CSV cell or a terminal line.

The page is attacked in tests/browser/test_attacks.py, in a real browser.
"""

from __future__ import annotations

import ast
import csv
import json
import os
import re
import shlex
import shutil
import subprocess
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from markdown_it import MarkdownIt

from tests.browser.attacks import ATTACKS, batches, harmless
from tests.browser.reports import run
from tests.browser.scenes import config_scene, model_folder, sizes_table, whole_scene

VLLM = """#!/bin/bash
printf '%s\\0' "$@" > "$TOLD"
"""

BATCHES = batches(4)

# What a spreadsheet takes for a formula begins so (OWASP, CSV Injection).
FORMULA = ("=", "+", "-", "@", "\t", "\r")


@pytest.fixture(scope="module")
def harmless_files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return contents(emitted(tmp_path_factory.mktemp("harmless"), "harmless"))


@pytest.fixture(scope="module")
def harmless_page(tmp_path_factory: pytest.TempPathFactory) -> Counter[str]:
    folder = tmp_path_factory.mktemp("harmless")
    return rendered(folder, harmless(len(BATCHES[0])))


@pytest.mark.parametrize("attack", ATTACKS)
def test_no_name_changes_what_emitted_files_do(
    attack: str, harmless_files: dict[str, Any], tmp_path: Path
) -> None:
    out = emitted(tmp_path, ATTACKS[attack])
    assert contents(out) == harmless_files
    model = json.loads((out / "plan.json").read_text())["model"]["hf_id"]
    scripts = sorted(out.rglob("*.sh"))
    assert scripts
    for script in scripts:
        told = served(script, tmp_path)
        flags = [each for each in told if each.startswith("--")]
        assert told[0] == "serve"
        assert told[told.index("--served-model-name") + 1] == model
        assert len(told) == 2 + 2 * len(flags), "each flag has one value"


def test_a_model_named_like_an_option_is_no_option(tmp_path: Path) -> None:
    model = model_folder(tmp_path / "--trust-remote-code")
    out = tmp_path / "out"
    words = [sizes_table(tmp_path), "--model", model, "--out", out]
    run("analyze", *words, "--quiet", "--format", "none")
    scripts = [*out.rglob("*.sh")]
    assert scripts
    for script in scripts:
        told = served(script, tmp_path)
        assert "--trust-remote-code" not in told
        assert "--served-model-name=--trust-remote-code" in told


def test_no_cell_of_a_csv_file_is_a_formula(tmp_path: Path) -> None:
    source, out = tmp_path / "traffic.csv", tmp_path / "out.csv"
    rows = [
        ("width", "height", "label"),
        *((each, "480", each) for each in ATTACKS.values()),
    ]
    with source.open("w", newline="") as stream:
        csv.writer(stream, quoting=csv.QUOTE_ALL).writerows(rows)
    run(
        *("count", source, "--model", "qwen3-vl-2b", "--each-row", "-o", out),
        *("--max-bad-rows", "100%"),
    )
    with out.open(newline="") as stream:
        header, *counted = csv.reader(stream)
    assert len(counted) == len(ATTACKS)
    assert {row[header.index("error")] for row in counted} == {"not a number"}
    assert not [cell for row in counted for cell in row if cell.startswith(FORMULA)]


@pytest.mark.parametrize("texts", BATCHES, ids=range(len(BATCHES)))
def test_no_name_changes_what_markdown_becomes(
    texts: list[str], harmless_page: Counter[str], tmp_path: Path
) -> None:
    assert rendered(tmp_path, texts) == harmless_page


def rendered(folder: Path, texts: Sequence[str]) -> Counter[str]:
    """Return the tags of a summary, rendered as GitHub renders it, HTML included."""
    words = [*whole_scene(folder / "in", texts), "--out", folder / "out"]
    run("analyze", *words, "--quiet", "--format", "md")
    page = (folder / "out" / "summary.md").read_text()
    html = MarkdownIt("commonmark").enable("table").render(page)
    # An empty comment is bucketwise's own: it keeps a host from telling people named.
    return Counter(re.findall(r"<[^>]*>", html.replace("<!-- -->", "")))


def emitted(folder: Path, text: str) -> Path:
    """Run the command line with a text as every name, and return where it wrote."""
    out = folder / "out"
    words = [sizes_table(folder), *config_scene(folder, [text]), "--out", out]
    said = run("analyze", *words, "--format", "none")
    assert all(each.isprintable() or each == "\n" for each in said), "a terminal"
    return out


def contents(out: Path) -> dict[str, Any]:
    """Return what the files in a folder say when every text in them is left out."""
    found: dict[str, Any] = {}
    for path in sorted(out.rglob("*.py")):
        found[path.name] = skeleton(path.read_text())
    for path in sorted(out.rglob("*.json")):
        found[path.name] = shape(json.loads(path.read_text()))
    return found


def skeleton(script: str) -> str:
    """Return a Python file's syntax tree with every text left out of it."""
    tree = ast.parse(script)
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            node.value = ""
    return ast.dump(tree)


def shape(value: Any) -> Any:
    """Return a JSON value with every text and key left out of it."""
    if isinstance(value, dict):
        return {"object": [shape(item) for item in value.values()]}
    if isinstance(value, list):
        return [shape(item) for item in value]
    return "" if isinstance(value, str) else value


def served(script: Path, folder: Path) -> list[str]:
    """Run a script where `vllm` writes its arguments down, and return them."""
    programs, work, told = folder / "bin", folder / "work", folder / "told"
    programs.mkdir(exist_ok=True)
    (programs / "vllm").write_text(VLLM)
    (programs / "vllm").chmod(0o755)
    shutil.rmtree(work, ignore_errors=True)
    [line] = re.findall(r"^FOLDER=(.+)$", script.read_text(), re.MULTILINE)
    [compiled] = shlex.split(line)
    (work / compiled).mkdir(parents=True)
    (work / compiled / "rbln_config.json").touch()
    path = f"{programs}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", str(script)],
        cwd=work,
        env={"PATH": path, "TOLD": str(told)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert [each.name for each in work.iterdir()] == [compiled], "a command ran"
    return told.read_bytes().decode().split("\0")[:-1]
