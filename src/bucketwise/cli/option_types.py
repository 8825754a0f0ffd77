"""What the value of an option may be; anything else is a usage error that says so."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Any

import click

from bucketwise.app.load_tools import LOAD_TOOLS
from bucketwise.errors import UsageError
from bucketwise.report.formats import FORMATS, PICTURES, chosen_formats

STEP_COSTS = ("roofline", "slots")
GPU = "gpu"
MAX_BATCH_SIZE = 4_096
"""As `decoder.question` has them; importing that would make --help slow."""

MOST_PIXELS = 2**36
"""The area of a square of 262,144 px, four thousand times what any processor takes."""

MOST_LEAST_PIXELS = 2**28
"""Every image is enlarged to the lower limit, and this is a square of 16,384 px: a
million ViT patches, 64 times the longest graph that any published configuration has."""

MOST_AMOUNT = 1e30
"""As `GraphPrice` has it: beyond anything there is, and products stay finite."""

MOST_COUNT = 2**31 - 1

MOST_HEADROOM = 10.0

MOST_POINTS = 30
"""Lengths worth measuring: more tell little, and each is a compile."""
"""Eleven times the largest length seen; the pixel limits end it long before."""

_PRODUCT = re.compile(r"[0-9]{1,30}(?:[*x][0-9]{1,30}){0,4}|[0-9]{1,30}\^2")
_GROUPED = re.compile(r"[0-9]{1,3}(?:[,_][0-9]{3})+")
_NUMBER = re.compile(r"(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?")


class Percent(click.ParamType[float]):
    """A share: "5%" or 0.05."""

    name = "percent"

    def __init__(self, most: float = 1.0, *, zero: bool = True) -> None:
        self.most = most
        self.zero = zero

    def convert(
        self,
        value: Any,
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> float:
        """Return the share, 0.05 for "5%"; a bare number above 1 is none."""
        if isinstance(value, float):
            return value
        text = str(value).strip()
        digits = text.removesuffix("%").rstrip()
        if not _NUMBER.fullmatch(digits):
            self.fail(f"expected a share such as 5% or 0.05, got {text!r}", param, ctx)
        number = float(digits)
        is_bare = digits == text
        if is_bare and number > 1:
            self.fail(
                f"{text} is {number * 100:,.12g} %; for {text} % write {text}% or "
                f"{number / 100:.12g}",
                param,
                ctx,
            )
        share = number if is_bare else number / 100
        if share > self.most or not (share or self.zero):
            least = "0% to" if self.zero else "above 0% and up to"
            self.fail(
                f"expected {least} {self.most * 100:,.0f}%, got {text!r}",
                param,
                ctx,
            )
        return share


class Amount(click.ParamType[float]):
    """A number that is finite and positive."""

    name = "number"

    def __init__(self, most: float = MOST_AMOUNT, *, zero: bool = False) -> None:
        self.most = most
        self.zero = zero

    def convert(
        self,
        value: Any,
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> float:
        """Return the number."""
        text = str(value).strip()
        number = float(text) if _NUMBER.fullmatch(text) else math.nan
        if not (0 < number <= self.most or (self.zero and number == 0)):
            least = "from 0 to" if self.zero else "above 0 and up to"
            self.fail(
                f"expected a number {least} {self.most:,.10g}, got {value!r}",
                param,
                ctx,
            )
        return number


class Name(click.ParamType[str]):
    """A name; nothing at all is none."""

    name = "text"

    def convert(
        self,
        value: Any,
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> str:
        """Return the name."""
        if not str(value).strip():
            self.fail("expected a name, got nothing", param, ctx)
        return str(value)


class LogFormat(Name):
    """The format string of a proxy's access log, with a time and a duration."""

    def convert(
        self,
        value: Any,
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> str:
        """Return the format as it was given."""
        from bucketwise.read.evidence.format_strings import compile_format

        text = super().convert(value, param, ctx)
        try:
            compile_format(text)
        except UsageError as error:
            self.fail(str(error).removeprefix("--log-format: "), param, ctx)
        return text


class Pixels(click.ParamType[int | str]):
    """A number of pixels: 4194304, 4,194,304, 2048^2, 1280*28*28, or "checkpoint"."""

    name = "pixels"

    def __init__(self, *, checkpoint: bool = True, most: int = MOST_PIXELS) -> None:
        self.checkpoint = checkpoint
        self.most = most

    def convert(
        self,
        value: Any,
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> int | str:
        """Return the pixels, or the word."""
        text = str(value).strip().lower()
        if self.checkpoint and text == "checkpoint":
            return text
        if _GROUPED.fullmatch(text):
            text = text.replace(",", "").replace("_", "")
        if not _PRODUCT.fullmatch(text):
            word = ', or "checkpoint",' if self.checkpoint else ""
            self.fail(
                "expected a number of pixels such as 4194304, 2048^2 or "
                f"1280*28*28{word}, got {value!r}",
                param,
                ctx,
            )
        if text.endswith("^2"):
            pixels = int(text[:-2]) ** 2
        else:
            pixels = math.prod(int(part) for part in re.split(r"[*x]", text))
        if not 1 <= pixels <= self.most:
            self.fail(f"expected 1 to {self.most:,}, got {value!r}", param, ctx)
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
            self.fail(
                f"expected a number such as 3 or a range such as 2-4, got {value!r}",
                param,
                ctx,
            )
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
            known = ", ".join(FORMATS)
            self.fail(f"expected {known} or none, got {value!r}", param, ctx)


class Duration(click.ParamType[float]):
    """A time such as 36h, 14d or 2w, in seconds."""

    name = "duration"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Return the seconds."""
        text = str(value).strip()
        unit_s = UNITS_S.get(text[-1:], 0)
        if not unit_s or not _NUMBER.fullmatch(text[:-1]) or float(text[:-1]) <= 0:
            self.fail(
                f"expected a time such as 36h, 14d or 2w, got {text!r}", param, ctx
            )
        return float(text[:-1]) * unit_s


UNITS_S = {"h": 3_600, "d": 86_400, "w": 604_800}


class ScenarioFiles(click.ParamType[tuple[str, tuple[tuple[str, float], ...]]]):
    """NAME=FILE,FILE*FACTOR,... as a name and files with their factors."""

    name = "scenario"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, tuple[tuple[str, float], ...]]:
        """Part the name, the files and the factors."""
        name, _, files = str(value).partition("=")
        found = []
        for each in files.split(","):
            path, star, factor = each.rpartition("*")
            is_grown = bool(star) and _FACTOR.fullmatch(factor) is not None
            found.append((path, float(factor)) if is_grown else (each, 1.0))
        if not name.strip() or not all(path and factor for path, factor in found):
            self.fail(
                f"expected NAME=FILE,FILE*FACTOR with factors above 0, got {value!r}",
                param,
                ctx,
            )
        return name.strip(), tuple(found)


_FACTOR = re.compile(r"[0-9]+(\.[0-9]+)?")


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
        if value in STEP_COSTS or Path(str(value)).is_file():
            return str(value)
        parts = [pair.partition("=") for pair in str(value).split(",")]
        pairs = [tuple(map(str.strip, pair)) for pair in parts]
        if not all(
            _is_batch_size(size) and _NUMBER.fullmatch(ms) for size, _, ms in pairs
        ):
            self.fail(
                f"expected {', '.join(STEP_COSTS)}, a cost.json or milliseconds by batch "
                f"size such as 1=12.5,8=20, got {value!r}",
                param,
                ctx,
            )
        return {
            int(size): Amount().convert(cost_ms, param, ctx)
            for size, _, cost_ms in pairs
        }


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
        sizes = [size.strip() for size in str(value).split(",")]
        if not all(map(_is_batch_size, sizes)):
            self.fail(
                f"expected {GPU} or batch sizes from 1 to {MAX_BATCH_SIZE:,} such as "
                f"1,4,8, got {value!r}",
                param,
                ctx,
            )
        return tuple(map(int, sizes))


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
        if not all(role.strip() and mark for role, mark, _ in pairs):
            self.fail(
                "expected ROLE=COLUMN pairs such as width=imgW,height=imgH, got "
                f"{value!r}; ROLE= leaves a role unread",
                param,
                ctx,
            )
        return tuple((role.strip(), column.strip()) for role, _, column in pairs)


class GraphMinutes(click.ParamType[float | dict[int, float]]):
    """Minutes of a graph: one number, or by length: "1024=3,16384=20"."""

    name = "minutes"

    def convert(
        self,
        value: Any,
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> float | dict[int, float]:
        """Return the minutes, or length -> minutes, ascending."""
        if "=" not in str(value):
            return Amount().convert(value, param, ctx)
        pairs = [each.partition("=") for each in str(value).split(",")]
        lengths = [length.strip() for length, _, _ in pairs]
        if not all(re.fullmatch("[1-9][0-9]{0,8}", each) for each in lengths):
            self.fail(
                f"expected minutes, or minutes by length such as 1024=3,16384=20, got {value!r}",
                param,
                ctx,
            )
        return {
            int(length): Amount().convert(minutes, param, ctx)
            for length, (_, _, minutes) in sorted(
                zip(lengths, pairs, strict=True), key=lambda each: int(each[0])
            )
        }


class Scaled(click.ParamType[Any]):
    """A number with one of few units."""

    def __init__(self, name: str, units: dict[str, float], example: str) -> None:
        self.name = name
        self.units = units
        self.example = example

    def convert(
        self,
        value: Any,
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> Any:
        """Return it in the unit that counts 1."""
        text = str(value).strip()
        match = re.fullmatch(rf"({_NUMBER.pattern})\s*([A-Za-z]*)", text)
        if match is None or match[2].lower() not in self.units or not float(match[1]):
            self.fail(f"expected {self.example}, got {text!r}", param, ctx)
        return self.units[match[2].lower()] * float(match[1])


class Bytes(Scaled):
    """Memory of a device."""

    def convert(
        self,
        value: Any,
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> int:
        """Return the bytes."""
        if isinstance(value, int):
            return value
        return int(super().convert(value, param, ctx))


class Price(click.ParamType[tuple[float, float]]):
    """A price, or a range of them: "2.5" or "2.5-4"."""

    name = "price"

    def convert(
        self,
        value: Any,
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> tuple[float, float]:
        """Return the least and the most."""
        low, mark, high = str(value).strip().partition("-")
        ends = [each.strip() for each in (low, high if mark else low)]
        found = [float(each) if _NUMBER.fullmatch(each) else 0.0 for each in ends]
        if not 0 < found[0] <= found[1] <= MOST_AMOUNT:
            self.fail(
                f"expected a price such as 2.5 or a range such as 2.5-4, got {value!r}",
                param,
                ctx,
            )
        return found[0], found[1]


class Latency(Scaled):
    """What one image may take, and whether that is compute or time."""

    def convert(
        self,
        value: Any,
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> tuple[float, str]:
        """Return the FLOP or the milliseconds, and which of them they are."""
        unit = "FLOP" if str(value).strip().lower().endswith("flop") else "ms"
        return super().convert(value, param, ctx), unit


def _is_batch_size(text: str) -> bool:
    return (
        re.fullmatch("[0-9]{1,4}", text.strip()) is not None
        and 1 <= int(text) <= MAX_BATCH_SIZE
    )


KINDS: dict[str, click.ParamType[Any]] = {
    "text": click.STRING,
    "name": Name(),
    "range": BucketRange(),
    "percent": Percent(),
    "headroom": Percent(most=MOST_HEADROOM),
    "lower_pixels": Pixels(most=MOST_LEAST_PIXELS),
    "upper_pixels": Pixels(),
    "least_limit": Pixels(checkpoint=False, most=MOST_LEAST_PIXELS),
    "limit": Pixels(checkpoint=False),
    "share": Percent(zero=False),
    "amount": Amount(),
    "any_amount": Amount(zero=True),
    "rate": Amount(most=1_000_000),
    "count": click.IntRange(min=1, max=MOST_COUNT),
    "length": click.IntRange(min=1),
    "points": click.IntRange(min=1, max=MOST_POINTS),
    "unit": click.Choice(["vit", "merged"]),
    "load_tool": click.Choice([*LOAD_TOOLS]),
    "picture": click.Choice(PICTURES),
    "batch": click.IntRange(min=1, max=MAX_BATCH_SIZE),
    "step_cost": StepCost(),
    "graph_minutes": GraphMinutes(),
    "bytes": Bytes(
        "size",
        {"gb": 1e9, "gib": 2.0**30, "mb": 1e6, "mib": 2.0**20},
        "a size with its unit such as 12GB or 12GiB",
    ),
    "price": Price(),
    "latency": Latency(
        "latency",
        {"tflop": 1e12, "gflop": 1e9, "ms": 1.0, "s": 1e3},
        "milliseconds such as 80ms with a measured cost, else compute such as 5TFLOP",
    ),
    "seen_on": SeenOn(),
}
"""How the text of an option is read, by the kind that its field names."""
