"""How a column writes its numbers: what parts thousands, and what parts the fraction."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import partial

_SIDES = frozenset({"height", "width", "resolution", "shape"})
_COUNTED = frozenset(
    {"tokens", "frames", "images", "prompt", "text", "output", "length"}
)
ROLES = _SIDES | _COUNTED | {"count"}
"""Roles whose numbers may have thousands. Sides and what is counted are whole; a weight
may be a fraction. Durations and rates have fractions, and no thousands."""

_LEAST_SIDE_PX = 100
"""Few images have smaller sides: 640.000 is 640, and 1.000 is a thousand."""

_TWO_WAYS = r"[1-9]\d{0,2}[.,]\d{3}"
_SPACES = " '\u2019\u00a0\u2009\u202f"
_SPACED = rf"\s*-?\d{{1,3}}(?:[{_SPACES}]\d{{3}})+(?:[.,]\d+)?\s*"
_NUMBER = r"\s*-?(\d[\d.,]*)\s*"
_PAIR = "[xX*\u00d7]"

_OTHER = {".": ",", ",": "."}


@dataclass(frozen=True, slots=True)
class NumberForm:
    """How the numbers of a column are read."""

    plain: Callable[[str], str]
    """Name of a column of text -> SQL for the text with digits and a decimal point
    alone; what could be a number in two ways is none."""
    said: str = ""
    """What to tell about it; "" where it goes without saying."""


def number_forms(
    samples: Mapping[str, Sequence[str]], typed: frozenset[str] = frozenset()
) -> dict[str, NumberForm]:
    """Return the form of each role that may have thousands.

    What a column cannot tell, the other columns of its file may.
    """
    cells = {
        role: _written(role, values)
        for role, values in samples.items()
        if role in ROLES and role not in typed
    }
    marks = {role: _decimal_mark(role, values) for role, values in cells.items()}
    told = {mark for mark in marks.values() if mark}
    by_others = told.pop() if len(told) == 1 else ""
    return {
        role: _form(role, samples[role], cells[role], marks[role] or by_others)
        for role in cells
    }


def _written(role: str, values: Sequence[str]) -> list[str]:
    """Return the numbers among values, without a sign and without spaces in them."""
    is_pair = role in {"resolution", "shape"}
    parts = (
        each for it in values for each in (re.split(_PAIR, it) if is_pair else [it])
    )
    closed = (
        re.sub(f"[{_SPACES}]", "", part)
        if re.fullmatch(_SPACED, part, re.ASCII)
        else part
        for part in parts
    )
    return [
        match[1] for each in closed if (match := re.fullmatch(_NUMBER, each, re.ASCII))
    ]


def _decimal_mark(role: str, numbers: Sequence[str]) -> str:
    """Return what a fraction stands behind, as far as a column tells: "." or "," or ""."""
    told = {_told(number) for number in numbers} - {""}
    if told:
        return told.pop() if len(told) == 1 else ""
    two_ways = [each for each in numbers if re.fullmatch(_TWO_WAYS, each)]
    marks = {mark for each in two_ways for mark in each if mark in _OTHER}
    if len(marks) != 1:
        return ""
    mark = marks.pop()
    fractions = [each.partition(mark)[2] for each in two_ways]
    if role != "count" and set(fractions) != {"000"}:
        return _OTHER[mark]
    # A fraction with zeros at its end is written so in every row, or it is none.
    if len(two_ways) < len(numbers) and any(each.endswith("0") for each in fractions):
        return _OTHER[mark]
    if role in _SIDES:
        largest = max(int(each.partition(mark)[0]) for each in two_ways)
        return mark if largest >= _LEAST_SIDE_PX else _OTHER[mark]
    return ""


def _told(number: str) -> str:
    """Return the decimal mark that one number tells; "" where it may be either."""
    for mark, other in _OTHER.items():
        grouped = rf"\d{{1,3}}(?:\{other}\d{{3}})"
        if re.fullmatch(
            rf"{grouped}{{2,}}(?:\{mark}\d+)?|{grouped}+\{mark}\d+", number
        ):
            return mark
        if re.fullmatch(rf"\d+\{mark}\d*", number):
            return "" if re.fullmatch(_TWO_WAYS, number) else mark
    return ""


def _form(
    role: str, values: Sequence[str], numbers: Sequence[str], mark: str
) -> NumberForm:
    spaced = any(re.fullmatch(_SPACED, value, re.ASCII) for value in values)
    two_ways = next((each for each in numbers if re.fullmatch(_TWO_WAYS, each)), "")
    point, whole = two_ways.replace(",", "."), re.sub("[.,]", "", two_ways)
    said = ""
    if mark:
        grouped = rf"\d{{1,3}}(\{_OTHER[mark]}\d{{3}})+(\{mark}\d*)?"
        shown = next((each for each in numbers if re.fullmatch(grouped, each)), "")
        two_ways = shown or ("" if any(map(_told, numbers)) else two_ways)
        read = two_ways.replace(_OTHER[mark], "").replace(mark, ".")
        said = f"was read as {Decimal(read).normalize():f}" if read else ""
    elif "," in two_ways:
        said = f"was not read: write {point} or {whole}"
    elif two_ways:
        mark = "."
        said = f"was read with a decimal point: write {whole} where thousands are meant"
    return NumberForm(
        partial(_plain, mark=mark, spaced=spaced),
        f"{role} such as {two_ways} {said}" if said else "",
    )


def _plain(text: str, *, mark: str, spaced: bool) -> str:
    if spaced:
        closed = f"regexp_replace({text}, '[{_quoted(_SPACES)}]', '', 'g')"
        text = (
            f"CASE WHEN regexp_full_match({text}, '{_quoted(_SPACED)}') "
            f"THEN {closed} ELSE {text} END"
        )
    separated = f"contains({text}, ',') OR contains({text}, '.')"
    if not mark:
        unclear = f"regexp_full_match({text}, '\\s*-?{_TWO_WAYS}\\s*')"
        return (
            f"CASE WHEN ({separated}) AND {unclear} THEN '?' || {text} ELSE {text} END"
        )
    other = _OTHER[mark]
    number = rf"\s*-?(\d{{1,3}}(\{other}\d{{3}})+|\d+)(\{mark}\d*)?\s*"
    whole = f"replace(replace({text}, '{other}', ''), '{mark}', '.')"
    return (
        f"CASE WHEN ({separated}) AND regexp_full_match({text}, '{number}') THEN {whole} "
        f"WHEN contains({text}, '{other}') THEN '?' || {text} ELSE {text} END"
    )


def _quoted(pattern: str) -> str:
    return pattern.replace("'", "''")
