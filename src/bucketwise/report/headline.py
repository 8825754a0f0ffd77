"""The three figures that a room asks for: lengths, graphs, memory."""

from __future__ import annotations

from bucketwise.core.analysis import Analysis
from bucketwise.report.blocks import Drawing
from bucketwise.report.deployment import ReportInputs
from bucketwise.report.figures.memory import memory_drawing
from bucketwise.report.figures.pictures import to_picture
from bucketwise.report.sections.buckets import graphs_drawing
from bucketwise.report.sections.decision import headline


def headline_drawings(analysis: Analysis, inputs: ReportInputs) -> dict[str, Drawing]:
    """Return the figures by the name of their file; those that show nothing are left out."""
    analysis = analysis.as_told()
    plan = analysis.plan
    if not analysis.release.engine.runs_on_lengths(analysis.profile):
        return {}
    found = {
        "lengths": headline(analysis),
        "graphs": graphs_drawing(plan.visual, plan.provenance.options),
    }
    drawings = {name: each for name, each in found.items() if each}
    if inputs.memory and inputs.memory_before:
        is_today = plan.visual.current is not None
        drawings["memory"] = memory_drawing(
            inputs.memory_before, inputs.memory, is_today=is_today
        )
    return drawings


def pictures_of(
    analysis: Analysis, inputs: ReportInputs, form: str
) -> dict[str, bytes]:
    """Draw the figures as files of a form, by their paths beside the report."""
    family, unit = analysis.plan.model.family, analysis.plan.visual.cost.unit
    words = analysis.release.engine.words(analysis.profile)
    return {
        f"figures/{name}.{form}": to_picture(drawing, form, family, words, unit)
        for name, drawing in headline_drawings(analysis, inputs).items()
    }
