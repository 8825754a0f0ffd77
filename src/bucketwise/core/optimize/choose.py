"""How many ceilings: the rule that says where one more stops paying."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from bucketwise.errors import UsageError, raise_all
from bucketwise.words.numbers import TIME_UNIT, compute, less, percent, plural

Rule = Literal["min_saving", "price", "fixed", "single_length"]

SECONDS_A_MINUTE = 60
MS_A_SECOND = 1e3
FLOP_A_TFLOP = 1e12

_MOST_OF_A_TERM = 1e30
"""Beyond anything there is, and the product of all stays finite."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GraphPrice:
    """What compiling one more graph costs, spread over what it will serve.

    Attributes
    ----------
    graph_minutes : float or None
        Minutes one more graph takes, in whatever the operator counts; None where they
        were measured by length.
    images_per_day, keep_days : float
        Images a day, and days the compiled model stays in use.
    vit_tflops : float or None
        TFLOP/s the ViT reaches; None where runs were measured in milliseconds.
    """

    graph_minutes: float | None
    images_per_day: float
    keep_days: float
    vit_tflops: float | None = None

    def __post_init__(self) -> None:
        """Check that every term is positive."""
        raise_all(
            [
                f"{name.replace('_', '-')}: expected above 0 and at most "
                f"{_MOST_OF_A_TERM:.0e}, got {value}"
                for name, value in (
                    ("graph_minutes", self.graph_minutes),
                    ("images_per_day", self.images_per_day),
                    ("keep_days", self.keep_days),
                    ("vit_tflops", self.vit_tflops),
                )
                if value is not None
                and not 1 / _MOST_OF_A_TERM <= value <= _MOST_OF_A_TERM
            ],
            UsageError,
        )

    def of(self, images: float, unit: str, minutes: float) -> float:
        """Return the price of one graph, on the scale of `images` images.

        In milliseconds or in FLOP, as `unit` says; `minutes` is what the graph takes
        where `graph_minutes` tells none.
        """
        each_s = MS_A_SECOND
        if unit != TIME_UNIT:
            each_s = (self.vit_tflops or 0.0) * FLOP_A_TFLOP
        total = (self.graph_minutes or minutes) * SECONDS_A_MINUTE * each_s
        return total * images / (self.images_per_day * self.keep_days)


@dataclass(frozen=True, slots=True)
class Choice:
    """The number of ceilings, the rule that decided and its words."""

    k: int
    rule: Rule
    reason: str


def by_saving(
    padded: Mapping[int, float], k_range: tuple[int, int], min_saving: float
) -> Choice:
    """Take the largest k whose last graph still saved enough."""
    least, most = _inside(padded, k_range)
    k = least
    for candidate in range(least + 1, most + 1):
        if saving(padded, candidate) >= min_saving:
            k = candidate
    words = (
        *_range_words(padded, k_range),
        *_saving_words(padded, k_range, k, min_saving),
    )
    return Choice(k, "min_saving", "; ".join(words))


def by_price(
    padded: Mapping[int, float],
    k_range: tuple[int, int],
    price_per_graph: float,
    unit: str = "FLOP",
) -> Choice:
    """Take the k with the least compute plus k times the price of a graph."""
    least, most = _inside(padded, k_range)
    k = min(range(least, most + 1), key=lambda n: (padded[n] + n * price_per_graph, n))
    price = compute(price_per_graph, unit)
    said = f"one more graph costs {price} on the scale of this traffic"
    if k - 1 in padded:
        said += f"; graph {k} saves {compute(padded[k - 1] - padded[k], unit)}"
    if k + 1 in padded:
        more = compute(padded[k] - padded[k + 1], unit)
        said += f"; graph {k + 1} would save {more}"
    return Choice(k, "price", said)


def saving(padded: Mapping[int, float], k: int) -> float:
    """Return the share of the compute with k-1 graphs that the k-th saves."""
    return less(padded[k - 1], padded[k])


def _range_words(
    padded: Mapping[int, float], k_range: tuple[int, int]
) -> tuple[str, ...]:
    """Say where the range asked for cannot be met."""
    if k_range[1] < min(padded):
        return (f"the pins and the top need {min(padded)}",)
    if k_range[0] > max(padded):
        return (f"{plural(max(padded), 'length')} would serve all exactly as well",)
    return ()


def _saving_words(
    padded: Mapping[int, float], k_range: tuple[int, int], k: int, min_saving: float
) -> tuple[str, ...]:
    """Say what the last graph saved, and what the next one would."""
    words = []
    if k - 1 in padded:
        saved = percent(saving(padded, k))
        words.append(f"graph {k} saves {saved} of the compute left with {k - 1}")
        if k == k_range[0] and saving(padded, k) < min_saving:
            words.append(f"{k - 1} would do, but --buckets asks for {k} or more")
    if k + 1 in padded and padded[k + 1] > padded[k]:
        words.append(f"no list of {k + 1} does better within the budgets")
    elif k + 1 in padded:
        further = f"graph {k + 1} would save {percent(saving(padded, k + 1))} more"
        limit = f"--buckets allows {k_range[1]}"
        if k < k_range[1]:
            limit = f"--min-saving asks {percent(min_saving)}"
        words.append(f"{further}, but {limit}")
    return tuple(words) or (f"{k} is all there can be",)


def _inside(padded: Mapping[int, float], k_range: tuple[int, int]) -> tuple[int, int]:
    """Clamp the asked range to the k there are."""
    least = min(max(k_range[0], min(padded)), max(padded))
    return least, max(least, min(k_range[1], max(padded)))
