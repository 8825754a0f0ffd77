"""The script of measurements runs whole on the real classes, but for the compiler."""

from __future__ import annotations

import csv
import json
import os
import sys
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.conformance.check_scripts import module_of
from tests.conformance.families import FAMILIES
from tests.conformance.sdk import RELEASE, model_class, rebel, torch
from tests.conformance.towers import run_images

SERVED = [name for name, family in FAMILIES.items() if family.served_by(RELEASE)]


@pytest.fixture(params=SERVED)
def family_name(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture
def script(
    family_name: str,
    checkpoints: dict[str, Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Any:
    """The script, for a checkpoint that is here and on a host with NPUs."""
    emitted = Path(os.environ["CONFORMANCE_EMITTED"])
    module: Any = module_of(emitted / f"measure.{family_name}.{RELEASE.dialect}.py")
    for name, value in {
        "MODEL_ID": str(checkpoints[family_name]),
        "GRAPHS": str(tmp_path / "graphs"),
        "in_own_process": in_this_process(module),
    }.items():
        monkeypatch.setattr(module, name, value)
    monkeypatch.setattr(sys, "argv", ["measure.py", str(tmp_path / "table.csv")])
    rebel.NPUS[:] = ["RBLN-CA25"] * 16
    return module


def in_this_process(module: Any) -> Any:
    """Return the step of the loop that starts a process, without one."""

    def measured(kind: str, size: int, table: Path) -> Any:
        part = table.with_name("part")
        module.one(kind, size, part)
        return json.loads(part.read_text(encoding="utf-8"))

    return measured


def test_every_size_is_compiled_once_and_timed(script: Any, tmp_path: Path) -> None:
    script.main()
    with (tmp_path / "table.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["error"] for row in rows] == [""] * len(rows)
    assert len(rows) == script.REPEATS * len(script.POINTS)
    assert all(float(row["ms"]) > 0 and row["compile_s"] for row in rows)
    compiled = len(rebel.COMPILED)
    (tmp_path / "table.csv").unlink()
    script.main()
    assert len(rebel.COMPILED) == compiled


def test_the_vit_alone_is_the_one_that_the_whole_model_has(
    family_name: str, script: Any
) -> None:
    length = min(size for kind, size in script.POINTS if kind == "vit")
    script.vit(length)
    family = FAMILIES[family_name]
    visual = {script.LENGTHS_KEY: [length], **script.VISUAL}
    whole = getattr(script, "WHOLE", None) or {"max_seq_len": 4_096}
    kind = model_class(family)
    kind.from_pretrained(
        script.MODEL_ID,
        export=True,
        rbln_config=family.nested({**whole, "visual": visual}),
    )
    # Where a class splits no ViT it says nothing of devices, and the compiler takes one.
    alone, inside = (
        replace(each, devices=each.devices or 1) for each in rebel.COMPILED[:2]
    )
    assert alone == inside


@pytest.fixture
def models(script: Any, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What the script compiled or loaded."""
    found: list[Any] = []
    graphs_of = script.graphs_of

    def kept(*given: Any) -> Any:
        model, told = graphs_of(*given)
        found.append(model)
        return model, told

    monkeypatch.setattr(script, "graphs_of", kept)
    return found


def test_the_real_layers_run_on_what_the_vit_is_called_with(
    script: Any, models: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    compiled: list[Any] = []
    compile_one = rebel.compile_from_torch

    def kept(module: Any, **options: Any) -> Any:
        compiled.append(module)
        return compile_one(module, **options)

    monkeypatch.setattr(rebel, "compile_from_torch", kept)
    script.vit(256)
    with torch.inference_mode():
        answer = compiled[0](*script.inputs_of(models[0], 0))
    for each in answer if isinstance(answer, tuple) else [answer]:
        assert torch.isfinite(each).all()


def test_graphs_are_called_as_the_class_calls_them(
    family_name: str, script: Any, models: list[Any]
) -> None:
    script.vit(1_024)[0]()
    # One window less than there is room for: old releases count one too many.
    run_images(models[0], [(1, 8, 120)])
    timed, own = models[0].model[0].calls
    assert timed == own
    if not FAMILIES[family_name].generates:
        return
    batch = script.LEAST_BATCH
    script.decoder(batch)[0]()
    whole = models[-1]
    chunk = whole.rbln_config.prefill_chunk_size
    script.prefill(chunk)[0]()
    whole.model[0].calls += models[-1].model[0].calls
    tokens = torch.ones(batch, chunk, dtype=torch.int64)
    # Its answer is not one to go on with: the runtime stood in for answers anything.
    with suppress(Exception):
        whole.generate(
            input_ids=tokens, attention_mask=tokens, max_new_tokens=2, do_sample=False
        )
    # The compiler drops inputs that a graph has no use for, as that decoder's masks, and
    # the stand-in does not know which.
    for runtime in whole.model[: 1 if family_name == "qwen3_5" else None]:
        timed, own, *_ = runtime.calls
        assert timed == own
