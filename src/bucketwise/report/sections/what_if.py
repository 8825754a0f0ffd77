"""What if other lengths were compiled: edited in the page, answered at once."""

from __future__ import annotations

from bucketwise.core.analysis import Analysis
from bucketwise.report.blocks import Block, Paragraph, Section, WhatIf
from bucketwise.report.deployment import ReportInputs
from bucketwise.report.what_if.panel_data import panel_data
from bucketwise.words.numbers import percent


def what_if(analysis: Analysis, inputs: ReportInputs) -> Section:
    """Return the section that holds the panel."""
    plan = analysis.plan
    releases = (
        analysis.release.engine.files_to_edit(plan, inputs.base, inputs.targets)
        if inputs.base is not None and inputs.targets
        else ()
    )
    memory = (
        analysis.release.engine.memory_coefficients(
            analysis, inputs.base, inputs.targets
        )
        if inputs.memory is not None and inputs.base is not None
        else None
    )
    told = panel_data(analysis, releases, memory)
    blocks: list[Block] = [
        WhatIf(data=told.json, decoder=told.decoder),
        Paragraph(text=_rests_on(analysis, told.stand_in_share)),
    ]
    sizes = " and decoder sizes" if told.decoder else ""
    limit = ", move the pixel limit" if told.limit else ""
    deployment = ", change what it is deployed with" if memory else ""
    return Section(
        id="what-if",
        title="What if",
        finding=(
            f"Move, add or remove lengths{sizes}{limit}{deployment}: failures, waste, "
            "memory and files follow at once."
        ),
        blocks=tuple(blocks),
    )


def _rests_on(analysis: Analysis, stand_in_share: float) -> str:
    visual = analysis.plan.visual
    text = (
        "Computed in this page, from the histogram of the sizes read, by the arithmetic "
        f"of the plan; starts at its lengths and at max_pixels "
        f"{visual.processor.max_pixels:,}. ViT compute is derived, device memory is "
        "that of one device and partly assumed. The address of the page carries what "
        "is edited."
    )
    if analysis.plan.visual_by_target:
        text += (
            " Lengths are those of the newest release; files of releases before 0.12.0 "
            "get one attention window more for each, which holds the same images."
        )
    if stand_in_share:
        text += (
            f" To keep this file small, {percent(stand_in_share)} of the images are "
            "told by another size of the same length: exact under the limit of the "
            "plan, close under others."
        )
    return text
