"""What `compare` is given: a plan.json, any configuration, or lengths in words."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from bucketwise.buckets import MAX_LENGTH
from bucketwise.errors import ConfigError, UsageError, raise_all
from bucketwise.limits import UNLIMITED_PIXELS
from bucketwise.lint.subject import Document, Subject
from bucketwise.lint.values import buckets_of, lengths_of, shown
from bucketwise.plan import READ_SCHEMAS, Plan
from bucketwise.rbln.releases import NEWEST
from bucketwise.sources.configs.bucket_lists import parse_bucket_list
from bucketwise.sources.configs.documents import read_documents
from bucketwise.sources.configs.documents.text import Text, read_text
from bucketwise.sources.configs.json_file import parse_json

PLAN_FILE = "plan.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class GivenLengths:
    """ViT lengths, and what came with them.

    Attributes
    ----------
    lengths : tuple of int
        Ascending; ViT patches, or what the command line counts in where `is_list`.
    source : str
        Where they were read, in words.
    is_list : bool
        Whether they were given as numbers.
    model : str
        The model they are for; "" where nothing tells.
    is_plan : bool
        Whether a plan of bucketwise holds them: its model is the only one they fit.
    model_assumed : bool
        Whether that plan had to assume its model.
    min_pixels, max_pixels : int or None
        Image limits that come with them.
    by_target : mapping of str to GivenLengths
        Those of releases that take others.
    """

    lengths: tuple[int, ...]
    source: str
    is_list: bool = False
    model: str = ""
    is_plan: bool = False
    model_assumed: bool = False
    min_pixels: int | None = None
    max_pixels: int | None = None
    by_target: Mapping[str, GivenLengths] = field(default_factory=dict)

    def on(self, target: str) -> GivenLengths:
        """Return what one release takes, such as "0.12.0"."""
        return self.by_target.get(target, self)


def read_lengths(text: str | Path) -> GivenLengths:
    """Return the ViT lengths that a `--plan` names.

    Parameters
    ----------
    text : str or Path
        Lengths such as "1024,4096"; a plan.json or the folder that holds one; or any
        configuration that `read_documents` takes from a file.

    Returns
    -------
    GivenLengths

    Raises
    ------
    BucketwiseError
        When it is none of them, or holds no lengths.
    """
    if isinstance(text, str):
        lengths = parse_bucket_list(text)
        if lengths is not None:
            return GivenLengths(lengths=lengths, source="given", is_list=True)
    path = Path(text)
    # The empty path is this folder; pathlib raises on a long name.
    if not str(text).strip() or not os.path.exists(path):  # noqa: PTH110
        message = (
            f"--plan: {str(text)[:200]!r} found; lengths such as 1024,4096, or a "
            f"{PLAN_FILE} or a configuration that exists is right"
        )
        raise UsageError(message)
    file = path / PLAN_FILE if (path / PLAN_FILE).is_file() else path
    read = read_text(file)
    plan = _plan_in(read)
    if plan is not None:
        return lengths_of_plan(plan, read.name)
    return _of_documents(read_documents(file), read.name)


def lengths_of_plan(plan: Plan | Mapping[str, Any], source: str) -> GivenLengths:
    """Return the ViT lengths of a plan, with the limits that it sets.

    Parameters
    ----------
    plan : Plan or mapping
        A plan, or what its JSON says.
    source : str
        What to call it.

    Raises
    ------
    ConfigError
        When it is damaged.
    """
    told = parse_json(plan.to_json(), source) if isinstance(plan, Plan) else plan
    try:
        by_target = {
            target: _of_visual(visual, told["model"], source)
            for target, visual in told["visual_by_target"].items()
        }
        newest = _of_visual(told["visual"], told["model"], source)
    except (AttributeError, KeyError, TypeError) as error:
        message = f"{source}: a damaged plan ({error}); make it anew"
        raise ConfigError(message) from error
    return replace(newest, by_target=by_target)


def _of_visual(
    visual: Mapping[str, Any], model: Mapping[str, Any], source: str
) -> GivenLengths:
    limits = visual["processor"]
    return _checked(
        GivenLengths(
            lengths=tuple(visual["vit_max_seq_lens"]),
            source=source,
            model=str(model["name"]),
            is_plan=True,
            model_assumed=bool(model["assumed"]),
            min_pixels=limits["min_pixels"],
            max_pixels=limits["max_pixels"],
        )
    )


def _plan_in(text: Text) -> Mapping[str, Any] | None:
    """Return a plan of bucketwise; None where the text is something else."""
    if not text.content.lstrip().startswith("{") or '"schema"' not in text.content:
        return None
    try:
        found: dict[str, Any] = parse_json(text.content, text.name)
    except ConfigError:
        return None  # what is no JSON may be another form
    schema = found.get("schema")
    if not isinstance(schema, str):
        return None
    if schema not in READ_SCHEMAS:
        known = " or ".join(map(repr, READ_SCHEMAS))
        message = f"{text.name}: schema {schema[:50]!r} found; {known} is right"
        raise ConfigError(message)
    return found


def _of_documents(documents: tuple[Document, ...], source: str) -> GivenLengths:
    """Return the lengths of the one configuration that has any."""
    found = []
    for document in documents:
        subject = Subject(document=document, version=NEWEST)
        name, value = buckets_of(subject)
        lengths = lengths_of(subject) if name else ()
        if name and not lengths:
            message = (
                f"{source}: visual.{name} is {shown(value)}; whole numbers above 0 are "
                "right (bucketwise lint tells more)"
            )
            raise ConfigError(message)
        if lengths:
            found.append((document, lengths))
    lists = {lengths for _, lengths in found}
    if len(lists) != 1:
        message = (
            f"{source}: {len(lists)} different lists of ViT lengths found; one "
            "visual.max_seq_len (max_seq_lens up to 0.10.3) is right"
        )
        raise ConfigError(message)
    document, lengths = found[0]
    limits = document.limits
    return _checked(
        GivenLengths(
            lengths=lengths,
            source=source,
            model=document.model,
            min_pixels=limits.min_pixels if limits else None,
            max_pixels=limits.max_pixels if limits else None,
        )
    )


def _checked(given: GivenLengths) -> GivenLengths:
    """Return what was read, if its numbers are such as lengths and limits can be."""
    limits = (given.min_pixels, given.max_pixels)
    bounded = (
        *((length, MAX_LENGTH) for length in given.lengths),
        *((limit, UNLIMITED_PIXELS) for limit in limits if limit is not None),
    )
    wrong = [
        f"{given.source}: {str(value)[:50]!r} found; a whole number from 1 to {most} is "
        "right"
        for value, most in bounded
        if type(value) is not int or not 1 <= value <= most
    ]
    raise_all(wrong[:1])
    return given
