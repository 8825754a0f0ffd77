"""A runtime that shapes are compiled for is a value, and a line in a mapping."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

import bucketwise
from bucketwise.engines import ENGINES, engine_for
from bucketwise.engines.rbln.engine import RBLN
from bucketwise.errors import UsageError
from bucketwise.nouns.engine import Engine
from tests.strategies import traffic_of

TRAFFIC = traffic_of((640, 480, 60), (1_080, 1_920, 30), (2_048, 2_048, 5))


@pytest.fixture
def demo(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(ENGINES, "demo", "tests.demo_engine.DEMO")


@pytest.mark.usefixtures("demo")
def test_a_line_in_the_mapping_is_all_that_another_engine_takes(tmp_path: Path) -> None:
    analysis = bucketwise.analyze(
        TRAFFIC,
        model="qwen2.5-vl-7b",
        target=["demo==1.0"],
        current=[4_096, 16_384],
        batch_size=8,
    )
    out = tmp_path / "out"
    bucketwise.write_plan(analysis, out, formats=("html", "md"))
    lengths = list(analysis.plan.visual.vit_max_seq_lens)
    shapes = json.loads((out / "demo-1.0" / "shapes.json").read_text("utf-8"))
    assert shapes == {"shapes": lengths}
    assert analysis.plan.verdict.reasons
    assert [file.name for file in out.iterdir() if file.is_dir()] == ["demo-1.0"]
    for page in ("report.html", "summary.md"):
        text = (out / page).read_text("utf-8")
        assert "demo 1.0" in text or "demo from 1.0" in text
        shown = re.sub(r"<(style|script).*?</\1>", "", text, flags=re.DOTALL)
        # The limits may be those of the model's published deployment, and say so.
        assert "optimum-rbln" not in shown
        assert "vllm-rbln" not in shown


@pytest.mark.usefixtures("demo")
def test_the_same_traffic_needs_the_same_lengths_whichever_engine_compares_patches() -> (
    None
):
    demo, rbln = (
        bucketwise.analyze(TRAFFIC, model="qwen3-vl-2b", target=[target])
        for target in ("demo==1.0", "optimum-rbln==0.12.0")
    )
    lengths = [each.plan.visual.vit_max_seq_lens for each in (demo, rbln)]
    assert lengths[0] == lengths[1]


@pytest.mark.usefixtures("demo")
def test_counting_explaining_and_comparing_take_the_engine_of_their_target() -> None:
    # Releases of RBLN up to 0.11.2 count one window too many for this model.
    model, old = "qwen2.5-vl-7b", "optimum-rbln==0.11.2"
    counted = {}
    for target, needed in (("demo==1.0", 11_520), (old, 11_584)):
        [told] = bucketwise.explain(["1920x1080"], model=model, target=target)
        counted[target] = bucketwise.count(TRAFFIC, model=model, target=target)
        lists = [[16_384], [4_096, 16_384]]
        compared = bucketwise.compare(TRAFFIC, lists, model=model, target=target)
        assert told.needed == needed
        assert compared.target == target
    fewer, more = (table["needed"] for table in counted.values())
    assert (more - fewer == 64).all()


@pytest.mark.usefixtures("demo")
def test_one_run_is_for_one_engine() -> None:
    with pytest.raises(UsageError, match="expected one engine, got optimum-rbln, demo"):
        engine_for(["demo==1.0", "optimum-rbln==0.12.0"])
    assert engine_for(["0.12.0"]) is RBLN


@pytest.mark.parametrize("sdk", ENGINES)
def test_every_engine_is_known_by_the_package_that_compiles(sdk: str) -> None:
    engine = engine_for([f"{sdk}==1"])
    assert isinstance(engine, Engine)
    assert engine.sdk == sdk
    assert {target.sdk for target in engine.named(())} == {sdk}
