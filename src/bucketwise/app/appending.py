"""One histogram that is added to for months."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from bucketwise.errors import InputError, raise_all
from bucketwise.nouns.traffic import InputRecord, Traffic, merge_traffic
from bucketwise.read import write_histogram
from bucketwise.read.database import open_workspace
from bucketwise.read.histograms import read_histogram
from bucketwise.read.opening import plain_faults

PARQUET = b"PAR1"
"""What a Parquet file begins with (apache/parquet-format, README.md, File format)."""

MOST_INPUTS = 10_000
"""Inputs that are told apart; of a year of hours none is lost."""


def append(traffic: Traffic, path: Path) -> Traffic:
    """Add traffic to a histogram file, which is made where there is none.

    Slots are hours for a month, and days once it spans more.

    Parameters
    ----------
    traffic : Traffic
        What `read_traffic` returned.
    path : Path
        The file; it is replaced whole or not at all.

    Returns
    -------
    Traffic
        All that the file holds now.

    Raises
    ------
    InputError
        When the file is no histogram, or holds one of the inputs already.
    OutputError
        When nothing can be written there.
    """
    total = traffic
    if path.exists():
        before = _held(path)
        _check_new(traffic, before, path)
        total = merge_traffic([before, traffic])
    total = replace(total, inputs=_most_recent(total.inputs)).by_day()
    write_histogram(total, path)
    return total


def _held(path: Path) -> Traffic:
    found = None
    with plain_faults(path.name), open_workspace() as workspace:
        with path.open("rb") as file:
            is_parquet = file.read(len(PARQUET)) == PARQUET
        if is_parquet:
            found = read_histogram(workspace, path, path.name)
    if found is None:
        message = f"{path}: no histogram, so nothing is added to it; give another name"
        raise InputError(message)
    return found


def _check_new(traffic: Traffic, before: Traffic, path: Path) -> None:
    """Check that nothing is counted twice: the same file holds the same cells.

    Without times those of another file may be the same; then its name has to be, too.
    """
    named = traffic.first_s is None

    def known_by(record: InputRecord) -> tuple[str, int, str]:
        return record.sha256, record.rows, record.name if named else ""

    held = {known_by(record) for record in before.inputs if record.sha256}
    problems = [
        f"{path}: holds {record.name or 'this input'} already; leave it out"
        for record in traffic.inputs
        if known_by(record) in held
    ]
    raise_all(problems, InputError)


def _most_recent(inputs: tuple[InputRecord, ...]) -> tuple[InputRecord, ...]:
    """Return the inputs, the oldest of very many as one."""
    if len(inputs) <= MOST_INPUTS:
        return inputs
    older, newer = inputs[: 1 - MOST_INPUTS], inputs[1 - MOST_INPUTS :]
    rows = sum(each.rows for each in older)
    return (InputRecord(kind="histogram", name="", rows=rows), *newer)
