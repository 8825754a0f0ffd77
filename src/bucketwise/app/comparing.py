"""Several plans or bucket lists on one traffic."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bucketwise import __version__
from bucketwise.app.given_plans import PlanGiven, read_plans
from bucketwise.app.measured import recorded as recorded_cost
from bucketwise.app.measured import run_cost_of
from bucketwise.app.options.commands import COMPARE_RECORDED, CompareOptions
from bucketwise.app.options.option import takes
from bucketwise.app.output import write_text
from bucketwise.app.preprocessing import preprocessing_of
from bucketwise.core.buckets import Buckets
from bucketwise.core.comparison.compare import compare_scenarios
from bucketwise.core.comparison.outcome import Comparison, Scenario
from bucketwise.core.cost import cost_of
from bucketwise.core.in_service import limits_in_service, option_limits
from bucketwise.core.limits import Case
from bucketwise.core.patching import count_patches
from bucketwise.engines import engine_for
from bucketwise.errors import ConfigError, OutputError, UsageError
from bucketwise.nouns.document import GivenLimits
from bucketwise.nouns.engine import Engine, Target
from bucketwise.nouns.profile import ModelProfile, PixelLimits
from bucketwise.nouns.traffic import Traffic
from bucketwise.read.configs.profiles import DEFAULT_MODEL, find_profile
from bucketwise.read.configs.scenarios import GivenLengths
from bucketwise.words.text import worded


@takes(CompareOptions)
def compare(
    traffic: Traffic,
    plans: Sequence[PlanGiven] | Mapping[str, PlanGiven],
    *,
    recorded: Mapping[str, Any] | None = None,
    **options: Any,
) -> Comparison:
    """Compare plans or bucket lists: who fails, then what each costs.

    Parameters
    ----------
    traffic : Traffic
        What `read_traffic` returned.
    plans : sequence or mapping of str
        Two or more: lengths such as "1024,4096" or [1024, 4096], a plan, a plan.json or
        its folder, or any configuration that `lint_config` reads from a file. Names are
        the mapping's keys, or stand before an equals sign ("today=1024,4096").
    recorded : mapping, optional
        Further options to record.
    **options
        The fields of `CompareOptions` by name: `model`, without which it is what the plans
        name; `min_pixels`, `max_pixels`, `soft_tokens` of every scenario, without which
        each brings its own; `video`, `bucket_unit`, `cost`, `target`, `places`.

    Returns
    -------
    Comparison
        One outcome a plan, in the order given.

    Raises
    ------
    BucketwiseError
        When a plan, an option or the traffic cannot be used.
    """
    asked = CompareOptions(**options)
    engine: Engine = engine_for([asked.target] if asked.target else [])
    if engine.no_lengths:
        message = f"--target: no lengths to compare. {engine.no_lengths}"
        raise UsageError(message)
    read = read_plans(plans, target=asked.target, places=asked.places)
    profile, assumed = _profile(asked.model, list(read.values()))
    cost = run_cost_of(asked.cost or engine.cost)
    profile = engine.as_run(profile)
    dialect = _dialect(profile, asked.target, engine)
    preprocessing = preprocessing_of(profile, asked, deployed=False)
    limits = option_limits(profile, *asked.limits)
    merged = engine.counts_merged(f"{asked.bucket_unit}_patches")
    scale = profile.lengths_per_merged if merged else 1
    scenarios = []
    for name, given in read.items():
        found = given.on(engine.release(dialect.parsed))
        told = found if asked.places else found.without_places()
        scenarios.append(
            Scenario(
                name=name,
                buckets=Buckets(_in_vit_patches(found, scale)),
                limits=_limits(name, profile, (*limits, *told.limits)),
                source=told.source,
            )
        )
    sent = (traffic if asked.places else traffic.without_places()).without_empty_cells()
    setting = Case(
        profile=profile,
        preprocessing=preprocessing,
        counts=count_patches(sent.sizes(), profile, preprocessing),
        release=engine.release(dialect.parsed),
        curve=cost_of(cost, profile),
        align=profile.align,
        pins=(),
    )
    return compare_scenarios(
        scenarios,
        sent,
        setting,
        dialect.name,
        model_assumed=assumed,
        version=__version__,
        options=asked.record(
            COMPARE_RECORDED,
            model=None if asked.model is None else profile.name,
            cost=recorded_cost(asked.cost or engine.cost, places=asked.places),
            **(recorded or {}),
        ),
    )


def write_comparison(comparison: Comparison, path: str | Path) -> Path:
    """Write a comparison as a page, as Markdown or as JSON.

    Parameters
    ----------
    comparison : Comparison
        What `compare` returned.
    path : str or Path
        Ends in .html, .md or .json.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    UsageError
        When the name ends in something else.
    OutputError
        When the file cannot be written.
    """
    from bucketwise.report.comparison import RENDERERS  # noqa: PLC0415 - may load matplotlib

    file = Path(path)
    check_comparison_name(file)
    words = () if file.suffix == ".json" else comparison.words
    text = worded(
        RENDERERS[file.suffix](comparison),
        comparison.model.family,
        words,
        comparison.cost.unit,
    )
    try:
        return write_text(file, text)
    except OSError as error:
        message = f"{file}: cannot be written ({error.strerror}); name another file"
        raise OutputError(message) from error


def check_comparison_name(path: Path) -> None:
    """Check that the name tells a form that a comparison can be written in."""
    from bucketwise.report.comparison import RENDERERS  # noqa: PLC0415

    if path.suffix not in RENDERERS:
        message = (
            f"-o: expected a name that ends in {' or '.join(RENDERERS)}, got {path}"
        )
        raise UsageError(message)


def _limits(
    name: str, profile: ModelProfile, given: Sequence[GivenLimits]
) -> PixelLimits | None:
    try:
        return limits_in_service(profile, *given)
    except ConfigError as error:
        problems = (f"{name}: {problem}" for problem in error.problems)
        raise ConfigError(*problems) from error


def _in_vit_patches(found: GivenLengths, scale: int) -> tuple[int, ...]:
    factor = scale if found.is_list else 1
    return tuple(length * factor for length in found.lengths)


def _profile(
    model: str | None, read: Sequence[GivenLengths]
) -> tuple[ModelProfile, bool]:
    """Return the model, and whether nobody named it."""
    plans = [found for found in read if found.is_plan]
    names = sorted(
        {found.model for found in plans} or {found.model for found in read} - {""}
    )
    if model is not None:
        profile = find_profile(model)
        others = [found.model for found in plans if found.model != profile.name]
        if others:
            message = (
                f"compare: a plan is for {others[0]} and --model is {profile.name}; "
                "lengths fit one model alone"
            )
            raise UsageError(message)
        return profile, False
    if len(names) > 1:
        message = (
            "compare: expected plans for one model, as lengths fit no other, got "
            f"{' and '.join(names)}; compare those of one, or name it with --model"
        )
        raise UsageError(message)
    if not names:
        return find_profile(DEFAULT_MODEL), True
    assumed = bool(plans) and all(found.model_assumed for found in plans)
    return find_profile(names[0]), assumed


def _dialect(profile: ModelProfile, target: str | None, engine: Engine) -> Target:
    """Return the dialect asked for, or the newest that compiles the model."""
    asked = [target] if target else []
    return (engine.pick(profile.family, asked) or engine.named(()))[-1]
