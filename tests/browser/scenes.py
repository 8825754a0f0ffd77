"""Inputs that carry given texts in every place that takes a user's words."""

from __future__ import annotations

import csv
import io
import json
import tarfile
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bucketwise.read.configs.profiles import built_in_profiles
from tests.browser.attacks import as_cached_model, as_file_name
from tests.test_model_folders import folder_of, write

SIZES = ((640, 480), (1280, 720), (1920, 1080))
# As many kinds as reasons: of each reason no more than so many places are told.
BROKEN_SIDES = (None, "0", " ")
BROKEN_PICTURES = (b"no picture", b"\x89PNG\r\n\x1a\n")
PLACES = 5

START = datetime(2026, 3, 1, tzinfo=UTC)


def whole_scene(folder: Path, texts: Sequence[str]) -> list[object]:
    """Put the texts into every place, and return the arguments that read them.

    Names of inputs, of columns, of members of an archive and of activity files, labels,
    cells of rejected rows and the places of those rows, beside `config_scene`.
    """
    folder.mkdir()
    loads = [_activity(folder, text) for text in texts]
    return [
        *(_table(folder, at, texts) for at in range(len(texts))),
        _archive(folder, texts[: len(BROKEN_PICTURES) * PLACES]),
        *("--columns", "label=4", "--max-bad-rows", "100%", "--batch-size", 8),
        *(word for load in loads for word in ("--activity", load)),
        *config_scene(folder, texts),
    ]


def config_scene(folder: Path, texts: Sequence[str]) -> list[object]:
    """Put the texts into the model's name, the base and what runs today."""
    base = folder / f"base {as_file_name(texts[0])}.json"
    current = folder / f"current {as_file_name(texts[-1])}.json"
    more = {text: text for text in texts}
    layout = {"num_devices": 8, "kvcache_partition_len": 16384, "max_seq_len": 262144}
    visual = {"max_seq_lens": [1024, 3136], "device": texts[0]}
    base.write_text(
        json.dumps({"visual": visual | more, "device": texts[0]} | layout | more)
    )
    current.write_text(json.dumps({"visual": visual} | more))
    model = model_folder(folder / as_cached_model(" ".join(texts)))
    return ["--model", model, "--base", base, "--current", current]


def model_folder(place: Path) -> Path:
    """Write a checkpoint of Qwen3-VL-2B's shape, in the Hugging Face cache's layout."""
    files = folder_of(built_in_profiles()["qwen3-vl-2b"])
    inner = (
        place / "snapshots" / "a1b2c3" if place.name.startswith("models--") else place
    )
    write(inner, files)
    return place


def sizes_table(folder: Path) -> Path:
    """Some sizes under plain names."""
    return _written(folder / "traffic.csv", [("width", "height"), *SIZES])


def _table(folder: Path, at: int, texts: Sequence[str]) -> Path:
    """Sizes with every text as label, in a column and a file named by one of them."""
    rows = [
        [f"{START + row * timedelta(hours=5):%FT%TZ}", *SIZES[row % len(SIZES)], label]
        for row, label in enumerate(texts)
    ]
    text = texts[at]
    broken = [rows[0][0], BROKEN_SIDES[at % len(BROKEN_SIDES)] or text, 480, text]
    path = folder / f"{as_file_name(text)} {at}.csv"
    return _written(path, [["time", "width", "height", text.strip()], *rows, broken])


def _activity(folder: Path, text: str) -> Path:
    rows = [
        [f"{START + row * timedelta(seconds=2):%FT%TZ}", 300 + row % 50, 40 + row % 30]
        for row in range(60)
    ]
    header = ["timestamp", "context_tokens", "generated_tokens"]
    return _written(folder / f"load {as_file_name(text)}.csv", [header, *rows])


def _written(path: Path, rows: Sequence[Sequence[object]]) -> Path:
    text = io.StringIO()
    # Quoted all: the writer leaves a lone carriage return bare, and that ends a row.
    csv.writer(text, lineterminator="\n", quoting=csv.QUOTE_ALL).writerows(rows)
    path.write_bytes(text.getvalue().encode())
    return path


def _archive(folder: Path, texts: Sequence[str]) -> Path:
    """An archive of a broken picture and a text, by turns, named by the texts."""
    path = folder / "shard.tar"
    with tarfile.open(path, "w", format=tarfile.PAX_FORMAT) as archive:
        for at, text in enumerate(texts):
            content = BROKEN_PICTURES[at % len(BROKEN_PICTURES)]
            member = tarfile.TarInfo(f"{as_file_name(text)}.png")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return path
