"""Whatever people have, made into traffic: every reader behind one door."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import groupby, islice
from typing import TYPE_CHECKING

from bucketwise.errors import InputError
from bucketwise.nouns.traffic import MAX_CELLS, Traffic, merge_traffic
from bucketwise.read.alike import MOST_TABLES, AlikeTables
from bucketwise.read.client_rates import join_client_rates
from bucketwise.read.database import Workspace, literal, open_workspace
from bucketwise.read.detect import is_image, may_crash
from bucketwise.read.isolated import CrashError
from bucketwise.read.items import reduce_items
from bucketwise.read.opening import (
    Images,
    open_images,
    open_input,
    open_plain,
    plain_faults,
    read_apart,
)
from bucketwise.read.paths import Given, Input, open_inputs
from bucketwise.read.progress import Progress
from bucketwise.read.rejections import MAX_BAD_ROWS, check_empty, check_rejections
from bucketwise.read.tables.counted import ROWS
from bucketwise.read.tables.counts import reduce_counts
from bucketwise.read.tables.naming import Chosen, Naming
from bucketwise.read.tables.reduce import reduce_table
from bucketwise.read.tables.table import Table

if TYPE_CHECKING:
    from bucketwise.nouns.activity import Evidence

MOST_PARTS = 500
"""Histograms that are held before they are added up."""
MOST_CELLS = MAX_CELLS // 4
"""Their cells, and the images in their groups."""

LookFurther = Callable[[Workspace, Sequence[Input]], "Evidence | None"]
"""Reads more than sizes out of the same inputs."""


def read_traffic(
    inputs: Sequence[Given],
    *,
    columns: Mapping[str, str] | None = None,
    max_bad_rows: float = MAX_BAD_ROWS,
    places: bool = True,
    ignore_orientation: bool = False,
    half_life_s: float | None = None,
    k_anonymity: int = 1,
    progress: Progress | None = None,
) -> Traffic:
    """Read tables, images, request logs and histograms, and add them up.

    Parameters
    ----------
    inputs : sequence of str, Path or Query
        Queries, or files, folders, globs, or "-" for standard input: tables (CSV, TSV, JSON
        Lines, Parquet, plain, gzip or zstd) of sizes or of visual tokens, images,
        folders and tar shards of images, Parquet with images in it, OpenAI-style
        requests, histograms; all recognised by content.
    columns : mapping of str to str, optional
        Role to column name, or to a position from 1; "" leaves a role unread. Every
        role that a reader knows is taken, those of a decoder's load too; width, height,
        resolution, tokens, prompt, text, images, count, frames, fps, time, request and
        label are read here. Roles not given are found by the usual names.
    max_bad_rows : float
        Share of the rows that may be unusable (0 to 1).
    places : bool
        Whether base names of inputs and places of rejected rows are kept.
    ignore_orientation : bool
        Whether images count with their stored size, as in serving stacks that do not
        turn them, instead of their displayed one.
    half_life_s : float, optional
        Seconds after which an image is worth half as much as one of the newest hour;
        without it all are worth the same.
    k_anonymity : int
        Cells that are seen less often are dropped, and how many is told.
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
        When `columns` names a role that there is not, or columns that do not go
        together, or a half-life is asked of images without times.
    """
    reading = _Reading(
        columns, ignore_orientation, progress or Progress(), half_life_s, k_anonymity
    )
    return reading.read(inputs, max_bad_rows, places)[0]


def read_inputs(
    inputs: Sequence[Given],
    *,
    columns: Mapping[str, str] | None = None,
    max_bad_rows: float = MAX_BAD_ROWS,
    places: bool = True,
    ignore_orientation: bool = False,
    half_life_s: float | None = None,
    k_anonymity: int = 1,
    progress: Progress | None = None,
) -> tuple[Traffic, Evidence | None]:
    """Read inputs as traffic, and their tables as the load of a decoder, too.

    Rows that have a size, and a start and an end, a start and a duration, or the tokens
    of a request beside its time, tell both.
    """
    from bucketwise.read.evidence.load import evidence_in  # noqa: PLC0415 - sizes need none

    naming = Naming.of(columns)

    def look_further(workspace: Workspace, found: Sequence[Input]) -> Evidence | None:
        return evidence_in(
            workspace, found, columns=naming, max_bad_rows=max_bad_rows, places=places
        )

    reading = _Reading(
        naming, ignore_orientation, progress or Progress(), half_life_s, k_anonymity
    )
    read = reading.read(inputs, max_bad_rows, places, look_further)
    if naming is not columns:
        naming.check()
    return read


@dataclass(frozen=True, slots=True)
class _Reading:
    """How inputs are read, and how far that has come."""

    columns: Chosen
    ignore_orientation: bool
    progress: Progress
    half_life_s: float | None = None
    k_anonymity: int = 1

    def read(
        self,
        inputs: Sequence[Given],
        max_bad_rows: float,
        places: bool,
        look_further: LookFurther | None = None,
    ) -> tuple[Traffic, Evidence | None]:
        """Read every input, and what more is looked for in them."""
        parts: list[Traffic] = []
        progress = self.progress
        with (
            open_inputs(inputs, chosen=self.columns) as opened,
            open_workspace() as workspace,
        ):
            others, files = _together(opened.inputs)
            found = join_client_rates(others, opened.scratch)
            progress.bytes_total = _total_bytes([*found, *files])
            several = len(found) + bool(files) > 1

            def noted(read: Iterable[Traffic]) -> Iterator[Traffic]:
                for part in read:
                    yield _noted(part, max_bad_rows, places) if several else part

            for part in noted(self._each(workspace, found)):
                parts.append(part)
                progress.finish(sum(part.rows_read for part in parts))
                # Many parts are added up on the way, so that memory stays bounded.
                held = [part.count.size + part.calls.size.size for part in parts]
                if len(parts) > MOST_PARTS or sum(held[1:]) > MOST_CELLS:
                    parts = [merge_traffic(parts)]
            if files:
                size_bytes = sum(each.size_bytes for each in files)
                progress.begin(f"{len(files):,} image files", size_bytes)
                parts.append(self._of_images(workspace, open_images(files)))
                progress.finish(sum(part.rows_read for part in parts))
            evidence, unread = None, tuple[str, ...]()
            try:
                evidence = look_further(workspace, found) if look_further else None
            except InputError as error:
                # What is amiss with it does not stop the sizes.
                why = str(error).splitlines()[0]
                unread = (f"the load of the decoder was not read: {why}",)
        traffic = parts[0] if len(parts) == 1 else merge_traffic(parts)
        traffic = replace(traffic, notes=(*traffic.notes, *unread))
        if not places:
            traffic = traffic.without_places()
        check_rejections(
            traffic.rejections,
            traffic.rows_read,
            max_bad_rows,
            notes=[note for record in traffic.inputs for note in record.notes],
        )
        return self._weighed(traffic), evidence

    def _weighed(self, traffic: Traffic) -> Traffic:
        half_life_s = self.half_life_s
        # Before they are weighed: what is seen often may be old.
        traffic = traffic.without_rare_cells(self.k_anonymity)
        return traffic if half_life_s is None else traffic.decayed(half_life_s)

    def _each(self, workspace: Workspace, found: Sequence[Input]) -> Iterator[Traffic]:
        """Yield every input, and read those in a process of their own that may crash."""
        for apart, run in groupby(found, _is_read_apart):
            if not apart:
                yield from self.read_here(workspace, run)
                continue
            for lasts, alike in groupby(run, lambda each: each.stored is None):
                # What is fetched may be let go of for the next.
                while some := list(islice(alike, MOST_TABLES if lasts else 1)):
                    yield from self._apart(workspace, some)

    def _apart(self, workspace: Workspace, some: Sequence[Input]) -> Iterator[Traffic]:
        some = [each.fetched() for each in some]
        [first, *others] = some
        name = f"{len(some):,} files" if others else first.name
        self.progress.begin(name, sum(each.size_bytes for each in some))
        task = partial(_read_here, some, self.ignore_orientation)
        try:
            with plain_faults(first.name):
                yield from read_apart(
                    workspace, first, self.columns, task, self.progress
                )
        except InputError as error:
            if not (others and isinstance(error.__cause__, CrashError)):
                raise
            # Whose fault it was, each by itself will tell.
            for each in some:
                yield from self._apart(workspace, [each])

    def read_here(
        self, workspace: Workspace, found: Iterable[Input]
    ) -> Iterator[Traffic]:
        """Yield every input, those that are laid out alike read together."""
        alike = AlikeTables(workspace, self.progress)
        for each in found:
            yield from self._next(workspace, each, alike)
        yield from self._waiting(workspace, alike)

    def _next(
        self, workspace: Workspace, each: Input, alike: AlikeTables
    ) -> Iterator[Traffic]:
        """Yield an input, after tables that waited for it; a table may wait itself."""
        with plain_faults(each.name):
            lasts = each.stored is None
            each = each.fetched()
            opened = open_plain(each) or open_input(workspace, each, self.columns)
            if lasts and alike.add(opened, each):
                return
        waited = list(self._waiting(workspace, alike))
        yield from waited
        with plain_faults(each.name):
            if lasts and alike.add(opened, each):
                return
            self.progress.begin(each.name, each.size_bytes)
            if waited and isinstance(opened, Table):
                # Others have been staged in its place since.
                if path := alike.path_of(opened, each):
                    opened = opened.over(literal(workspace.stage(path)))
                else:
                    opened = open_input(workspace, each, self.columns)
            yield self.read_one(workspace, each, opened)

    def _waiting(self, workspace: Workspace, alike: AlikeTables) -> Iterator[Traffic]:
        """Yield the tables that wait."""
        for each, read in alike.read():
            with plain_faults(each.name):
                if read is None:
                    found = open_input(workspace, each, self.columns)
                    yield self.read_one(workspace, each, found)
                else:
                    yield read

    def read_one(
        self, workspace: Workspace, each: Input, found: Traffic | Table | Images
    ) -> Traffic:
        """Return the traffic of an input that is open."""
        if isinstance(found, Traffic):
            return found
        if isinstance(found, Table):
            self.progress.row_bytes = found.row_bytes
            self.progress.watch(workspace.connection)
            reduced = reduce_counts if ROWS in found.roles else reduce_table
            traffic = reduced(workspace, found)
            workspace.scratch.drop(found.path)
        else:
            traffic = self._of_images(workspace, found)
        if not each.notes:
            return traffic
        [record] = traffic.inputs
        return replace(
            traffic, inputs=(replace(record, notes=(*record.notes, *each.notes)),)
        )

    def _of_images(self, workspace: Workspace, found: Images) -> Traffic:
        self.progress.share = found.position.now
        return reduce_items(
            workspace,
            self.progress.counted(found.items),
            kind=found.kind,
            name=found.name,
            notes=found.notes,
            ignore_orientation=self.ignore_orientation,
        )


def _read_here(
    some: Sequence[Input],
    ignore_orientation: bool,
    workspace: Workspace,
    columns: Chosen,
    progress: Progress,
) -> list[Traffic]:
    """Read inputs in a process of their own."""
    progress.bytes_total = sum(each.size_bytes for each in some)
    reading = _Reading(columns, ignore_orientation, progress)
    return list(reading.read_here(workspace, some))


def _is_read_apart(each: Input) -> bool:
    with plain_faults(each.name):
        return may_crash(each.path)


def _total_bytes(inputs: Sequence[Input]) -> int:
    """Return the size of all inputs; 0 where nobody knows that of one, as of a folder."""
    sizes = [each.size_bytes for each in inputs]
    return sum(sizes) if all(sizes) else 0


def _noted(part: Traffic, max_bad_rows: float, places: bool) -> Traffic:
    """Return what was read of one input among others, with a note where it is nothing."""
    if part.rows_used:
        return part
    name = part.inputs[0].name if places else "an input"
    said = check_empty(name, part.rejections, part.rows_read, max_bad_rows)
    return replace(part, notes=(*part.notes, said))


def _together(found: Sequence[Input]) -> tuple[list[Input], list[Input]]:
    """Part image files from other inputs: thousands of them are one input, not many."""
    images: list[Input] = []
    others: list[Input] = []
    for each in found:
        with plain_faults(each.name):
            is_one = each.path.is_file() and is_image(each.path)
        (images if is_one else others).append(each)
    return (others, images) if len(images) > 1 else (list(found), [])
