"""Options, each defined once and bundled by meaning."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from functools import reduce
from typing import Any, TypeVar

import click

from bucketwise.errors import UsageError
from bucketwise.report.formats import FORMATS, chosen_formats

Decorated = TypeVar("Decorated", bound=Callable[..., Any])

STEP_COSTS = ("roofline", "slots")
GPU = "gpu"
"""As `decoder.question` has them; importing that would make --help slow."""

_MOST_PIXELS = 2**36
"""The area of a square of 262,144 px, four thousand times what any processor takes."""

PRODUCT = re.compile(r"\d+(?:[*x]\d+)*|\d+\^2")


class Percent(click.ParamType[float]):
    """A share: "5%" or 0.05."""

    name = "percent"

    def __init__(self, most: float = math.inf) -> None:
        self.most = most

    def convert(
        self,
        value: Any,
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> float:
        """Return the share, 0.05 for "5%"."""
        if isinstance(value, float):
            return value
        text = str(value).strip()
        try:
            share = float(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
        except ValueError:
            share = math.nan
        if not math.isfinite(share) or not 0 <= share <= self.most:
            self.fail(f"{text!r} is not a share; 5% or 0.05 is right", param, ctx)
        return share


class Pixels(click.ParamType[int | str]):
    """A number of pixels: 4194304, 2048^2, 1280*28*28, or "checkpoint"."""

    name = "pixels"

    def __init__(self, *, checkpoint: bool = True) -> None:
        self.checkpoint = checkpoint

    def convert(
        self,
        value: Any,
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> int | str:
        """Return the pixels, or the word."""
        text = str(value).strip().lower().replace("_", "").replace(",", "")
        if self.checkpoint and text == "checkpoint":
            return text
        if not PRODUCT.fullmatch(text):
            word = ' or "checkpoint"' if self.checkpoint else ""
            self.fail(
                f"{value!r} is not a number of pixels; 4194304, 2048^2, 1280*28*28"
                f"{word} is right",
                param,
                ctx,
            )
        if text.endswith("^2"):
            pixels = int(text[:-2]) ** 2
        else:
            pixels = math.prod(int(part) for part in re.split(r"[*x]", text))
        if not 1 <= pixels <= _MOST_PIXELS:
            self.fail(f"{value!r} found; 1 to {_MOST_PIXELS:,} is right", param, ctx)
        return pixels


class BucketRange(click.ParamType[tuple[int, int]]):
    """A number of buckets or a range of them: "3" or "2-4"."""

    name = "range"

    def convert(
        self,
        value: Any,
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> tuple[int, int]:
        """Return least and most."""
        if isinstance(value, tuple):
            return value
        match = re.fullmatch(r"\s*(\d{1,4})(?:\s*-\s*(\d{1,4}))?\s*", str(value))
        if match is None or not 1 <= int(match[1]) <= int(match[2] or match[1]):
            self.fail(f"{value!r} is not a range; 2-4 or 3 is right", param, ctx)
        return int(match[1]), int(match[2] or match[1])


class Formats(click.ParamType[tuple[str, ...]]):
    """Pages to write: "html", "md,pdf", or "none"."""

    name = "formats"

    def convert(
        self,
        value: Any,
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> tuple[str, ...]:
        """Return the names, () for "none"."""
        if isinstance(value, tuple):
            return value
        if value == "none":
            return ()
        try:
            return chosen_formats(name.strip() for name in str(value).split(","))
        except UsageError:
            right = ", ".join(FORMATS)
            self.fail(f"{value!r} found; {right} or none are right", param, ctx)


class StepCost(click.ParamType[str | dict[int, float]]):
    """What a decode step costs: a name, or milliseconds by batch size."""

    name = "step cost"

    def convert(
        self,
        value: Any,
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> str | dict[int, float]:
        """Return the name, or batch size -> milliseconds for "1=12.5,8=20"."""
        if isinstance(value, dict):
            return value
        if value in STEP_COSTS:
            return str(value)
        pairs = [pair.partition("=") for pair in str(value).split(",")]
        try:
            return {int(size): float(cost_ms) for size, _, cost_ms in pairs}
        except ValueError:
            self.fail(
                f"{value!r} found; {', '.join(STEP_COSTS)} or milliseconds by batch "
                "size such as 1=12.5,8=20 are right",
                param,
                ctx,
            )


class SeenOn(click.ParamType[str | tuple[int, ...]]):
    """Which decoder graphs a measured system ran: "1,4,8", or "gpu"."""

    name = "seen on"

    def convert(
        self,
        value: Any,
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> str | tuple[int, ...]:
        """Return the word, or the batch sizes."""
        if isinstance(value, tuple):
            return value
        if value == GPU:
            return GPU
        try:
            return tuple(int(size) for size in str(value).split(","))
        except ValueError:
            self.fail(
                f"{value!r} found; {GPU} or batch sizes such as 1,4,8 are right",
                param,
                ctx,
            )


class Columns(click.ParamType[tuple[tuple[str, str], ...]]):
    """Which column is which: "width=imgW,height=imgH"."""

    name = "columns"

    def convert(
        self,
        value: Any,
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> tuple[tuple[str, str], ...]:
        """Return pairs of a role and the name (or position, from 1) of its column."""
        if isinstance(value, tuple):
            return value
        pairs = [pair.partition("=") for pair in str(value).split(",")]
        if not all(role.strip() and column.strip() for role, _, column in pairs):
            self.fail(
                f"{value!r} found; ROLE=COLUMN pairs such as width=imgW,height=imgH "
                "are right",
                param,
                ctx,
            )
        return tuple((role.strip(), column.strip()) for role, _, column in pairs)


def _together(
    ctx: click.Context,
    param: click.Parameter,
    values: Sequence[Sequence[tuple[str, str]]],
) -> dict[str, str] | None:
    """Return the columns by role, of all the times that the option is given."""
    pairs = [pair for each in values for pair in each]
    if not pairs:
        return None
    from bucketwise.sources.tables.naming import Naming

    columns = dict(pairs)
    twice = [role for role, column in pairs if columns[role] != column]
    if twice:
        message = f"{twice[0]} is named twice; one column is right"
        raise click.BadParameter(message, ctx, param)
    try:
        Naming(columns)
    except UsageError as error:
        said = str(error).removeprefix("--columns: ")
        raise click.BadParameter(said, ctx, param) from error
    return columns


def bundle(*options: Callable[[Decorated], Decorated]) -> Callable[..., Any]:
    """Return one decorator that applies all the options, listed in reading order."""

    def decorate(command: Decorated) -> Decorated:
        return reduce(lambda done, option: option(done), reversed(options), command)

    return decorate


columns_option = click.option(
    "--columns",
    type=Columns(),
    multiple=True,
    callback=_together,
    metavar="ROLE=NAME,...",
    help="Which column is which, such as width=imgW,height=imgH; a.b.c for nested JSON, "
    "positions from 1 for a file without header. A role nobody reads lists those there "
    "are; the usual names are found unasked.",
)

traffic_options = bundle(
    click.argument("inputs", nargs=-1, required=True, metavar="INPUT..."),
    columns_option,
    click.option(
        "--max-bad-rows",
        type=Percent(most=1.0),
        default="5%",
        show_default=True,
        help="Stop when more than this share of the rows cannot be used.",
    ),
    click.option(
        "--ignore-orientation",
        is_flag=True,
        help="Count images as stored, for serving stacks that do not turn them.",
    ),
)

limit_options = bundle(
    click.option(
        "--min-pixels",
        type=Pixels(),
        help='The processor\'s lower image limit, or "checkpoint".',
    ),
    click.option(
        "--max-pixels",
        type=Pixels(),
        help='The processor\'s upper image limit, or "checkpoint".',
    ),
    click.option(
        "--video-fps",
        type=click.FloatRange(min=0, min_open=True),
        help="Sample clips of known fps at this rate.",
    ),
    click.option(
        "--max-frames",
        type=click.IntRange(min=1),
        help="Frames the serving stack keeps before the processor sees a clip.",
    ),
    click.option(
        "--video-min-pixels", type=Pixels(checkpoint=False), help="Lower video limit."
    ),
    click.option(
        "--video-max-pixels", type=Pixels(checkpoint=False), help="Upper video limit."
    ),
    click.option(
        "--cap-pixels-per-frame",
        is_flag=True,
        help="The video processor's switch of that name (off in released versions).",
    ),
)

target_option = click.option(
    "--target",
    multiple=True,
    metavar="SDK",
    help="An SDK dialect such as optimum-rbln==0.12.0 (see `bucketwise targets`); "
    "repeatable.",
)


def one_target(names: tuple[str, ...]) -> str | None:
    """Return the one target of a command that compares with a single release."""
    if len(names) > 1:
        message = f"give one --target here, {len(names)} found"
        raise click.UsageError(message)
    return names[0] if names else None
