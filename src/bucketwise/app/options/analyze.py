"""The options of `analyze`, of images and of texts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from bucketwise.app.options.option import UNITS, asked, not_among
from bucketwise.app.options.shared import (
    ProcessorOptions,
    VideoOptions,
    dialect,
    image_limit,
    named_model,
    run_cost,
)
from bucketwise.errors import UsageError, raise_all
from bucketwise.report.formats import PICTURES

if TYPE_CHECKING:
    from bucketwise.app.given_plans import PlanGiven
    from bucketwise.app.measured import CostGiven, StepsGiven
    from bucketwise.core.budgets import Budgets
    from bucketwise.core.decoder.decide import DecoderAsk
    from bucketwise.core.limits import Limit
    from bucketwise.core.optimize.choose import GraphPrice
    from bucketwise.core.options import PlanOptions, Service
    from bucketwise.nouns.activity import Evidence
    from bucketwise.nouns.engine import Base, Engine
    from bucketwise.nouns.measured_cost import MeasuredCurve
    from bucketwise.nouns.profile import ModelProfile

DEPLOYED = "the model's published RBLN deployment, else the checkpoint's"

FEWEST = 2
"""Lengths that are chosen at least where nobody says."""


@dataclass(frozen=True, kw_only=True)
class SolverOptions:
    """How lengths are chosen, of images and of texts alike.

    `graph_price` is what one more graph costs; it decides the number when given.
    """

    strategy: str = asked(
        "exact",
        "choice",
        "text",
        "exact, kmeans, quantile, equal-duration, exponential, linear or robust.",
        shown="exact",
    )
    buckets: tuple[int, int] | None = asked(
        None,
        "choice",
        "range",
        "How many buckets: a range or one number  [default: 2-4; 2-8 for vLLM]",
    )
    min_saving: float = asked(
        0.05,
        "choice",
        "percent",
        "Share of the compute left that the last bucket, and the last decoder graph, must "
        "save.",
        shown="5%",
    )
    graph_price: GraphPrice | None = None
    cost: CostGiven | None = run_cost()
    align: int | None = asked(
        None,
        "choice",
        "length",
        "Multiple of every bucket, in --bucket-unit  [default: the model's own: 4, "
        "windowed models 64]",
    )
    headroom: float = asked(
        0.0,
        "choice",
        "headroom",
        "Share added to the top bucket, such as 20% or 0.2.",
        shown="0%",
    )
    pins: Sequence[int] = asked(
        (),
        "choice",
        "length",
        "A length that must be compiled, in --bucket-unit; repeatable.",
        name="--pin",
        metavar="LENGTH",
        repeats=True,
    )

    def on(self, engine: Engine) -> Self:
        """Return the options with what an engine asks for where nobody did."""
        return replace(
            self,
            buckets=self.buckets
            or (min(FEWEST, engine.most_lengths), engine.most_lengths),
            cost=self.cost or engine.cost,
        )

    def chosen(self) -> dict[str, Any]:
        """Return what `Question` calls the same."""
        return {
            "strategy": self.strategy,
            "k_range": self.buckets,
            "min_saving": self.min_saving,
            "graph_price": self.graph_price,
            "cost": self.cost,
            "headroom": self.headroom,
        }


@dataclass(frozen=True, kw_only=True)
class AnalyzeOptions(SolverOptions, ProcessorOptions):
    """What `analyze` is asked beside the traffic.

    `video` samples and limits clips, `base` is the configuration emitted ones start from,
    `current_source` says where lengths that are given as numbers were read, and without
    `places` no base name of an input is told.
    """

    model: str | None = named_model("qwen3-vl-2b, with a note")
    min_pixels: Limit = image_limit("lower", DEPLOYED)
    max_pixels: Limit = image_limit("upper", DEPLOYED)
    robust: bool = asked(
        False,  # noqa: FBT003 - the default of a flag
        "choice",
        "flag",
        "Choose the lengths whose worst regret over the scenarios is the least: those of "
        "--scenario, or the labels  [default: the least compute for all together]",
    )
    allow_overflow: bool = asked(
        False,  # noqa: FBT003 - the default of a flag
        "choice",
        "flag",
        "Let the emitted limits pass images that no bucket holds; by default the top goes "
        "up or max_pixels down, whichever costs less.",
    )
    bucket_unit: str = asked(
        "vit",
        "choice",
        "unit",
        "Unit of the emitted lists; every released runtime compares vit.",
        shown="vit",
    )
    graph_minutes: float | Mapping[int, float] | None = asked(
        None,
        "price",
        "graph_minutes",
        "Minutes that compiling one graph takes, or minutes by length in ViT patches; given "
        "with --images-per-day, --keep-days and --vit-tflops, the price of a graph decides "
        "how many  [default: what --cost measured]",
        metavar="MIN|LENGTH=MIN,...",
    )
    images_per_day: float | None = asked(
        None,
        "price",
        "amount",
        "Images a day it will serve: for what a month saves, with a measured --cost.",
    )
    price_per_device_hour: tuple[float, float] | float | None = asked(
        None,
        "price",
        "price",
        "What an hour of a device costs, such as 2.5 or 2.5-4: with a measured --cost and "
        "--images-per-day the plan says what it saves  [default: no money is told]",
        metavar="PRICE|LOW-HIGH",
    )
    memory_budget: int | None = asked(
        None,
        "budget",
        "bytes",
        "What everything may take of a device, such as 12GB or 12GiB  [default: the "
        "device's memory less its margin]",
        metavar="SIZE",
    )
    compile_budget: float | None = asked(
        None,
        "budget",
        "amount",
        "Minutes that compiling the chosen graphs may take, with --graph-minutes, given or "
        "measured  "
        "[default: any]",
        metavar="MIN",
    )
    max_latency: tuple[float, str] | float | None = asked(
        None,
        "budget",
        "latency",
        "What one image may take: milliseconds such as 80ms with a measured --cost, else "
        "compute such as 5TFLOP  [default: any]",
        metavar="MS|TFLOP",
    )
    current: PlanGiven | None = asked(
        None,
        "today",
        "name",
        "What is compiled today: lengths in the unit the runtime compares, or whatever "
        "`bucketwise lint` reads.",
        metavar="LIST|CONFIG|PLAN",
    )
    current_source: str = "given"
    current_max_pixels: int | None = asked(
        None,
        "today",
        "limit",
        "The image limit in service today  [--max-pixels, what --current or its processor "
        "sets, else the checkpoint's]",
    )
    base: Base | None = asked(
        None,
        "today",
        "name",
        "Configuration the emitted ones start from, as `bucketwise lint` reads it  "
        "[default: --current when that holds one, else the Model Zoo's, its values "
        "marked assumed]",
        metavar="CONFIG",
    )
    target: Iterable[str] = dialect(
        "the newest", "; repeatable, `all` for each", several=True
    )
    batch_size: int | None = asked(
        None,
        "decoder",
        "batch",
        "Sequences decoded at once  [default: the base's, else the suggestion from the "
        "activity, marked assumed]",
    )
    decoder_graphs: tuple[int, int] = asked(
        (1, 4),
        "decoder",
        "range",
        "How many decoder graphs: a range or one number.",
        shown="1-4",
    )
    decoder_pins: Sequence[int] = asked(
        (),
        "decoder",
        "batch",
        "A decoder batch size that must be compiled; repeatable.",
        name="--decoder-pin",
        metavar="SIZE",
        repeats=True,
    )
    step_cost: StepsGiven | None = asked(
        None,
        "decoder",
        "step_cost",
        "What a decode step costs: by the roofline of the NPU, by its slots, or measured "
        "milliseconds, as `bucketwise calibrate` wrote them or by batch size: 1=12.5,8=20  "
        "[default: what --cost measured, else roofline]",
        metavar="roofline|slots|FILE|SIZE=MS,...",
    )
    measured_with: Sequence[int] | str | None = asked(
        None,
        "decoder",
        "seen_on",
        "Decoder graphs of the system that --activity is from  [default: what its log "
        "says, else one graph]",
        metavar="LIST|gpu",
    )
    figures: str | None = asked(
        None,
        "output",
        "picture",
        "Write the three headline figures, of lengths, graphs and memory, as files for "
        "slides and tickets  [default: none]",
        metavar="png|svg",
    )
    places: bool = asked(
        True,  # noqa: FBT003 - the default of a flag
        "output",
        "flag",
        "Keep names of inputs and places of rejected rows out of every output.",
        name="--no-places",
    )

    def chosen(self) -> dict[str, Any]:
        """Return what `Question` calls the same."""
        strategy = {"strategy": "robust"} if self.robust else {}
        return super().chosen() | strategy

    @classmethod
    def of_record(cls, said: Mapping[str, Any], **instead: Any) -> Self:
        """Return the options that a plan records, but for what others hold in files.

        `instead` are some that are to be others. Options that older plans do not record
        are as nobody gave them.
        """
        from bucketwise.core.optimize.choose import GraphPrice  # noqa: PLC0415 - as below

        known = {name: said[name] for name in RECORDED if said.get(name) is not None}
        known |= {name: tuple(known[name]) for name in _LISTS if name in known}
        known |= {
            name: {int(key): each for key, each in known[name].items()}
            for name in ("graph_minutes", "step_cost")
            if isinstance(known.get(name), Mapping)
        }
        if isinstance(known.get("measured_with"), list):
            known["measured_with"] = tuple(known["measured_with"])
        for name, kind in (("video", VideoOptions), ("graph_price", GraphPrice)):
            if name in known:
                known[name] = kind(**known[name])
        return cls(**known | {"current": None, "figures": None} | instead)

    def problems(self) -> list[str]:
        """Return what is wrong with them and no value below checks."""
        both = self.robust and self.strategy not in {"exact", "robust"}
        apart = ["expected --robust or --strategy, got both"] if both else []
        unit = not_among("bucket-unit", self.bucket_unit, UNITS)
        picture = not_among("figures", self.figures or PICTURES[0], PICTURES)
        return [*super().problems(), *apart, *unit, *picture]

    @property
    def _latency(self) -> tuple[float | None, str]:
        """What one image may take, and the unit it is in: the cost's, where none is told."""
        if isinstance(self.max_latency, tuple):
            return self.max_latency
        return self.max_latency, "FLOP" if isinstance(self.cost, str) else "ms"

    def _service(self) -> Service:
        from bucketwise.core.options import Service  # noqa: PLC0415 - as below

        price, per_day = self.price_per_device_hour, self.images_per_day
        if per_day is None and self.graph_price:
            per_day = self.graph_price.images_per_day
        if isinstance(price, (int, float)):
            price = price, price
        return Service(images_per_day=per_day, device_hour=price)

    def _budgets(self, profile: ModelProfile) -> Budgets:
        from bucketwise.core.budgets import Budgets, GraphMinutes  # noqa: PLC0415 - as below
        from bucketwise.nouns.measured_cost import MeasuredCost  # noqa: PLC0415

        minutes = self.graph_minutes
        if minutes is None and self.graph_price:
            minutes = self.graph_price.graph_minutes
        if isinstance(minutes, (int, float)):
            minutes = {1: minutes}
        known = GraphMinutes(tuple(minutes.items())) if minutes else None
        cost = self.cost if isinstance(self.cost, MeasuredCost) else None
        if known is None and cost and cost.compile_s and not profile.soft_tokens:
            known = GraphMinutes(measured=cost.compile_s)
        return Budgets(
            graph_minutes=known,
            compile_min=self.compile_budget,
            device_bytes=self.memory_budget,
            image=self._latency[0],
            image_unit=self._latency[1],
        )

    @property
    def seen_with(self) -> tuple[int, ...] | str | None:
        """Decoder graphs of the system that was seen, as a value that never changes."""
        found = self.measured_with
        return found if found is None or isinstance(found, str) else tuple(found)

    def decoder_ask(
        self,
        engine: Engine,
        settings: Mapping[str, Any],
        evidence: Evidence | None,
        *,
        batch_size_given: bool,
        step_cost: Any,
        prefill: MeasuredCurve | None = None,
    ) -> DecoderAsk:
        """Return what is asked of the decoder, on a configuration with these settings."""
        from bucketwise.core.decoder.decide import DecoderAsk  # noqa: PLC0415 - as below
        from bucketwise.core.decoder.decoder_plan import BATCH_SIZE  # noqa: PLC0415
        from bucketwise.core.decoder.options import DecoderOptions  # noqa: PLC0415
        from bucketwise.core.decoder.pricing import Deployment  # noqa: PLC0415

        own = engine.own_batch_size
        return DecoderAsk(
            question=DecoderOptions(
                batch_size=self.batch_size or own or settings.get(BATCH_SIZE) or 1,
                k_range=self.decoder_graphs,
                min_saving=self.min_saving,
                step_cost=step_cost,
                prefill=prefill,
                measured_with=self.seen_with,
                pins=tuple(sorted(set(self.decoder_pins))),
            ),
            deployment=Deployment(
                engine=engine,
                npu=settings.get("npu"),
                n_devices=settings.get("num_devices") or 1,
                partition=settings.get("kvcache_partition_len"),
            ),
            evidence=evidence
            if evidence is None or self.places
            else evidence.without_places(),
            suggest_batch_size=not batch_size_given and own is None,
        )

    def _check_fixed(
        self, fixed: tuple[int, ...], profile: ModelProfile, engine: Engine
    ) -> None:
        """Check that nobody chooses lengths that are built in, or outgrows them."""
        given = {
            "--pin": bool(self.pins),
            "--buckets": self.buckets != (FEWEST, engine.most_lengths),
            "--align": self.align is not None,
            "--headroom": self.headroom > 0,
        }
        problems = [
            f"{option}: the lengths of {engine.name} are built in; leave it out"
            for option, is_given in given.items()
            if is_given
        ]
        most, asked = fixed[-1] * profile.patch_px**2, self.limits[1]
        if isinstance(asked, int) and asked > most:
            problems.append(
                f"--max-pixels: expected at most {most:,}, which the largest length "
                f"holds, got {asked:,}"
            )
        raise_all(problems, UsageError)

    def question(self, profile: ModelProfile, engine: Engine) -> PlanOptions:
        """Return what is asked of the traffic, in ViT patches."""
        from bucketwise.core.options import PlanOptions  # noqa: PLC0415 - keeps --help lean

        merged = self.bucket_unit == "merged" and engine.unit == "vit_patches"
        counts_merged = engine.counts_merged(f"{self.bucket_unit}_patches")
        scale = profile.lengths_per_merged if counts_merged else 1
        fixed = engine.fixed_lengths(profile)
        if fixed:
            self._check_fixed(fixed, profile, engine)
        chosen = self.chosen()
        return PlanOptions(
            **(chosen | {"k_range": (len(fixed), len(fixed))} if fixed else chosen),
            align=None if self.align is None else self.align * scale,
            pins=fixed or tuple(sorted({pin * scale for pin in self.pins})),
            # Where the engine compares what is merged no other unit is left.
            bucket_unit="merged_patches"
            if merged and not profile.soft_tokens
            else "vit_patches",
            budgets=self._budgets(profile),
            service=self._service(),
            keep_max_pixels=self.limits[1] is not None,
            allow_overflow=self.allow_overflow or engine.overflow != "raises",
        )


RECORDED = (
    *(
        "model",
        "min_pixels",
        "max_pixels",
        "strategy",
        "buckets",
        "min_saving",
        "align",
    ),
    *("headroom", "allow_overflow", "pins", "bucket_unit", "cost", "video"),
    *("graph_price", "current", "current_max_pixels", "target", "decoder_graphs"),
    *("decoder_pins", "robust"),
    *("graph_minutes", "memory_budget", "compile_budget", "max_latency"),
    *("step_cost", "measured_with", "batch_size", "figures"),
)
"""In the order of every plan there is: its bytes stay."""

_LISTS = ("buckets", "pins", "target", "decoder_graphs", "decoder_pins")
"""Those of which JSON makes lists."""


@dataclass(frozen=True, kw_only=True)
class EncoderOptions(SolverOptions):
    """What `analyze --lengths` is asked beside the traffic; lengths are in tokens.

    `model` is a text encoder, `current` lengths, a plan, or whatever `lint_config` reads
    that has `max_seq_len`; memory is that of `npu`, an ATOM without one.
    """

    model: str
    max_tokens: int | None = asked(
        None,
        "texts",
        "count",
        "With --lengths: where the tokenizer cuts a text  [default: the checkpoint's "
        "model_max_length, but no more than its positions]",
    )
    current: str | Path | Sequence[int] | None = None
    target: Iterable[str] = ()
    npu: str | None = None
    places: bool = True


TEXTS_RECORDED = (
    *("model", "max_tokens", "strategy", "buckets", "min_saving", "graph_price"),
    *("align", "headroom", "pins", "cost", "current", "target"),
)
