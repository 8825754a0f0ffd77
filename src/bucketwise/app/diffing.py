"""What changed between two plans, and what changed it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from bucketwise import __version__
from bucketwise.app.options.analyze import AnalyzeOptions
from bucketwise.app.planning import analyze
from bucketwise.core.analysis import Analysis
from bucketwise.core.plan import Plan
from bucketwise.core.plan_diff import (
    Cause,
    PlanDiff,
    State,
    causes_of,
    plan_diff,
    version_of,
)
from bucketwise.engines import engine_for
from bucketwise.errors import BucketwiseError
from bucketwise.nouns.engine import Engine
from bucketwise.read.configs.profiles import find_profile
from bucketwise.read.plans import KeptPlan, read_plan

BASE = ("devices", "max_seq_len", "kvcache_partition_len", "npu", "batch_size")
"""What is set over the configuration that emitted ones start from."""


def diff(
    before: str | Path | Plan | Analysis, after: str | Path | Plan | Analysis
) -> PlanDiff:
    """Say what differs between two plans, and which part is due to what.

    What the older plan asked is asked anew, by the method of today, of the images it was
    made from, then of those of the newer plan, and what the newer one asked of these: so
    method, data and options are told apart, in this order. Images are taken from
    histogram.parquet beside each plan.json; without, what it would tell apart stands
    together.

    Parameters
    ----------
    before, after : str, Path, Plan or Analysis
        A plan.json, the folder that holds it, or what `analyze` returned.

    Returns
    -------
    PlanDiff
        What changed, in values and step by step.

    Raises
    ------
    BucketwiseError
        When a plan cannot be read.
    """
    older, newer = (read_plan(each) for each in (before, after))
    found = causes_of(older.said, newer.said)
    asked: list[Cause] = [
        each for each in found if each in ("model", "release", "options")
    ]
    way: tuple[tuple[str, list[Cause], KeptPlan, KeptPlan], ...] = (
        ("A made anew", [_of_method(older)], older, older),
        (
            "A asked of B's images",
            [each for each in found if each == "data"],
            older,
            newer,
        ),
        ("B made anew", asked, newer, newer),
    )
    states, notes = [State.of(older.said, "A")], list[str]()
    pending: list[Cause] = []
    for name, causes, question, images in way:
        pending += causes
        said = _made(question, images, notes) if causes else None
        if said is not None:
            states.append(State.of(said, name, _told(pending)))
            pending = []
    last = _told([*pending, _of_method(newer)])
    states.append(State.of(newer.said, "B", last))
    return plan_diff(older.said, newer.said, states, [*dict.fromkeys(notes)])


def _of_method(plan: KeptPlan) -> Cause:
    """Return why a plan made anew may be another."""
    return "not kept" if version_of(plan.said) == __version__ else "method"


def _told(causes: list[Cause]) -> list[Cause]:
    """Return causes without what is only told where there is no other."""
    return [each for each in causes if each != "not kept"] or causes


def _made(
    question: KeptPlan, images: KeptPlan, notes: list[str]
) -> Mapping[str, Any] | None:
    """Ask what a plan asked of the images of one; None where that cannot be."""
    if images.traffic is None:
        notes.append(
            f"{images.name}: no histogram.parquet lies beside it; nothing can be asked of "
            "its images anew."
        )
        return None
    if question.said.get("encoder"):
        notes.append(f"{question.name}: plans of text encoders are not made anew.")
        return None
    try:
        found = analyze(images.traffic, **_asked(question))
    except BucketwiseError as error:
        notes.append(f"{question.name}: cannot be made anew: {error}")
        return None
    said: Mapping[str, Any] = json.loads(found.plan.to_json())
    return said


def _asked(plan: KeptPlan) -> dict[str, Any]:
    """Return the keywords of `analyze` that made a plan, as far as it keeps them."""
    with plan.whole():
        said, decoder = plan.options, plan.said.get("decoder")
        asked = AnalyzeOptions.of_record(
            said,
            model=plan.said["model"]["name"],
            batch_size=decoder["batch_size"] if decoder else None,
        )
        over = {name: said[name] for name in BASE if said.get(name) is not None}
    engine: Engine = engine_for(asked.target)
    family = find_profile(asked.model or "").family
    base = (
        engine.base_of(family, None, over) if over or engine.compiles(family) else None
    )
    named = {each.name: getattr(asked, each.name) for each in fields(asked)}
    return {**named, "base": base}
