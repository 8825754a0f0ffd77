"""The report's decoder section: its words, its drawings, its tables, any load."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest

from bucketwise.core.analysis import Analysis, Context, analyze
from bucketwise.core.decoder.decide import DecoderAsk
from bucketwise.core.decoder.decoder_plan import on_batch_size
from bucketwise.core.decoder.options import DecoderOptions
from bucketwise.core.decoder.pricing import Deployment
from bucketwise.core.options import PlanOptions
from bucketwise.core.plan import Decoder
from bucketwise.engines.rbln.engine import RBLN
from bucketwise.engines.rbln.targets import pick_targets
from bucketwise.nouns.activity import Activity, Arrivals, Evidence, RequestTokens
from bucketwise.nouns.profile import ModelProfile
from bucketwise.nouns.traffic import Place, Rejection
from bucketwise.read.configs.profiles import find_profile
from bucketwise.report import render
from bucketwise.report.before_after import before_after
from bucketwise.report.blocks import (
    Block,
    Callout,
    Drawing,
    Facts,
    Paragraph,
    Part,
    Points,
    Section,
    Table,
)
from bucketwise.report.deployment import ReportInputs
from bucketwise.report.figures.active import MOST_BARS, active_drawing
from bucketwise.report.figures.histogram import Histogram
from bucketwise.report.figures.load import (
    MOST_SLOTS,
    Load,
    load_drawing,
    means_over_time,
)
from bucketwise.report.view import view_of
from tests.report_laws import (
    check_drawing,
    every_block,
    figure_of,
    named,
    page_in_words,
)
from tests.strategies import preprocessing_of, traffic_of
from tests.test_report import (
    HOSTILE,
    QWEN3,
    SNIPPETS,
    Outline,
    analysis_of,
    text_of,
    text_without_plan_words,
)

QWEN35 = find_profile("qwen3.5-4b")
MEASURED = {1: 10.0, 8: 24.0}

Cell = tuple[int, int, int, float]

LIGHT: tuple[Cell, ...] = (
    *((0, 0, 0, 20.0), (0, 1, 0, 30.0), (0, 2, 0, 10.0)),
    *((1, 2, 0, 40.0), (1, 5, 0, 15.0), (1, 11, 2, 5.0)),
)
FULL: tuple[Cell, ...] = ((0, 8, 4, 55.0), (0, 7, 0, 5.0), (1, 20, 0, 60.0))


def activity_of(*cells: Cell, replicas: int = 1) -> Activity:
    """Build an activity of minutes from (minute, running, waiting, seconds)."""
    slot, running, waiting, seconds = (
        np.array(column) for column in zip(*cells, strict=True)
    )
    return Activity(
        slot=slot.astype(np.int64),
        running=running.astype(np.int64),
        waiting=waiting.astype(np.int64),
        seconds=seconds.astype(np.float64),
        slot_width_s=60,
        span_s=60.0 * (slot.max() - slot.min() + 1),
        replicas=replicas,
    )


def evidence_of(*cells: Cell) -> Evidence:
    return Evidence(
        kind="requests", load=activity_of(*cells), samples=321, names=("log.csv",)
    )


def decoded(
    evidence: Evidence | None,
    batch_size: int = 8,
    profile: ModelProfile = QWEN3,
    step_cost: str | Mapping[int, float] = "roofline",
    k_range: tuple[int, int] = (1, 4),
) -> Analysis:
    return analyze(
        traffic_of((480, 640, 50.0), (720, 1280, 30.0)),
        profile,
        preprocessing_of(profile),
        PlanOptions(),
        RBLN.releases(pick_targets(())),
        ask=DecoderAsk(
            question=DecoderOptions(
                batch_size=batch_size, k_range=k_range, step_cost=step_cost
            ),
            deployment=Deployment(engine=RBLN, partition=16_384),
            evidence=evidence,
        ),
        context=Context(version="0.1.0"),
    )


def decoder_of(analysis: Analysis) -> Decoder:
    assert analysis.plan.decoder is not None
    return analysis.plan.decoder


def section_of(analysis: Analysis) -> Section:
    return next(item for item in view_of(analysis, {}).sections if item.id == "decoder")


def tables(analysis: Analysis) -> dict[str, Table]:
    """Return the tables of the section, and of what is told of it in the appendix."""
    report = view_of(analysis, {})
    parts = (each for each in every_block(report) if isinstance(each, Part))
    folded = (block for part in parts if part.id == "load" for block in part.blocks)
    return {
        " ".join(block.caption.split()[:3]): block
        for block in (*section_of(analysis).blocks, *folded)
        if isinstance(block, Table)
    }


def everything(analysis: Analysis) -> str:
    """Return all that the page will say, without drawing it and its panel."""
    report = view_of(analysis, {})
    # What holds other blocks repeats them.
    holding = ("what_if", "part", "folded", "opening")
    told = [block for block in every_block(report) if block.kind not in holding]
    return repr((told, [section.finding for section in report.sections]))


def words(blocks: tuple[Block, ...], kind: type[Paragraph | Callout]) -> str:
    return " ".join(block.text for block in blocks if isinstance(block, kind))


def arrivals() -> Evidence:
    random = np.random.default_rng(0)
    arrival_s = np.sort(random.uniform(0, 60, 90))
    prompt, output = random.integers(1, [[900], [200]], (2, 90))
    return Evidence(
        kind="arrivals",
        load=Arrivals(arrival_s=arrival_s, prompt=prompt, output=output),
        samples=90,
        tokens=RequestTokens.of(prompt, output, with_images=True),
    )


def hostile_evidence() -> Evidence:
    bad = Rejection(reason=HOSTILE, count=1, places=(Place(source=HOSTILE, line=3),))
    return replace(
        evidence_of(*LIGHT),
        names=(HOSTILE,),
        rejections=(bad,),
        faults=(bad,),
        notes=(HOSTILE,),
    )


CASES = {
    "light": lambda: decoded(evidence_of(*LIGHT)),
    "measured": lambda: decoded(evidence_of(*LIGHT), step_cost=MEASURED),
    "slots": lambda: decoded(evidence_of(*LIGHT), step_cost="slots"),
    "full": lambda: decoded(evidence_of(*FULL)),
    "one_slot": lambda: decoded(evidence_of(*LIGHT), batch_size=1),
    "whole_batch": lambda: decoded(evidence_of(*LIGHT), profile=QWEN35),
    "no_evidence": lambda: decoded(None),
    "no_evidence_whole_batch": lambda: decoded(None, profile=QWEN35),
    "one_minute": lambda: decoded(evidence_of((5, 1, 0, 1.0))),
    "replicas": lambda: decoded(
        replace(evidence_of(*LIGHT), load=activity_of(*LIGHT, replicas=3))
    ),
    "wide": lambda: decoded(evidence_of(*LIGHT, (3, 150, 0, 90.0)), batch_size=256),
    "replayed": lambda: decoded(arrivals()),
    "hostile": lambda: decoded(hostile_evidence()),
}


@pytest.mark.parametrize("name", CASES)
def test_every_kind_of_load_makes_a_whole_page(name: str) -> None:
    page = page_in_words(CASES[name](), SNIPPETS)
    outline = Outline(page)
    assert len(outline.ids) == len(set(outline.ids))
    said = text_of(page)
    assert not re.search(r"\b(nan|inf|None|True|False)\b", said)
    own = text_without_plan_words(said)
    assert not re.search(r"\b1 (sequences|graphs|rows|replicas)\b", own)
    assert not re.search(r"(?<![\d,.])0\.0%|100\.0%", own)


def test_the_section_is_left_out_without_a_decoder() -> None:
    names = [item.id for item in view_of(CASES["light"](), SNIPPETS).sections]
    assert "decoder" in names
    assert "decoder" not in everything(analysis_of()).lower()


@pytest.mark.parametrize(
    ("name", "finding"),
    [
        (
            "light",
            "Compile decoder graphs for {sizes} sequences: a step costs {saving} ",
        ),
        ("measured", "Compile decoder graphs for {sizes} sequences: a step costs {sav"),
        ("slots", "Compile decoder graphs for {sizes} sequences: a step computes {slo"),
        ("full", "Compile one decoder graph, of 8 sequences, because every slot is in"),
        ("one_slot", "Compile one decoder graph, of 1 sequence: a batch_size of 1 has"),
        (
            "whole_batch",
            "Compile one decoder graph, of 8 sequences: every step of this",
        ),
        ("no_evidence", "Nothing is known of the decoder's load, so decoder graphs fo"),
        ("no_evidence_whole_batch", "Compile one decoder graph, of 8 sequences: every"),
    ],
)
def test_the_finding_has_words_for_every_outcome(name: str, finding: str) -> None:
    analysis = CASES[name]()
    decided = decoder_of(analysis)
    sizes = decided.decoder_batch_sizes
    expected = (
        finding.replace("{sizes}", f"{', '.join(map(str, sizes[:-1]))} and {sizes[-1]}")
        .replace("{saving}", f"{(decided.saving or 0) * 100:.1f}% less")
        .replace("{slo", f"{(decided.slots_saving or 0) * 100:.1f}% fewer slots")
        .replace("{sav", f"{(decided.saving or 0) * 100:.1f}% less")
    )
    assert section_of(analysis).finding.startswith(expected)


def test_an_estimate_is_told_with_its_upper_bound_and_a_measurement_without() -> None:
    decided = decoder_of(CASES["light"]())
    most = f"and at most {(decided.slots_saving or 0) * 100:.1f}% less."
    assert section_of(CASES["light"]()).finding.endswith(most)
    assert "at most" not in section_of(CASES["measured"]()).finding


def test_what_was_not_seen_is_marked_as_assumed() -> None:
    blocks = section_of(CASES["no_evidence"]()).blocks
    assert "--activity" in words(blocks, Callout)
    said = everything(CASES["light"]())
    assert "(roofline: ○ assumed)" in said
    assert "in proportion to its slots (○ assumed)" in said
    assert "(measured: ● given or read)" in everything(CASES["measured"]())


def decoder_row(analysis: Analysis) -> tuple[str, ...]:
    table = before_after(analysis, ReportInputs())
    return next(row.cells for row in table.rows if row.cells[0].startswith("Decoder"))


def test_the_decision_names_the_decoder_graphs() -> None:
    row = decoder_row(CASES["no_evidence"]())
    assert row[1:3] == ("8", "1 · 4 · 8")
    assert "vendor's pattern" in row[3]
    assert re.match(r"\d+\.\d% less a step", decoder_row(CASES["light"]())[3])
    assert "the decoder is full" in decoder_row(CASES["full"]())[3]
    assert "never runs a smaller" in decoder_row(CASES["whole_batch"]())[3]


def test_idle_time_counts_as_nothing_active_and_what_is_above_the_slots_waits() -> None:
    means = means_over_time(activity_of(*LIGHT), 8, MOST_SLOTS)
    assert means.active.tolist() == pytest.approx([50 / 60, 195 / 60])
    assert means.waiting.tolist() == pytest.approx([0, 25 / 60])
    assert means.idle.tolist() == pytest.approx([20 / 60, 0])


def test_time_nobody_recorded_is_a_gap_and_never_zero() -> None:
    drawing = load_drawing(activity_of((0, 1, 0, 60), (1, 2, 0, 9), (4, 0, 0, 60)), 8)
    plot = drawing.plot
    assert isinstance(plot, Load)
    assert plot.bounds.tolist() == [0, 1, 2, 3, 4, 5]
    assert plot.seen.tolist() == [True, True, False, False, True]
    assert plot.active[plot.seen].tolist() == [1, 2, 0]
    assert plot.unit == "minute"
    assert len(figure_of(drawing).axes) == 1, "nothing waited"
    assert "shaded nothing was recorded: 40.0% of the time" in drawing.caption
    assert [row.cells[0] for row in drawing.table.rows] == [
        "0 to 1",
        "1 to 2",
        "4 to 5",
    ]


def test_a_clock_of_any_origin_and_any_length_stays_small() -> None:
    far = activity_of((-9, 1, 0, 1.0), (10**12, 3, 0, 1.0), (10**12 + 9, 2, 0, 1.0))
    means = means_over_time(far, 8, MOST_SLOTS)
    assert means.position[0] == 0
    assert means.n_slots <= MOST_SLOTS
    assert means.seconds.sum() == pytest.approx(3.0)


def test_the_line_of_the_batch_size_is_drawn_where_it_can_be_read() -> None:
    for batch_size, drawn in ((8, True), (4_096, False)):
        drawing = load_drawing(activity_of(*LIGHT), batch_size)
        assert isinstance(drawing.plot, Load)
        assert (drawing.plot.level is not None) == drawn
        assert ("lie far above" in drawing.caption) != drawn


@pytest.mark.parametrize("batch_size", [1, 2, 8, 64, 65, 256, 1_000, 4_096])
@pytest.mark.parametrize("busiest", [3, 40])
def test_bars_hold_all_busy_time_and_end_at_every_graph(
    batch_size: int, busiest: int
) -> None:
    cells = [(0, running, 0, float(running)) for running in range(busiest + 1)][1:]
    decided = decoder_of(
        decoded(evidence_of(*cells), batch_size, step_cost="slots", k_range=(1, 8))
    )
    drawing = active_drawing(decided)
    plot = drawing.plot
    assert isinstance(plot, Histogram)
    assert sum(plot.weights) == pytest.approx(1.0)
    assert list(plot.bounds) == sorted(set(plot.bounds))
    assert {size + 0.5 for size in decided.decoder_batch_sizes} <= set(plot.bounds)
    assert len(plot.weights) <= MOST_BARS + len(decided.decoder_batch_sizes)
    assert len(drawing.table.rows) == len(plot.weights)


@pytest.mark.parametrize("name", ["light", "full", "wide", "replicas", "replayed"])
def test_no_label_of_a_load_leaves_its_figure(name: str) -> None:
    found = [
        block
        for block in section_of(CASES[name]()).blocks
        if isinstance(block, Drawing)
    ]
    assert len(found) == 2
    for drawing in found:
        check_drawing(drawing)


def test_the_table_of_graphs_says_what_each_runs() -> None:
    analysis = CASES["light"]()
    decided = decoder_of(analysis)
    rows = tables(analysis)["The chosen graphs."].rows
    assert [row.cells[0] for row in rows] == [
        str(size) for size in decided.decoder_batch_sizes
    ]
    first = decided.decoder_batch_sizes[0]
    assert rows[0].cells[1] == (str(first) if first == 1 else f"1 to {first}")
    assert all(row.cells[-1].endswith(" ms") for row in rows)


def test_every_number_of_graphs_stands_with_both_savings_and_one_is_chosen() -> None:
    for name, columns in (("light", 7), ("slots", 5)):
        analysis = CASES[name]()
        table = tables(analysis)["The exact optimum"]
        assert len(table.head) == columns
        (chosen,) = (row for row in table.rows if row.marked)
        decided = decoder_of(analysis)
        assert chosen.cells[0] == f"{decided.decision.k} (chosen)"
        assert chosen.cells[-1] == f"{(decided.slots_saving or 0) * 100:.1f}%"


def test_a_model_that_runs_no_smaller_graph_is_promised_nothing() -> None:
    analysis = CASES["whole_batch"]()
    assert "it runs none" in tables(analysis)["The exact optimum"].caption
    assert "A step costs" not in [
        fact.label
        for block in section_of(analysis).blocks
        if isinstance(block, Facts)
        for fact in block.items
    ]


def test_the_batch_size_that_would_do_is_marked() -> None:
    analysis = CASES["full"]()
    (marked,) = (row for row in tables(analysis)["The same load"].rows if row.marked)
    assert marked.cells[0] == "32 (suggested)"
    said = words(section_of(analysis).blocks, Callout)
    assert re.fullmatch(
        r"With batch_size 8 requests queue in \S+% of busy time, with 32 in 0%\.", said
    )


def test_the_planned_batch_size_stands_among_those_looked_at() -> None:
    analysis = decoded(evidence_of((0, 20, 0, 60.0), (1, 3, 0, 20.0)), batch_size=12)
    rows = tables(analysis)["The same load"].rows
    names = [row.cells[0] for row in rows]
    assert names == ["4", "8", "12 (planned)", "16", "32 (suggested)"]
    assert rows[2].cells[1:] == ("9.75", "75.0%", "75.0%")
    crowded = decoded(evidence_of((0, 90, 0, 60.0)), batch_size=64)
    caption = tables(crowded)["The same load"].caption
    assert "Of 4, 8, 16 and 32 each queues in 5% of it or more." in caption


def test_a_batch_size_is_spoken_of_only_where_another_one_would_do() -> None:
    assert on_batch_size(decoder_of(CASES["no_evidence"]())) == ""
    assert on_batch_size(decoder_of(decoded(evidence_of((0, 6, 0, 60.0))))) == ""
    low = decoder_of(decoded(evidence_of((0, 2, 0, 60.0))))
    assert on_batch_size(low) == (
        "A batch_size of 4 would do: requests queue in 0% of busy time."
    )
    high = decoder_of(decoded(evidence_of((0, 99, 0, 60.0))))
    assert "with 32 still in 100%" in on_batch_size(high)
    between = decoder_of(decoded(evidence_of((0, 9, 0, 60.0)), batch_size=12))
    assert on_batch_size(between) == ""


def test_the_context_length_tells_what_it_counts() -> None:
    prompt, output = np.array([900, 5_000]), np.array([100, 3_000])
    for with_images, words_of_it in (
        (True, "Prompts are taken to count their visual tokens"),
        (False, "visual tokens (p99.9 of the images) added to each"),
    ):
        tokens = RequestTokens.of(prompt, output, with_images=with_images)
        evidence = replace(evidence_of(*LIGHT), tokens=tokens)
        said = words(section_of(decoded(evidence)).blocks, Paragraph)
        assert "A max_seq_len of 32,768 holds every request seen" in said
        assert "a multiple of 16,384, and twice that at least" in said
        assert words_of_it in said


def test_what_was_read_is_told_with_its_faults_and_their_places() -> None:
    bad = Rejection(reason="odd", count=3, places=(Place(source="log.csv", line=7),))
    odd = Rejection(reason="gap between readings", count=2)
    evidence = replace(evidence_of(*LIGHT), rejections=(bad,), faults=(odd,))
    analysis = decoded(replace(evidence, notes=("read start from 'a'",)))
    found = tables(analysis)
    known = {row.cells[0]: row.cells[1] for row in found["What is known"].rows}
    assert known["Read from"] == "log.csv"
    assert known["Records read"] == "321"
    assert known["The load was seen on"] == "one graph"
    assert found["Records of the"].rows[0].cells == (
        "odd",
        "3",
        "0.9%",
        "log.csv line 7",
    )
    assert found["Noticed in records"].rows[0].cells[-1] == "places not kept"
    load = named(view_of(analysis, {}), "load")
    (points,) = (block for block in load.blocks if isinstance(block, Points))
    assert points.items[0] == "read start from 'a'"
    assert len(points.items) > 1


def test_the_load_is_named_apart_from_the_images() -> None:
    report = view_of(CASES["light"](), {})
    assert report.subtitle == "From 80 images: made.csv. Decoder load: log.csv."
    many = replace(evidence_of(*LIGHT), names=tuple("abcde"))
    assert view_of(decoded(many), {}).subtitle.endswith("load: a, b, c and 2 more.")
    provenance = named(view_of(CASES["hostile"](), {}), "provenance")
    assert len(provenance.blocks) == 2, "what was noticed is of the images"
    hidden = evidence_of(*LIGHT).without_places()
    assert view_of(decoded(hidden), {}).subtitle == "From 80 images: made.csv."
    assert "log.csv" not in everything(decoded(hidden))


def test_hostile_text_of_a_load_is_escaped_wherever_it_stands() -> None:
    page = render(CASES["hostile"](), {})
    assert "<img" not in page
    assert page.count("<script") == page.count("</script>") == 2
    assert page.count("&lt;img src=x") >= 7, "names, reasons, places, notes"


def test_equal_loads_give_equal_bytes() -> None:
    assert render(CASES["light"](), {}) == render(CASES["light"](), {})


def test_the_method_says_how_steps_are_counted_and_priced() -> None:
    told = everything(CASES["light"]())
    assert "Counted are steps, not time" in told
    assert "Williams, Waterman and Patterson, 2009" in told
    assert "Arrivals are replayed" not in told
    assert "Arrivals are replayed" in everything(CASES["replayed"]())
    assert "Counted are steps" not in everything(CASES["no_evidence"]())
