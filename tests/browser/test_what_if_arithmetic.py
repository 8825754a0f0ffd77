"""The page computes what the core computes: both are driven over random cases."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, reject, settings
from hypothesis import strategies as st
from playwright.sync_api import Browser, Page

from bucketwise.core.analysis import Analysis, analyze
from bucketwise.core.buckets import Buckets, Demand
from bucketwise.core.choose_buckets import largest_square_px
from bucketwise.core.cost import price, run_flops
from bucketwise.core.decoder.decoder_plan import decide_pattern
from bucketwise.core.decoder.graphs import graph_uses, mean_cost
from bucketwise.core.decoder.step_cost import measured
from bucketwise.core.limits import UNLIMITED_PIXELS, shrunk_by, weight_of
from bucketwise.core.memory import MemoryPlan
from bucketwise.core.optimize import EXACT, SOLVERS, Problem, align_up
from bucketwise.core.options import PlanOptions
from bucketwise.core.patching import Counts, Preprocessing, count_patches
from bucketwise.engines.rbln.base_config import BaseConfig, Overrides, zoo_base
from bucketwise.engines.rbln.emit import emit
from bucketwise.engines.rbln.emit.patterns import releases_of
from bucketwise.engines.rbln.engine import RBLN
from bucketwise.engines.rbln.fitting import Deployment, deployed, fit
from bucketwise.engines.rbln.model_classes import serving_targets
from bucketwise.engines.rbln.what_if import coefficients
from bucketwise.nouns.measured_cost import MeasuredCost
from bucketwise.nouns.profile import PixelLimits
from bucketwise.nouns.traffic import NO_TIME_S, InputRecord, Traffic, merge_traffic
from bucketwise.read.configs.profiles import find_profile
from bucketwise.report.script import page_script
from bucketwise.report.what_if import histogram
from bucketwise.report.what_if.panel_data import panel_data
from bucketwise.words import numbers
from tests.browser.visits import fresh_page
from tests.strategies import preprocessing_of
from tests.strategies import profiles as all_profiles
from tests.test_measured_cost import measured_curves

CLOSE = 1e-9

sizes_sent = st.lists(
    st.tuples(
        st.integers(1, 5_000),
        st.integers(1, 5_000),
        st.sampled_from([0, 0, 0, 2, 5, 16]),
        st.integers(1, 90) | st.floats(0.25, 50),
    ),
    min_size=1,
    max_size=15,
)
# Pages of models whose processor does something else than to fit an image into limits in
# pixels have no panel.
profiles = all_profiles.filter(
    lambda each: each.has_pixel_limits and each.image_frames == 1
)

many = settings(
    max_examples=15,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@pytest.fixture(scope="module")
def script(browser: Browser) -> Iterator[Page]:
    """An empty page with the report's script in it."""
    with fresh_page(browser) as empty:
        empty.add_script_tag(content=page_script(panel=True))
        yield empty


def asked(script: Page, code: str, *given: Any) -> Any:
    """Evaluate JavaScript with `given` as its array `given`, `b` as the script's own."""
    return script.evaluate(
        f"(given) => {{ const b = window.bucketwise; {code} }}", list(given)
    )


def traffic(rows: list[tuple[int, int, int, float]]) -> Traffic:
    columns = tuple(zip(*rows, strict=True))
    n_rows = len(rows)
    part = Traffic(
        height_px=np.array(columns[0], dtype=np.int64),
        width_px=np.array(columns[1], dtype=np.int64),
        frames=np.array(columns[2], dtype=np.int64),
        fps=np.zeros(n_rows),
        visual_tokens=np.zeros(n_rows, dtype=np.int64),
        slot_start_s=np.full(n_rows, NO_TIME_S),
        label=np.full(n_rows, -1),
        count=np.array(columns[3], dtype=np.float64),
        rows_read=n_rows,
        rows_used=n_rows,
        inputs=(InputRecord(kind="csv", name="made.csv", rows=n_rows),),
    )
    return merge_traffic([part])


def analysis_of(
    rows: list[tuple[int, int, int, float]], profile: Any, question: PlanOptions
) -> Analysis:
    sent = traffic(rows)
    preprocessing = preprocessing_of(profile)
    accepted = count_patches(sent.sizes(), profile, preprocessing).runs > 0
    targets = serving_targets(profile.family)
    if not accepted.any() or not targets:
        reject()
    return analyze(sent, profile, preprocessing, question, RBLN.releases(targets))


def under(analysis: Analysis, max_pixels: int) -> Counts:
    low = analysis.plan.visual.processor.min_pixels
    image = PixelLimits(min_pixels=low, max_pixels=max_pixels, source="edited")
    preprocessing: Preprocessing = replace(analysis.preprocessing, image=image)
    return count_patches(analysis.counts.sizes, analysis.profile, preprocessing)


def data_of(analysis: Analysis) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(panel_data(analysis, ()).json)
    return found


costs = st.just("flops") | st.builds(
    MeasuredCost,
    vit=measured_curves(),
    graph_bytes=st.none() | measured_curves("graph_bytes"),
)


@many
@given(rows=sizes_sent, profile=profiles, cost=costs, draw=st.data())
def test_any_lengths_under_any_limit_cost_what_the_core_says(
    script: Page,
    rows: list[tuple[int, int, int, float]],
    profile: Any,
    cost: Any,
    draw: Any,
) -> None:
    analysis = analysis_of(rows, profile, PlanOptions(cost=cost))
    align = profile.align
    places = st.integers(1, 40_000 // align).map(lambda n: n * align)
    lengths = sorted(draw.draw(st.sets(places, min_size=1, max_size=8)))
    least = max(analysis.plan.visual.processor.min_pixels, profile.factor_px**2)
    limit = draw.draw(st.integers(least, 20_000_000))
    bill = asked(
        script,
        "const [data, lengths, limit] = given;"
        "return b.price(lengths, b.demandUnder(data, limit), data);",
        data_of(analysis),
        lengths,
        limit,
    )
    counts = under(analysis, limit)
    needed = counts.needed(analysis.release)
    served = counts.accepted & (needed <= lengths[-1])
    expected = price(
        Buckets(tuple(lengths)), Demand.of(needed, counts.runs), analysis.curve
    )
    assert bill["useful"] == pytest.approx(expected.useful_compute, rel=CLOSE)
    assert bill["padded"] == pytest.approx(expected.padded_compute, rel=CLOSE)
    assert bill["waste"] == pytest.approx(expected.waste, rel=CLOSE, abs=CLOSE)
    assert bill["overflow_runs"] == pytest.approx(expected.overflow_runs, rel=CLOSE)
    assert [each["runs"] for each in bill["buckets"]] == pytest.approx(
        expected.runs.tolist(), rel=CLOSE
    )
    assert bill["overflow_images"] == pytest.approx(
        weight_of(counts, counts.accepted & ~served), rel=CLOSE
    )
    free = under(analysis, UNLIMITED_PIXELS)
    assert bill["shrunk_images"] == pytest.approx(
        weight_of(counts, shrunk_by(counts, free)), rel=CLOSE
    )
    assert [each["device_bytes"] for each in bill["buckets"]] == pytest.approx(
        [analysis.length_bytes(length) for length in lengths], rel=CLOSE
    )


@many
@given(rows=sizes_sent, profile=profiles, cost=costs, k=st.integers(1, 5))
def test_the_best_lengths_of_the_page_cost_what_the_exact_optimum_costs(
    script: Page,
    rows: list[tuple[int, int, int, float]],
    profile: Any,
    cost: Any,
    k: int,
) -> None:
    analysis = analysis_of(rows, profile, PlanOptions(cost=cost))
    limit = analysis.plan.visual.processor.max_pixels
    lengths = asked(
        script,
        "const [data, limit, k] = given;"
        "return b.bestLengths(b.demandUnder(data, limit), k, data);",
        data_of(analysis),
        limit,
        k,
    )
    counts = under(analysis, limit)
    demand, curve = (
        Demand.of(counts.needed(analysis.release), counts.runs),
        analysis.curve,
    )
    top = int(align_up(demand.needed[-1:], profile.align)[0])
    problem = Problem.of(demand, curve.at, align=profile.align, top=top)
    best = price(Buckets(SOLVERS[EXACT](problem, k)), demand, curve)
    found = price(Buckets(tuple(lengths)), demand, curve)
    assert found.padded_compute == pytest.approx(best.padded_compute, rel=CLOSE)
    assert all(length % profile.align == 0 for length in lengths)


@many
@given(rows=sizes_sent, profile=profiles)
def test_no_other_single_length_saves_more_than_the_best_addition(
    script: Page, rows: list[tuple[int, int, int, float]], profile: Any
) -> None:
    analysis = analysis_of(rows, profile, PlanOptions(k_range=(2, 2)))
    visual, curve = analysis.plan.visual, run_flops(profile)
    lengths = visual.vit_max_seq_lens
    added = asked(
        script,
        "const [data, limit, lengths] = given;"
        "return b.bestAddition(lengths, b.demandUnder(data, limit), data);",
        data_of(analysis),
        visual.processor.max_pixels,
        list(lengths),
    )
    demand = Demand.of(analysis.needed, analysis.counts.runs)

    def padded(*more: int) -> float:
        chosen = Buckets(tuple(sorted({*lengths, *more})))
        return price(chosen, demand, curve).padded_compute

    tried = align_up(demand.needed, profile.align).tolist()
    best = min(padded(length) for length in tried)
    with_it = padded(added["length"]) if added else padded()
    assert with_it == pytest.approx(best, rel=CLOSE)


@many
@given(
    steps=st.lists(st.floats(0.01, 1e6), min_size=2, max_size=16),
    draw=st.data(),
)
def test_decoder_graphs_cost_what_the_core_says(
    script: Page, steps: list[float], draw: Any
) -> None:
    batch = len(steps)
    smaller = draw.draw(st.sets(st.integers(1, batch), max_size=4))
    sizes = tuple(sorted({*smaller, batch}))
    curve = measured({1: 10.0, batch: 10.0 + batch}, batch)
    costs = curve.at(np.arange(1, batch + 1)).tolist()
    found = asked(
        script,
        "const [sizes, steps, cost] = given;"
        "return b.priceDecoder(sizes, { steps, cost });",
        list(sizes),
        steps,
        costs,
    )
    expected = mean_cost(sizes, np.array(steps), curve)
    assert found["mean_step_cost"] == pytest.approx(expected, rel=CLOSE)
    for graph, use in zip(
        found["graphs"], graph_uses(sizes, np.array(steps)), strict=True
    ):
        assert graph["share"] == pytest.approx(use.share, rel=CLOSE, abs=CLOSE)
        assert graph["slots_used"] == pytest.approx(use.slots_used, rel=CLOSE)


@many
@given(rows=sizes_sent, profile=profiles, cost=costs, draw=st.data())
def test_any_deployment_holds_and_fits_what_the_planner_says(
    script: Page,
    rows: list[tuple[int, int, int, float]],
    profile: Any,
    cost: Any,
    draw: Any,
) -> None:
    few = [(*sides[:3], min(sides[3], 9.0)) for sides in rows]
    given = Overrides(
        batch_size=draw.draw(st.sampled_from([None, 1, 3, 8])),
        npu=draw.draw(st.sampled_from([None, "RBLN-CA22", "RBLN-CA25", "RBLN-CR13"])),
    )
    analysis = analysis_of(few, profile, PlanOptions(cost=cost))
    # Releases that count a window too many have lengths of their own.
    oldest = -1 if profile.window_patches else draw.draw(st.sampled_from([0, -1]))
    targets = serving_targets(profile.family)[oldest:]
    base = zoo_base(profile.family, given)
    planned = deployed(analysis, base, targets, 0.05)
    assert isinstance(planned.base, BaseConfig)
    table = coefficients(planned, planned.base, targets)
    if planned.memory is None:
        assert table is None
        return
    assert table is not None
    data = json.loads(panel_data(planned, (), table).json)
    untouched = asked(script, "return b.fitted(given[0].plan, given[0]);", data)
    same_memory(untouched, planned.memory)
    lengths = [
        n * profile.align
        for n in draw.draw(st.sets(st.integers(1, 9_000 // profile.align), min_size=1))
    ]
    step, most = table["context_step"], table["context_most"] or 2**19
    context = step * draw.draw(
        st.integers(table["context_least"] // step, most // step)
    )
    batch = draw.draw(st.integers(1, 40))
    devices = draw.draw(st.sampled_from([None, *table["releases"][0]["on"]]))
    decoder = decide_pattern(batch, profile.family, RBLN).decoder
    found = asked(
        script,
        "const [data, edited] = given; return b.fitted(edited, data);",
        data,
        {
            "lengths": sorted(lengths),
            "context": context,
            "batch": batch,
            "devices": devices or table["devices"],
            "decoder": decoder.decoder_batch_sizes,
        },
    )
    visual = replace(planned.plan.visual, vit_max_seq_lens=tuple(sorted(lengths)))
    plan = replace(planned.plan, visual=visual, visual_by_target={}, decoder=decoder)
    edited = replace(planned, plan=plan)
    base = zoo_base(
        profile.family,
        replace(given, max_seq_len=context, batch_size=batch, devices=devices),
    )
    expected = Deployment(
        analysis=edited, base=fit(edited, base, targets), targets=targets
    )
    assert expected.newest_memory is not None
    same_memory(found, expected.newest_memory)


def same_memory(found: dict[str, Any], expected: MemoryPlan) -> None:
    assert found["verdict"] == expected.verdict
    assert found["lacks_bytes"] == expected.lacks_bytes
    assert found["blocks"] == expected.blocks.taken
    assert found["device_bytes"] == max(pool.device_bytes for pool in expected.pools)


@many
@given(profile=profiles, n=st.integers(1, 4_000))
def test_the_largest_square_is_the_one_of_the_core(
    script: Page, profile: Any, n: int
) -> None:
    length = n * profile.align
    model = {
        "patch": profile.patch_px,
        "merge": profile.merge,
        "window": profile.window_patches,
        "extra_windows": 0,
    }
    found = asked(script, "return b.largestSquare(...given);", length, model)
    assert found == largest_square_px(length, profile, RBLN.release((0, 12, 0)))


@many
@given(rows=sizes_sent, profile=profiles, draw=st.data())
def test_edited_files_are_those_an_edited_plan_gives(
    script: Page, rows: list[tuple[int, int, int, float]], profile: Any, draw: Any
) -> None:
    unit = draw.draw(st.sampled_from(["vit_patches", "merged_patches"]))
    analysis = analysis_of(rows, profile, PlanOptions(bucket_unit=unit))
    plan = analysis.plan
    targets = serving_targets(profile.family)
    base = zoo_base(profile.family)
    newest = targets[-1]
    edited_by_hand = draw.draw(
        st.sets(st.integers(1, 200).map(lambda n: n * profile.align), min_size=1)
    )
    lengths = tuple(sorted(edited_by_hand))
    limit = draw.draw(st.integers(300_000, 20_000_000))
    data = data_of(analysis)
    releases = releases_of(plan, base, targets)
    pattern = {file.name: file.pattern for file in releases[0].files}
    texts = asked(
        script,
        "const [data, patterns, lengths, limit] = given;"
        "const edited = { lengths, max_pixels: limit, decoder: [] };"
        "const bill = b.price(lengths, b.demandUnder(data, limit), data);"
        "return Object.fromEntries(Object.entries(patterns).map(([name, pattern]) =>"
        "  [name, b.filled(pattern, edited, bill, null, 0, data)]));",
        data,
        pattern,
        list(lengths),
        limit,
    )
    counts = under(analysis, limit)
    bill = price(
        Buckets(lengths),
        Demand.of(counts.needed(analysis.release), counts.runs),
        analysis.curve,
    )
    served = float(bill.runs.sum())
    merged = tuple(-(-length // profile.patches_per_merged) for length in lengths)
    uses = tuple(
        replace(
            plan.visual.buckets[0],
            vit_patches=length,
            merged_patches=-(-length // profile.patches_per_merged),
            largest_square=largest_square_px(length, profile, analysis.release),
            share=float(runs) / served if served else 0.0,
        )
        for length, runs in zip(lengths, bill.runs.tolist(), strict=True)
    )
    visual = replace(
        plan.visual,
        max_seq_lens=merged if unit == "merged_patches" else lengths,
        vit_max_seq_lens=lengths,
        merged_max_seq_lens=merged,
        buckets=uses,
        processor=plan.visual.processor.with_max_pixels(limit),
    )
    expected = emit(replace(plan, visual=visual, visual_by_target={}), base, (newest,))
    assert texts == expected


@many
@given(
    value=st.just(0.0)
    | st.floats(1e-6, 1e15)
    | st.integers(0, 10**12).map(lambda n: n / 8)
)
def test_numbers_read_as_everywhere_else(script: Page, value: float) -> None:
    said = asked(
        script,
        "const [value] = given;"
        "return [b.number(value), b.percent(value / 1e3), b.compute(value, 'FLOP'),"
        " b.memory(Math.floor(value)), b.change(1e3, value), b.significant(value, 4),"
        " b.compute(value, 'ms')];",
        value,
    )
    assert said == [
        numbers.number(value),
        numbers.percent(value / 1e3),
        numbers.compute(value, "FLOP"),
        numbers.memory(int(value)),
        numbers.change(1e3, value),
        numbers.significant(value, 4),
        numbers.compute(value, "ms"),
    ]


def test_a_size_that_stands_for_others_changes_nothing_under_the_plans_limit(
    script: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(7)
    rows = [
        (int(height), int(width), 0, float(weight))
        for height, width, weight in rng.integers(30, 3_000, (900, 3)).tolist()
    ]
    analysis = analysis_of(rows, find_profile("qwen3-vl-2b"), PlanOptions())
    monkeypatch.setattr(histogram, "MOST_SIZES", 700)
    told = panel_data(analysis, ())
    data = json.loads(told.json)
    assert len(data["sizes"]["height"]) <= 700
    assert 0 < told.stand_in_share < 1
    visual = analysis.plan.visual
    bill = asked(
        script,
        "const [data, lengths, limit] = given;"
        "return b.price(lengths, b.demandUnder(data, limit), data);",
        data,
        list(visual.vit_max_seq_lens),
        visual.processor.max_pixels,
    )
    assert bill["padded"] == pytest.approx(visual.padded_compute, rel=CLOSE)
    assert bill["useful"] == pytest.approx(visual.useful_compute, rel=CLOSE)
