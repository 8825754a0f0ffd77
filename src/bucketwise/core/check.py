"""Whether a plan is still good for newer traffic: who fails, and what keeping it costs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from bucketwise.core.buckets import Buckets, Demand
from bucketwise.core.confidence import Sample
from bucketwise.core.decoder.decoder_plan import Decided
from bucketwise.core.decoder.graphs import mean_cost
from bucketwise.core.decoder.step_cost import StepCurve
from bucketwise.core.drift import Drift, drift_of
from bucketwise.core.in_service import Failures
from bucketwise.core.limits import Case, weight_of
from bucketwise.core.optimize import EXACT, SOLVERS, Problem
from bucketwise.core.patching import Counts
from bucketwise.core.plan import Cost, Provenance, Reason, plan_text
from bucketwise.core.plan_record import nothing_to_serve, provenance
from bucketwise.core.regret import Regret, regret_of
from bucketwise.errors import InputError
from bucketwise.nouns.engine import OVERFLOWS, Overflow
from bucketwise.nouns.traffic import Traffic
from bucketwise.words.numbers import less, percent, plural, verb
from bucketwise.words.text import worded

SCHEMA = "bucketwise.check/1"

FEW_IMAGES = 1_000
"""Below so many images a caution says how many there were."""

MORE_SHRUNK = 0.01
"""A share of images made smaller that rose by less is not told."""

FAR = 3.0
"""Traffics so many times as far apart as chance alone brings them are told to be."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """What a plan decided, as far as it is judged anew."""

    lengths: tuple[int, ...]
    """Compiled lengths in ViT patches; () for an engine without."""
    setting: Case
    """Newer traffic under the limits that were emitted, priced as the plan was."""
    target: str
    """The dialect whose list it is."""
    model_assumed: bool = False
    """Whether nobody named the model."""
    length_bytes: Callable[[int], int] | None = None
    """What the graph of a length takes of a device, where that bound the list."""
    decoder: tuple[int, ...] = ()
    """Compiled decoder graphs; () where none were planned."""
    shrunk_before: float | None = None
    """Share of its images that the emitted limits make smaller; None untold."""
    before: Counts | None = None
    """The traffic the plan was made from, under the same limits; None where it is gone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Above:
    """Images above the top length under the emitted limits, and what they meet."""

    meets: Overflow
    top: int
    largest_needed: int
    images: float
    share: float

    @property
    def fail(self) -> bool:
        """Whether some fail."""
        return self.meets == "raises" and self.images > 0


@dataclass(frozen=True, slots=True, kw_only=True)
class DecoderRegret:
    """The mean cost of a step on the plan's decoder graphs, beside the best of as many."""

    decoder_batch_sizes: tuple[int, ...]
    best: tuple[int, ...]
    kept_cost: float
    best_cost: float
    unit: str
    share: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """Whether a plan is still good, and why.

    Attributes
    ----------
    passed : bool
        Whether no image fails and no list surely costs too much; the command ends with
        status 3 otherwise.
    model, family, target : str
        What the plan is for.
    merged_by : int
        What a length is divided by to be in the unit of the engine's lists.
    images : float
        Newer images the processor accepts, weighted.
    shrunk_share : float
        Share of them that the emitted limits make smaller.
    max_regret : float
        The limit that was asked for, a share.
    above : Above or None
        Who outgrows the top; None for an engine without lengths.
    lengths : Regret or None
        What keeping the lengths costs; None without any, or where they hold no image.
    decoder : DecoderRegret or None
        The same of decoder graphs; None without a load.
    drift : Drift or None
        What came and went; None where the plan's histogram is gone.
    cost : Cost
        Of a run, with its unit.
    reasons : tuple of Reason
        What failed, then what to be careful of, then what is good to know.
    provenance : Provenance
        What was read, and by which version.
    """

    schema: str = SCHEMA
    passed: bool
    model: str
    family: str
    target: str
    merged_by: int
    images: float
    shrunk_share: float
    max_regret: float
    above: Above | None
    lengths: Regret | None
    decoder: DecoderRegret | None
    drift: Drift | None
    cost: Cost
    reasons: tuple[Reason, ...]
    provenance: Provenance

    def to_json(self) -> str:
        """Return the check as JSON text, stable to the byte."""
        return worded(plan_text(self), self.family, unit=self.cost.unit)


def check_plan(
    kept: Kept,
    traffic: Traffic,
    *,
    max_regret: float,
    load: Decided | None = None,
    version: str = "",
    options: dict[str, Any] | None = None,
) -> Check:
    """Judge what a plan decided on newer traffic, and on a newer load of the decoder."""
    setting, engine = kept.setting, kept.setting.release.engine
    counts, profile = setting.counts, setting.profile
    if not (counts.runs > 0).any():
        raise InputError(nothing_to_serve(traffic, counts))
    above = _above(kept) if kept.lengths else None
    lengths = (
        regret_of(kept.lengths, Sample.of(setting), kept.length_bytes)
        if kept.lengths
        else None
    )
    decoder = _decoder(kept.decoder, load) if load else None
    drift = drift_of(kept.before, counts, setting.release) if kept.before else None
    images = weight_of(counts, counts.accepted)
    shrunk = setting.shrunk_images() / images
    found = (
        *_of_above(above),
        *_of_lengths(lengths, max_regret),
        *_of_decoder(decoder, max_regret),
        *_of_shrunk(kept, shrunk),
        *_of_traffic(kept, images, drift),
    )
    ranks = ("error", "warning", "note")
    curve = setting.curve
    return Check(
        passed=not any(each.severity == "error" for each in found),
        model=profile.name,
        family=profile.family,
        target=kept.target,
        merged_by=profile.lengths_per_merged
        if engine.counts_merged("vit_patches")
        else 1,
        images=images,
        shrunk_share=shrunk,
        max_regret=max_regret,
        above=above,
        lengths=lengths,
        decoder=decoder,
        drift=drift,
        cost=Cost.of(curve),
        reasons=tuple(sorted(found, key=lambda each: ranks.index(each.severity))),
        provenance=provenance(traffic, None, version, options or {}),
    )


def _above(kept: Kept) -> Above:
    setting = kept.setting
    failures = Failures.of(Buckets(kept.lengths), setting.counts, setting.release)
    return Above(
        meets=setting.release.engine.overflow,
        top=kept.lengths[-1],
        largest_needed=int(setting.demand().needed[-1]),
        images=failures.overflow_images,
        share=failures.overflow_share,
    )


def _decoder(sizes: tuple[int, ...], load: Decided) -> DecoderRegret | None:
    """Price graphs on the steps of a load; None where it tells of no step."""
    priced, steps = load.decoder.step_cost, load.steps
    if not sizes or priced is None or steps is None:
        return None
    curve = StepCurve(
        kind=priced.kind,
        unit=priced.unit,
        costs=np.array(priced.at),
        status=priced.status,
        source=priced.source,
    )
    demand = Demand.of(np.arange(1, steps.size + 1), steps)
    problem = Problem.of(demand, curve.at, align=1, top=steps.size)
    best = SOLVERS[EXACT](problem, len(sizes))
    cost, least = (mean_cost(each, steps, curve) for each in (sizes, best))
    share = max(0.0, -less(least, cost))
    return DecoderRegret(
        decoder_batch_sizes=sizes,
        best=best if share else sizes,
        kept_cost=cost,
        best_cost=least if share else cost,
        unit=curve.unit,
        share=share,
    )


def _of_above(above: Above | None) -> Iterator[Reason]:
    if above is None or not above.images:
        return
    meet = verb(above.images, *OVERFLOWS[above.meets])
    yield Reason(
        id="overflow",
        severity="error" if above.fail else "warning",
        words=f"{plural(above.images, 'image')} ({percent(above.share)}) {meet}: one needs "
        f"{above.largest_needed:,} ViT patches under the emitted limits, and the top is "
        f"{above.top:,}.",
    )


def _of_lengths(regret: Regret | None, most: float) -> Iterator[Reason]:
    if regret is None:
        return
    k, limit = len(regret.vit_max_seq_lens), f"--max-regret {percent(most)}"
    range_ = (
        ""
        if regret.low is None or regret.high is None
        else f" (90% interval {percent(regret.low)} to {percent(regret.high)})"
    )
    more = f"{percent(regret.share)} more" if regret.share else "no more"
    what = (
        f"Keeping the {plural(k, 'length')} costs {more} ViT compute than the best list of "
        f"{k}{range_}"
    )
    if regret.surely > most:
        yield Reason(id="regret", severity="error", words=f"{what}, above {limit}.")
    elif regret.share > most:
        yield Reason(
            id="regret",
            severity="warning",
            words=f"{what}. So few images may tell that by chance: the lower end is "
            f"within {limit}.",
        )
    else:
        yield Reason(id="regret", severity="note", words=f"{what}, within {limit}.")
    if regret.low is None:
        yield Reason(
            id="no-interval",
            severity="note",
            words="How sure the regret is cannot be told: counts are shares, or more than "
            "the images binds the choice.",
        )


def _of_decoder(regret: DecoderRegret | None, most: float) -> Iterator[Reason]:
    if regret is None:
        return
    within = regret.share <= most
    dearer = f"{percent(regret.share)} dearer" if regret.share else "no dearer"
    graphs = plural(len(regret.decoder_batch_sizes), "decoder graph")
    yield Reason(
        id="decoder-regret",
        severity="note" if within else "error",
        words=f"Keeping the {graphs} makes a decode step {dearer} than the best list of "
        f"as many, {'within' if within else 'above'} --max-regret {percent(most)}.",
    )


def _of_shrunk(kept: Kept, share: float) -> Iterator[Reason]:
    before = kept.shrunk_before
    if before is not None and share > before + MORE_SHRUNK:
        yield Reason(
            id="shrunk",
            severity="warning",
            words=f"max_pixels {kept.setting.preprocessing.image.max_pixels:,} of the plan "
            f"makes {percent(share)} of the images smaller, {percent(before)} when it was "
            "made.",
        )


def _of_traffic(kept: Kept, images: float, drift: Drift | None) -> Iterator[Reason]:
    counts = kept.setting.counts
    refused = float(counts.sizes.count[~counts.accepted].sum())
    if refused:
        yield Reason(
            id="refused",
            severity="note",
            words=f"The processor refuses {plural(refused, 'image')} whatever is compiled.",
        )
    if images < FEW_IMAGES:
        yield Reason(
            id="few-images",
            severity="warning",
            words=f"Only {plural(images, 'image')}: little can be told from so few.",
        )
    if kept.model_assumed:
        yield Reason(
            id="model-assumed",
            severity="warning",
            words=f"The plan had to assume its model, {kept.setting.profile.name}.",
        )
    if drift is None:
        yield Reason(
            id="no-histogram",
            severity="note",
            words="What came and went is not told: no histogram.parquet lies beside the "
            "plan.",
        )
    elif drift.distance > FAR * drift.by_chance:
        yield Reason(
            id="drift",
            severity="note",
            words=f"The sizes moved: {percent(drift.distance)} of the images in other "
            f"cells, of which chance explains {percent(drift.by_chance)}.",
        )
