"""Two plans: what changed, and whether data or method changed it."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

import bucketwise
from bucketwise.core.analysis import Analysis
from bucketwise.core.plan_diff import plan_changes
from bucketwise.report.difference import RENDERERS
from tests.budget import drawn
from tests.commands import bucketwise as run
from tests.strategies import traffic_of


def plan_of(
    sha256: str = "a", version: str = "1", k: int = 2, **options: int
) -> dict[str, Any]:
    return {
        "visual": {
            "vit_max_seq_lens": list(range(1, k + 1)),
            "processor": {"max_pixels": 9},
        },
        "traffic": {"images": 5},
        "provenance": {
            "bucketwise": version,
            "options": options,
            "inputs": [{"sha256": sha256}],
        },
    }


def test_equal_plans_say_so_and_nothing_else() -> None:
    assert plan_changes(plan_of(), plan_of()) == (
        "Against the plan that stood here: same traffic, same method.",
    )


def test_data_and_method_are_told_apart() -> None:
    assert "the traffic changed" in plan_changes(plan_of(), plan_of("b"))[0]
    assert "options changed" in plan_changes(plan_of(), plan_of(align=8))[0]
    both = plan_changes(plan_of(), plan_of("b", "2", 3))
    assert "the traffic and the version of bucketwise changed" in both[0]
    assert both[1] == "  buckets: [1, 2] -> [1, 2, 3]"
    optioned = plan_changes(plan_of(align=4), plan_of(align=8))
    assert optioned[1:] == ("  --align: 4 -> 8",)


def test_decoder_graphs_that_change_come_or_go_are_told() -> None:
    two = plan_of() | {"decoder": {"decoder_batch_sizes": [4, 8]}}
    three = plan_of() | {"decoder": {"decoder_batch_sizes": [2, 5, 8]}}
    none = plan_of() | {"decoder": None}
    told = "  decoder_batch_sizes: "
    assert plan_changes(two, three)[1:] == (f"{told}[4, 8] -> [2, 5, 8]",)
    assert plan_changes(none, two)[1:] == (f"{told}none -> [4, 8]",)
    assert plan_changes(two, plan_of())[1:] == (f"{told}[4, 8] -> none",)
    assert plan_changes(none, plan_of())[1:] == ()


def test_a_plan_with_holes_is_compared_as_far_as_it_goes() -> None:
    assert "changed" in plan_changes({"provenance": None}, plan_of())[0]


@cache
def made(lines: str, **asked: Any) -> Analysis:
    rows = [tuple(map(int, line.split("x"))) for line in lines.split()]
    traffic = traffic_of(*((height, width, 500.0) for width, height in rows))
    record = replace(traffic.inputs[0], sha256=traffic.sha256())
    traffic = replace(traffic, inputs=(record,))
    return bucketwise.analyze(traffic, model="qwen3-vl-2b", **asked)


SMALL = "64x64 640x480 1280x720 1920x1080"
LARGE = "640x480 2000x2000 3000x2000 1600x1200 900x900"
ASKED = st.fixed_dictionaries(
    {
        "lines": st.sampled_from((SMALL, LARGE)),
        "align": st.sampled_from((None, 256)),
        "target": st.sampled_from(((), ("vllm==0.33.0",))),
    }
)


@given(ASKED, ASKED)
@settings(max_examples=drawn(5, 60), phases=(Phase.generate,))
def test_the_parts_add_up_and_are_due_to_what_differs(
    older: dict[str, Any], newer: dict[str, Any]
) -> None:
    a, b = made(**older), made(**newer)
    found = bucketwise.diff(a, b)
    asked = [each.plan.provenance.options for each in (a, b)]
    assert set(found.causes) == {
        cause
        for cause, differs in (
            ("data", a.traffic.images != b.traffic.images),
            ("options", asked[0]["align"] != asked[1]["align"]),
            ("release", asked[0]["target"] != asked[1]["target"]),
        )
        if differs
    }
    assert {each for part in found.parts for each in part.causes} == {*found.causes}
    first, last = found.states[0], found.states[-1]
    assert first.vit_max_seq_lens == a.plan.visual.vit_max_seq_lens
    assert last.vit_max_seq_lens == b.plan.visual.vit_max_seq_lens
    for name in ("waste", "saving"):
        change = getattr(last, name) - getattr(first, name)
        parts = sum(getattr(part, name) for part in found.parts)
        assert parts == pytest.approx(change, abs=1e-12)
    for form in RENDERERS.values():
        assert str(list(last.vit_max_seq_lens))[1:-1] in re.sub(
            r"\s+", " ", form(found)
        ).replace("\\", "")


def test_what_an_older_version_chose_otherwise_is_due_to_the_method(
    tmp_path: Path,
) -> None:
    """Write a plan as a version would have that chose a worse list."""
    bucketwise.write_plan(made(SMALL), tmp_path / "old", formats=())
    bucketwise.write_plan(made(LARGE), tmp_path / "new", formats=())
    file = tmp_path / "old" / "plan.json"
    said = json.loads(file.read_text())
    said["provenance"]["bucketwise"] = "0.0.1"
    said["visual"]["vit_max_seq_lens"] = [16, 8_160]
    said["visual"]["waste"] = 0.9
    file.write_text(json.dumps(said))
    method, data = bucketwise.diff(tmp_path / "old", tmp_path / "new").parts
    assert (method.causes, data.causes) == (("method",), ("data",))
    was, now = (made(each).plan.visual for each in (SMALL, LARGE))
    assert method.lists == (((16, 8_160), was.vit_max_seq_lens),)
    assert method.waste == pytest.approx(was.waste - 0.9)
    assert data.lists == ((was.vit_max_seq_lens, now.vit_max_seq_lens),)
    # Without its own images the two cannot be told apart.
    (tmp_path / "old" / "histogram.parquet").unlink()
    found = bucketwise.diff(tmp_path / "old", tmp_path / "new")
    [both] = found.parts
    assert both.causes == ("method", "data")
    assert both.waste == pytest.approx(now.waste - 0.9)
    assert "no histogram.parquet lies beside it" in found.notes[0]
    done = run("diff", "old", "new", cwd=tmp_path)
    assert "Due to the traffic and the version of bucketwise: [16, 8160]" in done.stdout
    assert run("diff", "old", "gone", cwd=tmp_path).returncode == 1


def test_a_plan_that_a_newer_one_replaced_keeps_its_own_images(tmp_path: Path) -> None:
    for lines in (SMALL, LARGE):
        bucketwise.write_plan(made(lines), tmp_path, formats=())
    [part] = bucketwise.diff(tmp_path / "plan.previous.json", tmp_path).parts
    assert part.causes == ("data",)
    old = tmp_path / "histogram.previous.parquet"
    shutil.copyfile(tmp_path / "histogram.parquet", old)
    found = bucketwise.diff(tmp_path / "plan.previous.json", tmp_path)
    assert "plan.previous.json: no histogram" in found.notes[0]
