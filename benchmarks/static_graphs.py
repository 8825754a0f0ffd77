"""Does a plan save on a real static-shape compiler what it promises? OpenVINO, on this CPU.

    .venv/bin/python -m pip install openvino==2026.4.1
    .venv/bin/python benchmarks/static_graphs.py [--quick] [--out FOLDER]

Compiles a small vision tower (static_tower.py) as one static graph a length, measures six
lengths, calibrates from them, plans for the screenshots of sample_traffic, then serves 500
of them through one graph, through the three lengths that vendor guides print, and through
the plans of 2 to 6 graphs, each image padded to the smallest graph that holds it. Prints
the tables of the README: what was predicted, what was measured, where the two part.

The tower has a third of the blocks of Qwen3-VL-2B and an eighth of its width, and images
an eighth of their pixels, hence an eighth of all lengths: of the FLOP of the largest graph
attention then has 66 %, of Qwen3-VL-2B's 71 %. Nothing about any other device follows.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from importlib.metadata import version
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from static_tower import (
    MERGE,
    PATCH_DIM,
    TOWER,
    Graph,
    Image,
    device_name,
    image,
    weigh,
)

from bucketwise import Analysis, analyze, calibrate, read_traffic, write_cost
from bucketwise.core.buckets import Buckets, Demand
from bucketwise.core.cost import CostCurve, vit_flops
from bucketwise.core.patching import Counts
from bucketwise.nouns.measured_cost import MeasuredCost, MeasuredCurve
from bucketwise.nouns.traffic import FloatArray

SAMPLE = Path(__file__).parent.parent / "sample_traffic" / "docs_screenshots.csv"
SMALLER = 8
"""Times fewer pixels, and so patches, than Qwen3-VL-2B serves."""
TOP = 16_384 // SMALLER
LEAST_PX, MOST_PX = 65_536 // SMALLER, 4_194_304 // SMALLER
"""Limits of its deployment in the RBLN Model Zoo (models/qwen3-vl.toml)."""
GUIDE = (1_024 // SMALLER, 3_136 // SMALLER, TOP)
"""The lengths of RBLN's guides for Qwen3-VL (`GUIDE_BUCKETS` of the Makefile)."""
MEASURED = (32, 256, 512, 1_024, 1_536, TOP)
COLUMNS = [
    "kind",
    "length",
    "ms",
    "repeat",
    "compile_s",
    "graph_bytes",
    "device",
    "engine",
    "release",
]
COMPILES = 3
"""Processes in which each of them is compiled."""
NOISE = 1e-5
"""Share of the largest output that padding may change, in float32."""
CHECKED = (0.25, 0.5, 0.75, 0.9)
"""Places of the images that are checked so, in order of length."""
OFF = 0.1
"""A graph whose time was predicted worse than by this share is told."""
MB = 1e6

Lists = Mapping[str, tuple[int, ...]]
Curve = CostCurve | MeasuredCurve


@dataclass(frozen=True, slots=True)
class Effort:
    """How much is run."""

    images: int
    rounds: int
    k_max: int


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--quick", action="store_true", help="a first look, in a minute"
    )
    parser.add_argument("--out", type=Path, help="keep measurements and cost here")
    asked = parser.parse_args()
    effort = Effort(50, 5, 4) if asked.quick else Effort(500, 15, 6)
    started, load = time.perf_counter(), os.getloadavg()[0]
    with TemporaryDirectory() as folder:
        out = asked.out or Path(folder)
        out.mkdir(parents=True, exist_ok=True)
        for line in prove(effort, out):
            print(line, flush=True)
    took = time.perf_counter() - started
    print(f"\nTook {took:.0f} s; load of the machine before, {load:.1f}.")


def prove(effort: Effort, out: Path) -> Iterator[str]:
    """Measure, calibrate, plan, serve, and yield what to print."""
    write_model(out / "tower")
    write_sample(out / "sample.csv")
    cost = measure(effort.rounds, out)
    curve = cost.curves()["vit"]
    if curve.residual_share > OFF:
        raise SystemExit(
            f"The curve is off by {curve.residual_share:.0%} at what it was made from: "
            "something else used the machine; run again when it is quiet."
        )
    yield f"Measured on {cost.said}: {describe(curve)}.\n"

    analysis = analyze(
        read_traffic([out / "sample.csv"]),
        model=str(out / "tower"),
        cost=str(out / "cost.json"),
    )
    demand = Demand.of(analysis.needed, analysis.counts.runs)
    flops = vit_flops(analysis.profile)
    lists = lists_of(analysis, effort.k_max)
    images = draw(analysis.counts, effort.images)
    held = {name: in_own_process(lengths) for name, lengths in lists.items()}
    graphs = {length: Graph(length) for each in lists.values() for length in each}
    yield f"{check_padding(images, graphs)}\n"
    seconds = serve(images, lists, graphs)

    yield from table(lists, demand, cost, flops, seconds, held)
    yield ""
    yield from by_graph(lists, images, curve, flops, seconds)


def write_model(folder: Path) -> None:
    """Write what tells bucketwise of the tower that is compiled here, and its limits."""
    folder.mkdir(exist_ok=True)
    tower = {
        "model_type": "qwen3_vl",
        "depth": TOWER.depth,
        "hidden_size": TOWER.hidden,
        "num_heads": TOWER.heads,
        "intermediate_size": TOWER.intermediate,
        "out_hidden_size": TOWER.out_hidden,
        "deepstack_visual_indexes": TOWER.deepstack_after,
        "num_position_embeddings": TOWER.positions_side**2,
        "patch_size": 16,
        "temporal_patch_size": 2,
        "spatial_merge_size": MERGE,
    }
    config = {"model_type": "qwen3_vl", "vision_config": tower}
    limits = {"shortest_edge": LEAST_PX, "longest_edge": MOST_PX}
    sizes = {"size": limits, "patch_size": 16, "merge_size": MERGE}
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "preprocessor_config.json").write_text(json.dumps(sizes))


def write_sample(table: Path) -> None:
    """Write the sample's sizes, each side divided alike."""
    with SAMPLE.open(newline="") as whole, table.open("w", newline="") as smaller:
        writer = csv.writer(smaller)
        writer.writerow(("width", "height"))
        for row in csv.DictReader(whole):
            sides = (int(row[side]) / SMALLER**0.5 for side in ("width", "height"))
            writer.writerow(max(1, round(side)) for side in sides)


def measure(rounds: int, out: Path) -> MeasuredCost:
    """Write the table of six lengths, timed in turns, and calibrate from it."""
    compiled = [
        {length: in_own_process((length,)) for length in MEASURED}
        for _ in range(COMPILES)
    ]
    graphs = {length: Graph(length) for length in MEASURED}
    full = {length: plain_image(2, length // 2) for length in MEASURED}
    for length, graph in graphs.items():
        graph.run(full[length])
    where = (device_name(), "openvino", version("openvino"))
    table = out / "measurements.csv"
    with table.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        for repeat in range(rounds):
            for length in np.random.default_rng(repeat).permutation(MEASURED).tolist():
                ms = 1e3 * timed(graphs[length], full[length])
                beside = compiled[repeat][length] if repeat < COMPILES else ("", "")
                writer.writerow(("vit", length, ms, repeat, *beside, *where))
    calibration = calibrate([table])
    write_cost(calibration, out / "cost.json", plot=out / "cost.svg")
    return calibration.cost


def in_own_process(lengths: tuple[int, ...]) -> tuple[float, int]:
    """Return compile seconds and bytes of graphs that nothing ran before."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(weigh, lengths).result()


def lists_of(analysis: Analysis, k_max: int) -> Lists:
    """Return one graph, the guide's, and the plans of 2 graphs to k_max."""
    plans = (point.vit_max_seq_lens for point in analysis.plan.visual.frontier)
    return {
        "one graph": (TOP,),
        "the guide's three": GUIDE,
        **{f"plan of {len(each)}": each for each in plans if 1 < len(each) <= k_max},
    }


def draw(counts: Counts, n_images: int) -> list[Image]:
    """Return images at even steps of the sample in order of length, then shuffled."""
    every = np.repeat(np.arange(len(counts.runs)), counts.runs.astype(np.int64))
    every = every[np.argsort(counts.vit_patches[every], kind="stable")]
    steps = ((np.arange(n_images) + 0.5) * len(every) / n_images).astype(np.int64)
    chosen = np.random.default_rng(0).permutation(every[steps])
    return [plain_image(int(counts.grid_h[i]), int(counts.grid_w[i])) for i in chosen]


PIXELS = np.random.default_rng(0).standard_normal((TOP, PATCH_DIM), dtype=np.float32)


def plain_image(grid_h: int, grid_w: int) -> Image:
    return image(grid_h, grid_w, PIXELS[: grid_h * grid_w])


def check_padding(images: list[Image], graphs: Mapping[int, Graph]) -> str:
    """Hold a few padded images against graphs of exactly their lengths."""
    worst = 0.0
    ordered = sorted(images, key=lambda one: one.length)
    for each in (ordered[int(share * len(images))] for share in CHECKED):
        exact = Graph(each.length).run(each)
        for graph in graphs.values():
            if graph.length >= each.length:
                pairs = zip(exact, graph.run(each), strict=True)
                off = max(abs(a - b).max() / abs(a).max() for a, b in pairs)
                worst = max(worst, float(off))
    if not worst < NOISE:
        raise SystemExit(f"padding changes what images become, by {worst:.1g}")
    within = f"within {worst:.0e} of the largest output" if worst else "to the bit"
    return (
        f"{len(CHECKED)} images, padded to every graph that holds them, come out as from "
        f"graphs of their own lengths, {within}."
    )


def serve(
    images: list[Image], lists: Lists, graphs: Mapping[int, Graph]
) -> dict[str, FloatArray]:
    """Run every image through every list in turn; return the seconds of each."""
    for graph in graphs.values():
        graph.run(images[int(np.argmin([each.length for each in images]))])
    seconds = {name: np.zeros(len(images)) for name in lists}
    names = np.array([*lists])
    random = np.random.default_rng(0)
    for place, each in enumerate(images):
        for name in random.permutation(names):
            length = smallest(lists[name], each)
            seconds[name][place] = timed(graphs[length], each)
    return seconds


def smallest(lengths: tuple[int, ...], each: Image) -> int:
    return next(length for length in lengths if length >= each.length)


def timed(graph: Graph, each: Image) -> float:
    start = time.perf_counter()
    graph.run(each)
    return time.perf_counter() - start


def mean_cost(curve: Curve, lengths: tuple[int, ...], demand: Demand) -> float:
    """Return what an image of the sample costs on a list, in the mean."""
    held_by = np.asarray(lengths)[Buckets(lengths).assign(demand.needed)]
    return float(np.average(curve.at(held_by), weights=demand.runs))


def describe(curve: MeasuredCurve) -> str:
    if curve.form == "steps":
        return f"{len(curve.knots)} knots"
    terms = zip(curve.coefficients, ("", " S", " S^2"), strict=False)
    return " + ".join(f"{each:.3g}{power}" for each, power in terms) + " ms"


def table(
    lists: Lists,
    demand: Demand,
    cost: MeasuredCost,
    flops: CostCurve,
    seconds: Mapping[str, FloatArray],
    held: Mapping[str, tuple[float, int]],
) -> Iterator[str]:
    """Yield the table of lists, predicted against measured."""
    yield (
        "| graphs | lengths | saving predicted | measured | by FLOP alone "
        "| ms an image | compile, s | memory, MB |"
    )
    yield "|---|---|---|---|---|---|---|---|"
    curves, one = cost.curves(), (TOP,)
    one_ms, one_flops = (
        mean_cost(each, one, demand) for each in (curves["vit"], flops)
    )
    one_s = seconds["one graph"].sum()
    for name, lengths in lists.items():
        ms = mean_cost(curves["vit"], lengths, demand)
        compile_s, held_bytes = held[name]
        each = np.array(lengths)
        cells = (
            name,
            ", ".join(f"{length:,}" for length in lengths),
            f"{1 - ms / one_ms:.1%}",
            f"{1 - seconds[name].sum() / one_s:.1%}",
            f"{1 - mean_cost(flops, lengths, demand) / one_flops:.1%}",
            f"{ms:.1f} / {1e3 * seconds[name].mean():.1f}",
            f"{curves['compile_s'].at(each).sum():.1f} / {compile_s:.1f}",
            f"{curves['graph_bytes'].at(each).sum() / MB:.0f} / {held_bytes / MB:.0f}",
        )
        yield f"| {' | '.join(cells)} |"
    yield "\nWhere there are two numbers, the first was predicted, the second measured."


def by_graph(
    lists: Lists,
    images: list[Image],
    curve: MeasuredCurve,
    flops: CostCurve,
    seconds: Mapping[str, FloatArray],
) -> Iterator[str]:
    """Yield how many graphs were predicted badly, and the table of all.

    FLOP know no milliseconds: for them the largest graph is taken as measured.
    """
    ms: dict[int, list[float]] = {}
    for name, lengths in lists.items():
        for each, took in zip(images, seconds[name], strict=True):
            ms.setdefault(smallest(lengths, each), []).append(1e3 * took)
    graphs = np.array(sorted(ms))
    predicted, low, high = curve.at(graphs), curve.low(graphs), curve.high(graphs)
    by_flops = flops.at(graphs) * predicted[-1] / flops.at(graphs)[-1]
    found = np.array([np.median(ms[length]) for length in graphs.tolist()])
    bad = np.abs(found / predicted - 1) > OFF
    outside = (found < low) | (found > high)
    yield (
        f"Of {len(graphs)} graphs, {bad.sum()} took over {OFF:.0%} more or less than "
        f"predicted, and {outside.sum()} lie outside the band.\n"
    )
    yield "| length | runs | ms predicted (band) | median measured | off | off by FLOP |"
    yield "|---|---|---|---|---|---|"
    for i, length in enumerate(graphs.tolist()):
        cells = [
            f"{length:,}",
            f"{len(ms[length]):,}",
            f"{predicted[i]:.1f} ({low[i]:.1f} to {high[i]:.1f})",
            f"{found[i]:.1f}",
            f"{found[i] / predicted[i] - 1:+.0%}",
            f"{found[i] / by_flops[i] - 1:+.0%}",
        ]
        yield f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    main()
