"""A runtime that shapes are compiled for is a value, and a line in a mapping."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

import bucketwise
from bucketwise.engines import ENGINES, engine_for
from bucketwise.engines.rbln.engine import RBLN
from bucketwise.errors import UsageError
from bucketwise.nouns.engine import Engine
from tests.commands import bucketwise as command
from tests.demo_engine import DEMO
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
    assert shapes == {"vision": {"shapes": lengths}}
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
def test_files_of_an_older_run_go_whichever_engine_they_were_for(
    tmp_path: Path,
) -> None:
    for target, left in (("demo==1.0", "demo-1.0"), ("0.12.0", "optimum-rbln-0.12.0")):
        analysis = bucketwise.analyze(TRAFFIC, model="qwen3-vl-2b", target=[target])
        bucketwise.write_plan(analysis, tmp_path / "out", formats=())
        folders = [each.name for each in (tmp_path / "out").iterdir() if each.is_dir()]
        assert folders == [left]


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


@pytest.fixture
def unsorted(tmp_path: Path) -> Path:
    file = tmp_path / "shapes.json"
    file.write_text('{"vision": {"shapes": [4096, 1024]}}\n', "utf-8")
    return file


@pytest.mark.usefixtures("demo")
def test_a_configuration_is_judged_by_the_rules_of_the_engine_that_is_asked(
    unsorted: Path,
) -> None:
    asked = ("lint", unsorted.name, "--target", "demo==1.0", "--fix")
    told = command(*asked, cwd=unsorted.parent)
    assert told.returncode == 3
    assert "demo 1.0" in told.stderr
    assert "shapes/unsorted" in told.stderr
    assert "keys/" not in told.stderr
    assert '+{"vision": {"shapes": [1024, 4096]}}' in told.stdout
    mapping = {"vision": {"shapes": [1_024, 4_096]}}
    report = bucketwise.lint_config(mapping, target="demo==1.0")
    assert not report.failed
    assert [rule.id for rule in report.rules] == ["shapes/unsorted"]


@pytest.mark.usefixtures("demo")
def test_what_is_in_service_is_read_in_the_words_of_the_engine(unsorted: Path) -> None:
    analysis = bucketwise.analyze(
        TRAFFIC, model="qwen2.5-vl-7b", target=["demo==1.0"], current=unsorted
    )
    today = analysis.plan.visual.current
    assert today is not None
    assert today.max_seq_lens == (1_024, 4_096)
    compared = bucketwise.compare(
        TRAFFIC, [unsorted, [16_384]], model="qwen2.5-vl-7b", target="demo==1.0"
    )
    assert compared.outcomes[0].vit_max_seq_lens == (1_024, 4_096)


@pytest.mark.usefixtures("demo")
def test_lint_says_which_engines_it_has_rules_for(
    unsorted: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tests.demo_engine.DEMO", replace(DEMO, lint=None))
    with pytest.raises(
        UsageError, match="demo has no rules; expected a release of opt"
    ):
        bucketwise.lint_config(unsorted, target="demo==1.0")


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
