"""The view: an analysis as a report of finished text and drawings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bucketwise.core.analysis import Analysis
from bucketwise.report.blocks import Report
from bucketwise.report.deployment import ReportInputs
from bucketwise.report.plan_queries import noun_of, traffic_inputs
from bucketwise.report.sections.appendix import appendix
from bucketwise.report.sections.beside import beside
from bucketwise.report.sections.buckets import buckets
from bucketwise.report.sections.configuration import configuration
from bucketwise.report.sections.decision import decision
from bucketwise.report.sections.decoder import decoder
from bucketwise.report.sections.memory import memory_and_limits
from bucketwise.report.sections.risks import risks
from bucketwise.report.sections.savings import time_and_money
from bucketwise.report.sections.traffic import traffic
from bucketwise.words.numbers import plural

MOST_NAMES = 3


def view_of(
    analysis: Analysis,
    snippets: Mapping[str, Mapping[str, str]],
    inputs: ReportInputs | None = None,
) -> Report:
    """Return the report of an analysis, in reading order."""
    known, engine = inputs or ReportInputs(), analysis.release.engine
    counted, analysis = analysis, analysis.as_told()
    on_lengths = engine.runs_on_lengths(analysis.profile)
    sections = (
        decision(analysis, known),
        beside(analysis),
        time_and_money(analysis) if on_lengths else None,
        traffic(analysis),
        buckets(analysis, known, counted) if on_lengths else None,
        memory_and_limits(analysis, known) if on_lengths else None,
        decoder(analysis),
        risks(analysis, known) if on_lengths else None,
        configuration(snippets, engine.sdk, known),
        appendix(analysis, known) if on_lengths else None,
    )
    version = analysis.plan.provenance.bucketwise
    return Report(
        title=f"What to compile for {analysis.plan.model.hf_id}",
        subtitle=_subtitle(analysis),
        sections=tuple(section for section in sections if section is not None),
        footer=f"Made by bucketwise {version}".rstrip() + ". Sizes only: this file "
        "holds no image, prompt or address, and loads nothing.",
    )


def _subtitle(analysis: Analysis) -> str:
    plan = analysis.plan
    inputs = traffic_inputs(analysis)
    names = [record.name for record in inputs if record.name]
    said = _named(names, len(inputs)) or plural(len(inputs), "input")
    load = ""
    if plan.decoder and plan.decoder.evidence.names:
        files = plan.decoder.evidence.names
        load = f" Decoder load: {_named(files, len(files))}."
    assumed = " Model assumed." if plan.model.assumed else ""
    images = plural(plan.traffic.images, noun_of(analysis))
    return f"From {images}: {said}.{load}{assumed}"


def _named(names: Sequence[str], n_files: int) -> str:
    """Return the first names and how many more files there are; "" without names."""
    said = ", ".join(names[:MOST_NAMES])
    more = n_files - min(len(names), MOST_NAMES)
    return f"{said} and {more:,} more" if said and more else said
