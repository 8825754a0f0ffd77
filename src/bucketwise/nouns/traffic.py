"""What users sent: a histogram of image and clip sizes, and what could not be used."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bucketwise.errors import UsageError, raise_all
from bucketwise.nouns.together import (
    Together,
    merge_together,
    places_of,
    said_of_too_much,
)
from bucketwise.words.numbers import percent

IntArray = NDArray[np.int64]
FloatArray = NDArray[np.float64]

NO_TIME_S = -(2**62)
"""Slot of a cell whose rows carried no usable time."""

SLOT_LADDER_S = (3_600, 21_600, 86_400, 604_800, 0)
"""Slot widths in seconds, each a multiple of the one before; 0 keeps no time at all."""

SAID_OF_AGE = "images weigh by their age: each is taken to have come alone"

DAY_S = 86_400
HOURS_FOR_S = 31 * DAY_S
"""A file that is added to keeps hours for a month, and days once it spans more."""

MAX_CELLS = 1_000_000
"""Past this many cells sizes are rounded or slots widen, so that memory and files stay
small."""

EXACT = 0
BITS_LADDER = (EXACT, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1)
"""Significant bits that sizes are rounded to; what fits into them stays as it is.
Rounded to fewer bits, a number is the same whether or not it was rounded before."""

MAX_SIDE_PX = 1_000_000
"""Sides up to this are sizes; above they are absurd."""

MAX_PLACES = 5
"""Places kept for each reason of rejection."""

SIZE_COLUMNS: Mapping[str, type[np.int64 | np.float64]] = {
    "height_px": np.int64, "width_px": np.int64, "frames": np.int64, "fps": np.float64,
    "visual_tokens": np.int64, "own_min_pixels": np.int64, "own_max_pixels": np.int64,
    "resized_first": np.int64,
}  # fmt: skip
"""What a size consists of, in the order that sizes are sorted by."""

OWN_COLUMNS = ("own_min_pixels", "own_max_pixels", "resized_first")
"""Those that only a request can set; 0 in what anything else tells."""

CELL_COLUMNS = {"label": np.int64, "slot_start_s": np.int64, **SIZE_COLUMNS}
"""What a cell of a histogram is told from others by."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a row stood: the base name of its file and its line (row in Parquet).

    Line 0 stands for the file itself, as where an image is one.
    """

    source: str
    line: int

    def __str__(self) -> str:
        """Return it as compilers write places."""
        return f"{self.source}:{self.line}" if self.line else self.source


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejection:
    """Rows that could not be used, for one reason."""

    reason: str
    count: int
    places: tuple[Place, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class InputRecord:
    """One input as it was read: kind, base name ("" untold), rows, canonical hash."""

    kind: str
    name: str
    rows: int
    sha256: str = ""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnLimits:
    """Pixel limits that a request sets for an image, beside those of the processor."""

    min_pixels: int = 0
    max_pixels: int = 0
    """0 where it sets none."""
    resized_first: bool = False
    """Whether the image is resized within them before the processor sees it, as
    qwen_vl_utils does; else they take the place of the processor's."""


NO_LIMITS = OwnLimits()


def _nothing() -> IntArray:
    return np.zeros(0, dtype=np.int64)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """Distinct sizes with their weights, sorted by their columns in this order.

    Arrays have the shape (n_sizes,).
    """

    height_px: IntArray
    width_px: IntArray
    """Displayed size in pixels."""
    frames: IntArray
    """Frames of a clip; 0 for an image."""
    fps: FloatArray
    """Native frames per second of a clip that is still to be sampled; 0 when `frames`
    are the frames the processor sees."""
    visual_tokens: IntArray
    """Merged patches of an image of which nothing else is known, its sides being 0; 0
    where the sides are known. Of a text all its tokens."""
    own_min_pixels: IntArray = field(default_factory=_nothing)
    own_max_pixels: IntArray = field(default_factory=_nothing)
    resized_first: IntArray = field(default_factory=_nothing)
    """`OwnLimits` of the request; 0 where it sets none, as they are when left out."""
    count: FloatArray
    """Images (or clips) of that size; not negative."""

    def __post_init__(self) -> None:
        """Check shapes and ranges."""
        _fill_own(self)
        shape = self.height_px.shape
        columns = (*(getattr(self, name) for name in SIZE_COLUMNS), self.count)
        problems = []
        if any(column.shape != shape or column.ndim != 1 for column in columns):
            problems.append(
                "sizes: the columns have different lengths; give one value a size"
            )
        elif shape[0]:
            least = np.where(self.is_told, 0, 1)
            if (np.minimum(self.height_px, self.width_px) < least).any():
                problems.append("sizes: a side is below 1 px; sides start at 1")
            if self.visual_tokens.min() < 0:
                problems.append("sizes: visual tokens are 0 (not given) or positive")
            if self.frames.min() < 0 or self.fps.min() < 0:
                problems.append("sizes: frames and fps are 0 (not given) or positive")
            if min(getattr(self, name).min() for name in OWN_COLUMNS) < 0:
                problems.append("sizes: own limits are 0 (not given) or positive")
            if self.count.min() < 0 or not np.isfinite(self.count).all():
                problems.append("sizes: a count is negative or not finite")
        raise_all(problems)

    def __len__(self) -> int:
        """Return the number of distinct sizes."""
        return int(self.height_px.size)

    @property
    def is_told(self) -> NDArray[np.bool_]:
        """Which images are known by their visual tokens alone."""
        return self.visual_tokens > 0

    @property
    def has_own_limits(self) -> NDArray[np.bool_]:
        """Which images limits of their request bind instead of the processor's."""
        bound = self.own_min_pixels + self.own_max_pixels > 0
        return np.asarray(bound & (self.resized_first == 0))

    def without_own_limits(self) -> Sizes:
        """Return the same sizes as if no request set limits."""
        none: dict[str, Any] = dict.fromkeys(OWN_COLUMNS, np.zeros_like(self.frames))
        return replace(self, **none)


@dataclass(frozen=True, slots=True, kw_only=True)
class Traffic:
    """A histogram of sizes per time slot and label, with what was rejected.

    Cells are distinct and sorted by label, slot and size, so equal traffic has equal
    arrays however its rows were ordered, split or merged.

    Attributes
    ----------
    height_px, width_px, frames, fps, visual_tokens, own_min_pixels, own_max_pixels, \
    resized_first : ndarray, shape (n_cells,)
        As in `Sizes`.
    slot_start_s : ndarray of int64, shape (n_cells,)
        Start of the slot in seconds since 1970 (UTC), or `NO_TIME_S`.
    label : ndarray of int64, shape (n_cells,)
        Index into `labels`; -1 for none.
    count : ndarray of float64, shape (n_cells,)
        Images (or clips) in the cell.
    labels : tuple of str
        Distinct labels, sorted.
    slot_width_s : int
        Width of a slot, one of `SLOT_LADDER_S`.
    size_bits : int
        Significant bits of the sizes, one of `BITS_LADDER`; 0 where they are exact.
    rows_read, rows_used : int
        Rows seen, and rows that count in the histogram.
    rejections : tuple of Rejection
        Every other row, by reason.
    inputs : tuple of InputRecord
        What was read.
    first_s, last_s : float or None
        Time of the earliest and the latest row that has one.
    weighted : bool
        Whether any input brought a count column.
    requests : Together
        Images of one request; of weighted rows none are told.
    calls : Together
        Images that came at once: within one step where times tell, else of one request.
    """

    height_px: IntArray
    width_px: IntArray
    frames: IntArray
    fps: FloatArray
    visual_tokens: IntArray
    own_min_pixels: IntArray = field(default_factory=_nothing)
    own_max_pixels: IntArray = field(default_factory=_nothing)
    resized_first: IntArray = field(default_factory=_nothing)
    slot_start_s: IntArray
    label: IntArray
    count: FloatArray
    labels: tuple[str, ...] = ()
    slot_width_s: int = SLOT_LADDER_S[0]
    size_bits: int = EXACT
    rows_read: int = 0
    rows_used: int = 0
    rejections: tuple[Rejection, ...] = ()
    inputs: tuple[InputRecord, ...] = ()
    first_s: float | None = None
    last_s: float | None = None
    weighted: bool = False
    requests: Together = field(default_factory=Together)
    calls: Together = field(default_factory=Together)
    notes: tuple[str, ...] = field(default=())

    def __post_init__(self) -> None:
        """Check that rows add up and columns fit."""
        _fill_own(self)
        problems = []
        rejected = sum(rejection.count for rejection in self.rejections)
        if self.rows_read != self.rows_used + rejected:
            problems.append(
                f"traffic: {self.rows_read} rows read, but {self.rows_used} used and "
                f"{rejected} rejected; they must add up"
            )
        if self.slot_width_s not in SLOT_LADDER_S:
            problems.append(
                f"traffic: slot width {self.slot_width_s} s; use one of {SLOT_LADDER_S}"
            )
        if self.size_bits not in BITS_LADDER:
            problems.append(
                f"traffic: sizes of {self.size_bits} bits; use one of {BITS_LADDER}"
            )
        if self.label.size and int(self.label.max()) >= len(self.labels):
            problems.append("traffic: a cell has a label that is not in the list")
        raise_all(problems)
        # Its own cells are sizes, too, and have to pass for such.
        Sizes(**_columns(self, SIZE_COLUMNS), count=self.count)

    @property
    def rows_rejected(self) -> int:
        """Rows that could not be used."""
        return self.rows_read - self.rows_used

    @property
    def images(self) -> float:
        """Images and clips, weighted."""
        return float(self.count.sum())

    def sizes(self) -> Sizes:
        """Return the distinct sizes over all slots and labels."""
        return Sizes(**grouped(_columns(self, SIZE_COLUMNS), self.count))

    def size_of_cell(self) -> IntArray:
        """Return the place of each cell's size among `sizes`."""
        return places_of(_columns(self, SIZE_COLUMNS))[0]

    def decayed(self, half_life_s: float) -> Traffic:
        """Return the same traffic, each image worth half as much a half-life earlier.

        Ages count from the newest slot; images without a time are as new as it.

        Raises
        ------
        UsageError
            When no image has a time.
        """
        timed = self.slot_start_s != NO_TIME_S
        if not timed.any():
            message = "--half-life: expected images with times, got none; leave it out"
            raise UsageError(message)
        newest_s = int(self.slot_start_s[timed].max())
        age_s = np.where(timed, newest_s - self.slot_start_s, 0)
        worth = np.exp2(-age_s / half_life_s)
        # Of groups no time is kept.
        alone: dict[str, Any] = {"requests": Together(), "calls": Together()}
        notes = (*self.notes, SAID_OF_AGE) if len(self.calls) else self.notes
        return replace(
            self, count=self.count * worth, weighted=True, notes=notes, **alone
        )

    def by_day(self, span_s: int = HOURS_FOR_S) -> Traffic:
        """Return the same traffic, in slots of days where it spans longer than that."""
        if (
            self.first_s is None
            or self.last_s is None
            or self.slot_width_s in (0, DAY_S)
        ):
            return self
        is_long = self.last_s - self.first_s > span_s and self.slot_width_s < DAY_S
        return _regroup(self, DAY_S) if is_long else self

    def without_empty_cells(self) -> Traffic:
        """Return the same traffic without cells of no image: nobody sent those sizes."""
        columns = {**_columns(self, CELL_COLUMNS), "count": self.count}
        used = self.count > 0
        return replace(self, **{name: each[used] for name, each in columns.items()})

    def without_rare_cells(self, least: int) -> Traffic:
        """Return the same traffic without cells of fewer images, and say how many went.

        Groups that came together go, too: most of them are rarer than their sizes.
        """
        if least <= 1:
            return self
        kept = self.count >= least
        if not kept.any():
            message = (
                f"expected sizes seen {least:,} times in an hour, got none; ask fewer"
            )
            raise UsageError(f"--k-anonymity: {message}")
        dropped = self.images - self.count[kept].sum()
        columns = {**_columns(self, CELL_COLUMNS), "count": self.count}
        columns = {name: each[kept] for name, each in columns.items()}
        used = np.unique(columns["label"][columns["label"] >= 0])
        place = np.full(len(self.labels) + 1, -1, dtype=np.int64)
        place[used] = np.arange(len(used))
        columns["label"] = place[columns["label"]]
        timed = columns["slot_start_s"][columns["slot_start_s"] != NO_TIME_S]
        # Of the first and the last alone the hours that are left are told.
        known = self.first_s is not None and timed.size > 0
        said = (
            f"{(~kept).sum():,} of {kept.size:,} cells were seen fewer than {least:,} times "
            f"and dropped, {dropped:,.6g} of {self.images:,.6g} images with them"
        )
        return replace(
            self,
            **columns,
            labels=tuple(self.labels[at] for at in used),
            first_s=float(timed.min()) if known else None,
            last_s=float(timed.max()) + max(self.slot_width_s, 1) - 1
            if known
            else None,
            requests=Together(),
            calls=Together(),
            notes=(*self.notes, said),
        )

    def noting_what_is_lost(self) -> Traffic:
        """Return the same traffic with a note where groups were too many to keep."""
        if not (self.requests.is_too_much or self.calls.is_too_much):
            return self
        notes = dict.fromkeys((*self.notes, said_of_too_much()))
        return replace(self, notes=tuple(notes))

    def without_places(self) -> Traffic:
        """Return the same traffic without names of inputs and places of rows."""
        return replace(
            self,
            inputs=tuple(replace(record, name="") for record in self.inputs),
            rejections=tuple(replace(item, places=()) for item in self.rejections),
        )

    def sha256(self) -> str:
        """Return the hash of the canonical histogram (not of any file's bytes)."""
        digest = hashlib.sha256()
        digest.update("\x1f".join(self.labels).encode())
        digest.update(str(self.slot_width_s).encode())
        for name in (*self.kept_columns, "count"):
            digest.update(np.ascontiguousarray(getattr(self, name)).tobytes())
        for sent in (self.requests, self.calls):
            for column in (*sent.columns.values(), sent.size, sent.ends, sent.count):
                digest.update(column.tobytes())
        return digest.hexdigest()

    @property
    def kept_columns(self) -> tuple[str, ...]:
        """Columns of cells that say something: limits of their own are rare."""
        return tuple(
            name
            for name in CELL_COLUMNS
            if name not in OWN_COLUMNS or getattr(self, name).any()
        )


def _fill_own(sizes: Sizes | Traffic) -> None:
    """Let sizes of which no limits of their own are told have none."""
    for name in OWN_COLUMNS:
        if not getattr(sizes, name).size:
            object.__setattr__(sizes, name, np.zeros_like(sizes.height_px))


def _columns(of: Any, names: Iterable[str]) -> dict[str, Any]:
    return {name: getattr(of, name) for name in names}


def grouped(columns: Mapping[str, NDArray[Any]], count: FloatArray) -> dict[str, Any]:
    """Return named columns with equal cells merged, and what they count.

    The columns are those of `CELL_COLUMNS`, most significant first.
    """
    keys, total = group_cells(list(columns.values()), count)
    typed = {
        name: key.astype(CELL_COLUMNS[name], copy=False)
        for name, key in zip(columns, keys, strict=True)
    }
    return {**typed, "count": total}


def group_cells(
    keys: Sequence[NDArray[np.generic]], count: FloatArray
) -> tuple[list[NDArray[np.generic]], FloatArray]:
    """Merge equal cells.

    Keys are given most significant first; cells return in ascending order, with the sum of
    their weights.
    """
    if not count.size:
        return [np.asarray(key) for key in keys], count
    # A column of one value decides nothing, and most are.
    varied = [bool((key != key[0]).any()) for key in keys]
    telling = [key for key, varies in zip(keys, varied, strict=True) if varies]
    order = np.lexsort(tuple(reversed(telling or keys[:1])))
    new = np.zeros(count.size, dtype=bool)
    new[0] = True
    for key in telling:
        ordered = key[order]
        new[1:] |= ordered[1:] != ordered[:-1]
    one_of_each = order[new]
    # One after the other, so that sums of sums are the same.
    total = np.bincount(np.cumsum(new) - 1, weights=count[order])
    return [
        np.asarray(key[one_of_each] if varies else key[: one_of_each.size])
        for key, varies in zip(keys, varied, strict=True)
    ], total.astype(np.float64, copy=False)


def merge_traffic(parts: Iterable[Traffic], max_cells: int = MAX_CELLS) -> Traffic:
    """Add histograms up: adding two equals reading both files together."""
    merged = list(parts)
    raise_all([] if merged else ["traffic: nothing to merge; give at least one input"])
    # 0 (no time) stands last in the ladder and wins over every width.
    width_s = max((part.slot_width_s for part in merged), key=SLOT_LADDER_S.index)
    bits = max((part.size_bits for part in merged), key=BITS_LADDER.index)
    labels = tuple(sorted({label for part in merged for label in part.labels}))
    index = {label: position for position, label in enumerate(labels)}
    label_columns = []
    for part in merged:
        lookup = np.array([*(index[label] for label in part.labels), -1], np.int64)
        label_columns.append(lookup[part.label])
    firsts = [part.first_s for part in merged if part.first_s is not None]
    lasts = [part.last_s for part in merged if part.last_s is not None]
    joined: dict[str, Any] = {
        name: np.concatenate([getattr(part, name) for part in merged])
        for name in ("slot_start_s", *SIZE_COLUMNS, "count")
    }
    total = Traffic(
        **joined,
        label=np.concatenate(label_columns),
        labels=labels,
        slot_width_s=width_s,
        rows_read=sum(part.rows_read for part in merged),
        rows_used=sum(part.rows_used for part in merged),
        rejections=merge_rejections(part.rejections for part in merged),
        inputs=tuple(record for part in merged for record in part.inputs),
        first_s=min(firsts, default=None),
        last_s=max(lasts, default=None),
        weighted=any(part.weighted for part in merged),
        requests=merge_together([part.requests for part in merged]),
        calls=merge_together([part.calls for part in merged]),
        notes=tuple(dict.fromkeys(note for part in merged for note in part.notes)),
    ).noting_what_is_lost()
    return _fit(_regroup(_rounded(total, bits), width_s), max_cells)


def merge_rejections(parts: Iterable[Sequence[Rejection]]) -> tuple[Rejection, ...]:
    """Add up what was rejected, with the first places of each reason."""
    counts: dict[str, int] = {}
    places: dict[str, list[Place]] = {}
    for part in parts:
        for rejection in part:
            counts[rejection.reason] = counts.get(rejection.reason, 0) + rejection.count
            places.setdefault(rejection.reason, []).extend(rejection.places)
    return tuple(
        Rejection(reason=reason, count=count, places=tuple(places[reason][:MAX_PLACES]))
        for reason, count in sorted(counts.items())
    )


def _regroup(traffic: Traffic, slot_width_s: int) -> Traffic:
    """Return the same traffic with slots of the given width and equal cells merged."""
    start_s = traffic.slot_start_s
    if slot_width_s == 0:
        start_s = np.full_like(start_s, NO_TIME_S)
    else:
        floored = start_s // slot_width_s * slot_width_s
        start_s = np.where(start_s == NO_TIME_S, NO_TIME_S, floored)
    columns = {**_columns(traffic, CELL_COLUMNS), "slot_start_s": start_s}
    cells = grouped(columns, traffic.count)
    return replace(traffic, **cells, slot_width_s=slot_width_s)


def said_of_rounding(bits: int, max_cells: int) -> str:
    """Return what sizes rounded to so many bits are."""
    most = math.ceil(2.0 ** (1 - bits) * 1e3) / 1e3
    return (
        f"more than {max_cells:,} distinct sizes: they were rounded up by less than "
        f"{percent(most)}"
    )


def said_of_slots(width_s: int, max_cells: int) -> str:
    """Return what slots are that were widened."""
    said = f"{width_s // 3600} h" if width_s else "the whole span"
    return f"more than {max_cells:,} cells: time slots were widened to {said}"


def said_of_labels(max_cells: int) -> str:
    """Return what became of labels."""
    return f"more than {max_cells:,} cells: labels were merged into one"


def _fit(traffic: Traffic, max_cells: int) -> Traffic:
    """Round sizes if they alone are too many, widen slots, then merge labels."""
    bits_index = BITS_LADDER.index(traffic.size_bits)
    while (
        traffic.count.size > max_cells
        and bits_index + 1 < len(BITS_LADDER)
        and len(traffic.sizes()) > max_cells
    ):
        bits_index += 1
        bits = BITS_LADDER[bits_index]
        note = said_of_rounding(bits, max_cells)
        traffic = replace(
            _regroup(_rounded(traffic, bits), traffic.slot_width_s),
            notes=(*(n for n in traffic.notes if "distinct sizes" not in n), note),
        )
    width_index = SLOT_LADDER_S.index(traffic.slot_width_s)
    timed = bool((traffic.slot_start_s != NO_TIME_S).any())
    while (
        timed
        and traffic.count.size > max_cells
        and width_index + 1 < len(SLOT_LADDER_S)
    ):
        width_index += 1
        width_s = SLOT_LADDER_S[width_index]
        note = said_of_slots(width_s, max_cells)
        traffic = replace(
            _regroup(traffic, width_s),
            notes=(*(n for n in traffic.notes if "time slots" not in n), note),
        )
    if traffic.count.size > max_cells and traffic.labels:
        unlabelled = replace(
            traffic,
            label=np.full_like(traffic.label, -1),
            labels=(),
            notes=(*traffic.notes, said_of_labels(max_cells)),
        )
        traffic = _regroup(unlabelled, traffic.slot_width_s)
    return traffic


def _rounded(traffic: Traffic, bits: int) -> Traffic:
    """Return the same traffic with sizes of no more bits, cells not yet merged.

    Rates go down and all else up, so that no image or clip becomes smaller.
    """
    if bits == traffic.size_bits:
        return traffic
    return replace(
        traffic,
        **_rounded_columns(_columns(traffic, SIZE_COLUMNS), bits),
        size_bits=bits,
        requests=rounded_together(traffic.requests, bits),
        calls=rounded_together(traffic.calls, bits),
    )


def rounded_together(sent: Together, bits: int) -> Together:
    """Return groups with sizes of no more bits, rounded as those of cells are."""
    if bits == EXACT:
        return sent
    return sent.resized(_rounded_columns(sent.columns, bits))


def _rounded_columns(columns: Mapping[str, Any], bits: int) -> dict[str, Any]:
    return {
        name: np.floor(each / _step(each, bits)) * _step(each, bits)
        if name == "fps"
        else _round_up(each, bits)
        for name, each in columns.items()
    }


def _round_up(column: IntArray, bits: int) -> IntArray:
    step = _step(column, bits)
    return (np.ceil(column / step) * step).astype(np.int64)


def _step(column: NDArray[Any], bits: int) -> FloatArray:
    """Return what the last of so many significant bits of each number stands for."""
    _, exponent = np.frexp(column)
    return np.asarray(np.ldexp(1.0, exponent - bits), np.float64)
