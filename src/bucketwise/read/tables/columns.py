"""Which columns tell the size of an image or a text: by alias, or as the user says."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field

from bucketwise.errors import InputError, UsageError
from bucketwise.read.query import lines_to_type
from bucketwise.read.tables.counted import COUNTED, ROWS, counted_roles
from bucketwise.read.tables.finding import Cells, Found, find_columns, no_cells
from bucketwise.read.tables.names import LENGTH, LOAD, SIZES
from bucketwise.read.tables.naming import (
    SHARED,
    Chosen,
    Naming,
    listed,
    said_of_unfit,
    unused,
)

LOOSE_NAMES = (
    "requests", "num_requests", "request_count", "hits", "images", "num_images",
    "image_count", "total", "qty", "quantity", "occurrences",
    "doc_count",
)  # fmt: skip
"""What a sum over rows is called; in a log of single requests such names say other
things."""

_OF_IMAGES = frozenset({"images", "num_images", "image_count"})
"""Those that count images alone: beside the tokens of a text it tells what that text held."""

_OF_SUMS = frozenset({None, "time", "path", "replica", "engine"})
"""Roles of a load by which requests are summed up; the others are of one request."""

_OF_ANY = frozenset({"count", "time", "label"})
_OF_CLIPS = frozenset({"frames", "fps"})
_OF_A_SIZE = frozenset({"height", "width", "resolution", "shape"})


def loose_count(
    names: Sequence[str],
    taken: Collection[int],
    cells: Cells,
    *,
    of_texts: bool = False,
) -> int | None:
    """Return the column that counts what is sized without being named so, or None."""
    if not {LOAD.role_of(name) for name in names} <= _OF_SUMS:
        return None
    for loose in LOOSE_NAMES:
        if of_texts and loose in _OF_IMAGES:
            continue
        for at, name in enumerate(names):
            if loose in SIZES.plain(name) and at not in taken and _is_count(cells(at)):
                return at
    return None


def _is_count(cells: Sequence[str]) -> bool:
    """Say whether cells are whole numbers, and not all of them 0 or 1."""
    filled = [cell.strip() for cell in cells if cell.strip()]
    whole = all(
        re.fullmatch(r"\d{1,3}([, ]?\d{3})*|\d+(\.0+)?", each) for each in filled
    )
    return whole and not all(each in {"0", "1"} for each in filled)


@dataclass(frozen=True, slots=True)
class _Form:
    """A way to tell how large an image is: what it needs, and what goes with it."""

    needs: frozenset[str]
    takes: frozenset[str]

    def roles(self, found: Mapping[str, int]) -> dict[str, int]:
        """Return the columns it reads; none where one that it needs is not there."""
        if not self.needs <= found.keys():
            return {}
        read = self.needs | self.takes | _OF_ANY
        if "frames" not in found:
            read -= {"fps"}
        if "count" in found:
            # What a row counts is of many requests.
            read -= {"request"}
        return {role: at for role, at in found.items() if role in read}


_FORMS = (
    _Form(frozenset({"height", "width"}), _OF_CLIPS | {"request"}),
    _Form(frozenset({"resolution"}), _OF_CLIPS | {"request"}),
    _Form(frozenset({"shape"}), _OF_CLIPS | {"request"}),
    _Form(frozenset({"tokens"}), frozenset({"images", "request"})),
    _Form(frozenset({"prompt", "text", "images"}), frozenset()),
    _Form(frozenset({LENGTH}), frozenset()),
)
"""The more exact first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """The columns that are read."""

    roles: Mapping[str, int]
    """Position of the column of each role, from 0."""
    notes: tuple[str, ...] = ()
    """What was read as what, and what else could have been meant."""
    units_s: Mapping[str, float] = field(default_factory=dict)
    """Seconds in one unit of the numbers of a role, where its column tells."""
    named: Mapping[str, str] = field(default_factory=dict)
    """What the column of each role is called."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Purpose:
    """What a table is opened for."""

    match: Callable[[Sequence[str], Chosen, str, Cells], Match]
    """Names of columns, the user's choice, the name of the file and some cells of a
    column -> the columns that are read; an InputError where they do not serve the
    purpose."""
    is_heading: Callable[[str], bool]
    is_value: Callable[[str], bool]
    """Whether a cell is what only a header has, and what only a row has."""
    sought: str
    columns: str
    line: str
    """For messages: what is sought, how to name its columns in a file without header,
    and how a line of JSON tells it."""


def match_columns(
    names: Sequence[str], chosen: Chosen, source: str, cells: Cells = no_cells
) -> Match:
    """Find the column of every role; what is named wins over what is found."""
    naming = Naming.of(chosen)
    counted = counted_roles(names)
    if counted:
        return _match_counts(names, counted, naming, source)
    lacks = SHARED if naming.apart else ()
    found = find_columns(names, SIZES, naming, source, may_lack=lacks, cells=cells)
    asked = found.named.keys() - (SHARED if naming.tells_load else set())
    roles = max(
        (form.roles(found.roles) for form in _FORMS),
        key=lambda read: (bool(read), len(asked & read.keys())),
    )
    if not roles:
        raise InputError(_no_size(names, found, source))
    if not {"count", "images"} & {*roles, *naming.wanted(SIZES)}:
        at = loose_count(names, roles.values(), cells, of_texts=LENGTH in roles)
        if at is not None:
            roles = {**roles, "count": at}
            roles.pop("request", None)
    reading = ", ".join(f"{role} from {names[at]!r}" for role, at in roles.items())
    _check_named(found, roles, f"{source}: read {reading}")
    naming.mark(SIZES, found.places, roles.values())
    purpose = "lengths" if LENGTH in roles else "sizes"
    notes = [
        f"read {reading}{unused(names, roles, purpose)}",
        *_said_of_tokens(names, roles),
    ]
    notes += [found.others[at] for at in roles.values() if at in found.others]
    if (
        "frames" not in roles
        and "fps" in found.roles
        and not {"tokens", LENGTH} & roles.keys()
    ):
        fps = names[found.roles["fps"]]
        notes.append(f"column {fps!r} (fps) needs a frames column")
    return Match(
        roles=roles,
        notes=tuple(notes),
        named={role: names[at] for role, at in roles.items()},
    )


def _match_counts(
    names: Sequence[str], counted: Mapping[str, int], naming: Naming, source: str
) -> Match:
    """Take the columns of rows that were counted elsewhere: each is named for its role."""
    sized = max((form.roles(counted) for form in _FORMS), key=bool)
    if not sized:
        raise InputError(
            f"{source}: expected the columns of a size beside {ROWS}, named as roles "
            f"are, got {listed(names)}; --print-sql prints the query that gives them"
        )
    for role in {*sized, "time"}:
        naming.mark_role(role)
    told = {
        role: at for role, at in counted.items() if role in COUNTED or role in sized
    }
    return Match(
        roles={role: at for role, at in told.items() if role != "time"},
        notes=(f"read {', '.join(sized)} of rows that were counted where they are",),
        named={role: names[at] for role, at in told.items()},
    )


def _check_named(found: Found, roles: Mapping[str, int], reading: str) -> None:
    """Refuse columns named for sizes alone that the others leave no use for."""
    left = found.named.keys() - roles.keys() - LOAD.aliases.keys()
    if left:
        named = " and ".join(role for role in found.named if role in left)
        raise UsageError(
            f"{reading}; --columns {named} is not read beside that: a size is told "
            "once, by width and height, resolution, shape, tokens, or prompt, text and images; "
            "fps goes with frames, images with tokens, and request goes without count"
        )


def _said_of_tokens(names: Sequence[str], roles: Mapping[str, int]) -> list[str]:
    """Say where sizes are known by their visual tokens alone."""
    if "tokens" in roles:
        told = f"from {names[roles['tokens']]!r}"
        return [f"sizes are known by their visual tokens alone, {told}"]
    if "prompt" not in roles:
        return []
    prompt, text = (names[roles[role]] for role in ("prompt", "text"))
    said = (
        f"{prompt!r} less {text!r} where there is one image, the few tokens around an "
        "image included"
    )
    return [f"sizes are known by their visual tokens alone: {said}"]


def _no_size(names: Sequence[str], found: Found, source: str) -> str:
    sides = ("width", "height")
    lacking = " and ".join(role for role in sides if role not in found.roles)
    return (
        f"{source}: no column for {lacking}{said_of_unfit(names, found.unfit)} among "
        f"{listed(names)}; say which is which "
        "(resolution=NAME where one column has width and height, shape=NAME where it has "
        "height and width, tokens=NAME where only visual tokens were logged; positions "
        f"from 1 where there is no header), as in {lines_to_type(source, names)}"
    )


def _is_size(cell: str) -> bool:
    sides = re.split("[xX*\u00d7,]", cell.strip(" ()[]"))
    return all(side.strip().replace(".", "", 1).isdecimal() for side in sides)


FOR_SIZES = Purpose(
    match=match_columns,
    is_heading=lambda cell: SIZES.role_of(cell) in _OF_A_SIZE,
    is_value=_is_size,
    sought="the sizes",
    columns="width=1,height=2",
    line='{"width": 640, "height": 480}',
)
