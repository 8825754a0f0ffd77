"""Bucket lists as people give them: lengths in words, or a plan.json."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from bucketwise.core.plan import READ_SCHEMAS, SCHEMA
from bucketwise.errors import ConfigError, InputError, UsageError
from bucketwise.read.configs.json_file import load_json

LIST = re.compile(r"\s*\[?\s*\d{1,9}(?:[\s,]+\d{1,9})*\s*\]?\s*")


def parse_bucket_list(text: str) -> tuple[int, ...] | None:
    """Return the lengths of a text such as "1024, 4096"; None when it is none.

    Parameters
    ----------
    text : str
        Numbers separated by commas or blanks, brackets allowed.

    Raises
    ------
    UsageError
        When a length is 0.
    """
    if not LIST.fullmatch(text):
        return None
    lengths = tuple(sorted({int(number) for number in re.findall(r"\d+", text)}))
    if not lengths[0]:
        message = f"bucket list: expected lengths from 1 up, got {text!r}"
        raise UsageError(message)
    return lengths


@dataclass(frozen=True, slots=True, kw_only=True)
class BucketList:
    """ViT lengths, and where they are a plan's, what they were made for."""

    lengths: tuple[int, ...]
    model: str | None = None
    min_pixels: int | None = None
    max_pixels: int | None = None


def read_bucket_list(text: str) -> BucketList:
    """Return ViT lengths from a list, or from a plan.json of that name.

    Parameters
    ----------
    text : str
        Lengths, or a path.

    Raises
    ------
    InputError
        When it is neither.
    """
    lengths = parse_bucket_list(text)
    if lengths is not None:
        return BucketList(lengths=lengths)
    path = Path(text)
    try:
        # What is no file, as a device or a pipe, may have no end.
        plan = load_json(path) if os.path.isfile(text) else None  # noqa: PTH113 - pathlib raises where this says no
    except ConfigError:
        plan = None
    if plan is None:
        message = f"{text[:200]!r}: neither lengths such as 1024,4096 nor a readable plan.json"
        raise InputError(message)
    if not isinstance(plan, dict) or plan.get("schema") not in READ_SCHEMAS:
        message = f"{path.name}: not a plan of bucketwise; expected schema {SCHEMA!r}"
        raise InputError(message)
    try:
        return BucketList(
            lengths=tuple(plan["visual"]["vit_max_seq_lens"]),
            model=plan["model"]["name"],
            min_pixels=plan["visual"]["processor"]["min_pixels"],
            max_pixels=plan["visual"]["processor"]["max_pixels"],
        )
    except (KeyError, TypeError) as error:
        message = f"{path.name}: a damaged plan ({error} is missing); make it anew"
        raise InputError(message) from error
