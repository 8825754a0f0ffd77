"""From traffic to a plan, and from a plan to its files."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from bucketwise import __version__
from bucketwise.app.fitting import deployed, fit
from bucketwise.app.given_plans import PlanGiven, read_given
from bucketwise.app.output import Written, write_results
from bucketwise.app.pages import pages_of
from bucketwise.app.preprocessing import VideoOptions, preprocessing_of
from bucketwise.app.reporting import report_inputs
from bucketwise.core.analysis import Analysis, Context
from bucketwise.core.analysis import analyze as analyze_traffic
from bucketwise.core.buckets import Buckets
from bucketwise.core.changes import plan_changes as changes_between
from bucketwise.core.decoder.ask import Ask
from bucketwise.core.decoder.decision import BATCH_SIZE
from bucketwise.core.decoder.pricing import Deployment
from bucketwise.core.decoder.question import DecoderQuestion
from bucketwise.core.limits import Limit
from bucketwise.core.optimize.choose import GraphPrice
from bucketwise.core.question import Question
from bucketwise.core.today import Today, limits_in_service, option_limits
from bucketwise.engines.rbln.base_config import BaseConfig, zoo_base
from bucketwise.engines.rbln.emit import emit
from bucketwise.engines.rbln.model_classes import (
    MODEL_CLASSES,
    generates,
    serving_targets,
)
from bucketwise.engines.rbln.targets import (
    ALL_TARGETS,
    Target,
    check_planned,
    pick_targets,
)
from bucketwise.errors import ConfigError, UsageError, raise_all
from bucketwise.lint.subject import Document
from bucketwise.nouns.activity import Evidence
from bucketwise.nouns.profile import ModelProfile
from bucketwise.nouns.traffic import Traffic
from bucketwise.read.configs.profiles import DEFAULT_MODEL, find_profile
from bucketwise.report.inputs import ReportInputs


def analyze(
    traffic: Traffic,
    *,
    model: str | None = None,
    min_pixels: Limit = None,
    max_pixels: Limit = None,
    video: VideoOptions | None = None,
    strategy: str = "exact",
    buckets: tuple[int, int] = (2, 4),
    min_saving: float = 0.05,
    graph_price: GraphPrice | None = None,
    align: int | None = None,
    headroom: float = 0.0,
    allow_overflow: bool = False,
    pins: Sequence[int] = (),
    bucket_unit: str = "vit",
    cost: str = "flops",
    current: PlanGiven | None = None,
    current_source: str = "given",
    current_max_pixels: int | None = None,
    base: BaseConfig | None = None,
    target: Iterable[str] = (),
    evidence: Evidence | None = None,
    batch_size: int | None = None,
    decoder_graphs: tuple[int, int] = (1, 4),
    step_cost: str | Mapping[int, float] = "roofline",
    measured_with: Sequence[int] | str | None = None,
    places: bool = True,
    recorded: Mapping[str, Any] | None = None,
) -> Analysis:
    """Choose ViT buckets for a traffic.

    Parameters
    ----------
    traffic : Traffic
        What `read_traffic` returned.
    model : str, optional
        Built-in name, Hugging Face id or local folder; without one that which `current`
        names, else qwen3-vl-2b is assumed.
    min_pixels, max_pixels : int, "checkpoint" or None
        Image limits; the model's published RBLN deployment by default.
    video : VideoOptions, optional
        Sampling and limits of clips.
    strategy : str
        exact, kmeans, quantile, equal-duration, exponential or linear.
    buckets : tuple of int
        Least and most buckets.
    min_saving : float
        Share of the compute left that the last bucket must save, 0 to 1.
    graph_price : GraphPrice, optional
        What one more graph costs; decides the number of buckets when given.
    align : int, optional
        Multiple of every bucket; rounded up to a multiple of the model's own.
    headroom : float
        Share added to the top bucket.
    allow_overflow : bool
        Whether the emitted limits may pass images that no bucket holds. Otherwise the
        top goes up or the limit down, whichever costs less.
    pins : sequence of int
        Lengths that must be compiled, in `bucket_unit`.
    bucket_unit : {"vit", "merged"}
        Unit of the lists that are emitted.
    cost : {"flops", "linear"}
        What a run costs.
    current : str, Path, Plan, sequence of int and more, optional
        What is compiled today, as `compare` takes a plan: lengths in the unit the
        runtime compares, or whatever `lint_config` reads.
    current_source : str
        Where lengths that are given as numbers were read.
    current_max_pixels : int, optional
        The image limit in service today; without it `max_pixels`, else what the
        configuration or its processor sets, else the checkpoint's.
    base : BaseConfig, optional
        The configuration emitted ones start from; its values are recorded.
    target : iterable of str
        SDK dialects, "all" for every one; the newest by default.
    evidence : Evidence, optional
        What the decoder carried, as `read_evidence` returned it.
    batch_size : int, optional
        Slots of the decoder; without it the base's where it gives one, else what the
        evidence suggests, marked assumed. Given without evidence, the vendor's pattern
        is planned.
    decoder_graphs : tuple of int
        Least and most decoder graphs.
    step_cost : {"roofline", "slots"} or mapping of int to float
        Or milliseconds of a decode step, measured, by batch size.
    measured_with : sequence of int, "gpu" or None
        Decoder graphs of the system that the evidence is from.
    places : bool
        Whether base names of inputs may be told.
    recorded : mapping, optional
        Further options to record in the plan: how the traffic was read, what the
        base was made of.

    Returns
    -------
    Analysis
        The plan with its evidence.

    Raises
    ------
    BucketwiseError
        When an option or the traffic cannot be used.
    """
    read = None if current is None else read_given(current, "--current")
    named = model or (read.model if read else "")
    profile = find_profile(named or DEFAULT_MODEL)
    if read and read.is_plan and read.model != profile.name:
        message = (
            f"--current: a plan for {read.model} found and --model is {profile.name}; "
            "lengths fit one model alone"
        )
        raise UsageError(message)
    if bucket_unit not in ("vit", "merged"):
        message = f"bucket-unit: expected vit or merged, got {bucket_unit!r}"
        raise UsageError(message)
    scale = profile.lengths_per_merged if bucket_unit == "merged" else 1
    question = Question(
        strategy=strategy,
        k_range=buckets,
        min_saving=min_saving,
        graph_price=graph_price,
        align=None if align is None else align * scale,
        headroom=headroom,
        pins=tuple(sorted({pin * scale for pin in pins})),
        # Soft tokens are what is merged and what is compared: there is no other unit.
        bucket_unit="merged_patches"
        if bucket_unit == "merged" and not profile.soft_tokens
        else "vit_patches",
        cost=cost,
        keep_max_pixels=max_pixels is not None,
        allow_overflow=allow_overflow,
    )
    # Where no release compiles the family the newest one's counting is told.
    served = _dialects(profile.family, target)
    targets = served or pick_targets(())[-1:]
    today, given = None, None
    if read is not None:
        given = read.on(targets[-1].parsed)
        told = given if places else given.without_places()
        today = Today(
            buckets=Buckets(given.lengths),
            limits=(
                *option_limits(profile, None, current_max_pixels, prefix="--current-"),
                *option_limits(profile, min_pixels, max_pixels),
                *told.limits,
            ),
            source=current_source if given.is_list else told.source,
        )
        _check_limit(today, profile, current_max_pixels)
    seen_with = (
        measured_with
        if measured_with is None or isinstance(measured_with, str)
        else tuple(measured_with)
    )
    options: dict[str, Any] = {
        "model": None if model is None else profile.name,
        "min_pixels": min_pixels,
        "max_pixels": max_pixels,
        "strategy": strategy,
        "buckets": list(buckets),
        "min_saving": min_saving,
        "align": align,
        "headroom": headroom,
        "allow_overflow": allow_overflow,
        "pins": list(pins),
        "bucket_unit": bucket_unit,
        "cost": cost,
        "video": asdict(video or VideoOptions()),
        "graph_price": asdict(graph_price) if graph_price else None,
        "current": list(given.lengths) if given is not None else None,
        "current_max_pixels": current_max_pixels,
        "target": [each.name for each in served],
        "decoder_graphs": list(decoder_graphs),
        "step_cost": step_cost
        if isinstance(step_cost, str)
        else {str(size): cost_ms for size, cost_ms in sorted(step_cost.items())},
        "measured_with": list(seen_with) if isinstance(seen_with, tuple) else seen_with,
        "batch_size": batch_size,
        **(recorded or {}),
    }
    ask = None
    if not generates(profile.family):
        _check_no_decoder(profile, traffic, evidence, batch_size)
        evidence = None
    if evidence is not None or batch_size is not None:
        settings = _settings(base, profile.family)
        ask = Ask(
            question=DecoderQuestion(
                batch_size=batch_size or settings.get(BATCH_SIZE) or 1,
                k_range=decoder_graphs,
                min_saving=min_saving,
                step_cost=step_cost,
                measured_with=seen_with,
            ),
            deployment=Deployment(
                npu=settings.get("npu"),
                n_devices=settings.get("num_devices") or 1,
                partition=settings.get("kvcache_partition_len"),
            ),
            evidence=evidence.without_places() if evidence and not places else evidence,
            suggest_batch_size=batch_size is None
            and not (base and base.gives(BATCH_SIZE)),
        )
    analysis = analyze_traffic(
        traffic if places else traffic.without_places(),
        profile,
        preprocessing_of(
            profile, min_pixels=min_pixels, max_pixels=max_pixels, video=video
        ),
        question,
        targets,
        today=today,
        ask=ask,
        context=Context(
            model_assumed=not named
            or (model is None and bool(read and read.model_assumed)),
            version=__version__,
            options=options,
            base=base.assumptions() if base else (),
            as_stored=bool((recorded or {}).get("ignore_orientation")),
        ),
    )
    if not served:
        return analysis
    return deployed(analysis, _base_of(analysis, base), served, min_saving=min_saving)


def _check_no_decoder(
    profile: ModelProfile,
    traffic: Traffic,
    evidence: Evidence | None,
    batch_size: int | None,
) -> None:
    """Check that nothing was asked of the decoder of a model that has none.

    What the rows of the images tell beside them was asked by nobody.
    """
    names = {record.name for record in traffic.inputs}
    given = {
        "--batch-size": batch_size is not None,
        "--activity": evidence is not None and not names.issuperset(evidence.names),
    }
    raise_all(
        [
            f"{option}: {profile.name} embeds images and generates nothing: there are no "
            f"decoder graphs to choose; leave {option} out"
            for option, is_given in given.items()
            if is_given
        ],
        UsageError,
    )


def _check_limit(today: Today, profile: ModelProfile, asked: int | None) -> None:
    """Check the upper limit that was asked for against the lower one in service."""
    try:
        limits_in_service(profile, *today.limits)
    except ConfigError as error:
        if asked is None:
            raise
        below = next(
            (each.min_pixels for each in today.limits if each.min_pixels),
            profile.checkpoint.min_pixels,
        )
        message = (
            f"--current-max-pixels: expected at least min_pixels ({below:,}), got "
            f"{asked:,}"
        )
        raise UsageError(message) from error


def _settings(base: BaseConfig | None, family: str) -> dict[str, Any]:
    """Return what the model will run with: the base's, or the published ones."""
    if base is None and family in MODEL_CLASSES:
        base = zoo_base(family)
    return base.mapping if base else {}


def deployment_of(
    analysis: Analysis,
    *,
    base: BaseConfig | None = None,
    target: Iterable[str] = (),
    config: str | Path | Mapping[str, Any] | Document | None = None,
) -> ReportInputs:
    """Return what is known of the deployment beside the plan: memory, and today's.

    Parameters
    ----------
    analysis, base, target, config
        As for `write_plan`.

    Raises
    ------
    ConfigError
        When `config` cannot be read.
    """
    dialects = _planned(analysis, target)
    base = _emitted(analysis, base, dialects)
    return report_inputs(analysis, base=base, targets=dialects, config=config)


def _dialects(family: str, names: Iterable[str]) -> tuple[Target, ...]:
    """Return the dialects to plan for: those named, each for "all", else the newest."""
    asked = tuple(names)
    if ALL_TARGETS in asked:
        return serving_targets(family)
    return serving_targets(family, asked) if asked else serving_targets(family)[-1:]


def _planned(analysis: Analysis, names: Iterable[str]) -> tuple[Target, ...]:
    """Return the dialects to write for: those named, else those that were planned for."""
    planned = tuple(analysis.plan.provenance.options.get("target", ()))
    found = _dialects(analysis.plan.model.family, tuple(names) or planned)
    check_planned(found, planned)
    return found


def _emitted(
    analysis: Analysis, base: BaseConfig | None, dialects: Sequence[Target]
) -> BaseConfig | None:
    """Return the base as it is emitted: that of the analysis, or another one fitted."""
    if not dialects:
        return base
    if base is None and analysis.base is not None:
        return analysis.base
    return fit(analysis, _base_of(analysis, base), dialects)


def _base_of(analysis: Analysis, base: BaseConfig | None) -> BaseConfig:
    """Return the base, with the batch size of the plan where nobody gave one."""
    plan = analysis.plan
    base = base or zoo_base(plan.model.family)
    given = plan.provenance.options.get(BATCH_SIZE)
    if given is not None and base.mapping.get(BATCH_SIZE) != given:
        return base.with_values({BATCH_SIZE: given}, "given", "given with --batch-size")
    for row in plan.assumptions:
        if row.name == BATCH_SIZE and plan.decoder and not base.gives(BATCH_SIZE):
            value = {BATCH_SIZE: plan.decoder.batch_size}
            return base.with_values(value, "assumed", row.source)
    return base


def write_plan(
    analysis: Analysis,
    folder: Path,
    *,
    base: BaseConfig | None = None,
    target: Iterable[str] = (),
    formats: Iterable[str] = ("html",),
    config: str | Path | Mapping[str, Any] | Document | None = None,
    inputs: ReportInputs | None = None,
) -> Written:
    """Write plan, pages, histogram and configurations into a folder.

    Parameters
    ----------
    analysis : Analysis
        What `analyze` returned.
    folder : Path
        A new or empty folder, or one that holds an older plan.
    base : BaseConfig, optional
        The configuration emitted ones start from; that of the analysis by default.
    target : iterable of str
        SDK dialects, "all" for every one; those of the analysis by default.
    formats : iterable of str
        Pages to write: html (the report), pdf and md (the decision on one page); none
        for an empty one.
    config : str, Path, mapping or Document, optional
        The configuration in service, as `lint_config` takes it or as it was read: the
        report judges it.
    inputs : ReportInputs, optional
        What `deployment_of` returned, where that was asked already.

    Returns
    -------
    Written
        The files, the older plan, and a note where a PDF could not be made.

    Raises
    ------
    OutputError
        When the folder holds something else or cannot be written, or a PDF alone was
        asked for and cannot be made.
    UsageError
        When a format is not known.
    ConfigError
        When `config` cannot be read.
    """
    dialects = _planned(analysis, target)
    base = _emitted(analysis, base, dialects)
    snippets = {
        dialect.version: emit(analysis.plan, base, [dialect])
        for dialect in dialects
        if base
    }
    inputs = inputs or report_inputs(
        analysis, base=base, targets=dialects, config=config
    )
    pages = pages_of(analysis, snippets, inputs, formats)
    written = write_results(
        analysis,
        folder,
        snippets={
            name: text for texts in snippets.values() for name, text in texts.items()
        },
        pages=pages.files,
    )
    return replace(written, notes=pages.notes)


def plan_changes(written: Written, analysis: Analysis) -> tuple[str, ...]:
    """Say what changed against the plan that stood in the folder; nothing if none did.

    Parameters
    ----------
    written : Written
        What `write_plan` returned.
    analysis : Analysis
        The new plan.
    """
    if written.previous is None:
        return ()
    return changes_between(written.previous, json.loads(analysis.plan.to_json()))
