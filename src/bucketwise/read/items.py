"""Images found one by one, added up to a histogram."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice

import numpy as np

from bucketwise.nouns.traffic import (
    MAX_SIDE_PX,
    NO_LIMITS,
    OWN_COLUMNS,
    IntArray,
    Traffic,
)
from bucketwise.read.database import Workspace
from bucketwise.read.images.header import TOLD, Item
from bucketwise.read.rejections import Tally
from bucketwise.read.tables.aggregate import make_cells, regroup, slot_of
from bucketwise.read.tables.cells import kept_label
from bucketwise.read.tables.reduce import reduce_cells
from bucketwise.read.tables.sent import (
    SENT,
    gathered,
    has_fine_times,
    make_sent,
)
from bucketwise.read.tables.table import BATCH, BATCH_ROWS
from bucketwise.read.tables.times import microseconds, said_of_times
from bucketwise.words.numbers import number, plural, verb
from bucketwise.words.reject_reasons import ABSURD

_SAMPLE_ITEMS = 50
_REGROUP_AT = 50
"""Batches after which equal cells are merged, so that memory stays bounded."""

OWN = ", ".join(OWN_COLUMNS)
_INSERT = (
    f"INSERT INTO cells SELECT reason, height, width, 0, 0, 0, {OWN}, label, "
    "{slot} AS slot, sum(alike), NULL, min(time_us), max(time_us) FROM (SELECT reason, "
    f"height, width, {OWN}, {{label}} AS label, {{time_us}} AS time_us, alike FROM "
    f"{BATCH}) GROUP BY ALL"
)
_SEND = (
    f"INSERT INTO {SENT} SELECT nullif(request, 0), {{time_us}}, height, width, 0, 0, 0, "
    f"{OWN} FROM (SELECT *, unnest(range(alike)) FROM {BATCH} WHERE reason = '')"
)


@dataclass(slots=True)
class _Noticed:
    """What is told of the images beside their sizes."""

    ignore_orientation: bool
    formats: Counter[str] = field(default_factory=Counter)
    turned: int = 0
    timed: bool = False
    labelled: bool = False
    requested: bool = False
    refused: Tally = field(default_factory=Tally)

    def look_at(self, items: Sequence[Item]) -> None:
        for item in items:
            if item.header is not None:
                self.formats[item.header.format] += 1
                self.turned += item.header.turned
                self.timed |= bool(item.time)
                self.labelled |= bool(item.label)
                self.requested |= item.request > 0
            if reason := reason_of(item):
                self.refused.add(reason, item.source, item.line)

    def notes(self) -> Iterator[str]:
        told = self.formats.pop(TOLD, 0)
        if self.formats:
            found = sorted(self.formats.items(), key=lambda each: (-each[1], each[0]))
            read = ", ".join(f"{number(count)} {name}" for name, count in found)
            yield f"image headers: {read}"
        if told:
            yield f"sizes told by the log, without the image: {number(told)}"
        if self.turned:
            done = "left as stored" if self.ignore_orientation else "turned"
            yield (
                f"{plural(self.turned, 'image')} with an orientation that swaps the "
                f"sides {verb(self.turned, 'was', 'were')} {done}"
            )


def reduce_items(
    workspace: Workspace,
    items: Iterable[Item],
    *,
    kind: str,
    name: str,
    notes: Callable[[], tuple[str, ...]] = tuple,
    ignore_orientation: bool = False,
) -> Traffic:
    """Add images up to the histogram of their sizes."""
    connection = workspace.connection
    make_cells(connection)
    make_sent(connection)
    noticed = _Noticed(ignore_orientation)
    said: dict[str, None] = {}
    for nth, batch in enumerate(batches(items), start=1):
        noticed.look_at(batch)
        connection.register(BATCH, _columns(batch, ignore_orientation))
        # The form of the times is sought in each batch: inputs may be mixed.
        samples = [item.time for item in batch[:_SAMPLE_ITEMS] if item.time]
        said |= dict.fromkeys(said_of_times(samples))
        times = microseconds("time", samples)
        connection.execute(
            _INSERT.format(
                slot=slot_of("time_us"), label=kept_label("label"), time_us=times
            )
        )
        if noticed.requested or samples:
            connection.execute(_SEND.format(time_us=times))
        connection.unregister(BATCH)
        if nth % _REGROUP_AT == 0:
            regroup(connection)
    regroup(connection)
    roles = {"time": noticed.timed, "label": noticed.labelled}
    return reduce_cells(
        workspace,
        kind=kind,
        name=name,
        roles=[role for role, is_there in roles.items() if is_there],
        notes=(*noticed.notes(), *said, *notes()),
        rejections=lambda _: noticed.refused.rejections(),
        sent=gathered(
            connection,
            f"FROM {SENT}",
            requested=noticed.requested,
            timed=noticed.timed and has_fine_times(connection),
        ),
    )


def reason_of(item: Item) -> str:
    """Return why an item cannot be used; "" where it can."""
    header = item.header
    if header is None:
        return item.reason
    most = max(header.stored_width_px, header.stored_height_px)
    return ABSURD if most > MAX_SIDE_PX else item.reason


def size_of(item: Item, *, ignore_orientation: bool) -> tuple[int, int]:
    """Return the height and width an item counts with; 0 where it cannot be used."""
    header = item.header
    if header is None or reason_of(item):
        return 0, 0
    if ignore_orientation:
        return header.stored_height_px, header.stored_width_px
    return header.height_px, header.width_px


def own_columns(items: Sequence[Item]) -> dict[str, IntArray]:
    """Return the limits that requests set for images, as columns; 0 for none."""
    limits = [NO_LIMITS if reason_of(item) else item.own for item in items]
    told = [(each.min_pixels, each.max_pixels, each.resized_first) for each in limits]
    columns = np.array(told, dtype=np.int64).reshape(-1, len(OWN_COLUMNS)).T
    return {
        name: column.copy() for name, column in zip(OWN_COLUMNS, columns, strict=True)
    }


def batches(items: Iterable[Item]) -> Iterator[list[Item]]:
    """Yield items some thousand at a time."""
    iterator = iter(items)
    while batch := list(islice(iterator, BATCH_ROWS)):
        yield batch


def _columns(
    items: Sequence[Item], ignore_orientation: bool
) -> dict[str, np.ndarray[tuple[int], np.dtype[np.generic]]]:
    # All but where each stands: in a folder most are alike.
    keys = [item[2:] for item in items]
    alike = [*Counter(keys).values()]
    items = [*dict(zip(keys, items, strict=True)).values()]
    sizes = [size_of(item, ignore_orientation=ignore_orientation) for item in items]
    texts = {
        "reason": [reason_of(item) for item in items],
        "time": [item.time for item in items],
        "label": [item.label for item in items],
    }
    requests = [item.request for item in items]
    sides = np.array(sizes, dtype=np.int64)
    return {
        "height": sides[:, 0].copy(),
        "width": sides[:, 1].copy(),
        **own_columns(items),
        "request": np.array(requests, dtype=np.int64),
        "alike": np.array(alike, dtype=np.int64),
        **{name: np.array(column, dtype=object) for name, column in texts.items()},
    }
