"""From traffic to a plan, and from a plan to its files."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from bucketwise import __version__
from bucketwise.activity import Evidence
from bucketwise.analysis import Analysis, Context
from bucketwise.analysis import analyze as analyze_traffic
from bucketwise.api.pages import pages_of
from bucketwise.api.preprocessing import VideoOptions, preprocessing_of
from bucketwise.api.reporting import report_inputs
from bucketwise.buckets import Buckets
from bucketwise.changes import plan_changes as changes_between
from bucketwise.decoder.ask import Ask
from bucketwise.decoder.decision import BATCH_SIZE
from bucketwise.decoder.pricing import Deployment
from bucketwise.decoder.question import DecoderQuestion
from bucketwise.emitters import emit
from bucketwise.errors import UsageError
from bucketwise.limits import Limit
from bucketwise.optimize.choose import GraphPrice
from bucketwise.output import Written, write_results
from bucketwise.question import Question
from bucketwise.rbln.base_config import BaseConfig, zoo_base
from bucketwise.rbln.model_classes import MODEL_CLASSES, serving_targets
from bucketwise.rbln.targets import Target, pick_targets
from bucketwise.report.inputs import ReportInputs
from bucketwise.sources.configs.profiles import DEFAULT_MODEL, find_profile
from bucketwise.today import Today
from bucketwise.traffic import Traffic


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
    pins: Sequence[int] = (),
    bucket_unit: str = "vit",
    cost: str = "flops",
    current: Sequence[int] | None = None,
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
        Built-in name, Hugging Face id or local folder; qwen3-vl-2b is assumed without
        one.
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
    pins : sequence of int
        Lengths that must be compiled, in `bucket_unit`.
    bucket_unit : {"vit", "merged"}
        Unit of the lists that are emitted.
    cost : {"flops", "linear"}
        What a run costs.
    current : sequence of int, optional
        Lengths compiled today, in the unit the runtime compares.
    current_source : str
        Where they were read.
    current_max_pixels : int, optional
        The image limit in service today.
    base : BaseConfig, optional
        The configuration emitted ones start from; its values are recorded.
    target : iterable of str
        SDK dialects; all by default.
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
    profile = find_profile(model or DEFAULT_MODEL)
    if bucket_unit not in ("vit", "merged"):
        message = f"bucket-unit: {bucket_unit!r} found; vit or merged is right"
        raise UsageError(message)
    scale = profile.patches_per_merged if bucket_unit == "merged" else 1
    question = Question(
        strategy=strategy,
        k_range=buckets,
        min_saving=min_saving,
        graph_price=graph_price,
        align=None if align is None else align * scale,
        headroom=headroom,
        pins=tuple(sorted({pin * scale for pin in pins})),
        bucket_unit="merged_patches" if bucket_unit == "merged" else "vit_patches",
        cost=cost,
    )
    today = None
    if current is not None:
        today = Today(
            buckets=Buckets(tuple(sorted(set(current)))),
            max_pixels=current_max_pixels,
            source=current_source,
        )
    seen_with = (
        measured_with
        if measured_with is None or isinstance(measured_with, str)
        else tuple(measured_with)
    )
    dialects = tuple(target)
    options: dict[str, Any] = {
        "model": None if model is None else profile.name,
        "min_pixels": min_pixels,
        "max_pixels": max_pixels,
        "strategy": strategy,
        "buckets": list(buckets),
        "min_saving": min_saving,
        "align": align,
        "headroom": headroom,
        "pins": list(pins),
        "bucket_unit": bucket_unit,
        "cost": cost,
        "video": asdict(video or VideoOptions()),
        "graph_price": asdict(graph_price) if graph_price else None,
        "current": list(current) if current is not None else None,
        "current_max_pixels": current_max_pixels,
        "target": sorted(dialects),
        "decoder_graphs": list(decoder_graphs),
        "step_cost": step_cost
        if isinstance(step_cost, str)
        else {str(size): cost_ms for size, cost_ms in sorted(step_cost.items())},
        "measured_with": list(seen_with) if isinstance(seen_with, tuple) else seen_with,
        "batch_size": batch_size,
        **(recorded or {}),
    }
    ask = None
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
    return analyze_traffic(
        traffic if places else traffic.without_places(),
        profile,
        preprocessing_of(
            profile, min_pixels=min_pixels, max_pixels=max_pixels, video=video
        ),
        question,
        # Where no release compiles the family the newest one's counting is told.
        serving_targets(profile.family, dialects) or pick_targets(())[-1:],
        today=today,
        ask=ask,
        context=Context(
            model_assumed=model is None,
            version=__version__,
            options=options,
            base=base.assumptions() if base else (),
            as_stored=bool((recorded or {}).get("ignore_orientation")),
        ),
    )


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
    config: str | Path | Mapping[str, Any] | None = None,
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
    dialects = serving_targets(analysis.plan.model.family, target)
    base = _base_of(analysis, base, dialects)
    return report_inputs(analysis, base=base, targets=dialects, config=config)


def _base_of(
    analysis: Analysis, base: BaseConfig | None, dialects: Sequence[Target]
) -> BaseConfig | None:
    """Return the base, with the batch size of the plan where nobody gave one."""
    plan = analysis.plan
    if not dialects:
        return base
    base = base or zoo_base(plan.model.family)
    for row in plan.assumptions:
        if row.name == BATCH_SIZE and plan.decoder and not base.gives(BATCH_SIZE):
            return base.with_assumed(BATCH_SIZE, plan.decoder.batch_size, row.source)
    return base


def write_plan(
    analysis: Analysis,
    folder: Path,
    *,
    base: BaseConfig | None = None,
    target: Iterable[str] = (),
    formats: Iterable[str] = ("html",),
    config: str | Path | Mapping[str, Any] | None = None,
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
        The configuration emitted ones start from; the published one by default.
    target : iterable of str
        SDK dialects; all by default.
    formats : iterable of str
        Pages to write: html (the report), pdf and md (the decision on one page); none
        for an empty one.
    config : str, Path or mapping, optional
        The configuration in service, as `lint_config` takes it: the report judges it.
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
    dialects = serving_targets(analysis.plan.model.family, target)
    base = _base_of(analysis, base, dialects)
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
