"""Writes what is to be judged: emitted configurations, and calls as they are priced."""

from __future__ import annotations

import json
import random
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import bucketwise
from bucketwise.core.analysis import Analysis
from bucketwise.engines.vllm.capture_sizes import Server, captured_sizes, united
from bucketwise.engines.vllm.choosing import Range, choose
from bucketwise.engines.vllm.encoder_graphs import Asked, EncoderGraphs, resolved
from bucketwise.engines.vllm.packing import pack
from bucketwise.engines.vllm.releases import NEWEST
from bucketwise.engines.vllm.replay import Call, replay
from bucketwise.nouns.engine import written
from bucketwise.nouns.traffic import Traffic

SAMPLES = Path(__file__).parents[2] / "sample_traffic"
MODELS = ("qwen2-vl-7b", "qwen2.5-vl-7b", "qwen3-vl-2b")
CALLS = 400
SEED = 33


def configurations() -> Iterator[dict[str, Any]]:
    """Yield the compilation configs of every sample and model."""
    target = f"vllm=={written(NEWEST)}"
    for table in sorted(SAMPLES.glob("*.csv")):
        traffic = bucketwise.read_traffic([table])
        for model in MODELS:
            analysis = bucketwise.analyze(traffic, model=model, target=[target])
            yield _compilation(analysis, target)
    for model in MODELS:
        analysis = bucketwise.analyze(_albums(), model=model, target=[target])
        yield _compilation(analysis, target)


def _compilation(analysis: Analysis, target: str) -> dict[str, Any]:
    engine = analysis.release.engine
    targets = engine.named([target])
    files = engine.emit(analysis.plan, analysis.base, targets)
    compilation: dict[str, Any] = json.loads(
        files[f"{targets[0].folder}/compilation_config.json"]
    )
    return compilation


def _albums() -> Traffic:
    """Return requests of several photos, which share replays."""
    drawn = random.Random(SEED)  # noqa: S311 - nothing secret
    with TemporaryDirectory() as folder:
        table = Path(folder) / "albums.csv"
        rows = [
            f"{request},{drawn.randint(200, 1_600)},{drawn.randint(200, 1_600)}"
            for request in range(CALLS)
            for _ in range(drawn.randint(1, 6))
        ]
        table.write_text("\n".join(["request_id,width,height", *rows]))
        return bucketwise.read_traffic([table])


def chosen(drawn: random.Random) -> Iterator[dict[str, Any]]:
    """Yield calls on the lists that are chosen for them, as they were priced."""
    for k in range(1, 7):
        sent = [
            Call(tokens=tuple(drawn.randint(40, 3_000) for _ in range(n)))
            for n in (drawn.randint(1, 6) for _ in range(60))
        ]
        graphs = choose(sent, NEWEST, k, Range()).graphs
        for call in sent:
            yield _packed(graphs, [*call.tokens])


def measures() -> Iterator[dict[str, Any]]:
    """Yield the scripts of measurements."""
    target = f"vllm=={written(NEWEST)}"
    for model in MODELS:
        yield {"script": bucketwise.measure(model=model, target=target, batch_size=8)}


def calls(drawn: random.Random) -> Iterator[dict[str, Any]]:
    """Yield random calls on random lists, with what packing says of them."""
    for _ in range(CALLS):
        budgets = tuple(
            sorted({drawn.randint(32, 4_096) for _ in range(drawn.randint(1, 6))})
        )
        graphs = EncoderGraphs(
            release=NEWEST,
            budgets=budgets,
            max_items=drawn.randint(1, min(16, budgets[0])),
        )
        tokens = [drawn.randint(4, 5_000) for _ in range(drawn.randint(1, 12))]
        yield _packed(graphs, tokens)


def _packed(graphs: EncoderGraphs, tokens: list[int]) -> dict[str, Any]:
    batches, bill = pack(tokens, graphs), replay([Call(tokens=tuple(tokens))], graphs)
    return {
        "budgets": graphs.budgets,
        "max_items": graphs.max_items,
        "tokens": tokens,
        "batches": [[list(each.items), each.budgets[0]] for each in batches],
        "hits": bill.hits,
        "misses": bill.misses,
    }


def rows(drawn: random.Random) -> Iterator[dict[str, Any]]:
    """Yield budgets with the rows that a replay of them computes."""
    for _ in range(CALLS):
        items = drawn.randint(1, 64)
        budget = drawn.randint(items, 8_192)
        frames = drawn.choice([0, items, items * drawn.randint(1, 20)])
        graphs = EncoderGraphs(
            release=NEWEST, budgets=(budget,), max_items=items, max_frames=frames
        )
        yield {
            "budget": budget,
            "max_items": items,
            "max_frames": frames,
            "rows": graphs.rows(budget),
        }


def defaults(drawn: random.Random) -> Iterator[dict[str, Any]]:
    """Yield what is inferred where a configuration leaves something out."""
    for _ in range(CALLS):
        most = drawn.randint(64, 20_000)
        asked = Asked(
            budgets=tuple(drawn.randint(1, 9_000) for _ in range(drawn.randint(0, 3))),
            takes_clips=False,
        )
        graphs = resolved(NEWEST, asked, 64, most)
        yield {
            "asked": asked.budgets,
            "range": [64, most],
            "budgets": graphs.budgets,
            "max_items": graphs.max_items,
        }


def sizes(drawn: random.Random) -> Iterator[dict[str, Any]]:
    """Yield servers with the sizes that they capture, theirs and united ones."""
    for _ in range(CALLS):
        server = Server(
            max_num_seqs=drawn.randint(1, 1_100),
            max_num_batched_tokens=drawn.choice([512, 2_048, 8_192]),
            query_len=drawn.choice([1, 1, 2, 4]),
            interactive=drawn.random() < 0.3,
        )
        asked = None
        if drawn.random() < 0.5:
            some = {drawn.randint(1, server.max_num_seqs) for _ in range(3)}
            asked = united(some, server)
        yield {
            "max_num_seqs": server.max_num_seqs,
            "max_num_batched_tokens": server.max_num_batched_tokens,
            "query_len": server.query_len,
            "interactive": server.interactive,
            "asked": asked,
            "sizes": captured_sizes(server, asked),
        }


def main() -> None:
    """Write everything as JSON."""
    drawn = random.Random(SEED)  # noqa: S311 - nothing secret
    found = {
        "configurations": list(configurations()),
        "measures": list(measures()),
        **{
            each.__name__: list(each(drawn))
            for each in (calls, chosen, rows, defaults, sizes)
        },
    }
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    main()
