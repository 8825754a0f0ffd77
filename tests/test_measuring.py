"""A few lengths that tell the most of a curve, and the script that measures them."""

from __future__ import annotations

import ast
import csv
import json
import os
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import bucketwise
from bucketwise.core.design import lengths_to_measure
from bucketwise.engines import ENGINES, engines
from bucketwise.errors import UsageError
from bucketwise.nouns.engine import Engine
from bucketwise.nouns.measuring import COLUMNS
from tests.commands import bucketwise as command
from tests.strategies import traffic_of

SCRIPTED = [each for each in engines() if each.measuring]
BY_HAND = [each for each in engines() if not each.measuring]

QUADRATIC_BEST = 4 / 27
"""det(X'X / n) of the optimal design for a + b*x + c*x^2 on [-1, 1]: both ends and 0."""


@given(
    low=st.integers(1, 5_000),
    steps=st.integers(60, 2_000),
    step=st.sampled_from([1, 4, 64]),
    most=st.integers(3, 12),
)
def test_the_lengths_are_ends_and_middle_first_and_tell_nearly_as_much_as_any(
    low: int, steps: int, step: int, most: int
) -> None:
    candidates = low + step * np.arange(steps + 1)
    chosen = lengths_to_measure(candidates, most)
    place = 2 * (np.array(chosen) - low) / (step * steps) - 1
    assert len(set(chosen)) == most
    assert set(chosen) <= set(candidates.tolist())
    assert list(place[:2]) == [1, -1]
    assert abs(place[2]) <= 2 / steps
    design = np.vander(place, 3)
    efficiency = np.linalg.det(design.T @ design / most) / QUADRATIC_BEST
    assert efficiency ** (1 / 3) > 0.75
    gaps = np.diff(np.sort(place))
    assert gaps.max() < 5 / (most - 1)
    assert chosen[: most - 1] == lengths_to_measure(candidates, most - 1)


def test_lengths_follow_traffic_a_plan_or_the_limits() -> None:
    def lengths(*given: bucketwise.Traffic, **options: Any) -> list[int]:
        script = bucketwise.measure(
            *given, model="qwen3-vl-2b", target="optimum-rbln==0.12.0", **options
        )
        return [size for kind, size in constants_of(script)["POINTS"] if kind == "vit"]

    seen = lengths(traffic_of((640, 480, 60), (1_280, 960, 30)))
    assert (min(seen), max(seen), len(seen)) == (1_200, 4_800, 7)
    assert lengths(plan="1024,4096", lengths=3)[:2] == [1_024, 4_096]
    assert lengths(plan="1024,4096", lengths=3)[2:] == [256, 2_964, 1_992]
    assert max(lengths()) == 16_384
    assert max(lengths(max_pixels=1_048_576)) == 4_096


@pytest.mark.parametrize("engine", SCRIPTED, ids=lambda each: each.sdk)
def test_whatever_a_model_is_called_the_script_is_the_same_python(
    engine: Engine, tmp_path: Path
) -> None:
    plain, hostile = "plain", '"""; import os #\\ \'$(x)" {é\N{PILE OF POO}'
    scripts = {}
    for name in (plain, hostile):
        folder = tmp_path / name
        folder.mkdir()
        write_model(folder)
        for each in engine.named(()):
            scripts[name, each.name] = bucketwise.measure(
                model=str(folder), target=each.name, batch_size=4
            )
    for (name, target), script in scripts.items():
        file = tmp_path / f"{target}.{name == plain}.py"
        file.write_text(script, encoding="utf-8")
        told = ast.parse(script)
        assert len(told.body) == len(ast.parse(scripts[plain, target]).body)
        assert constants_of(script)["MODEL_ID"] == name
        assert "/" not in constants_of(script)["TABLE"]
        assert ast.get_docstring(told) is not None
    ruff = [sys.executable, "-m", "ruff"]
    for words in (["check"], ["format", "--check"]):
        done = subprocess.run(
            [*ruff, *words, "--isolated", tmp_path], capture_output=True, check=False
        )
        assert done.returncode == 0, done.stdout.decode()


@pytest.mark.parametrize("engine", BY_HAND, ids=lambda each: each.sdk)
def test_an_engine_without_a_script_says_what_to_measure_by_hand(
    engine: Engine,
) -> None:
    target = engine.named(())[-1].name
    with pytest.raises(UsageError, match="by hand") as refused:
        bucketwise.measure(model="qwen3-vl-2b", target=target, batch_size=8)
    for said in (", ".join(COLUMNS[:5]), "16,384", "decoder, batch: 1, "):
        assert said in str(refused.value)


def test_a_stopped_script_goes_on_and_what_fails_stops_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(ENGINES, "demo", "tests.demo_engine.DEMO")
    words = ["--model", "qwen3-vl-2b", "--target", "demo==1.0", "-o", "measure.py"]
    assert command("measure", *words, cwd=tmp_path).returncode == 0
    script = constants_of((tmp_path / "measure.py").read_text("utf-8"))
    table = tmp_path / script["TABLE"]
    # Where nothing of bucketwise, nor anything else, is installed.
    run = [sys.executable, "-I", "-S", "measure.py"]
    with subprocess.Popen(run, cwd=tmp_path, stderr=subprocess.DEVNULL) as started:
        while not table.exists():
            assert started.poll() is None
            time.sleep(0.01)
        started.kill()
    before = rows_of(table)
    assert before
    done = subprocess.run(run, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert "bucketwise calibrate" in done.stdout
    rows = rows_of(table)
    assert rows[: len(before)] == before
    sizes = [size for _, size in script["POINTS"]]
    failed = {script["DAMAGED"], script["KILLED"]}
    counted = Counter(int(row["length"]) for row in rows)
    assert counted == {
        size: 1 if size in failed else script["REPEATS"] for size in sizes
    }
    errors = {int(row["length"]): row["error"] for row in rows if row["error"]}
    assert errors[script["DAMAGED"]] == "ValueError: no such graph: =1+1"
    assert "status -9" in errors[script["KILLED"]]
    timed = [row for row in rows if not row["error"]]
    assert all(float(row["ms"]) >= int(row["length"]) * 1e-4 for row in timed)
    assert {row["device"] for row in timed} == {"a chip"}
    assert all(int(row["peak_bytes"]) > 0 for row in timed)
    whole = table.read_bytes()
    subprocess.run(run, cwd=tmp_path, capture_output=True, check=True)
    assert table.read_bytes() == whole
    assert {each.name for each in tmp_path.iterdir()} == {"measure.py", table.name}


VLLM = """
import json, os
from pathlib import Path
from typing import Any

class SamplingParams:
    def __init__(self, *, max_tokens, ignore_eos, temperature):
        self.max_tokens = max_tokens

class LLM:
    def __init__(self, **options):
        self.options = options

    def chat(self, asked, params, use_tqdm):
        self.image = asked[0]["content"][0]["image_pil"]

    def generate(self, prompts, params, use_tqdm):
        assert len(prompts) <= self.options["max_num_seqs"]
        whole = len(prompts[0]["prompt_token_ids"]) + params.max_tokens
        assert whole <= self.options["max_model_len"]

    def collective_rpc(self, name):
        assert name == "get_encoder_timing_stats"
        width_px, height_px = self.image.size
        config = self.options["compilation_config"]
        [tokens] = config["encoder_cudagraph_token_budgets"]
        assert config["cudagraph_mm_encoder"]
        assert tokens * 32**2 == width_px * height_px
        assert self.options["mm_processor_kwargs"]["max_pixels"] == width_px * height_px
        return [{"r": {"encoder_forward_secs": 1e-6 * tokens}}]
"""

TORCH = """
class cuda:
    max_memory_allocated = lambda: 7
    get_device_name = lambda: "a GPU"
"""


def test_vllm_times_images_that_fill_the_budget_which_is_captured(
    tmp_path: Path,
) -> None:
    script = bucketwise.measure(
        model="qwen3-vl-2b",
        target="vllm==0.33.0",
        batch_size=1,
        lengths=3,
        max_pixels=262_144,
    )
    (tmp_path / "measure.py").write_text(script, encoding="utf-8")
    (tmp_path / "vllm.py").write_text(VLLM)
    (tmp_path / "torch.py").write_text(TORCH)
    (tmp_path / "vllm-0.33.0.dist-info").mkdir()
    (tmp_path / "vllm-0.33.0.dist-info" / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: vllm\nVersion: 0.33.0\n"
    )
    subprocess.run(
        [sys.executable, "measure.py", "table.csv"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        check=True,
    )
    rows = rows_of(tmp_path / "table.csv")
    assert {row["error"] for row in rows} == {""}
    assert {row["kind"] for row in rows} == {"vit", "decoder", "prefill"}
    for row in rows:
        assert (row["release"], row["device"]) == ("0.33.0", "a GPU")
        if row["kind"] == "vit":
            assert float(row["ms"]) == pytest.approx(int(row["length"]) / 4 * 1e-3)


def constants_of(script: str) -> dict[str, Any]:
    """Return what the script binds to literals at its top."""
    found: dict[str, Any] = {}
    for each in ast.parse(script).body:
        if isinstance(each, ast.Assign) and isinstance(each.targets[0], ast.Name):
            try:
                found[each.targets[0].id] = ast.literal_eval(each.value)
            except ValueError:
                continue
    return found


def rows_of(table: Path) -> list[dict[str, str]]:
    with table.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def write_model(folder: Path) -> None:
    config = {
        "model_type": "qwen3_vl",
        "vision_config": {
            "patch_size": 16,
            "spatial_merge_size": 2,
            "temporal_patch_size": 2,
            "depth": 2,
            "hidden_size": 32,
            "intermediate_size": 64,
            "num_heads": 2,
            "out_hidden_size": 32,
            "deepstack_visual_indexes": [0],
        },
    }
    limits = {
        "size": {"shortest_edge": 65_536, "longest_edge": 4_194_304},
        "patch_size": 16,
        "merge_size": 2,
        "temporal_patch_size": 2,
    }
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "preprocessor_config.json").write_text(json.dumps(limits))
