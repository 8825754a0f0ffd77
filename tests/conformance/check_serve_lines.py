"""What serve_lines.toml says of a line is what the real vllm-rbln does with it."""

from __future__ import annotations

import json
import os
import shlex
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from tests.conformance.sdk import RELEASE
from tests.conformance.serve_lines import Line, Outcome, read_lines

if not RELEASE.serving or find_spec("vllm_rbln") is None:
    pytest.skip("no vllm-rbln of this release is tried", allow_module_level=True)

from tests.conformance.families import FAMILIES
from tests.conformance.resolution import build, resolve
from tests.conformance.sdk import model_class
from tests.conformance.serving_sdk import host_of, spec_of, start

LINES = [line for line in read_lines() if line.concerns(RELEASE)]
EMITTED = Path(os.environ["CONFORMANCE_EMITTED"])
MODELS = {
    "Qwen/Qwen2-VL-7B-Instruct": "qwen2_vl",
    "Qwen/Qwen2.5-VL-7B-Instruct": "qwen2_5_vl",
    "Qwen/Qwen3-VL-2B-Instruct": "qwen3_vl",
    "Qwen/Qwen3-VL-30B-A3B-Instruct": "qwen3_vl_moe",
    "Qwen/Qwen3.5-4B": "qwen3_5",
    "LGAI-EXAONE/EXAONE-4.5-33B": "exaone4_5",
    "vidore/colqwen2-v1.0-hf": "colqwen2",
    "llava-hf/llava-1.5-7b-hf": "llava",
    "meta-llama/Llama-3.1-8B-Instruct": "llama",
}


@pytest.fixture(scope="session")
def lint() -> dict[str, Any]:
    """What bucketwise says of every line, by release and id."""
    told = json.loads((EMITTED / "serve_lines.json").read_text(encoding="utf-8"))
    found: dict[str, Any] = told[RELEASE.version]
    return found


def outcome_of(
    line: Line,
    checkpoint: Path | None,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Outcome:
    """Take a line through vllm-rbln and optimum-rbln, up to a compiled folder."""
    words = shlex.split(line.text(RELEASE, str(folder)))
    serve = words.index("vllm")
    for word in words[:serve]:
        name, _, value = word.partition("=")
        monkeypatch.setenv(name, value)
    if line.folder is not None:
        text = json.dumps(line.compiled_folder())
        (folder / "rbln_config.json").write_text(text, encoding="utf-8")
    family = MODELS[line.model]
    with host_of(line.npu):
        try:
            made = start(words[serve + 2 :], family)
            spec = spec_of(made) if line.folder is None else None
            if spec and checkpoint:
                compile_spec(spec, family, checkpoint, folder)
        except (Exception, SystemExit) as error:  # noqa: BLE001 - it is the answer
            return Outcome(error=type(error).__name__, says=str(error).strip())
    return Outcome()


def compile_spec(
    spec: dict[str, Any], family: str, checkpoint: Path, folder: Path
) -> None:
    """Do what serving does with the configuration it was given."""
    build(family, json.loads(json.dumps(spec)))
    resolve(family, json.loads(json.dumps(spec)))
    model_class(FAMILIES[family]).from_pretrained(
        str(checkpoint), export=True, rbln_config=spec
    ).save_pretrained(str(folder))


@pytest.mark.parametrize("line", LINES, ids=lambda line: line.id)
def test_the_release_does_with_a_line_what_the_table_and_lint_say(
    line: Line,
    checkpoints: dict[str, Path],
    lint: dict[str, Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    checkpoint = checkpoints.get(MODELS[line.model])
    said = outcome_of(line, checkpoint, tmp_path, monkeypatch)
    table = line.outcome(RELEASE)
    assert said.error == table.error, said.says
    assert table.says in said.says
    errors = lint[line.id]
    assert bool(errors) == bool(said.error), (errors, said)
    named = [raises for _, raises in errors if raises]
    assert not named or any(is_said(raises, said) for raises in named), (errors, said)


def is_said(raises: str, said: Outcome) -> bool:
    """Return whether lint names the error that was seen."""
    kind, _, message = raises.partition(": ")
    return kind == said.error and message.strip() in said.says


def test_a_line_made_wrong_is_noticed(
    checkpoints: dict[str, Path],
    lint: dict[str, Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    [line] = (each for each in LINES if each.id == "no_block")
    sound = replace(line, outcomes=dict.fromkeys(line.outcomes, Outcome()))
    with pytest.raises(AssertionError, match="`block_size` is required"):
        test_the_release_does_with_a_line_what_the_table_and_lint_say(
            sound, checkpoints, lint, tmp_path, monkeypatch
        )
