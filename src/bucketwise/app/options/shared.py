"""What several commands are asked: model, limits, clips, dialect, cost."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import MISSING, asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from bucketwise.app.options.option import WITHIN, asked, recorded_of
from bucketwise.errors import UsageError, raise_all

if TYPE_CHECKING:
    from bucketwise.core.limits import Limit


BY_ENGINE = "flops; linear for vLLM, whose attention skips padding"
"""What a run costs where nobody says."""


def named_model(default: str = "") -> Any:
    """Return the field of the model, saying what holds without it."""
    says = f"  [default: {default}]" if default else "."
    text = f"Built-in name, Hugging Face id or local folder{says}"
    return asked(None if default else MISSING, "model", "name", text)


def image_limit(side: str, default: str) -> Any:
    """Return the field of the lower or upper image limit, saying what holds without it."""
    return asked(
        None,
        "limits",
        f"{side}_pixels",
        f'The processor\'s {side} image limit in pixels, or "checkpoint"  '
        f"[default: {default}]",
    )


def dialect(default: str, also: str = "", *, several: bool = False) -> Any:
    """Return the field of the SDK dialects, saying what holds without them."""
    return asked(
        () if several else None,
        "engine",
        "name",
        "An SDK dialect such as optimum-rbln==0.12.0 (see `bucketwise targets`)"
        f"{also}  [default: {default}]",
        metavar="SDK",
        repeats=several,
        once=not several,
    )


def run_cost(default: str = BY_ENGINE) -> Any:
    """Return the field of what a run costs, saying what holds without it."""
    return asked(
        None,
        "choice",
        "text",
        "What a ViT run costs: flops, linear, in proportion to its length, or a cost.json "
        "that `bucketwise calibrate` wrote from measurements  "
        f"[default: {default}]",
        metavar="flops|linear|FILE",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoOptions:
    """How clips are sampled and limited; None keeps the model's own."""

    fps: float | None = asked(
        None,
        "limits",
        "rate",
        "Sample clips of known fps at this rate  [default: the model's]",
        name="--video-fps",
    )
    max_frames: int | None = asked(
        None,
        "limits",
        "count",
        "Frames the serving stack keeps before the processor sees a clip  "
        "[default: all]",
        name="--max-frames",
    )
    min_pixels: int | None = asked(
        None,
        "limits",
        "least_limit",
        "Lower video limit in pixels  [default: the checkpoint's]",
        name="--video-min-pixels",
    )
    max_pixels: int | None = asked(
        None,
        "limits",
        "limit",
        "Upper video limit in pixels  [default: the checkpoint's]",
        name="--video-max-pixels",
    )
    cap_pixels_per_frame: bool = asked(
        False,  # noqa: FBT003 - the default of a flag
        "limits",
        "flag",
        "The video processor's switch of that name (off in released versions).",
        name="--cap-pixels-per-frame",
    )


@dataclass(frozen=True, kw_only=True)
class LimitOptions:
    """Which model, and what its processor makes of images."""

    model: str | None = None
    min_pixels: Limit = image_limit("lower", "the checkpoint's")
    max_pixels: Limit = image_limit("upper", "the checkpoint's")
    soft_tokens: int | None = asked(
        None,
        "limits",
        "count",
        "max_soft_tokens of the processor, for models that scale every image to so many "
        "soft tokens  [default: the checkpoint's]",
    )

    def __post_init__(self) -> None:
        """Check what no value below checks."""
        raise_all(self.problems(), UsageError)

    def problems(self) -> list[str]:
        """Return what is wrong with them."""
        both = self.soft_tokens is not None and self.max_pixels is not None
        return ["expected --max-pixels or --soft-tokens, got both"] if both else []

    @property
    def limits(self) -> tuple[Limit, Limit]:
        """Lower and upper image limit, however the upper one was given."""
        if self.soft_tokens is None:
            return self.min_pixels, self.max_pixels
        from bucketwise.core.in_service import SOFT_TOKEN_PX  # noqa: PLC0415 - keeps --help lean

        return self.min_pixels, self.soft_tokens * SOFT_TOKEN_PX**2


@dataclass(frozen=True, kw_only=True)
class ProcessorOptions(LimitOptions):
    """What the processor makes of images and clips."""

    video: VideoOptions | None = field(default=None, metadata={WITHIN: VideoOptions})

    def record(self, names: Iterable[str], **instead: Any) -> dict[str, Any]:
        """Return the options as a result records them, `instead` of some their outcome."""
        given = {
            "max_pixels": self.limits[1],
            "video": asdict(self.video or VideoOptions()),
        }
        return recorded_of(self, names) | given | instead


def kept_places() -> Any:
    """Return whether names of inputs and files are told; each command asks alike."""
    return asked(
        True,  # noqa: FBT003 - the default of a flag
        "output",
        "flag",
        "Keep names of inputs and files out of every output.",
        name="--no-places",
    )
