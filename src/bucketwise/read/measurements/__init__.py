"""What a device was measured to take, from tables and from what benchmarks write."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

import numpy as np

from bucketwise.errors import InputError, raise_all
from bucketwise.nouns.measured_cost import TIMED, Kind, Measurements, Points
from bucketwise.read.database import Workspace, open_workspace
from bucketwise.read.detect import recognise
from bucketwise.read.measurements.results import read_results
from bucketwise.read.measurements.table import EXPECTED, FOR_COSTS, Told, read_table
from bucketwise.read.opening import TABLES, open_table, plain_faults, read_apart
from bucketwise.read.paths import Input, open_inputs
from bucketwise.read.progress import Progress
from bucketwise.read.rejections import MAX_BAD_ROWS, check_rejections, listed_rejections
from bucketwise.read.tables.naming import Chosen


def read_measurements(
    inputs: Sequence[str | Path],
    *,
    kind: Kind | None = None,
    max_bad_rows: float = MAX_BAD_ROWS,
) -> Measurements:
    """Read what runs of known sizes took on one device.

    Parameters
    ----------
    inputs : sequence of str or Path
        Tables (CSV, TSV, JSON Lines, Parquet) with a row a run: its kind, length or batch
        and ms; or what vllm bench, AIPerf or GuideLLM wrote of each request.
    kind : {"vit", "decoder", "prefill"}, optional
        The only kind that is read, and what rows are that do not say.
    max_bad_rows : float
        Share of the rows that may be unusable (0 to 1).

    Returns
    -------
    Measurements
        Every kind that was measured.

    Raises
    ------
    InputError
        When an input cannot be read or does not tell what a curve needs.
    """
    with open_inputs(inputs, EXPECTED) as opened, open_workspace() as workspace:
        told = [_read(workspace, each, kind) for each in opened.inputs]
        names = tuple(each.name for each in opened.inputs)
    rejections = [each for one in told for each in one.rejections]
    check_rejections(rejections, sum(one.rows for one in told), max_bad_rows)
    notes = [
        *(f"{one.name}: {note}" for one in told for note in one.notes),
        *listed_rejections(rejections),
    ]
    found = _points(told, kind)
    if not {*TIMED} & {each.kind for each in found}:
        raise InputError(
            f"no run of {kind or ', '.join(TIMED)} was found; {EXPECTED}", *notes
        )
    return Measurements(
        points=found,
        **_one_device(told),
        names=names,
        notes=tuple(dict.fromkeys(notes)),
    )


def _read(workspace: Workspace, each: Input, kind: Kind | None) -> Told:
    if each.path.is_dir():
        raise InputError(f"{each.name}: a folder; name the files in it; {EXPECTED}")
    each = each.fetched()
    with plain_faults(each.name, EXPECTED):
        return read_apart(workspace, each, None, partial(_read_here, each, kind))


def _read_here(
    each: Input, kind: Kind | None, workspace: Workspace, _: Chosen, __: Progress
) -> Told:
    with plain_faults(each.name, EXPECTED):
        file = recognise(workspace, each.path, each.name, EXPECTED)
        if file.kind not in TABLES:
            raise InputError(f"{each.name}: this is a {file.kind} archive; {EXPECTED}")
        told = read_results(file, kind) if file.kind in {"json", "jsonlines"} else None
        if told is not None:
            return told
        return read_table(workspace, open_table(workspace, file, None, FOR_COSTS), kind)


def _points(told: Sequence[Told], only: Kind | None) -> tuple[Points, ...]:
    """Return the measurements of every kind, of all files together."""
    kinds = dict.fromkeys(kind for one in told for kind in one.runs)
    return tuple(
        Points(
            kind, np.array(sizes, dtype=np.int64), np.array(values, dtype=np.float64)
        )
        for kind in kinds
        if not only or kind == only or kind not in TIMED
        for sizes, values in [zip(*_runs(told, kind), strict=True)]
    )


def _runs(told: Sequence[Told], kind: Kind) -> Iterator[tuple[int, float]]:
    for one in told:
        yield from one.runs.get(kind, ())


def _one_device(told: Sequence[Told]) -> dict[str, str]:
    """Return the device, engine and release; several of one are refused."""
    found: dict[str, str] = {}
    problems = []
    for field in ("device", "engine", "release"):
        values = sorted({value for one in told for value in one.where[field]})
        found[field] = values[0] if values else ""
        if len(values) > 1:
            problems.append(
                f"{field}: expected one, got {', '.join(map(repr, values[:5]))}; a cost is "
                "of one, so give the measurements of each by themselves"
            )
    raise_all(problems, InputError)
    return found
