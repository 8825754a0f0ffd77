"""Every engine speaks its own words, alone and beside others, and each is told the same."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import bucketwise
from bucketwise.app.comparing import write_comparison
from bucketwise.app.planning import write_plan
from bucketwise.cli.compare import table_lines
from bucketwise.cli.decision_lines import decision_lines
from bucketwise.core.in_unit import SENTENCES
from bucketwise.core.plan import Answer
from bucketwise.core.plan_diff import plan_changes
from bucketwise.engines import engine_for, engines
from bucketwise.nouns.engine import Engine
from bucketwise.nouns.traffic import Traffic
from bucketwise.report.comparison.words import finding, told_over
from bucketwise.words.text import APART
from tests.any_traffic import loads
from tests.budget import drawn
from tests.commands import bucketwise as run
from tests.strategies import traffic_of
from tests.test_numbers_agree import without_pictures

NAMES = tuple(engine.named(())[-1].name for engine in engines())
MODELS = ("qwen3-vl-2b", "qwen2.5-vl-7b")
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
        yield r"\bfails?\b|raises an error|runtime raises|\bserves? (none|nothing)\b"
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
    load=st.none() | loads(),
)
@settings(max_examples=drawn(24, 300))
def test_no_engine_speaks_the_words_of_another(
    name: str,
    model: str,
    traffic: Traffic,
    lists: list[list[int]],
    current: bool,
    load: str | None,
) -> None:
    engine: Engine = engine_for([name])
    takes = not engine.no_lengths
    one_length = slice(-1, None) if engine.most_lengths == 1 else slice(None)
    with TemporaryDirectory() as made, without_pictures():
        folder, evidence = Path(made), None
        if load:
            (folder / "load.csv").write_text(load, encoding="utf-8")
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
                (finding(said), told_over(said), *table_lines(said)[1:])
            )
    for where, text in texts.items():
        in_lines = where == "comparison in lines"
        text = text.replace("ViT patches", "") if in_lines else text
        check(engine, text, where, on_lengths=takes)
