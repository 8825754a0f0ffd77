"""Whether a plan is still good: what is promised of it, then the command."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from functools import cache
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

import bucketwise
from bucketwise.core.analysis import Analysis
from bucketwise.core.buckets import Buckets, Demand
from bucketwise.core.check import Check
from bucketwise.core.confidence import Sample
from bucketwise.core.cost import price, vit_flops
from bucketwise.core.regret import Regret, regret_of
from bucketwise.nouns.traffic import Traffic, merge_traffic
from bucketwise.read.configs.profiles import find_profile
from bucketwise.report.check import RENDERERS, as_github, as_markdown, as_prometheus
from bucketwise.words.numbers import percent
from tests.budget import drawn
from tests.commands import bucketwise as run
from tests.strategies import clips_of, traffic_of
from tests.test_measured_plan import COST

ROOT = Path(__file__).parent.parent
SAMPLES = ROOT / "sample_traffic"
CURVE = vit_flops(find_profile("qwen3-vl-2b"))

pytestmark = pytest.mark.usefixtures("one_reader")

SIZES = st.tuples(st.integers(30, 3_000), st.integers(30, 3_000), st.integers(1, 40))


@cache
def sample(name: str) -> Traffic:
    return bucketwise.read_traffic([SAMPLES / f"{name}.csv"])


def redrawn(traffic: Traffic, n_images: int, seed: int) -> Traffic:
    """Return so many images drawn from a traffic."""
    random = np.random.default_rng(seed)
    count = random.multinomial(n_images, traffic.count / traffic.count.sum())
    return replace(traffic, count=count.astype(np.float64)).without_empty_cells()


def sample_of(demand: Demand, *, align: int, pins: tuple[int, ...] = ()) -> Sample:
    return Sample(
        needed=demand.needed,
        runs_each=np.ones(demand.needed.size),
        count=demand.runs,
        accepted=np.ones(demand.needed.size, dtype=bool),
        curve=CURVE,
        align=align,
        pins=pins,
    )


@st.composite
def kept_lists(draw: st.DrawFn) -> tuple[tuple[int, ...], Sample]:
    """A list with a pin or none, and a demand that it may not hold to the end."""
    align = draw(st.sampled_from((1, 4)))
    lengths = draw(st.lists(st.integers(1, 20), min_size=1, max_size=4, unique=True))
    chosen = tuple(sorted(each * align for each in lengths))
    pins = tuple(each for each in chosen if draw(st.integers(0, 4)) == 0)
    # Shares of images have no interval, which takes time.
    needed = draw(st.lists(st.integers(1, 22 * align), min_size=1, max_size=8))
    runs = np.array([draw(st.integers(1, 50)) / 64 for _ in needed])
    demand = Demand.of(np.array(needed), runs)
    return chosen, sample_of(demand, align=align, pins=pins)


def cost_of(lengths: tuple[int, ...], kept: Sample) -> float:
    return price(Buckets(lengths), kept.demand(), CURVE).padded_compute


@given(kept_lists())
@settings(max_examples=drawn(40, 1_000))
def test_the_best_list_and_every_change_are_those_that_enumeration_finds(
    case: tuple[tuple[int, ...], Sample],
) -> None:
    lengths, given_sample = case
    found = regret_of(lengths, given_sample)
    held = given_sample.held_by(lengths[-1])
    if found is None:
        assert not held.count.size
        return
    assert found.share >= 0
    places = range(held.align, lengths[-1], held.align)
    fixed = {lengths[-1], *held.pins}
    least = min(
        cost_of(tuple(sorted({*free, *fixed})), held)
        for free in combinations(places, len(lengths) - len(fixed))
    )
    assert found.best_compute == pytest.approx(least)
    assert found.kept_compute == pytest.approx(cost_of(lengths, held))
    current = lengths
    for move in found.moves:
        options = [
            tuple(sorted({*current} - {old} | {new}))
            for old in {*current} - fixed
            for new in places
        ]
        current = tuple(sorted({*current} - {move.old} | {move.new}))
        cheapest = min(cost_of(each, held) for each in options)
        assert cost_of(current, held) == pytest.approx(cheapest)
        assert move.regret == pytest.approx(cheapest / least - 1, abs=1e-9)


@given(kept_lists(), st.integers(2, 50))
def test_more_of_the_same_changes_nothing_but_how_sure_it_is(
    case: tuple[tuple[int, ...], Sample], times: int
) -> None:
    lengths, one = case
    found = regret_of(lengths, one)
    many = regret_of(lengths, replace(one, count=one.count * times))
    if found is None or many is None:
        assert found is many
        return

    def said(regret: Regret) -> list[float]:
        return [*regret.best, regret.share, *(each.regret for each in regret.moves)]

    assert said(many) == pytest.approx(said(found), abs=1e-9)
    assert many.kept_compute == pytest.approx(found.kept_compute * times)


@given(kept_lists())
def test_no_list_that_takes_more_memory_is_held_against_one_that_memory_bound(
    case: tuple[tuple[int, ...], Sample],
) -> None:
    lengths, given_sample = case
    found = regret_of(lengths, given_sample, lambda each: each**2)
    if found is not None:
        used, room = (sum(np.square(each)) for each in (found.best, lengths))
        assert used <= room
        assert found.share >= 0
        assert found.low is None


ASKED = st.fixed_dictionaries(
    {"model": st.sampled_from(("qwen3-vl-2b", "qwen2.5-vl-7b", "gemma-4-e4b"))},
    optional={
        "target": st.sampled_from((("vllm==0.33.0",), ("optimum-rbln==0.10.3",))),
        "align": st.sampled_from((64, 512)),
        "headroom": st.just(0.3),
        "allow_overflow": st.just(True),  # noqa: FBT003 - a value
        "cost": st.just("linear"),
        "pins": st.just((2_048,)),
        "buckets": st.sampled_from(((1, 1), (3, 3))),
        "max_pixels": st.just("checkpoint"),
        "compile_budget": st.just(30.0),
    },
)


@given(
    st.lists(SIZES, min_size=1, max_size=12),
    st.lists(SIZES, max_size=2),
    ASKED,
)
@settings(max_examples=drawn(12, 300))
def test_a_plan_is_good_for_the_traffic_it_was_made_from(
    images: list[tuple[int, int, int]],
    clips: list[tuple[int, int, int]],
    asked: dict[str, Any],
) -> None:
    if asked["model"] == "gemma-4-e4b":
        asked = {name: asked[name] for name in asked.keys() & {"model", "cost"}}
        clips = []
    if "compile_budget" in asked:
        asked = {**asked, "graph_minutes": {1_024: 5.0, 16_384: 30.0}}
    parts = [traffic_of(*images)]
    if clips:
        parts.append(clips_of(*((h, w, 4, float(n)) for h, w, n in clips)))
    traffic = merge_traffic(parts)
    found = bucketwise.check(bucketwise.analyze(traffic, **asked), traffic)
    assert found.passed
    assert found.above is not None
    assert found.above.images == 0
    assert found.lengths is not None
    assert found.lengths.share == 0
    assert found.lengths.moves == ()
    assert found.drift is not None
    assert found.drift.distance == 0


@pytest.fixture(scope="module")
def screenshots() -> Analysis:
    return bucketwise.analyze(
        redrawn(sample("docs_screenshots"), 2_000, 0), model="qwen3-vl-2b"
    )


def test_a_redraw_of_the_mix_passes_and_a_drift_does_not(screenshots: Analysis) -> None:
    # benchmarks/check_drift.py has the rates of 100 seeds.
    own, other = sample("docs_screenshots"), sample("web_photos")
    for seed in range(1, 5):
        n_images = 100 if seed % 2 else 2_000
        again = bucketwise.check(screenshots, redrawn(own, n_images, seed))
        assert again.passed, seed
        mixed = [redrawn(own, 300, seed), redrawn(other, 1_200, seed)]
        moved = bucketwise.check(screenshots, merge_traffic(mixed))
        assert not moved.passed, seed
        assert [each.id for each in moved.reasons if each.severity == "error"] == [
            "regret"
        ]
        assert moved.drift is not None
        assert moved.drift.distance > 3 * moved.drift.by_chance


def test_few_images_that_fit_another_list_by_chance_only_warn(
    screenshots: Analysis,
) -> None:
    draws = [
        bucketwise.check(screenshots, redrawn(sample("docs_screenshots"), 60, seed))
        for seed in range(4)
    ]
    assert all(each.passed for each in draws)
    above = [each for each in draws if each.lengths and each.lengths.share > 0.05]
    assert above
    for each in above:
        severities = {reason.id: reason.severity for reason in each.reasons}
        assert severities["regret"] == severities["few-images"] == "warning"


@pytest.mark.parametrize(
    ("target", "passed", "severity"),
    [
        ("optimum-rbln==0.12.0", False, "error"),
        ("vllm==0.33.0", True, "warning"),
        ("vllm-gaudi==0.26.0", True, "warning"),
    ],
)
def test_above_the_top_an_image_is_what_its_engine_makes_of_it(
    target: str, passed: bool, severity: str
) -> None:
    small, large = traffic_of((3_000, 4_000, 5e3)), traffic_of((6_000, 6_000, 1.0))
    plan = bucketwise.analyze(
        small, model="qwen3-vl-2b", target=[target], allow_overflow=True
    )
    found = bucketwise.check(plan, merge_traffic([small, large]))
    assert found.passed is passed
    assert found.above is not None
    assert (found.above.images, found.above.fail) == (1, not passed)
    [reason] = [each for each in found.reasons if each.id == "overflow"]
    assert reason.severity == severity


def test_what_came_and_went_adds_up_and_is_known_by_its_commonest_size() -> None:
    before = traffic_of((480, 640, 900.0), (720, 1_280, 1_100.0))
    after = traffic_of((480, 640, 500.0), (1_000, 1_000, 1_500.0))
    # Whose limits stay as they are.
    target = ["vllm==0.33.0"]
    plan = bucketwise.analyze(before, model="qwen3-vl-2b", target=target)
    found = bucketwise.check(plan, after)
    assert found.drift is not None
    for shares in ("before", "after"):
        total = sum(getattr(each, shares) for each in found.drift.cells)
        assert total == pytest.approx(1)
    # 0.45, 0.55 and none before; 0.25, none and 0.75 after.
    assert found.drift.distance == pytest.approx(0.75)
    cells = {each.size: each.change for each in found.drift.cells}
    assert cells == pytest.approx(
        {"640x480": -0.2, "1280x720": -0.55, "1000x1000": 0.75}
    )
    assert [each.up_to for each in found.drift.cells][-1] is None


def test_images_that_the_limits_of_the_plan_make_smaller_are_told() -> None:
    plan = bucketwise.analyze(traffic_of((640, 480, 5e3)), model="qwen3-vl-2b")
    found = bucketwise.check(plan, traffic_of((640, 480, 3e3), (1_280, 960, 1e3)))
    assert found.shrunk_share == 0.25
    [told] = [each for each in found.reasons if each.id == "shrunk"]
    assert "25.0% of the images smaller, 0% when" in told.words


@pytest.fixture(scope="module")
def moved(screenshots: Analysis) -> Check:
    return bucketwise.check(screenshots, sample("web_photos"))


def gauges_of(check: Check) -> dict[str, float]:
    families = [*text_string_to_metric_families(as_prometheus(check))]
    assert all(each.type == "gauge" and each.documentation for each in families)
    return {each.name: one.value for each in families for one in each.samples}


def test_every_format_tells_the_same_numbers(moved: Check) -> None:
    said = json.loads(moved.to_json())
    gauges = gauges_of(moved)
    assert gauges["bucketwise_regret_ratio"] == said["lengths"]["share"]
    assert gauges["bucketwise_regret_low_ratio"] == said["lengths"]["low"]
    assert gauges["bucketwise_overflow_ratio"] == said["above"]["share"]
    assert gauges["bucketwise_drift_ratio"] == said["drift"]["distance"]
    assert gauges["bucketwise_images"] == said["images"] == 5_000
    assert gauges["bucketwise_check_passed"] == said["passed"] == 0
    assert "bucketwise_decoder_regret_ratio" not in gauges
    for told in (RENDERERS["text"](moved), as_markdown(moved), as_github(moved)):
        plain = told.replace("%25", "%")
        assert percent(said["lengths"]["share"]) in plain
        assert percent(said["drift"]["distance"]) in plain


HOSTILE = 'x"} 1\\\n::error::<script>[a](b)|%0A'


def test_no_name_steers_what_reads_the_output(moved: Check) -> None:
    reasons = tuple(replace(each, words=HOSTILE) for each in moved.reasons)
    hostile = replace(moved, model=HOSTILE, reasons=reasons)
    [family, *_] = text_string_to_metric_families(as_prometheus(hostile))
    assert family.samples[0].labels["model"] == HOSTILE
    lines = as_github(hostile).splitlines()
    assert all(
        re.match(r"::(error|notice|warning) title=[^:,]*::", each) for each in lines
    )
    assert "%250A" in lines[0]
    assert "<script>" not in as_markdown(hostile).replace("\\<script", "")


def test_decoder_graphs_are_judged_by_a_load_as_lengths_are_by_images(
    tmp_path: Path,
) -> None:
    def requests(name: str, in_flight: int) -> Path:
        path = tmp_path / name
        rows = [f"{at * 10},{at * 10 + 10 * in_flight}" for at in range(400)]
        path.write_text("\n".join(["start,end", *rows]) + "\n")
        return path

    low = bucketwise.read_evidence([requests("low.csv", 2)])
    high = bucketwise.read_evidence([requests("high.csv", 6)])
    traffic = sample("docs_screenshots")
    plan = bucketwise.analyze(
        traffic, model="qwen3-vl-2b", evidence=low, batch_size=8, step_cost="slots"
    )
    same = bucketwise.check(plan, traffic, evidence=low)
    assert same.decoder is not None
    assert same.passed
    assert same.decoder.share == 0
    other = bucketwise.check(plan, traffic, evidence=high)
    assert other.decoder is not None
    assert not other.passed
    assert other.decoder.best == (6, 8)
    assert gauges_of(other)["bucketwise_decoder_regret_ratio"] == other.decoder.share


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a plan, its traffic and another."""
    root = tmp_path_factory.mktemp("check")
    (root / "old.csv").write_text("width,height,n\n640,480,3000\n1280,720,2000\n")
    (root / "new.csv").write_text("width,height,n\n640,480,3000\n800,600,2000\n")
    done = run(
        *("analyze", "old.csv", "--model", "qwen3-vl-2b", "--format", "none"),
        *("--out", "plan", "--quiet"),
        cwd=root,
    )
    assert done.returncode == 0, done.stderr
    return root


@pytest.mark.parametrize("form", RENDERERS)
def test_the_status_is_the_answer_in_every_format(form: str, folder: Path) -> None:
    bad = run("check", "plan/plan.json", "new.csv", "--format", form, cwd=folder)
    assert bad.returncode == 3, bad.stderr
    assert bad.stdout.endswith("\n")
    lenient = ("--max-regret", "100%", "--format", form)
    good = run("check", "plan", "new.csv", *lenient, cwd=folder)
    assert good.returncode == 0, good.stderr


def test_a_plan_without_its_histogram_and_of_the_first_schema_is_checked(
    folder: Path, tmp_path: Path
) -> None:
    said = json.loads((folder / "plan" / "plan.json").read_text())
    for later in ("frontier_budgets", "budgets", "memory", "verdict"):
        del said[later]
    kept = ("model", "strategy", "buckets", "target", "cost", "pins")
    options = said["provenance"]["options"]
    said["provenance"]["options"] = {name: options[name] for name in kept}
    (tmp_path / "p.json").write_text(json.dumps(said | {"schema": "bucketwise.plan/1"}))
    done = run("check", tmp_path / "p.json", "new.csv", "--format", "json", cwd=folder)
    assert done.returncode == 3, done.stderr
    found = json.loads(done.stdout)
    assert found["drift"] is None
    assert "no-histogram" in {each["id"] for each in found["reasons"]}
    whole = run("check", "plan", "new.csv", "--format", "json", cwd=folder)
    assert found["lengths"] == json.loads(whole.stdout)["lengths"]


def test_what_cannot_be_checked_is_refused_in_a_sentence(
    folder: Path, tmp_path: Path
) -> None:
    said = json.loads((folder / "plan" / "plan.json").read_text())
    (tmp_path / "load.csv").write_text("start,end\n1,2\n")
    load = str(tmp_path / "load.csv")
    cases: list[tuple[dict[str, Any], tuple[str, ...], int, str]] = [
        (said, ("--activity", load), 2, "holds no decoder graphs"),
        (said, ("--target", "optimum-rbln==0.10.3"), 2, "that was planned for"),
        (said, ("--log-format", "$start $duration_ms"), 2, "name that, too"),
        (said | {"schema": "x"}, (), 1, "expected a plan.json of schema"),
        (said | {"visual": {}}, (), 1, "a damaged plan"),
        (said | {"provenance": None}, (), 1, "a damaged plan"),
        (said | {"encoder": {"max_seq_lens": [8]}}, (), 2, "text encoder"),
        (said | {"model": said["model"] | {"name": "own"}}, (), 1, "with --model"),
    ]
    for plan, options, status, told in cases:
        if told == "with --model":
            plan["provenance"] = json.loads(json.dumps(plan["provenance"]))
            plan["provenance"]["options"]["model"] = None
        (tmp_path / "plan.json").write_text(json.dumps(plan))
        done = run("check", tmp_path, "old.csv", *options, cwd=folder)
        assert done.returncode == status, (told, done.stderr)
        assert told in done.stderr


def test_no_name_of_a_file_is_told_where_none_is_wanted(folder: Path) -> None:
    form = ("--format", "json", "--no-places")
    done = run("check", "plan", "new.csv", *form, cwd=folder)
    assert "new.csv" not in done.stdout


def test_each_engine_of_a_plan_is_checked_by_its_own_part_and_at_any_cost(
    tmp_path: Path,
) -> None:
    photos = SAMPLES / "web_photos.csv"
    engines = ("vllm==0.33.0", "optimum-rbln==0.12.0")
    named = [word for each in engines for word in ("--target", each)]
    words = ("analyze", photos, "--model", "qwen3-vl-2b", "--format", "none")
    assert run(*words, *named, "--out", "both", cwd=tmp_path).returncode == 0
    (tmp_path / "cost.json").write_text(COST.to_json())
    for each in engines:
        asked = ("check", "both", photos, "--target", each, "--format", "json")
        done = run(*asked, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        told = json.loads(done.stdout)
        assert told["target"] == each
        assert told["lengths"]["share"] < 1e-3
        measured = run(*asked, "--cost", "cost.json", cwd=tmp_path)
        assert json.loads(measured.stdout)["cost"]["unit"] == "ms"
    other = ("check", "both", photos, "--target", "vllm-gaudi==0.26.0")
    refused = run(*other, cwd=tmp_path)
    assert refused.returncode == 2
    assert "expected one that was planned for (vllm==0.33.0, optimum" in refused.stderr
