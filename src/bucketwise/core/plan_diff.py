"""What differs between two plans, and whether data, method or options did it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import pairwise
from typing import Any, Literal

import numpy as np

from bucketwise.core.plan import answer_of, integral
from bucketwise.nouns.measured_cost import curve_of
from bucketwise.words.numbers import less

SCHEMA = "bucketwise.diff/1"

Cause = Literal["method", "data", "model", "release", "options", "not kept"]

CAUSES: dict[Cause, str] = {
    "data": "the traffic",
    "method": "the version of bucketwise",
    "model": "the model",
    "release": "the release",
    "options": "options",
    "not kept": "what a plan does not keep (a base, a load of the decoder)",
}
"""What may have changed, in words and in the order it is told."""

_READING = {
    *("columns", "max_bad_rows", "ignore_orientation", "no_places", "config"),
    *("activity", "log_format", "figures"),
}
"""Options that say how inputs were read and what was written: no question."""

_MEASURED = ("visual", "cost", "measured")
"""The times that a plan was priced by; a file of the same name may hold others."""

_BY_ENGINE = {"buckets", "cost"}
"""Options with a default of each engine."""

_FACTS = (
    ("model", ("model", "name")),
    ("buckets", ("visual", "vit_max_seq_lens")),
    ("max_seq_len", ("encoder", "max_seq_lens")),
    ("decoder_batch_sizes", ("decoder", "decoder_batch_sizes")),
    ("max_pixels", ("visual", "processor", "max_pixels")),
    ("images", ("traffic", "images")),
    ("texts", ("traffic", "texts")),
)
"""What is told where it changed: its name, and where a plan has it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One value of two plans; None where a plan has none."""

    name: str
    before: Any
    after: Any

    @property
    def words(self) -> str:
        """The change in a line."""
        gone = "none" if self.name == "decoder_batch_sizes" else None
        before, after = (
            gone if each is None else each for each in (self.before, self.after)
        )
        return f"{self.name}: {before} -> {after}"


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """A plan on the way from one to the other.

    `causes` are what changed since the state before; `saving` is the compute left out
    against one graph of the top. `vit_max_seq_lens` is () and the others None where a
    plan does not tell them.
    """

    name: str
    causes: tuple[Cause, ...]
    vit_max_seq_lens: tuple[int, ...]
    waste: float | None
    saving: float | None

    @classmethod
    def of(
        cls, plan: Mapping[str, Any], name: str, causes: Sequence[Cause] = ()
    ) -> State:
        """Return what plan.json says of a plan."""
        visual = _at(plan, "visual") or {}
        lengths = tuple(visual.get("vit_max_seq_lens") or ())
        padded, cost = visual.get("padded_compute"), visual.get("cost")
        saving = None
        if lengths and padded is not None and cost:
            runs = sum(each["runs"] for each in visual["buckets"])
            top = np.array(lengths[-1:])
            measured = cost.get("measured")
            at_top = (
                curve_of(measured).at(top)
                if measured
                else cost["a"] * top + cost["b"] * top**2
            )
            saving = less(runs * float(at_top[0]), padded)
        return cls(
            name=name,
            causes=tuple(causes),
            vit_max_seq_lens=lengths,
            waste=visual.get("waste"),
            saving=saving,
        )

    def equals(self, other: State) -> bool:
        """Return whether two plans come to the same."""
        return all(
            getattr(self, name) == getattr(other, name)
            for name in ("vit_max_seq_lens", "waste", "saving")
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """What of the change of waste and saving is due to one cause, or to some together.

    `lists` are the lists before and after each step it was the cause of; both changes
    are differences of shares.
    """

    causes: tuple[Cause, ...]
    lists: tuple[tuple[tuple[int, ...], tuple[int, ...]], ...]
    waste: float
    saving: float


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanDiff:
    """What differs between two plans, step by step.

    Attributes
    ----------
    causes : tuple of str
        What is not the same: the traffic, the version, the model, the release, options.
    changes : tuple of Change
        Values that differ, options among them.
    states : tuple of State
        From the older plan to the newer one. Between them the older question is asked
        anew of its own images, then of the newer ones, then the newer question of these.
    notes : tuple of str
        What could not be made anew, and why.
    """

    schema: str = SCHEMA
    causes: tuple[Cause, ...]
    changes: tuple[Change, ...]
    states: tuple[State, ...]
    parts: tuple[Part, ...]
    notes: tuple[str, ...] = ()

    def to_json(self) -> str:
        """Return it as JSON text, stable to the byte."""
        text = json.dumps(integral(asdict(self)), indent=2, ensure_ascii=False)
        return text + "\n"


def plan_diff(
    before: Mapping[str, Any],
    after: Mapping[str, Any],
    states: Sequence[State],
    notes: Sequence[str] = (),
) -> PlanDiff:
    """Return what differs, with the states on the way, those that changed nothing left out."""
    first, *others = states
    told = [first]
    for each in others:
        if each.causes != ("not kept",) or not each.equals(told[-1]):
            told.append(each)
        elif each is states[-1] and len(told) > 1:
            told[-1] = replace(told[-1], name=each.name)
    return PlanDiff(
        causes=causes_of(before, after),
        changes=changes_of(before, after),
        states=tuple(told),
        parts=tuple(_parts(told)),
        notes=tuple(notes),
    )


def plan_changes(
    before: Mapping[str, Any], after: Mapping[str, Any]
) -> tuple[str, ...]:
    """Say what changed from one plan.json to another, for every engine."""
    return (
        f"Against the plan that stood here: {in_words(causes_of(before, after))}.",
        *(f"  {each.words}" for each in changes_of(before, after)),
        *(
            f"  {key}: {each.words}"
            for key, part in (after.get("by_engine") or {}).items()
            for each in _facts(answer_of(before, key.rpartition("-")[0]), part)
            if each.before != each.after
        ),
    )


def in_words(causes: Sequence[Cause]) -> str:
    """Say what changed: "the traffic and options changed"."""
    if not causes:
        return "same traffic, same method"
    return f"{named(causes)} changed"


def named(causes: Sequence[Cause]) -> str:
    """Return causes by name, in their order."""
    return " and ".join(words for cause, words in CAUSES.items() if cause in causes)


def causes_of(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[Cause, ...]:
    """Return what is not the same."""
    old, new = (_at(each, "provenance", "options") or {} for each in (before, after))
    # What nobody asked each engine answers for itself.
    by_engine = _BY_ENGINE if _packages(old) != _packages(new) else set()
    differs: dict[Cause, bool] = {
        "data": _hashes(before) != _hashes(after),
        "method": version_of(before) != version_of(after),
        "model": _at(before, "model", "name") != _at(after, "model", "name"),
        "release": old.get("target") != new.get("target"),
        "options": (_question(old, by_engine), _at(before, *_MEASURED))
        != (_question(new, by_engine), _at(after, *_MEASURED)),
    }
    return tuple(cause for cause, is_so in differs.items() if is_so)


def version_of(plan: Mapping[str, Any]) -> Any:
    """Return the version of bucketwise that made a plan."""
    return _at(plan, "provenance", "bucketwise")


def changes_of(
    before: Mapping[str, Any], after: Mapping[str, Any]
) -> tuple[Change, ...]:
    """Return the values that differ."""
    facts = _facts(before, after)
    old, new = (_at(each, "provenance", "options") or {} for each in (before, after))
    facts += [
        Change(
            name=f"--{name.replace('_', '-')}",
            before=old.get(name),
            after=new.get(name),
        )
        for name in dict.fromkeys([*old, *new])
        if name not in _READING and name != "model"
    ]
    return tuple(each for each in facts if each.before != each.after)


def _facts(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Change]:
    return [
        Change(name=name, before=_at(before, *keys), after=_at(after, *keys))
        for name, keys in _FACTS
    ]


def _packages(options: Mapping[str, Any]) -> set[str]:
    """Return the packages that a plan was made for."""
    return {str(each).partition("==")[0] for each in options.get("target") or ()}


def _question(options: Mapping[str, Any], by_engine: set[str]) -> dict[str, Any]:
    """Return what was asked beside model and release; what nobody asked is nothing."""
    apart = {*_READING, "model", "target", *by_engine}
    return {
        name: each
        for name, each in options.items()
        if name not in apart and each is not None
    }


def _parts(states: Sequence[State]) -> Iterator[Part]:
    """Yield what each cause did; steps of one cause are one part."""
    steps = [(older, newer) for older, newer in pairwise(states) if newer.causes]
    for causes in dict.fromkeys(newer.causes for _, newer in steps):
        own = [step for step in steps if step[1].causes == causes]
        lists = [(old.vit_max_seq_lens, new.vit_max_seq_lens) for old, new in own]
        yield Part(
            causes=causes,
            lists=tuple(each for each in lists if each[0] != each[1]),
            waste=sum((new.waste or 0.0) - (old.waste or 0.0) for old, new in own),
            saving=sum((new.saving or 0.0) - (old.saving or 0.0) for old, new in own),
        )


def _hashes(plan: Mapping[str, Any]) -> list[Any]:
    inputs = _at(plan, "provenance", "inputs") or []
    return sorted(str(item.get("sha256")) for item in inputs if isinstance(item, dict))


def _at(plan: Mapping[str, Any], *keys: str) -> Any:
    value: Any = plan
    for key in keys:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value
