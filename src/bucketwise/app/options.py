"""The options of `analyze`: each said once, for Python and the command line alike."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from typing import TYPE_CHECKING, Any

from bucketwise.errors import UsageError
from bucketwise.report.formats import check_picture

if TYPE_CHECKING:
    from bucketwise.app.given_plans import PlanGiven
    from bucketwise.app.preprocessing import VideoOptions
    from bucketwise.core.limits import Limit
    from bucketwise.core.optimize.choose import GraphPrice
    from bucketwise.core.options import PlanOptions
    from bucketwise.engines.rbln.base_config import BaseConfig
    from bucketwise.nouns.profile import ModelProfile

UNITS = ("vit", "merged")


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """How a field is asked for on the command line.

    Attributes
    ----------
    group : str
        What it belongs to.
    kind : str
        How its text is read: a key of `cli.option_types.KINDS`.
    text : str
        Its help.
    name : str
        What is typed, where that is not the field's name.
    metavar : str or None
        What stands for its value in the help.
    shown : str or None
        Its default as it would be typed; None where the help tells it.
    repeats : bool
        Whether it may be given more than once.
    """

    group: str
    kind: str
    text: str
    name: str = ""
    metavar: str | None = None
    shown: str | None = None
    repeats: bool = False


def asked(default: Any, group: str, kind: str, text: str, **more: Any) -> Any:
    """Return a field that the command line asks for."""
    option = Option(group=group, kind=kind, text=text, **more)
    return field(default=default, metadata={"option": option})


def options_in(options: type, group: str) -> dict[str, Option]:
    """Return the options of one group, by the field they set."""
    found = {each.name: each.metadata.get("option") for each in fields(options)}
    return {name: each for name, each in found.items() if each and each.group == group}


@dataclass(frozen=True, slots=True, kw_only=True)
class SolverOptions:
    """How lengths are chosen, of images and of texts alike.

    `graph_price` is what one more graph costs; it decides the number when given.
    """

    strategy: str = asked(
        "exact",
        "choice",
        "text",
        "exact, kmeans, quantile, equal-duration, exponential or linear.",
        shown="exact",
    )
    buckets: tuple[int, int] = asked(
        (2, 4),
        "choice",
        "range",
        "How many buckets: a range or one number.",
        shown="2-4",
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
    cost: str = asked(
        "flops",
        "choice",
        "text",
        "What a ViT run costs: flops, or linear, in proportion to its length.",
        shown="flops",
    )
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


@dataclass(frozen=True, slots=True, kw_only=True)
class AnalyzeOptions(SolverOptions):
    """What `analyze` is asked beside the traffic.

    `video` samples and limits clips, `base` is the configuration emitted ones start from,
    `current_source` says where lengths that are given as numbers were read, and without
    `places` no base name of an input is told.
    """

    model: str | None = None
    min_pixels: Limit = None
    max_pixels: Limit = None
    video: VideoOptions | None = None
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
    current: PlanGiven | None = asked(  # noqa: RUF009 - a field
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
    base: BaseConfig | None = None
    target: Iterable[str] = ()
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
    step_cost: str | Mapping[int, float] = asked(
        "roofline",
        "decoder",
        "step_cost",
        "What a decode step costs: by the roofline of the NPU, by its slots, or measured "
        "milliseconds by batch size: 1=12.5,8=20.",
        metavar="roofline|slots|SIZE=MS,...",
        shown="roofline",
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
    places: bool = True

    def __post_init__(self) -> None:
        """Check what no value below checks."""
        check_picture(self.figures)
        if self.bucket_unit not in UNITS:
            message = f"bucket-unit: expected vit or merged, got {self.bucket_unit!r}"
            raise UsageError(message)

    @property
    def seen_with(self) -> tuple[int, ...] | str | None:
        """Decoder graphs of the system that was seen, as a value that never changes."""
        found = self.measured_with
        return found if found is None or isinstance(found, str) else tuple(found)

    def question(self, profile: ModelProfile) -> PlanOptions:
        """Return what is asked of the traffic, in ViT patches."""
        from bucketwise.core.options import PlanOptions  # noqa: PLC0415 - keeps --help lean

        merged = self.bucket_unit == "merged"
        scale = profile.lengths_per_merged if merged else 1
        return PlanOptions(
            **self.chosen(),
            align=None if self.align is None else self.align * scale,
            pins=tuple(sorted({pin * scale for pin in self.pins})),
            # Soft tokens are what is merged and what is compared: no other unit is left.
            bucket_unit="merged_patches"
            if merged and not profile.soft_tokens
            else "vit_patches",
            keep_max_pixels=self.max_pixels is not None,
            allow_overflow=self.allow_overflow,
        )

    def record(self, **instead: Any) -> dict[str, Any]:
        """Return the options as the plan records them, `instead` of some their outcome."""
        from bucketwise.app.preprocessing import VideoOptions  # noqa: PLC0415 - as above

        told = {name: _plain(getattr(self, name)) for name in RECORDED}
        return told | {"video": asdict(self.video or VideoOptions())} | instead


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
    "decoder_pins",
    *("step_cost", "measured_with", "batch_size", "figures"),
)
"""In the order of every plan there is: its bytes stay."""


def _plain(value: Any) -> Any:
    """Return a value as JSON has it."""
    if isinstance(value, Mapping):
        return {str(key): each for key, each in sorted(value.items())}
    if isinstance(value, (tuple, list)):
        return list(value)
    return asdict(value) if hasattr(value, "__dataclass_fields__") else value
