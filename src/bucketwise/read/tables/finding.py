"""Which column plays which role: as the user says, or by its usual names."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from itertools import product

from bucketwise.errors import InputError
from bucketwise.read.tables.names import LOAD, SIZES, Vocabulary
from bucketwise.read.tables.naming import Naming, listed
from bucketwise.read.tables.times import is_date

Cells = Callable[[int], Sequence[str]]
"""Position of a column -> some of its cells."""

_OF_CLIENTS = re.compile(r"(.*[._])?(request|req|http_request|client)\.[^.]*")
_DOMAIN = re.compile(r"(?i)([a-z0-9-]+\.)+(?!local$|internal$|lan$|svc$)[a-z]{2,}")
_BOX = re.compile(r"(.*[._])?(b?box|bounding_box|bounds|region|crop|roi)(es)?\.[^.]*")

_CORNERS = (("x", "y"), ("left", "top"), ("bbox_x", "bbox_y"), ("x_min", "y_min"))
_SIDES = (("w", "h"), ("width", "height"))
"""What a box is told by, the shorter names first: beside them the others are no box's."""

_MOMENTS = frozenset({"start", "end"})
"""A column named for one of them may be found as the time of an image, too."""


def no_cells(_: int) -> tuple[str, ...]:
    """Stand for the cells of a table of which nothing but the names is known."""
    return ()


def said_against(role: str, names: Sequence[str], at: int, cells: Cells) -> str:
    """Return why a column does not play the role that it is named for; "" where it may."""
    test = _TESTS.get(role)
    return test(names, at, cells) if test else ""


def _no_duration(_: Sequence[str], at: int, cells: Cells) -> str:
    return "holds dates" if _most(is_date, cells(at)) else ""


def _no_time(names: Sequence[str], at: int, cells: Cells) -> str:
    """Refuse what is a duration by its name unless it holds dates."""
    is_duration = _last(names[at]) == "request_time"
    return "holds no dates" if is_duration and not _most(is_date, cells(at)) else ""


def _no_replica(names: Sequence[str], at: int, cells: Cells) -> str:
    if _OF_CLIENTS.fullmatch(LOAD.plain(names[at])[0]):
        return "is what a client asked for"
    by_name = _last(names[at]) in {"hostname", "server"}
    if by_name and _most(lambda cell: bool(_DOMAIN.fullmatch(cell)), cells(at)):
        return "holds names that clients ask for"
    return ""


def _no_side(names: Sequence[str], at: int, cells: Cells) -> str:
    plain = [SIZES.plain(name)[1] for name in names]
    if _BOX.fullmatch(plain[at]):
        return "is of a box in an image"
    parent, dot, side = plain[at].rpartition(".")
    for corner, sides in product(_CORNERS, _SIDES):
        box = [f"{parent}{dot}{each}" for each in (*corner, *sides)]
        if set(box) <= set(plain):
            x, y, width, height = (_numbers(cells(plain.index(each))) for each in box)
            in_screen = _all_less(x, width) and _all_less(y, height)
            of_box = side in sides and not in_screen
            beside = f"beside {corner[0]!r} and {corner[1]!r}"
            return f"{beside} is of a box in an image" if of_box else ""
    return ""


_TESTS: Mapping[str, Callable[[Sequence[str], int, Cells], str]] = {
    "duration": _no_duration,
    "time": _no_time,
    "replica": _no_replica,
    "width": _no_side,
    "height": _no_side,
}


def _last(name: str) -> str:
    return LOAD.plain(name)[0].rpartition(".")[2]


def _most(test: Callable[[str], bool], cells: Sequence[str]) -> bool:
    return sum(map(test, cells)) * 2 > len(cells)


def _numbers(cells: Sequence[str]) -> list[float | None]:
    return [
        float(cell) if re.fullmatch(r"\s*-?\d+(\.\d*)?\s*", cell) else None
        for cell in cells
    ]


def _all_less(places: Sequence[float | None], sides: Sequence[float | None]) -> bool:
    """Return whether places lie within sides, as clicks in a screen do."""
    pairs = [
        (place, side)
        for place, side in zip(places, sides, strict=False)
        if place is not None and side is not None
    ]
    return bool(pairs) and all(place <= side for place, side in pairs)


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """The columns of a table, by role."""

    roles: Mapping[str, int]
    """Position of the column of each role, from 0; no column has two, but for one that
    is named so."""
    named: Mapping[str, int]
    """Those of them that the user named."""
    others: Mapping[int, str]
    """Position to what to say where other columns could be meant."""
    places: Mapping[str, int]
    """Where the columns stand that the user named, by what was typed."""
    unfit: Mapping[int, str] = field(default_factory=dict)
    """Position of a column that has the name of a role to why it does not play it."""


def find_columns(
    names: Sequence[str],
    vocabulary: Vocabulary,
    naming: Naming,
    source: str,
    *,
    may_lack: Collection[str] = (),
    known: Mapping[str, int] | None = None,
    cells: Cells = no_cells,
) -> Found:
    """Return the column of each role, as the user says or else by its usual names."""
    places = naming.places(names, source)
    wanted = naming.wanted(vocabulary)
    named = {role: places[key] for role, key in wanted.items() if key in places}
    lacking = [role for role in wanted if naming[wanted[role]] and role not in named]
    for role in lacking:
        if role not in may_lack:
            key = wanted[role]
            raise InputError(
                f"{source}: --columns {key}={naming[key]}: there is no such column; "
                f"found {listed(names)}; give one of these names, or a position from 1"
                f"{_nearest(key, naming[key], names)}"
            )
    settled = wanted.keys() - lacking
    if {"width", "height"} <= named.keys() and named["width"] == named["height"]:
        # Both sides in one column make it a resolution.
        named = {"resolution": named["width"]} | named
        del named["width"], named["height"]
        settled |= {"resolution"}
    of_others = dict(_of_others(places, vocabulary, naming))
    moments = {of_others[role] for role in _MOMENTS & of_others.keys()}
    taken = {*named.values(), *of_others.values()}
    roles, others, unfit = dict(named), dict[int, str](), dict[int, str]()
    known = {role: at for role, at in (known or {}).items() if at not in taken}
    for role in [each for each in vocabulary.aliases if each not in settled]:
        found = vocabulary.find(names, role)
        against = {at: said_against(role, names, at, cells) for at in found}
        unfit |= {at: said for at, said in against.items() if said}
        usual = [at for at in found if not against[at] and at not in known.values()]
        usual = [known[role]] if role in known else usual
        free = [at for at in usual if at not in taken]
        if role == "time":
            free = free or [at for at in usual if at in moments]
        if free:
            roles[role] = free[0]
            taken.add(free[0])
        if len(free) > 1:
            others[free[0]] = _also_matching(names, role, free)
    in_order = {role: roles[role] for role in vocabulary.aliases if role in roles}
    unfit = {at: said for at, said in unfit.items() if at not in roles.values()}
    return Found(roles=in_order, named=named, others=others, places=places, unfit=unfit)


def _of_others(
    places: Mapping[str, int], vocabulary: Vocabulary, naming: Naming
) -> Iterator[tuple[str, int]]:
    """Yield the columns named for what another reader looks for in this table."""
    other = LOAD if vocabulary is SIZES else SIZES
    for key, at in places.items():
        role = naming.role(key, other)
        if role and not naming.apart and naming.role(key, vocabulary) is None:
            yield role, at


def _nearest(key: str, column: str, names: Sequence[str]) -> str:
    """Return the line that names the column that is called most alike."""
    nearest = get_close_matches(column, names, 1, cutoff=0)
    if not nearest:
        return ""
    return f", as in --columns {shlex.quote(f'{key}={nearest[0]}')}"


def _also_matching(names: Sequence[str], role: str, found: Sequence[int]) -> str:
    """Return what to say where several columns may play a role."""
    others = ", ".join(repr(names[at]) for at in found[1:])
    return (
        f"{role} is read from {names[found[0]]!r}; {others} could be meant as well: "
        f"--columns {role}=NAME decides"
    )
