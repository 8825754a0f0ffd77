"""How numbers read: separators, units, and rounding that never lies."""

from __future__ import annotations

import math
from collections.abc import Sequence

NOISE = 1e-12
"""Equal sums in another order differ by less than this share of them."""

EXACT_DIGITS = 5
"""Digits of a term that readers are meant to recompute with."""

SI_PREFIXES = ("", "k", "M", "G", "T", "P", "E", "Z", "Y", "R", "Q")
BYTE_UNITS = ("bytes", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB")

LENGTH_UNITS = ("patch", "token")
"""Units of a cost in proportion to length."""

TIME_UNIT = "ms"
"""Unit of a cost that was measured."""

TIMES = ((3_600_000.0, "h"), (60_000.0, "min"), (1_000.0, "s"))
"""Milliseconds of the longer units of time, and their names."""

MINUS = "\N{MINUS SIGN}"
TWICE = 2.0
LEAST_SHOWN = 0.001
WHOLE_FROM = 1_000
"""From here on a tenth of an image says nothing."""


def number(value: float) -> str:
    """Return a count with thousands separators; fractions only where there are any."""
    whole = round(value)
    if abs(value - whole) <= NOISE * abs(value) or value >= WHOLE_FROM:
        return f"{whole:,}"
    if value < LEAST_SHOWN:
        return f"<{LEAST_SHOWN}"
    return f"{value:,.1f}" if value >= 1 else f"{value:.2g}"


def plural(value: float, noun: str) -> str:
    """Return the count with its noun, "1 image" or "5,000 images"."""
    text = number(value)
    return f"{text} {noun if text == '1' else plural_of(noun)}"


def plural_of(noun: str) -> str:
    """Return the plural of a regular English noun, or of two joined by "or"."""
    if " or " in noun:
        return " or ".join(plural_of(part) for part in noun.split(" or "))
    if noun.endswith(("ch", "s", "x")):
        return f"{noun}es"
    if noun.endswith("y") and noun[-2] not in "aeiou":
        return f"{noun[:-1]}ies"
    return f"{noun}s"


def verb(value: float, one: str, many: str) -> str:
    """Return the verb that agrees with the count as it is printed."""
    return one if number(value) == "1" else many


def percent(share: float) -> str:
    """Return a share as percent; "0%" and "100%" are said of nothing and all alone."""
    if share == 0:
        return "0%"
    if abs(share - 1) < NOISE:
        return "100%"
    text = f"{abs(share) * 100:,.1f}"
    sign = MINUS if share < 0 else ""
    if text == "0.0":
        return f"{sign}<0.1%"
    if text == "100.0":
        return f"{sign}>99.9%" if abs(share) < 1 else f"{sign}100.0%"
    return f"{sign}{text}%"


def share_in_words(share: float) -> str:
    """Return a share as percent and, where it is small, as "1 in n"."""
    text = percent(share)
    if 0 < share <= 0.5:  # noqa: PLR2004 - above a half "1 in n" says nothing
        return f"{text}, about 1 in {round(1 / share):,}"
    return text


def less(before: float, after: float) -> float:
    """Return the share by which `after` is below `before`, and 0 for float noise."""
    share = 1 - after / before if before > 0 else 0.0
    return 0.0 if abs(share) < NOISE else share


def change(before: float, after: float) -> str:
    """Return how `after` compares with `before`, in words."""
    if before <= 0:
        return "not comparable"
    ratio = after / before
    if abs(ratio - 1) < NOISE:
        return "the same"
    if ratio >= TWICE:
        return f"{significant(ratio, 3)} times"
    if ratio < 1:
        return f"{percent(1 - ratio)} less"
    return f"{percent(ratio - 1)} more"


def compared(before: float, after: float, noun: str, other: str) -> str:
    """Return the change as a phrase: "32.5% less compute than today"."""
    said = change(before, after)
    if said == "the same":
        return f"as much {noun} as {other}"
    if said.endswith("times"):
        return f"{said} the {noun} of {other}"
    return f"{said} {noun} than {other}"


def significant(value: float, digits: int) -> str:
    """Return the value with so many significant digits, never in exponent form."""
    if value == 0:
        return "0"
    magnitude = math.floor(math.log10(abs(value)))
    rounded = round(value, digits - 1 - magnitude)
    decimals = max(digits - 1 - math.floor(math.log10(abs(rounded))), 0)
    return f"{rounded:,.{decimals}f}"


def compute(value: float, unit: str) -> str:
    """Return compute with its unit: a count for lengths, else three digits and a prefix."""
    if unit in LENGTH_UNITS:
        return plural(value, unit)
    scale, scaled = scale_of(value, unit)
    return f"{significant(value / scale, 3)} {scaled}"


def scale_of(value: float, unit: str) -> tuple[float, str]:
    """Return the factor that leaves few digits before the point, and the unit then."""
    if unit == TIME_UNIT:
        # Three digits are shown, so 999.5 ms and above are a second.
        return next(
            (each for each in TIMES if value * (1 + 0.5e-3) >= each[0]), (1.0, unit)
        )
    scale, prefix = si_scale(value)
    return scale, f"{prefix}{unit}"


def si_scale(value: float) -> tuple[float, str]:
    """Return the factor and the prefix that leave 1 to 999 before the point."""
    if value <= 0:
        return 1.0, ""
    # Three digits are shown, so 999.5 and above belongs to the next prefix.
    power = math.floor(math.log10(value * (1 + 0.5e-3)) / 3)
    index = min(max(power, 0), len(SI_PREFIXES) - 1)
    return 1000.0**index, SI_PREFIXES[index]


def saving_arithmetic(before: float, after: float, unit: str) -> str:
    """Return the division behind a saving, its terms in one unit."""
    counted = unit in LENGTH_UNITS
    scale, scaled = (1.0, "") if counted else scale_of(before, unit)
    first, second = (
        significant(value / scale, EXACT_DIGITS) for value in (before, after)
    )
    suffix = "" if counted else f" {scaled}"
    return f"({first} {MINUS} {second}) / {first}{suffix}"


def memory(n_bytes: int) -> str:
    """Return bytes in binary units, as device memory is counted."""
    index = min((max(n_bytes, 1).bit_length() - 1) // 10, len(BYTE_UNITS) - 1)
    if index == 0:
        return plural(n_bytes, "byte")
    return f"{significant(n_bytes / 1024**index, 3)} {BYTE_UNITS[index]}"


def joined(values: Sequence[int]) -> str:
    """Return lengths as a reader would say them: "512, 1,040 and 1,600"."""
    texts = [f"{value:,}" for value in values]
    if len(texts) == 1:
        return texts[0]
    return f"{', '.join(texts[:-1])} and {texts[-1]}"


def dotted(values: Sequence[int]) -> str:
    """Return lengths for a table cell, set apart by dots."""
    return " · ".join(f"{value:,}" for value in values)


def literal(values: Sequence[int]) -> str:
    """Return lengths as JSON and Python write them."""
    return f"[{', '.join(str(value) for value in values)}]"


DAYS_A_YEAR = 365.25


def duration(seconds: float) -> str:
    """Return a span of time in its largest fitting unit."""
    days = seconds / 86_400
    if days >= 2 * DAYS_A_YEAR:
        return f"{days / DAYS_A_YEAR:.1f} years"
    if days >= 2:  # noqa: PLR2004 - "1.5 days" reads worse than "36 hours"
        return plural(round(days), "day")
    hours = seconds / 3_600
    if hours >= 2:  # noqa: PLR2004 - and "90 minutes" better than "2 hours"
        return plural(round(hours), "hour")
    if seconds >= 60:  # noqa: PLR2004 - a minute
        return plural(round(seconds / 60), "minute")
    return plural(round(seconds), "second")
