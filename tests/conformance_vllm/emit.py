"""Writes what is to be judged: emitted configurations, and calls as they are priced."""

from __future__ import annotations

import json
import random
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import bucketwise
from bucketwise.engines.vllm.capture_sizes import Server, captured_sizes, united
from bucketwise.engines.vllm.encoder_graphs import Asked, EncoderGraphs, resolved
from bucketwise.engines.vllm.packing import pack
from bucketwise.engines.vllm.releases import NEWEST
from bucketwise.nouns.engine import written

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
            engine = analysis.release.engine
            targets = engine.named([target])
            files = engine.emit(analysis.plan, analysis.base, targets)
            yield json.loads(files[f"{targets[0].folder}/compilation_config.json"])


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
        batches = pack(tokens, graphs)
        yield {
            "budgets": budgets,
            "max_items": graphs.max_items,
            "tokens": tokens,
            "batches": [[list(each.items), each.budgets[0]] for each in batches],
            "hits": sum(each.hits for each in batches),
            "misses": sum(each.misses for each in batches),
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
        **{each.__name__: list(each(drawn)) for each in (calls, rows, defaults, sizes)},
    }
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    main()
