"""The one place that writes results: whole files, into the asked folder only."""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bucketwise.core.analysis import Analysis
from bucketwise.core.encoder.analysis import EncoderAnalysis
from bucketwise.core.plan import READ_SCHEMAS
from bucketwise.engines import engines
from bucketwise.errors import OutputError
from bucketwise.read import write_histogram, write_parquet
from bucketwise.read.plans import HISTOGRAM, PREVIOUS, beside
from bucketwise.report.formats import FORMATS, PICTURES
from bucketwise.system.atomic import filling, is_unfinished, replacing

if TYPE_CHECKING:
    import pandas as pd

PLAN = "plan.json"

FIGURE = re.compile(rf"figures/(lengths|graphs|memory)\.({'|'.join(PICTURES)})")


@dataclass(frozen=True, slots=True)
class Written:
    """What was written, the plan that stood there before, and what was not made."""

    paths: tuple[Path, ...]
    previous: Mapping[str, Any] | None
    notes: tuple[str, ...] = ()

    @property
    def first(self) -> str:
        """The name of the file to open first."""
        names = {path.name for path in self.paths}
        return next((name for name in FORMATS.values() if name in names), PLAN)


def default_folder(first_input: str) -> Path:
    """Return `bucketwise-<stem of the first input>`, here."""
    if "://" in first_input:  # behind a ? may stand a signature
        first_input = first_input.partition("?")[0]
    stem = "stdin" if first_input == "-" else Path(first_input).name.split(".")[0]
    safe = re.sub(r"[^\w-]+", "-", stem, flags=re.ASCII).strip("-") or "traffic"
    return Path(f"bucketwise-{safe}")


def check_folder(folder: Path) -> Mapping[str, Any] | None:
    """Return the older plan in the folder, or None where there is none."""
    if not folder.exists():
        return None
    if not folder.is_dir():
        message = f"{folder}: this is a file; name a folder with --out"
        raise OutputError(message)
    try:
        names = sorted(entry.name for entry in folder.iterdir())
    except OSError as error:
        message = f"{folder}: cannot be listed ({error.strerror}); name another folder"
        raise OutputError(message) from error
    if not names:
        return None
    plan = _older_plan(folder / PLAN)
    if plan is None and is_unfinished(folder):
        return _older_plan(folder / PREVIOUS)
    if plan is None:
        message = (
            f"{folder}: holds {names[0]!r} and no plan of bucketwise; name an empty or "
            "a new folder with --out"
        )
        raise OutputError(message)
    return plan


def _older_plan(path: Path) -> Mapping[str, Any] | None:
    try:
        plan = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    known = isinstance(plan, dict) and plan.get("schema") in READ_SCHEMAS
    return plan if known else None


def write_results(
    analysis: Analysis | EncoderAnalysis,
    folder: Path,
    *,
    snippets: Mapping[str, str],
    pages: Mapping[str, str | bytes],
) -> Written:
    """Write a plan, its pages, its histogram and its configurations.

    Everything is written within the folder before the first file appears, so that a
    full disk leaves an older plan as it was. Whoever reads the folder meanwhile finds an
    older result whole, the new one whole, or no plan.
    """
    previous = check_folder(folder)
    contents = {PLAN: analysis.plan.to_json(), **snippets, **pages}
    try:
        with filling(folder, PLAN, PREVIOUS, _is_ours) as built:
            for name, content in contents.items():
                (built / name).parent.mkdir(parents=True, exist_ok=True)
                (built / name).write_bytes(
                    _encoded(content) if isinstance(content, str) else content
                )
            if (folder / PLAN).is_file() and (folder / HISTOGRAM).is_file():
                shutil.copyfile(folder / HISTOGRAM, built / beside(PREVIOUS))
            try:
                write_histogram(analysis.traffic, built / HISTOGRAM)
            except OutputError as error:
                told = str(error).replace(f"{built.name}{os.sep}", "")
                raise OutputError(told) from error
    except OSError as error:
        message = f"{folder}: cannot be written ({error.strerror}); name another folder"
        raise OutputError(message) from error
    return Written(tuple(folder / name for name in (*contents, HISTOGRAM)), previous)


def _is_ours(name: str) -> bool:
    """Return whether an older run wrote a file: what the new one has not is removed."""
    patterns = (FIGURE, *(engine.emitted for engine in engines()))
    emitted = any(each.fullmatch(name) for each in patterns)
    return emitted or name in FORMATS.values()


def write_tables(tables: Iterator[pd.DataFrame], path: Path | None) -> None:
    """Write tables of equal columns one below the other."""
    if path is None:
        for index, table in enumerate(tables):
            table.to_csv(sys.stdout, index=False, header=not index, lineterminator="\n")
        return
    try:
        with replacing(path) as part:
            if path.suffix == ".parquet":
                write_parquet(tables, part)
            else:
                with part.open("w", encoding="utf-8", newline="") as stream:
                    for index, table in enumerate(tables):
                        table.to_csv(
                            stream, index=False, header=not index, lineterminator="\n"
                        )
    except OSError as error:
        message = f"{path}: cannot be written ({error.strerror}); name another file"
        raise OutputError(message) from error


def write_text(path: Path, text: str) -> Path:
    """Write a text whole, as UTF-8 with the newlines it has."""
    return write_bytes(path, _encoded(text))


def _encoded(text: str) -> bytes:
    """Return text as UTF-8; of a name that is none, what is amiss is spelled out."""
    return text.encode(errors="backslashreplace")


def write_bytes(path: Path, content: bytes) -> Path:
    """Write a file whole: beside its place first, then renamed over it."""
    with replacing(path) as part:
        part.write_bytes(content)
    return path
