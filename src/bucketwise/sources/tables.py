"""Table files to traffic: every reader behind one door, every fault in plain words."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from bucketwise.errors import InputError
from bucketwise.numbers import percent
from bucketwise.sources.database import DATA_FAULTS, Workspace, open_workspace
from bucketwise.sources.delimited import open_delimited
from bucketwise.sources.detect import EXPECTED, File, recognise
from bucketwise.sources.histograms import read_histogram
from bucketwise.sources.inputs import Input, open_inputs
from bucketwise.sources.jsonlines import open_json_lines
from bucketwise.sources.parquet import open_parquet
from bucketwise.sources.reduce import reduce_table
from bucketwise.sources.table import Table
from bucketwise.traffic import OUTSIDE, MAX_CELLS, Rejection, Traffic, merge_traffic

Reader = Callable[[Workspace, File, Mapping[str, str] | None], Table]

READERS: Mapping[str, Reader] = {
    "delimited": open_delimited,
    "jsonlines": open_json_lines,
    "parquet": open_parquet,
}

MAX_BAD_ROWS = 0.05


def read_traffic(
    inputs: Sequence[str | Path],
    *,
    columns: Mapping[str, str] | None = None,
    max_bad_rows: float = MAX_BAD_ROWS,
    places: bool = True,
) -> Traffic:
    """Read tables and histograms, and add them up.

    Parameters
    ----------
    inputs : sequence of str or Path
        Files, globs, or "-" for standard input. CSV, TSV, JSON Lines and Parquet,
        plain, gzip or zstd, and histograms, all recognised by content.
    columns : mapping of str to str, optional
        Role (width, height, resolution, count, frames, fps, time, label) to column
        name, or to a position from 1; "" leaves a role unread. Roles not given are
        found by the usual names.
    max_bad_rows : float
        Share of the rows that may be unusable (0 to 1).
    places : bool
        Whether base names of inputs and places of rejected rows are kept.

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
    parts: list[Traffic] = []
    with open_inputs(inputs) as found:
        for each in found:
            parts.append(_read(each, columns))
            # Large parts are added up on the way, so that memory stays bounded.
            if sum(part.count.size for part in parts) > MAX_CELLS:
                parts = [merge_traffic(parts)] if len(parts) > 1 else parts
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
    else:
        return
    lines = [
        verdict,
        f"  {'reason':<18}{'rows':>12}  first places",
    ]
    for rejection in sorted(rejections, key=lambda each: -each.count):
        places = ", ".join(map(str, rejection.places))
        lines.append(f"  {rejection.reason:<18}{rejection.count:>12,}  {places}")
    lines += [f"  {note}" for note in dict.fromkeys(notes)]
    raise InputError("\n".join(lines))


def open_table(
    workspace: Workspace, file: File, columns: Mapping[str, str] | None
) -> Table:
    """Open a file with the reader for what it holds."""
    return READERS[file.kind](workspace, file, columns)


@contextmanager
def plain_faults(name: str) -> Iterator[None]:
    """Turn what goes wrong with a file into words about that file.

    Parameters
    ----------
    name : str
        Its base name.

    Raises
    ------
    InputError
        For anything that the file, not the program, is to blame for.
    """
    try:
        yield
    except UnicodeDecodeError as error:
        raise InputError(
            f"{name}: the text is not UTF-8 (byte {error.object[error.start]:#04x}); "
            "save it as UTF-8 (iconv -f LATIN1 -t UTF-8, if it is Latin-1)"
        ) from error
    except (EOFError, zlib.error) as error:
        raise InputError(f"{name}: damaged gzip ({error}); pack it anew") from error
    except OSError as error:
        reason = error.strerror or str(error)
        raise InputError(f"{name}: cannot be read ({reason}); {EXPECTED}") from error
    except DATA_FAULTS as error:
        said = str(error).splitlines()[0]
        raise InputError(f"{name}: cannot be read ({said}); {EXPECTED}") from error


def _read(each: Input, columns: Mapping[str, str] | None) -> Traffic:
    with plain_faults(each.name), open_workspace() as workspace:
        file = recognise(workspace, each.path, each.name)
        if file.kind == "parquet":
            stored = read_histogram(workspace, file.path, each.name)
            if stored is not None:
                return stored
        return reduce_table(workspace, open_table(workspace, file, columns))
