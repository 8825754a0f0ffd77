"""The parts of a plan that only restate: model, traffic, assumptions, provenance."""

from __future__ import annotations

from datetime import MAXYEAR, MINYEAR, UTC, datetime
from typing import Any, cast

import numpy as np

from bucketwise.core.cost import CostCurve
from bucketwise.core.patching import Counts, Preprocessing
from bucketwise.core.plan import (
    SEED,
    Assumption,
    InputUsed,
    Model,
    Provenance,
    RejectedRows,
    Status,
    TrafficSummary,
)
from bucketwise.nouns.activity import Evidence
from bucketwise.nouns.engine import Release
from bucketwise.nouns.profile import ModelProfile
from bucketwise.nouns.traffic import Traffic
from bucketwise.words.numbers import plural

FIRST_S = int(datetime(MINYEAR, 1, 1, tzinfo=UTC).timestamp())
LAST_S = int(datetime(MAXYEAR, 12, 31, 23, 59, 59, tzinfo=UTC).timestamp())
"""The first and the last second of the calendar."""


def model_facts(
    profile: ModelProfile, preprocessing: Preprocessing, *, assumed: bool
) -> Model:
    """Return the model and the limits in force."""
    image, video = preprocessing.image, preprocessing.clip
    return Model(
        name=profile.name,
        hf_id=profile.hf_id,
        family=profile.family,
        assumed=assumed,
        patch_size=profile.patch_px,
        merge_size=profile.merge,
        window_patches=profile.window_patches,
        align=profile.align,
        min_pixels=image.min_pixels,
        max_pixels=image.max_pixels,
        limits_source=image.source,
        checkpoint_min_pixels=profile.checkpoint.min_pixels,
        checkpoint_max_pixels=profile.checkpoint.max_pixels,
        video_min_pixels=video.min_pixels,
        video_max_pixels=video.max_pixels,
        video_limits_source=video.source,
        source=profile.source,
    )


def traffic_summary(
    traffic: Traffic, counts: Counts, release: Release
) -> TrafficSummary:
    """Return what was read, in numbers."""
    sizes, accepted = counts.sizes, counts.accepted
    return TrafficSummary(
        rows_read=traffic.rows_read,
        rows_used=traffic.rows_used,
        rows_rejected=traffic.rows_rejected,
        images=traffic.images,
        clips=float(sizes.count[sizes.frames > 0].sum()),
        told=float(sizes.count[sizes.is_told].sum()),
        runs=float(counts.runs.sum()),
        distinct_sizes=len(sizes),
        distinct_lengths=int(np.unique(counts.needed(release)[accepted]).size),
        weighted=traffic.weighted,
        refused_by_processor=float(sizes.count[~accepted].sum()),
        rejections=tuple(RejectedRows.of(each) for each in traffic.rejections),
        labels=traffic.labels,
        slot_width_s=traffic.slot_width_s,
        first=iso_time(traffic.first_s),
        last=iso_time(traffic.last_s),
        notes=traffic.notes,
    )


def iso_time(seconds: float | None) -> str | None:
    """Return seconds since 1970 as ISO 8601 in UTC; None stays None."""
    if seconds is None:
        return None
    # isoformat, unlike strftime, writes years before 1000 with four digits.
    return moment_of(seconds // 1).isoformat().replace("+00:00", "Z")


def moment_of(seconds: float) -> datetime:
    """Return the moment in UTC: the calendar's first or last where it is past them."""
    return datetime.fromtimestamp(min(max(seconds, FIRST_S), LAST_S), tz=UTC)


def provenance(
    traffic: Traffic,
    evidence: Evidence | None,
    version: str,
    options: dict[str, Any],
) -> Provenance:
    """Return what made the plan."""
    inputs = [
        InputUsed(
            kind=record.kind,
            name=record.name or None,
            rows=record.rows,
            sha256=record.sha256,
            notes=record.notes,
        )
        for record in traffic.inputs
    ]
    if evidence:
        load = InputUsed(
            kind=f"decoder load ({evidence.kind})",
            name=", ".join(evidence.names) or None,
            rows=evidence.samples,
            sha256=evidence.load.sha256(),
            notes=evidence.notes,
        )
        inputs.append(load)
    return Provenance(
        bucketwise=version,
        inputs=tuple(inputs),
        options=options,
        seed=SEED,
    )


def assumptions(
    profile: ModelProfile,
    preprocessing: Preprocessing,
    planned_max_pixels: int,
    curve: CostCurve,
    base: tuple[tuple[str, str, str, str], ...],
    *,
    assumed: bool,
    as_stored: bool,
    patches: int,
) -> tuple[Assumption, ...]:
    """Return every value the plan rests on, with how far to trust it.

    One of what the engine's lists count stands for so many ViT `patches`.
    """
    image = preprocessing.image
    limits = f"{image.min_pixels:,} to {image.max_pixels:,} pixels"
    if planned_max_pixels < image.max_pixels:
        limits += f", lowered to {planned_max_pixels:,} by the plan"
    if profile.image_rule:
        limits = "none in pixels"
    fps = preprocessing.video_fps
    sampling = "every frame" if fps is None else f"{fps:g} frames a second"
    if profile.soft_tokens:
        sampling = (
            f"{profile.sampling.max_frames} frames of a clip, whatever its length"
        )
    rows: list[tuple[str, str, str, str]] = [
        (
            "model",
            profile.hf_id,
            "assumed" if assumed else "measured",
            "no --model was given" if assumed else "given with --model",
        ),
        (
            "image limits",
            limits,
            "measured" if image.source == "given" else "assumed",
            image.source,
        ),
        ("video sampling", sampling, "assumed", "the video processor's rule"),
        (
            "sizes",
            "as stored" if as_stored else "as displayed",
            "assumed",
            "--ignore-orientation: the serving stack does not turn photos"
            if as_stored
            else "serving stacks apply the orientation stored in a photo before resizing",
        ),
        (
            "cost of one run",
            curve.in_unit(patches).formula,
            "measured" if curve.measured else "derived",
            curve.source,
        ),
        (
            "unit of a bucket",
            f"merged patches, {patches} ViT ones each"
            if patches > 1
            else "ViT patches before the merge"
            + (", windows padded" if profile.window_patches else ""),
            "derived",
            "what the runtime compares in its forward of the vision model",
        ),
        *base,
    ]
    return tuple(
        Assumption(name=name, value=value, status=cast("Status", status), source=source)
        for name, value, status, source in rows
    )


def nothing_to_serve(traffic: Traffic, counts: Counts) -> str:
    """Return why a traffic holds no image that a model runs on."""
    rows = plural(traffic.rows_used, "usable row")
    if not traffic.rows_used:
        why = f"none of {plural(traffic.rows_read, 'row')} can be used"
    elif not len(counts.sizes):
        why = f"{rows}, and each has a count of 0"
    else:
        told = next(each for each in counts.error if each)
        why = f"none of {rows} passes the processor ({told})"
    return f"traffic: {why}; at least one image is needed"
