"""Whether a plan is still good for newer traffic."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from bucketwise import __version__
from bucketwise.app.measured import recorded as recorded_cost
from bucketwise.app.measured import run_cost_of
from bucketwise.app.options.analyze import AnalyzeOptions
from bucketwise.app.options.commands import CheckOptions
from bucketwise.app.options.option import recorded_of, takes
from bucketwise.app.preprocessing import preprocessing_of
from bucketwise.core.analysis import Analysis
from bucketwise.core.check import Check, Kept, check_plan
from bucketwise.core.cost import CostCurve, cost_of
from bucketwise.core.decoder.decide import decide
from bucketwise.core.decoder.decoder_plan import Decided
from bucketwise.core.limits import Case
from bucketwise.core.patching import Preprocessing, count_patches
from bucketwise.core.plan import Plan, answer_of, others_of
from bucketwise.engines import engine_for
from bucketwise.errors import ConfigError, UsageError
from bucketwise.nouns.activity import Evidence
from bucketwise.nouns.engine import Engine, Target, check_planned
from bucketwise.nouns.measured_cost import curve_of
from bucketwise.nouns.profile import ModelProfile, PixelLimits
from bucketwise.nouns.traffic import Traffic
from bucketwise.read.configs.documents import documents_of_plan
from bucketwise.read.configs.profiles import find_profile
from bucketwise.read.configs.scenarios import lengths_in
from bucketwise.read.plans import KeptPlan, read_plan
from bucketwise.words.numbers import NOISE

COST = ("kind", "unit", "a", "b", "fixed", "source")
"""What a plan says of the cost of a run: no file it came from is needed again."""


@takes(CheckOptions)
def check(
    plan: str | Path | Plan | Analysis | KeptPlan,
    traffic: Traffic,
    *,
    evidence: Evidence | None = None,
    recorded: Mapping[str, Any] | None = None,
    **options: Any,
) -> Check:
    """Say whether a plan is still good for newer traffic.

    Parameters
    ----------
    plan : str, Path, Plan or Analysis
        A plan.json, the folder that holds it, or what `analyze` returned. What it was
        asked, it is judged by: model, limits, alignment, pins, cost, target.
    traffic : Traffic
        What `read_traffic` returned.
    evidence : Evidence, optional
        What the decoder carried, as `read_evidence` returned it: then its graphs are
        judged, too.
    recorded : mapping, optional
        Further options to record.
    **options
        The fields of `CheckOptions` by name: `max_regret`, `model`, `target`, `cost`,
        `places`.

    Returns
    -------
    Check
        Whether it passed, with its reasons and their numbers.

    Raises
    ------
    BucketwiseError
        When the plan, an option or the traffic cannot be used.
    """
    asked = CheckOptions(**options)
    kept = plan if isinstance(plan, KeptPlan) else read_plan(plan)
    if kept.said.get("encoder"):
        message = f"{kept.name}: a plan of a text encoder; plans of images are checked"
        raise UsageError(message)
    with kept.whole():
        said = kept.options
        targets = [asked.target] if asked.target else said.get("target") or ()
        engine: Engine = engine_for(targets)
        planned = [*(said.get("target") or ()), *map(_target, others_of(kept.said))]
        kept = replace(kept, said={**kept.said, **answer_of(kept.said, engine.sdk)})
        question = AnalyzeOptions.of_record(
            said, model=asked.model or said.get("model"), target=targets, cost=None
        ).on(engine)
        decoder = kept.said.get("decoder")
        sizes = tuple(decoder["decoder_batch_sizes"]) if decoder else ()
        # Plans of every engine hold their lengths alike.
        words = engine_for(()).vocabulary
        given = lengths_in(documents_of_plan(kept.said, kept.name, words), words)
    profile = engine.as_run(_profile(asked.model or given.model, kept, asked))
    dialect = _dialect(engine, profile, targets)
    check_planned((dialect,), planned)
    lengths = (
        given.on(engine.release(dialect.parsed)).lengths
        if engine.runs_on_lengths(profile)
        else ()
    )
    if not lengths and evidence is None:
        message = f"check: no lengths to check; give --activity. {engine.no_lengths}"
        raise UsageError(message)
    if evidence is not None and not sizes:
        message = f"--activity: {kept.name} holds no decoder graphs; leave it out"
        raise UsageError(message)
    traffic = (
        traffic if asked.places else traffic.without_places()
    ).without_empty_cells()
    with kept.whole():
        preprocessing = _emitted(kept, profile, question, dialect)
        curve = _curve(kept, profile, asked)
    chosen = question.question(profile, engine)
    chosen.check_pins(profile)
    setting = Case(
        profile=profile,
        preprocessing=preprocessing,
        counts=count_patches(traffic.sizes(), profile, preprocessing),
        release=engine.release(dialect.parsed),
        curve=curve,
        align=chosen.align_for(profile),
        pins=tuple(each for each in chosen.pins if each in lengths),
    )
    before = kept.traffic.without_empty_cells() if kept.traffic else None
    return check_plan(
        Kept(
            lengths=lengths,
            setting=setting,
            target=dialect.name,
            model_assumed=given.model_assumed and asked.model is None,
            length_bytes=(lambda each: engine.length_bytes(profile, each))
            if _is_bound(kept)
            else None,
            decoder=sizes,
            shrunk_before=kept.said["visual"].get("shrunk_share"),
            before=count_patches(before.sizes(), profile, preprocessing)
            if before
            else None,
        ),
        traffic,
        max_regret=asked.max_regret,
        load=_load(kept, question, setting, traffic, evidence) if evidence else None,
        version=__version__,
        options={
            **recorded_of(asked, ("max_regret", "model", "target")),
            "cost": recorded_cost(asked.cost, places=asked.places),
            **(recorded or {}),
        },
    )


def _profile(name: str, kept: KeptPlan, asked: CheckOptions) -> ModelProfile:
    try:
        return find_profile(name)
    except ConfigError as error:
        if asked.model:
            raise
        message = (
            f"{kept.name}: a plan for {name}, which is not built in; name the folder of "
            "its checkpoint with --model"
        )
        raise ConfigError(message) from error


def _dialect(engine: Engine, profile: ModelProfile, targets: Any) -> Target:
    """Return the newest dialect of those named, else of all."""
    return (engine.pick(profile.family, targets) or engine.named(()))[-1]


def _emitted(
    kept: KeptPlan, profile: ModelProfile, question: AnalyzeOptions, dialect: Target
) -> Preprocessing:
    """Return limits and sampling as the plan emitted them for a dialect."""
    of_target = kept.said["visual_by_target"].get(dialect.version, kept.said["visual"])
    processor = of_target["processor"]

    def limits(prefix: str) -> PixelLimits:
        return PixelLimits(
            min_pixels=processor[f"{prefix}min_pixels"],
            max_pixels=processor[f"{prefix}max_pixels"],
            source=kept.name,
        )

    follows = processor.get("video_max_pixels") is None
    return replace(
        preprocessing_of(profile, question),
        image=limits(""),
        video=profile.video if follows else limits("video_"),
    )


def _is_bound(kept: KeptPlan) -> bool:
    """Return whether memory kept the plan from a better list of as many lengths."""
    visual = kept.said["visual"]
    k, padded = len(visual["vit_max_seq_lens"]), visual["padded_compute"]
    return any(
        each["k"] == k and each["compute"] < padded * (1 - NOISE)
        for each in kept.said.get("frontier_budgets", ())
    )


def _target(key: str) -> str:
    """Return how an engine's part of a plan is named as a target."""
    package, _, release = key.rpartition("-")
    return f"{package}=={release}"


def _curve(kept: KeptPlan, profile: ModelProfile, asked: CheckOptions) -> CostCurve:
    """Return what a run costs: as asked, else as the plan has it."""
    if asked.cost is not None:
        return cost_of(run_cost_of(asked.cost), profile)
    cost = kept.said["visual"]["cost"]
    return CostCurve(
        **{name: cost[name] for name in COST if name in cost},
        measured=curve_of(cost["measured"]) if cost.get("measured") else None,
    )


def _load(
    kept: KeptPlan,
    question: AnalyzeOptions,
    setting: Case,
    traffic: Traffic,
    evidence: Evidence,
) -> Decided:
    """Return the steps that a decoder makes under a load, priced as in the plan."""
    with kept.whole():
        decoder = kept.said["decoder"]
        priced = decoder.get("step_cost") or {"kind": "slots"}
        asked = replace(question, batch_size=decoder["batch_size"])
        steps: str | dict[int, float] = "slots"
        if priced["kind"] != "slots" and len(priced["at"]) > 1:
            at = enumerate(priced["at"], start=1)
            steps = {size: float(cost) for size, cost in at}
    ask = asked.decoder_ask(
        setting.release.engine,
        {},
        evidence,
        batch_size_given=True,
        step_cost=steps,
    )
    return decide(ask, setting.profile, setting.counts, traffic)
