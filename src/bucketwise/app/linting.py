"""Whether configurations will work: for which release, which model, which images."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bucketwise import __version__
from bucketwise.app.built_in import newest
from bucketwise.app.measured import run_cost_of
from bucketwise.app.options.commands import LintOptions
from bucketwise.app.options.option import takes
from bucketwise.app.options.shared import ProcessorOptions
from bucketwise.app.preprocessing import preprocessing_of
from bucketwise.core.buckets import Demand
from bucketwise.core.cost import cost_of
from bucketwise.core.in_service import limits_in_service, option_limits
from bucketwise.core.patching import count_patches
from bucketwise.engines import engine_for, engines
from bucketwise.errors import ConfigError, UsageError, raise_all
from bucketwise.lint.case import Judged, LintCase, LintReport, TrafficUse
from bucketwise.lint.finding import Rule
from bucketwise.nouns.activity import Evidence
from bucketwise.nouns.document import Document
from bucketwise.nouns.encoder_profile import EncoderProfile
from bucketwise.nouns.engine import Engine, Lint, Version, parse_version, written
from bucketwise.nouns.measured_cost import MeasuredCost
from bucketwise.nouns.profile import ModelProfile, PixelLimits
from bucketwise.nouns.traffic import Traffic
from bucketwise.read.configs.documents import documents_of, mapping_document
from bucketwise.read.configs.documents.text import Text, read_text
from bucketwise.read.configs.encoders import encoder_named
from bucketwise.read.configs.profiles import (
    DEFAULT_MODEL,
    built_in_profiles,
    find_profile,
)
from bucketwise.read.configs.scenarios import named_model

RUN_COST = "flops"
"""What a run costs where nobody says, whatever the engine."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """What the caller said beside the configurations."""

    engine: Engine
    profile: ModelProfile | None
    encoder: EncoderProfile | None
    options: LintOptions
    cost: str | MeasuredCost
    traffic: Traffic | None
    evidence: Evidence | None


@takes(LintOptions)
def lint_config(
    *configs: str | Path | Mapping[str, Any],
    traffic: Traffic | None = None,
    evidence: Evidence | None = None,
    rules: tuple[Rule, ...] | None = None,
    **options: Any,
) -> LintReport:
    """Judge configurations: what will fail, what will waste, what is good to know.

    Parameters
    ----------
    *configs : str, Path or mapping
        JSON, YAML or TOML files, compiled folders, Python files, notebooks, shell
        scripts, plans, lists of lengths, "-" for standard input, such a text itself, or
        a configuration as a value. Nothing in them is run.
    traffic : Traffic, optional
        What `read_traffic` returned: what users send.
    evidence : Evidence, optional
        What `read_evidence` returned: the tokens of requests are taken from it.
    rules : tuple of Rule, optional
        The rules to apply; every rule of the engine without them.
    **options
        The fields of `LintOptions` by name, each of them what the text says without one:
        `model`, `target`, `min_pixels`, `max_pixels`, `soft_tokens`, `npu`, `cost`.

    Returns
    -------
    LintReport
        One entry a configuration, with its findings and what it was judged by.

    Raises
    ------
    BucketwiseError
        When a configuration or an option cannot be used.
    """
    if not configs:
        message = "lint: expected one configuration at least, got none"
        raise UsageError(message)
    given = LintOptions(**options)
    first: Engine = engine_for([given.target] if given.target else [])
    texts, problems = _texts_of(configs, first)
    engine = first if given.target else _recognised(texts, first)
    lint = lint_of(engine)
    if given.npu is not None:
        raise_all(lint.device_faults(given.npu), UsageError)
    encoder = encoder_named(given.model) if given.model else None
    asked = _Asked(
        engine=engine,
        profile=find_profile(given.model) if given.model and encoder is None else None,
        encoder=encoder,
        options=given,
        cost=run_cost_of(given.cost or RUN_COST),
        traffic=traffic,
        evidence=evidence,
    )
    documents: list[Document] = []
    for text in texts:
        try:
            documents += (
                _for_release(
                    documents_of(replace(text, words=engine.vocabulary)), given.target
                )
                if isinstance(text, Text)
                else (mapping_document(text, engine.vocabulary),)
            )
        except ConfigError as error:
            problems += error.problems
    if problems:
        raise ConfigError(*problems)
    applied = lint.rules() if rules is None else rules
    judged = tuple(_judged(document, asked, lint, applied) for document in documents)
    return LintReport(judged=judged, rules=applied, version=__version__)


def _texts_of(
    configs: tuple[str | Path | Mapping[str, Any], ...], engine: Engine
) -> tuple[list[Text | Mapping[str, Any]], list[str]]:
    """Return what is judged, as text where it is none of Python, and what is not there."""
    found: list[Text | Mapping[str, Any]] = []
    problems: list[str] = []
    for config in configs:
        try:
            found.append(
                config
                if isinstance(config, Mapping)
                else read_text(config, engine.vocabulary)
            )
        except ConfigError as error:
            problems += error.problems
    return found, problems


def _recognised(texts: list[Text | Mapping[str, Any]], first: Engine) -> Engine:
    """Return the engine whose words the texts hold; the first one where none is told."""
    said = "\n".join(
        each.content if isinstance(each, Text) else str(each) for each in texts
    )
    if first.vocabulary.signs.search(said):
        return first
    able = [each for each in engines() if each.vocabulary.signs.search(said)]
    if not able:
        return first
    # Engines that take another's keys are told apart by the package alone.
    pinned = (each for each in reversed(able) if each.vocabulary.pin.search(said))
    found: Engine = next(pinned, able[0])
    return found


def lint_of(engine: Engine) -> Lint:
    """Return how an engine judges a configuration."""
    if engine.lint is None:
        able = " or ".join(each.sdk for each in engines() if each.lint)
        message = f"lint: {engine.sdk} has no rules; expected a release of {able}"
        raise UsageError(message)
    return engine.lint


def _for_release(
    documents: tuple[Document, ...], target: str | None
) -> tuple[Document, ...]:
    """Return what one release takes of a plan that has a list for each."""
    if target is None or documents[0].form != "plan":
        return documents
    asked = newest(target).parsed
    return tuple(each for each in documents if each.version == asked) or documents[-1:]


def _judged(
    document: Document, asked: _Asked, lint: Lint, rules: tuple[Rule, ...]
) -> Judged:
    version, release_source = _release(document, asked)
    profile, model_source = _model(document, asked)
    encoder = None if profile else asked.encoder or _encoder_of(document)
    if encoder:
        model_source = "--model" if asked.encoder else f"named in {document.source}"
    of_texts = encoder is not None or _is_of_texts(document, asked.engine)
    texts = _texts(asked.traffic) if of_texts else None
    if (
        profile is None
        and asked.traffic is not None
        and not document.family
        and not of_texts
    ):
        profile = find_profile(DEFAULT_MODEL)
        model_source = "assumed, because nothing names it; --model does"
    profile = asked.engine.as_run(profile) if profile else None
    limits, notes = _limits(document, profile, asked)
    npu = asked.options.npu or lint.device_in(document)
    use = None
    if asked.traffic is not None and profile is not None and limits is not None:
        use = _use(asked, asked.traffic, profile, limits)
    subject = lint.case(
        document=document,
        engine=asked.engine,
        version=version,
        profile=profile,
        family=profile.family if profile else document.family,
        limits=limits,
        npu=npu,
        use=use,
        encoder=encoder,
        texts=texts,
    )
    return Judged(
        subject=subject,
        reported=lint.judge(subject, rules),
        release_source=release_source,
        model_source=model_source,
        npu_source="--npu" if asked.options.npu else document.source,
        memory=lint.memory(subject),
        not_judged=(*notes, *_not_judged(subject, asked)),
    )


def _release(document: Document, asked: _Asked) -> tuple[Version, str]:
    """Return the release to judge for, and why that one."""
    target, releases = asked.options.target, asked.engine.known_releases
    if target is not None:
        dialect = newest(target)
        named = parse_version(target.replace("=", " ").replace("@", " ").split()[-1])
        return (named if named in releases else dialect.parsed), "--target"
    version = document.version
    if version is None:
        return releases[-1], "the newest; --target names another"
    known = [release for release in releases if release <= version]
    chosen = known[-1] if known else releases[0]
    if chosen == version:
        return chosen, document.version_source
    source = document.version_source
    return chosen, f"{source} says {written(version)}, which is not known here"


def _model(document: Document, asked: _Asked) -> tuple[ModelProfile | None, str]:
    """Return the model and where it is named."""
    given, name = asked.profile, named_model(document)
    profile = given or (find_profile(name) if name else None)
    if profile is not None and asked.engine.one_size(profile.family):
        # No table here is about its class.
        return None, ""
    if profile is not None:
        return profile, "--model" if given else f"named in {document.source}"
    if not document.family:
        return None, ""
    return _any_of(
        document.family
    ), f"{document.class_name or 'submodules'} in {document.source}"


def _is_of_texts(document: Document, engine: Engine) -> bool:
    """Return whether a configuration is for a class of text encoders."""
    compiled = engine.encoders
    return compiled is not None and document.class_name in compiled.classes


def _encoder_of(document: Document) -> EncoderProfile | None:
    """Return the text encoder that a configuration names; None where it names none."""
    try:
        return encoder_named(document.model) if document.model else None
    except ConfigError:
        return None


def _texts(traffic: Traffic | None) -> Demand | None:
    """Return how many texts are how long; None where the traffic holds images."""
    sizes = traffic.sizes() if traffic is not None else None
    if sizes is None or not len(sizes) or not sizes.is_told.all():
        return None
    return Demand.of(sizes.visual_tokens, sizes.count)


def _any_of(family: str) -> ModelProfile | None:
    """Return what all models of a family have in common: their processor.

    Its language model is left out, because its size is that of no one model.
    """
    members = [each for each in built_in_profiles().values() if each.family == family]
    if not members:
        return None
    return replace(members[0], name=f"any {family}", lm=None, notes=())


def _limits(
    document: Document, profile: ModelProfile | None, asked: _Asked
) -> tuple[PixelLimits | None, tuple[str, ...]]:
    """Return the image limits in force, and a note where there can be none."""
    options = option_limits(profile, *asked.options.limits)
    try:
        return limits_in_service(profile, *options, *document.limits), ()
    except ConfigError as error:
        if options:
            raise UsageError(*error.problems) from error
        problems = "; ".join(error.problems)
        return None, (f"images, because their limits cannot be: {problems}",)


def _use(
    asked: _Asked,
    traffic: Traffic,
    profile: ModelProfile,
    limits: PixelLimits,
) -> TrafficUse:
    preprocessing = replace(
        preprocessing_of(profile, ProcessorOptions(), deployed=False), image=limits
    )
    return TrafficUse(
        counts=count_patches(traffic.sizes(), profile, preprocessing),
        together=traffic.calls,
        curve=cost_of(asked.cost, profile),
        tokens=asked.evidence.tokens if asked.evidence else None,
    )


def _not_judged(subject: LintCase, asked: _Asked) -> tuple[str, ...]:
    """Say what rules could not look at, and what would let them."""
    found = []
    if subject.encoder_family:
        return _texts_not_judged(subject, asked)
    if subject.profile is None:
        found.append("images and memory: add --model")
    elif subject.profile.lm is None:
        found.append(
            f"memory: {subject.profile.name} has no dimensions of the language model; "
            "name one that has with --model"
        )
    if asked.traffic is not None and subject.use is None:
        found.append("the traffic: it needs the model and its image limits")
    family = subject.document.family
    if family and subject.profile is not None and subject.profile.family != family:
        found.append(
            f"whether the class fits: {subject.document.class_name} is for {family}, the "
            f"model is {subject.profile.family}"
        )
    return tuple(found)


def _texts_not_judged(subject: LintCase, asked: _Asked) -> tuple[str, ...]:
    """Say what rules about a text encoder could not look at."""
    found = ["memory, which bucketwise analyze --lengths estimates"]
    if subject.encoder is None:
        found.append("positions, because nothing names the model: --model would")
    if asked.traffic is not None and subject.texts is None:
        found.append(
            "the traffic, which tells no tokens of texts: --columns length=COLUMN"
        )
    return tuple(found)
