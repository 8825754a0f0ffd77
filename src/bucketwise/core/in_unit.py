"""A plan or a comparison as its engine tells it: lengths in its unit, sentences in its words."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any, TypeVar, cast

import numpy as np

from bucketwise.core.plan import Cost, Provenance, Visual
from bucketwise.nouns.engine import Release
from bucketwise.nouns.measured_cost import MeasuredCurve
from bucketwise.nouns.profile import ModelProfile
from bucketwise.words.text import in_words

T = TypeVar("T")

LENGTHS = frozenset(
    {
        *("vit_max_seq_lens", "max_seq_lens", "vit_patches", "unused_buckets"),
        *("needed", "holds_all", "overflow_possible", "largest_needed", "top"),
        *("unaligned", "shortest", "longest"),
    }
)
"""Fields that count ViT patches, where they hold numbers."""

SENTENCES = frozenset({"words", "reason", "notes", "text", "mark", "caption", "cells"})
"""Fields that hold what is said, in a plan or on a page."""


def in_unit(found: T, patches: int) -> T:
    """Return the same with lengths in a unit of so many ViT patches.

    Costs are those of the same runs, to the bit: the unit is a power of two.
    """
    if patches == 1:
        return found

    def told(owner: Any, name: str, value: Any) -> Any:
        if isinstance(owner, Visual) and name == "max_seq_lens":
            return owner.merged_max_seq_lens
        if isinstance(owner, Cost) and name in ("a", "b"):
            return value * patches ** (1 if name == "a" else 2)
        if isinstance(value, MeasuredCurve):
            return value.in_unit(patches)
        return divided(value, patches) if name in LENGTHS else value

    return cast("T", _mapped(found, told))


def divided(value: Any, patches: int) -> Any:
    """Return lengths in a unit of so many ViT patches; what is no length as it is."""
    if isinstance(value, int | np.ndarray):
        return -(-value // patches)
    if isinstance(value, tuple) and all(isinstance(each, int) for each in value):
        return tuple(-(-each // patches) for each in value)
    return value


def in_own_words(found: T, words: Sequence[tuple[str, str]]) -> T:
    """Return the same with its sentences in the words of an engine."""
    if not words:
        return found

    def told(_: Any, name: str, value: Any) -> Any:
        if name not in SENTENCES:
            return value
        if isinstance(value, tuple):
            return tuple(in_words(each, words) for each in value)
        return in_words(value, words) if isinstance(value, str) else value

    return cast("T", _mapped(found, told))


def _mapped(value: Any, told: Callable[[Any, str, Any], Any]) -> Any:
    """Return a value with what is told of each field of each dataclass within."""
    if isinstance(value, tuple):
        return tuple(_mapped(each, told) for each in value)
    if isinstance(value, dict):
        return {key: _mapped(each, told) for key, each in value.items()}
    if not dataclasses.is_dataclass(value) or isinstance(value, type):
        return value
    if isinstance(value, Provenance | Release | ModelProfile):
        return value
    changes = {
        each.name: _mapped(told(value, each.name, getattr(value, each.name)), told)
        for each in dataclasses.fields(value)
        if each.init
    }
    return dataclasses.replace(value, **changes)
