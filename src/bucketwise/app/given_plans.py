"""What `compare` is given, read and named."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from bucketwise.core.analysis import Analysis
from bucketwise.core.comparison.outcome import check_names
from bucketwise.core.plan import Plan
from bucketwise.engines import engine_for
from bucketwise.errors import ConfigError, UsageError
from bucketwise.nouns.vocabulary import Vocabulary
from bucketwise.read.configs.documents.text import is_list, names_text
from bucketwise.read.configs.scenarios import (
    GivenLengths,
    lengths_of_plan,
    read_lengths,
)

PlanGiven = str | Path | Plan | Analysis | Sequence[int] | GivenLengths
"""Lengths as text or numbers, a plan, a file or folder that holds one, or as read."""

NAMED = re.compile(r"\s*([^=/\\{}\[\]\n]{1,60}?)\s*=(.*)", re.DOTALL)
"""A name and what it stands for, as `--plan` takes them."""

MOST_NAME = 40
"""Longer lists are named by their number of lengths and the largest."""


def read_plans(
    plans: Sequence[PlanGiven] | Mapping[str, PlanGiven],
    *,
    target: str | None = None,
    places: bool = True,
) -> dict[str, GivenLengths]:
    """Read what is to be compared, each under its name."""
    words = engine_for([target] if target else []).vocabulary
    named = [(name, given, _plan(given, words)) for name, given in _named(plans)]
    names = _names(named, places=places)
    check_names(names)
    return {name: read for name, (_, _, read) in zip(names, named, strict=True)}


def _named(
    plans: Sequence[PlanGiven] | Mapping[str, PlanGiven],
) -> list[tuple[str, PlanGiven]]:
    """Return each plan with its name; "" where it was given none."""
    if isinstance(plans, Mapping):
        return list(plans.items())
    return [_split(each) if isinstance(each, str) else ("", each) for each in plans]


def _split(text: str) -> tuple[str, str]:
    """Return the name before an equals sign and what follows; a file's name is none."""
    match = NAMED.fullmatch(text)
    if match is None or not match[1].strip() or os.path.exists(text):  # noqa: PTH110 - pathlib raises on a long name
        return "", text
    return match[1].strip(), match[2].strip()


def _plan(given: PlanGiven, words: Vocabulary) -> GivenLengths:
    """Read what stands for a plan; what is none of a file is a fault of the command."""
    try:
        return read_given(given, words)
    except ConfigError as error:
        if (
            not isinstance(given, str | Path)
            or is_list(given)
            or not names_text(given, words)
        ):
            raise UsageError(*error.problems) from error
        raise


def read_given(
    given: PlanGiven, words: Vocabulary, option: str = "--plan"
) -> GivenLengths:
    """Read one plan, configuration or list; `option` is what messages call it."""
    if isinstance(given, GivenLengths):
        return given
    if isinstance(given, Plan | Analysis):
        plan = given.plan if isinstance(given, Analysis) else given
        return lengths_of_plan(plan, "a plan", words)
    if isinstance(given, str | Path):
        return read_lengths(given, words, option)
    return read_lengths(",".join(str(length) for length in given), words, option)


def _names(
    named: Sequence[tuple[str, PlanGiven, GivenLengths]], *, places: bool
) -> list[str]:
    """Return a name for each; files of one name are told apart by their folders."""
    own = [name or _own_name(given, found) for name, given, found in named]
    names = []
    for index, (short, (asked, given, found)) in enumerate(
        zip(own, named, strict=True), start=1
    ):
        from_file = isinstance(given, str | Path) and not (asked or found.is_list)
        if from_file and not places:
            names.append(f"plan {index}")
        elif from_file and own.count(short) > 1:
            names.append(f"{Path(str(given)).resolve().parent.name}/{short}")
        else:
            names.append(short)
    return names


def _own_name(given: PlanGiven, found: GivenLengths) -> str:
    if found.is_list:
        text = ",".join(str(length) for length in found.lengths)
        if len(text) <= MOST_NAME:
            return text
        return f"{len(found.lengths)} lengths up to {found.lengths[-1]}"
    return Path(given).resolve().name if isinstance(given, str | Path) else "plan"
