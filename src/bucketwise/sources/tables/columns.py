"""Which column plays which role: by alias, or as the user says."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from bucketwise.errors import InputError
from bucketwise.sources.tables.names import (
    SIZES,
    columns_by_role,
    listed,
    wanted_columns,
)

_SIDES = ({"height", "width"}, {"resolution"})
_TOKENS = ({"tokens"}, {"prompt", "text", "images"})
_FORMS = (*_SIDES, *_TOKENS)
"""What tells how large an image is, the more exact first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """The columns that are read.

    Attributes
    ----------
    roles : mapping of str to int
        Position of the column of each role, from 0.
    notes : tuple of str
        What was read as what, and what else could have been meant.
    units_s : mapping of str to float
        Seconds in one unit of the numbers of a role, where its column tells.
    named : mapping of str to str
        What the column of each role is called.
    """

    roles: Mapping[str, int]
    notes: tuple[str, ...] = ()
    units_s: Mapping[str, float] = field(default_factory=dict)
    named: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Purpose:
    """What a table is opened for.

    Attributes
    ----------
    match : callable
        Names of columns, the user's choice and the name of the file -> the columns
        that are read; an InputError where they do not serve the purpose.
    is_heading, is_value : callable
        Whether a cell is what only a header has, and what only a row has.
    sought, columns, line : str
        For messages: what is sought, how to name its columns in a file without header,
        and how a line of JSON tells it.
    """

    match: Callable[[Sequence[str], Mapping[str, str] | None, str], Match]
    is_heading: Callable[[str], bool]
    is_value: Callable[[str], bool]
    sought: str
    columns: str
    line: str


def match_columns(
    names: Sequence[str], chosen: Mapping[str, str] | None, source: str
) -> Match:
    """Find the column of every role.

    Parameters
    ----------
    names : sequence of str
        The columns, in order; `outer.inner` for nested ones.
    chosen : mapping of str to str, optional
        Role to column name, or to a position from 1; "" leaves the role unread.
    source : str
        Base name of the file, for messages.

    Returns
    -------
    Match
        With a height and a width, a resolution, visual tokens, or what tells them: the
        tokens of a prompt and of its text beside its number of images.

    Raises
    ------
    InputError
        When a chosen column is not there, or no size is found.
    """
    wanted = wanted_columns(chosen, SIZES)
    roles, others = columns_by_role(names, SIZES, wanted, source)
    notes = list(others.values())
    roles, said = _one_size(names, roles, wanted)
    roles, tokens_said = _tokens_or_size(names, roles)
    said += tokens_said
    if not any(form <= roles.keys() for form in _FORMS):
        raise InputError(_no_size(names, roles, source))
    if "fps" in roles and "frames" not in roles:
        notes.append(f"column {names[roles.pop('fps')]!r} (fps) needs a frames column")
    reading = ", ".join(f"{role} from {names[at]!r}" for role, at in roles.items())
    return Match(
        roles=roles,
        notes=(f"read {reading}", *said, *notes),
        named={role: names[at] for role, at in roles.items()},
    )


def _one_size(
    names: Sequence[str], roles: dict[str, int], wanted: Mapping[str, str]
) -> tuple[dict[str, int], list[str]]:
    """Keep either the two sides or the resolution; the two sides win."""
    sides = {"height", "width"} & roles.keys()
    asked = bool(wanted.get("resolution")) and not ({"height", "width"} & wanted.keys())
    if "resolution" not in roles or not sides:
        return roles, []
    if len(sides) == 2 and not asked:  # noqa: PLR2004 - both sides
        unread = names[roles["resolution"]]
        kept = {role: at for role, at in roles.items() if role != "resolution"}
        return kept, [f"column {unread!r} (resolution) not read: the sides are there"]
    return {role: at for role, at in roles.items() if role not in sides}, []


def _tokens_or_size(
    names: Sequence[str], roles: dict[str, int]
) -> tuple[dict[str, int], list[str]]:
    """Keep either the size or the visual tokens; the size wins."""
    telling = {role for form in _TOKENS for role in form}
    if any(form <= roles.keys() for form in _SIDES):
        return {role: at for role, at in roles.items() if role not in telling}, []
    if not any(form <= roles.keys() for form in _TOKENS):
        return roles, []
    unread = {"frames", "fps", "height", "width"}
    if "tokens" in roles:
        unread |= {"prompt", "text"}
        said = f"sizes are known by their visual tokens alone, from {names[roles['tokens']]!r}"
    else:
        prompt, text = (names[roles[role]] for role in ("prompt", "text"))
        said = (
            "sizes are known by their visual tokens alone: "
            f"{prompt!r} less {text!r} where there is one image, the few tokens "
            "around an image included"
        )
    return {role: at for role, at in roles.items() if role not in unread}, [said]


def _no_size(names: Sequence[str], roles: Mapping[str, int], source: str) -> str:
    lacking = " and ".join(role for role in ("width", "height") if role not in roles)
    return (
        f"{source}: no column for {lacking} among {listed(names)}; name them with "
        "--columns width=NAME,height=NAME, --columns resolution=NAME or, where only "
        "visual tokens were logged, --columns tokens=NAME (positions from 1 when the "
        "file has no header)"
    )


def _is_heading(cell: str) -> bool:
    return SIZES.role_of(cell) in {"height", "width", "resolution"}


def _is_size(cell: str) -> bool:
    sides = cell.strip().lower().replace("\u00d7", "x").replace("*", "x").split("x")
    return all(side.strip().replace(".", "", 1).isdecimal() for side in sides)


FOR_SIZES = Purpose(
    match=match_columns,
    is_heading=_is_heading,
    is_value=_is_size,
    sought="the sizes",
    columns="width=1,height=2",
    line='{"width": 640, "height": 480}',
)
