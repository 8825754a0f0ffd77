"""The view: an analysis as a report of finished text and drawings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bucketwise.analysis import Analysis
from bucketwise.numbers import plural
from bucketwise.report.blocks import Report
from bucketwise.report.reading import noun_of, traffic_inputs
from bucketwise.report.sections.buckets import buckets
from bucketwise.report.sections.decision import decision
from bucketwise.report.sections.decoder import decoder
from bucketwise.report.sections.how_many import how_many
from bucketwise.report.sections.limits import limits
from bucketwise.report.sections.method import method
from bucketwise.report.sections.quality import quality
from bucketwise.report.sections.snippets import snippets as files_section
from bucketwise.report.sections.strategies import strategies
from bucketwise.report.sections.today import today
from bucketwise.report.sections.traffic import traffic
from bucketwise.report.sections.units import units

MOST_NAMES = 3


def view_of(analysis: Analysis, snippets: Mapping[str, Mapping[str, str]]) -> Report:
    """Return the report of an analysis, in reading order.

    Parameters
    ----------
    analysis : Analysis
        The plan and its evidence.
    snippets : mapping of str to mapping of str to str
        For each release, the text of each file by name.

    Returns
    -------
    Report
        Sections that have nothing to say are left out.
    """
    sections = (
        decision(analysis),
        today(analysis),
        traffic(analysis),
        buckets(analysis),
        how_many(analysis),
        strategies(analysis),
        limits(analysis),
        units(analysis),
        decoder(analysis),
        files_section(snippets),
        quality(analysis),
        method(analysis),
    )
    version = analysis.plan.provenance.bucketwise
    graphs = " and decoder graphs" if analysis.plan.decoder else ""
    return Report(
        title=f"ViT lengths{graphs} to compile for {analysis.plan.model.hf_id}",
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
