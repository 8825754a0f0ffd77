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
"""Eleven times the largest length seen; the pixel limits end it long before."""

MOST_POINTS = 30
"""Lengths worth measuring: more tell little, and each is a compile."""

_PRODUCT = re.compile(r"[0-9]{1,30}(?:[*x][0-9]{1,30}){0,4}|[0-9]{1,30}\^2")
_GROUPED = re.compile(r"[0-9]{1,3}(?:[,_][0-9]{3})+")
_NUMBER = re.compile(r"(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?")


class Value(click.ParamType[Any]):
    """A value that is read from text; a default, or what a file holds, may be one already."""

    is_read: tuple[type, ...] = ()
    """Of these types it is a value already."""

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> Any:
        """Return the value, or say what it may be."""
        if isinstance(value, self.is_read):
            return value
        try:
            return self.read(str(value))
        except UsageError as error:
            self.fail(str(error), param, ctx)

    def read(self, text: str) -> Any:
        """Return the value of a text; what it may not be is a usage error."""
        raise NotImplementedError


class Percent(Value):
    """A share: "5%" or 0.05."""

    name = "percent"
    is_read = (float,)

    def __init__(self, most: float = 1.0, *, zero: bool = True) -> None:
        self.most = most
        self.zero = zero

    def read(self, text: str) -> float:
        """Return the share, 0.05 for "5%"; a bare number above 1 is none."""
        text = text.strip()
        digits = text.removesuffix("%").rstrip()
        if not _NUMBER.fullmatch(digits):
            raise UsageError(f"expected a share such as 5% or 0.05, got {text!r}")
        number = float(digits)
        is_bare = digits == text
        if is_bare and number > 1:
            raise UsageError(
                f"{text} is {number * 100:,.12g} %; for {text} % write {text}% or "
                f"{number / 100:.12g}"
            )
        share = number if is_bare else number / 100
        if share > self.most or not (share or self.zero):
            least = "0% to" if self.zero else "above 0% and up to"
            raise UsageError(f"expected {least} {self.most * 100:,.0f}%, got {text!r}")
        return share


class Amount(Value):
    """A number that is finite and positive."""

    name = "number"

    def __init__(self, most: float = MOST_AMOUNT, *, zero: bool = False) -> None:
        self.most = most
        self.zero = zero

    def read(self, text: str) -> float:
        """Return the number."""
        text = text.strip()
        number = float(text) if _NUMBER.fullmatch(text) else math.nan
        if not (0 < number <= self.most or (self.zero and number == 0)):
            least = "from 0 to" if self.zero else "above 0 and up to"
            raise UsageError(
                f"expected a number {least} {self.most:,.10g}, got {text!r}"
            )
        return number


class Name(Value):
    """A name; nothing at all is none."""

    name = "text"

    def read(self, text: str) -> str:
        """Return the name."""
        if not text.strip():
            raise UsageError("expected a name, got nothing")
        return text


class LogFormat(Name):
    """The format string of a proxy's access log, with a time and a duration."""

    def read(self, text: str) -> str:
        """Return the format as it was given."""
        from bucketwise.read.evidence.format_strings import compile_format

        super().read(text)
        try:
            compile_format(text)
        except UsageError as error:
            raise UsageError(str(error).removeprefix("--log-format: ")) from error
        return text


class Pixels(Value):
    """A number of pixels: 4194304, 4,194,304, 2048^2, 1280*28*28, or "checkpoint"."""

    name = "pixels"

    def __init__(self, *, checkpoint: bool = True, most: int = MOST_PIXELS) -> None:
        self.checkpoint = checkpoint
        self.most = most

    def read(self, text: str) -> int | str:
        """Return the pixels, or the word."""
        plain = text.strip().lower()
        if self.checkpoint and plain == "checkpoint":
            return plain
        if _GROUPED.fullmatch(plain):
            plain = plain.replace(",", "").replace("_", "")
        if not _PRODUCT.fullmatch(plain):
            word = ', or "checkpoint",' if self.checkpoint else ""
            raise UsageError(
                "expected a number of pixels such as 4194304, 2048^2 or "
                f"1280*28*28{word}, got {text!r}"
            )
        if plain.endswith("^2"):
            pixels = int(plain[:-2]) ** 2
        else:
            pixels = math.prod(int(part) for part in re.split(r"[*x]", plain))
        if not 1 <= pixels <= self.most:
            raise UsageError(f"expected 1 to {self.most:,}, got {text!r}")
        return pixels


class BucketRange(Value):
    """A number of buckets or a range of them: "3" or "2-4"."""

    name = "range"
    is_read = (tuple,)

    def read(self, text: str) -> tuple[int, int]:
        """Return least and most."""
        match = re.fullmatch(r"\s*(\d{1,4})(?:\s*-\s*(\d{1,4}))?\s*", text)
        if match is None or not 1 <= int(match[1]) <= int(match[2] or match[1]):
            raise UsageError(
                f"expected a number such as 3 or a range such as 2-4, got {text!r}"
            )
        return int(match[1]), int(match[2] or match[1])


class Formats(Value):
    """Pages to write: "html", "md,pdf", or "none"."""

    name = "formats"
    is_read = (tuple,)

    def read(self, text: str) -> tuple[str, ...]:
        """Return the names, () for "none"."""
        if text == "none":
            return ()
        try:
            return chosen_formats(name.strip() for name in text.split(","))
        except UsageError:
            known = ", ".join(FORMATS)
            raise UsageError(f"expected {known} or none, got {text!r}") from None


class Duration(Value):
    """A time such as 36h, 14d or 2w, in seconds."""

    name = "duration"

    def read(self, text: str) -> float:
        """Return the seconds."""
        text = text.strip()
        unit_s = UNITS_S.get(text[-1:], 0)
        if not unit_s or not _NUMBER.fullmatch(text[:-1]) or float(text[:-1]) <= 0:
            raise UsageError(f"expected a time such as 36h, 14d or 2w, got {text!r}")
        return float(text[:-1]) * unit_s


UNITS_S = {"h": 3_600, "d": 86_400, "w": 604_800}


class ScenarioFiles(Value):
    """NAME=FILE,FILE*FACTOR,... as a name and files with their factors."""

    name = "scenario"

    def read(self, text: str) -> tuple[str, tuple[tuple[str, float], ...]]:
        """Part the name, the files and the factors."""
        name, _, files = text.partition("=")
        found = []
        for each in files.split(","):
            path, star, factor = each.rpartition("*")
            is_grown = bool(star) and _FACTOR.fullmatch(factor) is not None
            found.append((path, float(factor)) if is_grown else (each, 1.0))
        if not name.strip() or not all(path and factor for path, factor in found):
            raise UsageError(
                f"expected NAME=FILE,FILE*FACTOR with factors above 0, got {text!r}"
            )
        return name.strip(), tuple(found)


_FACTOR = re.compile(r"[0-9]+(\.[0-9]+)?")


class StepCost(Value):
    """What a decode step costs: a name, or milliseconds by batch size."""

    name = "step cost"
    is_read = (dict,)

    def read(self, text: str) -> str | dict[int, float]:
        """Return the name, or batch size -> milliseconds for "1=12.5,8=20"."""
        if text in STEP_COSTS or Path(text).is_file():
            return text
        parts = [pair.partition("=") for pair in text.split(",")]
        pairs = [tuple(map(str.strip, pair)) for pair in parts]
        if not all(
            _is_batch_size(size) and _NUMBER.fullmatch(ms) for size, _, ms in pairs
        ):
            raise UsageError(
                f"expected {', '.join(STEP_COSTS)}, a cost.json or milliseconds by batch "
                f"size such as 1=12.5,8=20, got {text!r}"
            )
        return {int(size): Amount().read(cost_ms) for size, _, cost_ms in pairs}


class SeenOn(Value):
    """Which decoder graphs a measured system ran: "1,4,8", or "gpu"."""

    name = "seen on"
    is_read = (tuple,)

    def read(self, text: str) -> str | tuple[int, ...]:
        """Return the word, or the batch sizes."""
        if text == GPU:
            return GPU
        sizes = [size.strip() for size in text.split(",")]
        if not all(map(_is_batch_size, sizes)):
            raise UsageError(
                f"expected {GPU} or batch sizes from 1 to {MAX_BATCH_SIZE:,} such as "
                f"1,4,8, got {text!r}"
            )
        return tuple(map(int, sizes))


class Columns(Value):
    """Which column is which: "width=imgW,height=imgH"."""

    name = "columns"
    is_read = (tuple,)

    def read(self, text: str) -> tuple[tuple[str, str], ...]:
        """Return pairs of a role and the name (or position, from 1) of its column."""
        pairs = [pair.partition("=") for pair in text.split(",")]
        if not all(role.strip() and mark for role, mark, _ in pairs):
            raise UsageError(
                "expected ROLE=COLUMN pairs such as width=imgW,height=imgH, got "
                f"{text!r}; ROLE= leaves a role unread"
            )
        return tuple((role.strip(), column.strip()) for role, _, column in pairs)


class GraphMinutes(Value):
    """Minutes of a graph: one number, or by length: "1024=3,16384=20"."""

    name = "minutes"

    def read(self, text: str) -> float | dict[int, float]:
        """Return the minutes, or length -> minutes, ascending."""
        if "=" not in text:
            return Amount().read(text)
        pairs = [each.partition("=") for each in text.split(",")]
        lengths = [length.strip() for length, _, _ in pairs]
        if not all(re.fullmatch("[1-9][0-9]{0,8}", each) for each in lengths):
            raise UsageError(
                f"expected minutes, or minutes by length such as 1024=3,16384=20, got {text!r}"
            )
        return {
            int(length): Amount().read(minutes)
            for length, (_, _, minutes) in sorted(
                zip(lengths, pairs, strict=True), key=lambda each: int(each[0])
            )
        }


class Scaled(Value):
    """A number with one of few units."""

    def __init__(self, name: str, units: dict[str, float], example: str) -> None:
        self.name = name
        self.units = units
        self.example = example

    def read(self, text: str) -> Any:
        """Return it in the unit that counts 1."""
        text = text.strip()
        match = re.fullmatch(rf"({_NUMBER.pattern})\s*([A-Za-z]*)", text)
        if match is None or match[2].lower() not in self.units or not float(match[1]):
            raise UsageError(f"expected {self.example}, got {text!r}")
        return self.units[match[2].lower()] * float(match[1])


class Bytes(Scaled):
    """Memory of a device."""

    is_read = (int,)

    def read(self, text: str) -> int:
        """Return the bytes."""
        return int(super().read(text))


class Price(Value):
    """A price, or a range of them: "2.5" or "2.5-4"."""

    name = "price"

    def read(self, text: str) -> tuple[float, float]:
        """Return the least and the most."""
        low, mark, high = text.strip().partition("-")
        ends = [each.strip() for each in (low, high if mark else low)]
        found = [float(each) if _NUMBER.fullmatch(each) else 0.0 for each in ends]
        if not 0 < found[0] <= found[1] <= MOST_AMOUNT:
            raise UsageError(
                f"expected a price such as 2.5 or a range such as 2.5-4, got {text!r}"
            )
        return found[0], found[1]


class Latency(Scaled):
    """What one image may take, and whether that is compute or time."""

    def read(self, text: str) -> tuple[float, str]:
        """Return the FLOP or the milliseconds, and which of them they are."""
        unit = "FLOP" if text.strip().lower().endswith("flop") else "ms"
        return super().read(text), unit


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
