"""From traffic to a plan, and from a plan to its files."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from bucketwise import __version__
from bucketwise.app.given_plans import read_given
from bucketwise.app.measured import recorded as recorded_cost
from bucketwise.app.measured import run_cost_of, step_cost_of
from bucketwise.app.options.analyze import RECORDED, AnalyzeOptions
from bucketwise.app.options.option import recorded_of, takes
from bucketwise.app.output import Written, write_results
from bucketwise.app.pages import pages_of
from bucketwise.app.preprocessing import preprocessing_of
from bucketwise.app.reporting import report_inputs
from bucketwise.core.analysis import Analysis, Context
from bucketwise.core.analysis import analyze as analyze_traffic
from bucketwise.core.buckets import Buckets
from bucketwise.core.decoder.decoder_plan import BATCH_SIZE
from bucketwise.core.in_service import InService, limits_in_service, option_limits
from bucketwise.core.optimize import EXACT
from bucketwise.core.plan_diff import plan_changes as changes_between
from bucketwise.engines import engine_for
from bucketwise.errors import ConfigError, UsageError, raise_all
from bucketwise.nouns.activity import Evidence
from bucketwise.nouns.document import Document
from bucketwise.nouns.engine import Base, Engine, Target, check_planned
from bucketwise.nouns.measured_cost import MeasuredCost, MeasuredCurve
from bucketwise.nouns.profile import ModelProfile
from bucketwise.nouns.traffic import Traffic
from bucketwise.read.configs.profiles import DEFAULT_MODEL, find_profile
from bucketwise.read.configs.scenarios import GivenLengths
from bucketwise.report.deployment import ReportInputs
from bucketwise.report.formats import check_picture


@takes(AnalyzeOptions)
def analyze(
    traffic: Traffic,
    *,
    evidence: Evidence | None = None,
    recorded: Mapping[str, Any] | None = None,
    **options: Any,
) -> Analysis:
    """Choose ViT buckets for a traffic.

    Parameters
    ----------
    traffic : Traffic
        What `read_traffic` returned.
    evidence : Evidence, optional
        What the decoder carried, as `read_evidence` returned it.
    recorded : mapping, optional
        Further options to record in the plan: how the traffic was read, what the
        base was made of.
    **options
        The fields of `AnalyzeOptions` by name, as the options of the command line are
        called, with the same defaults: `model`, `max_pixels`, `buckets`, `current`, ...

    Returns
    -------
    Analysis
        The plan with its evidence.

    Raises
    ------
    BucketwiseError
        When an option or the traffic cannot be used.
    TypeError
        When there is no option of that name.
    """
    asked = AnalyzeOptions(**options)
    engine = engine_for(asked.target)
    asked = asked.on(engine)
    cost = run_cost_of(asked.cost or engine.cost)
    steps, costs = step_cost_of(asked.step_cost, cost), (asked.cost, asked.step_cost)
    asked = replace(asked, cost=cost)
    read = _current(asked, engine)
    model = asked.model or (read.model if read else "")
    profile = engine.as_run(find_profile(model or DEFAULT_MODEL))
    if read and read.is_plan and read.model != profile.name:
        message = (
            f"--current: a plan for {read.model} found and --model is {profile.name}; "
            "lengths fit one model alone"
        )
        raise UsageError(message)
    # Where no release compiles the family the newest one's counting is told.
    served = engine.pick(profile.family, asked.target)
    targets = served or engine.named(())[-1:]
    today = _today(asked, read, profile, engine, targets[-1]) if read else None
    base, places = asked.base, asked.places
    settings, ask = engine.settings_of(base, profile.family), None
    if not engine.generates(profile.family):
        _check_no_decoder(profile, traffic, evidence, asked.batch_size)
        evidence = None
    if evidence is not None or asked.batch_size is not None:
        ask = asked.decoder_ask(
            engine,
            settings,
            evidence,
            batch_size_given=asked.batch_size is not None
            or bool(base and base.gives(BATCH_SIZE)),
            step_cost=steps,
            prefill=_prefill(steps, cost),
        )
    question = asked.question(profile, engine)
    plan_within = partial(
        analyze_traffic,
        traffic if places else traffic.without_places(),
        profile,
        preprocessing_of(profile, asked),
        releases=engine.releases(targets),
        today=today,
        ask=ask,
        context=Context(
            model_assumed=not model
            or (asked.model is None and bool(read and read.model_assumed)),
            version=__version__,
            options=asked.record(
                RECORDED,
                model=None if asked.model is None else profile.name,
                current=list(today.buckets.lengths) if today else None,
                target=[each.name for each in served],
                cost=recorded_cost(costs[0], places=places),
                step_cost=recorded_cost(costs[1] or steps, places=places),
                **_served_at(asked),
                **(recorded or {}),
            ),
            device=settings.get("npu"),
            base=base.assumptions() if base else (),
            as_stored=bool((recorded or {}).get("ignore_orientation")),
        ),
    )
    analysis = plan_within(question)
    if not served:
        return analysis.in_own_words()
    together = engine.together(analysis, base, question, served)
    if together is not None:
        question = replace(question, together=together)
        analysis = plan_within(question)
    found: Analysis = engine.deploy(analysis, base, served, asked.min_saving)
    _check_memory_known(found)
    # What other strategies choose knows of no budget.
    rooms = found.rooms_for_lengths if question.strategy == EXACT else ()
    for room in rooms:
        budgets = replace(question.budgets, lengths_bytes=room)
        smaller = plan_within(replace(question, budgets=budgets))
        fitted: Analysis = engine.deploy(smaller, base, served, asked.min_saving)
        if fitted.memory and not fitted.memory.lacks_bytes:
            return fitted.in_own_words()
    return found.in_own_words()


def _prefill(*costs: object) -> MeasuredCurve | None:
    """Return the measured times of prompts, of the first that has any."""
    found = (each.prefill for each in costs if isinstance(each, MeasuredCost))
    return next(filter(None, found), None)


def _served_at(asked: AnalyzeOptions) -> dict[str, Any]:
    """Return what a plan records of what only measured costs tell."""
    told = recorded_of(asked, ("images_per_day", "price_per_device_hour"))
    return {name: value for name, value in told.items() if value is not None}


def _current(asked: AnalyzeOptions, engine: Engine) -> GivenLengths | None:
    """Return what is compiled now as it was given; None where nothing was."""
    if asked.current is None:
        return None
    if engine.no_lengths:
        message = f"--current: no lengths to compare with. {engine.no_lengths}"
        raise UsageError(message)
    return read_given(asked.current, engine.vocabulary, "--current")


def _check_memory_known(analysis: Analysis) -> None:
    """Check that a budget of memory was held against what a device holds."""
    if any(
        each.name == "memory" and each.used is None for each in analysis.plan.budgets
    ):
        name, model = analysis.release.engine.name, analysis.plan.model.name
        message = (
            f"--memory-budget: what a device of {name} holds of {model} is not known; "
            "leave it out"
        )
        raise UsageError(message)


def _today(
    asked: AnalyzeOptions,
    read: GivenLengths,
    profile: ModelProfile,
    engine: Engine,
    target: Target,
) -> InService:
    """Return what is compiled now, and every limit that may be in force."""
    given = read.on(engine.release(target.parsed))
    merged = engine.unit == "merged_patches" and given.is_list
    scale = profile.lengths_per_merged if merged else 1
    told = given if asked.places else given.without_places()
    today = InService(
        buckets=Buckets(tuple(each * scale for each in given.lengths)),
        limits=(
            *option_limits(
                profile, None, asked.current_max_pixels, prefix="--current-"
            ),
            *option_limits(profile, *asked.limits),
            *told.limits,
        ),
        source=asked.current_source if given.is_list else told.source,
    )
    _check_limit(today, profile, asked.current_max_pixels)
    return today


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


def _check_limit(today: InService, profile: ModelProfile, asked: int | None) -> None:
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


def deployment_of(
    analysis: Analysis,
    *,
    base: Base | None = None,
    target: Iterable[str] = (),
    config: str | Path | Mapping[str, Any] | Document | None = None,
) -> ReportInputs:
    """Return what is known of the deployment beside the plan: memory, and today's."""
    dialects = _planned(analysis, target)
    base = analysis.release.engine.base_to_emit(analysis, base, dialects)
    return report_inputs(analysis, base=base, targets=dialects, config=config)


def _planned(analysis: Analysis, names: Iterable[str]) -> tuple[Target, ...]:
    """Return the dialects to write for: those named, else those that were planned for."""
    planned = tuple(analysis.plan.provenance.options.get("target", ()))
    engine = analysis.release.engine
    found = engine.pick(analysis.plan.model.family, tuple(names) or planned)
    check_planned(found, planned)
    return found


def write_plan(
    analysis: Analysis,
    folder: Path,
    *,
    base: Base | None = None,
    target: Iterable[str] = (),
    formats: Iterable[str] = ("html",),
    figures: str | None = None,
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
    base : Base, optional
        The configuration emitted ones start from; that of the analysis by default.
    target : iterable of str
        SDK dialects, "all" for every one; those of the analysis by default.
    formats : iterable of str
        Pages to write: html (the report), pdf and md (the decision on one page); none
        for an empty one.
    figures : str, optional
        png or svg: write the three headline figures as files, too; what the analysis
        was asked by default.
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
        When a format, or a form of figures, is not known.
    ConfigError
        When `config` cannot be read.
    """
    dialects = _planned(analysis, target)
    base = analysis.release.engine.base_to_emit(analysis, base, dialects)
    snippets = {
        dialect.version: analysis.release.engine.emit(analysis.plan, base, [dialect])
        for dialect in dialects
        if base
    }
    inputs = inputs or report_inputs(
        analysis, base=base, targets=dialects, config=config
    )
    figures = figures or analysis.plan.provenance.options.get("figures")
    check_picture(figures)
    pages = pages_of(analysis, snippets, inputs, formats, figures)
    written = write_results(
        analysis,
        folder,
        snippets={
            **{name: text for each in snippets.values() for name, text in each.items()},
            **{
                name: text
                for other in analysis.beside
                for name, text in _files_of(other).items()
            },
        },
        pages=pages.files,
    )
    return replace(written, notes=pages.notes)


def _files_of(analysis: Analysis) -> Mapping[str, str]:
    """Return the files of a plan that stands beside another."""
    engine, targets = analysis.release.engine, _planned(analysis, ())
    base = engine.base_to_emit(analysis, None, targets)
    files: Mapping[str, str] = engine.emit(analysis.plan, base, targets)
    return files


def plan_changes(written: Written, analysis: Analysis) -> tuple[str, ...]:
    """Say what changed against the plan that stood in the folder; nothing if none did."""
    if written.previous is None:
        return ()
    return changes_between(written.previous, json.loads(analysis.plan.to_json()))
