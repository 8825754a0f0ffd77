"""SQL that turns the text of a row into a size, or into the reason why it is none."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from types import MappingProxyType

from bucketwise.nouns.traffic import MAX_SIDE_PX
from bucketwise.read.tables.names import LENGTH
from bucketwise.read.tables.number_forms import NumberForm
from bucketwise.read.tables.table import WHOLE
from bucketwise.words.reject_reasons import (
    ABSURD,
    MISSING,
    NOT_A_NUMBER,
    NOT_ONE_IMAGE,
    RAGGED,
    ZERO_OR_NEGATIVE,
)

AN_ADDRESS = "(an address)"
"""Stands for labels that are URLs or mail addresses."""

MAX_TOKENS = 1_000_000
"""Above the context of every language model there is."""

MAX_FRAMES = 1_000_000_000
MAX_FPS = 1_000_000
MAX_COUNT = 10**15

WEIGHT_TYPE = "DECIMAL(38, 12)"
"""Sums of it do not depend on the order of the rows, as sums of floats do."""

_ARRAY_SIDES = ("height", "width")
_SIDES_IN_ORDER = {"resolution": ("width", "height"), "shape": _ARRAY_SIDES}

_ORDERS = {
    "resolution": ("width, height", "as Image.size of Pillow is", "shape"),
    "shape": ("height, width", "as the shape of an array is", "resolution"),
}

# A pattern, because DuckDB would make a join of `IN (...)` and run it for every row.
_BLANK_TEXT = r"(?i)\s*(null|none|nan|na|n/a)?\s*"
_TIMES = "xX*\u00d7"
_PAIRS = (
    f"^([^{_TIMES}]*)[{_TIMES}]([^{_TIMES}]*)$",
    r"^\s*[(\[]?\s*(\d+)\s*,\s+(\d+)\s*[)\]]?\s*$",
    r"^\s*[(\[]\s*(\d+)\s*,\s*(\d+)\s*[)\]]\s*$",
    rf"(?i)^\s*(\d+)\s*(?:px)?\s*(?:[{_TIMES}]|by)\s*(\d+)\s*(?:px|pixels)?\s*$",
)
"""Two sides in one cell, in the order of their role. Of what fits several the first is
taken: its parts may have thousands."""

_OPEN, _CLOSED = r"^\s*(?:torch\.Size\()?[(\[]\s*", r"\s*,?\s*[)\]]\)?\s*$"
_ARRAYS = (
    rf"{_OPEN}(\d+)\s*,\s*(\d+)\s*,\s*[134]{_CLOSED}",
    rf"^\s*torch\.Size\(\[\s*(\d+)\s*,\s*(\d+){_CLOSED}",
    rf"{_OPEN}[134]\s*,\s*(\d+)\s*,\s*(\d+){_CLOSED}",
)
"""Shapes of arrays, their channels last, left out or first: height and width, whatever
the column is called."""

_TUPLE = r"\s*[(\[]?\s*\d+\s*,\s*\d+\s*[)\]]?\s*"


def parsed_rows(
    relation: str,
    roles: Mapping[str, int],
    kept: Sequence[str] = (),
    forms: Mapping[str, NumberForm] = MappingProxyType({}),
) -> str:
    """Return SQL that judges every row of a relation; its time is not looked at."""
    texts = ", ".join([*_texts(roles, forms), "ragged", *kept])
    numbers = ", ".join(["*", *_numbers(roles)])
    judged = f"*, {_reason(roles)} AS reason"
    values = ", ".join(["reason", *_values(roles), *kept])
    return (
        f"SELECT {values} FROM (SELECT {judged} FROM (SELECT {numbers} FROM "
        f"(SELECT {texts} FROM {relation})))"
    )


def said_of_pairs(role: str, name: str, samples: Sequence[str]) -> list[str]:
    """Return what to say where two sides were read in an order that no `x` tells."""
    shown = next((each for each in samples if re.fullmatch(_TUPLE, each)), None)
    if shown is None:
        return []
    read, by, other = _ORDERS[role]
    said = (
        f"{name!r} such as {shown.strip()} was read as {read}, {by}; --columns "
        f"{other}={name} reads it the other way"
    )
    return [said]


def by_tokens(roles: Mapping[str, int]) -> bool:
    """Return whether rows tell tokens, of images or of texts, instead of sides."""
    return not {"tokens", "prompt", LENGTH}.isdisjoint(roles)


def weighed(cell: str, kind: str | None, form: NumberForm | None) -> tuple[str, str]:
    """Return SQL for: this count is fine; and for the weight that it then is.

    A cell that is no text has a kind.
    """
    text = f"CAST({cell} AS VARCHAR)" if kind else cell
    text = form.plain(text) if form else text
    # The text of a FLOAT is another DOUBLE than it is.
    is_exact = kind in {*WHOLE, "double"}
    number = cell if is_exact else f"TRY_CAST({text} AS DOUBLE)"
    fine = f"{number} BETWEEN 0 AND {MAX_COUNT}"
    weight = f"coalesce(TRY_CAST({text} AS {WEIGHT_TYPE}), {number})"
    if kind in WHOLE:
        weight = cell
    elif kind == "double":
        # Above 2^53 / 10^12 a cast of a fraction adds digits that its text has not.
        weight = (
            f"CASE WHEN {cell} = floor({cell}) THEN CAST({cell} AS BIGINT) "
            f"ELSE {weight} END"
        )
    return fine, f"CASE WHEN {fine} THEN CAST({weight} AS {WEIGHT_TYPE}) END"


def blank(text: str) -> str:
    """Return SQL for: this cell says nothing."""
    return f"({text} IS NULL OR regexp_full_match({text}, '{_BLANK_TEXT}'))"


def kept_label(text: str) -> str:
    """Return SQL for a label as outputs may show it: never an address."""
    return (
        f"CASE WHEN regexp_matches({text}, '://|@') THEN '{AN_ADDRESS}' "
        f"ELSE nullif(trim({text}), '') END"
    )


def _texts(roles: Mapping[str, int], forms: Mapping[str, NumberForm]) -> list[str]:
    def plain(role: str, text: str) -> str:
        if role == "fps":
            # No rate has thousands.
            return f"replace({text}, ',', '.')"
        return forms[role].plain(text) if role in forms else text

    texts = [
        f"{plain(role, f'c{at}')} AS {'tokens' if role == 'length' else role}_text"
        for role, at in roles.items()
        if role not in {"resolution", "shape", "time"}
    ]
    for role, sides in _SIDES_IN_ORDER.items():
        if role in roles:
            texts += _sides(f"c{roles[role]}", sides, partial(plain, role))
    if "prompt" in roles:
        prompt, text = (plain(role, f"c{roles[role]}") for role in ("prompt", "text"))
        visual = f"TRY_CAST({prompt} AS DOUBLE) - TRY_CAST({text} AS DOUBLE)"
        texts.append(
            f"CASE WHEN {blank(prompt)} OR {blank(text)} THEN NULL "
            f"ELSE coalesce(CAST({visual} AS VARCHAR), '?') END AS tokens_text"
        )
    return texts


def _sides(
    cell: str, sides: Sequence[str], plain: Callable[[str], str]
) -> Iterator[str]:
    """Yield the SQL of each side in a cell that has both, in their order."""
    for side in sides:
        found = [(pair, sides.index(side) + 1) for pair in _PAIRS]
        found += [(each, _ARRAY_SIDES.index(side) + 1) for each in _ARRAYS]
        parts = [
            (
                f"regexp_matches({cell}, '{pair}')",
                f"regexp_extract({cell}, '{pair}', {at})",
            )
            for pair, at in found
        ]
        cases = " ".join(f"WHEN {fits} THEN {plain(part)}" for fits, part in parts)
        # A lone number is no pair; the mark keeps it from being read as a side.
        yield (
            f"CASE {cases} WHEN {blank(cell)} THEN NULL ELSE '?' || {cell} END "
            f"AS {side}_text"
        )


def _numbers(roles: Mapping[str, int]) -> list[str]:
    numbers = [
        f"TRY_CAST({role}_text AS DOUBLE) AS {role}_n" for role in _numeric(roles)
    ]
    if "fps" in roles:
        ratio = "string_split(fps_text, '/')"
        numbers[numbers.index("TRY_CAST(fps_text AS DOUBLE) AS fps_n")] = (
            "coalesce(TRY_CAST(fps_text AS DOUBLE), "
            f"TRY_CAST({ratio}[1] AS DOUBLE) / TRY_CAST({ratio}[2] AS DOUBLE)) AS fps_n"
        )
    return numbers


def _numeric(roles: Mapping[str, int]) -> list[str]:
    optional = [role for role in ("count", "frames", "fps", "images") if role in roles]
    return [*_size(roles), *optional]


def _size(roles: Mapping[str, int]) -> list[str]:
    return ["tokens"] if by_tokens(roles) else ["height", "width"]


def _reason(roles: Mapping[str, int]) -> str:
    needed = [*_size(roles), *(role for role in roles if role == "count")]
    missing = " OR ".join(blank(f"{role}_text") for role in needed)
    judged = [_judgement(role) for role in _numeric(roles) if role != "images"]
    one_image = _one_image(roles)
    usable = " AND ".join(
        f"({each})" for each in [*(fine for fine, _, _ in judged), one_image]
    )
    no_number = " OR ".join(f"({each})" for _, each, _ in judged)
    low = " OR ".join(f"({each})" for _, _, each in judged)
    return (
        f"CASE WHEN ragged THEN '{RAGGED}' WHEN {usable} THEN '' "
        f"WHEN NOT ({one_image}) THEN '{NOT_ONE_IMAGE}' "
        f"WHEN {missing} THEN '{MISSING}' WHEN {no_number} THEN '{NOT_A_NUMBER}' "
        f"WHEN {low} THEN '{ZERO_OR_NEGATIVE}' ELSE '{ABSURD}' END"
    )


def _one_image(roles: Mapping[str, int]) -> str:
    """Return SQL for: the tokens of this row are those of one image.

    Tokens that are what remains of a prompt need to be told so; a column of visual
    tokens may leave the number of images out. No tokens are no image.
    """
    tests = []
    if "images" in roles:
        one = "coalesce(images_n = 1, false)"
        loose = "" if "prompt" in roles else f" OR {blank('images_text')}"
        tests.append(f"({one}{loose})")
    if by_tokens(roles) and LENGTH not in roles:
        tests.append("coalesce(tokens_n <> 0, true)")
    return " AND ".join(tests) or "true"


def _judgement(role: str) -> tuple[str, str, str]:
    """Return SQL for: this cell is fine, is no (whole) number, is too low."""
    number = f"{role}_n"
    no_number = f"{number} IS NULL OR NOT isfinite({number})"
    fraction = f"{number} <> floor({number})"
    if role == "count":
        return f"{number} BETWEEN 0 AND {MAX_COUNT}", no_number, f"{number} < 0"
    if role == "fps":
        # Without frames a row is an image, and its fps says nothing.
        absent = f"{blank('frames_text')} OR {blank('fps_text')}"
        fine = f"({number} > 0 AND {number} <= {MAX_FPS}) OR {absent}"
        return (
            fine,
            f"NOT ({absent}) AND ({no_number})",
            (f"NOT ({absent}) AND {number} <= 0"),
        )
    most = {"frames": MAX_FRAMES, "tokens": MAX_TOKENS}.get(role, MAX_SIDE_PX)
    fine = f"{number} BETWEEN 1 AND {most} AND {number} = floor({number})"
    no_number = f"{no_number} OR {fraction}"
    if role == "frames":
        absent = blank("frames_text")
        return (
            f"({fine}) OR {absent}",
            f"NOT {absent} AND ({no_number})",
            f"NOT {absent} AND {number} <= 0",
        )
    return fine, no_number, f"{number} <= 0"


def _values(roles: Mapping[str, int]) -> list[str]:
    values = [
        f"CASE WHEN reason = '' THEN CAST({side}_n AS INTEGER) END AS {side}"
        for side in _size(roles)
    ]
    if "frames" in roles:
        given = f"reason = '' AND NOT {blank('frames_text')}"
        values.append(
            f"CASE WHEN {given} THEN CAST(frames_n AS BIGINT) ELSE 0 END AS frames"
        )
        if "fps" in roles:
            timed = f"{given} AND NOT {blank('fps_text')}"
            values.append(f"CASE WHEN {timed} THEN fps_n ELSE 0 END AS fps")
    if "count" in roles:
        exact = f"coalesce(TRY_CAST(count_text AS {WEIGHT_TYPE}), count_n)"
        values.append(
            f"CASE WHEN reason = '' THEN CAST({exact} AS {WEIGHT_TYPE}) END AS weight"
        )
    if "label" in roles:
        label = kept_label("label_text")
        values.append(f"CASE WHEN reason = '' THEN {label} END AS label")
    return values
