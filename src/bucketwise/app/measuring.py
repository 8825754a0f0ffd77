"""Which few sizes of graphs to measure, and the script that does on a device host."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from bucketwise.app.built_in import release_of
from bucketwise.app.given_plans import read_given
from bucketwise.app.options.commands import MeasureOptions
from bucketwise.app.options.option import takes
from bucketwise.app.preprocessing import preprocessing_of
from bucketwise.core.design import lengths_to_measure
from bucketwise.core.patching import count_patches
from bucketwise.core.reach import worst_reachable
from bucketwise.errors import UsageError
from bucketwise.nouns.document import GivenConfig
from bucketwise.nouns.engine import Engine, Release
from bucketwise.nouns.measuring import COLUMNS, ToMeasure
from bucketwise.nouns.profile import ModelProfile
from bucketwise.nouns.traffic import IntArray, Traffic
from bucketwise.read.configs.profiles import find_profile
from bucketwise.words.numbers import joined

FEW = 4
"""Batch sizes and prompts that are measured: what an engine runs of them is smoother
than a list of graphs, and each of the first may be a compile of the whole model."""

BESIDE = 3
"""Lengths that are measured at least beside those of a plan."""

CANDIDATES = 4_096
"""Lengths among which is chosen: a curve does not tell more of them apart."""

CHUNK = 128
"""Prompts are multiples of it, which every release runs in whole chunks of its own
(optimum-rbln 0.12.0, prefill_chunk_size)."""


@takes(MeasureOptions)
def measure(
    traffic: Traffic | None = None,
    *,
    base: GivenConfig | None = None,
    over: Mapping[str, Any] | None = None,
    **options: Any,
) -> str:
    """Return a Python script that times graphs on a device host, for `calibrate`.

    Parameters
    ----------
    traffic : Traffic, optional
        What `read_traffic` returned: its shortest and its longest run bound the lengths.
        Without it the plan's top does, or what the limits of the model let through.
    base : GivenConfig, optional
        The configuration that compiled ones start from; the published one without it.
    over : mapping, optional
        What is set over it by name, such as `npu` and `devices`.
    **options
        The fields of `MeasureOptions` by name: `model`, without which it is the plan's;
        `target`, `plan`, `lengths`, `batch_size` and the limits.

    Returns
    -------
    str
        The script.

    Raises
    ------
    UsageError
        Where the engine has no such script; it says what to measure by hand.
    """
    asked = MeasureOptions(**options)
    release = release_of(asked.target)
    engine: Engine = release.engine
    plan = read_given(asked.plan, engine.vocabulary) if asked.plan else None
    model = asked.model or (plan.model if plan else "")
    if not model:
        message = "--model: expected a model, or a --plan that names one"
        raise UsageError(message)
    profile = engine.as_run(find_profile(model))
    if plan and plan.is_plan and plan.model not in ("", profile.name):
        message = f"--model: expected {plan.model}, which --plan is for, got {model}"
        raise UsageError(message)
    known = plan.on(release).lengths if plan else ()
    candidates = _candidates(profile, release, asked, traffic, known)
    lengths = lengths_to_measure(
        candidates, max(asked.lengths, len(known) + BESIDE if known else 0), known
    )
    batches, prompts = _of_language(
        asked.batch_size, profile.merged(int(candidates[-1]))
    )
    [target] = engine.pick(profile.family, [asked.target] if asked.target else [])
    if engine.measuring is None or not profile.has_pixel_limits:
        raise UsageError(_by_hand(engine, profile, (lengths, batches, prompts)))
    return engine.measuring.script(
        ToMeasure(
            profile=profile,
            target=target,
            base=engine.base_of(profile.family, base, over or {}),
            lengths=lengths,
            batch_sizes=batches,
            prompts=prompts,
            proof=engine.measuring.proof,
        )
    )


def _candidates(
    profile: ModelProfile,
    release: Release,
    asked: MeasureOptions,
    traffic: Traffic | None,
    known: Sequence[int],
) -> IntArray:
    """Return lengths that may be measured, ascending and close to each other."""
    preprocessing = preprocessing_of(profile, asked)
    area_px = profile.length_px**2 * profile.image_frames
    least = preprocessing.image.min_pixels // area_px
    if traffic is not None:
        needed = count_patches(traffic.sizes(), profile, preprocessing).needed(release)
        used = needed[needed > 0]
        if not used.size:
            message = "INPUT: no size that the processor accepts"
            raise UsageError(message)
        least, most = int(used.min()), int(used.max())
    elif known:
        most = known[-1]
    else:
        reached = worst_reachable(profile, preprocessing, release).needed
        most = min(reached, release.engine.largest_published)
    step = profile.align
    most = -(-most // step)
    least = min(max(1, -(-least // step)), most)
    steps = np.linspace(least, most, min(most - least + 1, CANDIDATES)).astype(np.int64)
    return np.union1d(step * steps, np.array(known, dtype=np.int64))


def _of_language(
    batch_size: int | None, image_tokens: int
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return batch sizes and prompts, up to the tokens of the largest image."""
    if batch_size is None:
        return (), ()
    chunks = np.arange(1, max(2, -(-image_tokens // CHUNK)) + 1)
    return (
        lengths_to_measure(np.arange(1, batch_size + 1), FEW),
        lengths_to_measure(CHUNK * chunks, FEW),
    )


def _by_hand(
    engine: Engine, profile: ModelProfile, sizes: tuple[tuple[int, ...], ...]
) -> str:
    """Say what to measure where no script does."""
    why = (
        f"{engine.name} has no script of measurements"
        if engine.measuring is None
        else f"{profile.name} has no lengths of a ViT alone, which the script would time"
    )
    unit = "soft tokens" if profile.soft_tokens else "ViT patches"
    kinds = (f"vit, length in {unit}", "decoder, batch", "prefill, length in tokens")
    told = "; ".join(
        f"{kind}: {joined(sorted(each))}"
        for kind, each in zip(kinds, sizes, strict=True)
        if each
    )
    return (
        f"--target: {why}. Measure by hand, ten runs of each after three that do not "
        f"count ({told}), and write a CSV with the columns {', '.join(COLUMNS[:5])} for "
        f"bucketwise calibrate; where you know them, {', '.join(COLUMNS[5:-1])} too"
    )
