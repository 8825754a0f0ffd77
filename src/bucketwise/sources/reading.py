"""Whatever people have, made into traffic: every reader behind one door."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from bucketwise.errors import InputError
from bucketwise.numbers import percent
from bucketwise.reasons import OUTSIDE
from bucketwise.sources.client_rates import join_client_rates
from bucketwise.sources.database import Workspace, open_workspace
from bucketwise.sources.detect import is_image
from bucketwise.sources.inputs import Input, open_inputs
from bucketwise.sources.items import reduce_items
from bucketwise.sources.opening import (
    Images,
    open_images,
    open_input,
    open_plain,
    plain_faults,
)
from bucketwise.sources.progress import Progress
from bucketwise.sources.tables.reduce import reduce_table
from bucketwise.sources.tables.table import Table
from bucketwise.traffic import MAX_CELLS, Rejection, Traffic, merge_traffic

MAX_BAD_ROWS = 0.05


def read_traffic(
    inputs: Sequence[str | Path],
    *,
    columns: Mapping[str, str] | None = None,
    max_bad_rows: float = MAX_BAD_ROWS,
    places: bool = True,
    ignore_orientation: bool = False,
    progress: Progress | None = None,
) -> Traffic:
    """Read tables, images, request logs and histograms, and add them up.

    Parameters
    ----------
    inputs : sequence of str or Path
        Files, folders, globs, or "-" for standard input: tables (CSV, TSV, JSON
        Lines, Parquet, plain, gzip or zstd) of sizes or of visual tokens, images,
        folders and tar shards of images, Parquet with images in it, OpenAI-style
        requests, histograms; all recognised by content.
    columns : mapping of str to str, optional
        Role (width, height, resolution, tokens, count, frames, fps, time, label) to
        column name, or to a position from 1; "" leaves a role unread. Roles not given
        are found by the usual names.
    max_bad_rows : float
        Share of the rows that may be unusable (0 to 1).
    places : bool
        Whether base names of inputs and places of rejected rows are kept.
    ignore_orientation : bool
        Whether images count with their stored size, as in serving stacks that do not
        turn them, instead of their displayed one.
    progress : Progress, optional
        Kept up while reading.

    Returns
    -------
    Traffic
        Sizes per UTC hour and label, with every rejected row counted by reason.

    Raises
    ------
    InputError
        When an input cannot be read, or more rows than allowed are unusable.
    UsageError
        When `columns` names a role that there is not.
    """
    progress = progress or Progress()
    parts: list[Traffic] = []
    with open_inputs(inputs) as opened:
        others, files = _together(opened.inputs)
        found = join_client_rates(others, opened.folder)
        progress.bytes_total = sum(each.size_bytes for each in found)
        for each in found:
            progress.begin(each.name, each.size_bytes)
            parts.append(
                _read(each, columns, progress, ignore_orientation=ignore_orientation)
            )
            progress.finish(sum(part.rows_read for part in parts))
            # Large parts are added up on the way, so that memory stays bounded.
            if sum(part.count.size for part in parts) > MAX_CELLS:
                parts = [merge_traffic(parts)] if len(parts) > 1 else parts
        if files:
            progress.begin(f"{len(files):,} image files", 0)
            together = open_images(files)
            with open_workspace() as workspace:
                parts.append(
                    _of_images(workspace, together, progress, ignore_orientation)
                )
    traffic = parts[0] if len(parts) == 1 else merge_traffic(parts)
    if not places:
        traffic = traffic.without_places()
    check_rejections(
        traffic.rejections,
        traffic.rows_read,
        max_bad_rows,
        notes=[note for record in traffic.inputs for note in record.notes],
    )
    return traffic


def check_rejections(
    rejections: Sequence[Rejection],
    rows_read: int,
    max_bad_rows: float,
    notes: Sequence[str] = (),
) -> None:
    """Stop when too many rows were rejected.

    Parameters
    ----------
    rejections : sequence of Rejection
        What was rejected.
    rows_read : int
        Of how many.
    max_bad_rows : float
        Share that may be (0 to 1).
    notes : sequence of str
        What was read as what, to be told with the refusal.

    Raises
    ------
    InputError
        With the table of reasons and places.
    """
    rejected = sum(rejection.count for rejection in rejections)
    outside = sum(each.count for each in rejections if each.reason in OUTSIDE)
    bad, seen = rejected - outside, rows_read - outside
    if bad > max_bad_rows * seen:
        verdict = (
            f"{bad:,} of {seen:,} rows ({percent(bad / seen)}) "
            f"cannot be used; up to {percent(max_bad_rows)} may be (--max-bad-rows)"
        )
    elif outside and rejected == rows_read:
        verdict = f"none of {rows_read:,} rows tells the size of an image"
    elif not rows_read:
        verdict = "neither a row nor an image was found; one at least is right"
    else:
        return
    lines = [verdict, *_listed(rejections)]
    lines += [f"  {note}" for note in dict.fromkeys(notes)]
    raise InputError("\n".join(lines))


def _listed(rejections: Sequence[Rejection]) -> Iterator[str]:
    """Yield a line for each reason, the most frequent first."""
    if not rejections:
        return
    width = max(18, *(len(rejection.reason) + 2 for rejection in rejections))
    yield f"  {'reason':<{width}}{'rows':>12}  first places"
    for rejection in sorted(rejections, key=lambda each: -each.count):
        places = ", ".join(map(str, rejection.places))
        yield f"  {rejection.reason:<{width}}{rejection.count:>12,}  {places}"


def _read(
    each: Input,
    columns: Mapping[str, str] | None,
    progress: Progress,
    *,
    ignore_orientation: bool,
) -> Traffic:
    with plain_faults(each.name), open_workspace() as workspace:
        found = open_plain(each) or open_input(workspace, each, columns)
        if isinstance(found, Traffic):
            return found
        if isinstance(found, Table):
            progress.row_bytes = found.row_bytes
            progress.watch(workspace.connection)
            traffic = reduce_table(workspace, found)
        else:
            traffic = _of_images(workspace, found, progress, ignore_orientation)
    if not each.notes:
        return traffic
    [record] = traffic.inputs
    return replace(
        traffic, inputs=(replace(record, notes=(*record.notes, *each.notes)),)
    )


def _of_images(
    workspace: Workspace, found: Images, progress: Progress, ignore_orientation: bool
) -> Traffic:
    return reduce_items(
        workspace,
        progress.counted(found.items),
        kind=found.kind,
        name=found.name,
        notes=found.notes,
        ignore_orientation=ignore_orientation,
    )


def _together(found: Sequence[Input]) -> tuple[list[Input], list[Input]]:
    """Part image files from other inputs: thousands of them are one input, not many."""
    images: list[Input] = []
    others: list[Input] = []
    for each in found:
        with plain_faults(each.name):
            is_one = each.path.is_file() and is_image(each.path)
        (images if is_one else others).append(each)
    return (others, images) if len(images) > 1 else (list(found), [])
