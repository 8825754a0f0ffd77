"""What the panel computes from, as JSON that may stand in a script element."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from bucketwise.core.analysis import Analysis
from bucketwise.core.decoder.decoder_plan import REPLAYED
from bucketwise.core.decoder.sizing import batch_size_options
from bucketwise.core.limits import CAP_QUANTILES
from bucketwise.core.patching import count_patches
from bucketwise.core.plan import Cap, Cost, sizes_to_set
from bucketwise.core.reach import worst_of_all
from bucketwise.nouns.engine import OVERFLOWS, ReleaseFiles
from bucketwise.nouns.measured_cost import MeasuredCurve
from bucketwise.nouns.profile import PixelLimits
from bucketwise.nouns.traffic import FloatArray, IntArray
from bucketwise.report.what_if.histogram import PageHistogram, Sent, page_histogram
from bucketwise.words.text import in_words

MOST_SEQUENCES = 256
"""The largest batch size that is edited, as large as any that is looked at."""

_TOLD = (
    "Some images are known by their visual tokens alone, as counted under the limit in "
    "force: what another limit would make of them is unknown."
)
_CLIPS = "All inputs are clips under video limits of their own."
_TOGETHER = "Several images run together: what another limit would make of their runs is unknown."
_OWN = "All inputs are under limits of their own, which their requests set."


@dataclass(frozen=True, slots=True, kw_only=True)
class PanelData:
    """What the panel is given.

    Attributes
    ----------
    json : str
        In ASCII; cannot end the element it stands in.
    limit : bool
        Whether the image limit can be edited: whether some sizes follow it.
    decoder : bool
        Whether the decoder's graphs can be edited too.
    stand_in_share : float
        Share of the images that another size stands for, 0 to 1.
    """

    json: str
    limit: bool
    decoder: bool
    stand_in_share: float


def panel_data(
    analysis: Analysis,
    releases: Sequence[ReleaseFiles],
    memory: Mapping[str, Any] | None = None,
) -> PanelData:
    """Return what the panel is given; without `memory` no deployment is edited."""
    plan, profile = analysis.plan, analysis.profile
    visual, processor = plan.visual, plan.visual.processor
    image = PixelLimits(
        min_pixels=processor.min_pixels, max_pixels=processor.max_pixels, source=""
    )
    counts = count_patches(
        analysis.counts.sizes, profile, replace(analysis.preprocessing, image=image)
    )
    histogram = page_histogram(analysis, counts)
    decoder, sizes = _decoder(analysis), sizes_to_set(plan.decoder)
    # What is written is a multiple of the alignment, whatever it counts.
    merged = visual.bucket_unit == "merged_patches"
    align = plan.model.align * (profile.lengths_per_merged if merged else 1)
    counts_merged = analysis.release.engine.counts_merged(visual.bucket_unit)
    data = {
        "model": {
            "patch": profile.patch_px,
            "merge": profile.merge,
            "window": profile.window_patches,
            "extra_windows": analysis.release.extra_windows(profile.family),
            "align": align,
        },
        "limits": _limits(analysis, histogram, align),
        "sizes": _sizes(histogram.sent),
        "fixed": {
            "needed": histogram.fixed.needed.tolist(),
            "runs": _short(histogram.fixed.runs),
            "images": _short(histogram.fixed.images),
        },
        "cost": {"unit": visual.cost.unit, **_curve(visual.cost)},
        "bytes": _bytes(analysis),
        "memory": memory,
        "unit": "merged_patches" if counts_merged else "vit_patches",
        "words": _words(analysis),
        "plan": {
            "lengths": list(visual.vit_max_seq_lens),
            "max_pixels": processor.max_pixels,
            "decoder": list(sizes),
            "context": memory["context"] if memory else 0,
            "batch": plan.decoder.batch_size
            if plan.decoder and sizes
            else (memory["batch"] if memory else 0),
            "devices": memory["devices"] if memory else 0,
        },
        "images": float(counts.sizes.count[counts.accepted].sum()),
        "longest_request": _longest_request(analysis),
        "usual_graphs": _usual_graphs(analysis) if memory and not decoder else [],
        "options": _options(analysis),
        "today": list(visual.current.max_seq_lens) if visual.current else [],
        "decoder": decoder,
        "releases": [
            {
                "version": release.version,
                "extra": release.extra,
                "files": [
                    {"name": file.name, "text": file.text, "pattern": file.pattern}
                    for file in release.files
                ],
            }
            for release in releases
        ],
    }
    return PanelData(
        json=script_json(data),
        limit=bool(histogram.sent.images.size),
        decoder=bool(decoder and decoder["smaller_graphs"]),
        stand_in_share=histogram.stand_in_share,
    )


def script_json(data: Any) -> str:
    """Return JSON whose text can neither end a script element nor open a comment."""
    text = json.dumps(data, separators=(",", ":"), allow_nan=False)
    for mark in "<>&":
        text = text.replace(mark, f"\\u{ord(mark):04x}")
    return text


def _words(analysis: Analysis) -> dict[str, Any]:
    """Return what the engine calls things, and what an image above every length does."""
    engine = analysis.release.engine
    one, several = OVERFLOWS[engine.overflow]
    raises, per = (
        engine.overflow == "raises",
        engine.patches_per_length(analysis.profile),
    )
    return {
        "sdk": engine.sdk,
        "targets": analysis.plan.provenance.options.get("target") or [],
        "per": per,
        "unit": in_words("ViT patches", engine.words(analysis.profile)),
        "one": one,
        "several": several,
        "would": "would fail" if raises else one,
        "raises": raises,
        "serve": "serve" if raises else "hold",
        "served": "served" if raises else "held",
        "masks": analysis.plan.visual.has_masks,
        "one_length": engine.most_lengths == 1,
    }


def _limits(analysis: Analysis, histogram: PageHistogram, align: int) -> dict[str, Any]:
    model, visual = analysis.plan.model, analysis.plan.visual
    factor_px = analysis.profile.factor_px
    fixed = ""
    if not histogram.sent.images.size:
        sizes = analysis.counts.sizes
        own = _OWN if sizes.has_own_limits.any() else _CLIPS
        fixed = _TOLD if sizes.is_told.any() else own
        fixed = fixed if analysis.batches is None else _TOGETHER
    named = [cap.max_pixels for cap in visual.caps]
    return {
        "min_pixels": visual.processor.min_pixels,
        "least": max(visual.processor.min_pixels, factor_px**2),
        "most": max(model.checkpoint_max_pixels, model.max_pixels, *named, 0),
        "step": factor_px**2,
        "named": [_limit(analysis, cap, align) for cap in visual.caps],
        "top": align * -(-visual.overflow_possible // align),
        "fixed_because": fixed,
    }


def _limit(analysis: Analysis, cap: Cap, align: int) -> dict[str, Any]:
    """Return a limit of note, and the least top that holds whatever it lets through."""
    image = replace(analysis.preprocessing.image, max_pixels=cap.max_pixels)
    worst = worst_of_all(
        analysis.profile,
        replace(analysis.preprocessing, image=image),
        analysis.release,
        clips=analysis.plan.traffic.clips > 0,
    )
    shares = dict(CAP_QUANTILES)
    return {
        "name": cap.name,
        "max_pixels": cap.max_pixels,
        "tail": 1 - shares[cap.name] if cap.name in shares else None,
        "top": -(-max(worst.needed, cap.top) // align) * align,
    }


def _longest_request(analysis: Analysis) -> int:
    """Return the tokens that the longest request seen holds; 0 where none tells."""
    decoder = analysis.plan.decoder
    known = decoder.context_length if decoder else None
    return known.largest if known else 0


def _usual_graphs(analysis: Analysis) -> list[Sequence[int]]:
    """Return the decoder graphs of batch sizes from 1, where no load chooses them."""
    engine = analysis.release.engine
    smaller = engine.picks_smaller_graphs(analysis.profile.family)
    return [
        engine.usual_graphs(size) if smaller else (size,)
        for size in range(1, MOST_SEQUENCES + 1)
    ]


def _options(analysis: Analysis) -> dict[str, str]:
    """Return what a command needs whatever is edited, and what it must not say twice."""
    asked = analysis.plan.provenance.options
    resets = ["--headroom 0"] if asked.get("headroom") else []
    # A coarser alignment would move the top.
    resets += ["--align 1"] if asked.get("align") else []
    given = {
        "--pin": asked.get("pins"),
        "--decoder-pin": asked.get("decoder_pins"),
        "--compile-budget": asked.get("compile_budget"),
        "--memory-budget": asked.get("memory_budget"),
        "--max-latency": asked.get("max_latency"),
    }
    return {
        "resets": " ".join(resets),
        "in_place_of": " and ".join(name for name, value in given.items() if value),
    }


def _curve(cost: Cost) -> dict[str, Any]:
    """Return what a length S costs: a and b of a*S + b*S^2, or as it was measured."""
    return _measured(cost.measured) if cost.measured else {"a": cost.a, "b": cost.b}


def _measured(curve: MeasuredCurve) -> dict[str, Any]:
    """Return a measured curve: of 1, S and S^2, or knots and what lies past them."""
    if curve.form != "steps":
        return {"terms": list(curve.coefficients)}
    last, next_ = curve.at(np.array([curve.knots[-1], curve.knots[-1] + 1.0])).tolist()
    return {
        "knots": list(curve.knots),
        "values": list(curve.knot_values),
        "past": next_ - last,
    }


def _bytes(analysis: Analysis) -> dict[str, Any]:
    """Return a and b of the bytes of a length S on a device, a*S + b*S^2.

    Lengths are multiples of the alignment, where this is exact. Where they were measured
    it is that curve.
    """
    if analysis.graph_bytes is not None:
        return _measured(analysis.graph_bytes)
    one = analysis.profile.align
    first, second = (
        analysis.release.engine.length_bytes(analysis.profile, length)
        for length in (one, 2 * one)
    )
    b = (second - 2 * first) / (2 * one**2)
    return {"a": first / one - b * one, "b": b}


def _decoder(analysis: Analysis) -> dict[str, Any] | None:
    decoder = analysis.plan.decoder
    if decoder is None or decoder.step_cost is None or analysis.steps is None:
        return None
    if not sizes_to_set(decoder):
        return None
    activity = analysis.activity
    replayed = decoder.evidence.measured_with == REPLAYED
    return {
        "batch_size": decoder.batch_size,
        "steps": analysis.steps.tolist(),
        "cost": list(decoder.step_cost.at),
        "unit": decoder.step_cost.unit,
        "kind": decoder.step_cost.kind,
        "status": decoder.step_cost.status,
        "replayed": replayed,
        "rests_on_images": decoder.step_cost.kind == "roofline"
        and not (decoder.context_length and decoder.context_length.with_images),
        "queueing": {
            each.batch_size: each.queueing_share
            for each in (
                decoder.batch_sizes
                if replayed or activity is None
                else batch_size_options(
                    lambda _: activity, range(1, MOST_SEQUENCES + 1)
                )
            )
        },
        "smaller_graphs": analysis.release.engine.picks_smaller_graphs(
            analysis.profile.family
        ),
    }


def _sizes(sent: Sent) -> dict[str, Any]:
    """Return the sizes by column; columns that say nothing are left out."""
    told: dict[str, Any] = {
        "height": sent.height_px.tolist(),
        "width": sent.width_px.tolist(),
        "images": _short(sent.images),
    }
    if (sent.runs != sent.images).any():
        told["runs"] = _short(sent.runs)
    for name, frames in (("weight", sent.weight), ("rounded", sent.rounded_weight)):
        if (frames != 1).any():
            told[name] = _whole(frames)
    return told


def _whole(values: IntArray) -> list[int]:
    return [int(value) for value in values.tolist()]


def _short(values: FloatArray) -> list[float]:
    """Return weights; whole ones without a point."""
    whole = np.rint(values)
    return [
        int(rounded) if rounded == value else value
        for value, rounded in zip(values.tolist(), whole.tolist(), strict=True)
    ]
