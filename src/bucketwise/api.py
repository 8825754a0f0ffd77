"""Every command as a function on plain values; the command line only calls these."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from bucketwise import __version__
from bucketwise.analysis import Analysis, Context
from bucketwise.analysis import analyze as analyze_traffic
from bucketwise.buckets import Buckets
from bucketwise.changes import plan_changes as changes_between
from bucketwise.emitters import emit
from bucketwise.errors import UsageError
from bucketwise.explanation import Explanation, explain_size
from bucketwise.limits import Limit, image_limits, video_limits
from bucketwise.optimize.choose import GraphPrice
from bucketwise.output import Written, check_folder, default_folder, write_results
from bucketwise.patching import Preprocessing, count_patches
from bucketwise.profile import ModelProfile
from bucketwise.question import Question
from bucketwise.rbln.base_config import BaseConfig, zoo_base
from bucketwise.rbln.model_classes import serving_targets
from bucketwise.rbln.targets import TARGETS, Target, pick_targets
from bucketwise.sources import read_rows, read_traffic, write_histogram
from bucketwise.sources.configs.profiles import (
    DEFAULT_MODEL,
    built_in_profiles,
    find_profile,
)
from bucketwise.tables import counts_table, with_unusable
from bucketwise.today import Today
from bucketwise.traffic import Sizes, Traffic

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "Analysis",
    "VideoOptions",
    "analyze",
    "check_folder",
    "count",
    "count_rows",
    "default_folder",
    "explain",
    "find_profile",
    "models",
    "newest",
    "plan_changes",
    "preprocessing_of",
    "read_traffic",
    "targets",
    "write_histogram",
    "write_plan",
]


def models() -> tuple[ModelProfile, ...]:
    """Return the built-in model profiles."""
    return tuple(built_in_profiles().values())


def targets() -> tuple[Target, ...]:
    """Return the SDK dialects text is emitted for, oldest first."""
    return tuple(TARGETS.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoOptions:
    """How clips are sampled and limited; None keeps the model's own.

    Attributes
    ----------
    fps : float or None
        Frames a second to sample at.
    max_frames : int or None
        Frames the serving stack keeps before the processor sees a clip.
    min_pixels, max_pixels : int or None
        Video limits.
    cap_pixels_per_frame : bool
        The video processor's switch of that name.
    """

    fps: float | None = None
    max_frames: int | None = None
    min_pixels: int | None = None
    max_pixels: int | None = None
    cap_pixels_per_frame: bool = False


def preprocessing_of(
    profile: ModelProfile,
    *,
    min_pixels: Limit = None,
    max_pixels: Limit = None,
    video: VideoOptions | None = None,
    deployed: bool = True,
) -> Preprocessing:
    """Return limits and sampling in force for a model.

    Parameters
    ----------
    profile : ModelProfile
        The model.
    min_pixels, max_pixels : int, "checkpoint" or None
        Image limits asked for.
    video : VideoOptions, optional
        Sampling and limits of clips.
    deployed : bool
        Whether image limits default to the model's published RBLN deployment.
    """
    video = video or VideoOptions()
    return Preprocessing(
        image=image_limits(profile, min_pixels, max_pixels, deployed=deployed),
        video=video_limits(profile, video.min_pixels, video.max_pixels),
        video_fps=video.fps or profile.sampling.fps,
        max_frames=video.max_frames,
        cap_pixels_per_frame=video.cap_pixels_per_frame
        or profile.sampling.cap_pixels_per_frame,
    )


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
        **(recorded or {}),
    }
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
        context=Context(
            model_assumed=model is None,
            version=__version__,
            options=options,
            base=base.assumptions() if base else (),
            as_stored=bool((recorded or {}).get("ignore_orientation")),
        ),
    )


def count(
    traffic: Traffic,
    *,
    model: str,
    min_pixels: Limit = None,
    max_pixels: Limit = None,
    video: VideoOptions | None = None,
    target: str | None = None,
) -> pd.DataFrame:
    """Return every distinct size and what it becomes, limits as the checkpoint's.

    Parameters
    ----------
    traffic : Traffic
        What `read_traffic` returned.
    model : str
        Built-in name, Hugging Face id or local folder.
    min_pixels, max_pixels : int, "checkpoint" or None
        Image limits; the checkpoint's by default.
    video : VideoOptions, optional
        Sampling and limits of clips.
    target : str, optional
        The SDK dialect whose needed length is told; the newest by default.

    Returns
    -------
    pandas.DataFrame
        One row a size, sorted by height, width, frames.
    """
    profile = find_profile(model)
    preprocessing = _as_shipped(profile, min_pixels, max_pixels, video)
    counts = count_patches(traffic.sizes(), profile, preprocessing)
    return counts_table(counts, newest(target).parsed)


def count_rows(
    inputs: Sequence[str | Path],
    *,
    columns: Mapping[str, str] | None = None,
    max_bad_rows: float = 0.05,
    ignore_orientation: bool = False,
    model: str,
    min_pixels: Limit = None,
    max_pixels: Limit = None,
    video: VideoOptions | None = None,
    target: str | None = None,
) -> Iterator[pd.DataFrame]:
    """Yield what each input row becomes, in order; as `count`, without merging rows.

    Parameters
    ----------
    inputs : sequence of str or Path
        Tables, as `read_traffic` takes them.
    columns : mapping of str to str, optional
        Role -> column, as `read_traffic` takes it.
    max_bad_rows : float
        Share of the rows that may be unusable; looked at after the last one.
    ignore_orientation : bool
        Whether images count with their stored size, as `read_traffic` takes it.
    model, min_pixels, max_pixels, video, target
        As for `count`.

    Yields
    ------
    pandas.DataFrame
        Some thousand rows at a time; unusable ones have only `error` filled.
    """
    profile = find_profile(model)
    preprocessing = _as_shipped(profile, min_pixels, max_pixels, video)
    version = newest(target).parsed
    for rows in read_rows(
        inputs,
        columns=columns,
        max_bad_rows=max_bad_rows,
        ignore_orientation=ignore_orientation,
    ):
        reason = np.array(rows.reason, dtype=object)
        usable = reason == ""
        sizes = Sizes(
            height_px=rows.height_px[usable],
            width_px=rows.width_px[usable],
            frames=rows.frames[usable],
            fps=rows.fps[usable],
            visual_tokens=rows.visual_tokens[usable],
            count=rows.count[usable],
        )
        counts = count_patches(sizes, profile, preprocessing)
        yield with_unusable(counts_table(counts, version), usable, reason)


def explain(
    sizes: Sequence[str],
    *,
    model: str,
    min_pixels: Limit = None,
    max_pixels: Limit = None,
    video: VideoOptions | None = None,
    target: str | None = None,
    buckets: Sequence[int] | None = None,
) -> tuple[Explanation, ...]:
    """Follow sizes such as "1920x1080" or "1280x720@64f" to their bucket.

    Parameters
    ----------
    sizes : sequence of str
        WIDTHxHEIGHT, with "@64f" for a clip of 64 frames.
    model : str
        Built-in name, Hugging Face id or local folder.
    min_pixels, max_pixels : int, "checkpoint" or None
        Image limits; the checkpoint's by default.
    video : VideoOptions, optional
        Sampling and limits of clips.
    target : str, optional
        The SDK dialect that compares; the newest by default.
    buckets : sequence of int, optional
        Compiled lengths in ViT patches.

    Returns
    -------
    tuple of Explanation
        One a size.
    """
    profile = find_profile(model)
    preprocessing = _as_shipped(profile, min_pixels, max_pixels, video)
    lengths = Buckets(tuple(sorted(set(buckets)))) if buckets else None
    return tuple(
        explain_size(size, profile, preprocessing, newest(target), lengths)
        for size in sizes
    )


def _as_shipped(
    profile: ModelProfile,
    min_pixels: Limit,
    max_pixels: Limit,
    video: VideoOptions | None,
) -> Preprocessing:
    """Return the preprocessing that takes its defaults from the checkpoint."""
    return preprocessing_of(
        profile,
        min_pixels=min_pixels,
        max_pixels=max_pixels,
        video=video,
        deployed=False,
    )


def newest(target: str | None) -> Target:
    """Return the dialect asked for, or the newest."""
    return pick_targets([target] if target else [])[-1]


def write_plan(
    analysis: Analysis,
    folder: Path,
    *,
    base: BaseConfig | None = None,
    target: Iterable[str] = (),
    report: bool = True,
) -> Written:
    """Write plan, report, histogram and configurations into a folder.

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
    report : bool
        Whether to write the HTML report.

    Returns
    -------
    Written
        The files, and the older plan.

    Raises
    ------
    OutputError
        When the folder holds something else or cannot be written.
    """
    from bucketwise.report import render  # noqa: PLC0415 - loads matplotlib

    family = analysis.plan.model.family
    dialects = serving_targets(family, target)
    if dialects:
        base = base or zoo_base(family)
    snippets = {
        dialect.version: emit(analysis.plan, base, [dialect])
        for dialect in dialects
        if base
    }
    return write_results(
        analysis,
        folder,
        snippets={
            name: text for texts in snippets.values() for name, text in texts.items()
        },
        report=render(analysis, snippets) if report else None,
    )


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
