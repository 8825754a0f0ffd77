"""A plan by measured times: what it saves, what a request takes, what is refused."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bucketwise import analyze, compare, lint_config
from bucketwise.core.buckets import Buckets
from bucketwise.core.plan import Plan, RequestBudget
from bucketwise.core.request_budget import SMALL_SHARE, request_budget
from bucketwise.nouns.activity import RequestTokens
from bucketwise.nouns.measured_cost import MeasuredCost, MeasuredCurve
from bucketwise.report.script import page_script
from bucketwise.words.text import worded
from tests.commands import bucketwise
from tests.strategies import traffic_of
from tests.test_measured_cost import measured_curves
from tests.test_report_decoder import arrivals

USAGE = 2
MIXED = traffic_of((280, 280, 9.0), (504, 504, 5.0), (980, 1_008, 3.0), (2_000, 1_960))
MODEL = "qwen3-vl-2b"


def straight(kind: Any, fixed: float, each: float, largest: int) -> MeasuredCurve:
    """A straight curve with a band of a tenth on both sides."""
    sizes = 1.0, float(largest)
    ends = np.array([fixed + each * size for size in sizes])
    return MeasuredCurve(
        kind=kind,
        form="linear",
        coefficients=(fixed, each),
        coefficient_lows=(0.0, 0.0),
        coefficient_highs=(2 * fixed, 2 * each),
        band_sizes=sizes,
        band_lows=tuple(0.9 * ends),
        band_highs=tuple(1.1 * ends),
        level=0.95,
        smallest=1,
        largest=largest,
        sizes=5,
        samples=25,
        residual_share=0.01,
    )


COST = MeasuredCost(
    device="RBLN-CA25",
    engine="optimum-rbln",
    release="0.12.0",
    source="host.csv",
    vit=straight("vit", 2.0, 0.005, 40_000),
    decoder=straight("decoder", 18.0, 1.5, 64),
    prefill=straight("prefill", 5.0, 0.1, 8_192),
    compile_s=straight("compile_s", 30.0, 0.02, 40_000),
    graph_bytes=straight("graph_bytes", 1e6, 4_096.0, 40_000),
)


def planned(**options: Any) -> Plan:
    return analyze(MIXED, **{"model": MODEL, "cost": COST, **options}).plan


@settings(max_examples=25, deadline=None)
@given(curve=measured_curves(), k=st.integers(1, 4), draw=st.data())
def test_lengths_are_the_best_of_all_and_what_they_save_lies_in_its_range(
    curve: MeasuredCurve, k: int, draw: st.DataObject
) -> None:
    cost = MeasuredCost(vit=curve)
    found = analyze(MIXED, model=MODEL, cost=cost, buckets=(k, k), allow_overflow=True)
    lengths, needed = found.plan.visual.vit_max_seq_lens, np.sort(found.needed)
    runs = found.counts.runs[np.argsort(found.needed)]

    def taken(chosen: tuple[int, ...], at: Any = curve.at) -> float:
        held = np.array(chosen)[Buckets(chosen).assign(needed)]
        return float((runs * at(held)).sum())

    others = combinations(needed[:-1].tolist(), len(lengths) - 1)
    best = min(taken((*each, lengths[-1])) for each in others)
    assert taken(lengths) == pytest.approx(best)
    # Any curve inside the band saves what lies in the range.
    everywhere = np.array(sorted({*lengths}))
    low, high = curve.low(everywhere), curve.high(everywhere)
    share = draw.draw(st.lists(st.floats(0, 1), min_size=4, max_size=4))
    true = low + np.array(share[: everywhere.size]) * (high - low)
    saved = taken(lengths[-1:], lambda held: true[np.searchsorted(everywhere, held)])
    saved -= taken(lengths, lambda held: true[np.searchsorted(everywhere, held)])
    told = found.plan.savings
    assert told is not None
    assert told.saved_ms_an_image.high is not None
    slack = 1e-9 * float(high.sum())
    assert told.saved_ms_an_image.low - slack <= saved / runs.sum()
    assert saved / runs.sum() <= told.saved_ms_an_image.high + slack


def test_lengths_that_run_today_save_nothing_whatever_the_band() -> None:
    lengths = planned().visual.vit_max_seq_lens
    told = planned(current=lengths, images_per_day=1e6).savings
    assert told is not None
    assert (told.saved_ms_an_image.low, told.saved_ms_an_image.high) == (0.0, 0.0)
    assert told.paid_back_images is None


def test_compile_time_and_memory_of_a_graph_are_the_measured_ones() -> None:
    plan = planned(compile_budget=60)
    lengths = plan.visual.vit_max_seq_lens
    assert plan.budgets[0].used == pytest.approx(
        sum(30 + 0.02 * each for each in lengths) / 60
    )
    held = {term.name: term.bytes for term in plan.memory.terms} if plan.memory else {}
    for each in lengths:
        assert held[f"graph of {each:,} patches"] == round(1e6 + 4_096 * each)
    savings = planned(buckets=(2, 2)).savings
    assert savings is not None
    assert savings.compile_s is not None
    assert savings.paid_back_images is not None
    assert savings.paid_back_images.likely == pytest.approx(
        1_000 * savings.compile_s.likely / savings.saved_ms_an_image.likely
    )
    assert savings.one_more_graph is not None
    assert savings.one_more_graph.saved_ms_an_image.likely > 0


def budget(image_ms: float, **known: Any) -> RequestBudget | None:
    plan = analyze(MIXED, model=MODEL, cost=COST, evidence=arrivals(), batch_size=8)
    tokens = RequestTokens.of(np.array([100]), np.array([11]), with_images=True)
    given = {
        "tokens": tokens,
        "decoder": plan.plan.decoder,
        "steps": plan.steps,
        **known,
    }
    return request_budget(
        image_ms,
        given.get("prefill", COST.prefill),
        given["decoder"],
        given["steps"],
        given["tokens"],
        200.0,
    )


def test_a_request_is_its_parts_and_none_takes_more_of_a_device_than_it_waits() -> None:
    found = budget(7.0)
    assert found is not None
    assert [each.name for each in found.parts] == ["vit", "prefill", "decode"]
    assert sum(each.share for each in found.parts) == pytest.approx(1)
    assert sum(each.device_share for each in found.parts) == pytest.approx(1)
    vit, prefill, decode = found.parts
    assert [vit.ms, prefill.ms] == pytest.approx([7, 5 + 0.1 * 100])
    # Ten tokens follow the first, each of them a step that others share.
    assert 10 * 19.5 <= decode.ms <= 10 * 30
    assert decode.device_ms < decode.ms
    without = budget(7.0, tokens=None)
    assert without is not None
    assert [each.name for each in without.parts] == ["vit", "prefill"]
    assert without.prompt_tokens == 200
    assert "output tokens are not known" in without.left_out[0]
    assert budget(7.0, prefill=None, decoder=None) is None


@pytest.mark.parametrize("slower", [1, 30])
def test_where_the_vit_is_little_of_a_request_the_verdict_says_so(slower: int) -> None:
    vit = straight("vit", 2.0 * slower, 0.005 * slower, 40_000)
    plan = planned(cost=replace(COST, vit=vit), evidence=arrivals(), batch_size=8)
    assert plan.request is not None
    said = [each.words for each in plan.verdict.reasons if each.id == "small-share"]
    assert bool(said) == (plan.request.vit.share < SMALL_SHARE) == (slower == 1)
    assert plan.decoder is not None
    assert plan.decoder.step_cost is not None
    assert plan.decoder.step_cost.status == "measured"


@pytest.mark.parametrize(
    ("changes", "warning"),
    [
        ({}, None),
        ({"release": "0.11.2"}, ("cost-elsewhere", "note")),
        ({"engine": "openvino", "device": "CPU"}, ("cost-elsewhere", "warning")),
        ({"engine": "", "device": "", "release": ""}, ("cost-elsewhere", "note")),
        (
            {"vit": straight("vit", 2.0, 0.005, 4_000)},
            ("cost-beyond", "warning"),
        ),
    ],
)
def test_times_of_another_place_or_of_other_lengths_are_told(
    changes: dict[str, Any], warning: tuple[str, str] | None
) -> None:
    plan = planned(cost=replace(COST, **changes))
    found = [(each.id, each.severity) for each in plan.warnings]
    assert [each for each in found if each[0].startswith("cost-")] == (
        [warning] if warning else []
    )


def test_compare_and_lint_go_by_the_measured_curve(tmp_path: Path) -> None:
    file = tmp_path / "cost.json"
    file.write_text(COST.to_json())
    told = compare(MIXED, ["5600,20480", "20480"], cost=file, model=MODEL)
    assert told.cost.unit == "ms"
    assert told.outcomes[1].padded_compute == pytest.approx(
        told.images * (2 + 0.005 * 20_480)
    )
    report = lint_config(
        {"visual": {"max_seq_len": [20_000, 20_480]}},
        traffic=MIXED,
        cost=file,
        model=MODEL,
    )
    words = json.dumps([each.finding.found for each in report.judged[0].reported])
    assert "more ViT time than it has to" in words


def test_one_image_may_take_milliseconds_and_a_lower_limit_keeps_them(
    tmp_path: Path,
) -> None:
    (tmp_path / "cost.json").write_text(COST.to_json())
    (tmp_path / "t.csv").write_text("height,width\n400,400\n1900,1900\n")
    words = ("analyze", "t.csv", "--cost", "cost.json", "--format", "none")
    over = bucketwise(*words, "--max-latency", "40ms", "--out", "a", cwd=tmp_path)
    plan = json.loads((tmp_path / "a/plan.json").read_text())
    [use] = plan["budgets"]
    assert (use["unit"], use["room"]) == ("ms", 40)
    assert use["used"] > 40
    assert plan["provenance"]["options"]["cost"] == "cost.json"
    assert "40.0 ms" in over.stdout
    kept = bucketwise(
        *words,
        "--max-latency",
        "0.04s",
        *use["option"].split(),
        "--out",
        "b",
        cwd=tmp_path,
    )
    assert kept.returncode == 0
    assert (
        json.loads((tmp_path / "b/plan.json").read_text())["budgets"][0]["used"] <= 40
    )


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--max-latency", "80ms"], "milliseconds need a measured cost"),
        (
            ["--price-per-device-hour", "2", "--images-per-day", "9"],
            "bucketwise measure",
        ),
        (["--price-per-device-hour", "4-2.5"], "a range such as 2.5-4"),
        (["--cost", "cost.json", "--max-latency", "5TFLOP"], "milliseconds such as"),
        (["--cost", "cost.json", "--price-per-device-hour", "2"], "--images-per-day"),
        (["--cost", "cost.json", "--vit-tflops", "2"], "tells the time"),
        (["--cost", "cost.json", "--model", "gemma-4-e2b"], "no curve of prefill"),
        (["--cost", "none.json"], "flops, linear or a cost.json"),
        (["--step-cost", "none.json"], "a cost.json or milliseconds"),
    ],
)
def test_what_needs_a_measured_cost_says_how_to_come_by_one(
    options: list[str], said: str, tmp_path: Path
) -> None:
    cost = replace(COST, prefill=None)
    (tmp_path / "cost.json").write_text(cost.to_json())
    (tmp_path / "t.csv").write_text("height,width\n400,400\n")
    result = bucketwise("analyze", "t.csv", *options, cwd=tmp_path)
    assert result.returncode == USAGE
    assert said in result.stderr


def test_the_price_of_a_graph_is_in_measured_time(tmp_path: Path) -> None:
    (tmp_path / "cost.json").write_text(COST.to_json())
    (tmp_path / "t.csv").write_text("height,width\n400,400\n900,900\n1900,1900\n")
    words = ("analyze", "t.csv", "--cost", "cost.json", "--format", "none")
    done = bucketwise(
        *words, "--images-per-day", "1e9", "--keep-days", "30", cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    plan = json.loads((tmp_path / "bucketwise-t/plan.json").read_text())
    decision, top = plan["visual"]["decision"], plan["visual"]["vit_max_seq_lens"][-1]
    assert decision["rule"] == "price"
    assert decision["price_per_graph"] == pytest.approx(
        (30 + 0.02 * top) * 1_000 * 3 / (1e9 * 30)
    )


@given(curve=measured_curves("vit"), patches=st.sampled_from((1, 4, 16)))
def test_a_curve_in_the_unit_of_an_engine_gives_what_it_gives_in_patches(
    curve: MeasuredCurve, patches: int
) -> None:
    told, sizes = curve.in_unit(patches), np.arange(1, 2 * curve.largest, 97)
    for name in ("at", "low", "high"):
        found = getattr(told, name)(sizes / patches)
        np.testing.assert_allclose(found, getattr(curve, name)(sizes), rtol=1e-12)


def test_the_words_of_time_leave_the_script_of_a_page_as_its_policy_has_it() -> None:
    script = page_script(panel=True)
    assert worded(script, "", unit="ms") == script
