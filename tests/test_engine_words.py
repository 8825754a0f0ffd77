"""Every engine speaks its own words, alone and beside others, and each is told the same."""

from __future__ import annotations

import dataclasses
import html
import json
import re
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

import bucketwise
from bucketwise.app.comparing import write_comparison
from bucketwise.app.given_plans import read_plans
from bucketwise.app.planning import write_plan
from bucketwise.cli.compare import table_lines
from bucketwise.cli.decision_lines import decision_lines
from bucketwise.core.in_unit import SENTENCES
from bucketwise.core.plan import Answer
from bucketwise.core.plan_diff import plan_changes
from bucketwise.engines import engine_for, engines
from bucketwise.engines.vllm.encoder_graphs import Asked, resolved
from bucketwise.errors import UsageError
from bucketwise.nouns.engine import Engine
from bucketwise.nouns.traffic import Traffic
from bucketwise.read import write_histogram
from bucketwise.report.comparison.words import finding, told_over
from bucketwise.report.figures.sizes import Cells, Marks, sizes_drawing
from bucketwise.words.text import APART
from tests.budget import drawn
from tests.commands import bucketwise as run
from tests.report_laws import check_plan
from tests.strategies import traffic_of
from tests.test_numbers_agree import without_pictures

PHOTOS = Path(__file__).parent.parent / "sample_traffic" / "web_photos.csv"
NAMES = tuple(engine.named(())[-1].name for engine in engines())
QWEN3, QWEN2_5 = MODELS = ("qwen3-vl-2b", "qwen2.5-vl-7b")
ONLY_QWEN3 = {"neuronx-distributed-inference", "vllm-neuron"}
HEADS = "timestamp,num_requests_running,num_requests_waiting"
VLLM = {"vllm", "vllm-ascend", "tpu-inference"}

OWN: tuple[tuple[str, set[str]], ...] = (
    (r"RBLN|\bNPU|Model Zoo|\bATOM\b|CA25|rbln_config", {"optimum-rbln"}),
    (r"\bmax_seq_lens?\b", {"optimum-rbln", "tensorrt-llm"}),
    (r"kvcache_partition_len|decoder_batch_sizes|\bbatch_size\b", {"optimum-rbln"}),
    (r"encoder_cudagraph|cudagraph_capture_sizes|compilation_config", VLLM),
    (r"VLLM_MULTIMODAL|VLLM_BUCKETING|Gaudi|HPU", {"vllm-gaudi"}),
    (r"vision_attention_block_size|num_seqs_buckets", {"vllm-neuron"}),
    (r"NxD|token_generation_batches", {"neuronx-distributed-inference"}),
    (r"SGLang|cuda-graph-bs", {"sglang"}),
    (r"TensorRT", {"tensorrt-llm"}),
    (r"[Ff]uriosa|RNGD", {"furiosa-llm"}),
)
"""Words, and the engines that they are of: no other says them."""


def foreign_to(engine: Engine, *, on_lengths: bool) -> Iterator[str]:
    """Yield what nothing about an engine may say."""
    yield from (words for words, owners in OWN if engine.sdk not in owners)
    if engine.overflow != "raises":
        yield r"\bfails?\b|raises an error|runtime raises|\bserves? none\b"
    if engine.overflow != "recompiles" or not on_lengths:
        yield r"waits? for a compile"
    if engine.overflow != "eager":
        yield r"runs? without a graph"
    if engine.captures:
        yield r"(?<![-\w])[Cc]ompil(e|es|ed|ing)\b(?![-\w])"
    if engine.unit == "merged_patches":
        yield "ViT patches"


def read_by_people(page: str) -> str:
    """Return the text of a page without code, names of options and other engines."""
    told = "".join(APART.split(page)[::3])
    plain = html.unescape(re.sub(r"<[^>]+>", "\n", told))
    return "\n".join(each for each in plain.split("\n") if "option " not in each)


def sentences(value: Any) -> Iterator[str]:
    """Yield what a plan.json says in words."""
    if isinstance(value, dict):
        for name, each in value.items():
            if name in SENTENCES and isinstance(each, str):
                yield each
            yield from sentences(each)
    elif isinstance(value, list):
        for each in value:
            yield from sentences(each)


@st.composite
def traffics(draw: st.DrawFn) -> Traffic:
    """Some images, small and large."""
    side = st.sampled_from((28, 224, 480, 640, 1_080, 1_920, 3_000))
    rows = st.tuples(side, side, st.sampled_from((1.0, 20.0, 3_000.0)))
    return traffic_of(*draw(st.lists(rows, min_size=1, max_size=4)))


def check(engine: Engine, text: str, where: str, *, on_lengths: bool) -> None:
    for words in foreign_to(engine, on_lengths=on_lengths):
        found = re.search(words, text)
        said = text[max(found.start() - 80, 0) : found.end() + 80] if found else ""
        assert not found, f"{engine.sdk}, {where}: {words!r} in {said!r}"


@given(
    name=st.sampled_from(NAMES),
    model=st.sampled_from(MODELS),
    traffic=traffics(),
    lists=st.lists(
        st.sampled_from(([64], [256, 1_024], [256, 4_096])), min_size=2, max_size=3
    ),
    current=st.booleans(),
    load=st.none() | st.lists(st.sampled_from((1, 2, 8, 40)), min_size=2, max_size=6),
)
@settings(max_examples=drawn(8, 300), phases=[Phase.explicit, Phase.generate])
def test_no_engine_speaks_the_words_of_another(
    name: str,
    model: str,
    traffic: Traffic,
    lists: list[list[int]],
    current: bool,
    load: list[int] | None,
) -> None:
    engine: Engine = engine_for([name])
    takes = not engine.no_lengths
    model = QWEN3 if engine.sdk in ONLY_QWEN3 else model
    one_length = slice(-1, None) if engine.most_lengths == 1 else slice(None)
    with TemporaryDirectory() as made, without_pictures():
        folder, evidence = Path(made), None
        if load:
            lines = (f"{60 * at},{running},0" for at, running in enumerate(load))
            (folder / "load.csv").write_text("\n".join((HEADS, *lines)), "utf-8")
            evidence = bucketwise.read_evidence([folder / "load.csv"])
        analysis = bucketwise.analyze(
            traffic,
            model=model,
            target=[name],
            evidence=evidence,
            current=lists[0][one_length] if current and takes else None,
        )
        write_plan(analysis, folder / "out", formats=("html", "md"))
        plan = json.loads((folder / "out" / "plan.json").read_text("utf-8"))
        texts = {
            "page": read_by_people((folder / "out" / "report.html").read_text("utf-8")),
            "summary": (folder / "out" / "summary.md").read_text("utf-8"),
            "terminal": "\n".join(decision_lines(analysis)),
            "plan": "\n".join(sentences(plan)),
        }
        if takes:
            named = {f"list {at}": each[one_length] for at, each in enumerate(lists)}
            told = bucketwise.compare(traffic, named, model=model, target=name)
            write_comparison(told, folder / "page.html")
            said = told.as_told()
            texts["comparison"] = read_by_people(
                (folder / "page.html").read_text("utf-8")
            )
            texts["comparison in lines"] = "\n".join(
                (finding(said), told_over(said), *table_lines(said))
            )
    for where, text in texts.items():
        check(engine, text, where, on_lengths=takes)


@given(traffic=traffics(), first=st.sampled_from(NAMES), data=st.data())
@settings(max_examples=drawn(2, 40), phases=[Phase.explicit, Phase.generate])
def test_each_of_several_engines_is_told_what_it_is_told_alone(
    traffic: Traffic, first: str, data: st.DataObject
) -> None:
    others = data.draw(
        st.lists(st.sampled_from(NAMES), min_size=1, max_size=2, unique=True).map(
            lambda names: [each for each in names if each != first]
        )
    )
    with TemporaryDirectory() as made:
        folder = Path(made)
        write_histogram(traffic, folder / "traffic.parquet")

        def planned(*names: str) -> dict[str, Any]:
            asked = [word for name in names for word in ("--target", name)]
            done = run(
                *("analyze", "traffic.parquet", "--model", QWEN3, "--format", "none"),
                *(*asked, "--out", "-".join(names), "--quiet"),
                cwd=folder,
            )
            assert done.returncode == 0, done.stderr
            text = (folder / "-".join(names) / "plan.json").read_text("utf-8")
            found: dict[str, Any] = check_plan(text)
            return found

        together = planned(first, *others)
        parts = {first: together}
        if others:
            keys = [name.replace("==", "-") for name in others]
            assert [*together["by_engine"]] == keys
            parts |= zip(others, together["by_engine"].values(), strict=True)
        for name, part in parts.items():
            alone = planned(name)
            assert "by_engine" not in alone
            for field in dataclasses.fields(Answer):
                # What only measured costs bring is left out of others.
                told, own = part.get(field.name), alone.get(field.name)
                assert json.dumps(told) == json.dumps(own)
            if not engine_for([name]).no_lengths:
                own, shared = (
                    read_plans([folder / each / "plan.json", [64]], target=name)
                    for each in (name, "-".join((first, *others)))
                )
                assert [each.lengths for each in own.values()] == [
                    each.lengths for each in shared.values()
                ]
        changed = {**together, "by_engine": None}
        assert not [*plan_changes(changed, changed)][1:]


@given(traffic=traffics())
@settings(max_examples=drawn(5, 100))
def test_in_the_unit_of_an_engine_all_costs_and_lies_as_in_patches(
    traffic: Traffic,
) -> None:
    analysis = bucketwise.analyze(
        traffic, model=QWEN3, target=["vllm==0.33.0"], current=[256, 1_024]
    )
    told, patches = analysis.as_told(), 4
    assert patches * told.needed.astype(int) == pytest.approx(analysis.needed)
    own, plain = told.plan.visual, analysis.plan.visual
    assert own.lengths == plain.merged_max_seq_lens
    assert own.one_graph_compute == plain.one_graph_compute
    assert own.current is not None
    assert own.current.max_seq_lens == (256, 1_024)
    assert [each.padded_compute for each in own.frontier] == [
        each.padded_compute for each in plain.frontier
    ]
    plot = sizes_drawing(told).plot
    assert isinstance(plot, Marks | Cells)
    areas = {each * analysis.profile.patch_px**2 for each in plain.lengths}
    assert {line.area_px for line in plot.lines} <= areas


def test_a_limit_of_an_engine_beside_another_is_the_one_its_files_are_judged_by(
    tmp_path: Path,
) -> None:
    done = run(
        *("analyze", PHOTOS, "--model", QWEN3, "--format", "none", "--out", "out"),
        *("--target", "vllm==0.33.0", "--target", "optimum-rbln==0.12.0", "--json"),
        cwd=tmp_path,
    )
    told = json.loads(done.stdout)
    [rbln] = told["by_engine"].values()
    config = tmp_path / "out" / "optimum-rbln-0.12.0" / "rbln_config.json"
    [judged] = bucketwise.lint_config(config, model=QWEN3).judged
    assert judged.subject.limits is not None
    assert judged.subject.limits.max_pixels == rbln["processor"]["max_pixels"]
    assert rbln["processor"] != told["processor"]


def test_more_lengths_than_an_engine_can_run_are_no_plan_of_it() -> None:
    plans, traffic = [[1_024, 4_096], [4_096]], traffic_of((480, 640, 1.0))
    assert bucketwise.compare(traffic, plans, model=QWEN3).outcomes
    with pytest.raises(UsageError, match="expected 1 length, got 2"):
        bucketwise.compare(
            traffic, plans, model=QWEN3, target="vllm-neuron==0.24.0.1.1.0"
        )


def test_the_switch_alone_runs_the_list_that_vllm_makes() -> None:
    script = (
        "vllm serve Qwen/Qwen3-VL-2B-Instruct --max-num-batched-tokens 3000 "
        "--compilation-config '{\"cudagraph_mm_encoder\": true}'\n"
    )
    [today, _] = read_plans([script, [64]], target="vllm==0.33.0").values()
    ours = resolved((0, 33, 0), Asked(takes_clips=False), 64, 3_000)
    assert today.lengths == tuple(4 * each for each in ours.budgets)


@pytest.mark.parametrize(
    ("target", "told"),
    [
        ("vllm==0.33.0", "needed length 2,040 merged patches -> bucket 4,096 "),
        ("optimum-rbln==0.12.0", "no bucket: the largest is 4,096, the runtime raises"),
        ("vllm-gaudi==0.26.0", "no bucket: the largest is 4,096, waits for a compile"),
    ],
)
def test_one_image_is_followed_in_the_unit_of_the_engine(
    target: str, told: str, tmp_path: Path
) -> None:
    asked = ("--model", QWEN3, "--target", target, "--plan", "256,4096")
    done = run("explain", "1920x1080", *asked, cwd=tmp_path)
    assert told in done.stdout
