"""Writes what bucketwise says, for the real SDK to judge: files, lengths, tables.

It runs where bucketwise is installed; the checks run where the SDK is and read what
stands here.
"""

from __future__ import annotations

import csv
import gzip
import json
import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial
from itertools import combinations
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

import bucketwise
from bucketwise.cli import main as command_line
from bucketwise.core.buckets import Buckets
from bucketwise.core.patching import needed_lengths
from bucketwise.engines.rbln.kv_cache import kv_bytes, sliding_bytes
from bucketwise.engines.rbln.shapes import extra_windows
from bucketwise.engines.rbln.targets import TARGETS
from bucketwise.read.configs.profiles import built_in_profiles
from tests.conformance.families import BUCKETS, FAMILIES, Family
from tests.conformance.linted import lint_lines
from tests.conformance.tables import tables
from tests.conformance.text_encoders import ARCHITECTURES, PLANS, TEXTS
from tests.gemma4 import text_config_of

GOLD = Path(__file__).parents[1] / "gold"

TRAFFIC = """\
width,height,count
256,256,6
640,480,5
1280,720,4
1920,1080,3
1500,1500,1
"""

ACTIVITY = """\
start,end
0,30
1,9
2,5
20,28
40,55
"""

DECODERS = {
    "no_decoder": (),
    "pattern": ("--batch-size", "8"),
    "one_graph": (
        "--batch-size", "8", "--decoder-graphs", "1", "--activity", "activity.csv"
    ),
}  # fmt: skip
"""Name -> options; the pattern is [1, 4, 8], or [8] where the family has no use of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One run of `bucketwise analyze`; its folder has its name."""

    family: str
    unit: str
    decoder: str
    base: str

    @property
    def name(self) -> str:
        """The folder its files are in."""
        return f"{self.family}.{self.unit}.{self.decoder}.{self.base}"


def bases(family: Family) -> dict[str, dict[str, Any] | None]:
    """Return the configurations users start from, by name; None is the published one."""
    tower = 4 if family.splits else 1
    return {
        "published": None,
        "old_names": {
            "visual": {
                "max_seq_lens": [1_024, 4_096],
                "tensor_parallel_size": tower,
                "device": list(range(4, 4 + tower)),
            },
            "tensor_parallel_size": 4,
            "device": [0, 1, 2, 3],
            "npu": "RBLN-CA22",
            "max_seq_len": 65_536,
            "kvcache_partition_len": 16_384,
            "kvcache_num_blocks": 9,
            "batch_size": 8,
            "decoder_batch_sizes": [8],
            "create_runtimes": True,
        },
        "new_names": {
            "visual": {
                "max_seq_len": 6_400,
                "num_devices": tower,
                "device": list(range(8, 8 + tower)),
                "batch_size": 1,
                "npu": "RBLN-CA25",
                "timeout": 90,
            },
            "num_devices": 8,
            "device": list(range(8)),
            "npu": "RBLN-CA25",
            "attn_impl": "flash_attn",
            "max_seq_len": 131_072,
            "kvcache_partition_len": 16_384,
            "kvcache_block_size": 16_384,
            "memory_budget": "80%",
            "prefill_chunk_size": 256,
            "batch_size": 2,
            "decoder_batch_sizes": [1, 2],
            "timeout": 90,
        },
        "rebel": {
            "num_devices": 1,
            "npu": "RBLN-CR13",
            "visual": {"npu": "RBLN-CR13"},
            "max_seq_len": 32_768,
            "kvcache_partition_len": 8_192,
            "batch_size": 4,
        },
    }


def cases() -> Iterator[Case]:
    """Yield every run: all bases with all decoders, and merged patches with and without."""
    for name, family in FAMILIES.items():
        # What has no decoder is asked for none.
        decoders = tuple(DECODERS) if family.generates else ("no_decoder",)
        for decoder in decoders:
            for base in bases(family):
                yield Case(family=name, unit="vit", decoder=decoder, base=base)
        for decoder in decoders[:2]:
            yield Case(family=name, unit="merged", decoder=decoder, base="published")


def emit_case(folder: Path, case: Case) -> None:
    """Run `bucketwise analyze` as an operator would."""
    family = FAMILIES[case.family]
    base = bases(family)[case.base]
    options = [*DECODERS[case.decoder], "--bucket-unit", case.unit]
    options = [
        str(folder / word) if word.endswith(".csv") else word for word in options
    ]
    if base is not None:
        file = folder / f"base.{case.family}.{case.base}.json"
        file.write_text(json.dumps(family.nested(base)), encoding="utf-8")
        options += ["--base", str(file)]
    command_line.main(
        [
            *("analyze", str(folder / "traffic.csv"), "--model", family.checkpoint),
            *("--out", str(folder / case.name), "--format", "none", "--quiet"),
            *("--target", "all"),
            *options,
        ],
        standalone_mode=False,
    )


def emit_all(folder: Path) -> None:
    """Write every case and its lengths into an empty folder."""
    (folder / "traffic.csv").write_text(TRAFFIC, encoding="utf-8")
    (folder / "activity.csv").write_text(ACTIVITY, encoding="utf-8")
    every = list(cases())
    with ProcessPoolExecutor() as pool:
        list(pool.map(partial(emit_case, folder), every, chunksize=8))
    listed = [asdict(case) | {"name": case.name} for case in every]
    (folder / "cases.json").write_text(json.dumps(listed), encoding="utf-8")
    emit_soft_tokens(folder)
    (folder / "tables.json").write_text(json.dumps(tables()), encoding="utf-8")
    with TemporaryDirectory() as folders:
        lines = lint_lines(Path(folders))
    (folder / "serve_lines.json").write_text(json.dumps(lines), encoding="utf-8")
    emit_encoders(folder)
    emit_measures(folder)
    lengths = {name: grids(family, folder) for name, family in FAMILIES.items()}
    (folder / "lengths.json").write_text(json.dumps(lengths), encoding="utf-8")


def emit_measures(folder: Path) -> None:
    """Run `bucketwise measure` as an operator would, for every family and release."""
    for name, family in FAMILIES.items():
        decoder = ["--batch-size", "2"] if family.generates else []
        for target in TARGETS.values():
            if target.parsed >= family.since:
                file = folder / f"measure.{name}.{target.version}.py"
                command_line.main(
                    [
                        *(
                            "measure",
                            "--model",
                            family.checkpoint,
                            "--plan",
                            "64,1024",
                            "--lengths",
                            "3",
                        ),
                        *("--target", target.name, "-o", str(file), *decoder),
                    ],
                    standalone_mode=False,
                )


def emit_encoders(folder: Path) -> None:
    """Run `bucketwise analyze --lengths` as an operator would, for every architecture."""
    (folder / "texts.csv").write_text(TEXTS, encoding="utf-8")
    for architecture, each in ARCHITECTURES.items():
        model = folder / f"encoder.{architecture}"
        model.mkdir()
        config = {"model_type": each.family, "architectures": [architecture]}
        (model / "config.json").write_text(
            json.dumps(config | each.config), encoding="utf-8"
        )
        for plan, options in PLANS.items():
            command_line.main(
                [
                    *("analyze", str(folder / "texts.csv"), "--lengths", "tokens"),
                    *("--model", str(model), "--out"),
                    *(str(folder / f"{model.name}.{plan}"), "--format", "none"),
                    *("--quiet", "--npu", "RBLN-CA25", "--target", "all", *options),
                ],
                standalone_mode=False,
            )


SOFT_TOKENS = "gemma-4-26b-a4b"
BLOCK, BLOCKS, SEQUENCES = 16_384, 9, 2
COUNTS = (70, 140, 280, 560, 1_120)


def emit_soft_tokens(folder: Path) -> None:
    """Write plans for every count of soft tokens, and what lint says of lists of both.

    A table of its own: that class nests its language model, and its processor fills a
    count.
    """
    for count in COUNTS:
        for base in ("published", "nested"):
            options = ["--soft-tokens", str(count), "--buckets", "1-5"]
            if base == "nested":
                file = folder / f"base.{SOFT_TOKENS}.json"
                file.write_text(json.dumps(NESTED_BASE), encoding="utf-8")
                options += ["--base", str(file), "--batch-size", "8"]
            command_line.main(
                [
                    *("analyze", str(folder / "traffic.csv"), "--model", SOFT_TOKENS),
                    *("--out", str(folder / f"{SOFT_TOKENS}.{count}.{base}")),
                    *("--format", "none", "--quiet", "--min-saving", "0%"),
                    *("--target", "all"),
                    *options,
                ],
                standalone_mode=False,
            )
    said = [
        {"counts": counts, "lengths": lengths, "refused": refuses(counts, lengths)}
        for counts in ((280,), (70, 280), (70, 140, 280), (280, 560), (1_120,))
        for size in (1, 2, 3)
        for lengths in combinations((100, 128, 256, 384, 512, 640, 1_152), size)
    ]
    runs = [
        {"run": int(row["needed"]), "bucket": bucket}
        for row in bucketwise.count(
            bucketwise.read_traffic([folder / "traffic.csv"]), model=SOFT_TOKENS
        ).to_dict("records")
        for bucket in [next(each for each in (256, 384) if each >= row["needed"])]
    ]
    caches = [
        {
            "model": profile.name,
            "text": text_config_of(profile.lm),
            "full_attention": kv_bytes(profile.lm, BLOCK, BLOCKS, 1),
            "sliding_attention": sliding_bytes(profile.lm, SEQUENCES, 1),
        }
        for profile in built_in_profiles().values()
        if profile.soft_tokens and profile.lm
    ]
    told = {
        "lists": said,
        "runs": runs,
        "caches": caches,
        "block": BLOCK,
        "blocks": BLOCKS,
        "sequences": SEQUENCES,
    }
    (folder / "soft_tokens.json").write_text(json.dumps(told), encoding="utf-8")


NESTED_BASE = {
    "vision_tower": {"max_soft_tokens": 280, "num_devices": 2},
    "language_model": {
        "num_devices": 4,
        "max_seq_len": 32_768,
        "kvcache_partition_len": 16_384,
        "npu": "RBLN-CA22",
    },
    "npu": "RBLN-CA22",
    "create_runtimes": False,
}


def refuses(counts: tuple[int, ...], lengths: tuple[int, ...]) -> bool:
    """Return whether lint says that the class refuses two lists."""
    config = {
        "vision_tower": {"max_soft_tokens": list(counts)},
        "language_model": {"image_prefill_chunk_size": list(lengths)},
    }
    [judged] = bucketwise.lint_config(config, model=SOFT_TOKENS).judged
    return any(
        each.rule in REFUSING and each.finding.severity == "error"
        for each in judged.reported
    )


REFUSING = (
    "buckets/unaligned-bucket",
    "soft-tokens/chunk-below-count",
    "soft-tokens/chunk-never-used",
)


def grids(family: Family, folder: Path) -> list[dict[str, Any]]:
    """Return grids, the length bucketwise says each needs by dialect, and its bucket."""
    rows = [*gold_rows(family, folder), *edge_rows(family)]
    for row in rows:
        row["bucket"] = {
            version: bucket_of(needed) for version, needed in row["needed"].items()
        }
    return rows


def gold_rows(family: Family, folder: Path) -> Iterator[dict[str, Any]]:
    """Yield the sizes of tests/gold as `bucketwise count` tells them."""
    sizes = folder / f"sizes.{family.stem}.csv"
    with sizes.open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows([("height", "width"), *gold_sizes(family)])
    traffic = bucketwise.read_traffic([sizes])
    low, high = family.limits
    tables = [
        bucketwise.count(
            traffic,
            model=family.checkpoint,
            min_pixels=low,
            max_pixels=high,
            target=version,
        ).to_dict("records")
        for version in TARGETS
    ]
    for same in zip(*tables, strict=True):
        first = same[0]
        yield {
            "height": int(first["height"]),
            "width": int(first["width"]),
            "grid": (1, int(first["grid_h"]), int(first["grid_w"])),
            "needed": {
                version: int(row["needed"])
                for version, row in zip(TARGETS, same, strict=True)
            },
        }


def gold_sizes(family: Family) -> list[tuple[int, int]]:
    """Return the recorded image sizes (height, width)."""
    with gzip.open(GOLD / family.gold, "rt", encoding="utf-8", newline="") as stream:
        return sorted(
            {
                (int(row["height"]), int(row["width"]))
                for row in csv.DictReader(stream)
                if row["kind"] == "image" and not row["error"]
            }
        )


def edge_grids() -> Iterator[tuple[int, int, int]]:
    """Yield (frames, height, width) in patches around each bucket, merge by merge."""
    for bucket in BUCKETS:
        # A window less: releases up to 0.11.2 count one too many.
        yield 1, 8, bucket // 8 - 8
        for height in (32, 16):
            width = bucket // height
            for step in (-2, 0, 2):
                yield 1, height, width + step
                yield 3, width + step, height
    yield 2, 18, 16
    yield 1, 2, 2


def edge_rows(family: Family) -> Iterator[dict[str, Any]]:
    """Yield grids that no recorded size has, without a size."""
    name = next(name for name, each in FAMILIES.items() if each is family)
    for frames, height, width in edge_grids():
        sides = np.array([height]), np.array([width])
        needed = {
            version: int(needed_lengths(*sides, family.window, extra)[0])
            for version, target in TARGETS.items()
            for extra in [extra_windows(name, target.parsed)]
        }
        yield {
            "height": None,
            "width": None,
            "grid": (frames, height, width),
            "needed": needed,
        }


def bucket_of(needed: int) -> int | None:
    """Return the bucket bucketwise says serves a length; None where none does."""
    index = int(Buckets(BUCKETS).assign(np.array([needed]))[0])
    return BUCKETS[index] if index < len(BUCKETS) else None


if __name__ == "__main__":
    emit_all(Path(sys.argv[1]))
